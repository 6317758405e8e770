"""Gate `secrets`: passwords, tokens and keys in files of all layers and in the image's settings. Their values are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.advisory import SEVERITY_RANK, Severity
from hullmark.model.secret import Secret
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob


class SecretFindings(Params, frozen=True, kw_only=True):
    """Fires for each secret in a file (including files that a later layer deletes) and in variables, labels, commands and history."""

    severity: Annotated[Severity, Meta(description="The lowest severity that counts.")] = "unknown"
    kinds: Annotated[tuple[NameGlob, ...], Meta(description="Only these kinds; none: all.")] = ()
    allow_kinds: Annotated[tuple[NameGlob, ...], Meta(description="Kinds that do not count.")] = ()
    places: Annotated[
        tuple[Literal["file", "env", "label", "history", "command"], ...],
        Meta(description="Only in these places; none: everywhere."),
    ] = ()
    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only secrets in these files; none: all.")] = ()
    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")] = ()
    allow_digests: Annotated[
        tuple[str, ...],
        Meta(description="Secrets that do not count, by their digests from `hullmark secrets -o json`."),
    ] = ()
    in_tests: Annotated[
        bool,
        Meta(description="Whether secrets in tests, documentation of packages and the like count, too."),
    ] = False


def check_findings(params: SecretFindings, facts: Facts) -> Iterator[Answer]:
    """Check what the search found."""
    wanted, left_out = PathGlobs(params.paths), PathGlobs(params.allow)
    for secret in facts.secrets or ():
        if not _counts(params, secret):
            continue
        if secret.place == "file" and (left_out.match(secret.path) or (params.paths and not wanted.match(secret.path))):
            continue
        yield Violation(_subject(secret), _message(secret), (facts.at(secret.path, secret.layer, _where(secret)),))
    for problem in facts.inventory.problems:
        if problem.is_open and problem.room.startswith("secrets") and not left_out.match(problem.path):
            yield CannotTell(f"not all secrets in {problem.path or 'the image'} are known: {problem.reason}")


def _counts(params: SecretFindings, secret: Secret) -> bool:
    if secret.allowed and not params.in_tests:
        return False
    if SEVERITY_RANK[secret.severity] < SEVERITY_RANK[params.severity] or secret.digest in params.allow_digests:
        return False
    if params.places and secret.place not in params.places:
        return False
    if params.kinds and not any(glob.matches(secret.kind) for glob in params.kinds):
        return False
    return not any(glob.matches(secret.kind) for glob in params.allow_kinds)


def _subject(secret: Secret) -> str:
    place = secret.path if secret.place == "file" else f"{secret.place}:{secret.name}"
    layer = f"@{secret.layer}" if secret.is_ghost else ""
    return f"{place}#{secret.kind}:{secret.digest}{layer}"


def _where(secret: Secret) -> str:
    return f"line {secret.line}" if secret.place == "file" else f"{secret.place} {secret.name}"


def _message(secret: Secret) -> str:
    if secret.place != "file":
        kind = {"env": "variable", "label": "label", "history": "history, at", "command": "command"}[secret.place]
        return f"The image's {kind} {secret.name} holds a secret ({secret.title})."
    deleted = ", which a later layer deletes or replaces," if secret.is_ghost else ""
    return f"The file {secret.path}{deleted} holds a secret ({secret.title}) on line {secret.line}."


def _remove(params: SecretFindings, subject: str) -> str:
    place = subject.partition("#")[0]
    return f"build without the secret in {place} in any layer, hand it over when the container starts, and replace it"


TRIGGERS = (
    Trigger(
        gate="secrets",
        name="found",
        params=SecretFindings,
        check=check_findings,
        needs=frozenset((Need.SECRETS,)),
        advice=_remove,
    ),
)
