"""Evidence is as long as a message bears, whatever an image calls its files."""

from __future__ import annotations

import msgspec

from hullmark.model.verdict import Action, Evidence, Finding
from hullmark.notify.causes import MOST_EVIDENCE, evidence_in
from hullmark.policy.verdict_diff import Cause, Change, InputDifference


def _changes(count: int, size: int) -> list[Change]:
    word = "x" * size
    return [
        Change(
            finding=Finding(
                gate="g",
                trigger="t",
                trigger_id=str(n),
                action=Action.STOP,
                message=word,
                subject=f"{n}/{word}",
                rule_id="r",
                evidence=(Evidence(path=word),),
            ),
            is_gained=True,
            cause=Cause.ADVISORY,
            compared=InputDifference(what="snapshot", before="a", after="b"),
        )
        for n in range(count)
    ]


def test_evidence_of_short_words_is_bounded_by_its_count() -> None:
    assert len(evidence_in(_changes(MOST_EVIDENCE + 10, 10))) == MOST_EVIDENCE


def test_evidence_of_long_words_is_bounded_by_its_size() -> None:
    found = evidence_in(_changes(MOST_EVIDENCE, 10_000))
    assert [each.subject[:2] for each in found] == [f"{n}/" for n in range(len(found))]
    assert 1 < len(found) < MOST_EVIDENCE
    assert len(msgspec.json.encode(found)) < 60_000
