"""Preloaded kernels for a run of pytest, whose workers share one preloaded process.

pytest -p course_utils.kernels.pytest_plugin --nbval book/basics/data_with_pandas.ipynb
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from course_utils.kernels.provisioner import Source, forked_by_default, preloaded_kernels

ADDRESS = pytest.StashKey[str]()
SHARED = "course_kernels"
"""The name under which workers are told the address."""


def pytest_configure(config: pytest.Config) -> None:
    """Start the preloaded process; in a worker, use the one that is told."""
    closing = contextlib.ExitStack()
    config.add_cleanup(closing.close)
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    if told is None:
        address = closing.enter_context(preloaded_kernels())
        if address is not None:
            config.stash[ADDRESS] = address
    elif SHARED in told:
        closing.enter_context(forked_by_default(Source(told[SHARED])))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the address."""
    address = node.config.stash.get(ADDRESS, None)
    if address is not None:
        node.workerinput[SHARED] = address
