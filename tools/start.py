"""Open the course: JupyterLab on the exercises, with the book served beside it, until Ctrl-C.

Settings, each as `make start NAME=value`: PORT and BOOK_PORT (8888 and 8889, or the next that is free),
OPEN=no (do not open a browser), EXTRAS="embeddings llm" (install these extras too), PYTHON (the Python to
make .venv with).
"""

from __future__ import annotations

import contextlib
import http.server
import os
import secrets
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import book
import ports
from environment import Environment, SetUpError, run_tool, say

LONGEST_START = 90.0  # seconds; a first start on a slow disk takes about 20


class BookHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the built book, quietly, and never an old page after a rebuild."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Leave the terminal to JupyterLab's address."""

    def end_headers(self) -> None:
        """Let the browser keep pages only while they are unchanged."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


@contextlib.contextmanager
def serve_book(folder: Path, port: int) -> Iterator[None]:
    """Serve the book on this machine only, until the end of the block."""

    def handler(*arguments: Any) -> BookHandler:
        return BookHandler(*arguments, directory=str(folder))

    with http.server.ThreadingHTTPServer((ports.HOST, port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextlib.contextmanager
def jupyterlab(environment: Environment, port: int, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run JupyterLab on the exercises, until the end of the block."""
    command = [str(environment.python), str(environment.root / "tools" / "lab.py"), "--no-browser"]
    command += [f"--ServerApp.ip={ports.HOST}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={environment.root / 'exercises'}"]
    # The course works without a network: JupyterLab is not to look for news or newer versions.
    command += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    # In containers, where one is root and nothing else is there to be protected.
    command += ["--allow-root"] if os.geteuid() == 0 else []
    # The token goes by the environment: a command line can be read by everyone on the machine.
    variables = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "PATH": f"{environment.venv / 'bin'}:{os.environ['PATH']}",
    }
    with (environment.notes / "jupyterlab.log").open("wb") as log:
        # A session of its own, so that Ctrl-C reaches only this process, which stops JupyterLab in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return when JupyterLab answers; SetUpError if it ends or takes too long."""
    # Without the proxies that are set for the outside world.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + LONGEST_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), opener.open(address, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
    raise SetUpError(
        f"JupyterLab did not start:\n{last}\nAll of its output is in {log}. `make start` tries again."
    )


def stop_on_termination(*_: object) -> None:
    """Treat a request to end (a closed terminal, `kill`) as Ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    """Set up, build the book, serve both and wait for Ctrl-C."""
    began = time.monotonic()
    environment = Environment()
    port = ports.choose("PORT", 8888)
    book_port = ports.choose("BOOK_PORT", 8889, avoid=frozenset({port}))
    python = environment.ensure(os.environ.get("EXTRAS", "").replace(",", " ").split())
    environment.notes.mkdir(exist_ok=True)
    try:
        book.build(environment, python)
    except SetUpError as stop:
        # Whoever came to work on an exercise can do that without the book.
        say(f"\n{stop}\nThe exercises open all the same.\n")
    token = secrets.token_hex(16)
    # Ctrl-C too: whoever starts this in the background of a script may have switched it off.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_termination)
    lab = f"http://{ports.HOST}:{port}"
    folder = book.index(environment.root).parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with serve_book(folder, book_port), jupyterlab(environment, port, token) as process:
            wait_until_ready(process, f"{lab}/api/status?token={token}", environment.notes / "jupyterlab.log")
            if book.index(environment.root).is_file():
                say(f"\n  The book        http://{ports.HOST}:{book_port}/")
            say(f"  The exercises   {lab}/lab?token={token}\n")
            say(
                f"Ready after {time.monotonic() - began:.1f} s. Only this machine can see them. Ctrl-C stops."
            )
            if os.environ.get("OPEN", "yes") != "no":
                webbrowser.open(f"{lab}/lab?token={token}")
            process.wait()
    except KeyboardInterrupt:
        say("\nStopped. Your work is in exercises/; `make start` opens it again.")
        return 0
    raise SetUpError(f"JupyterLab ended by itself; its output is in {environment.notes / 'jupyterlab.log'}.")


if __name__ == "__main__":
    run_tool(main)
