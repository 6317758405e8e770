"""What a verdict would be without what a cause brought: its findings go, and nothing else."""

from __future__ import annotations

import pytest

from hullmark.model.verdict import Action, Finding, Outcome, VerdictInputs, Weakness
from hullmark.server.stories.images.documents import KeptVerdict
from hullmark.server.stories.judging.forecast import Blame, PackageFix, blamed_of, forecast

INPUTS = VerdictInputs(image="i", policy="p", snapshot="s", analyzer="a", at="2026-05-01T00:00:00Z")


def finding(
    rule: str, subject: str, action: Action = Action.STOP, *, cve: str = "", fix: str = "", excepted: bool = False
) -> Finding:
    """A finding of a rule about a subject, or about a vulnerability of openssl."""
    weakness = Weakness(advisory=cve, package="pkg:deb/openssl@1", place="debian:13/openssl", fix_version=fix)
    return Finding(
        gate="g",
        trigger="t",
        trigger_id=f"{rule} {subject}",
        action=action,
        message=subject,
        subject=subject,
        rule_id=rule,
        allowlisted={"owner": "me"} if excepted else None,
        weakness=weakness if cve else None,
    )


def verdict(*findings: Finding, word: Outcome = Outcome.STOP, unknowns: bool = False) -> KeptVerdict:
    """A verdict with these findings."""
    return KeptVerdict(
        verdict=word, reason="", findings=findings, inputs=INPUTS, rule_count=3, has_unknowns=unknowns, problems=()
    )


OPENSSL = finding("high", "CVE-1 openssl", cve="CVE-1", fix="3.5.2")
ROOT = finding("root", "user")
MEDIUM = finding("medium", "CVE-2 curl", Action.WARN, cve="CVE-2")


@pytest.mark.parametrize(
    ("findings", "word"),
    [((OPENSSL,), "go"), ((OPENSSL, MEDIUM), "warn"), ((OPENSSL, ROOT), "stop")],
)
def test_what_is_left_decides(findings: tuple[Finding, ...], word: str) -> None:
    found = forecast(verdict(*findings), Blame(advisory="CVE-1"))
    assert (found.verdict, found.findings) == (word, 1)
    assert found.fixes == (PackageFix(package="debian:13/openssl", version="3.5.2"),)


def test_what_is_excepted_takes_nothing_away() -> None:
    excepted = finding("high", "CVE-1 openssl", Action.GO, cve="CVE-1", excepted=True)
    found = forecast(verdict(excepted, ROOT), Blame(advisory="CVE-1"))
    assert (found.verdict, found.findings, found.fixes) == ("stop", 0, ())


def test_findings_of_other_causes_are_known_by_rule_and_subject() -> None:
    blamed = blamed_of(
        False, "users", [{"rule": "root", "subject": "user"}, {"rule": "x", "subject": "y", "is_gained": False}]
    )
    assert blamed == Blame(findings=frozenset({("root", "user")}))
    assert forecast(verdict(ROOT, MEDIUM), blamed).verdict == "warn"


def test_what_nobody_could_tell_stays_so() -> None:
    found = forecast(verdict(MEDIUM, word=Outcome.UNKNOWN, unknowns=True), Blame(advisory="CVE-2"))
    assert found.verdict == "unknown"
