"""Secrets come from standard input or a prompt, never from the command line, where every process could read them."""

from __future__ import annotations

import sys

from hullmark.model.errors import HullmarkError

_MOST = 20_000


def line_of_stdin(what: str) -> str:
    """The next line of standard input. Raises HullmarkError where there is none."""
    text = sys.stdin.readline(_MOST + 1)
    line = text.rstrip("\r\n")
    if not line or len(text) > _MOST:
        raise HullmarkError(f"standard input holds no {what}", advice=f"write the {what} there, on a line of its own")
    return line


def prompt_value(what: str, *, is_secret: bool = True) -> str:
    """What a person types, or the next line of standard input where that is not a terminal."""
    if not sys.stdin.isatty():
        return line_of_stdin(what)
    if not is_secret:
        sys.stderr.write(f"{what}: ")
        sys.stderr.flush()
        return line_of_stdin(what)
    import getpass

    try:
        return getpass.getpass(f"{what}: ")
    except EOFError:
        raise HullmarkError(f"no {what} was given", advice="type it, or write it to standard input") from None
