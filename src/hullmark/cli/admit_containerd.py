"""`hullmark admit containerd`: containerd 2's image verifier, called before an image is unpacked.

https://github.com/containerd/containerd/blob/main/docs/image-verification.md: `-name`, `-digest`, `-stdin-media-type`, the descriptor as
JSON on standard input; exit status 0 lets the image be used, standard output says why or why not.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from hullmark.cli.host_gate import add_gate_options, gate_of

HELP = "containerd 2's image verifier: say whether an image may be used, or write the program that says so"
_DESCRIPTOR = "application/vnd.oci.descriptor.v1+json"
_LARGEST_DESCRIPTOR = 1 << 20
_LONGEST_REASON = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument("-name", metavar="REFERENCE", default="", help="the image, as containerd was asked for it")
    parser.add_argument("-digest", metavar="DIGEST", default="", help="the digest that the name comes to")
    parser.add_argument("-stdin-media-type", metavar="TYPE", default="", help="what stands on standard input")
    parser.add_argument(
        "--write-verifier", metavar="DIR", help="write the program into containerd's folder of verifiers (bin_dir)"
    )
    add_gate_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """0: the image may be used. The reason stands on standard output."""
    from hullmark.model.errors import HullmarkError

    if arguments.write_verifier:
        return _write(arguments)
    from hullmark.places.gates.docker.judge import Start

    _drain(arguments.stdin_media_type, arguments.digest)
    if not arguments.digest:
        raise HullmarkError("an image without a digest cannot be judged", advice="containerd gives -name and -digest")
    answer = gate_of(arguments).judge(
        Start("(pull)", arguments.name or "image", arguments.digest, None, is_to_start=True)
    )
    sys.stdout.write((answer.reason or "it passes")[:_LONGEST_REASON] + "\n")
    return 0 if answer.is_allowed else 1


def _drain(media_type: str, digest: str) -> None:
    """Read the descriptor: a verifier that leaves it unread may get a broken pipe's signal. One of another digest is refused."""
    from hullmark.model.errors import HullmarkError

    body = sys.stdin.buffer.read(_LARGEST_DESCRIPTOR) if media_type else b""
    if media_type != _DESCRIPTOR:
        return
    import msgspec

    class Descriptor(msgspec.Struct):
        digest: str = ""

    try:
        told = msgspec.json.decode(body, type=Descriptor).digest
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HullmarkError("standard input is not a descriptor", advice="containerd writes it as JSON") from error
    if told and told != digest:
        raise HullmarkError("the descriptor is of another digest", advice="is this containerd?")


def _write(arguments: argparse.Namespace) -> int:
    from hullmark.model.errors import HullmarkError

    path = Path(arguments.write_verifier) / "hullmark"
    more = ["--settings", arguments.settings] if arguments.settings else []
    program = [sys.executable, "-c", "from hullmark.cli import program; program()", "admit", "containerd"]
    command = shlex.join([*program, "--verdicts", arguments.verdicts, *more])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    except OSError as error:
        raise HullmarkError(f"cannot write {path}: {error.strerror}", advice="check the path and its rights") from error
    return 0
