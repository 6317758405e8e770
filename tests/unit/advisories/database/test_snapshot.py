"""Snapshots: what is written is found again, equal records give equal bytes, and ranges mean what versions' schemes say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.build import build
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.database.writer import match_hash
from hullmark.advisories.match.advisory_source import Ask
from hullmark.model.advisory import (
    Advisory,
    AffectedPackage,
    Cvss,
    Exploitability,
    KevEntry,
    Lifecycle,
    Range,
    Statement,
)
from hullmark.model.errors import HullmarkError
from hullmark.versions import InvalidVersion, scheme_named
from hullmark.versions.ranges import contains
from tests.support.matching import advisory, affected, info, snapshot_of

VERSIONS = {
    "deb": ["0", "0-0~bpo1", "1.0", "1.0-1", "1.0-1+b1", "1:0.9", "1.0~rc1-1", "1.0+dfsg-1", "1.0-0"],
    "rpm": ["1.0-1.el8", "1.0-1.el8_4", "1:0.9-1", "1.0~rc1-1", "1.0^git1-1", "1.0-1", "1.0.0-1", "0:1.0-1.el8"],
    "apk": ["1.0-r0", "1.0-r10", "1.0_rc1-r0", "1.0_p1-r0", "1.0a-r0", "1.00-r0"],
    "pep440": ["1.0", "1.0.0", "1.0rc1", "1.0.post1", "1.0+local.1", "1!0.5", "1.0.dev1"],
    "npm": ["1.0.0", "1.0.0-alpha.1", "1.0.0-rc.1", "2.0.0", "1.10.0", "1.9.0"],
    "gem": ["1.0", "1.0.0", "1.0.rc1", "1.0.a.1", "1.10", "1.9"],
    "maven": ["1.0", "1.0-alpha-1", "1.0.Final", "1.0-SNAPSHOT", "1.0-jre", "1.10", "2.5-BETA1"],
    "golang": ["1.0.0", "v1.0.0", "1.0.0-20230101000000-abcdefabcdef", "1.0.0+incompatible", "1.10.0"],
    "packagist": ["1.0", "1.0.0", "1.0-RC1", "1.0.0-beta2", "1.10.0"],
    "bitnami": ["1.0.0", "1.0.0-1", "1.0.0-10", "1.1.0"],
}


@pytest.mark.parametrize("scheme", sorted(VERSIONS))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_look_ups_find_what_comparing_every_range_finds(scheme: str, data: st.DataObject) -> None:
    versions = st.sampled_from(VERSIONS[scheme])
    ranges = data.draw(
        st.lists(
            st.builds(
                Range, st.one_of(st.just(""), versions), st.booleans(), st.one_of(st.just(""), versions), st.booleans()
            ),
            max_size=4,
        )
    )
    exact = data.draw(st.lists(versions, max_size=2))
    part = AffectedPackage(namespace="n", name="x", scheme=scheme, ranges=tuple(ranges), versions=tuple(exact))
    with snapshot_of(advisory("A-1", part)) as stored:
        for version in VERSIONS[scheme]:
            spans = (*ranges, *(Range(low=v, high=v, high_open=False) for v in exact))
            expected = [number for number, span in enumerate(spans) if contains(span, version, scheme)]
            found = [spans.index(hit.range) for hit in stored.hits([Ask("n", "x", scheme, version)])]
            assert {spans[i] for i in found} == {spans[i] for i in expected}, version
            whole = stored.hits([Ask("n", "x", scheme, version, is_whole=True)])
            assert sum(hit.covers for hit in whole) == len(expected)
            assert len(whole) == len(spans)


def test_bare_rpm_versions_are_compared_without_epochs() -> None:
    with snapshot_of(advisory("A-1", affected("n", "x", "rpm", "4:5.26-2"))) as stored:
        assert [hit.covers for hit in stored.hits([Ask("n", "x", "rpm", "5.26-1", is_bare=True)])] == [True]
        assert stored.hits([Ask("n", "x", "rpm", "5.26-2", is_bare=True)]) == []
        assert stored.hits([Ask("n", "x", "rpm", "4:5.26-2")]) == []


ECOSYSTEMS = {
    "debian:12": "deb",
    "rhel:9": "rpm",
    "npm": "npm",
    "maven": "maven",
    "pypi": "pep440",
    "bitnami": "bitnami",
}


def asks_of(count: int) -> list[Ask]:
    """Asks of all ecosystems in turn, some bare, some whole, some of names that nobody knows."""
    spaces = list(ECOSYSTEMS.items())
    return [
        Ask(*(spaces[n % 6][0], f"p{n}", spaces[n % 6][1]), "1", is_bare=n % 12 == 1, is_whole=n % 5 == 0)
        for n in range(count)
    ]


def test_five_hundred_asks_of_several_ecosystems_are_one_statement() -> None:
    asks = asks_of(500)
    records = (advisory(f"A-{ask.name}", affected(*ask[:3], "2")) for ask in asks[:400])
    with snapshot_of(*records) as stored:
        statements: list[str] = []
        for connection in (stored._db, stored._look_up._db):
            connection.set_trace_callback(statements.append)
        hits = stored.hits(asks)
    assert [hit.ask for hit in hits] == list(range(400))
    assert len(statements) == 1


def test_hits_come_in_the_order_of_the_asks_and_the_same_for_every_order_of_them() -> None:
    asks = [*asks_of(60), *asks_of(13)]
    parts = [affected(*ask[:3], below) for ask in asks_of(60) for below in ("0.5", "2", "3")]
    with snapshot_of(*(advisory(f"A-{n}", part) for n, part in enumerate(parts))) as stored:
        hits = stored.hits(asks)
        assert [hit.ask for hit in hits] == sorted(hit.ask for hit in hits)
        assert {hit.ask for hit in hits} == set(range(len(asks)))
        alone = [hit._replace(ask=place) for place, ask in enumerate(asks) for hit in stored.hits([ask])]
        assert hits == alone
        assert stored.hits([]) == []


def test_names_are_asked_as_they_are_written() -> None:
    names = ['"quoted"', "back\\slash", "nul\0inside", "\udc80", "größe", "$[0]", "'; --", ""]
    with snapshot_of(
        *(advisory(f"A-{n}", affected("n", name, "deb", "2")) for n, name in enumerate(names) if n != 3)
    ) as stored:
        hits = stored.hits([Ask("n", name, "deb", "1") for name in names])
        assert [names[hit.ask] for hit in hits] == [hit.affected.name for hit in hits]
        assert [hit.ask for hit in hits] == [0, 1, 2, 4, 5, 6, 7]
        assert stored.rated(["A-0", "\udc80"]).keys() == {"A-0"}


def test_equal_records_give_equal_bytes_and_names(tmp_path: Path) -> None:
    records = [advisory(f"A-{n}", affected("n", f"p{n % 7}", "deb", f"{n}.0")) for n in range(500)]
    first, second = tmp_path / "a", tmp_path / "b"
    assert build(first, [(info("f"), records)]) == build(second, [(info("f"), iter(records))])
    assert first.read_bytes() == second.read_bytes()


def test_of_two_advisories_of_one_feed_with_one_id_the_later_counts() -> None:
    old = advisory("A-1", affected("n", "x", "deb", "2"), affected("n", "gone", "deb", "2"), aliases=("CVE-1-1",))
    new = advisory("A-1", affected("n", "x", "deb", "3"), aliases=("CVE-1-2",))
    with snapshot_of(old, advisory("A-2"), new) as stored:
        assert [hit.range.high for hit in stored.hits([Ask("n", "x", "deb", "1")])] == ["3"]
        assert stored.hits([Ask("n", "gone", "deb", "1")]) == []
        assert stored.complete("CVE-1-1") == ()
        assert [each.id for each in stored.complete("CVE-1-2")] == ["A-1"]
        assert [row[1] for row in stored.hashes()] == ["A-1", "A-2"]


def test_two_feeds_keep_their_own_word_under_one_id() -> None:
    part = affected("n", "x", "deb", "2")
    with snapshot_of(
        advisory("CVE-1-1", part, source="a"), advisory("CVE-1-1", part, source="b", severity="high")
    ) as stored:
        assert [hit.advisory.source for hit in stored.hits([Ask("n", "x", "deb", "1")])] == ["a", "b"]


def test_a_reworded_text_is_no_change_and_a_moved_range_is() -> None:
    first = advisory("A-1", affected("n", "x", "deb", "2"), summary="one", modified="2024-01-01", aliases=("B", "C"))
    assert match_hash(first) == match_hash(
        advisory("A-1", affected("n", "x", "deb", "2"), summary="two", aliases=("C", "B"))
    )
    for other in (
        advisory("A-1", affected("n", "x", "deb", "3"), aliases=("B", "C")),
        advisory("A-1", affected("n", "x", "deb", "2"), aliases=("B",)),
        advisory("A-1", affected("n", "x", "deb", "2"), aliases=("B", "C"), severity="low"),
        advisory("A-1", affected("n", "x", "deb", "2"), aliases=("B", "C"), cvss=(Cvss("3.1", "v", 1.0),)),
        advisory("A-1", affected("n", "x", "deb", "2"), aliases=("B", "C"), withdrawn="2024-01-01"),
    ):
        assert match_hash(other) != match_hash(first)


def test_every_row_names_its_source_its_licence_and_its_date() -> None:
    with snapshot_of(
        advisory("A-1", affected("n", "x", "deb", "2"), source="a", modified="2024-02-03T04:05:06Z"),
        advisory(
            "A-2", affected("n", "y", "deb", "2"), affected("m", "y", "deb", "2"), source="a", published="2024-01-01"
        ),
        covers=(),
    ) as stored:
        assert [(row.namespace, row.feed, row.advisories, row.data_at) for row in stored.coverage] == [
            ("m", "a", 1, "2024-01-01"),
            ("n", "a", 2, "2024-02-03"),
        ]
        assert stored.licences == {"a": "CC0-1.0"}
        assert [(feed.name, feed.records, feed.data_at) for feed in stored.feeds] == [("a", 2, "2024-02-03")]
        assert (stored.data_at, sorted(stored.namespaces)) == ("2024-02-03", ["m", "n"])


def test_what_is_known_by_cve_product_and_purl_is_found_again() -> None:
    entry = KevEntry(cve="CVE-1-1", source="kev", added="2024-01-01")
    score = Exploitability(cve="CVE-1-1", score=0.5, percentile=0.9, day="2024-01-01")
    release = Lifecycle(product="debian", release="12", source="eol", eol="2028-06-30")
    statement = Statement(
        vulnerability="CVE-1-1",
        source="hub",
        status="not_affected",
        products=("pkg:npm/x@1?a=b", "pkg:npm/%40s/x@2", "sha256:00@1"),
    )
    with snapshot_of(entry, score, release, statement) as stored:
        assert stored.exploited(["CVE-1-1", "CVE-1-2"]) == {"CVE-1-1": entry}
        assert stored.exploitability(["CVE-1-1", "CVE-1-2"]) == {"CVE-1-1": score}
        assert stored.lifecycles("debian") == stored.lifecycles("debian", "12") == (release,)
        assert stored.lifecycles("debian", "11") == ()
        assert stored.statements(["pkg:npm/x"]) == stored.statements(["pkg:npm/%40s/x"]) == [statement]
        assert stored.statements(["sha256:00@1"]) == [statement]
        assert stored.statements(["sha256:00"]) == []


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + bytes(4096)])
def test_what_is_no_snapshot_is_refused_with_advice(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(HullmarkError) as refused:
        Snapshot(path, "sha256:0")
    assert "hullmark db update" in refused.value.advice


@given(
    st.builds(Range, low=st.text(max_size=8), high=st.text(max_size=8)),
    st.text(max_size=8),
    st.sampled_from(sorted(VERSIONS)),
)
def test_any_text_is_in_a_range_or_not(span: Range, version: str, scheme: str) -> None:
    assert contains(span, version, scheme) in (True, False)
    found = scheme_named(scheme)
    assert found is not None
    try:
        found.compare(version, version)
    except InvalidVersion:
        return
    assert contains(Range(), version, scheme)


def test_an_advisory_without_anything_affected_only_rates() -> None:
    with snapshot_of(Advisory(id="CVE-1-1", source="nvd", severity="high"), covers=()) as stored:
        assert [each.severity for each in stored.rated(["CVE-1-1"])["CVE-1-1"]] == ["high"]
        assert stored.namespaces == {}


def test_a_feed_may_replace_another_ones_word_on_what_is_affected(tmp_path: Path) -> None:
    theirs = [advisory(f"CVE-1-{n}", affected("cpe", "a:x:x", "generic", "9"), severity="high") for n in (1, 2)]
    ours = [advisory("CVE-1-1", affected("cpe", "a:x:x", "generic", "2"))]
    over = msgspec.structs.replace(info("over"), overrides="nvd")
    digest = build(tmp_path / "s", [(info("nvd"), theirs), (over, ours)])
    with Snapshot(tmp_path / "s", digest) as stored:
        found = [(hit.advisory.id, hit.range.high) for hit in stored.hits([Ask("cpe", "a:x:x", "generic", "1")])]
        assert sorted(found) == [("CVE-1-1", "2"), ("CVE-1-2", "9")]
        assert [each.severity for each in stored.rated(["CVE-1-1"])["CVE-1-1"]] == ["high", "unknown"]
