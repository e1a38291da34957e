"""Arrays and tensors: computations over whole tables without a loop, stable for large numbers.

Read from top to bottom: distances and products (`pairwise_distances`, `batched_matvec`), names and scales
(`one_hot`, `standardize`), scores and probabilities (`log_sum_exp`, `softmax`, `log_softmax`), and the way
between NumPy and PyTorch (`numpy_to_tensor`, `tensor_to_numpy`, `RoundTrip`).

Sources:
    Harris et al. 2020, "Array programming with NumPy", https://doi.org/10.1038/s41586-020-2649-2.
    Blanchard, Higham and Higham 2021, "Accurately computing the log-sum-exp and softmax functions",
    https://doi.org/10.1093/imanum/draa038 ("the paper" below).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor


def pairwise_distances(
    x: Float[Tensor, "rows features"], y: Float[Tensor, "others features"]
) -> Float[Tensor, "rows others"]:
    """Return the Euclidean distance of each row of one table to each row of another.

    `D[i, j] = sqrt(sum over k of (x[i, k] - y[j, k])**2)`. All differences are held for a moment, in an array
    of shape (rows, others, features). That is large, but accurate also for points far from the origin.

    Args:
        x: points, shape (rows, features).
        y: other points, shape (others, features), in the same units.

    Returns:
        Distances, shape (rows, others), in the unit of the features.

    Raises:
        ValueError: if the tables are not two matrices with the same number of features. Broadcasting would
            stretch a single feature to many without a word.

    Source:
        The Euclidean norm of a difference; equals `scipy.spatial.distance.cdist`.

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
        >>> y = torch.tensor([[0.0, 4.0]])
        >>> pairwise_distances(x, y)  # 4 straight up, and the long side of a 3-4-5 triangle
        tensor([[4.],
                [5.]])
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            "x (rows, features) and y (others, features) must be matrices with the same features; "
            f"got shapes {tuple(x.shape)} and {tuple(y.shape)}."
        )
    differences = x[:, None, :] - y[None, :, :]
    return differences.square().sum(dim=-1).sqrt()


def batched_matvec(
    matrices: Float[Tensor, "... rows columns"], vectors: Float[Tensor, "... columns"]
) -> Float[Tensor, "... rows"]:
    """Multiply each matrix of a batch by the vector that belongs to it.

    `result[b, i] = sum over j of matrices[b, i, j] * vectors[b, j]`.

    Args:
        matrices: shape (..., rows, columns).
        vectors: shape (..., columns), with the same leading axes.

    Returns:
        The products, shape (..., rows).

    Raises:
        ValueError: if there is not one vector of the right length for each matrix.

    Source:
        The definition of the product; equals `torch.einsum("...ij,...j->...i", matrices, vectors)`.

    Example:
        >>> matrices = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])  # two matrices of one row
        >>> vectors = torch.tensor([[10.0, 1.0], [1.0, 10.0]])
        >>> batched_matvec(matrices, vectors)  # 1*10 + 2*1, and 3*1 + 4*10
        tensor([[12.],
                [43.]])
    """
    if matrices.shape[:-2] + matrices.shape[-1:] != vectors.shape:
        raise ValueError(
            "matrices (..., rows, columns) need vectors (..., columns), one for each matrix; "
            f"got shapes {tuple(matrices.shape)} and {tuple(vectors.shape)}."
        )
    return (matrices @ vectors[..., :, None]).squeeze(-1)


def one_hot(labels: Int[Tensor, "..."], classes: int) -> Float[Tensor, "... classes"]:
    """Turn each class number into a row of zeros with a single one, at the place of the class.

    `Z[i, k] = 1 if labels[i] == k else 0`.

    Args:
        labels: class numbers from 0 to classes - 1, of any shape.
        classes: how many classes there are, whether or not all of them occur.

    Returns:
        Zeros and ones, float32, shape (..., classes).

    Raises:
        ValueError: if a label is not a class number.

    Source:
        Equals `torch.nn.functional.one_hot`, which returns whole numbers.

    Example:
        >>> one_hot(torch.tensor([2, 0]), classes=3)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    if ((labels < 0) | (labels >= classes)).any():
        raise ValueError(f"labels must be from 0 to {classes - 1}; found {labels.min()} to {labels.max()}.")
    return (labels[..., None] == torch.arange(classes, device=labels.device)).float()


def standardize(
    features: Float[Tensor, "rows features"], training: Float[Tensor, "others features"]
) -> Float[Tensor, "rows features"]:
    """Shift and scale each feature so that it has mean 0 and standard deviation 1 over the training rows.

    `(features - mean) / deviation`. A feature that never varies in training is shifted only.

    Args:
        features: rows to scale, shape (rows, features).
        training: the rows that mean and deviation are taken from, shape (others, features). Give the same
            rows twice to scale the training rows alone.

    Returns:
        Numbers without a unit, shape (rows, features).

    Source:
        Hastie, Tibshirani and Friedman 2009, section 11.5.3; the deviation divides by the number of rows, as
        scikit-learn's `StandardScaler` does.

    Example:
        >>> training = torch.tensor([[1.0, 100.0], [3.0, 300.0]])  # means 2 and 200, deviations 1 and 100
        >>> standardize(torch.tensor([[4.0, 100.0]]), training)
        tensor([[ 2., -1.]])
    """
    mean = training.mean(dim=0)
    deviation = training.std(dim=0, correction=0)
    # Rounding can leave a tiny deviation where all numbers are the same.
    varies = (training != training[0]).any(dim=0)
    return (features - mean) / deviation.where(varies, 1.0)


def log_sum_exp(scores: Float[Tensor, "..."], dim: int = -1, keepdim: bool = False) -> Float[Tensor, "..."]:
    """Return the logarithm of the sum of the exponentials, without overflow.

    `log(sum of exp(x))` is computed as `m + log(sum of exp(x - m))` with the largest score `m`: no
    exponential is then above 1, and one of them is exactly 1.

    Args:
        scores: any numbers, minus infinity included, shape (..., n, ...).
        dim: the axis that is summed over.
        keepdim: whether that axis stays, with length one.

    Returns:
        The result, without the axis `dim`. Scores that are all minus infinity give minus infinity.

    Source:
        The shifted formula in section 1 of the paper.

    Example:
        >>> log_sum_exp(torch.tensor([1000.0, 1000.0]))  # 1000 + log 2; exp(1000) itself is infinite
        tensor(1000.6932)
    """
    largest = scores.amax(dim, keepdim=True)
    # Infinity minus infinity is not a number.
    shift = largest.where(largest.isfinite(), 0.0)
    result = shift + (scores - shift).exp().sum(dim, keepdim=True).log()
    return result if keepdim else result.squeeze(dim)


def softmax(scores: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """Turn scores into positive numbers that sum to one.

    `exp(x_i) / sum of exp(x)`, with the largest score subtracted first. That divides numerator and
    denominator by the same number, so the result is the same, and no exponential is above 1.

    Args:
        scores: any finite numbers, shape (..., n, ...).
        dim: the axis along which the result sums to one.

    Returns:
        Numbers from 0 to 1, of the shape of the scores.

    Source:
        The shifted formula in section 1 of the paper.

    Example:
        >>> softmax(torch.tensor([1000.0, 1000.0]))
        tensor([0.5000, 0.5000])
    """
    powers = (scores - scores.amax(dim, keepdim=True)).exp()
    return powers / powers.sum(dim, keepdim=True)


def log_softmax(scores: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """Return the logarithms of the softmax, exact also where the softmax itself is rounded to zero.

    `x_i - log(sum of exp(x))`, with the largest score subtracted from all first: next to a large score, the
    logarithm of the sum would lose its last digits.

    Args:
        scores: any finite numbers, shape (..., n, ...).
        dim: the axis along which the exponentials of the result sum to one.

    Returns:
        Numbers of at most 0, of the shape of the scores.

    Source:
        The logarithm of the softmax, in section 1 of the paper.

    Example:
        >>> log_softmax(torch.tensor([0.0, 200.0]))  # the first probability, e**-200, is below float32
        tensor([-200.,    0.])
    """
    shifted = scores - scores.amax(dim, keepdim=True)
    return shifted - log_sum_exp(shifted, dim, keepdim=True)


def numpy_to_tensor(array: Num[np.ndarray, "..."]) -> Num[Tensor, "..."]:
    """Return a tensor that uses the array's own memory: nothing is copied, and each sees the other's changes.

    Args:
        array: numbers of any shape, with strides that do not run backward.

    Returns:
        A tensor of the same shape and type, on the CPU.

    Source:
        `torch.from_numpy`.

    Example:
        >>> array = np.array([1.0, 2.0])
        >>> tensor = numpy_to_tensor(array)
        >>> array[0] = 7
        >>> tensor
        tensor([7., 2.], dtype=torch.float64)
    """
    return torch.from_numpy(array)


def tensor_to_numpy(tensor: Num[Tensor, "..."]) -> Num[np.ndarray, "..."]:
    """Return an array that uses the tensor's own memory; the way back from `numpy_to_tensor`.

    Args:
        tensor: numbers of any shape, on the CPU, without a record for gradients.

    Returns:
        An array of the same shape and type.

    Source:
        `torch.Tensor.numpy`.

    Example:
        >>> tensor = torch.tensor([1.0, 2.0])
        >>> tensor_to_numpy(tensor)[0] = 7
        >>> tensor
        tensor([7., 2.])
    """
    return tensor.numpy()


class RoundTrip:
    """The same numbers three times in the same memory: an array, a tensor, and an array again.

    Args:
        numbers: an array of shape (rows, columns). It is copied once, so that the caller's stays as it is,
            and turned: the shared numbers have shape (columns, rows).

    Attributes:
        array: the numbers, shape (columns, rows).
        tensor: a tensor on the memory of `array`.
        back: a second array, made from `tensor` and on its memory.

    Example:
        >>> trip = RoundTrip(np.array([[1, 2, 3]]))
        >>> trip.write_tensor(0, 7)
        >>> trip.array.tolist(), trip.back.tolist()
        ([[7], [2], [3]], [[7], [2], [3]])
    """

    def __init__(self, numbers: Num[np.ndarray, "rows columns"]) -> None:
        self.array = numbers.copy().T
        self.tensor = numpy_to_tensor(self.array)
        self.back = tensor_to_numpy(self.tensor)

    def write_array(self, row: int, number: float) -> None:
        """Overwrite a row of the first array."""
        self.array[row] = number

    def write_tensor(self, row: int, number: float) -> None:
        """Overwrite a row of the tensor."""
        self.tensor[row] = number

    def write_back(self, row: int, number: float) -> None:
        """Overwrite a row of the last array."""
        self.back[row] = number

    def two_arrays(self) -> bool:
        """Whether the last array is another object than the first, not a second name for it."""
        return self.back is not self.array
