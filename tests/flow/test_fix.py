"""`hullmark fix`: what is changed, what remains, with which exit status; nothing that nobody saw is called go."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.debs import Deb, write_debs
from tests.support.dynamic import dynamic_elf
from tests.support.images import Blobs, tagged, write_layout
from tests.support.program import Program, program_in
from tests.support.repositories import Entry, Rpm, apk_index, repository_of, served
from tests.unit.catalog.relations.test_systems import stanza
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import make_header

ARCHIVE = "http://archive.example/debian"
LD = "lib64/ld.so"
NEWER = Deb("tool", "2", {"/usr/bin/tool": (0o755, b"new\n"), "/usr/lib/tool": (0o644, b"x\n")})


def program(*needed: str) -> bytes:
    return dynamic_elf((*needed, "libc.so.6"), interpreter=f"/{LD}")


def listed(*paths: str) -> bytes:
    return "".join(f"{path}\n" for path in paths).encode()


FILES: dict[str, bytes] = {
    "etc/os-release": b"ID=debian\nVERSION_ID=13\n",
    "etc/apt/sources.list": f"deb {ARCHIVE} trixie main\n".encode(),
    "var/lib/dpkg/status": (
        stanza("shop")
        + stanza("tool")
        + stanza("nmap")
        + stanza("nmap-gui", Depends="nmap")
        + stanza("base", Essential="yes")
        + stanza("ncat", Depends="base")
    ).encode(),
    "var/lib/dpkg/info/shop.list": listed("/usr/bin/shop", "/usr/lib/liba.so.1"),
    "var/lib/dpkg/info/tool.list": listed("/usr/bin/tool", "/usr/lib/old"),
    "var/lib/dpkg/info/nmap.list": listed("/usr/bin/nmap"),
    "var/lib/dpkg/info/nmap-gui.list": listed("/usr/bin/nmap-gui"),
    "var/lib/dpkg/info/base.list": listed("/bin/sh", "/usr/bin/dpkg"),
    "var/lib/dpkg/info/ncat.list": listed("/usr/bin/ncat"),
    LD: dynamic_elf(soname="ld.so"),
    "usr/lib/libc.so.6": dynamic_elf(soname="libc.so.6"),
    "usr/lib/liba.so.1": dynamic_elf(soname="liba.so.1"),
    "usr/lib/old": b"old\n",
    "usr/bin/shop": program("liba.so.1"),
    **{path: program() for path in ("bin/sh", "usr/bin/dpkg", "usr/bin/apt-get", "usr/bin/nmap", "usr/bin/nmap-gui")},
    **{path: program() for path in ("usr/bin/tool", "usr/bin/ncat", "opt/helper")},
}
SETUID = ("usr/bin/tool", "opt/helper")
RULES = {
    "tools": "{id: tools, gate: packages, trigger: forbidden, action: stop, params: {names: ['nmap*']}}",
    "ncat": "{id: ncat, gate: packages, trigger: forbidden, action: stop, params: {names: [ncat, base]}}",
    "setuid": "{id: setuid, gate: files, trigger: setuid, action: stop, params: {}}",
    "needed": "{id: needed, gate: files, trigger: required, action: stop, params: {paths: [/usr/bin/tool]}}",
    "version": "{id: version, gate: packages, trigger: required, action: stop, params: {names: [tool], version: '>= 2'}}",
    "user": "{id: user, gate: config, trigger: user, action: stop, params: {not_root: true}}",
    "health": "{id: health, gate: config, trigger: healthcheck, action: warn}",
    "ports": "{id: ports, gate: config, trigger: exposed_ports, action: stop, params: {allowed: []}}",
    "shop": "{id: shop, gate: packages, trigger: forbidden, action: stop, params: {names: [shop]}}",
}


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    write_debs(tmp_path / "mirror" / "debian", "trixie", [NEWER], by_dpkg=False)
    with served(tmp_path / "mirror") as url:
        yield url


def image(folder: Path, files: Mapping[str, bytes] = FILES, **settings: Any) -> str:
    """An image that starts the shop; all its files may be run."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(body), 0o4755 if name in SETUID else 0o755
            tar.addfile(info, io.BytesIO(body))
    blobs = Blobs()
    config = {"Cmd": ["/usr/bin/shop"], **settings}
    write_layout(
        folder,
        blobs,
        [tagged(blobs.image((out.getvalue(),), config=lambda made: {**made, "config": config}), "latest")],
    )
    return f"oci-dir:{folder}"


def policy(folder: Path, *rules: str) -> Path:
    """A policy of some of the rules."""
    path = folder / f"{'-'.join(rules)}.yaml"
    lines = "".join(f"  - {RULES[rule]}\n" for rule in rules)
    path.write_text(f"schema: hullmark-policy/1\nname: p\nversion: 1\nrules:\n{lines}")
    return path


def fixed(hullmark: Program, tmp_path: Path, source: str, rules: tuple[str, ...], *words: str) -> tuple[int, Any]:
    """The exit status, and the document."""
    ran = hullmark("fix", source, "--policy", policy(tmp_path, *rules), "-o", "json", *words)
    assert ran.out, ran.err
    return ran.status, json.loads(ran.out)


def summaries(document: Any) -> list[str]:
    return [change["summary"] for change in document["changes"]]


def test_what_nothing_reaches_goes_with_what_needs_it(hullmark: Program, tmp_path: Path) -> None:
    source = image(tmp_path / "image")
    status, found = fixed(hullmark, tmp_path, source, ("tools", "user"), "--repository", f"deb {ARCHIVE} x main")
    assert (status, found["after"]["verdict"], found["proof"]) == (0, "go", "judged")
    assert summaries(found) == ["remove nmap 1, with 1 more that needs it", "run as the user 65532"]
    assert found["dockerfile"] == "FROM IMAGE\nRUN dpkg --purge nmap nmap-gui\nUSER 65532\n"
    assert sorted(mend["subject"].partition("@")[0] for mend in found["changes"][0]["mends"]) == [
        "pkg:deb/debian/nmap",
        "pkg:deb/debian/nmap-gui",
    ]


def test_an_update_is_judged_by_its_own_files(hullmark: Program, mirror: str, tmp_path: Path) -> None:
    """The newer tool is not setuid; of one that cannot be had nobody knows that, and nothing is called go."""
    source, rules = image(tmp_path / "image"), ("setuid", "needed")
    words = ("--mirror", f"{ARCHIVE}={mirror}/debian")
    status, found = fixed(hullmark, tmp_path, source, (*rules, "version"), *words)
    assert (status, found["after"]["verdict"]) == (0, "go")
    assert summaries(found) == ["take the setuid and setgid bits from /opt/helper", "update tool from 1 to 2"]
    assert "apt-get install --yes --only-upgrade" in found["dockerfile"]
    for place in (tmp_path / "mirror/debian/pool").iterdir():
        place.write_bytes(b"changed")
    status, found = fixed(hullmark, tmp_path, source, (*rules, "version"), *words)
    assert (status, found["after"]["verdict"]) == (1, "stop")
    assert not [change for change in found["changes"] if change["kind"] == "update"]
    assert any("is not the file that its list names" in problem["reason"] for problem in found["problems"])


def test_of_newer_apks_only_name_and_version_are_known(hullmark: Program, tmp_path: Path) -> None:
    record = "C:Q1\nP:tool\nV:1-r0\nA:x86_64\no:tool\nF:usr/bin\nR:tool\n\n"
    files = {path: body for path, body in FILES.items() if "dpkg" not in path and "apt" not in path}
    files |= {"lib/apk/db/installed": record.encode(), "etc/os-release": b"ID=alpine\nVERSION_ID=3.20.1\n"}
    files |= {"etc/apk/repositories": b"http://archive.example/v3.20/main\n", "sbin/apk": program()}
    index = tmp_path / "apks" / "v3.20" / "main" / "x86_64" / "APKINDEX.tar.gz"
    index.parent.mkdir(parents=True)
    index.write_bytes(apk_index([Entry("tool", "2-r0", "x86_64")]))
    source = image(tmp_path / "image", files)
    with served(tmp_path / "apks") as url:
        words = ("--mirror", f"http://archive.example={url}")
        status, found = fixed(hullmark, tmp_path, source, ("version",), *words)
        assert (status, summaries(found)) == (0, ["update tool from 1-r0 to 2-r0"])
        assert found["dockerfile"] == "FROM IMAGE\nRUN apk upgrade --no-cache tool\n"
        status, found = fixed(hullmark, tmp_path, source, ("version", "needed"), *words)
        assert (status, found["changes"]) == (1, [])


@pytest.mark.parametrize(
    ("tool", "commands"),
    [
        ("dnf", "dnf upgrade --assumeyes tool tool-libs && \\\n    dnf clean all"),
        ("microdnf", "microdnf update --assumeyes tool tool-libs && \\\n    microdnf clean all"),
        ("zypper", "zypper --non-interactive update tool tool-libs && \\\n    zypper clean --all"),
        ("rpm", ""),
    ],
)
def test_of_newer_rpms_only_name_and_version_are_known(
    hullmark: Program, tmp_path: Path, tool: str, commands: str
) -> None:
    names = ("tool", "tool-libs")
    told: dict[int, Any] = {1001: "1", 1002: "5.el9", 1003: (4, (1,)), 1022: "x86_64", 1044: "tool-1-5.el9.src.rpm"}
    database = make_sqlite([make_header({1000: name, **told}) for name in names])
    files = {path: body for path, body in FILES.items() if "dpkg" not in path and "apt" not in path}
    files |= {"var/lib/rpm/rpmdb.sqlite": database, f"usr/bin/{tool}": program(), "var/cache/dnf/a.solv": b""}
    files |= {"etc/os-release": b'ID="rocky"\nVERSION_ID="9.4"\n'}
    files |= {"etc/yum.repos.d/a.repo": b"[baseos]\nbaseurl=http://archive.example/os\n"}
    newer = [Rpm(name, "1:2-1.el9", source="tool-2-1.el9.src.rpm") for name in names]
    for url, body in repository_of("os", newer).items():
        file = tmp_path / "rpms" / url
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    source = image(tmp_path / "image", files)
    with served(tmp_path / "rpms") as url:
        words = ("--mirror", f"http://archive.example={url}")
        status, found = fixed(hullmark, tmp_path, source, ("version",), *words)
        if not commands:
            assert (status, found["changes"]) == (1, [])
            return
        assert (status, summaries(found)) == (0, ["update tool from 1:1-5.el9 to 1:2-1.el9"])
        assert found["dockerfile"] == f"FROM IMAGE\nRUN {commands}\n"
        assert "What newer rpms need besides is installed, or brought with them." in found["assumed"]
        status, found = fixed(hullmark, tmp_path, source, ("version", "needed"), *words)
        assert (status, found["changes"]) == (1, [])


def test_what_remains_is_said_with_the_reason(hullmark: Program, tmp_path: Path) -> None:
    source = image(tmp_path / "image", ExposedPorts={"22/tcp": {}})
    status, found = fixed(hullmark, tmp_path, source, ("ncat", "health", "ports", "shop"))
    assert (status, found["after"]["verdict"], found["reached"]) == (1, "stop", False)
    copied = "copy all files into an empty image, without EXPOSE 22/tcp"
    assert summaries(found) == [copied, "remove ncat 1"]
    assert found["dockerfile"] == (
        'FROM IMAGE AS whole\nRUN dpkg --purge ncat\n\nFROM scratch\nCOPY --from=whole / /\nCMD ["/usr/bin/shop"]\n'
    )
    reasons = {remain["finding"]["rule_id"]: remain["reason"] for remain in found["remains"]}
    assert "base is essential to dpkg" in reasons["ncat"] or "it is essential to dpkg" in reasons["ncat"]
    assert reasons["health"] == "only a person knows what tells that it is well: --set 'HEALTHCHECK CMD …'"
    assert reasons.keys() == {"ncat", "health", "shop"}
    assert "it is used: /usr/bin/shop is what CMD starts" in reasons["shop"]
    status, found = fixed(hullmark, tmp_path, source, ("health", "user"), "--set", 'HEALTHCHECK CMD ["/usr/bin/nmap"]')
    assert status == 0
    status, found = fixed(hullmark, tmp_path, source, ("health", "tools"), "--set", 'HEALTHCHECK CMD ["/usr/bin/nmap"]')
    assert (status, summaries(found)) == (1, ["remove nmap-gui 1", 'set HEALTHCHECK CMD ["/usr/bin/nmap"]'])


def test_nothing_is_removed_where_not_all_could_be_followed(hullmark: Program, tmp_path: Path) -> None:
    source = image(tmp_path / "image", Cmd=["/usr/bin/absent"])
    status, found = fixed(hullmark, tmp_path, source, ("tools",))
    assert (status, found["changes"]) == (1, [])
    assert all("whether it is used is not known" in remain["reason"] for remain in found["remains"])
    bare = {path: body for path, body in FILES.items() if path != "bin/sh"}
    status, found = fixed(hullmark, tmp_path, image(tmp_path / "bare", bare), ("tools",))
    assert (status, found["changes"]) == (1, [])
    assert all("the image has no shell to remove it by" in remain["reason"] for remain in found["remains"])


def test_an_image_that_passes_is_left_alone(hullmark: Program, tmp_path: Path) -> None:
    source = image(tmp_path / "image", User="7")
    ran = hullmark("fix", source, "--policy", policy(tmp_path, "user"), "-o", "dockerfile")
    assert (ran.status, ran.text) == (0, "# go: nothing has to be changed\n")
    warned = ("fix", source, "--policy", policy(tmp_path, "health"))
    assert hullmark(*warned).status == 1
    assert hullmark(*warned, "--goal", "warn").status == 0


def test_a_base_is_told_by_its_layers(hullmark: Program, tmp_path: Path) -> None:
    source = image(tmp_path / "image")
    status, found = fixed(hullmark, tmp_path, source, ("tools",), "--base", image(tmp_path / "other", User="7"))
    assert status == 0
    assert "which of its layers are a base's is not known" in found["problems"][0]["reason"]


def test_what_makes_no_sense_is_refused(hullmark: Program, tmp_path: Path) -> None:
    source, rules = image(tmp_path / "image"), policy(tmp_path, "user")
    for words in (("--set", "RUN rm"), ("--set", "USER a\nRUN b"), ("--set", "USER 1 \\")):
        what, advice = hullmark("fix", source, "--policy", rules, *words).refusal
        assert what.startswith("--set: ")
        assert "as in a Dockerfile" in advice
    what, _ = hullmark("fix", f"dir:{tmp_path}", "--policy", rules).refusal
    assert what == "only an image can be built anew, not a folder or a list of packages"
