"""`hullmark db`: advisories from a mirror, kept, shown, searched and compared; and nothing half-made, whenever it is killed."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.advisories import advisory_files
from tests.support.images import layout_of
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in
from tests.support.updated import Updated, updated_program

FEW = "kev,alpine,rustsec"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Updated:
    """A program whose advisories are those of the real data: of every feed where slow tests run."""
    made = updated_program(tmp_path_factory, request.config)
    outcomes = {feed["feed"]: feed for feed in made.answer["feeds"]}
    assert {outcome["status"] for outcome in outcomes.values()} <= {"updated", "absent"}, outcomes
    return made


@pytest.fixture(scope="module")
def updated(brought: Updated) -> Program:
    return brought.program


@pytest.mark.parametrize("_of", ["these feeds", pytest.param("all feeds", marks=pytest.mark.slow)])
def test_twice_in_a_row_gives_the_same_snapshot(brought: Updated, _of: str) -> None:
    updated = brought.program
    first = updated("db", "status", "-o", "json").document["digest"]
    again = updated("db", "update", "--from", advisory_files(), *brought.some, "-o", "json", seconds=300).document
    assert again["digest"] == again["previous"] == first
    assert {feed["status"] for feed in again["feeds"]} - {"absent"} == {"unchanged"}


@pytest.mark.parametrize(
    "some", [("--feeds", FEW), pytest.param((), marks=pytest.mark.slow)], ids=["a few feeds", "all feeds"]
)
def test_what_is_read_anew_gives_the_same_snapshot(updated: Program, some: tuple[str, ...]) -> None:
    first = updated("db", "status", "-o", "json").document["digest"]
    ran = updated("db", "update", "--from", advisory_files(), "--anew", *some, "-o", "json", seconds=300)
    assert ran.document["digest"] == first


def test_status_names_count_age_and_licence_of_every_namespace(updated: Program) -> None:
    document = updated("db", "status", "-o", "json").document
    assert document["digest"].startswith("sha256:")
    rows = {(row["namespace"], row["feed"]): row for row in document["namespaces"]}
    pypi = rows["pypi", "pypa"]
    assert (pypi["count"] > 2000, pypi["licence"], pypi["age_days"] >= 0) == (True, "CC-BY-4.0", True)
    assert all(row["licence"] for row in document["namespaces"])
    text = updated("db", "status").text
    assert "alpine:3.11" in text
    assert document["digest"] in text


def test_a_vulnerability_and_a_package_can_be_searched(updated: Program) -> None:
    by_id = updated("db", "search", "CVE-2021-44228", "-o", "json").document
    assert any("log4j-core" in affected["name"] for advisory in by_id for affected in map(part, advisory["affected"]))
    assert "django" in updated("db", "search", "pypi:django").text
    assert updated("db", "search", "no-such-thing").text == "nothing is known of that\n"
    log4j = "org.apache.logging.log4j"
    for text in (f"{log4j}:log4j-core", "log4j-core", f"pkg:maven/{log4j}/log4j-core@2.14.1?type=jar"):
        assert f"{log4j}:log4j-core" in updated("db", "search", text).text, text
    assert "django" in updated("db", "search", "pkg:pypi/django@1.0").text


def part(row: object) -> dict[str, str]:
    """Parts are written as rows: the namespace and the name are their first cells."""
    assert isinstance(row, list)
    return {"namespace": row[0], "name": row[1]}


def mirror_of(folder: Path, *ids: str) -> Path:
    """A mirror whose one feed, PyPA's, has advisories with these ids."""
    import zipfile

    path = folder / "osv-vulnerabilities.storage.googleapis.com" / "PyPI" / "all.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for id in ids:
            ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]
            record = {
                "id": id,
                "modified": "2026-01-01T00:00:00Z",
                "affected": [{"package": {"ecosystem": "PyPI", "name": "django"}, "ranges": ranges}],
            }
            archive.writestr(f"{id}.json", json.dumps(record))
    return folder


def test_an_update_in_which_a_feed_failed_ends_with_a_status_and_db_status_says_since_when(
    hullmark: Program, tmp_path: Path
) -> None:
    mirror = mirror_of(tmp_path / "m", "PYSEC-1")
    kev = mirror / "www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
    kev.parent.mkdir(parents=True)
    kev.write_text('{"vulnerabilities": [')
    for _ in range(2):
        ran = hullmark("db", "update", "--from", mirror)
        assert ran.status == 3
        assert re.search(r"^kev +failed +0 records: .*cannot be read", ran.out.decode(), re.M)
    feeds = {feed["name"]: feed for feed in hullmark("db", "status", "-o", "json").document["feeds"]}
    assert (feeds["kev"]["state"], feeds["pypa"]["state"]) == ("failed", "good")
    assert feeds["kev"]["failing_since"]
    assert re.search(r"^kev .* FAILED since \d{4}-\d\d-\d\d: ", hullmark("db", "status").text, re.M)
    kev.write_text('{"vulnerabilities": []}')
    assert hullmark("db", "update", "--from", mirror).status == 0
    (mirror / "osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip").write_bytes(b"PK")
    kev.unlink()
    assert hullmark("db", "update", "--from", mirror).status == 2


def test_two_snapshots_are_compared_and_an_earlier_one_can_be_used_again(hullmark: Program, tmp_path: Path) -> None:
    first = hullmark("db", "update", "--from", mirror_of(tmp_path / "m", "PYSEC-1"), "-o", "json").document["digest"]
    second = hullmark("db", "update", "--from", mirror_of(tmp_path / "m", "PYSEC-1", "PYSEC-2"), "-o", "json").document[
        "digest"
    ]
    difference = hullmark("db", "diff", first, second, "-o", "json").document
    assert difference["advisories"] == [{"op": "added", "feed": "pypa", "id": "PYSEC-2"}]
    assert difference["packages"] == ["pypi django"]
    assert hullmark("db", "use", first[:20]).status == 0
    assert hullmark("db", "status", "-o", "json").document["digest"] == first


def test_a_snapshot_is_used_by_its_file_too(hullmark: Program, tmp_path: Path) -> None:
    hullmark("db", "update", "--from", mirror_of(tmp_path / "m", "PYSEC-1"))
    path = hullmark("db", "status", "-o", "json").document["path"]
    copy = shutil.copy(path, tmp_path / "snapshot")
    image = layout_of(
        tmp_path / "image",
        {"usr/lib/python3/site-packages/Django-1.0.dist-info/METADATA": b"Name: Django\nVersion: 1.0\n"},
    )
    ran = program_in(tmp_path / "other")("vulns", "--snapshot", copy, "-o", "json", f"oci-dir:{image}")
    assert [match["advisory"]["id"] for match in ran.document["matches"]] == ["PYSEC-1"]
    assert ran.document["snapshot"]["digest"] == hullmark("db", "status", "-o", "json").document["digest"]


REFUSED = [
    (("db", "update", "--from", "/no/such/folder"), "is not a folder"),
    (("db", "update", "--feeds", "nothing"), "there is no feed 'nothing'"),
    (("db", "status"), "there are no advisories yet"),
    (("db", "search"), "what is to be searched?"),
    (("db", "diff"), "diff takes one or two snapshots"),
    (("db", "use", "sha256:00"), "there is no snapshot"),
    (("vulns", "--snapshot", str(REPOSITORY / "README.md"), "dir:."), "cannot be opened as a snapshot"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_cannot_be_done_is_refused(hullmark: Program, words: tuple[str, ...], message: str) -> None:
    what, advice = hullmark(*words).refusal
    assert message in what
    assert advice


@pytest.mark.slow
def test_whenever_an_update_is_killed_the_old_snapshot_is_whole_and_the_next_update_succeeds(
    hullmark: Program,
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same moments in every run
    mirror = advisory_files()
    before = hullmark("db", "update", "--from", mirror, "--feeds", "kev", "-o", "json").document["digest"]
    began = time.monotonic()
    program_in(hullmark.place.parent / "timed")("db", "update", "--from", mirror, "--feeds", FEW)
    whole = time.monotonic() - began
    killed = 0
    for _ in range(20):
        try:
            hullmark("db", "update", "--from", mirror, "--feeds", FEW, "--anew", seconds=chance.random() * whole)
        except subprocess.TimeoutExpired:
            killed += 1
        status = hullmark("db", "status", "-o", "json").document
        found = hullmark("db", "search", "CVE-2021-44228", "-o", "json")
        assert found.status == 0, found.err
        assert status["digest"] in hullmark.home.joinpath(".local/share/hullmark/advisories/current").read_text()
    assert killed > 0
    last = hullmark("db", "update", "--from", mirror, "--feeds", FEW, "-o", "json").document
    clean = program_in(hullmark.place.parent / "clean")(
        "db", "update", "--from", mirror, "--feeds", FEW, "-o", "json"
    ).document
    assert last["digest"] == clean["digest"] != before
