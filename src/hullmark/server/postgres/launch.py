"""Starts a program as another user, in a folder, tied to the life of who started it. Run by path as `python -I -S launch.py`.

Arguments: UID:GID (or `-`), the folder, the signal to send when the parent ends (0: none), the parent's process id, the
program and what it is given. It imports no other module of ours: it runs before anything is set up, and for an instant as root.
"""

import contextlib
import ctypes
import os
import sys

CANNOT_SWITCH, CANNOT_ENTER, CANNOT_RUN, ORPHANED = 121, 122, 123, 124
"""Exit statuses: the user cannot be changed to; the folder not entered; the program not run; the parent is gone."""

_PR_SET_PDEATHSIG = 1


def launch(arguments: list[str]) -> int:
    """Becomes the program. Returns, with an exit status, only where that cannot be."""
    user, folder, death_signal, parent, *command = arguments
    os.umask(0o077)
    try:
        if user != "-":
            uid, _, gid = user.partition(":")
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
    except OSError as error:
        return _report_error(CANNOT_SWITCH, error)
    try:
        os.chdir(folder)
    except OSError as error:
        return _report_error(CANNOT_ENTER, error)
    if int(death_signal):
        # After the change of user, which resets it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            return ORPHANED
    try:
        os.execv(command[0], command)  # noqa: S606  # nothing here is a shell's
    except OSError as error:
        return _report_error(CANNOT_RUN, error)


def _report_error(status: int, error: OSError) -> int:
    with contextlib.suppress(OSError):
        os.write(2, f"{error.strerror}\n".encode())
    return status


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
