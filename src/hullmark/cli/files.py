"""`hullmark files`: every file of an image, its owner and its state; or the content of some."""

from __future__ import annotations

import argparse
from pathlib import Path

from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.settings import SOURCES, add_source_options, settings_of

NAME = "files"
_FOLDERS = frozenset(
    ("bin", "boot", "etc", "home", "lib", "lib64", "opt", "root", "run", "sbin", "srv", "tmp", "usr", "var")
)
HELP = "list every file with owner and state, or print some"
EPILOG = (
    SOURCES
    + """
After the first SOURCE, each absolute path is one inside of it: the file there is printed, with the secrets in it masked.
(A further image in a folder on this machine is given with its scheme, as oci-dir:/path.)
"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "source", metavar="SOURCE [PATH]", nargs="+", help="image reference, file or folder (see below)"
    )
    add_output(parser, "table, json")
    parser.add_argument(
        "--state",
        action="append",
        choices=("ok", "changed", "config-changed", "missing", "unowned", "unverified", "ghost"),
        help="only files in this state; may be given several times",
    )
    parser.add_argument("--all-layers", action="store_true", help="also show what later layers deleted or replaced")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the files of each source, or print those whose paths are given."""
    first, *others = arguments.source
    paths = [text for text in others if text.startswith("/")]
    _refuse_relative(others)
    if paths:
        return _print(arguments, first, [text for text in others if text not in paths], paths)
    return _list(arguments)


def _print(arguments: argparse.Namespace, source: str, others: list[str], paths: list[str]) -> int:
    """Print files; the status is 2 if one of them is not to be had."""
    import sys

    from hullmark.app.kept_files import read_files
    from hullmark.model.errors import HullmarkError

    if others or arguments.output or arguments.state or arguments.all_layers:
        raise HullmarkError(
            "with PATH, files of one SOURCE are printed as they are", advice="give SOURCE and PATHs alone"
        )
    settings = settings_of(arguments)
    with progress(source, wanted=settings.wants_progress()) as watch:
        found = read_files(source, paths, settings.means(watch), settings.source_options())
    for file in found:
        if file.body is None:
            continue
        if len(found) > 1:
            sys.stdout.buffer.write(f"==> {file.path} <==\n".encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.write(file.body)
    sys.stdout.flush()
    missing = [f"{file.path}: {file.reason}" for file in found if file.body is None]
    if missing:
        raise HullmarkError("; ".join(missing), advice="hullmark files SOURCE lists what there is")
    return 0


def _refuse_relative(others: list[str]) -> None:
    """Raise HullmarkError for what is a path inside of an image, but for its slash: no registry is asked for it."""
    from hullmark.model.errors import HullmarkError

    for text in others:
        if text.partition("/")[0] in _FOLDERS and ":" not in text and not Path(text).exists():
            raise HullmarkError(
                f"{text[:200]} is neither an image nor a path inside of one", advice=f"write /{text[:200]}"
            )


def _list(arguments: argparse.Namespace) -> int:
    import msgspec

    from hullmark.scanning.request import ScanRequest
    from hullmark.scanning.take import take

    outputs = wanted_outputs("files", arguments.output, len(arguments.source))
    settings = settings_of(arguments)
    options = settings.source_options()
    ghosts = "ghost" in (arguments.state or ())
    request = ScanRequest(files=True, digests=True, ghosts=ghosts, all_layers=arguments.all_layers)
    inventories = []
    for source in arguments.source:
        with progress(source, wanted=settings.wants_progress()) as watch:
            inventory = take(source, request, settings.means(watch), options).inventory
        if arguments.state:
            files = tuple(file for file in inventory.files or () if file.state in arguments.state)
            inventory = msgspec.structs.replace(inventory, files=files)
        inventories.append(inventory)
    write(inventories, outputs, settings)
    return 0
