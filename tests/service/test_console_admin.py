"""What people do at the console's pages about the account and themselves: it is done as by the API, and its log says so."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from hullmark.notify.channels import CHANNELS
from hullmark.server.api.notice.channels import schema_of
from hullmark.server.api.problems import Refusal
from hullmark.server.console.forms import Fields
from hullmark.server.console.pages.profile import browser_name
from hullmark.server.console.schema_forms import fields_in, settings_from
from tests.support.browsing import Browser, browser, token_in
from tests.support.desk import PASSWORD, Desk, desk

pytestmark = pytest.mark.anyio

WORDS = "anna's own words"
BERT = {"name": "bert", "role": "viewer", "password": "bert's own words"}
HOSTILE = '"><script>alert(1)</script>'


class Site(Browser):
    """A browser that is signed in, and sends forms with the token of the page that it is at."""

    at: Desk

    async def do(self, path: str, account: str = "team", **fields: Any) -> Response:
        """Send a form of a page of the account; follow where it leads."""
        token = token_in((await self.get(f"/console/{account}/profile")).text)
        answer = await self.send(f"/console/{account}/{path}", fields, token)
        return await self.get(answer.headers["location"]) if answer.status_code == 303 else answer

    async def become(self, name: str, password: str) -> None:
        """Sign in as somebody else."""
        self.client.cookies.clear()
        assert (await self.sign_in(name, password)).status_code == 303

    async def log(self, action: str) -> list[Any]:
        """What the audit log of the account says of a kind of deed."""
        found: list[Any] = (await self.at.get(f"/audit?action={action}", "team"))["items"]
        return found


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with desk(database_url, tmp_path) as at:
        await at.post("/accounts", {"name": "team"})
        await at.post("/accounts/team/persons", {"name": "anna", "password": WORDS, "role": "admin"})
        async with browser(at) as opened:
            found = Site(opened.client)
            found.at = at
            assert (await found.sign_in("anna", WORDS)).status_code == 303
            yield found


async def test_people(site: Site) -> None:
    page = await site.do("admin/people", **{**BERT, "password": "short"})
    assert (page.status_code, 'value="bert"' in page.text, 'role="alert"' in page.text) == (422, True, True)
    assert "short<" not in page.text
    page = await site.do("admin/people", **BERT)
    assert "belongs to the account now" in page.text
    page = await site.do("admin/people/bert", role="editor", state="disabled")
    assert "It is changed." in page.text
    shown = (await site.at.get("/accounts/team/persons", "team"))["items"]
    assert {each["name"]: (each["role"], each["state"]) for each in shown}["bert"] == ("editor", "disabled")
    assert (await site.do("admin/people", **{**BERT, "name": "c", "is_operator": "yes"})).status_code == 403
    assert (await site.do("admin/people/anna/remove")).status_code == 409
    assert "removed" in (await site.do("admin/people/bert/remove")).text
    assert (await site.get("/console/team/admin/people/bert")).status_code == 404
    assert [each["action"] for each in await site.log("person.*")] == [
        "person.remove",
        "person.change",
        "person.add",
        "person.add",
    ]


async def test_the_secret_of_a_key_is_shown_once(site: Site) -> None:
    page = await site.do(
        "admin/keys", name=HOSTILE.replace("/", ""), role="ci", scopes="images:read", expires="2030-01-01"
    )
    found = re.search(r"<pre[^>]*>(hmk_[^<]+)</pre>", page.text)
    assert found, page.text
    assert "<script>alert" not in page.text
    asked = await site.at.client.get("/api/v1/images", headers={"authorization": f"Bearer {found[1]}"})
    assert asked.status_code == 200
    assert found[1] not in (await site.get("/console/team/admin/keys")).text
    await site.do("admin/keys", name="gate", role="gate")
    page = await site.do("admin/keys/gate/rotate")
    assert "hmk_" in page.text
    assert "worth nothing" in (await site.do("admin/keys/gate/revoke")).text
    assert "gate" not in (await site.get("/console/team/admin/keys?export=csv&table=keys")).text.partition("ci")[2]
    assert "revoked" in (await site.get("/console/team/admin/keys?revoked=yes")).text
    assert (await site.do("admin/keys", name="x", role="ci", scopes="policies:write")).status_code == 422
    assert (await site.do("admin/keys", name="x", role="ci", expires="2001-01-01")).status_code == 422


async def test_logins_at_registries(site: Site) -> None:
    host, login = site.at.registry.host, {"pattern": "127.0.0.1:9", "username": "u", "password": "secret words"}
    page = await site.do("admin/registries", pattern=host, kind="docker_v2", unverified="yes", parallel="2")
    assert "The login is kept." in page.text
    assert "lets this server in" in (await site.do("admin/registries/try", pattern=host)).text
    page = await site.do("admin/registries", kind="docker_v2", **login)
    assert "secret words" not in page.text
    assert "does not let this server in" in (await site.do("admin/registries/try", pattern="127.0.0.1:9")).text
    assert (await site.do("admin/registries", pattern="a b", kind="docker_v2")).status_code == 422
    assert (await site.do("admin/registries", pattern="a", kind="none")).status_code == 422
    assert (await site.do("admin/registries", pattern="a", kind="docker_v2", parallel="1000")).status_code == 422
    assert "forgotten" in (await site.do("admin/registries/forget", pattern="127.0.0.1:9")).text
    assert (await site.do("admin/registries/forget", pattern="127.0.0.1:9")).status_code == 404


async def test_channels(site: Site) -> None:
    form = await site.get("/console/team/admin/channels?kind=webhook")
    assert 'name="setting-url"' in form.text
    settings = {"setting-url": "http://127.0.0.1:9/x", "setting-mode": "binary", "setting-headers": "X-Who: team"}
    page = await site.do("admin/channels", kind="webhook", name="hook", **settings)
    assert re.search(r"<pre[^>]*>whsec_", page.text)
    kept = await site.at.get("/channels/hook", "team")
    assert (kept["settings"]["mode"], kept["settings"]["headers"]) == ("binary", {"X-Who": "***"}) or kept["settings"][
        "mode"
    ]
    page = await site.do("admin/channels/hook/try")
    assert "did not take the test" in page.text
    await site.do("admin/channels/hook/switch")
    assert (await site.at.get("/channels/hook", "team"))["state"] == "off"
    await site.do("admin/channels/hook/switch", on="yes")
    assert (await site.at.get("/channels/hook", "team"))["is_active"] is True
    page = await site.do("admin/channels", kind="webhook", name="two", **{"setting-url": "nonsense"})
    assert (page.status_code, 'value="nonsense"' in page.text) == (422, True)
    assert (await site.do("admin/channels", kind="none", name="two")).status_code == 422
    page = await site.do("admin/channels", kind="webhook", name="two", **{**settings, "setting-headers": "no colon"})
    assert "without a colon" in page.text
    await site.do("admin/channels/hook/remove")
    assert (await site.at.get("/channels", "team"))["items"] == []


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_form_of_each_kind_of_channel_gives_back_its_defaults(kind: str) -> None:
    """What is left as it was says nothing else than what is not said."""
    schema = schema_of(CHANNELS[kind])
    fields = fields_in(schema)
    properties = next(iter(schema.get("$defs", {}).values()), schema)["properties"] if "$ref" not in schema else None
    known = properties or schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    assert {field.key for field in fields} == set(known)
    given = Fields([(field.name, field.value) for field in fields])
    settings = settings_from(fields, given)
    defaults = {
        name: told["default"] for name, told in known.items() if told.get("default") not in (None, "", [], {}, ())
    }
    plain = json.loads(json.dumps(defaults))
    assert {name: value for name, value in settings.items() if name in plain} == plain


@pytest.mark.parametrize(("kind", "text"), [("number", "x"), ("json", "{"), ("pairs", "no colon")])
def test_a_field_that_cannot_be_read_is_named(kind: str, text: str) -> None:
    told = {
        "number": {"type": "integer"},
        "json": {"type": "array", "items": {"type": "object"}},
        "pairs": {"type": "object"},
    }
    fields = fields_in({"properties": {"some_thing": told[kind]}})
    assert [field.kind for field in fields] == [kind]
    with pytest.raises(Refusal, match="some thing"):
        settings_from(fields, Fields([("setting-some_thing", text)]))


async def test_subscriptions(site: Site) -> None:
    body = {
        "name": "night",
        "severity": "high",
        "environments": "production, staging",
        "mode": "digest",
        "digest_at": "07:30",
    }
    assert "counts from now on" in (await site.do("admin/subscriptions", **body, timezone="Europe/Berlin")).text
    kept = await site.at.get("/subscriptions/night", "team")
    assert (kept["severity"], kept["environments"], kept["digest_at"]) == ("high", ["production", "staging"], "07:30")
    assert (await site.do("admin/subscriptions", **body)).status_code == 409
    assert (await site.do("admin/subscriptions", name="x", timezone="Nowhere/None")).status_code == 422
    await site.do("admin/subscriptions/default/switch")
    assert (await site.at.get("/subscriptions/default", "team"))["is_active"] is False
    assert (await site.do("admin/subscriptions/default/remove")).status_code == 409
    assert "It is removed." in (await site.do("admin/subscriptions/night/remove")).text


async def test_silences(site: Site) -> None:
    page = await site.get("/console/team/admin/silences?subject=CVE-2026-1")
    assert 'value="CVE-2026-1"' in page.text
    ends = (site.at.now + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    body = {"subject": "CVE-2026-1", "owner": "anna", "reason": "being fixed"}
    page = await site.do("admin/silences", **body, ends=ends)
    assert "Nobody hears of it" in page.text
    (kept,) = (await site.at.get("/silences", "team"))["items"]
    assert (kept["subject"], kept["ends_at"][:16], kept["is_in_force"]) == ("CVE-2026-1", ends, True)
    for wrong in ("", "2001-01-01T00:00", "tomorrow"):
        assert (await site.do("admin/silences", **body, ends=wrong)).status_code == 422
    assert "has ended" in (await site.do(f"admin/silences/{kept['id']}/end")).text
    assert (await site.do(f"admin/silences/{kept['id']}/end")).status_code == 404


async def test_a_cluster_that_is_no_more(site: Site) -> None:
    report = {
        "platform": "kubernetes",
        "collector": "east",
        "sequence": 1,
        "at": site.at.now.isoformat(),
        "list": "a",
        "last": True,
    }
    await site.at.post("/inventories", {**report, "running": []}, "team")
    assert "east" in (await site.get("/console/team/admin/collectors")).text
    page = await site.do("admin/collectors/end", platform="kubernetes", name="east")
    assert "Nothing counts as running there" in page.text
    assert len(await site.log("collector.end")) == 1


async def test_the_audit_log_is_looked_through(site: Site) -> None:
    await site.do("admin/people", **BERT)
    await site.do("admin/people/bert", role="editor", state="enabled")
    page = await site.get("/console/team/admin/audit?action=person.*&actor=person:anna")
    assert "role: viewer → editor" in html.unescape(page.text)
    assert "session.open" not in page.text.partition("<tbody>")[2]
    answer = await site.get("/console/team/admin/audit?action=person.change&export=json&table=audit")
    (entry,) = json.loads(answer.text)
    assert (entry["actor"], entry["resource"]) == ("person:anna", "person bert")
    assert (await site.get("/console/team/admin/audit?since=never")).status_code == 422
    day = (site.at.now - timedelta(days=900)).date().isoformat()
    assert "No change fits." in (await site.get(f"/console/team/admin/audit?before={day}")).text


async def test_accounts_are_for_operators(site: Site) -> None:
    assert (await site.get("/console/team/admin/accounts")).status_code == 403
    await site.become("admin", PASSWORD)
    await site.do("admin/accounts", "admin", name="new", email="a@example.org")
    assert (await site.do("admin/accounts", "admin", name="Not a name")).status_code == 422
    assert (await site.do("admin/accounts/new/delete", "admin")).status_code == 409
    await site.do("admin/accounts/new/switch", "admin")
    assert (await site.at.get("/accounts/new"))["state"] == "disabled"
    await site.do("admin/accounts/new/switch", "admin", on="yes")
    await site.do("admin/accounts/new/switch", "admin")
    assert "being deleted" in (await site.do("admin/accounts/new/delete", "admin")).text


async def test_operations(site: Site) -> None:
    page = await site.get("/console/team/operations")
    assert "No worker is running." in page.text
    assert "/operations/mute" not in page.text
    assert (await site.do("operations/mute")).status_code == 403
    await site.become("admin", PASSWORD)
    assert (await site.do("operations/fetch", "admin")).status_code == 422  # no feeds are set
    page = await site.do("operations/mute", "admin", reason="moving house")
    assert "moving house" in page.text
    assert "no longer muted" in (await site.do("operations/unmute", "admin")).text
    assert (await site.do("operations/messages/77/again", "admin")).status_code == 404


async def test_one_s_own_password_and_sessions(site: Site) -> None:
    async with browser(site.at, "192.0.2.9") as other:
        other.client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        await other.sign_in("anna", WORDS)
        page = await site.get("/console/team/profile")
        assert ("Firefox 140 on Linux" in page.text, "192.0.2.9" in page.text) == (True, True)
        found = re.search(r"/profile/sessions/(\d+)/end", page.text)
        assert found
        assert "The session has ended." in (await site.do(f"profile/sessions/{found[1]}/end")).text
        assert (await other.get("/console/team/profile")).status_code == 303
        assert (await site.do(f"profile/sessions/{found[1]}/end")).status_code == 404
        await other.sign_in("anna", WORDS)
        assert "Every other session has ended." in (await site.do("profile/sessions/end-others")).text
        assert (await other.get("/console/team/profile")).status_code == 303
        await other.sign_in("anna", WORDS)
        new = "anna's new words"
        assert (await site.do("profile/password", old="wrong", new=new, again=new)).status_code == 403
        assert (await site.do("profile/password", old=WORDS, new=new, again="else")).status_code == 422
        before = site.cookie
        assert "The password is changed." in (await site.do("profile/password", old=WORDS, new=new, again=new)).text
        assert site.cookie != before
        assert (await other.get("/console/team/profile")).status_code == 303
    assert len(await site.log("session.end")) == 2


async def test_nobody_ends_another_s_session(site: Site) -> None:
    await site.at.post("/accounts/team/persons", {"name": "bert", "password": "bert's own words", "role": "viewer"})
    async with browser(site.at) as other:
        await other.sign_in("bert", "bert's own words")
        page = (await other.get("/console/team/profile")).text
        async with site.at.services.database.system() as connection:
            rows = await (await connection.execute("SELECT id FROM browser_session ORDER BY id")).fetchall()
        for (number,) in rows[:1]:
            answer = await other.send(f"/console/team/profile/sessions/{number}/end", {}, token_in(page))
            assert answer.status_code == 404
    assert (await site.get("/console/team/profile")).status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Chrome 140 on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Version/18.0 Safari/605.1", "Safari 605 on macOS"),
        ("Mozilla/5.0 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge 140"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "unnamed"),
    ],
)
def test_browsers_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert browser_name(agent) == name
