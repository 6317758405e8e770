"""May this image be deployed, by a verdict that somebody signed? Nothing is judged again, unless that is asked for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from hullmark.app.check import CheckOptions, CheckResult
from hullmark.app.repositories import repository_of
from hullmark.app.statements import bundles_at, bundles_in, circumstances_of, digest_of_trust, state
from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.proof.bundle import Bundle
from hullmark.proof.dsse import Key
from hullmark.proof.sigstore.signature import IdentityTrust
from hullmark.proof.verdict_statement import VerdictStatement, in_text, moment_in
from hullmark.proof.verification import Expectations, NotProven, VerifiedStatement, verify_newest
from hullmark.source import SourceOptions, classify, open_image
from hullmark.source.manifest import Descriptor

_MEMORY_LIMIT = Limit(64 << 20, "bytes of what is remembered of verdicts that were verified", "refused")
_MOST_KNOWN = Limit(100_000, "verdicts that are remembered as the newest of their image", "refused")


class VerificationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to verify. `source` is an image or a digest, `bundles` are files with statements (none: those beside the image).

    `policy` is the digest of the policy that must have judged ("": any), `memory` the file in which the newest verdict of each image is
    remembered (None: nothing is). `identities` are trusted besides `keys`.
    """

    source: str
    keys: tuple[Key, ...]
    now: datetime
    identities: IdentityTrust | None = None
    bundles: tuple[Path, ...] = ()
    policy: str = ""
    not_before: datetime | None = None
    memory: Path | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that may be believed: of what digest, by whom. `unseen` is what beside the image was not looked at: clauses."""

    digest: str
    verified: VerifiedStatement
    unseen: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


class NotReproduced(NotProven):
    """Judged again, the verdict is another one."""


def verify(request: VerificationRequest, options: SourceOptions) -> Verification:
    """Find the newest verdict that may be believed. Raises NotProven where there is none, HullmarkError for what cannot be asked."""
    subjects = _subjects(request, options)
    unseen: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    if request.bundles:
        bundles: tuple[Bundle, ...] = tuple(bundle for file in request.bundles for bundle in bundles_in(file))
    else:
        attached = bundles_at(repository_of(request.source, options), subjects)
        bundles, unseen, unreadable = attached.bundles, attached.unseen, attached.unreadable
    memory = _Memory(request.memory)
    expected = Expectations(
        keys=request.keys,
        identities=request.identities,
        subjects=subjects,
        now=request.now,
        policy=request.policy,
        not_before=request.not_before,
        newest_known=memory.newest(subjects, request.policy),
    )
    verified = verify_newest(bundles, expected)
    memory.note(subjects, request.policy, verified.statement.at)
    return Verification(digest=subjects[0], verified=verified, unseen=unseen, unreadable=unreadable)


def _subjects(request: VerificationRequest, options: SourceOptions) -> tuple[str, ...]:
    """The digests that stand for the image: of its manifest, and of the index that its reference names."""
    if is_digest(request.source):
        if not request.bundles:
            raise HullmarkError("a digest does not say where its statements are", advice="name a file with --bundle")
        return (request.source,)
    scheme, rest = classify(request.source)
    if scheme in ("registry", "image") and not request.bundles:
        scheme = "registry"
    image = open_image(f"registry:{rest}" if scheme == "registry" else request.source, options)
    if not image.digest:
        raise HullmarkError("the image has no manifest: no digest stands for it", advice="name its digest instead")
    return tuple(dict.fromkeys(filter(None, (image.digest, image.index_digest))))


class _Memory:
    """When the newest verdict of each image was made that was ever verified here, so that no older one is believed again."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def newest(self, subjects: tuple[str, ...], policy: str) -> datetime | None:
        """The time of the newest that is known."""
        known = self._read()
        times = [known[name] for name in _names(subjects, policy) if name in known]
        return max(map(moment_in, times), default=None)

    def note(self, subjects: tuple[str, ...], policy: str, at: datetime) -> None:
        """Remember a verdict. Raises HullmarkError where that cannot be written: what is forgotten could be replayed."""
        if self._file is None:
            return
        known = {**self._read(), **dict.fromkeys(_names(subjects, policy), in_text(at))}
        if len(known) > _MOST_KNOWN:
            known = dict(sorted(known.items(), key=lambda pair: pair[1])[len(known) - _MOST_KNOWN :])
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_name(f"{self._file.name}.new")
            temporary.write_bytes(msgspec.json.encode(known, order="sorted"))
            temporary.replace(self._file)
        except OSError as error:
            raise HullmarkError(
                f"the verdict cannot be remembered in {self._file}: {error.strerror}",
                advice="give a file that can be written with --memory, or --memory none and --not-before TIME",
            ) from error

    def _read(self) -> dict[str, str]:
        if self._file is None or not self._file.exists():
            return {}
        try:
            with self._file.open("rb") as stream:
                known = msgspec.json.decode(stream.read(_MEMORY_LIMIT), type=dict[str, str])
            for time in known.values():
                moment_in(time)
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError, HullmarkError) as error:
            raise HullmarkError(
                f"{self._file}, which remembers verdicts, cannot be read", advice="remove it, if you know why"
            ) from error
        return known


def _names(subjects: tuple[str, ...], policy: str) -> tuple[str, ...]:
    return tuple(f"{subject} {policy}".strip() for subject in subjects)


def recompute(statement: VerdictStatement, judged: CheckResult, check_options: CheckOptions) -> None:
    """Raise NotReproduced unless judging again gave this very statement, byte for byte. It says what differs first."""
    digests = tuple(f"{name}:{value}" for subject in statement.subjects for name, value in subject.digest.items())
    subjects = tuple(Descriptor(digest, 0) for digest in digests)
    name = statement.subjects[0].name if statement.subjects else ""
    circumstances = circumstances_of(check_options, judged.inventory.source)
    # The reference is one of the named inputs: a copy of the image is judged under the name that the original had.
    payload = state(judged.verdict, subjects, name, statement.expires, circumstances)
    if payload != statement.payload:
        raise NotReproduced(
            f"judged again, the statement is another one: {_difference(statement, judged, check_options)}",
            advice="name the same policy, advisories and options as the statement does",
        )


def options_of(statement: VerdictStatement, options: CheckOptions) -> CheckOptions:
    """The options by which a statement is recomputed: those that were given, with what the statement says of the others."""
    circumstances = statement.own.circumstances
    # The trusted root that the signer is checked by may not be one that rules were judged by.
    trusted_root = options.trusted_root if digest_of_trust(options) == circumstances.trusted_keys else ""
    return msgspec.structs.replace(
        options,
        trusted_root=trusted_root,
        tag=circumstances.reference if options.tag is None else options.tag,
        environment=options.environment or circumstances.environment,
        profile=circumstances.profile,
        signatures=statement.own.signatures,
    )


def _difference(statement: VerdictStatement, judged: CheckResult, check_options: CheckOptions) -> str:
    own, inputs = statement.own, judged.verdict.inputs
    if own.signatures is msgspec.UNSET and inputs.signatures is not msgspec.UNSET:
        return "it does not name the signatures that the policy's rules ask for, as older programs wrote it"
    now = circumstances_of(check_options, judged.inventory.source)
    pairs: tuple[tuple[str, object, object], ...] = (
        ("the image", own.image, inputs.image),
        ("the policy", own.policy, inputs.policy),
        ("the advisories", own.snapshot, inputs.snapshot),
        ("the program", own.analyzer, inputs.analyzer),
        ("the circumstances", own.circumstances, now),
        ("the verdict", own.verdict.value, judged.verdict.verdict.value),
        ("the reason", own.reason, judged.verdict.reason),
    )
    for what, then, again in pairs:
        if then != again:
            return f"{what} was {then}, and is {again}"
    return "its findings differ"
