"""One declared exercise of every kind, on the sample references."""

from __future__ import annotations

import numpy as np
import torch

from course_utils.checking import Draw, Script, function, module, predictor, stateful, value
from tests.checking import sample

attention = function(sample.softmax_attention, points=4)


@attention.case("plain")
def _(draw: Draw):
    query, key, value = draw.normal(2, 3, 5, 7), draw.normal(2, 3, 6, 7), draw.normal(2, 3, 6, 4)
    return {"query": query, "key": key, "value": value}


@attention.case("mask", hidden=True, weight=2)
def _(draw: Draw):
    mask = draw.booleans(5, 6) | torch.eye(5, 6, dtype=torch.bool)
    return {"query": draw.normal(5, 7), "key": draw.normal(6, 7), "value": draw.normal(6, 4), "mask": mask}


@attention.case("sizes that do not fit are refused", raises=ValueError)
def _(draw: Draw):
    return {"query": draw.normal(5, 8), "key": draw.normal(6, 7), "value": draw.normal(6, 4)}


UNSCALED = "The scores are not divided by the square root of d_k."
OVER_QUERIES = "The softmax runs over the queries."
INVERTED = "The mask is inverted."
attention.mistake(UNSCALED, edit=(" / math.sqrt(query.shape[-1])", ""))
attention.mistake(OVER_QUERIES, edit=("dim=-1", "dim=-2"))
attention.mistake(INVERTED, edit=("~mask", "mask"))

doubled = function(sample.double_all, points=1)


@doubled.case("any values")
def _(draw: Draw):
    return {"values": draw.normal(3, 5)}


FORGOT_ONE = "One is not added."
doubled.mistake(FORGOT_ONE, edit=("values + 1", "values"), of=sample.helper)

mean = stateful(sample.RunningMean, points=2)


@mean.case("two updates")
def _(draw: Draw):
    return Script.build().call("update", draw.normal(5)).call("update", draw.normal(3)).get("count")


@mean.case("two means beside each other")
def _(draw: Draw):
    script = Script.build().call("update", draw.normal(4)).another(1.5).call("update", draw.normal(2))
    return script.first().call("update", draw.normal(6)).get("total")


FORGETS = "Only the last update counts."
mean.mistake(
    FORGETS,
    edits=[("self.total += float", "self.total = float"), ("self.count += v", "self.count = v")],
)

fitted = stateful(sample.Scale, points=1)


@fitted.case("fitted, then asked")
def _(draw: Draw):
    return Script.build().do("fit", draw.uniform(7, low=1, high=2)).call("transform", draw.normal(5))


fitted.mistake("The values are not divided.", edit=("values / self.largest", "values"))

affine = module(sample.Affine, points=3)


@affine.case("outputs and gradients")
def _(draw: Draw):
    return Script.build(5, 3).weights().forward(draw.normal(4, 5)).gradients()


NO_BIAS = "The bias is not added."
affine.mistake(NO_BIAS, edit=(" + self.bias", " + 0 * self.bias"))

ratio = value("ratio", 8.6, points=1, rtol=1e-3)
UPSIDE_DOWN = "The ratio is upside down."
ratio.mistake(UPSIDE_DOWN, value=1 / 8.6)

MEANS = torch.tensor([[0.0, 0.0], [4.0, 4.0]])


def accuracy(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    return float((predictions == targets).double().mean())


classifier = predictor(
    "classifier", train=lambda: sample.NearestMean(MEANS), score=accuracy, at_least=0.9, points=3
)


@classifier.case("points not seen before")
def _(draw: Draw):
    targets = draw.integers(0, 2, 60)
    return MEANS[targets] + draw.normal(60, 2), targets


SWAPPED = "The classes are swapped."


@classifier.mistake(SWAPPED)
def swapped() -> sample.NearestMean:
    return sample.NearestMean(MEANS.flip(0))


split = function(sample.split_rows, points=2)


@split.property("every row lands in exactly one part")
def _(draw: Draw):
    count = draw.integer(20, 40)

    def holds(result):
        first, second = result
        if sorted([*first.tolist(), *second.tolist()]) != list(range(count)):
            return "some rows are in no part or in two"
        return None

    return {"count": count, "share": 0.25, "seed": draw.integer(0, 1000)}, holds


@split.property("another seed gives another split")
def _(draw: Draw):
    def holds(results):
        return "two seeds give the same parts" if np.array_equal(*(first for first, _ in results)) else None

    return [{"count": 40, "share": 0.5, "seed": seed} for seed in (draw.integer(0, 50), 77)], holds


OVERLAP = "The parts share a row."
split.mistake(OVERLAP, edit=("order[cut:]", "order[cut - 1:]"))

sums = function(sample.row_sums, points=2)


@sums.case("values")
def _(draw: Draw):
    return {"matrix": draw.normal(7, 5)}


@sums.efficiency("no Python loop", at_most=20)
def _(draw: Draw):
    return {"matrix": draw.normal(3000, 11)}


SLOW = "A Python loop over the rows is slow."


@sums.mistake(SLOW)
def looped(matrix):
    return torch.stack([row.sum() for row in matrix])
