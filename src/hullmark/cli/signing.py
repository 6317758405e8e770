"""`hullmark check --sign`: verdicts as signed statements, in files and beside their images."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.app.check import CheckOptions, CheckResult
    from hullmark.cli.settings import Settings
    from hullmark.proof.bundle import SignedBundle

KEYLESS = "keyless"
"""What `--sign` says for a signature by an identity."""

_AUDIENCE = "sigstore"
_TOKEN = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the name of a variable
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def add_signing_options(parser: argparse.ArgumentParser) -> None:
    """The options of signed verdicts."""
    group = parser.add_argument_group("signed verdicts")
    group.add_argument(
        "--sign",
        metavar="KEY",
        help="sign the verdict with a private key (PEM, or one of cosign's; its password in HULLMARK_KEY_PASSWORD), "
        "with 'exec:PROGRAM', which signs with a key that it keeps, or 'keyless': by an identity, at Sigstore's services",
    )
    for service, what in (
        ("fulcio", "issues the certificate"),
        ("rekor", "takes the signature down, for everybody to see"),
    ):
        group.add_argument(f"--{service}-url", metavar="URL", help=f"with --sign keyless: the service that {what}")
    group.add_argument(
        "--identity-token",
        metavar="FILE",
        help="with --sign keyless: the OpenID token that proves the identity (default: SIGSTORE_ID_TOKEN, else the GitHub job's own)",
    )
    group.add_argument("--attach", action="store_true", help="put the signed verdict beside the image in its registry")
    group.add_argument("--attestation", metavar="FILE", help="write the signed verdict into a file, a Sigstore bundle")
    group.add_argument(
        "--valid-for",
        metavar="TIME",
        default="7d",
        help="how long the signed verdict holds, as 12h or 7d (default: 7d)",
    )


class VerdictSigning:
    """Signs the verdicts of one run. Made before anything is judged, so that a wrong key costs nothing."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings) -> None:
        from hullmark.app.signers import signer_named
        from hullmark.app.statements import by_key
        from hullmark.model.errors import HullmarkError

        self._attaches: bool = arguments.attach
        self._file: str = arguments.attestation or ""
        self._settings = settings
        if not self._attaches and not self._file:
            raise HullmarkError("nobody gets the signed verdict", advice="add --attach, --attestation FILE or both")
        if self._file and len(arguments.source) > 1:
            raise HullmarkError("--attestation FILE takes the verdict of one SOURCE", advice="sign one at a time")
        self._valid_for = lifetime(arguments.valid_for)
        self._sign: Callable[[bytes], SignedBundle] = (
            _keyless(arguments, settings)
            if arguments.sign == KEYLESS
            else by_key(signer_named(arguments.sign, settings.environment))
        )

    def sign(self, source: str, result: CheckResult, options: CheckOptions) -> None:
        """Sign a verdict, write and attach it. Raises HullmarkError."""
        from hullmark.app.repositories import place_of
        from hullmark.app.statements import StatementPlace, attach_verdict, sign_verdict

        repository = place_of(source, result.inventory.source, self._settings.source_options(), attaches=self._attaches)
        place = StatementPlace(repository=repository, valid_for=self._valid_for)
        signed = sign_verdict(result.verdict, result.inventory.source, self._sign, place, options)
        if self._file:
            _write(Path(self._file), signed.bundle + b"\n")
        if self._attaches and repository is not None:
            attach_verdict(signed, repository)


def signing_of(arguments: argparse.Namespace, settings: Settings) -> VerdictSigning | None:
    """How this run's verdicts are signed; None where they are not. Raises HullmarkError."""
    from hullmark.model.errors import HullmarkError

    if arguments.sign:
        return VerdictSigning(arguments, settings)
    if arguments.attach or arguments.attestation:
        raise HullmarkError("a verdict that is handed on has to be signed", advice="name a private key: --sign KEY")
    return None


def _keyless(arguments: argparse.Namespace, settings: Settings) -> Callable[[bytes], SignedBundle]:
    """Signs at the services that are named. Raises HullmarkError where one is not, or nobody says who signs."""
    from datetime import UTC

    from hullmark.app.keyless import KeylessSigning, sign_keyless, token_in
    from hullmark.cli.identities import trusted_root_text
    from hullmark.cli.remote.workload_login import workload_token
    from hullmark.model.errors import HullmarkError
    from hullmark.net.http import Client
    from hullmark.proof.sigstore.trusted_root import read_trusted_root
    from hullmark.source.distribution import http_settings

    if not arguments.fulcio_url or not arguments.rekor_url:
        raise HullmarkError(
            "nobody said at which services to sign",
            advice="name --fulcio-url and --rekor-url: what is signed there stays in a log that everybody can read",
        )
    file, root = arguments.identity_token, trusted_root_text(arguments.trusted_root)
    token = token_in(Path(file)) if file else workload_token(settings, _AUDIENCE, _TOKEN)
    where = KeylessSigning(
        fulcio=arguments.fulcio_url.rstrip("/"),
        rekor=arguments.rekor_url.rstrip("/"),
        token=token,
        root=read_trusted_root(root.encode(), arguments.trusted_root) if root else None,
    )
    client = Client(http_settings(settings.source_options()))
    return lambda statement: sign_keyless(statement, where, client, datetime.now(UTC))


def lifetime(text: str) -> timedelta:
    """A span of time, as 12h or 7d. Raises HullmarkError."""
    from hullmark.model.errors import HullmarkError

    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal() or len(number) > 6 or not int(number):
        raise HullmarkError(f"{text[:40]!r} is not a span of time", advice="write it as 12h, 7d or 4w")
    return timedelta(seconds=int(number) * _UNITS[unit])


def in_whole_seconds(now: datetime) -> datetime:
    """The moment as statements name it."""
    return now.replace(microsecond=0)


def _write(path: Path, body: bytes) -> None:
    from hullmark.model.errors import HullmarkError

    try:
        path.write_bytes(body)
    except OSError as error:
        raise HullmarkError(f"cannot write {path}: {error.strerror}", advice="check the path") from error
