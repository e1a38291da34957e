"""What a language model remembers of the tokens it has read: the size of the memory, and the memory of MLA.

Source: DeepSeek-AI 2024, "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language
Model", section 2.1 and table 1, https://arxiv.org/abs/2405.04434 ("the V2 report" below).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def kv_cache_elements_per_token(
    method: str,
    num_layers: int,
    *,
    num_heads: int = 0,
    num_groups: int = 0,
    head_dim: int = 0,
    kv_rank: int = 0,
    rope_dim: int = 0,
) -> int:
    """Return how many numbers a model must remember for each token it has read.

    This is table 1 of the V2 report. Only the sizes that the method depends on are needed.

    Args:
        method: "mha" (needs num_heads and head_dim), "gqa" (num_groups and head_dim), "mqa" (head_dim) or
            "mla" (kv_rank and rope_dim).
        num_layers: layers of the model; each has a cache of its own.
        num_heads: query heads (n_h).
        num_groups: heads of keys and values in grouped-query attention (h_kv here, n_g in the V2 report).
        head_dim: size of one key, and of one value (d_h).
        kv_rank: size of the latent (d_c).
        rope_dim: size of the rotary key that all heads share (d_h^R).

    Returns:
        Numbers per token; times the bytes of one number, the memory.

    Raises:
        ValueError: if the method is unknown, or a size that it needs is missing.

    Example:
        DeepSeek-V3: 61 layers, a latent of 512 numbers and a rotary key of 64, two bytes each.

        >>> 2 * kv_cache_elements_per_token("mla", 61, kv_rank=512, rope_dim=64)
        70272
    """
    per_layer = {
        "mha": 2 * num_heads * head_dim,
        "gqa": 2 * num_groups * head_dim,
        "mqa": 2 * head_dim,
        # The rotary key is one for all heads, and the values need no position.
        "mla": kv_rank + rope_dim if kv_rank and rope_dim else 0,
    }
    if method not in per_layer:
        raise ValueError(f"The method must be one of {', '.join(per_layer)}; got {method!r}.")
    if not per_layer[method]:
        raise ValueError(f"The cache of {method!r} depends on a size that was not given, or given as zero.")
    return num_layers * per_layer[method]


class LatentCache:
    """What one layer remembers of the tokens read so far: their latents and their rotary keys.

    Appending copies what is there. An engine that serves many users reserves the memory in blocks instead.

    Example:
        >>> cache = LatentCache()
        >>> latent, rotary_key = cache.append(torch.zeros(1, 3, 6), torch.zeros(1, 3, 2))
        >>> latent, rotary_key = cache.append(torch.ones(1, 1, 6), torch.ones(1, 1, 2))
        >>> latent.shape, cache.length, cache.num_bytes  # 4 tokens of 6 + 2 numbers of 4 bytes
        (torch.Size([1, 4, 6]), 4, 128)
    """

    def __init__(self) -> None:
        self.latent: Float[Tensor, "... tokens kv_rank"] | None = None
        self.rotary_key: Float[Tensor, "... tokens rope_dim"] | None = None

    def append(
        self, latent: Float[Tensor, "... new kv_rank"], rotary_key: Float[Tensor, "... new rope_dim"]
    ) -> tuple[Float[Tensor, "... tokens kv_rank"], Float[Tensor, "... tokens rope_dim"]]:
        """Remember new tokens behind the old ones, and return all of them.

        Args:
            latent: latents of the new tokens, shape (..., new, kv_rank).
            rotary_key: their rotary keys, already turned, shape (..., new, rope_dim).

        Returns:
            Latents and rotary keys of all tokens so far.

        Raises:
            ValueError: if there are not as many rotary keys as latents.
        """
        if latent.shape[:-1] != rotary_key.shape[:-1]:
            raise ValueError(
                "Every token needs one latent and one rotary key; "
                f"got latents of shape {tuple(latent.shape)} and keys of shape {tuple(rotary_key.shape)}."
            )
        if self.latent is None or self.rotary_key is None:
            self.latent, self.rotary_key = latent, rotary_key
        else:
            self.latent = torch.cat((self.latent, latent), dim=-2)
            self.rotary_key = torch.cat((self.rotary_key, rotary_key), dim=-2)
        return self.latent, self.rotary_key

    @property
    def length(self) -> int:
        """Number of tokens remembered."""
        return 0 if self.latent is None else self.latent.shape[-2]

    @property
    def num_bytes(self) -> int:
        """Memory of all that is remembered, in bytes."""
        stored = [self.latent, self.rotary_key]
        return sum(part.numel() * part.element_size() for part in stored if part is not None)
