"""What is graded in the exercise "Attention": cases, known mistakes, variants."""

import math

import torch
from torch import nn
from torch.nn import functional

from course_utils.checking import Draw, Script, function, module
from course_utils.transformers import attention as reference

# ------------------------------------------------------------------------------------------------------------
attention = function(reference.scaled_dot_product_attention, points=5)
attention.hint(
    idea="Score every query against every key in one product, and scale the scores for the length of the "
    "vectors. Hide what may not be seen before the softmax. The weights then mix the values.",
)
FUSED_LAYERS = ("torch.nn.MultiheadAttention", "torch.nn.functional.multi_head_attention_forward")
attention.forbid("torch.nn.functional.scaled_dot_product_attention", *FUSED_LAYERS)


def draw_mask(draw: Draw, *shape: int):
    """Draw a mask in which every query may look at one key at least."""
    mask = draw.booleans(*shape)
    mask[..., draw.integer(0, shape[-1])] = True
    return mask


def draw_inputs(draw: Draw, *batch: int, scale: float = 1.0, dtype: torch.dtype = torch.float32):
    """Draw five queries and six keys of seven numbers, and values of four."""
    return {
        "query": draw.normal(*batch, 5, 7, scale=scale, dtype=dtype),
        "key": draw.normal(*batch, 6, 7, scale=scale, dtype=dtype),
        "value": draw.normal(*batch, 6, 4, dtype=dtype),
    }


@attention.case("one sequence")
def _(draw):
    return draw_inputs(draw)


@attention.case("a batch of sequences")
def _(draw):
    return draw_inputs(draw, 3)


@attention.case("heads and a mask")
def _(draw):
    return {**draw_inputs(draw, 2, 3), "mask": draw_mask(draw, 5, 6)}


@attention.case("a query that may look at nothing")
def _(draw):
    mask = draw_mask(draw, 3, 5, 6)
    mask[draw.integer(0, 3), draw.integer(0, 5)] = False
    return {**draw_inputs(draw, 3), "mask": mask}


@attention.case("more leading axes, a mask for each sequence", hidden=True)
def _(draw):
    return {**draw_inputs(draw, 2, 3, 8), "mask": draw_mask(draw, 2, 1, 1, 5, 6)}


@attention.case("scores of 1e4 stay finite", hidden=True, atol=1e-3)
def _(draw):
    return {**draw_inputs(draw, 3, scale=60.0), "mask": draw_mask(draw, 5, 6)}


@attention.case("no visible score above -1e4", hidden=True, atol=2e-3)
def _(draw):
    # -12,800 plus halves or -25,600 plus whole numbers: exact in single precision, in whatever order summed.
    query = (64.0 * draw.integers(1, 3, 5, 1)).expand(5, 4).contiguous()
    key = torch.full((6, 4), -100.0)
    key[:, 0] += draw.permutation(6) / 64
    return {"query": query, "key": key, "value": draw.normal(6, 3), "mask": draw_mask(draw, 5, 6)}


@attention.case("double precision, keys far from zero", hidden=True)
def _(draw):
    # All scores of a query share an offset of about 1e5: single precision keeps two decimals behind it.
    inputs = draw_inputs(draw, 2, dtype=torch.float64)
    return {**inputs, "key": inputs["key"] + 1e5}


@attention.efficiency("no Python loop over the tokens", at_most=20.0)
def _(draw):
    # Many queries and few keys: a loop is a hundred times slower, another formula without one is not.
    return {"query": draw.normal(2048, 3), "key": draw.normal(17, 3), "value": draw.normal(17, 2)}


attention.mistake(
    "The scores are not divided by the square root of d_k: with long vectors the softmax saturates.",
    edit=("key.transpose(-2, -1) / math.sqrt(d_k)", "key.transpose(-2, -1)"),
)
attention.mistake(
    "The scores are divided by d_k; it must be its square root.",
    edit=("math.sqrt(d_k)", "d_k"),
)
attention.mistake(
    "d_k is taken from the values: it is the size of a query and of a key, the last axis of both.",
    edit=("d_k = query.shape[-1]", "d_k = value.shape[-1]"),
)
attention.mistake(
    "The square root is of the number of queries (axis -2); d_k is the size of one query (axis -1).",
    edit=("d_k = query.shape[-1]", "d_k = query.shape[-2]"),
)
attention.mistake(
    "The softmax runs over the queries (dim=-2): each query must spread its weight over the keys (dim=-1).",
    edit=("torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-2)"),
)
attention.mistake(
    "The scores are divided by their sum instead of going through the softmax: negative scores give "
    "negative weights, and a sum near zero blows them up.",
    edit=("torch.softmax(scores, dim=-1)", "scores / scores.sum(dim=-1, keepdim=True)"),
)
attention.mistake(
    "The mask is the wrong way around: True means that a query may look at a key.",
    edits=[
        ("scores.masked_fill(~mask", "scores.masked_fill(mask"),
        ("weights.masked_fill(~mask", "weights.masked_fill(mask"),
    ],
)
attention.mistake(
    "The mask is applied after the softmax: the hidden keys still take their share, so the weights no "
    "longer sum to one and what should be hidden leaks out.",
    edit=('scores = scores.masked_fill(~mask, float("-inf"))', "pass"),
)
attention.mistake(
    "Hidden scores are set to 0, and the softmax turns 0 into weight e^0 = 1: they must be minus infinity.",
    edits=[('float("-inf")', "0.0"), ("weights = weights.masked_fill(~mask, 0.0)", "pass")],
)
attention.mistake(
    "The mask itself is added to the scores: True and False count as 1 and 0 there, which hides nothing. "
    "The scores of hidden keys must become minus infinity.",
    edits=[
        ('scores = scores.masked_fill(~mask, float("-inf"))', "scores = scores + mask"),
        ("weights = weights.masked_fill(~mask, 0.0)", "pass"),
    ],
)
attention.mistake(
    "A query that may look at nothing gets NaN, since its softmax is 0 / 0; it should get weights of zero.",
    edit=("weights = weights.masked_fill(~mask, 0.0)", "pass"),
)
attention.mistake(
    "A query that may look at nothing looks at everything: hidden scores are a large negative number, and "
    "a softmax over equal numbers is uniform. Set the weights of hidden keys to zero as well.",
    edits=[('float("-inf")', "-1e9"), ("weights = weights.masked_fill(~mask, 0.0)", "pass")],
)
attention.mistake(
    "The number that hides a score is not low enough: a visible score can be lower still, and then the "
    "hidden keys win. Use minus infinity.",
    edit=('float("-inf")', "-1e4"),
)
attention.mistake(
    "The weights are divided by the square root of d_k, after the softmax: then they no longer sum to one. "
    "Divide the scores.",
    edits=[
        (" / math.sqrt(d_k)", ""),
        ("torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-1) / math.sqrt(d_k)"),
    ],
)
attention.mistake(
    "The computation runs in single precision although the inputs are double: keep the dtype of the inputs.",
    edit=(
        "scores = query @ key.transpose(-2, -1)",
        "scores = (query.float() @ key.transpose(-2, -1).float()).to(query.dtype)",
    ),
)
attention.mistake(
    "The mask is ignored.",
    edits=[
        ('scores = scores.masked_fill(~mask, float("-inf"))', "pass"),
        ("weights = weights.masked_fill(~mask, 0.0)", "pass"),
    ],
)
attention.mistake(
    "The results are the wrong way around: the output first, then the weights.",
    edit=("return weights @ value, weights", "return weights, weights @ value"),
)
attention.mistake(
    "Only the output is returned: return the output and the weights.",
    edit=("return weights @ value, weights", "return weights @ value"),
)
attention.mistake(
    "The axes to swap are counted from the front, which works for one number of leading axes only: the "
    "last two axes are -2 and -1.",
    edit=("key.transpose(-2, -1)", "key.transpose(1, 2)"),
)
attention.mistake(
    "The softmax is written out without subtracting the largest score, so large scores overflow to "
    "infinity: use torch.softmax, which takes care of it.",
    edit=("torch.softmax(scores, dim=-1)", "scores.exp() / scores.exp().sum(dim=-1, keepdim=True)"),
)


@attention.mistake(
    "It is right, but a Python loop goes over the tokens: one matrix product does them all at once."
)
def loops_over_tokens(query, key, value, mask=None):
    rows = []
    for i in range(query.shape[-2]):
        row_mask = (
            None if mask is None else mask.expand(*mask.shape[:-2], query.shape[-2], -1)[..., i : i + 1, :]
        )
        rows.append(reference.scaled_dot_product_attention(query[..., i : i + 1, :], key, value, row_mask))
    return torch.cat([output for output, _ in rows], dim=-2), torch.cat(
        [weights for _, weights in rows], dim=-2
    )


@attention.variant
def with_einsum(query, key, value, mask=None):
    scores = torch.einsum("...qd,...kd->...qk", query, key) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    weights = functional.softmax(scores, -1)
    if mask is not None:
        weights = weights * mask
    return torch.einsum("...qk,...kd->...qd", weights, value), weights


@attention.variant
def with_an_added_mask(query, key, value, mask=None):
    scores = (query / math.sqrt(query.size(-1))).matmul(key.mT)
    if mask is not None:
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1).nan_to_num(0.0)
    return weights.matmul(value), weights


@attention.variant
def with_the_softmax_written_out(query, key, value, mask=None):
    scores = query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5
    exponentials = (scores - scores.amax(-1, keepdim=True)).exp()
    if mask is not None:
        # Hidden keys must not set the scale: where they hold the largest score, all others may vanish.
        largest = scores.masked_fill(~mask, -1e9).amax(-1, keepdim=True)
        exponentials = (scores - largest).clamp(max=0.0).exp() * mask
    sums = exponentials.sum(-1, keepdim=True)
    weights = exponentials / torch.where(sums == 0, 1.0, sums)
    return weights @ value, weights


attention.equivalent("d_k = key.shape[-1]", "a query and a key have the same size")

# ------------------------------------------------------------------------------------------------------------
causal = function(reference.causal_mask, points=2)
causal.hint(
    idea="Number the queries and the keys by their place in the text, the queries being the last ones, and "
    "compare the two numbers.",
)


@causal.case("three tokens")
def _(draw):
    return {"query_length": 3}


@causal.case("a longer sequence")
def _(draw):
    return {"query_length": draw.integer(5, 9)}


@causal.case("the queries are the last tokens")
def _(draw):
    return {"query_length": draw.integer(3, 5), "key_length": draw.integer(6, 9)}


@causal.case("one query, as in generation", hidden=True)
def _(draw):
    return {"query_length": 1, "key_length": draw.integer(4, 9)}


@causal.case("as many keys as queries", hidden=True)
def _(draw):
    size = draw.integer(4, 9)
    return {"query_length": size, "key_length": size}


causal.mistake(
    "The mask lets tokens look ahead: row i must be True up to column i, which is the lower triangle (tril).",
    edit=("everything.tril(", "everything.triu("),
)
causal.mistake(
    "The diagonal is missing: a token may look at itself.",
    edit=("tril(key_length - query_length)", "tril(key_length - query_length - 1)"),
)
causal.mistake(
    "One column too many: each token sees the next one, which is what it should predict.",
    edit=("tril(key_length - query_length)", "tril(key_length - query_length + 1)"),
)
causal.mistake(
    "The triangle starts in the upper left corner also when there are more keys than queries: the queries "
    "are the last tokens, so query i is token number key_length - query_length + i.",
    edit=("tril(key_length - query_length)", "tril()"),
)
causal.mistake(
    "The triangle is moved the wrong way: with more keys than queries, each query sees key_length - "
    "query_length columns more, not fewer.",
    edit=("tril(key_length - query_length)", "tril(query_length - key_length)"),
)
causal.mistake(
    "The mask is the wrong way around: here True means that a query may look at a key.",
    edit=(
        "return everything.tril(key_length - query_length)",
        "return ~everything.tril(key_length - query_length)",
    ),
)
causal.mistake(
    "The mask holds numbers: it must hold True and False (dtype torch.bool).",
    edit=("dtype=torch.bool, ", ""),
)
causal.mistake(
    "The mask is a square of the queries: it needs one column per key.",
    edit=("torch.ones(query_length, key_length,", "torch.ones(query_length, query_length,"),
)


@causal.mistake(
    "An axis is missing: the places of the queries are compared with those of the keys one by one. Give the "
    "queries' places a second axis, `[:, None]`, so that every query is compared with every key."
)
def compared_one_by_one(query_length, key_length=None):
    key_length = query_length if key_length is None else key_length
    return torch.arange(key_length) <= torch.arange(key_length - query_length, key_length)


@causal.variant
def by_comparing_positions(query_length, key_length=None):
    key_length = query_length if key_length is None else key_length
    query_positions = torch.arange(key_length - query_length, key_length)
    return torch.arange(key_length) <= query_positions[:, None]


@causal.variant
def by_loops(query_length, key_length=None):
    key_length = key_length or query_length
    rows = [[j <= key_length - query_length + i for j in range(key_length)] for i in range(query_length)]
    return torch.tensor(rows, dtype=torch.bool)


@causal.variant
def as_the_last_rows_of_a_square(query_length, key_length=None):
    size = key_length or query_length
    return ~torch.triu(torch.ones(size, size), diagonal=1).bool()[-query_length:]


causal.equivalent(
    "everything = torch.ones(query_length, key_length, dtype=torch.bool)", "the checks run on the CPU"
)

# ------------------------------------------------------------------------------------------------------------
padding = function(reference.padding_mask, points=2)
padding.hint(
    idea="Number the places of a sequence and compare each number with that sequence's length. A comparison "
    "broadcasts: give each side the axes that the other has.",
)


@padding.case("three sequences")
def _(draw):
    return {"lengths": draw.permutation(7)[:3] + 1, "max_length": 8}


@padding.case("an empty and a full sequence")
def _(draw):
    return {"lengths": torch.tensor([0, draw.integer(2, 5), 6, 1]), "max_length": 6}


@padding.case("as many sequences as tokens", hidden=True)
def _(draw):
    return {"lengths": draw.permutation(5) + 1, "max_length": 5}


@padding.case("one sequence", hidden=True)
def _(draw):
    return {"lengths": draw.integers(2, 6, 1), "max_length": 7}


padding.mistake(
    "One token of padding is seen: with length 3 the real tokens are 0, 1 and 2, so position < length.",
    edit=("positions < lengths", "positions <= lengths"),
)
padding.mistake(
    "The last real token is hidden: with length 3 the real tokens are 0, 1 and 2, so position < length.",
    edit=("lengths[..., None, None]", "lengths[..., None, None] - 1"),
)
padding.mistake(
    "The positions are compared with the lengths one by one: give the lengths two new axes, so that every "
    "position is compared with every length.",
    edit=("lengths[..., None, None]", "lengths"),
)
padding.mistake(
    "The axis of the queries is filled up: its size is one, and broadcasting does the rest.",
    edit=(
        "return positions < lengths[..., None, None]",
        "return (positions < lengths[..., None, None]).expand(-1, max_length, -1)",
    ),
)
padding.mistake(
    "The mask is the wrong way around: True means a real token, which may be looked at.",
    edit=("positions < lengths", "positions >= lengths"),
)
padding.mistake(
    "The axis of the queries is missing: the shape must be (batch, 1, max_length), so that the mask "
    "broadcasts to (batch, query, key).",
    edit=("lengths[..., None, None]", "lengths[..., None]"),
)
padding.mistake(
    "The padding is hidden along the queries: it is the keys, the last axis, that must not be looked at.",
    edit=("return positions < lengths[..., None, None]", "return (positions < lengths[..., None, None]).mT"),
)
padding.mistake(
    "The padding is taken to be in front of the tokens: it comes after them.",
    edit=("positions < lengths[..., None, None]", "positions >= max_length - lengths[..., None, None]"),
)
padding.mistake(
    "The mask holds numbers: it must hold True and False (dtype torch.bool).",
    edit=(
        "return positions < lengths[..., None, None]",
        "return (positions < lengths[..., None, None]).float()",
    ),
)


@padding.variant
def by_a_loop(lengths, max_length):
    mask = torch.zeros(len(lengths), 1, max_length, dtype=torch.bool)
    for i, length in enumerate(lengths):
        mask[i, :, :length] = True
    return mask


@padding.variant
def by_lists(lengths, max_length):
    return torch.tensor([[[j < length for j in range(max_length)]] for length in lengths.tolist()])


@padding.variant
def by_counting_down(lengths, max_length):
    return (lengths.view(-1, 1, 1) - torch.arange(max_length).view(1, 1, -1)) > 0


padding.equivalent("positions = torch.arange(max_length)", "the checks run on the CPU")

# ------------------------------------------------------------------------------------------------------------
split = function(reference.split_heads, points=2)
split.hint(
    idea="Cutting is a matter of shape alone: the last axis becomes two. Which of the two belongs before the"
    " axis of the tokens?",
)
SPLIT = "x.unflatten(-1, (num_heads, d_head)).transpose(-3, -2)"


@split.case("two tokens, two heads")
def _(draw):
    return {"x": torch.arange(1.0, 9.0).view(1, 2, 4), "num_heads": 2}


@split.case("a batch")
def _(draw):
    return {"x": draw.normal(2, 5, 12), "num_heads": 3}


@split.case("no batch axis")
def _(draw):
    return {"x": draw.normal(5, 12), "num_heads": 4}


@split.case("two batch axes", hidden=True)
def _(draw):
    return {"x": draw.normal(2, 7, 5, 6), "num_heads": 3}


split.mistake(
    "The vectors are reshaped straight to (num_heads, length, d_head): that mixes tokens. First cut each "
    "token's vector into heads, then swap the two axes.",
    edit=(SPLIT, "x.reshape(*x.shape[:-2], num_heads, x.shape[-2], d_head)"),
)
split.mistake(
    "The axes of the tokens and of the heads are not swapped: the shape must be (..., num_heads, length, "
    "d_head).",
    edit=(".transpose(-3, -2)", ""),
)
split.mistake(
    "A head gets every num_heads-th number: it should get d_head numbers that stand side by side.",
    edit=(SPLIT, "x.unflatten(-1, (d_head, num_heads)).movedim(-1, -3)"),
)
split.mistake(
    "The size of a head and the number of heads are swapped: there are num_heads heads of d_model / "
    "num_heads numbers.",
    edit=(SPLIT, "x.unflatten(-1, (d_head, num_heads)).transpose(-3, -2)"),
)
split.mistake(
    "The axes are counted from the front, which works for one batch axis only: count them from the back.",
    edit=(".transpose(-3, -2)", ".transpose(1, 2)"),
)


@split.mistake(
    "The number of axes is fixed to three: the dots in (..., length, d_model) stand for any number of axes, "
    "also for none. x.shape[:-1] holds all but the last."
)
def three_axes_only(x, num_heads):
    batch, length, d_model = x.shape
    return x.view(batch, length, num_heads, d_model // num_heads).transpose(1, 2)


@split.variant
def with_view_and_permute(x, num_heads):
    *batch, length, d_model = x.shape
    axes = range(len(batch))
    pieces = x.view(*batch, length, num_heads, d_model // num_heads)
    return pieces.permute(*axes, len(batch) + 1, len(batch), len(batch) + 2)


@split.variant
def with_chunks(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=-3)


# ------------------------------------------------------------------------------------------------------------
merge = function(reference.merge_heads, points=1)
merge.hint(
    idea="Undo the two steps of `split_heads` in the opposite order.",
)
MERGE = "x.transpose(-3, -2).flatten(-2)"


@merge.case("two heads, two tokens")
def _(draw):
    return {"x": torch.tensor([[[[1.0, 2.0], [5.0, 6.0]], [[3.0, 4.0], [7.0, 8.0]]]])}


@merge.case("a batch")
def _(draw):
    return {"x": draw.normal(2, 3, 5, 4)}


@merge.case("no batch axis")
def _(draw):
    return {"x": draw.normal(4, 5, 3)}


@merge.case("two batch axes", hidden=True)
def _(draw):
    return {"x": draw.normal(2, 7, 3, 5, 4)}


merge.mistake(
    "The heads are reshaped straight to (length, d_model): that mixes tokens. First swap the axes of the "
    "heads and of the tokens.",
    edit=(MERGE, "x.reshape(*x.shape[:-3], x.shape[-2], -1)"),
)
merge.mistake(
    "The heads are averaged: they are put side by side, so that none of their numbers is lost.",
    edit=(MERGE, "x.mean(-3)"),
)
merge.mistake(
    "The numbers of the heads are interleaved: all of the first head's numbers come first, then the "
    "second's.",
    edit=(MERGE, "x.movedim(-3, -1).flatten(-2)"),
)
merge.mistake(
    "The tokens are put behind one another: the result needs one row per token, (..., length, d_model).",
    edit=(MERGE, "x.flatten(-3, -2)"),
)
merge.mistake(
    "The axes are counted from the front, which works for one batch axis only: count them from the back.",
    edit=(MERGE, "x.transpose(1, 2).flatten(2)"),
)


@merge.mistake(
    "The number of axes is fixed to four: the dots in (..., num_heads, length, d_head) stand for any number "
    "of axes, also for none. Count the axes from the back."
)
def four_axes_only(x):
    batch, num_heads, length, d_head = x.shape
    return x.transpose(1, 2).reshape(batch, length, num_heads * d_head)


@merge.variant
def with_cat(x):
    return torch.cat(list(x.unbind(-3)), dim=-1)


@merge.variant
def with_reshape(x):
    swapped = x.swapaxes(-2, -3).contiguous()
    return swapped.view(*swapped.shape[:-2], x.shape[-3] * x.shape[-1])


# ------------------------------------------------------------------------------------------------------------
# The gradient of the bias of the keys is zero but for rounding: a softmax does not see what all scores share.
multi_head = module(reference.MultiHeadAttention, points=5, atol=1e-4)
multi_head.hint(
    idea="Three projections, then heads, then attention, then one vector per token again, then the last "
    "projection. A mask for the sequences lacks the axis of the heads.",
)
# With as many key heads as query heads it is the answer.
multi_head.forbid(*FUSED_LAYERS, "course_utils.transformers.attention.GroupedQueryAttention")


@multi_head.case("given weights")
def _(draw):
    return Script.build(d_model=12, num_heads=3).weights().forward(draw.normal(2, 5, 12))


@multi_head.case("a causal mask, and gradients", weight=2)
def _(draw):
    x = draw.normal(2, 5, 12)
    return Script.build(12, 4).weights().forward(x, reference.causal_mask(5)).gradients()


@multi_head.case("a mask for each sequence")
def _(draw):
    return Script.build(12, 3).weights().forward(draw.normal(2, 5, 12), draw_mask(draw, 2, 5, 5))


@multi_head.case("looking at a context")
def _(draw):
    x, context = draw.normal(2, 5, 12), draw.normal(2, 7, 12)
    return Script.build(12, 3).weights().forward(x, None, context).gradients()


@multi_head.case("without biases")
def _(draw):
    return Script.build(12, 3, bias=False).weights().forward(draw.normal(2, 5, 12))


@multi_head.case("heads that do not divide the vector are refused", raises=ValueError)
def _(draw):
    return Script.build(draw.choice([10, 14]), 4)


@multi_head.case("no batch axis", hidden=True)
def _(draw):
    return Script.build(12, 6).weights().forward(draw.normal(5, 12), draw_mask(draw, 5, 5))


@multi_head.case("one head, long sequences", hidden=True)
def _(draw):
    return Script.build(8, 1).weights().forward(draw.normal(3, 33, 8))


multi_head.mistake(
    "The output projection is missing: the merged heads must go through self.output.",
    edit=("self.output(merge_heads(heads))", "merge_heads(heads)"),
)
multi_head.mistake(
    "The context is not looked at: keys and values come from the context, only the queries from x.",
    edits=[("self.key(context)", "self.key(x)"), ("self.value(context)", "self.value(x)")],
)
multi_head.mistake(
    "The queries come from the context: they come from x, the tokens that ask.",
    edit=("self.query(x)", "self.query(context)"),
)
multi_head.mistake(
    "The values are made by the projection of the keys: each has its own.",
    edit=("self.value(context)", "self.key(context)"),
)
multi_head.mistake(
    "The keys come from x: keys and values both come from the context.",
    edit=("self.key(context)", "self.key(x)"),
)
multi_head.mistake(
    "The scores are divided by the square root of d_model: each head compares vectors of d_model / num_heads "
    "numbers, and that is its d_k.",
    edit=(
        "split_heads(self.query(x), self.num_heads)",
        "split_heads(self.query(x), self.num_heads) / math.sqrt(self.num_heads)",
    ),
)
multi_head.mistake(
    "The heads are merged by a reshape alone, which mixes tokens: use merge_heads.",
    edit=("merge_heads(heads)", "heads.reshape(x.shape)"),
)
multi_head.mistake(
    "The mask is the wrong way around: True means that a query may look at a key. (In nn.MultiheadAttention "
    "it means the opposite.)",
    edit=("mask = mask.unsqueeze(-3)", "mask = ~mask.unsqueeze(-3)"),
)
multi_head.mistake(
    "Only the output is returned: return the output and the weights of each head.",
    edit=("return self.output(merge_heads(heads)), weights", "return self.output(merge_heads(heads))"),
)
multi_head.mistake(
    "The mask does not reach the attention.",
    edit=("attention(query, key, value, mask)", "attention(query, key, value)"),
)
multi_head.mistake(
    "The mask has no axis for the heads: (batch, query, key) does not broadcast to (batch, head, query, "
    "key).",
    edit=("mask = mask.unsqueeze(-3)", "pass"),
)
multi_head.mistake(
    "The axis for the heads is counted from the front, which goes wrong for a mask (query, key) that all "
    "sequences share: count it from the back.",
    edit=("mask.unsqueeze(-3)", "mask.unsqueeze(1)"),
)
multi_head.mistake(
    "Queries and keys are swapped: then the keys ask and the queries answer.",
    edit=("attention(query, key, value, mask)", "attention(key, query, value, mask)"),
)
multi_head.mistake(
    "The weights are averaged over the heads: return each head's own.",
    edit=("self.output(merge_heads(heads)), weights", "self.output(merge_heads(heads)), weights.mean(-3)"),
)
multi_head.mistake(
    "There is only one big head: the projections must be split into num_heads heads.",
    edit=("self.num_heads = num_heads", "self.num_heads = 1"),
)
multi_head.mistake(
    "The projections have a bias although bias=False was asked for.",
    edit=("super().__init__()", "super().__init__(); bias = True"),
)
multi_head.mistake(
    "A number of heads that does not divide d_model is accepted: raise a ValueError.",
    edit=("_head_size(d_model, num_heads)", "pass"),
)


@multi_head.variant
class WithTorchsAttention(nn.Module):
    def __init__(self, d_model, num_heads, *, bias=True):
        super().__init__()
        if d_model % num_heads:
            raise ValueError("num_heads must divide d_model")
        self.heads = num_heads
        self.query, self.key, self.value, self.output = [
            nn.Linear(d_model, d_model, bias=bias) for _ in range(4)
        ]

    def forward(self, x, mask=None, context=None):
        context = x if context is None else context
        query, key, value = [
            torch.stack(projected.chunk(self.heads, -1), -3)
            for projected in (self.query(x), self.key(context), self.value(context))
        ]
        if mask is not None:
            mask = mask[..., None, :, :]
        output = functional.scaled_dot_product_attention(query, key, value, mask)
        scores = query @ key.mT / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return self.output(torch.cat(output.unbind(-3), -1)), scores.softmax(-1)


@multi_head.variant
class OneHeadAfterAnother(nn.Module):
    def __init__(self, d_model, num_heads, *, bias=True):
        if d_model // num_heads * num_heads != d_model:
            raise ValueError(f"{num_heads} heads for {d_model} numbers")
        super().__init__()
        for name in ("query", "key", "value", "output"):
            setattr(self, name, nn.Linear(d_model, d_model, bias))
        self.num_heads = num_heads

    def forward(self, x, mask=None, context=None):
        if context is None:
            context = x
        size = x.shape[-1] // self.num_heads
        outputs, weights = [], []
        for head in range(self.num_heads):
            numbers = slice(head * size, (head + 1) * size)
            attended = reference.scaled_dot_product_attention(
                self.query(x)[..., numbers],
                self.key(context)[..., numbers],
                self.value(context)[..., numbers],
                mask,
            )
            outputs.append(attended[0])
            weights.append(attended[1])
        return self.output(torch.cat(outputs, dim=-1)), torch.stack(weights, dim=-3)
