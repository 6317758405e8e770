"""The expected files of every format: tests/golden/report/KIND/FORMAT/CASE. HULLMARK_GOLDEN=write writes them anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from hullmark.report import FORMATS
from hullmark.report.format import Format, Kind, RenderContext
from tests.unit.report.difference_samples import DIFFERENCES, LAYERS
from tests.unit.report.facet_samples import CONFIGURATIONS, KNOWN, MALWARE, SECRETS
from tests.unit.report.places_samples import PLACES
from tests.unit.report.provenance_samples import PROVENANCES
from tests.unit.report.quality_samples import QUALITIES
from tests.unit.report.reach_samples import MINIMALITIES
from tests.unit.report.remedy_samples import REMEDIES
from tests.unit.report.samples import INVENTORIES, VERDICTS
from tests.unit.report.upkeep_samples import UPKEEPS

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "report"
WRITE = os.environ.get("HULLMARK_GOLDEN") == "write"

CONTEXTS = {
    "": RenderContext(
        tool_version="1.2.3", template="{% for package in packages %}{{ package.purl | visible }}\n{% endfor %}"
    ),
    "color": RenderContext(tool_version="1.2.3", color=True, width=60),
    "timestamp": RenderContext(tool_version="1.2.3", timestamp="2026-03-01T12:00:00+01:00"),
}
SAMPLES: dict[Kind, Mapping[str, Any]] = {
    "configuration": CONFIGURATIONS,
    "difference": DIFFERENCES,
    "files": INVENTORIES,
    "inventory": INVENTORIES,
    "known": KNOWN,
    "layers": LAYERS,
    "malware": MALWARE,
    "minimality": MINIMALITIES,
    "places": PLACES,
    "provenance": PROVENANCES,
    "quality": QUALITIES,
    "remedy": REMEDIES,
    "secrets": SECRETS,
    "upkeep": UPKEEPS,
    "verdict": VERDICTS,
}
WITH_CONTEXT = {
    ("configuration", "table"): ("", "color"),
    ("difference", "table"): ("", "color"),
    ("layers", "table"): ("", "color"),
    ("inventory", "cyclonedx-json"): ("", "timestamp"),
    ("inventory", "spdx-json"): ("", "timestamp"),
    ("inventory", "table"): ("", "color"),
    ("malware", "table"): ("", "color"),
    ("minimality", "table"): ("", "color"),
    ("places", "table"): ("", "color"),
    ("provenance", "table"): ("", "color"),
    ("quality", "table"): ("", "color"),
    ("remedy", "table"): ("", "color"),
    ("secrets", "table"): ("", "color"),
    ("upkeep", "table"): ("", "color"),
    ("verdict", "html"): ("", "timestamp"),
    ("verdict", "junit"): ("", "timestamp"),
    ("verdict", "sarif"): ("", "timestamp"),
    ("verdict", "table"): ("", "color"),
}


def form(kind: Kind, name: str) -> Format[Any]:
    """The format, whatever it writes."""
    module = import_module(FORMATS[(kind, name)])
    return cast("Format[Any]", module.FORMAT)


def _cases() -> list[tuple[Kind, str, str, str]]:
    found: list[tuple[Kind, str, str, str]] = []
    for kind, name in FORMATS:
        if kind in ("matches", "report"):  # test_matches_formats.py and test_report_pdf.py have theirs
            continue
        for case in SAMPLES[kind]:
            found += [(kind, name, case, context) for context in WITH_CONTEXT.get((kind, name), ("",))]
    return found


def _path(kind: Kind, name: str, case: str, context: str) -> Path:
    ending = "json" if name.endswith("json") else "txt"
    return GOLDEN / kind / name / f"{'.'.join(filter(None, (case, context)))}.{ending}"


def _rendered(kind: Kind, name: str, case: str, context: str) -> bytes:
    rendered = form(kind, name).render(SAMPLES[kind][case], CONTEXTS[context])
    # Indented, so that a difference can be read. Nothing but white space changes.
    return msgspec.json.format(rendered, indent=1) + b"\n" if name.endswith("json") else rendered


@pytest.mark.parametrize(("kind", "name", "case", "context"), _cases())
def test_the_expected_file_is_what_is_written(kind: Kind, name: str, case: str, context: str) -> None:
    path, rendered = _path(kind, name, case, context), _rendered(kind, name, case, context)
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rendered)
    assert rendered.decode() == path.read_bytes().decode()


def test_no_expected_file_is_unused() -> None:
    found = {path for path in GOLDEN.rglob("*") if path.is_file() and path.relative_to(GOLDEN).parts[0] != "matches"}
    assert found == {_path(*case) for case in _cases()}
