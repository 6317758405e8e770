"""Signing in and out: where a key comes from, where it is kept, and what is said where a server or a disk refuses."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from tests.support.in_process import CommandLine, Reply, TableServer, refused

GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://hullmark.example/github", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer"}
MYSELF = {"name": "ann", "account": "acme", "role": "editor", "is_operator": False, "permissions": []}


def kept(hullmark: CommandLine) -> Path:
    """The file of keys."""
    return hullmark.home / ".config" / "hullmark" / "servers.yaml"


@pytest.fixture
def nobody(server: TableServer, monkeypatch: pytest.MonkeyPatch) -> TableServer:
    """The server, to which nobody is signed in."""
    monkeypatch.delenv("HULLMARK_API_KEY")
    monkeypatch.delenv("HULLMARK_SERVER")
    return server


def test_who_signs_in_at_a_terminal_is_asked_for_a_name_and_has_a_key_until_a_day(
    hullmark: CommandLine, nobody: TableServer
) -> None:
    """The name is asked for on standard error; the key is kept for its owner alone."""
    nobody.answers = {"GET /whoami": MYSELF, "POST /keys": {"key": "k3y", "name": "laptop"}}
    ran = hullmark(
        *("login", nobody.url, "--key-name", "laptop", "--expires", "2026-12-31"),
        given="ann\n",
        env={"HULLMARK_USER": "", "HULLMARK_PASSWORD": "not hers"},
        typed=("correct horse",),
    )
    assert (ran.status, ran.err) == (0, "name: password: ")
    assert ran.text == f"signed in to {nobody.url} as ann in acme; the key is in {kept(hullmark)}\n"
    body = {"name": "laptop", "role": "editor", "person": "ann", "scopes": []}
    assert nobody.asked[-1] == ("POST /keys", {**body, "expires_at": "2026-12-31T00:00:00+00:00"})
    assert nobody.headers["Authorization"] == "Basic YW5uOmNvcnJlY3QgaG9yc2U="
    assert stat.S_IMODE(kept(hullmark).stat().st_mode) == 0o600
    assert yaml.safe_load(kept(hullmark).read_text())["servers"][nobody.url]["api_key"] == "k3y"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            403,
            (
                "you may not make a key: no",
                "have an admin make one (hullmark key add NAME --role editor), then: hullmark login URL --with-key",
            ),
        ),
        (500, ("no", "")),
    ],
)
def test_who_may_make_no_key_is_told_how_to_come_by_one(
    hullmark: CommandLine, nobody: TableServer, status: int, said: tuple[str, str]
) -> None:
    nobody.answers = {"GET /whoami": MYSELF, "POST /keys": refused(status, "no")}
    ran = hullmark("login", nobody.url, "--user", "ann", given="correct horse\n")
    assert ran.refusal == said
    assert not kept(hullmark).exists()


def test_a_key_that_cannot_be_revoked_is_forgotten_and_said(hullmark: CommandLine, nobody: TableServer) -> None:
    nobody.answers = {"GET /whoami": MYSELF, "POST /keys": {"key": "k3y", "name": "laptop"}}
    assert hullmark("login", nobody.url, "--user", "ann", given="correct horse\n").status == 0
    nobody.answers["DELETE /keys/laptop"] = refused(500, "the disk\x1b is full")
    ran = hullmark("logout")
    assert (ran.status, ran.text) == (0, f"signed out of {nobody.url}\n")
    assert ran.err == "hullmark: the key laptop is still good there: the disk\\x1b is full\n"
    assert yaml.safe_load(kept(hullmark).read_text()) == {"servers": {}}
    assert hullmark("logout").refusal == ("which server?", "you are signed in to none")


def test_keys_that_cannot_be_read_or_written_are_said_with_the_file(hullmark: CommandLine, nobody: TableServer) -> None:
    nobody.answers = {"GET /whoami": MYSELF}
    kept(hullmark).mkdir(parents=True)
    ran = hullmark("whoami", "--server", nobody.url)
    assert ran.refusal == (f"cannot read {kept(hullmark)}: Is a directory", "check its rights")
    kept(hullmark).rmdir()
    kept(hullmark).parent.rmdir()
    kept(hullmark).parent.symlink_to("gone")
    ran = hullmark("login", nobody.url, "--with-key", given="k3y\n")
    assert ran.refusal == (f"cannot write {kept(hullmark)}: File exists", "check rights and space")


def test_a_job_of_github_signs_in_by_its_token(hullmark: CommandLine, nobody: TableServer) -> None:
    nobody.answers = {
        "GET /github?audience=acme registry": {"value": "t0ken"},
        "POST /tokens/exchange": {"access_token": "short-lived"},
        "GET /whoami": {**MYSELF, "name": "job"},
    }
    ran = hullmark("login", nobody.url, "--oidc", "acme registry", "--account", "acme", env=GITHUB)
    assert (ran.status, ran.err) == (0, "")
    assert ("POST /tokens/exchange", {"subject_token": "t0ken", "account": "acme"}) in nobody.asked
    assert nobody.headers["Authorization"] == "Bearer short-lived"


@pytest.mark.parametrize(
    ("reply", "status"), [(Reply(200, b"<html>"), 200), (Reply(200, {"token": 1}), 200), (Reply(403, {}), 403)]
)
def test_a_job_that_is_given_no_token_is_told_which_permission_it_needs(
    hullmark: CommandLine, nobody: TableServer, reply: Reply, status: int
) -> None:
    nobody.answers = {"GET /github?audience=hullmark": reply}
    ran = hullmark("login", nobody.url, "--oidc", "--account", "acme", env=GITHUB)
    what = f"GitHub gives this job no token: status {status}"
    assert ran.refusal == (what, "permissions: id-token: write; check the workflow")


def test_a_job_says_in_which_account_it_acts(hullmark: CommandLine, nobody: TableServer) -> None:
    ran = hullmark("login", nobody.url, "--oidc", env=GITHUB)
    advice = "name it: --account NAME, or HULLMARK_ACCOUNT"
    assert ran.refusal == ("which account is the job to act in?", advice)
    assert nobody.asked == []


@pytest.mark.parametrize("status", [401, 500])
def test_an_image_that_cannot_be_looked_up_is_not_called_unknown(
    hullmark: CommandLine, server: TableServer, status: int
) -> None:
    """Only of one that is not there it is said how to add it."""
    server.answers["GET /references/docker.io/library/shop:1"] = refused(status, "no")
    assert hullmark("image", "show", "docker.io/library/shop:1").refusal[0] == "no"
    server.answers["GET /references/docker.io/library/shop:1"] = refused(404, "there is no such image")
    ran = hullmark("image", "show", "docker.io/library/shop:1")
    assert ran.refusal == ("there is no such image", "add it first: hullmark image add docker.io/library/shop:1")


def test_a_file_whose_name_no_disk_holds_cannot_be_sent(hullmark: CommandLine, server: TableServer) -> None:
    name = "x" * 300
    ran = hullmark("advisories", "send", name)
    assert ran.refusal == (f"cannot read {name}: File name too long", "check the path")


def test_what_the_server_knows_nothing_of_is_left_empty(hullmark: CommandLine, server: TableServer) -> None:
    server.answers["GET /channels/ops"] = {
        "name": "ops",
        "failing_since": None,
        "kinds": [None, True],
        "more": {"b": 1},
    }
    ran = hullmark("channel", "show", "ops")
    assert ran.text.splitlines() == [
        "name           ops",
        "failing since",
        "kinds          , yes",
        'more           {"b": 1}',
    ]
    assert json.loads(hullmark("channel", "show", "ops", "-o", "json").out)["failing_since"] is None
