"""What made a verdict flip can be asked for: the one cause, what came and went, and who was told."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from hullmark.cli.remote.explain_change import lines_of
from tests.service.test_verdicts import LIBC, NO_HIGH, NOT_ROOT, SHOP, kept
from tests.support.desk import Desk
from tests.support.desk_copies import furnished_by
from tests.support.images import docker_files, write_docker_archive
from tests.support.matching import advisory, affected
from tests.support.processes import place, until
from tests.support.program import Ran, program_in
from tests.support.server import running_server

pytestmark = pytest.mark.anyio

OTHER = advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high")


async def flipped(at: Desk) -> str:
    """An image that a new advisory brought out of compliance; answers its digest."""
    digest = at.push("1.0", SHOP)
    await kept(at, NO_HIGH)
    await at.advise(OTHER)
    await at.work()
    await at.add("1.0")
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC)
    await at.work()
    return digest


@furnished_by(flipped)
async def test_a_flip_is_explained_with_its_cause_and_what_came(at: Desk) -> None:
    digest = at.found
    newest, first = (await at.get(f"/images/{digest}/changes"))["items"]
    assert (first["before"], first["cause"], first["after"]["verdict"]) == (None, None, "go")
    assert (newest["before"]["verdict"], newest["after"]["verdict"]) == ("go", "stop")
    cause = newest["cause"]
    assert (cause["kind"], cause["subject"], cause["before"], cause["after"]) == (
        "advisory",
        "CVE-2026-1",
        "not known",
        "known",
    )
    assert [(each["rule"], each["action"]) for each in newest["gained"]] == [("no-high", "stop")]
    assert (newest["gained_count"], newest["lost_count"], newest["lost"]) == (1, 0, [])
    (told,) = newest["told"]
    assert (told["kind"], told["outcome"], bool(told["why"]), told["receivers"]) == (
        "compliance.lost",
        "suppressed",
        True,
        [],
    )


@furnished_by(flipped)
async def test_verdicts_that_say_the_same_are_no_change(at: Desk) -> None:
    digest = at.found
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC, advisory("CVE-2026-7", affected("debian:13", "libc6", "deb", "2"), severity="high"))
    await at.work()
    assert len((await at.get(f"/images/{digest}/changes"))["items"]) == 2


@furnished_by(flipped)
async def test_changes_come_in_pages_and_by_policy(at: Desk) -> None:
    digest = at.found
    await kept(at, NOT_ROOT, environment="production")
    await at.work()
    whole = (await at.get(f"/images/{digest}/changes"))["items"]
    assert len(whole) == 3
    page = await at.get(f"/images/{digest}/changes?limit=1")
    some = list(page["items"])
    while page["next"]:
        page = await at.get(f"/images/{digest}/changes?limit=1&cursor={page['next']}")
        some += page["items"]
    assert some == whole
    (only,) = (await at.get(f"/images/{digest}/changes?policy=users"))["items"]
    assert (only["after"]["policy"], only["environment"]) == ("users", "production")


@furnished_by(flipped)
async def test_a_policy_that_takes_anothers_place_is_the_cause(at: Desk) -> None:
    digest = at.found
    await kept(at, NO_HIGH.replace("name: weaknesses", "name: lenient").replace("action: stop", "action: warn"))
    await at.work()
    newest, *_ = (await at.get(f"/images/{digest}/changes"))["items"]
    assert (newest["before"]["policy"], newest["after"]["policy"]) == ("weaknesses", "lenient")
    assert (newest["cause"]["kind"], newest["cause"]["subject"]) == ("policy", "lenient")


@furnished_by(flipped)
async def test_people_read_what_made_it_flip(at: Desk) -> None:
    digest = at.found
    newest, first = (await at.get(f"/images/{digest}/changes"))["items"]
    text = "\n".join(lines_of(newest))
    assert "go to stop (policy weaknesses 1)" in text
    assert "cause    advisory" in text
    assert "CVE-2026-1" in text
    assert "not known, then known" in text
    assert "+ stop no-high: libc6 2.41-12" in text
    assert "compliance.lost: nobody: " in text
    assert "go, the first verdict" in "\n".join(lines_of(first))


@furnished_by(flipped)
async def test_accounts_see_their_own_changes_only(at: Desk) -> None:
    digest = at.found
    await at.post("/accounts", {"name": "second"})
    await at.get(f"/images/{digest}/changes", "second", status=404)


def test_the_command_line_explains_a_policy_that_took_effect() -> None:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-explain-"))
        server = stack.enter_context(running_server())
        program = program_in(folder / "run")

        def ask(*words: str) -> Ran:
            return program(*words, env=server.environment(), seconds=120)

        def keep(action: str) -> None:
            text = folder / "policy.yaml"
            text.write_text(NOT_ROOT.replace("action: stop", f"action: {action}"))
            assert ask("policy", "add", str(text)).status == 0
            assert ask("policy", "activate", "users").status == 0

        keep("warn")
        archive = write_docker_archive(folder / "image.tar", [docker_files(["shop:1"])])
        ran = ask("image", "upload", str(archive), "--reference", "shop.example/team/shop:1", "--wait", "-o", "json")
        assert ran.status == 0, ran.err
        keep("stop")
        name = "shop.example/team/shop:1"
        until(lambda: "warn to stop" in ask("explain-change", name).text, 60, "the other verdict")
        text = ask("explain-change", name, "--limit", "1").text
        assert "(policy users 2)" in text
        assert "cause    policy: Another policy is in force: users." in text
        assert "+ stop no-root" in text
        (newest, first) = ask("explain-change", name, "-o", "json").document
        assert (newest["after"]["verdict"], first["before"]) == ("stop", None)
        assert ask("explain-change", name, "--policy", "other").text == "nothing changed\n"
        assert ask("explain-change", "shop.example/team/absent:1").status == 2
