"""The hub of OpenVEX documents."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.feeds.formats.archives import members
from hullmark.feeds.vexhub import FEED
from hullmark.model.advisory import Statement
from tests.support.advisories import document
from tests.unit.feeds.reading import damaged, in_memory, read, tar_document

URL = "https://github.com/aquasecurity/vexhub/archive/refs/heads/main.tar.gz"
VEX = json.dumps({"statements": [{"vulnerability": "CVE-1", "status": "fixed", "products": ["pkg:oci/a"]}]})
INDEX = json.dumps(
    {
        "packages": [
            {"id": "pkg:oci/a", "location": "pkg/oci/a/vex.json"},
            {"id": "pkg:oci/b", "location": "pkg/oci/b/vex.json"},
        ]
    }
)


def test_documents_are_read_and_one_that_the_index_names_in_vain_is_reported() -> None:
    files = {
        "h/index.json": INDEX,
        "h/vex-repository.json": "{}",
        "h/pkg/oci/a/manifest.json": "{}",
        "h/pkg/oci/a/vex.json": VEX,
    }
    records, problems = read(FEED, tar_document(URL, files))
    assert records == [Statement(vulnerability="CVE-1", source="vexhub", status="fixed", products=("pkg:oci/a",))]
    assert [place for place, _ in problems] == [f"{URL} pkg/oci/b/vex.json"]


def test_the_real_hub_gives_every_statement_of_51_openvex_and_3_vex_files_and_reports_the_5_left_out() -> None:
    hub = in_memory(document(*URL.removeprefix("https://").split("/")))
    names = [
        name for name, _ in members(hub, print, (".json",)) if "/pkg/" in name and not name.endswith("/manifest.json")
    ]
    assert (len(names), sum(name.endswith(".openvex.json") for name in names)) == (54, 51)
    records, problems = read(FEED, hub)
    assert len(problems) == 5
    assert len(records) == 10_333


@given(damaged(VEX.encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, tar_document(URL, {"h/pkg/a/vex.json": data, "h/index.json": data}))
