"""`hullmark db export`, `import`, `push` and `pull`: snapshots on their way to other machines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.app.share import ImportResult
    from hullmark.cli.settings import Settings


def export(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write a bundle."""
    from hullmark.app.share import export_bundle

    file = _only(arguments, "a file to write, as advisories.bundle")
    made = export_bundle(settings.shelf(), Path(file), since=arguments.since, key=_path(arguments.key))
    what = f"what changed since {made.parent}" if made.parent else "the whole snapshot"
    sys.stdout.write(f"{made.file}: {what}, {made.size:,} bytes, {'signed' if made.is_signed else 'not signed'}\n")
    sys.stdout.write(f"snapshot {made.snapshot}\n")
    return 0


def bring(arguments: argparse.Namespace, settings: Settings) -> int:
    """Take a bundle's snapshot into use."""
    from hullmark.app.share import import_bundle

    file = Path(_only(arguments, "the bundle's file"))
    trusted, allowed = _path(arguments.trust), arguments.allow_unsigned
    return _print_received(import_bundle(settings.shelf(), file, trusted=trusted, allow_unsigned=allowed))


def push(arguments: argparse.Namespace, settings: Settings) -> int:
    """Put the snapshot into a registry."""
    from hullmark.app.share import push

    name = _only(arguments, "a name in a registry, as registry.example.org/advisories:latest")
    made = push(settings.shelf(), name, settings.source_options(), _path(arguments.key))
    sys.stdout.write(
        f"{made.reference}@{made.digest}: {made.sent:,} bytes sent, {'signed' if made.is_signed else 'not signed'}\n"
    )
    sys.stdout.write(f"snapshot {made.snapshot}\n")
    return 0


def pull(arguments: argparse.Namespace, settings: Settings) -> int:
    """Take a registry's snapshot into use."""
    from hullmark.app.share import pull

    name = _only(arguments, "a name in a registry, as registry.example.org/advisories:latest")
    trusted, allowed = _path(arguments.trust), arguments.allow_unsigned
    return _print_received(
        pull(settings.shelf(), name, settings.source_options(), trusted=trusted, allow_unsigned=allowed)
    )


def _print_received(received: ImportResult) -> int:
    came = {"snapshot": "came whole", "delta": "came as what changed", "nothing": "was there already"}[received.kind]
    signer = f", signed by {received.signer}" if received.signer else ", not signed"
    sys.stdout.write(f"snapshot {received.snapshot}, {came}{signer}, in use now\n")
    if received.is_older:
        sys.stderr.write(f"hullmark: its data, of {received.data_at}, is older than that of the snapshot before\n")
        sys.stderr.write(
            f"  if that is not meant, take the other one into use again: hullmark db use {received.previous}\n"
        )
    return 0


def _only(arguments: argparse.Namespace, what: str) -> str:
    from hullmark.model.errors import HullmarkError

    if len(arguments.arguments) != 1:
        raise HullmarkError(f"{arguments.action} takes one argument", advice=f"give {what}")
    return str(arguments.arguments[0])


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
