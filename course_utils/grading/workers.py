"""Processes of this machine that work for a run and end with it."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor


def _end_with(parent: int) -> None:
    """Have this worker end when the run does, however that ends: else it would wait for work for ever."""
    if sys.platform == "linux":
        from course_utils.grading.sandbox.system import die_with_parent

        die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def process_pool(jobs: int, method: str) -> ProcessPoolExecutor:
    """Return so many processes, made by one of multiprocessing's start methods."""
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with, initargs=(os.getpid(),))
