"""Signatures by certificates: believed by identity and log, refused for one fault at a time; and any damage at all."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.proof.bundle import read_bundle
from hullmark.proof.sigstore.identity import ExpectedIdentity
from hullmark.proof.sigstore.material import InclusionProof
from hullmark.proof.sigstore.refusal import NotTrusted, NotVerified
from hullmark.proof.sigstore.signature import CertificateSignature, IdentityTrust, verify_certificate
from hullmark.proof.sigstore.timestamp import stamped_at
from hullmark.proof.sigstore.transparency import root_of
from hullmark.proof.sigstore.trusted_root import TrustedRoot, read_trusted_root
from tests.support.attestations import statement_about
from tests.support.images import Json
from tests.support.sigstore import (
    ISSUER,
    LEAF_REQUEST,
    MINUTE,
    REF,
    REPOSITORY,
    SECOND,
    SUBJECT,
    LeafRequest,
    Sigstore,
    _path,
    _root,
    der,
    pem,
)
from tests.support.sigstore_faults import FAULTS, flipped

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAYLOAD = json.dumps(statement_about("sha256:" + "1" * 64, {}, "https://example.org/x")).encode()


def sigstore() -> Sigstore:
    """A small Sigstore whose log holds something."""
    made = Sigstore()
    for number in range(5):
        made.log.entry(b"other %d" % number, NOW, ("x", "1"))
    return made


SIGSTORE = sigstore()


def root_in(document: Json) -> TrustedRoot:
    return read_trusted_root(json.dumps(document).encode(), "the root")


def expected(**more: Any) -> ExpectedIdentity:
    return ExpectedIdentity(**{"subject": SUBJECT.__eq__, "issuer": ISSUER.__eq__, **more})


def verified(bundle: Json, root: TrustedRoot, at: datetime = NOW, **more: Any) -> CertificateSignature:
    found = read_bundle(json.dumps(bundle).encode())
    trust = IdentityTrust(**{"root": root, "identities": (expected(),), **more})
    return verify_certificate(found.content, found.read_material(), trust, at)


ROOT = root_in(SIGSTORE.trusted_root())
LEAF = SIGSTORE.leaf()
BUNDLE = SIGSTORE.bundle(PAYLOAD, LEAF)


@pytest.mark.parametrize("kind", ["dsse", "intoto", "tile"])
def test_a_bundle_is_believed_by_its_identity_and_the_log(kind: str) -> None:
    found = verified(SIGSTORE.bundle(PAYLOAD, SIGSTORE.leaf(), kind=kind), ROOT)
    assert (found.identity.subjects, found.identity.issuer) == ((SUBJECT,), ISSUER)
    assert (found.identity.repositories, found.identity.ref) == ((REPOSITORY, "acme/shop"), REF)
    assert (found.times, found.unproven) == ((LEAF_REQUEST.begin + SECOND,), ())


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_enough_to_refuse_and_is_told(name: str) -> None:
    fault, reason = FAULTS[name]
    place = sigstore()
    bundle = fault(place, PAYLOAD)
    with pytest.raises(NotVerified, match=reason) as refused:
        verified(bundle, root_in(place.trusted_root()))
    stranger = name in ("another subject", "another issuer", "another authority")
    assert isinstance(refused.value, NotTrusted) is stranger


def test_an_address_and_the_older_form_of_the_issuer_are_read() -> None:
    leaf = SIGSTORE.leaf(LeafRequest(subject="jo@example.org", is_old=True))
    who = expected(subject="jo@example.org".__eq__)
    assert (
        verified(SIGSTORE.bundle(PAYLOAD, leaf), ROOT, identities=(who,)).identity.name == f"jo@example.org ({ISSUER})"
    )


@pytest.mark.parametrize("field", ["repository", "ref", "workflow"])
def test_what_is_asked_of_a_workflow_must_be_in_the_certificate(field: str) -> None:
    good = {"repository": REPOSITORY, "ref": REF, "workflow": "Release"}[field]
    verified(BUNDLE, ROOT, identities=(expected(**{field: good.__eq__}),))
    with pytest.raises(NotTrusted):
        verified(BUNDLE, ROOT, identities=(expected(**{field: "other".__eq__}),))
    # Any of several identities is enough, none is not.
    verified(BUNDLE, ROOT, identities=(expected(**{field: "other".__eq__}), expected()))
    with pytest.raises(NotTrusted):
        verified(BUNDLE, ROOT, identities=())


def test_an_older_bundle_is_believed_by_the_promise_alone() -> None:
    bundle = copy.deepcopy(BUNDLE)
    material = bundle["verificationMaterial"]
    del material["tlogEntries"][0]["inclusionProof"]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    for version, is_enough in (("0.1", True), ("0.2", False)):
        bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
        if is_enough:
            assert verified(bundle, ROOT).times
        else:
            with pytest.raises(NotVerified, match="no proof"):
                verified(bundle, ROOT)


def test_an_authority_and_logs_count_only_in_their_time() -> None:
    for part, place in (("tlogs", "publicKey"), ("ctlogs", "publicKey"), ("certificateAuthorities", "")):
        document = SIGSTORE.trusted_root()
        entry = document[part][0][place] if place else document[part][0]
        entry["validFor"] = {"start": "2024-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
        with pytest.raises(NotVerified):
            verified(BUNDLE, root_in(document))
        entry["validFor"]["end"] = "2026-04-01T00:00:00Z"
        verified(BUNDLE, root_in(document))


# What is ignored


def test_without_the_log_the_certificate_must_be_valid_now_and_that_is_told() -> None:
    found = verified(BUNDLE, ROOT, LEAF_REQUEST.begin + MINUTE, ignores_log=True)
    assert found.times == ()
    assert found.unproven == (
        "that the signature is in a transparency log, which was ignored",
        "when it was signed: the certificate is valid now",
    )
    with pytest.raises(NotVerified, match="and not at 2026-06-01"):
        verified(BUNDLE, ROOT, ignores_log=True)


def test_what_the_log_says_counts_for_nothing_where_it_is_ignored() -> None:
    bundle = copy.deepcopy(BUNDLE)
    bundle["verificationMaterial"]["tlogEntries"] = [{"canonicalizedBody": "AAAA"}]
    verified(bundle, ROOT, LEAF_REQUEST.begin + MINUTE, ignores_log=True)


def test_certificates_in_no_log_are_believed_where_the_root_names_none_or_that_is_ignored() -> None:
    bundle = SIGSTORE.bundle(PAYLOAD, SIGSTORE.leaf(logged=False))
    cases: list[tuple[TrustedRoot, dict[str, Any]]] = [
        (root_in(SIGSTORE.trusted_root(ctlogs=[])), {}),
        (ROOT, {"ignores_certificate_log": True}),
    ]
    for root, more in cases:
        (unproven,) = verified(bundle, root, **more).unproven
        assert unproven.startswith("that the certificate is in a log of certificates")


def test_authorities_in_pem_are_enough_without_a_log() -> None:
    root = read_trusted_root(b"".join(map(pem, SIGSTORE.authority.chain)), "the root")
    verified(BUNDLE, root, LEAF_REQUEST.begin + MINUTE, ignores_log=True)
    with pytest.raises(NotVerified, match="names no transparency log"):
        verified(BUNDLE, root)
    with pytest.raises(NotTrusted, match="none of the trusted authorities"):
        verified(
            BUNDLE,
            read_trusted_root(pem(Sigstore().authority.root), "it"),
            LEAF_REQUEST.begin + MINUTE,
            ignores_log=True,
        )


def test_a_root_alone_needs_the_certificates_that_come_along() -> None:
    root = read_trusted_root(pem(SIGSTORE.authority.root), "the root")
    bundle = copy.deepcopy(BUNDLE)
    with pytest.raises(NotTrusted):
        verified(bundle, root, LEAF_REQUEST.begin + MINUTE, ignores_log=True)
    material = bundle["verificationMaterial"]
    between = base64.b64encode(der(SIGSTORE.authority.intermediate)).decode()
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate"), {"rawBytes": between}]}
    verified(bundle, root, LEAF_REQUEST.begin + MINUTE, ignores_log=True)


# Timestamps


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """A bundle of just now, with a timestamp."""
    begin = datetime.now(UTC).replace(microsecond=0) - MINUTE
    return SIGSTORE.stamped(
        SIGSTORE.bundle(PAYLOAD, SIGSTORE.leaf(LeafRequest(begin=begin))), tmp_path_factory.mktemp("tsa")
    )


def test_a_timestamp_proves_a_time_beside_the_log_or_without_it(stamped: Json) -> None:
    long_after = datetime.now(UTC) + timedelta(days=700)
    assert len(verified(stamped, ROOT, long_after).times) == 2
    bundle = copy.deepcopy(stamped)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    assert len(verified(bundle, ROOT, long_after).times) == 1
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert len(verified(bundle, ROOT, long_after, ignores_log=True).times) == 1


@pytest.mark.parametrize("fault", ["changed", "other signature", "other authority", "nobody"])
def test_a_timestamp_that_is_wrong_proves_nothing(stamped: Json, fault: str) -> None:
    bundle, document = copy.deepcopy(stamped), SIGSTORE.trusted_root()
    stamps = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    if fault == "changed":
        stamps[0]["signedTimestamp"] = flipped(stamps[0]["signedTimestamp"])
    elif fault == "other signature":
        again = SIGSTORE.bundle(PAYLOAD, SIGSTORE.leaf())
        bundle = {
            **again,
            "verificationMaterial": {
                **again["verificationMaterial"],
                "timestampVerificationData": {"rfc3161Timestamps": stamps},
            },
        }
    else:
        document["timestampAuthorities"] = (
            Sigstore().trusted_root()["timestampAuthorities"] if fault == "other authority" else []
        )
    bundle["verificationMaterial"]["tlogEntries"] = []
    with pytest.raises(NotVerified):
        verified(bundle, root_in(document), datetime.now(UTC) + timedelta(days=700), ignores_log=True)


@given(st.data())
def test_any_damage_to_a_timestamp_is_refused_or_leaves_its_time(stamped: Json, data: st.DataObject) -> None:
    text = stamped["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"]
    good = base64.b64decode(text)
    signature = base64.b64decode(stamped["dsseEnvelope"]["signatures"][0]["sig"])
    at = stamped_at(good, signature, ROOT.timestamp_authorities)
    body = bytearray(good)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from((len(body), place)))
    with contextlib.suppress(NotVerified):
        assert stamped_at(bytes(body[:cut]), signature, ROOT.timestamp_authorities) == at
    with pytest.raises(NotVerified):
        stamped_at(data.draw(st.binary(max_size=60)), signature, ROOT.timestamp_authorities)


def test_a_timestamp_without_certificates_is_checked_by_those_of_the_root(tmp_path: Path) -> None:
    stamp = SIGSTORE.stamp(b"it", tmp_path / "tsa", certs=False)
    stamped_at(stamp, b"it", ROOT.timestamp_authorities)
    with pytest.raises(NotVerified, match="about something else"):
        stamped_at(stamp, b"not it", ROOT.timestamp_authorities)
    with pytest.raises(NotVerified, match="not at hand"):
        stamped_at(stamp, b"it", root_in(Sigstore().trusted_root()).timestamp_authorities)


# Trees


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_a_leaf_is_proven_in_a_tree_of_any_size_and_in_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    from hashlib import sha256

    hashes = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = InclusionProof(index=index, size=len(leaves), hashes=tuple(_path(hashes, index)), root=b"", checkpoint="")
    assert root_of(leaves[index], proof) == _root(hashes)
    other = data.draw(st.integers(0, len(leaves) - 1))
    moved = InclusionProof(index=other, size=len(leaves), hashes=proof.hashes, root=b"", checkpoint="")
    if hashes[other] != hashes[index]:
        with contextlib.suppress(NotVerified):
            assert root_of(leaves[index], moved) != _root(hashes)


# Any damage


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


PLACES = _places(BUNDLE)[1:]
ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just([]), st.just({}), st.just("AAAA"))


@given(st.data())
def test_no_damage_to_a_bundle_raises_anything_else_or_passes_for_another_statement(data: st.DataObject) -> None:
    bundle = copy.deepcopy(BUNDLE)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(PLACES))
        try:
            holder: Any = bundle
            for key in path:
                holder = holder[key]
            old = holder[last]
        except (LookupError, TypeError):
            continue
        if isinstance(holder, dict | list):  # earlier damage may have put a text there
            holder[last] = _damaged(old, data)
    try:
        found = read_bundle(json.dumps(bundle).encode())
        trust = IdentityTrust(root=ROOT, identities=(expected(),))
        signature = verify_certificate(found.content, found.read_material(), trust, NOW)
    except (HullmarkError, ValueError):
        return
    assert (found.envelope.payload, signature.identity.subjects) == (PAYLOAD, (SUBJECT,))


def _damaged(value: object, data: st.DataObject) -> object:
    if isinstance(value, str) and value and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(value) - 1))
        return value[:place] + data.draw(st.sampled_from("A1=+ \n")) + value[place + 1 :]
    return data.draw(ANY)


@given(st.data())
def test_no_damage_to_a_certificate_raises_anything_else_or_passes(data: st.DataObject) -> None:
    body = bytearray(der(LEAF.certificate))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    bundle = copy.deepcopy(BUNDLE)
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(body).decode()
    if bytes(body) != der(LEAF.certificate):
        with pytest.raises(NotVerified):
            verified(bundle, ROOT)


# Trusted roots


def test_an_entry_of_a_root_that_cannot_be_used_costs_only_itself() -> None:
    document = SIGSTORE.trusted_root()
    document["tlogs"].insert(0, {"baseUrl": "https://new.example", "publicKey": {"rawBytes": "AAAA"}})
    root = root_in(document)
    (unusable,) = root.unusable
    assert unusable.startswith("https://new.example in the trusted root cannot be used")
    verified(BUNDLE, root)


def test_a_log_of_certificates_that_cannot_be_used_is_not_one_that_nobody_names() -> None:
    document = SIGSTORE.trusted_root(ctlogs=[{"baseUrl": "https://new.example", "publicKey": {"rawBytes": "AAAA"}}])
    with pytest.raises(NotVerified, match="no log of certificates that is trusted"):
        verified(BUNDLE, root_in(document))


def test_a_name_moves_no_cursor() -> None:
    leaf = SIGSTORE.leaf(LeafRequest(subject="https://git.example/\x1b[2J"))
    with pytest.raises(NotTrusted) as refused:
        verified(SIGSTORE.bundle(PAYLOAD, leaf), ROOT)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not a trusted root"),
        (b"{}", "its media type is ''"),
        (b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}', "its media type is"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----", "holds 0 certificates"),
        (b" " * (1 << 21), "is larger than"),
    ],
)
def test_what_is_no_trusted_root_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(HullmarkError, match=reason):
        read_trusted_root(body, "it")


@given(st.data())
def test_any_damage_to_a_trusted_root_is_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(SIGSTORE.trusted_root())
    places = _places(document)[1:]
    *path, last = data.draw(st.sampled_from(places))
    holder: Any = document
    for key in path:
        holder = holder[key]
    holder[last] = _damaged(holder[last], data)
    try:
        root = root_in(document)
    except HullmarkError:
        return
    with contextlib.suppress(NotVerified):
        verified(BUNDLE, root)
