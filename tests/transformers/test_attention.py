"""The attention reference against PyTorch's own, and the properties that attention must have."""

import doctest
import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from course_utils.transformers import attention
from course_utils.transformers.attention import (
    GroupedQueryAttention,
    MultiHeadAttention,
    causal_mask,
    merge_heads,
    padding_mask,
    scaled_dot_product_attention,
    split_heads,
)

SEEDS = range(5)
DTYPES = [torch.float32, torch.float64]
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 2e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-12}}
# (batch axes, queries, keys, d_k, d_v): all sizes differ, one of each kind is 1.
SHAPES = [
    ((), 5, 6, 7, 4),
    ((2,), 5, 6, 7, 4),
    ((2, 3), 5, 6, 7, 4),
    ((2, 3, 8), 1, 6, 7, 4),
    ((3,), 5, 1, 7, 4),
    ((3,), 5, 6, 1, 2),
    ((2,), 33, 65, 17, 1),
]


def normal(seed: int, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype) * scale


def draw(
    seed: int, shape: tuple, dtype: torch.dtype = torch.float32, scale: float = 1.0
) -> tuple[Tensor, ...]:
    batch, queries, keys, d_k, d_v = shape
    query = normal(3 * seed, *batch, queries, d_k, dtype=dtype, scale=scale)
    key = normal(3 * seed + 1, *batch, keys, d_k, dtype=dtype, scale=scale)
    return query, key, normal(3 * seed + 2, *batch, keys, d_v, dtype=dtype)


def draw_mask(seed: int, *shape: int) -> Tensor:
    """A random mask; every query may look at its first key at least."""
    mask = torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    mask[..., 0] = True
    return mask


def randomize(module: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))


def test_doctests():
    failed, attempted = doctest.testmod(attention)
    assert failed == 0
    assert attempted > 10


class TestScaledDotProductAttention:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch(self, seed, shape, dtype):
        query, key, value = draw(seed, shape, dtype)
        output, weights = scaled_dot_product_attention(query, key, value)
        expected = functional.scaled_dot_product_attention(query, key, value)
        torch.testing.assert_close(output, expected, **TOLERANCE[dtype])
        assert weights.dtype == dtype

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch_with_a_mask(self, seed, shape, dtype):
        query, key, value = draw(seed, shape, dtype)
        batch, queries, keys, *_ = shape
        for mask in (
            draw_mask(seed, *batch, queries, keys),
            draw_mask(seed, queries, keys),
            draw_mask(seed, 1, keys),
        ):
            output, weights = scaled_dot_product_attention(query, key, value, mask)
            expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            torch.testing.assert_close(output, expected, **TOLERANCE[dtype])
            assert (weights[~mask.expand(weights.shape)] == 0).all()

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch_is_causal(self, seed, dtype):
        query, key, value = draw(seed, ((2, 3), 9, 9, 7, 4), dtype)
        output, _ = scaled_dot_product_attention(query, key, value, causal_mask(9))
        expected = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        torch.testing.assert_close(output, expected, **TOLERANCE[dtype])

    @pytest.mark.parametrize("seed", SEEDS)
    def test_gradients_equal_torch(self, seed):
        mask = draw_mask(seed, 5, 6)
        gradients = []
        for function in (
            lambda *a: scaled_dot_product_attention(*a)[0],
            functional.scaled_dot_product_attention,
        ):
            inputs = [x.requires_grad_() for x in draw(seed, ((2, 3), 5, 6, 7, 4), torch.float64)]
            output = function(*inputs, mask)
            output.backward(normal(seed, *output.shape, dtype=torch.float64))
            gradients.append([x.grad for x in inputs])
        torch.testing.assert_close(*gradients)

    def test_gradients_numerically(self):
        inputs = [x.requires_grad_() for x in draw(0, ((2,), 3, 4, 5, 2), torch.float64)]
        assert torch.autograd.gradcheck(
            lambda *a: scaled_dot_product_attention(*a, draw_mask(1, 3, 4)), inputs
        )

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_rows_of_the_weights_sum_to_one(self, shape, dtype):
        _, weights = scaled_dot_product_attention(*draw(1, shape, dtype))
        batch, queries, keys, *_ = shape
        assert weights.shape == (*batch, queries, keys)
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(-1), torch.ones(*batch, queries, dtype=dtype))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_order_of_the_keys_does_not_matter(self, seed):
        query, key, value = draw(seed, ((2,), 5, 6, 7, 4), torch.float64)
        order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
        output, weights = scaled_dot_product_attention(query, key, value)
        shuffled, shuffled_weights = scaled_dot_product_attention(query, key[:, order], value[:, order])
        torch.testing.assert_close(shuffled, output)
        torch.testing.assert_close(shuffled_weights, weights[..., order])

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_same_vector_added_to_all_keys_changes_nothing(self, seed):
        # It adds one number to each row of scores, and softmax(x + c) = softmax(x).
        query, key, value = draw(seed, ((2,), 5, 6, 7, 4), torch.float64)
        shift = normal(seed + 50, 2, 1, 7, dtype=torch.float64)
        torch.testing.assert_close(
            scaled_dot_product_attention(query, key + shift, value),
            scaled_dot_product_attention(query, key, value),
        )

    def test_the_output_lies_among_the_values(self):
        query, key, value = draw(3, ((2,), 5, 6, 7, 4), scale=3.0)
        output, _ = scaled_dot_product_attention(query, key, value)
        assert (output <= value.amax(-2, keepdim=True) + 1e-6).all()
        assert (output >= value.amin(-2, keepdim=True) - 1e-6).all()

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_scores_of_ten_thousand_stay_finite(self, dtype):
        query, key, value = draw(0, ((2,), 5, 6, 7, 4), dtype, scale=100.0)
        scores = query @ key.transpose(-2, -1)
        assert scores.abs().max() > 1e4
        output, weights = scaled_dot_product_attention(query, key, value, causal_mask(5, 6))
        assert torch.isfinite(output).all()
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 5, dtype=dtype))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_query_that_may_look_at_nothing_gets_nothing(self, dtype):
        inputs = [x.requires_grad_() for x in draw(0, ((2,), 5, 6, 7, 4), dtype)]
        mask = draw_mask(0, 2, 5, 6)
        mask[1, 3] = False
        output, weights = scaled_dot_product_attention(*inputs, mask)
        assert (output[1, 3] == 0).all()
        assert (weights[1, 3] == 0).all()
        torch.testing.assert_close(
            output, functional.scaled_dot_product_attention(*inputs, attn_mask=mask), **TOLERANCE[dtype]
        )
        output.sum().backward()
        assert all(torch.isfinite(x.grad).all() for x in inputs)
        assert (inputs[0].grad[1, 3] == 0).all()

    def test_inputs_are_not_changed(self):
        inputs = (*draw(0, ((2,), 5, 6, 7, 4)), draw_mask(0, 5, 6))
        before = [x.clone() for x in inputs]
        scaled_dot_product_attention(*inputs)
        torch.testing.assert_close(list(inputs), before, rtol=0, atol=0)

    def test_batch_axes_broadcast(self):
        query, key, value = normal(0, 5, 7), normal(1, 2, 6, 7), normal(2, 2, 6, 4)
        mask = draw_mask(3, 2, 5, 6)
        output, _ = scaled_dot_product_attention(query, key, value, mask)
        expected, _ = scaled_dot_product_attention(query.expand(2, 5, 7), key, value, mask)
        torch.testing.assert_close(output, expected)

    @pytest.mark.parametrize(
        ("shapes", "message"),
        [
            (((5, 7), (6, 8), (6, 4), None), r"must fit together; got \(5, 7\), \(6, 8\) and \(6, 4\)"),
            (((5, 7), (6, 7), (5, 4), None), r"must fit together; got \(5, 7\), \(6, 7\) and \(5, 4\)"),
            (((5, 7), (6, 7), (6, 4), (6, 5)), r"broadcastable.*\(5, 6\); got \(6, 5\)"),
            (((5, 7), (6, 7), (6, 4), (2, 5, 6)), r"broadcastable.*\(5, 6\); got \(2, 5, 6\)"),
        ],
    )
    def test_shapes_that_do_not_fit_are_refused(self, shapes, message):
        *inputs, mask_shape = shapes
        mask = None if mask_shape is None else torch.ones(mask_shape, dtype=torch.bool)
        with pytest.raises(ValueError, match=message):
            scaled_dot_product_attention(*[torch.zeros(shape) for shape in inputs], mask)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
    def test_a_mask_of_numbers_is_refused(self, dtype):
        with pytest.raises(TypeError, match=f"must be boolean.*got {dtype}"):
            scaled_dot_product_attention(*draw(0, SHAPES[0]), torch.ones(5, 6, dtype=dtype))


class TestMasks:
    @pytest.mark.parametrize(("queries", "keys"), [(1, 1), (5, 5), (1, 6), (3, 7), (0, 0), (0, 4)])
    def test_causal_mask_by_its_definition(self, queries, keys):
        mask = causal_mask(queries, keys)
        assert mask.shape == (queries, keys)
        assert mask.dtype == torch.bool
        for i, j in itertools.product(range(queries), range(keys)):
            # Query i is token number keys - queries + i.
            assert mask[i, j] == (j <= keys - queries + i)

    def test_causal_mask_is_square_by_default(self):
        assert torch.equal(causal_mask(5), causal_mask(5, 5))

    def test_causal_mask_refuses_fewer_keys_than_queries(self):
        with pytest.raises(ValueError, match="query_length=5 is too many for key_length=4"):
            causal_mask(5, 4)

    def test_last_rows_of_the_causal_mask_are_the_mask_of_the_last_queries(self):
        assert torch.equal(causal_mask(7)[-3:], causal_mask(3, 7))

    def test_padding_mask_by_its_definition(self):
        lengths = torch.tensor([[3, 0, 5], [1, 4, 2]])
        mask = padding_mask(lengths, 5)
        assert mask.shape == (2, 3, 1, 5)
        assert mask.dtype == torch.bool
        for a, b, j in itertools.product(range(2), range(3), range(5)):
            assert mask[a, b, 0, j] == (j < lengths[a, b])

    def test_padding_mask_of_one_sequence(self):
        assert padding_mask(torch.tensor(2), 4).tolist() == [[True, True, False, False]]

    @pytest.mark.parametrize("lengths", [[2, 6], [-1, 2]])
    def test_padding_mask_refuses_impossible_lengths(self, lengths):
        with pytest.raises(ValueError, match="between 0 and max_length=5"):
            padding_mask(torch.tensor(lengths), 5)

    def test_masks_combine(self):
        mask = causal_mask(4) & padding_mask(torch.tensor([2, 4]), 4)
        assert mask.shape == (2, 4, 4)
        assert mask[0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
        assert torch.equal(mask[1], causal_mask(4))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_padding_has_no_influence(self, seed):
        layer = MultiHeadAttention(12, 3).double()
        x = normal(seed, 2, 6, 12, dtype=torch.float64)
        lengths = torch.tensor([4, 6])
        output, _ = layer(x, padding_mask(lengths, 6))
        alone, _ = layer(x[:1, :4])
        torch.testing.assert_close(output[:1, :4], alone)


class TestHeads:
    @pytest.mark.parametrize("shape", [(5, 12), (2, 5, 12), (2, 7, 5, 12), (1, 12)])
    @pytest.mark.parametrize("num_heads", [1, 3, 4, 12])
    def test_merge_undoes_split(self, shape, num_heads):
        x = normal(0, *shape)
        heads = split_heads(x, num_heads)
        assert heads.shape == (*shape[:-2], num_heads, shape[-2], 12 // num_heads)
        assert torch.equal(merge_heads(heads), x)

    def test_each_head_gets_neighboring_numbers(self):
        x = normal(0, 2, 5, 12)
        heads = split_heads(x, 3)
        for head in range(3):
            assert torch.equal(heads[:, head], x[:, :, 4 * head : 4 * head + 4])

    @pytest.mark.parametrize("num_heads", [5, 24, 0, -3])
    def test_heads_must_divide_the_vector(self, num_heads):
        with pytest.raises(ValueError, match=f"num_heads={num_heads} must divide d_model=12"):
            split_heads(torch.zeros(5, 12), num_heads)
        with pytest.raises(ValueError, match=f"num_heads={num_heads} must divide d_model=12"):
            MultiHeadAttention(12, num_heads)


def copy_to_torch(layer: MultiHeadAttention, bias: bool) -> torch.nn.MultiheadAttention:
    d_model = layer.output.in_features
    dtype = layer.output.weight.dtype
    theirs = torch.nn.MultiheadAttention(d_model, layer.num_heads, bias=bias, batch_first=True, dtype=dtype)
    projections = (layer.query, layer.key, layer.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        theirs.out_proj.weight.copy_(layer.output.weight)
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
            theirs.out_proj.bias.copy_(layer.output.bias)
    return theirs


class TestMultiHeadAttention:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("num_heads", [1, 3, 12])
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch(self, seed, num_heads, bias, dtype):
        ours = MultiHeadAttention(12, num_heads, bias=bias).to(dtype)
        randomize(ours, seed)
        theirs = copy_to_torch(ours, bias)
        x = normal(seed, 2, 5, 12, dtype=dtype)
        context = normal(seed + 9, 2, 7, 12, dtype=dtype)
        settings = {"need_weights": True, "average_attn_weights": False}
        torch.testing.assert_close(ours(x), theirs(x, x, x, **settings), **TOLERANCE[dtype])
        torch.testing.assert_close(
            ours(x, context=context), theirs(x, context, context, **settings), **TOLERANCE[dtype]
        )
        # In torch's module True means "must not look".
        torch.testing.assert_close(
            ours(x, causal_mask(5)),
            theirs(x, x, x, attn_mask=~causal_mask(5), **settings),
            **TOLERANCE[dtype],
        )
        padding = padding_mask(torch.tensor([3, 5]), 5)
        torch.testing.assert_close(
            ours(x, padding), theirs(x, x, x, key_padding_mask=~padding[:, 0], **settings), **TOLERANCE[dtype]
        )

    @pytest.mark.parametrize("seed", SEEDS)
    def test_gradients_equal_torch(self, seed):
        ours = MultiHeadAttention(12, 3).double()
        randomize(ours, seed)
        theirs = copy_to_torch(ours, bias=True)
        x = normal(seed, 2, 5, 12, dtype=torch.float64).requires_grad_()
        y = x.detach().clone().requires_grad_()
        cotangent = normal(seed + 1, 2, 5, 12, dtype=torch.float64)
        ours(x, causal_mask(5))[0].backward(cotangent)
        theirs(y, y, y, attn_mask=~causal_mask(5))[0].backward(cotangent)
        torch.testing.assert_close(x.grad, y.grad)
        projections = (ours.query, ours.key, ours.value)
        torch.testing.assert_close(
            torch.cat([p.weight.grad for p in projections]), theirs.in_proj_weight.grad
        )
        torch.testing.assert_close(torch.cat([p.bias.grad for p in projections]), theirs.in_proj_bias.grad)
        torch.testing.assert_close(ours.output.weight.grad, theirs.out_proj.weight.grad)
        torch.testing.assert_close(ours.output.bias.grad, theirs.out_proj.bias.grad)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_shuffled_tokens_give_shuffled_outputs(self, seed):
        layer = MultiHeadAttention(12, 3).double()
        x = normal(seed, 2, 7, 12, dtype=torch.float64)
        order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(layer(x[:, order])[0], layer(x)[0][:, order])

    @pytest.mark.parametrize("position", range(7))
    @pytest.mark.parametrize(
        "make", [lambda: MultiHeadAttention(12, 3), lambda: GroupedQueryAttention(12, 6, 2)]
    )
    def test_a_later_token_changes_no_earlier_output(self, make, position):
        layer = make().double()
        x = normal(0, 2, 7, 12, dtype=torch.float64)
        changed = x.clone()
        changed[:, position] += normal(1, 12, dtype=torch.float64)
        before, _ = layer(x, causal_mask(7))
        after, _ = layer(changed, causal_mask(7))
        assert torch.equal(before[:, :position], after[:, :position])
        assert (before[:, position:] != after[:, position:]).any(-1).all()

    @pytest.mark.parametrize(
        "make", [lambda: MultiHeadAttention(12, 3), lambda: GroupedQueryAttention(12, 6, 2)]
    )
    def test_newest_queries_alone_give_the_same(self, make):
        layer = make().double()
        x = normal(0, 2, 7, 12, dtype=torch.float64)
        whole, _ = layer(x, causal_mask(7))
        last, _ = layer(x[:, -3:], causal_mask(3, 7), context=x)
        torch.testing.assert_close(last, whole[:, -3:])

    def test_works_without_a_batch_axis(self):
        layer = MultiHeadAttention(12, 3)
        x = normal(0, 2, 5, 12)
        torch.testing.assert_close(layer(x[0], causal_mask(5))[0], layer(x, causal_mask(5))[0][0])


class TestGroupedQueryAttention:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_as_many_groups_as_heads_is_multi_head_attention(self, seed):
        grouped = GroupedQueryAttention(12, 6, num_kv_heads=6)
        multi = MultiHeadAttention(12, 6)
        randomize(grouped, seed)
        multi.load_state_dict(grouped.state_dict())
        x, context = normal(seed, 2, 5, 12), normal(seed + 1, 2, 7, 12)
        mask = draw_mask(seed, 2, 5, 7)
        torch.testing.assert_close(grouped(x, mask, context), multi(x, mask, context))

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("num_kv_heads", [1, 2, 3, 6])
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch_enable_gqa(self, seed, num_kv_heads, dtype):
        layer = GroupedQueryAttention(12, 6, num_kv_heads).to(dtype)
        randomize(layer, seed)
        x = normal(seed, 2, 5, 12, dtype=dtype)
        heads = functional.scaled_dot_product_attention(
            split_heads(layer.query(x), 6),
            split_heads(layer.key(x), num_kv_heads),
            split_heads(layer.value(x), num_kv_heads),
            is_causal=True,
            enable_gqa=True,
        )
        torch.testing.assert_close(
            layer(x, causal_mask(5))[0], layer.output(merge_heads(heads)), **TOLERANCE[dtype]
        )

    @pytest.mark.parametrize("num_kv_heads", [1, 2, 3])
    def test_is_multi_head_attention_with_repeated_weights(self, num_kv_heads):
        grouped = GroupedQueryAttention(12, 6, num_kv_heads)
        randomize(grouped, 0)
        multi = MultiHeadAttention(12, 6)
        weights = grouped.state_dict()
        for name in ("key.weight", "key.bias", "value.weight", "value.bias"):
            per_head = weights[name].unflatten(0, (num_kv_heads, 2))
            weights[name] = per_head.repeat_interleave(6 // num_kv_heads, dim=0).flatten(0, 1)
        multi.load_state_dict(weights)
        x = normal(1, 2, 5, 12)
        torch.testing.assert_close(grouped(x, causal_mask(5)), multi(x, causal_mask(5)))

    @pytest.mark.parametrize("num_kv_heads", [4, 12, 0, -1])
    def test_groups_must_be_equal(self, num_kv_heads):
        with pytest.raises(ValueError, match=f"num_kv_heads={num_kv_heads} must divide num_heads=6"):
            GroupedQueryAttention(12, 6, num_kv_heads)

    def test_heads_must_divide_the_vector(self):
        with pytest.raises(ValueError, match="num_heads=5 must divide d_model=12"):
            GroupedQueryAttention(12, 5, 1)
