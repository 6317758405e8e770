"""`hullmark admit certificate`: a certificate for the webhook, where no cert-manager makes one."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "--into tls"
HELP = "make a certificate for the webhook of a cluster, and say by whom it is trusted"
_LONGEST, _DIGITS = 3650, 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "--service", metavar="NAME", default="hullmark-gate", help="the webhook's Service (default: hullmark-gate)"
    )
    parser.add_argument(
        "--namespace", "-n", metavar="NAME", default="hullmark", help="its namespace (default: hullmark)"
    )
    parser.add_argument(
        "--host",
        metavar="NAME",
        action="append",
        default=[],
        help="another name or address of it; may be given several times",
    )
    parser.add_argument("--days", metavar="N", type=_days, default=365, help="how long it is good (default: 365)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--into", metavar="DIR", help="write ca.crt, tls.crt and tls.key there")
    where.add_argument(
        "--as-secret",
        metavar="NAME",
        help="print a Secret of this name, for kubectl apply; ca.crt in it is the caBundle",
    )
    parser.add_argument(
        "--patch",
        metavar="FILE",
        action="append",
        default=[],
        help="write the caBundle into the webhook configurations of this manifest; may be given several times",
    )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS) or not 0 < int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, up to {_LONGEST}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Make it, and write or print it."""
    import sys
    from datetime import UTC, datetime

    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.certificates import make_pair, service_names

    names = (*service_names(arguments.service, arguments.namespace), *arguments.host)
    pair = make_pair(names, datetime.now(UTC), arguments.days)
    files = {"ca.crt": pair.authority, "tls.crt": pair.certificate, "tls.key": pair.key}
    try:
        patched = {Path(name): _patch(Path(name), pair.authority) for name in arguments.patch}
        if arguments.into:
            _write(Path(arguments.into), files)
        else:
            sys.stdout.write(_secret(arguments.as_secret, arguments.namespace, files))
        # Only now: manifests must not name an authority whose key was never written.
        for path, text in patched.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HullmarkError(f"cannot write {error.filename}: {error.strerror}", advice="check the path") from error
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    """Each file whole; the key for its owner alone, and before its certificate."""
    import os

    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ca.crt", "tls.key", "tls.crt"):
        mode = 0o600 if name.endswith(".key") else 0o644
        fresh = folder / f".{name}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
            file.write(files[name])
        fresh.replace(folder / name)


def _secret(name: str, namespace: str, files: dict[str, str]) -> str:
    import base64

    import yaml

    data = {file: base64.b64encode(text.encode()).decode() for file, text in files.items()}
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }
    return str(yaml.safe_dump(document, sort_keys=False))


def _patch(file: Path, authority: str) -> str:
    """A manifest with the caBundle of every webhook that names one. Comments and order stay."""
    import base64
    import re

    from hullmark.model.errors import HullmarkError

    bundle = base64.b64encode(authority.encode()).decode()
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HullmarkError(f"{file} is not text", advice="it must be UTF-8") from error
    patched, count = re.subn(
        r"^(\s*(?:- )?caBundle:)[^\n]*$", lambda found: f"{found[1]} {bundle}", text, flags=re.MULTILINE
    )
    if not count:
        raise HullmarkError(
            f"{file} has no caBundle",
            advice="name a manifest of webhook configurations, as deploy/kubernetes/gate.yaml",
        )
    return patched
