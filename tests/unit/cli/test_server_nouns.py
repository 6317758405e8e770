"""What each noun of a server asks for and says, where it is more than a table: persons, policies, the system, watches and others."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support.images import sha256
from tests.support.in_process import CommandLine, Reply, Sequenced, TableServer, refused

IMAGE = sha256(b"an image")


def answered(hullmark: CommandLine, server: TableServer, words: str, answers: dict[str, Any]) -> str:
    """Standard output of a run that passes, with these answers."""
    server.answers = answers
    server.asked.clear()
    ran = hullmark(*words.split())
    assert (ran.status, ran.err) == (0, "")
    return ran.text


def test_ci_jobs_are_trusted_by_their_claims(hullmark: CommandLine, server: TableServer) -> None:
    said = answered(
        hullmark,
        server,
        "federation add shop --issuer https://ci.example --claim repository=acme/shop --claim ref=refs/heads/* --role ci",
        {"POST /federated-credentials": {"name": "shop", "role": "ci"}},
    )
    assert said == "federated credential shop added: such jobs are ci\n"
    conditions = {"repository": "acme/shop", "ref": "refs/heads/*"}
    document = {"name": "shop", "issuer": "https://ci.example", "audience": "hullmark", "conditions": conditions}
    assert server.asked == [("POST /federated-credentials", {**document, "role": "ci"})]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (("repository",), ("--claim 'repository' is not NAME=PATTERN", "write for example repository=acme/shop")),
        (("=acme",), ("--claim '=acme' is not NAME=PATTERN", "write for example repository=acme/shop")),
        (("ref=", "a=b"), ("--claim 'ref=' is not NAME=PATTERN", "write for example repository=acme/shop")),
        (("a=b", "a=c"), ("a claim is given twice", "all claims have to fit; use * in one pattern")),
    ],
)
def test_a_claim_that_is_half_or_given_twice_is_refused(
    hullmark: CommandLine, server: TableServer, claims: tuple[str, ...], said: tuple[str, str]
) -> None:
    words = [word for claim in claims for word in ("--claim", claim)]
    assert hullmark("federation", "add", "shop", "--issuer", "https://ci.example", *words).refusal == said
    assert server.asked == []


def test_a_person_of_an_identity_provider_or_of_another_account_has_no_password_here(
    hullmark: CommandLine, server: TableServer
) -> None:
    answers = {"GET /whoami": {"account": "acme"}, "POST /accounts/acme/persons": {"name": "ann", "role": "viewer"}}
    said = answered(hullmark, server, "user add ann --role viewer --subject 7|ann", answers)
    assert said == "ann added as viewer\n"
    asked = {"name": "ann", "role": "viewer", "is_operator": False}
    assert server.asked[-1][1] == {**asked, "subject": "7|ann"}
    answered(hullmark, server, "user add ann --role viewer --existing --operator", answers)
    assert server.asked[-1][1] == {**asked, "is_operator": True}


def test_a_password_is_typed_at_a_terminal(hullmark: CommandLine, server: TableServer) -> None:
    """Where nothing is typed nothing is sent."""
    server.answers = {"GET /whoami": {"account": "a"}, "POST /accounts/a/persons": {"name": "ann", "role": "viewer"}}
    ran = hullmark("user", "add", "ann", "--role", "viewer", typed=("correct horse",))
    assert (ran.text, ran.err) == ("ann added as viewer\n", "password of ann: ")
    made = {"name": "ann", "role": "viewer", "is_operator": False, "password": "correct horse"}
    assert server.asked[-1] == ("POST /accounts/a/persons", made)
    server.asked.clear()
    ran = hullmark("user", "add", "ann", "--role", "viewer", typed=())
    assert ran.status == 2
    assert (
        ran.err == "password of ann: hullmark: no password of ann was given\n  type it, or write it to standard input\n"
    )
    assert server.asked == []


def test_a_policy_is_listed_with_the_time_that_it_takes(hullmark: CommandLine, server: TableServer) -> None:
    policy = {"name": "p", "version": 1, "kind": "native", "is_active": True, "is_draft": False, "digest": IMAGE}
    page = {"items": [{**policy, "seconds_each": seconds} for seconds in (None, 0.0124, 2.25)]}
    answers = {"GET /policies?limit=100": page}
    lines = answered(hullmark, server, "policy list", answers).splitlines()
    assert [" ".join(line.split()[4:-2]) for line in lines] == ["EACH", "", "12 ms", "2.2 s"]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_simulation_that_came_to_nothing_is_said_with_its_reason(
    hullmark: CommandLine, server: TableServer, state: str
) -> None:
    server.answers = {
        "POST /simulations": {"id": 4},
        "GET /simulations/4": {"state": state, "reason": "the draft has no rules"},
    }
    ran = hullmark("policy", "simulate", "draft")
    assert ran.refusal == (f"the simulation is {state}: the draft has no rules", "correct the draft")
    assert server.asked[0] == ("POST /simulations", {"policy": "draft", "environment": ""})


def test_a_version_is_printed_as_a_program_or_as_its_text(hullmark: CommandLine, server: TableServer) -> None:
    kept = {"name": "p", "version": 2, "text": "schema: hullmark-policy/1\n"}
    answers = {"GET /policies/p?version=2": kept}
    assert answered(hullmark, server, "policy show p --version 2", answers) == kept["text"]
    assert json.loads(answered(hullmark, server, "policy show p --version 2 -o json", answers)) == kept


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ("cannot read the policy p.yaml: No such file or directory", "check the path")),
        (b"\xff", ("the policy p.yaml is not text", "it must be UTF-8")),
        (b"#" * ((2 << 20) + 1), ("the policy p.yaml has more than 2097152 bytes", "the server takes no more")),
    ],
)
def test_a_policy_that_cannot_be_sent_is_refused_here(
    hullmark: CommandLine, server: TableServer, content: bytes | None, said: tuple[str, str]
) -> None:
    if content is not None:
        (hullmark.place / "p.yaml").write_bytes(content)
    assert hullmark("policy", "add", "p.yaml").refusal == said
    assert server.asked == []


def test_an_operator_mutes_the_server_and_has_it_speak_again(hullmark: CommandLine, server: TableServer) -> None:
    muted = {"since": "2026-03-01", "reason": "moving"}
    said = answered(hullmark, server, "system mute --reason moving", {"PUT /system/mute": muted})
    assert (said, server.asked) == ("muted since 2026-03-01: moving\n", [("PUT /system/mute", {"reason": "moving"})])
    done = {"discarded": 3}
    said = answered(hullmark, server, "system unmute --discard", {"DELETE /system/mute?discard=true": done})
    assert said == "unmuted; 3 messages were discarded\n"
    said = answered(hullmark, server, "system unmute", {"DELETE /system/mute": {"discarded": 0}})
    assert said == "unmuted; 0 messages were discarded\n"


@pytest.mark.parametrize(
    ("reply", "status"), [(Reply(200, {"database": "ok"}), 0), (Reply(503, {"database": "ok"}), 1)]
)
def test_a_server_that_is_not_ready_ends_with_status_1(
    hullmark: CommandLine, server: TableServer, reply: Reply, status: int
) -> None:
    server.answers["GET /readyz"] = reply
    ran = hullmark("system", "ready")
    assert (ran.status, ran.text) == (status, "database  ok\n")


@pytest.mark.parametrize("reply", [Reply(404, {"title": "none"}), Reply(200, [1]), Reply(503, None)])
def test_what_does_not_answer_as_a_server_is_not_called_unready(
    hullmark: CommandLine, server: TableServer, reply: Reply
) -> None:
    server.answers["GET /readyz"] = reply
    what, advice = hullmark("system", "ready").refusal
    assert (what, advice) == (f"{server.url} answers with status {reply.status}", "check the address")


def test_a_subscription_is_tried_and_says_what_it_would_have_told(hullmark: CommandLine, server: TableServer) -> None:
    found: dict[str, Any] = {"looked_at": 50, "items": []}
    answers = {"POST /subscriptions/ops/dry-run": found}
    said = answered(hullmark, server, "subscription try ops --last 50", answers)
    assert said == "of 50 transitions it would have told none\n"
    assert server.asked == [("POST /subscriptions/ops/dry-run", {"last": 50})]
    cause = {"sentence": "", "subject": "CVE-2024-1"}
    found["items"] = [{"at": "2026-03-01T12:00:00.5Z", "kind": "stop", "reference": "shop:1", "cause": cause}]
    lines = answered(hullmark, server, "subscription try ops", answers).splitlines()
    assert [line.split() for line in lines] == [
        ["AT", "KIND", "REFERENCE", "BY"],
        ["2026-03-01T12:00:00Z", "stop", "shop:1", "CVE-2024-1"],
    ]
    assert json.loads(answered(hullmark, server, "subscription try ops -o json", answers)) == found


def test_versions_and_images_of_an_application_come_and_go(hullmark: CommandLine, server: TableServer) -> None:
    path = f"/applications/shop/versions/1.2/images/{IMAGE}"
    made = {"name": "1.2", "images": 2, "verdict": "warn"}
    said = answered(hullmark, server, f"application add-image shop 1.2 {IMAGE}", {f"PUT {path}": made})
    assert said == "version 1.2 has 2 images: warn\n"
    said = answered(hullmark, server, f"application remove-image shop 1.2 {IMAGE}", {f"DELETE {path}": Reply(204)})
    assert said == f"image {IMAGE} taken from the version\n"
    answers = {"DELETE /applications/shop/versions/1.2": Reply(204)}
    assert answered(hullmark, server, "application delete-version shop 1.2", answers) == "version 1.2 deleted\n"


def test_a_watch_goes_by_its_number_or_by_what_it_watches(hullmark: CommandLine, server: TableServer) -> None:
    """By a reference without a tag the repository's own watch is meant, else that of its tag latest."""
    watch = {"id": 7, "tag": "latest", "reference": "shop:latest", "every": 60, "active": True}
    query = "GET /watches?registry=registry.example&repository=shop&limit=100"
    answers = {query: [watch], "PATCH /watches/7": watch}
    for name in ("registry.example/shop", "7"):
        said = answered(hullmark, server, f"watch change {name} --every 60", answers)
        assert said == "shop:latest: on, every 60 s\n"
    server.answers = {query: [{**watch, "tag": "1"}]}
    ran = hullmark("watch", "change", "registry.example/shop", "--every", "60")
    assert ran.refusal == ("registry.example/shop is not watched", "list what is: hullmark watch list")


def test_an_update_that_is_waited_for_says_how_the_advisories_stand_or_why_nothing_came(
    hullmark: CommandLine, server: TableServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    last = {"reason": "", "ended_at": None, "outcomes": [{"feed": "kev", "status": "held"}]}
    status: dict[str, Any] = {
        "digest": IMAGE,
        "data_at": "",
        "day": None,
        "rematching": 0,
        "feeds": 3,
        "namespaces": [],
    }
    answers = {
        "POST /advisories/update": {"state": "asked"},
        "GET /system": Sequenced([{"jobs": {"adopt:x": 1}}, {"jobs": {}}, {"jobs": {}}]),
        "GET /advisories": Sequenced(
            [{**status, "rematching": 2, "last_update": None}, {**status, "last_update": last}]
        ),
    }
    said = answered(hullmark, server, "advisories update --wait", answers)
    rows = [f"digest      {IMAGE}", "rematching  0", "feeds       3", "updated     not yet", "not taken   kev (held)"]
    assert said.splitlines() == rows
    server.answers |= {
        "GET /system": {"jobs": {}},
        "GET /advisories": {**status, "last_update": {**last, "reason": "no feed could be had"}},
    }
    ran = hullmark("advisories", "update", "--wait")
    assert ran.refusal == ("the update came to nothing: no feed could be had", "see: hullmark advisories status")
    server.answers["GET /advisories"] = {**status, "last_update": None}
    assert hullmark("advisories", "update", "--wait", "-o", "json").document["digest"] == IMAGE


def test_what_places_are_told_is_changed_and_the_rest_stays(hullmark: CommandLine, server: TableServer) -> None:
    before = {"environments": [{"environment": "prod", "selector": ""}], "analyses_unknown": True, "silent_after": 60}
    answers = {"GET /place-settings": before, "PUT /place-settings": before}
    said = answered(hullmark, server, "place set --silent-after 2h", answers)
    assert said == "1 rule names environments of places\n"
    assert server.asked[-1] == ("PUT /place-settings", {**before, "silent_after": 7200})
    answered(hullmark, server, "place set --analyse-unknown no --rule dev:env=dev", answers)
    rules = [{"environment": "dev", "selector": "env=dev"}]
    assert server.asked[-1][1] == {**before, "environments": rules, "analyses_unknown": False}


def test_numbers_of_a_day_that_do_not_add_up_say_what_is_wrong(hullmark: CommandLine, server: TableServer) -> None:
    report = {
        "day": "2026-03-01",
        "timezone": "UTC",
        "snapshots": 1,
        "causes": {"snapshot": 1},
        "silences": 0,
        "matched": {"packages": 2, "images": 1},
        "transitions": {"count": 1, "by_kind": {"stop": 1}, "told": 0, "suppressed": {"silence": 1}, "pending": 0},
        "items": {},
        "messages": [{"channel": "ops", "form": "digest", "state": "sent", "count": 1}],
        "attempts": {},
        "checks": [
            {"holds": True, "says": "all was looked at", "left": 1, "right": 1},
            {"holds": False, "says": "what was told was sent", "left": 1, "right": 2},
        ],
        "adds_up": False,
    }
    server.answers["GET /notice-report?day=2026-03-01"] = report
    ran = hullmark("event", "report", "--day", "2026-03-01")
    lines = [line.split("  ") for line in ran.text.splitlines()]
    assert ran.status == 1
    assert [(line[0], line[-1].strip()) for line in lines[-2:]] == [
        ("WRONG: what was told was sent", "1 is not 2"),
        ("adds up", "no"),
    ]


def test_signatures_that_were_not_seen_are_said_beside_those_that_were(
    hullmark: CommandLine, server: TableServer
) -> None:
    found = {"unseen": ["the registry \x1bwas shut"], "failure": "", "at": None, "documents": []}
    server.answers = {f"GET /images/{IMAGE}/signatures": found}
    ran = hullmark("image", "signatures", IMAGE)
    assert (ran.status, ran.text) == (0, "no document\n")
    assert ran.err.splitlines() == [
        "not all was seen: the registry \\x1bwas shut",
        "nobody looked yet; to have its registry asked: hullmark image signatures --look IMAGE",
    ]


def test_an_image_whose_tag_moved_on_is_listed_by_its_earlier_name(hullmark: CommandLine, server: TableServer) -> None:
    image = {"digest": IMAGE, "state": "analysed", "distro": "", "package_count": 1, "tags": [], "reference": ""}
    earlier = [{"reference": "shop:1", "until": "2026-03-01T00:00:00Z"}]
    page = {"items": [{**image, "earlier_tags": earlier}]}
    assert "was shop:1 until 2026-03-01" in answered(hullmark, server, "image list", {"GET /images?limit=100": page})


def test_an_export_that_breaks_off_says_where_to_go_on(hullmark: CommandLine, server: TableServer) -> None:
    """What came is kept; a second run adds to the file."""
    kind = {"content-type": "application/x-ndjson"}
    server.answers = {
        "GET /export/images": Reply(200, b'{"cursor":"1"}\n{"no":1}\n', kind),
        "GET /export/images?after=1": Reply(200, b'{"cursor":"2"}\n', kind),
        "GET /export/audit": Reply(200, b"<html>", {}),
    }
    ran = hullmark("export", "images", "lines")
    assert ran.refusal == ("the server does not answer with lines of JSON", "go on later: --after 1")
    assert (hullmark.place / "lines").read_bytes() == b'{"cursor":"1"}\n'
    assert hullmark("export", "images", "lines", "--after", "1").status == 0
    assert (hullmark.place / "lines").read_bytes() == b'{"cursor":"1"}\n{"cursor":"2"}\n'
    assert hullmark("export", "audit").refusal[1] == "check its address"
    ran = hullmark("export", "images", "gone/lines")
    assert ran.refusal == ("cannot write gone/lines: No such file or directory", "check path, rights and space")


def test_an_export_into_a_program_that_has_ended_ends_quietly(hullmark: CommandLine, server: TableServer) -> None:
    """As `hullmark export images | head -1`."""
    kind = {"content-type": "application/x-ndjson"}
    server.answers["GET /export/images"] = Reply(200, b'{"cursor":"1"}\n', kind)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = hullmark("export", "images", output=pipe)
    assert (ran.status, ran.err) == (0, "")


def test_a_file_that_cannot_be_read_is_not_sent(hullmark: CommandLine, server: TableServer) -> None:
    ran = hullmark("image", "upload", "gone.tar", "--reference", "shop:1")
    assert ran.refusal == ("gone.tar is not a file", "name an archive, as `docker save` writes it")
    ran = hullmark("image", "add", "shop:1", "--dockerfile", "Dockerfile")
    assert ran.refusal == ("cannot read the Dockerfile Dockerfile: No such file or directory", "check the path")
    server.answers["POST /images"] = refused(413, "the image is too large")
    assert hullmark("image", "add", "shop:1").refusal[0] == "the image is too large"
