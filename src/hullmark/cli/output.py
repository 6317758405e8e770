"""Results → formats → standard output or files."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings
    from hullmark.report.format import Kind


def add_output(parser: argparse.ArgumentParser, formats: str) -> None:
    """The -o option."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=FILE]",
        action="append",
        default=[],
        help=f"{formats}; may be given several times, one of them without FILE (default: table)",
    )


def write(kind: Kind, results: list[Any], outputs: list[str], settings: Settings) -> None:
    """Render every result in every format that was asked for. Raises HullmarkError for a format there is not."""
    from hullmark.model.errors import HullmarkError

    for output in outputs or ["table"]:
        name, _, file = output.partition("=")
        rendered = b"".join(_rendered(kind, name, result, settings, is_file=bool(file)) for result in results)
        if not file:
            sys.stdout.buffer.write(rendered)
            continue
        try:
            Path(file).write_bytes(rendered)
        except OSError as error:
            raise HullmarkError(f"cannot write {file}: {error.strerror}") from error


def _rendered(kind: Kind, name: str, result: Any, settings: Settings, *, is_file: bool) -> bytes:
    from hullmark._version import __version__
    from hullmark.report import load
    from hullmark.report.format import RenderContext

    is_terminal = sys.stdout.isatty() and not is_file
    context = RenderContext(
        tool_version=__version__,
        timestamp=_timestamp(),
        color=settings.wants_color() and not is_file,
        width=shutil.get_terminal_size((120, 40)).columns if is_terminal else 0,
    )
    rendered: bytes = load(kind, name).render(result, context)
    return rendered


def _timestamp() -> str | None:
    """The time that documents carry, if SOURCE_DATE_EPOCH sets one (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isdigit():
        return None
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
