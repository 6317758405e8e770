"""What of a set a scanner found: `python -m bench.planted_secrets.score MANIFEST FINDINGS --reader NAME [--root DIR]`.

A planted value is found if a finding is at its file, or at a path inside it, and on one of its lines or with its value;
where a value has no lines (archives, binaries, objects of git) a finding at its file is enough, so that scanners that mask
values are judged like those that do not. A decoy is hit by any finding at its file. Findings that are neither are listed
as `other`, for a look by eye. Recall is found / planted; precision is found / (found + decoys hit)."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.planted_secrets.findings import READERS, Finding

_SHORTEST = 8
"""A value in part counts as the same only from this many characters on."""


@dataclass(frozen=True)
class Score:
    """Rows of the manifest by what became of them, and the findings that belong to none."""

    found: tuple[dict[str, Any], ...]
    missed: tuple[dict[str, Any], ...]
    hit: tuple[tuple[dict[str, Any], tuple[str, ...]], ...]
    decoys: tuple[dict[str, Any], ...]
    other: tuple[Finding, ...]

    def recall(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.missed))

    def precision(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.hit))


def _at(finding: Finding, row: dict[str, Any]) -> bool:
    path = row["path"]
    return finding.path == path or (finding.path.startswith(path) and finding.path[len(path)] in "!/:#|")


def _finds(finding: Finding, row: dict[str, Any]) -> bool:
    """Whether a finding at the row's file is a finding of its value."""
    if not row["line"] or (not finding.line and not finding.value):
        return True
    if finding.line and finding.line <= row["last_line"] and max(finding.line, finding.last_line) >= row["line"]:
        return True
    value, secret = finding.value, row["secret"]
    return len(value) >= _SHORTEST and (value in secret or secret in value)


def score(manifest: dict[str, Any], findings: Iterable[Finding], half: str = "both") -> Score:
    """Judges findings by the rows of one half of a manifest, or of both."""
    planted = [row for row in manifest["planted"] if half in (row["half"], "both")]
    decoys = [row for row in manifest["decoys"] if half in (row["half"], "both")]
    found: set[str] = set()
    hits: dict[str, list[str]] = {}
    other = []
    for finding in findings:
        mine = [row for row in planted if _at(finding, row)]
        found.update(row["id"] for row in mine if _finds(finding, row))
        false = [row for row in decoys if _at(finding, row)]
        for row in false:
            hits.setdefault(row["id"], []).append(finding.rule)
        if not false and not any(_finds(finding, row) for row in mine):
            other.append(finding)
    return Score(
        tuple(row for row in planted if row["id"] in found),
        tuple(row for row in planted if row["id"] not in found),
        tuple((row, tuple(sorted(set(hits[row["id"]])))) for row in decoys if row["id"] in hits),
        tuple(decoys),
        tuple(other),
    )


def table(manifest: dict[str, Any], findings: Sequence[Finding]) -> str:
    """A row for each half and for both: planted, found, recall in plain files and elsewhere, decoys hit, precision, other."""
    rows = [
        "| half | found | recall | in plain files | elsewhere | decoys hit | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for half in ("shown", "held", "both"):
        result = score(manifest, findings, half)
        all_rows = result.found + result.missed
        parts = [f"{len(result.found)}/{len(all_rows)}", f"{result.recall():.1%}"]
        for plain in (True, False):
            here, got = (
                sum((row["container"] == "plain") is plain for row in rows_) for rows_ in (all_rows, result.found)
            )
            parts.append(f"{got}/{here} = {got / max(1, here):.1%}")
        parts += [f"{len(result.hit)}/{len(result.decoys)}", f"{result.precision():.1%}"]
        rows.append(f"| {half} | " + " | ".join(parts) + " |")
    return "\n".join(rows)


def report(result: Score) -> str:
    """The missed by kind, the false with what fired on them, and the other findings; values are not shown."""
    lines = [f"missed: {len(result.missed)}"]
    lines += [
        f"  {row['id']} {row['half']:5} {row['kind']} ({row['container']}) {row['path']}:{row['line']}"
        for row in result.missed
    ]
    lines += [f"false: {len(result.hit)}"]
    lines += [
        f"  {row['id']} {row['half']:5} {row['why']}: {row['path']} [{', '.join(rules)}]" for row, rules in result.hit
    ]
    lines += [f"other: {len(result.other)}"]
    lines += [f"  {finding.path}:{finding.line} [{finding.rule}]" for finding in result.other]
    kinds = Counter(row["kind"] for row in result.missed)
    lines += [
        "missed by kind:",
        *(f"  {count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
    ]
    return "\n".join(lines)


def main() -> None:
    """Prints the table, and what was missed and false in the half asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.planted_secrets.score", description=main.__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--reader", choices=sorted(READERS), default="lines")
    parser.add_argument("--root", default="", help="what stands before the tree's own paths, as set/tree")
    parser.add_argument("--half", choices=("shown", "held", "both"), default="shown", help="whose misses are listed")
    parser.add_argument("--table", action="store_true", help="the table alone: nothing of single values")
    options = parser.parse_args()
    manifest = json.loads(options.manifest.read_text())
    findings = list(READERS[options.reader](options.findings.read_text(), options.root))
    print(table(manifest, findings))
    if not options.table:
        print(report(score(manifest, findings, options.half)))


if __name__ == "__main__":
    main()
