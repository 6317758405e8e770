"""`hullmark export`: everything of an account, as lines of JSON."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hullmark.cli.server_options import add_server_options

if TYPE_CHECKING:
    from hullmark.net.line_stream import LineStream

NAME = "export"
HELP = "write everything of the account as lines of JSON"
EPILOG = """\
Each line has a `cursor`. A connection that breaks is made again, and the lines go on behind the last one. Where the server stays away
--after goes on from there later; FILE is added to then, and else begun anew. docs/how-to/use-a-server.md shows it at work.
"""

KINDS = ("images", "packages", "vulnerabilities", "verdicts", "history", "audit", "events", "transitions", "places")
_SILENCE = 120.0
"""Seconds of silence before the connection counts as broken."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help=f"what: {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    parser.add_argument("file", metavar="FILE", nargs="?", default="", help="where to (default: standard output)")
    parser.add_argument("--after", metavar="CURSOR", default="", help="only what follows the line with this cursor")
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the lines as they come."""
    from hullmark.cli.remote.connection import connect, patient
    from hullmark.model.errors import HullmarkError
    from hullmark.net.line_stream import LineStream

    api = patient(connect(arguments), _SILENCE)
    stream = LineStream(api, f"/export/{arguments.kind}", arguments.after)
    try:
        with _target(arguments.file, is_more=bool(arguments.after)) as target:
            _write(stream, target)
    except BrokenPipeError:
        raise
    except OSError as error:
        place = arguments.file or "to standard output"
        raise HullmarkError(f"cannot write {place}: {error.strerror}", advice="check path, rights and space") from error
    return 0


def _target(file: str, *, is_more: bool) -> AbstractContextManager[IO[bytes]]:
    return Path(file).open("ab" if is_more else "wb") if file else nullcontext(sys.stdout.buffer)


def _write(stream: LineStream, target: IO[bytes]) -> None:
    """Raises HullmarkError that names where to go on, if anything was written."""
    from hullmark.model.errors import HullmarkError

    before = stream.after
    try:
        for block in stream.blocks():
            target.write(block)
            target.flush()
    except HullmarkError as error:
        if stream.after == before:
            raise
        raise HullmarkError(str(error), advice=f"go on later: --after {stream.after}") from error
