"""Who rated a match, and who does not list it, in what programs read."""

from __future__ import annotations

import json

from msgspec.structs import replace

from hullmark.model.match import Matches, SeverityBy
from hullmark.report import matches_json, matches_sarif, matches_table
from hullmark.report.format import RenderContext
from tests.unit.report.matches_samples import LOG4SHELL, SMALL

SAID = (SeverityBy("ghsa", "critical"), SeverityBy("nvd", "high", "CVSS 3.1: 8.0"))
HERE: Matches = replace(
    SMALL, matches=(replace(LOG4SHELL, advisory=replace(LOG4SHELL.advisory, severities=SAID, unlisted_by="PyPA")),)
)


def test_json_sarif_and_the_table_say_whose_word_the_severity_is() -> None:
    (match,) = json.loads(matches_json.render(HERE, RenderContext(tool_version="1")))["matches"]
    assert (match["advisory"]["severity_source"], match["advisory"]["unlisted_by"]) == ("ghsa", "PyPA")
    assert match["advisory"]["severities"] == [
        {"basis": "", "severity": "critical", "source": "ghsa"},
        {"basis": "CVSS 3.1: 8.0", "severity": "high", "source": "nvd"},
    ]
    (result,) = json.loads(matches_sarif.render(HERE, RenderContext(tool_version="1")))["runs"][0]["results"]
    assert (result["properties"]["severitySource"], result["properties"]["unlistedBy"]) == ("ghsa", "PyPA")
    assert b"critical by ghsa" in matches_table.render(HERE, RenderContext(tool_version="1", explains=True))
