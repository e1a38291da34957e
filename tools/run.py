"""Find a Python that the course runs with and start one of the tools beside this file with it.

`python tools/run.py start` is what `make start` calls. This file alone is written for any Python 3, so
that a Python which is too old can still say so.
"""

from __future__ import print_function

import os
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
CANDIDATES = ["python3", "python3.11", "python3.12", "python3.13", "python"]
ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)"


def ask(command):
    """Return the version and the path of a Python, or None if the command is not a working one."""
    try:
        with open(os.devnull, "w") as nowhere:
            answer = subprocess.check_output([command, "-I", "-c", ASK], stderr=nowhere)
        version, path = answer.decode().splitlines()
        return tuple(int(part) for part in version.split(".")), path
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def suits(version):
    """Tell whether the course runs with this version of Python."""
    return OLDEST <= version[:2] <= NEWEST


def name(version):
    """Return a version as it is usually written."""
    return ".".join(str(part) for part in version)


def complaint(version, path):
    """Return one sentence on why this Python cannot be used, and one on what to do."""
    age = "too old" if version[:2] < OLDEST else "too new"
    return (
        "%s is Python %s, which is %s: the course needs Python %s to %s.\n"
        "Install one of these beside it and run the same command again, or name one: "
        "make start PYTHON=python%s" % (path, name(version), age, name(OLDEST), name(NEWEST), name(NEWEST))
    )


def find(named):
    """Return the path of a Python to use; `named` is what PYTHON= says, or nothing. Exits with a sentence if
    none is.
    """
    refused = None
    for command in [named] if named else CANDIDATES:
        found = ask(command)
        if found and suits(found[0]):
            return found[1]
        refused = refused or found
    if refused:
        sys.exit(complaint(*refused))
    if named:
        sys.exit(
            "PYTHON=%s does not start: give the name or the path of Python %s to %s, or leave PYTHON out."
            % (named, name(OLDEST), name(NEWEST))
        )
    sys.exit(
        "No Python was found: install Python %s to %s and run the same command again."
        % (name(OLDEST), name(NEWEST))
    )


def main():
    """Replace this process by the tool, run with a suitable Python."""
    here = os.path.dirname(os.path.abspath(__file__))
    tools = sorted(entry[:-3] for entry in os.listdir(here) if entry.endswith(".py"))
    if len(sys.argv) < 2 or sys.argv[1] not in tools:
        sys.exit("usage: python tools/run.py TOOL [arguments], where TOOL is one of: %s" % ", ".join(tools))
    python = find(os.environ.get("PYTHON"))
    os.execv(python, [python, os.path.join(here, sys.argv[1] + ".py")] + sys.argv[2:])


if __name__ == "__main__":
    main()
