"""OVAL: what definitions claim of packages, and where."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given

from hullmark.advisories.feeds.formats import oval
from hullmark.advisories.feeds.formats.oval import Test
from hullmark.model.advisory import EVERY_VERSION, Range
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import Problems, damaged, heard

HEAD = '<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"><definitions>'
TESTS = """</definitions><tests xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5#linux">
<rpminfo_test id="t:release"><object object_ref="o:release"/><state state_ref="s:15.4"/></rpminfo_test>
<rpminfo_test id="t:below"><object object_ref="o:tar"/><state state_ref="s:below"/></rpminfo_test>
<rpminfo_test id="t:above"><object object_ref="o:tar"/><state state_ref="s:above"/></rpminfo_test>
<rpminfo_test id="t:key"><object object_ref="o:tar"/><state state_ref="s:key"/></rpminfo_test>
<rpminfo_test id="t:gone" check_existence="none_exist"><object object_ref="o:tar"/></rpminfo_test>
</tests><objects>
<rpminfo_object id="o:release"><name>sles-release</name></rpminfo_object>
<rpminfo_object id="o:tar"><name>tar</name></rpminfo_object>
</objects><states>
<rpminfo_state id="s:15.4"><version operation="equals">15.4</version></rpminfo_state>
<rpminfo_state id="s:below"><arch operation="pattern match">(aarch64|x86_64)</arch>
<evr operation="less than">0:1.34-2</evr></rpminfo_state>
<rpminfo_state id="s:above"><evr operation="greater than">0:1.30-1</evr></rpminfo_state>
<rpminfo_state id="s:key"><signature_keyid operation="equals">b88b2fd43dbdc284</signature_keyid></rpminfo_state>
</states></oval_definitions>"""


def definition(criteria: str, metadata: str = "<title>CVE-2001-1267</title>") -> str:
    return f'<definition id="d:1" class="vulnerability"><metadata>{metadata}</metadata>{criteria}</definition>'


def read(text: str | bytes) -> tuple[list[oval.Definition], Problems]:
    data = text if isinstance(text, bytes) else text.encode()
    return heard(lambda report: oval.definitions(Bytes("https://oval.example/a.xml", data), report))


def claims(criteria: str) -> list[tuple[str, list[str], list[list[str]]]]:
    (found,), problems = read(HEAD + definition(criteria) + TESTS)
    assert not problems
    return [
        (
            claim.name,
            [test.operation for test in claim.tests],
            [[test.value for test in group] for group in claim.where],
        )
        for claim in found.claims
    ]


def leaf(name: str, comment: str = "") -> str:
    return f'<criterion test_ref="t:{name}" comment="{comment}"/>'


def test_a_place_that_an_and_joins_is_a_condition_of_the_packages_below_it() -> None:
    inner = f'<criteria operator="OR">{leaf("below")}</criteria>'
    assert claims(f'<criteria operator="AND">{leaf("release")}{inner}</criteria>') == [
        ("tar", ["less than"], [["15.4"]])
    ]


def test_the_tests_of_one_package_under_an_and_are_one_claim_and_under_an_or_several() -> None:
    both = leaf("below") + leaf("above")
    assert claims(f'<criteria operator="AND">{both}</criteria>') == [("tar", ["less than", "greater than"], [])]
    assert claims(f'<criteria operator="OR">{both}</criteria>') == [
        ("tar", ["less than"], []),
        ("tar", ["greater than"], []),
    ]


def test_a_place_beside_packages_in_an_or_is_no_condition() -> None:
    assert claims(f'<criteria operator="OR">{leaf("release")}{leaf("below")}</criteria>') == [
        ("tar", ["less than"], [])
    ]


def test_signatures_are_left_out() -> None:
    text = f'<criteria operator="AND">{leaf("below")}{leaf("key")}{leaf("lost", "tar is signed with a key")}</criteria>'
    assert claims(text) == [("tar", ["less than"], [])]


def test_a_test_that_the_document_lacks_is_read_from_its_comment() -> None:
    (found,), _ = read(
        HEAD + definition(f"<criteria>{leaf('lost', 'Package tar is earlier than 0:1.2-3, as CVE')}</criteria>") + TESTS
    )
    (claim,) = found.claims
    assert (claim.name, oval.range_of(claim.tests)) == ("tar", Range(high="0:1.2-3", fixed="0:1.2-3"))


def test_a_test_of_absence_says_so() -> None:
    (found,), _ = read(HEAD + definition(f"<criteria>{leaf('gone')}</criteria>") + TESTS)
    assert [test.is_absent for claim in found.claims for test in claim.tests] == [True]


@pytest.mark.parametrize(
    ("operations", "span"),
    [
        ({"less than": "2"}, Range(high="2", fixed="2")),
        ({"less than or equal": "2"}, Range(high="2", high_open=False)),
        ({"greater than": "1", "less than": "2"}, Range(low="1", low_open=True, high="2", fixed="2")),
        ({"greater than or equal": "0:0-0"}, EVERY_VERSION),
        ({"equals": "2"}, Range(low="2", high="2", high_open=False)),
        ({"pattern match": "2.*"}, None),
        ({}, EVERY_VERSION),
    ],
)
def test_operations_become_bounds(operations: dict[str, str], span: Range | None) -> None:
    tests = [Test("rpminfo", "tar", "evr", operation, value) for operation, value in operations.items()]
    assert oval.range_of(tuple(tests)) == span


def test_the_metadata_is_read() -> None:
    metadata = """<title> CVE-2001-1267 </title><reference source="CVE" ref_id="CVE-2001-1267" ref_url="https://a.example"/>
    <advisory><issued date="2021-10-02"/><severity>Moderate</severity>
    <cve impact="low" cwe="CWE-22" cvss3="3.7/CVSS:3.1/AV:N/AC:H" cvss2="x/AV:N">CVE-2001-1267</cve></advisory>"""
    (found,), _ = read(HEAD + definition("<criteria/>", metadata) + TESTS)
    assert (found.title, found.severity, found.issued) == ("CVE-2001-1267", "Moderate", "2021-10-02")
    assert found.references == (("CVE", "CVE-2001-1267", "https://a.example"),)
    (cve,) = found.cves
    assert (cve.id, cve.cwe, [(rating.version, rating.score) for rating in cve.cvss]) == (
        "CVE-2001-1267",
        "CWE-22",
        [("3.1", 3.7)],
    )


def test_criteria_nested_too_deep_cost_only_their_definition() -> None:
    deep = "<criteria>" * 80 + leaf("below") + "</criteria>" * 80
    found, problems = read(HEAD + definition(deep) + definition(f"<criteria>{leaf('below')}</criteria>") + TESTS)
    assert [len(each.claims) for each in found] == [1]
    assert problems == [("d:1", "its criteria are nested more than 32 deep")]


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "y">]>' + HEAD + definition("<criteria/>", "<title>&x;</title>") + TESTS
    found, problems = read(bomb)
    assert not found
    assert len(problems) == 1


@pytest.mark.parametrize("share", [10, 50, 93, 99])
def test_of_a_document_that_is_cut_nothing_is_believed_also_behind_its_definitions(share: int) -> None:
    whole = HEAD + definition(f"<criteria>{leaf('below')}</criteria>") + TESTS
    assert read(whole)[0]
    found, problems = read(whole[: len(whole) * share // 100])
    assert not found
    assert len(problems) == 1


def test_definitions_do_not_stay_in_memory() -> None:
    one = definition(f"<criteria>{leaf('below')}</criteria>", f"<description>{'long ' * 400}</description>")
    data = Bytes("https://oval.example/a.xml", (HEAD + one * 2000 + TESTS).encode())
    tracemalloc.start()
    count = sum(1 for _ in oval.definitions(data, lambda place, why: None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2000
    assert peak < 3 << 20 < len(data.data)


def test_red_hats_own_form_is_read() -> None:
    problems: Problems = []
    document = sample("redhat", "rhel-9-including-unpatched.oval.xml.bz2")
    found = list(oval.definitions(document, lambda place, why: problems.append((place, why))))
    assert not problems
    assert [(each.kind, [claim.name for claim in each.claims]) for each in found] == [
        ("vulnerability", ["tar"]),
        ("vulnerability", ["zlib-static", "zlib-debugsource", "zlib", "zlib-devel"]),
        ("patch", ["firefox"]),
        ("patch", ["thunderbird"]),
    ]
    assert {test.comment for each in found for claim in each.claims for group in claim.where for test in group} == {
        "Red Hat Enterprise Linux 9 is installed"
    }


@given(damaged((HEAD + definition(f"<criteria>{leaf('below')}</criteria>") + TESTS).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(data)


def test_a_document_with_more_tests_than_are_read_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + definition(leaf("below")) + TESTS
    monkeypatch.setattr(oval, "_MAX_TESTS", 5)
    assert len(read(text)[0]) == 1
    monkeypatch.setattr(oval, "_MAX_TESTS", 4)
    found, [(_, why)] = read(text)
    assert (found, why) == ([], "it cannot be read to its end: it has more than 4 tests")


def test_what_else_a_test_or_a_document_holds_is_passed_over() -> None:
    odd = TESTS.replace('<state state_ref="s:below"/>', '<notes/><state state_ref="s:below"/>')
    odd = odd.replace("</objects>", "<_other_object/></objects>")
    (one,), (other,) = (read(HEAD + definition(leaf("below")) + tests)[0] for tests in (TESTS, odd))
    assert one == other
