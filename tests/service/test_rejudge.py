"""A snapshot says something else of packages: verdicts that are sums come out as if every image had been judged anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.schema import Cover
from hullmark.model.advisory import Exploitability, KevEntry, Range, Record
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.judging import judge
from hullmark.server.stories.rollout.adopt import adopt
from hullmark.server.stories.rollout.settle import forget_changes, settle_some
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.judging import verdicts
from tests.support.database import fresh_database
from tests.support.desk import Desk, desk, status_file
from tests.support.desk_copies import DeskCopies
from tests.support.matching import WHOLE, advisory, affected

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: exploited, gate: vulnerabilities, trigger: found, action: stop, params: {exploited: true}}
  - id: critical
    gate: vulnerabilities
    trigger: found
    action: stop
    params: {severity: critical, fix: [fixed], unrated: ignore}
  - {id: high, gate: vulnerabilities, trigger: found, action: warn, params: {severity: high, unrated: ignore}}
  - {id: likely, gate: vulnerabilities, trigger: found, action: stop, params: {epss: "0.6", unrated: ignore}}
  - {id: old, gate: vulnerabilities, trigger: stale_data, action: warn, when_unknown: go, params: {max_days: 3000}}
  - {id: root, gate: config, trigger: user, action: warn, params: {not_root: true}}
"""

TIMELESS = POLICY.replace("  - {id: old,", "  # - {id: old,")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.fixture
async def shop_at(copies: DeskCopies, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose images are judged by the policy, with the advisories of before."""
    async with copies.desk(tmp_path, shop) as found:
        yield found


def deb(id: str, name: str, below: str = "2", **more: Any) -> Record:
    return advisory(id, affected("debian:13", name, "deb", below), source="debian", **more)


FILLER = deb("CVE-2020-1", "nothing", severity="low")


async def rows(at: Desk, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        return await (await connection.execute(query, values)).fetchall()


async def in_force(at: Desk, text: str, **body: Any) -> None:
    name = (await at.post("/policies", {"text": text}))["name"]
    await at.post("/activations", {"policy": name, **body})


async def stored(at: Desk) -> dict[tuple[Any, ...], Any]:
    """All current verdicts: word, counts, and what their documents tell."""
    found: dict[tuple[Any, ...], Any] = {}
    for account, image in await rows(at, "SELECT DISTINCT account_id, image_id FROM verdict"):
        async with at.services.database.system() as connection:
            current = await verdicts.current(connection, account, image, shadows=True)
        for row in current:
            verdict = verdict_at(at.services.objects, row)
            key = (account, image, row.policy_id, row.environment, row.is_shadow)
            assert (row.verdict, row.stops) == (verdict.verdict.value, count(verdict, "stop")), key
            found[key] = told(row.verdict, row.stops, row.warns, verdict)
    return found


def told(word: str, stops: int, warns: int, verdict: Any) -> Any:
    findings = sorted(
        (finding.rule_id, finding.subject, finding.action.value, finding.message) for finding in verdict.findings
    )
    return (word, stops, warns, verdict.verdict.value, verdict.reason, findings)


def count(verdict: Any, action: str) -> int:
    return sum(finding.action.value == action and finding.allowlisted is None for finding in verdict.findings)


async def judged_anew(at: Desk) -> dict[tuple[Any, ...], Any]:
    """The same, as every image comes out if it is judged as a whole. Nothing is written."""
    found: dict[tuple[Any, ...], Any] = {}
    for account, image in await rows(at, "SELECT DISTINCT account_id, image_id FROM verdict"):
        async with at.services.database.system() as connection:
            standing = (await judge._standing(connection, account, [image]))[image]
        cases = {image: judge._cases(account, *standing, at.services.clock(), "test")}
        found_of = await asyncio.to_thread(judge._judge_all, at.services, at.snapshot_cache, cases, None)
        all_made = found_of[image]
        assert isinstance(all_made, list)
        for made in all_made:
            each = made.judged
            row = msgspec.structs.replace(standing.earlier.rows[0], document=each.document, changes=None)
            verdict = verdict_at(at.services.objects, row)
            key = (account, image, each.policy_id, each.environment, each.is_shadow)
            found[key] = told(each.verdict, each.stops, each.warns, verdict)
    return found


async def transitions(at: Desk) -> list[tuple[str, str, str, str, str]]:
    return [
        (str(kind), str(cause), f"{before}→{after}", str(image), str(subject))
        for kind, cause, before, after, image, subject in await rows(
            at,
            "SELECT t.kind, c.kind, t.before, t.after, t.image_id, c.subject FROM transition t JOIN cause c ON c.id = t.cause_id"
            " ORDER BY t.id",
        )
    ]


async def world(at: Desk, *images: tuple[str, ...]) -> list[str]:
    """Images with these packages, in version 1, judged."""
    digests = []
    for number, packages in enumerate(images):
        digests.append(at.push(str(number), status_file(*((name, "1") for name in packages))))
        await at.add(str(number))
    await at.work()
    return digests


async def advised(at: Desk, *records: Record, **more: Any) -> list[str]:
    """Have advisories count, and write what follows; nothing is judged as a whole. Answers the jobs that ran. `more` is what the feeds
    say of themselves."""
    await at.advise(FILLER, *records, **more)
    (number,) = (await rows(at, "SELECT max(id) FROM snapshot"))[0]
    await rows(at, "DELETE FROM procrastinate_jobs WHERE task_name = 'adopt' RETURNING id")
    await adopt(at.services, at.snapshot_cache, number)
    return [
        str(name)
        for (name,) in await rows(at, "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
    ]


async def test_counts_and_findings_are_those_of_judging_anew(at: Desk) -> None:
    await in_force(at, POLICY)
    await at.advise(FILLER)
    await at.work()
    await world(at, ("a", "b"), ("b",), ("c",))
    jobs = await advised(at, deb("CVE-2026-1", "a", severity="critical"), deb("CVE-2026-2", "b", severity="high"))
    assert not {"judge", "judge_some"} & set(jobs)
    assert await stored(at) == await judged_anew(at)
    assert await transitions(at) == [("compliance.lost", "advisory", "warn→stop", "1", "CVE-2026-1")]


CRITICAL = deb("CVE-2026-1", "a", severity="critical")
STEPS: dict[str, tuple[tuple[Record, ...], tuple[Record, ...], list[tuple[str, str, str]]]] = {
    "it is gone": ((CRITICAL,), (), [("compliance.regained", "retraction", "stop→warn")]),
    "it was withdrawn": (
        (CRITICAL,),
        (deb("CVE-2026-1", "a", severity="critical", withdrawn="2026-05-01"),),
        [("compliance.regained", "retraction", "stop→warn")],
    ),
    "it weighs less": (
        (CRITICAL,),
        (deb("CVE-2026-1", "a", severity="high"),),
        [("compliance.regained", "severity", "stop→warn")],
    ),
    "it weighs more": (
        (deb("CVE-2026-1", "a", severity="high"),),
        (CRITICAL,),
        [("compliance.lost", "severity", "warn→stop")],
    ),
    "there is a fix": (
        (deb("CVE-2026-1", "a", "", severity="critical"),),
        (CRITICAL,),
        [("compliance.lost", "fix", "warn→stop")],
    ),
    "there is a fix of what it is held against": (
        (KevEntry(cve="CVE-2026-1", source="kev", added="2026-01-31"), deb("CVE-2026-1", "a", "", severity="low")),
        (KevEntry(cve="CVE-2026-1", source="kev", added="2026-01-31"), deb("CVE-2026-1", "a", severity="low")),
        [("fix.available", "fix", "stop→stop")],
    ),
    "it comes to be exploited": (
        (deb("CVE-2026-1", "a", severity="low"),),
        (deb("CVE-2026-1", "a", severity="low"), KevEntry(cve="CVE-2026-1", source="kev", added="2026-01-31")),
        [("compliance.lost", "exploitation", "warn→stop")],
    ),
    "its score reaches what the policy asks for": (
        (deb("CVE-2026-1", "a", severity="low"), Exploitability("CVE-2026-1", 0.5, 0.9, "2026-04-30")),
        (deb("CVE-2026-1", "a", severity="low"), Exploitability("CVE-2026-1", 0.65, 0.9, "2026-05-01")),
        [("compliance.lost", "exploitation", "warn→stop")],
    ),
    "its score moves, and nobody asks": (
        (deb("CVE-2026-1", "a", severity="low"), Exploitability("CVE-2026-1", 0.2, 0.9, "2026-04-30")),
        (deb("CVE-2026-1", "a", severity="low"), Exploitability("CVE-2026-1", 0.4, 0.9, "2026-05-01")),
        [],
    ),
    "something else is said of what nobody holds": (
        (CRITICAL,),
        (CRITICAL, deb("CVE-2026-2", "z", severity="critical")),
        [],
    ),
}


@pytest.mark.parametrize("step", STEPS)
async def test_what_a_snapshot_says_differently_is_told_once_with_its_cause(
    copies: DeskCopies, tmp_path: Path, step: str
) -> None:
    before, after, expected = STEPS[step]
    async with copies.desk(tmp_path, two_images, before) as at:
        await says_differently(at, after, expected)


async def two_images(at: Desk, before: tuple[Record, ...]) -> None:
    """Two images that are judged with the advisories of before."""
    await in_force(at, TIMELESS)
    await at.advise(FILLER, *before)
    await at.work()
    await world(at, ("a", "b"), ("b",))


async def says_differently(at: Desk, after: tuple[Record, ...], expected: list[tuple[str, str, str]]) -> None:
    """The next snapshot says something else: what is told of it."""
    count = (await rows(at, "SELECT count(*) FROM verdict_history"))[0]
    assert not {"judge", "judge_some"} & set(await advised(at, *after))
    assert [told[:3] for told in await transitions(at)] == expected
    assert await stored(at) == await judged_anew(at)
    assert expected or (await rows(at, "SELECT count(*) FROM verdict_history"))[0] == count
    assert await advised(at, *after, deb("CVE-2026-3", "y")) == await advised(at, *after)
    assert len(await transitions(at)) == len(expected)


async def test_feeds_that_are_whole_no_more_keep_rules_from_telling_until_they_are_again(at: Desk) -> None:
    await in_force(at, TIMELESS)
    await at.advise(FILLER, CRITICAL)
    await at.work()
    await world(at, ("a",), ("b",), ())
    steps = ((False, "warn"), (True, "unknown"), (True, "unknown"), (False, "warn"), (True, "unknown"))
    for number, (is_partial, word) in enumerate(steps):
        await advised(at, CRITICAL, deb(f"CVE-2026-{number + 10}", "z"), is_partial=is_partial)
        anew = await judged_anew(at)
        await at.work()
        assert await stored(at) == anew
        assert [told[0] for _, told in sorted(anew.items())] == ["stop", word, "unknown"], (
            "the third says what it is only"
        )


async def test_where_it_is_known_no_more_what_is_exploited_rules_that_ask_cannot_tell(at: Desk) -> None:
    low = deb("CVE-2026-2", "a", severity="low")
    await in_force(at, TIMELESS)
    await at.advise(FILLER, low)
    await at.work()
    await world(at, ("a",), ("b",))
    for number, (covers, word) in enumerate(
        (((Cover("*", 0),), "unknown"), (WHOLE, "warn"), ((Cover("*", 0),), "unknown"))
    ):
        await advised(at, low, deb(f"CVE-2026-{number + 10}", "z"), covers=covers)
        await at.work()
        assert [told[0] for _, told in sorted((await stored(at)).items())] == [word, "warn"]
        assert await stored(at) == await judged_anew(at)


async def test_where_rules_cannot_tell_a_verdict_names_those_that_stop(at: Desk) -> None:
    likely = (deb("CVE-2026-2", "a", severity="low"), Exploitability("CVE-2026-2", 0.7, 0.9, "2026-05-01"))
    await in_force(at, TIMELESS)
    await at.advise(FILLER, CRITICAL, is_partial=True)
    await at.work()
    await world(at, ("a",))
    assert not {"judge", "judge_some"} & set(await advised(at, *likely, is_partial=True))
    assert await stored(at) == await judged_anew(at)
    ((word, *_, reason, _),) = (await stored(at)).values()
    assert (word, reason) == ("stop", "1 finding to stop for, by rule likely")
    assert await rows(at, "SELECT reason FROM verdict") == [("1 finding to stop for",)]


async def test_the_first_advisories_are_told_to_nobody(at: Desk) -> None:
    await in_force(at, POLICY)
    await world(at, ("a",))
    await at.advise(FILLER, CRITICAL)
    await at.work()
    assert await transitions(at) == []
    assert [told[0] for told in (await stored(at)).values()] == ["stop"]


async def test_what_was_added_to_is_settled_and_nobody_hears_of_it(at: Desk) -> None:
    await shop(at, TIMELESS)
    assert not {"judge", "judge_some"} & set(await advised(at, *NEWS))
    told, anew = await transitions(at), await judged_anew(at)
    history = await rows(at, "SELECT id, verdict, stops, warns FROM verdict_history ORDER BY id")
    await at.work()
    while await settle_some(at.services):
        await at.work()
    left = "SELECT id FROM verdict_history JOIN verdict ON history_id = id WHERE changes IS NOT NULL"
    assert await rows(at, left) == []
    assert await rows(at, "SELECT id, verdict, stops, warns FROM verdict_history ORDER BY id") == history
    assert (await stored(at), await transitions(at)) == (anew, told)
    await forget_changes(at.services)
    assert len(await rows(at, "SELECT id FROM finding_change")) == 5, "verdicts before the last ones refer to some"
    await rows(at, "DELETE FROM verdict_history WHERE changes IS NOT NULL RETURNING id")
    await forget_changes(at.services)
    assert await rows(at, "SELECT id FROM finding_change") == []


async def test_what_comes_while_verdicts_are_written_is_right(shop_at: Desk) -> None:
    """An image, an exception and a policy that come half-way, and a newer snapshot before all of it is carried out."""
    at = shop_at
    await at.post("/accounts", {"name": "other"})
    await at.advise(FILLER, *NEWS)
    whole = at.services.database
    at.services.database = Fragile(whole, 9)  # type: ignore[assignment]  # its transactions
    with pytest.raises((Stopped, ExceptionGroup)):
        await adopt(at.services, at.snapshot_cache, 2)
    at.services.database = whole
    await rows(at, "DELETE FROM procrastinate_jobs WHERE task_name = 'adopt' RETURNING id")
    at.push("9", status_file(("a", "1"), ("c", "1")))
    await at.add("9")
    await at.add("1", account="other")
    excepted = {"rule": "critical", "subject": "CVE-2026-2+*", "expires": "2027-01-01", "owner": "o", "reason": "r"}
    await at.post("/exceptions", excepted)
    name = (await at.post("/policies", {"text": STRICT}, account="other"))["name"]
    await at.post("/activations", {"policy": name}, account="other")
    await at.work()
    await at.advise(FILLER, *BEFORE, CRITICAL)
    await at.work()
    assert await stored(at) == await judged_anew(at)
    assert (await rows(at, "SELECT snapshot_id, carried_out_id FROM matching")) == [(3, 3)]


class Stopped(Exception):
    """The process ends here."""


class Fragile:
    """A database whose user dies as the n-th transaction is about to end."""

    def __init__(self, database: Database, at: int) -> None:
        self.database = database
        self.left = at

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        async with self.database.system() as connection:
            yield connection
            self.left -= 1
            if self.left == 0:
                raise Stopped


NEWS = (
    deb("CVE-2026-1", "a", severity="critical"),
    deb("CVE-2026-2", "b", severity="critical"),
    KevEntry(cve="CVE-2026-5", source="kev", added="2026-01-31"),
    deb("CVE-2026-5", "c", "", severity="low"),
    deb("CVE-2026-6", "d", severity="high"),
    Exploitability("CVE-2026-7", 0.7, 0.99, "2026-05-01"),
    deb("CVE-2026-7", "a", "", severity="low"),
)
BEFORE = (
    deb("CVE-2026-5", "c", "", severity="low"),
    deb("CVE-2026-9", "e"),
    deb("CVE-2026-7", "a", "", severity="low"),
)


async def shop(at: Desk, text: str = POLICY) -> None:
    await in_force(at, text)
    await at.advise(FILLER, *BEFORE)
    await at.work()
    await world(at, ("a", "b"), ("b", "c"), ("c",), ("d", "e"), ("e",))


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)], ids=["some points", "every point"])
async def test_stopped_at_any_point_it_comes_to_the_same_end(copies: DeskCopies, tmp_path: Path, stride: int) -> None:
    ends: list[Any] = []
    for number in range(2):
        async with copies.desk(tmp_path / str(number), shop) as at:
            await at.advise(FILLER, *NEWS)
            whole, stops = at.services.database, 0
            while number:
                stops += stride
                at.services.database = Fragile(whole, stops)  # type: ignore[assignment]  # its transactions
                try:
                    await adopt(at.services, at.snapshot_cache, 2)
                    break
                except (Stopped, ExceptionGroup):
                    continue
            at.services.database = whole
            assert number == 0 or stops > 10
            for _ in range(2):
                await adopt(at.services, at.snapshot_cache, 2)
            assert await stored(at) == await judged_anew(at)
            assert (
                await rows(at, "SELECT * FROM match_change UNION ALL SELECT id, 0, 0, 0, '', 0, '', '' FROM wave") == []
            )
            assert await rows(at, "SELECT DISTINCT is_complete FROM cause") == [(True,)]
            history = await rows(
                at, "SELECT image_id, verdict, stops, warns, cause FROM verdict_history ORDER BY image_id, id"
            )
            ends.append((await transitions(at), history))
    assert sorted(ends[0][0]) == sorted(ends[1][0])
    assert ends[0][1] == ends[1][1]
    assert [each[:3] for each in ends[0][0]] == [
        ("compliance.lost", "exploitation", "warn→stop"),
        ("compliance.lost", "exploitation", "warn→stop"),
        ("compliance.lost", "advisory", "warn→stop"),
        ("finding.new", "advisory", "stop→stop"),
        ("finding.new", "advisory", "stop→stop"),
        ("finding.worse", "exploitation", "stop→stop"),
    ]


# Whatever two snapshots say

STRICT = """
schema: hullmark-policy/1
name: strict
version: 1
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high}}
  - {id: risky, gate: vulnerabilities, trigger: found, action: warn, params: {risk: 60, unrated: ignore}}
  - {id: share, gate: vulnerabilities, trigger: found, action: warn, params: {epss_percentile: "0.9", unrated: ignore}}
  - {id: listed, gate: vulnerabilities, trigger: listed, action: stop, params: {ids: ["CVE-2026-1", "GHSA-*"]}}
  - {id: lasting, gate: vulnerabilities, trigger: found, action: stop, params: {fixed_for_days: 30, unrated: ignore}}
"""
STAGED = """
schema: hullmark-policy/1
name: staged
version: 1
rule_sets:
  soon:
    stage: warn
    rules:
      - {id: high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
      - {id: told, gate: vulnerabilities, trigger: no_data, action: warn}
  later:
    stage: shadow
    rules:
      - {id: any, gate: vulnerabilities, trigger: found, action: stop}
"""
GRACEFUL = """
schema: hullmark-policy/1
name: graceful
version: 1
grace: {days: 30}
rules:
  - {id: high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""
BUNDLE = """
{"id": "b", "name": "bundle", "version": "1_0", "comment": "", "blacklisted_images": [], "whitelisted_images": [], "whitelists": [],
 "mappings": [{"id": "m", "name": "all", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"},
               "policy_id": "p", "whitelist_ids": []}],
 "policies": [{"id": "p", "name": "p", "version": "1_0", "comment": "", "rules": [
   {"id": "r1", "gate": "vulnerabilities", "trigger": "package", "action": "STOP", "params": [
     {"name": "package_type", "value": "all"}, {"name": "severity_comparison", "value": ">="}, {"name": "severity", "value": "high"}]}]}]}
"""
TEXTS = (POLICY, STRICT, STAGED, GRACEFUL, BUNDLE)
NAMES = ("a", "b", "c", "d", "python3-foo", "foo")
SEVERITIES = ("unknown", "low", "high", "critical")


class Said(msgspec.Struct, frozen=True):
    """What a snapshot says of one vulnerability."""

    packages: tuple[str, ...]
    severity: str
    fix: str
    score: float | None
    exploited: bool
    alias: bool
    unread: bool

    def records(self, number: int) -> list[Record]:
        cve = f"CVE-2026-{number}"
        found: list[Record] = []
        if self.packages:
            parts = [
                affected("pypi", name, "pep440", self.fix)
                if name == "foo"
                else affected("debian:13", name, "deb", self.fix)
                for name in self.packages
            ]
            aliases = (f"DSA-{number}-1",) if self.alias else ()
            if self.unread:
                doubt = {"kind": "unknown", "ranges": (Range(),), "note": "it cannot be read"}
                parts = [msgspec.structs.replace(part, **doubt) for part in parts]
            found.append(advisory(cve, *parts, source="debian", severity=self.severity, aliases=aliases))
        if self.score is not None:
            found.append(Exploitability(cve, self.score, min(1.0, self.score * 1.2), "2026-05-01"))
        if self.exploited:
            found.append(KevEntry(cve=cve, source="kev", added="2026-01-31"))
        return found


def records_of(said: list[Said]) -> Iterator[Record]:
    for number, each in enumerate(said):
        yield from each.records(number)


def files_of(packages: tuple[str, ...]) -> dict[str, bytes]:
    """An image's files. Debian's package of foo owns one that came with pip; where both are, there is another that nobody owns."""
    found = status_file(*((name, "1") for name in packages if name != "foo"))
    place = "python3.11/site-packages/foo-1.dist-info/METADATA"
    if "python3-foo" in packages:
        found["var/lib/dpkg/info/python3-foo.list"] = f"/usr/lib/{place}\n".encode()
        found[f"usr/lib/{place}"] = FOO
    if "foo" in packages:
        found[f"opt/lib/{place}"] = FOO
    return found


FOO = b"Metadata-Version: 2.1\nName: foo\nVersion: 1\n"
SAID = st.builds(
    Said,
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    st.sampled_from(SEVERITIES),
    st.sampled_from(("", "2", "0.5")),
    st.sampled_from((None, 0.05, 0.3, 0.7, 0.95)),
    st.booleans(),
    st.booleans(),
    st.sampled_from((False, False, True)),
)
STEP = st.tuples(st.lists(SAID, min_size=4, max_size=4), st.sampled_from((True, True, False)))
"""What a snapshot says of four vulnerabilities, and whether its feeds are whole."""
SNAPSHOTS = st.lists(STEP, min_size=2, max_size=4)
IMAGES = st.lists(st.lists(st.sampled_from(NAMES), max_size=4, unique=True).map(tuple), min_size=2, max_size=4)
EXCEPTIONS = st.lists(
    st.fixed_dictionaries(
        {
            "rule": st.sampled_from(("critical", "severe", "high", "exploited")),
            "subject": st.sampled_from(("CVE-2026-1+*", "*/a@*", "*")),
            "expires": st.sampled_from(("2026-04-30", "2026-05-20", "2027-01-01")),
            "images": st.sampled_from(("*", "*:0", "*:9")),
            "owner": st.just("o"),
            "reason": st.just("r"),
        }
    ),
    max_size=2,
)


Anything = tuple[list[tuple[str, ...]], list[tuple[list[Said], bool]], list[dict[str, str]], list[str]]
"""Images, what snapshots say one after the other (and whether they are partial), exceptions, and policies."""

ANYTHING = st.tuples(
    IMAGES, SNAPSHOTS, EXCEPTIONS, st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True)
)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=2, phases=PHASES)
@given(ANYTHING)
def test_whatever_snapshots_say_all_verdicts_are_those_of_judging_anew(
    database_server: str, anything: Anything
) -> None:
    _comes_to_judging_anew(database_server, *anything)


@pytest.mark.slow
@settings(max_examples=12, phases=PHASES)
@given(ANYTHING)
def test_whatever_many_snapshots_say_all_verdicts_are_those_of_judging_anew(
    database_server: str, anything: Anything
) -> None:
    _comes_to_judging_anew(database_server, *anything)


def _comes_to_judging_anew(
    database_server: str,
    images: list[tuple[str, ...]],
    said: list[tuple[list[Said], bool]],
    exceptions: list[dict[str, str]],
    texts: list[str],
) -> None:
    async def story() -> None:
        with TemporaryDirectory(prefix="hm-rejudge-") as folder:
            async with desk(fresh_database(database_server), Path(folder)) as at:
                await _compared(at, images, said, exceptions, texts)

    asyncio.run(story())


async def _compared(
    at: Desk,
    images: list[tuple[str, ...]],
    said: list[tuple[list[Said], bool]],
    exceptions: list[dict[str, str]],
    texts: list[str],
) -> None:
    await at.post("/accounts", {"name": "other"})
    await in_force(at, POLICY)
    await in_force(at, STRICT, shadow=True)
    for text in texts:
        name = (await at.post("/policies", {"text": text}, account="other"))["name"]
        await at.post("/activations", {"policy": name, "environment": name}, account="other")
    for exception in exceptions:
        await at.post("/exceptions", exception)
        await at.post("/exceptions", exception, account="other")
    for number, packages in enumerate(images):
        at.push(str(number), files_of(packages))
        await at.add(str(number))
        await at.add(str(number), account="other")
    first, is_whole = said[0]
    await at.advise(FILLER, *records_of(first), is_partial=not is_whole)
    await at.work()
    for step, is_whole in said[1:]:
        before = await words(at)
        (last,) = (await rows(at, "SELECT coalesce(max(id), 0) FROM transition"))[0]
        await advised(at, *records_of(step), is_partial=not is_whole)
        anew = await judged_anew(at)
        left = set(
            await rows(
                at, "SELECT account_id, image_id, policy_id, environment, is_shadow FROM verdict WHERE is_awaiting"
            )
        )
        known = await stored(at)
        different = {key: (known[key], anew.get(key)) for key in known.keys() - left if known[key] != anew.get(key)}
        assert different == {}
        await at.work()
        assert await stored(at) == anew
        assert await judged_anew(at) == anew
        await _flips(at, before, await words(at), int(last))


async def words(at: Desk) -> dict[tuple[Any, ...], str]:
    """Current verdicts in force, by account, image, policy and environment."""
    found = await rows(
        at, "SELECT account_id, image_id, policy_id, environment, verdict FROM verdict WHERE NOT is_shadow"
    )
    return {row[:4]: str(row[4]) for row in found}


async def _flips(at: Desk, before: dict[tuple[Any, ...], str], after: dict[tuple[Any, ...], str], last: int) -> None:
    """Each image that came out of compliance, or back in, is told so once, and no other."""
    flips = [
        (*key, "compliance.lost" if word in PASSES else "compliance.regained")
        for key, word in before.items()
        if (word in PASSES) is not (after[key] in PASSES)
    ]
    told = await rows(
        at,
        "SELECT account_id, image_id, policy_id, environment, kind FROM transition WHERE id > %s AND kind LIKE 'compliance.%%'",
        last,
    )
    assert sorted(told) == sorted(flips)


PASSES = ("go", "warn")
