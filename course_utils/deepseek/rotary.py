"""Rotary position embedding, in the layout of DeepSeek.

A position is written into a vector by turning it: numbers 0 and 1 are the two coordinates of a point that is
turned by an angle, numbers 2 and 3 those of a second point, and so on. The angle is the position times the
frequency of the pair. Two vectors turned this way have a dot product that depends on the difference of their
positions, and on nothing else about them.

There are two layouts of the pairs. Here, as in DeepSeek's weights and in equation (34) of the RoFormer paper,
the partners are neighbors: (0, 1), (2, 3), ... The other layout, of GPT-NeoX and of Llama in the transformers
library, pairs number i with number i + dim / 2. Both are right, and a model trained with one gives nonsense
with the other: the weights decide.

Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", section 3.2,
https://arxiv.org/abs/2104.09864.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rotary_angles(
    positions: Int[Tensor, "*tokens"], dim: int, base: float = 10_000.0
) -> Float[Tensor, "*tokens half_dim"]:
    """Return the angle by which each pair of numbers is turned at each position.

    Pair `i` turns by `base ** (-2 * i / dim)` radians per position: the first pair by a whole radian, later
    pairs more and more slowly.

    Args:
        positions: whole numbers, any shape.
        dim: how many numbers are turned; must be even.
        base: the larger, the slower the slowest pair turns.

    Returns:
        Angles in radians, shape (*positions.shape, dim / 2), in float64: at position 100,000 a float32 angle
        is off by several thousandths of a radian.

    Raises:
        ValueError: if `dim` is odd.

    Example:
        >>> rotary_angles(torch.tensor([0, 1, 2]), dim=4, base=100.0)  # frequencies 1 and 1 / 10
        tensor([[0.0000, 0.0000],
                [1.0000, 0.1000],
                [2.0000, 0.2000]], dtype=torch.float64)
    """
    if dim % 2:
        raise ValueError(f"Numbers are turned in pairs, so dim must be even; got {dim}.")
    exponents = torch.arange(0, dim, 2, dtype=torch.float64, device=positions.device) / dim
    return positions[..., None] * base**-exponents


def apply_rotary(
    x: Float[Tensor, "... tokens dim"], angles: Float[Tensor, "*tokens half_dim"]
) -> Float[Tensor, "... tokens dim"]:
    """Turn each pair (x0, x1), (x2, x3), ... of the last axis by its angle.

    Args:
        x: vectors of the tokens; heads and batch may stand in front.
        angles: from `rotary_angles`, shape (tokens, dim / 2) or anything that broadcasts to x's pairs.

    Returns:
        Tensor of x's shape and dtype. Each pair stays in its place and keeps its length.

    Raises:
        ValueError: if there is not one angle for each pair.

    Example:
        A quarter turn takes (1, 0) to (0, 1) and (0, 1) to (-1, 0).

        >>> quarter_turns = torch.full((1, 2), torch.pi / 2)
        >>> apply_rotary(torch.tensor([[1.0, 0.0, 0.0, 1.0]]), quarter_turns).round(decimals=4) + 0.0
        tensor([[ 0.,  1., -1.,  0.]])
    """
    if x.shape[-1] != 2 * angles.shape[-1]:
        raise ValueError(
            f"Each pair of numbers needs one angle: {x.shape[-1]} numbers make {x.shape[-1] / 2:g} pairs, "
            f"and {angles.shape[-1]} angles were given."
        )
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((first * cosine - second * sine, first * sine + second * cosine), dim=-1)
    return turned.flatten(-2)
