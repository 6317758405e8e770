"""The server puts signed verdicts beside images in registries: it revokes them, signs again, tries again, and tells of all that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.proof.bundle import Bundle, read_bundle
from hullmark.proof.dsse import read_keys
from hullmark.proof.statement import read_statement
from hullmark.proof.verification import Expectations, verify_newest
from hullmark.server.stories.images.signature_looks import want_looks
from hullmark.server.stories.judging.publishing import want_publishing
from hullmark.source.attach import signed_documents
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.source import SourceOptions
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept
from tests.support.attestations import Signer, cosign_tag, fallback_tag, statement_about
from tests.support.desk import Desk, desk
from tests.support.images import MANIFEST, Blobs
from tests.support.matching import advisory, affected
from tests.support.open_registry import OpenRegistry
from tests.support.shelves import openssl
from tests.support.signed_images import policy_trusting

pytestmark = pytest.mark.anyio

OTHER = advisory("CVE-2026-2", affected("debian:13", "nothing", "deb", "2"), severity="high")


@pytest.fixture
def registry() -> Iterator[OpenRegistry]:
    with OpenRegistry().running() as found:
        yield found


@pytest.fixture
async def at(database_url: str, tmp_path: Path, registry: OpenRegistry) -> AsyncIterator[Desk]:
    key = tmp_path / "admin.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", tmp_path / "admin.pub")
    async with desk(database_url, tmp_path, signing_key=str(tmp_path / "{account}.pem")) as found:
        await found.advise(OTHER)
        await kept(found, NO_HIGH)
        yield found


async def pushed(at: Desk, registry: OpenRegistry, *, publishes: bool = True) -> str:
    """An image in a registry that takes what is pushed to it, added and judged; its digest."""
    digest = await held(at, registry, publishes=publishes)
    await at.post("/images", {"reference": f"{registry.host}/shop:1.0"})
    await work(at)
    return digest


async def held(at: Desk, registry: OpenRegistry, *, publishes: bool = True) -> str:
    """An image in a registry that takes what is pushed to it; its digest."""
    digest = at.push("1.0", SHOP)
    blobs = at.registry.blobs.held
    for name, body in blobs.items():
        registry.blobs["shop", name] = body
    registry.manifests["shop", digest] = (MANIFEST, blobs[digest])
    registry.tags["shop", "1.0"] = digest
    asked = {"verify": False, "publishes": publishes}
    assert (await at.ask("PUT", f"/registries/{registry.host}", asked)).is_success
    return digest


async def work(at: Desk) -> None:
    """Time goes on: what is to be judged is, and what is to be published is."""
    await at.work()
    for _ in range(3):  # the first asking notes that somebody asks
        await want_publishing(at.services)
        await at.work()


def bundles(registry: OpenRegistry, digest: str) -> list[Bundle]:
    found = signed_documents(RegistryRepository(f"{registry.host}/shop:1.0", SourceOptions()), (digest,))
    return [read_bundle(document.body) for document in found.documents if b"mediaType" in document.body]


def newest(registry: OpenRegistry, digest: str, at: Desk, tmp_path: Path) -> str:
    """The verdict of the newest statement that is believed."""
    keys = read_keys((tmp_path / "admin.pub").read_bytes(), "the key")
    expected = Expectations(keys=keys, subjects=(digest,), now=at.now)
    return str(verify_newest(bundles(registry, digest), expected).statement.own.verdict)


async def told(at: Desk) -> list[tuple[str, dict[str, Any]]]:
    """The events about statements, the oldest first."""
    found = (await at.get("/events?limit=200"))["items"]
    return [(each["kind"], each["body"]) for each in reversed(found) if each["kind"].startswith("statement.")]


async def test_what_changes_is_revoked_and_signed_again_beside_the_image(
    at: Desk, registry: OpenRegistry, tmp_path: Path
) -> None:
    digest = await pushed(at, registry)
    assert newest(registry, digest, at, tmp_path) == "go"
    assert len(bundles(registry, digest)) == 1
    await work(at)
    assert len(bundles(registry, digest)) == 1, "what lies there already is not put there again"
    at.now += timedelta(hours=1)
    await at.advise(LIBC, OTHER)
    await work(at)
    assert newest(registry, digest, at, tmp_path) == "stop"
    at.now += timedelta(hours=1)
    asked = {"rule": "no-high", "subject": "*", "owner": "shop", "reason": "is not called", "expires": "2026-07-01"}
    await at.post("/exceptions", asked)
    await work(at)
    assert newest(registry, digest, at, tmp_path) == "go"
    of = {"policy": "weaknesses", "environment": "", "repository": f"{registry.host}/shop"}
    assert await told(at) == [
        ("statement.published", {**of, "before": "", "after": "go"}),
        ("statement.revoked", {**of, "before": "go", "after": "stop"}),
        ("statement.published", {**of, "before": "stop", "after": "go"}),
    ]


async def test_what_changes_within_a_second_is_signed_in_the_next(
    at: Desk, registry: OpenRegistry, tmp_path: Path
) -> None:
    digest = await pushed(at, registry)
    await at.advise(LIBC, OTHER)
    await work(at)
    assert newest(registry, digest, at, tmp_path) == "go"
    at.now += timedelta(seconds=1)
    await work(at)
    assert newest(registry, digest, at, tmp_path) == "stop"
    assert [kind for kind, _ in await told(at)] == ["statement.published", "statement.revoked"]


async def test_a_statement_is_renewed_before_it_ends(at: Desk, registry: OpenRegistry, tmp_path: Path) -> None:
    digest = await pushed(at, registry)
    at.now += timedelta(hours=11)
    await work(at)
    assert len(bundles(registry, digest)) == 1
    at.now += timedelta(hours=2)
    await work(at)
    assert len(bundles(registry, digest)) == 2
    at.now += timedelta(hours=20)
    assert newest(registry, digest, at, tmp_path) == "go"


async def test_a_registry_that_takes_nothing_is_told_of_once_and_tried_again(
    at: Desk, registry: OpenRegistry, tmp_path: Path
) -> None:
    (tmp_path / "admin.pem").rename(tmp_path / "away.pem")
    digest = await pushed(at, registry)
    await work(at)
    assert bundles(registry, digest) == []
    assert [kind for kind, _ in await told(at)] == ["statement.failed"]
    (tmp_path / "away.pem").rename(tmp_path / "admin.pem")
    await work(at)
    assert bundles(registry, digest) == [], "not at once"
    at.now += timedelta(minutes=2)
    await work(at)
    assert newest(registry, digest, at, tmp_path) == "go"


async def test_a_registry_that_is_to_have_statements_gets_those_of_images_that_are_known(
    at: Desk, registry: OpenRegistry, tmp_path: Path
) -> None:
    with OpenRegistry().running() as other:
        await pushed(at, other)
        digest = await pushed(at, registry, publishes=False)
        assert bundles(registry, digest) == []
        await at.ask("PUT", f"/registries/{registry.host}", {"verify": False, "publishes": True})
        await work(at)
    assert newest(registry, digest, at, tmp_path) == "go"


async def test_nothing_is_put_where_nobody_asked_for_it(at: Desk, registry: OpenRegistry) -> None:
    digest = await pushed(at, registry, publishes=False)
    assert bundles(registry, digest) == []
    assert not [path for method, path in registry.log if method in ("PUT", "POST")]
    (login,) = [each for each in await at.get("/registries") if each["pattern"] == registry.host]
    assert login["publishes"] is False


def attested(registry: OpenRegistry, digest: str, *signers: Signer) -> None:
    """What these signed about the image, under cosign's tag; nothing else is there any more."""
    blobs = Blobs()
    statement = statement_about(digest, {"x": 1}, "https://example.org/x")
    found = cosign_tag(blobs, [signer.signed(statement) for signer in signers])
    for name, body in blobs.held.items():
        registry.blobs["shop", name] = body
    registry.manifests["shop", found["digest"]] = (MANIFEST, blobs.held[found["digest"]])
    registry.tags["shop", f"{fallback_tag(digest)}.att"] = found["digest"]


def names(registry: OpenRegistry, digest: str) -> list[int]:
    """How many signed documents each statement of the policy `trust` names, the oldest first."""
    read = [read_statement(bundle.envelope.payload) for bundle in bundles(registry, digest)]
    found = [json.loads(bytes(statement.predicate)) for statement in read]
    named = [
        (each["timeVerified"], len(each["urn:hullmark:verdict:1"]["signatures"]["documents"]))
        for each in found
        if "signatures" in each["urn:hullmark:verdict:1"]
    ]
    return [count for _, count in sorted(named)]


async def test_a_verdict_by_other_signatures_is_issued_again_and_its_own_statement_is_none_of_them(
    at: Desk, registry: OpenRegistry
) -> None:
    ours, other = Signer(), Signer()
    digest = await held(at, registry)
    attested(registry, digest, ours)
    await kept(at, policy_trusting(ours))
    await at.post("/images", {"reference": f"{registry.host}/shop:1.0"})
    await work(at)
    assert names(registry, digest) == [1]

    async def later() -> None:
        at.now += timedelta(hours=1)
        await want_looks(at.services)
        await work(at)

    # The server's own statements lie there by now.
    await later()
    await later()
    assert names(registry, digest) == [1]
    attested(registry, digest, ours, other)
    await later()
    await later()
    assert names(registry, digest) == [1, 2]
