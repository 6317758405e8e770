"""For each limit beyond which something is not seen: an image in which a package hides behind it is never `go`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.app.check import CheckResult
from hullmark.model.limit import Limit
from hullmark.model.verdict import Outcome
from hullmark.rootfs.limits import Limits
from hullmark.rootfs.reads import Read
from tests.walk import cases_catalog, cases_rootfs
from tests.walk.case import Case
from tests.walk.world import judged, lowered, one_rule, shipped
from tools.limits import Bound, bounds, defined_in, modules

CASES: dict[tuple[str, str], Case] = {**cases_rootfs.CASES, **cases_catalog.CASES}
HELD = frozenset((Outcome.STOP, Outcome.UNKNOWN))

ELSEWHERE = {
    "hullmark.catalog.oversize._TRIALS": "a program has no 200,000 such places by chance; test_oversize.py counts them",
    "hullmark.catalog.sbom.cyclonedx._DEEPEST": "test_sboms_hide_nothing.py",
    "hullmark.catalog.sbom.packages._MOST_NAMES": "test_sboms_hide_nothing.py",
    "hullmark.catalog.sbom.document._MAX_EDGES": "test_sboms_hide_nothing.py",
    "hullmark.catalog.sbom.document.MAX_COMPONENTS": "test_sboms_hide_nothing.py",
}
"""Limits whose case is not an image, and where it is."""


def of_reads() -> set[tuple[str, str]]:
    """The limits that are the bounds of reads: each read has a case of its own."""
    limits = {
        id(value.limit)
        for module in modules()
        for _, value in defined_in(module)
        if isinstance(value, Read) and isinstance(value.limit, Limit) and value.oversize is None
    }
    return {
        (module.__name__, name)
        for module in modules()
        for name, value in defined_in(module)
        if isinstance(value, Limit) and id(value) in limits
    }


UNSEEN = {
    (bound.module, bound.name): bound
    for bound in bounds()
    if bound.room in ("catalog", "rootfs") and bound.effect == "unseen"
}


def test_each_limit_has_a_case() -> None:
    named = {tuple(name.rsplit(".", 1)) for name in ELSEWHERE}
    assert UNSEEN.keys() - CASES.keys() - named == of_reads() & UNSEEN.keys() - CASES.keys()
    assert CASES.keys() <= UNSEEN.keys()


def verdicts(case: Case, bound: Bound, policy: Any) -> tuple[CheckResult, CheckResult, CheckResult]:
    """Of the image with the padding as long as it is within bounds, of that without padding, and of that with padding beyond them."""
    within = judged(case.padded, policy, is_folder=case.is_folder)
    with ExitStack() as stack:
        limits = stack.enter_context(lowered(bound, case.number))
        for (module, name), number in case.also.items():
            if module == "Limits":
                limits = replace(limits, **{name: number})
            else:
                stack.enter_context(lowered(Bound(module, name, 0, "", "later", ""), number))
        plain = judged(case.plain, policy, limits=limits, is_folder=case.is_folder)
        padded = judged(case.padded, policy, limits=limits, is_folder=case.is_folder)
    return within, plain, padded


@pytest.mark.parametrize("key", CASES, ids=lambda key: ".".join(key).removeprefix("hullmark."))
def test_what_lies_beyond_a_limit_is_never_let_go(key: tuple[str, str]) -> None:
    case = CASES[key]
    within, plain, padded = verdicts(case, UNSEEN[key], one_rule(case.rule))
    assert (within.verdict.verdict, plain.verdict.verdict) == (case.within, Outcome.STOP)
    assert padded.verdict.verdict in HELD
    assert [problem for problem in plain.inventory.problems if problem.is_open] == []
    assert [problem for problem in padded.inventory.problems if problem.is_open]


SOME = (
    ("hullmark.rootfs.limits", "Limits.entries"),
    ("hullmark.catalog.systems.dpkg_status", "STATUS.limit"),
    ("hullmark.catalog.languages.java_reading", "_MAX_DEPTH"),
    ("hullmark.catalog.languages.python", "METADATA.limit"),
    ("hullmark.catalog.systems.rpmdb.sqlite", "_MAX_ROWS"),
)


@pytest.mark.parametrize("key", SOME, ids=lambda key: ".".join(key).removeprefix("hullmark."))
@pytest.mark.parametrize("name", shipped())
def test_no_shipped_policy_lets_go_of_what_it_cannot_see(key: tuple[str, str], name: str) -> None:
    case = CASES[key]
    _, plain, padded = verdicts(case, UNSEEN[key], shipped()[name])
    assert plain.verdict.verdict is not Outcome.STOP or padded.verdict.verdict in HELD


def test_the_limits_of_layers_are_those_that_a_case_lowers() -> None:
    assert {name for module, name in cases_rootfs.CASES if module.endswith("limits")} == {
        f"Limits.{field}"
        for field in Limits.__struct_fields__
        if ("hullmark.rootfs.limits", f"Limits.{field}") in UNSEEN
    }
