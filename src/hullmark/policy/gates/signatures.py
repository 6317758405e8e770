"""Gate `signatures`: who signed an image, who built it, from which source, and how well that is proven.

Only signatures by a trusted key, or by a trusted identity with a certificate, count. If a document beside the image could not be checked,
and the checked ones are not enough, the rules cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from hullmark.model.errors import HullmarkError
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.signature_diff import NOT_CHECKED
from hullmark.policy.values import NameGlob
from hullmark.proof.claims import Claim, Proof, TrustRoots, proof_of
from hullmark.proof.deadlines import deadlines_of
from hullmark.proof.dsse import Key, read_keys
from hullmark.proof.notation import read_certificates
from hullmark.proof.sigstore.identity import ExpectedIdentity
from hullmark.proof.sigstore.signature import IdentityTrust
from hullmark.proof.sigstore.trusted_root import ROOT_LIMIT, TrustedRoot, read_trusted_root

_SUBJECT = "image"
_SHOWN = 3
_FORMATS = {"cyclonedx": "CycloneDX", "spdx": "SPDX"}

Keys = Annotated[
    tuple[str, ...],
    Meta(
        description="Public keys in PEM that are trusted; none: those of --trusted-keys, unless identities are named."
    ),
]


class Identity(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A signer identified by a Sigstore certificate (keyless signing)."""

    subject: Annotated[NameGlob, Meta(description="A mail address or the URL of a workflow, as in the certificate.")]
    issuer: Annotated[NameGlob, Meta(description="The OpenID provider that authenticated the subject.")]
    repository: Annotated[
        NameGlob | None, Meta(description="The repository that was built, such as https://git.example/acme/shop.")
    ] = None
    ref: Annotated[NameGlob | None, Meta(description="Its branch or tag, such as refs/heads/main.")] = None
    workflow: Annotated[NameGlob | None, Meta(description="The workflow's name.")] = None

    @property
    def expected(self) -> ExpectedIdentity:
        """In the form that certificates are compared with."""
        return ExpectedIdentity(
            subject=self.subject.matches,
            issuer=self.issuer.matches,
            repository=self.repository.matches if self.repository is not None else None,
            ref=self.ref.matches if self.ref is not None else None,
            workflow=self.workflow.matches if self.workflow is not None else None,
        )


class TrustParams(Params, frozen=True, kw_only=True):
    """Whom a rule trusts."""

    keys: Keys = ()
    identities: Annotated[
        tuple[Identity, ...],
        Meta(
            description="Whose certificates count, by a trusted root of Sigstore's: `subject` and `issuer` of each, and if wanted "
            "`repository`, `ref`, `workflow`; * for any text."
        ),
    ] = ()
    trusted_root: Annotated[
        str,
        Meta(
            description="A trusted_root.json, or certificates of authorities in PEM; none: that of --trusted-root.",
            max_length=int(ROOT_LIMIT),
        ),
    ] = ""
    transparency_log: Annotated[
        Literal["required", "ignored"],
        Meta(description="Whether signatures by certificates must be in a transparency log of the trusted root."),
    ] = "required"

    def __post_init__(self) -> None:
        if not self.identities and (self.trusted_root or self.transparency_log != "required"):
            raise ValueError(
                "expected identities beside trusted_root and transparency_log: they are about certificates"
            )
        try:
            for text in self.keys:
                read_keys(text.encode(), "keys")
            if self.trusted_root:
                _root_in(self.trusted_root)
        except HullmarkError as error:
            raise ValueError(str(error)) from error


class SignedBy(TrustParams, frozen=True, kw_only=True):
    """Fires unless enough of the trusted keys and identities signed the image: with cosign, with the Notary Project's tools, or in an
    attestation.
    """

    least: Annotated[
        int, Meta(ge=1, le=16, description="How many different keys, or identities, must have signed.")
    ] = 1
    authorities: Annotated[
        tuple[str, ...],
        Meta(description="Certificates in PEM at which the chains of the Notary Project's signatures must end."),
    ] = ()
    attestations: Annotated[bool, Meta(description="Whether a signed statement about the image counts as well.")] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.authorities:
            try:
                read_certificates(text.encode(), "authorities")
            except HullmarkError as error:
                raise ValueError(str(error)) from error


class BuiltBy(TrustParams, frozen=True, kw_only=True):
    """Fires unless SLSA provenance signed by a trusted key or identity names one of the builders."""

    builders: Annotated[tuple[NameGlob, ...], Meta(min_length=1, description="Builders by their ids, * for any text.")]


class Source(TrustParams, frozen=True, kw_only=True):
    """Fires unless SLSA provenance signed by a trusted key or identity names a source in one of the repositories."""

    repositories: Annotated[
        tuple[NameGlob, ...],
        Meta(min_length=1, description="URLs of repositories as in provenance, such as git+https://git.example/*."),
    ]


class ProvenanceLevel(TrustParams, frozen=True, kw_only=True):
    """Fires unless the image reaches an SLSA level: by a verification summary signed by a trusted key or identity, or by provenance of a
    builder whose level is known. Provenance of any other builder counts as level 1.
    """

    least: Annotated[int, Meta(ge=1, le=4, description="The lowest sufficient level.")]
    track: Annotated[Literal["build", "source"], Meta(description="The SLSA track.")] = "build"
    builders: Annotated[
        dict[str, Annotated[int, Meta(ge=1, le=4)]],
        Meta(description="The build levels of builders, by their ids, * for any text."),
    ] = field(default_factory=dict)


class AttestedSbom(TrustParams, frozen=True, kw_only=True):
    """Fires unless a trusted key or identity attested a bill of materials of the image, in the form written by cosign attest and docker's
    builds.
    """

    formats: Annotated[
        tuple[Literal["cyclonedx", "spdx"], ...], Meta(description="Only in one of these formats; none: in any.")
    ] = ()


def signed_by(params: SignedBy, facts: Facts) -> Iterator[Answer]:
    """Count the trusted keys that signed."""

    def enough(proof: Proof) -> bool:
        claims = (claim for claim in proof.claims if params.attestations or claim.kind == "signature")
        return len({claim.signer for claim in claims}) >= params.least

    one, more = ("a trusted key or identity", "keys or identities") if params.identities else ("a trusted key", "keys")
    many = one if params.least == 1 else f"{params.least} trusted {more}"
    yield from _unless(params, facts, enough, f"The image is not signed by {many}.")


def built_by(params: BuiltBy, facts: Facts) -> Iterator[Answer]:
    """Look for provenance of a builder."""

    def enough(proof: Proof) -> bool:
        return any(glob.matches(claim.builder) for claim in _provenance(proof) for glob in params.builders)

    found = _describe_provenance(facts, params, lambda claim: (claim.builder,))
    yield from _unless(params, facts, enough, f"It is not proven that one of the builders built the image{found}.")


def source(params: Source, facts: Facts) -> Iterator[Answer]:
    """Look for provenance from a repository."""

    def enough(proof: Proof) -> bool:
        return any(
            glob.matches(uri)
            for claim in _provenance(proof)
            for uri in claim.sources[:1]
            for glob in params.repositories
        )

    found = _describe_provenance(facts, params, lambda claim: claim.sources[:1])
    yield from _unless(
        params, facts, enough, f"It is not proven that the image was built from one of the repositories{found}."
    )


def provenance_level(params: ProvenanceLevel, facts: Facts) -> Iterator[Answer]:
    """Find the highest level that is proven."""

    def enough(proof: Proof) -> bool:
        return max((_level(params, claim) for claim in proof.claims), default=0) >= params.least

    message = f"It is not proven that the image reaches SLSA {params.track} level {params.least}."
    yield from _unless(params, facts, enough, message)


def attested_sbom(params: AttestedSbom, facts: Facts) -> Iterator[Answer]:
    """Look for a bill of materials."""

    def enough(proof: Proof) -> bool:
        bills = [claim.predicate_type.lower() for claim in proof.claims if claim.kind == "bill"]
        return any(not params.formats or any(name in kind for name in params.formats) for kind in bills)

    form = f" in {' or '.join(_FORMATS[name] for name in params.formats)}" if params.formats else ""
    who = "a trusted key or identity" if params.identities else "a trusted key"
    yield from _unless(params, facts, enough, f"No bill of materials of the image{form} is attested by {who}.")


def _level(params: ProvenanceLevel, claim: Claim) -> int:
    if claim.kind == "summary":
        return claim.build_level if params.track == "build" else claim.source_level
    if claim.kind != "provenance" or params.track != "build":
        return 0
    return max((level for name, level in params.builders.items() if NameGlob(name).matches(claim.builder)), default=1)


def _provenance(proof: Proof) -> tuple[Claim, ...]:
    return tuple(claim for claim in proof.claims if claim.kind == "provenance")


def _describe_provenance(facts: Facts, params: TrustParams, told: Callable[[Claim], tuple[str, ...]]) -> str:
    """What the proven provenance names instead, as words that end a sentence."""
    roots = _roots(params, facts)
    if roots is None or facts.signatures is None:
        return ""
    found = {text for claim in _provenance(proof_of(facts.signatures, roots, facts.now)) for text in told(claim)}
    return f" (it says {', '.join(sorted(found)[:_SHOWN])})" if found else ""


def _roots(params: TrustParams, facts: Facts) -> TrustRoots | None:
    return roots_of(params, facts.trusted_keys, facts.trusted_root)


def roots_of(params: TrustParams, trusted_keys: tuple[str, ...] = (), trusted_root: str = "") -> TrustRoots | None:
    """Whom a rule with these parameters trusts; None if nobody is named. `trusted_keys` (PEM) and `trusted_root` come from outside the
    policy.
    """
    texts = params.keys or (() if params.identities else trusted_keys)
    keys: tuple[Key, ...] = tuple(key for text in texts for key in read_keys(text.encode(), "keys"))
    authorities = params.authorities if isinstance(params, SignedBy) else ()
    if not keys and not authorities and not params.identities:
        return None
    certificates = read_certificates("\n".join(authorities).encode(), "authorities") if authorities else None
    root = params.trusted_root or trusted_root
    identities = None
    if params.identities and root:
        identities = IdentityTrust(
            root=_root_in(root),
            identities=tuple(identity.expected for identity in params.identities),
            ignores_log=params.transparency_log == "ignored",
        )
    lacks_root = bool(params.identities) and identities is None
    return TrustRoots(keys=keys, certificates=certificates, identities=identities, lacks_root=lacks_root)


@lru_cache(maxsize=8)
def _root_in(text: str) -> TrustedRoot:
    """A trusted root, parsed once for all rules that name it."""
    return read_trusted_root(text.encode(), "the trusted root")


def _unless(params: TrustParams, facts: Facts, enough: Callable[[Proof], bool], message: str) -> Iterator[Answer]:
    """No answer if the proof is enough; otherwise a violation or, if something could not be checked, that the rule cannot be judged."""
    roots = _roots(params, facts)
    if roots is None:
        yield CannotTell("no keys are named to verify signatures with (keys, or --trusted-keys)", subject=_SUBJECT)
        return
    if roots.lacks_root and not roots.keys and roots.certificates is None:
        reason = "no trusted root is named to check certificates by (trusted_root, or --trusted-root)"
        yield CannotTell(reason, subject=_SUBJECT)
        return
    if facts.signatures is None:
        return
    proof = proof_of(facts.signatures, roots, facts.now)
    if enough(proof):
        return
    if proof.unchecked:
        reason = f"{NOT_CHECKED}: {proof.unchecked[0]}"
        yield CannotTell(reason, subject=_SUBJECT)
        return
    yield Violation(_SUBJECT, message)


def _sign(params: TrustParams, subject: str) -> str:
    who = "by an identity or with a key that is trusted" if params.identities else "with a key that is trusted"
    return f"have the image signed {who}, as cosign sign does it"


def _attest(params: TrustParams, subject: str) -> str:
    return "have the builder attest SLSA provenance with a key that is trusted, as cosign attest does it"


def _attest_sbom(params: TrustParams, subject: str) -> str:
    return "attest a bill of materials with a key that is trusted: hullmark scan -o cyclonedx-json, then cosign attest --type cyclonedx"


def _deadlines(params: TrustParams, facts: Facts) -> Iterator[datetime]:
    """The times at which signatures by the Notary Project's tools begin or cease to count, and those at which certificate signatures
    without a proven time do.
    """
    for document in facts.signatures.documents if facts.signatures is not None else ():
        yield from deadlines_of(document, ignores_log=params.transparency_log == "ignored")


_NEEDS = frozenset((Need.SIGNATURES,))

TRIGGERS = (
    Trigger(
        gate="signatures",
        name="signed_by",
        params=SignedBy,
        check=signed_by,
        needs=_NEEDS,
        advice=_sign,
        deadlines=_deadlines,
    ),
    Trigger(
        gate="signatures",
        name="built_by",
        params=BuiltBy,
        check=built_by,
        needs=_NEEDS,
        advice=_attest,
        deadlines=_deadlines,
    ),
    Trigger(
        gate="signatures",
        name="source",
        params=Source,
        check=source,
        needs=_NEEDS,
        advice=_attest,
        deadlines=_deadlines,
    ),
    Trigger(
        gate="signatures",
        name="provenance_level",
        params=ProvenanceLevel,
        check=provenance_level,
        needs=_NEEDS,
        advice=_attest,
        deadlines=_deadlines,
    ),
    Trigger(
        gate="signatures",
        name="attested_sbom",
        params=AttestedSbom,
        check=attested_sbom,
        needs=_NEEDS,
        advice=_attest_sbom,
        deadlines=_deadlines,
    ),
)
