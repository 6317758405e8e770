"""Runs a command within bounds and says what it took: `python bounded.py REPORT SECONDS MEMORY FILE_BYTES COMMAND…`.

MEMORY bounds the address space and FILE_BYTES what may be written to any one file, both in bytes; -1 for no bound. REPORT becomes
JSON with the exit status, the seconds it took and the peak memory in KiB. A process of its own, and a small one: the kernel
counts a parent's memory at the moment of the fork to the child.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time

TIMED_OUT = -signal.SIGKILL


def main(report: str, seconds: str, memory: str, file_bytes: str, *command: str) -> None:
    """Run the command; it is killed after so many seconds."""
    log = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    begun = time.monotonic()
    child = os.fork()
    if not child:
        for bound, kind in ((int(memory), resource.RLIMIT_AS), (int(file_bytes), resource.RLIMIT_FSIZE)):
            if bound >= 0:
                resource.setrlimit(kind, (bound, bound))
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm(int(seconds))
    _, status, usage = os.wait4(child, 0)
    took = {"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begun}
    os.write(log, json.dumps({**took, "peak_kib": usage.ru_maxrss}).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
