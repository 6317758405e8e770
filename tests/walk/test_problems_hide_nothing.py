"""However a package, or the record of it, is hidden: no rule that forbids it lets go."""

from __future__ import annotations

import pytest

from hullmark.model.verdict import Outcome
from tests.walk.cases_problems import HIDDEN, SEEN
from tests.walk.test_limits_hide_nothing import HELD
from tests.walk.world import judged, one_rule, shipped


@pytest.mark.parametrize("rule", ["packages", "vulnerabilities"])
@pytest.mark.parametrize("what", HIDDEN)
def test_what_is_hidden_is_never_let_go(what: str, rule: str) -> None:
    assert judged(HIDDEN[what], one_rule(rule)).verdict.verdict in HELD


@pytest.mark.parametrize("what", SEEN)
def test_what_only_seems_hidden_is_found(what: str) -> None:
    assert judged(SEEN[what], one_rule("packages")).verdict.verdict is Outcome.STOP


SOME = (
    "a database of dpkg that is garbage",
    "a jar that lost its end",
    "a link to a file of another name",
    "PHP packages",
)


@pytest.mark.parametrize("what", SOME)
@pytest.mark.parametrize("name", shipped())
def test_no_shipped_policy_lets_go_of_what_is_hidden(name: str, what: str) -> None:
    verdict = judged(HIDDEN[what], shipped()[name]).verdict
    assert verdict.verdict in HELD or name not in ABOUT_PACKAGES


ABOUT_PACKAGES = ("baseline", "nist-800-190", "strict", "supply-chain")
"""The policies that ask which packages there are."""
