"""Attention: every token asks a question of every other token and takes the answers that fit best.

Read from top to bottom: one attention (`scaled_dot_product_attention`), who may look at whom (`causal_mask`,
`padding_mask`), several attentions side by side (`split_heads`, `merge_heads`, `MultiHeadAttention`), and the
same with fewer keys and values to remember (`GroupedQueryAttention`).

A mask is boolean everywhere in this course: True means "may look".

The weights are computed in full and returned, so that they can be looked at. Where speed matters more,
`torch.nn.functional.scaled_dot_product_attention` computes the same output; the tests hold the two together.

Sources:
    Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762 ("the paper" below).
    Shazeer 2019, "Fast Transformer Decoding: One Write-Head is All You Need", https://arxiv.org/abs/1911.02150.
    Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head
    Checkpoints", https://arxiv.org/abs/2305.13245.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def scaled_dot_product_attention(
    query: Float[Tensor, "... query d_k"],
    key: Float[Tensor, "... key d_k"],
    value: Float[Tensor, "... key d_v"],
    mask: Bool[Tensor, "... query key"] | None = None,
) -> tuple[Float[Tensor, "... query d_v"], Float[Tensor, "... query key"]]:
    """Return, for each query, the average of the values weighted by how well their keys match.

    `softmax(query @ key.T / sqrt(d_k)) @ value`, equation (1) of the paper.

    Args:
        query: what each token looks for, shape (..., query, d_k).
        key: what each token can be found by, shape (..., key, d_k).
        value: what each token hands over, shape (..., key, d_v).
        mask: True where a query may look at a key; broadcastable to (..., query, key).

    Returns:
        The output, shape (..., query, d_v), and the weights, shape (..., query, key). Each row of the weights
        sums to one. A query that may look at nothing gets nothing: weights and output of zero, not NaN.

    Raises:
        ValueError: if the shapes do not fit together.
        TypeError: if the mask is not boolean.

    Example:
        The query matches the first key and is at right angles to the second: scores 1 and 0 with d_k = 1.

        >>> query = torch.tensor([[1.0]])
        >>> key = torch.tensor([[1.0], [0.0]])
        >>> value = torch.tensor([[10.0], [20.0]])
        >>> output, weights = scaled_dot_product_attention(query, key, value)
        >>> weights  # e / (e + 1) and 1 / (e + 1)
        tensor([[0.7311, 0.2689]])
        >>> output
        tensor([[12.6894]])
        >>> mask = torch.tensor([[False, True]])  # the first key is out of sight
        >>> scaled_dot_product_attention(query, key, value, mask)[0]
        tensor([[20.]])
    """
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            "query (..., query, d_k), key (..., key, d_k) and value (..., key, d_v) must fit together; "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}."
        )
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"The mask must be boolean, True where a query may look; got {mask.dtype}.")
    d_k = query.shape[-1]
    scores = query @ key.transpose(-2, -1) / math.sqrt(d_k)
    if mask is not None:
        if not _broadcasts_to(mask, scores):
            raise ValueError(
                f"The mask must be broadcastable to (..., query, key), here {tuple(scores.shape)}; "
                f"got {tuple(mask.shape)}."
            )
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        # Changes only rows that may look at nothing: softmax makes them 0 / 0.
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ value, weights


def causal_mask(
    query_length: int, key_length: int | None = None, *, device: torch.device | str | None = None
) -> Bool[Tensor, "query key"]:
    """Return the mask that lets each token look at itself and at earlier tokens.

    The queries are the last `query_length` of the `key_length` tokens, so that a model that writes text can
    ask for its newest tokens only. (The paper's section 3.2.3 describes the square case.)

    Args:
        query_length: number of queries.
        key_length: number of keys, at least `query_length`; the same number if not given.
        device: where the mask is made.

    Returns:
        Boolean tensor of shape (query_length, key_length).

    Raises:
        ValueError: if there are fewer keys than queries.

    Example:
        >>> causal_mask(3).int()
        tensor([[1, 0, 0],
                [1, 1, 0],
                [1, 1, 1]], dtype=torch.int32)
        >>> causal_mask(2, 4).int()  # tokens 2 and 3 of four
        tensor([[1, 1, 1, 0],
                [1, 1, 1, 1]], dtype=torch.int32)
    """
    if key_length is None:
        key_length = query_length
    if key_length < query_length:
        raise ValueError(
            f"The queries are the last of the keys, so query_length={query_length} is too many "
            f"for key_length={key_length}."
        )
    everything = torch.ones(query_length, key_length, dtype=torch.bool, device=device)
    return everything.tril(key_length - query_length)


def padding_mask(lengths: Int[Tensor, "*batch"], max_length: int) -> Bool[Tensor, "*batch 1 key"]:
    """Return the mask that hides the padding behind sequences of different lengths.

    The axis of size one is the queries': which keys are padding is the same for all of them. Combine it with
    a causal mask by `&`.

    Args:
        lengths: number of real tokens of each sequence, shape (*batch,).
        max_length: length that the sequences were padded to.

    Returns:
        Boolean tensor of shape (*batch, 1, max_length), True at real tokens.

    Raises:
        ValueError: if a length is negative or above `max_length`.

    Example:
        >>> padding_mask(torch.tensor([1, 3]), max_length=4).int()
        tensor([[[1, 0, 0, 0]],
        <BLANKLINE>
                [[1, 1, 1, 0]]], dtype=torch.int32)
    """
    if ((lengths < 0) | (lengths > max_length)).any():
        raise ValueError(f"Lengths must be between 0 and max_length={max_length}; got {lengths.tolist()}.")
    positions = torch.arange(max_length, device=lengths.device)
    return positions < lengths[..., None, None]


def split_heads(
    x: Float[Tensor, "... length d_model"], num_heads: int
) -> Float[Tensor, "... num_heads length d_head"]:
    """Cut each token's vector into `num_heads` equal pieces and give every head its own sequence of pieces.

    Args:
        x: vectors of the tokens, shape (..., length, d_model).
        num_heads: number of heads; must divide d_model.

    Returns:
        Tensor of shape (..., num_heads, length, d_model / num_heads).

    Raises:
        ValueError: if `num_heads` does not divide d_model.

    Example:
        >>> x = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])  # two tokens, d_model 4
        >>> split_heads(x, num_heads=2)
        tensor([[[1., 2.],
                 [5., 6.]],
        <BLANKLINE>
                [[3., 4.],
                 [7., 8.]]])
    """
    d_head = _head_size(x.shape[-1], num_heads)
    return x.unflatten(-1, (num_heads, d_head)).transpose(-3, -2)


def merge_heads(x: Float[Tensor, "... num_heads length d_head"]) -> Float[Tensor, "... length d_model"]:
    """Put the pieces of the heads back side by side: the inverse of `split_heads`.

    This is the "Concat" of the paper's section 3.2.2.

    Args:
        x: outputs of the heads, shape (..., num_heads, length, d_head).

    Returns:
        Tensor of shape (..., length, num_heads * d_head).

    Example:
        >>> heads = torch.tensor([[[1.0, 2.0], [5.0, 6.0]], [[3.0, 4.0], [7.0, 8.0]]])
        >>> merge_heads(heads)
        tensor([[1., 2., 3., 4.],
                [5., 6., 7., 8.]])
    """
    return x.transpose(-3, -2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own small projection of the same tokens.

    `Concat(head_1, ..., head_h) @ W_O`, where each head attends with its own slice of the projected queries,
    keys and values; section 3.2.2 of the paper. The slices of all heads live in one matrix per projection.

    Args:
        d_model: size of a token's vector.
        num_heads: number of heads; each works with d_model / num_heads numbers per token.
        bias: whether the four projections add a bias. (The paper's formula has none; most code has.)

    Raises:
        ValueError: if `num_heads` does not divide `d_model`.

    Example:
        >>> attention = MultiHeadAttention(d_model=12, num_heads=3)
        >>> output, weights = attention(torch.zeros(2, 5, 12))
        >>> output.shape, weights.shape  # one map of 5 x 5 per sequence and head
        (torch.Size([2, 5, 12]), torch.Size([2, 3, 5, 5]))
    """

    def __init__(self, d_model: int, num_heads: int, *, bias: bool = True) -> None:
        super().__init__()
        _head_size(d_model, num_heads)
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model, bias=bias)
        self.key = nn.Linear(d_model, d_model, bias=bias)
        self.value = nn.Linear(d_model, d_model, bias=bias)
        self.output = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Float[Tensor, "... query d_model"],
        mask: Bool[Tensor, "... query key"] | None = None,
        context: Float[Tensor, "... key d_model"] | None = None,
    ) -> tuple[Float[Tensor, "... query d_model"], Float[Tensor, "... num_heads query key"]]:
        """Let the tokens of `x` look at one another, or at `context` where it is given (cross-attention).

        Args:
            x: the tokens that ask, shape (..., query, d_model).
            mask: True where a query may look at a key, for all heads; it has at least two axes and is
                broadcastable to (..., query, key).
            context: the tokens that are looked at, shape (..., key, d_model); `x` itself if not given.

        Returns:
            The output, shape (..., query, d_model), and the weights, shape (..., num_heads, query, key).
        """
        context = x if context is None else context
        query = split_heads(self.query(x), self.num_heads)
        key = split_heads(self.key(context), self.num_heads)
        value = split_heads(self.value(context), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # an axis for the heads
        heads, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(heads)), weights


class GroupedQueryAttention(nn.Module):
    """Multi-head attention in which groups of query heads share one head of keys and values.

    A model that generates text keeps the keys and values of all earlier tokens: 2 * num_kv_heads * d_head
    numbers a token. With `num_kv_heads == num_heads` this is multi-head attention, with one it is multi-query
    attention (Shazeer 2019), in between it is grouped-query attention (Ainslie et al. 2023, section 2.2).

    Args:
        d_model: size of a token's vector.
        num_heads: number of query heads; must divide `d_model`.
        num_kv_heads: number of key and value heads; must divide `num_heads`.
        bias: whether the four projections add a bias.

    Raises:
        ValueError: if one number does not divide the other as it must.

    Example:
        >>> attention = GroupedQueryAttention(d_model=12, num_heads=6, num_kv_heads=2)
        >>> attention.key.out_features  # 2 heads of 2 numbers, a third of d_model
        4
        >>> output, weights = attention(torch.zeros(2, 5, 12))
        >>> output.shape, weights.shape
        (torch.Size([2, 5, 12]), torch.Size([2, 6, 5, 5]))
    """

    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, *, bias: bool = True) -> None:
        super().__init__()
        d_head = _head_size(d_model, num_heads)
        if num_kv_heads < 1 or num_heads % num_kv_heads != 0:
            raise ValueError(
                "Each key and value head serves equally many query heads, "
                f"so num_kv_heads={num_kv_heads} must divide num_heads={num_heads}."
            )
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.query = nn.Linear(d_model, d_model, bias=bias)
        self.key = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        self.value = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        self.output = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Float[Tensor, "... query d_model"],
        mask: Bool[Tensor, "... query key"] | None = None,
        context: Float[Tensor, "... key d_model"] | None = None,
    ) -> tuple[Float[Tensor, "... query d_model"], Float[Tensor, "... num_heads query key"]]:
        """Let the tokens of `x` look at one another, or at `context` where it is given (cross-attention).

        Arguments and results are those of `MultiHeadAttention.forward`.
        """
        context = x if context is None else context
        group_size = self.num_heads // self.num_kv_heads
        query = split_heads(self.query(x), self.num_heads)
        # Query heads 0 ... group_size - 1 use key head 0, the next group key head 1, and so on.
        key = split_heads(self.key(context), self.num_kv_heads).repeat_interleave(group_size, dim=-3)
        value = split_heads(self.value(context), self.num_kv_heads).repeat_interleave(group_size, dim=-3)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        heads, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(heads)), weights


def _head_size(d_model: int, num_heads: int) -> int:
    if num_heads < 1 or d_model % num_heads != 0:
        raise ValueError(
            f"Heads are equal pieces of a vector, so num_heads={num_heads} must divide d_model={d_model}."
        )
    return d_model // num_heads


def _broadcasts_to(mask: Tensor, scores: Tensor) -> bool:
    # torch.broadcast_shapes would say the same, but its first call imports sympy, which takes a second.
    try:
        mask.expand_as(scores)
    except RuntimeError:
        return False
    return True
