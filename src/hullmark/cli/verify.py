"""`hullmark verify`: is there a signed verdict that lets this image be deployed?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.check import add_judging
from hullmark.cli.identities import add_identity_options, identities_of
from hullmark.cli.settings import (
    SOURCES,
    Settings,
    add_advisory_options,
    add_policy_options,
    add_scanner_options,
    add_secret_options,
    add_source_options,
    moment,
    settings_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from hullmark.app.verify import Verification
    from hullmark.policy.languages import AnyPolicy

NAME = "verify"
HELP = "verify the signed verdict on an image, offline too"
EPILOG = (
    SOURCES
    + """
With --bundle, SOURCE may be a digest alone. Of several verdicts only the newest counts, whatever the older ones say.
"""
)

_EXIT = {"go": 0, "warn": 0, "stop": 1, "unknown": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("source", metavar="SOURCE|DIGEST", help="the image (see below), or its digest")
    parser.add_argument(
        "--key",
        metavar="FILE",
        action="append",
        default=[],
        help="public keys in PEM to trust; may be given several times",
    )
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        action="append",
        default=[],
        help="a file with the signed verdict: a Sigstore bundle or a DSSE envelope (default: what is beside the image)",
    )
    parser.add_argument("--policy", metavar="FILE|DIR", help="the policy that must have judged")
    parser.add_argument("--at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z")
    parser.add_argument("--not-before", metavar="TIME", help="refuse verdicts older than this")
    parser.add_argument(
        "--memory",
        metavar="FILE",
        help="where the newest verdict of each image is remembered, so that no older one is believed later; none: nowhere",
    )
    parser.add_argument("--recompute", action="store_true", help="judge the image again, and compare byte for byte")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT",
        default="table",
        choices=("table", "json"),
        help="table or json (default: table)",
    )
    add_identity_options(parser)
    add_judging(parser)
    add_policy_options(parser)
    add_advisory_options(parser)
    add_secret_options(parser)
    add_scanner_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify; the exit status is that of the verdict, 3 where statements beside the image were not seen."""
    from hullmark.app.signers import keys_in
    from hullmark.app.verify import VerificationRequest, verify
    from hullmark.cli.check import policy_of
    from hullmark.model.errors import HullmarkError

    settings = settings_of(arguments)
    identities = identities_of(arguments)
    if not arguments.key and identities is None:
        raise HullmarkError(
            "no key is named to verify the verdict with, and no identity",
            advice="name a public key with --key FILE, or --certificate-identity, --certificate-oidc-issuer and --trusted-root",
        )
    policy = policy_of(settings, arguments.policy, None) if arguments.policy else None
    request = VerificationRequest(
        source=arguments.source,
        keys=keys_in(tuple(map(Path, arguments.key))),
        identities=identities,
        now=moment(arguments.at),
        bundles=tuple(map(Path, arguments.bundle)),
        policy=policy.digest if policy is not None else "",
        not_before=moment(arguments.not_before, "--not-before") if arguments.not_before else None,
        memory=_memory(arguments, settings),
    )
    verification = verify(request, settings.source_options())
    if arguments.recompute:
        _recompute(arguments, settings, policy, verification)
    _print(arguments, verification)
    status = _EXIT[verification.verified.statement.own.verdict.value]
    return 3 if status == 0 and verification.unseen else status


def _memory(arguments: argparse.Namespace, settings: Settings) -> Path | None:
    """Where verdicts are remembered. Another moment than now neither asks nor fills it, unless a file is named."""
    if arguments.memory:
        return None if arguments.memory == "none" else Path(arguments.memory)
    return None if arguments.at else settings.memory_of_verdicts()


def _recompute(
    arguments: argparse.Namespace, settings: Settings, policy: AnyPolicy | None, verification: Verification
) -> None:
    from msgspec.structs import replace

    from hullmark.app.check import judge
    from hullmark.app.verify import options_of, recompute
    from hullmark.cli.check import build_check_options, open_snapshot_for
    from hullmark.model.digest import is_digest
    from hullmark.model.errors import HullmarkError

    if policy is None or is_digest(arguments.source):
        raise HullmarkError("to judge again takes the image and the policy", advice="name both: SOURCE --policy FILE")
    statement = verification.verified.statement
    options = options_of(statement, build_check_options(arguments))
    with open_snapshot_for(settings, policy, options, _known_at(arguments, statement.at)) as snapshot:
        options = replace(options, advisories=snapshot)
        judged = judge(arguments.source, policy, statement.at, settings.means(), settings.source_options(), options)
    recompute(statement, judged, options)


def _known_at(arguments: argparse.Namespace, at: datetime) -> datetime | None:
    """Unless advisories are named, those count that were in use when the verdict was made."""
    return None if arguments.snapshot or arguments.advisories else at


def _print(arguments: argparse.Namespace, verification: Verification) -> None:
    statement, signer = verification.verified.statement, verification.verified.signer
    own = statement.own
    from hullmark.proof.verdict_statement import in_text
    from hullmark.report.terminal import safe

    for clause in verification.unseen:
        sys.stderr.write(f"hullmark: not all statements beside the image were seen: {safe(clause)}\n")
    certified = verification.verified.by_certificate
    for clause in certified.unproven if certified is not None else ():
        sys.stderr.write(f"hullmark: not proven: {safe(clause)}\n")
    for clause in verification.unreadable:
        sys.stderr.write(f"hullmark: left out: {safe(clause)}\n")
    if arguments.output == "json":
        import msgspec

        document = {
            "digest": verification.digest,
            "expires": in_text(statement.expires),
            "policy": own.policy,
            "reason": own.reason,
            "recomputed": bool(arguments.recompute),
            "resource": statement.resource,
            "schema": "hullmark-verification/1",
            "signed_at": [in_text(time) for time in certified.times] if certified is not None else [],
            "signer": signer,
            "snapshot": own.snapshot,
            "time_verified": in_text(statement.at),
            "unproven": list(certified.unproven) if certified is not None else [],
            "unseen": list(verification.unseen),
            "verdict": own.verdict.value,
        }
        sys.stdout.buffer.write(msgspec.json.encode(document, order="sorted") + b"\n")
        sys.stdout.flush()
        return
    again = ", recomputed byte for byte" if arguments.recompute else ""
    sys.stdout.write(f"{own.verdict.value}: {safe(own.reason)}\n")
    sys.stdout.write(f"image     {verification.digest}\npolicy    {own.policy}\nsnapshot  {own.snapshot or 'none'}\n")
    signed_at = f", at {in_text(certified.times[0])}" if certified is not None and certified.times else ""
    sys.stdout.write(f"signed by {safe(signer)}{signed_at}{again}\n")
    sys.stdout.write(f"judged    {in_text(statement.at)}, valid until {in_text(statement.expires)}\n")
