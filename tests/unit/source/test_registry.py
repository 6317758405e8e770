"""Registries: logins, mirrors, redirects, lies and cuts, against a registry in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, Platform
from hullmark.model.reference import parse_reference
from hullmark.net.errors import CertificateRefused, NetError, NotTls, Unreachable
from hullmark.source import ImageNotFound, SourceOptions, open_image
from hullmark.source.endpoints import endpoints
from hullmark.source.manifest import ACCEPTED
from hullmark.source.registries_conf import registry_files
from tests.support.images import LAYERS, Blobs, gz, sha256, stored, with_platform
from tests.support.registry import FakeRegistry, encoded, free_port, make_certificates

NAPS: list[float] = []
OPTIONS = SourceOptions(retries=3, timeout=5, sleep=NAPS.append, certs_dirs=(), auth_files=(), registry_files=())
LOGIN = ("me", "pass:word")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    NAPS.clear()
    blobs = Blobs()
    with FakeRegistry(blobs, {"1": blobs.image()["digest"]}).running() as running:
        yield running


def opened(registry: FakeRegistry, options: SourceOptions = OPTIONS, rest: str = "shop:1") -> Image:
    return open_image(f"registry:{registry.host}/{rest}", options)


def refused(registry: FakeRegistry, options: SourceOptions = OPTIONS, rest: str = "shop:1") -> HullmarkError:
    with pytest.raises(HullmarkError) as caught:
        opened(registry, options, rest)
    assert "\n" not in str(caught.value)
    assert caught.value.advice
    return caught.value


def logged_in(registry: FakeRegistry, tmp_path: Path, auth: dict[str, str] | None = None) -> SourceOptions:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {registry.host: auth or {"auth": encoded(LOGIN)}}}))
    return replace(OPTIONS, auth_files=(str(path),))


def test_an_image_comes_with_its_layers_still_to_fetch(registry: FakeRegistry) -> None:
    image = opened(registry)
    assert (image.kind, image.tags, image.digest) == ("registry", ("1",), registry.tags["1"])
    assert registry.asked("/manifests/")[0]["accept"] == ", ".join(ACCEPTED)
    assert len(registry.asked("/blobs/")) == 1  # the config
    assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
    assert [layer.diff_id for layer in image.layers] == [sha256(layer) for layer in LAYERS]
    assert [layer.stamp for layer in image.layers] == ["", ""]


def test_the_digest_in_the_reference_is_verified(registry: FakeRegistry) -> None:
    digest = registry.tags["1"]
    image = opened(registry, rest=f"shop:1@{digest}")
    assert (image.digest, image.tags) == (digest, ("1",))
    registry.blobs.held[digest] += b" "
    assert isinstance(refused(registry, rest=f"shop@{digest}"), BrokenImage)


def test_what_the_registry_says_of_the_digest_is_not_believed(registry: FakeRegistry) -> None:
    assert opened(registry).digest != "sha256:" + "0" * 64


def test_an_index_is_followed_to_the_platform(registry: FakeRegistry) -> None:
    arm = registry.blobs.image(platform="linux/arm64")
    amd = registry.blobs.image(platform="linux/amd64")
    index = registry.blobs.index([with_platform(amd, "linux/amd64"), with_platform(arm, "linux/arm64")])
    registry.tags["multi"] = index["digest"]
    assert opened(registry, replace(OPTIONS, platform=Platform("linux", "arm64")), "shop:multi").digest == arm["digest"]
    registry.blobs.held[arm["digest"]] = registry.blobs.held[amd["digest"]]
    assert isinstance(
        refused(registry, replace(OPTIONS, platform=Platform("linux", "arm64")), "shop:multi"), BrokenImage
    )


def test_an_unknown_image_is_not_found(registry: FakeRegistry) -> None:
    error = refused(registry, rest="shop:2")
    assert isinstance(error, ImageNotFound)
    assert "shop:2" in str(error)


def test_a_missing_config_or_layer_breaks_the_image(registry: FakeRegistry) -> None:
    image = opened(registry)
    del registry.blobs.held[image.layers[0].digest]
    layer = opened(registry).layers[0]
    with pytest.raises(BrokenImage, match=layer.digest):
        layer.open()
    del registry.blobs.held[image.config_digest]
    assert isinstance(refused(registry), BrokenImage)


def test_a_foreign_layer_is_looked_for_here_only(registry: FakeRegistry) -> None:
    def foreign(manifest: Any) -> Any:
        layer = {**manifest["layers"][0], "digest": sha256(b"x"), "urls": [f"{registry.url}/elsewhere"]}
        return {**manifest, "layers": [layer, manifest["layers"][1]]}

    registry.tags["f"] = registry.blobs.image(manifest=foreign)["digest"]
    error = refused(registry, rest="shop:f")
    assert isinstance(error, BrokenImage)
    assert "foreign" in str(error)
    assert not registry.asked("/elsewhere")


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_an_anonymous_token_is_fetched_when_asked_for(registry: FakeRegistry, field: str) -> None:
    registry.anonymous, registry.answer_field = False, field
    registry.login = LOGIN
    assert "login" in str(refused(registry))
    registry.login, registry.anonymous = None, True
    registry.answers = [(401, {"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="shop, inc"'}, b"")]
    assert len(opened(registry).layers) == 2
    assert "authorization" not in registry.asked("/token")[-1]
    assert registry.log[-1][2]["authorization"].startswith("Bearer token-")


def test_a_login_gets_a_token_once_for_all_requests(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.login = LOGIN
    image = opened(registry, logged_in(registry, tmp_path))
    assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
    assert len(registry.asked("/token")) == 1
    assert registry.asked("/token")[0]["authorization"] == f"Basic {encoded(LOGIN)}"


def test_a_token_that_expires_is_renewed(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.login, registry.token_lives = LOGIN, 1
    image = opened(registry, logged_in(registry, tmp_path))
    assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
    assert len(registry.asked("/token")) == 4


def test_a_token_that_is_never_good_ends_the_tries(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.login, registry.token_lives = LOGIN, 0
    assert "this login may not read it" in str(refused(registry, logged_in(registry, tmp_path)))
    assert len(registry.log) == 3


def test_an_identity_token_is_changed_for_an_access_token(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.login, registry.identity_token, registry.answer_field = LOGIN, "keep-me", "access_token"
    assert opened(registry, logged_in(registry, tmp_path, {"identitytoken": "keep-me"})).layers
    assert [method for method, path, _ in registry.log if path == "/token"] == ["POST"]


def test_basic_is_basic(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.login, registry.scheme = LOGIN, "basic"
    assert opened(registry, logged_in(registry, tmp_path)).layers
    assert "needs a login" in str(refused(registry))


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_wrong_password_is_said_without_showing_it(registry: FakeRegistry, tmp_path: Path, scheme: str) -> None:
    registry.login, registry.scheme = ("me", "other"), scheme
    error = refused(registry, logged_in(registry, tmp_path))
    assert "refused the" in str(error)
    assert "pass" not in str(error).replace("password", "")
    assert "login" in error.advice


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "ftp://x/", "http://[", "http://u:p@127.0.0.1:1/", "nonsense"])
def test_a_token_server_that_is_none_is_not_asked(registry: FakeRegistry, realm: str) -> None:
    registry.login, registry.realm = LOGIN, realm
    assert "token server" in str(refused(registry))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[", b'{"token": 3}', b'{"token": "a\\r\\nX: y"}', b'{"token": "\xc3\xa9"}']
)
def test_an_answer_without_a_token_is_refused(registry: FakeRegistry, body: bytes) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token"'}
    registry.answers = [(401, challenge, b""), (200, {}, body)]
    assert "no token" in str(refused(registry))


def test_the_login_does_not_follow_a_redirect_to_storage(registry: FakeRegistry, tmp_path: Path) -> None:
    with FakeRegistry(registry.blobs).running() as storage:
        registry.login, registry.redirect = LOGIN, storage.url
        image = opened(registry, logged_in(registry, tmp_path))
        assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
        assert len(storage.log) == 3
        assert all("authorization" not in headers for _, _, headers in storage.log)


def test_a_cut_layer_is_resumed_through_the_redirect(registry: FakeRegistry) -> None:
    with FakeRegistry(registry.blobs, cut_after=100, cuts=2).running() as storage:
        registry.redirect = storage.url
        image = opened(registry)
        assert stored(image.layers[0]) == gz(LAYERS[0])


def test_too_many_requests_are_waited_for_then_said(registry: FakeRegistry) -> None:
    registry.answers = [(429, {"Retry-After": "2"}, b"")]
    assert opened(registry).layers
    assert NAPS == [2.0]
    registry.answers = [(429, {"Retry-After": "99999"}, b"")]
    error = refused(registry)
    assert "too many requests" in str(error)
    assert "99999 seconds" in error.advice


@pytest.mark.parametrize("status", [400, 403, 500, 304])
def test_other_answers_are_refused_with_their_status(registry: FakeRegistry, status: int) -> None:
    registry.answers = [(status, {}, b"")] * 4
    refused(registry)


def test_a_manifest_over_the_limit_is_broken(registry: FakeRegistry) -> None:
    registry.answers = [(200, {}, bytes(5 << 20))]
    assert isinstance(refused(registry), BrokenImage)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[" * 100_000])
def test_an_answer_that_is_no_manifest_is_broken(registry: FakeRegistry, body: bytes) -> None:
    registry.answers = [(200, {}, body)]
    assert isinstance(refused(registry), BrokenImage)


def test_schema_1_is_refused_with_advice(registry: FakeRegistry) -> None:
    registry.answers = [(200, {}, b'{"schemaVersion": 1, "fsLayers": []}')]
    assert "push the image again" in refused(registry).advice


def test_a_mirror_is_asked_first_and_the_registry_when_it_fails(registry: FakeRegistry) -> None:
    with FakeRegistry(registry.blobs, registry.tags, repository="cache/shop").running() as mirror:
        options = replace(
            OPTIONS, mirrors={"registry.test": (f"http://127.0.0.1:{free_port()}", f"{mirror.url}/cache")}
        )
        image = open_image("registry:registry.test/shop:1", options)
        assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
        mirror.tags = {}
        options = replace(OPTIONS, mirrors={registry.host: (f"{mirror.url}/cache",)})
        assert opened(registry, options).layers
        assert mirror.log[-1][1] == "/v2/cache/shop/manifests/1"


def test_a_layer_that_a_mirror_lost_comes_from_the_registry(registry: FakeRegistry) -> None:
    digest = sha256(gz(LAYERS[0]))
    held = {key: body for key, body in registry.blobs.held.items() if key != digest}
    with FakeRegistry(Blobs(held), registry.tags).running() as mirror:
        image = opened(registry, replace(OPTIONS, mirrors={registry.host: (mirror.url,)}))
        assert not registry.log
        assert stored(image.layers[0]) == gz(LAYERS[0])


def test_a_mirror_that_lies_about_a_digest_is_passed_over(registry: FakeRegistry) -> None:
    with FakeRegistry(Blobs(), answers=[(200, {}, b"{}")]).running() as mirror:
        options = replace(OPTIONS, mirrors={registry.host: (mirror.url,)})
        assert opened(registry, options, f"shop@{registry.tags['1']}").layers


@pytest.mark.parametrize("mirror", ["", "ftp://x", "http://", "user@host"])
def test_a_mirror_that_is_none_is_refused(mirror: str) -> None:
    with pytest.raises(HullmarkError, match="not a mirror"):
        endpoints(parse_reference("a"), replace(OPTIONS, mirrors={"docker.io": (mirror,)}))


def test_plain_http_is_for_this_machine_or_where_asked_for() -> None:
    def schemes(reference: str, options: SourceOptions = OPTIONS) -> tuple[str, ...]:
        return endpoints(parse_reference(reference), options)[-1].schemes

    assert schemes("example.org/a") == schemes("example.org:80/a") == ("https",)
    assert schemes("localhost:5000/a") == schemes("127.0.0.1/a") == schemes("[::1]:5000/a") == ("https", "http")
    assert schemes("example.org/a", replace(OPTIONS, insecure=True)) == ("https", "http")
    assert endpoints(parse_reference("nginx"), OPTIONS)[0].host == "registry-1.docker.io"


def test_an_own_ca_is_needed_named_or_waived(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    blobs = Blobs()
    with FakeRegistry(blobs, {"1": blobs.image()["digest"]}, tls=made.server_context()).running() as registry:
        assert isinstance(refused(registry), CertificateRefused)
        for options in (
            replace(OPTIONS, ca_file=str(made.ca)),
            replace(OPTIONS, insecure=True),
            replace(OPTIONS, environment={"SSL_CERT_FILE": str(made.ca)}),
        ):
            assert opened(registry, options).layers
        assert not [path for _, path, _ in registry.log if path.startswith("http:")]


def test_a_registry_behind_a_proxy_is_reached_through_it(registry: FakeRegistry) -> None:
    options = replace(OPTIONS, insecure=True, environment={"HTTP_PROXY": registry.url, "NO_PROXY": "other"})
    assert open_image("registry:registry.test:5000/shop:1", options).layers
    assert registry.log[0][1] == "http://registry.test:5000/v2/shop/manifests/1"


def test_nobody_there_is_said() -> None:
    with pytest.raises(Unreachable):
        open_image(f"registry:127.0.0.1:{free_port()}/shop", OPTIONS)


def test_a_bare_reference_goes_to_the_registry_where_there_is_no_engine(registry: FakeRegistry, tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CONTAINER_HOST": f"unix://{tmp_path}/none.sock"}
    image = open_image(f"{registry.host}/shop:1", replace(OPTIONS, environment=environment))
    assert image.reference == f"{registry.host}/shop:1"


def test_plain_http_from_elsewhere_is_not_tried(registry: FakeRegistry) -> None:
    options = replace(OPTIONS, mirrors={"registry.test": (f"https://{registry.host}",)})
    with pytest.raises(NetError) as caught:
        open_image("registry:registry.test/shop:1", options)
    assert isinstance(caught.value, (NotTls, Unreachable))
    assert not registry.log


def conf(tmp_path: Path, text: str) -> SourceOptions:
    path = tmp_path / "registries.conf"
    path.write_text(text)
    return replace(OPTIONS, registry_files=(str(path),))


def test_the_mirrors_of_registries_conf_are_asked_first(registry: FakeRegistry, tmp_path: Path) -> None:
    with FakeRegistry(registry.blobs, registry.tags, repository="cache/shop").running() as mirror:
        options = conf(
            tmp_path,
            f"""
            [[registry]]
            location = "registry.test"
            [[registry.mirror]]
            location = "{mirror.host}/cache"
            """,
        )
        assert len(open_image("registry:registry.test/shop:1", options).layers) == 2


def test_an_insecure_registry_of_registries_conf_may_have_any_certificate(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    blobs = Blobs()
    with FakeRegistry(blobs, {"1": blobs.image()["digest"]}, tls=made.server_context()).running() as registry:
        options = conf(tmp_path, f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        assert opened(registry, options).layers


CONF = """
unqualified-search-registries = ["x.test"]
[[registry]]
prefix = "registry.test/team"
location = "moved.test/crew"
mirror-by-digest-only = true
[[registry.mirror]]
location = "near.test/m"
insecure = true
[[registry]]
location = "registry.test"
[[registry.mirror]]
location = "a.test"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "b.test/b"
pull-from-mirror = "tag-only"
[[registry]]
prefix = "*.wild.test"
insecure = true
[[registry]]
prefix = "blocked.test/x"
blocked = true
"""
D = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("registry.test/team/app:1", ["moved.test/crew/app"]),
        (f"registry.test/team/app@{D}", ["near.test/m/app insecure", "moved.test/crew/app"]),
        ("registry.test/teams/app", ["b.test/b/teams/app", "registry.test/teams/app"]),
        (f"registry.test/app@{D}", ["a.test/app", "registry.test/app"]),
        ("sub.wild.test/app", ["sub.wild.test/app insecure"]),
        ("wild.test/app", ["wild.test/app"]),
        ("registry.test:5000/app", ["registry.test:5000/app"]),
        ("nginx", ["registry-1.docker.io/library/nginx"]),
    ],
)
def test_registries_conf_says_where_images_are(tmp_path: Path, reference: str, expected: list[str]) -> None:
    found = endpoints(parse_reference(reference), conf(tmp_path, CONF))
    assert [f"{one.host}/{one.repository}{' insecure' if one.insecure else ''}" for one in found] == expected


def test_a_blocked_registry_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match="blocked"):
        endpoints(parse_reference("blocked.test/x/app"), conf(tmp_path, CONF))


@pytest.mark.parametrize(
    "text",
    [
        "[[registry]",
        "registry = 3",
        "[[registry]]\nlocation = 7",
        "\0",
        '[registries.search]\nregistry = "x"\nregistry = 1',
    ],
)
def test_a_registries_conf_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(HullmarkError, match=r"registries\.conf"):
        endpoints(parse_reference("registry.test/a"), conf(tmp_path, text))


def test_registries_conf_is_in_its_usual_places(tmp_path: Path) -> None:
    assert registry_files({"CONTAINERS_REGISTRIES_CONF": "/x"}) == ("/x",)
    own = tmp_path / "containers" / "registries.conf"
    (own.parent / "registries.conf.d").mkdir(parents=True)
    own.write_text("")
    (own.parent / "registries.conf.d" / "b.conf").write_text("")
    found = registry_files({"XDG_CONFIG_HOME": str(tmp_path)})
    assert (found[0], found[-1]) == (str(own), f"{own}.d/b.conf")
    assert registry_files({})[0] == "/etc/containers/registries.conf"
