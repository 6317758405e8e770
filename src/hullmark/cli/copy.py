"""`hullmark copy`: an image into another registry, repository or folder, with its signatures and verdicts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.settings import add_source_options, settings_of

if TYPE_CHECKING:
    from hullmark.source import SourceOptions
    from hullmark.source.repository import Repository, WritableRepository

NAME = "copy"
HELP = "copy an image with signatures, attestations and verdicts"
EPILOG = """\
SOURCE is NAME[:TAG][@DIGEST] or registry:NAME in a registry, oci-dir:DIR[:TAG|@DIGEST] or oci-archive:FILE[:TAG|@DIGEST];
TARGET is NAME[:TAG] or registry:NAME, or oci-dir:DIR[:TAG]. Digests stay what they are. What the target has is not sent again.
"""

_FOLDER = "oci-dir:"
_REGISTRY = "registry:"
_DAEMONS = ("docker:", "podman:", "dir:", "sbom:")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("source", metavar="SOURCE", help="the image to copy (see below)")
    parser.add_argument("target", metavar="TARGET", help="where it goes (see below)")
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Copy, and say what was sent."""
    from hullmark.app.copy import copy_image

    settings = settings_of(arguments)
    options = settings.source_options()
    origin, version = _origin(arguments.source, options)
    target, tag = _target(arguments.target, options)
    watch = _print_line if settings.wants_progress() else _silent
    result = copy_image(origin, version, target, tag, watch)
    sys.stdout.write(
        f"{arguments.target}: {result.digest}\n"
        f"{result.manifests} manifests, {result.attached} of them attached; "
        f"{result.sent_blobs} of {result.blobs} blobs sent, {result.sent_bytes:,} bytes\n"
    )
    return 0


def _origin(text: str, options: SourceOptions) -> tuple[Repository, str]:
    from hullmark.app.copy import pick_only_version
    from hullmark.app.repositories import repository_of
    from hullmark.model.errors import HullmarkError
    from hullmark.source import classify
    from hullmark.source.layout_repository import LayoutRepository
    from hullmark.source.places import split_place
    from hullmark.source.registry_repository import RegistryRepository

    if text.startswith(_DAEMONS):
        raise HullmarkError(
            f"{text[:200]} has no manifest to copy", advice="name the image in a registry, or save it as an OCI archive"
        )
    repository = repository_of(text, options)
    if isinstance(repository, RegistryRepository):
        return repository, repository.reference.version
    version = split_place(classify(text)[1])[1]
    if not version and isinstance(repository, LayoutRepository):
        version = pick_only_version(repository.versions())
    return repository, version


def _target(text: str, options: SourceOptions) -> tuple[WritableRepository, str]:
    from hullmark.model.errors import HullmarkError
    from hullmark.source.layout_repository import LayoutFolder
    from hullmark.source.registry_repository import RegistryRepository

    if text.startswith(_FOLDER):
        folder, _, tag = text.removeprefix(_FOLDER).rpartition(":")
        return (LayoutFolder(Path(folder)), tag) if folder else (LayoutFolder(Path(tag)), "latest")
    if text.startswith(_DAEMONS) or text.startswith(("/", "./", "../")):
        raise HullmarkError(f"nothing can be copied to {text[:200]}", advice="name a registry, or oci-dir:DIR")
    repository = RegistryRepository(text.removeprefix(_REGISTRY), options, "pull,push")
    reference = repository.reference
    return repository, reference.tag or ("" if reference.digest else "latest")


def _print_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _silent(line: str) -> None:
    pass
