"""SSVC decisions: CISA's tree, and how its decision points are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.advisories.match.ssvc import decide_match
from hullmark.model.advisory import Cvss
from hullmark.model.match import Epss, Kev
from hullmark.model.reach import MatchReach
from tests.unit.report.matches_samples import LOG4SHELL, OPENSSL

HTTP = ("80/tcp",)
TOTAL, PARTIAL = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"
LOCAL = "AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"


def plain(*vectors: str, **more: Any) -> Any:
    ratings = tuple(Cvss("3.1", f"CVSS:3.1/{vector}", 5.0) for vector in vectors)
    return replace(OPENSSL, advisory=replace(OPENSSL.advisory, **{"cvss": ratings, "epss": None, **more}))


KEV, LIKELY = Kev(added="2026-01-01"), Epss(score=0.1, percentile=0.9)


# Rows of the decision table, by its numbers.
@pytest.mark.parametrize(
    ("vector", "more", "ports", "levels"),
    [
        (LOCAL, {}, HTTP, ("track", "track", "track*")),  # 3 to 5
        (PARTIAL, {}, HTTP, ("track", "track", "attend")),  # 6 to 8
        (PARTIAL, {}, (), ("track", "track", "track")),  # 0 to 2: nothing listens
        (TOTAL, {}, HTTP, ("track", "track", "attend")),  # 9 to 11
        (PARTIAL, {"epss": LIKELY}, (), ("track", "track", "track*")),  # 12 to 14
        (LOCAL, {"epss": LIKELY}, HTTP, ("track", "track*", "attend")),  # 15 to 17
        (TOTAL, {"epss": LIKELY}, HTTP, ("track", "track*", "attend")),  # 21 to 23
        (PARTIAL, {"kev": KEV}, (), ("track", "track", "attend")),  # 24 to 26
        (LOCAL, {"kev": KEV}, HTTP, ("track", "attend", "act")),  # 27 to 29
        (PARTIAL, {"kev": KEV}, HTTP, ("attend", "attend", "act")),  # 30 to 32
        (TOTAL, {"kev": KEV}, HTTP, ("attend", "act", "act")),  # 33 to 35
    ],
)
def test_the_level_is_that_of_the_table(
    vector: str, more: dict[str, Any], ports: tuple[str, ...], levels: tuple[str, ...]
) -> None:
    missions: Any = ("low", "medium", "high")
    assert tuple(decide_match(plain(vector, **more), ports, mission).level for mission in missions) == levels


def test_log4shell_in_a_web_service_is_to_be_acted_on_and_less_where_it_is_not_reached() -> None:
    found = decide_match(LOG4SHELL, HTTP, "medium")
    assert (found.level, found.exploitation, found.automatable, found.technical_impact, found.assumed) == (
        "act", "active", "yes", "total", (),
    )  # fmt: skip
    idle = replace(LOG4SHELL, reach=MatchReach(reach="unreachable"))
    assert decide_match(idle, HTTP, "medium").level == "attend"
    doubtful = replace(LOG4SHELL, reach=MatchReach(reach="unknown"))
    assert decide_match(doubtful, HTTP, "medium").level == "act"


def test_what_nobody_tells_is_the_worst_and_is_named() -> None:
    found = decide_match(plain(), HTTP, "high", exploited_gap="there is no list")
    assert (found.automatable, found.technical_impact) == ("yes", "total")
    assert found.assumed == ("exploitation", "automatable", "technical impact")
    assert decide_match(plain(TOTAL, kev=KEV), HTTP, "high", exploited_gap="there is no list").assumed == ()


@pytest.mark.parametrize(
    ("vector", "automatable", "impact"),
    [
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", "yes", "partial"),
        ("AV:N/AC:M/Au:N/C:C/I:C/A:C", "no", "total"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:L/VA:N/SC:N/SI:N/SA:N", "yes", "total"),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", "no", "partial"),
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:L/VA:N/SC:N/SI:N/SA:N/AU:Y", "yes", "partial"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:L/A:N", "no", "total"),
    ],
)
def test_every_version_of_cvss_tells_both(vector: str, automatable: str, impact: str) -> None:
    found = decide_match(plain(cvss=(Cvss("", "broken", 5.0), Cvss("", vector, 5.0))), HTTP, "medium")
    assert (found.automatable, found.technical_impact, found.assumed) == (automatable, impact, ())


def test_a_reference_to_a_published_exploit_is_a_proof_of_concept() -> None:
    exploit = "https://www.exploit-db.com/exploits/51996"
    other = ("https://exploit-db.com.example/exploits/1", "https://www.exploit-db.com/about", "https://[", "x")
    assert decide_match(plain(TOTAL, references=(exploit,)), HTTP, "medium").exploitation == "public poc"
    assert decide_match(plain(TOTAL, references=other), HTTP, "medium").exploitation == "none"


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=3))
def test_any_vector_and_any_reference_has_a_level(vector: str, references: list[str]) -> None:
    found = decide_match(plain(cvss=(Cvss("", vector, 5.0),), references=tuple(references)), HTTP, "low")
    assert found.level in ("track", "track*")
