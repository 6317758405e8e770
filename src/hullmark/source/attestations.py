"""VEX documents about an image in its registry: OCI distribution 1.1 referrers and their fallback tag, and cosign's `.att` tag.

They are in-toto statements (https://github.com/in-toto/attestation, v0.1 and v1) in DSSE envelopes or sigstore bundles, or artifacts
whose subject is the image. Media types are not settled: they tell what is worth fetching, the content tells what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urljoin, urlsplit

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.net.http import Client
from hullmark.source.artifacts import Artifact
from hullmark.source.auth import Login
from hullmark.source.credentials import auth_files, find_credentials
from hullmark.source.digest import checked_digest, digest_of
from hullmark.source.distribution import RegistryStore, Session, first_answer, http_settings
from hullmark.source.dsse import IN_TOTO, Key, read_envelope, signer_of
from hullmark.source.endpoints import endpoints
from hullmark.source.manifest import MANIFEST_LIMIT, OCI_INDEX, Descriptor, Index, decode, parse_manifest
from hullmark.source.reference import parse_reference
from hullmark.source.source import ImageNotFound, SourceOptions

DOCUMENT_LIMIT = 32 << 20
"""Bytes of one attestation."""

_BYTES_LIMIT = 128 << 20
_MAX_MANIFESTS = 200
_MAX_DOCUMENTS = 200
_MAX_PAGES = 16
_MAX_PROBLEMS = 100
_BUSY = frozenset((429, 500, 502, 503, 504))
_VEX = re.compile(r"vex|csaf|cyclonedx", re.IGNORECASE).search
_WRAPPER = re.compile(r"dsse|in-toto|sigstore\.bundle|cosign\.artifact\.att", re.IGNORECASE).search
_PREDICATE_TYPES = ("predicateType", "dev.sigstore.bundle.predicateType", "in-toto.io/predicate-type")
_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;[^,]{0,100}\brel="?next"?').search
_NOTHING = msgspec.Raw(b"null")


class VexDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that speaks of the image. `place` is the digest it came under, `signer` the fingerprint of the key that was found
    to have signed it, "" for none of them."""

    document: bytes
    place: str
    signer: str = ""


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry holds about an image, sorted by digest; `problems` tell (where, why) something was left out."""

    documents: tuple[VexDocument, ...]
    problems: tuple[tuple[str, str], ...] = ()


class _Listed(msgspec.Struct, frozen=True, rename="camel"):
    digest: str
    size: int = 0
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _Listing(msgspec.Struct, frozen=True):
    manifests: tuple[_Listed, ...]


class _Part(Descriptor, frozen=True, rename="camel"):
    """A layer or subject."""


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    layers: tuple[_Part, ...] = ()
    config: _Config = _Config()
    subject: _Part | None = None
    artifact_type: str | None = None

    @property
    def kind(self) -> str:
        return self.artifact_type or self.config.media_type


class _Subject(msgspec.Struct, frozen=True):
    digest: dict[str, str] = {}


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    """A bundle has the first, an envelope the second, a statement the rest, a bare document none."""

    dsse_envelope: msgspec.Raw = _NOTHING
    payload_type: str | None = None
    predicate_type: str | None = None
    subject: tuple[_Subject, ...] = ()
    predicate: msgspec.Raw = _NOTHING


def vex_documents(reference: str, digest: str, keys: Sequence[Key], options: SourceOptions) -> Attested:
    """The VEX documents about an image, by the digest of its manifest, and about the index that the reference leads to it by.

    Statements about something else are left out, whatever they are attached to. A server that has none is passed over: mirrors
    are asked first, the registry last. Raises HullmarkError if none of them can be asked.
    """
    named = parse_reference(reference)
    servers = endpoints(named, options)
    settings = http_settings(options, frozenset(server.host for server in servers if server.insecure))
    client = Client(settings)
    sessions = []
    for server in servers:
        files = auth_files(options.environment) if options.auth_files is None else options.auth_files
        credentials = find_credentials(server.login, server.repository, files, options.environment)
        sessions.append(Session(server, client, Login(client, credentials, f"repository:{server.repository}:pull")))
    subjects, problems = _subjects(tuple(sessions), named.version, digest)
    failure: HullmarkError | None = None
    for session in sessions:
        search = _Search(session, client, subjects, keys)
        try:
            search.run()
        except HullmarkError as error:
            failure = error
            problems.append((session.endpoint.host, f"attestations could not be asked for: {error}"))
            continue
        if search.documents or search.problems or session is sessions[-1]:
            found = tuple(sorted(search.documents, key=lambda each: each.place))
            return Attested(documents=found, problems=(*problems, *search.problems[:_MAX_PROBLEMS]))
    if failure is not None and len(problems) == len(sessions):
        raise failure
    return Attested(documents=(), problems=tuple(problems))
