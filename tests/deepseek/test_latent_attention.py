"""The reference for multi-head latent attention against transformers, PyTorch and published numbers."""

import math

import pytest
import torch
from torch.nn import functional

from course_utils.deepseek.latent_attention import (
    LatentCache,
    MLAConfig,
    MultiHeadLatentAttention,
    absorb,
    apply_rotary,
    compress,
    decode_step,
    decoupled_key,
    expand,
    kv_cache_elements_per_token,
    latent_attention,
    rotary_angles,
    split_rotary,
)
from course_utils.transformers.attention import causal_mask, scaled_dot_product_attention

SIZES = {
    "queries compressed": MLAConfig(
        d_model=32, num_heads=4, kv_rank=12, nope_dim=6, rope_dim=8, value_dim=10, query_rank=20
    ),
    "queries from the token": MLAConfig(
        d_model=15, num_heads=3, kv_rank=7, nope_dim=5, rope_dim=2, value_dim=9, base=37.0
    ),
    "one head": MLAConfig(
        d_model=9, num_heads=1, kv_rank=1, nope_dim=3, rope_dim=6, value_dim=2, query_rank=5
    ),
}
DTYPES = {torch.float32: 1e-4, torch.float64: 1e-10}


def random_layer(config: MLAConfig, seed: int, dtype: torch.dtype = torch.float64):
    """A layer with no weight left at a value, such as one or zero, that would hide an error."""
    generator = torch.Generator().manual_seed(seed)
    layer = MultiHeadLatentAttention(config).to(dtype)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(0.4 * torch.randn(weight.shape, generator=generator, dtype=dtype))
    return layer, generator


def decode(layer, hidden, pieces):
    cache = LatentCache()
    outputs = [decode_step(layer, piece, cache) for piece in hidden.split(pieces, dim=-2)]
    return torch.cat(outputs, dim=-2), cache


# --- against transformers -----------------------------------------------------------------------------------


def transformers_attention(layer: MultiHeadLatentAttention):
    """The same layer in transformers, with the same weights, and its rotary embedding."""
    modeling = pytest.importorskip("transformers.models.deepseek_v3.modeling_deepseek_v3")
    from transformers import DeepseekV3Config

    c = layer.config
    config = DeepseekV3Config(
        vocab_size=11,
        hidden_size=c.d_model,
        num_attention_heads=c.num_heads,
        num_key_value_heads=c.num_heads,
        q_lora_rank=c.query_rank,
        kv_lora_rank=c.kv_rank,
        qk_nope_head_dim=c.nope_dim,
        qk_rope_head_dim=c.rope_dim,
        v_head_dim=c.value_dim,
        rope_parameters={"rope_type": "default", "rope_theta": c.base},
        max_position_embeddings=64,
        attn_implementation="eager",
    )
    other = modeling.DeepseekV3Attention(config, layer_idx=0).to(layer.output.dtype)
    by_head = torch.cat((layer.up_key, layer.up_value), dim=1)  # heads, nope_dim + value_dim, rank
    state = {
        "kv_a_proj_with_mqa.weight": torch.cat((layer.down_kv, layer.rotary_key)),
        "kv_a_layernorm.weight": layer.kv_norm,
        "kv_b_proj.weight": by_head.flatten(0, 1),
        "o_proj.weight": layer.output,
    }
    if c.query_rank is None:
        state["q_proj.weight"] = layer.up_query.flatten(0, 1)
    else:
        state["q_a_proj.weight"] = layer.down_query
        state["q_a_layernorm.weight"] = layer.query_norm
        state["q_b_proj.weight"] = layer.up_query.flatten(0, 1)
    other.load_state_dict({name: value.detach() for name, value in state.items()}, strict=True)
    return other, modeling.DeepseekV3RotaryEmbedding(config)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", SIZES)
def test_layer_equals_transformers(sizes, seed, dtype):
    layer, generator = random_layer(SIZES[sizes], seed, dtype)
    other, rotary = transformers_attention(layer)
    hidden = torch.randn(2, 13, layer.config.d_model, generator=generator, dtype=dtype)
    hidden.requires_grad_(True)

    positions = torch.arange(13)[None]
    unseen = torch.zeros(13, 13, dtype=dtype).masked_fill(~causal_mask(13), torch.finfo(dtype).min)
    expected, _ = other(hidden, rotary(hidden, positions), unseen[None, None])
    actual = layer(hidden)
    # transformers computes rotary angles, normalization and softmax in float32 whatever the dtype.
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4)

    direction = torch.randn(actual.shape, generator=generator, dtype=dtype)
    (expected_gradient,) = torch.autograd.grad((expected * direction).sum(), hidden)
    (gradient,) = torch.autograd.grad((actual * direction).sum(), hidden)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-3)


@pytest.mark.oracle
def test_cache_holds_what_the_cache_of_transformers_holds():
    from transformers import DynamicCache

    layer, generator = random_layer(SIZES["queries compressed"], seed=7, dtype=torch.float32)
    other, rotary = transformers_attention(layer)
    hidden = torch.randn(2, 9, 32, generator=generator)
    theirs, ours = DynamicCache(), LatentCache()
    for t in range(9):
        new = hidden[:, t : t + 1]
        expected, _ = other(new, rotary(new, torch.tensor([[t]])), None, past_key_values=theirs)
        torch.testing.assert_close(decode_step(layer, new, ours), expected, rtol=1e-3, atol=1e-4)
    latent, rotary_key = theirs.layers[0].keys[:, 0], theirs.layers[0].values[:, 0]
    torch.testing.assert_close(ours.latent, latent, rtol=1e-3, atol=1e-4)
    # Theirs is stored with the pairs pulled apart: first partners, then second partners.
    pulled_apart = torch.cat((ours.rotary_key[..., 0::2], ours.rotary_key[..., 1::2]), dim=-1)
    torch.testing.assert_close(pulled_apart, rotary_key, rtol=1e-3, atol=1e-4)


# --- against PyTorch ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_forward_equals_torch_attention_on_expanded_keys_and_values(sizes, dtype):
    layer, generator = random_layer(SIZES[sizes], seed=1, dtype=dtype)
    hidden = torch.randn(3, 11, layer.config.d_model, generator=generator, dtype=dtype)
    latent, rotary_key = layer.compress(hidden)
    keys, values = expand(latent, layer.up_key, layer.up_value)
    keys = torch.cat((keys, rotary_key[:, None].expand(-1, keys.shape[1], -1, -1)), dim=-1)
    heads = functional.scaled_dot_product_attention(
        torch.cat(layer.queries(hidden), dim=-1), keys, values, is_causal=True
    )
    expected = heads.transpose(1, 2).reshape(3, 11, -1) @ layer.output.T
    torch.testing.assert_close(layer(hidden), expected, rtol=DTYPES[dtype], atol=DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_compress_equals_linear_and_rms_norm(dtype):
    generator = torch.Generator().manual_seed(2)
    hidden, down, norm = (
        torch.randn(*s, generator=generator, dtype=dtype) for s in ((2, 5, 8), (3, 8), (3,))
    )
    expected = functional.rms_norm(functional.linear(hidden, down), (3,), norm, eps=1e-6)
    torch.testing.assert_close(compress(hidden, down, norm), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e12])
def test_compress_is_finite_for_extreme_tokens(scale):
    latent = compress(scale * torch.ones(4, 6), torch.ones(3, 6), torch.full((3,), 2.0))
    assert torch.isfinite(latent).all()
    assert latent.max() <= 2.0 + 1e-5


def test_expand_gives_each_head_its_own_matrix():
    generator = torch.Generator().manual_seed(3)
    latent, up_key, up_value = (torch.randn(*s, generator=generator) for s in ((5, 4), (3, 6, 4), (3, 2, 4)))
    keys, values = expand(latent, up_key, up_value)
    for head in range(3):
        torch.testing.assert_close(keys[head], latent @ up_key[head].T)
        torch.testing.assert_close(values[head], latent @ up_value[head].T)


# --- rotary -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [10_000.0, 23.0])
@pytest.mark.parametrize("dim", [2, 6, 64])
def test_rotary_is_multiplication_by_a_complex_number_of_length_one(dim, base):
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(2, 3, 17, dim, generator=generator, dtype=torch.float64)
    positions = torch.arange(5, 22)
    turned = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * torch.polar(
        torch.ones(17, dim // 2, dtype=torch.float64),
        torch.outer(positions.double(), base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)),
    )
    actual = apply_rotary(x, rotary_angles(positions, dim, base))
    torch.testing.assert_close(actual, torch.view_as_real(turned).flatten(-2))


@pytest.mark.parametrize("shift", [1, 40, 130_000])
def test_rotary_scores_depend_on_the_difference_of_positions_only(shift):
    generator = torch.Generator().manual_seed(5)
    query, key = torch.randn(2, 9, 10, generator=generator, dtype=torch.float64)
    positions = torch.arange(9)

    def scores(offset):
        angles = rotary_angles(positions + offset, 10)
        return apply_rotary(query, angles) @ apply_rotary(key, angles).T

    torch.testing.assert_close(scores(0), scores(shift))
    turned_key_only = query @ apply_rotary(key, rotary_angles(positions, 10)).T
    assert not torch.allclose(scores(0), turned_key_only)


def test_rotary_keeps_lengths_and_dtype_and_refuses_odd_sizes():
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(6))
    turned = apply_rotary(x, rotary_angles(torch.tensor([0, 7, 100_000]), 4))
    assert turned.dtype == torch.float32
    torch.testing.assert_close(turned[0], x[0])
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    with pytest.raises(ValueError, match="even; got 5"):
        rotary_angles(torch.arange(3), 5)
    with pytest.raises(ValueError, match="one angle"):
        apply_rotary(x, rotary_angles(torch.arange(3), 6))


def test_decoupled_key_goes_on_where_the_cache_ends():
    generator = torch.Generator().manual_seed(7)
    hidden, weight = torch.randn(9, 5, generator=generator), torch.randn(4, 5, generator=generator)
    whole = decoupled_key(hidden, weight, base=50.0)
    torch.testing.assert_close(decoupled_key(hidden[6:], weight, start=6, base=50.0), whole[6:])
    assert not torch.allclose(decoupled_key(hidden[6:], weight, start=5, base=50.0), whole[6:])


# --- absorption, cache, decoding ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(3))
def test_latent_attention_equals_attention_on_expanded_keys_and_values(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((2, 3, 5, 4), (2, 3, 5, 6), (2, 8, 7), (2, 8, 6), (3, 4, 7), (3, 9, 7))
    content, rotary, latent, rotary_key, up_key, up_value = (
        torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes
    )
    keys, values = expand(latent, up_key, up_value)
    keys = torch.cat((keys, rotary_key[:, None].expand(-1, 3, -1, -1)), dim=-1)
    for mask in (None, causal_mask(5, 8)):
        expected, _ = scaled_dot_product_attention(
            torch.cat((content, rotary), dim=-1), keys, values, None if mask is None else mask[None]
        )
        actual = latent_attention(content, rotary, latent, rotary_key, up_key, up_value, mask)
        torch.testing.assert_close(actual, expected, rtol=10 * DTYPES[dtype], atol=10 * DTYPES[dtype])


def test_a_query_that_may_look_at_nothing_gets_nothing():
    generator = torch.Generator().manual_seed(14)
    shapes = ((2, 3, 5, 4), (2, 3, 5, 6), (2, 8, 7), (2, 8, 6), (3, 4, 7), (3, 9, 7))
    inputs = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]
    mask = causal_mask(5, 8)
    whole = latent_attention(*inputs, mask)
    mask[3] = False
    output = latent_attention(*[x.requires_grad_() for x in inputs], mask)
    expected = whole.clone()
    expected[..., 3, :] = 0.0
    torch.testing.assert_close(output, expected)
    output.sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in inputs)


def test_absorbed_matrices_give_the_same_layer():
    layer, generator = random_layer(SIZES["queries compressed"], seed=8)
    c = layer.config
    hidden = torch.randn(7, c.d_model, generator=generator, dtype=torch.float64)
    to_latent, to_output = absorb(layer.up_query[:, : c.nope_dim], layer.up_key, layer.up_value, layer.output)
    latent, rotary_key = layer.compress(hidden)
    query_latent = compress(hidden, layer.down_query, layer.query_norm)
    _, rotary = layer.queries(hidden)
    scores = query_latent @ to_latent.transpose(1, 2) @ latent.T + rotary @ rotary_key.T
    scores = scores / math.sqrt(c.nope_dim + c.rope_dim)
    weights = scores.masked_fill(~causal_mask(7), -math.inf).softmax(dim=-1)
    output = (weights @ latent @ to_output.transpose(1, 2)).sum(dim=0)
    torch.testing.assert_close(output, layer(hidden))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pieces", [1, 4, [5, 1, 1, 4], 11])
@pytest.mark.parametrize("sizes", SIZES)
def test_decoding_in_any_pieces_equals_the_full_forward(sizes, pieces, dtype):
    layer, generator = random_layer(SIZES[sizes], seed=9, dtype=dtype)
    c = layer.config
    hidden = torch.randn(2, 11, c.d_model, generator=generator, dtype=dtype)
    output, cache = decode(layer, hidden, pieces)
    torch.testing.assert_close(output, layer(hidden), rtol=DTYPES[dtype], atol=DTYPES[dtype])
    assert cache.length == 11
    assert cache.num_bytes == 2 * 11 * (c.kv_rank + c.rope_dim) * dtype.itemsize


def test_no_token_sees_a_later_one():
    layer, generator = random_layer(SIZES["queries compressed"], seed=10)
    hidden = torch.randn(8, 32, generator=generator, dtype=torch.float64)
    changed = hidden.clone()
    changed[5] += 1.0
    before, after = layer(hidden), layer(changed)
    torch.testing.assert_close(before[:5], after[:5], rtol=0, atol=0)
    assert (before[5:] - after[5:]).abs().amax(dim=-1).min() > 1e-4


def test_output_depends_on_where_the_tokens_stand_to_one_another_only():
    layer, generator = random_layer(SIZES["queries from the token"], seed=11)
    hidden = torch.randn(6, 15, generator=generator, dtype=torch.float64)
    latent, rotary_key = layer.compress(hidden)
    # A cache that begins with 90 tokens out of sight moves every position by 90 and must change nothing.
    content, rotary = layer.queries(hidden, start=90)
    _, moved_key = layer.compress(hidden, start=90)
    weights = (layer.up_key, layer.up_value, causal_mask(6))
    moved = latent_attention(content, rotary, latent, moved_key, *weights)
    torch.testing.assert_close(moved, latent_attention(*layer.queries(hidden), latent, rotary_key, *weights))
    assert not torch.allclose(moved, latent_attention(content, rotary, latent, rotary_key, *weights))


def test_every_parameter_learns():
    layer, generator = random_layer(SIZES["queries compressed"], seed=12)
    layer(torch.randn(5, 32, generator=generator, dtype=torch.float64)).square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in layer.parameters())


def test_fresh_layer_keeps_the_size_of_its_input():
    torch.manual_seed(13)
    layer = MultiHeadLatentAttention(
        MLAConfig(d_model=256, num_heads=8, kv_rank=64, nope_dim=32, rope_dim=16, value_dim=32)
    )
    first_output = layer(torch.randn(64, 1, 256))  # one token looks at itself: no averaging
    assert 0.8 < first_output.std() < 1.25


def test_cache_refuses_a_latent_without_its_key():
    with pytest.raises(ValueError, match="one latent and one rotary key"):
        LatentCache().append(torch.zeros(2, 3, 4), torch.zeros(2, 2, 6))
    empty = LatentCache()
    assert (empty.length, empty.num_bytes) == (0, 0)


def test_split_rotary_takes_the_last_numbers():
    x = torch.arange(24).reshape(2, 3, 4)
    content, rotary = split_rotary(x, 3)
    assert torch.equal(torch.cat((content, rotary), dim=-1), x)
    assert rotary.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rope_dim": 5}, "even; got 5"),
        ({"kv_rank": 0}, "kv_rank must be positive"),
        ({"base": -1.0}, "base"),
    ],
)
def test_impossible_sizes_are_refused(wrong, message):
    sizes = {"d_model": 8, "num_heads": 2, "kv_rank": 4, "nope_dim": 3, "rope_dim": 2, "value_dim": 5} | wrong
    with pytest.raises(ValueError, match=message):
        MultiHeadLatentAttention(sizes)


# --- published numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "kilobytes", "method", "layers", "sizes"),
    [
        # "Insights into DeepSeek-V3" (arXiv 2505.09343), table 1; KB are 1000 bytes, numbers of 2 bytes.
        ("DeepSeek-V3", 70.272, "mla", 61, {"kv_rank": 512, "rope_dim": 64}),
        ("Qwen2.5-72B", 327.680, "gqa", 80, {"num_groups": 8, "head_dim": 128}),
        ("LLaMA-3.1-405B", 516.096, "gqa", 126, {"num_groups": 8, "head_dim": 128}),
    ],
)
def test_published_cache_sizes(model, kilobytes, method, layers, sizes):
    assert 2 * kv_cache_elements_per_token(method, layers, **sizes) / 1000 == pytest.approx(kilobytes), model


def test_mla_of_deepseek_v2_is_as_large_as_gqa_with_two_and_a_quarter_groups():
    mla = kv_cache_elements_per_token("mla", 60, kv_rank=4 * 128, rope_dim=128 // 2)
    one_group = kv_cache_elements_per_token("gqa", 60, num_groups=1, head_dim=128)
    assert mla == 2.25 * one_group
    assert one_group == kv_cache_elements_per_token("mqa", 60, head_dim=128)


@pytest.mark.parametrize("heads", [1, 4, 32])
def test_all_groups_or_one_group_are_mha_and_mqa(heads):
    mha = kv_cache_elements_per_token("mha", 7, num_heads=heads, head_dim=5)
    assert mha == kv_cache_elements_per_token("gqa", 7, num_groups=heads, head_dim=5)
    assert mha == heads * kv_cache_elements_per_token("mqa", 7, head_dim=5)


def test_cache_size_needs_a_known_method_and_its_sizes():
    with pytest.raises(ValueError, match="mha, gqa, mqa, mla; got 'linear'"):
        kv_cache_elements_per_token("linear", 3, head_dim=4)
    with pytest.raises(ValueError, match="not given"):
        kv_cache_elements_per_token("mla", 3, kv_rank=4)
