"""What is graded in the exercise "Multi-head latent attention": cases, known mistakes, variants."""

import math

import torch
from torch import nn
from torch.nn import functional

from course_utils.checking import Draw, Script, function, module, stateful, value
from course_utils.deepseek import latent_attention as reference
from course_utils.deepseek import latent_cache
from course_utils.transformers.attention import merge_heads

# ------------------------------------------------------------------------------------------------------------
cache_size = function(reference.kv_cache_elements_per_token, points=2)
cache_size.hint(
    idea="For each kind of attention, ask what must be kept of a token so that later tokens can look at it, "
    "and for how many heads.",
    page='"The idea in a picture" in the chapter "Multi-head latent attention".',
)


@cache_size.case("multi-head attention")
def _(draw):
    return {"method": "mha", "num_layers": 5, "num_heads": draw.integer(6, 9), "head_dim": 11}


@cache_size.case("grouped-query attention")
def _(draw):
    groups = draw.integer(3, 6)
    return {"method": "gqa", "num_layers": 7, "num_heads": 2 * groups, "num_groups": groups, "head_dim": 13}


@cache_size.case("multi-query attention")
def _(draw):
    return {"method": "mqa", "num_layers": 3, "num_heads": draw.integer(6, 9), "head_dim": 17}


@cache_size.case("latent attention")
def _(draw):
    rank = draw.integer(20, 30)
    return {
        "method": "mla",
        "num_layers": 4,
        "num_heads": 6,
        "head_dim": 19,
        "kv_rank": rank,
        "rope_dim": 8,
    }


@cache_size.case("latent attention, only the sizes that it needs", hidden=True)
def _(draw):
    return {"method": "mla", "num_layers": 2, "kv_rank": draw.integer(20, 30), "rope_dim": 10}


@cache_size.case("an unknown method is refused", raises=ValueError)
def _(_draw):
    return {"method": "linear", "num_layers": 2, "num_heads": 3, "head_dim": 5, "kv_rank": 7, "rope_dim": 4}


@cache_size.case("a missing rotary size is refused", raises=ValueError, hidden=True)
def _(draw):
    return {"method": "mla", "num_layers": 2, "kv_rank": draw.integer(20, 30)}


@cache_size.case("a missing latent size is refused", raises=ValueError, hidden=True)
def _(_draw):
    return {"method": "mla", "num_layers": 2, "rope_dim": 4, "head_dim": 5, "num_heads": 3, "num_groups": 1}


@cache_size.case("a missing head size is refused", raises=ValueError, hidden=True)
def _(_draw):
    return {"method": "gqa", "num_layers": 2, "num_groups": 4, "kv_rank": 3, "rope_dim": 6}


cache_size.mistake(
    "Only the keys are counted: attention needs the values of all earlier tokens as well, so mha, gqa and "
    "mqa remember two vectors per head.",
    edits=[
        ("2 * num_heads * head_dim", "num_heads * head_dim"),
        ("2 * num_groups * head_dim", "num_groups * head_dim"),
        ("2 * head_dim", "head_dim"),
    ],
)
cache_size.mistake(
    "One layer is counted: every layer has keys and values of its own, so multiply by num_layers.",
    edit=("return num_layers * per_layer[method]", "return per_layer[method]"),
)
cache_size.mistake(
    "Grouped-query attention remembers num_groups heads of keys and values, however many query heads "
    "ask them.",
    edit=("2 * num_groups * head_dim", "2 * num_heads * head_dim"),
)
cache_size.mistake(
    "The latent is counted twice, once for keys and once for values: both are made from the same latent.",
    edit=("kv_rank + rope_dim if", "2 * kv_rank + rope_dim if"),
)
cache_size.mistake(
    "The rotary key is left out: it cannot be made from the latent, so it has to be remembered too.",
    edit=("kv_rank + rope_dim if", "kv_rank if"),
)
cache_size.mistake(
    "A rotary key is counted for each head: all heads share one.",
    edit=("kv_rank + rope_dim if", "kv_rank + num_heads * rope_dim if"),
)


@cache_size.variant
def cache_size_by_cases(method, num_layers, *, num_heads=0, num_groups=0, head_dim=0, kv_rank=0, rope_dim=0):
    if method == "mla":
        if kv_rank == 0 or rope_dim == 0:
            raise ValueError("mla needs kv_rank and rope_dim")
        return num_layers * (kv_rank + rope_dim)
    if method not in ("mha", "gqa", "mqa"):
        raise ValueError(f"unknown method {method}")
    heads = {"mha": num_heads, "gqa": num_groups, "mqa": 1}[method]
    if heads * head_dim == 0:
        raise ValueError(f"{method} needs its number of heads and head_dim")
    return num_layers * heads * head_dim * 2


@cache_size.variant
def cache_size_by_match(method, num_layers, *, num_heads=0, num_groups=0, head_dim=0, kv_rank=0, rope_dim=0):
    match method:
        case "mha":
            sizes, kept = (num_heads, head_dim), (head_dim + head_dim) * num_heads
        case "gqa":
            sizes, kept = (num_groups, head_dim), (head_dim + head_dim) * num_groups
        case "mqa":
            sizes, kept = (head_dim,), head_dim + head_dim
        case "mla":
            sizes, kept = (kv_rank, rope_dim), rope_dim + kv_rank
        case _:
            raise ValueError(method)
    if not all(sizes):
        raise ValueError("a size is missing")
    return kept * num_layers


# ------------------------------------------------------------------------------------------------------------
_LLAMA, _DEEPSEEK = 126 * 2 * 8 * 128 * 2, 61 * (512 + 64) * 2

cache_ratio = value("cache_ratio", _LLAMA / _DEEPSEEK, points=1, rtol=2e-3)
cache_ratio.hint(
    idea="LLaMA keeps a key and a value for each of its key-value heads in each layer; DeepSeek-V3 keeps one"
    " latent and one rotary key in each layer.",
    page='"The idea in a picture" in the chapter "Multi-head latent attention".',
)
cache_ratio.mistake(
    "The rotary key of DeepSeek-V3 is left out: 512 + 64 numbers per token and layer.",
    value=_LLAMA / (61 * 512 * 2),
)
cache_ratio.mistake("The values of LLaMA-3.1-405B are left out.", value=_LLAMA / 2 / _DEEPSEEK)
cache_ratio.mistake(
    "The 128 query heads of LLaMA-3.1-405B are counted: it remembers 8 heads of keys and values.",
    value=16 * _LLAMA / _DEEPSEEK,
)
cache_ratio.mistake("The ratio is upside down: LLaMA-3.1-405B stands above.", value=_DEEPSEEK / _LLAMA)
cache_ratio.mistake(
    "The layers are left out: the two models have 126 and 61.", value=(2 * 8 * 128) / (512 + 64)
)
cache_ratio.variant(516.096 / 70.272)
cache_ratio.variant(7.344)

# ------------------------------------------------------------------------------------------------------------
compress = function(reference.compress, points=2)
compress.hint(
    idea="One projection makes the vector short, and the normalization comes after it.",
)


@compress.case("one sequence")
def _(draw):
    return {"hidden": draw.normal(5, 7), "down": draw.normal(4, 7), "norm": draw.normal(4)}


@compress.case("a batch of sequences")
def _(draw):
    return {"hidden": draw.normal(3, 5, 8), "down": draw.normal(6, 8), "norm": draw.normal(6)}


@compress.case("a token whose latent is zero")
def _(draw):
    hidden = draw.normal(3, 7)
    hidden[1] = 0.0
    return {"hidden": hidden, "down": draw.normal(4, 7), "norm": draw.normal(4)}


@compress.case("latents so small that eps matters", hidden=True)
def _(draw):
    return {"hidden": draw.normal(5, 7, scale=3e-4), "down": draw.normal(4, 7), "norm": draw.normal(4)}


@compress.case("two leading axes, double precision", hidden=True)
def _(draw):
    double = torch.float64
    return {
        "hidden": draw.normal(2, 3, 5, 9, dtype=double),
        "down": draw.normal(6, 9, dtype=double),
        "norm": draw.normal(6, dtype=double),
    }


compress.mistake(
    "The latent is not normalized: return RMSNorm(W^DKV h), not W^DKV h alone.",
    edit=("return latent * torch.rsqrt(mean_square + eps) * norm", "return latent"),
)
compress.mistake(
    "The mean is subtracted first, as in LayerNorm: RMSNorm only divides by the root of the mean square.",
    edit=("latent = hidden @ down.T", "latent = hidden @ (down - down.mean(dim=0)).T"),
)
compress.mistake(
    "The squares are added up instead of averaged, so each latent has length one and the size "
    "depends on the rank.",
    edit=(".mean(dim=-1", ".sum(dim=-1"),
)
compress.mistake(
    "The learned scale `norm` is not used: multiply the normalized latent by it.",
    edit=("torch.rsqrt(mean_square + eps) * norm", "torch.rsqrt(mean_square + eps)"),
)
compress.mistake(
    "The mean runs over the tokens: each token is normalized by its own numbers (dim=-1), or a token would "
    "depend on later ones.",
    edit=(".mean(dim=-1", ".mean(dim=-2"),
)
compress.mistake(
    "The token is normalized before the projection; the normalization comes after it, on the latent.",
    edits=[
        ("latent = hidden @ down.T", "latent = hidden"),
        (
            "return latent * torch.rsqrt(mean_square + eps) * norm",
            "return (latent * torch.rsqrt(mean_square + eps)) @ down.T * norm",
        ),
    ],
)
compress.mistake(
    "eps is missing: a token whose latent is zero gives 0 / 0.",
    edit=("mean_square + eps", "mean_square"),
)


@compress.variant
def compress_with_torch(hidden, down, norm, eps=1e-6):
    return functional.rms_norm(functional.linear(hidden, down), norm.shape, norm, eps)


@compress.variant
def compress_with_einsum(hidden, down, norm, eps=1e-6):
    latent = torch.einsum("...d,rd->...r", hidden, down)
    root = ((latent**2).sum(-1, keepdim=True) / latent.shape[-1] + eps).sqrt()
    return norm * latent / root


# ------------------------------------------------------------------------------------------------------------
expand = function(reference.expand, points=2, atol=1e-5)
expand.hint(
    idea="Each head has a matrix that makes its keys from the latents, and one that makes its values; one "
    "product for all heads at once will do.",
)


@expand.case("one sequence")
def _(draw):
    return {"latent": draw.normal(5, 4), "up_key": draw.normal(3, 6, 4), "up_value": draw.normal(3, 7, 4)}


@expand.case("a batch of sequences")
def _(draw):
    return {"latent": draw.normal(2, 6, 5), "up_key": draw.normal(3, 4, 5), "up_value": draw.normal(3, 8, 5)}


@expand.case("keys and values of the same size")
def _(draw):
    return {"latent": draw.normal(2, 7, 5), "up_key": draw.normal(3, 4, 5), "up_value": draw.normal(3, 4, 5)}


@expand.case("one head, two leading axes, double precision", hidden=True)
def _(draw):
    double = torch.float64
    return {
        "latent": draw.normal(2, 3, 6, 4, dtype=double),
        "up_key": draw.normal(1, 5, 4, dtype=double),
        "up_value": draw.normal(1, 7, 4, dtype=double),
    }


expand.mistake(
    "Tokens come before heads: the heads are an axis in front of the tokens, (..., heads, tokens, size).",
    edits=[
        ('keys = torch.einsum("...tr,hdr->...htd"', 'keys = torch.einsum("...tr,hdr->...thd"'),
        ('values = torch.einsum("...tr,hdr->...htd"', 'values = torch.einsum("...tr,hdr->...thd"'),
    ],
)
expand.mistake(
    "Every head gets the projection of the first: the latent is shared, the up-projections are not.",
    edits=[
        ("latent, up_key)", "latent, up_key[:1].expand_as(up_key))"),
        ("latent, up_value)", "latent, up_value[:1].expand_as(up_value))"),
    ],
)
expand.mistake(
    "Keys and values are returned the wrong way around.",
    edit=("return keys, values", "return values, keys"),
)
expand.mistake(
    "Values are made with the keys' projection: each has its own.",
    edit=("latent, up_value)", "latent, up_key)"),
)
expand.mistake(
    "A matrix is reshaped where it should be transposed: `reshape` keeps the order of the numbers and mixes "
    "rows with columns.",
    edits=[
        (
            'torch.einsum("...tr,hdr->...htd", latent, up_key)',
            "latent.unsqueeze(-3) @ up_key.reshape(len(up_key), up_key.shape[2], up_key.shape[1])",
        ),
        (
            'torch.einsum("...tr,hdr->...htd", latent, up_value)',
            "latent.unsqueeze(-3) @ up_value.reshape(len(up_value), up_value.shape[2], up_value.shape[1])",
        ),
    ],
)


@expand.variant
def expand_with_matmul(latent, up_key, up_value):
    latent = latent.unsqueeze(-3)
    return latent @ up_key.mT, latent @ up_value.mT


@expand.variant
def expand_with_one_matrix(latent, up_key, up_value):
    both = torch.cat((up_key, up_value), dim=1)
    flat = functional.linear(latent, both.flatten(0, 1)).unflatten(-1, both.shape[:2])
    return flat.transpose(-3, -2).split([up_key.shape[1], up_value.shape[1]], dim=-1)


@expand.variant
def expand_head_by_head(latent, up_key, up_value):
    keys = torch.stack([latent @ head.T for head in up_key], dim=-3)
    values = torch.stack([latent @ head.T for head in up_value], dim=-3)
    return keys, values


# ------------------------------------------------------------------------------------------------------------
apply_rotary = function(reference.apply_rotary, points=3, atol=1e-5)
apply_rotary.hint(
    idea="Two neighboring numbers are a point in the plane: turn it by its angle. Length stays what it was.",
)


@apply_rotary.case("one pair, one token")
def _(draw):
    return {"x": draw.normal(1, 2), "angles": draw.uniform(1, 1, low=0.4, high=1.2)}


@apply_rotary.case("several pairs and tokens")
def _(draw):
    return {"x": draw.normal(5, 6), "angles": draw.uniform(5, 3, low=-3, high=3)}


@apply_rotary.case("heads and a batch in front")
def _(draw):
    return {"x": draw.normal(2, 3, 5, 8), "angles": draw.uniform(5, 4, low=-3, high=3)}


@apply_rotary.case("angles in float64, result in the dtype of x")
def _(draw):
    return {"x": draw.normal(7, 4), "angles": draw.uniform(7, 2, low=-3, high=3, dtype=torch.float64)}


@apply_rotary.case("double precision, many turns", hidden=True)
def _(draw):
    return {
        "x": draw.normal(3, 6, 10, dtype=torch.float64),
        "angles": draw.uniform(6, 5, low=-90, high=90, dtype=torch.float64),
    }


@apply_rotary.property("the scores depend on the difference of positions only", hidden=True)
def _(draw):
    frequencies = draw.uniform(3, low=0.1, high=1.0)
    angles = torch.arange(5)[:, None] * frequencies
    vector = draw.normal(6)

    def holds(turned):
        scores = turned @ turned.T
        if torch.allclose(scores.diagonal(1), scores[0, 1].expand(4), rtol=1e-3, atol=1e-3):
            return None
        return "the same vector at positions 0 and 1 scores differently from positions 1 and 2"

    return {"x": vector.repeat(5, 1), "angles": angles}, holds


apply_rotary.mistake(
    "The pairs are number i and number i + dim/2, the layout of GPT-NeoX: here, as in DeepSeek's weights, "
    "the partners are neighbors, x[..., 0::2] and x[..., 1::2].",
    edits=[
        ("x[..., 0::2], x[..., 1::2]", "x.chunk(2, dim=-1)"),
        ("torch.stack((", "torch.cat(("),
        ("return turned.flatten(-2)", "return turned"),
    ],
)
apply_rotary.mistake(
    "The turn goes clockwise: a positive angle takes (1, 0) towards (0, 1).",
    edits=[
        ("first * cosine - second * sine", "first * cosine + second * sine"),
        ("first * sine + second * cosine", "second * cosine - first * sine"),
    ],
)
apply_rotary.mistake(
    "All first partners come first and all second partners last: put each pair back in its place "
    "(stack along a new last axis, then flatten).",
    edits=[("torch.stack((", "torch.cat(("), ("return turned.flatten(-2)", "return turned")],
)
apply_rotary.mistake(
    "Both sums have the same sign, and then it is no rotation: lengths change with the position.",
    edit=("first * cosine - second * sine", "first * cosine + second * sine"),
)
apply_rotary.mistake(
    "Sine and cosine are swapped: a token at position 0 must not be turned at all.",
    edit=(
        "angles.cos().to(x.dtype), angles.sin().to(x.dtype)",
        "angles.sin().to(x.dtype), angles.cos().to(x.dtype)",
    ),
)
apply_rotary.mistake(
    "The result takes the dtype of the angles; it should keep that of x.",
    edit=("angles.cos().to(x.dtype), angles.sin().to(x.dtype)", "angles.cos(), angles.sin()"),
)
apply_rotary.mistake(
    "The second number is turned with the first one's new value: compute both from the old pair.",
    edits=[
        ("turned = torch.stack(", "first = first * cosine - second * sine\n    turned = torch.stack("),
        ("(first * cosine - second * sine, first", "(first, first"),
    ],
)


@apply_rotary.variant
def rotary_with_complex_numbers(x, angles):
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    turns = torch.polar(torch.ones_like(angles, dtype=torch.float64), angles.double())
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


@apply_rotary.variant
def rotary_with_repeated_angles(x, angles):
    repeated = angles.repeat_interleave(2, dim=-1).to(x.dtype)
    partners = torch.empty_like(x)
    partners[..., 0::2], partners[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return x * repeated.cos() + partners * repeated.sin()


@apply_rotary.variant
def rotary_with_matrices(x, angles):
    cosine, sine = angles.cos(), angles.sin()
    turns = torch.stack((torch.stack((cosine, -sine), -1), torch.stack((sine, cosine), -1)), -2).to(x.dtype)
    return (turns @ x.unflatten(-1, (-1, 2)).unsqueeze(-1)).squeeze(-1).flatten(-2)


# ------------------------------------------------------------------------------------------------------------
decoupled_key = function(reference.decoupled_key, points=2, atol=1e-5)
decoupled_key.hint(
    idea="The position goes into a key of its own that all heads share, so that the latent needs none.",
)


@decoupled_key.case("a sequence from position 0 on")
def _(draw):
    return {"hidden": draw.normal(5, 7), "weight": draw.normal(4, 7)}


@decoupled_key.case("one new token behind a cache")
def _(draw):
    return {"hidden": draw.normal(2, 1, 7), "weight": draw.normal(6, 7), "start": draw.integer(3, 40)}


@decoupled_key.case("another base")
def _(draw):
    return {"hidden": draw.normal(2, 5, 3), "weight": draw.normal(8, 3), "start": 2, "base": 50.0}


@decoupled_key.case("double precision, far into a text", hidden=True)
def _(draw):
    return {
        "hidden": draw.normal(2, 3, 4, 9, dtype=torch.float64),
        "weight": draw.normal(6, 9, dtype=torch.float64),
        "start": draw.integer(900, 2000),
    }


decoupled_key.mistake(
    "Positions begin at 0 whatever stands in the cache: the first of these tokens is at position `start`.",
    edit=("_positions(hidden, start)", "_positions(hidden, 0)"),
)
decoupled_key.mistake(
    "Positions count from 1: the first token of a text is at position 0 and is not turned.",
    edit=("_positions(hidden, start)", "_positions(hidden, start + 1)"),
)
decoupled_key.mistake(
    "The key is not turned: without it, no position reaches the scores at all.",
    edit=("_positions(hidden, start)", "0 * _positions(hidden, start)"),
)
decoupled_key.mistake(
    "The base is fixed at 10,000: pass `base` on to rotary_angles.",
    edit=("weight.shape[0], base)", "weight.shape[0])"),
)
decoupled_key.mistake(
    "All tokens are turned as if they stood at `start`: each one stands one further than the one before.",
    edit=("_positions(hidden, start)", "torch.full((hidden.shape[-2],), start)"),
)


@decoupled_key.variant
def decoupled_key_with_linear(hidden, weight, start=0, base=10_000.0):
    key = functional.linear(hidden, weight)
    positions = start + torch.arange(key.shape[-2])
    return reference.apply_rotary(key, reference.rotary_angles(positions, key.shape[-1], base))


@decoupled_key.variant
def decoupled_key_token_by_token(hidden, weight, start=0, base=10_000.0):
    keys = []
    for offset, token in enumerate(hidden.unbind(dim=-2)):
        angles = reference.rotary_angles(torch.tensor([start + offset]), len(weight), base)
        keys.append(reference.apply_rotary((token @ weight.T).unsqueeze(-2), angles))
    return torch.cat(keys, dim=-2)


# ------------------------------------------------------------------------------------------------------------
latent_attention = function(reference.latent_attention, points=4, atol=1e-4, rtol=1e-3)
latent_attention.hint(
    idea="The matrix that would make the keys can be moved over to the query, once. Then queries meet "
    "latents directly.",
)
SCALE = "math.sqrt(query_content.shape[-1] + query_rotary.shape[-1])"


def draw_attention(draw: Draw, *batch: int, queries: int = 5, dtype: torch.dtype = torch.float32) -> dict:
    """Draw three heads with queries of 4 + 6 numbers, and seven latents of 8 numbers, with values of 9."""
    return {
        "query_content": draw.normal(*batch, 3, queries, 4, dtype=dtype),
        "query_rotary": draw.normal(*batch, 3, queries, 6, dtype=dtype),
        "latent": draw.normal(*batch, 7, 8, dtype=dtype),
        "rotary_key": draw.normal(*batch, 7, 6, dtype=dtype),
        "up_key": draw.normal(3, 4, 8, scale=0.5, dtype=dtype),
        "up_value": draw.normal(3, 9, 8, scale=0.5, dtype=dtype),
    }


@latent_attention.case("one sequence")
def _(draw):
    return draw_attention(draw)


@latent_attention.case("a batch of sequences")
def _(draw):
    return draw_attention(draw, 2)


@latent_attention.case("one new token")
def _(draw):
    return draw_attention(draw, 2, queries=1)


@latent_attention.case("a causal mask")
def _(draw):
    return {**draw_attention(draw, 2), "mask": torch.ones(5, 7, dtype=torch.bool).tril(2)}


@latent_attention.case("another mask, two leading axes, double precision", hidden=True)
def _(draw):
    mask = draw.booleans(5, 7)
    mask[:, draw.integer(0, 7)] = True
    return {**draw_attention(draw, 2, 4, dtype=torch.float64), "mask": mask}


@latent_attention.case("scores of hundreds stay finite", hidden=True, atol=1e-2)
def _(draw):
    inputs = draw_attention(draw, 2)
    return {**inputs, "query_content": 100 * inputs["query_content"]}


# A stopwatch would show that keys were made, on a machine with nothing else to do. This shows it on any.
@latent_attention.case("keys too large for float32 are not needed", weight=2)
def _(draw):
    return {
        "query_content": draw.normal(2, 3, 5, 4, scale=1e-37),
        "query_rotary": draw.normal(2, 3, 5, 6),
        "latent": draw.normal(2, 7, 8, scale=1e19),
        "rotary_key": draw.normal(2, 7, 6),
        "up_key": draw.normal(3, 4, 8, scale=1e20),
        "up_value": draw.normal(3, 9, 8, scale=1e-19),
    }


latent_attention.mistake(
    "The scores are divided by sqrt(nope_dim): the scale counts both parts of a query, nope_dim + rope_dim.",
    edit=(SCALE, "math.sqrt(query_content.shape[-1])"),
)
latent_attention.mistake(
    "The scores are divided by sqrt(rank + rope_dim), the size of the query brought to the latents. The "
    "scale stays that of the keys which are never made: sqrt(nope_dim + rope_dim).",
    edit=(SCALE, "math.sqrt(query_latent.shape[-1] + query_rotary.shape[-1])"),
)
latent_attention.mistake(
    "The scores are not divided by sqrt(nope_dim + rope_dim).",
    edit=(f"scores = scores / {SCALE}", "pass"),
)
latent_attention.mistake(
    "The rotary part is left out of the scores: the heads no longer know where a token stands.",
    edit=(" + query_rotary @ rotary_key.transpose(-2, -1)", ""),
)
latent_attention.mistake(
    "The mask is ignored.",
    edits=[
        ('scores = scores.masked_fill(~mask, float("-inf"))', "pass"),
        ("weights = weights.masked_fill(~mask, 0.0)", "pass"),
    ],
)
latent_attention.mistake(
    "The mask is the wrong way around: True means that a query may look at a key.",
    edits=[
        ("scores.masked_fill(~mask", "scores.masked_fill(mask"),
        ("weights.masked_fill(~mask", "weights.masked_fill(mask"),
    ],
)
latent_attention.mistake(
    "The softmax runs over the queries (dim=-2): each query spreads its weight over the keys (dim=-1).",
    edit=("torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-2)"),
)
latent_attention.mistake(
    "The average latent is returned: W^UV still has to make each head's value of it.",
    edit=("return average_latent @ up_value.transpose(-2, -1)", "return average_latent"),
)

latent_attention.mistake(
    "Latents and rotary keys are given without an axis for the heads, which share them: put one in front of "
    "the tokens, `latent.unsqueeze(-3)`, or a batch is taken for the heads.",
    edit=("latent, rotary_key = latent.unsqueeze(-3), rotary_key.unsqueeze(-3)", "pass"),
)


@latent_attention.mistake(
    "The numbers are right, but the keys of all heads are made on the way, for every token again. (Where "
    "they would not fit into float32, that shows.) Bring the query to the latents: up_key acts on the "
    "query; average the latents, and apply up_value once."
)
def attention_on_expanded_keys(query_content, query_rotary, latent, rotary_key, up_key, up_value, mask=None):
    keys, values = reference.expand(latent, up_key, up_value)
    shared = rotary_key.unsqueeze(-3).expand(*keys.shape[:-1], -1)
    keys, query = torch.cat((keys, shared), dim=-1), torch.cat((query_content, query_rotary), dim=-1)
    scores = query @ keys.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1) @ values


@latent_attention.variant
def with_einsum(query_content, query_rotary, latent, rotary_key, up_key, up_value, mask=None):
    scale = (query_content.shape[-1] + query_rotary.shape[-1]) ** -0.5
    in_latent_space = torch.einsum("...hqd,hdr->...hqr", query_content, up_key)
    scores = torch.einsum("...hqr,...kr->...hqk", in_latent_space, latent)
    scores = (scores + torch.einsum("...hqd,...kd->...hqk", query_rotary, rotary_key)) * scale
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf)
    average = torch.einsum("...hqk,...kr->...hqr", scores.softmax(-1), latent)
    return torch.einsum("...hqr,hvr->...hqv", average, up_value)


@latent_attention.variant
def as_multi_query(query_content, query_rotary, latent, rotary_key, up_key, up_value, mask=None):
    """One head of keys, latent and rotary key side by side; all heads' queries ask it in one row."""
    query = torch.cat((query_content @ up_key, query_rotary), dim=-1)
    key = torch.cat((latent, rotary_key), dim=-1)
    scale = 1 / math.sqrt(query_content.shape[-1] + query_rotary.shape[-1])
    mask = None if mask is None else mask.repeat(len(up_key), 1)
    average = functional.scaled_dot_product_attention(
        query.flatten(-3, -2), key, latent, attn_mask=mask, scale=scale
    )
    return average.unflatten(-2, query.shape[-3:-1]) @ up_value.mT


latent_attention.equivalent(
    "scores = scores / math.sqrt(query_content.shape[-1] + rotary_key.shape[-1])",
    "the rotary parts of query and key have the same size",
)
# The second guard and what it guards are for queries that may look at nothing.
for unseen in ("if False:", "weights = weights"):
    latent_attention.equivalent(unseen, "the task promises that every query may look at one key at least")

# ------------------------------------------------------------------------------------------------------------
latent_cache_class = stateful(latent_cache.LatentCache, points=2)
latent_cache_class.hint(
    idea="New tokens come after the old ones, along the axis of the tokens, and what is returned is all that"
    " was read so far.",
)
JOIN_KEYS = "self.rotary_key = torch.cat((self.rotary_key, rotary_key), dim=-2)"


def draw_appends(draw: Draw, *lengths: int, dtype: torch.dtype = torch.float32) -> Script:
    script = Script.build()
    for length in lengths:
        latent, rotary_key = draw.normal(2, length, 5, dtype=dtype), draw.normal(2, length, 4, dtype=dtype)
        script = script.call("append", latent, rotary_key)
    return script


@latent_cache_class.case("an empty cache")
def _(_draw):
    return Script.build().get("length").get("num_bytes")


@latent_cache_class.case("a prompt, then one token")
def _(draw):
    return draw_appends(draw, 3, 1).get("length").get("num_bytes")


@latent_cache_class.case("many appends")
def _(draw):
    return draw_appends(draw, 1, 1, 4, 1).get("length").get("latent").get("rotary_key")


@latent_cache_class.case("two layers with a cache each")
def _(draw):
    parts = [(draw.normal(2, length, 5), draw.normal(2, length, 4)) for length in (3, 2, 1)]
    script = Script.build().call("append", *parts[0]).another().call("append", *parts[1]).first()
    return script.call("append", *parts[2]).get("length")


@latent_cache_class.case("bytes in double and in half precision", hidden=True)
def _(draw):
    dtype = draw.choice([torch.float64, torch.bfloat16])
    return draw_appends(draw, 6, 2, dtype=dtype).get("num_bytes").get("length")


@latent_cache_class.case("no batch axis", hidden=True)
def _(draw):
    return (
        Script.build()
        .call("append", draw.normal(3, 6), draw.normal(3, 2))
        .call("append", draw.normal(2, 6), draw.normal(2, 2))
        .get("num_bytes")
    )


latent_cache_class.mistake(
    "The new tokens replace the old ones: put them behind what is already there.",
    edits=[
        ("self.latent = torch.cat((self.latent, latent), dim=-2)", "self.latent = latent"),
        (
            "self.rotary_key = torch.cat((self.rotary_key, rotary_key), dim=-2)",
            "self.rotary_key = rotary_key",
        ),
    ],
)


@latent_cache_class.mistake(
    "All caches hold the same tokens: they are kept in the class or in a global variable. Keep them in "
    "`self`."
)
class CacheOfAllLayers(latent_cache.LatentCache):
    def __init__(self):
        type(self).latent = type(self).rotary_key = None

    def append(self, latent, rotary_key):
        kind = type(self)
        if kind.latent is not None:
            latent = torch.cat((kind.latent, latent), dim=-2)
            rotary_key = torch.cat((kind.rotary_key, rotary_key), dim=-2)
        kind.latent, kind.rotary_key = latent, rotary_key
        return latent, rotary_key


latent_cache_class.mistake(
    "`append` returns the new tokens only; attention needs all of them.",
    edit=("return self.latent, self.rotary_key", "return latent, rotary_key"),
)
latent_cache_class.mistake(
    "The new tokens are put in front of the old ones: the oldest token comes first.",
    edits=[
        ("(self.latent, latent)", "(latent, self.latent)"),
        ("(self.rotary_key, rotary_key)", "(rotary_key, self.rotary_key)"),
    ],
)
latent_cache_class.mistake(
    "The rotary keys are not kept with the latents: they are lost after the first append.",
    edit=(
        "self.rotary_key = torch.cat((self.rotary_key, rotary_key), dim=-2)",
        "self.rotary_key = rotary_key",
    ),
)
latent_cache_class.mistake(
    "The bytes of the rotary keys are not counted.",
    edit=("stored = [self.latent, self.rotary_key]", "stored = [self.latent]"),
)
latent_cache_class.mistake(
    "Every number is counted as four bytes: ask the tensor, `element_size()`.",
    edit=("part.numel() * part.element_size()", "part.numel() * 4"),
)
latent_cache_class.mistake(
    "Numbers are counted, not bytes: multiply by the bytes of one number, `element_size()`.",
    edit=("part.numel() * part.element_size()", "part.numel()"),
)
latent_cache_class.mistake(
    "The length is the first axis, which is the batch: tokens are the axis before the last.",
    edit=("self.latent.shape[-2]", "self.latent.shape[0]"),
)


@latent_cache_class.variant
class CacheOfPieces:
    """Keeps the pieces in lists and joins them when asked."""

    def __init__(self):
        self.pieces = []

    def append(self, latent, rotary_key):
        self.pieces.append((latent, rotary_key))
        return self.latent, self.rotary_key

    @property
    def latent(self):
        return torch.cat([latent for latent, _ in self.pieces], dim=-2)

    @property
    def rotary_key(self):
        return torch.cat([key for _, key in self.pieces], dim=-2)

    @property
    def length(self):
        return sum(latent.shape[-2] for latent, _ in self.pieces)

    @property
    def num_bytes(self):
        return sum(tensor.nbytes for piece in self.pieces for tensor in piece)


@latent_cache_class.variant
class CacheThatCounts:
    """Plain attributes, updated by each append."""

    def __init__(self):
        self.latent = self.rotary_key = None
        self.length = self.num_bytes = 0

    def append(self, latent, rotary_key):
        if self.length == 0:
            self.latent, self.rotary_key = latent.clone(), rotary_key.clone()
        else:
            self.latent = torch.cat([self.latent, latent], -2)
            self.rotary_key = torch.cat([self.rotary_key, rotary_key], -2)
        self.length += latent.shape[-2]
        self.num_bytes += latent.nbytes + rotary_key.nbytes
        return self.latent, self.rotary_key


latent_cache_class.equivalent(
    "if self.latent is None and self.rotary_key is None:", "both are None, or neither is"
)

# ------------------------------------------------------------------------------------------------------------
layer = module(reference.MultiHeadLatentAttention, points=4, atol=1e-4)
layer.hint(
    idea="Compress, give the position to the decoupled key, attend, and project. Each piece is one of the "
    "tasks before.",
)

SIZES = {"d_model": 10, "num_heads": 3, "kv_rank": 5, "nope_dim": 4, "rope_dim": 6, "value_dim": 7}


@layer.case("all tokens at once")
def _(draw):
    return Script.build({**SIZES, "query_rank": 8}).weights().forward(draw.normal(2, 9, 10))


@layer.case("queries made from the token, not from a latent")
def _(draw):
    return Script.build({**SIZES, "base": 30.0}).weights().forward(draw.normal(2, 9, 10))


@layer.case("one new token and a cache")
def _(draw):
    script = Script.build({**SIZES, "query_rank": 8}).weights()
    return script.call("attend", draw.normal(2, 1, 10), draw.normal(2, 9, 5), draw.normal(2, 9, 6))


@layer.case("three new tokens and a cache")
def _(draw):
    script = Script.build({**SIZES, "base": 30.0}).weights()
    return script.call("attend", draw.normal(2, 3, 10), draw.normal(2, 9, 5), draw.normal(2, 9, 6))


@layer.case("queries and what is remembered, further on", hidden=True)
def _(draw):
    script = Script.build({**SIZES, "query_rank": 8, "base": 30.0}).weights()
    hidden = draw.normal(2, 4, 10)
    return script.call("queries", hidden).call("queries", hidden, 11).call("compress", hidden, 11)


@layer.case("gradients", hidden=True, weight=2)
def _(draw):
    return Script.build({**SIZES, "query_rank": 8}).weights().forward(draw.normal(2, 7, 10)).gradients()


layer.mistake(
    "The new tokens are treated as if they stood at positions 0, 1, ...: they are the last of all tokens, so "
    "the first of them stands at total - new.",
    edit=("self.queries(hidden, start)", "self.queries(hidden)"),
)
layer.mistake(
    "In `attend`, new tokens see later ones: each may look at itself and at what is before.",
    edit=("mask = _mask(hidden, start)", "mask = None"),
)
layer.mistake(
    "In `attend`, the mask starts in the wrong corner: the new tokens are the last of all, so even the first "
    "of them sees everything that was remembered before.",
    edit=("_mask(hidden, start)", "causal_mask(latent.shape[-2])[: hidden.shape[-2]]"),
)
layer.mistake(
    "In `forward`, there is no causal mask: tokens see later ones.",
    edit=("values, _mask(hidden))", "values)"),
)
layer.mistake(
    "The latent of the queries is not normalized: it goes through RMSNorm as that of the keys does.",
    edit=("compress(hidden, self.down_query, self.query_norm)", "hidden @ self.down_query.T"),
)
layer.mistake(
    "The rotary part of the queries is not turned: then scores depend on where the key stands, not on how "
    "far away it is.",
    edit=("apply_rotary(rotary, rotary_angles(_positions(hidden, start), c.rope_dim, c.base))", "rotary"),
)
layer.mistake(
    "The rotary part is taken from the front of a query: content comes first, the last rope_dim numbers "
    "are turned.",
    edit=(
        "content, rotary = split_rotary(query, c.rope_dim)",
        "rotary, content = query.split([c.rope_dim, c.nope_dim], dim=-1)",
    ),
)
layer.mistake(
    "The heads are joined without bringing the tokens in front first: numbers of different tokens get mixed.",
    edit=("x.transpose(-3, -2).flatten(-2)", "x.reshape(*x.shape[:-3], x.shape[-2], -1)"),
    of=merge_heads,
)


class _Parameters(nn.Module):
    """The parameters, as the exercise gives them."""

    def __init__(self, config):
        super().__init__()
        self.config = c = reference.MLAConfig(**config)
        shapes = {
            "up_query": (c.num_heads, c.nope_dim + c.rope_dim, c.query_rank or c.d_model),
            "down_kv": (c.kv_rank, c.d_model),
            "kv_norm": (c.kv_rank,),
            "up_key": (c.num_heads, c.nope_dim, c.kv_rank),
            "up_value": (c.num_heads, c.value_dim, c.kv_rank),
            "rotary_key": (c.rope_dim, c.d_model),
            "output": (c.d_model, c.num_heads * c.value_dim),
        }
        if c.query_rank:
            shapes |= {"down_query": (c.query_rank, c.d_model), "query_norm": (c.query_rank,)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.ones(shape)))

    def compress(self, hidden, start=0):
        latent = reference.compress(hidden, self.down_kv, self.kv_norm)
        return latent, reference.decoupled_key(hidden, self.rotary_key, start, self.config.base)


@layer.variant
class AlwaysLatent(_Parameters):
    """`forward` is `attend` on everything."""

    def queries(self, hidden, start=0):
        if self.config.query_rank:
            hidden = reference.compress(hidden, self.down_query, self.query_norm)
        query = hidden.unsqueeze(-3) @ self.up_query.mT
        content, rotary = query[..., : self.config.nope_dim], query[..., self.config.nope_dim :]
        positions = start + torch.arange(query.shape[-2])
        return content, reference.apply_rotary(
            rotary, reference.rotary_angles(positions, self.config.rope_dim, self.config.base)
        )

    def forward(self, hidden):
        return self.attend(hidden, *self.compress(hidden))

    def attend(self, hidden, latent, rotary_key):
        old = latent.shape[-2] - hidden.shape[-2]
        mask = torch.ones(hidden.shape[-2], latent.shape[-2], dtype=torch.bool).tril(old)
        heads = reference.latent_attention(
            *self.queries(hidden, old), latent, rotary_key, self.up_key, self.up_value, mask
        )
        return heads.transpose(-3, -2).flatten(-2) @ self.output.T


@layer.variant
class AlwaysExpanded(AlwaysLatent):
    """`attend` makes keys and values, with PyTorch's attention and one output matrix per head."""

    def attend(self, hidden, latent, rotary_key):
        old = latent.shape[-2] - hidden.shape[-2]
        content_keys, values = reference.expand(latent, self.up_key, self.up_value)
        keys = torch.cat((content_keys, rotary_key.unsqueeze(-3).expand(*content_keys.shape[:-1], -1)), -1)
        mask = torch.ones(hidden.shape[-2], latent.shape[-2], dtype=torch.bool).tril(old)
        queries = torch.cat(self.queries(hidden, old), dim=-1)
        heads = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        by_head = self.output.unflatten(-1, (self.config.num_heads, -1))
        return torch.einsum("...htv,mhv->...tm", heads, by_head)


layer.equivalent(
    "self.config = c = MLAConfig(**config)",
    "an exercise gives the sizes as a mapping; an MLAConfig is for the course's own code",
)
layer.equivalent("start = rotary_key.shape[-2] - hidden.shape[-2]", "there is a rotary key for each latent")
