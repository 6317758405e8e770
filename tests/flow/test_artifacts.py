"""Advisories through a real registry with TLS and a login: pushed, pulled, and as little as possible of both."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.shelf import Shelf
from hullmark.app.share import ARTIFACT_TYPE, pull, push
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.net.errors import BadRedirect, CertificateRefused
from hullmark.source import ImageNotFound, SourceOptions, open_image
from hullmark.source.artifacts import ArtifactRequest, Part, open_artifact, push_artifact
from tests.support.images import Blobs
from tests.support.registry import FakeRegistry, debian_registry, encoded, make_certificates
from tests.support.shelves import fingerprint_of, key_pair, put, some_feeds

LOGIN = ("writer", "correct horse")
TYPE = "application/vnd.example.thing.v1"


@dataclass(frozen=True)
class Registry:
    host: str
    folder: Path
    options: SourceOptions


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    certificates = make_certificates(folder)
    with debian_registry(folder / "data", certificates, LOGIN) as port:
        host = f"127.0.0.1:{port}"
        logins = folder / "auth.json"
        logins.write_text(json.dumps({"auths": {host: {"auth": encoded(LOGIN)}}}))
        options = SourceOptions(
            ca_file=str(certificates.ca),
            auth_files=(str(logins),),
            certs_dirs=(),
            registry_files=(),
            sleep=lambda _: None,
            timeout=10,
        )
        yield Registry(host, folder, options)


def thing(body: bytes, piece: int = 0) -> ArtifactRequest:
    return ArtifactRequest(
        artifact_type=TYPE, parts=(Part(media_type="text/plain", title="a", content=body),), piece=piece
    )


def current(shelf: Shelf) -> str:
    found = shelf.current()
    assert found is not None
    assert digest_of(found[0]) == found[1]
    return found[1]


def test_a_snapshot_goes_through_a_registry(registry: Registry, tmp_path: Path) -> None:
    here, there = Shelf(tmp_path / "here"), Shelf(tmp_path / "there")
    key, public = key_pair(tmp_path)
    reference = f"{registry.host}/team/advisories:1"
    digest = put(here, some_feeds(300))
    published = push(here, reference, registry.options, key)
    assert (published.reference, published.snapshot, published.deltas) == (reference, digest, ())
    again = push(here, reference, registry.options, key)
    assert again.digest == published.digest
    assert again.sent < 5000 < published.sent  # the manifest alone
    received = pull(there, reference, registry.options, trusted=public)
    assert (received.kind, received.snapshot, received.previous) == ("snapshot", digest, "")
    assert received.signer == fingerprint_of(public)
    assert current(there) == digest
    by_digest = f"{registry.host}/team/advisories@{published.digest}"
    assert pull(there, by_digest, registry.options, trusted=public).kind == "nothing"


def test_a_delta_is_pulled_where_its_parent_is(registry: Registry, tmp_path: Path) -> None:
    here, there, elsewhere = (Shelf(tmp_path / name) for name in ("here", "there", "elsewhere"))
    reference = f"{registry.host}/team/delta"
    old = put(here, some_feeds(500))
    push(here, reference, registry.options)
    pull(there, reference, registry.options, allow_unsigned=True)
    new = put(here, some_feeds(501, changed=(3,), day="2026-02-02"))
    assert push(here, reference, registry.options).deltas == (old,)
    received = pull(there, reference, registry.options, allow_unsigned=True)
    assert (received.kind, received.snapshot, received.previous) == ("delta", new, old)
    assert pull(elsewhere, reference, registry.options, allow_unsigned=True).kind == "snapshot"
    assert current(there) == current(elsewhere) == new


def test_a_delta_of_no_use_is_replaced_by_the_whole(registry: Registry, tmp_path: Path) -> None:
    here, there = Shelf(tmp_path / "here"), Shelf(tmp_path / "there")
    reference = f"{registry.host}/team/rotten"
    old = put(here, some_feeds(500))
    push(here, reference, registry.options)
    pull(there, reference, registry.options, allow_unsigned=True)
    new = put(here, some_feeds(501))
    push(here, reference, registry.options)
    there.path_of(old).write_bytes(b"rotten")
    assert pull(there, reference, registry.options, allow_unsigned=True).kind == "snapshot"
    assert current(there) == new


def test_what_is_not_signed_by_those_who_are_trusted_is_not_pulled(registry: Registry, tmp_path: Path) -> None:
    here, there = Shelf(tmp_path / "here"), Shelf(tmp_path / "there")
    _, public = key_pair(tmp_path)
    reference = f"{registry.host}/team/unsigned"
    put(here, some_feeds(20))
    push(here, reference, registry.options)
    for trusted, reason in ((public, "is not signed"), (None, "no key is named")):
        with pytest.raises(HullmarkError, match=reason):
            pull(there, reference, registry.options, trusted=trusted)
    assert there.current() is None


def test_another_tool_sees_an_artifact_and_its_parts(registry: Registry, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    here = Shelf(tmp_path / "here")
    reference = f"{registry.host}/team/seen:1"
    digest = put(here, some_feeds(20))
    push(here, reference, registry.options, key_pair(tmp_path)[0])
    certificates = tmp_path / "certs"
    certificates.mkdir()
    shutil.copy(str(registry.options.ca_file), certificates / "ca.crt")
    login = ("--cert-dir", certificates, "--creds", ":".join(LOGIN))
    ran = subprocess.run(
        ["skopeo", "inspect", "--raw", *login, f"docker://{reference}"], capture_output=True, check=True
    )
    seen = json.loads(ran.stdout)
    assert seen["artifactType"] == ARTIFACT_TYPE
    assert seen["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert seen["annotations"] == {
        "hullmark.advisories.snapshot": digest,
        "hullmark.advisories.data-at": "2026-01-01",
    }
    titles = [layer["annotations"]["org.opencontainers.image.title"] for layer in seen["layers"]]
    assert titles == ["manifest.json", "manifest.sig", "snapshot.zst"]
    copied = tmp_path / "layout"
    source = ("--src-cert-dir", certificates, "--src-creds", ":".join(LOGIN))
    subprocess.run(["skopeo", "copy", *source, f"docker://{reference}", f"oci:{copied}:1"], check=True)
    image = open_image(f"registry:{reference}", registry.options)
    assert [problem.reason for problem in image.problems] == [
        f"this is an artifact of type {ARTIFACT_TYPE}, whose layers are not file systems"
    ]


@pytest.mark.parametrize("piece", [0, 1 << 16, 100_000])
def test_blobs_go_whole_or_in_pieces(registry: Registry, piece: int) -> None:
    body = bytes(range(256)) * 1000 + str(piece).encode()
    reference = f"{registry.host}/team/pieces:1"
    pushed = push_artifact(reference, thing(body, piece), registry.options)
    artifact = open_artifact(reference, TYPE, registry.options)
    assert artifact.digest == pushed.digest
    assert artifact.whole(artifact.parts[0], 1 << 20) == body
    with pytest.raises(BrokenImage, match="has 256,00"):
        artifact.whole(artifact.parts[0], 1000)
    assert push_artifact(reference, thing(body, piece), registry.options).sent < 1000


def test_logins_and_certificates_count_for_pushing_too(registry: Registry, tmp_path: Path) -> None:
    reference = f"{registry.host}/team/thing:1"
    wrong = tmp_path / "auth.json"
    wrong.write_text(json.dumps({"auths": {registry.host: {"auth": encoded((LOGIN[0], "wrong horse"))}}}))
    with pytest.raises(HullmarkError, match="may not push") as caught:
        push_artifact(reference, thing(b"x"), replace(registry.options, auth_files=(str(wrong),)))
    assert "horse" not in str(caught.value) + caught.value.advice
    with pytest.raises(HullmarkError, match="needs a login to push"):
        push_artifact(reference, thing(b"x"), replace(registry.options, auth_files=()))
    with pytest.raises(CertificateRefused):
        push_artifact(reference, thing(b"x"), replace(registry.options, ca_file=None))
    with pytest.raises(HullmarkError, match="cannot be pushed to"):
        push_artifact(f"{registry.host}/team/thing@sha256:{'0' * 64}", thing(b"x"), registry.options)


def test_what_is_no_such_artifact_is_told(registry: Registry) -> None:
    reference = f"{registry.host}/team/other:1"
    with pytest.raises(ImageNotFound):
        open_artifact(reference, TYPE, registry.options)
    push_artifact(reference, thing(b"x"), registry.options)
    with pytest.raises(HullmarkError, match="something else than"):
        open_artifact(reference, ARTIFACT_TYPE, registry.options)


def test_a_push_goes_past_mirrors(registry: Registry) -> None:
    options = replace(registry.options, mirrors={registry.host: ("http://127.0.0.1:1",)})
    assert push_artifact(f"{registry.host}/team/mirrored:1", thing(b"past"), options).sent


# Registries that behave otherwise

FAKE = SourceOptions(retries=1, timeout=5, sleep=lambda _: None, certs_dirs=(), auth_files=(), registry_files=())
Canned = tuple[int, dict[str, str], bytes]
HAVE: Canned = (200, {}, b"")
NONE: Canned = (404, {}, b"")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    for name in ("do_PUT", "do_PATCH"):  # the fake registry is for reading
        monkeypatch.setattr(BaseHTTPRequestHandler, name, lambda self: self.do_GET(), raising=False)
    with FakeRegistry(Blobs(), {}).running() as running:
        yield running


def begun(location: str) -> Canned:
    return (202, {"Location": location}, b"")


def test_a_registry_that_takes_no_large_bodies_gets_pieces(fake: FakeRegistry) -> None:
    fake.answers = [
        HAVE,
        NONE,
        begun("/v2/shop/blobs/uploads/1?state=a%2Fb"),
        (413, {}, b"<html>too large</html>"),
        (202, {"Location": "/v2/shop/blobs/uploads/2", "OCI-Chunk-Min-Length": "4"}, b""),
        (202, {"Location": "/v2/shop/blobs/uploads/3?x=", "Range": "0-9"}, b""),
        (201, {}, b""),
        (201, {}, b""),
    ]
    push_artifact(f"{fake.host}/shop:1", thing(b"0123456789"), FAKE)
    assert [method for method, _, _ in fake.log] == ["HEAD", "HEAD", "POST", "PUT", "POST", "PATCH", "PUT", "PUT"]
    assert "state=a%2Fb&digest=sha256%3A" in fake.log[3][1]
    assert fake.log[5][2]["content-range"] == "0-9"
    assert "/uploads/3?x=&digest=" in fake.log[6][1]
    assert fake.log[6][2]["content-length"] == "0"


def test_an_upload_that_is_there_after_all_is_good(fake: FakeRegistry) -> None:
    fake.answers = [HAVE, NONE, begun("/v2/shop/blobs/uploads/1"), (404, {}, b""), HAVE, (201, {}, b"")]
    assert push_artifact(f"{fake.host}/shop:1", thing(b"x"), FAKE).sent


def test_a_login_goes_to_the_registry_alone(fake: FakeRegistry, tmp_path: Path) -> None:
    logins = tmp_path / "auth.json"
    logins.write_text(json.dumps({"auths": {fake.host: {"auth": encoded(LOGIN)}}}))
    with FakeRegistry(Blobs(), {}).running() as store:
        store.answers = [(201, {}, b"")]
        fake.answers = [
            (401, {"WWW-Authenticate": f'Bearer realm="{fake.url}/token",service="s"'}, b""),
            (200, {}, b'{"token":"secret"}'),
            HAVE,
            NONE,
            begun(f"{store.url}/elsewhere/1"),
            (201, {}, b""),
        ]
        push_artifact(f"{fake.host}/shop:1", thing(b"x"), replace(FAKE, auth_files=(str(logins),)))
        assert [(method, "authorization" in headers) for method, _, headers in store.log] == [("PUT", False)]
    assert "scope=repository:shop:pull,push" in unquote(fake.log[1][1])
    assert fake.log[-1][2]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/x", "http://user@127.0.0.1/x", "http://[/x"])
def test_an_upload_goes_to_no_strange_place(fake: FakeRegistry, location: str) -> None:
    fake.answers = [HAVE, NONE, (202, {"Location": location} if location else {}, b"")]
    with pytest.raises(BadRedirect):
        push_artifact(f"{fake.host}/shop:1", thing(b"x"), FAKE)


def test_an_upload_does_not_leave_tls_but_a_registry_may_forget_it(fake: FakeRegistry, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    options = replace(FAKE, ca_file=str(certificates.ca))
    with FakeRegistry(Blobs(), {}, tls=certificates.server_context()).running() as fake:
        fake.answers = [HAVE, NONE, begun("http://127.0.0.1:1/x")]
        with pytest.raises(BadRedirect):
            push_artifact(f"{fake.host}/shop:1", thing(b"x"), options)
        fake.answers = [
            HAVE,
            NONE,
            begun(f"http://{fake.host}/v2/shop/blobs/uploads/1"),
            (201, {}, b""),
            (201, {}, b""),
        ]
        assert push_artifact(f"{fake.host}/shop:1", thing(b"x"), options).sent


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([HAVE, NONE, (403, {}, b'{"errors":[{"code":"DENIED"}]}')], r"does not let you push \(status 403, DENIED\)"),
        ([HAVE, NONE, (405, {}, b'{"errors":[{"code":"UNSUPPORTED"}]}')], "UNSUPPORTED"),
        ([HAVE, NONE, (404, {}, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')], "NAME_UNKNOWN"),
        ([HAVE, NONE, begun("/u"), (400, {}, b""), NONE], r"did not take what was pushed \(status 400\)"),
        ([HAVE, HAVE, (400, {}, b'{"errors":[{"code":"MANIFEST_INVALID"}]}')], "MANIFEST_INVALID"),
        ([HAVE, HAVE, (201, {"Docker-Content-Digest": "sha256:" + "0" * 64}, b"")], "something else of the manifest"),
        (
            [HAVE, NONE, begun("/u"), (413, {}, b""), begun("/u"), (202, {"Location": "/u", "Range": "0-3"}, b"")],
            "lost",
        ),
        ([HAVE, NONE, begun("/u"), (413, {}, b""), begun("/u"), (416, {}, b"")], "status 416"),
    ],
)
def test_what_a_registry_refuses_is_told(fake: FakeRegistry, answers: list[Canned], reason: str) -> None:
    fake.answers = list(answers)
    with pytest.raises(HullmarkError, match=reason) as caught:
        push_artifact(f"{fake.host}/shop:1", thing(b"0123456789"), FAKE)
    assert caught.value.advice
    assert not fake.answers
