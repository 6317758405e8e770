"""What is predicted of a changed image: buildah builds it from the printed Dockerfile, and the policy judges what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.app.check import CheckOptions, judge, load
from hullmark.app.fix import FixRequest, remedy_of
from hullmark.app.upkeep import UpkeepRequest, upkeep_of
from hullmark.app.virtual_image import JudgingContext
from hullmark.model.remedy import Remedy
from hullmark.model.verdict import Verdict
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.support.buildah import Buildah, usable_buildah
from tests.support.debs import Deb, write_debs
from tests.support.older_debian import OLDER, archives, older_root
from tests.support.places import REPOSITORY, corpus
from tests.support.repositories import served

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""After all that the tests build: an image is not from the future."""
SETUID = 0o4755
INSTALLED = (
    Deb("tool", "1.0", {"/usr/bin/tool": (SETUID, b"#!/bin/sh\necho 1\n"), "/usr/lib/tool/old": (0o644, b"old\n"),
        "/etc/tool.conf": (0o644, b"a=1\n")}, ("Depends: libtool-toy (= 1.0)",), ("/etc/tool.conf",)),
    Deb("libtool-toy", "1.0", {"/usr/lib/libtool-toy": (0o644, b"1\n")}, ("Source: tool",)),
    Deb("telnet-toy", "3", {"/usr/bin/telnet-toy": (SETUID, b"#!/bin/sh\n")}),
    Deb("telnet-plugin", "1", {"/usr/lib/telnet-plugin": (0o644, b"x\n")}, ("Depends: telnet-toy (>= 2)",)),
)  # fmt: skip
NEWER = (
    Deb("tool", "1.1", {"/usr/bin/tool": (0o755, b"#!/bin/sh\necho 2\n"), "/usr/lib/tool/new": (0o644, b"new\n"),
        "/etc/tool.conf": (0o644, b"a=2\n")}, ("Depends: libtool-toy (= 1.1)",), ("/etc/tool.conf",)),
    Deb("libtool-toy", "1.1", {"/usr/lib/libtool-toy": (0o644, b"2\n")}, ("Source: tool",)),
)  # fmt: skip
SHOP = """\
COPY debs /debs
RUN dpkg -i /debs/*.deb && rm -r /debs && rm -rf /etc/apt/sources.list* && mkdir -p /root/.cache/pip /opt
COPY sources.list /etc/apt/sources.list
COPY direct.conf /etc/apt/apt.conf.d/99direct
COPY helper /opt/helper
COPY download /root/.cache/pip/download
RUN chmod 4755 /opt/helper
CMD ["/usr/bin/sleep", "infinity"]
"""
VULNERABLE = {"tool": "1.1", "coreutils": "99"}
"""Source packages, and the first versions that an advisory does not speak of."""

USUAL = [
    *(f"/usr/bin/{name}" for name in ("ch*", "*mount", "*passwd", "expiry", "su", "newgrp", "telnet*")),
    "/usr/sbin/*",
]
"""The setuid files of Debian itself."""

RULES = {
    "vulnerable": "{id: vulnerable, gate: vulnerabilities, trigger: found, action: stop, params: {packages: [tool]}}",
    "weak": "{id: weak, gate: vulnerabilities, trigger: found, action: stop, params: {}}",
    "unmended": "{id: unmended, gate: vulnerabilities, trigger: found, action: stop, params: {packages: [coreutils]}}",
    "setuid": f"{{id: setuid, gate: files, trigger: setuid, action: stop, params: {{allow: {USUAL}}}}}",
    "telnet": "{id: telnet, gate: packages, trigger: forbidden, action: stop, params: {names: ['telnet*']}}",
    "caches": "{id: caches, gate: leftovers, trigger: caches, action: warn}",
    "changed": "{id: changed, gate: integrity, trigger: changed, action: stop, params: {}}",
    "user": "{id: user, gate: config, trigger: user, action: stop, params: {not_root: true, numeric: true}}",
    "health": "{id: health, gate: config, trigger: healthcheck, action: stop}",
    "title": "{id: title, gate: config, trigger: labels, action: warn, params: {required: [title]}}",
    "ghosts": "{id: ghosts, gate: integrity, trigger: ghosts, action: stop, params: {paths: [id_rsa]}}",
    "ports": "{id: ports, gate: config, trigger: exposed_ports, action: stop, params: {allowed: [80]}}",
    "variables": "{id: variables, gate: config, trigger: env, action: stop, params: {forbidden: [DEBUG]}}",
    "unpacked": "{id: unpacked, gate: files, trigger: required, action: stop, params: {paths: [/usr/lib/tool/new]}}",
}


class World(NamedTuple):
    """The image of a shop, what builds others, the mirror, and a folder."""

    shop: str
    buildah: Buildah
    url: str
    folder: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    layout, folder = corpus("oci", "debian-slim"), tmp_path_factory.mktemp("fix")
    buildah = usable_buildah(folder / "buildah")
    pool = folder / "installed"
    pool.mkdir()
    debs = {f"debs/{place.name}": place.read_bytes() for place in (deb.build(pool) for deb in INSTALLED)}
    write_debs(folder / "mirror", "trixie", NEWER)
    write_advisories(folder / "advisories", VULNERABLE, "Debian:13")
    with served(folder / "mirror") as url:
        files = debs | {"sources.list": f"deb [trusted=yes] {url} trixie main\n".encode(), "helper": b"#!/bin/sh\n"}
        files |= {"direct.conf": b'Acquire::http::Proxy::127.0.0.1 "DIRECT";\n', "download": b"x" * 100}
        shop = buildah.build("shop", f"FROM oci:{layout}\n{SHOP}", files)
        yield World(shop, buildah, url, folder)
    buildah.clear()


def write_advisories(folder: Path, vulnerable: Mapping[str, str], ecosystem: str) -> None:
    """A folder that declares itself whole, with an advisory for each source package that is vulnerable."""
    folder.mkdir()
    declared = {"schema": "hullmark-coverage/1", "whole": {ecosystem.lower(): NOW.date().isoformat()}}
    (folder / "coverage.json").write_text(json.dumps(declared))
    for number, (name, fixed) in enumerate(vulnerable.items(), 1):
        events = [{"introduced": "0"}, {"fixed": fixed}]
        record = {
            "schema_version": "1.6.0",
            "id": f"DSA-{number}-1",
            "modified": "2026-10-01T00:00:00Z",
            "upstream": [f"CVE-2026-{number}"],
            "affected": [
                {
                    "package": {"ecosystem": ecosystem, "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}],
                }
            ],
        }
        (folder / f"DSA-{number}-1.json").write_text(json.dumps(record))


class Rebuilt(NamedTuple):
    """What was predicted, and the verdict on the image that was really built."""

    remedy: Remedy
    verdict: Verdict


class Own(NamedTuple):
    """An image of one's own with its Dockerfile, the files beside that, and the bases that are named. Without a Dockerfile, `place` is how
    buildah calls the image."""

    image: str
    dockerfile: str = ""
    files: Mapping[str, bytes] = {}
    bases: tuple[str, ...] = ()
    place: str = ""


def policy_of(world: World, name: str, rules: Sequence[str]) -> Path:
    """A policy of some of the rules."""
    path = world.folder / f"{name}.yaml"
    lines = "".join(f"  - {RULES[rule]}\n" for rule in rules)
    path.write_text(f"schema: hullmark-policy/1\nname: {name}\nversion: 1\nrules:\n{lines}")
    return path


def rebuilt(
    world: World,
    name: str,
    rules: Sequence[str] | Path,
    settings: Sequence[str] = (),
    own: Own | None = None,
    advisories: Path | None = None,
) -> Rebuilt:
    """The shop's image, or one of one's own, fixed for a policy and built anew from the Dockerfile that was printed."""
    own = own or Own(world.shop, place=world.shop)
    policy = load(rules if isinstance(rules, Path) else policy_of(world, name, rules))
    resources, options = ScanResources(cache_folder=world.folder / "cache"), SourceOptions()
    with open_snapshot(Shelf(world.folder / "shelf"), folder=advisories or world.folder / "advisories") as snapshot:
        checking = CheckOptions(advisories=snapshot, dockerfile=own.dockerfile)
        judging = JudgingContext(policy=policy, now=NOW, resources=resources, options=checking)
        lists = UpkeepRequest(at=NOW.date().isoformat(), mirrors=((world.url, world.url),))
        request = FixRequest(lists=lists, settings=tuple(settings), bases=own.bases)
        remedy = remedy_of(own.image, request, judging, options)
        dockerfile = remedy.dockerfile
        if own.dockerfile:
            checking = replace(checking, dockerfile=dockerfile)
        else:
            assert dockerfile.startswith("FROM IMAGE")
            dockerfile = dockerfile.replace("FROM IMAGE", f"FROM {own.place}")
        image = world.buildah.build(name, dockerfile, own.files)
        verdict = judge(image, policy, NOW, resources, options, checking).verdict
    return Rebuilt(remedy, verdict)


def said(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """What a verdict finds, in an order."""
    return sorted(
        (finding.rule_id, finding.subject, finding.action.value, finding.message) for finding in verdict.findings
    )


def agree(found: Rebuilt) -> None:
    assert found.verdict.verdict == found.remedy.after.verdict
    assert said(found.verdict) == said(found.remedy.after)
    assert found.verdict.reason == found.remedy.after.reason


def summaries(found: Rebuilt) -> list[str]:
    return [planned.change.summary for planned in found.remedy.changes]


def test_an_update_takes_along_what_it_needs(world: World) -> None:
    """The newer version is not setuid any more: its own files were looked at, and changing them too would be one change more."""
    found = rebuilt(world, "update", ("vulnerable", "setuid", "unpacked", "changed"))
    assert summaries(found)[-1] == "update tool from 1.0 to 1.1"
    assert len(found.remedy.changes) == 2
    assert found.remedy.after.verdict == "go"
    agree(found)


def test_what_nothing_reaches_is_removed_with_what_needs_it(world: World) -> None:
    found = rebuilt(world, "removal", ("telnet", "changed"))
    assert summaries(found) == ["remove telnet-toy 3, with 1 more that needs it"]
    assert found.remedy.proof == "judged"
    assert found.remedy.after.verdict == "go"
    agree(found)


def test_settings_are_those_that_a_person_offers(world: World) -> None:
    settings = ('HEALTHCHECK --interval=30s CMD ["/usr/bin/test", "-e", "/etc"]', 'LABEL title="a $ shop"')
    found = rebuilt(world, "settings", ("user", "health", "title"), settings)
    assert {planned.change.kind for planned in found.remedy.changes} == {"setting"}
    assert len(found.remedy.changes) == 3
    assert found.remedy.after.verdict == "go"
    agree(found)


def test_bits_and_downloads_go(world: World) -> None:
    found = rebuilt(world, "files", ("setuid", "caches"))
    assert found.remedy.after.verdict == "go"
    assert len(found.remedy.changes) == 3
    agree(found)


def test_what_nothing_mends_is_said_and_stays(world: World) -> None:
    found = rebuilt(world, "nothing", ("unmended", "caches"))
    assert found.remedy.after.verdict == "stop"
    [remainder] = found.remedy.remains
    assert remainder.finding is not None
    assert "coreutils: its repositories have nothing newer; coreutils: it is used: " in remainder.reason
    assert summaries(found) == ["delete /root/.cache/pip/download"]
    agree(found)


def test_a_newer_base_of_the_same_line(world: World) -> None:
    """What was installed over the old base stays: its status file is not laid over that of the new one."""
    layout, pool = corpus("oci", "debian-slim"), world.folder / "bases"
    pool.mkdir()
    bases = {}
    for name, debs in (("old", INSTALLED[:2]), ("new", NEWER)):
        files = {f"debs/{place.name}": place.read_bytes() for place in (deb.build(pool) for deb in debs)}
        text = f"FROM oci:{layout}\nCOPY debs /debs\nRUN dpkg -i /debs/*.deb && rm -rf /debs /etc/apt/sources.list*\n"
        bases[name] = world.buildah.build(f"base-{name}", text, files)
    files = {f"debs/{place.name}": place.read_bytes() for place in (deb.build(pool) for deb in INSTALLED[2:3])}
    text = f"FROM {bases['old']} AS shop\nCOPY debs /debs\nRUN dpkg -i /debs/*.deb && rm -r /debs\n"
    text += 'FROM shop\nENV SHOP=1\nCMD ["/usr/bin/sleep", "infinity"]\n'
    own = Own(world.buildah.build("own", text, files), text, files, (bases["old"], bases["new"]))
    found = rebuilt(world, "rebased", ("vulnerable", "setuid", "unpacked", "changed", "user"), own=own)
    assert summaries(found) == [f"build on {bases['new']} instead of {bases['old']}", "run as the user 65532"]
    assert found.remedy.after.verdict == "go"
    assert f"FROM {bases['new']} AS shop\n" in found.remedy.dockerfile
    agree(found)


def test_a_copy_has_neither_deleted_keys_nor_the_port(world: World) -> None:
    lower = world.buildah.build("lower", f"FROM {world.shop}\nCOPY key /root/id_rsa\n", {"key": b"secret\n"})
    text = f'FROM {lower}\nRUN rm /root/id_rsa\nENV DEBUG=1 KEPT="a b"\nEXPOSE 22 80\nLABEL x="a $ b"\nUSER 7\n'
    place = world.buildah.build("upper", text)
    found = rebuilt(world, "copy", ("ghosts", "ports", "variables", "user", "telnet"), own=Own(place, place=place))
    assert summaries(found) == [
        "copy all files into an empty image, without ENV DEBUG, EXPOSE 22/tcp",
        "remove telnet-toy 3, with 1 more that needs it",
    ]
    assert found.remedy.after.verdict == "go"
    agree(found)


def test_a_real_service_and_a_whole_policy(world: World) -> None:
    """nginx of Debian, by the policy that stands beside the documents."""
    layout = corpus("oci", "nginx")
    labels = " ".join(f"org.opencontainers.image.{name}=0123456789" for name in ("title", "source", "revision"))
    settings = (f"LABEL {labels}", 'HEALTHCHECK CMD ["/usr/sbin/nginx", "-t"]')
    own = Own(f"oci-dir:{layout}", place=f"oci:{layout}")
    found = rebuilt(world, "nginx", REPOSITORY / "examples" / "policy.yaml", settings, own)
    assert len(found.remedy.changes) > 4
    assert found.remedy.after.verdict == "go"
    agree(found)


def test_security_updates_of_debian(world: World, tmp_path: Path) -> None:
    """An image of an older release without its security suite, whose packages the real repository renews."""
    packed, at = older_root(), archives()
    more = f"Types: deb\nURIs: {at['security']}\nSuites: {OLDER}-security\nComponents: main\n"
    text = (
        'FROM scratch\nADD root.tar /\nCOPY more.sources /etc/apt/sources.list.d/\nCMD ["/usr/bin/sleep", "infinity"]\n'
    )
    files = {"root.tar": packed.read_bytes(), "more.sources": more.encode()}
    source = world.buildah.build("older", text, files)
    listed = upkeep_of(source, UpkeepRequest(at=NOW.date().isoformat()), None, ScanResources(), SourceOptions())
    wanted = {"openssl", "curl", "expat", "gnutls28"}
    fixed = {
        update.candidate.source.name: update.candidate.source.version
        for update in listed.updates
        if update.candidate.source is not None and update.candidate.source.name in wanted
    }
    assert len(fixed) > 1
    write_advisories(tmp_path / "advisories", fixed, "Debian:12")
    rules = ("weak", "changed", "caches", "ghosts")
    found = rebuilt(world, "newer", rules, own=Own(source, place=source), advisories=tmp_path / "advisories")
    assert found.remedy.after.verdict == "go"
    updated = [planned.change.subject for planned in found.remedy.changes if planned.change.kind == "update"]
    assert len(updated) > 1
    assert set(updated) <= fixed.keys()
    agree(found)
