"""The reference of `training/backpropagation` against torch.autograd, and the properties it must have."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_utils.training import backpropagation as engine
from course_utils.training.backpropagation import (
    Tensor,
    backpropagate,
    gradcheck,
    topological_sort,
    unbroadcast,
)

SEEDS = range(5)
TOLERANCE = {np.float64: {"rtol": 1e-11, "atol": 1e-12}, np.float32: {"rtol": 2e-4, "atol": 2e-5}}
BROADCASTS = [
    ((3, 5), (3, 5)),
    ((3, 5), (5,)),
    ((5,), (3, 5)),
    ((3, 1), (1, 5)),
    ((2, 1, 7), (4, 1)),
    ((), (3, 5)),
    ((1, 1), (3, 5)),
    ((4, 1, 2), (3, 1)),
    ((1,), (1, 1, 1)),
    ((0, 3), (1, 3)),
]
PRODUCTS = [
    ((3, 4), (4, 5)),
    ((1, 4), (4, 1)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((6, 1, 3, 4), (2, 4, 5)),
    ((1, 3, 4), (7, 4, 2)),
    ((0, 4), (4, 5)),
]


def compare(
    of_engine: Callable[..., Tensor],
    of_torch: Callable[..., torch.Tensor],
    *arrays: np.ndarray,
    dtype: type = np.float64,
) -> None:
    """Run both forward and backward under the same random cotangent; values and gradients must agree."""
    arrays = tuple(np.asarray(array, dtype=dtype) for array in arrays)
    ours = [Tensor(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    output, expected = of_engine(*ours), of_torch(*theirs)
    np.testing.assert_allclose(output.data, expected.detach().numpy(), **TOLERANCE[dtype])
    cotangent = np.random.default_rng(99).normal(size=output.shape).astype(dtype)
    (output * cotangent).sum().backward()
    (expected * torch.tensor(cotangent)).sum().backward()
    for tensor, reference in zip(ours, theirs, strict=True):
        assert tensor.grad.shape == tensor.shape
        assert tensor.grad.dtype == dtype
        np.testing.assert_allclose(tensor.grad, reference.grad.numpy(), **TOLERANCE[dtype])


@pytest.fixture(params=SEEDS)
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


# --- every operation against torch.autograd


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("left", "right"), BROADCASTS)
def test_elementwise_operations_broadcast_as_torch_does(rng, left, right, dtype):
    a, b = rng.normal(size=left), rng.normal(size=right)
    compare(lambda x, y: x + y, lambda x, y: x + y, a, b, dtype=dtype)
    compare(lambda x, y: x * y, lambda x, y: x * y, a, b, dtype=dtype)
    compare(lambda x, y: x - y, lambda x, y: x - y, a, b, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("left", "right"), PRODUCTS)
def test_matmul_broadcasts_batches_as_torch_does(rng, left, right, dtype):
    compare(
        lambda x, y: x @ y, lambda x, y: x @ y, rng.normal(size=left), rng.normal(size=right), dtype=dtype
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 1, 4), (0, 3)])
def test_relu_exp_log(rng, shape, dtype):
    x = rng.normal(size=shape)
    compare(lambda x: x.relu(), torch.relu, x, dtype=dtype)
    compare(lambda x: x.exp(), torch.exp, x, dtype=dtype)
    compare(lambda x: x.log(), torch.log, np.abs(x) + 0.1, dtype=dtype)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2, (0, 2), (1, -1), (0, 1, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sum(rng, axis, keepdims, dtype):
    x = rng.normal(size=(2, 3, 5))
    compare(lambda x: x.sum(axis, keepdims), lambda x: x.sum(axis, keepdims), x, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("batch", "classes"), [(1, 2), (7, 3), (4, 11)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_softmax_cross_entropy(rng, batch, classes, scale, dtype):
    targets = rng.integers(classes, size=batch)
    compare(
        lambda x: x.softmax_cross_entropy(targets),
        lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(targets)),
        rng.normal(size=(batch, classes)) * scale,
        dtype=dtype,
    )


def test_cross_entropy_equals_its_composition_from_primitives(rng):
    logits, targets = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    one_hot = np.eye(4)[targets]
    fused, composed = Tensor(logits), Tensor(logits)
    loss = fused.softmax_cross_entropy(targets)
    by_hand = (composed.exp().sum(axis=1).log().sum() - (composed * one_hot).sum()) * (1 / 6)
    loss.backward()
    by_hand.backward()
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-12)
    np.testing.assert_allclose(fused.grad, composed.grad, rtol=1e-10, atol=1e-12)


# --- extremes


@pytest.mark.parametrize("size", [1e3, 1e6, 1e30])
def test_cross_entropy_stays_finite_for_huge_logits(size):
    logits = np.array([[size, -size, 0.0], [-size, size, 0.0]])
    targets = np.array([0, 2])
    compare(
        lambda x: x.softmax_cross_entropy(targets),
        lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(targets)),
        logits,
    )


def test_extreme_values_behave_as_in_torch():
    compare(lambda x: x.relu(), torch.relu, np.array([0.0, -0.0, 1e-300, -1e-300, 1e300, -1e300, 5e-324]))
    compare(lambda x: x.exp(), torch.exp, np.array([-745.0, -800.0, 700.0, 0.0]))
    compare(lambda x: x.log(), torch.log, np.array([1e-300, 1e300, 1.0]))
    compare(lambda x, y: x * y, lambda x, y: x * y, np.array([1e200, 0.0]), np.array([1e100, 1e300]))


def test_relu_lets_no_gradient_pass_at_zero_not_even_an_infinite_one():
    gradient = np.array([np.inf, np.inf, -np.inf])
    np.testing.assert_array_equal(
        engine.relu_backward(gradient, np.array([0.0, -1.0, 2.0])), [0.0, 0.0, -np.inf]
    )


# --- whole graphs


def random_expression(rng: np.random.Generator, steps: int) -> Callable[..., list]:
    """Draw a graph of 3x4 operands with shared nodes; the same recipe runs on both engines."""
    recipe = [
        (
            str(rng.choice(["+", "*", "@", "relu", "exp", "log", "sum", "-"])),
            *rng.integers(100, size=2).tolist(),
        )
        for _ in range(steps)
    ]

    def run(is_torch: bool, *inputs):
        nodes = list(inputs)
        mixer = nodes[-1]
        for operation, first, second in recipe:
            left, right = nodes[first % len(nodes)], nodes[second % len(nodes)]
            if operation == "+":
                nodes.append(left + right)
            elif operation == "-":
                nodes.append(0.5 - left)
            elif operation == "*":
                nodes.append(left * right * 0.5)
            elif operation == "@":
                nodes.append(left @ mixer)
            elif operation == "relu":
                nodes.append(left.relu())
            elif operation == "exp":
                # Bounded: exp of minus a square.
                nodes.append((left * left * -1.0).exp())
            elif operation == "log":
                nodes.append((left * left + 1.0).log())
            else:
                total = left.sum(1, keepdim=True) if is_torch else left.sum(1, keepdims=True)
                nodes.append(total * 0.25 + right)
        return sum((node.sum() for node in nodes[1:]), nodes[0].sum())

    return run


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_with_shared_nodes_equal_torch(seed):
    rng = np.random.default_rng(seed)
    run = random_expression(rng, steps=int(rng.integers(3, 25)))
    arrays = [rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4)) * 0.3]
    ours = [Tensor(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    loss, expected = run(False, *ours), run(True, *theirs)
    if not torch.isfinite(expected):
        pytest.fail("the drawn expression overflowed, so it compares nothing; bound its operations")
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    for tensor, reference in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(tensor.grad, reference.grad.numpy(), rtol=1e-8, atol=1e-8)


def test_network_with_batched_input(rng):
    x, hidden, bias, out = (rng.normal(size=shape) for shape in [(2, 7, 5), (5, 6), (6,), (6, 3)])
    compare(
        lambda x, w, b, v: (x @ w + b).relu() @ v,
        lambda x, w, b, v: (x @ w + b).relu() @ v,
        x,
        hidden,
        bias,
        out,
    )


def test_node_used_twice_gets_the_sum():
    x = Tensor(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0


@pytest.mark.parametrize("depth", [1, 2, 30])
def test_stacked_diamonds_count_all_paths(depth):
    # Each layer doubles: 2 ** depth paths, which a walk along single paths could not finish.
    x = Tensor(1.0)
    node = x
    for _ in range(depth):
        node = node + node
    node.backward()
    assert x.grad == 2.0**depth


def test_long_and_short_way_join_in_the_right_order():
    x = Tensor(2.0)
    shared = x * 3.0
    long_way = shared.exp().log().exp().log()
    (long_way * shared).backward()
    assert x.grad == pytest.approx(2 * 9 * 2.0)


def test_chain_of_ten_thousand_operations():
    x = Tensor(np.array([1.0, 2.0]))
    node = x
    for _ in range(10_000):
        node = node + 0.5
    node.sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])
    del node
    gc.collect()


def test_gradients_accumulate_over_backward_calls_until_zeroed():
    x = Tensor([1.0, -2.0])
    squares = x * x
    loss = squares.sum()
    loss.backward()
    loss.backward()
    np.testing.assert_array_equal(x.grad, [4.0, -8.0])
    (x * 10.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [14.0, 2.0])
    x.zero_grad()
    np.testing.assert_array_equal(x.grad, [0.0, 0.0])


def test_backward_changes_no_weight_and_no_stored_gradient_in_place():
    x = Tensor([1.0, 2.0])
    before = x.grad
    y = x + x
    y.sum().backward()
    np.testing.assert_array_equal(before, [0.0, 0.0])
    np.testing.assert_array_equal(x.data, [1.0, 2.0])
    y.grad += 100.0
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, y: (x * y).sum(),
        lambda x, y: (x @ y).sum(),
        lambda x, y: (x + y).relu().sum(),
        lambda x, y: (x * x + 1.0 + y * y).log().sum(),
        lambda x, y: (x + y).softmax_cross_entropy(np.array([2, 0, 1])),
    ],
)
def test_gradients_belong_to_the_values_of_the_forward_pass(rng, operation):
    start = rng.normal(size=(2, 3, 3))
    expected, replaced = [Tensor(piece) for piece in start], [Tensor(piece) for piece in start]
    operation(*expected).backward()
    loss = operation(*replaced)
    for tensor in replaced:
        tensor.data = tensor.data * -3.0
    loss.backward()
    for right, found in zip(expected, replaced, strict=True):
        np.testing.assert_array_equal(found.grad, right.grad)


def test_what_the_output_does_not_depend_on_gets_nothing():
    x, unused = Tensor(2.0), Tensor(5.0)
    branch = x * unused
    (x * x).backward()
    assert unused.grad == 0.0
    assert branch.grad == 0.0


def test_constants_keep_float32_and_arrays_may_stand_on_the_left():
    x = Tensor(np.ones(3, dtype=np.float32))
    assert (2.0 * x + 1 - x).data.dtype == np.float32
    product = np.array([1.0, 2.0, 3.0]) * x
    assert isinstance(product, Tensor)
    assert product.data.tolist() == [1.0, 2.0, 3.0]
    assert (1.0 - x).data.tolist() == [0.0, 0.0, 0.0]
    assert repr(Tensor(2) * 3) == "Tensor(6.0, from *)"


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"shape \(2,\).*sum or average"):
        Tensor([1.0, 2.0]).backward()
    with pytest.raises(ValueError, match="second axis of length 1"):
        Tensor([1.0, 2.0]) @ Tensor([[1.0], [2.0]])


# --- the order


def random_graph(rng: np.random.Generator, size: int) -> dict[int, list[int]]:
    names = rng.permutation(size).tolist()
    return {
        name: [names[k] for k in rng.integers(position, size=int(rng.integers(0, 4)))] if position else []
        for position, name in enumerate(names)
    }


@pytest.mark.parametrize("seed", range(20))
def test_every_parent_before_its_children(seed):
    rng = np.random.default_rng(seed)
    parents = random_graph(rng, size=int(rng.integers(1, 60)))
    output = list(parents)[-1]
    order = topological_sort(output, parents)
    position = {node: index for index, node in enumerate(order)}
    assert order[-1] == output
    assert len(position) == len(order)
    assert all(position[parent] < position[node] for node in order for parent in parents[node])
    reached, waiting = set(), [output]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        waiting += [parent for parent in parents[node] if parent not in reached]
    assert set(order) == reached


def test_long_chain_meets_no_recursion_limit():
    length = 100_000
    parents = {k: [k - 1] if k else [] for k in range(length)}
    assert topological_sort(length - 1, parents) == list(range(length))


CYCLES = [{"a": ["a"]}, {"a": ["b"], "b": ["a"]}, {"a": ["b", "c"], "b": [], "c": ["d"], "d": ["a"]}]


@pytest.mark.parametrize("parents", CYCLES)
def test_cycle_is_refused(parents):
    with pytest.raises(ValueError, match="depends on itself"):
        topological_sort("a", parents)


@pytest.mark.parametrize("seed", range(10))
def test_derivatives_are_sums_over_paths(seed):
    rng = np.random.default_rng(seed)
    parents = random_graph(rng, size=9)
    edges = {node: [(parent, float(rng.normal())) for parent in of] for node, of in parents.items()}
    output = list(parents)[-1]

    def over_paths(node: int, target: int) -> float:
        return float(node == target) + sum(d * over_paths(parent, target) for parent, d in edges[node])

    gradients = backpropagate(output, edges)
    assert set(gradients) == set(topological_sort(output, parents))
    for node, gradient in gradients.items():
        assert gradient == pytest.approx(over_paths(output, node), rel=1e-12, abs=1e-12)


# --- unbroadcast


@pytest.mark.parametrize(("shape", "other"), BROADCASTS)
def test_unbroadcast_is_the_adjoint_of_broadcasting(rng, shape, other):
    full = np.broadcast_shapes(shape, other)
    operand, cotangent = rng.normal(size=shape), rng.normal(size=full)
    back = unbroadcast(cotangent, shape)
    assert back.shape == shape
    # <broadcast(x), g> = <x, unbroadcast(g)> defines the transpose of a linear map.
    assert (np.broadcast_to(operand, full) * cotangent).sum() == pytest.approx(
        (operand * back).sum(), abs=1e-12
    )


# --- gradcheck


def of_engine(function: Callable[[Tensor], Tensor], point: np.ndarray) -> tuple[Callable, np.ndarray]:
    x = Tensor(point)
    function(x).backward()
    return lambda value: function(Tensor(value)).item(), x.grad


FUNCTIONS = {
    "product": lambda x: (x * x * 3.0).sum(),
    "matmul": lambda x: (x @ np.array([[1.0], [-2.0], [0.5], [3.0], [0.25]])).exp().sum(axis=0).log().sum(),
    "exp": lambda x: x.exp().sum(),
    "log": lambda x: (x * x + 0.5).log().sum(),
    "rows": lambda x: (x.sum(axis=1, keepdims=True) * x).sum(),
    "cross-entropy": lambda x: x.softmax_cross_entropy(np.array([4, 0, 2])),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradcheck_accepts_the_engine_and_rejects_a_wrong_gradient(rng, name):
    point = rng.normal(size=(3, 5))
    function, gradient = of_engine(FUNCTIONS[name], point)
    assert gradcheck(function, point, gradient)
    largest = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    for wrong in (gradient * 1.01, -gradient, gradient.T, gradient * 0):
        assert not gradcheck(function, point, wrong)
    one_entry = gradient.copy()
    one_entry[largest] *= 1.01
    assert not gradcheck(function, point, one_entry)


WRONG_BACKWARDS = {
    "add_backward": lambda gradient, left, right: (gradient, unbroadcast(gradient, right.shape) * 0),
    "mul_backward": lambda gradient, left, right: (
        gradient * left,
        unbroadcast(gradient * right, right.shape),
    ),
    "matmul_backward": lambda gradient, left, right: (gradient @ right.T * 0.5, left.T @ gradient),
    "relu_backward": lambda gradient, operand: gradient * (gradient > 0),
    "exp_backward": lambda gradient, output: gradient * np.exp(-output),
    "log_backward": lambda gradient, operand: gradient * operand,
    "sum_backward": lambda gradient, operand, axis, keepdims: gradient * np.ones_like(operand) / operand.size,
    "softmax_cross_entropy_backward": lambda gradient, logits, targets: (
        gradient * np.exp(logits) / len(targets)
    ),
}


@pytest.mark.parametrize("name", WRONG_BACKWARDS)
def test_gradcheck_catches_a_wrong_backward_of_every_operation(rng, name, monkeypatch):
    square, targets = rng.normal(size=(4, 4)), np.array([1, 0, 3, 2])

    def everything(x: Tensor) -> Tensor:
        features = ((x + square) * (x - 1.0)) @ Tensor(square) - x
        scaled = features.relu().exp().log() - features.sum(axis=0)
        return scaled.softmax_cross_entropy(targets) + (x * 0.1).sum()

    point = rng.normal(size=(4, 4))
    function, gradient = of_engine(everything, point)
    assert gradcheck(function, point, gradient)
    monkeypatch.setattr(engine, name, WRONG_BACKWARDS[name])
    function, gradient = of_engine(everything, point)
    assert not gradcheck(function, point, gradient)


def test_central_differences_err_in_the_square_of_the_step():
    point = np.array([0.3, 1.1])
    errors = [
        np.abs(engine.numerical_gradient(lambda x: np.exp(x).sum(), point, step) - np.exp(point)).max()
        for step in (1e-2, 1e-3)
    ]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)


def test_numerical_gradient_leaves_the_point_alone_and_refuses_float32():
    point = np.array([1.0, 2.0])
    engine.numerical_gradient(lambda x: x.sum(), point)
    assert point.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="float64, got float32"):
        engine.numerical_gradient(lambda x: x.sum(), point.astype(np.float32))
    with pytest.raises(ValueError, match="float64, got int64"):
        gradcheck(lambda x: x.sum(), np.array([1, 2]), np.array([1.0, 1.0]))
