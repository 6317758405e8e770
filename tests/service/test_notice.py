"""Told at once, once, and why: a server of real processes, a real registry, the real advisories in two steps, and people who listen.

What is to be told is worked out beside the server, by `hullmark vulns` on the same images with both snapshots, and by their settings.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.notify.webhook import signature
from hullmark.server.stories.judging.deadlines import judge_due
from hullmark.server.stories.notice.deliver import wake_due
from tests.support.advisories import advisory_files
from tests.support.desk import Desk, desk, status_file
from tests.support.heard import Ears, Told
from tests.support.mailbox import mailbox
from tests.support.matching import advisory, affected
from tests.support.places import REPOSITORY, corpus, layouts
from tests.support.processes import PASSWORD, Client, Server, docker_registry, forked_server, place, push, until
from tests.support.program import Program, program_in
from tests.support.receiver import Receiver

pytestmark = pytest.mark.slow

FEEDS = ("secdb.alpinelinux.org", "security-tracker.debian.org", "raw.githubusercontent.com")
HELD_BACK = "www.cisa.gov"
PAGE = REPOSITORY / "docs" / "how-to" / "be-told.md"
GLIBC = "CVE-2023-4911"
TRACKER = "security-tracker.debian.org/tracker/data/json"
SECDB = "secdb.alpinelinux.org/v3.15/main.json"
MOVING, MOVED_TO = "rpm-ndb", "debian-slim"
SHOP = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: exploited, gate: vulnerabilities, trigger: found, action: stop, when_unknown: go, params: {exploited: true}}
"""
USERS = SHOP + "  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}\n"
KIOSK = SHOP.replace("name: shop", "name: kiosk").replace("true}}", "true, types: [apk]}}")
LOST, REGAINED = "compliance.lost", "compliance.regained"


@dataclass
class World:
    """A server, and who listens to two of its accounts. `images`: layouts by reference; `held`: what the second account has."""

    server: Server
    client: Client
    second: Client
    registry: str
    www: Path
    program: Program
    ears: Ears
    other: Receiver
    images: dict[str, Path]
    moved_to: Path
    held: set[str] = field(default_factory=set)
    sboms: dict[str, Path] = field(default_factory=dict)
    is_listed: bool = False

    @property
    def names(self) -> set[str]:
        """All references that messages may name."""
        return set(self.images)

    def settled(self) -> None:
        """Wait until nothing is left to be done, decided or sent, nor after duties have looked, which they do every half second."""
        until(lambda: self.server.rows(_LEFT) == [(0,)], 120, "rest")
        time.sleep(0.6)
        until(lambda: self.server.rows(_LEFT) == [(0,)], 120, "rest")

    def heard(self) -> list[Told]:
        """What came since the last time, once all is settled."""
        self.settled()
        found = self.ears.heard(self.names)
        self.ears.forget()
        return found

    def update(self, **options: bool) -> None:
        """Fetch the feeds, and wait for all that follows."""
        operator = self.server.client
        before = operator.must("GET", "/api/v1/advisories")["last_update"]["ended_at"]
        operator.must("POST", "/api/v1/advisories/update", options)
        until(lambda: operator.must("GET", "/api/v1/advisories")["last_update"]["ended_at"] not in (before, None), 120)
        last = operator.must("GET", "/api/v1/advisories")["last_update"]
        assert last["reason"] == "", last

    def exploited(self) -> dict[str, dict[str, set[str]]]:
        """By what the server's snapshot says: the vulnerabilities of each image that are known to be exploited, by package type."""
        current = Shelf(self.server.folder / "data" / "advisories").current()
        assert current is not None
        return {reference: self._exploited(reference, current[0]) for reference in self.images}

    def _exploited(self, reference: str, snapshot: Path) -> dict[str, set[str]]:
        if reference not in self.sboms:
            self.sboms[reference] = self.program.place / f"{len(self.sboms)}.json"
            scanned = self.program("scan", f"oci-dir:{self.images[reference]}", "-o", "json", seconds=120)
            self.sboms[reference].write_bytes(json.dumps(scanned.document).encode())
        asked = self.program("vulns", f"sbom:{self.sboms[reference]}", "--snapshot", snapshot, "-o", "json")
        found: dict[str, set[str]] = {}
        for match in asked.document["matches"]:
            if match["advisory"]["kev"] and not match["suppressed"] and match["kind"] != "cpe":
                kind = match["package"].removeprefix("pkg:").partition("/")[0]
                found.setdefault(kind, set()).add(match["advisory"]["cve"] or match["advisory"]["id"])
        return found

    def listed(self) -> None:
        """Have the feed count that was held back, whoever is told of it."""
        if not self.is_listed:
            shutil.copytree(advisory_files() / HELD_BACK, self.www / HELD_BACK)
            self.update()
            self.is_listed = True

    def in_force(self, policy: str) -> None:
        """Put a policy's text in force."""
        kept = self.client.must("POST", "/api/v1/policies", {"text": policy})
        self.client.must("POST", "/api/v1/activations", {"policy": kept["name"]})


_LEFT = """
SELECT (SELECT count(*) FROM procrastinate_jobs) + (SELECT count(*) FROM transition WHERE routed_at IS NULL)
    + (SELECT count(*) FROM message WHERE state IN ('gathering', 'waiting'))
"""


def mirror(folder: Path) -> Path:
    """The real data of some feeds; besides, two vulnerabilities that are exploited are said to be in what the images hold."""
    www = folder / "www"
    for part in FEEDS:
        shutil.copytree(advisory_files() / part, www / part)
    said = json.loads((www / TRACKER).read_bytes())
    release = {"status": "resolved", "repositories": {}, "fixed_version": "2.99-1", "urgency": "high"}
    said["glibc"] = {GLIBC: {"scope": "local", "description": "A buffer overflow.", "releases": {"trixie": release}}}
    (www / TRACKER).write_text(json.dumps(said))
    said = json.loads((www / SECDB).read_bytes())
    said["packages"].append({"pkg": {"name": "busybox", "secfixes": {"1.99.0-r0": ["CVE-2021-4034"]}}})
    (www / SECDB).write_text(json.dumps(said))
    return www


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Some images, certified by what is known before a feed comes that is held back."""
    if shutil.which("docker-registry") is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    built = layouts((MOVING, MOVED_TO, "apk-image", "rpm-image", "distroless", "nginx", "ruby-app"), 5)
    if not {MOVING, MOVED_TO} <= built.keys():
        pytest.skip(f"the corpus images {MOVING} and {MOVED_TO} were not built")
    moved_to = built.pop(MOVED_TO)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place())
        www = mirror(folder)
        host = stack.enter_context(docker_registry(folder / "registry"))
        images = {push(layout, host, _name(name)): layout for name, layout in built.items()}
        hook, other = (stack.enter_context(Receiver().running()) for _ in range(2))
        chat = stack.enter_context(Receiver(status=200, body=b"ok").running())
        box = stack.enter_context(mailbox())
        settings = {
            "HULLMARK_FEEDS": str(www),
            "HULLMARK_SMTP": f"smtp://127.0.0.1:{box.port}",
            "HULLMARK_MAIL_FROM": "hullmark@example.org",
            "HULLMARK_STALE_AFTER": "9999999999",
        }
        running = stack.enter_context(forked_server(folder, **settings))
        running.start()
        running.ready()
        program = program_in(folder / "run")
        ears = Ears(hook, chat, box)
        second = _second(running, program)
        made = World(running, running.client, second, host, www, program, ears, other, images, moved_to)
        _prepare(made)
        yield made


def _name(image: str) -> str:
    return f"corpus/{'moving' if image == MOVING else image}:1"


def _second(running: Server, program: Program) -> Client:
    """The administrator of another account."""
    running.client.must("POST", "/api/v1/accounts", {"name": "second"})
    who = {
        "HULLMARK_SERVER": f"http://127.0.0.1:{running.port}",
        "HULLMARK_USER": "admin",
        "HULLMARK_PASSWORD": PASSWORD,
    }
    ran = program("key", "add", "admin", "--role", "admin", env={**who, "HULLMARK_ACCOUNT": "second"})
    assert ran.status == 0, ran.err
    return Client("127.0.0.1", running.port, ran.text.strip())


def _prepare(world: World) -> None:
    world.client = world.client.signed_in()
    until(
        lambda: world.server.rows("SELECT count(*) FROM snapshot WHERE adopted_at IS NOT NULL") == [(1,)],
        120,
        "advisories",
    )
    world.client.prepare(world.registry, _file(world, SHOP))
    world.second.prepare(world.registry, _file(world, KIOSK))
    digests = {world.client.add(reference) for reference in world.images}
    assert len(digests) == len(world.images)
    until(lambda: world.client.verdicts().keys() == digests, 180, "the verdicts")
    assert set(world.client.verdicts().values()) == {"go"}
    world.held = {reference for reference in world.images if "ruby" not in reference}
    for reference in world.held:
        world.second.add(reference)
    until(lambda: set(world.second.verdicts().values()) == {"go"}, 60, "the other verdicts")
    ways: dict[str, Any] = {"url": world.ears.hook.url}
    made = world.client.must("POST", "/api/v1/channels", {"name": "ops", "kind": "webhook", "settings": ways})
    world.ears.secret = made["secret"]
    ways = {"url": world.ears.chat.url}
    world.client.must("POST", "/api/v1/channels", {"name": "chat", "kind": "slack", "settings": ways})
    ways = {"to": ["ops@example.org"]}
    world.client.must("POST", "/api/v1/channels", {"name": "mail", "kind": "email", "settings": ways})
    ways = {"url": world.other.url}
    world.second.must("POST", "/api/v1/channels", {"name": "theirs", "kind": "webhook", "settings": ways})
    world.settled()


def _file(world: World, policy: str) -> Path:
    path = world.program.place / "policy.yaml"
    path.write_text(policy)
    return path


def all_of(exploited: dict[str, set[str]]) -> set[str]:
    """The vulnerabilities of all types of packages."""
    return set().union(*exploited.values())


def test_a_feed_that_was_held_back_tells_each_cause_once(world: World) -> None:
    before = world.exploited()
    assert not any(before.values())
    assert world.heard() == []
    assert world.other.received == []
    world.listed()
    found = world.heard()
    after = {reference: all_of(each) for reference, each in world.exploited().items()}
    flipped = {reference for reference, ids in after.items() if ids}
    assert len(flipped) >= 3, "many images by one cause"
    told = [(reference, kind) for each in found for reference, kind in each.items]
    assert sorted(reference for reference, kind in told if kind == LOST) == sorted(flipped)
    assert {kind for _, kind in told} <= {LOST, "finding.worse"}, "what else an image is held against now"
    pairs = sorted((reference, each.subject) for each in found for reference in each.references)
    assert pairs == sorted((reference, id) for reference, ids in after.items() for id in ids)
    for each in found:
        assert (each.kind, each.cause["after"].partition(",")[0]) == ("exploitation", "known to be exploited")
        for item in each.event["data"]["items"]:
            assert (item["before"], item["after"]) == ("go" if item["kind"] == LOST else "stop", "stop")
        assert {evidence["advisory"] for evidence in each.cause["evidence"]} >= {each.subject}
    assert {
        evidence["fix_version"] for each in found if each.subject == GLIBC for evidence in each.cause["evidence"]
    } == {"2.99-1"}

    # Another account judges the same images by a policy of its own.
    theirs = {reference for reference, by_type in world.exploited().items() if "apk" in by_type} & world.held
    items = [item for each in world.other.received for item in each.event["data"]["items"]]
    assert {item["reference"] for item in items} == theirs
    assert {(item["kind"], item["policy"]) for item in items} <= {(LOST, "kiosk")}
    assert {each.event["data"]["account"] for each in world.other.received} <= {"second"}


def test_what_says_nothing_new_is_not_told(world: World) -> None:
    world.listed()
    world.heard()
    world.update()
    world.update(anew=True)
    assert world.heard() == []

    # Another analyzer reads some of them again.
    chosen = [image["digest"] for image in world.client.images() if image["package_count"] < 100][:3]
    assert chosen
    world.server.rows(
        f"WITH old AS (UPDATE image SET fingerprint = 'of before' WHERE digest IN ({', '.join(map(repr, chosen))})"
        " RETURNING id) SELECT count(*) FROM old"
    )
    before = {image["digest"]: image["analysed_at"] for image in world.client.images()}
    for digest in chosen:
        world.client.must("POST", f"/api/v1/images/{digest}/analysis")
    until(lambda: _are_read_again(world, chosen, before), 120, "the analyses")
    assert world.heard() == []
    assert all(row == ("suppressed",) for row in world.server.rows(_BY_ANALYZER))


def _are_read_again(world: World, chosen: list[str], before: dict[str, str]) -> bool:
    return all(
        image["state"] == "analysed" and image["analysed_at"] != before[image["digest"]]
        for image in world.client.images()
        if image["digest"] in chosen
    )


_BY_ANALYZER = "SELECT DISTINCT outcome FROM transition JOIN cause ON cause.id = cause_id WHERE cause.kind = 'analyzer'"


def test_an_exception_that_begins_and_ends_is_one_cause_each(world: World) -> None:
    world.listed()
    world.heard()
    exploited = {reference: all_of(each) for reference, each in world.exploited().items()}
    exception = {
        "rule": "exploited",
        "subject": f"{GLIBC}+*",
        "expires": "2999-01-01",
        "owner": "anna",
        "reason": "rebuilt soon",
    }
    key = world.client.must("POST", "/api/v1/exceptions", exception)["id"]
    (began,) = world.heard()
    kinds = {
        reference: REGAINED if ids == {GLIBC} else "finding.retracted"
        for reference, ids in exploited.items()
        if GLIBC in ids
    }
    assert (began.kind, began.items) == ("exception", frozenset(kinds.items()))
    world.client.must("DELETE", f"/api/v1/exceptions/{key}")
    (ended,) = world.heard()
    kinds = {reference: LOST if kind == REGAINED else "finding.new" for reference, kind in kinds.items()}
    assert (ended.kind, ended.items) == ("exception", frozenset(kinds.items()))
    assert {item["fix_version"] for item in ended.cause["evidence"]} == {"2.99-1"}


def test_another_policy_is_one_cause(world: World) -> None:
    world.listed()
    world.heard()
    roots = {reference for reference, layout in world.images.items() if user_of(layout) in ("", "root", "0")}
    failing = {reference for reference, each in world.exploited().items() if each}
    world.in_force(USERS)
    (told,) = world.heard()
    kinds = {reference: "finding.new" if reference in failing else LOST for reference in roots}
    assert (told.kind, told.subject, told.items) == ("policy", "shop", frozenset(kinds.items()))
    world.in_force(SHOP)
    (told,) = world.heard()
    kinds = {reference: "finding.retracted" if reference in failing else REGAINED for reference in roots}
    assert (told.kind, told.subject, told.items) == ("policy", "shop", frozenset(kinds.items()))


def user_of(layout: Path) -> str:
    """Who an image runs as, as its configuration says it."""
    (named,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / named["digest"].partition(":")[2]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"].partition(":")[2]).read_bytes())
    return str(config["config"].get("User") or "")


def test_a_tag_that_moves_to_an_image_that_may_not_sail(world: World) -> None:
    world.listed()
    world.heard()
    moving = f"{world.registry}/corpus/moving:1"
    assert not world.exploited()[moving]
    (watch,) = world.client.must("GET", "/api/v1/watches?repository=corpus/moving")["items"]
    push(world.moved_to, world.registry, "corpus/moving:1")
    world.client.must("POST", f"/api/v1/watches/{watch['id']}/look")
    until(lambda: len(world.client.verdicts()) > len(world.images), 120, "the verdict on another image")
    (told,) = world.heard()
    world.images[moving] = world.moved_to
    del world.sboms[moving]
    assert all_of(world.exploited()[moving]) == {GLIBC}
    assert (told.kind, told.subject, told.items) == (
        "image",
        moving,
        frozenset({(moving, "tag.moved"), (moving, LOST)}),
    )


def test_an_advisory_that_is_withdrawn_is_told_to_those_who_heard_of_it(world: World) -> None:
    world.listed()
    world.heard()
    before = {reference: all_of(each) for reference, each in world.exploited().items()}
    said = json.loads((world.www / TRACKER).read_bytes())
    del said["glibc"]
    (world.www / TRACKER).write_text(json.dumps(said))
    world.update(accept_shrinking=True)
    (told,) = world.heard()
    after = {reference: all_of(each) for reference, each in world.exploited().items()}
    changed = {reference for reference in before if before[reference] != after[reference]}
    kinds = {reference: "finding.retracted" if after[reference] else REGAINED for reference in changed}
    assert (told.kind, told.subject, told.items) == ("retraction", GLIBC, frozenset(kinds.items()))


def test_the_page_for_people_says_what_is_so(world: World) -> None:
    corpus("oci", "apk-image")  # the page speaks of it
    world.listed()
    world.settled()
    world.second.must("DELETE", "/api/v1/channels/theirs")
    shop = next(each for each in world.held if "apk" in world.exploited()[each] or "corpus/apk-image" in each)
    there = {
        "https://hooks.example.com/hullmark": world.other.url,
        "registry.example.com/team/shop:1": shop,
        "2026-12-01T08:00:00Z": f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}T08:00:00Z",
    }
    variables = {"HULLMARK_SERVER": f"http://127.0.0.1:{world.server.port}", "HULLMARK_API_KEY": world.second.key}
    count = 0
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = command.splitlines()
            _, *words = shlex.split(line)
            given = f"{world.ears.chat.url}\n" if "--secret" in words else ""
            ran = world.program(*map(_filled(there), words), env=variables, given=given)
            assert ran.status == 0, (line, ran)
            printed = re.sub(" +", " ", ran.text)
            for each in map(_filled(there), shown):
                pattern = ".*".join(map(re.escape, re.sub(" +", " ", each).split("…")))
                assert re.search(pattern, printed), (line, each, ran.text)
            count += 1
    assert count == 18


def _filled(there: dict[str, str]) -> Callable[[str], str]:
    """A word of the page, with the places that the test has instead of those of the page."""

    def filled(word: str) -> str:
        for name, instead in there.items():
            word = word.replace(name, instead)
        return word

    return filled


def test_the_pages_check_of_signatures_knows_who_calls(world: World) -> None:
    world.listed()
    world.settled()
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(example, made)  # noqa: S102 - what readers are told to copy
    post = world.ears.hook.received[-1]
    fresh = {**post.headers, "webhook-timestamp": str(int(time.time()))}
    assert made["is_ours"](world.ears.secret, _signed(world.ears.secret, fresh, post.body), post.body)
    assert not made["is_ours"](world.ears.secret, fresh, post.body)
    assert not made["is_ours"](world.ears.secret, _signed(world.ears.secret, fresh, post.body), post.body + b" ")
    assert not made["is_ours"](world.ears.secret, {**post.headers, "webhook-timestamp": "1"}, post.body)


def _signed(secret: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """These headers as the server signs them."""
    at = int(headers["webhook-timestamp"])
    return {**headers, "webhook-signature": signature(secret, headers["webhook-id"], at, body)}


def test_what_was_told_adds_up_and_nobody_heard_of_others(world: World) -> None:
    world.listed()
    world.settled()
    for client in (world.client, world.second):
        report = client.must("GET", "/api/v1/notice-report")
        assert report["adds_up"], report["checks"]
        assert (report["transitions"]["pending"], report["items"]["dead"]) == (0, 0)
    assert {each.event["data"]["account"] for each in world.other.received} <= {"second"}
    assert {each.event["data"]["account"] for each in world.ears.hook.received} == {"admin"}
    assert "Traceback" not in world.server.logs(), world.server.logs()


@pytest.mark.anyio
async def test_an_exception_is_told_of_before_it_expires_and_as_it_does(database_url: str, tmp_path: Path) -> None:
    with Receiver().running() as hook, Receiver(status=200, body=b"ok").running() as chat, mailbox() as box:
        relay = {"smtp": f"smtp://127.0.0.1:{box.port}", "mail_from": "hullmark@example.org"}
        async with desk(database_url, tmp_path, **relay) as at:
            ears = Ears(hook, chat, box, await _channels_of(at, hook, chat))
            kept = await at.post("/policies", {"text": USERS})
            await at.post("/activations", {"policy": kept["name"]})
            await at.advise(advisory("CVE-2020-1", affected("debian:13", "nothing", "deb", "2")))
            exception = {
                "rule": "no-root",
                "subject": "*",
                "expires": "2026-05-20",
                "owner": "anna",
                "reason": "moving",
            }
            key = (await at.post("/exceptions", exception))["id"]
            at.push("1.0", status_file(("libc6", "2.41-12")), User="0")
            await at.add("1.0")
            names = {at.reference("1.0")}
            await _come_to(at, at.now)
            assert ears.heard(names) == []
            end = datetime(2026, 5, 21, tzinfo=UTC)
            for moment, what in ((end - timedelta(days=7), "7d"), (end - timedelta(days=1), "1d")):
                await _come_to(at, moment)
                (told,) = ears.heard(set())
                assert (told.cause["key"], told.kinds) == (f"exception:{key}@{what}", {"exception.expiring"})
                ears.forget()
            await _come_to(at, end - timedelta(microseconds=1))
            assert ears.heard(set()) == []
            await _come_to(at, end)
            (told,) = ears.heard(names)
            assert told.cause["key"] == f"exception:{key}@expired"
            assert told.kinds == {"exception.expired", LOST}
            assert (at.reference("1.0"), LOST) in told.items
            assert "anna" in told.cause["sentence"]


async def _channels_of(at: Desk, hook: Receiver, chat: Receiver) -> str:
    made = await at.post("/channels", {"name": "ops", "kind": "webhook", "settings": {"url": hook.url}})
    await at.post("/channels", {"name": "chat", "kind": "slack", "settings": {"url": chat.url}})
    await at.post("/channels", {"name": "mail", "kind": "email", "settings": {"to": ["ops@example.org"]}})
    return str(made["secret"])


async def _come_to(at: Desk, moment: datetime) -> None:
    """Come to a moment, and do all that is due then; and what gathers until a little later."""
    at.now = moment
    await judge_due(at.services)
    await at.work()
    at.now += timedelta(seconds=5)
    await wake_due(at.services)
    await at.work()
