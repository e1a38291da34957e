"""Every limit: what is done when it is passed, and that the reason names it."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils.grading.sandbox import Limits, Policy, cpu_seconds, death_in_words
from course_utils.grading.sandbox.limits import MIB
from course_utils.grading.sandbox.processes import disk_use, tree
from tests.grading.sandbox.players import Player, play, with_limits

GROW = """
    pieces = []
    for _ in range(80):
        pieces.append(bytearray(os.urandom(1 << 20)) * 16)
        time.sleep(0.005)
    time.sleep(20)
    print("grew: all")
"""


def test_memory(policy: Policy) -> None:
    ended = play(with_limits(policy, memory_bytes=128 * MIB), GROW, watched=True)
    assert ended.reason == "memory over 128 MiB"
    assert ended.said == {}


def test_memory_shared_between_processes(policy: Policy) -> None:
    grow = """
        import mmap
        area = mmap.mmap(-1, 1 << 30)
        for place in range(0, 1 << 30, 1 << 20):
            area[place:place + (1 << 20)] = b"x" * (1 << 20)
            time.sleep(0.001)
        time.sleep(20)
    """
    ended = play(with_limits(policy, memory_bytes=128 * MIB), grow, watched=True)
    assert ended.reason == "memory over 128 MiB"


def test_memory_cannot_be_hidden(policy: Policy) -> None:
    hide = "\n    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"  # not dumpable: nobody may look closely
    ended = play(with_limits(policy, memory_bytes=128 * MIB), hide + GROW, watched=True)
    assert ended.reason == "memory over 128 MiB"


def test_what_is_shared_with_the_preloaded_process_does_not_count(policy: Policy) -> None:
    work = """
        pids = []
        if VALUES["fork"]:
            for _ in range(4):
                pids.append(os.fork())
                if not pids[-1]:
                    sum(preloaded[::4096])
                    time.sleep(0.5)
                    os._exit(0)
        sum(preloaded[::4096])
        time.sleep(0.4)
        [os.waitpid(pid, 0) for pid in pids]
        print("ended: well")
    """
    ended = play(
        with_limits(policy, memory_bytes=128 * MIB),
        work,
        watched=True,
        values={"fork": policy.own_namespaces},
        request={"preloaded_mebibytes": 150},
    )
    assert (ended.reason, ended.said) == (None, {"ended": "well"})


def test_one_allocation_past_the_backstop_fails(policy: Policy) -> None:
    ended = play(policy, 'attempt("huge", lambda: bytearray(3 << 30))')
    assert ended.said == {"huge": "MemoryError"}


FORK = """
    started = 0
    for _ in range(30):
        try:
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
            started += 1
        except OSError as error:
            print("refused:", type(error).__name__, flush=True)
            break
    print("started:", started, flush=True)
    time.sleep(20 if started else 0)
"""


def test_processes(policy: Policy) -> None:
    ended = play(with_limits(policy, processes=4, threads=64), FORK, watched=True)
    if policy.own_namespaces:
        assert ended.reason == "more than 4 processes"
    else:
        assert ended.said == {"refused": "PermissionError", "started": "0"}


def test_threads(policy: Policy) -> None:
    start = """
        started = 0
        try:
            for _ in range(60):
                threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
                started += 1
        except RuntimeError:
            pass
        print("started:", started, flush=True)
        time.sleep(20 if started == 60 else 0)
        os._exit(0)
    """
    ended = play(with_limits(policy, threads=12), start, watched=True)
    if policy.own_namespaces:
        # The kernel counts process 1 and the player's own thread too.
        assert ended.said == {"started": "10"}
    else:
        assert ended.reason == "more than 12 threads"


def test_cpu_time(policy: Policy) -> None:
    burn = "while True: pass"
    started = time.monotonic()
    ended = play(with_limits(policy, cpu_seconds=0.3), burn, watched=True)
    assert ended.reason == "CPU time over 0.3 s"
    assert time.monotonic() - started < 10


def test_cpu_time_without_a_watchdog(policy: Policy) -> None:
    policy = with_limits(policy, cpu_seconds=1)
    ended = play(policy, "while True: pass")
    assert death_in_words(ended.status, policy) == "CPU time over 1 s"


def test_clock_of_the_notebook(policy: Policy) -> None:
    ended = play(with_limits(policy, notebook_seconds=0.3), "time.sleep(20)", watched=True)
    assert ended.reason == "the notebook ran longer than 0.3 s"


def test_clock_of_a_cell_also_for_a_player_that_stopped_itself(policy: Policy) -> None:
    stop = """
        print("ready", flush=True)
        for number in signal.valid_signals():
            try: signal.signal(number, signal.SIG_IGN)
            except OSError: pass
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(20)
    """
    with Player(policy, stop, watched=True) as player:
        assert player.watchdog is not None
        player.read_line()
        player.watchdog.allow(0.1, "a deadline that is taken back")
        player.watchdog.forget("a deadline that is taken back")
        player.watchdog.allow(0.2, "cell 3 ran longer than 0.2 s")
        ended = player.end()
    assert ended.reason == "cell 3 ran longer than 0.2 s"


def test_disk(policy: Policy) -> None:
    fill = """
        try:
            for number in range(40):
                with open(f"{os.environ['HOME']}/{number}", "wb") as file:
                    file.write(bytes(500_000))
            time.sleep(20)
        except OSError as error:
            print("refused:", error.errno)
    """
    ended = play(policy, fill, watched=True)
    if policy.own_namespaces:
        assert ended.said == {"refused": "28"}
    else:
        assert ended.reason == "files over 4 MiB together"


def test_number_of_files(policy: Policy) -> None:
    make = """
        try:
            for made in range(3000):
                os.mkdir(f"{os.environ['HOME']}/{made}")
            time.sleep(20)
        except OSError as error:
            print("refused:", error.errno, made < 2000, flush=True)
    """
    ended = play(policy, make, watched=True)
    if policy.own_namespaces:
        assert ended.said == {"refused": "28 True"}
    else:
        assert ended.reason == "more than 100 files"


def test_size_of_one_file_and_open_files(policy: Policy) -> None:
    ended = play(
        policy,
        """
        def write():
            with open(os.environ["HOME"] + "/big", "wb", buffering=0) as file:
                for _ in range(30):
                    file.write(bytes(100_000))
        try: write()
        except OSError as error: print("size:", error.errno)
        files = []
        try:
            while len(files) < 200: files.append(open("/dev/null"))
        except OSError as error: print("open:", error.errno, len(files) < 64)
        """,
    )
    assert ended.said == {"size": "27", "open": "24 True"}


def test_memory_that_is_locked_and_core_files(policy: Policy) -> None:
    ended = play(
        policy,
        """
        import resource
        for name in ("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO"):
            print(name + ":", resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
        """,
    )
    none = str((0, 0))
    assert ended.said == {"CORE": str((1, 1)), "MEMLOCK": none, "MSGQUEUE": none, "RTPRIO": none}


def test_cpu_seconds_seen_from_outside(policy: Policy) -> None:
    burn = """
        def burn(seconds):
            start = time.thread_time()
            while time.thread_time() - start < seconds: pass
        print("begin", flush=True)
        sys.stdout.flush(); time.sleep(0.3)
        worker = threading.Thread(target=burn, args=(0.2,))
        worker.start(); worker.join()
        burn(0.1)
        if VALUES["fork"]:
            child = os.fork()
            if child == 0:
                burn(0.2); os._exit(0)
            os.waitpid(child, 0)
        print("end", flush=True)
        time.sleep(20)
    """
    with Player(policy, burn, values={"fork": policy.own_namespaces}) as player:
        assert player.read_line() == "begin"
        before = cpu_seconds(player.pid)
        assert player.read_line() == "end"
        used = cpu_seconds(player.pid) - before
    expected = 0.5 if policy.own_namespaces else 0.3
    assert expected - 0.02 < used < expected + 0.3


def test_the_tree_holds_orphans(namespaced: Policy) -> None:
    orphan = """
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid(); time.sleep(20)
            os._exit(0)
        os.wait()
        print("ready", flush=True)
        time.sleep(20)
    """
    with Player(namespaced, orphan) as player:
        player.read_line()
        assert len(tree(player.pid)) == 3  # process 1, the player, the orphan


def test_a_trusted_player_is_killed_with_what_it_started(trusted: Policy) -> None:
    start = """
        if os.fork() == 0: time.sleep(20)
        time.sleep(20)
    """
    ended = play(with_limits(trusted, notebook_seconds=0.4), start, watched=True)
    assert ended.reason == "the notebook ran longer than 0.4 s"


def test_closing_the_watchdog_ends_the_player_without_a_reason(policy: Policy) -> None:
    with Player(policy, 'print("ready", flush=True); time.sleep(20)', watched=True) as player:
        player.read_line()
        assert player.watchdog is not None
        player.watchdog.close()
        assert player.end().reason is None


def test_disk_use_counts_and_stops_counting(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").write_bytes(bytes(5000))
    (tmp_path / "link").symlink_to("/usr")
    size, files = disk_use(str(tmp_path), 100)
    assert files == 15
    assert 7 * 5000 <= size <= 15 * 16384
    assert disk_use(str(tmp_path), 3)[1] == 4


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        Limits(**{name: 0})
    with pytest.raises(ValueError, match=f"{name} is -3"):
        Limits(**{name: -3})


def test_limits_as_data() -> None:
    limits = Limits(cell_seconds=7, memory_bytes=123 * MIB)
    assert Limits.from_data(limits.to_data()) == limits
    with pytest.raises(ValueError, match="torch needs at least 2 GiB"):
        Limits(data_bytes=1 << 30)


def test_a_fork_from_two_threads_is_refused() -> None:
    source = """
import threading, time
from course_utils.grading.sandbox import Policy, View, fork_player
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
try:
    fork_player(Policy("trusted", View(())), print)
except RuntimeError as error:
    print(error)
"""
    finished = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert "one thread, this one has 2" in finished.stdout


def test_death_in_words(policy: Policy) -> None:
    assert death_in_words(-signal.SIGSEGV, policy).startswith("it was ended by SIGSEGV")
    assert death_in_words(128 + signal.SIGABRT, policy).startswith("it was ended by SIGABRT")
    assert death_in_words(128 + signal.SIGSYS, policy) == "it made a system call of another architecture"
    assert death_in_words(97, policy) == "it ended with status 97"
    assert death_in_words(128 + 40, policy) == "it ended with status 168"
