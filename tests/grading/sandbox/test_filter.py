"""The seccomp program, run by a small machine of our own: also for the architecture that this is not."""

from __future__ import annotations

import errno

import pytest

from course_utils.grading.sandbox import seccomp, syscalls

PID = 4321


def answer(
    steps: list[seccomp.Step], architecture: int, number: int, arguments: tuple[int, ...] = ()
) -> int | str:
    """Run the filter for one system call: 'allow', 'kill', or the error number."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0]
    memory = {seccomp.OFFSET_NUMBER: number, seccomp.OFFSET_ARCHITECTURE: architecture}
    memory |= {seccomp.OFFSET_ARGUMENTS + 8 * index: padded[index] & 0xFFFFFFFF for index in range(6)}
    place, value = 0, 0
    while True:
        code, if_true, if_false, operand = steps[place]
        place += 1
        if code == seccomp.LOAD:
            value = memory[operand]
        elif code == seccomp.AND:
            value &= operand
        elif code == seccomp.RETURN:
            if operand == seccomp.ALLOW:
                return "allow"
            return "kill" if operand == seccomp.KILL else operand & 0xFFFF
        else:
            test = {
                seccomp.JUMP_EQUAL: value == operand,
                seccomp.JUMP_AT_LEAST: value >= operand,
                seccomp.JUMP_BITS: bool(value & operand),
            }[code]
            place += if_true if test else if_false


@pytest.fixture(params=syscalls.SUPPORTED)
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(syscalls, "MACHINE", request.param)
    return request.param


def ask(machine: str, name: str, *arguments: int, own_namespaces: bool) -> int | str:
    number = syscalls.number(name)
    if number is None:
        return "no such call"
    steps = seccomp.program(own_namespaces=own_namespaces, pid=PID)
    return answer(steps, seccomp.ARCHITECTURES[machine], number, arguments)


@pytest.mark.parametrize("own_namespaces", [True, False])
def test_calls_of_every_player(machine: str, own_namespaces: bool) -> None:
    def of(name: str, *arguments: int) -> int | str:
        return ask(machine, name, *arguments, own_namespaces=own_namespaces)

    for name in seccomp.FORBIDDEN:
        assert of(name) in (errno.EPERM, "no such call"), name
    for name in seccomp.UNKNOWN:
        assert of(name) == errno.ENOSYS, name
    for request in seccomp.TERMINAL_INPUT:
        assert of("ioctl", 0, request) == errno.EPERM
    assert of("ioctl", 0, 0x5401) == "allow"
    assert of("fcntl", 0, 8) == errno.EPERM
    assert of("fcntl", 0, 2) == "allow"
    assert of("close_range") == "allow"
    assert of("socketpair", 1, 1 | 0o2000000) == "allow"
    for flag in (0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert of("clone", flag | 17) == errno.EPERM, hex(flag)
    assert of("clone", 0x3D0F00) == "allow"  # what pthread_create asks for


def test_calls_with_namespaces(machine: str) -> None:
    def of(name: str, *arguments: int) -> int | str:
        return ask(machine, name, *arguments, own_namespaces=True)

    assert of("clone", 17) == "allow"
    assert of("execve") == "allow"
    assert of("kill", 1, 9) == "allow"
    assert of("connect") == "allow"
    assert of("chmod") in ("allow", "no such call")
    assert of("socket", 1) == "allow"
    for family in (0, 2, 10, 16, 17, 40):
        assert of("socket", family) == errno.EOPNOTSUPP, family


def test_calls_without_namespaces(machine: str) -> None:
    def of(name: str, *arguments: int) -> int | str:
        return ask(machine, name, *arguments, own_namespaces=False)

    for name in seccomp.FORBIDDEN_WITHOUT_NAMESPACES:
        assert of(name) in (errno.EPERM, "no such call"), name
    for name in seccomp.PRETENDED:
        assert of(name) in (0, "no such call"), name
    for name in seccomp.ONLY_ONESELF:
        assert of(name, 0) == "allow", name
        assert of(name, PID) == "allow", name
        assert of(name, PID + 1) == errno.EPERM, name
        assert of(name, -1) == errno.EPERM, name
    assert of("clone", 17) == errno.EPERM
    assert of("socket", 1) == errno.EOPNOTSUPP
    assert of("socketpair", 1, 2) == errno.EOPNOTSUPP
    assert of("socketpair", 1, 5) == "allow"


def test_other_architectures_and_newer_calls(machine: str) -> None:
    steps = seccomp.program(own_namespaces=True, pid=PID)
    mine = seccomp.ARCHITECTURES[machine]
    assert answer(steps, 0x40000003, 1) == "kill"  # 32-bit Intel
    assert answer(steps, mine, syscalls.NEWEST + 1) == errno.ENOSYS
    assert answer(steps, mine, 0x40000000 | 59) == errno.ENOSYS  # x32
    assert answer(steps, mine, syscalls.NEWEST) == "allow"
    assert len(steps) < 4096
    assert all(max(step[1], step[2]) < 256 for step in steps)


def test_a_misspelled_name_is_noticed() -> None:
    with pytest.raises(ValueError, match="mont has no number"):
        syscalls.names("mount mont")
