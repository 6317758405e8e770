"""Options about who may sign by a certificate, under the names that cosign has for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.proof.sigstore.signature import IdentityTrust


def add_identity_options(parser: argparse.ArgumentParser) -> None:
    """Whose certificates are trusted, and what may stay unproven."""
    group = parser.add_argument_group("signed by a certificate of Sigstore's (with --trusted-root)")
    for name, what in (("identity", "whom the certificate names"), ("oidc-issuer", "who vouches for that identity")):
        group.add_argument(f"--certificate-{name}", metavar="TEXT", help=f"{what}, exactly")
        group.add_argument(f"--certificate-{name}-regexp", metavar="RE", help=f"{what}: a regular expression that fits")
    for name, what in (
        ("repository", "the repository that was built, by its address or as OWNER/NAME"),
        ("ref", "its branch or tag, as refs/heads/main"),
        ("name", "the workflow's name"),
    ):
        group.add_argument(f"--certificate-github-workflow-{name}", metavar="TEXT", help=what)
    group.add_argument(
        "--insecure-ignore-tlog",
        action="store_true",
        help="do not ask for an entry in a transparency log: without a timestamp, the certificate must be valid now",
    )
    group.add_argument(
        "--insecure-ignore-sct",
        action="store_true",
        help="do not ask for the promise of a log of certificates in the certificate",
    )


def identities_of(arguments: argparse.Namespace) -> IdentityTrust | None:
    """Whose certificates are trusted; None where nobody asked for any. Raises HullmarkError where that is only half said."""
    from hullmark.model.errors import HullmarkError
    from hullmark.proof.sigstore.identity import ExpectedIdentity
    from hullmark.proof.sigstore.signature import IdentityTrust
    from hullmark.proof.sigstore.trusted_root import read_trusted_root

    subject = _build_matcher(arguments, "certificate_identity")
    issuer = _build_matcher(arguments, "certificate_oidc_issuer")
    is_half = (subject is None) != (issuer is None)
    if subject is None or issuer is None:
        if is_half or _names_certificates(arguments):
            raise HullmarkError(
                "an identity is a subject and who vouches for it",
                advice="name both: --certificate-identity TEXT --certificate-oidc-issuer TEXT",
            )
        return None
    if not arguments.trusted_root:
        raise HullmarkError(
            "nobody said by which authorities certificates are checked",
            advice="name --trusted-root FILE, a trusted_root.json of Sigstore's or certificates in PEM",
        )
    expected = ExpectedIdentity(
        subject=subject,
        issuer=issuer,
        repository=_build_matcher(arguments, "certificate_github_workflow_repository"),
        ref=_build_matcher(arguments, "certificate_github_workflow_ref"),
        workflow=_build_matcher(arguments, "certificate_github_workflow_name"),
    )
    root = read_trusted_root(trusted_root_text(arguments.trusted_root).encode(), arguments.trusted_root)
    for clause in root.unusable:
        sys.stderr.write(f"hullmark: {clause}\n")
    return IdentityTrust(
        root=root,
        identities=(expected,),
        ignores_log=arguments.insecure_ignore_tlog,
        ignores_certificate_log=arguments.insecure_ignore_sct,
    )


def trusted_root_text(file: str | None) -> str:
    """A file with a trusted root, as it is written, "" for none. Raises HullmarkError where it is not one."""
    from pathlib import Path

    from hullmark.proof.sigstore.trusted_root import ROOT_LIMIT, read_trusted_root
    from hullmark.scanning.documents import read_bounded

    if not file:
        return ""
    body = read_bounded(Path(file), ROOT_LIMIT)
    read_trusted_root(body, file)
    return body.decode("utf-8", "replace")


def _names_certificates(arguments: argparse.Namespace) -> bool:
    """Whether an option was given that is about certificates alone."""
    names = [name for name in vars(arguments) if name.startswith(("certificate_github_", "insecure_ignore_"))]
    return any(getattr(arguments, name) for name in names)


def _build_matcher(arguments: argparse.Namespace, name: str) -> Callable[[str], bool] | None:
    """What a text must be, by an option or by its twin with a regular expression; None where neither was given. Raises HullmarkError."""
    from hullmark.model.errors import HullmarkError
    from hullmark.policy.regex import compile_pattern

    exact, pattern = getattr(arguments, name), getattr(arguments, f"{name}_regexp", None)
    option = f"--{name.replace('_', '-')}"
    if exact is not None and pattern is not None:
        raise HullmarkError(f"{option} and {option}-regexp exclude each other", advice="name one of them")
    if pattern is not None:
        try:
            return compile_pattern(pattern).is_in
        except ValueError as error:
            raise HullmarkError(f"{option}-regexp: {error}", advice="write it as RE2 has it") from error
    if exact == "":
        raise HullmarkError(f"{option} is empty", advice="write whom you trust")
    return exact.__eq__ if exact is not None else None
