"""Ports: what is taken is noticed and named, and nothing that was asked for is replaced silently."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import ModuleType

import pytest


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_is_listened_on_is_taken(tool: ModuleType, busy: int):
    assert tool.taken(busy)


def test_the_holder_is_named(tool: ModuleType, busy: int):
    assert tool.holder(busy).endswith(f"process {os.getpid()})")


def test_the_next_free_port_is_taken_and_said(
    tool: ModuleType, busy: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("PORT", raising=False)
    chosen = tool.choose("PORT", busy)
    assert chosen > busy
    said = capsys.readouterr().out
    assert f"Port {busy} is in use" in said
    assert f"taking {chosen} instead" in said
    assert tool.choose("PORT", busy, avoid=frozenset({chosen})) > chosen


def test_a_named_port_that_is_taken_stops(tool: ModuleType, busy: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", str(busy))
    with pytest.raises(tool.SetUpError, match=rf"Port {busy} is in use.*make start PORT="):
        tool.choose("PORT", 8888)


@pytest.mark.parametrize("value", ["eighty", "0", "70000", "-1"])
def test_what_is_no_port_is_refused(tool: ModuleType, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BOOK_PORT", value)
    with pytest.raises(tool.SetUpError, match=f"BOOK_PORT={value} is not a port"):
        tool.choose("BOOK_PORT", 8889)
