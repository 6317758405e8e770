"""Attestations at registries that have the referrers API, at mirrors, and at such that are broken, hostile or full."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import NetError
from hullmark.proof.dsse import read_keys
from hullmark.proof.sigstore.signature import IdentityTrust
from hullmark.proof.sigstore.trusted_root import read_trusted_root
from hullmark.source import SourceOptions
from hullmark.source.attestations import DOCUMENT_LIMIT, AttestationList, AttestationTrust, vex_documents
from tests.support.attestations import (
    BUNDLE,
    DSSE,
    Signer,
    cosign_tag,
    fallback_tag,
    openvex,
    referrer,
    statement_about,
)
from tests.support.images import INDEX, MANIFEST, Blobs, Json, to_json
from tests.support.registry import Canned, FakeRegistry, Headers, free_port, make_certificates
from tests.support.sigstore import Sigstore

OPTIONS = SourceOptions(retries=0, timeout=5, sleep=lambda _: None, certs_dirs=(), auth_files=(), registry_files=())
SHOP = Signer()
TRUST = AttestationTrust(keys=read_keys(SHOP.public, "the key"))


@dataclass
class Referring(FakeRegistry):
    """A registry with the referrers API: `pages` of what it lists about any digest, each linked to the next by `link`."""

    pages: list[list[Json]] = field(default_factory=list)
    link: str = "/v2/shop/referrers/x?n={next}"
    instead: Canned | None = None

    def answer(self, path: str, headers: Headers, body: bytes) -> Canned:
        """What a registry answers."""
        parts = urlsplit(path)
        if "/referrers/" not in parts.path:
            return super().answer(path, headers, body)
        if self.instead is not None:
            return self.instead
        page = int(parts.query.partition("n=")[2] or 0)
        more = {"Link": f'<{self.link.format(next=page + 1)}>; rel="next"'} if page + 1 < len(self.pages) else {}
        listing = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.pages[page] if self.pages else []}
        return 200, {"Content-Type": INDEX, **more}, to_json(listing)


@pytest.fixture
def registry() -> Iterator[Referring]:
    blobs = Blobs()
    with Referring(blobs, {"1": blobs.image()["digest"]}).running() as running:
        assert isinstance(running, Referring)
        yield running


def image(registry: FakeRegistry) -> Json:
    """The descriptor of the image."""
    digest = registry.tags["1"]
    return {"mediaType": MANIFEST, "digest": digest, "size": len(registry.blobs.held[digest])}


def asked(registry: FakeRegistry, options: SourceOptions = OPTIONS, version: str = ":1") -> AttestationList:
    return vex_documents(f"{registry.host}/shop{version}", registry.tags["1"], TRUST, options)


def statement(registry: FakeRegistry, vulnerability: str = "CVE-1") -> Json:
    """A statement about the image."""
    return statement_about(registry.tags["1"], openvex(vulnerability))


def attach(registry: FakeRegistry, vulnerability: str = "CVE-1", kind: str = BUNDLE) -> Json:
    """A signed statement beside the image, and how the registry lists it."""
    return referrer(registry.blobs, image(registry), SHOP.signed(statement(registry, vulnerability)), kind)


def attach_by_tag(registry: FakeRegistry, *contents: Json) -> None:
    """Envelopes, or what stands in for them, under cosign's tag."""
    tag = f"{fallback_tag(registry.tags['1'])}.att"
    registry.tags[tag] = cosign_tag(registry.blobs, contents)["digest"]


def test_what_the_api_lists_is_read_on_every_page(registry: Referring) -> None:
    registry.pages = [[attach(registry, "CVE-1")], [attach(registry, "CVE-2"), attach(registry, "CVE-3", DSSE)]]
    attested = asked(registry)
    assert {document.signer for document in attested.documents} == {SHOP.fingerprint}
    told = {
        json.loads(document.document)["predicate"]["statements"][0]["vulnerability"]["name"]
        for document in attested.documents
    }
    assert (told, attested.problems) == ({"CVE-1", "CVE-2", "CVE-3"}, ())
    assert not registry.asked(f"/manifests/{fallback_tag(registry.tags['1'])}?")


def test_a_link_to_elsewhere_leads_nowhere_else(registry: Referring) -> None:
    registry.pages = [[], [attach(registry)]]
    registry.link = "https://elsewhere.example/v2/other/referrers/y?n={next}"
    assert len(asked(registry).documents) == 1


def test_pages_without_end_are_read_no_further(registry: Referring) -> None:
    registry.pages = [[]] * 100
    ((_, reason),) = asked(registry).problems
    assert "more than 16 pages" in reason
    assert len(registry.asked("/referrers/")) == 16


ABSENT: list[Canned] = [(404, {}, b"{}"), (400, {}, b""), (200, {}, b"<html>"), (200, {}, b'{"manifests": 1}')]


@pytest.mark.parametrize("answer", ABSENT)
def test_without_the_api_its_tag_is_asked_for(registry: Referring, answer: Canned) -> None:
    registry.instead = answer
    index = registry.blobs.index([attach(registry)])
    registry.tags[fallback_tag(registry.tags["1"])] = index["digest"]
    attested = asked(registry)
    assert (len(attested.documents), attested.problems) == (1, ())


def test_an_image_may_be_named_by_its_digest(registry: Referring) -> None:
    registry.pages = [[attach(registry)]]
    attested = asked(registry, version=f"@{registry.tags['1']}")
    assert (len(attested.documents), attested.subjects) == (1, (registry.tags["1"],))


@pytest.mark.parametrize("gone", [True, False])
def test_a_tag_that_leads_elsewhere_by_now_is_told_of(registry: Referring, gone: bool) -> None:
    registry.pages = [[attach(registry)]]
    digest = registry.tags.pop("1")
    if not gone:
        registry.tags["1"] = registry.blobs.image(platform="linux/arm64")["digest"]
    attested = vex_documents(f"{registry.host}/shop:1", digest, TRUST, OPTIONS)
    assert (len(attested.documents), attested.subjects) == (1, (digest,))
    assert "no longer leads to this image" in attested.problems[0][1]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_registry_that_cannot_answer_is_no_registry_without_attestations(registry: Referring, status: int) -> None:
    registry.instead = (status, {}, b"")
    with pytest.raises(HullmarkError, match=f"status {status}") as caught:
        asked(registry)
    assert caught.value.advice


def test_a_mirror_is_asked_first_and_the_registry_if_the_mirror_has_none(registry: Referring, tmp_path: Path) -> None:
    own = Referring(registry.blobs, dict(registry.tags), tls=make_certificates(tmp_path).server_context())
    with own.running():
        options = replace(OPTIONS, insecure=True, mirrors={own.host: (f"http://{registry.host}",)})
        listed = attach(registry)
        own.pages = [[listed]]
        assert len(asked(own, options).documents) == 1
        assert registry.asked("/referrers/")
        registry.pages, own.log[:] = [[listed]], []
        assert len(asked(own, options).documents) == 1
        assert not own.asked("/referrers/")


def test_a_registry_that_is_away_is_told_of_where_its_mirror_answered(registry: Referring) -> None:
    host = f"127.0.0.1:{free_port()}"
    options = replace(OPTIONS, mirrors={host: (f"http://{registry.host}",)})
    attested = vex_documents(f"{host}/shop:1", registry.tags["1"], TRUST, options)
    assert attested.documents == ()
    ((place, reason),) = attested.problems
    assert (place, "could not be asked for" in reason) == (host, True)
    registry.pages = [[attach(registry)]]
    assert len(vex_documents(f"{host}/shop:1", registry.tags["1"], TRUST, options).documents) == 1


def test_a_server_that_is_away_is_an_error() -> None:
    with pytest.raises(NetError):
        vex_documents(f"127.0.0.1:{free_port()}/shop:1", "sha256:" + "a" * 64, TRUST, OPTIONS)


def test_no_more_than_a_bound_is_read_and_the_rest_is_told_of(registry: Referring) -> None:
    registry.pages = [[attach(registry, f"CVE-{number}") for number in range(210)]]
    attested = asked(registry)
    assert len(attested.documents) <= 200
    ((_, reason),) = attested.problems
    assert "not all are read" in reason


BENT = [
    ({"size": DOCUMENT_LIMIT + 1}, "more than are read"),
    ({"size": -1}, "more than are read"),
    ({"size": 3}, "where 3 are promised"),
    ({"digest": "md5:abc"}, "not sha256 or sha512"),
    ({"digest": "sha256:" + "d" * 64}, "has no sha256:dddd"),
]


@pytest.mark.parametrize(("bent", "message"), BENT)
def test_a_layer_that_is_not_what_it_is_said_to_be_is_left_out(registry: Referring, bent: Json, message: str) -> None:
    attach_by_tag(registry, SHOP.signed(statement(registry)))
    tag = f"{fallback_tag(registry.tags['1'])}.att"
    manifest = json.loads(registry.blobs.held[registry.tags[tag]])
    manifest["layers"].insert(0, {**manifest["layers"][0], **bent})
    registry.tags[tag] = registry.blobs.put(to_json(manifest), MANIFEST)["digest"]
    attested = asked(registry)
    ((_, reason),) = attested.problems
    assert message in reason
    assert len(attested.documents) == 1  # the same layer, as it is


WRONG: list[tuple[Json, str]] = [
    ({"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []}, "not said to be about"),
    ({"dsseEnvelope": {"payloadType": 1}}, "cannot be read"),
    (openvex("CVE-1"), "not said to be about"),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_what_does_not_say_that_it_is_about_the_image_is_left_out(
    registry: Referring, content: Json, message: str
) -> None:
    attach_by_tag(registry, content)
    attested = asked(registry)
    ((_, reason),) = attested.problems
    assert (attested.documents, message in reason) == ((), True)


def test_a_signed_statement_gets_no_signer_by_a_payload_that_was_put_in_its_place(registry: Referring) -> None:
    mine, other = SHOP.signed(statement(registry, "CVE-1")), SHOP.signed(statement(registry, "CVE-2"))
    attach_by_tag(registry, {**mine, "payload": other["payload"]})
    (document,) = asked(registry).documents
    assert document.signer == ""


NOISE = st.binary(max_size=60) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.just("sha256:" + "a" * 64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["layers", "manifests", "digest", "size", "mediaType", "subject", "payload", "predicateType"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(NOISE, NOISE, NOISE)
def test_any_bytes_cost_only_themselves(registry: Referring, listing: bytes, manifest: bytes, content: bytes) -> None:
    good = attach(registry)
    registry.instead = (200, {}, listing)
    registry.tags[fallback_tag(registry.tags["1"])] = registry.blobs.index(
        [good, registry.blobs.put(manifest, MANIFEST)]
    )["digest"]
    attach_by_tag(registry, SHOP.signed(statement(registry)), SHOP.envelope(content))
    attested = asked(registry)
    # A listing that can be read is believed; what is under the tag of cosign is looked for in any case.
    assert SHOP.fingerprint in {document.signer for document in attested.documents}
    with contextlib.suppress(HullmarkError):
        registry.tags["bad"] = registry.blobs.put(manifest, MANIFEST)["digest"]
        vex_documents(f"{registry.host}/shop:bad", registry.tags["1"], TRUST, OPTIONS)


def test_what_the_registry_lists_and_lacks_is_told_of_and_what_is_no_vex_is_not_fetched(registry: Referring) -> None:
    fine, gone = attach(registry), {**attach(registry, "CVE-2"), "digest": "sha256:" + "9" * 64}
    other = {**attach(registry, "CVE-3"), "artifactType": "application/vnd.example.picture"}
    manifest = json.loads(registry.blobs.held[fine["digest"]])
    picture = registry.blobs.put(b"picture", "application/x", annotations={"predicateType": "https://example.org/x"})
    manifest["layers"].insert(0, picture)
    mixed = registry.blobs.put(to_json(manifest), MANIFEST, artifactType=BUNDLE)
    registry.pages = [[other, gone, mixed]]
    attested = asked(registry)
    assert [document.signer for document in attested.documents] == [SHOP.fingerprint]
    assert attested.problems == ((gone["digest"], f"it is left out: {registry.url} has no shop@{gone['digest']}"),)
    assert not registry.asked(other["digest"])
    assert not registry.asked(picture["digest"])


def test_a_list_under_the_tag_that_cannot_be_read_is_told_of(registry: Referring) -> None:
    registry.instead = (404, {}, b"")
    tag = fallback_tag(registry.tags["1"])
    registry.tags[tag] = registry.blobs.put(b"{", INDEX)["digest"]
    attach_by_tag(registry, SHOP.signed(statement(registry)))
    attested = asked(registry)
    ((place, reason),) = attested.problems
    assert (place, len(attested.documents)) == (tag, 1)
    assert reason.startswith("it is left out: the list of referrers cannot be read: ")


def test_of_many_things_that_are_wrong_a_hundred_are_told_one_by_one(registry: Referring) -> None:
    one = attach(registry)
    registry.pages = [[{**one, "digest": f"sha256:{number:064x}"} for number in range(150)]]
    attested = asked(registry)
    assert [place for place, _ in attested.problems] == [f"sha256:{number:064x}" for number in range(100)]


def test_a_bundle_without_a_certificate_has_no_identity(registry: Referring) -> None:
    stranger, root = Signer(), read_trusted_root(to_json(Sigstore().trusted_root()), "the root")
    registry.pages = [[referrer(registry.blobs, image(registry), stranger.signed(statement(registry)), BUNDLE)]]
    trusted = replace(TRUST, identities=IdentityTrust(root=root, identities=()))
    attested = vex_documents(f"{registry.host}/shop:1", registry.tags["1"], trusted, OPTIONS)
    assert [(document.signer, attested.problems) for document in attested.documents] == [("", ())]


def test_a_store_of_blobs_that_is_away_is_an_error_of_the_network(registry: Referring) -> None:
    registry.pages = [[attach(registry)]]
    registry.redirect = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NetError):
        asked(registry)
