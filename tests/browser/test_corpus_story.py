"""One story with a real image and real advisories: from the first run to the first verdict, the alert, its cause, an exception, a policy
that is written, tried and rolled out, and the time machine; and another tenant that sees nothing of it.

The image is the corpus's nginx. The advisories are Debian's, EPSS's and CISA's own, as they lie beside the repository. Those of Debian
end before its release 13, so that the tracker is made to say of one real vulnerability of glibc that 13 has it, too. CISA's list comes
later, as it did.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hullmark.advisories.feeds.debian import FEED as DEBIAN
from hullmark.advisories.feeds.epss import FEED as EPSS
from hullmark.advisories.feeds.kev import FEED as KEV
from hullmark.model.advisory import Advisory, Exploitability, KevEntry, Record
from tests.browser.test_alerts import _link_of
from tests.browser.test_first_run import WORDS, _verdict, fresh_account
from tests.browser.test_workbench import write
from tests.support.advisories import Bytes, advisory_files, crawled
from tests.support.browser import WIDE, Watched, find_barriers, opened, sign_in
from tests.support.console_world import _database_time, _free_port, _grow_older
from tests.support.database import fresh_database
from tests.support.desk import Desk
from tests.support.places import corpus
from tests.support.receivers import Receiver, receiver
from tests.support.standing import Standing, standing
from tests.unit.advisories.feeds.reading import read

pytestmark = pytest.mark.slow

GLIBC = "CVE-2023-4911"
TRACKER = "security-tracker.debian.org/tracker/data/json"
POLICY = """schema: hullmark-policy/1
name: exploited
rules:
  - id: exploited
    gate: vulnerabilities
    trigger: found
    action: stop
    when_unknown: go
    params: {exploited: true}
"""


def known(*, is_exploited: bool) -> list[Record]:
    """What the feeds say, of the vulnerabilities that Debian's tracker knows."""
    said = json.loads((advisory_files() / TRACKER).read_bytes())
    release = {"status": "resolved", "repositories": {}, "fixed_version": "2.99-1", "urgency": "high"}
    said.setdefault("glibc", {}).setdefault(GLIBC, {"scope": "local", "description": "A buffer overflow."})
    said["glibc"][GLIBC].setdefault("releases", {})["trixie"] = release
    records, _ = read(DEBIAN, Bytes(f"https://{TRACKER}", json.dumps(said).encode()))
    names = {name for record in records if isinstance(record, Advisory) for name in (record.id, *record.aliases)}
    likely, _ = read(EPSS, *crawled(EPSS))
    records += [each for each in likely if isinstance(each, Exploitability) and each.cve in names]
    if is_exploited:
        listed, _ = read(KEV, *crawled(KEV))
        found = [each for each in listed if isinstance(each, KevEntry) and each.cve in names]
        assert GLIBC in {each.cve for each in found}
        records += found
    return records


def put_image(at: Desk, layout: Path) -> str:
    """An OCI layout in the registry, as corpus/nginx:latest; the digest of its manifest."""
    for blob in (layout / "blobs" / "sha256").iterdir():
        at.registry.blobs.held[f"sha256:{blob.name}"] = blob.read_bytes()
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    at.registry.others["corpus/nginx"] = {"latest": str(entry["digest"])}
    return str(entry["digest"])


class Story:
    """The server, the browser and what is told. Two days lie between the beginning and the news."""

    def __init__(self, browser: Browser, server: Standing, hook: Receiver, digest: str) -> None:
        self.browser, self.server, self.hook, self.digest = browser, server, hook, digest
        self.reference = f"{server.at.registry.host}/corpus/nginx:latest"
        self.watched: list[Watched] = []

    def page(self) -> Page:
        """A fresh profile."""
        _, watched = opened(self.browser, self.server.url, size=WIDE)
        self.watched.append(watched)
        return watched.page

    def work(self) -> None:
        """What waits is done."""
        self.server.run(self.server.at.work(), 300)

    def verdict(self, page: Page) -> str:
        """The verdict of the policy `exploited`, at the image's page."""
        page.goto(f"/console/harbour/images/{self.digest}")
        row = page.get_by_label("Verdicts in force").locator("li").filter(has_text="exploited")
        return row.locator(".verdict").inner_text()


@pytest.fixture
def story(browser: Browser, database_server: str, tmp_path: Path) -> Iterator[Story]:
    layout = corpus("oci", "nginx")
    advisory_files()
    digests: list[str] = []

    async def begin(at: Desk) -> None:
        at.now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        digests.append(put_image(at, layout))
        await at.advise(*known(is_exploited=False))

    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        receiver((200, {}, b"ok")) as hook,
        standing(fresh_database(database_server), tmp_path, begin, port=port, public_url=url) as server,
    ):
        told = Story(browser, server, hook, digests[0])
        yield told
        for each in told.watched:
            each.check()
            each.page.context.close()


def first_verdict(story: Story, page: Page) -> None:
    """By clicks alone."""
    page.get_by_role("button", name="Use the policy baseline").click()
    expect(page.get_by_text("The policy is in force")).to_be_visible()
    page.get_by_label("Reference", exact=True).fill(story.reference)
    page.get_by_role("button", name="Add the image").click()
    page.wait_for_url(re.compile("/console/harbour/add/sha256"))
    _verdict(page, story.server)
    page.get_by_role("link", name="See why").click()
    expect(page.get_by_role("row").filter(has_text="/usr/bin/passwd").first).to_contain_text("setuid")
    page.get_by_role("navigation", name="What of the image").get_by_role("link", name="Vulnerabilities").click()
    expect(page.locator("#vulnerabilities")).to_contain_text(GLIBC)
    page.get_by_role("link", name="Minimality").click()
    page.get_by_role("navigation", name="What to look at").get_by_role("link", name="Files").click()
    expect(page.locator("#files")).to_contain_text("usr/")


def policy_is_written_tried_and_rolled_out(story: Story, page: Page) -> None:
    page.get_by_role("link", name="Policies").first.click()
    page.get_by_role("link", name="New policy").click()
    write(page, POLICY)
    expect(page.get_by_role("region", name="Mistakes")).to_contain_text("None")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("exploited")
    page.get_by_role("button", name="Try on all images").click()
    story.work()
    expect(page.get_by_text("done", exact=True)).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Roll out").click()
    page.get_by_label("Environment", exact=True).fill("production")
    page.get_by_label("Stage").select_option("In force")
    page.get_by_role("button", name="Roll out").click()
    expect(page.get_by_role("rowheader", name="production")).to_be_visible()
    story.work()
    assert story.verdict(page) == "go"


def the_alert_leads_to_its_cause(story: Story) -> Page:
    """Who is not signed in any more does so on the way."""
    requests = story.hook.requests
    told = [json.loads(request.body) for request in requests]
    link = next(_link_of(each) for each in told if GLIBC in json.dumps(each) and "compliance.lost" in json.dumps(each))
    page = story.page()
    page.goto(link)
    page.get_by_label("Name").fill("fiona-of-harbour")
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{GLIBC} is now known to be exploited")
    expect(page.locator("#images")).to_contain_text("corpus/nginx")
    assert find_barriers(page) == []
    return page


def an_exception_turns_the_verdict(story: Story, page: Page) -> None:
    # The baseline's rule stops the image as well: what came has a link for each of the two.
    evidence = page.locator("#evidence-list li").filter(has_text="rule exploited")
    evidence.get_by_role("link", name="Accept for a time").click()
    expect(page.get_by_label("Rule", exact=True)).to_have_value("exploited")
    ends = (story.server.at.now + timedelta(hours=3)).replace(minute=0, second=0)
    page.get_by_label("Until (UTC)").fill(ends.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Reason").fill("the new base comes today")
    page.get_by_role("button", name="Accept until then").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Exception for exploited")
    story.work()
    assert story.verdict(page) == "go"


def the_time_machine_shows_both(story: Story, page: Page) -> None:
    page.get_by_role("link", name="Time machine").first.click()
    began = story.server.at.now - timedelta(days=1)
    page.get_by_label("First moment (UTC)").fill(began.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Compare").click()
    row = page.get_by_role("row").filter(has_text="corpus/nginx").filter(has_text="production")
    expect(row).to_contain_text(re.compile("go.*stop", re.DOTALL))


def test_from_the_first_run_to_the_time_machine(story: Story) -> None:
    server = story.server
    began = server.run(_database_time(server.at))
    person = fresh_account(server, "harbour")
    page = story.page()
    sign_in(page, person, WORDS)
    page.wait_for_url("**/console/harbour/add")
    first_verdict(story, page)
    policy_is_written_tried_and_rolled_out(story, page)
    hook = {"name": "chat", "kind": "webhook", "settings": {"url": f"{story.hook.url}/chat"}}
    server.run(server.at.post("/channels", hook, "harbour"))
    server.run(server.at.post("/subscriptions", {"name": "all", "selector": "*"}, "harbour"))
    story.work()
    server.run(_grow_older(server.at, began))

    # Moments of the time machine are whole minutes.
    server.at.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    server.run(server.at.advise(*known(is_exploited=True)), 300)
    story.work()
    server.at.now += timedelta(minutes=5)
    page = the_alert_leads_to_its_cause(story)
    assert story.verdict(page) == "stop"
    the_time_machine_shows_both(story, page)
    page.go_back()
    page.goto(f"{server.url}/console/harbour/now")
    page.locator("#causes").get_by_role("link", name=re.compile(GLIBC)).first.click()
    an_exception_turns_the_verdict(story, page)

    stranger = fresh_account(server, "elsewhere")
    other = story.page()
    story.watched[-1].allowed.append("status of 40")
    sign_in(other, stranger, WORDS)
    for account in ("elsewhere", "harbour"):
        answer = other.goto(f"/console/{account}/images/{story.digest}")
        assert answer is not None
        assert answer.status in (403, 404)
        expect(other.get_by_text("corpus/nginx")).to_have_count(0)
