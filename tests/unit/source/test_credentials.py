"""Where logins are found, and that they never show."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.source.auth import Challenge, parse_challenges
from hullmark.source.credentials import NOBODY, Credentials, auth_files, find_credentials


def auth(login: str) -> dict[str, str]:
    return {"auth": base64.b64encode(login.encode()).decode()}


def found(
    tmp_path: Path, content: Any, host: str = "example.org", repository: str = "team/app", **environment: str
) -> Credentials:
    path = tmp_path / "auth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return find_credentials(host, repository, (str(path),), environment)


def test_the_usual_places_come_in_the_usual_order() -> None:
    home = {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1"}
    assert auth_files(home) == (
        "/run/user/1/containers/auth.json",
        "/home/me/.config/containers/auth.json",
        "/home/me/.docker/config.json",
    )
    assert auth_files({**home, "DOCKER_CONFIG": "/d"})[-1] == "/d/config.json"
    assert auth_files({**home, "REGISTRY_AUTH_FILE": "/a.json"}) == ("/a.json",)
    assert auth_files({}) == ()


@pytest.mark.parametrize(
    "key", ["example.org", "https://example.org", "https://example.org/v1/", "http://example.org/v2/", "example.org/"]
)
def test_a_login_is_found_under_its_host_or_address(tmp_path: Path, key: str) -> None:
    assert found(tmp_path, {"auths": {key: auth("me:pass:word")}}) == Credentials("me", "pass:word")


def test_the_most_specific_login_is_taken(tmp_path: Path) -> None:
    auths = {"example.org": auth("host:1"), "example.org/team": auth("team:2"), "example.org/other": auth("other:3")}
    assert found(tmp_path, {"auths": auths}).user == "team"
    assert found(tmp_path, {"auths": auths}, repository="teams/app").user == "host"
    assert found(tmp_path, {"auths": auths}, host="sub.example.org") == NOBODY


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"])
def test_the_hub_has_several_names(tmp_path: Path, key: str) -> None:
    assert found(tmp_path, {"auths": {key: auth("me:x")}}, host="docker.io").user == "me"


def test_plain_fields_and_tokens_are_logins_too(tmp_path: Path) -> None:
    assert found(tmp_path, {"auths": {"example.org": {"username": "u", "password": "p"}}}) == Credentials("u", "p")
    both = {**auth("u:p"), "identitytoken": "i"}
    assert found(tmp_path, {"auths": {"example.org": both}}).identity_token == "i"  # noqa: S105
    assert found(tmp_path, {"auths": {"example.org": {"registrytoken": "r"}}}).registry_token == "r"  # noqa: S105


def test_the_first_file_with_a_login_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text(json.dumps({"auths": {"example.org": {}}}))
    two.write_text(json.dumps({"auths": {"example.org": auth("two:2")}}))
    files = (str(tmp_path / "none"), str(one), str(two))
    assert find_credentials("example.org", "a", files, {}).user == "two"


def helper(tmp_path: Path, script: str) -> str:
    program = tmp_path / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{tmp_path}:/usr/bin:/bin"


def test_a_helper_is_asked_for_the_host(tmp_path: Path) -> None:
    path = helper(tmp_path, 'read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s$1\\"}"')
    expected = Credentials("example.org", "sget")
    assert found(tmp_path, {"credsStore": "test"}, PATH=path) == expected
    assert found(tmp_path, {"credHelpers": {"example.org": "test"}}, PATH=path) == expected
    assert found(tmp_path, {"credHelpers": {"other.org": "test"}}, PATH=path) == NOBODY
    assert found(tmp_path, {"credsStore": "test"}, host="docker.io", PATH=path).user == "https://index.docker.io/v1/"


def test_a_helper_may_hold_an_identity_token(tmp_path: Path) -> None:
    path = helper(tmp_path, 'echo \'{"Username":"<token>","Secret":"i"}\'')
    assert found(tmp_path, {"credsStore": "test"}, PATH=path) == Credentials("", "", "i")


@pytest.mark.parametrize(
    "script", ["echo credentials not found in native keychain; exit 1", "echo nonsense", "true", "echo '[]'"]
)
def test_a_helper_that_knows_nothing_leaves_the_file_s_own_logins(tmp_path: Path, script: str) -> None:
    content = {"credsStore": "test", "auths": {"example.org": auth("own:1")}}
    assert found(tmp_path, content, PATH=helper(tmp_path, script)).user == "own"


def test_a_helper_that_is_not_installed_knows_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, {"credsStore": "test"}, PATH=str(tmp_path)) == NOBODY


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "a;b", "a/b"])
def test_a_helper_of_a_strange_name_is_not_called(tmp_path: Path, name: str) -> None:
    with pytest.raises(HullmarkError, match="strange letters"):
        found(tmp_path, {"credsStore": name})


@pytest.mark.parametrize("content", ["{", "[1]", '{"auths": 3}', '{"auths":{"example.org":{"auth":7}}} secret'])
def test_a_file_that_cannot_be_read_is_named_but_not_quoted(tmp_path: Path, content: str) -> None:
    with pytest.raises(HullmarkError, match=r"auth\.json") as caught:
        found(tmp_path, content)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"auths": null}',
        '{"auths":{"example.org":{"auth":"%%%"}}}',
        '{"auths":{"example.org":{"auth":"/w=="}}}',
        '{"auths":{"example.org":{"auth":"ü"}}}',
    ],
)
def test_a_file_without_a_usable_login_has_nobody(tmp_path: Path, content: str) -> None:
    assert found(tmp_path, content) == NOBODY


def test_a_login_does_not_show_when_printed() -> None:
    assert "secret" not in repr(Credentials("me", "secret"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (Challenge("basic"),)),
        ('Basic realm="x y"', (Challenge("basic", {"realm": "x y"}),)),
        (
            'Bearer realm="https://a/t",service="s, \\"q\\"",scope="repository:a:pull,push"',
            (Challenge("bearer", {"realm": "https://a/t", "service": 's, "q"', "scope": "repository:a:pull,push"}),),
        ),
        ("BEARER Realm=x , Error=y", (Challenge("bearer", {"realm": "x", "error": "y"}),)),
        ('Negotiate, Basic realm="b", Bearer realm="c"',
         (Challenge("negotiate"), Challenge("basic", {"realm": "b"}), Challenge("bearer", {"realm": "c"}))),
        ('realm="x"', ()),
    ],
)  # fmt: skip
def test_challenges_are_told_apart(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges(header) == expected


@given(st.text(max_size=200) | st.text('Bearer="\\, realm', max_size=200))
def test_any_challenge_is_read(header: str) -> None:
    assert all(challenge.scheme for challenge in parse_challenges(header))


def test_a_place_for_logins_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError) as caught:
        find_credentials("example.org", "a", (str(tmp_path),), {})
    assert str(caught.value) == f"{tmp_path} cannot be read (Is a directory)"
    assert caught.value.advice == "check its permissions"


def test_a_helper_that_cannot_be_started_is_an_error_without_what_it_was_asked(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text("#!/nowhere/sh\n")
    program.chmod(0o755)
    with pytest.raises(HullmarkError) as caught:
        found(tmp_path, {"credsStore": "test"}, PATH=str(tmp_path))
    assert str(caught.value) == "the credential helper docker-credential-test does not answer"
    assert caught.value.advice == "run it by hand, or log in again"
