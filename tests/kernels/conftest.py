"""One preloaded process for all tests of preloaded kernels, and kernels that are forked from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from course_utils.kernels.owner import PreloadedServer
from course_utils.kernels.provisioner import Source, forked_by_default


class Kernel:
    """A kernel with a client, as a notebook's user has it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def run(self, source: str) -> str:
        """Run a cell and return what it prints, or its error."""
        said: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            said.append(content.get("text", "") or content.get("evalue", ""))

        self.client.execute_interactive(source, output_hook=hear, timeout=30, allow_stdin=False)
        return "".join(said)


@pytest.fixture(scope="session")
def server() -> Iterator[PreloadedServer]:
    """The preloaded process."""
    with PreloadedServer() as server:
        yield server


@pytest.fixture
def lines() -> list[str]:
    """What is said when an ordinary kernel has to do."""
    return []


@pytest.fixture
def forked(server: PreloadedServer, lines: list[str]) -> Iterator[list[str]]:
    """Kernels are forked while a test runs; gives what is said where they are not."""
    with forked_by_default(Source(server.address, lines.append)):
        yield lines


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels, which end with the test."""
    started: list[Kernel] = []
    monkeypatch.delenv("MPLBACKEND", raising=False)

    def start(**options: Any) -> Kernel:
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(extra_arguments=["--IPKernelApp.log_level=40"], **options)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        started.append(Kernel(manager, client))
        return started[-1]

    yield start
    for kernel in started:
        kernel.client.stop_channels()
        if kernel.manager.has_kernel:
            kernel.manager.shutdown_kernel(now=True)


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Return whether a process ends within some seconds; one that nobody waits for has ended, too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
