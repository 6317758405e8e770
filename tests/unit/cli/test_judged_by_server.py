"""`hullmark scan`, `vulns` and `check` by a server: what is waited for, what is refused, and which status comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.images import sha256
from tests.support.in_process import CommandLine, Reply, Sequenced, TableServer, refused

IMAGE = sha256(b"an image")
ADDED = {"digest": IMAGE, "state": "analysed", "reason": "", "tags": ["registry.example/shop:1"]}
CHECK = f"GET /images/{IMAGE}/check"
SHOWN = f"{CHECK}?format=table"
ACTIVATION = {"shadow": False, "policy": "p", "environment": "", "selector": "other/*"}


def go() -> Reply:
    """A verdict as the server renders it."""
    return Reply(200, b"go: nothing stops it\n", {"x-hullmark-verdict": "go"})


@pytest.fixture
def judging(server: TableServer, monkeypatch: pytest.MonkeyPatch) -> TableServer:
    """A server that has the image, analysed; nobody waits in earnest."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.answers = {"POST /images": ADDED, f"GET /images/{IMAGE}": ADDED}
    return server


def test_a_verdict_that_is_to_come_is_waited_for(hullmark: CommandLine, judging: TableServer) -> None:
    """Of a policy that is in force for the image."""
    judging.answers |= {
        CHECK: Sequenced([refused(409, "not yet"), refused(409, "not yet"), go()]),
        "GET /activations": [{**ACTIVATION, "selector": "registry.example/*"}],
        SHOWN: go(),
    }
    ran = hullmark("check", "registry.example/shop:1")
    assert (ran.status, ran.text, ran.err) == (0, "go: nothing stops it\n", "")
    assert [words for words, _ in judging.asked].count(CHECK) == 3


@pytest.mark.parametrize("active", [[], [ACTIVATION], [{**ACTIVATION, "selector": "*", "shadow": True}]])
def test_no_verdict_is_waited_for_where_no_policy_will_give_one(
    hullmark: CommandLine, judging: TableServer, active: list[Any]
) -> None:
    """What is missing is said; with a policy that is named it is said that this one does not judge the image."""
    judging.answers |= {
        CHECK: refused(409, "no verdict"),
        "GET /activations": active,
        SHOWN: refused(409, "no verdict"),
    }
    ran = hullmark("check", "registry.example/shop:1")
    assert (ran.status, ran.out) == (3, b"")
    assert ran.err.startswith("hullmark: no verdict\n")
    assert [words for words, _ in judging.asked].count(CHECK) == 1
    judging.answers[f"{CHECK}?policy=p"] = refused(409, "no verdict")
    what, _ = hullmark("check", "registry.example/shop:1", "--policy", "p").refusal
    assert what == "the policy p is not in force for this image on the server"


def test_who_may_not_see_policies_waits_for_a_while(hullmark: CommandLine, judging: TableServer) -> None:
    """Any other refusal is said, of policies or of the verdict itself."""
    judging.answers |= {
        CHECK: Sequenced([refused(409, "not yet"), refused(409, "not yet")]),
        "GET /activations": refused(403, "not for you"),
        SHOWN: refused(409, "no verdict"),
    }
    ran = hullmark("check", "registry.example/shop:1", "--timeout", "0")
    assert (ran.status, ran.err.startswith("hullmark: no verdict\n")) == (3, True)
    judging.answers |= {CHECK: refused(409, "not yet"), "GET /activations": refused(500, "the database is shut")}
    assert hullmark("check", "registry.example/shop:1").refusal[0] == "the database is shut"
    judging.answers[CHECK] = refused(404, "the image was let go")
    assert hullmark("check", "registry.example/shop:1").refusal[0] == "the image was let go"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("scan", "a", "b", "-o", "json=out"), "out"),
        (("vulns", "a", "b", "-o", "sarif"), "a document of the format sarif"),
    ],
)
def test_what_a_server_says_of_several_images_does_not_share_a_document(
    hullmark: CommandLine, server: TableServer, words: tuple[str, ...], what: str
) -> None:
    said = (f"a server's answers about several images cannot share {what}", "ask for one after another")
    assert hullmark(*words).refusal == said
    assert server.asked == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("scan", "--all-layers", "shop:1"),
            ("a server knows nothing of --all-layers", "leave it out, or work here: --server ''"),
        ),
        (
            ("check", "--workload", "pod.yaml"),
            ("a server does not judge workloads that are handed over", "leave out --server, or --workload"),
        ),
        (
            ("scan", "dir:/"),
            (
                "dir:/ is on this machine, and a server cannot read it",
                "give an image in a registry or an archive of it, or work here: --server ''",
            ),
        ),
    ],
)
def test_what_only_this_machine_can_do_is_not_asked_of_a_server(
    hullmark: CommandLine, server: TableServer, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    (hullmark.place / "pod.yaml").write_text("kind: Pod\n")
    assert hullmark(*words).refusal == said
    assert server.asked == []


def test_an_image_that_could_not_be_analysed_is_said_with_what_to_do(
    hullmark: CommandLine, judging: TableServer
) -> None:
    failed = {**ADDED, "state": "failed", "reason": "its registry is shut", "advice": ""}
    judging.answers[f"GET /images/{IMAGE}"] = failed
    ran = hullmark("scan", "registry.example/shop:1")
    what = "the image cannot be analysed: its registry is shut"
    assert ran.refusal == (what, f"correct it, then: hullmark image analyse {IMAGE}")
