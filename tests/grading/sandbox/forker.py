"""The process that forks players for the tests: one thread, holds what a preloaded process might hold.

Reads one JSON request from stdin, writes JSON lines to stdout: the player's pid, its layers, its end.
"""

from __future__ import annotations

import json
import os
import sys

from course_utils.grading.sandbox import LayerError, Policy, fork_player, landlock


def main() -> None:
    request = json.load(sys.stdin)
    policy = Policy.from_data(request["policy"])
    preloaded = bytearray(os.urandom(1 << 20)) * request.get("preloaded_mebibytes", 0)
    if request.get("no_landlock"):
        landlock.abi = lambda: 0
    if "opens" in request:  # and never closes: the player must
        request.setdefault("values", {})["opened"] = os.open(request["opens"], os.O_RDONLY)
    output = request["output"]
    keep = [output, *request.get("keep", [])]

    def say(**what: object) -> None:
        os.write(1, json.dumps(what).encode() + b"\n")

    reports, reporting = os.pipe()

    def report(outcome: list[str] | LayerError) -> None:
        data = {"failed": str(outcome)} if isinstance(outcome, LayerError) else {"layers": outcome}
        os.write(reporting, json.dumps(data).encode())
        os.close(reporting)

    def run() -> None:
        values = {"VALUES": request.get("values", {}), "preloaded": preloaded, "__name__": "__main__"}
        exec(compile(request["source"], "player", "exec"), values)

    try:
        pid = fork_player(policy, run, keep=[*keep, reporting], output=output, report=report)
    except LayerError as error:
        say(pid=0, failed=str(error), status=-1)
        return
    os.close(reporting)
    os.close(output)
    say(pid=pid)
    with os.fdopen(reports) as file:
        say(**json.loads(file.read() or "{}"))
    say(status=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
