"""CPE names and configurations."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.cpe_configurations import Configuration, Cpe, affected_of, cpe_of
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage, Range
from tests.unit.advisories.feeds.reading import Problems

CURL = "cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*"
WINDOWS = "cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*"


def configuration(*nodes: list[dict[str, Any]], operator: str = "OR", **rest: Any) -> Configuration:
    made = [{"operator": "OR", "cpeMatch": matches, **rest} for matches in nodes]
    return msgspec.convert({"operator": operator, "nodes": made}, Configuration)


def only(*configurations: Configuration) -> AffectedPackage:
    (affected,) = found_in(*configurations)
    return affected


def found_in(*configurations: Configuration) -> tuple[AffectedPackage, ...]:
    problems: Problems = []
    found = affected_of(configurations, lambda place, why: problems.append((place, why)), "CVE-1-1")
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("text", "cpe"),
    [
        (CURL, Cpe("a:haxx:curl", "", "")),
        ("cpe:2.3:a:Haxx:cURL:8.1.0:-:*:*:*:*:*:*", Cpe("a:haxx:curl", "8.1.0", "")),
        (r"cpe:2.3:a:a\:b:wp_\&_x:1.0\+b:*:*:*:*:wordpress:*:*", Cpe("a:a:b:wp_&_x", "1.0+b", "wordpress")),
        ("cpe:2.3:a:apache:log4j:2.0:beta9:*:*:*:*:*:*", Cpe("a:apache:log4j", "2.0-beta9", "")),
        ("cpe:2.3:a:openbsd:openssh:7.4:p1:*:*:*:*:*:*", Cpe("a:openbsd:openssh", "7.4p1", "")),
        ("cpe:2.3:a:oracle:jdk:1.8.0:update275:*:*:*:*:*:*", Cpe("a:oracle:jdk", "1.8.0_275", "")),
        (WINDOWS, Cpe("o:microsoft:windows", "-", "")),
        ("cpe:2.3:h:cisco:asa:-:*:*:*:*:*:*:*", None),
        ("cpe:2.3:a:*:curl:*:*:*:*:*:*:*:*", None),
        ("cpe:/a:haxx:curl", None),
        ("", None),
    ],
)
def test_a_name_says_part_vendor_product_version_and_the_software_it_is_for(text: str, cpe: Cpe | None) -> None:
    assert cpe_of(text) == cpe


@pytest.mark.parametrize(
    ("bounds", "span"),
    [
        ({"versionEndExcluding": "8.4"}, Range(high="8.4", fixed="8.4")),
        ({"versionEndIncluding": "8.3"}, Range(high="8.3", high_open=False)),
        ({"versionStartIncluding": "7", "versionEndExcluding": "8.4"}, Range(low="7", high="8.4", fixed="8.4")),
        ({"versionStartExcluding": "7"}, Range(low="7", low_open=True)),
        ({}, EVERY_VERSION),
    ],
)
def test_bounds_are_open_or_closed_as_they_say(bounds: dict[str, str], span: Range) -> None:
    found = only(configuration([{"criteria": CURL, "vulnerable": True, **bounds}]))
    assert (found.namespace, found.name, found.scheme) == ("cpe", "a:haxx:curl", "generic")
    assert found.ranges == (span,)
    assert found.fix_state == ("fixed" if span.fixed else "unknown")


@pytest.mark.parametrize(
    ("product", "scheme"),
    [
        ("oracle:jdk", "jvm"),
        ("oracle:jre", "jvm"),
        ("oracle:openjdk", "jvm"),
        ("oracle:java_se", "jvm"),
        ("sun:jdk", "jvm"),
        ("openjdk:openjdk", "jvm"),
        ("azul:zulu", "jvm"),
        ("ibm:java", "jvm"),
        ("ibm:java_sdk", "jvm"),
        ("Oracle:JDK", "jvm"),
        ("oracle:graalvm", "generic"),
        ("oracle:mysql", "generic"),
        ("openjdk:jfx", "generic"),
        ("example:java", "generic"),
    ],
)
def test_versions_of_java_runtimes_have_an_order_of_their_own(product: str, scheme: str) -> None:
    criteria = CURL.replace("haxx:curl", product)
    assert only(configuration([{"criteria": criteria, "versionEndExcluding": "8"}])).scheme == scheme


def test_a_version_in_the_name_is_an_exact_one_and_a_product_is_put_together() -> None:
    exact = [{"criteria": CURL.replace("curl:*", f"curl:{version}")} for version in ("7.1", "7.2", "7.1")]
    found = only(configuration(exact), configuration([{"criteria": CURL, "versionEndExcluding": "6"}]))
    assert found.versions == ("7.1", "7.2")
    assert found.ranges == (Range(high="6", fixed="6"),)


def test_what_must_be_there_beside_a_product_is_its_platforms() -> None:
    found = only(configuration([{"criteria": CURL}], [{"criteria": WINDOWS, "vulnerable": False}], operator="AND"))
    assert (found.name, found.platforms) == ("a:haxx:curl", (WINDOWS,))
    assert only(configuration([{"criteria": CURL}], [{"criteria": WINDOWS, "vulnerable": False}])).platforms == ()


def test_the_software_that_a_name_is_for_is_a_platform() -> None:
    found = only(configuration([{"criteria": "cpe:2.3:a:x:y:*:*:*:*:*:node.js:*:*"}]))
    assert found.platforms == ("cpe:2.3:*:*:*:*:*:*:*:*:*:node.js:*:*",)


def test_negated_nodes_and_hardware_say_nothing() -> None:
    hardware = "cpe:2.3:h:cisco:asa:-:*:*:*:*:*:*:*"
    assert found_in(configuration([{"criteria": CURL}], negate=True), configuration([{"criteria": hardware}])) == ()


@given(st.text(max_size=60) | st.text(alphabet=r":\*-aho23.cpe", max_size=60).map(lambda text: f"cpe:2.3:{text}"))
def test_any_text_is_a_name_or_none(text: str) -> None:
    found = cpe_of(text)
    assert found is None or found.name.count(":") >= 2


def test_what_must_be_there_besides_in_one_node_is_beside_what_is_vulnerable() -> None:
    both = [{"criteria": CURL, "vulnerable": True}, {"criteria": WINDOWS, "vulnerable": False}]
    together = configuration(both)
    together.nodes[0].operator = "AND"
    apart = configuration([both[0]], [both[1]], operator="AND")
    assert only(together) == only(apart) != only(configuration([both[0]]))
