"""`hullmark scan` of images in registries of clouds: Debian's registry under a cloud's name demands the token that the cloud gives.

ECR's token comes from moto, Google's from a fake of the metadata server.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.aws import fake_amazon
from tests.support.connect_proxy import connect_proxy
from tests.support.google import TOKEN, fake_google
from tests.support.images import small_layout
from tests.support.program import Program, program_in
from tests.support.registry import debian_registry, make_certificates

pytestmark = pytest.mark.slow

ECR, GOOGLE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "europe-docker.pkg.dev"
LOGINS = {ECR: ("AWS", "123456789012-auth-token"), GOOGLE: ("oauth2accesstoken", TOKEN)}
"""What moto and the fake give."""


@dataclass(frozen=True)
class Clouds:
    """The variables of somebody whom both clouds know, and the certificate to trust."""

    environment: Mapping[str, str]
    ca: Path


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    folder = tmp_path_factory.mktemp("clouds")
    certificates = make_certificates(folder, f"IP:127.0.0.1,DNS:{ECR},DNS:{GOOGLE}")
    (folder / "certs").mkdir()
    shutil.copy(certificates.ca, folder / "certs" / "ca.crt")
    layout = small_layout(folder / "layout", "1")
    with (
        debian_registry(folder / "ecr", certificates, LOGINS[ECR]) as ecr,
        debian_registry(folder / "google", certificates, LOGINS[GOOGLE]) as google,
        connect_proxy({ECR: ecr, GOOGLE: google}) as proxy,
        fake_amazon() as amazon,
        fake_google() as metadata,
    ):
        for port, login in ((ecr, LOGINS[ECR]), (google, LOGINS[GOOGLE])):
            trusted = ("--dest-cert-dir", str(folder / "certs"), "--dest-creds", ":".join(login))
            push = ("skopeo", "copy", *trusted, f"oci:{layout}:1", f"docker://127.0.0.1:{port}/team/shop:1")
            subprocess.run(push, check=True, capture_output=True)
        environment = {
            "HTTPS_PROXY": proxy.url,
            "AWS_ENDPOINT_URL": amazon.url,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "something",
            "GCE_METADATA_HOST": metadata.host,
        }
        yield Clouds(environment, certificates.ca)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return program_in(tmp_path)


@pytest.mark.parametrize("host", [ECR, GOOGLE])
def test_an_image_is_scanned_with_the_clouds_token(clouds: Clouds, program: Program, host: str) -> None:
    ran = program("scan", f"{host}/team/shop:1", "--cacert", clouds.ca, "-o", "json", env=clouds.environment)
    assert ran.document["source"]["reference"] == f"{host}/team/shop:1"
    assert not any(secret in ran.text + ran.err for _, secret in LOGINS.values())


@pytest.mark.parametrize(
    ("host", "changed", "what"),
    [
        (
            ECR,
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "no credentials",
        ),
        (ECR, {"HULLMARK_CLOUD_LOGINS": "google"}, "needs a login"),
        (GOOGLE, {"HULLMARK_CLOUD_LOGINS": ""}, "needs a login"),
        (GOOGLE, {"GCE_METADATA_HOST": "127.0.0.1:9"}, "needs a login"),
    ],
)
def test_without_it_is_said_what_is_missing(
    clouds: Clouds, program: Program, host: str, changed: Mapping[str, str], what: str
) -> None:
    environment = {**clouds.environment, **changed}
    ran = program("scan", f"{host}/team/shop:1", "--cacert", clouds.ca, env=environment)
    assert what in ran.refusal[0]


def test_clouds_that_are_not_known_are_refused(program: Program) -> None:
    ran = program("scan", "example.org/shop:1", env={"HULLMARK_CLOUD_LOGINS": "azure"})
    assert ran.refusal == ("HULLMARK_CLOUD_LOGINS: 'azure' is not a cloud", "known are ecr, google")
