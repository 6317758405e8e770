"""Policies are asked about many packages at once, and find in each what they find in it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.match import Match, SnapshotInfo
from hullmark.policy.evaluate import evaluate
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.policy.rules import Policy
from hullmark.server.stories.rollout import sums
from tests.support.examples import examples
from tests.unit.policy.building import NOW, match, package

AT = sums.Moment(NOW, SnapshotInfo(digest="sha256:0", data_at=""))
RULES = {
    "plain": "{id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}",
    "unsure": "{id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high}}",
    "dated": "{id: old, gate: vulnerabilities, trigger: found, action: warn, params: {fixed_for_days: 3, unrated: ignore}}",
    "listed": "{id: listed, gate: vulnerabilities, trigger: listed, action: warn, params: {ids: [CVE-2026-1]}}",
}
EXCEPTION = """
exceptions:
  - {rule: severe, subject: "*a@1*", expires: "2027-01-01", owner: o, reason: r}
"""


def policy_of(names: Sequence[str], more: str = "") -> Policy:
    listed = "".join(f"  - {RULES[name]}\n" for name in names)
    policy = load_any(f"schema: hullmark-policy/1\nname: p\nversion: 1\nrules:\n{listed}{more}".encode())
    native = language_of(policy).as_native(policy)
    assert native is not None
    return native


_cases = st.lists(
    st.builds(
        lambda name, number, severity, day: (
            match(package("deb", name, "1"), f"CVE-2026-{number}", severity=severity, fix_state="fixed", fix_date=day),
        ),
        st.sampled_from("abc"),
        st.integers(1, 4),
        st.sampled_from(("unknown", "low", "high", "critical")),
        st.sampled_from(("", "2026-02-28", "2020-01-01", "2026-02-27")),
    )
    | st.just(()),
    max_size=12,
)


@settings(max_examples=examples(60))
@given(
    _cases,
    st.sampled_from((("plain",), ("unsure", "listed"), ("plain", "listed"), ("dated",), ("plain", "dated"))),
    st.sampled_from(("", EXCEPTION)),
)
def test_what_is_found_of_many_is_what_is_found_of_each(
    cases: list[tuple[Match, ...]], names: tuple[str, ...], more: str
) -> None:
    policy = policy_of(names, more if "dated" not in names[:1] and "listed" not in names[:1] else "")
    assert sums.said_of(policy, cases, AT) == [sums.said_of(policy, [case], AT)[0] for case in cases]


def test_many_packages_are_asked_about_in_few_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(*args: Any, **more: Any) -> Any:
        asked.append(1)
        return evaluate(*args, **more)

    monkeypatch.setattr("hullmark.server.stories.rollout.sums.evaluate", counted)
    cases = [(match(package("deb", f"p{number}", "1"), "CVE-2026-1", severity="high"),) for number in range(2000)]
    assert all(found.findings for found in sums.said_of(policy_of(("plain",)), cases, AT))
    assert len(asked) == 5
    asked.clear()
    doubtful = (match(package("deb", "doubtful", "1"), "CVE-2026-1", severity="unknown"),)
    (*_, last) = sums.said_of(policy_of(("unsure",)), [*cases, doubtful], AT)
    assert last.unclear
    assert len(asked) < 20
