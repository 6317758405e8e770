"""Test cases that stand beside an account's policy, run in a process of their own: recipes alone, nothing of this machine is read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hullmark.app.trials import Trial, try_cases
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.cases import Case, read_cases
from hullmark.policy.document import read_document
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.source import SourceOptions

MOST_CASES = Limit(200, "test cases of a policy that the server runs", "refused")
_FILE = Path("tests")
"""What mistakes in the cases name."""


class PolicyTestOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a policy and of its test cases."""

    policy: str
    cases: str


def run_cases(order: PolicyTestOrder) -> Trial:
    """Judge the image of each case. Raises HullmarkError for what is not a policy, or for cases that cannot be run on a server."""
    policy = load_any(order.policy.encode("utf-8", "surrogatepass"))
    native = language_of(policy).as_native(policy)
    if native is None:
        raise HullmarkError(
            "only native policies have test cases", advice="hullmark policy convert makes a native policy of another"
        )
    held = read_cases(read_document(order.cases.encode("utf-8", "surrogatepass")), _FILE.name)
    if len(held.cases) > MOST_CASES:
        raise HullmarkError(f"there are more than {MOST_CASES} cases", advice="run them with hullmark policy test")
    for case in held.cases:
        _check_runs_here(case)
    return try_cases(native, [(_FILE, held)], SourceOptions(auth_files=()))


def _check_runs_here(case: Case) -> None:
    """Raises HullmarkError for a case about an image that is not described in it."""
    if case.recipe is None:
        raise HullmarkError(
            f"the case {case.name[:100]!r} names an inventory or an image, which a server does not read",
            advice="describe the image as a recipe, or run it with hullmark policy test",
        )
