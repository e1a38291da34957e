# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks through the kernel: sockets, signals, tracing, namespaces, mounts, other users."""

from __future__ import annotations

from tests.grading.attacks.attack import RIGHT, Attack, says

NO_NETWORK = "ConnectionRefusedError|PermissionError|OSError|FileNotFoundError|TimeoutError"
NO_PROCESS = "ProcessLookupError|PermissionError"

TCP_UDP = """
def tcp():
    with socket.create_connection(tuple(TCP), 1) as connection:
        connection.sendall(b"here are the answers")
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"here are the answers", tuple(UDP))
attempt("tcp", tcp)
attempt("udp", udp)
attempt("outside", lambda: socket.create_connection(("192.0.2.1", 80), 1))
attempt("name", lambda: socket.gethostbyname("example.org"))
"""
UNIX = """
def reach(address):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(address)
attempt("unix", lambda: reach(BAIT + "/socket"))
attempt("abstract", lambda: reach("\\0" + os.path.basename(BAIT)))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0)))
attempt("raw", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
"""
TRACING = """
attempt("attach", lambda: call(101, 16, JUDGE, 0, 0))
attempt("attach1", lambda: call(101, 16, 1, 0, 0))
attempt("readv", lambda: call(310, JUDGE, 0, 0, 0, 0, 0))
attempt("readv1", lambda: call(310, 1, 0, 0, 0, 0, 0))
attempt("getfd", lambda: call(438, os.pidfd_open(1), 0, 0))
attempt("kcmp", lambda: call(312, 1, os.getpid(), 0, 0, 0))
"""
SIGNALS = """
for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    attempt(f"judge{int(number)}", lambda: os.kill(JUDGE, number))
    attempt(f"bystander{int(number)}", lambda: os.kill(BYSTANDER, number))
    attempt(f"parent{int(number)}", lambda: os.kill(os.getppid(), number))
"""
KILL_ALL = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
attempt("all", lambda: os.kill(-1, signal.SIGTERM))
attempt("group", lambda: os.killpg(0, signal.SIGTERM))
attempt("alive", lambda: True)
"""
NAMESPACES = """
attempt("user", lambda: call(272, 0x10000000))
attempt("mounts", lambda: call(272, 0x00020000))
attempt("enter", lambda: call(308, os.open("/proc/self/ns/mnt", os.O_RDONLY), 0))
attempt("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
attempt("bind", lambda: libc.mount(b"/proc/1/root", b"/tmp", None, 4096, None))
attempt("unmount", lambda: libc.umount2(b"/", 2))
attempt("new", lambda: call(428, -100, b"/", 1))
attempt("clone", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0))
"""
KERNEL = """
attempt("uring", lambda: call(425, 8, ctypes.create_string_buffer(256)))
attempt("keys", lambda: call(250, 0, -3, 0))
attempt("add", lambda: call(248, b"user", b"x", b"y", 1, -2))
attempt("bpf", lambda: call(321, 0, 0, 0))
attempt("perf", lambda: call(298, 0, 0, -1, -1, 0))
attempt("fault", lambda: call(323, 0))
attempt("module", lambda: call(175, 0, 0, b""))
attempt("clock", lambda: time.clock_settime(time.CLOCK_REALTIME, 0))
attempt("reboot", lambda: call(169, 0, 0, 0))
attempt("trace", lambda: open("/sys/kernel/debug/tracing/trace").read())
"""
RIGHTS = """
attempt("root", lambda: os.setuid(0))
attempt("group", lambda: os.setgroups([0]))
attempt("effective", lambda: os.seteuid(0))
def programs():
    found = [path for path in ("/usr/bin/sudo", "/bin/su", "/usr/bin/mount") if os.path.exists(path)]
    outputs = [subprocess.run([path, "-h"], capture_output=True).returncode >= 0 for path in found]
    status = open("/proc/self/status").read()
    return [line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))]
attempt("capabilities", programs)
attempt("device", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(8, 0)))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))
attempt("limits", lambda: __import__("resource").setrlimit(7, (10**6, 10**6)))
"""
REFUSED = "refused|-1|OSError|PermissionError"

ATTACKS = [
    Attack(
        "connects over TCP and UDP",
        before=TCP_UDP,
        seen=says(
            tcp=NO_NETWORK,
            udp=NO_NETWORK,
            outside=NO_NETWORK,
            name="gaierror|PermissionError|OSError|UnicodeError",
        ),
    ),
    Attack(
        "connects to unix and abstract sockets",
        before=UNIX,
        seen=says(
            unix=NO_NETWORK,
            abstract=NO_NETWORK,
            netlink="OSError|PermissionError",
            raw="OSError|PermissionError",
        ),
    ),
    Attack(
        "traces and reads other processes",
        before=TRACING,
        seen=says(
            attach="refused",
            attach1="refused",
            readv="refused",
            readv1="refused",
            getfd="refused|PermissionError|OSError",
            kcmp="refused",
        ),
    ),
    Attack(
        "signals judge, bystander and parent",
        before=SIGNALS,
        seen=says(
            **{f"{who}{number}": NO_PROCESS for who in ("judge", "bystander") for number in (15, 9, 19)},
            **{f"parent{number}": f"{NO_PROCESS}|None" for number in (15, 9, 19)},
        ),
    ),
    Attack("signals everybody", before=KILL_ALL, seen=says(alive="True", all=f"None|{NO_PROCESS}")),
    Attack(
        "makes namespaces and mounts",
        before=NAMESPACES,
        seen=says(
            user="refused",
            mounts="refused",
            enter="refused|PermissionError",
            mount="-1",
            bind="-1",
            unmount="-1",
            new="refused",
            clone="refused",
        ),
    ),
    Attack(
        "uses rare doors of the kernel",
        before=KERNEL,
        seen=says(
            uring="refused",
            keys="refused",
            add="refused",
            bpf="refused",
            perf="refused",
            fault="refused",
            module="refused",
            clock=REFUSED,
            reboot="refused",
            trace="FileNotFoundError|PermissionError",
        ),
    ),
    Attack(
        "becomes another user",
        before=RIGHTS,
        seen=says(
            root="PermissionError|OSError",
            group="PermissionError",
            effective="PermissionError|OSError",
            capabilities="['0000000000000000', '0000000000000000', '1']",
            device="PermissionError|OSError",
            nice="PermissionError",
            limits="ValueError|PermissionError",
        ),
    ),
    Attack(
        "stops its parent while its answer is judged",
        answer=f"{RIGHT}\n_right = causal_mask\ndef causal_mask(*args):\n"
        "    for pid in (os.getppid(), JUDGE, BYSTANDER):\n        try:\n            os.kill(pid, signal.SIGSTOP)\n"
        "        except OSError:\n            pass\n    return _right(*args)",
    ),
]
