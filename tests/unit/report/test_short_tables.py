"""Tables and Markdown of results that are shorter, or longer, than most: no layers, nothing lacking, a layer that changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.model.image_layers import ImageLayers, LayerFiles
from hullmark.model.malware import Engine, MalwareScan
from hullmark.model.quality import ElementQuality, SpecificationQuality
from hullmark.report import load
from hullmark.report.format import Kind
from tests.unit.report.facet_samples import MALWARE
from tests.unit.report.matches_samples import FOLLOWED
from tests.unit.report.quality_samples import QUALITIES
from tests.unit.report.remedy_samples import REMEDIES
from tests.unit.report.samples import EMPTY, PLAIN, SMALL, STOP


def shown(kind: Kind, format: str, result: Any) -> list[str]:
    """The lines of a result."""
    return load(kind, format).render(result, PLAIN).decode().splitlines()


@pytest.mark.parametrize(
    ("format", "first", "last"),
    [
        ("table", "Image:     images/x.tar", "Wasted:    0 bytes in 0 hidden files"),
        ("markdown", "## Layers of images/x.tar", "- Wasted: 0 bytes in 0 hidden files"),
    ],
)
def test_an_image_without_layers_has_sums_and_no_rows(format: str, first: str, last: str) -> None:
    lines = shown("layers", format, ImageLayers(source=EMPTY.source, layers=()))
    assert (lines[0], lines[-1]) == (first, last)
    assert not any("INSTRUCTION" in line or "Instruction" in line for line in lines)


def test_a_layer_that_changes_nothing_is_a_title_alone() -> None:
    layers = (LayerFiles(unpacked=2, changed=("/a",)), LayerFiles(unpacked=0))
    source = replace(SMALL.source, layers=SMALL.source.layers[:2])
    compared = ComparedImage(inventory=replace(SMALL, source=source), layers=layers)
    found = image_difference(compared, compared, by_layer=True)
    title = "Layer 1 (000000000000): 0 added, 0 changed, 0 hidden, 0 bytes wasted"
    table, markdown = shown("difference", "table", found), shown("difference", "markdown", found)
    at = table.index(title)
    assert table[at : at + 3] == [title, "", "Nothing that was compared differs."]
    assert f"- {title.replace('(', '&#40;').replace(')', '&#41;')}" in markdown


def test_a_document_that_lacks_nothing_gets_no_advice() -> None:
    element = ElementQuality(name="Version", subject="component", required=True, have=3, of=3)
    optional = ElementQuality(name="Hash", subject="component", required=False, have=0, of=3, advice="add hashes")
    met = SpecificationQuality(name="CISA 2025", score=100, elements=(element, optional))
    lines = shown("quality", "table", replace(QUALITIES["spdx"], specifications=(met,)))
    assert lines[0] == "CISA 2025: 100 of 100"
    assert not any("What to do" in line or "add hashes" in line for line in lines)


def test_a_scanner_without_signatures_is_not_taken_for_one_that_found_nothing() -> None:
    engine = Engine(name="clamav", version="1.4.2", signatures="", has_signatures=False)
    lines = shown("malware", "table", replace(MALWARE["clean"], scan=MalwareScan(engines=(engine,))))
    assert "  clamav: it has no signatures, and looked at nothing" in lines
    assert not any("none found" in line for line in lines)


def test_where_nothing_counts_the_table_says_where_the_start_was_followed_and_no_shares() -> None:
    lines = shown("matches", "table", replace(FOLLOWED, matches=()))
    assert "Starts:    ENTRYPOINT java -jar /srv/shop.jar" in lines
    assert not any(line.startswith("Reach:") for line in lines)


def test_a_reader_of_explanations_is_told_the_files_on_the_way_or_why_there_is_none() -> None:
    text = load("matches", "table").render(FOLLOWED, replace(PLAIN, explains=True)).decode()
    assert "; reachable: /usr/bin/java -> /srv/log4j.jar\n" in text
    assert "; unreachable: none of its 2 files is reached: nothing names one\n" in text


def test_a_change_that_mends_much_names_five_findings_and_counts_the_others() -> None:
    remedy = REMEDIES["left"]
    planned = replace(remedy.changes[0], mends=(STOP.findings[0],) * 1007)
    lines = shown("remedy", "table", replace(remedy, changes=(planned,)))
    assert sum(line.startswith("   mends stop: SUID or SGID") for line in lines) == 5
    assert "   mends and 1,002 more" in lines
