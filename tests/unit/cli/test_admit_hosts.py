"""`hullmark admit` on hosts: verdicts are fetched, exported and gone by; programs and policies of engines are written."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from hullmark.model.admission import AdmissionPage
from hullmark.model.verdict import Outcome
from hullmark.places.gates.docker import front
from hullmark.places.gates.kubernetes import exports
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gated_docker import judged, keep_verdicts
from tests.support.images import sha256
from tests.support.in_process import CommandLine, Reply, Sequenced, TableServer, refused, tell_to_end

GOOD, BAD = judged(sha256(b"good"), Outcome.GO), judged(sha256(b"bad"), Outcome.STOP, "exploited")
DESCRIPTOR = ("-stdin-media-type", "application/vnd.oci.descriptor.v1+json")
SYNC = "GET /admission/verdicts"


@pytest.fixture
def verdicts(hullmark: CommandLine) -> Path:
    """A file with a verdict that lets an image start, and one that does not."""
    path = hullmark.place / "verdicts.db"
    keep_verdicts(path, GOOD, BAD)
    return path


def page(*images: Any) -> Any:
    """All verdicts of the server, as it hands them out."""
    return msgspec.to_builtins(AdmissionPage(images=images, cursor="7", is_last=True, begins=True))


def test_verdicts_are_fetched_once_and_the_server_is_told_what_is_not_known(
    hullmark: CommandLine, server: TableServer
) -> None:
    """A server that is busy is asked again. An image that it refuses is said and not asked for again; without news nothing changes."""
    path = hullmark.place / "verdicts.db"
    busy, refusal = Reply(503, None, {"retry-after": "0"}), refused(422, "no such\x1b image")
    hullmark("admit", "sync", "--verdicts", path)  # the server that it is of is noted
    server.answers = {f"{SYNC}?limit=500": page(GOOD, BAD), "POST /images": Sequenced([busy, refusal])}
    known = LocalVerdicts(path)
    known.queue("shop:2", datetime.now(UTC))
    known.close()
    ran = hullmark("admit", "sync", "--verdicts", path)
    assert (ran.status, ran.out) == (0, b"")
    assert ran.err.splitlines() == [
        "hullmark: the server cannot add shop:2: no such\\x1b image",
        "hullmark: 2 new, 2 in all",
    ]
    assert server.asked[-1] == ("POST /images", {"reference": "shop:2"})
    server.answers = {f"{SYNC}?after=7&limit=500": {**page(), "begins": False}}
    assert hullmark("admit", "sync", "--verdicts", path).err == "hullmark: 0 new, 2 in all\n"
    check = hullmark("admit", "check", BAD.digest, GOOD.digest, "--verdicts", path, "-o", "json")
    assert (check.status, [found["verdict"] for found in json.loads(check.out)]) == (1, ["stop", "go"])


def test_verdicts_are_followed_until_a_signal_says_to_end(hullmark: CommandLine, server: TableServer) -> None:
    """What is there before the signal is kept."""

    def answer() -> Any:
        tell_to_end()
        return page(GOOD)

    server.answers[f"{SYNC}?limit=500"] = answer
    ran = hullmark("admit", "sync", "--follow", "--every", "0.05", "--verdicts", "verdicts.db")
    assert (ran.status, ran.err) == (0, "")
    assert LocalVerdicts(hullmark.place / "verdicts.db", is_read_only=True).count() == 1


@pytest.mark.parametrize("text", ["soon", "0", "0.01", "3601", "nan"])
def test_how_often_a_server_is_asked_is_a_number_of_seconds(hullmark: CommandLine, text: str) -> None:
    what, _ = hullmark("admit", "sync", "--every", text).refusal
    assert what == f"argument --every: {text!r} is not a number of seconds, from 0.05 to 3600"


@pytest.mark.parametrize("reply", [refused(404, "none is judged"), []])
def test_an_image_that_no_policy_of_the_server_judges_is_unknown(
    hullmark: CommandLine, server: TableServer, reply: Any
) -> None:
    """The worst of several verdicts counts; another refusal is said."""
    verdict = {"policy": "production", "reason": "1 finding"}
    server.answers = {
        f"GET /verdicts/{GOOD.digest}?environment=prod": reply,
        f"GET /verdicts/{BAD.digest}?environment=prod": [
            {**verdict, "verdict": word} for word in ("go", "stop", "warn")
        ],
    }
    words = ("admit", "check", f"shop@{GOOD.digest}", BAD.digest, "--environment", "prod", "-o", "json")
    ran = hullmark(*words)
    first, second = json.loads(ran.out)
    assert (ran.status, first["verdict"], second["verdict"], second["policy"]) == (1, "unknown", "stop", "production")
    assert first["reason"] in ("none is judged", "no policy in force judges it")
    server.answers[f"GET /verdicts/{GOOD.digest}?environment=prod"] = refused(500, "the database is shut")
    assert hullmark(*words).refusal[0] == "the database is shut"


@pytest.mark.parametrize(
    ("engine", "kinds"),
    [
        ("vap", {"ConfigMap", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}),
        ("kyverno", {"ConfigMap", "ClusterPolicy"}),
        ("gatekeeper", {"ConfigMap", "ConstraintTemplate", "HullmarkCertified", "SyncSet"}),
    ],
)
def test_verdicts_are_printed_as_manifests_of_an_engine(
    hullmark: CommandLine, verdicts: Path, engine: str, kinds: set[str]
) -> None:
    """They name what passes and nothing else."""
    ran = hullmark("admit", "export", "--as", engine, "--verdicts", verdicts, "-n", "gates")
    assert (ran.status, ran.err) == (0, "")
    assert {document["kind"] for document in yaml.safe_load_all(ran.out)} == kinds
    assert (GOOD.digest[7:] in ran.text, BAD.digest[7:] in ran.text) == (True, False)


def test_manifests_that_would_let_nothing_start_or_do_not_fit_are_refused(
    hullmark: CommandLine, verdicts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalVerdicts(hullmark.place / "empty.db").close()
    ran = hullmark("admit", "export", "--verdicts", "empty.db")
    assert ran.refusal == ("there are no verdicts in empty.db", "fetch them: hullmark admit sync")
    monkeypatch.setattr(exports, "LARGEST_PART", 10)
    what, advice = hullmark("admit", "export", "--verdicts", verdicts).refusal
    assert what.startswith("more than 10 bytes of digests begin with ")
    assert advice == "run the webhook instead: hullmark admit kubernetes"


def test_podman_may_fetch_what_passes_and_has_every_start_judged(hullmark: CommandLine, verdicts: Path) -> None:
    """Both files are written whole into folders that need not be there."""
    tagged = msgspec.structs.replace(GOOD, tags=("registry.example/shop:1",))
    keep_verdicts(verdicts, tagged, BAD)
    words = ("--write-policy", "etc/policy.json", "--key", "/keys/shop.pub", "--write-hook", "hooks.d")
    assert hullmark("admit", "podman", "--verdicts", verdicts, *words).status == 0
    policy = json.loads((hullmark.place / "etc/policy.json").read_text())
    assert policy["transports"]["docker"] == {
        f"registry.example/shop@{GOOD.digest}": [{"type": "sigstoreSigned", "keyPath": "/keys/shop.pub"}]
    }
    command = json.loads((hullmark.place / "hooks.d/hullmark.json").read_text())["hook"]["args"]
    assert command[-6:] == ["podman", "--hook", "--runtime", "runc", "--verdicts", str(verdicts)]
    assert hullmark("admit", "podman", "--verdicts", verdicts, "--write-policy", "policy.json").status == 0
    assert not (hullmark.place / "hullmark.json").exists()


def test_files_for_engines_that_cannot_be_written_are_said(hullmark: CommandLine, verdicts: Path) -> None:
    (hullmark.place / "file").write_text("")
    advice = "check the path and its rights"
    ran = hullmark("admit", "podman", "--verdicts", verdicts, "--write-policy", "file/policy.json")
    assert ran.refusal == ("cannot write file/policy.json: File exists", advice)
    ran = hullmark("admit", "containerd", "--verdicts", verdicts, "--write-verifier", "file")
    assert ran.refusal == ("cannot write file/hullmark: File exists", advice)
    ran = hullmark("admit", "podman")
    assert ran.refusal == ("nothing to do", "give --write-policy FILE or --write-hook DIR")


def test_containerd_is_told_whether_an_image_may_be_used(hullmark: CommandLine, verdicts: Path) -> None:
    """A descriptor that is of the digest is read, one of another kind is read and left."""
    words = ("admit", "containerd", "--verdicts", verdicts, "-name", "shop:1", "-digest")
    ran = hullmark(*words, GOOD.digest, *DESCRIPTOR, given=json.dumps({"digest": GOOD.digest}))
    assert (ran.status, ran.text) == (0, "it passes\n")
    ran = hullmark(*words, BAD.digest, "-stdin-media-type", "text/plain", given="anything")
    assert (ran.status, "exploited" in ran.text) == (1, True)


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        ((), "", ("an image without a digest cannot be judged", "containerd gives -name and -digest")),
        (
            ("-digest", GOOD.digest, *DESCRIPTOR),
            "{",
            ("standard input is not a descriptor", "containerd writes it as JSON"),
        ),
        (
            ("-digest", GOOD.digest, *DESCRIPTOR),
            json.dumps({"digest": BAD.digest}),
            ("the descriptor is of another digest", "is this containerd?"),
        ),
    ],
)
def test_what_containerd_would_not_ask_is_refused(
    hullmark: CommandLine, verdicts: Path, words: tuple[str, ...], given: str, said: tuple[str, str]
) -> None:
    assert hullmark("admit", "containerd", "--verdicts", verdicts, *words, given=given).refusal == said


@pytest.mark.parametrize("words", [("containerd", "-digest", GOOD.digest), ("kubernetes",)])
def test_settings_of_a_gate_that_cannot_be_read_are_refused(
    hullmark: CommandLine, verdicts: Path, words: tuple[str, ...]
) -> None:
    ran = hullmark("admit", *words, "--verdicts", verdicts, "--settings", "gone.yaml")
    assert ran.refusal == ("cannot read gone.yaml: No such file or directory", "check the path")


def test_a_grade_that_settings_demand_stays_and_is_else_that_of_engines(hullmark: CommandLine, verdicts: Path) -> None:
    """Where the isolation is not known, as containerd does not tell it, the demand does not refuse the image."""
    (hullmark.place / "gate.yaml").write_text("least_grade: hardened\n")
    words = ("admit", "containerd", "--verdicts", verdicts, "-digest", GOOD.digest)
    assert hullmark(*words, "--settings", "gate.yaml").status == hullmark(*words).status == 0


class OtherProgram(BaseException):
    """Another program is in this one's place."""


def become(program: str, words: list[str]) -> None:
    """In place of `os.execv`, which does not come back."""
    raise OtherProgram(program, words)


def test_the_front_of_dockers_plugin_takes_the_place_of_the_program(
    hullmark: CommandLine, verdicts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told the socket, the fail mode, its patience, and how the decider is started, with all that was given."""
    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(sys, "argv", ["hullmark", "admit", "docker", "--verdicts", str(verdicts)])
    (hullmark.place / "gate.yaml").write_text("fail: open\n")
    with pytest.raises(OtherProgram) as became:
        hullmark("admit", "docker", "--settings", "gate.yaml", "--socket", "x.sock", "--timeout", "2")
    program, words = became.value.args
    assert program == sys.executable
    assert words[:7] == [sys.executable, "-I", "-S", front.__file__, "x.sock", "open", "2.0"]
    assert words[7:9] == [sys.executable, "-c"]
    assert words[10:] == ["admit", "docker", "--verdicts", str(verdicts), "--decide"]


def test_a_server_that_answers_no_verdicts_is_said(hullmark: CommandLine, server: TableServer) -> None:
    server.answers[f"{SYNC}?limit=500"] = Reply(200, {"images": 1})
    ran = hullmark("admit", "sync", "--verdicts", "verdicts.db")
    assert ran.refusal[0] == "the server does not answer with verdicts"
