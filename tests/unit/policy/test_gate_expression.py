"""Expressions: what they may ask, and that nothing in them goes on for ever."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.app.expression_child import CPU_SECONDS
from hullmark.app.expressions import Evaluator, collect_variables
from hullmark.policy.facts import ExpressionFailed
from hullmark.policy.gate import CannotTell, Need
from hullmark.policy.gates.expression import TRIGGERS, Holds, holds
from hullmark.policy.values import Expression
from tests.support.places import REPOSITORY
from tests.unit.policy.building import facts, file, match, matches, package, reach_of

CURL = package("deb", "curl", "8.8.0")
SEEN = facts(packages=[CURL], files=[file("/a")], matches=matches(match(CURL, "CVE-2026-0001", severity="high")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("packages[0].name == 'curl' && size(files) == 1", True),
        ("matches.exists(m, m.advisory.severity == 'high' && m.advisory.kev == null)", True),
        ("snapshot.digest.startsWith('sha256:')", True),
        ("config.user", ""),
        ("source.layers.map(l, l.size)", [1000]),
        ("timestamp(now) < timestamp('2027-01-01T00:00:00Z')", True),
        ("distro == null", True),
    ],
)
def test_the_facts_are_there_under_the_names_of_the_documents(text: str, value: Any) -> None:
    assert Evaluator()(Expression(text), SEEN) == value


def test_only_what_is_named_is_handed_over() -> None:
    assert set(collect_variables(SEEN, Expression("packages.exists(p, p.name == now)").variables)) == {
        "packages",
        "now",
    }


def test_what_is_collected_follows_from_the_names() -> None:
    (trigger,) = TRIGGERS
    assert trigger.needs_of(Holds(expression=Expression("size(packages) > 1"))) == frozenset()
    wanted = trigger.needs_of(Holds(expression=Expression("size(files) > size(matches) || config.user == ''")))
    assert wanted == {Need.FILES, Need.MATCHES, Need.CONFIG}


_FOREVER = (
    "[[0,1,2,3,4,5,6,7,8,9]].map(l, l.map(a, l.map(b, l.map(c, l.map(d, l.map(e, l.map(f, l.map(g, l.map(h, a)))))))))"
)
_TOO_MUCH = "['0123456789']" + ".map(a, a+a+a+a+a+a+a+a+a+a+a+a)" * 12


_WHOLE = pytest.param("hullmark.app.expression_child", marks=pytest.mark.slow)


def run_in(monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    """Have expressions evaluated by this module."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), *sys.path]))
    monkeypatch.setattr("hullmark.app.expressions._CHILD", child)


def test_waiting_for_an_expression_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.app.expressions.WALL_SECONDS", 1)
    evaluator = Evaluator()
    with pytest.raises(ExpressionFailed, match="not done after 1 seconds"):
        evaluator(Expression(_FOREVER), SEEN)
    assert evaluator.seconds == CPU_SECONDS


def test_all_expressions_of_an_image_have_an_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.app.expressions.MAX_SECONDS", 0)
    evaluator = Evaluator()
    assert evaluator(Expression("1 + 1"), SEEN) == 2
    assert 0 < evaluator.seconds < CPU_SECONDS
    with pytest.raises(ExpressionFailed, match="expressions take more than 0 seconds for this image"):
        evaluator(Expression("1 + 1"), SEEN)


@pytest.mark.parametrize("child", ["tests.support.lean_child", _WHOLE], ids=["a quarter", "all"])
def test_the_memory_of_an_expression_has_an_end(monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    run_in(monkeypatch, child)
    with pytest.raises(ExpressionFailed, match="it takes more than 2 GiB of memory"):
        Evaluator()(Expression(_TOO_MUCH), SEEN)


@pytest.mark.parametrize("child", ["tests.support.hasty_child", _WHOLE], ids=["a tenth", "all"])
def test_the_work_of_an_expression_has_an_end(monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    run_in(monkeypatch, child)
    monkeypatch.setattr("hullmark.app.expressions.WALL_SECONDS", 600)  # a busy machine changes nothing
    with pytest.raises(ExpressionFailed, match="it takes more than 10 seconds"):
        Evaluator()(Expression(_FOREVER), SEEN)


@pytest.mark.parametrize("text", ["nope", "1/0", "packages[7].name", "packages.all(p, p.nothing == 1)"])
def test_an_expression_without_a_value_cannot_be_told(text: str) -> None:
    (answer,) = holds(Holds(expression=Expression(text)), facts(packages=[CURL], evaluate=Evaluator()))
    assert isinstance(answer, CannotTell)


def test_without_anything_to_evaluate_it_cannot_be_told() -> None:
    (answer,) = holds(Holds(expression=Expression("true")), facts())
    assert isinstance(answer, CannotTell)


@pytest.mark.parametrize("value", [1, "x", None, {"a": 1}, [1], [None], [{"subject": 1}], [{"message": "x"}], [""]])
def test_values_of_other_kinds_cannot_be_told(value: Any) -> None:
    (answer,) = holds(Holds(expression=Expression("true")), facts(evaluate=lambda expression, seen: value))
    assert isinstance(answer, CannotTell)


@pytest.mark.parametrize("text", ["", "1 +", "a b", "(" * 40 + "1" + ")" * 40, "x" * 1001, "'"])
def test_what_is_no_expression_is_refused_when_the_policy_is_loaded(text: str) -> None:
    with pytest.raises(ValueError, match="expected an expression"):
        Expression(text)


_WORDS = "1 a true null ' ( ) [ ] { } . , : ? + - * / % ! && || == < in has( size( .map(x, .exists( r' b' 0x u 1e9"
_TOKENS = st.sampled_from(_WORDS.split())


@given(st.text(max_size=30) | st.lists(_TOKENS, max_size=20).map(" ".join))
def test_any_text_is_an_expression_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert Expression(text).text == text


GAP = "the snapshot has no advisories for known exploitation (KEV)"


@pytest.mark.parametrize(
    ("text", "gap", "answers"),
    [
        ("matches.exists(m, m.advisory.kev != null)", GAP, [GAP]),
        ("matches.filter(m, m.risk > 90.0).map(m, m.package.purl)", GAP, [GAP]),
        ("matches.exists(m, m.advisory.kev != null)", "", []),
        ("matches.exists(m, m.advisory.severity == 'critical')", GAP, []),
        ("packages.exists(p, p.name == 'kev')", GAP, []),
    ],
)
def test_an_expression_that_asks_what_is_exploited_cannot_tell_without_a_whole_list(
    text: str, gap: str, answers: list[str]
) -> None:
    seen = facts(
        packages=[CURL], matches=matches(match(CURL, "CVE-2026-0001"), exploited_gap=gap), evaluate=Evaluator()
    )
    found = list(holds(Holds(expression=Expression(text)), seen))
    assert all(isinstance(answer, CannotTell) for answer in found)
    assert [answer.reason.partition(": ")[2] for answer in found if isinstance(answer, CannotTell)] == answers


def test_where_nothing_is_found_nothing_can_be_exploited() -> None:
    seen = facts(packages=[CURL], matches=matches(exploited_gap=GAP), evaluate=Evaluator())
    assert list(holds(Holds(expression=Expression("matches.exists(m, m.advisory.kev != null)")), seen)) == []


def test_whoever_imports_the_package_of_the_engine_is_given_the_same_one() -> None:
    code = "from hullmark.policy.cel_engine import cel_engine as e; a = e(); import cel; assert cel.compile is a.compile is e().compile"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import cel; from hullmark.policy.cel_engine import cel_engine as e; assert cel.compile is e().compile"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "states", "programs", "expected"),
    [
        ("reach.packages.exists(p, reach.packages[p] == 'reachable')", {"curl": "unknown"}, (), "curl"),
        (
            "reach.packages.exists(p, reach.packages[p] == 'reachable')",
            {"curl": "unreachable"},
            (("/bin/su", "unknown", ("setuid",)), ("/bin/x", "unknown", ()), ("/bin/sh", "unknown", ("shell",))),
            "/bin/su and 1 more",
        ),
        ("matches.exists(m, m.reach == 'reachable')", {"curl": "unknown"}, (), "curl"),
        ("reach.packages.exists(p, reach.packages[p] == 'reachable')", {"curl": "unreachable"}, (), ""),
        ("reach.packages.exists(p, reach.packages[p] == 'unknown')", {"curl": "unknown"}, (), ""),
    ],
)  # fmt: skip
def test_an_expression_about_what_is_reached_cannot_tell_where_that_is_not_known(
    text: str, states: dict[str, Any], programs: Any, expected: str
) -> None:
    seen = facts(
        packages=[CURL],
        matches=matches(match(CURL, "CVE-2026-0001"), packages=[CURL]),
        reach=reach_of([CURL], states, programs),
        evaluate=Evaluator(),
    )
    reasons = [each.reason for each in holds(Holds(expression=Expression(text)), seen) if isinstance(each, CannotTell)]
    said = f'whether the image\'s start reaches {expected} is not known; say what becomes of "unknown"'
    assert reasons == ([said] if expected else [])
