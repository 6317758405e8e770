"""What is signed and lies beside an image: all that can be read, and a word on each thing that cannot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hullmark.model.digest import digest_of
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.signed_document import SIGNATURE
from hullmark.proof.bundle import BUNDLE, ENVELOPE
from hullmark.source.attach import DOCUMENT_LIMIT, Statement, attach, signed_documents
from hullmark.source.layout_repository import LayoutFolder
from hullmark.source.manifest import MANIFEST_LIMIT, OCI_INDEX, OCI_MANIFEST, Descriptor
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.repository import BytesBlob, Referrer, RepositoryBlob, write_referrers
from hullmark.source.signature_tags import fallback_tag
from hullmark.source.source import SourceOptions
from tests.support.images import Json, to_json
from tests.support.open_registry import OpenRegistry

SUBJECT = Descriptor(f"sha256:{'a' * 64}", 2, OCI_MANIFEST)
ATT = f"{fallback_tag(SUBJECT.digest)}.att"
GONE = f"sha256:{'9' * 64}"
STATEMENT = Statement(
    bundle=b'{"bundle": 1}',
    envelope=b'{"envelope": 1}',
    predicate_type="https://example.org/x",
    created="2026-05-01T12:00:00Z",
)


def layer(body: bytes, **more: object) -> Json:
    return {"digest": digest_of(body), "size": len(body), "mediaType": ENVELOPE, **more}


def layers_of(*layers: Json) -> bytes:
    return to_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": list(layers)})


def listed(body: bytes, kind: str = BUNDLE) -> Referrer:
    return Referrer(media_type=OCI_MANIFEST, digest=digest_of(body), size=len(body), artifact_type=kind)


def layout_with(
    folder: Path, manifests: Sequence[bytes], blobs: Sequence[bytes], list_of: Sequence[Referrer]
) -> LayoutFolder:
    """A layout with artifacts that a list under the fallback tag names."""
    layout = LayoutFolder(folder)
    for body in blobs:
        layout.put_blob(BytesBlob(body))
    for body in manifests:
        layout.put_manifest(digest_of(body), body, OCI_MANIFEST)
    layout.put_manifest(fallback_tag(SUBJECT.digest), write_referrers(list_of), OCI_INDEX)
    return layout


def test_what_cannot_be_read_is_said_thing_by_thing_and_the_rest_is_read(tmp_path: Path) -> None:
    good, changed = b'{"envelope": "good"}', b'{"envelope": "changed"}'
    whole = layers_of(
        layer(good), layer(good, digest="md5:abc"), layer(changed), layer(b"", digest=GONE, size=DOCUMENT_LIMIT + 1)
    )
    odd, large, gone, bill = b"<html>", b" " * (MANIFEST_LIMIT + 1), layers_of(), layers_of(layer(b"packages"))
    named = [listed(odd), listed(large), listed(gone), listed(bill, "application/spdx+json"), listed(whole)]
    layout = layout_with(tmp_path, [odd, large, whole], [good, changed], named)
    (tmp_path / "blobs" / digest_of(changed).replace(":", "/")).write_bytes(b'{"envelope": "CHANGED"}')

    read = signed_documents(layout, (SUBJECT.digest,))
    assert [(document.place, document.body, document.subject) for document in read.documents] == [
        (digest_of(good), good, SUBJECT.digest)
    ]
    assert sorted(read.unseen) == sorted(
        (
            f"what is under {digest_of(odd)} cannot be read: JSON is malformed: invalid character (byte 0)",
            f"a manifest has more than {MANIFEST_LIMIT} bytes",
            f"{digest_of(gone)[:19]} is listed and is not there",
            "'md5:abc' is not a digest by sha256 or sha512",
            f"{digest_of(changed)[:19]}: a blob does not have the digest {digest_of(changed)}",
            f"{GONE[:19]}: a blob has {DOCUMENT_LIMIT + 1:,} bytes, more than are read",
        )
    )


def test_of_more_signatures_than_are_read_the_first_are_taken_and_the_others_told_of(tmp_path: Path) -> None:
    body = b'{"payload": 1}'
    many = layers_of(*(layer(body, annotations={SIGNATURE: f"{number}"}) for number in range(201)))
    layout = layout_with(tmp_path, [], [body], [])
    layout.put_manifest(ATT, many, OCI_MANIFEST)
    read = signed_documents(layout, (SUBJECT.digest,))
    assert {document.annotations[SIGNATURE] for document in read.documents} == {f"{number}" for number in range(200)}
    assert read.unseen == ("there are more than 200 signed documents",)


def test_no_statement_is_added_to_a_tag_that_is_full(tmp_path: Path) -> None:
    layout = layout_with(tmp_path, [], [], [])
    full = layers_of(*[layer(b"another")] * 200)
    layout.put_manifest(ATT, full, OCI_MANIFEST)
    with pytest.raises(HullmarkError) as caught:
        attach(layout, SUBJECT, STATEMENT)
    assert str(caught.value) == f"{ATT} has 200 statements"
    assert caught.value.advice == "remove some that have expired: cosign clean"
    assert layout.manifest(ATT) == full


# At a registry


def repository_of(registry: OpenRegistry) -> RegistryRepository:
    return RegistryRepository(f"{registry.host}/shop:1", SourceOptions(), "pull,push")


def under(registry: OpenRegistry, tag: str, body: bytes, media_type: str) -> None:
    """Have something under a tag, whatever it refers to."""
    registry.manifests["shop", digest_of(body)] = (media_type, body)
    registry.tags["shop", tag] = digest_of(body)


def test_more_referrers_than_are_looked_at_are_told_of_and_no_other_is_added_to_them() -> None:
    tag = fallback_tag(SUBJECT.digest)
    many = [listed(b"%d" % number, "application/spdx+json") for number in range(1001)]
    with OpenRegistry(lists_referrers=False).running() as registry:
        repository = repository_of(registry)
        under(registry, tag, write_referrers(many), OCI_INDEX)
        found = repository.referrers(SUBJECT.digest)
        assert (len(found.referrers), found.unseen) == (1000, "there are more than 1000 referrers")
        assert signed_documents(repository, (SUBJECT.digest,)).unseen == (found.unseen,)

        full = write_referrers(many[:1000])
        under(registry, tag, full, OCI_INDEX)
        assert repository.referrers(SUBJECT.digest).unseen == ""
        with pytest.raises(HullmarkError) as caught:
            attach(repository, SUBJECT, STATEMENT)
        assert str(caught.value) == f"{SUBJECT.digest[:19]} has 1000 referrers"
        assert registry.tags["shop", tag] == digest_of(full)
        assert repository.has(digest_of(STATEMENT.bundle))
        assert not repository.has(GONE)


def test_pages_of_referrers_without_end_are_told_of() -> None:
    subject = {"digest": SUBJECT.digest, "mediaType": OCI_MANIFEST, "size": 2}
    with OpenRegistry(page=1).running() as registry:
        for number in range(17):
            body = json.dumps({"subject": subject, "artifactType": f"application/x.{number}"}).encode()
            registry.manifests["shop", digest_of(body)] = (OCI_MANIFEST, body)
        found = repository_of(registry).referrers(SUBJECT.digest)
    assert (len(found.referrers), found.unseen) == (16, "there are more than 16 pages of referrers")


# Blobs on their way


def test_any_part_of_a_blob_is_sent_on_and_one_that_ends_too_early_is_not_kept(tmp_path: Path) -> None:
    body = bytes(range(256)) * 2048
    origin, target = LayoutFolder(tmp_path / "origin"), LayoutFolder(tmp_path / "target")
    origin.put_blob(BytesBlob(body))
    blob = RepositoryBlob(origin, Descriptor(digest_of(body), len(body)))
    for start, stop in ((0, None), (5, 9), (300_000, None), (len(body), None)):
        assert b"".join(blob.blocks(start, stop)) == body[start:stop]
    with pytest.raises(BrokenImage, match="ends too early"):
        target.put_blob(RepositoryBlob(origin, Descriptor(digest_of(body), len(body) + 1)))
    assert not target.has(digest_of(body))
    assert [path for path in (tmp_path / "target").rglob("*") if path.is_file()] == []
    assert target.put_blob(blob) == len(body)
