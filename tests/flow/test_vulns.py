"""`hullmark vulns` and `compare`: what is wrong with an image's packages, by advisories from a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import layout_of
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in

ADVISORIES = REPOSITORY / "examples" / "advisories"
METADATA = b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An image with Python and npm packages, and one of Debian."""
    files = {
        "etc/os-release": b"ID=debian\nVERSION_ID=13\n",
        "var/lib/dpkg/status": b"Package: libc6\nStatus: install ok installed\nSource: glibc\nVersion: 2.41-1\nArchitecture: amd64\n",
        "app/node_modules/minimist/package.json": b'{"name": "minimist", "version": "0.0.8"}',
    }
    for name, version in ((b"Django", b"2.2"), (b"urllib3", b"1.26.5"), (b"Jinja2", b"2.10")):
        files[f"usr/lib/python3/site-packages/{name.decode()}-{version.decode()}.dist-info/METADATA"] = METADATA % (
            name,
            version,
        )
    return layout_of(tmp_path / "shop", files)


def run(hullmark: Program, shop: Path, *words: str, advisories: Path = ADVISORIES) -> dict[str, Any]:
    ran = hullmark("vulns", "--advisories", str(advisories), "-o", "json", *words, f"oci-dir:{shop}")
    found: dict[str, Any] = ran.document
    return found


def ids(document: dict[str, Any]) -> set[str]:
    return {match["advisory"]["id"] for match in document["matches"] if match["suppressed"] is None}


def test_the_document_has_the_keys_that_are_promised(hullmark: Program, shop: Path) -> None:
    document = run(hullmark, shop)
    assert document["schema"] == "hullmark-matches/1"
    assert {"schema", "snapshot", "matches", "unknown"} <= set(document)
    (match,) = [each for each in document["matches"] if each["advisory"]["id"] == "GHSA-462w-v97r-4m45"]
    assert match["package"] == "pkg:pypi/jinja2@2.10"
    assert {"id", "aliases", "source", "severity", "cvss", "epss", "kev"} <= set(match["advisory"])
    assert match["fix"]["state"] == "fixed"
    assert match["fix"]["version"] == "2.10.1"
    assert match["why"] == "jinja2 2.10 < 2.10.1, PyPI"
    assert match["suppressed"] is None


def test_affected_versions_are_found_and_fixed_ones_are_not(hullmark: Program, shop: Path) -> None:
    assert ids(run(hullmark, shop)) == {
        "GHSA-xvch-5gv4-984h", "GHSA-vh95-rmgr-6w4m", "GHSA-vfq6-hq5r-27r6", "GHSA-hmr4-m2h5-33qx", "GHSA-462w-v97r-4m45",
    }  # fmt: skip


def test_a_package_without_data_is_unknown_with_the_reason(hullmark: Program, shop: Path) -> None:
    (unknown,) = run(hullmark, shop)["unknown"]
    assert unknown["package"].startswith("pkg:deb/debian/libc6@")
    assert unknown["reason"] == "the snapshot has no advisories for Debian 13"


FAILS = [
    ("critical", 1),
    ("high", 1),
    ("any", 1),
    ("fixable", 1),
    ("kev", 3),
    ("eol", 0),
    ("unknown", 1),
    ("kev,critical", 1),
    ("", 0),
]


@pytest.mark.parametrize(("condition", "status"), FAILS)
def test_a_run_fails_on_what_was_asked(hullmark: Program, shop: Path, condition: str, status: int) -> None:
    words = ("--fail-on", condition) if condition else ()
    result = hullmark("vulns", "--advisories", str(ADVISORIES), *words, f"oci-dir:{shop}")
    assert result.status == status
    assert (f"hullmark: --fail-on {condition} is met: " in result.err) is (status == 1)
    assert ("whether --fail-on kev is met cannot be told: the snapshot has no advisories for known" in result.err) is (
        status == 3
    )


UNRATED = [
    ("low", 3),
    ("critical", 3),
    ("unrated", 1),
    ("unrated,high", 1),
    ("any", 1),
    ("kev", 0),
    ("kev,fixable", 1),
    ("", 0),
]


@pytest.mark.parametrize(("condition", "status"), UNRATED)
def test_what_nobody_rated_never_passes_a_severity_silently(
    hullmark: Program, shop: Path, tmp_path: Path, condition: str, status: int
) -> None:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "django"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}],
    }
    record = {"id": "PYSEC-2099-1", "modified": "2024-01-01T00:00:00Z", "affected": [affected]}
    folder = tmp_path / "advisories"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(record))
    words = ("--fail-on", condition) if condition else ()
    result = hullmark("vulns", "--advisories", str(folder), *words, f"oci-dir:{shop}")
    assert result.status == status
    assert ("1 vulnerability has no severity by anybody" in result.err) is (status == 3)


def test_what_is_set_aside_does_not_fail_a_run_and_is_shown_to_who_asks(
    hullmark: Program, shop: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "ignore.yaml"
    rules.write_text(
        "ignore:\n"
        "  - {vulnerability: CVE-2021-44906, owner: web, reason: not reachable, expires: 2026-12-31}\n"
        "  - {vulnerability: CVE-2019-10906, owner: web, reason: accepted once, expires: 2020-01-01}\n"
    )
    vex = tmp_path / "vex.json"
    statement = {
        "vulnerability": {"name": "CVE-2020-7471"},
        "products": [{"@id": "pkg:pypi/django@2.2"}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    }
    vex.write_text(
        json.dumps(
            {
                "@context": "https://openvex.dev/ns/v0.2.0",
                "@id": "https://example.org/vex",
                "author": "web",
                "timestamp": "2026-01-01T00:00:00Z",
                "version": 1,
                "statements": [statement],
            }
        )
    )
    words = ("--ignore", str(rules), "--vex", str(vex), "--at", "2026-06-30T00:00:00Z")
    document = run(hullmark, shop, *words)
    aside = {match["advisory"]["id"]: match["suppressed"]["by"] for match in document["matches"] if match["suppressed"]}
    assert aside == {"GHSA-xvch-5gv4-984h": "ignore", "GHSA-hmr4-m2h5-33qx": "vex"}
    table = hullmark(
        "vulns", "--advisories", str(ADVISORIES), *words, "--show-suppressed", "--why", f"oci-dir:{shop}"
    ).text
    assert "not reachable" in table
    assert "minimist 0.0.8 < 0.2.1, npm" in table
    assert "expired on 2020-01-01" in table


def test_order_names_and_fix_states_are_as_asked_for(hullmark: Program, shop: Path) -> None:
    by_package = run(hullmark, shop, "--sort", "package", "--by-cve")
    names = [(match["package"].rpartition("/")[2], match["advisory"]["id"]) for match in by_package["matches"]]
    assert names == sorted(names)
    assert all(name.startswith("CVE-") for _, name in names)
    none_left = run(hullmark, shop, "--ignore-states", "fixed")
    assert ids(none_left) == set()


def test_either_what_has_a_fix_or_what_has_none_is_left(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    record = {
        "schema_version": "1.6.0",
        "id": "GHSA-none-none-none",
        "modified": "2026-01-01T00:00:00Z",
        "aliases": ["CVE-2026-0001"],
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": "minimist"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
            }
        ],
    }
    advisories = tmp_path / "advisories"
    shutil.copytree(ADVISORIES, advisories)
    (advisories / "open.json").write_text(json.dumps(record))
    every = ids(run(hullmark, shop, advisories=advisories))
    fixed = ids(run(hullmark, shop, "--only-fixed", advisories=advisories))
    open_ones = ids(run(hullmark, shop, "--only-notfixed", advisories=advisories))
    assert open_ones == {"GHSA-none-none-none"}
    assert fixed == every - open_ones != set()
    both = hullmark("vulns", "--only-fixed", "--only-notfixed", f"oci-dir:{shop}")
    assert both.status == 2


FORMATS = (
    "cosign-vuln",
    "csaf",
    "csv",
    "cyclonedx-json",
    "github",
    "gitlab",
    "html",
    "junit",
    "markdown",
    "openvex",
    "sarif",
)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_what_was_found(hullmark: Program, shop: Path, format: str) -> None:
    ran = hullmark("vulns", "--advisories", str(ADVISORIES), "-o", format, f"oci-dir:{shop}")
    assert ran.status == 0, ran.err
    assert "CVE-2019-10906" in ran.text or "GHSA-462w-v97r-4m45" in ran.text


def test_a_template_is_filled_in(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    template = tmp_path / "t"
    template.write_text("{% for match in matches %}{{ match.advisory.id }};{% endfor %}")
    ran = hullmark(
        "vulns", "--advisories", str(ADVISORIES), "-o", "template", "--template", str(template), f"oci-dir:{shop}"
    )
    assert "GHSA-462w-v97r-4m45;" in ran.text, ran.err


WRONG = [
    (("--sort", "nothing"), "--sort: there is no 'nothing'"),
    (("--fail-on", "terrible"), "--fail-on: there is no 'terrible'"),
    (("--ignore-states", "maybe"), "--ignore-states: there is no 'maybe'"),
    (("--ignore", "absent.yaml"), "cannot read absent.yaml"),
    (("--vex", "absent.json"), "cannot read absent.json"),
    (("--at", "never"), "--at: 'never' is not a time"),
    (("--snapshot", "absent"), "exclude each other"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_options_that_cannot_be_used_are_refused(
    hullmark: Program, shop: Path, words: tuple[str, ...], message: str
) -> None:
    ran = hullmark("vulns", "--advisories", str(ADVISORIES), *words, f"oci-dir:{shop}")
    assert ran.status == 2
    assert message in ran.err


def test_without_advisories_the_way_to_them_is_named(hullmark: Program, shop: Path) -> None:
    ran = hullmark("vulns", f"oci-dir:{shop}")
    assert ran.status == 2
    assert "hullmark db update" in ran.err


@pytest.mark.parametrize("content", ["", "[]", "{", '{"id": 1}', "null"])
def test_a_folder_with_what_is_no_advisory_is_refused(
    hullmark: Program, shop: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "a.json").write_text(content)
    ran = hullmark("vulns", "--advisories", str(tmp_path / "osv"), f"oci-dir:{shop}")
    assert ran.status == 2
    assert "OSV document" in ran.err


COMPARED = [
    (("deb", "1.0-1", "1.0-1+b1"), 0, "-1\n"),
    (("pep440", "1.0", "1.0.0"), 0, "0\n"),
    (("npm", "1.0.0", "1.0.0-rc.1"), 0, "1\n"),
    (("deb", "a:b", "1"), 2, ""),
    (("nothing", "1", "2"), 2, ""),
    (("deb", "1"), 2, ""),
]


@pytest.mark.parametrize(("words", "status", "said"), COMPARED)
def test_versions_are_compared(hullmark: Program, words: tuple[str, ...], status: int, said: str) -> None:
    ran = hullmark("compare", *words)
    assert (ran.status, ran.text) == (status, said)


def test_many_versions_are_compared_line_by_line(hullmark: Program) -> None:
    ran = hullmark("compare", "--stdin", given="deb\t1\t2\nrpm\t2\t1\nx\t1\t2\nnothing\n\ngem\t1\t1.0\n")
    assert ran.text == "-1\n1\n?\n?\n?\n0\n"
