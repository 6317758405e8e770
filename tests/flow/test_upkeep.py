"""`hullmark upkeep`: what is newer, what it would mend, with which exit status, and where an image's words may lead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hullmark.app.lineage import with_tags
from hullmark.model.upkeep import BaseImage
from hullmark.net.guard import Guard, parse_networks
from hullmark.source import SourceOptions
from tests.support.images import Blobs, Json, layout_of, tagged, tar_of, write_layout
from tests.support.program import Program, program_in
from tests.support.registry import FakeRegistry
from tests.support.repositories import Entry, Rpm, apk_index, repository_of, served, status_of, write_suite
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import make_header

ARCHIVE = "http://archive.example/debian"
INSTALLED = [Entry("openssl", "3.0.11-1"), Entry("libssl3", "3.0.11-1", source="openssl"), Entry("shop", "1")]
RELEASE = b"ID=debian\nVERSION_ID=13\n"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "mirror" / "debian"
    write_suite(folder, "trixie", [Entry("openssl", "3.0.11-1"), Entry("libssl3", "3.0.12-1", source="openssl")])
    fixed = [Entry(name, "3.0.14-1", source="openssl") for name in ("openssl", "libssl3")]
    write_suite(folder, "trixie-security", fixed, ("Label: Debian-Security",))
    with served(tmp_path / "mirror") as url:
        yield url


def image(folder: Path, sources: str, **more: str) -> str:
    """An image with three packages, and these lines in its sources.list."""
    files = {"etc/os-release": RELEASE, "var/lib/dpkg/status": status_of(INSTALLED).encode()}
    files |= {"etc/apt/sources.list": sources.encode(), **{path: text.encode() for path, text in more.items()}}
    return f"oci-dir:{layout_of(folder, files)}"


def lines(base: str, *suites: str) -> str:
    """The lines of sources.list for some suites."""
    return "".join(f"deb {base} {suite} main\n" for suite in suites)


def test_updates_come_from_the_images_own_repositories(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    source = image(tmp_path / "image", lines(ARCHIVE, "trixie", "trixie-security"))
    record = {
        "schema_version": "1.6.0",
        "id": "DSA-1-1",
        "modified": "2026-10-01T00:00:00Z",
        "upstream": ["CVE-2026-1"],
        "affected": [
            {
                "package": {"ecosystem": "Debian:13", "name": "openssl"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.13-1"}]}],
            }
        ],
    }
    (tmp_path / "advisories").mkdir()
    (tmp_path / "advisories" / "DSA-1-1.json").write_text(json.dumps(record))
    wanted = ("upkeep", source, "--mirror", f"{ARCHIVE}={mirror}/debian", "--advisories", tmp_path / "advisories")
    document = hullmark(*wanted, "-o", "json").document
    assert [
        (update["name"], update["installed"], update["candidate"], update["is_security"])
        for update in document["updates"]
    ] == [
        ("libssl3", "3.0.11-1", "3.0.14-1", True),
        ("openssl", "3.0.11-1", "3.0.14-1", True),
    ]
    assert [each.partition("?")[0] for each in document["unlisted"]] == ["pkg:deb/debian/shop@1"]
    assert [(index["name"], index["date"], index["packages"]) for index in document["indexes"]] == [
        ("trixie/main", "2026-10-03", 2),
        ("trixie-security/main", "2026-10-03", 2),
    ]
    forecast = document["forecast"]
    assert (forecast["now"], forecast["updated"], len(forecast["gone"]), forecast["come"]) == (1, 0, 1, [])
    told = hullmark(*wanted, "--fail-on", "security")
    assert told.status == 1
    assert "updated today, 1 of 1 vulnerability would go" in told.text


def test_what_cannot_be_read_is_said_and_fails_a_condition(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    sources = lines(ARCHIVE, "trixie", "gone") + "deb file:/srv/debian trixie main\ndeb http://[bad trixie main\n"
    source = image(tmp_path / "image", sources.replace("trixie main", "trixie main other"))
    (tmp_path / "mirror/debian/dists/trixie/main/binary-amd64/Packages.xz").write_bytes(b"changed")
    ran = hullmark("upkeep", source, "--mirror", f"{ARCHIVE}={mirror}/debian", "--fail-on", "updates", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.status, document["updates"]) == (3, [])
    assert [index["reason"] for index in document["indexes"]] == [
        "it is not the list that its Release file names",
        "its Release file does not list it",
        "it has no Release file, or cannot be reached",
        "it is not reached by HTTP (file)",
        "it has no Release file, or cannot be reached",
    ]
    assert (len(document["problems"]), document["unlisted"]) == (5, [])
    bare = hullmark("upkeep", image(tmp_path / "bare", ""), "--fail-on", "updates")
    assert bare.status == 3
    assert "the image names no repository that its packages come from" in bare.text


def test_pins_are_said(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    pins = {"etc/apt/preferences.d/x": "Package: *\nPin: release a=trixie\nPin-Priority: 900\n"}
    pinned = image(tmp_path / "pinned", lines(ARCHIVE, "trixie"), **pins)
    ran = hullmark("upkeep", pinned, "--mirror", f"{ARCHIVE}={mirror}/debian")
    assert "it pins versions, which is not followed here" in ran.text
    assert "1 known of 3 packages" in ran.text


def test_an_image_cannot_lead_to_this_machine(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    source = image(tmp_path / "image", lines(f"{mirror}/debian", "trixie"))
    document = hullmark("upkeep", source, "-o", "json").document
    assert [index["reason"] for index in document["indexes"]] == ["it has no Release file, or cannot be reached"]
    allowed = hullmark("upkeep", source, "--mirror", f"{mirror}={mirror}", "-o", "json").document
    assert [update["name"] for update in allowed["updates"]] == ["libssl3"]


def test_a_repository_may_be_named(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    source = image(tmp_path / "image", "")
    named = ("--repository", f"deb {ARCHIVE} trixie main", "--mirror", f"{ARCHIVE}={mirror}/debian")
    assert [update["name"] for update in hullmark("upkeep", source, *named, "-o", "json").document["updates"]] == [
        "libssl3"
    ]
    what, _ = hullmark("upkeep", source, "--repository", "trixie").refusal
    assert what == "--repository: line 1 names no repository"
    what, _ = hullmark("upkeep", source, "--mirror", "nowhere").refusal
    assert what == "--mirror: 'nowhere' is not two addresses"


def test_apks_are_compared_with_their_index(hullmark: Program, tmp_path: Path) -> None:
    record = "C:Q1\nP:{}\nV:{}\nA:x86_64\no:busybox\n\n"
    installed = record.format("busybox", "1.36.1-r2") + record.format("ssl_client", "1.36.1-r3")
    files = {"lib/apk/db/installed": installed.encode(), "etc/os-release": b"ID=alpine\nVERSION_ID=3.20.1\n"}
    files["etc/apk/repositories"] = b"http://archive.example/v3.20/main\n@edge http://archive.example/edge/main\n"
    index = tmp_path / "mirror" / "v3.20" / "main" / "x86_64" / "APKINDEX.tar.gz"
    index.parent.mkdir(parents=True)
    index.write_bytes(apk_index([Entry(name, "1.36.1-r3", "x86_64") for name in ("busybox", "ssl_client")]))
    source = f"oci-dir:{layout_of(tmp_path / 'image', files)}"
    with served(tmp_path / "mirror") as url:
        document = hullmark("upkeep", source, "--mirror", f"http://archive.example={url}", "-o", "json").document
    assert [(update["name"], update["candidate"]) for update in document["updates"]] == [("busybox", "1.36.1-r3")]
    assert document["problems"] == []


def test_rpm_packages_are_compared_with_the_lists_of_dnf(hullmark: Program, tmp_path: Path) -> None:
    bash = make_header({1000: "bash", 1001: "5.1.8", 1002: "6.el9", 1022: "x86_64"})
    key = make_header({1000: "gpg-pubkey", 1001: "8d81", 1002: "60e1"})
    files = {"var/lib/rpm/rpmdb.sqlite": make_sqlite([bash, key])}
    files["etc/os-release"] = b'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
    files["etc/yum.repos.d/a.repo"] = b"[baseos]\nbaseurl=http://archive.example/$releasever/$basearch/$stream/os\n"
    files["etc/dnf/vars/stream"] = b"stable\n"
    base = "9/x86_64/stable/os"
    for url, body in repository_of(base, [Rpm("bash", "5.1.8-9.el9")], [Rpm("bash", "5.1.8-7.el9")]).items():
        file = tmp_path / "mirror" / url
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    source = f"oci-dir:{layout_of(tmp_path / 'image', files)}"
    with served(tmp_path / "mirror") as url:
        asked = ("upkeep", source, "--mirror", f"http://archive.example={url}")
        document = hullmark(*asked, "-o", "json").document
        failing = hullmark(*asked, "--fail-on", "security")
        named = hullmark(
            "upkeep", source, "--repository", f"{url}/{base}", "--mirror", f"{url}={url}", "-o", "json"
        ).document
    assert [(update["name"], update["candidate"], update["is_security"]) for update in document["updates"]] == [
        ("bash", "5.1.8-9.el9", True)
    ]
    assert (document["problems"], document["unlisted"], failing.status) == ([], [], 1)
    assert [update["candidate"] for update in named["updates"]] == ["5.1.8-9.el9"]


def test_what_came_with_the_base_is_counted(hullmark: Program, tmp_path: Path) -> None:
    system = {"etc/os-release": RELEASE, "var/lib/dpkg/status": status_of(INSTALLED[:2]).encode()}
    lower, upper = tar_of(system), tar_of({"var/lib/dpkg/status": status_of(INSTALLED).encode()})
    layouts = {"base": (lower,), "image": (lower, upper), "other": (upper,)}
    for name, layers in layouts.items():
        blobs = Blobs()
        write_layout(tmp_path / name, blobs, [tagged(blobs.image(layers, config=labelled), "latest")])
    source, base, other = (f"oci-dir:{tmp_path / name}" for name in ("image", "base", "other"))
    found = hullmark("upkeep", source, "--base", base, "--base", other, "-o", "json").document
    assert found["base"] == {
        "created": "2025-01-01",
        "digest": found["base"]["digest"],
        "layers": 1,
        "packages": 2,
        "reference": base,
        "tags": None,
        "vulnerabilities": None,
    }
    assert f"it is not built on {other}" in found["problems"][0]["reason"]
    told = hullmark("upkeep", source).text
    assert "debian:13, as a label says" in told


def test_how_far_the_tag_of_the_base_is_behind_is_asked_of_its_registry(hullmark: Program, tmp_path: Path) -> None:
    lower, upper = tar_of({"etc/os-release": RELEASE}), tar_of({"var/lib/dpkg/status": status_of(INSTALLED).encode()})
    with FakeRegistry(blobs=Blobs(), digests="true").running() as registry:
        for tag, layer in (("13.1", lower), ("13.4", upper), ("14.0", upper)):
            registry.tags[tag] = str(registry.blobs.image([layer])["digest"])
        name = f"{registry.host}/{registry.repository}:13.1"

        def label(made: Json) -> Json:
            return {**made, "config": {"Labels": {"org.opencontainers.image.base.name": name}}}

        blobs = Blobs()
        write_layout(tmp_path / "image", blobs, [tagged(blobs.image([lower, upper], config=label), "latest")])
        source = f"oci-dir:{tmp_path / 'image'}"
        asked = ("--base", f"registry:{name}", "--tags", "--insecure", "-o", "json")
        found = hullmark("upkeep", source, *asked).document["base"]
        # What a label names is the image's word: this machine is not asked for it.
        refused = hullmark("upkeep", source, "--tags", "--insecure", "-o", "json").document
        options = SourceOptions(insecure=True, auth_files=(), guard=Guard(allowed=parse_networks("127.0.0.0/8")))
        states = [
            with_tags(BaseImage(reference=name, digest=digest), options)[0].tags
            for digest in (registry.tags["13.1"], "sha256:" + "0" * 64, "")
        ]
    assert (found["layers"], found["tags"]) == (1, {"count": 2, "is_moved": None, "newest": "14.0", "of_line": "13.4"})
    assert refused["base"]["tags"] is None
    assert any("how far the base" in problem["reason"] for problem in refused["problems"])
    assert [tags and (tags.count, tags.is_moved) for tags in states] == [(2, False), (2, True), (2, None)]


def labelled(config: Json) -> Json:
    """The config with a label that names the base."""
    return {**config, "config": {"Labels": {"org.opencontainers.image.base.name": "debian:13"}}}
