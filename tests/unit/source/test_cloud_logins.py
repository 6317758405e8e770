"""Logins that clouds give for their registries: for these hosts alone, kept until they end, sent nowhere else."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.net.aws import AwsClient, AwsRefused, AwsSession, AwsSettings
from hullmark.net.ecr import ecr_registry
from hullmark.net.http import HttpSettings
from hullmark.source import SourceOptions, cloud_logins, open_image
from hullmark.source.cloud_logins import CloudLogins
from hullmark.source.clouds import CLOUDS, clouds_of
from hullmark.source.credentials import NOBODY, Credentials
from tests.support.connect_proxy import ConnectProxy, connect_proxy
from tests.support.google import TOKEN, FakeGoogle, fake_google
from tests.support.images import Blobs
from tests.support.registry import Certificates, FakeRegistry, encoded, make_certificates

ECR, GOOGLE, ELSEWHERE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "europe-docker.pkg.dev", "elsewhere.test"
LOGIN = ("AWS", "a-token-of-twelve-hours")


@dataclass
class FakeEcr:
    """Gives the same token again and again, until `ends`; `asked` are the regions, `error` what it fails with."""

    ends: float = 50_000.0
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None

    def call(self, region: str) -> Mapping[str, Any]:
        """GetAuthorizationToken."""
        self.asked.append(region)
        if self.error is not None:
            raise self.error
        token = base64.b64encode(":".join(LOGIN).encode()).decode()
        return {
            "authorizationData": [{"authorizationToken": token, "expiresAt": datetime.fromtimestamp(self.ends, UTC)}]
        }


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> FakeEcr:
    fake = FakeEcr()

    class Client(AwsClient):
        def __init__(self, region: str) -> None:
            self._region = region

        def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
            assert (operation, parameters) == ("get_authorization_token", {})
            return fake.call(self._region)

    class Session(AwsSession):
        def __init__(self, settings: AwsSettings) -> None:
            pass

        def client(self, service: str, region: str = "") -> AwsClient:
            assert service == "ecr"
            return Client(region)

    monkeypatch.setattr(cloud_logins, "AwsSession", Session)
    return fake


def logins(environment: Mapping[str, str] | None = None, clock: list[float] | None = None) -> CloudLogins:
    """The logins of all clouds."""
    times = clock or [0.0]
    http = HttpSettings(environment=environment or {}, retries=0, timeout=5, sleep=lambda _: None)
    return CloudLogins(CLOUDS, http, clock=lambda: times[0])


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (ECR, "eu-west-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1"),
    ],
)
def test_a_registry_of_ecrs_is_known_by_its_name(host: str, region: str, ecr: FakeEcr) -> None:
    assert logins().find(host) == Credentials(*LOGIN, is_own=True)
    assert ecr.asked == [region]


@pytest.mark.parametrize(
    "host",
    [
        "docker.io",
        "public.ecr.aws",
        f"{ECR}.evil.test",
        f"evil.test/{ECR}",
        f"x{ECR}",
        f"{ECR}:5000",
        f"{ECR}\n",
        ECR.replace("amazonaws.com", "amazonaws.org"),
        ECR.replace(".dkr", "xdkr"),
        "gcr.io.evil.test",
        "evilgcr.io",
        "evil.gcr.io",
        "pkg.dev",
        "evil.pkg.dev",
        "a.b-docker.pkg.dev",
        "europe-docker.pkg.dev:443",
        "europe-docker.pkg.dev.evil.test",
    ],
)
def test_no_cloud_is_asked_for_another_host(host: str, ecr: FakeEcr) -> None:
    with fake_google() as google:
        assert logins({"GCE_METADATA_HOST": google.host}).find(host) == NOBODY
        assert google.log == []
    assert ecr.asked == []


@given(st.text(st.sampled_from("abz019.-:/@\n"), max_size=20), st.sampled_from([ECR, GOOGLE, "gcr.io"]), st.booleans())
def test_no_name_around_a_clouds_is_the_clouds(text: str, host: str, is_before: bool) -> None:
    name = text + host if is_before else host + text
    found = ecr_registry(name) or cloud_logins._GOOGLE(name)
    owned = (".amazonaws.com", "-docker.pkg.dev", "gcr.io")
    assert found is None or name.endswith(owned)
    assert found is None or name.count("/") + name.count(":") + name.count("@") + name.count("\n") == 0


@pytest.mark.parametrize("host", [GOOGLE, "us-central1-docker.pkg.dev", "gcr.io", "eu.gcr.io"])
def test_a_registry_of_googles_is_logged_in_to_with_the_access_token(host: str) -> None:
    with fake_google() as google:
        found = logins({"GCE_METADATA_HOST": google.host}).find(host)
    assert found == Credentials("oauth2accesstoken", TOKEN, is_own=True)


def test_google_is_not_asked_where_nothing_says_that_it_is_there() -> None:
    found = logins({"HOME": "/nowhere"})
    assert found.find(GOOGLE) == NOBODY


def test_google_without_a_token_is_nobody_since_images_may_be_public() -> None:
    with fake_google(flavor="Other") as google:
        assert logins({"GCE_METADATA_HOST": google.host}).find("gcr.io") == NOBODY


def test_ecrs_token_is_kept_until_shortly_before_its_end_for_each_region(ecr: FakeEcr) -> None:
    clock = [0.0]
    found = logins(clock=clock)
    for _ in range(3):
        found.find(ECR)
    found.find(ECR.replace("eu-west-1", "us-east-1"))
    assert ecr.asked == ["eu-west-1", "us-east-1"]
    clock[0] = ecr.ends - 301
    found.find(ECR)
    assert len(ecr.asked) == 2
    clock[0] = ecr.ends - 300
    found.find(ECR)
    assert ecr.asked[2:] == ["eu-west-1"]


def test_a_token_is_in_no_representation(ecr: FakeEcr) -> None:
    assert LOGIN[1] not in repr(logins().find(ECR))


def test_ecrs_refusal_is_told(ecr: FakeEcr) -> None:
    ecr.error = AwsRefused("there are no credentials")
    with pytest.raises(AwsRefused):
        logins().find(ECR)


def test_without_boto3_nobody_is_known_at_ecr(monkeypatch: pytest.MonkeyPatch, ecr: FakeEcr) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(cloud_logins, "find_spec", lambda name: None if name == "boto3" else real(name))
    assert logins().find(ECR) == NOBODY


def test_clouds_are_chosen_by_name() -> None:
    assert clouds_of("ecr, google") == CLOUDS
    assert clouds_of("") == ()
    with pytest.raises(HullmarkError, match="HULLMARK_CLOUD_LOGINS: 'azure' is not a cloud"):
        clouds_of("ecr,azure")


# At registries: one on TLS under the cloud's name, behind a proxy that leads the name to it.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"), f"DNS:{ECR},DNS:{GOOGLE},DNS:{ELSEWHERE}")


@dataclass
class World:
    """The cloud's registry, another server, the proxy between, and how images are opened there."""

    registry: FakeRegistry
    elsewhere: FakeRegistry
    proxy: ConnectProxy
    google: FakeGoogle
    options: SourceOptions

    def open(self, reference: str, **options: Any) -> Image:
        """Open an image by its reference."""
        return open_image(f"registry:{reference}", msgspec.structs.replace(self.options, **options))

    def secrets_seen(self, registry: FakeRegistry) -> list[str]:
        """Authorizations that a server was sent."""
        return [headers["authorization"] for _, _, headers in registry.log if "authorization" in headers]


@pytest.fixture
def world(certificates: Certificates, ecr: FakeEcr) -> Iterator[World]:
    blobs = Blobs()
    tags = {"1": blobs.image()["digest"]}
    with ExitStack() as stack:
        tls = certificates.server_context
        registry, elsewhere = (
            stack.enter_context(FakeRegistry(blobs, tags, login=LOGIN, scheme="basic", tls=tls()).running())
            for _ in "12"
        )
        google = stack.enter_context(fake_google())
        ports = [int(server.host.rpartition(":")[2]) for server in (registry, registry, elsewhere)]
        proxy = stack.enter_context(connect_proxy(dict(zip((ECR, GOOGLE, ELSEWHERE), ports, strict=True))))
        environment = {"HTTPS_PROXY": proxy.url, "GCE_METADATA_HOST": google.host}
        options = SourceOptions(
            ca_file=str(certificates.ca),
            certs_dirs=(),
            auth_files=(),
            registry_files=(),
            environment=environment,
            timeout=5,
            retries=0,
            cloud_logins=logins(environment),
        )
        yield World(registry, elsewhere, proxy, google, options)


def test_an_image_is_pulled_with_ecrs_token(world: World) -> None:
    image = world.open(f"{ECR}/shop:1")
    assert image.digest == world.registry.tags["1"]
    assert set(world.secrets_seen(world.registry)) == {f"Basic {encoded(LOGIN)}"}


def test_an_image_is_pulled_with_googles_token(world: World) -> None:
    """Google's registries name a token server at their own address."""
    world.registry.login, world.registry.scheme = ("oauth2accesstoken", TOKEN), "bearer"
    world.registry.realm = f"https://{GOOGLE}/token"
    assert world.open(f"{GOOGLE}/shop:1").digest == world.registry.tags["1"]
    assert world.proxy.asked[0] == GOOGLE


def test_without_the_clouds_login_the_registry_refuses(world: World, ecr: FakeEcr) -> None:
    with pytest.raises(HullmarkError, match="needs a login"):
        world.open(f"{ECR}/shop:1", cloud_logins=None)
    assert ecr.asked == []


def test_a_login_in_a_file_comes_first(world: World, ecr: FakeEcr, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {ECR: {"auth": encoded(LOGIN)}}}))
    world.open(f"{ECR}/shop:1", auth_files=(str(path),))
    assert ecr.asked == []


def test_no_token_goes_to_a_token_server_elsewhere(world: World) -> None:
    world.registry.scheme, world.registry.realm = "bearer", f"https://{ELSEWHERE}/token"
    with pytest.raises(HullmarkError, match="names no token server that may be asked"):
        world.open(f"{ECR}/shop:1")
    assert world.elsewhere.log == []


def test_no_token_follows_a_redirect_elsewhere(world: World) -> None:
    world.registry.redirect = f"https://{ELSEWHERE}"
    world.elsewhere.login = None
    assert world.open(f"{ECR}/shop:1").digest == world.registry.tags["1"]
    assert len(world.elsewhere.asked("/blobs/")) == 1
    assert world.secrets_seen(world.elsewhere) == []


def test_no_token_goes_to_a_mirror(world: World, ecr: FakeEcr) -> None:
    world.elsewhere.login = None
    world.open(f"{ECR}/shop:1", mirrors={ECR: (ELSEWHERE,)})
    assert len(world.elsewhere.log) > 0
    assert world.secrets_seen(world.elsewhere) == []


def test_no_token_is_asked_for_where_certificates_are_not_checked(world: World, ecr: FakeEcr) -> None:
    with pytest.raises(HullmarkError):
        world.open(f"{ECR}/shop:1", insecure=True)
    assert ecr.asked == []
    assert world.secrets_seen(world.registry) == []


def test_other_registries_get_no_token(world: World, ecr: FakeEcr) -> None:
    with pytest.raises(HullmarkError, match="needs a login"):
        world.open(f"{ELSEWHERE}/shop:1")
    assert (ecr.asked, world.google.log, world.secrets_seen(world.elsewhere)) == ([], [], [])


@pytest.mark.parametrize(
    "token", [None, "", "%%%", base64.b64encode(b"AWS").decode(), base64.b64encode(b"AWS:").decode(), "/w==", "ü"]
)
def test_an_answer_without_a_token_is_an_error_that_does_not_quote_it(
    token: str | None, ecr: FakeEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [] if token is None else [{"authorizationToken": token}]
    monkeypatch.setattr(ecr, "call", lambda region: {"authorizationData": data})
    with pytest.raises(HullmarkError) as caught:
        logins().find(ECR)
    assert (str(caught.value), caught.value.advice) == ("ECR gave no token", "try again")
    assert caught.value.__cause__ is None
