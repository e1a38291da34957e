"""Backpropagation, built by hand: an automatic differentiation engine on NumPy arrays.

Backpropagation computes the gradient of a scalar loss by the chain rule, from the loss back to every input
(Rumelhart, Hinton and Williams 1986). It changes no weight: that is the work of gradient descent, afterwards.
It is reverse-mode automatic differentiation with a scalar output (Baydin et al. 2018).

Four parts: the order in which a graph is walked; the backward function of each operation; the class `Tensor`,
which records operations as they happen; and `gradcheck`, which tests gradients by finite differences.

Every backward function is a vector-Jacobian product: it takes the gradient of the loss with respect to the
operation's output, and returns the gradient with respect to each of its inputs, without building a Jacobian.

What it leaves out: gradients of gradients, edits in place, devices, and products of vectors with `@`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float, Int

Array: TypeAlias = Float[np.ndarray, "..."]
Axis: TypeAlias = int | tuple[int, ...] | None
Node = TypeVar("Node", bound=Hashable)

# --- The order ----------------------------------------------------------------


def topological_sort(output: Node, parents: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """List the output and everything it is computed from, every parent before its children.

    A depth-first search with its own stack: a recursive one would fail at Python's recursion limit, which the
    graph of a long sequence reaches easily.

    Args:
        output: the node to start from.
        parents: for each node, the nodes it is computed from; an empty sequence for an input.

    Returns:
        The nodes that `output` depends on, each once, and `output` last.

    Raises:
        ValueError: a node depends on itself, so that no order exists.

    Source: Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, section "Topological sort".

    >>> topological_sort("loss", {"x": [], "square": ["x", "x"], "loss": ["square", "x"], "unused": ["x"]})
    ['x', 'square', 'loss']
    """
    order: list[Node] = []
    finished: set[Node] = set()
    opened: set[Node] = set()
    stack = [output]
    while stack:
        node = stack[-1]
        waiting_for = [parent for parent in parents[node] if parent not in finished]
        if not waiting_for:
            stack.pop()
            if node not in finished:
                finished.add(node)
                order.append(node)
        elif node in opened:
            raise ValueError(f"node {node!r} depends on itself: a graph of computations has no cycles")
        else:
            opened.add(node)
            stack.extend(waiting_for)
    return order


def backpropagate(output: Node, edges: Mapping[Node, Sequence[tuple[Node, float]]]) -> dict[Node, float]:
    """Return the derivative of `output` with respect to every number it is computed from.

    The derivatives along a path multiply, and the paths that meet at a node add up: this is the chain rule.

    Args:
        output: the node whose derivatives are wanted.
        edges: for each node, its parents with the local derivative d node / d parent.

    Returns:
        d output / d node for `output` itself (1.0) and for each node it depends on.

    Source: Baydin et al. 2018, section 3.2.

    >>> backpropagate("loss", {"x": [], "double": [("x", 2.0)], "loss": [("double", 5.0), ("x", 3.0)]})
    {'loss': 1.0, 'double': 5.0, 'x': 13.0}
    """
    parents = {node: [parent for parent, _ in pairs] for node, pairs in edges.items()}
    gradients = {output: 1.0}
    for node in reversed(topological_sort(output, parents)):
        for parent, local_derivative in edges[node]:
            gradients[parent] = gradients.get(parent, 0.0) + gradients[node] * local_derivative
    return gradients


# --- The backward function of each operation ----------------------------------


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an operand was broadcast.

    Broadcasting uses one entry many times, and the gradient of an entry is the sum over its uses.

    Args:
        gradient: gradient with respect to the broadcast operand.
        shape: the operand's own shape, which broadcasts to `gradient.shape`.

    Returns:
        The gradient with respect to the operand, of shape `shape`.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    >>> unbroadcast(np.ones((2, 3)), (2, 1))
    array([[3.],
           [3.]])
    """
    added = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(added)))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return gradient.sum(axis=stretched, keepdims=True)


def add_backward(gradient: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Backward of `left + right`: the gradient goes to both operands unchanged.

    >>> add_backward(np.array([5.0, 7.0]), np.array([1.0, 2.0]), np.array(3.0))
    (array([5., 7.]), np.float64(12.0))
    """
    return unbroadcast(gradient, left.shape), unbroadcast(gradient, right.shape)


def mul_backward(gradient: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Backward of `left * right`, elementwise: each operand gets the gradient times the other one.

    >>> mul_backward(np.array([5.0, 7.0]), np.array([1.0, 2.0]), np.array(3.0))
    (array([15., 21.]), np.float64(19.0))
    """
    return unbroadcast(gradient * right, left.shape), unbroadcast(gradient * left, right.shape)


def matmul_backward(
    gradient: Float[np.ndarray, "... rows columns"],
    left: Float[np.ndarray, "... rows inner"],
    right: Float[np.ndarray, "... inner columns"],
) -> tuple[Float[np.ndarray, "... rows inner"], Float[np.ndarray, "... inner columns"]]:
    """Backward of `left @ right`: `gradient @ right^T` and `left^T @ gradient`.

    Batch axes broadcast as in `numpy.matmul`, so both results are summed back to their operand's shape.

    >>> matmul_backward(np.array([[10.0]]), np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    (array([[30., 40.]]), array([[10.],
           [20.]]))
    """
    left_gradient = gradient @ right.swapaxes(-2, -1)
    right_gradient = left.swapaxes(-2, -1) @ gradient
    return unbroadcast(left_gradient, left.shape), unbroadcast(right_gradient, right.shape)


def relu_backward(gradient: Array, operand: Array) -> Array:
    """Backward of `max(operand, 0)`: the gradient passes where the operand is positive.

    At exactly 0 there is no derivative; 0 is used, as in PyTorch.

    >>> relu_backward(np.array([5.0, -7.0, 9.0]), np.array([1.0, 2.0, -3.0]))
    array([ 5., -7.,  0.])
    """
    return np.where(operand > 0, gradient, 0.0)


def exp_backward(gradient: Array, output: Array) -> Array:
    """Backward of `output = exp(operand)`: the exponential is its own derivative.

    >>> exp_backward(np.array([5.0, 7.0]), np.array([1.0, 2.0]))
    array([ 5., 14.])
    """
    return gradient * output


def log_backward(gradient: Array, operand: Array) -> Array:
    """Backward of the natural logarithm of `operand`.

    >>> log_backward(np.array([6.0, 7.0]), np.array([2.0, 0.5]))
    array([ 3., 14.])
    """
    return gradient / operand


def sum_backward(gradient: Array, operand: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Backward of `operand.sum(axis, keepdims)`: each summand gets the gradient of its sum (a view).

    >>> sum_backward(np.array([5.0, 7.0]), np.zeros((2, 3)), axis=1)
    array([[5., 5., 5.],
           [7., 7., 7.]])
    """
    if axis is not None and not keepdims:
        gradient = np.expand_dims(gradient, axis)
    return np.broadcast_to(gradient, operand.shape)


def log_softmax(logits: Float[np.ndarray, "... classes"]) -> Float[np.ndarray, "... classes"]:
    """Return the logarithms of the softmax over the last axis; finite for logits of any size.

    >>> log_softmax(np.array([1000.0, 1000.0, -1000.0])).round(2).tolist()
    [-0.69, -0.69, -2000.69]
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax_cross_entropy(
    logits: Float[np.ndarray, "batch classes"], targets: Int[np.ndarray, " batch"]
) -> Float[np.ndarray, ""]:
    """Return the mean over the batch of -log p(target), with p the softmax of the logits.

    >>> softmax_cross_entropy(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 0])).round(4)
    np.float64(0.3466)
    """
    return -log_softmax(logits)[np.arange(len(targets)), targets].mean()


def softmax_cross_entropy_backward(
    gradient: Float[np.ndarray, ""],
    logits: Float[np.ndarray, "batch classes"],
    targets: Int[np.ndarray, " batch"],
) -> Float[np.ndarray, "batch classes"]:
    """Backward of the mean softmax cross-entropy: (p - y) / batch, with y the one-hot targets.

    Source: Bishop, Pattern Recognition and Machine Learning, equation 4.109 (without its factor phi).

    >>> softmax_cross_entropy_backward(np.array(1.0), np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([0, 1]))
    array([[-0.25,  0.25],
           [ 0.25, -0.25]])
    """
    batch, _ = logits.shape
    difference = np.exp(log_softmax(logits))
    difference[np.arange(batch), targets] -= 1
    return gradient * difference / batch


# --- The tensor that remembers how it was made --------------------------------


class Tensor:
    """An array that records the operation it came from, so that gradients can flow back through it.

    Attributes:
        data: the values.
        grad: the gradient of the last output(s) `backward` was called on; gradients add up until `zero_grad`.
        parents: the tensors it was computed from; empty for an input.
        operation: the name of the operation, for pictures; empty for an input.

    >>> weight, x = Tensor([[2.0], [-1.0]]), Tensor([[3.0, 4.0]])
    >>> loss = (x @ weight).relu().sum()
    >>> loss.backward()
    >>> loss.item(), weight.grad.tolist(), x.grad.tolist()
    (2.0, [[3.0], [4.0]], [[2.0, -1.0]])
    """

    # NumPy then leaves `array * tensor` to this class instead of looping over the array's entries.
    __array_ufunc__ = None

    def __init__(
        self,
        data: object,
        parents: tuple[Tensor, ...] = (),
        pull_back: Callable[[Array], tuple[Array, ...]] | None = None,
        operation: str = "",
    ) -> None:
        values = np.asarray(data)
        self.data: Array = values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float64)
        self.grad: Array = np.zeros_like(self.data)
        self.parents = parents
        self.operation = operation
        self._pull_back = pull_back

    def __repr__(self) -> str:
        return f"Tensor({self.data.tolist()}{', from ' + self.operation if self.operation else ''})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.data.shape

    def item(self) -> float:
        """Return the value of a tensor with one entry as a Python number."""
        return self.data.item()

    def _constant(self, value: Tensor | Array | float) -> Tensor:
        """Wrap what is not a tensor, in this tensor's dtype so that `2.0 * x` stays float32."""
        return value if isinstance(value, Tensor) else Tensor(np.asarray(value, dtype=self.data.dtype))

    def _combine(
        self,
        other: Tensor | Array | float,
        forward: Callable[[Array, Array], Array],
        backward: Callable[[Array, Array, Array], tuple[Array, Array]],
        operation: str,
    ) -> Tensor:
        """Combine this tensor with another operand and record how."""
        right_tensor = self._constant(other)
        # The arrays of this moment: `data` may be replaced (by a training step) before the walk comes back.
        left, right = self.data, right_tensor.data
        return Tensor(
            forward(left, right), (self, right_tensor), lambda grad: backward(grad, left, right), operation
        )

    def __add__(self, other: Tensor | Array | float) -> Tensor:
        return self._combine(other, np.add, add_backward, "+")

    def __mul__(self, other: Tensor | Array | float) -> Tensor:
        return self._combine(other, np.multiply, mul_backward, "*")

    def __matmul__(self, other: Tensor | Array) -> Tensor:
        right = self._constant(other)
        if min(self.data.ndim, right.data.ndim) < 2:
            raise ValueError(
                f"@ needs operands with two axes or more, got shapes {self.shape} and {right.shape}; "
                "give a vector a second axis of length 1"
            )
        return self._combine(right, np.matmul, matmul_backward, "@")

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __sub__(self, other: Tensor | Array | float) -> Tensor:
        return self + -self._constant(other)

    def __rsub__(self, other: Array | float) -> Tensor:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def relu(self) -> Tensor:
        """Return max(x, 0), elementwise."""
        operand = self.data
        return Tensor(np.maximum(operand, 0.0), (self,), lambda grad: (relu_backward(grad, operand),), "relu")

    def exp(self) -> Tensor:
        """Return the exponential, elementwise."""
        output = np.exp(self.data)
        return Tensor(output, (self,), lambda grad: (exp_backward(grad, output),), "exp")

    def log(self) -> Tensor:
        """Return the natural logarithm, elementwise."""
        operand = self.data
        return Tensor(np.log(operand), (self,), lambda grad: (log_backward(grad, operand),), "log")

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the sum over the given axes, over all of them if none is given."""
        operand = self.data
        return Tensor(
            operand.sum(axis=axis, keepdims=keepdims),
            (self,),
            lambda grad: (sum_backward(grad, operand, axis, keepdims),),
            "sum",
        )

    def softmax_cross_entropy(self, targets: Int[np.ndarray, " batch"]) -> Tensor:
        """Return the mean cross-entropy of the targets; this tensor holds the logits, (batch, classes)."""
        logits = self.data
        return Tensor(
            softmax_cross_entropy(logits, targets),
            (self,),
            lambda grad: (softmax_cross_entropy_backward(grad, logits, targets),),
            "cross-entropy",
        )

    def ancestors(self) -> list[Tensor]:
        """Return this tensor and all it was computed from, every parent before its children."""
        parents: dict[Tensor, tuple[Tensor, ...]] = {}
        to_visit = [self]
        while to_visit:
            tensor = to_visit.pop()
            if tensor not in parents:
                parents[tensor] = tensor.parents
                to_visit.extend(tensor.parents)
        return topological_sort(self, parents)

    def backward(self) -> None:
        """Add the gradient of this tensor to the `grad` of every tensor it was computed from.

        The walk is `backpropagate` with arrays for numbers: the product with the local derivative becomes a
        vector-Jacobian product. A tensor hands on what this walk brought it, not its `grad`, which may hold
        gradients of earlier walks.

        Raises:
            ValueError: this tensor has more than one entry, and a gradient belongs to a single number.
        """
        if self.data.size != 1:
            raise ValueError(
                f"backward starts from one number, got shape {self.shape}; sum or average it first"
            )
        arriving = {self: np.ones_like(self.data)}
        for tensor in reversed(self.ancestors()):
            gradient = arriving.pop(tensor)
            tensor.grad = tensor.grad + gradient
            if tensor._pull_back is not None:
                for parent, share in zip(tensor.parents, tensor._pull_back(gradient), strict=True):
                    arriving[parent] = arriving[parent] + share if parent in arriving else share

    def zero_grad(self) -> None:
        """Forget the gradient, before the next `backward`."""
        self.grad = np.zeros_like(self.data)


# --- The test by finite differences -------------------------------------------


def numerical_gradient(function: Callable[[Array], float], point: Array, step: float = 1e-5) -> Array:
    """Estimate the gradient of a scalar function by central differences, one entry of the point at a time.

    (f(x + h) - f(x - h)) / 2h is the derivative up to a term in h^2, against a term in h for the one-sided
    difference. It takes two calls for every entry.

    Args:
        function: takes an array like `point`, returns one number.
        point: where the gradient is wanted, float64 (in float32 rounding hides it).
        step: h, the distance to each side.

    Returns:
        The estimate, of the shape of `point`.

    Raises:
        ValueError: the point is not float64.

    Source: Press et al., Numerical Recipes, section "Numerical Derivatives".

    >>> numerical_gradient(lambda x: x[0] ** 2 + 3 * x[1], np.array([5.0, 7.0])).round(6)
    array([10.,  3.])
    """
    if point.dtype != np.float64:
        raise ValueError(f"finite differences need float64, got {point.dtype}; convert the point first")
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        offset = np.zeros_like(point)
        offset[index] = step
        gradient[index] = (function(point + offset) - function(point - offset)) / (2 * step)
    return gradient


def gradcheck(
    function: Callable[[Array], float], point: Array, gradient: Array, rtol: float = 1e-4, atol: float = 1e-6
) -> bool:
    """Tell whether `gradient` is the gradient of a scalar function, by comparison with central differences.

    Args:
        function: takes an array like `point`, returns one number.
        point: where the gradient was computed, float64.
        gradient: the claimed gradient; one of another shape than the point is wrong.
        rtol: largest difference in an entry, relative to the entry's estimate.
        atol: largest difference that is accepted in an entry whatever its size.

    Returns:
        True if every entry agrees within `atol + rtol * |estimate|`.

    >>> point = np.array([5.0, 7.0])
    >>> gradcheck(lambda x: (x**2).sum(), point, 2 * point), gradcheck(lambda x: (x**2).sum(), point, point)
    (True, False)
    """
    if gradient.shape != point.shape:
        return False
    estimate = numerical_gradient(function, point)
    allowed = atol + rtol * np.abs(estimate)
    return bool((np.abs(gradient - estimate) <= allowed).all())
