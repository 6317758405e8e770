"""The modes of files in apk's database of installed packages (Alpine's wiki, Apk spec: lines F, R, M and a)."""

from __future__ import annotations

_MAX_LINES = 2_000_000  # as many as fit in the largest file that rules read


def apk_modes(body: bytes) -> dict[str, str]:
    """The recorded mode, in octal digits, of each path that has one."""
    modes: dict[str, str] = {}
    folder = path = ""
    for line in body.decode("utf-8", "replace").split("\n", _MAX_LINES)[:_MAX_LINES]:
        key, _, value = line.partition(":")
        if key == "F":
            folder = path = f"/{value}"
        elif key == "R":
            path = f"{folder}/{value}" if folder != "/" else f"/{value}"
        elif key in ("M", "a") and value.count(":") == 2:
            modes[path] = value.rpartition(":")[2].strip().lstrip("0")
    return modes
