"""Small references that the tests of the checking engine declare exercises on."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn


def softmax_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    if key.shape[-1] != query.shape[-1]:
        raise ValueError("query and key must have the same last dimension")
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value


def double_all(values: Tensor) -> Tensor:
    return helper(values) * 2


def helper(values: Tensor) -> Tensor:
    return values + 1


def split_rows(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(count)
    cut = round(count * share)
    return order[:cut], order[cut:]


class RunningMean:
    def __init__(self, start: float = 0.0) -> None:
        self.total = start
        self.count = 0

    def update(self, values: Tensor) -> float:
        self.total += float(values.sum())
        self.count += values.numel()
        return self.total / self.count


class Scale:
    def fit(self, values: Tensor) -> None:
        self.largest = values.abs().max()

    def transform(self, values: Tensor) -> Tensor:
        return values / self.largest


class Affine(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias


class NearestMean:
    def __init__(self, means: Tensor) -> None:
        self.means = means

    def predict(self, inputs: Tensor) -> Tensor:
        return torch.cdist(inputs, self.means).argmin(dim=1)


def row_sums(matrix: Tensor) -> Tensor:
    return matrix.sum(dim=1)
