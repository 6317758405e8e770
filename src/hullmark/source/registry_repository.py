"""A repository of a registry, read and written (OCI distribution specification 1.1)."""

from __future__ import annotations

from hullmark.model.image import RawStream
from hullmark.model.reference import Reference, parse_reference
from hullmark.net.http import Client
from hullmark.source.artifacts import login_for
from hullmark.source.distribution import RegistryStore, http_settings
from hullmark.source.endpoints import endpoints
from hullmark.source.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor
from hullmark.source.pushing import PushSession, StoredBlob
from hullmark.source.referrer_pages import MOST_PAGES, TooManyPages, referrer_pages
from hullmark.source.repository import (
    MOST_REFERRERS,
    Referrer,
    ReferrerList,
    Repository,
    check_count,
    listed_by_tag,
    read_referrers,
    write_referrers,
)
from hullmark.source.rewriting import rewrite
from hullmark.source.signature_tags import fallback_tag
from hullmark.source.source import ImageNotFound, SourceOptions


class RegistryRepository:
    """A repository at its registry itself, never at a mirror: what mirrors lack must not look as if nobody had said it."""

    def __init__(self, reference: str, options: SourceOptions, actions: str = "pull") -> None:
        self.reference: Reference = parse_reference(reference)
        endpoint = endpoints(self.reference, options)[-1]
        self._client = Client(http_settings(options, frozenset((endpoint.host,) if endpoint.insecure else ())))
        self._session = PushSession(endpoint, self._client, login_for(endpoint, self._client, options, actions))
        self._store = RegistryStore((self._session,), self._client.settings)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.reference.host}/{self.reference.repository}"

    def manifest(self, version: str) -> bytes:
        """The bytes of a manifest by tag or digest; by digest they are verified."""
        return self._session.manifest(version)

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a blob; the stream goes on where connections were cut."""
        return self._store.blob(descriptor)

    def referrers(self, digest: str) -> ReferrerList:
        """The artifacts about a manifest, by the API and by the fallback tag: some registries got the API later."""
        found: dict[str, Referrer] = {}
        unseen = ""
        try:
            for page in referrer_pages(self._session, self._client, digest, read_referrers):
                found |= {referrer.digest: referrer for referrer in page}
        except TooManyPages:
            unseen = f"there are more than {MOST_PAGES} pages of referrers"
        found = {referrer.digest: referrer for referrer in listed_by_tag(self, digest)} | found
        if len(found) > MOST_REFERRERS:
            unseen = f"there are more than {MOST_REFERRERS} referrers"
        return ReferrerList(tuple(found[name] for name in sorted(found))[:MOST_REFERRERS], unseen)

    # Writing

    def has(self, digest: str) -> bool:
        """Whether a blob is there."""
        return self._session.has(digest)

    def put_blob(self, blob: StoredBlob, mount_from: Repository | None = None) -> int:
        """Put a blob there unless it is; one that another repository of this registry has is mounted from there."""
        origin = ""
        if isinstance(mount_from, RegistryRepository) and mount_from.reference.host == self.reference.host:
            origin = mount_from.reference.repository
        return self._session.upload(blob, mount_from=origin)

    def put_manifest(self, version: str, body: bytes, media_type: str) -> None:
        """Put a manifest under a tag or its digest."""
        self._session.put_manifest(version, body, media_type)

    def put_referrer(self, subject: str, referrer: Referrer, body: bytes) -> None:
        """Put an artifact's manifest there; where the registry does not list it by itself, into the list under the fallback tag."""
        headers = self._session.put_manifest(referrer.digest, body, referrer.media_type or OCI_MANIFEST)
        if headers.get("oci-subject"):
            return
        tag = fallback_tag(subject)

        def read() -> bytes | None:
            try:
                return self.manifest(tag)
            except ImageNotFound:
                return None

        def list_referrers(now: bytes | None) -> list[Referrer]:
            return list(read_referrers(now)) if now is not None else []

        def change(before: bytes | None) -> bytes:
            kept = [known for known in list_referrers(before) if known.digest != referrer.digest]
            check_count(kept, subject)
            return write_referrers([*kept, referrer])

        def is_in(now: bytes | None) -> bool:
            return any(known.digest == referrer.digest for known in list_referrers(now))

        rewrite(read, change, lambda changed: self._session.put_manifest(tag, changed, OCI_INDEX), is_in)
