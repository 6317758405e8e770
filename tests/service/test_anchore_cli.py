"""Anchore's own command line, and its Jenkins plugin's requests, against a whole server with a registry and advisories."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.service.anchore_world import PASSWORD, Answer, World, running_registry, running_server
from tests.support.clients import ANCHORE_CLI, interpreter_with
from tests.support.database import fresh_database

Json = dict[str, Any]


def bundle(id: str, action: str, tag: str = "*") -> Json:
    """A policy that takes action on what is badly vulnerable."""
    params = {"package_type": "all", "severity_comparison": ">=", "severity": "high"}
    rule = {
        "id": "rule-1",
        "gate": "vulnerabilities",
        "trigger": "package",
        "action": action,
        "params": [{"name": name, "value": value} for name, value in params.items()],
    }
    mapping = {
        "id": "mapping-1",
        "name": "all",
        "registry": "*",
        "repository": "*",
        "image": {"type": "tag", "value": tag},
        "policy_ids": ["rules"],
        "whitelist_ids": [],
    }
    return {
        "id": id,
        "version": "1_0",
        "name": f"{id} and its rules",
        "policies": [{"id": "rules", "name": "rules", "version": "1_0", "rules": [rule]}],
        "whitelists": [],
        "mappings": [mapping],
        "whitelisted_images": [],
        "blacklisted_images": [],
    }


@pytest.fixture(scope="module")
def world(database_server: str) -> Iterator[World]:
    """A server; the account admin may ask the registry without TLS, and has two policies, of which the passing one is active."""
    with tempfile.TemporaryDirectory(prefix="hullmark-anchore-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with running_registry(folder) as host, running_server(folder, fresh_database(database_server)) as port:
            world = World(port, host, folder, None)
            registry = {"registry": host, "registry_verify": False}
            assert world.ask("POST", "/v1/registries?validate=False", registry).status == 200
            for id, action in (("passing", "WARN"), ("failing", "STOP")):
                assert world.ask("POST", "/v1/policies", bundle(id, action)).status == 200
            assert world.ask("PUT", "/v1/policies/passing", {"active": True}).status == 200
            yield world


@pytest.fixture(scope="module")
def client(world: World) -> World:
    """The server, with Anchore's client at hand."""
    interpreter = interpreter_with(ANCHORE_CLI)
    if isinstance(interpreter, str):
        pytest.skip(interpreter)
    return World(world.port, world.host, world.folder, interpreter)


def analysed(world: World, name: str, **more: Any) -> Json:
    """The record of an image of the registry, once it is analysed. The name is that of a fresh image."""
    world.push(name, {"etc/name": name.encode()})
    assert world.ask("POST", "/v1/images?autosubscribe=True", {"tag": f"{world.host}/{name}", **more}).status == 200
    return awaited(world, f"{world.host}/{name}")


def awaited(world: World, tag: str) -> Json:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        [record] = world.ask("GET", f"/v1/images?fulltag={tag}").document
        if record["analysis_status"] == "analyzed":
            found: Json = record
            return found
        time.sleep(0.2)
    pytest.fail("the image is not analysed")


@pytest.fixture(scope="module")
def shop(world: World) -> Json:
    """An image that is analysed: `shop/seller:1`."""
    return analysed(world, "shop/seller:1")


def tag_of(record: Json) -> str:
    return str(record["image_detail"][0]["fulltag"])


# The command line -----------------------------------------------------------------------------------------------------


def test_the_system_is_up_and_has_its_feed(client: World) -> None:
    waited = client.ok("system", "wait", "--timeout", "60", "--interval", "1")
    assert "Service availability: Success." in waited
    assert "Feed sync: Success." in waited
    status = client.ok("system", "status")
    for name in ("apiext", "policy_engine", "catalog", "simplequeue", "analyzer"):
        assert f"Service {name} (" in status
    assert status.count(": up") == 5
    feeds = client.ok("system", "feeds", "list")
    assert [line.split()[:2] for line in feeds.splitlines() if "vulnerabilities" in line] == [
        ["vulnerabilities", "debian:12"],
        ["vulnerabilities", "exploited"],
        ["vulnerabilities", "npm"],
    ]
    assert "REGISTRY_IMAGE_NOT_FOUND" in client.ok("system", "errorcodes")


def test_an_image_is_added_waited_for_and_shown(client: World) -> None:
    client.push("shop/added:1", {"added": b"1"})
    name = f"{client.host}/shop/added:1"
    dockerfile = client.folder / "Dockerfile"
    dockerfile.write_text("FROM scratch\nUSER shop\n")
    added = client.ok("image", "add", name, "--dockerfile", str(dockerfile), "--annotation", "ticket=42")
    assert f"Full Tag: {name}" in added
    digest = added.split("Image Digest: ")[1].split()[0]
    waited = client.ok("image", "wait", name, "--timeout", "60", "--interval", "0.5")
    for line in ("Analysis Status: analyzed", "Dockerfile Mode: Actual", "Distro: debian", "Distro Version: 12"):
        assert line in waited
    assert "Annotations: ticket=42" in waited
    identity = waited.split("Image ID: ")[1].split()[0]
    listed = client.ok("image", "list", "--full")
    assert [name, digest, "analyzed", identity] in [line.split() for line in listed.splitlines()]
    for other in (digest, identity, name):
        assert f"Image Digest: {digest}" in client.ok("image", "get", other)
    assert "USER shop" in client.ok("image", "metadata", name, "dockerfile")


def test_a_tag_that_moved_shows_both_images_with_history(client: World) -> None:
    digests = []
    for text in (b"first", b"second"):
        client.push("shop/moving:1", {"text": text})
        added = client.ok("image", "add", f"{client.host}/shop/moving:1")
        digests.append(added.split("Image Digest: ")[1].split()[0])
    assert digests[0] != digests[1]
    now = client.ok("image", "get", f"{client.host}/shop/moving:1")
    assert digests[1] in now
    assert digests[0] not in now
    both = client.ok("image", "get", "--show-history", f"{client.host}/shop/moving:1")
    assert both.index(digests[1]) < both.index(digests[0])
    latest = client.ok("image", "list")
    assert digests[1] in latest
    assert digests[0] not in latest
    assert digests[0] in client.ok("image", "list", "--show-all")


CONTENT = {
    "os": ["libshop1", "1:1.0-2"],
    "files": ["/opt/java/release", "70"],
    "npm": ["left-pad", "1.0.0", "/app/node_modules/left-pad/package.json"],
    "python": ["seller", "3.1", "/usr/lib/python3/dist-packages"],
    "gem": ["rack", "2.0.5", "/usr/local/lib/ruby/gems/3.1.0/specifications/rack-2.0.5.gemspec"],
    "java": ["till", "N/A", "1.4", "/app/till-1.4.jar"],
    "go": ["gopkg.in/yaml.v3", "v3.0.1", "/usr/bin/tool"],
    "binary": ["openjdk", "17.0.1", "/opt/java/release"],
}


@pytest.mark.parametrize("kind", CONTENT)
def test_content(client: World, shop: Json, kind: str) -> None:
    rows = [line.split() for line in client.ok("image", "content", tag_of(shop), kind).splitlines()]
    assert CONTENT[kind] in rows


def test_content_types_and_what_no_scanner_looked_for(client: World, shop: Json) -> None:
    types = client.ok("image", "content", tag_of(shop))
    assert all(f"{kind}: available" in types for kind in (*CONTENT, "malware"))
    # Without a scanner the list is empty; the client takes that for an error, as it does with Anchore itself.
    path = f"/v1/images/{shop['imageDigest']}/content/malware"
    assert client.ask("GET", path).document["content"] == []
    nothing = client.cli("image", "content", tag_of(shop), "malware")
    assert (nothing.status, "There is no image content (malware)" in nothing.out) == (2, True)
    unknown = client.cli("image", "content", tag_of(shop), "nonsense")
    assert (unknown.status, "HTTP Code: 404" in unknown.out) == (1, True)


def test_vulnerabilities(client: World, shop: Json) -> None:
    def found(kind: str) -> list[list[str]]:
        lines = client.ok("image", "vuln", tag_of(shop), kind).splitlines()
        return [line.split()[:4] for line in lines if line.startswith(("CVE-", "GHSA-"))]

    system = ["CVE-2026-1001", "libshop1-1:1.0-2", "High", "1:1.0-3"]
    other = ["GHSA-aaaa-bbbb-cccc", "left-pad-1.0.0", "Critical", "1.3.0"]
    assert found("os") == [system]
    assert found("non-os") == [other]
    assert sorted(found("all")) == [system, other]
    assert "non-os: available" in client.ok("image", "vuln", tag_of(shop))


def test_metadata(client: World, shop: Json) -> None:
    types = client.ok("image", "metadata", tag_of(shop))
    assert all(f"{kind}: available" in types for kind in ("manifest", "docker_history", "dockerfile"))
    manifest = client.ok("image", "metadata", tag_of(shop), "manifest")
    assert f"sha256:{shop['image_detail'][0]['imageId']}" in manifest
    history = client.ok("image", "metadata", tag_of(shop), "docker_history")
    assert "step 0" in history


def test_evaluations_end_with_the_status_of_the_verdict(client: World, shop: Json) -> None:
    tag = tag_of(shop)
    passed = client.cli("evaluate", "check", tag)
    assert passed.status == 0
    assert "Status: pass" in passed.out
    assert "Policy ID: passing" in passed.out
    failed = client.cli("evaluate", "check", tag, "--policy", "failing", "--detail")
    assert failed.status == 1
    for text in ("Status: fail", "Final Action: stop", "CVE-2026-1001", "GHSA-aaaa-bbbb-cccc", "vulnerabilities"):
        assert text in failed.out
    by_digest = client.cli("evaluate", "check", shop["imageDigest"], "--tag", tag, "--policy", "failing")
    assert by_digest.status == 1
    nothing = client.cli("evaluate", "check", tag, "--policy", "nonsense")
    assert (nothing.status, "there is no policy nonsense" in nothing.out) == (1, True)
    unknown = client.cli("evaluate", "check", f"{client.host}/shop/unknown:1")
    assert unknown.status == 2


def test_the_active_policy_judges_what_it_says_now(client: World, shop: Json) -> None:
    tag = tag_of(shop)
    path = client.folder / "policy.json"
    path.write_text(json.dumps(bundle("changing", "STOP")))
    assert "Policy ID: changing\nActive: False" in client.ok("policy", "add", str(path))
    try:
        assert "changing activated" in client.ok("policy", "activate", "changing")
        rows = [line.split()[:2] for line in client.ok("policy", "list").splitlines()]
        assert ["changing", "True"] in rows
        assert ["passing", "False"] in rows
        assert client.cli("evaluate", "check", tag).status == 1
        path.write_text(json.dumps(bundle("changing", "GO")))
        assert "Active: True" in client.ok("policy", "add", str(path))
        assert client.cli("evaluate", "check", tag).status == 0
        refused = client.cli("policy", "del", "changing")
        assert (refused.status, "is active" in refused.out) == (1, True)
    finally:
        client.ok("policy", "activate", "passing")
    assert "Success" in client.ok("policy", "del", "changing")
    assert client.cli("policy", "get", "changing").status == 1
    history = client.ok("evaluate", "check", "--show-history", tag)
    assert history.count("Status: pass") >= 1


def test_policies_are_shown_whole_and_gates_described(client: World) -> None:
    assert json.loads(client.ok("policy", "get", "failing", "--detail")) == bundle("failing", "STOP")
    assert "Active: False" in client.ok("policy", "get", "failing")
    assert "vulnerabilities" in client.ok("policy", "describe")
    assert "stale_feed_data" in client.ok("policy", "describe", "--gate", "vulnerabilities")
    assert "actual_dockerfile_only" in client.ok(
        "policy", "describe", "--gate", "dockerfile", "--trigger", "instruction"
    )
    broken = client.folder / "broken.json"
    broken.write_text(json.dumps(bundle("broken", "EXPLODE")))
    refused = client.cli("policy", "add", str(broken))
    assert (refused.status, "HTTP Code: 400" in refused.out) == (1, True)


def test_subscriptions(client: World, shop: Json) -> None:
    tag = tag_of(shop)

    def states() -> dict[str, tuple[str, str]]:
        rows = [line.split() for line in client.ok("subscription", "list", "--full").splitlines()]
        return {row[1]: (row[2], row[3]) for row in rows if row[:1] == [tag]}

    before = states()
    assert {type: active for type, (active, _) in before.items()} == {
        "analysis_update": "True",
        "policy_eval": "True",
        "tag_update": "True",
        "vuln_update": "True",
    }
    number = before["tag_update"][1]
    refused = client.cli("subscription", "del", number)
    assert (refused.status, "is active" in refused.out) == (1, True)
    assert "Success" in client.ok("subscription", "deactivate", "tag_update", tag)
    assert states()["tag_update"] == ("False", number)
    assert "Success" in client.ok("subscription", "activate", "tag_update", tag)
    assert states()["tag_update"] == ("True", number)
    assert tag in client.ok("subscription", "get", number)
    client.ok("subscription", "deactivate", "tag_update", tag)
    # Adding the image again wakes nothing that was switched off.
    client.ok("image", "add", tag)
    assert states()["tag_update"][0] == "False"
    assert "Success" in client.ok("subscription", "del", number)
    assert "tag_update" not in states()


def test_events(client: World, shop: Json) -> None:
    tag, digest = tag_of(shop), shop["imageDigest"]
    assert "user.checks.tag.policy_evaluation.update" in client.ok("event", "list", "--all")
    rows = [line.split() for line in client.ok("event", "list", digest, "--full").splitlines()]
    done = next(row for row in rows if "user.image.analysis.completed" in row)
    assert done[3:5] == ["image_digest", digest]
    assert tag in client.ok("event", "list", "--event_type", "user.checks.*", tag)
    assert client.ok("event", "list", "--event_type", "system.*").split() == []
    assert client.ok("event", "list", "--level", "error", digest).split() == []
    assert f"id: {digest}" in client.ok("event", "get", done[-1])
    client.ok("event", "delete", done[-1])
    gone = client.cli("event", "get", done[-1])
    assert (gone.status, "HTTP Code: 404" in gone.out) == (1, True)
    assert "No matching events found" in client.ok("event", "delete", "--before", "2020-01-01T00:00:00Z")


def test_registries(client: World) -> None:
    add = ("registry", "add", "other.example:5000", "me", "secret words", "--insecure", "--skip-validate")
    assert "User: me" in client.ok(*add)
    again = client.cli(*add)
    assert (again.status, "already" in again.out) == (1, True)
    updated = client.ok("registry", "update", "other.example:5000", "you", "other words", "--skip-validate")
    assert "User: you" in updated
    shown = client.ok("registry", "get", "other.example:5000") + client.ok("--json", "registry", "list")
    assert "words" not in shown
    assert "other.example:5000" in shown
    assert "Success" in client.ok("registry", "del", "other.example:5000")
    assert "other.example:5000" not in client.ok("registry", "list")
    refused = client.cli("registry", "add", "127.0.0.1:9", "me", "secret words")
    assert (refused.status, "HTTP Code: 400" in refused.out) == (1, True)


def test_repositories(client: World, shop: Json) -> None:
    name = f"{client.host}/shop/many"
    for tag in ("1", "2", "3"):
        client.push(f"shop/many:{tag}", {"tag": tag.encode()})
    dry = client.ok("repo", "add", "--dryrun", name)
    assert "DRY RUN" in dry
    assert [name, "True", "3"] in [line.split() for line in dry.splitlines()]
    assert name not in client.ok("repo", "list")
    assert [name, "True", "3"] in [
        line.split() for line in client.ok("repo", "add", name, "--lookuptag", "2").splitlines()
    ]
    assert [name, "True", "3"] in [line.split() for line in client.ok("repo", "get", name).splitlines()]
    client.ok("repo", "unwatch", name)
    assert [name, "False", "3"] in [line.split() for line in client.ok("repo", "list").splitlines()]
    client.ok("repo", "watch", name)
    assert client.cli("repo", "del", name).status == 1
    client.ok("repo", "unwatch", name)
    assert "Success" in client.ok("repo", "del", name)
    missing = client.cli("repo", "add", f"{client.host}/shop/nothing")
    assert (missing.status, "HTTP Code: 404" in missing.out) == (1, True)
    assert client.cli("repo", "add", name, "--lookuptag", "nonsense").status == 1


def test_queries(client: World, shop: Json) -> None:
    tag, digest = tag_of(shop), shop["imageDigest"]

    def rows(*arguments: str) -> list[list[str]]:
        return [line.split() for line in client.ok("query", *arguments).splitlines()]

    by_vulnerability = ("images-by-vulnerability", "--vulnerability-id", "CVE-2026-1001")
    expected = [tag, "High", "libshop1-1:1.0-2", "dpkg", "debian:12", digest]
    assert expected in rows(*by_vulnerability)
    assert expected in rows(
        *by_vulnerability, "--severity", "High", "--package", "libshop1", "--namespace", "debian:12"
    )
    assert expected not in rows(*by_vulnerability, "--severity", "Low")
    assert expected not in rows(*by_vulnerability, "--namespace", "debian:11")
    by_package = ("images-by-package", "--name", "libshop1")
    assert [tag, "libshop1-1:1.0-2", "dpkg", digest] in rows(*by_package, "--package-type", "dpkg")
    assert digest not in str(rows(*by_package, "--version", "2"))
    assert digest not in str(rows(*by_package, "--package-type", "npm"))


def test_accounts_and_users(client: World) -> None:
    assert "AccountType: admin" in client.ok("account", "whoami")
    assert "Name: team" in client.ok("account", "add", "team", "--email", "team@shop.example")
    assert "team@shop.example" in client.ok("account", "get", "team")
    assert "Name: ann" in client.ok("account", "user", "add", "--account", "team", "ann", "words of ann")
    assert "ann" in client.ok("account", "user", "list", "--account", "team")
    assert "native" in client.ok("account", "user", "get", "--account", "team", "ann")
    client.ok("account", "user", "setpassword", "--account", "team", "--username", "ann", "other words of ann")
    assert client.cli("account", "whoami", user="ann", password="words of ann").status == 2  # noqa: S106
    mine: Json = {"user": "ann", "password": "other words of ann"}
    assert "AccountName: team" in client.ok("account", "whoami", **mine)
    assert "admin" not in client.ok("account", "list", **mine)
    assert client.cli("account", "add", "another", **mine).status == 1
    # What one account has, another does not see.
    assert client.host not in client.ok("image", "list", **mine)
    assert client.host not in client.ok("--as-account", "team", "image", "list")
    assert client.cli("policy", "get", "passing", **mine).status == 1
    client.ok("account", "user", "add", "bert", "words of bert", **mine)
    assert "Success" in client.ok("account", "user", "del", "bert", **mine)
    early = client.cli("account", "del", "--dontask", "team")
    assert (early.status, "accounts must be disabled" in early.out) == (1, True)
    assert "Success" in client.ok("account", "disable", "team")
    assert "Success" in client.ok("account", "enable", "team")
    client.ok("account", "disable", "team")
    assert "Success" in client.ok("account", "del", "--dontask", "team")


def test_images_are_deleted(client: World) -> None:
    record = analysed(client, "shop/gone:1")
    tag = tag_of(record)
    refused = client.cli("image", "del", tag)
    assert (refused.status, "force deletes it" in refused.out) == (1, True)
    assert "Success" in client.ok("image", "del", "--force", tag)
    gone = client.cli("image", "get", tag)
    assert (gone.status, "HTTP Code: 404" in gone.out) == (1, True)
    assert tag not in client.ok("image", "list")
    assert tag not in client.ok("subscription", "list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("analysis-archive", "images", "list"),
        ("analysis-archive", "rules", "list"),
        ("system", "feeds", "config", "vulnerabilities", "--disable"),
        ("enterprise", "corrections", "list"),
    ],
)
def test_what_is_not_there_is_said_so(client: World, arguments: tuple[str, ...]) -> None:
    ran = client.cli(*arguments)
    assert ran.status in (1, 2)
    assert "HTTP Code: 501" in ran.out
    assert "are not offered here" in ran.out


# The Jenkins plugin ---------------------------------------------------------------------------------------------------


def test_a_build_adds_an_image_waits_for_its_verdict_and_reads_the_findings(world: World) -> None:
    world.push("shop/build:7", {"build": b"7"})
    tag = f"{world.host}/shop/build:7"
    dockerfile = base64.b64encode(b"FROM scratch\n").decode()
    wanted = {"tag": tag, "dockerfile": dockerfile, "annotations": {"build": "7"}}
    added = world.ask("POST", "/v1/images?autosubscribe=false", wanted)
    assert added.status == 200
    digest = added.document[0]["imageDigest"]
    path = f"/v1/images/{digest}/check?tag={tag}&detail=true&policyId=failing"
    deadline = time.monotonic() + 60
    while (checked := world.ask("GET", path)).status != 200:
        assert checked.status == 404
        assert "analysis_status" in checked.document["message"]
        assert time.monotonic() < deadline, "the image is not analysed"
        time.sleep(0.2)
    [by_digest] = checked.document
    [(answered, [evaluation])] = by_digest[digest].items()
    assert (answered, evaluation["status"]) == (tag, "fail")
    identity = added.document[0]["image_detail"][0]["imageId"]
    result = evaluation["detail"]["result"]
    table = result["result"][identity]["result"]
    assert (result["final_action"], table["final_action"], table["row_count"]) == ("stop", "stop", 2)
    position = {name: place for place, name in enumerate(table["header"])}
    assert {row[position["Gate_Action"]] for row in table["rows"]} == {"stop"}
    assert any("CVE-2026-1001" in row[position["Trigger_Id"]] for row in table["rows"])
    listed = world.ask("GET", f"/v1/images/{digest}/vuln/all").document
    assert listed["imageDigest"] == digest
    assert {row["vuln"] for row in listed["vulnerabilities"]} == {"CVE-2026-1001", "GHSA-aaaa-bbbb-cccc"}
    subscribed = world.ask("GET", f"/v1/subscriptions?subscription_key={tag}&subscription_type=tag_update").document
    assert [each["active"] for each in subscribed] == [False]


# Requests in the forms that clients send ------------------------------------------------------------------------------


def test_the_digest_that_was_asked_for_is_the_one_that_is_answered(world: World, shop: Json) -> None:
    digest, tag = shop["imageDigest"], tag_of(shop)
    identity = shop["image_detail"][0]["imageId"]
    for asked in (digest, f"sha256:{identity}"):
        answer = world.ask("GET", f"/v1/images/{quote(asked, safe='')}/check?tag={tag}&detail=False")
        assert list(answer.document[0]) == [asked]
        assert answer.document[0][asked][tag][0]["detail"] == {}
    by_id = world.ask("GET", f"/v1/images/by_id/{identity}").document
    assert [each["imageDigest"] for each in by_id] == [digest]
    assert world.ask("GET", f"/v1/images?fulltag={identity}").document == by_id
    assert world.ask("GET", f"/v1/images?fulltag={tag.rpartition(':')[0]}:nonsense").status == 404


def test_lists_by_state_and_summaries(world: World, shop: Json) -> None:
    digest = shop["imageDigest"]

    def digests(query: str) -> list[str]:
        return [each["imageDigest"] for each in world.ask("GET", f"/v1/images?{query}").document]

    assert digest in digests("analysis_status=analyzed")
    assert digest not in digests("analysis_status=analysis_failed")
    assert digest not in digests("image_status=deleting")
    assert world.ask("GET", "/v1/images?analysis_status=nonsense").status == 400
    summaries = world.ask("GET", "/v1/summaries/imagetags").document
    assert tag_of(shop) in [summary["fulltag"] for summary in summaries]


def test_many_images_are_deleted_at_once(world: World) -> None:
    record = analysed(world, "shop/heap:1")
    digest, unknown = record["imageDigest"], "sha256:" + "0" * 64
    names = quote(f"{digest},{unknown}", safe="")
    kept = world.ask("DELETE", f"/v1/images?imageDigests={names}").document
    assert [(each["digest"], each["status"]) for each in kept] == [(digest, "delete_failed"), (unknown, "not_found")]
    gone = world.ask("DELETE", f"/v1/images?imageDigests={names}&force=True").document
    assert [each["status"] for each in gone] == ["deleting", "not_found"]
    assert world.ask("GET", f"/v1/images/{digest}").status == 404


def test_what_clients_ask_first(world: World) -> None:
    assert world.ask("GET", "/v1").status == world.ask("GET", "/v1/").status == 200
    assert world.ask("GET", "/v1", user=None).status == 401
    assert world.ask("GET", "/v1", user="nobody").status == 401
    for path in ("/swagger.json", "/v1/swagger.json"):
        version = world.ask("GET", path, user=None).document["info"]["version"]
        assert tuple(map(int, version.split("."))) >= (0, 1, 6)
    for path in ("/health", "/v1/health", "/version", "/v1/version"):
        assert world.ask("GET", path, user=None).status == 200
    assert world.ask("GET", "/v1/status").document["up"] is True


def test_errors_have_anchores_body(world: World, shop: Json) -> None:
    digest = shop["imageDigest"]
    deep = b'{"id":' * 50_000 + b"1" + b"}" * 50_000
    answers: list[tuple[Answer, int]] = [
        (world.ask("GET", "/v1/images", user=None), 401),
        (world.ask("GET", "/v1/nonsense"), 404),
        (world.ask("GET", "/v1/images/sha256:12"), 404),
        (world.ask("GET", f"/v1/images/{digest}/check"), 400),
        (world.ask("GET", f"/v1/images/{digest}/check?tag=UPPER:CASE"), 400),
        (world.ask("PATCH", "/v1/images"), 405),
        (world.ask("POST", "/v1/images", b"{"), 400),
        (world.ask("POST", "/v1/images", {"tag": 7}), 400),
        (world.ask("POST", "/v1/images", {}), 400),
        (world.ask("POST", "/v1/images", {"source": {"archive": {"digest": digest}}}), 400),
        (world.ask("POST", "/v1/images", {"tag": f"{world.host}/shop/seller:1", "annotations": {"a": "\0"}}), 400),
        (world.ask("POST", "/v1/policies", b"version: 1\nname: native\nrules: []\n"), 400),
        (world.ask("POST", "/v1/policies", b"{}"), 400),
        (world.ask("POST", "/v1/policies", deep), 400),
        (world.ask("PUT", "/v1/policies/passing", b'{"policybundle":' + deep + b"}"), 400),
        (world.ask("POST", "/v1/images", b'{"source":{"archive":' + deep + b"}}"), 400),
        (world.ask("POST", "/v1/subscriptions", {"subscription_key": "a:1", "subscription_type": "nonsense"}), 400),
        (world.ask("GET", "/v1/events?since=nonsense"), 400),
        (world.ask("GET", "/v1/events?page=0"), 400),
        (world.ask("GET", "/v1/events/nonsense"), 404),
        (world.ask("GET", "/v1/policies/%00"), 404),
        (world.ask("GET", "/v1/subscriptions/%00"), 404),
        (world.ask("GET", "/v1/query/images/by_package"), 400),
        (world.ask("GET", "/v1/accounts/nobody"), 404),
        (world.ask("POST", "/v1/accounts", {"name": "NO SUCH NAME"}), 400),
        (world.ask("POST", "/v1/system/feeds?flush=True"), 501),
        (world.ask("GET", "/v1/archives/images"), 501),
    ]
    for answer, status in answers:
        assert answer.status == status, answer.body
        assert answer.headers["content-type"].partition(";")[0] == "application/json", answer.body
        document = answer.document
        assert (document["httpcode"], bool(document["message"])) == (status, True), document
        assert "error_codes" in document["detail"]
    missing = world.ask("POST", "/v1/images", {"tag": f"{world.host}/shop/nothing:1"})
    assert (missing.status, missing.document["detail"]["error_codes"]) == (404, ["REGISTRY_IMAGE_NOT_FOUND"])
    native = world.ask("GET", "/api/v1/nonsense")
    assert (native.status, native.headers["content-type"]) == (404, "application/problem+json")


def test_a_token_for_a_password(world: World) -> None:
    kind = "application/x-www-form-urlencoded"
    form = f"grant_type=password&client_id=anonymous&username=admin&password={quote(PASSWORD)}".encode()
    answer = world.ask("POST", "/v1/oauth/token", form, user=None, Content_Type=kind)
    assert answer.status == 200
    token = answer.document["access_token"]
    mine = world.ask("GET", "/v1/user", user=None, Authorization=f"Bearer {token}")
    assert mine.document["username"] == "admin"
    wrong = world.ask(
        "POST", "/v1/oauth/token", b"grant_type=password&username=admin&password=no", user=None, Content_Type=kind
    )
    assert (wrong.status, wrong.document["httpcode"]) == (401, 401)


def test_one_account_reaches_nothing_of_another(world: World, shop: Json) -> None:
    assert world.ask("POST", "/v1/accounts", {"name": "others"}).status == 200
    digest, tag = shop["imageDigest"], tag_of(shop)
    identity = shop["image_detail"][0]["imageId"]
    number = world.ask("GET", "/v1/events?limit=1").document["results"][0]["generated_uuid"]
    subscription = world.ask("GET", "/v1/subscriptions").document[0]["subscription_id"]
    paths = [
        *(f"/v1/images/{digest}{rest}" for rest in ("", "/content", "/content/os", "/metadata/manifest", "/vuln/all")),
        *(f"/v1/images/{digest}/check?tag={tag}", f"/v1/images/by_id/{identity}", f"/v1/images?fulltag={tag}"),
        *("/v1/policies/passing", f"/v1/events/{number}", f"/v1/subscriptions/{subscription}"),
        f"/v1/registries/{quote(world.host, safe='')}",
    ]
    for path in paths:
        assert world.ask("GET", path).status == 200, path
        assert world.ask("GET", path, x_anchore_account="others").status == 404, path
    for path in (f"/v1/images/{digest}?force=True", "/v1/policies/passing", f"/v1/events/{number}"):
        assert world.ask("DELETE", path, x_anchore_account="others").status == 404, path
    assert world.ask("DELETE", "/v1/events", x_anchore_account="others").document == []
    for path in ("images", "summaries/imagetags", "policies", "subscriptions", "registries"):
        assert world.ask("GET", f"/v1/{path}", x_anchore_account="others").document == []
    for path in ("by_vulnerability?vulnerability_id=CVE-2026-1001", "by_package?name=left-pad"):
        assert world.ask("GET", f"/v1/query/images/{path}").document["returned_count"] > 0
        assert world.ask("GET", f"/v1/query/images/{path}", x_anchore_account="others").document["images"] == []
    assert world.ask("GET", f"/v1/events/{number}").status == 200


def test_a_key_of_the_role_ci_judges_and_changes_nothing_else(world: World, shop: Json) -> None:
    made = world.ask("POST", "/api/v1/keys", {"name": "jenkins", "role": "ci"})
    assert made.status == 201
    key = made.document["key"]
    basic = {"Authorization": "Basic " + base64.b64encode(f"_api_key:{key}".encode()).decode()}
    digest, tag = shop["imageDigest"], tag_of(shop)
    assert world.ask("GET", "/v1", user=None, **basic).status == 200
    assert world.ask("GET", f"/v1/images/{digest}/check?tag={tag}", user=None, **basic).status == 200
    assert world.ask("POST", "/v1/images", {"tag": tag}, user=None, **basic).status == 200
    for path in ("/v1/system", "/v1/system/feeds", "/v1/system/policy_spec", "/v1/event_types"):
        assert world.ask("GET", path, user=None, **basic).status == 200
    told = world.ask("GET", f"/v1/images/{digest}/check?tag={tag}&detail=True", user=None, **basic).document
    assert told[0][digest][tag][0]["detail"]["result"]["bundle"] is None
    for method, path, body in (
        ("POST", "/v1/policies", bundle("mine", "GO")),
        ("DELETE", "/v1/events", None),
        ("POST", "/v1/accounts", {"name": "mine"}),
        ("GET", "/v1/registries", None),
    ):
        refused = world.ask(method, path, body, user=None, **basic)
        assert (refused.status, refused.document["httpcode"]) == (403, 403)


def test_a_native_policy_is_shown_activated_and_judges(world: World, shop: Json) -> None:
    rule = "  - {id: not-root, gate: config, trigger: user, action: stop, params: {not_root: true}}\n"
    text = f"schema: hullmark-policy/1\nname: homemade\nversion: 1\nrules:\n{rule}"
    made = world.ask("POST", "/api/v1/policies", {"text": text})
    assert made.status == 201, made.body
    [record] = world.ask("GET", "/v1/policies/homemade?detail=True").document
    assert (record["active"], record["policybundle"]["text"]) == (False, text)
    digest, tag = shop["imageDigest"], tag_of(shop)
    judged = world.ask("GET", f"/v1/images/{digest}/check?tag={tag}&policyId=homemade&detail=False").document
    assert (judged[0][digest][tag][0]["policyId"], judged[0][digest][tag][0]["status"]) == ("homemade", "fail")
    try:
        assert world.ask("PUT", "/v1/policies/homemade", {**record, "active": True}).document[0]["active"] is True
        changed = {**record, "policybundle": {**record["policybundle"], "name": "other"}}
        assert world.ask("PUT", "/v1/policies/homemade", changed).status == 409
        assert world.ask("POST", "/v1/policies", bundle("homemade", "GO")).status == 409
    finally:
        assert world.ask("PUT", "/v1/policies/passing", {"active": True}).status == 200
    assert world.ask("DELETE", "/v1/policies/homemade").status == 200


def test_events_come_in_pages(world: World, shop: Json) -> None:
    first = world.ask("GET", "/v1/events?limit=1").document
    second = world.ask("GET", "/v1/events?limit=1&page=2").document
    assert (first["item_count"], first["next_page"], first["page"]) == (1, True, 1)
    assert int(second["results"][0]["generated_uuid"]) < int(first["results"][0]["generated_uuid"])
    assert world.ask("GET", "/v1/events?limit=1&page=90000").document["next_page"] is False
    assert world.ask("GET", "/v1/event_types").document[0]["subcategories"]
