"""The distribution: os-release(5) and the files of those that have none."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS, distro_qualifier, parse_os_release, read_distro
from hullmark.model.inventory import Distro
from tests.support.views import FakeView

READER = Cataloger(name="distro", types=(), reads=DISTRO_READS, assemble=lambda view: ())
ETC, USR = "etc/os-release", "usr/lib/os-release"


def distro(files: dict[str, bytes], links: dict[str, str] | None = None) -> Distro | None:
    return read_distro(FakeView(files, READER, links=links))


def values(text: str) -> dict[str, str]:
    return parse_os_release(ETC, memoryview(text.encode()), lambda _: None)


def test_os_release_says_everything() -> None:
    body = (
        b'# a comment\nPRETTY_NAME="Oracle Linux Server 9.4"\nNAME="Oracle Linux Server"\nID="ol"\nID_LIKE="fedora rhel"\n\n'
        b'VERSION_ID="9.4"\nVERSION_CODENAME=plow\nCPE_NAME="cpe:/o:oracle:linux:9:4:server"\nLOGO=x\n'
    )
    assert distro({ETC: body}) == Distro(
        id="ol",
        version_id="9.4",
        codename="plow",
        pretty_name="Oracle Linux Server 9.4",
        id_like=("fedora", "rhel"),
        cpe_name="cpe:/o:oracle:linux:9:4:server",
    )


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("plain", "plain"),
        ("'single $x \\n'", "single $x \\n"),
        ('"double"', "double"),
        (r'"a \"quoted\" \$x \\ \`y\`"', r'a "quoted" $x \ `y`'),
        (r'"keeps \n"', r"keeps \n"),
        ("'it'\\''s'", "it's"),
        ("two words", "two words"),
        ("  spaced  ", "spaced"),
        ("''", ""),
        ("", ""),
        ('"with # no comment"', "with # no comment"),
    ],
)
def test_values_are_unquoted_as_a_shell_does(value: str, meaning: str) -> None:
    assert values(f"NAME={value}\n") == {"NAME": meaning}


@pytest.mark.parametrize("line", ['NAME="open', "NAME='open", "NAME=trailing\\", "no assignment", "1=2"])
def test_a_line_that_cannot_be_read_is_reported_and_the_others_stay(line: str) -> None:
    problems: list[str] = []
    body = memoryview(f"ID=debian\n{line}\nVERSION_ID=12".encode())
    assert parse_os_release(ETC, body, problems.append) == {"ID": "debian", "VERSION_ID": "12"}
    assert problems == ["1 line(s) of this file are not assignments and were not read"]


def test_the_later_assignment_counts_and_crlf_is_read() -> None:
    assert values("ID=a\r\nID=b\r\n") == {"ID": "b"}


def test_etc_comes_before_usr_lib_and_links_are_followed() -> None:
    assert distro({ETC: b"ID=a\n", USR: b"ID=b\n"}) == Distro(id="a")
    assert distro({USR: b"ID=b\n"}) == Distro(id="b")
    assert distro({USR: b"ID=b\n"}, {ETC: "../usr/lib/os-release"}) == Distro(id="b")
    files = {"usr/lib/os.release.d/os-release-fedora": b"ID=fedora\n"}
    assert distro(files, {ETC: "../usr/lib/os-release", USR: "./os.release.d/os-release-fedora"}) == Distro(id="fedora")


def test_an_os_release_without_an_id_is_linux_unless_another_file_knows() -> None:
    assert distro({ETC: b"NAME=Mine\n"}) == Distro(id="linux", pretty_name="Mine")
    found = distro({ETC: b"NAME=Mine\n", "etc/alpine-release": b"3.19.1\n"})
    assert found is not None
    assert found.id == "alpine"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('VERSION="12 (bookworm)"', ("12", "")),
        ('VERSION="12 (bookworm)"\nVERSION_ID=""\nVERSION_CODENAME=bookworm', ("12", "bookworm")),
        ('VERSION="22.04.3 LTS (Jammy Jellyfish)"', ("22.04.3", "")),
        ('VERSION="9.4 (Plow)"', ("9.4", "")),
        ("VERSION=v3.19", ("3.19", "")),
        ("VERSION=3.21.0_alpha20240807", ("3.21.0_alpha20240807", "")),
        ("VERSION=trixie/sid", ("", "trixie")),
        ("VERSION=Edge", ("", "edge")),
        ("VERSION=trixie/sid\nVERSION_CODENAME=sid", ("", "sid")),
        ('VERSION="the 9th release"', ("", "")),
        ("VERSION=12x", ("", "")),
        ("VERSION=1.2.", ("", "")),
        ("VERSION=13\nVERSION_ID=12", ("12", "")),
        ("VERSION=3.22\nVERSION_ID=edge", ("edge", "")),
        ("VERSION=trixie/sid\nVERSION_ID=12", ("12", "")),
    ],
)
def test_without_a_version_id_the_version_counts_or_else_its_label(lines: str, expected: tuple[str, str]) -> None:
    found = distro({ETC: f"ID=x\n{lines}\n".encode()})
    assert found is not None
    assert (found.version_id, found.codename) == expected


def test_an_id_that_cannot_be_one_is_not_believed() -> None:
    found = distro({ETC: b"ID='../x y'\n"})
    assert found is not None
    assert found.id == "linux"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("etc/alpine-release", "3.19.1\n", ("alpine", "3.19.1", "")),
        ("etc/alpine-release", "3.21.0_alpha20240807\n", ("alpine", "3.21.0_alpha20240807", "")),
        ("etc/debian_version", "12.5\n", ("debian", "12", "")),
        ("etc/debian_version", "trixie/sid\n", ("debian", "", "trixie")),
        ("etc/redhat-release", "CentOS release 6.10 (Final)\n", ("centos", "6.10", "")),
        ("etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n", ("centos", "7.9.2009", "")),
        ("etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", ("rhel", "6.10", "")),
        ("etc/redhat-release", "Rocky Linux release 8.9 (Green Obsidian)\n", ("rocky", "8.9", "")),
        ("etc/oracle-release", "Oracle Linux Server release 7.9\n", ("ol", "7.9", "")),
        ("etc/system-release", "Amazon Linux AMI release 2018.03\n", ("amzn", "2018.03", "")),
        ("etc/redhat-release", "Fedora release 39 (Thirty Nine)\n", ("fedora", "39", "")),
    ],
)
def test_without_os_release_the_older_files_tell(path: str, text: str, expected: tuple[str, str, str]) -> None:
    found = distro({path: text.encode()})
    assert found is not None
    assert (found.id, found.version_id, found.codename) == expected


@pytest.mark.parametrize("path", ["etc/alpine-release", "etc/debian_version", "etc/redhat-release"])
def test_a_release_file_of_junk_tells_nothing(path: str) -> None:
    assert distro({path: b"\x00\xff release \n"}) is None
    assert distro({path: b"Nobody's Linux release 7.9 (Verona)\n"}) is None
    assert distro({}) is None


def test_the_purl_qualifier_has_the_version_where_there_is_one() -> None:
    assert distro_qualifier(Distro(id="alpine", version_id="3.19.1")) == "alpine-3.19.1"
    assert distro_qualifier(Distro(id="arch")) == "arch"
    assert distro_qualifier(None) == ""


@pytest.mark.skipif(not Path("/etc/os-release").exists(), reason="this machine has no os-release")
def test_this_machine_is_read_as_the_standard_library_reads_it() -> None:
    found = distro({ETC: Path("/etc/os-release").read_bytes()})
    expected = platform.freedesktop_os_release()
    assert found is not None
    assert (found.id, found.version_id) == (expected["ID"], expected.get("VERSION_ID", ""))
    assert found.pretty_name == expected["PRETTY_NAME"]


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=40))
def test_any_quoted_value_comes_back(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    assert values(f'NAME="{quoted}"') == {"NAME": value.strip()}


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body: bytes) -> None:
    for path in (ETC, "etc/alpine-release", "etc/redhat-release", "etc/debian_version"):
        distro({path: body})
