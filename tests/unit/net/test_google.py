"""Access tokens of Google's: from the metadata server, from credentials that are configured, kept until they end, never shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import NetError
from hullmark.net.google import GoogleTokens, credentials_file, is_at_google
from hullmark.net.http import HttpSettings
from tests.support.google import METADATA, TOKEN, FakeGoogle, fake_google


def tokens_of(
    google: FakeGoogle, environment: dict[str, str] | None = None, clock: list[float] | None = None
) -> GoogleTokens:
    """Tokens from the fake."""
    given = {"GCE_METADATA_HOST": google.host} if environment is None else environment
    times = clock if clock is not None else [0.0]
    return GoogleTokens(
        HttpSettings(environment=given, retries=1, timeout=5, sleep=lambda _: None, clock=lambda: times[0])
    )


def test_the_metadata_server_gives_a_token_which_is_kept_until_shortly_before_its_end() -> None:
    with fake_google(lives=1000) as google:
        clock = [0.0]
        tokens = tokens_of(google, clock=clock)
        assert [tokens.token(), tokens.token()] == [TOKEN, TOKEN]
        assert len(google.log) == 1
        clock[0] = 939.0
        tokens.token()
        assert len(google.log) == 1
        clock[0] = 940.0
        tokens.token()
        assert [path for _, path, _ in google.log] == [METADATA] * 2


def test_what_is_not_googles_metadata_server_is_not_believed() -> None:
    with fake_google(flavor="Other") as google, pytest.raises(HullmarkError, match="gives no token") as refused:
        tokens_of(google).token()
    assert TOKEN not in str(refused.value)


def test_proxies_are_not_used_for_the_metadata_server() -> None:
    with fake_google() as google:
        environment = {
            "GCE_METADATA_HOST": google.host,
            "http_proxy": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }
        assert tokens_of(google, environment).token() == TOKEN


def test_where_no_metadata_server_is_that_is_an_error_of_the_network() -> None:
    with fake_google() as google:
        gone = google.host
    with pytest.raises(NetError):
        tokens_of(google, {"GCE_METADATA_HOST": gone}).token()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A service account's key, as Google writes it; its tokens come from nowhere yet."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "shop",
                "private_key_id": "1",
                "private_key": key.decode(),
                "client_email": "agent@shop.iam.gserviceaccount.com",
                "client_id": "1",
                "token_uri": "",
            }
        )
    )
    return path


def test_configured_credentials_come_first(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_google() as google:
        document = json.loads(key_file.read_text())
        key_file.write_text(json.dumps({**document, "token_uri": f"{google.url}/token"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file), "GCE_METADATA_HOST": google.host}
        tokens = tokens_of(google, environment)
        assert tokens.token() == TOKEN
        assert [(method, path) for method, path, _ in google.log] == [("POST", "/token")]


def test_broken_credentials_are_refused_without_showing_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.json"
    path.write_text('{"type": "service_account", "private_key": "hunter2"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with fake_google() as google, pytest.raises(HullmarkError, match="not accepted") as refused:
        tokens_of(google, {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}).token()
    assert "hunter2" not in str(refused.value)


def test_without_google_auth_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with fake_google() as google, pytest.raises(HullmarkError, match="is missing") as refused:
        tokens_of(google, {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}).token()
    assert "hullmark[google]" in refused.value.advice


def test_credentials_are_looked_for_where_google_auth_looks(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    assert credentials_file({"HOME": str(tmp_path)}) == ""
    (folder / "application_default_credentials.json").write_text("{}")
    assert credentials_file({"HOME": str(tmp_path)}) == str(folder / "application_default_credentials.json")
    assert credentials_file({"HOME": str(tmp_path), "CLOUDSDK_CONFIG": "/none"}) == ""
    assert credentials_file({"GOOGLE_APPLICATION_CREDENTIALS": "/k.json"}) == "/k.json"
    assert credentials_file({}) == ""


def test_a_machine_is_googles_where_it_is_said_so() -> None:
    assert is_at_google({"GCE_METADATA_HOST": "metadata"})
    assert is_at_google({"K_SERVICE": "web"})
