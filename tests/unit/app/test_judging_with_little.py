"""Judging and reporting where something is missing or odd: advisories, a policy, a profile, a place to write to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.advisories.database.shelf import Shelf
from hullmark.app import api
from hullmark.app.advisories import open_snapshot
from hullmark.app.check import CheckOptions, judge, load, profile_of
from hullmark.app.image_report import report_on
from hullmark.app.minimize import emit, minimality_of, reach_request, refuse_to_emit, write_seccomp
from hullmark.app.upkeep import UpkeepRequest, upkeep_of
from hullmark.app.verdicts import advisory_lookup
from hullmark.model.errors import HullmarkError
from hullmark.model.seccomp import SyscallDoubt, SyscallProfile, SyscallWitness
from hullmark.reach.analysis import ReachRequest
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.support.attestations import Signer
from tests.support.images import layout_of, small_layout
from tests.support.matching import TODAY, advisory, affected, snapshot_of
from tests.support.repositories import Entry, served, write_suite
from tests.support.shelves import put, some_feeds

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAYS = ("2026-03-01", "", "2026-02-03")
OPTIONS, RESOURCES = SourceOptions(), ScanResources()
ANCHORE = {
    "id": "b",
    "version": "2",
    "rule_sets": [{"id": "r", "name": "r", "version": "2", "rules": []}],
    "mappings": [
        {
            "id": "m",
            "name": "m",
            "registry": "*",
            "repository": "*",
            "image": {"type": "tag", "value": "*"},
            "rule_set_ids": ["r"],
        }
    ],
}
RECORD = {
    "id": "T-1",
    "affected": [
        {
            "package": {"ecosystem": "Debian:13", "name": "zlib1g"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}],
        }
    ],
}
KEY = Signer().public.decode()
DPKG = b"Package: zlib1g\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"


def refused(act: Callable[[], object]) -> tuple[str, str]:
    """What is said, and what is advised."""
    with pytest.raises(HullmarkError) as caught:
        act()
    return str(caught.value), caught.value.advice


# Advisories


def test_what_stands_in_for_advisories_is_named(tmp_path: Path) -> None:
    def opened(place: Path) -> object:
        with open_snapshot(Shelf(tmp_path / "shelf"), folder=place) as found:
            return found

    folder, file = tmp_path / "advisories", tmp_path / "list.json"
    folder.mkdir()
    assert refused(lambda: opened(folder)) == (f"{folder} holds no OSV document", "give a folder with files NAME.json")
    assert refused(lambda: opened(tmp_path / "none"))[0] == f"{tmp_path / 'none'} is not a folder"
    with (folder / "a.json").open("wb") as large:
        large.truncate((64 << 20) + 1)  # of holes
    assert refused(lambda: opened(folder)) == (
        f"{folder / 'a.json'} is more than can be read",
        "at most 1,000,000 files of 64 MiB",
    )
    file.write_text(f"[{json.dumps(RECORD)}, {{]")
    message, advice = refused(lambda: opened(file))
    assert (message.startswith(f"{file} is not a list of OSV records: "), advice) == (True, "mend it")
    file.write_text(json.dumps([RECORD]))
    opened(file)
    with pytest.raises(HullmarkError) as gone, open_snapshot(Shelf(tmp_path / "shelf"), tmp_path / "none"):
        pass
    assert str(gone.value) == f"{tmp_path / 'none'} is not there"
    with pytest.raises(ValueError, match="none is given"):
        api.vulns(f"oci-dir:{tmp_path}")


def test_a_snapshot_that_is_not_kept_any_more_is_told_from_one_that_is(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    digest = put(shelf, some_feeds(3))
    with advisory_lookup(shelf) as look:
        known = look(digest, "CVE-2026-1")
        assert known is not None
        with pytest.raises(KeyError):
            look(f"sha256:{'0' * 64}", "CVE-2026-1")


# Judging


def test_a_policy_of_another_language_asks_nothing_of_places(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(ANCHORE))
    reference = f"oci-dir:{small_layout(tmp_path / 'image')}"
    policy = load(tmp_path / "policy.json")
    judged = judge(reference, policy, NOW, RESOURCES, OPTIONS, CheckOptions(wants_demands=True))
    assert (judged.verdict.verdict.value, judged.demands) == ("go", None)
    report = report_on(reference, snapshot_of(), policy, NOW, RESOURCES, OPTIONS)
    assert report.verdict is not None
    assert report.verdict.verdict is judged.verdict.verdict
    assert report_on(reference, snapshot_of(), None, NOW, RESOURCES, OPTIONS).verdict is None


@pytest.mark.parametrize(("name", "without"), [("strict", ()), ("compat", ("Q99",))])
def test_a_profile_or_quirk_that_does_not_exist_is_refused(name: str, without: tuple[str, ...]) -> None:
    message, advice = refused(lambda: profile_of(name, without))
    assert message.startswith("--profile: ")
    assert advice == "there are native and compat; quirks are Q1 to Q41"


# Upkeep


def test_an_update_says_since_when_there_is_a_fix_and_an_image_without_packages_says_so(tmp_path: Path) -> None:
    image = layout_of(
        tmp_path / "image", {"etc/os-release": b"ID=debian\nVERSION_ID=13\n", "var/lib/dpkg/status": DPKG}
    )
    empty = layout_of(tmp_path / "empty", {"readme": b"hello"})
    found = upkeep_of(f"oci-dir:{empty}", UpkeepRequest(at=TODAY), None, RESOURCES, OPTIONS)
    assert [problem.reason for problem in found.problems] == ["it has no packages of dpkg, apk or rpm"]
    found = upkeep_of(f"oci-dir:{image}", UpkeepRequest(at=TODAY), None, RESOURCES, OPTIONS)
    assert [problem.reason for problem in found.problems] == [
        "the image names no repository that its packages come from"
    ]
    write_suite(tmp_path / "archive", "trixie", [Entry("zlib1g", "9")])
    fixes = (affected("debian:13", "zlib1g", "deb", "9", fix_date=day) for day in DAYS)
    snapshot = snapshot_of(*(advisory(f"A-{number}", part) for number, part in enumerate(fixes)))
    with served(tmp_path / "archive") as url, snapshot:
        request = UpkeepRequest(
            at=TODAY,
            repositories=("deb http://archive.example trixie main",),
            mirrors=(("http://archive.example", url),),
        )
        (update,) = upkeep_of(f"oci-dir:{image}", request, snapshot, RESOURCES, OPTIONS).updates
    assert (update.candidate.version, update.since) == ("9", "2026-02-03")


# What is reached


def test_a_record_of_what_was_opened_counts_for_the_image(tmp_path: Path) -> None:
    for name, lines in (("one", "/etc/passwd\n/proc/⋯/maps\n"), ("two", "/usr/bin/app\n/etc/passwd\n/proc/⋯/fd\n")):
        (tmp_path / name).write_text(lines)
    files = [str(tmp_path / name) for name in ("one", "two")]
    request = reach_request("shop:1", roots=("/usr/bin/app",), why=(), observed=files, syscalls=True)
    assert request.observed is not None
    assert request.observed.paths == ("/etc/passwd", "/usr/bin/app")
    assert (request.observed.unclear, request.roots, request.syscalls) == (2, ("/usr/bin/app",), True)


def test_what_is_left_is_written_into_an_empty_folder_and_nowhere_else(tmp_path: Path) -> None:
    reference = f"oci-dir:{small_layout(tmp_path / 'image')}"
    found, files = minimality_of(reference, ReachRequest(), None, TODAY, RESOURCES, OPTIONS)
    target = tmp_path / "left"
    refuse_to_emit(reference, str(target))
    emit(reference, found, files, str(target), OPTIONS)
    assert (target / "index.json").exists()
    assert refused(lambda: refuse_to_emit(reference, str(target))) == (
        f"{target} is there already",
        "name a new folder, or an empty one",
    )
    (target / "files.txt").unlink()
    (target / "files.txt").mkdir()
    assert refused(lambda: emit(reference, found, files, str(target), OPTIONS)) == (
        f"cannot write to {target}: Is a directory",
        "check path, rights and space",
    )
    assert refused(lambda: refuse_to_emit(reference, f"/{'x' * 300}"))[0].endswith(": File name too long")


def test_a_profile_of_system_calls_is_written_as_far_as_it_can_be_relied_on(tmp_path: Path) -> None:
    reference = f"oci-dir:{small_layout(tmp_path / 'image')}"
    found, _ = minimality_of(reference, ReachRequest(), None, TODAY, RESOURCES, OPTIONS)
    profile = SyscallProfile(
        machine="64:62", calls=(SyscallWitness("read", "/app", "it says so"),), default=("read", "write")
    )
    file = tmp_path / "seccomp.json"
    message = write_seccomp(replace(found, syscalls=profile), str(file), "refuse")
    assert message == f"{file} allows 1 system calls, of 2 that engines allow by default"
    assert allowed(file) == ["read"]
    doubtful = replace(found, syscalls=replace(profile, unsure=(SyscallDoubt("/app", "it makes code while it runs"),)))
    assert "/app: it makes code while it runs" in write_seccomp(doubtful, str(file), "allow-default")
    assert allowed(file) == ["read", "write"]
    for act, reason in (
        (lambda: write_seccomp(doubtful, str(file), "refuse"), "not all system calls that are made can be told"),
        (lambda: write_seccomp(found, str(file), "refuse"), "which system calls are made cannot be told"),
        (lambda: write_seccomp(doubtful, str(tmp_path), "allow-default"), f"cannot write {tmp_path}: Is a directory"),
    ):
        assert refused(act)[0].startswith(reason)


def allowed(file: Path) -> list[str]:
    document: Any = json.loads(file.read_bytes())
    return list(document["syscalls"][0]["names"])


def test_advisories_that_tell_no_day_are_taken_to_be_old(tmp_path: Path) -> None:
    params = [{"name": "max_days_since_sync", "value": "2"}]
    rule = {"id": "s", "gate": "vulnerabilities", "trigger": "stale_feed_data", "action": "stop", "params": params}
    bundle = {**ANCHORE, "rule_sets": [{"id": "r", "name": "r", "version": "2", "rules": [rule]}]}
    (tmp_path / "policy.json").write_text(json.dumps(bundle))
    reference, policy = f"oci-dir:{small_layout(tmp_path / 'image')}", load(tmp_path / "policy.json")
    for day, expected in (("2026-04-30", "go"), ("2026-01-01", "stop"), ("soon", "stop")):
        with snapshot_of(advisory("A-1", affected("debian:13", "x", "deb", "2"), modified=day)) as snapshot:
            judged = judge(reference, policy, NOW, RESOURCES, OPTIONS, CheckOptions(advisories=snapshot))
        assert judged.verdict.verdict.value == expected


def test_where_no_signatures_could_be_looked_for_a_rule_about_them_cannot_tell(tmp_path: Path) -> None:
    rule = {"id": "ours", "gate": "signatures", "trigger": "signed_by", "action": "stop", "params": {"keys": [KEY]}}
    policy = {"schema": "hullmark-policy/1", "name": "trust", "version": "1", "rules": [rule]}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    reference = f"oci-dir:{small_layout(tmp_path / 'image')}"
    judged = judge(reference, load(tmp_path / "policy.json"), NOW, RESOURCES, OPTIONS, CheckOptions(signatures=None))
    assert judged.verdict.verdict.value == "unknown"
