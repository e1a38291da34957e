"""The reference of basics/arrays_and_tensors against SciPy, PyTorch and scikit-learn, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special, stats
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from course_utils.basics.arrays_and_tensors import (
    RoundTrip,
    batched_matvec,
    log_softmax,
    log_sum_exp,
    numpy_to_tensor,
    one_hot,
    pairwise_distances,
    softmax,
    standardize,
    tensor_to_numpy,
)

SEEDS = range(3)
DTYPES = [torch.float32, torch.float64]
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-12}}


def normal(seed: int, *shape: int, dtype=torch.float64, mean=0.0, scale=1.0):
    """Draw normal numbers; the same seed gives the same numbers in both types."""
    generator = torch.Generator().manual_seed(seed)
    return (mean + scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


# --- distances ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 4, 6), (5, 1, 1), (31, 29, 2)])
@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_distances_equal_scipy_and_torch_also_far_from_the_origin(seed, dtype, shape, mean):
    rows, others, features = shape
    x = normal(seed, rows, features, dtype=dtype, mean=mean)
    y = normal(seed + 10, others, features, dtype=dtype, mean=mean)
    found = pairwise_distances(x, y)
    assert found.dtype == dtype
    # SciPy computes in double precision; the inputs are the same numbers.
    np.testing.assert_allclose(found, cdist(x, y), rtol=1e-5 if dtype == torch.float32 else 1e-12)
    by_torch = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    torch.testing.assert_close(found, by_torch, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_distances_are_a_metric(seed):
    x = normal(seed, 9, 4, mean=1e3)
    found = pairwise_distances(x, x)
    assert (found.diagonal() == 0).all()
    assert torch.equal(found, found.T)
    through = found[:, :, None] + found[None, :, :]
    assert (found[:, None, :] <= through + 1e-12).all()


def test_distances_do_not_change_when_all_points_move_or_turn():
    x, y, move = normal(0, 6, 3), normal(1, 5, 3), normal(2, 3, scale=50)
    turn = torch.linalg.qr(normal(3, 3, 3)).Q
    torch.testing.assert_close(pairwise_distances(x @ turn + move, y @ turn + move), pairwise_distances(x, y))


@pytest.mark.parametrize("shapes", [((5, 4), (3, 1)), ((5, 4), (4,)), ((4,), (3, 4)), ((2, 5, 4), (3, 4))])
def test_distances_refuse_what_broadcasting_would_take(shapes):
    with pytest.raises(ValueError, match="must be matrices with the same features"):
        pairwise_distances(torch.zeros(shapes[0]), torch.zeros(shapes[1]))


# --- matrices and vectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3, 5), (3, 3, 3), (6, 6, 2), (3, 4), (2, 5, 1, 4), (0, 2, 3)])
def test_batched_matvec_equals_einsum_and_numpy(seed, dtype, shape):
    matrices = normal(seed, *shape, dtype=dtype)
    vectors = normal(seed + 10, *shape[:-2], shape[-1], dtype=dtype)
    found = batched_matvec(matrices, vectors)
    by_torch = torch.einsum("...ij,...j->...i", matrices, vectors)
    torch.testing.assert_close(found, by_torch, **TOLERANCE[dtype])
    by_numpy = (matrices.numpy() * vectors.numpy()[..., None, :]).sum(-1)
    np.testing.assert_allclose(found, by_numpy, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vectors", [(5,), (4, 1), (4, 3), (1, 5), (4, 5, 1)])
def test_batched_matvec_refuses_vectors_that_do_not_fit(vectors):
    with pytest.raises(ValueError, match="one for each matrix"):
        batched_matvec(torch.zeros(4, 3, 5), torch.zeros(vectors))


# --- names and scales ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (), (0,)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_one_hot_equals_torch(seed, shape, dtype):
    labels = torch.randint(0, 6, shape, generator=torch.Generator().manual_seed(seed))
    found = one_hot(labels.to(dtype), 6)
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.nn.functional.one_hot(labels, 6).float())
    assert torch.equal(found.argmax(-1), labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_one_hot_follows_its_labels_to_their_device():
    assert one_hot(torch.zeros(3, dtype=torch.int64, device="cuda"), 2).device.type == "cuda"


@pytest.mark.parametrize("labels", [[0, 3], [-1, 2]])
def test_one_hot_refuses_what_is_no_class(labels):
    with pytest.raises(ValueError, match="labels must be from 0 to 2"):
        one_hot(torch.tensor(labels), 3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_standardize_equals_scipy_and_scikit_learn(seed, dtype):
    training = normal(seed, 17, 4, dtype=dtype, mean=40.0, scale=7.0)
    other = normal(seed + 10, 5, 4, dtype=dtype, mean=30.0)
    scaler = StandardScaler().fit(training)
    close = {"rtol": 1e-3, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(standardize(other, training), scaler.transform(other), **close)
    np.testing.assert_allclose(standardize(training, training), stats.zscore(training.numpy()), **close)


def test_standardize_shifts_a_feature_that_never_varies():
    training = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    assert standardize(torch.tensor([[2.0, 6.0]]), training).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", [0.1, 181.7, 1e6 + 0.1])
@pytest.mark.parametrize("rows", [3, 7, 111, 333])
def test_rounding_in_the_mean_does_not_make_a_feature_vary(dtype, number, rows):
    """The mean of equal numbers is rounded: their deviation is then tiny, and not zero."""
    training = torch.full((rows, 1), number, dtype=dtype)
    found = standardize(training[:1] + 1, training)
    torch.testing.assert_close(found, torch.ones(1, 1, dtype=dtype), rtol=0.1, atol=0.0)
    np.testing.assert_allclose(found, StandardScaler().fit(training).transform(training[:1] + 1), rtol=0.1)


# --- scores and probabilities -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e-3])
@pytest.mark.parametrize("mean", [0.0, 5e3, -5e3])
def test_scores_equal_scipy_and_torch(seed, dtype, dim, scale, mean):
    scores = normal(seed, 4, 7, 3, dtype=dtype, mean=mean, scale=scale)
    # A large score has few digits left for what is added to it.
    near, nearer = (2e-3, 2e-6) if dtype == torch.float32 else (1e-11, 1e-14)
    for ours, scipys, torchs, atol in (
        (log_sum_exp, special.logsumexp, torch.logsumexp, near),
        (softmax, special.softmax, torch.softmax, nearer),
        (log_softmax, special.log_softmax, torch.log_softmax, nearer),
    ):
        found = ours(scores, dim)
        assert found.dtype == dtype
        assert found.isfinite().all()
        torch.testing.assert_close(found, torchs(scores, dim), rtol=1e-5, atol=atol)
        np.testing.assert_allclose(found, scipys(scores.double().numpy(), axis=dim), rtol=1e-4, atol=atol)


@pytest.mark.parametrize("seed", SEEDS)
def test_softmax_sums_to_one_and_is_the_exponential_of_its_logarithm(seed):
    scores = normal(seed, 5, 8, scale=20.0)
    torch.testing.assert_close(softmax(scores).sum(-1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(log_softmax(scores).exp(), softmax(scores))
    torch.testing.assert_close(softmax(scores + 123.0), softmax(scores))
    torch.testing.assert_close(log_sum_exp(scores + 123.0), log_sum_exp(scores) + 123.0)


def test_log_sum_exp_lies_between_the_largest_and_the_largest_plus_log_n():
    scores = normal(0, 30, 6, scale=50.0)
    largest = scores.amax(-1)
    found = log_sum_exp(scores)
    assert (found >= largest).all()
    assert (found <= largest + np.log(6) + 1e-12).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_sum_exp_of_infinite_scores_equals_torch(dtype):
    infinite = torch.tensor(
        [[-torch.inf, -torch.inf], [-torch.inf, 2.0], [torch.inf, 1.0], [torch.inf, -torch.inf]], dtype=dtype
    )
    torch.testing.assert_close(log_sum_exp(infinite), torch.logsumexp(infinite, -1))


def test_log_sum_exp_keeps_the_axis_where_asked_for():
    scores = normal(0, 2, 3, 4)
    assert log_sum_exp(scores, 1, keepdim=True).shape == (2, 1, 4)
    assert log_sum_exp(scores[:1], 2).shape == (1, 3)


def test_gradient_of_log_sum_exp_is_softmax():
    scores = normal(0, 3, 5, mean=500.0).requires_grad_()
    log_sum_exp(scores).sum().backward()
    torch.testing.assert_close(scores.grad, softmax(scores.detach()))


# --- NumPy and PyTorch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_there_and_back_is_the_same_memory(dtype):
    array = np.random.default_rng(0).integers(0, 2, (3, 5)).astype(dtype)
    for view in (array, array.T, array[:, ::2], array[1:2]):
        tensor = numpy_to_tensor(view)
        back = tensor_to_numpy(tensor)
        assert (back.dtype, back.shape, back.strides) == (view.dtype, view.shape, view.strides)
        assert np.shares_memory(view, back)
        assert tensor.data_ptr() == view.__array_interface__["data"][0]


def test_an_array_that_runs_backwards_cannot_be_shared():
    with pytest.raises(ValueError, match="negative"):
        numpy_to_tensor(np.arange(4.0)[::-1])


def test_round_trip_shares_among_its_own_and_not_with_the_caller():
    numbers = np.arange(6.0).reshape(2, 3)
    trip = RoundTrip(numbers)
    trip.write_array(0, 10)
    trip.write_tensor(1, 20)
    trip.write_back(2, 30)
    for shared in (trip.array, trip.tensor, trip.back):
        assert shared.tolist() == [[10, 10], [20, 20], [30, 30]]
    assert trip.two_arrays()
    assert numbers.tolist() == [[0, 1, 2], [3, 4, 5]]
