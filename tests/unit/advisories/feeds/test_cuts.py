"""Behind a limit of a feed nothing hides: what is left out is reported as a cut, and a feed with a cut is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hullmark.advisories.database.schema import FeedInfo
from hullmark.advisories.database.wholeness import TOLERATED_PARTS, whole_at
from hullmark.advisories.feeds import haskell, nodejs, nvd_overrides, pypa, suse
from hullmark.advisories.feeds.feed import Cut, DamagedDocument, Document, Feed, RecordFault, reason_of
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.vunnel import records_of
from hullmark.model.advisory import Record
from hullmark.model.limit import BeyondLimit
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import Problems, heard, read, tar_document
from tests.walk.world import lowered
from tools.limits import bounds

UNSEEN = {
    f"{bound.module}.{bound.name}": bound
    for bound in bounds()
    if bound.room == "advisories/feeds" and bound.effect == "unseen"
}
CRITERIA = "<criteria>" * 3 + '<criterion test_ref="t"/>' + "</criteria>" * 3
OVAL = f"""<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"><definitions>
<definition id="d:1" class="vulnerability"><metadata><title>CVE-2001-1267</title></metadata>{CRITERIA}</definition>
</definitions></oval_definitions>"""
HASKELL = """```toml
[advisory]
id = "HSEC-2023-0007"
[[affected]]
package = "base"
[[affected.versions]]
introduced = "3.0.3.1"
```
# A title
"""
NODE = {"id": 1, "module_name": "x", "title": "t", "vulnerable_versions": "<1 || =2 || =4", "patched_versions": ">=5"}
MATCHES = [{"criteria": f"cpe:2.3:a:v:p{number}:1:*:*:*:*:*:*:*", "vulnerable": True} for number in range(3)]
OVERRIDE = {
    "_annotation": {"cve_id": "CVE-2026-1"},
    "cve": {"configurations": [{"nodes": [{"cpeMatch": MATCHES}]}]},
}
FIXED = {"Name": "tar", "VersionFormat": "rpm", "Version": "2", "VulnerableRange": ">= 1, < 2"}
VULNERABILITY = {"Name": "CVE-2024-1", "NamespaceName": "rhel:9", "FixedIn": [FIXED]}
ENVELOPE = {
    "schema": "https://raw.example/anchore/vunnel/main/schema/vulnerability/os/schema-1.0.0.json",
    "identifier": "x",
    "item": {"Vulnerability": VULNERABILITY},
}
F = "hullmark.advisories.feeds."
CASES: dict[str, tuple[int, Feed, Document]] = {
    f"{F}formats.cpe_configurations._MAX_MATCHES": (
        2,
        nvd_overrides.FEED,
        tar_document("https://x.example/a.tar.gz", {"n/data/2026/CVE-2026-1.json": json.dumps(OVERRIDE)}),
    ),
    f"{F}formats.oval._MAX_DEPTH": (
        1,
        suse.FEED,
        Bytes("https://x.example/suse.linux.enterprise.server.15.xml", OVAL.encode()),
    ),
    f"{F}formats.spans._MAX_RANGES": (
        2,
        nodejs.FEED,
        tar_document("https://x.example/a.tar.gz", {"x/vuln/npm/1.json": json.dumps(NODE)}),
    ),
    f"{F}formats.yamls._LIMIT": (
        10,
        pypa.FEED,
        tar_document(
            "https://x.example/a.tar.gz", {"x/vulns/a/PYSEC-1.yaml": "id: PYSEC-1\n# longer than it may be\n"}
        ),
    ),
    f"{F}haskell._LIMIT": (
        20,
        haskell.FEED,
        tar_document("https://x.example/a.tar.gz", {"x/advisories/published/2023/HSEC-2023-0007.md": HASKELL}),
    ),
    f"{F}haskell._MAX_TOML": (
        20,
        haskell.FEED,
        tar_document("https://x.example/a.tar.gz", {"x/advisories/published/2023/HSEC-2023-0007.md": HASKELL}),
    ),
}
OF_ENVELOPES = f"{F}formats.vunnel_os._MAX_RANGE"
OF_FAULTS = {f"{F}faults._MAX_ROWS", f"{F}formats.names._MAX_NAMES"}
"""What lies beyond these makes a fault that may be about any package (`test_faults`)."""


def reading_of(key: str) -> Callable[[], tuple[list[Record], Problems]]:
    """What reads the document of a case."""
    if key == OF_ENVELOPES:
        body = json.dumps(ENVELOPE).encode()
        return lambda: heard(lambda report: records_of(body, "rhel", report, "a.json"))
    _, feed, document = CASES[key]
    return lambda: read(feed, document)


def test_each_limit_of_the_feeds_beyond_which_something_is_unseen_has_a_case() -> None:
    assert {*CASES, OF_ENVELOPES, *OF_FAULTS} == UNSEEN.keys()


@pytest.mark.parametrize("key", sorted(UNSEEN.keys() - OF_FAULTS))
def test_what_lies_beyond_a_limit_is_reported_as_a_cut(key: str) -> None:
    reading = reading_of(key)
    assert not [reason for _, reason in reading()[1] if isinstance(reason, Cut)]
    with lowered(UNSEEN[key], CASES[key][0] if key in CASES else 5):
        _, problems = reading()
    assert [type(reason) for _, reason in problems] == [Cut]


@pytest.mark.parametrize(("length", "is_read"), [(9, True), (10, False)])
def test_a_line_longer_than_is_read_damages_its_document(length: int, is_read: bool) -> None:
    [bound] = [bound for bound in bounds() if bound.name == "_LINE_LIMIT" and bound.room == "advisories/feeds"]
    document = Bytes("https://x.example/a.txt", b"a\n" + b"b" * length + b"\nc\n")
    with lowered(bound, 10):
        if is_read:
            assert list(lines(document)) == ["a", "b" * length, "c"]
        else:
            with pytest.raises(DamagedDocument, match="a line of more than"):
                list(lines(document))


def test_only_limits_and_refused_documents_make_a_cut() -> None:
    assert isinstance(reason_of(BeyondLimit("it is too long")), Cut)
    assert isinstance(reason_of(DamagedDocument("a.json", "it is nested too deep")), Cut)
    assert isinstance(reason_of(ValueError("it is wrong")), RecordFault)


@pytest.mark.parametrize(
    ("records", "unread", "cut", "is_whole"),
    [
        (1000, 0, 0, True),
        (1000, 1000 // TOLERATED_PARTS, 0, True),
        (1000, 1000 // TOLERATED_PARTS + 1, 0, False),
        (1, 1, 0, False),
        (1000, 1, 1, False),
    ],
)
def test_a_feed_with_a_cut_or_with_many_unread_records_is_not_whole(
    records: int, unread: int, cut: int, is_whole: bool
) -> None:
    feed = FeedInfo(name="x", title="", homepage="", licence="", records=records, unread=unread, cut=cut)
    assert whole_at(feed, "2026-11-01") == ("2026-11-01" if is_whole else "")
