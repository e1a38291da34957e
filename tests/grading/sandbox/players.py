"""Players for the tests, and what is seen of them from outside."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from course_utils.grading.sandbox import Limits, Policy, Tier, View, Watchdog, choose_tier, player_view, probe

SECONDS = 30
SMALL = Limits(
    notebook_seconds=SECONDS,
    cpu_seconds=SECONDS,
    memory_bytes=256 << 20,
    data_bytes=2 << 30,
    processes=8,
    threads=16,
    open_files=64,
    file_bytes=1 << 20,
    disk_bytes=4 << 20,
    files=100,
)
SHUT_IN = ("A", "A without Landlock", "B")


@functools.cache
def best_tier() -> Tier:
    """The tier that holds on this machine."""
    return choose_tier()


@functools.cache
def why_not(tier: str) -> str | None:
    """Why a tier cannot be tested on this machine, or None."""
    return probe_elsewhere(Policy(tier, player_view(), change_user=change_user(tier)))["failed"]


@functools.cache
def change_user(tier: str) -> bool:
    """Whether players become another user: root's Python may lie where only root can look (tier B)."""
    return tier != "B" or probe_elsewhere(Policy("B", player_view()))["failed"] is None


def probe_elsewhere(policy: Policy) -> dict[str, Any]:
    """Return what `probe.try_policy` says, from a process with one thread."""
    source = f"from {probe.__name__} import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", source],
        input=json.dumps([policy.to_data()]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[3],
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    return json.loads(finished.stdout)[0]


@dataclass
class Ended:
    """How a player ended."""

    output: str
    status: int
    layers: list[str]
    failed: str | None
    reason: str | None

    @property
    def said(self) -> dict[str, str]:
        """The lines `name: what` that the player printed."""
        return dict(line.split(": ", 1) for line in self.output.splitlines() if ": " in line)


@dataclass
class Player:
    """A player that runs some source, and a watchdog on it when asked for."""

    policy: Policy
    source: str
    watched: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    keep: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Player:
        self.reader, writer = os.pipe()
        data = {
            "policy": self.policy.to_data(),
            "source": HELPERS + textwrap.dedent(self.source),
            "values": self.values,
            "keep": list(self.keep),
            "output": writer,
            **self.request,
        }
        self.forker = subprocess.Popen(
            [sys.executable, "-m", "tests.grading.sandbox.forker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[writer, *self.keep],
            cwd=Path(__file__).parents[3],
            env={"PATH": os.defpath, "OMP_NUM_THREADS": "1", **self.environment},
            text=True,
        )
        os.close(writer)
        self.forker.stdin.write(json.dumps(data))
        self.forker.stdin.close()
        self.facts = json.loads(self.forker.stdout.readline())
        self.pid = self.facts["pid"]
        self.watchdog = None
        if self.pid and self.watched:
            # One that has nothing to do may have ended before anybody could look at it.
            with contextlib.suppress(ProcessLookupError):
                pidfd = os.pidfd_open(self.pid)
                self.watchdog = Watchdog(self.policy, self.pid, pidfd)
                os.close(pidfd)
                self.watchdog.start()
        return self

    def read_line(self) -> str:
        """Wait for the player's next line."""
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self.reader], [], [], SECONDS)[0], f"nothing more after {line!r}"
            data = os.read(self.reader, 1)
            assert data, f"the player ended after {line!r}"
            line += data
        return line.decode().rstrip("\n")

    def end(self) -> Ended:
        """Wait until the player and all that it started have ended."""
        output = b""
        deadline = time.monotonic() + SECONDS
        while select.select([self.reader], [], [], max(0, deadline - time.monotonic()))[0]:
            data = os.read(self.reader, 65536)
            if not data:
                break
            output += data
        else:
            pytest.fail(f"something of the player is still there after {SECONDS} s; it said {output!r}")
        for line in self.forker.stdout:
            self.facts.update(json.loads(line))
        self.forker.wait(SECONDS)
        return Ended(
            output.decode(errors="replace"),
            self.facts["status"],
            self.facts.get("layers", []),
            self.facts.get("failed"),
            self.watchdog.reason if self.watchdog else None,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.watchdog:
            self.watchdog.close()
        if self.pid and self.forker.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.forker.kill()
        self.forker.wait()
        self.forker.stdout.close()
        os.close(self.reader)


# What a player tries; it prints `name: result` or `name: the error`.
HELPERS = """
import ctypes, os, signal, socket, sys, threading, time
def attempt(name, action):
    try:
        print(f"{name}: {action()}", flush=True)
    except BaseException as error:
        print(f"{name}: {type(error).__name__}", flush=True)
"""


def play(policy: Policy, source: str, **options: Any) -> Ended:
    """Run some source in a player, to its end."""
    with Player(policy, source, **options) as player:
        return player.end()


def with_limits(policy: Policy, **limits: Any) -> Policy:
    """Return a policy with some limits changed."""
    return replace(policy, limits=replace(policy.limits, **limits))


def showing(policy: Policy, view: View) -> Policy:
    """Return a policy with another view."""
    return replace(policy, view=view)
