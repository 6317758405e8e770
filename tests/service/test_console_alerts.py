"""Where alerts lead, what is out of compliance now, what advisories did, and what is accepted: pages over a company's nine days."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from hullmark.server.tables.judging import standing
from tests.support.company import visitor
from tests.support.console_world import ACCOUNT, CURL, OPENSSL, OTHER, WITHDRAWN, XML, World
from tests.support.standing import Standing

BASE = f"/console/{ACCOUNT}"


@pytest.fixture
def world(company: tuple[World, Standing]) -> World:
    """What stands there."""
    return company[0]


@pytest.fixture
def server(company: tuple[World, Standing]) -> Standing:
    """Its server."""
    return company[1]


@pytest.fixture
def anna(world: World) -> Iterator[httpx.Client]:
    """The administrator."""
    with visitor(world, "anna") as client:
        yield client


def text_of(answer: httpx.Response, status: int = 200) -> str:
    """What a page says, without its markup."""
    assert answer.status_code == status, answer.text
    assert " style=" not in answer.text
    words = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", answer.text.replace("<wbr>", ""), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(words))


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    """A table that was exported as CSV."""
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def table_of(client: httpx.Client, page: str, name: str) -> list[dict[str, str]]:
    """A table of a page."""
    mark = "&" if "?" in page else "?"
    return rows_of(client.get(f"{page}{mark}export=csv&table={name}"))


def cause_of(server: Standing, subject: str, kind: str) -> int:
    """The number of a cause of the company."""

    async def ask() -> int:
        async with server.at.services.database.system() as connection:
            cursor = await connection.execute(
                "SELECT cause.id FROM cause JOIN account ON account.id = account_id WHERE account.name = %s AND subject = %s"
                " AND kind = %s",
                (ACCOUNT, subject, kind),
            )
            row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    return server.run(ask())


def test_an_alert_shows_what_it_did_what_is_seen_where_and_what_helps(anna: httpx.Client, server: Standing) -> None:
    page = f"{BASE}/causes/{cause_of(server, XML, 'exploitation')}"
    said = text_of(anna.get(page))
    for words in (
        "is now known to be exploited",
        "Update alpine:3.22/libxml2 to 2.13.9-r0",
        "eu-production/shop/StatefulSet/worker/main",
        "an image that was in compliance no longer is",
        "Seen: - libxml2",
        "image's entrypoint",
        "chat",
    ):
        assert words in said, words
    changed = table_of(anna, page, "images")
    assert {row["change"] for row in changed} == {"compliance.lost: warn → stop"}
    assert {(row["now"], row["without"]) for row in changed} == {("stop", "go")}
    (place,) = table_of(anna, page, "places")
    assert (place["place"], place["environment"], place["verdict"]) == (
        "eu-production/shop/StatefulSet/worker/main",
        "production",
        "stop",
    )


def test_what_several_rules_found_is_accepted_one_by_one(anna: httpx.Client, world: World, server: Standing) -> None:
    def forms(client: httpx.Client, number: int) -> tuple[str, list[str]]:
        """Where the button leads, and the links beside what was found."""
        answer = client.get(f"{BASE}/causes/{number}")
        assert answer.status_code == 200, answer.text
        links = re.findall(r'<a( class="button")? href="([^"]*)">(?:<svg.*?</svg>)?Accept for a time</a>', answer.text)
        (button,) = [unescape(address) for mark, address in links if mark] or [""]
        return button, [unescape(address) for mark, address in links if not mark]

    one, several = cause_of(server, XML, "exploitation"), cause_of(server, "production", "policy")
    button, beside = forms(anna, one)
    assert beside == []
    assert dict(httpx.URL(button).params)["rule"] == "exploited"
    button, beside = forms(anna, several)
    given = [dict(httpx.URL(address).params) for address in beside]
    assert button == "#evidence-list"
    assert [(form["rule"], form["subject"]) for form in given] == [
        ("no-secrets-in-env", "env:DB_PASSWORD"),
        ("not-root", "user"),
    ]
    assert 'value="not-root"' in anna.get(beside[1]).text
    assert 'id="evidence-list"' in anna.get(f"{BASE}/causes/{several}").text
    with visitor(world, "vera") as vera:
        assert forms(vera, one) == forms(vera, several) == ("", [])


def test_a_cause_of_nobody_or_of_others_is_not_there(world: World, server: Standing) -> None:
    number = cause_of(server, XML, "exploitation")
    with visitor(world, "olga") as olga:
        assert olga.get(f"/console/{OTHER}/causes/{number}").status_code == 404
        assert olga.get(f"{BASE}/causes/{number}").status_code == 403
        assert XML not in text_of(olga.get(f"/console/{OTHER}/now"))
    with visitor(world, "anna") as anna:
        assert "Not here" in text_of(anna.get(f"{BASE}/causes/{1 << 62}"), 404)


def test_a_cause_is_silenced_by_who_may(anna: httpx.Client, world: World, server: Standing) -> None:
    number = cause_of(server, XML, "exploitation")
    page = f"{BASE}/causes/{number}"
    until = (server.at.now + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    body = {"owner": "emil", "reason": "the new base is being built", "ends_at": until}
    with visitor(world, "vera") as vera:
        assert "Silence until then" not in vera.get(page).text
        assert vera.post(f"{page}/silence", data=body).status_code == 403
    assert "cannot be used" in text_of(anna.post(f"{page}/silence", data={**body, "ends_at": "soon"}), 422)
    assert "needs an owner and a reason" in text_of(anna.post(f"{page}/silence", data={**body, "owner": " "}), 422)
    answer = anna.post(f"{page}/silence", data=body)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?silenced=1")
    made = server.run(server.at.get("/silences?limit=200", ACCOUNT))["items"]
    assert [each["created_by"] for each in made if each["subject"] == XML] == ["person:anna"]


def test_now_groups_what_runs_out_of_compliance_by_cause(anna: httpx.Client) -> None:
    causes = table_of(anna, f"{BASE}/now", "causes")
    assert (causes[0]["cause"], causes[0]["running"]) == (f"Time passed for {OPENSSL}.", "2")
    assert any("CVE-2026-21002 is now known to be exploited" in row["cause"] for row in causes)
    (grace,) = table_of(anna, f"{BASE}/now", "graces")
    assert "jinja2" in grace["reason"]
    (never,) = table_of(anna, f"{BASE}/now", "never")
    assert (never["verdict"], never["image"].endswith("platform/legacy:1.0")) == ("unknown", True)
    said = text_of(anna.get(f"{BASE}/now"))
    assert "Next grace ends" in said
    assert "Nothing to do" not in said
    assert len(table_of(anna, f"{BASE}/now?environment=*", "never")) > 1
    assert table_of(anna, f"{BASE}/now?environment=none", "causes") == []


def test_what_never_passed_is_found_behind_many_that_did(anna: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few verdicts are looked at for a page, all of them together are the same."""
    page = f"{BASE}/now?environment=*"
    whole = table_of(anna, page, "never")
    monkeypatch.setattr(standing, "MOST", 1)
    assert table_of(anna, page, "never") == whole
    assert len(whole) > 1


def test_nothing_to_do_is_said_where_that_is_so(anna: httpx.Client) -> None:
    assert "Nothing to do" in text_of(anna.get(f"{BASE}/now?environment=none"))


def test_advisories_are_listed_by_risk_with_how_likely_they_are(anna: httpx.Client) -> None:
    rows = table_of(anna, f"{BASE}/advisories", "advisories")
    by_name = {row["advisory"]: row for row in rows}
    assert (by_name[XML]["kev"], by_name[XML]["epss"], by_name[XML]["images"]) == ("True", "0.83", "1")
    assert (by_name[OPENSSL]["severity"], by_name[OPENSSL]["cvss"], by_name[OPENSSL]["images"]) == (
        "critical",
        "9.8",
        "4",
    )
    assert WITHDRAWN not in by_name
    page = anna.get(f"{BASE}/advisories").text
    assert page.count('class="ring') == 1
    assert f'href="{BASE}/advisories/{CURL}"' in page


def test_an_advisory_shows_its_life_and_where_it_is(anna: httpx.Client) -> None:
    said = text_of(anna.get(f"{BASE}/advisories/{OPENSSL}"))
    for words in ("Published", "Ingested", "Matched", "Told", "debian:13/openssl 3.5.1-2", "became known."):
        assert words in said, words
    images = table_of(anna, f"{BASE}/advisories/{OPENSSL}", "images")
    assert sorted((row["image"].partition("/")[2], row["verdict"], row["places"]) for row in images) == [
        ("payments/billing:5.2", "stop", "1"),
        ("shop/api:1.9.3", "stop", "2"),
        ("shop/web:2.4.0", "stop", "1"),
        ("shop/web:2.4.1", "warn", "2"),
    ]
    trend = re.findall(r'<td class="number">([\d.]+) %</td>', anna.get(f"{BASE}/advisories/{XML}").text)
    assert trend == ["2.0", "11.0", "20.0", "29.0", "38.0", "47.0", "56.0", "65.0", "74.0", "83.0"]
    assert "Not here" in text_of(anna.get(f"{BASE}/advisories/CVE-1999-1"), 404)


def test_exceptions_are_listed_by_their_end_with_those_that_cover_nothing(anna: httpx.Client, world: World) -> None:
    rules = [row["rule"] for row in table_of(anna, f"{BASE}/exceptions", "exceptions")]
    assert rules[:1] == ["high-with-fix"]
    unused = table_of(anna, f"{BASE}/exceptions?tab=unused", "exceptions")
    assert [(row["rule"], row["used_at"]) for row in unused if row["subject"] == "CVE-2019-*"] == [("medium", "")]
    page = anna.get(f"{BASE}/exceptions").text
    assert "1 end" in page
    said = text_of(anna.get(f"{BASE}/exceptions/{world.exceptions['high-with-fix']}"))
    assert "shop/web:2.4.1" in said
    assert OPENSSL in said
    assert "Unused" in text_of(anna.get(f"{BASE}/exceptions/{world.exceptions['medium']}"))


def accepted(client: httpx.Client, **changes: Any) -> httpx.Response:
    """Send the form that accepts what libxml2 has."""
    body = {
        "rule": "exploited",
        "subject": f"{XML}*",
        "images": "*/shop/worker:*",
        "expires": "2031-01-31T14:00",
        "owner": "ines",
    }
    return client.post(f"{BASE}/exceptions/new", data={**body, "reason": "it reads nothing from outside", **changes})


def test_findings_are_accepted_and_count_again_when_that_is_ended(world: World, server: Standing) -> None:
    digest = world.digests["shop/worker:0.7.2"]

    def word() -> str:
        found = server.run(server.at.get(f"/verdicts/{digest}?environment=production", ACCOUNT))
        return str(found[0]["verdict"])

    with visitor(world, "ines") as ines:
        assert word() == "stop"
        answer = accepted(ines)
        assert answer.status_code == 303, answer.text
        server.run(server.at.work())
        assert word() == "warn"
        alert = f"{BASE}/causes/{cause_of(server, XML, 'exploitation')}"
        assert "Nothing is left to do" in text_of(ines.get(alert))
        page = answer.headers["location"]
        said = text_of(ines.get(page))
        assert "2031-01-31 14:00 UTC" in said
        assert f"{XML}" in said
        assert "shop/worker:0.7.2" in said
        assert ines.post(f"{page}/end").status_code == 303
        server.run(server.at.work())
        assert word() == "stop"
        assert "is over" in text_of(ines.get(page))
        assert "exploited" in [row["rule"] for row in table_of(ines, f"{BASE}/exceptions?tab=over", "exceptions")]
        assert ines.post(f"{page}/end").status_code == 404
    done = server.run(server.at.get("/audit?limit=200", ACCOUNT))["items"]
    assert [each["action"] for each in done if each["resource"] == page.rpartition("/")[2]] == [
        "exception.end",
        "exception.add",
    ]


def test_a_form_that_is_wrong_comes_back_with_what_was_written(world: World) -> None:
    with visitor(world, "ines") as ines:
        lacking = accepted(ines, reason="")
        assert "Say it, please." in text_of(lacking, 422)
        assert 'value="*/shop/worker:*"' in lacking.text
        assert "not a valid time" in text_of(accepted(ines, expires="tomorrow"), 422)
    with visitor(world, "vera") as vera:
        assert accepted(vera).status_code == 403
        assert "Accept findings" not in text_of(vera.get(f"{BASE}/exceptions"))
