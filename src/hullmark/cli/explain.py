"""Explanations of findings, as text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.model.explanation import Explanation

_MAX_PLACES = 5
_LONGEST = 200


def print_explanations(explanations: Iterable[Explanation]) -> None:
    """Each finding with its rule, where it can be seen, and what to do."""
    from hullmark.report.terminal import clip, safe

    for explanation in explanations:
        finding = explanation.finding
        sys.stdout.write(f"{finding.action.value}  {safe(finding.message)}\n")
        source = f", from {safe(explanation.source)}" if explanation.source else ""
        sys.stdout.write(
            f"  rule   {finding.rule_id}: {finding.gate}.{finding.trigger}"
            f" {clip(explanation.params, _LONGEST)}{source}\n"
        )
        if explanation.asks:
            sys.stdout.write(f"         {explanation.asks}\n")
        for place in explanation.places[:_MAX_PLACES]:
            layer = f"layer {place.evidence.layer} {place.digest}".rstrip() if place.evidence.layer >= 0 else ""
            parts = (place.evidence.path, layer, place.instruction, place.evidence.detail)
            if shown := ", ".join(clip(safe(part), _LONGEST) for part in parts if part):
                sys.stdout.write(f"  at     {shown}\n")
        if explanation.ends:
            sys.stdout.write(f"  note   {safe(explanation.ends)}\n")
        sys.stdout.write(f"  do     {safe(explanation.advice)}\n\n")
