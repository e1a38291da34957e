"""What a player cannot reach, with evidence from outside it. Each forbidden thing works without walls."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from course_utils.grading.sandbox import EXIT_LAYER_FAILED, EXIT_RUN_FAILED, Policy, player_view
from course_utils.grading.sandbox.users import FIRST_LOW_USER
from course_utils.grading.sandbox.view import course_root
from tests.grading.sandbox.conftest import SECRET
from tests.grading.sandbox.players import Player, play, showing

READ_AND_WRITE = """
    secret = VALUES["secret"]
    attempt("read", lambda: open(secret).read())
    attempt("write", lambda: open(secret, "a").write("changed"))
    attempt("remove", lambda: os.remove(secret))
"""


def test_a_file_outside_is_out_of_reach(policy: Policy, outside: Path) -> None:
    secret = outside / "secret.txt"
    ended = play(policy, READ_AND_WRITE, values={"secret": str(secret)})
    assert set(ended.said) == {"read", "write", "remove"}
    assert SECRET not in ended.output
    assert secret.read_text() == SECRET


def test_the_same_file_is_in_reach_without_walls(trusted: Policy, outside: Path) -> None:
    ended = play(trusted, READ_AND_WRITE, values={"secret": str(outside / "secret.txt")})
    assert ended.said["read"] == SECRET
    assert not (outside / "secret.txt").exists()


def test_no_way_around_leads_to_a_file_outside(policy: Policy, outside: Path) -> None:
    secret = outside / "secret.txt"

    def state() -> tuple[object, ...]:
        found = secret.stat()
        return secret.read_text(), found.st_mode, found.st_mtime, found.st_uid, found.st_nlink

    before = state()
    ended = play(
        policy,
        """
        secret = VALUES["secret"]
        os.chdir(os.environ["HOME"])
        attempt("made a link", lambda: os.symlink(secret, "link"))
        attempt("link", lambda: open("link").read())
        attempt("hard link", lambda: os.link(secret, "hard") or open("hard").read())
        attempt("rename", lambda: os.rename(secret, "mine") or open("mine").read())
        parent = os.getppid()
        for name in ["/proc/1/root", "/proc/self/root", f"/proc/{parent}/root", "/proc/self/cwd/../../.."]:
            attempt(name, lambda: open(name + secret).read())
        attempt("dots", lambda: open("../../../../../../../.." + secret).read())
        attempt("chroot", lambda: os.chroot("/") or open(secret).read())
        attempt("truncate", lambda: os.truncate(secret, 0))
        attempt("mode", lambda: os.chmod(secret, 0))
        attempt("time", lambda: os.utime(secret, (1, 1)))
        attempt("attribute", lambda: os.setxattr(secret, "user.mark", b"1"))
        """,
        values={"secret": str(secret)},
    )
    assert ended.status == 0
    assert SECRET not in ended.output
    assert state() == before
    assert not os.listxattr(secret)


def test_what_is_shown_is_read_only(policy: Policy, outside: Path) -> None:
    shown = outside / "library"
    shown.mkdir(mode=0o777)
    shown.chmod(0o777)
    (shown / "module.py").write_text("answer = 42")
    (shown / "module.py").chmod(0o666)
    ended = play(
        showing(policy, player_view([shown])),
        """
        sys.path.insert(0, VALUES["shown"])
        attempt("import", lambda: __import__("module").answer)
        attempt("make", lambda: open(VALUES["shown"] + "/new.py", "w").write("1"))
        attempt("change", lambda: open(VALUES["shown"] + "/module.py", "w").write("1"))
        attempt("folder", lambda: os.mkdir(VALUES["shown"] + "/folder"))
        attempt("package", lambda: open(os.path.dirname(os.__file__) + "/planted.py", "w").write("1"))
        """,
        values={"shown": str(shown)},
    )
    assert ended.said["import"] == "42"
    assert sorted(path.name for path in shown.iterdir()) == ["module.py"]
    assert (shown / "module.py").read_text() == "answer = 42"
    assert not Path(os.__file__).with_name("planted.py").exists()


def test_a_covered_folder_is_out_of_reach_and_its_neighbors_are_not(policy: Policy, outside: Path) -> None:
    for name in ("library/covered/deep", "library/beside"):
        (outside / name).mkdir(parents=True)
    (outside / "library/covered/hidden.txt").write_text(SECRET)
    (outside / "library/covered/deep/shown.txt").write_text("shown inside hidden")
    (outside / "library/beside/near.txt").write_text("near")
    view = player_view([outside / "library", outside / "library/covered/deep"], [outside / "library/covered"])
    ended = play(
        showing(policy, view),
        """
        for name in ["covered/hidden.txt", "covered/deep/shown.txt", "beside/near.txt"]:
            attempt(name, lambda: open(VALUES["library"] + "/" + name).read())
        """,
        values={"library": str(outside / "library")},
    )
    assert ended.said["beside/near.txt"] == "near"
    assert ended.said["covered/deep/shown.txt"] == "shown inside hidden"
    assert SECRET not in ended.output


def test_the_course_itself_is_out_of_reach(policy: Policy) -> None:
    checks = course_root() / "course_utils" / "cli.py"
    ended = play(
        policy, 'attempt("source", lambda: open(VALUES["path"]).read())', values={"path": str(checks)}
    )
    assert ended.said["source"].endswith("Error")


def test_the_environment_and_open_files_are_left_behind(policy: Policy, outside: Path) -> None:
    ended = play(
        policy,
        """
        print("environment:", sorted(os.environ))
        attempt("start", lambda: open("/proc/self/environ").read())
        attempt("parent", lambda: open(f"/proc/{os.getppid()}/environ").read())
        attempt("descriptor", lambda: os.pread(VALUES["opened"], 100, 0))
        """,
        environment={"SECRET_SEED": SECRET},
        request={"opens": str(outside / "secret.txt")},
    )
    assert SECRET not in ended.output
    assert ended.said["environment"] == str(
        ["HOME", "LANG", "MPLBACKEND", "OMP_NUM_THREADS", "PATH", "TMPDIR"]
    )
    assert ended.said["descriptor"] == "OSError"


def test_the_network_is_out_of_reach(policy: Policy) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(f"\0listening-{os.getpid()}")
        for listener in (tcp, udp, unix):
            listener.settimeout(0)
        ended = play(
            policy,
            """
            tcp, udp, unix = VALUES["tcp"], VALUES["udp"], VALUES["unix"]
            def send(family, address):
                return socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", address)
            attempt("tcp", lambda: socket.create_connection(("127.0.0.1", tcp), 1))
            attempt("udp", lambda: send(socket.AF_INET, ("127.0.0.1", udp)))
            attempt("ipv6", lambda: socket.socket(socket.AF_INET6))
            attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
            attempt("unix", lambda: send(socket.AF_UNIX, chr(0) + unix))
            def by_pair():
                one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                one.sendto(b"x", chr(0) + unix)
            attempt("pair", by_pair)
            pair = socket.socketpair()
            attempt("channel", lambda: pair[0].send(b"x"))
            """,
            values={
                "tcp": tcp.getsockname()[1],
                "udp": udp.getsockname()[1],
                "unix": f"listening-{os.getpid()}",
            },
        )
        assert ended.said["channel"] == "1"
        for reach in (tcp.accept, lambda: udp.recv(1), lambda: unix.recv(1)):
            with pytest.raises(BlockingIOError):
                reach()


SIGNALS = """
    victim = VALUES["victim"]
    import fcntl
    for number in (signal.SIGTERM, signal.SIGKILL):
        attempt(f"kill {number}", lambda: os.kill(victim, number))
        attempt(f"group {number}", lambda: os.killpg(victim, number))
    def by_file():
        one, other = os.pipe()
        fcntl.fcntl(one, 8, victim)
        fcntl.fcntl(one, 10, int(signal.SIGKILL))
        fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC)
        os.write(other, b"x")
    attempt("file", by_file)
    attempt("pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGKILL))
    import resource
    attempt("limits", lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, (3, 3)))
    attempt("cores", lambda: os.sched_setaffinity(victim, {0}))
    attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
"""


def test_processes_outside_are_out_of_reach(policy: Policy, bystander: subprocess.Popen[bytes]) -> None:
    def state() -> tuple[object, ...]:
        limits = Path(f"/proc/{bystander.pid}/limits").read_text()
        return limits, os.sched_getaffinity(bystander.pid), os.getpriority(os.PRIO_PROCESS, bystander.pid)

    before = state()
    everyone = 'attempt("everyone", lambda: signal.signal(15, signal.SIG_IGN) or os.kill(-1, 15))'
    play(policy, SIGNALS + "    " + everyone, values={"victim": bystander.pid})
    time.sleep(0.1)
    assert bystander.poll() is None
    assert state() == before


def test_the_same_process_is_in_reach_without_walls(
    trusted: Policy, bystander: subprocess.Popen[bytes]
) -> None:
    play(trusted, SIGNALS, values={"victim": bystander.pid})
    assert bystander.wait(5) == -15


def test_rights_are_gone_as_seen_from_outside(policy: Policy) -> None:
    with Player(policy, 'print("ready", flush=True); time.sleep(30)') as player:
        assert player.read_line() == "ready"
        pid = player.pid
        if policy.own_namespaces:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        assert status["Seccomp"].strip() == "2"
        assert status["NoNewPrivs"].strip() == "1"
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if name != "CapBnd" or policy.own_namespaces or os.geteuid() == 0:
                assert int(status[name], 16) == 0, name
        users = {int(number) for number in status["Uid"].split()}
        if os.geteuid() == 0 and policy.change_user:
            assert min(users) >= FIRST_LOW_USER
            assert status["Groups"].split() in ([], [str(min(users))])
        else:
            assert users == {os.geteuid()}
        if policy.own_namespaces:
            for kind in ("user", "mnt", "pid", "net", "ipc", "uts"):
                assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind
        assert os.getsid(pid) != os.getsid(0)


def test_root_s_players_are_users_that_nobody_is(policy: Policy) -> None:
    owners = []
    for _ in range(2):
        with Player(policy, 'print("ready", flush=True); time.sleep(30)') as player:
            player.read_line()
            status = Path(f"/proc/{player.pid}/status").read_text()
            owners.append(int(status.split("Uid:")[1].split()[0]))
    if os.geteuid() == 0 and policy.change_user:
        assert owners[0] != owners[1]
        assert min(owners) >= FIRST_LOW_USER
    else:
        assert owners == [os.geteuid()] * 2


@pytest.mark.parametrize("name", ["unshare", "setns", "mount", "ptrace", "bpf", "keyctl", "io_uring_setup"])
def test_dangerous_system_calls_fail(policy: Policy, name: str) -> None:
    ended = play(
        policy,
        """
        library = ctypes.CDLL(None, use_errno=True)
        result = library.syscall(VALUES["number"], 0, 0, 0, 0, 0)
        print("result:", result, ctypes.get_errno())
        """,
        values={"number": _number(name)},
    )
    assert ended.said["result"] == "-1 1"


def _number(name: str) -> int:
    from course_utils.grading.sandbox import syscalls

    number = syscalls.number(name)
    assert number is not None
    return number


def test_memory_that_nobody_is_charged_for_cannot_be_made(policy: Policy) -> None:
    ended = play(
        policy,
        """
        attempt("memfd", lambda: os.memfd_create("x"))
        library = ctypes.CDLL(None, use_errno=True)
        print("shmget:", library.shmget(0, 4096, 0o1600))
        """,
    )
    assert ended.said == {"memfd": "OSError", "shmget": "-1"}


def test_daemons_end_with_the_player(policy: Policy) -> None:
    ended = play(
        policy,
        """
        def daemon():
            for _ in range(2):
                if os.fork():
                    return "started"
                os.setsid()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        attempt("daemon", daemon)
        threading.Thread(target=time.sleep, args=(60,)).start()
        os._exit(5)
        """,
    )
    # `play` waited until nobody had the output open any more.
    assert ended.said["daemon"] == ("started" if policy.own_namespaces else "PermissionError")
    assert ended.status == 5


def test_the_player_dies_with_the_process_that_forked_it(policy: Policy) -> None:
    with Player(policy, 'print("ready", flush=True); time.sleep(60)') as player:
        player.read_line()
        player.forker.kill()
        started = time.monotonic()
        assert os.read(player.reader, 1) == b""
        assert time.monotonic() - started < 5


def test_process_1_cannot_be_stopped_or_looked_into(namespaced: Policy) -> None:
    ended = play(
        namespaced,
        """
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGUSR1):
            attempt(f"signal {number}", lambda: os.kill(1, number))
        for name in ("environ", "maps", "mem", "root", "fd"):
            attempt(name, lambda: os.listdir(f"/proc/1/{name}") if name in ("root", "fd") else
                    open(f"/proc/1/{name}").read(10))
        os._exit(9)
        """,
    )
    assert ended.status == 9
    assert {ended.said[name] for name in ("environ", "maps", "mem", "root", "fd")} == {"PermissionError"}


def test_programs_with_the_owner_s_rights_give_none(policy: Policy) -> None:
    ended = play(
        policy,
        """
        before = os.getresuid()
        attempt("root", lambda: os.setuid(0))
        attempt("su", lambda: os.spawnv(os.P_WAIT, "/bin/su", ["su", "-c", "id"]))
        print("same:", os.getresuid() == before)
        """,
    )
    assert ended.said["root"] in ("PermissionError", "OSError", "None")
    assert ended.said["same"] == "True"
    assert "uid=0" not in ended.output


def test_a_player_that_fails_says_so_by_its_status(policy: Policy) -> None:
    assert play(policy, "raise SystemExit(4)").status == 4
    failed = play(policy, "raise ValueError('wrong on purpose')")
    assert failed.status == EXIT_RUN_FAILED
    assert "wrong on purpose" in failed.output
    assert play(policy, "os.kill(os.getpid(), signal.SIGKILL)").status in (-9, 128 + 9)


def test_without_a_promised_layer_nothing_is_run(policy: Policy) -> None:
    ended = play(policy, 'print("ran: yes")', request={"no_landlock": True})
    if "landlock" in policy.layers:
        assert (ended.status, ended.output) == (EXIT_LAYER_FAILED, "")
        assert ended.failed is not None
        assert ended.failed.startswith("landlock: the kernel has none")
    else:
        assert ended.said == {"ran": "yes"}


def test_ordinary_work_goes_on(policy: Policy) -> None:
    ended = play(
        policy,
        """
        import asyncio, tempfile, shutil, subprocess, json, wave, signal
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("x")
        attempt("copy", lambda: shutil.copy(json.__file__, os.environ["HOME"]) and "copied")
        attempt("asyncio", lambda: asyncio.run(asyncio.sleep(0, "slept")))
        threads = [threading.Thread(target=time.sleep, args=(0,)) for _ in range(4)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        attempt("thread", lambda: len(threads))
        attempt("raise", lambda: signal.signal(signal.SIGUSR1, lambda *_: print("caught: signal"))
                and signal.raise_signal(signal.SIGUSR1))
        attempt("random", lambda: len(os.urandom(8)))
        attempt("null", lambda: open("/dev/null", "w").write("x"))
        attempt("home", lambda: os.path.samefile(os.getcwd(), os.environ["HOME"]))
        attempt("subprocess", lambda: subprocess.run(["/bin/echo", "hi"], capture_output=True).stdout)
        """,
    )
    assert ended.status == 0
    expected = dict(copy="copied", asyncio="slept", thread="4", random="8", null="1", home="True")
    assert {name: ended.said[name] for name in expected} == expected
    assert ended.said["subprocess"] == (str(b"hi\n") if policy.own_namespaces else "PermissionError")
    if policy.own_namespaces:
        name = play(policy, 'import getpass; attempt("name", getpass.getuser)')
        assert name.said["name"] == "player"
