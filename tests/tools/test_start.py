"""`make start` from the first line to Ctrl-C, with a small server in JupyterLab's place."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = """\
import http.server, os, sys
options = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:] if "=" in word)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.path.endswith("token=" + os.environ["JUPYTER_TOKEN"])
        self.send_response(200 if right else 403)
        self.end_headers()
        self.wfile.write(options["ServerApp.root_dir"].encode())
if os.path.exists("broken"):
    sys.exit("no module named jupyterlab")
http.server.HTTPServer((options["ServerApp.ip"], int(options["ServerApp.port"])), Handler).serve_forever()
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course that is set up, its book built, and JupyterLab replaced."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "requirements.lock").write_text("numpy==2.4.6\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "exercises").mkdir()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\n[ "${{1##*/}}" = lab.py ] && exec {sys.executable} {tmp_path}/server.py "$@"\nexit 1\n'
    )
    python.chmod(0o755)
    page = tmp_path / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("the book")
    prepare = (
        "import json, book, environment\n"
        "e = environment.Environment(); e.notes.mkdir()\n"
        "e.record.write_text(json.dumps({'': e.key('')}))\n"
        "(e.notes / 'book').write_text(book.fingerprint(e.root))\n"
    )
    subprocess.run([sys.executable, "-c", prepare], cwd=tmp_path / "tools", check=True)
    return tmp_path


@pytest.fixture
def started(course: Path) -> Iterator[subprocess.Popen[str]]:
    """The course, starting."""
    variables = {**os.environ, "OPEN": "no", "PORT": str(free_port()), "BOOK_PORT": str(free_port())}
    variables.pop("PYTHON", None)
    command = [sys.executable, str(course / "tools" / "start.py")]
    with subprocess.Popen(command, env=variables, stdout=-1, stderr=-2, text=True, cwd=course) as process:
        yield process
        # Asked first: killed at once, it would leave its JupyterLab behind.
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read(address: str) -> str:
    """Return what a server of this machine answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=5) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_are_served_until_ctrl_c(course: Path, started: subprocess.Popen[str], number: int):
    assert started.stdout is not None
    output = ""
    while "Ready after" not in output:
        line = started.stdout.readline()
        assert line, output
        output += line
    book, exercises = re.findall(r"http://127\.0\.0\.1:\S+", output)
    assert read(book) == "the book"
    assert read(exercises) == str(course / "exercises")
    assert re.search(r"/lab\?token=[0-9a-f]{32}$", exercises)
    started.send_signal(number)
    rest, _ = started.communicate(timeout=20)
    assert "Stopped. Your work is in exercises/" in rest
    assert started.returncode == 0
    for address in (book, exercises):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(re.findall(r":(\d+)", address)[0]))) != 0


def test_a_jupyterlab_that_ends_is_reported(course: Path, started: subprocess.Popen[str]):
    # Written before the server can have looked: Python takes longer to start than this.
    (course / "broken").touch()
    output, _ = started.communicate(timeout=30)
    assert started.returncode == 1
    assert "JupyterLab did not start:\nno module named jupyterlab" in output


def test_the_token_is_not_on_the_command_line(course: Path, started: subprocess.Popen[str]):
    assert started.stdout is not None
    output = ""
    while "Ready after" not in output:
        output += started.stdout.readline()
    token = re.findall(r"token=(\w+)", output)[0]
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(course / "server.py") in listed
    assert token not in listed
