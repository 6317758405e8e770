"""Explanations of findings, as text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.model.explanation import Explanation
    from hullmark.model.isolation import JudgedContainer

_MAX_PLACES = 5
_LONGEST = 200


def print_explanations(explanations: Iterable[Explanation]) -> None:
    """Each finding with its rule, where it can be seen, and what to do."""
    from hullmark.cli.rows import print_line
    from hullmark.report.terminal import safe, shorten_text

    for explanation in explanations:
        finding = explanation.finding
        print_line(safe(finding.message), f"{finding.action.value}  ", 9)
        source = f", from {safe(explanation.source)}" if explanation.source else ""
        params = shorten_text(explanation.params, _LONGEST)
        print_line(f"{finding.rule_id}: {finding.gate}.{finding.trigger} {params}{source}", "  rule   ")
        if explanation.asks:
            print_line(safe(explanation.asks), "         ")
        for place in explanation.places[:_MAX_PLACES]:
            layer = f"layer {place.evidence.layer} {place.digest}".rstrip() if place.evidence.layer >= 0 else ""
            parts = (place.evidence.path, layer, place.instruction, place.evidence.detail)
            if shown := ", ".join(shorten_text(safe(part), _LONGEST) for part in parts if part):
                print_line(shown, "  at     ")
        if explanation.ends:
            print_line(safe(explanation.ends), "  note   ")
        print_line(safe(explanation.advice), "  do     ")
        sys.stdout.write("\n")


def print_patches(containers: Iterable[JudgedContainer]) -> None:
    """What raises the grade of each container, as a change of its manifest."""
    from hullmark.cli.rows import print_line
    from hullmark.report.containers_words import missing_text
    from hullmark.report.terminal import safe

    for judged in containers:
        patch, name = judged.patch, judged.placed.name
        if patch is None:
            print_line(safe(f"no change of the manifest gives {name} a better grade"), "patch    ", 9)
            continue
        print_line(safe(f"to raise {name} from {judged.assessment.grade} to {patch.grade}:"), "patch    ", 9)
        for line in patch.text.splitlines():
            sys.stdout.write(f"  {safe(line)}\n")
        for note in (missing_text(judged), *patch.notes):
            if note:
                print_line(safe(note), "  note   ")
        sys.stdout.write("\n")
