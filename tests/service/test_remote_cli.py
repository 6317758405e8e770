"""The command line as a client: every verb against one running server and a real registry, with exit statuses, JSON and refusals."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.cli.main import parser
from tests.support.images import docker_files, layout_of, tar_of, write_docker_archive
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.processes import docker_registry, place, processes_of, push, role_of, until
from tests.support.program import HULLMARK, Program, Ran, program_in
from tests.support.registry import free_port, make_certificates
from tests.support.server import Running, running_server

PAGE = REPOSITORY / "docs" / "how-to" / "use-a-server.md"
METADATA = b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n"
SITE = "usr/lib/python3/site-packages"
RULE = "{{id: no-django, gate: packages, trigger: forbidden, action: {action}, params: {{names: [{name}]}}}}"


def policy(name: str, action: str, package: str = "django") -> str:
    rule = RULE.format(action=action, name=package)
    return f"schema: hullmark-policy/1\nname: {name}\nrules:\n  - {rule}\n"


@dataclass(frozen=True)
class World:
    """A server, a registry, and the program with which somebody asks the one about the other. `image` is in force, judged and known."""

    server: Running
    registry: str
    program: Program
    folder: Path
    image: str = ""
    digest: str = ""

    def __call__(self, *words: str, given: str = "", **variables: str) -> Ran:
        """Run `hullmark`, as the server's first person unless the variables say otherwise."""
        environment = {**self.server.environment(), **variables}
        return self.program(*words, env={k: v for k, v in environment.items() if v}, given=given, seconds=120)

    def json(self, *words: str, **more: Any) -> Any:
        """What a run says with -o json."""
        return self(*words, "-o", "json", **more).document

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@contextlib.contextmanager
def new_world() -> Iterator[World]:
    if shutil.which("docker-registry") is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    with place("hm-remote-") as folder, docker_registry(folder / "registry") as host, running_server() as server:
        files = {"etc/os-release": b"ID=debian\nVERSION_ID=13\n"}
        for name, version in ((b"Django", b"2.2"), (b"urllib3", b"1.26.5"), (b"Jinja2", b"2.10")):
            files[f"{SITE}/{name.decode()}-{version.decode()}.dist-info/METADATA"] = METADATA % (name, version)
        push(layout_of(folder / "shop", files), host, "team/shop:1", "latest")
        yield World(server, host, program_in(folder / "run"), folder, f"{host}/team/shop:1")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The registry's login, policies and the image come by the program itself. `mild` is in force, `strict` in prod."""
    with new_world() as made:
        with open_snapshot(Shelf(made.folder / "none"), None, REPOSITORY / "examples" / "advisories") as snapshot:
            made.server.client.must("POST", "/api/v1/advisories", Path(snapshot.path).read_bytes())
        assert made("registry", "add", made.registry, "--no-verify").status == 0
        for name, action, place_of_it in (("mild", "warn", ""), ("strict", "stop", "prod")):
            assert made("policy", "add", made.file(f"{name}.yaml", policy(name, action))).status == 0
            assert made("policy", "activate", name, "--environment", place_of_it).status == 0
        (image,) = made.json("image", "add", made.image, "--wait")
        assert image["state"] == "analysed"
        ready = replace(made, digest=image["digest"])
        until(lambda: len(ready.json("image", "history", ready.image)) >= 2, 60, "the verdicts")
        yield ready


@pytest.fixture
def someone(world: World) -> Mapping[str, str]:
    """A viewer of the account, as variables."""
    if "anna" not in world("user", "list").text:
        assert world("user", "add", "anna", "--role", "viewer", given="the words of anna\n").status == 0
    return {"HULLMARK_USER": "anna", "HULLMARK_PASSWORD": "the words of anna"}


def test_an_image_is_listed_and_found_by_each_of_its_names(world: World) -> None:
    listed = world.json("image", "list", "--repository", "team/shop")
    assert [(each["digest"], each["tags"]) for each in listed] == [(world.digest, [world.image])]
    assert world.digest in world("image", "list").text
    assert world.json("image", "list", "--registry", "elsewhere.example") == []
    assert world("image", "list", "--state", "failed").text == "no image\n"
    for name in (world.image, world.digest, listed[0]["config_digest"]):
        assert world.json("image", "show", name)["digest"] == world.digest
    assert f"  {world.digest}\n" in world("image", "show", world.image).text


def test_adding_an_image_twice_is_adding_it_once(world: World) -> None:
    (added,) = world.json("image", "add", world.image)
    assert (added["digest"], added["is_new"], added["state"]) == (world.digest, False, "analysed")
    assert world("image", "wait", world.image).status == 0


def test_what_cannot_be_added_is_refused_with_the_registrys_word(world: World) -> None:
    what, advice = world("image", "add", f"{world.registry}/team/none:1").refusal
    assert ("has no team/none:1" in what, advice) == (True, "check the name and the tag")
    assert "no name and value" in world("image", "add", world.image, "--annotation", "x").refusal[0]
    assert "cannot read the Dockerfile" in world("image", "add", world.image, "--dockerfile", "none").refusal[0]


def test_waiting_ends_in_time(world: World) -> None:
    # An archive without an end is never analysed in no time at all.
    archive = world.folder / "slow.tar"
    write_docker_archive(archive, [docker_files(["slow:1"], [layer_with("slow")])])
    ran = world("image", "upload", str(archive), "--reference", "slow.example/slow:1", "--wait", "--timeout", "0")
    assert ran.status == 0 or ran.refusal[1] == "wait longer: --timeout SECONDS"
    assert world("image", "wait", "slow.example/slow:1", "--timeout", "60").status == 0
    assert "not a number of seconds" in world("image", "wait", "x", "--timeout", "soon").refusal[0]


def layer_with(text: str) -> bytes:
    return tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n", "etc/note": text.encode()})


def test_lists_are_paged_through_to_their_end_or_limit(world: World) -> None:
    found = world.json("image", "packages", world.image)
    assert sorted(each["name"].lower() for each in found) == ["django", "jinja2", "urllib3"]
    assert len(world.json("image", "packages", world.image, "--limit", "1")) == 1
    assert [each["version"] for each in world.json("image", "packages", world.image, "--type", "pypi")] != []
    files = world.json("image", "files", world.image, "--prefix", f"/{SITE}/Django")
    assert files != []
    assert all(file["path"].startswith(f"/{SITE}/Django") for file in files)
    assert len(world.json("image", "layers", world.image)) == 1
    assert "not a number from 1 on" in world("image", "list", "--limit", "0").refusal[0]


def test_vulnerabilities_are_those_of_the_advisories(world: World) -> None:
    until(lambda: world.json("image", "vulns", world.image)["items"] != [], 60, "the matches")
    told = world.json("image", "vulns", world.image)
    ids = {match["advisory"]["id"] for match in told["items"]}
    assert "GHSA-462w-v97r-4m45" in ids
    assert told["image"] == world.digest
    one = world.json("image", "vulns", world.image, "--vulnerability", "GHSA-462w-v97r-4m45")["items"]
    assert [match["package"]["name"].lower() for match in one] == ["jinja2"]
    assert "GHSA-462w-v97r-4m45" in world("image", "vulns", world.image, "--package", one[0]["package"]["name"]).text
    assert "there is no severity" in world("image", "vulns", world.image, "--severity", "dreadful").refusal[0]


def test_a_check_exits_as_the_verdict_says(world: World) -> None:
    assert world("image", "check", world.image).status == 0
    assert world("image", "check", world.image, "--fail-on", "warn").status == 1
    assert world("image", "check", world.image, "--environment", "prod").status == 1
    ran = world("image", "check", world.image, "--policy", "unheard-of")
    assert (ran.status, ran.out) == (3, b"")
    assert "no verdict" in ran.err
    verdict = world.program("image", "check", world.image, "-o", "json", env=world.server.environment())
    assert json.loads(verdict.out)["verdict"] == "warn"
    sarif = json.loads(world("image", "check", world.image, "-o", "sarif").out)
    assert sarif["runs"][0]["results"][0]["message"]["text"]
    assert world("image", "check", world.image, "-o", "pretty").refusal[0]


def test_history_and_bill_of_materials(world: World) -> None:
    verdicts = {(each["policy"], each["verdict"]) for each in world.json("image", "history", world.image)}
    assert {("mild", "warn"), ("strict", "stop")} <= verdicts
    bill = json.loads(world("image", "sbom", world.image).out)
    assert bill["bomFormat"] == "CycloneDX"
    file = world.folder / "bill.spdx.json"
    assert world("image", "sbom", world.image, "-o", f"spdx-json={file}").out == b""
    assert json.loads(file.read_bytes())["spdxVersion"].startswith("SPDX-")


def test_what_others_signed_is_listed_and_looked_for_again(world: World) -> None:
    assert world("image", "signatures", world.image).text == "no document\n"
    ran = world("image", "signatures", world.image, "--look")
    assert (ran.status, ran.text, ran.err) == (0, "no document\n", "")


def test_scan_vulns_and_check_of_a_source_are_answered_by_the_server(world: World) -> None:
    inventory = json.loads(world("scan", world.image, "-o", "json").out)
    assert (inventory["schema"], len(inventory["packages"])) == ("hullmark-inventory/1", 3)
    assert inventory["source"]["digest"] == world.digest
    document = json.loads(world("vulns", f"registry:{world.image}", "-o", "json").out)
    assert "GHSA-462w-v97r-4m45" in {match["advisory"]["id"] for match in document["matches"]}
    assert world("vulns", world.image, "--fail-on", "any").status == 1
    assert world("vulns", world.image, "--fail-on", "eol").status == 0
    assert world("check", world.image).status == 0
    assert world("check", world.image, "--fail-on", "warn").status == 1
    ran = world("check", world.image, "--environment", "prod", "--policy", "strict", "-o", "json")
    assert (ran.status, json.loads(ran.out)["verdict"]) == (1, "stop")
    # What a new image comes to is waited for, too.
    push(world.folder / "shop", world.registry, "team/other:1", "latest")
    assert world("check", f"{world.registry}/team/other:1").status == 0


def test_an_archive_is_sent_to_the_server(world: World) -> None:
    archive = world.folder / "archive.tar"
    files = {f"{SITE}/Django-2.2.dist-info/METADATA": METADATA % (b"Django", b"2.2"), "etc/os-release": b"ID=debian\n"}
    write_docker_archive(archive, [docker_files(["shop:1"], [tar_of(files)])])
    assert world("check", str(archive), "--tag", "archive.example/shop:1").status == 0
    assert world("check", str(archive), "--tag", "archive.example/shop:1", "--environment", "prod").status == 1
    inventory = json.loads(world("scan", f"docker-archive:{archive}:archive.example/shop:2", "-o", "json").out)
    assert [package["name"].lower() for package in inventory["packages"]] == ["django"]
    (sent,) = world.json("image", "upload", str(archive), "--reference", "archive.example/shop:3", "--wait")
    assert {f"archive.example/shop:{number}" for number in (1, 2, 3)} <= set(sent["tags"])
    assert "is not a file" in world("image", "upload", "none.tar", "--reference", "a.example/b:1").refusal[0]
    broken = world.file("broken.tar", "no archive at all")
    assert world("image", "upload", broken, "--reference", "a.example/b:1").refusal[1]


def test_what_only_this_machine_can_do_is_refused(world: World) -> None:
    layout = world.folder / "shop"
    assert "on this machine" in world("scan", f"oci-dir:{layout}").refusal[0]
    assert "on this machine" in world("scan", str(layout)).refusal[0]
    assert "--all-layers" in world("scan", "--all-layers", world.image).refusal[0]
    assert "--context" in world("check", "--context", "facts.json", world.image).refusal[0]
    assert "--sort" in world("vulns", "--sort", "epss", world.image).refusal[0]
    assert "strict is not in force" in world("check", "--policy", "strict", world.image).refusal[0]
    assert "leave --server out" in world("--server", world.server.url, "policy", "validate", "x").refusal[1]
    assert "asks no server" in world("--server", world.server.url, "diff", "a", "b").refusal[0]
    # The empty server is none: the work is done here, although the environment names one.
    inventory = json.loads(world("scan", "--server", "", "-o", "json", f"oci-dir:{layout}").out)
    assert len(inventory["packages"]) == 3


def test_policies_are_added_read_put_in_force_and_deleted(world: World) -> None:
    file = world.file("other.yaml", policy("other", "stop", "nothing-like-it"))
    assert world.json("policy", "add", file, "--note", "first")["version"] == 1
    assert world.json("policy", "add", world.file("other2.yaml", policy("other", "warn", "nothing")))["version"] == 2
    assert {"mild", "other", "strict"} <= {each["name"] for each in world.json("policy", "list")}
    assert world("policy", "get", "other", "--version", "1").text == Path(file).read_text()
    assert [each["version"] for each in world.json("policy", "versions", "other")] == [2, 1]
    active = world.json(
        "policy", "activate", "other", "--version", "1", "--environment", "lab", "--selector", "x.example/*"
    )
    assert (active["version"], active["environment"], active["selector"]) == (1, "lab", "x.example/*")
    assert "in force" in world("policy", "delete", "other").refusal[0]
    assert str(active["id"]) in world("policy", "active").text
    assert world("policy", "deactivate", str(active["id"])).status == 0
    assert world("policy", "delete", "other").status == 0
    assert "there is no policy other" in world("policy", "get", "other").refusal[0]
    what, advice = world(
        "policy", "add", world.file("bad.yaml", "schema: hullmark-policy/1\nname: bad\nrulez: []\n")
    ).refusal
    assert "rulez" in what
    assert advice
    assert "cannot read the policy" in world("policy", "add", "none.yaml").refusal[0]


def test_a_draft_is_tried_on_the_servers_images(world: World) -> None:
    draft = world.file("draft.yaml", policy("mild", "stop"))
    trial = world.json("policy", "simulate", draft)
    assert trial["state"] == "done"
    flips = {flip["image"]: (flip["before"], flip["after"]) for flip in trial["flips"]}
    assert flips[world.digest] == ("warn", "stop")
    assert "stop" in world("policy", "simulate", "strict").text
    assert world.json("policy", "simulate", "mild")["flips"] == []
    assert "there is no policy none" in world("policy", "simulate", "none").refusal[0]
    assert "own images" in world("policy", "simulate", draft, "inventory.json", "--server", world.server.url).refusal[0]


def test_an_exception_counts_until_it_is_ended(world: World) -> None:
    said = {"--rule": "no-django", "--subject": "*", "--expires": "2999-01-01", "--owner": "anna", "--reason": "known"}
    made = world.json("exception", "add", *(word for pair in said.items() for word in pair), "--policy", "strict")
    until(lambda: world("image", "check", world.image, "--environment", "prod").status == 0, 60, "another verdict")
    assert [each["id"] for each in world.json("exception", "list")] == [made["id"]]
    assert world("exception", "end", made["id"]).status == 0
    until(lambda: world("image", "check", world.image, "--environment", "prod").status == 1, 60, "the verdict before")
    assert "there is no exception" in world("exception", "end", made["id"]).refusal[0]
    assert world("exception", "list").text == "no exception\n"
    assert made["id"] in world("exception", "list", "--ended").text


def test_accounts_are_made_closed_and_deleted(world: World) -> None:
    assert world.json("account", "add", "team", "--email", "team@example.com")["state"] == "enabled"
    assert "exists already" in world("account", "add", "team").refusal[0]
    assert {"admin", "team"} <= {each["name"] for each in world.json("account", "list")}
    assert world("--account", "team", "image", "list").text == "no image\n"
    assert world("image", "check", world.digest, "--account", "team").refusal[0].startswith("there is no image")
    assert "enabled" in world("account", "delete", "team").refusal[0]
    assert world.json("account", "disable", "team")["state"] == "disabled"
    assert world.json("account", "enable", "team")["state"] == "enabled"
    assert world.json("account", "show", "team")["email"] == "team@example.com"
    assert world("account", "disable", "team").status == 0
    assert world.json("account", "delete", "team")["state"] == "deleting"


def test_persons_come_change_and_go(world: World) -> None:
    assert world("user", "add", "bert", "--role", "ci", given="the words of bert\n").status == 0
    bert = {"HULLMARK_USER": "bert", "HULLMARK_PASSWORD": "the words of bert"}
    assert world.json("whoami", **bert)["role"] == "ci"
    assert world.json("user", "set-role", "bert", "analyst")["role"] == "analyst"
    assert world("user", "set-password", given="the words of bert\nthe new words of bert\n", **bert).status == 0
    assert world("whoami", **bert).refusal[0] == "the sign-in is refused"
    newer = {**bert, "HULLMARK_PASSWORD": "the new words of bert"}
    assert world.json("whoami", **newer)["name"] == "person:bert"
    assert world("user", "set-password", "bert", given="words that admins chose\n").status == 0
    assert world("whoami", **newer).status == 2
    assert [each["role"] for each in world.json("user", "list") if each["name"] == "bert"] == ["analyst"]
    assert world("user", "delete", "bert").status == 0
    assert "bert" not in world("user", "list").text
    assert "standard input holds no" in world("user", "add", "cleo", "--role", "ci").refusal[0]
    assert "--role: there is no 'king'" in world("user", "add", "cleo", "--role", "king").refusal[0]


def test_keys_are_shown_once_rotated_and_revoked(world: World) -> None:
    made = world("key", "add", "deploy", "--role", "ci", "--expires", "2999-01-01")
    key = made.text.strip()
    assert (key.startswith("hmk_"), made.err) == (True, "the key is shown this once:\n")
    nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": ""}
    assert world.json("whoami", HULLMARK_API_KEY=key, **nobody)["name"] == "key:deploy"
    assert key not in world("key", "list").text
    # Who may not see which policies there are waits for the verdict all the same.
    push(layout_of(world.folder / "fresh", {"etc/note": b"fresh"}), world.registry, "team/fresh:1", "latest")
    assert world("check", f"{world.registry}/team/fresh:1", HULLMARK_API_KEY=key, **nobody).status == 0
    assert "permission" in world("policy", "list", HULLMARK_API_KEY=key, **nobody).refusal[0]
    again = world.json("key", "rotate", "deploy")["key"]
    assert world("whoami", HULLMARK_API_KEY=key, **nobody).status == 2
    assert world.json("whoami", HULLMARK_API_KEY=again, **nobody)["role"] == "ci"
    assert world("key", "delete", "deploy").status == 0
    assert world("whoami", HULLMARK_API_KEY=again, **nobody).status == 2
    assert "deploy" not in world("key", "list").text
    assert "deploy" in world("key", "list", "--revoked").text
    assert "there is no key none" in world("key", "rotate", "none").refusal[0]


def test_the_password_of_a_registry_is_taken_from_outside_and_never_shown(world: World) -> None:
    secret = {"HULLMARK_REGISTRY_PASSWORD": "words of the registry"}
    kept = world.json("registry", "add", "127.0.0.1:1/team", "--username", "robot", "--parallel", "2", **secret)
    assert (kept["username"], kept["parallel"]) == ("robot", 2)
    assert world("registry", "add", "127.0.0.1:1/team", "--username", "robot", given="other words\n").status == 0
    assert "127.0.0.1:1/team" in world("registry", "list").text
    assert "words" not in world("registry", "list", "-o", "json").text
    refused = world("registry", "test", "127.0.0.1:1/team")
    assert (refused.status, "refused" in refused.text) == (1, True)
    assert world("registry", "test", world.registry).status == 0
    assert world("registry", "delete", "127.0.0.1:1/team").status == 0
    assert "there is no registry" in world("registry", "delete", "127.0.0.1:1/team").refusal[0]


def test_events_and_changes_are_listed(world: World) -> None:
    kinds = {each["kind"] for each in world.json("event", "list", "--resource", world.digest)}
    assert {"image.added", "image.analysed", "verdict.changed"} <= kinds
    assert {each["kind"] for each in world.json("event", "list", "--kind", "image.*")} >= {"image.added"}
    assert len(world.json("event", "list", "--limit", "1")) == 1
    done = {each["action"] for each in world.json("audit", "list")}
    assert {"image.add", "policy.activate", "registry.add"} <= done
    assert {each["action"] for each in world.json("audit", "list", "--of", "image.add")} == {"image.add"}
    assert "person:admin" in world("audit", "list", "--limit", "3").text


def test_watching_goes_on_where_the_connection_broke(world: World) -> None:
    before = world.json("event", "list", "--limit", "1")[0]["id"]
    watching = subprocess.Popen(
        [*HULLMARK, "event", "watch", "--after", str(before), "--kind", "image.*", "--limit", "3", "-o", "json"],
        env=world.program.environment(world.server.environment()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        push(world.folder / "shop", world.registry, "team/watched:1", "latest")
        assert watching.stdout is not None
        assert world("image", "add", f"{world.registry}/team/watched:1", "--force", "--wait").status == 0
        first = json.loads(watching.stdout.readline())
        for pid in processes_of(world.server.folder):
            if role_of(pid) == "api":
                os.kill(pid, signal.SIGKILL)
        until(lambda: world.server.client.ask("GET", "/readyz").status == 200, 60, "the server")
        archive = world.folder / "watched.tar"
        write_docker_archive(archive, [docker_files(["watched:1"], [layer_with("watched")])])
        sent = world("image", "upload", str(archive), "--reference", "watched.example/shop:1", "--wait")
        assert sent.status == 0, sent.err
        out, err = watching.communicate(timeout=120)
        seen = [first, *map(json.loads, out.splitlines())]
        told = [each for each in reversed(world.json("event", "list", "--kind", "image.*")) if each["id"] > before]
        assert [each["id"] for each in seen] == [each["id"] for each in told[:3]]
        assert (watching.returncode, err) == (0, b"")
    finally:
        watching.kill()
        watching.wait()


def test_watching_ends_when_its_time_is_up(world: World) -> None:
    ran = world("event", "watch", "--timeout", "0.5")
    assert (ran.status, ran.err) == (0, "")


def test_the_server_says_how_it_is(world: World) -> None:
    assert world.json("system", "ready") == {"database": "ok", "objects": "ok"}
    assert world("system", "ready", HULLMARK_USER="").status == 0
    told = world.json("system", "status")
    assert {"version", "analyzer", "snapshot", "jobs"} <= set(told)
    assert told["version"] in world("system", "status").text
    myself = world.json("whoami")
    assert (myself["name"], myself["account"], myself["is_operator"]) == ("person:admin", "admin", True)
    assert world.server.url in world("whoami").text


def test_an_image_is_read_again_and_let_go(world: World) -> None:
    push(layout_of(world.folder / "again", {"etc/note": b"again"}), world.registry, "team/again:1", "latest")
    name = f"{world.registry}/team/again:1"
    (added,) = world.json("image", "add", name, "--annotation", "team=shop", "--wait")
    assert added["annotations"] == {"team": "shop"}
    (again,) = world.json("image", "analyse", name)
    assert again["state"] in ("waiting", "analysing")
    assert world("image", "wait", name).status == 0
    assert world.json("image", "delete", name) == {"deleted": [added["digest"]]}
    what, advice = world("image", "show", name).refusal
    assert what.startswith("there is no image")
    assert advice == f"add it first: hullmark image add {name}"


def test_waiting_for_what_cannot_be_analysed_says_why(world: World) -> None:
    with place("hm-lost-") as folder, docker_registry(folder / "registry") as host:
        assert world("registry", "add", host, "--no-verify").status == 0
        push(layout_of(folder / "lost", {"etc/note": b"lost"}), host, "team/lost:1", "latest")
        (blob,) = [
            path for path in (folder / "registry" / "blobs").rglob("data") if path.read_bytes()[:2] == b"\x1f\x8b"
        ]
        blob.unlink()
        ran = world("image", "add", f"{host}/team/lost:1", "--wait")
        assert "cannot be analysed" in ran.refusal[0]
        assert [each["state"] for each in world.json("image", "list", "--state", "failed")] == ["failed"]
        assert "cannot be analysed" in world("check", f"{host}/team/lost:1").refusal[0]


def test_a_login_is_kept_for_its_owner_alone_and_revoked_at_the_logout(world: World, tmp_path: Path) -> None:
    mine = replace(world, program=program_in(tmp_path / "run"))
    nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": "", "HULLMARK_SERVER": ""}
    said = f"admin\n{world.server.password}\n"
    ran = mine("login", world.server.url, given=said, **nobody)
    assert ran.status == 0, ran.err
    assert world.server.password not in ran.text + ran.err
    file = mine.program.home / ".config" / "hullmark" / "servers.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = yaml.safe_load(file.read_text())["servers"][world.server.url]
    assert world.server.password not in file.read_text()
    # The only server that there is a login for need not be named.
    assert mine.json("whoami", **nobody)["name"] == f"key:{kept['key_name']}"
    assert mine.json("system", "status", **nobody)["version"]
    file.chmod(0o640)
    what, advice = mine("whoami", **nobody).refusal
    assert "others may read the keys" in what
    assert advice == f"chmod 600 {file}"
    file.chmod(0o600)
    assert mine("logout", **nobody).status == 0
    assert mine("whoami", **nobody).refusal[0] == "which server?"
    key = {**nobody, "HULLMARK_SERVER": world.server.url, "HULLMARK_API_KEY": kept["api_key"]}
    assert mine("whoami", **key).refusal[0] == "the sign-in is refused"
    assert "there is no key for" in mine("logout", world.server.url, **nobody).refusal[0]


@pytest.mark.parametrize(
    "text", ["servers: [", "[]", "servers: {x: {}}", "servers: {x: {api_key: 1}}", "other: 1", "\x00"]
)
def test_a_broken_file_of_logins_is_refused(tmp_path: Path, text: str) -> None:
    hullmark = program_in(tmp_path / "run")
    file = hullmark.home / ".config" / "hullmark" / "servers.yaml"
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(text)
    what, advice = hullmark("whoami").refusal
    assert (str(file) in what, advice) == (True, "remove it, and sign in again")


def test_who_may_make_no_key_learns_how_to_get_one(world: World, someone: Mapping[str, str], tmp_path: Path) -> None:
    mine = replace(world, program=program_in(tmp_path / "run"))
    what, advice = mine("login", world.server.url, **someone).refusal
    assert what.startswith("you may not make a key")
    assert "--role viewer" in advice
    assert "sign-in is refused" in mine("login", world.server.url, "--user", "anna", given="wrong words\n").refusal[0]


def test_a_key_that_there_is_already_can_be_kept(world: World, tmp_path: Path) -> None:
    mine = replace(world, program=program_in(tmp_path / "run"))
    nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": "", "HULLMARK_SERVER": ""}
    key = world.json("key", "add", "given", "--role", "ci")["key"]
    assert mine("login", world.server.url, "--with-key", given="hmk_no\n", **nobody).refusal[0]
    assert mine("login", world.server.url, "--with-key", given=f"{key}\n", **nobody).status == 0
    assert mine.json("whoami", **nobody)["name"] == "key:given"
    assert mine("logout", **nobody).status == 0
    # It was not made by the login, so it stays good.
    assert (
        mine.json("whoami", **{**nobody, "HULLMARK_SERVER": world.server.url, "HULLMARK_API_KEY": key})["role"] == "ci"
    )


def test_the_server_and_key_may_stand_in_the_settings_file(world: World) -> None:
    key = world.json("key", "add", "settings", "--role", "viewer")["key"]
    file = world.file("settings.yaml", f"server: {world.server.url}\napi_key: {key}\naccount: admin\n")
    nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": "", "HULLMARK_SERVER": ""}
    assert world.json("whoami", "--config", file, **nobody)["name"] == "key:settings"
    assert world.json("image", "list", "--config", file, "--repository", "team/shop", **nobody) != []


def test_who_is_not_let_in_learns_what_to_do(world: World, someone: Mapping[str, str]) -> None:
    nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": ""}
    what, advice = world("whoami", **nobody).refusal
    assert (what, "hullmark login" in advice) == ("nobody is signed in", True)
    assert world("whoami", HULLMARK_API_KEY="hmk_none", **nobody).refusal[0] == "the sign-in is refused"
    what, advice = world("policy", "add", world.file("p.yaml", policy("p", "warn")), **someone).refusal
    assert (what, advice) == ("this needs the permission policies:write", "your role in admin is viewer")
    assert "no such account" in world("whoami", "--account", "nowhere").refusal[0]
    assert "not open to you" in world("whoami", "--account", "nowhere", **someone).refusal[0]
    assert "strange characters" in world("whoami", "--account", "nöwhere").refusal[0]


def test_what_is_no_server_is_told_apart(world: World) -> None:
    for url, what in (
        (f"http://127.0.0.1:{free_port()}", "refuses connections"),
        (world.server.url.replace("http:", "https:"), "does not speak TLS"),
        (f"http://{world.registry}", "answers with status 404"),
        ("ftp://127.0.0.1", "is not an address of a server"),
        ("http://hullmark.example.com", "is plain HTTP"),
        ("http://admin:words@127.0.0.1", "holds a login"),
    ):
        assert what in world("whoami", "--server", url).refusal[0]
    assert world("--server", world.server.url, "whoami", HULLMARK_SERVER="").status == 0
    assert world("whoami", f"--server={world.server.url}", HULLMARK_SERVER="").status == 0
    assert world("image", "--server", world.server.url, "list", HULLMARK_SERVER="").status == 0


@contextlib.contextmanager
def behind_tls(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """A port that takes TLS off, for a server that has none, as operators' proxies do."""
    listening = socket.create_server(("127.0.0.1", 0))

    def relay(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def passed(plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", port)) as inner,
        ):
            back = threading.Thread(target=relay, args=(inner, outer))
            back.start()
            relay(outer, inner)
            back.join()

    def serve() -> None:
        with ThreadPoolExecutor(8) as pool, contextlib.suppress(OSError):
            while True:
                pool.submit(passed, listening.accept()[0])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_tls_is_believed_by_the_named_ca_alone(world: World, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    port = int(world.server.url.rpartition(":")[2])
    with behind_tls(port, certificates.server_context()) as secure:
        url = f"https://127.0.0.1:{secure}"
        what, advice = world("whoami", "--server", url).refusal
        assert "is not trusted" in what
        assert "--cacert" in advice
        assert world("whoami", "--server", url, "--cacert", str(certificates.ca)).status == 0
        assert world("whoami", "--server", url, SSL_CERT_FILE=str(certificates.ca)).status == 0
        assert world("image", "list", "--server", url, "--insecure").status == 0
        # The login remembers whom it believed.
        mine = replace(world, program=program_in(tmp_path / "run"))
        shutil.copy(certificates.ca, mine.program.place / "ca.crt")
        nobody = {"HULLMARK_USER": "", "HULLMARK_PASSWORD": "", "HULLMARK_SERVER": ""}
        said = f"admin\n{world.server.password}\n"
        assert mine("login", "--server", url, "--cacert", "ca.crt", given=said, **nobody).status == 0
        assert mine.json("whoami", **nobody)["is_operator"] is True
        assert mine("logout", **nobody).status == 0
        assert world("check", world.image, "--server", url, "--cacert", str(certificates.ca)).status == 0


def parsers(found: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield found
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from parsers(choice)


def test_every_option_of_every_action_has_help() -> None:
    silent = [
        (each.prog, action.dest)
        for each in parsers(parser())
        for action in each._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert silent == []


def test_the_page_about_servers_holds() -> None:
    with new_world() as made:
        page = PAGE.read_text("utf-8")
        for name, real in (("https://hullmark.example.com", made.server.url), ("registry.example.com", made.registry)):
            assert name in page
            page = page.replace(name, real)
        path = made.folder / "page.md"
        path.write_text(page, "utf-8")

        class Reader(Program):
            """The program in the hands of somebody who types name and password where they are asked for."""

            def __call__(self, *words: str | Path, **more: Any) -> Ran:
                typed = f"{made.server.user}\n{made.server.password}\n" if words[0] == "login" else ""
                return super().__call__(*words, given=typed, **more)

        program = made.program
        assert commands_that_hold(path, Reader(program.home, program.temporary, program.place)) == 31
