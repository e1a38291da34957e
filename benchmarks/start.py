"""Measure how long a second `make start` takes until JupyterLab and the book answer: `make bench`.

The environment and the book must be there: run `make start` once before. A person waits meanwhile; the bar is
10 seconds.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 3
BAR = 10.0


def seconds_until_ready() -> float:
    """Start the course, read how long it took, and stop it."""
    variables = {**os.environ, "OPEN": "no", "PORT": "", "BOOK_PORT": ""}
    command = [sys.executable, str(ROOT / "tools" / "start.py")]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            ready = re.search(r"Ready after ([\d.]+) s", line)
            if ready:
                process.send_signal(signal.SIGINT)
                process.wait()
                return float(ready.group(1))
    raise SystemExit(f"The course did not start:\n{output}")


def main() -> int:
    """Measure several starts; the first is left out, since it may set up or build."""
    seconds_until_ready()
    times = [seconds_until_ready() for _ in range(RUNS)]
    median = statistics.median(times)
    listed = ", ".join(f"{time:.1f}" for time in times)
    print(f"second start: median {median:.1f} s of {listed} (bar: {BAR:.0f} s)")
    return 0 if median < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
