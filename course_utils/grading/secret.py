"""The secret seed of graded runs: made once for a class, readable by the instructor alone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path

from course_utils.grading.places import GradingError

_SEED = re.compile(r"[0-9a-f]{32}")


def secret_seed(path: Path) -> str:
    """Return the secret seed kept in a file, and make it the first time.

    Two processes that ask at once get the same seed. The file is readable and writable by its owner only.

    Raises:
        GradingError: the file does not hold a seed.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes a file that only its owner can read; the link appears whole or not at all.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".seed-")
        try:
            with os.fdopen(handle, "w") as stream:
                stream.write(secrets.token_hex(16) + "\n")
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            os.unlink(temporary)
    seed = path.read_text(encoding="ascii", errors="replace").strip()
    if not _SEED.fullmatch(seed):
        raise GradingError(
            f"{path} does not hold a secret seed. Put back its copy, or delete it: a new one is made, and "
            "marks given from then on use other inputs than those given before."
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return seed
