"""What counts as a difference of two snapshots, which packages it touches."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.build import build
from hullmark.advisories.database.compare import AdvisoryChange, Difference, compare, covered_otherwise
from hullmark.advisories.database.excerpt import Excerpt
from hullmark.advisories.database.hits import STATEMENT
from hullmark.advisories.database.schema import Cover
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.advisory import (
    Advisory,
    Cvss,
    Exploitability,
    KevEntry,
    Lifecycle,
    Record,
    Support,
)
from tests.support.matching import advisory, affected, info
from tests.support.snapshots import snapshot_in

FOO = affected("debian:12", "foo", "deb", "1.5")
BAR = affected("debian:12", "bar", "deb", "2.0")
OLD = affected("debian:12", "foo", "deb", "1.1")
BASE = advisory("CVE-2024-1", FOO, BAR, severity="low", aliases=("DSA-1",))
KEV = KevEntry(cve="CVE-2024-1", source="cisa", added="2024-01-01", action="Patch.")
END = Lifecycle(product="debian", release="12", source="eol", eol="2028-06-30")


def difference(tmp_path: Path, before: Sequence[Record], after: Sequence[Record], **more: Any) -> Difference:
    """The difference of two snapshots of these records."""
    with snapshot_in(tmp_path, before) as previous, snapshot_in(tmp_path, after) as following:
        return compare(previous, following, **more)


def but(record: Advisory, **more: Any) -> Advisory:
    """The same advisory, but for this."""
    return msgspec.structs.replace(record, **more)


OPERATIONS = {
    "a new advisory": ([], [BASE], "added", {"foo", "bar"}),
    "an advisory that is gone": ([BASE], [], "removed", {"foo", "bar"}),
    "one that was taken back": ([BASE], [but(BASE, withdrawn="2024-02-01")], "changed", {"foo", "bar"}),
    "another severity": ([BASE], [but(BASE, severity="high")], "changed", {"foo", "bar"}),
    "another alias": ([BASE], [but(BASE, aliases=())], "changed", {"foo", "bar"}),
    "another fix of one package": (
        [BASE], [but(BASE, affected=(affected("debian:12", "foo", "deb", "1.6"), BAR))], "changed", {"foo"},
    ),
    "what is said of one package in another order": (
        [but(BASE, affected=(FOO, BAR, OLD))], [but(BASE, affected=(OLD, BAR, FOO))], "changed", {"foo"},
    ),
    "one package more": ([but(BASE, affected=(FOO,))], [BASE], "changed", {"bar"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_change_touches_the_packages_of_which_something_else_is_said(tmp_path: Path, name: str) -> None:
    before, after, op, names = OPERATIONS[name]
    told = difference(tmp_path, before, after)
    assert [(each.op, each.feed, each.id) for each in told.advisories] == [(op, "test", "CVE-2024-1")]
    assert told.keys == {("debian:12", name) for name in names}


def test_a_reworded_text_is_no_difference(tmp_path: Path) -> None:
    reworded = but(BASE, summary="Other words.", references=("https://example.test",), modified="2024-03-01")
    assert difference(tmp_path, [BASE, KEV], [reworded, msgspec.structs.replace(KEV, action="Do.")]) == Difference()


def test_equal_snapshots_have_no_difference_whatever_their_feeds_are_called(tmp_path: Path) -> None:
    assert difference(tmp_path, [BASE, KEV, END], [BASE, KEV, END]) == Difference()


def test_a_cve_that_is_rated_otherwise_is_told_apart_from_one_that_affects_otherwise(tmp_path: Path) -> None:
    rating = Advisory(id="CVE-2024-1", source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:N", 7.5),))
    fixed = but(BASE, affected=(affected("debian:12", "foo", "deb", "1.6"), BAR))
    assert difference(tmp_path, [BASE], [BASE, rating]).rated == {"CVE-2024-1"}
    assert difference(tmp_path, [BASE], [fixed]).rated == frozenset()
    assert difference(tmp_path, [], [but(BASE, severity="unknown")]).rated == frozenset()


def test_entries_of_the_catalogue_of_exploited_vulnerabilities_come_go_and_change(tmp_path: Path) -> None:
    other = KevEntry(cve="CVE-2024-2", source="cisa", added="2024-01-02")
    worse = msgspec.structs.replace(KEV, ransomware=True)
    told = difference(tmp_path, [KEV, other], [worse])
    assert [(each.cve, each.before, each.after) for each in told.kev] == [
        ("CVE-2024-1", KEV, worse),
        ("CVE-2024-2", other, None),
    ]


@pytest.mark.parametrize(
    ("before", "after", "crosses"),
    [
        (0.05, 0.1, True),
        (0.1, 0.0999, True),
        (0.1, 0.4, False),
        (0.4, 0.5, True),
        (0.01, 0.09, False),
        (None, 0.2, True),
        (0.2, None, True),
        (None, 0.02, False),
    ],
)
def test_a_score_is_news_when_it_crosses_a_threshold(
    tmp_path: Path, before: float | None, after: float | None, crosses: bool
) -> None:
    old, new = ([] if score is None else [Exploitability("CVE-2024-1", score, 0.5)] for score in (before, after))
    told = difference(tmp_path, old, new, thresholds=(0.5, 0.1))
    assert [each.cve for each in told.epss] == (["CVE-2024-1"] if crosses else [])


def test_without_thresholds_no_score_is_news(tmp_path: Path) -> None:
    assert difference(tmp_path, [], [Exploitability("CVE-2024-1", 0.9, 0.9)], thresholds=()).epss == ()


def test_a_package_that_is_supported_otherwise_is_a_difference(tmp_path: Path) -> None:
    ended = Support(namespace="debian:12", name="foo", source="test", level="ended")
    limited = msgspec.structs.replace(ended, level="limited")
    (told,) = difference(tmp_path, [ended], [limited]).support
    assert (told.key, told.before, told.after) == (("debian:12", "foo"), ended, limited)
    assert difference(tmp_path, [ended], [ended]).support == ()


def test_what_another_feed_comes_to_override_is_a_change_of_every_package_that_it_spoke_of(tmp_path: Path) -> None:
    told = advisory("CVE-2024-1", FOO, BAR, source="nvd")
    word = advisory("CVE-2024-1", BAR, source="word")

    def built(name: str, *records: Advisory) -> Snapshot:
        feeds = [(info("nvd"), [told]), (msgspec.structs.replace(info("word"), overrides="nvd"), records)]
        return Snapshot(tmp_path / name, build(tmp_path / name, feeds))

    with built("before") as previous, built("after", word) as following:
        found = compare(previous, following)
    assert [(each.op, each.feed) for each in found.advisories] == [("changed", "nvd"), ("added", "word")]
    assert found.keys == {("debian:12", "foo"), ("debian:12", "bar")}


def test_another_author_of_the_same_words_is_a_difference(tmp_path: Path) -> None:
    def by(author: str) -> Snapshot:
        path = tmp_path / author
        return Snapshot(path, build(path, [(info("collection"), [but(BASE, source=author)])]))

    with by("ghsa") as previous, by("osv") as following:
        found = compare(previous, following)
    assert found.keys == {("debian:12", "foo"), ("debian:12", "bar")}
    assert found.rated == {"CVE-2024-1"}


def test_a_namespace_of_which_only_one_snapshot_knows_is_named(tmp_path: Path) -> None:
    other = advisory("CVE-2024-2", affected("pypi", "foo", "pep440", "1.0"))
    assert difference(tmp_path, [BASE], [BASE, other]).namespaces == {"pypi"}


def test_a_namespace_that_only_one_snapshot_knows_all_of_is_named(tmp_path: Path) -> None:
    def covering(number: int, *names: str, **more: Any) -> Snapshot:
        path = tmp_path / f"{number}.sqlite"
        covers = tuple(Cover(name) for name in names)
        records = [BASE, advisory("CVE-2024-2", affected("pypi", "foo", "pep440", "1.0"))]
        return Snapshot(path, build(path, [(info("test", covers=covers, **more), records)]))

    (space,) = {part.namespace for part in BASE.affected}
    with (
        covering(1, space, "pypi") as both,
        covering(2, space) as one,
        covering(3, space, "pypi", stale_days=30) as ageing,
    ):
        assert compare(both, one).namespaces == compare(one, both).namespaces == {"pypi"}
        assert compare(both, ageing).namespaces == frozenset()
        day, later = "2026-07-30", "2026-07-31"
        assert covered_otherwise(ageing, ageing, (day, day)) == frozenset()
        assert covered_otherwise(ageing, ageing, (day, later)) == {space, "pypi"}
        assert covered_otherwise(both, ageing, (later, later)) == {space, "pypi"}


def test_a_namespace_of_which_neither_snapshot_tells_all_is_named_where_the_reason_is_another(tmp_path: Path) -> None:
    def of(checked_on: str, **more: Any) -> Snapshot:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite"
        told = {"covers": (Cover("pypi"),), "checked_on": checked_on, "stale_days": 7, **more}
        return Snapshot(
            path, build(path, [(info("test", **told), [advisory("CVE-1", affected("pypi", "foo", "pep440", "1"))])])
        )

    days = ("2026-05-01", "2026-05-02")
    with of("2026-03-01") as old, of("2026-03-10") as less_old, of("2026-03-10", covers=()) as part:
        assert covered_otherwise(old, old, days) == frozenset()
        assert covered_otherwise(old, less_old, days) == covered_otherwise(less_old, old, days) == {"pypi"}
        assert covered_otherwise(less_old, part, days) == covered_otherwise(part, less_old, days) == {"pypi"}


MARKS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "é"]), st.sampled_from(["CVE-1", "CVE-10", "CVE-2", "\U0001f600", "z"])),
    st.sampled_from(["low", "high"]),
)


@settings(max_examples=60)
@given(MARKS, MARKS)
def test_the_merge_finds_just_what_the_two_sets_do_not_have_in_common(
    before: dict[tuple[str, str], Any], after: dict[tuple[str, str], Any]
) -> None:
    def records(marks: dict[tuple[str, str], Any]) -> list[Record]:
        return [advisory(id, FOO, source=feed, severity=word) for (feed, id), word in marks.items()]

    with tempfile.TemporaryDirectory(prefix="hullmark-test-") as folder:
        told = difference(Path(folder), records(before), records(after))
    expected = {
        key: "added" if key not in before else "removed" if key not in after else "changed"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }
    assert {(each.feed, each.id): each.op for each in told.advisories} == expected
    assert [_place(each) for each in told.advisories] == sorted(expected)


def _place(each: AdvisoryChange) -> tuple[str, str]:
    return each.feed, each.id


def test_the_ranges_of_the_package_are_searched_and_not_all_ranges(tmp_path: Path) -> None:
    with snapshot_in(tmp_path, [BASE]) as snapshot:
        rows = snapshot._look_up._db.execute(f"EXPLAIN QUERY PLAN {STATEMENT}", ("[]",)).fetchall()
        assert any("SEARCH s USING PRIMARY KEY (package=?)" in row[3] for row in rows)


def test_an_excerpt_names_the_packages_of_the_advisories_that_go_by_a_name(tmp_path: Path) -> None:
    other = advisory("CVE-2024-2", affected("pypi", "foo", "pep440", "1.0"), aliases=("GHSA-1",))
    gone = advisory("CVE-2024-3", BAR, withdrawn="2024-02-01")
    with snapshot_in(tmp_path, [BASE, other, gone]) as snapshot, Excerpt(snapshot) as excerpt:
        for name, keys in (("DSA-1", {("debian:12", "foo"), ("debian:12", "bar")}), ("GHSA-1", {("pypi", "foo")})):
            numbers = excerpt.going_by([name, "unheard of"])
            assert {snapshot.by_number(number).aliases for number in numbers} == {(name,)}
            assert excerpt.keys_of(numbers) == keys
        assert excerpt.keys_of(excerpt.going_by(["CVE-2024-3"])) == set()
