"""How well a container is kept apart, and its facts as they are kept."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from hullmark.isolation.grades import assess, lower_to_host
from hullmark.model.isolation import GRADES, Isolation
from hullmark.model.limit import Limit
from hullmark.server.tables.places.shared import GradedFacts

_MOST_OF_A_LIST = Limit(200, "paths, devices, ports or capabilities that are kept of one container", "shortened")
_LONGEST_TEXT = Limit(1000, "characters of a text of isolation facts that are kept", "shortened")


IS_CUT = "is_cut"
"""Marks kept facts that are not all that was told: no rule goes by them."""
_NOTHING = msgspec.to_builtins(Isolation())


class KeptFacts(NamedTuple):
    """Facts by the digest of their content."""

    digest: bytes
    graded: GradedFacts


def kept_facts(isolation: Isolation) -> KeptFacts:
    """The facts as they are kept: lists sorted, long ones cut, what nobody told left out. Grade and digest go by all of them; facts
    that only later versions know do not change the digest."""
    assessment = assess(isolation)
    if isolation.escapes:
        assessment = lower_to_host(assessment, f"the host has a known escape: {isolation.escapes[0]}")
    told = {name: value for name, value in msgspec.to_builtins(isolation).items() if value != _NOTHING[name]}
    rank = GRADES.index(assessment.grade)
    reason = "; ".join(reason.text for reason in assessment.reasons)[:_LONGEST_TEXT].replace("\0", "")
    encoded = msgspec.json.encode({name: _sort_list(value) for name, value in told.items()}, order="sorted")
    facts = {name: _bound_value(value) for name, value in told.items()}
    if any(facts[name] != _sort_list(value) for name, value in told.items()):
        facts[IS_CUT] = True
    return KeptFacts(hashlib.sha256(encoded).digest(), GradedFacts(facts=facts, grade=rank, reason=reason))


def _sort_list(value: object) -> object:
    """A list in one order, whoever told it."""
    return sorted(value, key=str) if isinstance(value, list | tuple) else value


def _bound_value(value: object) -> object:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT].replace("\0", "")
    if isinstance(value, list | tuple):
        return sorted(map(_bound_value, value), key=str)[:_MOST_OF_A_LIST]
    if isinstance(value, dict):
        return {key: _bound_value(item) for key, item in value.items()}
    return value
