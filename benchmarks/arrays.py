"""Measure what the chapter `basics/arrays_and_tensors` says about speed, as ratios: `make bench`.

    python benchmarks/arrays.py

First each function of the chapter against a loop in Python that computes the same; the results are compared.
Then what the processor gets done per second, adding matrices and multiplying them, and what it costs to read
numbers that are not neighbors in memory. Loop and whole-array code take turns, so that what else the machine
does meets both alike. The bar is that whole-array code is ten times as fast, each time.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from course_utils.basics import arrays_and_tensors as reference  # noqa: E402

ROUNDS = 5
LEAST = 0.02
BAR = 10.0


def seconds(work: Callable[[], object]) -> float:
    """Return the time of one call, over as many calls as take long enough to measure."""
    calls, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < LEAST:
        work()
        calls += 1
    return spent / calls


def fastest(*works: Callable[[], object]) -> list[float]:
    """Return the best time of each work; they take turns."""
    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def sum_of_squares(numbers: list[float]) -> float:
    """Add the squares one after the other."""
    total = 0.0
    for number in numbers:
        total += number * number
    return total


def distances(x: list[list[float]], y: list[list[float]]) -> list[list[float]]:
    """Compute each distance by itself."""
    return [
        [math.sqrt(sum((a - b) ** 2 for a, b in zip(row, other, strict=True))) for other in y] for row in x
    ]


def matvecs(matrices: list[list[list[float]]], vectors: list[list[float]]) -> list[list[float]]:
    """Multiply each matrix by its vector, entry by entry."""
    return [
        [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
        for matrix, vector in zip(matrices, vectors, strict=True)
    ]


def one_hots(labels: list[int], classes: int) -> list[list[float]]:
    """Write each row of zeros with a one."""
    return [[float(label == number) for number in range(classes)] for label in labels]


def log_sum_exps(rows: list[list[float]]) -> list[float]:
    """Compute each row by itself."""
    return [max(row) + math.log(sum(math.exp(score - max(row)) for score in row)) for row in rows]


def loops_against_arrays() -> list[tuple[str, Callable[..., Any], Callable[..., Any], tuple[Any, ...]]]:
    """Return for each function its name, the loop, the whole-array code and the arguments as tensors."""
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    labels = torch.randint(0, 10, (10_000,), generator=draw)
    return [
        ("sum of squares", sum_of_squares, lambda a: a @ a, (normal(100_000),)),
        ("pairwise_distances", distances, reference.pairwise_distances, (normal(100, 8), normal(120, 8))),
        ("batched_matvec", matvecs, reference.batched_matvec, (normal(500, 12, 16), normal(500, 16))),
        ("one_hot", one_hots, reference.one_hot, (labels, 10)),
        ("log_sum_exp", log_sum_exps, reference.log_sum_exp, (normal(500, 30),)),
    ]


def main() -> int:
    """Measure, compare, and print the ratios."""
    smallest = math.inf
    print(f"{'loop against whole array':<28}{'loop':>12}{'array':>12}  microseconds")
    for name, loop, whole, given in loops_against_arrays():
        lists = [value.tolist() if isinstance(value, torch.Tensor) else value for value in given]
        expected = torch.tensor(loop(*lists), dtype=torch.float64)
        assert torch.allclose(whole(*given).double(), expected), name
        # The loops are bound to this turn's arguments.
        slow, fast = fastest(lambda f=loop, a=lists: f(*a), lambda f=whole, a=given: f(*a))  # type: ignore[misc]
        smallest = min(smallest, slow / fast)
        print(f"{name:<28}{slow * 1e6:>12.1f}{fast * 1e6:>12.1f}  ratio {slow / fast:.0f}")

    print(f"\n{'side n of two matrices':<28}{'A + B':>12}{'A @ B':>12}  billion operations per second")
    for side in (16, 64, 256, 1024):
        a, b = torch.rand(side, side), torch.rand(side, side)
        add, multiply = fastest(lambda a=a, b=b: a + b, lambda a=a, b=b: a @ b)  # type: ignore[misc]
        adds, products = side**2 / add, 2 * side**3 / multiply
        print(f"{side:<28}{adds / 1e9:>12.2f}{products / 1e9:>12.2f}  ratio {products / adds:.0f}")

    spread = torch.rand(1_000_000, 16)
    neighbors = spread[:, 0].contiguous()
    apart, together = fastest(lambda: spread[:, 0].sum(), lambda: neighbors.sum())
    print(f"\nsum of a million numbers that lie 16 apart, against neighbors: ratio {apart / together:.1f}")
    print(f"on {os.cpu_count()} cores, {torch.get_num_threads()} threads of PyTorch")
    print(f"smallest ratio of loop to array: {smallest:.0f} (bar: {BAR:.0f})")
    return 0 if smallest >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
