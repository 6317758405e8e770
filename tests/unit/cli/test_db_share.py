"""`hullmark db` of snapshots: on their way to other machines, compared with one another, searched and taken into use again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from hullmark.advisories.database.shelf import Shelf
from hullmark.model.advisory import AffectedPackage, Exploitability, KevEntry, Range, Record
from tests.support.in_process import CommandLine
from tests.support.open_registry import OpenRegistry
from tests.support.shelves import fingerprint_of, key_pair, numbered, put, some_feeds


@pytest.fixture
def shelf(hullmark: CommandLine) -> Shelf:
    """That of the program's user."""
    return Shelf(hullmark.home / ".local" / "share" / "hullmark" / "advisories")


def elsewhere(hullmark: CommandLine) -> dict[str, str]:
    """The variables of another user, with a shelf of her own."""
    return {"HOME": str(hullmark.home / "other")}


def test_a_signed_bundle_goes_to_another_machine_and_later_only_what_changed(
    hullmark: CommandLine, shelf: Shelf
) -> None:
    """What is older than what is in use is taken, and said with how to go back."""
    key, public = key_pair(hullmark.place)
    old, other = put(shelf, some_feeds(300)), elsewhere(hullmark)
    ran = hullmark("db", "export", "old.bundle", "--key", key)
    size = (hullmark.place / "old.bundle").stat().st_size
    assert ran.text.splitlines() == [f"old.bundle: the whole snapshot, {size:,} bytes, signed", f"snapshot {old}"]
    signer = fingerprint_of(public)
    trusting = ("--trust", public)
    ran = hullmark("db", "import", "old.bundle", *trusting, env=other)
    assert (ran.text, ran.err) == (f"snapshot {old}, came whole, signed by {signer}, in use now\n", "")

    new = put(shelf, some_feeds(301, day="2026-02-02"))
    ran = hullmark("db", "export", "new.bundle", "--since", old)
    assert ran.text.startswith(f"new.bundle: what changed since {old}, ")
    assert ran.text.splitlines()[0].endswith(" bytes, not signed")
    ran = hullmark("db", "import", "new.bundle", "--allow-unsigned", env=other)
    assert ran.text == f"snapshot {new}, came as what changed, not signed, in use now\n"
    ran = hullmark("db", "import", "old.bundle", *trusting, env=other)
    assert ran.text == f"snapshot {old}, was there already, signed by {signer}, in use now\n"
    assert ran.err.splitlines() == [
        "hullmark: its data, of 2026-01-01, is older than that of the snapshot before",
        f"  if that is not meant, take the other one into use again: hullmark db use {new}",
    ]
    assert hullmark("db", "use", new[7:19], env=other).text == f"snapshot {new}, in use now\n"


def test_a_snapshot_is_pushed_to_a_registry_and_pulled_from_it(hullmark: CommandLine, shelf: Shelf) -> None:
    digest = put(shelf, some_feeds(50))
    with OpenRegistry().running() as registry:
        name = f"{registry.host}/advisories:latest"
        ran = hullmark("db", "push", name, "--insecure")
        first, second = ran.text.splitlines()
        assert first.startswith(f"{name}@sha256:")
        assert (first.rpartition(", ")[2], second) == ("not signed", f"snapshot {digest}")
        ran = hullmark("db", "pull", name, "--insecure", "--allow-unsigned", env=elsewhere(hullmark))
        assert (ran.text, ran.err) == (f"snapshot {digest}, came whole, not signed, in use now\n", "")
        ran = hullmark("db", "pull", name, "--insecure", env=elsewhere(hullmark))
        assert ran.refusal[0] == "no key is named to verify the signature with"


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("export", "give a file to write, as advisories.bundle"),
        ("import", "give the bundle's file"),
        ("push", "give a name in a registry, as registry.example.org/advisories:latest"),
        ("pull", "give a name in a registry, as registry.example.org/advisories:latest"),
    ],
)
@pytest.mark.parametrize("given", [(), ("one", "two")])
def test_a_snapshot_goes_to_one_place(hullmark: CommandLine, action: str, what: str, given: tuple[str, ...]) -> None:
    assert hullmark("db", action, *given).refusal == (f"{action} takes one argument", what)


def with_signs(cve: str, score: float, *, is_exploited: bool) -> Mapping[str, list[Record]]:
    """A feed of an advisory, one of scores, and one of what is exploited."""
    entry = KevEntry(cve=cve if is_exploited else "CVE-2026-9", source="kev", added="2026-01-01")
    return {"one": [numbered(1)], "scores": [Exploitability(cve, score, 0.5, "2026-01-01")], "kev": [entry]}


def test_two_snapshots_differ_in_advisories_scores_and_what_is_exploited(hullmark: CommandLine, shelf: Shelf) -> None:
    old = put(shelf, with_signs("CVE-2026-1", 0.001, is_exploited=False))
    new = put(shelf, {**with_signs("CVE-2026-1", 0.95, is_exploited=True), "one": [numbered(2)]})
    ran = hullmark("db", "diff", old)
    assert [line.split() for line in ran.text.splitlines()] == [
        ["CHANGE", "FEED", "WHAT"],
        ["removed", "one", "A-000001"],
        ["added", "one", "A-000002"],
        ["added", "kev", "CVE-2026-1"],
        ["removed", "kev", "CVE-2026-9"],
        ["changed", "epss", "CVE-2026-1", "0.00", "to", "0.95"],
        ["2", "advisories,", "of", "2", "packages"],
    ]
    assert hullmark("db", "diff", new).text == "0 advisories, of 0 packages\n"
    assert hullmark("db", "diff", old, "-o", "json").document["epss"] == [
        {"cve": "CVE-2026-1", "before": 0.0, "after": 0.95}
    ]


def test_a_snapshot_that_is_not_there_is_refused_with_those_that_are(hullmark: CommandLine, shelf: Shelf) -> None:
    assert hullmark("db", "use", "8041f0954dd1").refusal == ("there is no snapshot 8041f0954dd1", "kept are none")
    digest = put(shelf, some_feeds(3))
    for words, what in (
        (("use",), "which snapshot?"),
        (("use", digest[7:12]), f"there is no snapshot {digest[7:12]}"),  # too little of a digest to go by
        (("diff", "gone"), "there is no snapshot gone"),
    ):
        assert hullmark("db", *words).refusal == (what, f"kept are {digest}")


def test_an_advisory_of_very_many_packages_is_shown_in_part_and_says_so(hullmark: CommandLine, shelf: Shelf) -> None:
    """What is not affected is told apart from what nobody can tell; control signs are written out; programs get all of it."""
    parts = tuple(
        AffectedPackage(namespace="pypi", name=f"p{number:02}", scheme="pep440", ranges=(Range(high="2"),))
        for number in range(42)
    )
    untold = AffectedPackage(
        namespace="pypi", name="b", scheme="pep440", kind="unknown", versions=("3",), note="no word"
    )
    spared = AffectedPackage(namespace="pypi", name="a", scheme="pep440", kind="unaffected", versions=("1",))
    names = tuple(f"CVE-2026-{number}" for number in range(10))
    wide = replace(
        numbered(1),
        aliases=names,
        affected=(spared, untold, *parts),
        summary="a\x1b[31mb",
        published="2026-01-02T03:04",
    )
    put(shelf, {"one": [wide]})
    lines = hullmark("db", "search", "A-000001").text.splitlines()
    assert lines[0] == "A-000001  one  unknown  2026-01-02"
    assert lines[1:3] == ["  a\\x1b[31mb", f"  also {', '.join(names[:8])}, and 2 more"]
    assert lines[3] == "    pypi a is not affected = 1"
    assert lines[4] == "    pypi b = 3: nobody can tell whether it is affected: no word"
    assert (len(lines), lines[-1]) == (44, "    and 4 more, all of them with -o json")
    (whole,) = json.loads(hullmark("db", "search", "A-000001", "-o", "json").out)
    assert len(whole["affected"]) == 44
    put(shelf, {"one": [replace(numbered(1), aliases=())]})
    assert not any("also" in line for line in hullmark("db", "search", "A-000001").text.splitlines())
    assert hullmark("db", "search").refusal[0] == "what is to be searched?"
    assert hullmark("db", "search", "pypi:nothing").text == "nothing is known of that\n"


def test_an_index_of_java_archives_comes_of_one_file(hullmark: CommandLine) -> None:
    ran = hullmark("db", "jars", "one", "two")
    assert ran.refusal == ("db jars takes one file", "put several lists into one: cat A B > C")
    assert hullmark("db", "jars").refusal[0] == "there is no index of Java archives"


def mirror_in(folder: Path, *records: object) -> Path:
    """A mirror whose one feed, PyPA's, has these records."""
    path = folder / "osv-vulnerabilities.storage.googleapis.com" / "PyPI" / "all.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, record in enumerate(records):
            archive.writestr(f"PYSEC-{number}.json", json.dumps(record))
    return folder


def pypa(id: str) -> dict[str, object]:
    """A record as OSV writes it."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": "django"}, "ranges": ranges}]
    return {"id": id, "modified": "2026-01-01T00:00:00Z", "affected": affected}


def test_what_could_not_be_read_of_a_feed_is_said_with_the_first_reason(hullmark: CommandLine) -> None:
    mirror = mirror_in(hullmark.place / "mirror", pypa("PYSEC-1"), {"id": 7})
    ran = hullmark("db", "update", "--from", mirror, "--feeds", "pypa")
    (line, _) = ran.text.splitlines()
    assert ran.status == 0
    assert line.split(" (")[0].split() == ["pypa", "updated", "1", "records"]
    assert "1 problem(s), as " in line
    assert "PYSEC-1.json: " in line


def test_an_update_at_a_terminal_shows_what_it_is_at(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only there, and unless it is to be quiet."""
    monkeypatch.setenv("TERM", "xterm-256color")
    words = ("db", "update", "--from", mirror_in(hullmark.place / "mirror", pypa("PYSEC-1")), "--feeds", "pypa")
    assert "snapshot" in hullmark(*words, is_watched=True).err
    for more in (("--quiet",), ()):
        assert hullmark(*words, *more, is_watched=bool(more)).err == ""
