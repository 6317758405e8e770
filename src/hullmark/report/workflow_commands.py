"""GitHub's workflow commands, of which reports make annotations.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from hullmark.report.terminal import safe


def annotation(command: str, text: str, title: str, path: str = "", line: int = 0) -> str:
    """The line for an `error`, a `warning` or a `notice`, at a file's line or not."""
    place = f"file={_property(path)}," if path else ""
    place += f"line={line}," if path and line else ""
    return f"::{command} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    # `safe` leaves no line break, so that no text can begin a command of its own.
    return safe(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
