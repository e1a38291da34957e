# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks on files: solutions, checks, gradebook, other submissions, the instructor's home, /proc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.grading.attacks.attack import RIGHT, Attack, both, says, without

if TYPE_CHECKING:
    from tests.grading.attacks.arena import Scene

ROOT = Path(__file__).resolve().parents[3]

UNREADABLE = "FileNotFoundError|PermissionError|NotADirectoryError|ProcessLookupError"
UNWRITABLE = f"{UNREADABLE}|OSError"

READ_BAIT = """
for place, name in enumerate(["gradebook.db", "secret_seed", "other_submission.ipynb"]):
    attempt(f"read{place}", lambda: open(f"{BAIT}/{name}").read())
    attempt(f"write{place}", lambda: open(f"{BAIT}/{name}", "w").write("full marks"))
    attempt(f"remove{place}", lambda: os.remove(f"{BAIT}/{name}"))
"""
READ_COURSE = """
for place, name in enumerate([
    "solutions/transformers/attention.ipynb", "course_utils/checks/transformers/attention.py",
    "course_utils/transformers/attention.py", "course_utils/grading/judging/judge.py", "nbgrader_config.py",
]):
    attempt(f"course{place}", lambda: open(f"{COURSE}/{name}").read()[:20])
attempt("listed", lambda: [name for name in os.listdir(COURSE) if name != ".venv"])
"""
READ_HOME = """
attempt("home", lambda: open(HOME_BAIT).read())
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("ssh", lambda: os.listdir("/root/.ssh"))
attempt("own", lambda: os.path.expanduser("~") == os.environ["HOME"] == "/home/player")
"""
PROC = """
import glob
attempt("root", lambda: open(f"/proc/1/root{BAIT}/gradebook.db").read())
attempt("cwd", lambda: os.listdir("/proc/1/cwd"))
attempt("judge", lambda: open(f"/proc/{JUDGE}/environ").read())
attempt("mem", lambda: open("/proc/1/mem", "rb").read(1))
attempt("processes", lambda: len([name for name in os.listdir("/proc") if name.isdigit()]) <= 3)
def descriptors():
    kinds = sorted(os.readlink(path).split(":")[0] for path in glob.glob("/proc/self/fd/*") if os.path.islink(path))
    return [kind for kind in kinds if kind not in ("/dev/null", "socket", "anon_inode", "/proc")]
attempt("descriptors", descriptors)
def environments():
    texts = b"".join(open(path, "rb").read() for path in glob.glob("/proc/*/environ") if os.access(path, os.R_OK))
    return [word for word in ("NBGRADER", "COURSE_", "JUPYTER", "SECRET", "STUDENT") if word.encode() in texts]
attempt("environ", environments)
"""
CLIMB = """
attempt("dots", lambda: open("../../../../../.." + BAIT + "/gradebook.db").read())
def descriptor():
    folder = os.open("/", os.O_RDONLY)
    return os.read(os.open("../" + BAIT.lstrip("/") + "/gradebook.db", os.O_RDONLY, dir_fd=folder), 9)
attempt("openat", descriptor)
attempt("handle", lambda: call(304, -100, 0, 0))
attempt("chroot", lambda: os.chroot("/tmp"))
"""
LINKS = """
os.chdir(os.environ["HOME"])
for place, target in enumerate([f"{BAIT}/gradebook.db", "/proc/1/root", COURSE + "/solutions"]):
    os.symlink(target, f"link{place}")
    attempt(f"link{place}", lambda: open(f"link{place}").read())
attempt("hard", lambda: os.link(f"{BAIT}/gradebook.db", "hard"))
attempt("planted", lambda: os.symlink("/etc/passwd", COURSE + "/planted"))
"""
PACKAGE = """
import course_utils
folder = os.path.dirname(course_utils.__file__)
attempt("write", lambda: open(folder + "/checking/checker.py", "w").write("x"))
attempt("python", lambda: open(np.__file__, "w").write("x"))
attempt("plant", lambda: open("/usr/lib/planted.py", "w").write("x"))
def judged():
    found = [name for _, _, names in os.walk(folder) for name in names]
    return [name for name in found if name in ("judge.py", "checks.py", "exercise.py", "secret.py", "judging.py")]
attempt("judge", judged)
attempt("checks", lambda: os.listdir(folder + "/checks"))
"""


def links_lead_nowhere(scene: Scene) -> None:
    """Look at what was read through links, and that none is in the course's folder."""
    says(link0=UNREADABLE, link1=f"{UNREADABLE}|IsADirectoryError", link2=UNREADABLE, hard=UNWRITABLE)(scene)
    # A checkout under /tmp has its place in the player's own /tmp, where a player may write.
    assert not (ROOT / "planted").is_symlink()


ATTACKS = [
    Attack(
        "reads and changes gradebook, seed and other submissions",
        before=READ_BAIT,
        seen=says(
            **{f"{what}{place}": UNWRITABLE for what in ("read", "write", "remove") for place in range(3)}
        ),
    ),
    Attack(
        "reads solutions and checks in the course's folder",
        before=READ_COURSE,
        seen=both(
            says(
                listed="[]|FileNotFoundError|PermissionError", **{f"course{n}": UNREADABLE for n in range(5)}
            ),
            without("BEGIN HIDDEN TESTS"),
        ),
    ),
    Attack(
        "reads the instructor's home and passwords",
        before=READ_HOME,
        seen=says(home=UNREADABLE, shadow=UNREADABLE, ssh=UNREADABLE, own="True"),
    ),
    Attack(
        "goes through /proc",
        before=PROC,
        seen=says(
            root=UNREADABLE,
            cwd=UNREADABLE,
            judge=UNREADABLE,
            mem=UNREADABLE,
            processes="True",
            descriptors="[]",
            environ="[]",
        ),
    ),
    Attack(
        "climbs out of its folder",
        before=CLIMB,
        seen=says(dots=UNREADABLE, openat=UNREADABLE, handle="refused", chroot="PermissionError"),
    ),
    Attack(
        "plants links",
        before=LINKS,
        seen=links_lead_nowhere,
    ),
    Attack(
        "edits the course's package and Python",
        before=PACKAGE,
        seen=says(write=UNWRITABLE, python=UNWRITABLE, plant=UNWRITABLE, judge="[]", checks=UNREADABLE),
    ),
    Attack(
        "reads from within the answer, while it is judged",
        answer=f"{RIGHT}\n_right = causal_mask\ndef causal_mask(*args):\n"
        "    global stolen\n    try:\n        stolen = open(BAIT + '/secret_seed').read()\n"
        "    except OSError as error:\n        stolen = type(error).__name__\n    return _right(*args)",
        after='attempt("stolen", lambda: stolen)',
        seen=says(stolen=UNREADABLE),
    ),
]
