"""Pages are made anew when the book's look or its extensions change.

Sphinx by itself sees changes of the text only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


def fingerprint(*folders: Path) -> str:
    """Return a hash of the files in folders, without what Python compiles."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            digest.update(f"{file.relative_to(folder.parent)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def look_and_code(app: Sphinx, config: Config) -> None:
    """Set what Sphinx compares with the last build.

    A change of the look has all pages written, and one of the extensions has them read, too.
    """
    book = Path(app.srcdir) / "book"
    config.course_look = fingerprint(book / "_static", book / "_templates")
    config.course_code = fingerprint(book / "_ext")


def setup(app: Sphinx) -> None:
    """Register the two settings."""
    app.add_config_value("course_look", "", "html")
    app.add_config_value("course_code", "", "env")
    app.connect("config-inited", look_and_code)
