"""Debian's cosign and we say the same of bundles with certificates: the good ones pass, those with one fault do not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.proof.bundle import read_bundle
from hullmark.proof.sigstore.identity import ExpectedIdentity
from hullmark.proof.sigstore.signature import IdentityTrust, verify_certificate
from hullmark.proof.sigstore.trusted_root import read_trusted_root
from tests.support.attestations import statement_about
from tests.support.images import Json
from tests.support.sigstore import ISSUER, LEAF_REQUEST, MINUTE, SUBJECT, LeafRequest, Sigstore
from tests.support.sigstore_faults import FAULTS

pytestmark = pytest.mark.slow

KIND = "https://example.org/x"
BLOB = b"what is attested"
PAYLOAD = json.dumps(statement_about(f"sha256:{hashlib.sha256(BLOB).hexdigest()}", {}, KIND)).encode()
IGNORE = ("--insecure-ignore-tlog=true",)


@pytest.fixture
def place() -> Sigstore:
    """A small Sigstore whose log holds something."""
    made = Sigstore()
    for number in range(5):
        made.log.entry(b"other %d" % number, LEAF_REQUEST.begin, ("x", "1"))
    return made


def accepted_by_cosign(bundle: Json, root: Json, folder: Path, *more: str) -> tuple[bool, str]:
    """Whether cosign verifies a bundle, and what it says."""
    if shutil.which("cosign") is None:
        pytest.skip("cosign is not installed")
    for name, document in (("bundle", bundle), ("root", root)):
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "blob").write_bytes(BLOB)
    words = ("--new-bundle-format", "--bundle", folder / "bundle.json", "--trusted-root", folder / "root.json")
    who = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER, "--type", KIND)
    ran = subprocess.run(
        ["cosign", "verify-blob-attestation", *words, *who, *more, folder / "blob"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode == 0, ran.stderr


def accepted_here(bundle: Json, root: Json, now: datetime, **more: bool) -> tuple[bool, str]:
    """The same, here."""
    found = read_bundle(json.dumps(bundle).encode())
    who = ExpectedIdentity(subject=SUBJECT.__eq__, issuer=ISSUER.__eq__)
    trust = IdentityTrust(
        root=read_trusted_root(json.dumps(root).encode(), "the root"),
        identities=(who,),
        ignores_log=more.get("ignores_log", False),
        ignores_certificate_log=more.get("ignores_certificate_log", False),
    )
    try:
        verify_certificate(found.content, found.read_material(), trust, now)
    except ValueError as error:
        return False, str(error)
    return True, ""


@pytest.mark.parametrize("kind", ["dsse", "intoto"])
def test_a_good_bundle_is_accepted_by_both(place: Sigstore, tmp_path: Path, kind: str) -> None:
    bundle, root = place.bundle(PAYLOAD, place.leaf(), kind=kind), place.trusted_root()
    assert accepted_by_cosign(bundle, root, tmp_path) == (True, "Verified OK\n")
    assert accepted_here(bundle, root, datetime.now(UTC)) == (True, "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_bundle_with_one_fault_is_refused_by_both(place: Sigstore, tmp_path: Path, name: str) -> None:
    bundle = FAULTS[name][0](place, PAYLOAD)
    root = place.trusted_root()
    assert (name, accepted_here(bundle, root, datetime.now(UTC))[0]) == (name, False)
    assert (name, accepted_by_cosign(bundle, root, tmp_path)[0]) == (name, False)


def test_timestamps_are_accepted_by_both_beside_the_log_and_without_it(place: Sigstore, tmp_path: Path) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - MINUTE
    root = place.trusted_root()
    bundle = place.stamped(place.bundle(PAYLOAD, place.leaf(LeafRequest(begin=begin))), tmp_path / "tsa")
    assert accepted_by_cosign(bundle, root, tmp_path, "--use-signed-timestamps")[0]
    assert accepted_here(bundle, root, datetime.now(UTC))[0]
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert accepted_by_cosign(bundle, root, tmp_path, "--use-signed-timestamps", *IGNORE)[0]
    assert accepted_here(bundle, root, datetime.now(UTC), ignores_log=True)[0]
    # By an authority that the root does not name.
    root["timestampAuthorities"] = Sigstore().trusted_root()["timestampAuthorities"]
    long_ago = place.stamped(place.bundle(PAYLOAD, place.leaf()), tmp_path / "tsa")
    assert not accepted_by_cosign(long_ago, root, tmp_path, "--use-signed-timestamps", *IGNORE)[0]
    assert not accepted_here(long_ago, root, datetime.now(UTC), ignores_log=True)[0]


def test_without_log_and_timestamp_both_refuse_a_certificate_that_has_expired(place: Sigstore, tmp_path: Path) -> None:
    bundle, root = place.bundle(PAYLOAD, place.leaf()), place.trusted_root()
    assert not accepted_by_cosign(bundle, root, tmp_path, *IGNORE)[0]
    assert not accepted_here(bundle, root, datetime.now(UTC), ignores_log=True)[0]
    fresh = place.bundle(
        PAYLOAD, place.leaf(replace(LEAF_REQUEST, begin=datetime.now(UTC).replace(microsecond=0) - MINUTE))
    )
    assert accepted_here(fresh, root, datetime.now(UTC), ignores_log=True)[0]
    assert accepted_by_cosign(fresh, root, tmp_path, *IGNORE)[0]


def test_a_certificate_in_no_log_is_accepted_by_both_where_that_is_ignored(place: Sigstore, tmp_path: Path) -> None:
    bundle, root = place.bundle(PAYLOAD, place.leaf(logged=False)), place.trusted_root()
    assert accepted_by_cosign(bundle, root, tmp_path, "--insecure-ignore-sct=true")[0]
    assert accepted_here(bundle, root, datetime.now(UTC), ignores_certificate_log=True)[0]
