"""`hullmark explain-change`: a change with its cause, what came and went, and who was told, as lines for people."""

from __future__ import annotations

import json
from typing import Any

from tests.support.images import sha256
from tests.support.in_process import CommandLine, TableServer

IMAGE = sha256(b"an image")
FINDING = {"action": "stop", "rule": "kev", "message": "CVE-2024-1 is exploited"}
CAUSE = {"kind": "snapshot", "certain": False, "sentence": "new advisories came", "before": "sha256:a", "after": ""}


def verdict(word: str, reason: str) -> dict[str, Any]:
    """One as the server tells it."""
    return {
        "verdict": word,
        "reason": reason,
        "policy": "production",
        "policy_version": 3,
        "at": "2026-03-01T12:00:00.5Z",
    }


def change(**more: Any) -> dict[str, Any]:
    """A change of a verdict from go to stop, of which nobody was told."""
    said = {"before": verdict("go", "nothing stops it"), "after": verdict("stop", "1 finding"), "environment": ""}
    found: dict[str, Any] = {
        "cause": None,
        "gained": [],
        "gained_count": 0,
        "lost": [],
        "lost_count": 0,
        "also": [],
        "told": [],
    }
    return {**said, **found, **more}


def notice(outcome: str, *receivers: dict[str, Any], why: str = "") -> dict[str, Any]:
    """What became of a notice."""
    return {"kind": "verdict.changed", "outcome": outcome, "why": why, "receivers": list(receivers)}


def receiver(state: str, delivered_at: str | None = None) -> dict[str, Any]:
    """A channel that a notice goes to."""
    return {"state": state, "delivered_at": delivered_at, "channel": "ops", "kind": "slack"}


def explained(hullmark: CommandLine, server: TableServer, *changes: dict[str, Any]) -> list[str]:
    server.answers[f"GET /images/{IMAGE}/changes?limit=100"] = {"items": list(changes), "next": None}
    ran = hullmark("explain-change", IMAGE)
    assert (ran.status, ran.err) == (0, "")
    return ran.text.splitlines()


def test_a_change_says_what_came_and_why_and_how_much_is_not_shown(hullmark: CommandLine, server: TableServer) -> None:
    lines = explained(
        hullmark,
        server,
        change(
            environment="prod",
            cause=CAUSE,
            gained=[FINDING] * 11,
            gained_count=14,
            lost=[{**FINDING, "action": "warn"}],
            lost_count=1,
            also=[{"what": "policy", "before": "", "after": "version 3"}],
        ),
    )
    assert lines == [
        "2026-03-01 12:00:00 UTC  go to stop (policy production 3 in prod)",
        "  cause    snapshot (most likely: other inputs differ too): new advisories came",
        "           sha256:a, then none",
        "  verdict  1 finding",
        *["  + stop kev: CVE-2024-1 is exploited"] * 10,
        "  + and 4 more: -o json shows them",
        "  - warn kev: CVE-2024-1 is exploited",
        "  also     another policy: none, then version 3",
    ]


def test_a_verdict_that_is_as_before_and_a_first_one_are_told_apart(hullmark: CommandLine, server: TableServer) -> None:
    """The reason is not repeated where it did not change."""
    same = verdict("stop", "1 finding")
    assert explained(hullmark, server, change(before=same, after=same), change(before=None)) == [
        "2026-03-01 12:00:00 UTC  stop as before, for other reasons (policy production 3)",
        "",
        "2026-03-01 12:00:00 UTC  stop, the first verdict (policy production 3)",
        "  verdict  1 finding",
    ]
    assert explained(hullmark, server) == ["nothing changed"]


def test_who_was_told_is_said_by_what_became_of_each_message(hullmark: CommandLine, server: TableServer) -> None:
    told = (
        notice("suppressed", why="silence 4 covers it"),
        notice("told"),
        notice("waiting"),
        notice(
            "told",
            receiver("delivered", "2026-03-01T12:00:09Z"),
            receiver("gathering"),
            receiver("waiting"),
            receiver("dead"),
            receiver("paused"),
        ),
    )
    lines = explained(hullmark, server, change(told=list(told)))
    assert lines[2:] == [
        "  told     verdict.changed: nobody: silence 4 covers it",
        "  told     verdict.changed: nobody: nobody was to hear of it",
        "  told     verdict.changed: it is not decided yet who hears of it",
        "  told     verdict.changed: ops (slack) at 2026-03-01 12:00:09 UTC",
        "  told     verdict.changed: ops (slack) soon",
        "  told     verdict.changed: ops (slack) is being sent to",
        "  told     verdict.changed: ops (slack) could not be reached",
        "  told     verdict.changed: ops (slack) paused",
    ]


def test_programs_get_the_changes_as_they_are(hullmark: CommandLine, server: TableServer) -> None:
    server.answers[f"GET /images/{IMAGE}/changes?policy=production&limit=2"] = {"items": [change()], "next": None}
    ran = hullmark("explain-change", IMAGE, "--policy", "production", "--limit", "2", "-o", "json")
    assert json.loads(ran.out) == [change()]
