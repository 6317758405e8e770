"""The comparison facts gathered from public test suites: all of them hold, for the schemes there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hullmark.versions import SCHEMES, InvalidVersion, scheme_named
from tests.support.places import shared

ELSEWHERE = {"rpm_nevra": "rpm"}
WITHOUT_FACTS = {"bitnami", "cargo", "conan", "hex", "npm", "rhctag"}


def rows(name: str) -> Iterator[dict[str, Any]]:
    for line in shared("conformance", "versions", name).read_bytes().splitlines():
        row = msgspec.json.decode(line)
        name = ELSEWHERE.get(row["scheme"], row["scheme"])
        scheme = scheme_named(name)
        assert scheme is not None, f"there is no scheme {name}"
        row["scheme"] = scheme.name
        if "variant" not in row:
            yield row


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: str(scheme.name))
def test_every_known_comparison_holds(scheme: Any) -> None:
    facts = [row for row in rows("compare.jsonl") if row["scheme"] == scheme.name]
    assert bool(facts) is (scheme.name not in WITHOUT_FACTS)
    assert [row for row in facts if scheme.compare(row["a"], row["b"]) != row["expect"]] == []


def test_every_known_rejection_holds() -> None:
    for row in rows("reject.jsonl"):
        scheme = scheme_named(row["scheme"])
        assert scheme is not None
        with pytest.raises(InvalidVersion):
            scheme.compare(row["version"], "1")
