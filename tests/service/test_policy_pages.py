"""The policy workbench without script: what its pages show and what its forms do."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from httpx import Response

from hullmark.policy.starting_point import starting_policy
from tests.support.desk import PASSWORD, Desk, status_file
from tests.support.desk_copies import furnished_by

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: users
version: "1"
description: Nobody is root.
rules:
  - {id: no-root, gate: config, trigger: user, action: warn, params: {not_root: true}, message: Add a USER.}
"""
STOPS = POLICY.replace("action: warn", "action: stop").replace('version: "1"', 'version: "2"')
BROKEN = POLICY.replace("trigger: user", "trigger: usr")
CASES = """
schema: hullmark-policy-tests/1
cases:
  - {name: root is found, recipe: {settings: {user: root}}, expect: {verdict: warn, findings: [{rule: no-root}]}}
  - {name: nobody else is, recipe: {settings: {user: "1000"}}, expect: {verdict: stop}}
"""
SHOP = status_file(("libc6", "2.41-12"))


async def get(at: Desk, path: str, status: int = 200) -> str:
    """A page of the account admin."""
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer.text


async def send(at: Desk, path: str, status: int = 303, **fields: Any) -> Response:
    """A form that is sent."""
    answer = await at.client.post(f"/console/admin/{path}", data=fields, auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer


async def fleet(at: Desk) -> tuple[str, str]:
    """An image that runs as root and one that does not, with a policy in force that warns of the first."""
    root, user = at.push("root", SHOP, User="root"), at.push("user", SHOP, User="1000")
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "users"})
    await at.add("root")
    await at.add("user")
    await at.work()
    return root, user


async def test_the_first_policy_is_begun_from_one_that_can_be_kept(at: Desk) -> None:
    assert "Write the first one" in await get(at, "policies")
    page = await get(at, "new-policy")
    assert "name: my-policy" in page
    answer = await send(at, "policies", text=POLICY, note="the first", draft="yes")
    assert answer.headers["location"] == "/console/admin/policies/users?tab=edit&kept=1"
    page = await get(at, "policies/users?kept=1")
    assert "kept as the newest version" in page
    assert "nowhere in force" in page
    assert "config.user" in page
    listed = await get(at, "policies?export=json&table=policies")
    assert [(row["policy"], row["state"]) for row in json.loads(listed)] == [("users", "draft")]


async def test_a_text_stands_in_its_field_as_it_was_kept(at: Desk) -> None:
    """Lines, quotes, tags and what is not seen: what is sent back is the same text."""
    text = POLICY + '# "quoted" </textarea><script>alert(1)</script> \u202e\ttab\n\n'
    await at.post("/policies", {"text": text})
    page = await get(at, "policies/users")
    assert "<script>alert" not in page
    _, _, field = page.partition('<textarea id="field-text"')
    assert unescape(field.partition(">")[2].partition("</textarea>")[0].removeprefix("\n")) == text
    answer = await send(at, "policies", text=text.replace("\n", "\r\n"), policy="users")
    assert answer.headers["location"].endswith("kept=1")


async def test_a_text_with_mistakes_comes_back_with_them(at: Desk) -> None:
    page = unescape((await send(at, "policies", 422, text=BROKEN, note="why")).text)
    assert "has no trigger 'usr'; did you mean 'user'?" in page
    assert "trigger: usr" in page
    assert 'value="why"' in page
    await at.post("/policies", {"text": POLICY})
    page = unescape((await send(at, "policies", 422, text=BROKEN, policy="users")).text)
    assert "has no trigger 'usr'" in page
    assert (await at.get("/policies/users"))["version"] == 1
    assert "None: this can be kept." in (await send(at, "policy-check", 200, text=POLICY, policy="users")).text


async def test_the_editor_is_told_of_mistakes_by_line(at: Desk) -> None:
    asked = {"text": BROKEN}
    answer = await at.client.post(
        "/console/admin/policy-check", data=asked, auth=("admin", PASSWORD), headers={"accept": "application/json"}
    )
    (mistake,) = answer.json()["mistakes"]
    assert (mistake["line"], mistake["where"]) == (7, "rules[0].trigger")
    answer = await at.client.post(
        "/console/admin/policy-check",
        data={"text": "a: [\n"},
        auth=("admin", PASSWORD),
        headers={"accept": "application/json"},
    )
    assert [mistake["line"] for mistake in answer.json()["mistakes"]] == [2]
    schema = json.loads(await get(at, "policy-schema"))
    assert schema["title"] == "Hullmark policy"


async def test_tests_are_run_and_kept(at: Desk) -> None:
    await at.post("/policies", {"text": POLICY})
    assert "an image that runs as root" in await get(at, "policies/users?tab=tests")
    page = (await send(at, "policies/users/tests", 200, tests=CASES, choice="run")).text
    assert "1 of 2 failed" in page
    assert "the verdict is go, not stop" in page
    page = (await send(at, "policies/users/tests", 422, tests="schema: other\ncases: []\n", choice="run")).text
    assert "expected hullmark-policy-tests/1" in page
    named = CASES.replace("recipe: {settings: {user: root}}", "image: docker.io/library/alpine")
    page = (await send(at, "policies/users/tests", 422, tests=named, choice="run")).text
    assert "which a server does not read" in page
    await send(at, "policies/users/tests", tests=CASES, choice="keep")
    assert "nobody else is" in await get(at, "policies/users?tab=tests")
    audited = (await at.get("/audit"))["items"]
    assert [entry["action"] for entry in audited if entry["action"] == "policy.tests"] == ["policy.tests"]


async def test_the_policy_to_begin_with_passes_its_tests(at: Desk) -> None:
    text = starting_policy("mine", "policy.yaml")
    await send(at, "policies", text=text)
    page = await get(at, "policies/mine?tab=tests")
    _, _, field = page.partition('<textarea id="field-tests"')
    cases = unescape(field.partition(">")[2].partition("</textarea>")[0])
    page = (await send(at, "policies/mine/tests", 200, tests=cases, choice="run")).text
    assert "All 4 passed" in page
    assert "No case makes these rules fire" not in page


@furnished_by(fleet)
async def test_a_draft_is_tried_and_rolled_out(at: Desk) -> None:
    root, _ = at.found
    answer = await send(at, "trials", text=STOPS, policy="users")
    trial = answer.headers["location"].removeprefix("/console/admin/")
    assert "every 2s" in await get(at, trial)
    await at.work()
    page = await get(at, trial)
    assert "every 2s" not in page
    worse = page.partition("Get worse")[2].partition("</dd>")[0]
    assert worse.rpartition(">")[2] == "1"
    assert at.reference("root") in page.replace("<wbr>", "")
    assert at.reference("user") not in page.replace("<wbr>", "")
    assert 'href="/console/admin/policies/users?tab=force"' in page
    flips = json.loads(await get(at, f"{trial}?export=json&table=flips"))
    assert [(row["digest"], row["before"], row["after"]) for row in flips] == [(root, "warn", "stop")]
    assert trial in await get(at, "policies/users?tab=trials")
    await send(at, "policies", text=STOPS, policy="users", note="stops now")
    assert "fires" in await get(at, "policies/users")
    await send(at, "policies/users/force", version="2", environment="", selector="*", stage="shadow")
    page = await get(at, "policies/users?tab=force")
    assert "Take out of force" in page
    await send(at, "policies/users/force", version="2", stage="force")
    await at.work()
    assert [each["verdict"] for each in await at.get(f"/images/{root}/verdicts")] == ["stop"]
    active = await at.get("/activations")
    assert [(row["version"], row["shadow"]) for row in active] == [(2, True), (2, False)]
    for row in active:
        await send(at, f"activations/{row['id']}/end", policy="users")
    assert await at.get("/activations") == []


async def test_what_cannot_be_rolled_out_is_said_on_the_page(at: Desk) -> None:
    await at.post("/policies", {"text": POLICY, "draft": True})
    page = (await send(at, "policies/users/force", 409, version="1", stage="force")).text
    assert "a draft can be in force as a shadow only" in page
    assert "Put a version in force" in page
    await send(at, "policies/users/force", 422, version="x")
    await send(at, "policies/nobody/force", 404, version="1")
    await send(at, "activations/99/end", 404)
    await send(at, "trials", 422)
    assert "did you mean" in (await send(at, "trials", 422, text=BROKEN)).text
    assert "did you mean" in (await send(at, "trials", 422, text=BROKEN, policy="users")).text


@furnished_by(fleet)
async def test_a_trial_is_cancelled(at: Desk) -> None:
    location = (await send(at, "trials", text=STOPS)).headers["location"].removeprefix("/console/admin/")
    await send(at, f"{location}/cancel")
    assert "cancelled" in await get(at, location)
    assert location in await get(at, "trials")


async def test_versions_are_compared_by_rule_and_by_line(at: Desk) -> None:
    await at.post("/policies", {"text": POLICY})
    more = "  - {id: few, gate: image, trigger: layers, action: warn, params: {max: 9}}\n"
    await at.post("/policies", {"text": STOPS + more, "note": "<b>stricter</b>"})
    page = await get(at, "policies/users?tab=history&from=1&to=2")
    assert "<strong>few</strong>" in page
    assert "added" in page
    assert "<code>warn</code>" in page
    assert "&lt;b&gt;stricter&lt;/b&gt;" in page
    assert '<span class="added">+' in page
    await get(at, "policies/users?tab=history&from=1&to=7", 404)
    assert "What differs" not in await get(at, "policies/users?tab=history&from=x&to=2")
    await get(at, "policies/nobody", 404)


async def test_who_may_only_read_is_offered_nothing_else(at: Desk) -> None:
    await at.post("/policies", {"text": POLICY})
    await at.post("/accounts/admin/persons", {"name": "vera", "password": "some long enough words", "role": "viewer"})
    auth = ("vera", "some long enough words")
    for tab in ("edit", "tests", "trials", "force", "history"):
        answer = await at.client.get(f"/console/admin/policies/users?tab={tab}", auth=auth)
        assert answer.status_code == 200
        assert 'method="post" action="/console/admin/policies/users' not in answer.text
        assert "Keep as version" not in answer.text
    assert (await at.client.get("/console/admin/new-policy", auth=auth)).status_code == 403
    for path in ("policies", "trials", "policy-check", "policies/users/force", "policies/users/tests"):
        answer = await at.client.post(f"/console/admin/{path}", data={"text": POLICY}, auth=auth)
        assert answer.status_code == 403, path


async def test_another_account_finds_no_policy_and_no_trial(at: Desk) -> None:
    await at.post("/policies", {"text": POLICY})
    location = (await send(at, "trials", text=POLICY)).headers["location"].removeprefix("/console/admin/")
    await at.post("/accounts", {"name": "other"})
    for path in ("policies/users", location):
        answer = await at.client.get(f"/console/other/{path}", auth=("admin", PASSWORD))
        assert answer.status_code == 404, path
