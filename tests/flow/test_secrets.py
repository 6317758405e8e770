"""`hullmark secrets`: what it says of images, and that no secret leaves it: not in answers, not in what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY, corpus, image_cases
from tests.support.planted import unpacked
from tests.support.program import Program, program_in

PAGE = REPOSITORY / "docs" / "how-to" / "find-secrets.md"
PLANTED = [
    ("critical", "npm-token", "/root/.npmrc", False),
    ("critical", "private-key", "/app/config/server.key", False),
    ("critical", "private-key", "/root/.ssh/id_ed25519", False),
    ("high", "slack-token", "/app/config/.env", False),
    ("high", "url-password", "/app/config/.env", False),
]
VALUES = (
    b"wJalrXUtnFEMI",
    b"AKIAIOSFODNN7",
    b"s3cr3t",
    b"xoxb-123456789012",
    b"npm_abcdefghijkl",
    # The keys are new in each corpus; so every RSA key goes on after its length, and so every key of OpenSSH's begins.
    b"IBAAKCAQEA",
    b"b3BlbnNzaC1rZXktdjE",
)


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def leaked(body: bytes) -> list[bytes]:
    """The planted values that stand in these bytes."""
    return [value for value in VALUES if value in body]


def layout(folder: Path, files: dict[str, bytes], *env: str) -> Path:
    """A layout of an image with these files and variables."""
    blobs = Blobs()
    made = blobs.image((tar_of(files),), config=lambda config: config | {"config": {"Env": list(env)}})
    return write_layout(folder, blobs, [tagged(made, "latest")])


def test_everything_planted_counts_and_nothing_else(hullmark: Program) -> None:
    ran = hullmark("secrets", "--no-cache", "-o", "json", "--fail-on", "any", corpus("oci", "secrets"))
    assert ran.status == 1, ran
    assert ran.err == f"hullmark: --fail-on any is met: {len(PLANTED)} of {len(PLANTED)} secrets\n"
    document = json.loads(ran.out)
    assert {problem["kind"] for problem in document["problems"]} <= {"note"}
    told = [(s["severity"], s["kind"], s["path"], s["is_ghost"]) for s in document["secrets"] if s["place"] == "file"]
    assert sorted(told) == sorted(PLANTED)
    # The keys of Amazon's documentation, in a file of a lower layer and in a variable, are none of anyone's.
    assert [s for s in document["secrets"] if s["place"] != "file"] == []
    assert [s for s in document["secrets"] if s["allowed"]] == []


def test_the_salt_decides_the_digest_and_nothing_else(hullmark: Program) -> None:
    image = corpus("oci", "secrets")
    first, second, third = (
        json.loads(hullmark("secrets", "--no-cache", "-o", "json", *salt, image).out)["secrets"]
        for salt in ((), ("--secret-salt", "other"), ("--secret-salt", "other"))
    )
    assert second == third
    assert {s["digest"] for s in first}.isdisjoint(s["digest"] for s in second)
    assert [{**s, "digest": ""} for s in first] == [{**s, "digest": ""} for s in second]


def test_no_secret_is_said_or_kept(hullmark: Program) -> None:
    image = corpus("oci", "secrets")
    said = [
        hullmark("secrets", image),
        hullmark("secrets", "--show-allowed", "-o", "json", image),
        hullmark("files", image, "/root/.npmrc", "/app/config/.env", "/app/config/server.key"),
        hullmark("config", "-o", "json", image),
        hullmark("scan", "-o", "json", image),
    ]
    assert [ran.status for ran in said] == [0, 0, 0, 0, 0]
    assert [leaked(ran.out + ran.err.encode()) for ran in said] == [[]] * len(said)
    assert b"****" in said[2].out
    assert b"//registry.example.org/:_authToken=" in said[2].out
    kept = {
        str(path): b"".join((path.read_bytes(), *unpacked(path.read_bytes())))
        for path in hullmark.home.rglob("*")
        if path.is_file()
    }
    assert {name: leaked(body) for name, body in kept.items() if leaked(body)} == {}
    assert any(b"registry.example.org/:_authToken=****" in body for body in kept.values())


def test_what_is_kept_answers_alike_without_reading_layers(hullmark: Program) -> None:
    image = corpus("oci", "secrets")
    first = hullmark("secrets", "-o", "json", image)
    again, read = hullmark.read("secrets", "-o", "json", image)
    assert again.out == first.out
    layers = {str(path) for path in Path(image).rglob("sha256/*") if path.stat().st_size > 100_000}
    assert [count for name, count in read.items() if name in layers] == []


@pytest.mark.parametrize("name", image_cases("debian-slim", "nginx", "java-app", "node-app", "ruby-app"))
def test_images_without_secrets_pass(hullmark: Program, name: str) -> None:
    ran = hullmark("secrets", "--no-cache", "-o", "json", corpus("oci", name), seconds=300)
    counting = [(s["kind"], s["path"], s["line"]) for s in json.loads(ran.out)["secrets"] if not s["allowed"]]
    assert (ran.status, counting) == (0, [])


@pytest.mark.slow
def test_of_an_image_full_of_libraries_only_its_own_setting_counts(hullmark: Program) -> None:
    """The variable is one that whoever built the image gave it. All else is in tests, documentation and code of packages."""
    ran = hullmark("secrets", "--no-cache", "-o", "json", corpus("oci", "python-app"), seconds=300)
    secrets = json.loads(ran.out)["secrets"]
    assert [(s["kind"], s["place"], s["name"]) for s in secrets if not s["allowed"]] == [
        ("setting-secret", "env", "DB_PASSWORD")
    ]
    assert {s["allowed"].partition(":")[0] for s in secrets if s["allowed"]} == {
        *("code-of-libraries", "documentation", "documentation-of-packages", "service-descriptions", "tests"),
    }


def test_the_page_about_secrets_holds(hullmark: Program) -> None:
    token = "shop_" + "a1b2c3d4e5f6"
    config = f"port: 80\ndb: postgres://app:{'Tr0ub4dor'}@db/app\nshop: {token}\n".encode()
    files = {"srv/app/config.yaml": config, "srv/app/vendor/x/tests/url.rb": b"http://joe:hunter22@example.org/\n"}
    layout(hullmark.place / "app", files, "AWS_ACCESS_KEY_ID=AKIA" + "QJ3XWZ7N5RK2VBTD")
    assert commands_that_hold(PAGE, hullmark) == 4


def test_rules_that_are_none_are_refused_with_their_place(hullmark: Program) -> None:
    layout(hullmark.place / "app", {"a": b"x"})
    (hullmark.place / "rules.yaml").write_text("rules: [{id: a, regex: '(?<=x)a'}]", "utf-8")
    what, advice = hullmark("secrets", "--secret-rules", "rules.yaml", "app").refusal
    assert what == "rules.yaml: the rule a: of its expression '(?<=x)a': (?<= is not in Go's language"
    assert advice == "docs/how-to/find-secrets.md shows how rules are written"


def test_no_answer_repeats_a_secret_of_the_build_instructions(hullmark: Program, tmp_path: Path) -> None:
    token, word = "hf_" + "qWeRtYuIoPaSdFgHjKlZxCvBnMqWeRtYuI", "Tr0ub4dor.3"
    history = [{"created_by": f"RUN curl -H 'x: {token}' https://a.example # DB_PASSWORD={word} buildkit"}]
    blobs = Blobs()
    made = blobs.image((tar_of({"usr/bin/tool": b"x"}),), config=lambda config: config | {"history": history})
    image = write_layout(tmp_path / "image", blobs, [tagged(made, "latest")])
    policy = {"schema": "hullmark-policy/1", "name": "p", "rules": []}
    rule = {"id": "f", "gate": "files", "trigger": "forbidden", "action": "warn", "params": {"paths": ["/usr/bin/*"]}}
    (tmp_path / "policy.yaml").write_text(json.dumps(policy | {"rules": [rule]}))
    for words in (
        ("scan", "-o", "json"),
        ("scan", "-o", "spdx-json"),
        ("scan", "--for-policies", "-o", "json"),
        ("secrets", "-o", "json"),
        ("secrets",),
        ("config", "-o", "json"),
        ("check", "-o", "json", "--policy", tmp_path / "policy.yaml"),
        ("check", "--policy", tmp_path / "policy.yaml"),
    ):
        ran = hullmark(*words, image)
        assert ran.status in (0, 1), ran
        assert token.encode() not in ran.out, words
        assert word.encode() not in ran.out, words
    assert b"DB_PASSWORD=****" in hullmark("scan", "-o", "json", image).out
    found = json.loads(hullmark("secrets", "-o", "json", image).out)["secrets"]
    kinds = {(each["place"], each["kind"]) for each in found}
    assert kinds == {("history", "huggingface-token"), ("history", "environment-secret")}
