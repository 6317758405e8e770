"""`hullmark channel`: what of settings, templates and secrets reaches the server, and how its answers read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.in_process import CommandLine, Reply, TableServer, refused

KEPT = {
    "name": "ops",
    "kind": "webhook",
    "state": "working",
    "settings": {"url": "https://hook.example", "retries": 3},
    "templates": {"title": "old title", "text": "old text"},
}


def changed(server: TableServer) -> Any:
    """The document of the one change that was asked for."""
    (found,) = [document for words, document in server.asked if words.startswith(("PATCH", "POST"))]
    return found


def test_a_channel_is_made_of_a_file_settings_and_secrets_each_over_the_one_before(
    hullmark: CommandLine, server: TableServer
) -> None:
    """Values are JSON where they can be; a secret comes from standard input; templates come from files."""
    (hullmark.place / "settings.json").write_text('{"url": "https://one.example", "retries": 1, "token": "none"}')
    (hullmark.place / "title.txt").write_text("{{ image }}: ä")
    server.answers["POST /channels"] = {"name": "ops", "secret": "whsec_1"}
    ran = hullmark(
        *("channel", "add", "ops", "--kind", "webhook", "--settings", "settings.json"),
        *("--set", "retries=5", "--set", "url=https://two.example", "--secret", "token"),
        *("--title", "@title.txt", "--text", "plain", "--off"),
        given="t0ken\n",
    )
    assert (ran.status, ran.text) == (0, "channel ops added; it signs with whsec_1, which is not shown again\n")
    assert changed(server) == {
        "name": "ops",
        "kind": "webhook",
        "settings": {"url": "https://two.example", "retries": 5, "token": "t0ken"},
        "templates": {"title": "{{ image }}: ä", "text": "plain"},
        "is_active": False,
    }


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("--set", "retries=4"), {"settings": {"url": "https://hook.example", "retries": 4}}),
        (("--settings", "new.json"), {"settings": {"url": "https://new.example"}}),
        (("--text", ""), {"templates": {"title": "old title", "text": ""}}),
        (("--on",), {"is_active": True}),
        (("--off",), {"is_active": False}),
        ((), {}),
    ],
)
def test_a_change_sends_only_what_is_changed(
    hullmark: CommandLine, server: TableServer, words: tuple[str, ...], sent: dict[str, Any]
) -> None:
    (hullmark.place / "new.json").write_text('{"url": "https://new.example"}')
    server.answers["GET /channels/ops"] = server.answers["PATCH /channels/ops"] = KEPT
    ran = hullmark("channel", "change", "ops", *words)
    assert (ran.status, ran.text) == (0, "channel ops changed: working\n")
    assert changed(server) == sent


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--settings", "half.json"),
            ("half.json is not JSON: Expecting value: line 1 column 8 (char 7)", "write an object"),
        ),
        (("--settings", "list.json"), ("list.json holds no object", 'write {"url": "https://…"}')),
        (
            ("--settings", "gone"),
            ("gone cannot be read: [Errno 2] No such file or directory: 'gone'", "check the path"),
        ),
        (("--text", "@long"), ("long is longer than 200000 characters", "make it shorter")),
        (("--set", "=x"), ("'=x' is not a setting", "write KEY=VALUE")),
        (("--set", "url"), ("'url' is not a setting", "write KEY=VALUE")),
        (("--secret", "token"), ("standard input holds no token", "write the token there, on a line of its own")),
    ],
)
def test_settings_that_cannot_be_read_are_refused_before_anything_is_sent(
    hullmark: CommandLine, server: TableServer, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    for name, text in (("half.json", '{"url":'), ("list.json", "[]"), ("long", "x" * 200_001)):
        (hullmark.place / name).write_text(text)
    assert hullmark("channel", "add", "ops", "--kind", "webhook", *words).refusal == said
    assert server.asked == []


def test_a_template_that_is_not_text_is_refused(hullmark: CommandLine, server: TableServer) -> None:
    (hullmark.place / "bytes").write_bytes(b"\xff")
    what, advice = hullmark("channel", "preview", "ops", "--title", "@bytes").refusal
    assert (what.partition(": ")[0], advice) == ("bytes cannot be read", "check the path")
    assert server.asked == []


@pytest.mark.parametrize(
    ("sent", "line", "status"),
    [
        (
            {"outcome": "delivered", "status": 204, "milliseconds": 12, "error": ""},
            "delivered in 12 ms (status 204)",
            0,
        ),
        (
            {"outcome": "failed", "status": 0, "milliseconds": 9, "error": "refused"},
            "not delivered in 9 ms: refused",
            1,
        ),
    ],
)
def test_a_test_that_did_not_arrive_ends_with_status_1(
    hullmark: CommandLine, server: TableServer, sent: dict[str, Any], line: str, status: int
) -> None:
    server.answers["POST /channels/ops/test"] = sent
    ran = hullmark("channel", "test", "ops")
    assert (ran.status, ran.text, ran.err) == (status, f"{line}\n", "")


def test_a_preview_shows_each_message_that_would_be_sent(hullmark: CommandLine, server: TableServer) -> None:
    """A request with its headers and body, mail with whom it goes to, and what the server notes of it; control signs are written out."""
    server.answers["POST /channels/ops/preview"] = {
        "title": "shop:1 stops",
        "text": "two lines\nof \x1b[31mtext",
        "sends": [
            {"type": "http", "method": "POST", "url": "https://hook.example", "headers": {"X-A": "b"}, "body": "{}"},
            {"type": "mail", "to": ["a@example.org", "b@example.org"]},
        ],
        "note": "nothing was sent",
    }
    ran = hullmark("channel", "preview", "ops", "--message", "7", "--title", "new")
    assert ran.text.splitlines() == [
        *("shop:1 stops", "", "two lines", "of \\x1b[31mtext", ""),
        *("--- http POST https://hook.example", "X-A: b", "", "{}", ""),
        *("--- mail a@example.org, b@example.org", "", "", "", "nothing was sent"),
    ]
    assert changed(server) == {"message": 7, "templates": {"title": "new"}}
    whole = hullmark("channel", "preview", "ops", "-o", "json").document
    assert whole == server.answers["POST /channels/ops/preview"]


def test_a_rotated_secret_is_shown_with_the_time_of_the_old_one(hullmark: CommandLine, server: TableServer) -> None:
    server.answers["POST /channels/ops/rotate"] = {"secret": "whsec_2", "previous_until": "2026-12-04T05:00:00.123Z"}
    ran = hullmark("channel", "rotate", "ops")
    assert ran.text == "signs with whsec_2 now, and with the old one until 2026-12-04T05:00:00Z\n"
    assert hullmark("channel", "rotate", "ops", "-o", "json").document == server.answers["POST /channels/ops/rotate"]


def test_what_the_server_refuses_is_said_as_it_says_it(hullmark: CommandLine, server: TableServer) -> None:
    server.answers["POST /channels"] = refused(403, "channels are made by admins")
    ran = hullmark("channel", "add", "ops", "--kind", "webhook")
    assert ran.refusal == ("channels are made by admins", "ask an admin of the account, or choose another by --account")
    server.answers["POST /channels"] = Reply(200, b"<html>")
    what, _ = hullmark("channel", "add", "ops", "--kind", "webhook").refusal
    assert what == "https://hullmark.example does not answer as a Hullmark server"
