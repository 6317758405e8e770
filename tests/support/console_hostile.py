"""An account in which every text that somebody else can choose would run as a script, if a page let it: an image, a feed, a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from hullmark.model.advisory import Cvss, Exploitability, KevEntry, Record
from hullmark.model.place import InventoryReport, Place, PlaceEvent, RunningContainer, RunningImage
from tests.support import shop
from tests.support.console_images import DEBIAN, Recipe
from tests.support.console_world import WORDS, advisories
from tests.support.desk import Desk
from tests.support.layers import TarBuilder
from tests.support.matching import advisory, affected

ACCOUNT = "hostile"
RUN = "window.canary=1"
"""What would be seen if any of it ran."""
MARK = f"""'"></title></script></textarea><script>{RUN}</script><img src=/x onerror={RUN}><svg/onload={RUN}>{{{{7*7}}}}`${{7*7}}"""
LINK = f"javascript:{RUN}//"
"""An address that does something when somebody follows it."""
_NAME = f"""'"><img src=x onerror={RUN}><svg onload={RUN}>"""
"""What names of people and things may be: without a colon and a slash."""
_IN_A_WORD = f"x<img/src=/x/onerror={RUN}>"
"""Where nothing blank may stand."""
_POLICY = """
schema: hullmark-policy/1
name: {name}
version: {mark}
description: {mark}
rules:
  - {{id: no-root, gate: config, trigger: user, action: stop, params: {{not_root: true}}, message: {mark}, source: {mark}}}
  - {{id: weak, gate: vulnerabilities, trigger: found, action: stop, params: {{severity: low}}, message: {mark}}}
  - {{id: labels, gate: config, trigger: labels, action: warn, params: {{required: [{mark}]}}}}
"""


def records() -> list[Record]:
    """Advisories of a feed that means harm: about the package that the image has."""
    part = affected("debian:13", "libc6", "deb", f"2.99{_IN_A_WORD}", fix_date=MARK, vendor_ids=(MARK,), note=MARK)
    python = affected("pypi", "seller", "pep440", "9.9")
    more: dict[str, Any] = {
        "summary": MARK, "published": MARK, "modified": MARK, "cwes": (MARK,), "references": (LINK, MARK, f"https://x.example/{MARK}"),
        "cvss": (Cvss("3.1", MARK, 9.9, MARK),), "severity": "critical",
    }  # fmt: skip
    return [
        advisory(f"CVE-2026-77{_IN_A_WORD}", part, aliases=(f"GHSA-{MARK}",), **more),
        advisory("CVE-2026-78", python, **more),
        KevEntry(cve="CVE-2026-78", source=MARK, added="2026-05-06", due=MARK, action=MARK, name=MARK, ransomware=True),
        Exploitability("CVE-2026-78", 0.9, 0.9, MARK),
    ]


def recipe() -> Recipe:
    """An image whose every text means harm."""
    base = TarBuilder().add(
        "etc/os-release", DEBIAN + f"VARIANT='{MARK.replace(chr(39), '')}'\nHOME_URL={LINK}\n".encode()
    )
    name = MARK.replace("\n", "").replace("/", "-")
    status = shop.stanza("libc6", "2.41-12", f"Homepage: {LINK}", f"Section: {MARK}") + shop.stanza(
        f"x{name}", f"1{_IN_A_WORD}"
    )
    base.add("var/lib/dpkg/status", status)
    base.add(f"srv/{name}", MARK.encode()).add(f"srv/{name}.sh", f"#!/bin/sh\n# {MARK}\n".encode(), mode=0o4755)
    base.symlink(f"srv/{name}.link", f"{name}/{name}")
    wheel = f"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\nLicense: {MARK}\nHome-page: {LINK}\nAuthor: {MARK}\nSummary: {MARK}\n"
    base.add(f"{shop.SITE}seller-3.1.dist-info/METADATA", wheel.encode())
    settings = {
        "User": f"root{_IN_A_WORD}", "Env": [f"A={MARK}", f"{MARK}=1", f"DB_PASSWORD={MARK}"], "Cmd": [MARK], "Entrypoint": [MARK],
        "Labels": {MARK: MARK, "org.opencontainers.image.source": LINK, "org.opencontainers.image.title": MARK},
        "WorkingDir": MARK, "ExposedPorts": {f"80/tcp{MARK}": {}}, "Volumes": {MARK: {}}, "StopSignal": MARK,
        "Healthcheck": {"Test": ["CMD", MARK]}, "OnBuild": [MARK],
    }  # fmt: skip
    return Recipe(layers=((f"RUN {MARK}", base.done()), (f"COPY {MARK} /", shop.program())), settings=settings)


async def furnish_hostile(at: Desk) -> str:
    """Make the account; answers the digest of its image."""
    await at.post("/accounts", {"name": ACCOUNT, "email": f"{_IN_A_WORD}@example.org"})
    await at.post(f"/accounts/{ACCOUNT}/persons", {"name": "mallory", "password": WORDS, "role": "admin"})
    await at.post(f"/accounts/{ACCOUNT}/persons", {"name": _NAME, "password": WORDS, "role": "viewer"})
    assert (
        await at.ask(
            "PUT", f"/registries/{at.registry.host}", {"verify": False, "username": _NAME, "password": MARK}, ACCOUNT
        )
    ).is_success
    descriptor = recipe().put(at.registry.blobs)
    digest = str(descriptor["digest"])
    at.registry.others["hostile"] = {"1": digest, "2": digest}
    await _judged(at)
    document = {"annotations": {MARK: MARK}, "dockerfile": f"FROM scratch\nLABEL x={MARK}\n"}
    await at.post("/images", {"reference": f"{at.registry.host}/hostile:1", **document}, ACCOUNT)
    await at.work()
    await _told(at)
    await _placed(at, digest)
    await _failed(at)
    await at.advise(*advisories(9, at.now - timedelta(days=9)), *records())
    await at.work()
    return digest


async def _judged(at: Desk) -> None:
    for name in (_NAME, "plain"):
        text = _POLICY.format(name=_quoted(name), mark=_quoted(MARK))
        await at.post("/policies", {"text": text, "note": MARK}, ACCOUNT)
        await at.post("/activations", {"policy": name, "environment": "" if name == "plain" else MARK}, ACCOUNT)
    exception = {
        "rule": MARK,
        "subject": f"{MARK}*",
        "expires": "2030-01-01",
        "owner": MARK,
        "reason": MARK,
        "ticket": LINK,
    }
    await at.post("/exceptions", exception, ACCOUNT)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def _told(at: Desk) -> None:
    settings = {"url": "http://127.0.0.1:9/x", "token": MARK, "headers": {"X-Mark": "x"}}
    await at.post(
        "/channels", {"name": "hostile", "kind": "webhook", "settings": settings, "templates": {"title": "x"}}, ACCOUNT
    )
    await at.post("/subscriptions", {"name": _NAME, "selector": MARK, "environments": [MARK]}, ACCOUNT)
    ends = (at.now + timedelta(days=20)).isoformat()
    await at.post(
        "/silences", {"owner": MARK, "reason": MARK, "selector": MARK, "subject": MARK, "ends_at": ends}, ACCOUNT
    )
    await at.post("/keys", {"name": _NAME, "role": "viewer"}, ACCOUNT)
    await at.post("/hooks", {"name": _NAME, "kind": "dockerhub"}, ACCOUNT)


async def _placed(at: Desk, digest: str) -> None:
    place = Place(platform="kubernetes", cluster=MARK, namespace=MARK, workload=f"Deployment/{MARK}", container=MARK)
    running = RunningContainer(
        id=MARK, place=place, image=RunningImage(reference=f"x.example/{MARK}", digest=digest), since=at.now, labels={MARK: MARK}, node=MARK
    )  # fmt: skip
    event = PlaceEvent(kind="drift", container=MARK, subject=MARK, summary=MARK, at=at.now)
    report = InventoryReport(
        platform="kubernetes", collector=MARK, sequence=1, at=at.now, list="1", last=True, running=(running,), events=(event,)
    )  # fmt: skip
    await at.post("/inventories", msgspec.to_builtins(report), ACCOUNT)
    await at.post("/applications", {"name": _NAME, "description": MARK}, ACCOUNT)
    await at.work()


async def _failed(at: Desk) -> None:
    """An image that its registry refuses with words of its own."""
    body = ('{"errors":[{"code":"DENIED","message":' + msgspec.json.encode(MARK).decode() + "}]}").encode()
    at.registry.answers = [(403, {"Content-Type": "application/json"}, body)] * 3
    await at.ask("POST", "/images", {"reference": f"{at.registry.host}/hostile:2"}, ACCOUNT)
    at.registry.answers = []
    await at.work()
