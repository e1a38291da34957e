"""The state of the process that an answer runs in: the same for everyone, and put back afterwards."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch


def _set_handlers(handlers: list[logging.Handler]) -> None:
    # The first warning logged installs a handler on the captured stderr, which nobody reads later.
    logging.root.handlers[:] = handlers


KEEP = object()
# What reads a setting, what changes it, and what it is while an answer runs.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any], Any], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    (torch.is_grad_enabled, torch.set_grad_enabled, True),
    # As in the grading; and where others have the processors, a second thread keeps the first one waiting.
    (torch.get_num_threads, torch.set_num_threads, 1),
    (sys.getrecursionlimit, sys.setrecursionlimit, KEEP),
    (os.getcwd, os.chdir, KEEP),
    (lambda: logging.root.level, logging.root.setLevel, KEEP),
    (lambda: list(logging.root.handlers), _set_handlers, KEEP),
)


@contextlib.contextmanager
def standard_surroundings(seed: int) -> Iterator[None]:
    """Seed the global random numbers and reset global settings for the body, then put all of them back.

    So an answer that draws from the global generators is repeatable, a setting that it or the notebook
    changes (default dtype, gradients off, warnings as errors) decides nothing, and the notebook goes on
    with its own random numbers and settings.

    >>> torch.set_default_dtype(torch.float64)
    >>> with standard_surroundings(1):
    ...     torch.zeros(1).dtype
    torch.float32
    >>> torch.get_default_dtype()
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    with _own_random_numbers(seed), _own_settings(), warnings.catch_warnings(), np.errstate():
        warnings.simplefilter("default")
        np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
        yield


_kept = False


@contextlib.contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Put the global random numbers back after the body, and not after each answer that runs in it.

    For many answers in a row: saving these numbers takes longer than most answers run.
    """
    global _kept
    outer, _kept = _kept, True
    try:
        with _saved_random_numbers():
            yield
    finally:
        _kept = outer


@contextlib.contextmanager
def _saved_random_numbers() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@contextlib.contextmanager
def _own_random_numbers(seed: int) -> Iterator[None]:
    with contextlib.nullcontext() if _kept else _saved_random_numbers():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        # Not torch.manual_seed, which also queues a seed for every kind of accelerator and is slow.
        torch.default_generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    before = [read() for read, _, _ in SETTINGS]
    try:
        for read, change, wanted in SETTINGS:
            if wanted is not KEEP and read() != wanted:
                change(wanted)
        yield
    finally:
        for (read, change, _), earlier in zip(SETTINGS, before, strict=True):
            if read() != earlier:
                change(earlier)
