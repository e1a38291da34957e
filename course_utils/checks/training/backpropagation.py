"""What is graded in `training/backpropagation`: the backward functions, the walk, the test of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checking import Draw, Exercise, function
from course_utils.training import backpropagation as reference
from course_utils.training.backpropagation import unbroadcast as sum_to_shape

Case = Callable[[Draw], dict[str, Any]]


def array(draw: Draw, *shape: int, dtype: type = np.float64) -> np.ndarray:
    """Normal values; of shape () for no arguments."""
    return np.asarray(draw.numpy.normal(size=shape), dtype=dtype)


def positive(draw: Draw, *shape: int, dtype: type = np.float64) -> np.ndarray:
    """Values between 0.3 and 3."""
    return np.asarray(draw.numpy.uniform(0.3, 3.0, size=shape), dtype=dtype)


def arrays(
    given: dict[str, Any] | None = None,
    positives: Sequence[str] = (),
    dtype: type = np.float64,
    **shapes: tuple[int, ...],
) -> Case:
    """A case with an array of random values for each named shape, and with the given other arguments."""
    return lambda draw: (
        {
            name: (positive if name in positives else array)(draw, *shape, dtype=dtype)
            for name, shape in shapes.items()
        }
        | (given or {})
    )


def both(old: tuple[str, str], new: tuple[str, str]) -> list[tuple[str, str]]:
    """Two edits."""
    return list(zip(old, new, strict=True))


LOCAL_DERIVATIVE_ALONE = (
    "This is the local derivative alone. Multiply it by the gradient that arrives from the output."
)
NOT_SUMMED_BACK = (
    "The gradients have the shape of the output. An operand that was broadcast needs its own shape back: sum "
    "over the copies with `sum_to_shape`."
)

# --- relu_backward

relu_backward = function(reference.relu_backward, points=1)
relu_backward.hint(
    idea="The gradient passes where the operand was positive and stops where it was not.",
    page='"The formula" in the chapter "Backpropagation, built by hand".',
)
relu_backward.case("matrix")(arrays(gradient=(4, 7), operand=(4, 7)))
relu_backward.case("operand exactly 0")(
    arrays(gradient=(5,), given={"operand": np.array([0.0, -0.0, 1e-9, -1e-9, 2.0])})
)
relu_backward.case("float32 stays float32", hidden=True)(
    arrays(gradient=(3, 2, 5), operand=(3, 2, 5), dtype=np.float32)
)
relu_backward.mistake(
    "The mask looks at the sign of the incoming gradient. What decides is the sign of the operand: a "
    "negative gradient passes through a positive operand.",
    edit=("operand > 0", "gradient > 0"),
)
relu_backward.mistake(
    "The gradient also passes where the operand is exactly 0; the convention (PyTorch's too) is 0 there.",
    edit=("operand > 0", "operand >= 0"),
)
relu_backward.mistake(
    LOCAL_DERIVATIVE_ALONE,
    edit=("np.where(operand > 0, gradient, 0.0)", "(operand > 0).astype(operand.dtype)"),
)
relu_backward.mistake(
    "The mask itself is returned. It says where gradients pass; return the gradients that do.",
    edit=("np.where(operand > 0, gradient, 0.0)", "operand > 0"),
)
relu_backward.mistake(
    "The gradient is multiplied by max(operand, 0): that is the ReLU's value, not its slope.",
    edit=("np.where(operand > 0, gradient, 0.0)", "gradient * np.maximum(operand, 0)"),
)
relu_backward.mistake(
    "The mask is inverted: gradients pass where the operand is positive, not negative.",
    edit=("operand > 0", "operand <= 0"),
)


@relu_backward.variant
def with_a_product(gradient, operand):
    return gradient * (operand > 0)


@relu_backward.variant
def with_a_masked_copy(gradient, operand):
    result = gradient.copy()
    result[operand <= 0] = 0
    return result


# --- exp_backward

exp_backward = function(reference.exp_backward, points=1)
exp_backward.hint(
    idea="The exponential is its own derivative, and you are given what it returned.",
    page='"The formula" in the chapter "Backpropagation, built by hand".',
)
exp_backward.case("matrix")(arrays(gradient=(4, 7), output=(4, 7), positives=["output"]))
exp_backward.case("outputs from 1e-8 to 1e8", hidden=True)(
    arrays(gradient=(5,), given={"output": np.logspace(-8, 8, 5)})
)
exp_backward.case("float32 stays float32", hidden=True)(
    arrays(gradient=(2, 3), output=(2, 3), positives=["output"], dtype=np.float32)
)
exp_backward.mistake(
    "`output` already is the exponential of the operand; here it is exponentiated once more.",
    edit=("gradient * output", "gradient * np.exp(output)"),
)
exp_backward.mistake(LOCAL_DERIVATIVE_ALONE, edit=("gradient * output", "1.0 * output"))
exp_backward.mistake(
    "The gradient is multiplied by the operand (the logarithm of the output). The derivative of exp(x) "
    "is exp(x).",
    edit=("gradient * output", "gradient * np.log(output)"),
)


@exp_backward.variant
def written_the_other_way(gradient, output):
    return np.multiply(output, gradient)


@exp_backward.variant
def from_the_operand(gradient, output):
    return np.exp(np.log(output)) * gradient


# --- log_backward

log_backward = function(reference.log_backward, points=1)
log_backward.hint(
    idea="Near zero the logarithm is steep, far from it flat: its derivative is one over the operand.",
    page='"The formula" in the chapter "Backpropagation, built by hand".',
)
log_backward.case("matrix")(arrays(gradient=(4, 7), operand=(4, 7), positives=["operand"]))
log_backward.case("operands from 1e-8 to 1e8", hidden=True)(
    arrays(gradient=(5,), given={"operand": np.array([1e-8, 3e-4, 0.5, 2e4, 1e8])})
)
log_backward.case("float32 stays float32", hidden=True)(
    arrays(gradient=(2, 3), operand=(2, 3), positives=["operand"], dtype=np.float32)
)
log_backward.mistake(
    "The gradient is multiplied by the operand; the derivative of log(x) is 1 / x.",
    edit=("gradient / operand", "gradient * operand"),
)
log_backward.mistake(LOCAL_DERIVATIVE_ALONE, edit=("gradient / operand", "1.0 / operand"))
log_backward.mistake(
    "The gradient is divided by the logarithm, the operation's output. It is divided by the operand.",
    edit=("gradient / operand", "gradient / np.log(operand)"),
)


@log_backward.variant
def with_a_reciprocal(gradient, operand):
    return gradient * (1 / operand)


@log_backward.variant
def with_a_power(gradient, operand):
    return np.power(operand, -1.0) * gradient


# --- unbroadcast

unbroadcast = function(reference.unbroadcast, points=2)
unbroadcast.hint(
    idea="A number that broadcasting used several times receives the sum of the gradients of all its uses.",
)
unbroadcast.case("axes added in front")(arrays(gradient=(2, 3, 5), given={"shape": (5,)}))
unbroadcast.case("an axis stretched from length 1")(arrays(gradient=(4, 6), given={"shape": (4, 1)}))
unbroadcast.case("nothing was broadcast")(arrays(gradient=(3, 5), given={"shape": (3, 5)}))
unbroadcast.case("an axis added and one stretched", weight=2)(
    arrays(gradient=(2, 3, 5), given={"shape": (3, 1)})
)
unbroadcast.case("down to a single number", hidden=True)(arrays(gradient=(3, 7), given={"shape": ()}))
unbroadcast.case("two axes added, two stretched", hidden=True, weight=2)(
    arrays(gradient=(2, 3, 4, 5, 6), dtype=np.float32, given={"shape": (1, 5, 1)})
)
unbroadcast.case("an axis of length 1 that was never stretched", hidden=True)(
    arrays(gradient=(4, 1, 5), given={"shape": (1, 5)})
)
SUMS = ("gradient.sum(axis=tuple(range(added)))", "gradient.sum(axis=stretched, keepdims=True)")
unbroadcast.mistake(
    "The gradient is averaged over the copies. Each copy is a use of the same entry, and the gradients "
    "of the uses add up.",
    edits=both(SUMS, (SUMS[0].replace("sum", "mean"), SUMS[1].replace("sum", "mean"))),
)
unbroadcast.mistake(
    "The stretched axes are looked for at their place in `shape`. Once broadcasting has added axes in "
    "front, every axis of `shape` sits further back in the gradient.",
    edits=both(SUMS, ("gradient", SUMS[1] + SUMS[0].removeprefix("gradient"))),
)
unbroadcast.mistake(
    "Only the axes added in front are summed. An axis of length 1 in `shape` was stretched: sum over it "
    "too, and keep it with length 1.",
    edit=(SUMS[1], "gradient"),
)
unbroadcast.mistake(
    "Only the axes of length 1 in `shape` are summed. Broadcasting also adds whole axes in front: sum "
    "over them until the number of axes is that of `shape`.",
    edits=[(SUMS[0], "gradient"), ("enumerate(shape)", "enumerate(shape, added)")],
)
unbroadcast.mistake(
    "Where axes were added in front, those of length 1 are forgotten. Both can happen to one operand.",
    edit=("stretched = tuple(", "stretched = () if added else tuple("),
)
unbroadcast.mistake(
    "A stretched axis is summed away. The operand has that axis, with length 1: keepdims=True keeps it.",
    edit=("keepdims=True", "keepdims=False"),
)
unbroadcast.mistake(
    "The first axis is summed, whichever axes were broadcast. Compare `shape` with the gradient's shape, "
    "axis by axis from the right, to see which ones were.",
    edit=("gradient = " + SUMS[0], "return gradient if gradient.shape == shape else gradient.sum(axis=0)"),
)
unbroadcast.mistake(
    "One of the copies is taken. The gradient of an entry is the sum over all its copies.",
    edits=both(SUMS, ("gradient[(0,) * added]", "gradient[tuple(slice(0, length) for length in shape)]")),
)


@unbroadcast.variant
def axis_by_axis(gradient, shape):
    while gradient.ndim > len(shape):
        gradient = gradient.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            gradient = np.sum(gradient, axis=axis, keepdims=True)
    return gradient


@unbroadcast.variant
def entry_by_entry(gradient, shape):
    result = np.zeros(shape, gradient.dtype)
    places = np.broadcast_to(np.arange(result.size).reshape(shape), gradient.shape)
    np.add.at(result.reshape(-1), places.ravel(), gradient.ravel())
    return result


# --- add_backward

add_backward = function(reference.add_backward, points=1)
add_backward.hint(
    idea="A sum moves as much as each of its operands does. Broadcasting may have made an operand larger.",
    page='"From numbers to arrays" in the chapter "Backpropagation, built by hand".',
)
add_backward.case("equal shapes")(arrays(gradient=(3, 5), left=(3, 5), right=(3, 5)))
add_backward.case("bias added to a batch")(arrays(gradient=(4, 3), left=(4, 3), right=(3,)))
add_backward.case("the left operand is broadcast")(arrays(gradient=(2, 7), left=(2, 1), right=(2, 7)))
add_backward.case("both operands are broadcast", hidden=True)(
    arrays(gradient=(6, 2, 5), left=(6, 1, 5), right=(2, 1), dtype=np.float32)
)
SHARES_OF_A_PRODUCT = (
    "unbroadcast(gradient * right, left.shape)",
    "unbroadcast(gradient * left, right.shape)",
)
SHARES_OF_A_SUM = ("unbroadcast(gradient, left.shape)", "unbroadcast(gradient, right.shape)")
add_backward.mistake(NOT_SUMMED_BACK, edits=both(SHARES_OF_A_SUM, ("gradient", "gradient")))
add_backward.mistake(
    "Only the gradient of `right` is summed back to its operand's shape. The left operand may be the "
    "one that was broadcast.",
    edit=(SHARES_OF_A_SUM[0], "gradient"),
)
add_backward.mistake(
    "The gradient is divided between the operands. A sum passes the whole gradient to each: moving "
    "either one moves the output just as much.",
    edits=both(
        SHARES_OF_A_SUM, ("unbroadcast(gradient / 2, left.shape)", "unbroadcast(gradient / 2, right.shape)")
    ),
)
add_backward.mistake(
    "The gradient is multiplied by the operands. That is the backward of a product; for a sum both "
    "local derivatives are 1.",
    edits=both(SHARES_OF_A_SUM, SHARES_OF_A_PRODUCT),
)


@add_backward.variant
def both_alike(gradient, left, right):
    return tuple(sum_to_shape(gradient, operand.shape) for operand in (left, right))


@add_backward.variant
def with_explicit_ones(gradient, left, right):
    return [sum_to_shape(gradient * np.ones_like(gradient), np.shape(operand)) for operand in (left, right)]


# --- mul_backward

mul_backward = function(reference.mul_backward, points=1)
mul_backward.hint(
    idea="How much a product moves with one factor is told by the other factor.",
    page='"From numbers to arrays" in the chapter "Backpropagation, built by hand".',
)
mul_backward.case("equal shapes")(arrays(gradient=(3, 5), left=(3, 5), right=(3, 5)))
mul_backward.case("the right operand is broadcast")(arrays(gradient=(4, 3), left=(4, 3), right=(3,)))
mul_backward.case("column times row", hidden=True)(arrays(gradient=(2, 7), left=(2, 1), right=(1, 7)))
mul_backward.case("float32, three axes", hidden=True)(
    arrays(gradient=(6, 2, 5), left=(6, 1, 5), right=(2, 1), dtype=np.float32)
)
mul_backward.mistake(
    "Each operand gets the gradient times itself, or the two results are swapped. The derivative of "
    "left * right with respect to left is right, and left's gradient comes first.",
    edits=[("gradient * right", "gradient * left"), ("gradient * left, right", "gradient * right, right")],
)
mul_backward.mistake(
    NOT_SUMMED_BACK, edits=both(SHARES_OF_A_PRODUCT, ("gradient * right", "gradient * left"))
)
mul_backward.mistake(
    "These are the local derivatives alone. Multiply them by the gradient that arrives from the output.",
    edits=[
        ("gradient * right", "np.ones_like(gradient) * right"),
        ("gradient * left", "np.ones_like(gradient) * left"),
    ],
)
mul_backward.mistake(
    "The gradient is summed to the operand's shape before it is multiplied by the other operand. "
    "Multiply first: the sum of products is not the product of sums.",
    edits=[
        ("gradient * right", "unbroadcast(gradient, left.shape) * right"),
        ("gradient * left", "unbroadcast(gradient, right.shape) * left"),
    ],
)


@mul_backward.variant
def in_two_steps(gradient, left, right):
    left_full, right_full = np.broadcast_arrays(left, right)
    return sum_to_shape(right_full * gradient, left.shape), sum_to_shape(left_full * gradient, right.shape)


@mul_backward.variant
def with_einsum(gradient, left, right):
    return (
        sum_to_shape(np.einsum("...,...->...", gradient, right), left.shape),
        sum_to_shape(np.einsum("...,...->...", gradient, left), right.shape),
    )


# --- sum_backward

sum_backward = function(reference.sum_backward, points=2)
sum_backward.hint(
    idea="Each summand moves the sum as much as any other. Bring the axes that were summed away back before "
    "you spread the gradient.",
    page='"From numbers to arrays" in the chapter "Backpropagation, built by hand".',
)
sum_backward.case("sum of all entries")(arrays(gradient=(), operand=(3, 5)))
sum_backward.case("axis=1 of three")(arrays(gradient=(2, 5), operand=(2, 3, 5), given={"axis": 1}))
sum_backward.case("rows of a square matrix, where a wrong shape goes unnoticed")(
    arrays(gradient=(4,), operand=(4, 4), given={"axis": 1})
)
sum_backward.case("keepdims=True")(
    arrays(gradient=(2, 1, 5), operand=(2, 3, 5), given={"axis": 1, "keepdims": True})
)
sum_backward.case("two axes at once", hidden=True)(
    arrays(gradient=(3,), operand=(2, 3, 5), given={"axis": (0, 2)})
)
sum_backward.case("negative axis, float32", hidden=True)(
    arrays(gradient=(2, 5), operand=(2, 4, 5), given={"axis": -2}, dtype=np.float32)
)
sum_backward.case("all entries with keepdims=True", hidden=True)(
    arrays(gradient=(1, 1), operand=(3, 7), given={"axis": None, "keepdims": True})
)
sum_backward.mistake(
    "The gradient is divided among the summands. Every summand moves the sum one to one, so it gets the "
    "whole gradient; dividing is right for a mean.",
    edit=("broadcast_to(gradient,", "broadcast_to(gradient * (gradient.size / operand.size),"),
)
sum_backward.mistake(
    "The summed axis is not put back where it was before broadcasting. NumPy lines axes up from the right, "
    "so the gradient lands along another axis, or does not fit: use np.expand_dims.",
    edit=("gradient = np.expand_dims(gradient, axis)", "pass"),
)
sum_backward.mistake(
    "The summed axis is always put back at the end. Put it back where it was.",
    edit=("np.expand_dims(gradient, axis)", "np.expand_dims(gradient, -1)"),
)
sum_backward.mistake(
    "With keepdims=True the gradient still has the summed axis; here it is put back a second time.",
    edit=("axis is not None and not keepdims", "axis is not None"),
)
sum_backward.mistake(
    "The gradient is multiplied by the summands. The derivative of a sum with respect to a summand is 1.",
    edit=("np.broadcast_to(", "operand * np.broadcast_to("),
)


@sum_backward.variant
def with_ones(gradient, operand, axis=None, keepdims=False):
    if axis is not None and not keepdims:
        gradient = np.expand_dims(gradient, axis)
    return np.ones_like(operand) * gradient


@sum_backward.variant
def with_the_shape_of_the_kept_sum(gradient, operand, axis=None, _keepdims=False):
    kept = operand.sum(axis=axis, keepdims=True).shape
    return np.broadcast_to(np.reshape(gradient, kept), operand.shape).copy()


# --- matmul_backward

matmul_backward = function(reference.matmul_backward, points=2)
matmul_backward.hint(
    idea="Write the shapes down: each gradient has the shape of its operand, and only one product of the "
    "incoming gradient with the other operand fits.",
)
matmul_backward.case("two matrices", weight=2)(arrays(gradient=(3, 5), left=(3, 4), right=(4, 5)))
matmul_backward.case("square matrices, where a wrong transpose goes unnoticed")(
    arrays(gradient=(4, 4), left=(4, 4), right=(4, 4))
)
matmul_backward.case("a batch of pairs")(arrays(gradient=(2, 3, 5), left=(2, 3, 4), right=(2, 4, 5)))
matmul_backward.case("one weight matrix for the whole batch")(
    arrays(gradient=(2, 3, 5), left=(2, 3, 4), right=(4, 5))
)
matmul_backward.case("both batches broadcast", hidden=True)(
    arrays(gradient=(6, 2, 3, 5), left=(6, 1, 3, 4), right=(2, 4, 5), dtype=np.float32)
)
matmul_backward.case("left has no batch axis", hidden=True)(
    arrays(gradient=(7, 3, 5), left=(3, 4), right=(7, 4, 5))
)
RIGHT_T, LEFT_T = "right.swapaxes(-2, -1)", "left.swapaxes(-2, -1)"
matmul_backward.mistake(
    "The factors stand in the wrong order. The shapes show the right one: gradient (rows, columns) "
    "times right^T (columns, inner) gives (rows, inner), the shape of left.",
    edits=[
        (f"gradient @ {RIGHT_T}", f"{RIGHT_T} @ gradient"),
        (f"{LEFT_T} @ gradient", f"gradient @ {LEFT_T}"),
    ],
)
matmul_backward.mistake(
    "The matrices are not transposed. The gradient flows through the product backward, from columns to rows.",
    edits=[(RIGHT_T, "right"), (LEFT_T, "left")],
)
matmul_backward.mistake(
    ".T reverses all the axes, the batch axes too. Swap only the last two: x.swapaxes(-2, -1).",
    edits=[(RIGHT_T, "right.T"), (LEFT_T, "left.T")],
)
matmul_backward.mistake(
    "The batch axes are not summed back. A matrix shared by the whole batch gets the sum of its "
    "gradients over the batch: use `sum_to_shape`.",
    edits=[
        ("unbroadcast(left_gradient, left.shape)", "left_gradient"),
        ("unbroadcast(right_gradient, right.shape)", "right_gradient"),
    ],
)
matmul_backward.mistake(
    "The two gradients come back in the wrong order: first that of left, then that of right.",
    edit=(
        "unbroadcast(left_gradient, left.shape), unbroadcast(right_gradient, right.shape)",
        "unbroadcast(right_gradient, right.shape), unbroadcast(left_gradient, left.shape)",
    ),
)


@matmul_backward.variant
def matmul_with_einsum(gradient, left, right):
    return (
        sum_to_shape(np.einsum("...ij,...kj->...ik", gradient, right), left.shape),
        sum_to_shape(np.einsum("...ik,...ij->...kj", left, gradient), right.shape),
    )


@matmul_backward.variant
def transposed_twice(gradient, left, right):
    transpose = np.matrix_transpose
    return (
        sum_to_shape(transpose(right @ transpose(gradient)), left.shape),
        sum_to_shape(transpose(transpose(gradient) @ left), right.shape),
    )


# --- softmax_cross_entropy_backward


def scores(
    batch: int, classes: int, scale: float = 1.0, gradient: float = 1.0, dtype: type = np.float64
) -> Case:
    """A case with random logits and targets."""
    return lambda draw: {
        "gradient": np.asarray(gradient, dtype),
        "logits": (scale * array(draw, batch, classes)).astype(dtype),
        "targets": draw.integers(0, classes, batch).numpy(),
    }


softmax_cross_entropy_backward = function(reference.softmax_cross_entropy_backward, points=2)
softmax_cross_entropy_backward.hint(
    idea="The gradient is what the model believes less what is true, shared among the rows of the batch.",
    page='"The loss that ends most networks" in the chapter "Backpropagation, built by hand".',
)
softmax_cross_entropy_backward.case("a batch", weight=2)(scores(5, 3))
softmax_cross_entropy_backward.case("the loss is used times 0.3 further on")(scores(4, 6, gradient=0.3))
softmax_cross_entropy_backward.case("logits of 1e4 stay finite", atol=1e-5)(scores(7, 4, scale=1e4))
softmax_cross_entropy_backward.case("one example", hidden=True)(scores(1, 5))
softmax_cross_entropy_backward.case("float32 stays float32", hidden=True)(scores(6, 11, dtype=np.float32))
softmax_cross_entropy_backward.mistake(
    "The loss is the mean over the batch, so its gradient is divided by the number of examples.",
    edit=("difference / batch", "difference"),
)
softmax_cross_entropy_backward.mistake(
    "The gradient that arrives from the loss is not used. It is 1 only where the loss is the end of the "
    "graph.",
    edit=("gradient * difference", "1 * difference"),
)
softmax_cross_entropy_backward.mistake(
    "The sign is the opposite one: p - y, so that a step against the gradient raises the target's logit.",
    edit=("gradient * difference", "-gradient * difference"),
)
softmax_cross_entropy_backward.mistake(
    "The one-hot target is not subtracted: this is p alone, and a step against it would lower every logit.",
    edit=("difference[np.arange(batch), targets] -= 1", "pass"),
)
softmax_cross_entropy_backward.mistake(
    "1 is subtracted in every row at the targets of all examples. Each row has one target: pick the pairs "
    "with [np.arange(batch), targets].",
    edit=("difference[np.arange(batch), targets]", "difference[:, targets]"),
)
softmax_cross_entropy_backward.mistake(
    "The result is divided by the number of entries (batch times classes). The mean is over the "
    "examples only.",
    edit=("difference / batch", "difference / logits.size"),
)
ROW_MAXIMUM = "logits.max(axis=-1, keepdims=True)"
softmax_cross_entropy_backward.mistake(
    "The exponentials overflow for large logits. Subtract the largest logit of each row first; the "
    "softmax stays the same.",
    edit=(ROW_MAXIMUM, "0.0"),
    of=reference.log_softmax,
)
softmax_cross_entropy_backward.mistake(
    "The softmax runs over the examples (axis 0). The probabilities of one example sum to 1: axis -1.",
    edits=[
        (ROW_MAXIMUM, "logits.max(axis=0, keepdims=True)"),
        ("np.exp(shifted).sum(axis=-1, keepdims=True)", "np.exp(shifted).sum(axis=0, keepdims=True)"),
    ],
    of=reference.log_softmax,
)


@softmax_cross_entropy_backward.mistake(
    "The largest logit of the whole batch is subtracted. In a row far below it every exponential becomes 0, "
    "and so does their sum: subtract the largest logit of each row."
)
def largest_of_the_batch(gradient, logits, targets):
    weights = np.exp(logits - logits.max())
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return gradient * (weights / weights.sum(axis=1, keepdims=True) - one_hot) / len(logits)


@softmax_cross_entropy_backward.variant
def with_one_hot_targets(gradient, logits, targets):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return (probabilities - one_hot) * (gradient / len(logits))


@softmax_cross_entropy_backward.variant
def example_by_example(gradient, logits, targets):
    result = np.zeros_like(logits)
    for row, target in enumerate(targets):
        weights = np.exp(logits[row] - logits[row].max())
        result[row] = weights / weights.sum()
        result[row, target] -= 1
    return result * gradient / logits.shape[0]


# --- numerical_gradient


def cubic(draw: Draw, *shape: int) -> Callable[[np.ndarray], float]:
    """A function whose central and one-sided differences differ clearly at a step of 0.1."""
    weights, shift = positive(draw, *shape), array(draw, *shape)
    return lambda point: float((weights * (point + shift) ** 3).sum() + (point**2).sum() ** 2)


def at_a_point(*shape: int, dtype: type = np.float64, **given: float) -> Case:
    """A case with a cubic function and a random point."""
    return lambda draw: {
        "function": cubic(draw, *shape),
        "point": array(draw, *shape).astype(dtype),
        **given,
    }


numerical_gradient = function(reference.numerical_gradient, points=1, rtol=1e-5, atol=1e-7)
numerical_gradient.hint(
    idea="Nudge one entry up and down by the same little, see how the function's value changes, and put the "
    "entry back before you go on.",
    page='"Where it goes wrong" in the chapter "Backpropagation, built by hand".',
)
numerical_gradient.case("vector, step 0.1", weight=2)(at_a_point(4, step=0.1))
numerical_gradient.case("matrix, default step")(at_a_point(2, 3))
numerical_gradient.case("float32 is refused", raises=ValueError)(at_a_point(5, dtype=np.float32))
numerical_gradient.case("a point with integers is refused", hidden=True, raises=ValueError)(
    at_a_point(5, dtype=np.int64)
)
numerical_gradient.case("three axes, step 0.5", hidden=True)(at_a_point(2, 1, 3, step=0.5))
numerical_gradient.mistake(
    "This is the one-sided difference, whose error shrinks with h. Go a step to both sides: the error "
    "of the central difference shrinks with h squared.",
    edit=(
        "(function(point + offset) - function(point - offset)) / (2 * step)",
        "(function(point + offset) - function(point)) / step",
    ),
)
numerical_gradient.mistake(
    "The two points are 2h apart, and the difference is divided by h: the estimate is twice too large.",
    edit=("/ (2 * step)", "/ step"),
)
numerical_gradient.mistake(
    "The step that was given is not used.",
    edit=("gradient = np.zeros_like(point)", "gradient, step = np.zeros_like(point), 1e-5"),
)
numerical_gradient.mistake(
    "All entries are moved at once: that measures the slope in one direction. Move one entry at a time.",
    edit=("offset[index] = step", "offset[...] = step"),
)
numerical_gradient.mistake(
    "The entries moved earlier stay moved. Start each entry from the original point.",
    edit=(
        "for index in np.ndindex(point.shape):\n        offset = np.zeros_like(point)\n",
        "offset = np.zeros_like(point)\n    for index in np.ndindex(point.shape):\n",
    ),
)
numerical_gradient.mistake(
    "Only the first axis is walked, so that whole rows move at once. A point can have any number of axes: "
    "np.ndindex(point.shape) visits every entry.",
    edit=("np.ndindex(point.shape)", "range(len(point))"),
)
numerical_gradient.mistake(
    "A point that is not float64 is accepted. In float32 rounding swallows the difference, and in an "
    "array of integers a small step is rounded to 0: raise a ValueError.",
    edit=("point.dtype != np.float64", "False"),
)


@numerical_gradient.variant
def on_a_flat_copy(function, point, step=1e-5):
    if point.dtype != np.float64:
        raise ValueError("float64 is needed")
    flat = point.copy().ravel()
    slopes = []
    for index, entry in enumerate(flat.tolist()):
        flat[index] = entry + step
        above = function(flat.reshape(point.shape))
        flat[index] = entry - step
        below = function(flat.reshape(point.shape))
        flat[index] = entry
        slopes.append((above - below) / step / 2)
    return np.array(slopes).reshape(point.shape)


@numerical_gradient.variant
def with_unit_vectors(function, point, step=1e-5):
    if point.dtype != "float64":
        raise ValueError("float64 is needed")
    directions = np.eye(point.size).reshape(-1, *point.shape) * step
    above = np.array([function(point + direction) for direction in directions])
    below = np.array([function(point - direction) for direction in directions])
    return ((above - below) / (2 * step)).reshape(point.shape)


# --- gradcheck

Claim = Callable[[np.ndarray], np.ndarray]


def of_a_quadratic(*shape: int, claim: Claim, **tolerances: float) -> Case:
    """A case with a curved function; `claim` makes the claimed gradient from the right one."""

    def draw_case(draw: Draw) -> dict[str, Any]:
        weights, point = positive(draw, *shape), positive(draw, *shape) + 2.0
        slopes = array(draw, *shape) + 4.0
        right = 2 * weights * point + slopes
        return {
            "function": lambda x: float((weights * x * x + slopes * x).sum()),
            "point": point,
            "gradient": claim(right),
            **tolerances,
        }

    return draw_case


def of_a_linear(slopes: Iterable[float], claim: Claim, **tolerances: float) -> Case:
    """A case with a linear function at 0, where central differences are as good as exact."""

    def draw_case(draw: Draw) -> dict[str, Any]:
        right = np.array([*slopes])[draw.permutation(len([*slopes])).numpy()]
        return {
            "function": lambda x: float((right * x).sum()),
            "point": np.zeros(right.size),
            "gradient": claim(right),
            **tolerances,
        }

    return draw_case


gradcheck = function(reference.gradcheck, points=2)
gradcheck.hint(
    idea="Compare with the numerical gradient, and allow more where the numbers are larger.",
)
gradcheck.case("a right gradient is accepted")(of_a_quadratic(3, 4, claim=lambda right: right))
gradcheck.case("one entry 1% too large is rejected")(
    of_a_quadratic(5, claim=lambda right: right * [1.0, 1.0, 1.01, 1.0, 1.0])
)
gradcheck.case("one entry 1% too small is rejected")(
    of_a_quadratic(5, claim=lambda right: right * [1.0, 0.99, 1.0, 1.0, 1.0])
)
gradcheck.case("errors that cancel in the sum are rejected")(
    of_a_quadratic(4, claim=lambda right: right + np.array([0.0, 0.5, -0.5, 0.0]))
)
gradcheck.case("a wrong small entry beside a large right one is rejected")(
    of_a_linear([1e5, 3.0, 5.0], claim=lambda right: right + (right < 4))
)
gradcheck.case("an error of 3e-5 of the value is accepted in gradients of 1e7")(
    of_a_linear([2e7, -3e7, 5e7], claim=lambda right: right * (1 + 3e-5))
)
gradcheck.case("a gradient of another shape is rejected")(
    # All entries are equal, so that broadcasting (4, 1) against (4,) finds nothing amiss.
    of_a_linear([3.0] * 4, claim=lambda right: right.reshape(4, 1))
)
gradcheck.case("an error of 2e-7 is accepted where the gradient is 0", hidden=True)(
    of_a_linear([2e-7] * 6, claim=np.zeros_like)
)
gradcheck.case("an exact match is accepted with tolerances of 0", hidden=True)(
    # With slopes that are powers of two, the differences are exact.
    of_a_linear([4.0, 0.5, 2.0], claim=lambda right: right, rtol=0.0, atol=0.0)
)
gradcheck.case("an error of 2e-5 in a gradient of 1e-3 is rejected", hidden=True)(
    of_a_linear([2e-3, 3e-3, 5e-3], claim=lambda right: right + 2e-5)
)
gradcheck.case("the two tolerances add up", hidden=True)(
    of_a_linear([4.0, 4.5, 5.0], claim=lambda right: right + 0.6, rtol=0.1, atol=0.3)
)
gradcheck.case("the opposite sign is rejected", hidden=True)(of_a_quadratic(2, 3, claim=lambda right: -right))
gradcheck.case("tolerances that are given are used", hidden=True)(
    of_a_quadratic(3, claim=lambda right: right * 1.00001, rtol=1e-7, atol=1e-9)
)
VERDICT, ALLOWED = "bool((np.abs(gradient - estimate) <= allowed).all())", "atol + rtol * np.abs(estimate)"
gradcheck.mistake(
    "The difference is compared without its absolute value: an entry that is too small always passes.",
    edit=("np.abs(gradient - estimate)", "(gradient - estimate)"),
)
gradcheck.mistake(
    "An array with a verdict for each entry comes back. The answer is one verdict: all of them together.",
    edit=(VERDICT, "np.abs(gradient - estimate) <= allowed"),
)
gradcheck.mistake("One entry that agrees is enough here. All entries must agree.", edit=(".all()", ".any()"))
gradcheck.mistake(
    "The allowed difference does not grow with the gradient: add rtol * |estimate|, or large right "
    "gradients fail.",
    edit=(ALLOWED, "atol"),
)
gradcheck.mistake(
    "The allowed difference shrinks to nothing with the gradient: add atol, or right gradients near 0 fail.",
    edit=(ALLOWED, "rtol * np.abs(estimate)"),
)
gradcheck.mistake(
    "The larger of the two tolerances is used. They add up.",
    edit=(ALLOWED, "np.maximum(atol, rtol * np.abs(estimate))"),
)
gradcheck.mistake(
    "A gradient of another shape than the point passes, because broadcasting makes the two fit. Compare "
    "the shapes first.",
    edit=("gradient.shape != point.shape", "False"),
)
gradcheck.mistake("The given tolerances are not used.", edit=(ALLOWED, "1e-6 + 1e-4 * np.abs(estimate)"))
gradcheck.mistake(
    "The differences are added up before they are compared, so that errors of opposite sign cancel. "
    "Compare entry by entry.",
    edit=(VERDICT, "bool(abs((gradient - estimate).sum()) <= allowed.sum())"),
)
gradcheck.mistake(
    "Lengths of whole arrays are compared: a large entry makes room for a small one that is wrong. "
    "Compare entry by entry.",
    edit=(VERDICT, "bool(np.linalg.norm(gradient - estimate) <= atol + rtol * np.linalg.norm(estimate))"),
)


@gradcheck.variant
def with_allclose(function, point, gradient, rtol=1e-4, atol=1e-6):
    estimate = reference.numerical_gradient(function, point)
    return gradient.shape == estimate.shape and np.allclose(gradient, estimate, rtol=rtol, atol=atol)


@gradcheck.variant
def by_the_largest_excess(function, point, gradient, rtol=1e-4, atol=1e-6):
    if np.shape(gradient) != np.shape(point):
        return False
    estimate = reference.numerical_gradient(function, point)
    return (np.abs(estimate - gradient) - rtol * np.abs(estimate)).max() <= atol


gradcheck.equivalent(
    "return (np.abs(gradient - estimate) <= allowed).all()",
    "NumPy's own True and False are as good as Python's",
)
gradcheck.equivalent(
    "return bool((np.abs(estimate - gradient) <= allowed).all())", "the distance is the same from either side"
)

# --- graphs, for the sort and for the walk

Parents = Mapping[Any, Sequence[Any]]
DETOURS = "a long way and a short way to the same node"
GRAPHS: dict[str, tuple[str, Parents]] = {
    "a chain": ("loss", {"x": [], "h": ["x"], "y": ["h"], "loss": ["y"]}),
    "two ways to the same node": ("loss", {"x": [], "a": ["x"], "b": ["x"], "loss": ["a", "b"]}),
    "a node used twice by one operation": ("square", {"w": [], "x": ["w"], "square": ["x", "x"]}),
    # The short way is listed first at the loss and last at q: no search that goes by the list is lucky twice.
    DETOURS: (
        "loss",
        {"w": [], "p": ["w"], "a": ["p"], "q": ["a", "p"], "b": ["q"], "loss": ["q", "b"]},
    ),
    "nodes that the output does not use": (
        "loss",
        {"x": [], "w": [], "loss": ["x", "w"], "metric": ["loss", "x"], "unused": ["w"]},
    ),
}


def shuffled(draw: Draw, parents: Parents) -> dict[Any, Sequence[Any]]:
    """The graph with its nodes listed in random order, so that the order of the dictionary proves nothing."""
    names = list(parents)
    return {names[k]: parents[names[k]] for k in draw.permutation(len(names)).tolist()}


def random_graph(draw: Draw, size: int, most: int) -> tuple[int, dict[int, list[int]]]:
    """The last node of a random graph and the graph, in which a node has up to `most` parents."""
    names = draw.permutation(size).tolist()
    parents = {
        name: [names[k] for k in draw.integers(0, place, draw.integer(1, most + 1)).tolist()] if place else []
        for place, name in enumerate(names)
    }
    return names[-1], parents


def met(output: Any, parents: Parents, take: int = -1) -> list[Any]:
    """What the output depends on, in the order of a search: depth first, or with take=0 breadth first."""
    order: dict[Any, None] = {}  # as a set that keeps the order
    waiting = [output]
    while waiting:
        node = waiting.pop(take)
        if node not in order:
            order[node] = None
            waiting += parents[node]
    return list(order)


# --- topological_sort

topological_sort = function(reference.topological_sort, points=2)
topological_sort.hint(
    idea="Visit a node's parents before you write the node down, and visit nobody twice.",
)


def an_order(output: Any, parents: Parents):
    """What a right order has; many orders are right."""

    def holds(result) -> str | None:
        if not isinstance(result, (list, tuple)):
            return f"expected a list of nodes, got a {type(result).__name__}"
        position = {node: index for index, node in enumerate(result)}
        wanted = set(met(output, parents))
        if len(position) < len(result):
            return "a node is listed more than once"
        if output not in position:
            return "the output itself is missing"
        if wanted - position.keys():
            return "a node that the output depends on is missing"
        if position.keys() - wanted:
            return "a node is listed that the output does not depend on"
        if any(position[parent] > position[node] for node in wanted for parent in parents[node]):
            return "a node stands before one of its parents"
        return None

    return {"output": output, "parents": parents}, holds


def to_sort(output: Any, parents: Parents) -> Callable[[Draw], Any]:
    return lambda draw: an_order(output, shuffled(draw, parents))


for name, (output, parents) in GRAPHS.items():
    topological_sort.property(name, weight=2 if name == DETOURS else 1, seconds=1)(to_sort(output, parents))
topological_sort.property("a large random graph", hidden=True, seconds=1)(
    lambda draw: an_order(*random_graph(draw, 60, most=4))
)
topological_sort.property("a chain of 5,000 nodes", hidden=True, seconds=3)(
    lambda _: an_order(4_999, {k: [k - 1] if k else [] for k in range(5_000)})
)
topological_sort.case("a graph with a cycle is refused", raises=ValueError, seconds=1)(
    lambda _: {"output": "loss", "parents": {"x": [], "a": ["x", "b"], "b": ["a"], "loss": ["b", "x"]}}
)
topological_sort.mistake(
    "The order is reversed: a node stands before the nodes it is computed from. (Backpropagation walks "
    "the list from its end.)",
    edit=("return order", "return order[::-1]"),
)
topological_sort.mistake(
    "A node that is used several times is listed several times. Remember which nodes are done.",
    edit=("if node not in finished:", "if True:"),
)


@topological_sort.mistake(
    "The recursion goes as deep as the graph, and Python stops it after a few thousand calls at most. Keep "
    "your own stack in a list, or count for each node the children that are not done."
)
def recursive(output, parents):
    order, done, active = [], set(), set()

    def visit(node):
        if node in active:
            raise ValueError("a cycle")
        if node not in done:
            active.add(node)
            for parent in parents[node]:
                visit(parent)
            active.remove(node)
            done.add(node)
            order.append(node)

    visit(output)
    return order


@topological_sort.mistake(
    "The nodes come in the order of their distance from the output. A node with a short and a long way "
    "to the output then stands too late: it must come before all of its children, so only the longest "
    "way counts."
)
def by_distance(output, parents):
    reference.topological_sort(output, parents)  # refuses cycles
    return met(output, parents, take=0)[::-1]


@topological_sort.mistake(
    "The nodes come in the reverse of the order in which the search meets them. List a node when the search "
    "leaves it, after all of its parents."
)
def listed_when_met(output, parents):
    reference.topological_sort(output, parents)  # refuses cycles
    return met(output, parents)[::-1]


@topological_sort.mistake("Nodes that the output does not depend on are listed too. Start at the output.")
def everything_listed(output, parents):
    order = reference.topological_sort(output, parents)
    listed = set(order)
    for start in parents:
        if start not in listed:
            order += [node for node in reference.topological_sort(start, parents) if node not in listed]
            listed.update(order)
    return order


@topological_sort.mistake(
    "A node that is used twice is taken for a cycle. It is one only if a node is met again while its own "
    "parents are being visited."
)
def shared_nodes_refused(output, parents):
    order = reference.topological_sort(output, parents)
    uses = [parent for node in order for parent in parents[node]]
    if len(set(uses)) < len(uses):
        raise ValueError("a cycle")
    return order


@topological_sort.mistake(
    "A cycle goes unnoticed, and the list that comes back is no order. If a node is met again before "
    "its parents are done, raise a ValueError."
)
def blind_to_cycles(output, parents):
    order, seen, stack = [], {output}, [(output, iter(parents[output]))]
    while stack:
        node, of = stack[-1]
        following = next((parent for parent in of if parent not in seen), None)
        if following is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(parents[following])))
    return order


@topological_sort.variant
def by_counting_children(output, parents):
    users = dict.fromkeys(met(output, parents), 0)
    for node in users:
        for parent in parents[node]:
            users[parent] += 1
    ready, order = [node for node, count in users.items() if count == 0], []
    while ready:
        order.append(ready.pop())
        for parent in parents[order[-1]]:
            users[parent] -= 1
            if users[parent] == 0:
                ready.append(parent)
    if len(order) < len(users):
        raise ValueError("a cycle")
    return order[::-1]


@topological_sort.variant
def with_two_kinds_of_entries(output, parents):
    order, done, active, stack = [], set(), set(), [(output, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            active.discard(node)
            done.add(node)
            order.append(node)
        elif node in active:
            raise ValueError("a cycle")
        elif node not in done:
            active.add(node)
            stack.append((node, True))
            stack += [(parent, False) for parent in dict.fromkeys(parents[node])]
    return order


# --- backpropagate

backpropagate = function(reference.backpropagate, points=2)
backpropagate.hint(
    idea="Start at the output with one and go backwards through the order. What is used several times "
    "collects the sum of what comes back.",
)


def weighted(draw: Draw, output: Any, parents: Parents) -> dict[str, Any]:
    """Every edge gets a local derivative, away from 0 and 1 and of either sign."""
    edges = {
        node: [(parent, float(draw.numpy.uniform(1.3, 3.0)) * draw.choice([-1, 1])) for parent in of]
        for node, of in shuffled(draw, parents).items()
    }
    return {"output": output, "edges": edges}


def to_walk(output: Any, parents: Parents) -> Case:
    return lambda draw: weighted(draw, output, parents)


for name, (output, parents) in GRAPHS.items():
    backpropagate.case(name, weight=2 if name == DETOURS else 1)(to_walk(output, parents))
backpropagate.case("a random graph", hidden=True)(
    lambda draw: weighted(draw, *random_graph(draw, 13, most=2))
)
backpropagate.mistake(
    "The gradient of a node with several uses is overwritten: only the last way counts. Add up what arrives.",
    edit=(
        "gradients.get(parent, 0.0) + gradients[node] * local_derivative",
        "gradients[node] * local_derivative",
    ),
)
backpropagate.mistake(
    "The derivatives along a way are added. By the chain rule they multiply; only different ways add up.",
    edit=("gradients[node] * local_derivative", "gradients[node] + local_derivative"),
)
backpropagate.mistake(
    "The local derivative is passed on alone, without the gradient of the node it starts from.",
    edit=("gradients[node] * local_derivative", "local_derivative"),
)
backpropagate.mistake(
    "The gradient of the output itself is missing or 0. The walk starts from d output / d output = 1.",
    edit=("{output: 1.0}", "{output: 0.0}"),
)


def pass_on(order: Iterable[Any], output: Any, edges: Mapping[Any, Sequence[tuple[Any, float]]]):
    """Walk in the given order, whether it is a right one or not."""
    order = list(order)
    gradients = dict.fromkeys(order, 0.0) | {output: 1.0}
    for node in order:
        for parent, local_derivative in edges[node]:
            gradients[parent] += gradients[node] * local_derivative
    return gradients


def parents_of(edges: Mapping[Any, Sequence[tuple[Any, float]]]) -> dict[Any, list[Any]]:
    return {node: [parent for parent, _ in pairs] for node, pairs in edges.items()}


@backpropagate.mistake(
    "The nodes are walked by their distance from the output, so that a node passes its gradient on before "
    "all of it has arrived. Walk in reverse topological order: a node comes after everything that uses it."
)
def nearest_first(output, edges):
    return pass_on(met(output, parents_of(edges), take=0), output, edges)


@backpropagate.mistake(
    "A node passes its gradient on as soon as the search meets it, before all of it has arrived. Walk in "
    "reverse topological order: a node comes after everything that uses it."
)
def when_met(output, edges):
    return pass_on(met(output, parents_of(edges)), output, edges)


@backpropagate.mistake(
    "The nodes are walked in the order of the dictionary, which says nothing about who uses whom. Walk in "
    "reverse topological order."
)
def as_listed(output, edges):
    needed = met(output, parents_of(edges))
    return pass_on([node for node in reversed(edges) if node in needed], output, edges)


@backpropagate.mistake(
    "A node that is used several times passes on its whole gradient each time it is met, so that earlier "
    "shares count again. Handle each node once, when all of its gradient has arrived."
)
def passed_on_again(output, edges):
    gradients, stack = {output: 1.0}, [output]
    while stack:
        node = stack.pop()
        for parent, local_derivative in edges[node]:
            gradients[parent] = gradients.get(parent, 0.0) + gradients[node] * local_derivative
            stack.append(parent)
    return gradients


@backpropagate.mistake("Nodes that the output does not depend on are in the result. Leave them out.")
def every_node(output, edges):
    return dict.fromkeys(edges, 0.0) | reference.backpropagate(output, edges)


@backpropagate.variant
def with_zeros_first(output, edges):
    return pass_on(reversed(reference.topological_sort(output, parents_of(edges))), output, edges)


@backpropagate.variant
def path_by_path(output, edges):
    gradients = {}

    def follow(node, product):
        gradients[node] = gradients.get(node, 0.0) + product
        for parent, derivative in edges[node]:
            follow(parent, product * derivative)

    follow(output, 1.0)
    return gradients


# --- what all of them are written without

AUTOMATIC_DIFFERENTIATION = ("torch", "jax", "autograd", "tensorflow")
for _exercise in [value for value in globals().values() if isinstance(value, Exercise)]:
    _exercise.forbid(*AUTOMATIC_DIFFERENTIATION)
del _exercise
topological_sort.forbid("graphlib")
backpropagate.forbid("graphlib")
numerical_gradient.forbid("scipy.optimize.approx_fprime")
