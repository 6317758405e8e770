"""Verdicts that were signed are found beside their image, held to the newest that is remembered, and judged again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from msgspec.structs import replace

from hullmark.app.check import CheckOptions, CheckResult, judge, load
from hullmark.app.repositories import place_of
from hullmark.app.statements import SignedVerdict, StatementPlace, attach_verdict, by_key, sign_verdict
from hullmark.app.verify import NotReproduced, Verification, VerificationRequest, recompute, verify
from hullmark.model.errors import HullmarkError
from hullmark.proof.bundle import ENVELOPE
from hullmark.proof.dsse import read_keys
from hullmark.proof.signing import KeySigner
from hullmark.proof.verification import ReplayedStatement
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from hullmark.source.layout_repository import LayoutFolder
from hullmark.source.manifest import OCI_MANIFEST
from hullmark.source.repository import BytesBlob
from hullmark.source.signature_tags import fallback_tag
from tests.support.images import (
    Blobs,
    docker_files,
    layout_files,
    small_layout,
    tagged,
    tar_of,
    to_json,
    write_docker_archive,
    write_layout,
)
from tests.support.policies import NOT_ROOT

OPTIONS = SourceOptions()
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIGNER = KeySigner(generate_private_key(SECP256R1()))
KEYS = read_keys(SIGNER.public, "the key")


@dataclass(frozen=True)
class Judged:
    """A verdict on an image, as it was made and as it was signed."""

    reference: str
    result: CheckResult
    signed: SignedVerdict


def judged(
    folder: Path, reference: str, *, at: datetime = NOW, policy: str = NOT_ROOT, attaches: bool = True
) -> Judged:
    """Judge an image, sign the verdict and, where that is wanted, put it beside the image."""
    (folder / "policy.yaml").write_text(policy)
    result = judge(reference, load(folder / "policy.yaml"), at, ScanResources(), OPTIONS)
    repository = place_of(reference, result.inventory.source, OPTIONS, attaches=attaches)
    place = StatementPlace(repository=repository)
    signed = sign_verdict(result.verdict, result.inventory.source, by_key(SIGNER), place, CheckOptions())
    if attaches:
        assert repository is not None
        attach_verdict(signed, repository)
    return Judged(reference, result, signed)


def verified(source: str, *bundles: Path, at: datetime = NOW, memory: Path | None = None) -> Verification:
    return verify(VerificationRequest(source=source, keys=KEYS, now=at, bundles=bundles, memory=memory), OPTIONS)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    return f"oci-dir:{small_layout(tmp_path / 'image')}:latest"


def test_a_verdict_beside_its_image_is_believed_and_what_lies_beside_it_is_told(layout: str, tmp_path: Path) -> None:
    made = judged(tmp_path, layout)
    folder = LayoutFolder(tmp_path / "image")
    digest = made.signed.subjects[0].digest
    simple, odd = BytesBlob(b"{}"), BytesBlob(b'{"payload": 1}')
    for blob in (simple, odd):
        folder.put_blob(blob)
    manifest = json.loads(folder.manifest(f"{fallback_tag(digest)}.att"))
    manifest["layers"].append(odd.descriptor(ENVELOPE))
    folder.put_manifest(f"{fallback_tag(digest)}.att", to_json(manifest), OCI_MANIFEST)
    signature = {"layers": [simple.descriptor("application/vnd.dev.cosign.simplesigning.v1+json")]}
    folder.put_manifest(f"{fallback_tag(digest)}.sig", to_json(signature), OCI_MANIFEST)

    found = verified(layout)
    assert (found.digest, found.verified.statement.payload) == (digest, made.signed.statement)
    assert found.verified.signer == SIGNER.fingerprint
    assert found.unseen == ()
    (unreadable,) = found.unreadable
    assert unreadable.startswith(f"{odd.digest[:19]}: ")


def test_a_file_may_hold_several_statements_and_a_digest_needs_one(layout: str, tmp_path: Path) -> None:
    older = judged(tmp_path, layout, attaches=False)
    newer = judged(tmp_path, layout, at=NOW + timedelta(hours=1), attaches=False)
    digest = newer.signed.subjects[0].digest
    file = tmp_path / "statements"
    file.write_bytes(older.signed.bundle + b"\n" + newer.signed.envelope + b"\n\n")
    found = verified(digest, file, at=NOW + timedelta(hours=2))
    assert found.verified.statement.payload == newer.signed.statement
    with pytest.raises(HullmarkError, match="a digest does not say where its statements are"):
        verified(digest)


def test_an_image_that_has_no_manifest_is_neither_signed_nor_verified(tmp_path: Path) -> None:
    archive = write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    with pytest.raises(HullmarkError, match="no digest stands for it in a statement") as unsigned:
        judged(tmp_path, f"docker-archive:{archive}", attaches=False)
    assert unsigned.value.advice == "judge it from a registry or an OCI layout"
    with pytest.raises(HullmarkError, match="no digest stands for it") as unverified:
        verified(f"docker-archive:{archive}", tmp_path / "bundle")
    assert unverified.value.advice == "name its digest instead"


def test_a_statement_is_about_the_manifest_where_the_image_is_in_no_repository_or_has_lost_its_tag(
    layout: str, tmp_path: Path
) -> None:
    blobs = Blobs()
    image = blobs.image()
    archive = tmp_path / "image.tar"
    archive.write_bytes(tar_of(layout_files(blobs, [tagged(image, "1")])))
    made = judged(tmp_path, f"oci-archive:{archive}", attaches=False)
    assert [subject.digest for subject in made.signed.subjects] == [image["digest"]]

    result = judged(tmp_path, layout).result
    write_layout(tmp_path / "image", Blobs(), [image])  # somebody took the tag away meanwhile
    place = StatementPlace(repository=LayoutFolder(tmp_path / "image"))
    signed = sign_verdict(result.verdict, result.inventory.source, by_key(SIGNER), place, CheckOptions())
    assert [(subject.digest, subject.size) for subject in signed.subjects] == [(image["digest"], image["size"])]


# The newest that is known


def test_an_older_verdict_is_not_believed_once_a_newer_one_was_seen(layout: str, tmp_path: Path) -> None:
    memory, file = tmp_path / "kept" / "memory", tmp_path / "bundle"
    for at in (NOW, NOW + timedelta(hours=1)):
        file.write_bytes(judged(tmp_path, layout, at=at, attaches=False).signed.bundle)
        verified(layout, file, at=NOW + timedelta(hours=2), memory=memory)
    assert list(msgspec.json.decode(memory.read_bytes()).values()) == ["2026-05-01T13:00:00Z"]
    file.write_bytes(judged(tmp_path, layout, attaches=False).signed.bundle)
    with pytest.raises(ReplayedStatement):
        verified(layout, file, at=NOW + timedelta(hours=2), memory=memory)


def test_a_memory_that_is_full_forgets_the_oldest_and_can_still_be_read(layout: str, tmp_path: Path) -> None:
    memory, file = tmp_path / "memory", tmp_path / "bundle"
    made = judged(tmp_path, layout, attaches=False)
    file.write_bytes(made.signed.bundle)
    policy = made.signed.policy
    known = {f"sha256:{number:064x} {policy}": "2026-04-01T12:00:00Z" for number in range(99_999)}
    oldest = f"sha256:{'f' * 64} {policy}"
    memory.write_bytes(msgspec.json.encode({oldest: "2026-03-01T12:00:00Z", **known}))
    request = VerificationRequest(source=layout, keys=KEYS, now=NOW, bundles=(file,), policy=policy, memory=memory)
    for _ in range(2):
        assert verify(request, OPTIONS).verified.statement.payload == made.signed.statement
    remembered = msgspec.json.decode(memory.read_bytes())
    assert len(remembered) == 100_000
    assert remembered.keys() - known.keys() == {f"{made.signed.subjects[0].digest} {policy}"}


@pytest.mark.parametrize("body", [b"[]", b'{"a": "soon"}', b'{"a": 1}', b"\xff"])
def test_a_memory_that_cannot_be_read_or_written_is_an_error(layout: str, tmp_path: Path, body: bytes) -> None:
    memory, file = tmp_path / "memory", tmp_path / "bundle"
    file.write_bytes(judged(tmp_path, layout, attaches=False).signed.bundle)
    memory.write_bytes(body)
    with pytest.raises(HullmarkError) as unreadable:
        verified(layout, file, memory=memory)
    assert str(unreadable.value) == f"{memory}, which remembers verdicts, cannot be read"
    assert unreadable.value.advice == "remove it, if you know why"
    with pytest.raises(HullmarkError, match=r"the verdict cannot be remembered in .*: File exists"):
        verified(layout, file, memory=memory / "below")


# Judged again


def test_judging_again_says_what_is_otherwise_than_in_the_statement(layout: str, tmp_path: Path) -> None:
    made = judged(tmp_path, layout)
    statement, options = verified(layout).verified.statement, CheckOptions()
    recompute(statement, made.result, options)

    def difference(result: CheckResult, by: CheckOptions = options) -> str:
        with pytest.raises(NotReproduced) as caught:
            recompute(statement, result, by)
        assert caught.value.advice == "name the same policy, advisories and options as the statement does"
        return str(caught.value).removeprefix("judged again, the statement is another one: ")

    stricter = judged(tmp_path, layout, policy=NOT_ROOT.replace("warn", "stop")).result
    policies = (statement.own.policy, stricter.verdict.inputs.policy)
    assert difference(stricter) == f"the policy was {policies[0]}, and is {policies[1]}"
    blobs = Blobs()
    other = blobs.image(config=lambda config: {**config, "config": {"User": "web"}})
    write_layout(tmp_path / "other", blobs, [tagged(other, "latest")])
    elsewhere = judged(tmp_path, f"oci-dir:{tmp_path / 'other'}:latest").result
    assert difference(elsewhere).startswith("the image was ")
    there = difference(made.result, replace(options, environment="there"))
    assert there.startswith("the circumstances was Circumstances(")
    assert there.count("environment='there'") == 1
    without = replace(made.result, verdict=replace(made.result.verdict, findings=()))
    assert difference(without) == "its findings differ"
    asked = replace(made.result.verdict.inputs, signatures=None)
    older = replace(made.result, verdict=replace(made.result.verdict, inputs=asked))
    assert difference(older).startswith("it does not name the signatures that the policy's rules ask for")
