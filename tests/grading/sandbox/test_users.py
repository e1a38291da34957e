"""The same tests as other users, when root runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.grading.sandbox.view import course_root

FILES = ("test_walls.py", "test_limits.py", "test_tiers.py")
ORDINARY, ROOT = 54_321, 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user", "which", "fewest"),
    [
        pytest.param(ORDINARY, "", 100, id="an ordinary user"),
        # Then players of tier B become users that nobody is, which needs a Python that everybody can reach.
        pytest.param(ROOT, "B]", 35, id="root with a Python for everybody"),
    ],
)
def test_the_walls_hold(user: int, which: str, fewest: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    here = Path(__file__).parent
    files = [str(here / name) for name in FILES]
    if os.geteuid() != 0:
        # This very run is an ordinary user's.
        assert all(map(os.path.exists, files))
        return
    folder = tmp_path_factory.mktemp("other-user")
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest"]
    start = [sys.executable, "-m", "tests.grading.sandbox.as_user", str(user), str(folder)]
    finished = subprocess.run(
        [*start, *tests, f"--confcutdir={here}", "-k", which, *files],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=course_root(),
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    passed = re.search(r"(\d+) passed", finished.stdout)
    assert passed is not None
    assert int(passed.group(1)) >= fewest, finished.stdout
