"""VEX from elsewhere than a file: attestations in the image's registry, and the VEX repositories that the snapshot carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from hullmark.advisories.feeds.formats.vex import statements_of
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.model.advisory import Statement
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.problem import Problem
from hullmark.model.purl import make_purl, unquote
from hullmark.model.reference import HUB, Reference, parse_reference
from hullmark.source import IMAGE, SourceOptions, classify

if TYPE_CHECKING:
    from hullmark.proof.dsse import Key
    from hullmark.proof.sigstore.signature import IdentityTrust
    from hullmark.source.attestations import VexDocument

ATTESTATION, REPOSITORY = "attestation", "repository"
WORDS = (ATTESTATION, REPOSITORY)
"""What VEX may be asked for by instead of a file."""

UNVERIFIED = "unverified attestation"
"""The source of statements that no key was found to have signed."""

ROOM = "vex"

_REGISTRY = "registry"
_IN_A_REGISTRY = frozenset((_REGISTRY, "docker", "podman"))
_SHOWN = 19  # sha256: and twelve digits
_OFFICIAL = "library/"
_ELSEWHERE = "name the image in its registry: registry:NAME; or give what is attested as a file: --vex FILE"


class VexRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where else to look for statements: `words` are some of WORDS. Attestations are believed if one of the keys in the files
    `keys` (PEM) signed them, or a certificate of one of the `identities` (None: no identity is trusted). A certificate without a proven
    date of signing must be valid at `now`. With `allows_unsigned` others count too; the source of their statements then says so."""

    words: tuple[str, ...] = ()
    keys: tuple[Path, ...] = ()
    identities: IdentityTrust | None = None
    now: datetime | None = None
    allows_unsigned: bool = False

    @property
    def wants_attestations(self) -> bool:
        """Whether the image's registry is to be asked."""
        return ATTESTATION in self.words


class VexStatements(msgspec.Struct, frozen=True, kw_only=True):
    """The statements found, those to be overridden first, and what could not be used. `names` are references by which the
    statements may mean the image too: to the index that it was chosen from."""

    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()


class VexSource(AdvisorySource, Protocol):
    """A snapshot that also carries statements."""

    def statements(self, products: Iterable[str]) -> list[Statement]:
        """The statements about products: purls without version, or names."""


def check_request(request: VexRequest) -> None:
    """Raises HullmarkError if attestations could not be believed, the keys cannot be read, or they have nothing to do."""
    if not request.wants_attestations:
        if request.keys or request.allows_unsigned or request.identities is not None:
            raise HullmarkError(
                "--vex-key, --vex-unsigned and identities are for attestations",
                advice="add --vex attestation, or leave them out",
            )
        return
    if not request.keys and not request.allows_unsigned and request.identities is None:
        raise HullmarkError(
            "attestations need a public key, or an identity, to verify them by",
            advice="name it: --vex-key FILE; --certificate-identity TEXT and --certificate-oidc-issuer TEXT with --trusted-root FILE; "
            "or take them unverified: --vex-unsigned",
        )
    _keys(request)


def check_place(reference: str, request: VexRequest) -> None:
    """Raises HullmarkError if attestations are wanted for what a person named, and it is seen at once that it is in no registry."""
    if request.wants_attestations:
        scheme, _ = classify(reference)
        if scheme not in (IMAGE, _REGISTRY):
            raise _not_there(scheme)


def statements_for(
    request: VexRequest, inventory: Inventory, advisories: VexSource, options: SourceOptions
) -> VexStatements:
    """The statements about an image, from where the request says to look: first repositories, then attestations.

    Raises HullmarkError if the image came from no registry, its registry cannot be asked, or keys cannot be read.
    """
    hub = tuple(dict.fromkeys(advisories.statements(products_of(inventory)))) if REPOSITORY in request.words else ()
    attested = (
        _fetch_attestations(request, inventory.source, options) if request.wants_attestations else VexStatements()
    )
    return msgspec.structs.replace(attested, statements=hub + attested.statements)


# Attestations


def _fetch_attestations(request: VexRequest, source: InventorySource, options: SourceOptions) -> VexStatements:
    from hullmark.source.attestations import AttestationTrust, vex_documents

    check_request(request)
    if source.kind != _REGISTRY or not source.digest:
        raise _not_there(source.kind)
    reference = source.reference.removeprefix(f"{_REGISTRY}:")
    trust = AttestationTrust(
        keys=_keys(request), identities=request.identities, now=request.now or datetime.max.replace(tzinfo=UTC)
    )
    attested = vex_documents(reference, source.digest, trust, options)
    reading = _VexReader(
        request.allows_unsigned, [f"attestation {place}: {reason}" for place, reason in attested.problems]
    )
    statements = tuple(statement for document in attested.documents for statement in reading.statements(document))
    if not statements and not reading.reasons:
        reading.reasons.append("the registry has no VEX attestation of this image")
    repository = msgspec.structs.replace(parse_reference(reference), tag="", digest="")
    return VexStatements(
        statements=statements,
        problems=tuple(Problem("", -1, ROOM, reason) for reason in reading.reasons),
        names=tuple(str(msgspec.structs.replace(repository, digest=digest)) for digest in attested.subjects),
    )


def _keys(request: VexRequest) -> tuple[Key, ...]:
    from hullmark.proof.dsse import KEY_LIMIT, read_keys

    return tuple(key for file in request.keys for key in read_keys(_beginning(file, KEY_LIMIT), str(file)))


class _VexReader:
    """Reads documents; `reasons` are sentences about what is left out."""

    def __init__(self, allows_unsigned: bool, reasons: list[str]) -> None:
        self.reasons = reasons
        self._allows_unsigned = allows_unsigned

    def statements(self, document: VexDocument) -> tuple[Statement, ...]:
        """What a document says, if it may be believed."""
        is_key = document.signer.startswith("sha256:")
        signer = f"key {document.signer[:_SHOWN]}" if is_key else document.signer
        source = f"attestation signed by {signer}" if signer else UNVERIFIED
        wrong: list[str] = []

        def report(place: str, reason: str) -> None:
            wrong.append(f"attestation {place}: {reason}")

        statements = tuple(statements_of(document.document, source, report, document.place))
        if document.signer or self._allows_unsigned:
            self.reasons += wrong
            return statements
        if statements:
            self.reasons.append(f"attestation {document.place}: it is left out: nobody who is trusted signed it")
        return ()


def _not_there(kind: str) -> HullmarkError:
    return HullmarkError(f"attestations are in registries, and this source is not ({kind})", advice=_ELSEWHERE)


def _beginning(file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise HullmarkError(f"the key {file} cannot be read ({error.strerror})", advice="check the path") from error


# VEX repositories


def products_of(inventory: Inventory) -> tuple[str, ...]:
    """Every name under which a VEX repository may speak of an image or of a package in it: sorted, purls without version."""
    names: set[str] = set(_names_of(inventory.source))
    for package in inventory.packages:
        bare = package.purl.partition("#")[0].partition("?")[0].partition("@")[0]
        names |= {bare, unquote(bare)}
    return tuple(sorted(names - {""}))


def _names_of(source: InventorySource) -> Iterator[str]:
    digests = {source.digest, source.config_digest}
    for text in _list_references(source):
        try:
            named = parse_reference(text)
        except HullmarkError:
            continue
        digests.add(named.digest)
        yield from _names(named)
    for digest in digests - {""}:
        yield from (digest, digest.partition(":")[2])


def _list_references(source: InventorySource) -> Iterator[str]:
    """The references that were written. A registry's tags say nothing without the name before them."""
    if source.kind in _IN_A_REGISTRY:
        yield source.reference.removeprefix(f"{source.kind}:")
    if source.kind != _REGISTRY:
        yield from source.tags


def _names(named: Reference) -> Iterator[str]:
    full = f"{named.host}/{named.repository}"
    repositories = [full]
    if named.host == HUB:
        repositories += [named.repository, named.repository.removeprefix(_OFFICIAL)]
    for repository in repositories:
        yield from (repository, f"{repository}:{named.tag or 'latest'}")
        if named.digest:
            yield f"{repository}@{named.digest}"
    space, _, name = named.repository.rpartition("/")
    yield from (make_purl("oci", name), make_purl("oci", name, namespace=space))
    yield from (
        make_purl("docker", name, namespace=space),
        make_purl("docker", name, namespace=f"{named.host}/{space}"),
    )
    yield make_purl("docker", name, namespace=space.removeprefix(_OFFICIAL.rstrip("/")))
