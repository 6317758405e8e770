"""Registries that answer otherwise than most: to logins, to looks at a tag, to lists of referrers, and at the end of an upload."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.net.http import Client
from hullmark.source import SourceOptions, open_image
from hullmark.source.artifacts import ArtifactRequest, Part, push_artifact
from hullmark.source.auth import Login
from hullmark.source.credentials import NOBODY
from hullmark.source.distribution import Session, http_settings, sessions_for
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.tag_look import TagLook, look_at_tag
from tests.support.images import INDEX, Blobs, sha256, to_json
from tests.support.registry import Canned, FakeRegistry

OPTIONS = SourceOptions(retries=0, timeout=5, sleep=lambda _: None, certs_dirs=(), auth_files=(), registry_files=())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    blobs = Blobs()
    with FakeRegistry(blobs, {"1": blobs.image()["digest"]}).running() as running:
        yield running


def session(registry: FakeRegistry) -> Session:
    _, (only,) = sessions_for(parse_reference(f"{registry.host}/shop:1"), OPTIONS)
    return only


def test_a_registry_that_knows_no_head_is_asked_by_get(registry: FakeRegistry) -> None:
    registry.answers = [(405, {}, b"")]
    assert look_at_tag(session(registry), "1") == TagLook(registry.tags["1"], "")
    assert registry.methods("/manifests/1") == ["HEAD", "GET"]


def test_a_tag_whose_mark_is_the_one_of_the_last_time_is_the_same(registry: FakeRegistry) -> None:
    """Some registries give an ETag and no digest, and answer a conditional request as any other."""
    look = session(registry)
    for etag, expected in (
        ('"old"', TagLook(registry.tags["1"], '"new"')),
        ('"new"', TagLook("", '"new"', is_same=True)),
    ):
        registry.answers = [(200, {"ETag": '"new"', "Docker-Content-Digest": "unknown"}, b"")]
        registry.log.clear()
        assert look_at_tag(look, "1", etag) == expected
        assert registry.asked("/manifests/1")[0]["if-none-match"] == etag
    assert registry.methods() == ["HEAD"]


def test_a_token_that_another_thread_got_meanwhile_is_used(registry: FakeRegistry) -> None:
    login = Login(Client(http_settings(OPTIONS)), NOBODY, "repository:shop:pull")
    challenge = f'Bearer realm="{registry.url}/token",service="shop, inc"'
    for _ in range(2):  # both requests were sent without a token
        assert login.answer(challenge, f"{registry.url}/v2/", "")
    assert len(registry.asked("/token")) == 1
    assert login.header() == "Bearer token-0"


def test_a_token_server_with_a_fault_of_its_own_is_told_of_as_such(registry: FakeRegistry) -> None:
    registry.answers = [(401, {"WWW-Authenticate": f'Bearer realm="{registry.url}/token"'}, b""), (418, {}, b"")]
    with pytest.raises(HullmarkError) as caught:
        open_image(f"registry:{registry.host}/shop:1", OPTIONS)
    assert str(caught.value) == f"{registry.url} gave no token (status 418)"
    assert caught.value.advice == "try again later"


def test_an_index_whose_image_the_registry_lost_is_broken(registry: FakeRegistry) -> None:
    image = registry.blobs.image()
    gone = {**image, "digest": sha256(b"gone")}
    registry.tags["lost"] = registry.blobs.put(to_json({"manifests": [gone]}), INDEX)["digest"]
    # Where no engine was asked, the advice for an image that is not found says so; a broken one was found.
    nowhere = {"DOCKER_HOST": "unix:///nowhere.sock", "CONTAINER_HOST": "unix:///nowhere.sock"}
    for scheme in ("registry:", ""):
        with pytest.raises(BrokenImage) as caught:
            open_image(f"{scheme}{registry.host}/shop:lost", replace(OPTIONS, environment=nowhere))
        assert str(caught.value) == f"{registry.url} has no shop@{gone['digest']}"
        assert caught.value.advice == "push the image again"


def test_a_registry_that_refuses_what_it_does_not_know_has_no_api_for_referrers(registry: FakeRegistry) -> None:
    registry.refuses = {"/referrers/": (401, {})}
    repository = RegistryRepository(f"{registry.host}/shop:1", OPTIONS)
    assert repository.referrers(registry.tags["1"]).referrers == ()
    assert len(registry.asked("/referrers/")) == 1


def test_an_upload_in_pieces_whose_end_is_refused_is_told(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("do_PUT", "do_PATCH"):  # the fake registry is for reading
        monkeypatch.setattr(BaseHTTPRequestHandler, name, lambda self: self.do_GET(), raising=False)
    begun: Canned = (202, {"Location": "/v2/shop/blobs/uploads/1"}, b"")
    refusal: Canned = (400, {}, b'{"errors": [{"code": "DIGEST_INVALID"}]}')
    have: Canned = (200, {}, b"")
    none: Canned = (404, {}, b"")
    part = Part(media_type="application/x.part", title="part", content=b"0123456789")
    request = ArtifactRequest(artifact_type="application/x", parts=(part,), piece=5)
    registry.answers = [have, none, begun, begun, begun, refusal, none]
    with pytest.raises(HullmarkError) as caught:
        push_artifact(f"{registry.host}/shop:1", request, OPTIONS)
    assert str(caught.value) == f"{registry.host}/shop did not take what was pushed (status 400, DIGEST_INVALID)"
    assert registry.methods() == ["HEAD", "HEAD", "POST", "PATCH", "PATCH", "PUT", "HEAD"]
