"""Multi-head latent attention (MLA): remember one short vector per token, not the keys and values of all
heads.

Read from top to bottom: how a token is made short and long again (`compress`, `expand`), how it gets its
position (`decoupled_key`, `split_rotary`), how heads attend to short vectors without making them long
(`latent_attention`, `absorb`), and the layer that puts this together (`MLAConfig`,
`MultiHeadLatentAttention`, `decode_step`). The memory itself, `LatentCache`, is in `latent_cache.py`, the
turning of vectors in `rotary.py`; both can be imported from here.

Weights are stored as in the formulas, (output, input), with an axis for the heads in front where each head
has its own. What is left out: YaRN's change of the frequencies and of the scale for long contexts, dropout,
and kernels.

Sources:
    DeepSeek-AI 2024, "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model",
    section 2.1, equations (9) to (19), https://arxiv.org/abs/2405.04434 ("the V2 report" below).
    DeepSeek-AI 2024, "DeepSeek-V3 Technical Report", section 2.1.1, equations (1) to (11),
    https://arxiv.org/abs/2412.19437. Its section on the model's sizes adds the normalization of the latents.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course_utils.deepseek.latent_cache import LatentCache, kv_cache_elements_per_token
from course_utils.deepseek.rotary import apply_rotary, rotary_angles
from course_utils.transformers.attention import causal_mask, merge_heads, scaled_dot_product_attention

__all__ = [
    "LatentCache",
    "MLAConfig",
    "MultiHeadLatentAttention",
    "absorb",
    "apply_rotary",
    "compress",
    "decode_step",
    "decoupled_key",
    "expand",
    "kv_cache_elements_per_token",
    "latent_attention",
    "rotary_angles",
    "split_rotary",
]


def compress(
    hidden: Float[Tensor, "... tokens d_model"],
    down: Float[Tensor, "rank d_model"],
    norm: Float[Tensor, "rank"],
    eps: float = 1e-6,
) -> Float[Tensor, "... tokens rank"]:
    """Return each token's latent: a short vector from which its keys and values (or queries) can be made.

    `RMSNorm(W^DKV h)`, equation (9) of the V2 report with the normalization of its section 3.1.2; equation
    (12) for the queries.

    Args:
        hidden: vectors of the tokens, shape (..., tokens, d_model).
        down: the down-projection, shape (rank, d_model).
        norm: the learned scale of the normalization, shape (rank,).
        eps: keeps the division finite where a latent is zero.

    Returns:
        Latents, shape (..., tokens, rank). Before the learned scale, the mean of their squares is one.

    Example:
        >>> hidden = torch.tensor([[3.0, 4.0, 9.0]])
        >>> down = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # keeps two of three numbers
        >>> compress(hidden, down, norm=torch.ones(2))  # (3, 4) divided by sqrt((9 + 16) / 2)
        tensor([[0.8485, 1.1314]])
    """
    latent = hidden @ down.T
    mean_square = latent.pow(2).mean(dim=-1, keepdim=True)
    return latent * torch.rsqrt(mean_square + eps) * norm


def expand(
    latent: Float[Tensor, "... tokens rank"],
    up_key: Float[Tensor, "heads nope_dim rank"],
    up_value: Float[Tensor, "heads value_dim rank"],
) -> tuple[Float[Tensor, "... heads tokens nope_dim"], Float[Tensor, "... heads tokens value_dim"]]:
    """Make the keys and values of all heads from the latents that they share.

    `k^C = W^UK c` and `v^C = W^UV c`, equations (10) and (11) of the V2 report.

    Args:
        latent: shape (..., tokens, rank).
        up_key: each head's up-projection to keys, shape (heads, nope_dim, rank).
        up_value: each head's up-projection to values, shape (heads, value_dim, rank).

    Returns:
        Keys, shape (..., heads, tokens, nope_dim), and values, shape (..., heads, tokens, value_dim).

    Example:
        >>> keys, values = expand(torch.ones(5, 2), torch.ones(3, 4, 2), torch.ones(3, 6, 2))
        >>> keys.shape, values.shape, keys[0, 0, 0].item()  # 1 * 1 + 1 * 1
        (torch.Size([3, 5, 4]), torch.Size([3, 5, 6]), 2.0)
    """
    keys = torch.einsum("...tr,hdr->...htd", latent, up_key)
    values = torch.einsum("...tr,hdr->...htd", latent, up_value)
    return keys, values


def decoupled_key(
    hidden: Float[Tensor, "... tokens d_model"],
    weight: Float[Tensor, "rope_dim d_model"],
    start: int = 0,
    base: float = 10_000.0,
) -> Float[Tensor, "... tokens rope_dim"]:
    """Return the one key per token that carries its position, shared by all heads.

    `k^R = RoPE(W^KR h)`, equation (15) of the V2 report. It is made from the token's vector, not from its
    latent.

    Args:
        hidden: vectors of the tokens, shape (..., tokens, d_model).
        weight: the projection, shape (rope_dim, d_model).
        start: position of the first of these tokens; the number of tokens already in the cache.
        base: of the rotary frequencies.

    Returns:
        Turned keys, shape (..., tokens, rope_dim).

    Example:
        >>> one = decoupled_key(torch.ones(1, 2), torch.eye(2), start=0)  # position 0 turns nothing
        >>> two = decoupled_key(torch.ones(2, 2), torch.eye(2), start=0)
        >>> one, torch.equal(two[1:], decoupled_key(torch.ones(1, 2), torch.eye(2), start=1))
        (tensor([[1., 1.]]), True)
    """
    return apply_rotary(hidden @ weight.T, rotary_angles(_positions(hidden, start), weight.shape[0], base))


def split_rotary(
    x: Float[Tensor, "... nope_dim_and_rope_dim"], rope_dim: int
) -> tuple[Float[Tensor, "... nope_dim"], Float[Tensor, "... rope_dim"]]:
    """Split a head's vector into what it says and where it stands.

    The two parts of `[q^C; q^R]`, equation (16) of the V2 report.

    Args:
        x: vectors whose last `rope_dim` numbers are for the position.
        rope_dim: size of the rotary part.

    Returns:
        The content part, which is never turned, and the rotary part, which still has to be.

    Example:
        >>> split_rotary(torch.tensor([1, 2, 3, 4, 5]), rope_dim=2)
        (tensor([1, 2, 3]), tensor([4, 5]))
    """
    content, rotary = x.split([x.shape[-1] - rope_dim, rope_dim], dim=-1)
    return content, rotary


def latent_attention(
    query_content: Float[Tensor, "... heads query nope_dim"],
    query_rotary: Float[Tensor, "... heads query rope_dim"],
    latent: Float[Tensor, "... key rank"],
    rotary_key: Float[Tensor, "... key rope_dim"],
    up_key: Float[Tensor, "heads nope_dim rank"],
    up_value: Float[Tensor, "heads value_dim rank"],
    mask: Bool[Tensor, "query key"] | None = None,
) -> Float[Tensor, "... heads query value_dim"]:
    """Attend to latents directly: the same output as with all keys and values, and neither is ever made.

    `q . (W^UK c) = (W^UK' q) . c`, so each query is brought to the latents once, instead of each latent to
    every head. Likewise the latents are averaged first and W^UV is applied to the average. (Section 2.1.2 of
    the V2 report, with the shared rotary key of equations (17) and (18).)

    Args:
        query_content: content part of the queries, shape (..., heads, query, nope_dim).
        query_rotary: rotary part of the queries, already turned, shape (..., heads, query, rope_dim).
        latent: from the cache, shape (..., key, rank).
        rotary_key: from the cache, shape (..., key, rope_dim).
        up_key: shape (heads, nope_dim, rank).
        up_value: shape (heads, value_dim, rank).
        mask: True where a query may look at a key; broadcastable to (..., query, key).

    Returns:
        Output of each head, shape (..., heads, query, value_dim). A query that may look at nothing gets an
        output of zero, as in `scaled_dot_product_attention`.

    Example:
        One key only, so its weight is one and the output is its value, up_value @ latent = 3 * 2.

        >>> one = torch.ones(1, 1, 1)
        >>> latent_attention(one, one, torch.tensor([[2.0]]), torch.ones(1, 1), one, 3 * one)
        tensor([[[6.]]])
    """
    # An axis for the heads, which share both.
    latent, rotary_key = latent.unsqueeze(-3), rotary_key.unsqueeze(-3)
    query_latent = query_content @ up_key
    scores = query_latent @ latent.transpose(-2, -1) + query_rotary @ rotary_key.transpose(-2, -1)
    # The scale is that of the keys that were never made, whatever the rank.
    scores = scores / math.sqrt(query_content.shape[-1] + query_rotary.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        # Changes only rows that may look at nothing: softmax makes them 0 / 0.
        weights = weights.masked_fill(~mask, 0.0)
    average_latent = weights @ latent
    return average_latent @ up_value.transpose(-2, -1)


def absorb(
    up_query: Float[Tensor, "heads nope_dim query_rank"],
    up_key: Float[Tensor, "heads nope_dim rank"],
    up_value: Float[Tensor, "heads value_dim rank"],
    output: Float[Tensor, "d_model heads_times_value_dim"],
) -> tuple[Float[Tensor, "heads rank query_rank"], Float[Tensor, "heads d_model rank"]]:
    """Multiply the up-projections into their neighbors, once and for all.

    `W^UK` goes into `W^UQ` and `W^UV` into `W^O` (section 2.1.2 of the V2 report). The products are
    larger than their factors in real models, so an engine keeps the factors and changes the order of
    multiplication only, as `latent_attention` does.

    Args:
        up_query: content rows of the queries' up-projection, shape (heads, nope_dim, query_rank).
        up_key: shape (heads, nope_dim, rank).
        up_value: shape (heads, value_dim, rank).
        output: the output projection, shape (d_model, heads * value_dim).

    Returns:
        For each head, the matrix from a query's latent to the space of the key's latent, shape
        (heads, rank, query_rank), and the one from an average latent to the layer's output, shape
        (heads, d_model, rank).

    Example:
        >>> up_query, up_key = torch.full((1, 2, 1), 3.0), torch.full((1, 2, 1), 5.0)
        >>> up_value, output = torch.full((1, 1, 1), 7.0), torch.tensor([[11.0]])
        >>> to_latent, to_output = absorb(up_query, up_key, up_value, output)
        >>> to_latent.item(), to_output.item()  # 3 * 5 + 3 * 5 and 7 * 11
        (30.0, 77.0)
    """
    by_head = output.unflatten(-1, up_value.shape[:2])
    return torch.einsum("hdr,hdq->hrq", up_key, up_query), torch.einsum("mhv,hvr->hmr", by_head, up_value)


@dataclass(frozen=True)
class MLAConfig:
    """Sizes of a latent attention layer, with the names of the V2 report.

    Attributes:
        d_model: size of a token's vector (d).
        num_heads: number of heads (n_h).
        kv_rank: size of the latent that keys and values are made from (d_c).
        nope_dim: size of a head's key and query without position (d_h).
        rope_dim: size of the rotary part of a key and query (d_h^R); even.
        value_dim: size of a head's value (d_h in the report; code has a number of its own for it).
        query_rank: size of the latent that queries are made from (d_c'), or None to make them from the token.
        base: of the rotary frequencies.

    Raises:
        ValueError: if a size is not positive, or `rope_dim` is odd.
    """

    d_model: int
    num_heads: int
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    query_rank: int | None = None
    base: float = 10_000.0

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if size is not None and size <= 0:
                raise ValueError(f"{name} must be positive; got {size}.")
        if self.rope_dim % 2:
            raise ValueError(f"Numbers are turned in pairs, so rope_dim must be even; got {self.rope_dim}.")


class MultiHeadLatentAttention(nn.Module):
    """The attention layer of DeepSeek-V2 and DeepSeek-V3.

    `forward` makes keys and values in full, which suits training and long prompts. `attend` works on the
    latents, which suits writing token by token. Both give the same output.

    Args:
        config: the sizes; a mapping with the names of `MLAConfig`, such as a parsed JSON file, will do.

    Example:
        >>> sizes = dict(d_model=12, num_heads=3, kv_rank=5, nope_dim=4, rope_dim=2, value_dim=6)
        >>> layer = MultiHeadLatentAttention(sizes)
        >>> layer(torch.zeros(1, 8, 12)).shape
        torch.Size([1, 8, 12])
        >>> sum(part.shape[-1] for part in layer.compress(torch.zeros(1, 8, 12)))  # remembered for each token
        7
    """

    def __init__(self, config: MLAConfig | Mapping[str, Any]) -> None:
        super().__init__()
        self.config = c = config if isinstance(config, MLAConfig) else MLAConfig(**config)
        query_input = c.d_model if c.query_rank is None else c.query_rank
        if c.query_rank is not None:
            self.down_query = _matrix(c.query_rank, c.d_model)  # W^DQ
            self.query_norm = nn.Parameter(torch.ones(c.query_rank))
        self.up_query = _matrix(c.num_heads, c.nope_dim + c.rope_dim, query_input)  # W^UQ above W^QR
        self.down_kv = _matrix(c.kv_rank, c.d_model)  # W^DKV
        self.kv_norm = nn.Parameter(torch.ones(c.kv_rank))
        self.up_key = _matrix(c.num_heads, c.nope_dim, c.kv_rank)  # W^UK
        self.up_value = _matrix(c.num_heads, c.value_dim, c.kv_rank)  # W^UV
        self.rotary_key = _matrix(c.rope_dim, c.d_model)  # W^KR
        self.output = _matrix(c.d_model, c.num_heads * c.value_dim)  # W^O

    def compress(
        self, hidden: Float[Tensor, "... tokens d_model"], start: int = 0
    ) -> tuple[Float[Tensor, "... tokens kv_rank"], Float[Tensor, "... tokens rope_dim"]]:
        """Return all that has to be remembered of the tokens: their latents and their rotary keys.

        Args:
            hidden: vectors of the tokens, shape (..., tokens, d_model).
            start: position of the first of them.
        """
        latent = compress(hidden, self.down_kv, self.kv_norm)
        return latent, decoupled_key(hidden, self.rotary_key, start, self.config.base)

    def queries(
        self, hidden: Float[Tensor, "... tokens d_model"], start: int = 0
    ) -> tuple[Float[Tensor, "... heads tokens nope_dim"], Float[Tensor, "... heads tokens rope_dim"]]:
        """Return the content part and the turned rotary part of the queries, equations (12) to (14).

        Args:
            hidden: vectors of the tokens, shape (..., tokens, d_model).
            start: position of the first of them.
        """
        c = self.config
        source = hidden if c.query_rank is None else compress(hidden, self.down_query, self.query_norm)
        query = torch.einsum("...tr,hdr->...htd", source, self.up_query)
        content, rotary = split_rotary(query, c.rope_dim)
        return content, apply_rotary(rotary, rotary_angles(_positions(hidden, start), c.rope_dim, c.base))

    def forward(self, hidden: Float[Tensor, "... tokens d_model"]) -> Float[Tensor, "... tokens d_model"]:
        """Let each token look at itself and at earlier tokens, equations (16) to (19).

        Args:
            hidden: vectors of the tokens from position 0 on, shape (..., tokens, d_model).
        """
        latent, rotary_key = self.compress(hidden)
        content_keys, values = expand(latent, self.up_key, self.up_value)
        shared = rotary_key.unsqueeze(-3).expand(*content_keys.shape[:-1], -1)
        keys = torch.cat((content_keys, shared), dim=-1)
        queries = torch.cat(self.queries(hidden), dim=-1)
        heads, _ = scaled_dot_product_attention(queries, keys, values, _mask(hidden))
        return merge_heads(heads) @ self.output.T

    def attend(
        self,
        hidden: Float[Tensor, "... tokens d_model"],
        latent: Float[Tensor, "... all_tokens kv_rank"],
        rotary_key: Float[Tensor, "... all_tokens rope_dim"],
    ) -> Float[Tensor, "... tokens d_model"]:
        """Let the newest tokens look at all that is remembered, without making keys or values.

        Args:
            hidden: vectors of the newest tokens, shape (..., tokens, d_model).
            latent: latents of all tokens, these included as the last, shape (..., all_tokens, kv_rank).
            rotary_key: rotary keys of all tokens, shape (..., all_tokens, rope_dim).
        """
        start = latent.shape[-2] - hidden.shape[-2]
        content, rotary = self.queries(hidden, start)
        mask = _mask(hidden, start)
        heads = latent_attention(content, rotary, latent, rotary_key, self.up_key, self.up_value, mask)
        return merge_heads(heads) @ self.output.T


def decode_step(
    layer: MultiHeadLatentAttention, hidden: Float[Tensor, "... tokens d_model"], cache: LatentCache
) -> Float[Tensor, "... tokens d_model"]:
    """Remember new tokens and return the layer's output for them, as `forward` would give at their positions.

    One token at a time when a model writes; a whole prompt, or pieces of one, before that.

    Args:
        layer: the attention layer.
        hidden: vectors of the new tokens, shape (..., tokens, d_model).
        cache: this layer's memory of the tokens before; it grows by the new ones.

    Example:
        >>> sizes = dict(d_model=6, num_heads=2, kv_rank=3, nope_dim=4, rope_dim=2, value_dim=5)
        >>> layer, cache, hidden = MultiHeadLatentAttention(sizes), LatentCache(), torch.ones(1, 4, 6)
        >>> steps = [decode_step(layer, hidden[:, t : t + 1], cache) for t in range(4)]
        >>> torch.allclose(torch.cat(steps, dim=1), layer(hidden), atol=1e-5), cache.length
        (True, 4)
    """
    latent, rotary_key = cache.append(*layer.compress(hidden, start=cache.length))
    return layer.attend(hidden, latent, rotary_key)


def _positions(hidden: Tensor, start: int) -> Tensor:
    return torch.arange(start, start + hidden.shape[-2], device=hidden.device)


def _mask(hidden: Tensor, start: int = 0) -> Tensor:
    new = hidden.shape[-2]
    return causal_mask(new, start + new, device=hidden.device)


def _matrix(*shape: int) -> nn.Parameter:
    # Divided by the square root of the inputs summed over, so that outputs start about as large as inputs.
    return nn.Parameter(torch.randn(*shape) / math.sqrt(shape[-1]))
