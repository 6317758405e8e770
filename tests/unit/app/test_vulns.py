"""Matching of a folder's Go programs by what they were linked with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.app.vulns import MatchOptions, vulnerabilities
from hullmark.model.advisory import GoImport
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.support.executables import Part, elf, go_inline
from tests.support.matching import TODAY, advisory, affected, snapshot_of
from tests.unit.catalog.programs.test_golang_symbols import RUNTIME, table

INFO = "path\texample.com/tool\nmod\texample.com/tool\tv1.0.0\t\ndep\texample.com/m\tv1.2.3\th1:abc=\n"
NAMED = affected("golang", "example.com/m", "golang", "2", symbols=(GoImport("example.com/m/http", ("Server.Serve",)),))
REASON = "the program has none of the functions that GO-1 names"


@pytest.mark.parametrize(
    ("names", "go", "reason"),
    [
        (("example.com/m/http.(*Server).Serve",), "go1.24.4", None),
        (("example.com/m/http.(*Server).Close",), "go1.24.4", REASON),
        (("example.com/m/http.(*Server).Close",), "go1.20.14", None),
        ((), "go1.24.4", None),
    ],
)
def test_an_advisory_that_names_functions_counts_where_a_program_may_have_one(
    names: tuple[str, ...], go: str, reason: str | None, tmp_path: Path
) -> None:
    program = elf([*go_inline(go, INFO), Part(b".gopclntab", table([*RUNTIME, *names]), writable=False)])
    (tmp_path / "tool").write_bytes(program)
    snapshot = snapshot_of(advisory("GO-1", NAMED, source="govulndb"))
    result = vulnerabilities(f"dir:{tmp_path}", snapshot, MatchOptions(at=TODAY), ScanResources(), SourceOptions())
    (match,) = result.matches
    assert (match.suppressed and match.suppressed.reason) == reason
    assert "symbols" not in match.package.notes
