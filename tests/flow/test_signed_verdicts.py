"""Verdicts that are signed, put beside their images, verified here and by Debian's cosign, and refused where they may not be believed."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.attestations import Signer, cosign_tag, statement_about
from tests.support.cosign import PASSWORD, VSA, Cosign, cosign_in, plain_registry
from tests.support.images import Blobs, Json, small_layout, tagged, tar_of, to_json, with_platform, write_layout
from tests.support.open_registry import OpenRegistry
from tests.support.program import Program, program_in
from tests.support.shelves import openssl

POLICY = """\
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: not-root, gate: config, trigger: user, action: ACTION, params: {not_root: true}}
"""
AT = "2026-03-01T12:00:00Z"
DAYS_LATER = "2026-03-03T12:00:00Z"


@dataclass
class Shop:
    """The program, keys, policies, and an image in a layout."""

    hullmark: Program
    folder: Path

    def path(self, name: str) -> Path:
        """A file of the shop."""
        return self.folder / name

    @property
    def layout(self) -> str:
        """The image."""
        return f"oci-dir:{self.folder / 'image'}"

    def signed(self, name: str, *more: str | Path, source: str = "", key: str = "key.pem", at: str = AT) -> Path:
        """Judge the image, sign the verdict into a file."""
        file = self.path(name)
        words = ("--policy", self.path("warn.yaml"), "--at", at, "--sign", self.path(key), "--attestation", file)
        ran = self.hullmark("check", source or self.layout, *words, "-o", "json", *more)
        assert ran.status in (0, 1), ran.err
        return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    made = Shop(program_in(folder / "run"), folder)
    small_layout(folder / "image")
    for action in ("warn", "stop"):
        made.path(f"{action}.yaml").write_text(POLICY.replace("ACTION", action))
    for name in ("key", "other"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", made.path(f"{name}.pem"))
    openssl("genpkey", "-algorithm", "ed25519", "-out", made.path("ed25519.pem"))
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", made.path("rsa.pem"))
    for name in ("key", "other", "ed25519", "rsa"):
        openssl("pkey", "-in", made.path(f"{name}.pem"), "-pubout", "-out", made.path(f"{name}.pub"))
    return made


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return cosign_in(tmp_path_factory.mktemp("cosign") / "home")


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with plain_registry(tmp_path_factory.mktemp("registry") / "it") as host:
        yield host


@pytest.fixture(scope="module")
def listing() -> Iterator[OpenRegistry]:
    with OpenRegistry().running() as registry:
        yield registry


@pytest.fixture(params=["debian", "listing"])
def host(request: pytest.FixtureRequest) -> str:
    """A registry without the API for referrers, and one with it."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, str) else str(found.host)


# Signed here


@pytest.mark.slow
@pytest.mark.parametrize("key", ["key", "rsa"])
def test_what_is_signed_here_cosign_verifies_in_both_forms(shop: Shop, cosign: Cosign, host: str, key: str) -> None:
    reference = f"{host}/shop/{key}:1"
    assert shop.hullmark("copy", shop.layout, reference).status == 0
    shop.signed("it.json", "--attach", source=f"registry:{reference}", key=f"{key}.pem")
    for bundle in (True, False):
        ran = cosign.verified(reference, shop.path(f"{key}.pub"), bundle=bundle)
        assert ran.returncode == 0, ran.stderr
        payload = json.loads(base64.b64decode(json.loads(ran.stdout.splitlines()[0])["payload"]))
        assert payload["predicateType"] == VSA
        assert payload["predicate"]["verificationResult"] == "PASSED"
        assert cosign.verified(reference, shop.path("other.pub"), bundle=bundle).returncode != 0
    verify = ("verify", f"registry:{reference}", "--key", shop.path(f"{key}.pub"), "--at", AT, "-o", "json")
    verified = shop.hullmark(*verify).document
    assert verified["verdict"] == "warn"
    assert verified["resource"].startswith(f"pkg:oci/{key}@sha256:")


@pytest.mark.slow
def test_ed25519_is_verified_by_the_tag(shop: Shop, cosign: Cosign, debian: str) -> None:
    reference = f"{debian}/shop/ed25519:1"
    assert shop.hullmark("copy", shop.layout, reference).status == 0
    shop.signed("it.json", "--attach", source=f"registry:{reference}", key="ed25519.pem")
    ran = cosign.verified(reference, shop.path("ed25519.pub"), bundle=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_a_new_verdict_takes_the_place_of_the_older_one_under_the_tag(shop: Shop, cosign: Cosign, debian: str) -> None:
    reference = f"{debian}/shop/again:1"
    assert shop.hullmark("copy", shop.layout, reference).status == 0
    cosign.attest(reference, "https://example.org/x", "{}")
    for at in (AT, DAYS_LATER):
        shop.signed("it.json", "--attach", source=f"registry:{reference}", at=at)
    ran = cosign.verified(reference, shop.path("key.pub"), bundle=False)
    (line,) = ran.stdout.splitlines()
    assert DAYS_LATER in base64.b64decode(json.loads(line)["payload"]).decode()
    ran = cosign.verified(reference, cosign.public, bundle=False, kind="https://example.org/x")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_a_key_that_cosign_made_signs(shop: Shop, cosign: Cosign) -> None:
    pytest.importorskip("nacl", reason="PyNaCl, which reads cosign's keys, is not installed")
    file = shop.path("by-cosign.json")
    words = ("check", shop.layout, "--policy", shop.path("warn.yaml"), "--sign", cosign.key, "--attestation", file)
    assert "has a password" in shop.hullmark(*words).refusal[0]
    assert "cannot be opened" in shop.hullmark(*words, env={"HULLMARK_KEY_PASSWORD": "wrong"}).refusal[0]
    assert shop.hullmark(*words, env={"HULLMARK_KEY_PASSWORD": PASSWORD}).status == 0
    assert shop.hullmark("verify", shop.layout, "--key", cosign.public, "--bundle", file).status == 0


KMS = """\
import base64, subprocess, sys
key, action = sys.argv[1:]
if action == "public-key":
    sys.stdout.buffer.write(subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, check=True).stdout)
else:
    made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=sys.stdin.buffer.read(), capture_output=True, check=True)
    print(base64.b64encode(made.stdout).decode())
"""


def test_a_program_signs_with_a_key_that_it_keeps(shop: Shop) -> None:
    shop.path("kms.py").write_text(KMS)
    command = f"exec:{sys.executable} {shop.path('kms.py')} {shop.path('rsa.pem')}"
    file = shop.path("by-program.json")
    words = ("check", shop.layout, "--policy", shop.path("warn.yaml"), "--attestation", file, "--sign")
    assert shop.hullmark(*words, command).status == 0
    assert shop.hullmark("verify", shop.layout, "--key", shop.path("rsa.pub"), "--bundle", file).status == 0
    assert "cannot be run" in shop.hullmark(*words, "exec:/nowhere/kms").refusal[0]
    assert "failed with status" in shop.hullmark(*words, f"exec:{sys.executable} {shop.path('kms.py')} /no").refusal[0]


# Signed by cosign


@pytest.mark.slow
@pytest.mark.parametrize("bundle", [True, False])
def test_a_verdict_that_cosign_attested_is_verified_here(shop: Shop, cosign: Cosign, host: str, bundle: bool) -> None:
    reference = f"{host}/shop/by-cosign-{bundle}:1".lower()
    assert shop.hullmark("copy", shop.layout, reference).status == 0
    predicate = _payload(shop.signed("it.json"))["predicate"]
    cosign.attest(reference, VSA, json.dumps(predicate), bundle=bundle)
    verify = ("verify", f"registry:{reference}", "--at", AT, "--key")
    ran = shop.hullmark(*verify, cosign.public)
    assert ran.status == 0, ran.err
    assert "none of the trusted keys" in shop.hullmark(*verify, shop.path("key.pub")).refusal[0]


# Refused


def _payload(file: Path) -> Json:
    found: Json = json.loads(base64.b64decode(json.loads(file.read_bytes())["dsseEnvelope"]["payload"]))
    return found


def _verify(shop: Shop, file: Path, *more: str | Path, at: str = AT) -> tuple[str, str]:
    common = ("--key", shop.path("key.pub"), "--bundle", file, "--at", at)
    return shop.hullmark("verify", shop.layout, *common, *more).refusal


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_one_changed_byte_is_refused(shop: Shop, part: str) -> None:
    document = json.loads(shop.signed("it.json").read_bytes())
    envelope = document["dsseEnvelope"]
    place = envelope if part == "payload" else envelope["signatures"][0]
    body = bytearray(base64.b64decode(place[part]))
    body[len(body) // 2] ^= 1
    place[part] = base64.b64encode(body).decode()
    changed = shop.path("changed.json")
    changed.write_text(json.dumps(document))
    assert "was changed after it was signed" in _verify(shop, changed)[0]


def test_another_key_is_refused(shop: Shop) -> None:
    assert "signed by none of the trusted keys" in _verify(shop, shop.signed("it.json", key="other.pem"))[0]


def test_an_expired_verdict_is_refused(shop: Shop) -> None:
    file = shop.signed("it.json", "--valid-for", "12h")
    assert _verify(shop, file, at="2026-03-02T00:00:00Z")[0] == "the statement expired at 2026-03-02T00:00:00Z"
    words = ("verify", shop.layout, "--key", shop.path("key.pub"), "--bundle", file, "--at", "2026-03-01T23:59:59Z")
    assert shop.hullmark(*words).status == 0


def test_a_verdict_from_the_future_is_refused(shop: Shop) -> None:
    assert "later than now" in _verify(shop, shop.signed("it.json"), at="2026-03-01T11:00:00Z")[0]


def test_a_verdict_on_another_image_is_refused(shop: Shop) -> None:
    write_layout(shop.path("another"), blobs := Blobs(), [tagged(blobs.image((tar_of({"a": b"a"}),)), "latest")])
    file = shop.signed("it.json", source=f"oci-dir:{shop.path('another')}")
    assert "about another image" in _verify(shop, file)[0]


def test_a_verdict_by_another_policy_is_refused(shop: Shop) -> None:
    assert "by another policy" in _verify(shop, shop.signed("it.json"), "--policy", shop.path("stop.yaml"))[0]


def test_an_older_verdict_than_one_that_was_verified_before_is_refused(shop: Shop) -> None:
    older, newer = shop.signed("older.json"), shop.signed("newer.json", at=DAYS_LATER)
    words = ("verify", shop.layout, "--key", shop.path("key.pub"), "--memory", shop.path("memory.json"))
    assert shop.hullmark(*words, "--bundle", older, "--at", DAYS_LATER).status == 0
    assert shop.hullmark(*words, "--bundle", newer, "--at", DAYS_LATER).status == 0
    assert "is replayed" in shop.hullmark(*words, "--bundle", older, "--at", DAYS_LATER).refusal[0]


def test_an_older_verdict_than_is_accepted_is_refused(shop: Shop) -> None:
    file = shop.signed("it.json")
    assert "older than what is accepted" in _verify(shop, file, "--not-before", DAYS_LATER, at=DAYS_LATER)[0]


def test_of_two_verdicts_the_newer_counts_even_if_it_stops(shop: Shop, listing: OpenRegistry) -> None:
    reference = f"registry:{listing.host}/shop/revoked:1"
    assert shop.hullmark("copy", shop.layout, reference).status == 0
    shop.signed("it.json", "--attach", source=reference)
    verify = ("verify", reference, "--key", shop.path("key.pub"), "--at", DAYS_LATER)
    assert shop.hullmark(*verify).status == 0
    stop = ("--policy", shop.path("stop.yaml"), "--at", DAYS_LATER, "--sign", shop.path("key.pem"), "--attach")
    assert shop.hullmark("check", reference, *stop).status == 1
    ran = shop.hullmark(*verify)
    assert (ran.status, ran.text.partition(":")[0]) == (1, "stop")


def test_what_is_not_signed_is_refused_with_what_to_do(shop: Shop) -> None:
    what, advice = shop.hullmark("verify", shop.layout, "--key", shop.path("key.pub"), "--at", AT).refusal
    assert (what, advice) == ("there is no statement", "have the image judged again: hullmark check --sign")
    assert "no key is named" in shop.hullmark("verify", shop.layout).refusal[0]


# Offline, by digest, and again


def test_a_digest_and_a_file_are_enough(shop: Shop) -> None:
    file = shop.signed("it.json")
    digest = "sha256:" + _payload(file)["subject"][0]["digest"]["sha256"]
    words = ("--key", shop.path("key.pub"), "--bundle", file, "--at", AT)
    assert shop.hullmark("verify", digest, *words).status == 0
    assert "another image" in shop.hullmark("verify", "sha256:" + "0" * 64, *words).refusal[0]


def test_a_verdict_is_recomputed_byte_for_byte_elsewhere(shop: Shop, tmp_path: Path) -> None:
    file = shop.signed("it.json")
    elsewhere = program_in(tmp_path)
    words = ("verify", shop.layout, "--key", shop.path("key.pub"), "--bundle", file, "--at", AT, "--recompute")
    for jobs, zone in (("1", "Asia/Tokyo"), ("4", "America/New_York")):
        ran = elsewhere(*words, "--policy", shop.path("warn.yaml"), "--jobs", jobs, env={"TZ": zone})
        assert ran.status == 0, ran.err
        assert "recomputed byte for byte" in ran.text


def test_two_signed_verdicts_of_the_same_inputs_have_the_same_statement(shop: Shop, tmp_path: Path) -> None:
    first = base64.b64decode(json.loads(shop.signed("it.json").read_bytes())["dsseEnvelope"]["payload"])
    elsewhere = Shop(program_in(tmp_path), shop.folder)
    again = json.loads(elsewhere.signed("again.json", "--jobs", "3").read_bytes())["dsseEnvelope"]["payload"]
    assert base64.b64decode(again) == first


def _signed_image(shop: Shop, folder: Path, envelopes: list[Json]) -> str:
    blobs = Blobs()
    image = blobs.image()
    tag = image["digest"].replace(":", "-") + ".att"
    return (
        f"oci-dir:{write_layout(folder, blobs, [tagged(image, 'latest'), tagged(cosign_tag(blobs, envelopes), tag)])}"
    )


def test_a_verdict_that_rests_on_signatures_is_recomputed_from_those_that_it_names(shop: Shop, tmp_path: Path) -> None:
    builder, other = Signer(), Signer()
    trusted = shop.path("builder.pub")
    trusted.write_bytes(builder.public)
    policy = tmp_path / "signed.yaml"
    rule = "{id: ours, gate: signatures, trigger: signed_by, action: stop}"
    policy.write_text(f"schema: hullmark-policy/1\nname: p\nversion: 1\nrules: [{rule}]\n")
    statement = statement_about(Blobs().image()["digest"], {"x": 1}, "https://example.org/x")
    envelope, later = builder.signed(statement), other.signed(statement)
    common = ("--policy", policy, "--trusted-keys", trusted, "--at", AT)
    layout = _signed_image(shop, tmp_path / "image", [envelope])
    file = tmp_path / "it.json"
    signing = ("--sign", shop.path("key.pem"), "--attestation", file, "--attach")
    assert shop.hullmark("check", layout + ":latest", *common, *signing).status == 0
    (named,) = _payload(file)["predicate"]["inputAttestations"]
    assert named["digest"]["sha256"] == hashlib.sha256(to_json(envelope)).hexdigest()
    elsewhere = program_in(tmp_path / "home")
    words = ("--key", shop.path("key.pub"), "--bundle", file, *common, "--recompute")
    # Beside the first lies the verdict itself by now, beside the second what somebody else signed.
    more = _signed_image(shop, tmp_path / "more", [later, envelope])
    for image, jobs, zone in ((layout, "1", "Asia/Tokyo"), (more, "4", "America/New_York")):
        ran = elsewhere("verify", image + ":latest", *words, "--jobs", jobs, env={"TZ": zone})
        assert ran.status == 0, ran.err
    for name, envelopes in (("none", []), ("others", [later])):
        lacking = _signed_image(shop, tmp_path / name, envelopes)
        assert (
            "other signatures than the statement names" in elsewhere("verify", lacking + ":latest", *words).refusal[0]
        )


# What it is about


def test_an_index_is_a_subject_only_if_all_its_images_were_judged(shop: Shop, tmp_path: Path) -> None:
    blobs = Blobs()
    one = with_platform(blobs.image(), "linux/amd64")
    other = with_platform(blobs.image((tar_of({"a": b"a"}),), platform="linux/arm64"), "linux/arm64")
    single, several = blobs.index([one]), blobs.index([one, other])
    layout = write_layout(tmp_path / "image", blobs, [tagged(single, "single"), tagged(several, "several")])
    for tag, subjects in (("single", [one, single]), ("several", [one])):
        payload = _payload(shop.signed("it.json", "--platform", "linux/amd64", source=f"oci-dir:{layout}:{tag}"))
        stated = ["sha256:" + subject["digest"]["sha256"] for subject in payload["subject"]]
        assert stated == [subject["digest"] for subject in subjects]


def test_a_layout_keeps_verdicts_beside_its_image(shop: Shop, tmp_path: Path) -> None:
    layout = f"oci-dir:{small_layout(tmp_path / 'image')}"
    shop.signed("it.json", "--attach", source=layout)
    words = ("--key", shop.path("key.pub"), "--at", AT)
    assert shop.hullmark("verify", layout, *words).status == 0
    assert shop.hullmark("scan", layout, "-o", "json").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sign", "key.pem"), "nobody gets the signed verdict"),
        (("--attach",), "has to be signed"),
        (("--sign", "key.pub", "--attestation", "x"), "holds no private key"),
        (("--sign", "warn.yaml", "--attestation", "x"), "holds no private key"),
        (("--sign", "key.pem", "--attestation", "x", "--valid-for", "soon"), "not a span of time"),
        (("--sign", "keyless", "--attestation", "x"), "at which services"),
        (("--sign", "keyless", "--attestation", "x", "--fulcio-url", "http://127.0.0.1:9"), "at which services"),
        (("--sign", "keyless", "--attestation", "x", "--fulcio-url", "x", "--rekor-url", "x"), "no token"),
    ],
)
def test_options_that_cannot_be_used_are_refused(shop: Shop, words: tuple[str, ...], message: str) -> None:
    given = [shop.path(word) if shop.path(word).exists() else word for word in words]
    ran = shop.hullmark("check", shop.layout, "--policy", shop.path("warn.yaml"), *given)
    assert message in ran.refusal[0]
