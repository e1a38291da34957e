"""The attacks on files, the kernel and memory as an ordinary user, when root runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.grading.sandbox.view import course_root

NAMES = (
    "reads or climbs or plants or connects or traces or signals or namespaces or rights or memory or forks"
)
ORDINARY = 54_321
FEWEST_PASSED = 15


@pytest.mark.slow
def test_the_attacks_fail_against_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    here = Path(__file__).parent
    file = here / "test_attacks.py"
    if os.geteuid() != 0:
        # This very run is the ordinary user's.
        assert file.exists()
        return
    folder = tmp_path_factory.mktemp("ordinary")
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest"]
    user = [sys.executable, "-m", "tests.grading.sandbox.as_user", str(ORDINARY), str(folder)]
    finished = subprocess.run(
        [*user, *tests, f"--confcutdir={here}", "-k", NAMES, str(file)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=course_root(),
        stdin=subprocess.DEVNULL,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    passed = re.search(r"(\d+) passed", finished.stdout)
    assert passed is not None
    assert int(passed.group(1)) >= FEWEST_PASSED
