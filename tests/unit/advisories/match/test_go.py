"""Go modules: which of two records' ranges counts, and functions that a program does not have."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, GoImport, Range
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

NAME = "example.com/m"
OPEN = affected("golang", NAME, "golang", ranges=(EVERY_VERSION,))
GET = (GoImport(f"{NAME}/http", ("Get", "Server.Serve")),)


def go(part: AffectedPackage, id: str = "GO-1") -> Advisory:
    return advisory(id, part, source="govulndb", aliases=("CVE-1-1", "GHSA-1"))


def ghsa(part: AffectedPackage) -> Advisory:
    return advisory("GHSA-1", part, source="ghsa", aliases=("CVE-1-1",))


ENDS = [
    ("v1.1.0", "1.2.0", {(NAME, "GO-1"): "1.2.0"}),  # in both
    ("v1.3.0", "1.2.0", {}),  # one record knows the end
    ("v1.3.0", "0.0.0-20240708073652-5a492a3f0036", {(NAME, "GO-1"): ""}),  # a commit is no end of tagged versions
]


@pytest.mark.parametrize(("version", "end", "found"), ENDS)
def test_a_range_without_an_end_gives_way_to_one_that_knows_it(
    version: str, end: str, found: dict[tuple[str, str], str]
) -> None:
    snapshot = snapshot_of(go(OPEN), ghsa(affected("golang", NAME, "golang", end)))
    assert counted(matched(snapshot, [package("golang", NAME, version)])) == found


def test_a_range_that_has_an_end_stands_beside_another() -> None:
    later = affected("golang", NAME, "golang", "1.4.0")
    snapshot = snapshot_of(go(later), ghsa(affected("golang", NAME, "golang", "1.2.0")))
    assert counted(matched(snapshot, [package("golang", NAME, "v1.3.0")])) == {(NAME, "GO-1"): "1.4.0"}


FUNCTIONS = [
    ("", True),
    (f"{NAME}/http.Get", True),
    (f"{NAME}/http.(*Server).Serve {NAME}.New", True),
    (f"{NAME}/http.Post", False),
    (f"{NAME}/http2.Get", False),
]


@pytest.mark.parametrize(("symbols", "counts"), FUNCTIONS)
def test_a_program_without_the_vulnerable_functions_is_not_affected_whoever_else_says_so(
    symbols: str, counts: bool
) -> None:
    part = affected("golang", NAME, "golang", "2", symbols=GET)
    snapshot = snapshot_of(go(part), ghsa(affected("golang", NAME, "golang", "2")))
    result = matched(snapshot, [package("golang", NAME, "v1.0.0", notes={"symbols": symbols})])
    assert bool(counted(result)) is counts
    (match,) = result.matches
    if not counts:
        assert match.suppressed is not None
        assert match.suppressed.reason == "the program has none of the functions that GO-1 names"


def test_where_a_package_as_a_whole_is_vulnerable_anything_of_it_is() -> None:
    snapshot = snapshot_of(go(affected("golang", "stdlib", "golang", "2", symbols=(GoImport("runtime"),))))
    linked, other = (
        package("golang", "stdlib", "1.0", notes={"symbols": each}) for each in ("runtime.main", "runtime/debug.Stack")
    )
    assert counted(matched(snapshot, [linked])) != {}
    assert counted(matched(snapshot, [other])) == {}


def test_a_record_of_which_a_part_names_no_functions_is_of_the_whole_module() -> None:
    named = affected("golang", NAME, "golang", "2", symbols=GET)
    record = advisory("GO-1", named, affected("golang", NAME, "golang", ranges=(Range(high="3"),)), source="govulndb")
    assert counted(matched(snapshot_of(record), [package("golang", NAME, "v1", notes={"symbols": "a.B"})])) != {}


def test_a_record_of_several_cves_that_names_another_record_as_itself_is_no_finding_of_its_own() -> None:
    part = affected("golang", NAME, "golang", "2")
    both = advisory("GO-1", part, source="govulndb", aliases=("CVE-1-1", "CVE-1-2", "GHSA-1"))
    (match,) = matched(snapshot_of(both, ghsa(part)), [package("golang", NAME, "v1.0.0")]).matches
    assert match.advisory.id == "GHSA-1"
    assert {"CVE-1-1", "CVE-1-2", "GO-1"} <= {*match.advisory.aliases}


@pytest.mark.parametrize(("is_program", "is_told"), [(True, False), (False, True)])
def test_of_a_program_built_from_a_commit_nothing_can_be_said_where_advisories_speak_of_it(
    is_program: bool, is_told: bool
) -> None:
    commit = package("golang", NAME, "v0.0.0-20240708073652-5a492a3f0036")
    commit = replace(commit, mains=(commit.purl if is_program else "pkg:golang/example.com/app",))
    result = matched(snapshot_of(ghsa(affected("golang", NAME, "golang", "1.2.0"))), [commit])
    assert (bool(result.matches), bool(result.unknown)) == (is_told, not is_told)
    silent = matched(snapshot_of(ghsa(affected("golang", "example.com/n", "golang", "1.2.0"))), [commit])
    assert not silent.matches
    assert not silent.unknown
