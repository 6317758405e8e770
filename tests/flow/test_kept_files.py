"""What is kept of files: printed by path, and judged by rules that are written later, without reading the image again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flow.test_cache import aged
from tests.flow.test_check import policy_of, rule
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.program import Program, program_in

AT = "2026-03-10T00:00:00Z"
LOGIN = rule("contents/forbidden", paths=["/etc/ssh/sshd_config"], pattern="^PermitRootLogin yes")
MOTD = rule("contents/required", paths=["/etc/motd"], pattern="authorised")
SETTING = rule("configuration/must_be", setting="sshd.PermitRootLogin", values=["no"])


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def image(folder: Path, *layers: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Path:
    """A layout of one image; the links are in the topmost layer."""
    blobs = Blobs()
    tars = [tar_of(layer, links=links if i == len(layers) - 1 else None) for i, layer in enumerate(layers)]
    return write_layout(folder, blobs, [tagged(blobs.image(tuple(tars)), "latest")])


def layers_read(read: Mapping[str, int], folder: Path) -> int:
    """Bytes read of blobs that are no manifests or configs."""
    return sum(
        count for name, count in read.items() if name.startswith(str(folder)) and Path(name).read_bytes()[:1] != b"{"
    )


def test_a_rule_that_is_added_later_judges_twenty_stored_images_with_no_layer_read(
    hullmark: Program, tmp_path: Path
) -> None:
    images = []
    for number in range(20):
        login = "yes" if number % 2 else "no"
        files = {"etc/ssh/sshd_config": f"Port 22\nPermitRootLogin {login}\n".encode(), "etc/motd": b"%d" % number}
        images.append(image(tmp_path / f"image{number}", {"bin/sh": b"\x7fELF" + bytes(50_000)}, files))
    (tmp_path / "first.yaml").write_text(policy_of(MOTD))
    (tmp_path / "later.yaml").write_text(policy_of(LOGIN, SETTING | {"id": "setting"}))
    aged(tmp_path)
    words = ("check", "-o", "json", "--at", AT, *map(str, images), "--policy")
    first, read = hullmark.read(*words, tmp_path / "first.yaml")
    assert first.status == 1
    assert layers_read(read, tmp_path) > 0
    later, read = hullmark.read(*words, tmp_path / "later.yaml")
    assert layers_read(read, tmp_path) == 0
    verdicts = [json.loads(line) for line in later.out.splitlines()]
    assert [verdict["verdict"] for verdict in verdicts] == ["go", "stop"] * 10
    assert [len(verdict["findings"]) for verdict in verdicts] == [0, 2] * 10


def test_a_file_that_is_not_kept_is_read_when_a_rule_wants_it(hullmark: Program, tmp_path: Path) -> None:
    made = image(tmp_path / "image", {"etc/motd": b"authorised only", "srv/page.html": b"<p>Hello\n"})
    aged(tmp_path)
    page = rule("contents/forbidden", paths=["/srv/*.html"], pattern="Hello")
    for name, asked, verdict in (("first", MOTD, "go"), ("later", page, "stop"), ("again", page, "stop")):
        (tmp_path / name).write_text(policy_of(asked))
        ran, read = hullmark.read("check", "-o", "json", "--at", AT, "--policy", tmp_path / name, made)
        assert json.loads(ran.out)["verdict"] == verdict
        assert (layers_read(read, tmp_path) == 0) == (name == "again")


def test_what_is_kept_and_what_is_read_now_give_a_rule_the_same_answer(hullmark: Program, tmp_path: Path) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAfirst\n-----END RSA PRIVATE KEY-----\n"
    made = image(tmp_path / "image", {"etc/app.conf": b"key:\n" + key})
    sought = rule("contents/forbidden", paths=["/etc/app.conf"], pattern="MIIEowIBAAKCAQEAfirst|key:")
    (tmp_path / "policy").write_text(policy_of(sought))
    words = ("check", "-o", "json", "--at", AT, "--policy", tmp_path / "policy", made)
    first, again, fresh = hullmark(*words), hullmark(*words), hullmark(*words, "--no-cache")
    assert first.out == again.out == fresh.out


def test_files_are_printed_from_what_is_kept_links_followed(hullmark: Program, tmp_path: Path) -> None:
    made = image(
        tmp_path / "image",
        {"etc/real.conf": b"old\n", "srv/data.bin": bytes(9)},
        {"etc/real.conf": b"new\n"},
        links={"etc/link.conf": "real.conf"},
    )
    aged(tmp_path)
    ran, read = hullmark.read("files", made, "/etc/link.conf")
    assert (ran.status, ran.out) == (0, b"new\n")
    assert layers_read(read, tmp_path) > 0
    ran, read = hullmark.read("files", made, "/etc/real.conf", "/etc/link.conf")
    assert ran.out == b"==> /etc/real.conf <==\nnew\n==> /etc/link.conf <==\nnew\n"
    assert layers_read(read, tmp_path) == 0
    assert hullmark("files", made, "/srv/data.bin").out == bytes(9)


def test_a_file_that_is_not_there_is_said_and_the_others_are_printed(hullmark: Program, tmp_path: Path) -> None:
    made = image(tmp_path / "image", {"etc/a": b"A\n", "etc/dir/b": b""})
    ran = hullmark("files", made, "/etc/a", "/etc/none", "/etc/dir", "/etc/dir/b")
    assert (ran.status, ran.out) == (2, b"==> /etc/a <==\nA\n==> /etc/dir/b <==\n")
    assert "/etc/none: there is no such file" in ran.err
    assert "/etc/dir: it is not a regular file" in ran.err


def test_a_layer_with_too_much_to_keep_says_so(hullmark: Program, tmp_path: Path) -> None:
    body = b"x = 1\n" * 40_000
    made = image(tmp_path / "image", {f"etc/{number:03}.conf": body for number in range(300)})
    ran = hullmark("config", made, "-o", "json")
    (problem,) = ran.document["problems"]
    assert "the rest was left out" in problem["reason"]


def test_what_is_kept_can_be_switched(hullmark: Program, tmp_path: Path) -> None:
    made = aged(image(tmp_path / "image", {"etc/a.conf": b"x = 1\n"}))
    words = ("files", made, "/etc/a.conf", "--keep-files")
    for _ in range(2):
        ran, read = hullmark.read(*words, "never")
        assert ran.out == b"x = 1\n"
        assert layers_read(read, tmp_path) > 0
    assert hullmark("scan", made, "--keep-files", "always").status == 0
    ran, read = hullmark.read(*words, "asked")
    assert (ran.out, layers_read(read, tmp_path)) == (b"x = 1\n", 0)
    assert hullmark(*words, "sometimes").refusal[0] == "--keep-files: 'sometimes' is not a value for keep_files"


def test_an_anchore_policy_s_content_search_looks_into_kept_text(hullmark: Program, tmp_path: Path) -> None:
    made = aged(image(tmp_path / "image", {"srv/page": b"Hello\n", "etc/a": b"hello\n", "bin/x": b"Hello\0\n"}))
    rule = {"gate": "files", "trigger": "content_regex_match", "action": "STOP", "id": "1", "params": []}
    bundle = {
        "id": "b",
        "name": "b",
        "version": "1_0",
        "mappings": [
            {"id": "m", "name": "m", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}}
            | {"policy_ids": ["p"], "whitelist_ids": []}
        ],
        "policies": [{"id": "p", "name": "p", "version": "1_0", "rules": [rule]}],
        "whitelists": [],
    }
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    words = ("check", "-o", "json", "--at", AT, "--keep-files", "text", "--policy", tmp_path / "bundle.json", made)
    for expression, found, is_read in (("HELLO=.*Hello.*", ["/srv/page"], True), ("H=.*h.*", ["/etc/a"], False)):
        (tmp_path / "context.json").write_text(json.dumps({"content_search": [expression]}))
        ran, read = hullmark.read(*words, "--tag", "registry.example/a:1", "--context", tmp_path / "context.json")
        assert [finding["evidence"][0]["path"] for finding in json.loads(ran.out)["findings"]] == found
        assert (layers_read(read, tmp_path) > 0) == is_read
