"""Ignore rules: what a document says, what a rule is about, and when it no longer holds."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match import ignores
from hullmark.advisories.match.ignores import IgnoreRule, PackageRule, apply, describe_expired_rules, parse
from hullmark.model.advisory import Statement
from hullmark.model.match import Fix, Match, MatchedAdvisory, Suppression
from hullmark.model.package import Location, Package, SourcePackage

AT = "2026-11-01"
WHO = "owner: us\n    reason: because"

PYTHON = Package(
    type="pypi",
    name="urllib3",
    version="1.26.5",
    purl="pkg:pypi/urllib3@1.26.5",
    cataloger="python",
    locations=(Location("/usr/lib/python3/dist-packages/urllib3-1.26.5.egg-info", 2), Location("/opt/a/b/METADATA", 3)),
)
LIBSSL = Package(
    type="deb",
    name="libssl3",
    version="3.0.11-1",
    purl="pkg:deb/debian/libssl3@3.0.11-1",
    cataloger="dpkg",
    source=SourcePackage("openssl", "3.0.11-1"),
    locations=(Location("/var/lib/dpkg/status", 0),),
)


def match(package: Package, **more: Any) -> Match:
    """A match of GHSA-aaaa, which is CVE-2024-1, with a package."""
    advisory = MatchedAdvisory(
        id="GHSA-aaaa",
        source="ghsa",
        namespace=more.pop("namespace", "pypi"),
        cve="CVE-2024-1",
        aliases=("CVE-2024-1",),
    )
    fix = Fix(state=more.pop("state", "unknown"))
    values = {"kind": "direct", "name": package.name, "version": package.version, "why": "", **more}
    return Match(package=package, advisory=advisory, fix=fix, **values)


def rule(text: str) -> IgnoreRule:
    """The rule of a document with one, given its lines without owner and reason."""
    lines = "\n    ".join((*text.strip().splitlines(), WHO))
    (found,) = parse(f"ignore:\n  - {lines}\n".encode())
    return found


def is_ignored(found: Match, text: str, **more: Any) -> bool:
    """Whether the rule is about the match."""
    (judged,) = apply((found,), (rule(text),), AT, **more)
    assert judged.suppressed is None or judged.suppressed.by == "ignore"
    return judged.suppressed is not None


def test_a_document_says_who_why_and_until_when() -> None:
    (found,) = parse(
        b"""
ignore:
  - vulnerability: CVE-2023-45853
    include-aliases: no
    namespace: debian:12
    fix-state: wont-fix
    match_kind: source
    vex-status: not_affected
    vex-justification: component_not_present
    package: {name: zlib*, version: 1.2.13, type: deb, location: /var/lib/**, source: zlib}
    owner: platform team
    reason: MiniZip is not built
    expires: 2027-03-31
"""
    )
    assert found == IgnoreRule(
        owner="platform team",
        reason="MiniZip is not built",
        expires="2027-03-31",
        vulnerability="CVE-2023-45853",
        include_aliases=False,
        namespace="debian:12",
        fix_state="wont-fix",
        match_kind="source",
        vex_status="not_affected",
        vex_justification="component_not_present",
        package=PackageRule(name="zlib*", version="1.2.13", type="deb", location="/var/lib/**", source="zlib"),
        place="ignore[0]",
    )


@pytest.mark.parametrize("text", ["", "ignore: []", "# nothing", "{}"])
def test_a_document_without_rules_has_none(text: str) -> None:
    assert parse(text.encode()) == ()


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="the document is larger than 4 MiB"):
        parse(b" " * ((4 << 20) + 1))
    with pytest.raises(ValueError, match=r"ignore\[0\]\.reason: expected at most 1000 characters"):
        parse(b"ignore: [{vulnerability: x, owner: y, reason: " + b"z" * 1001 + b"}]")
    monkeypatch.setattr(ignores, "MAX_RULES", 2)
    rules = b"ignore: [" + b"{vulnerability: x, owner: y, reason: z}, " * 2
    assert len(parse(rules + b"]")) == 2
    with pytest.raises(ValueError, match="ignore: expected at most 2 rules, not 3"):
        parse(rules + b"{}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "the document: expected a mapping"),
        ("a: [", "the document is not YAML"),
        ("a: &x [1]\nb: *x", "the document has aliases"),
        ("ignored: []", "ignored: there is no such key; did you mean 'ignore'?"),
        ("ignore: x", "ignore: expected a list of rules"),
        ("ignore: [x]", r"ignore\[0\]: expected a mapping"),
        (
            "ignore: [{vulnerabilty: x}]",
            r"ignore\[0\]\.vulnerabilty: there is no such key; did you mean 'vulnerability'",
        ),
        ("ignore: [{vulnerability: x, owner: y}]", r"ignore\[0\]\.reason: missing"),
        ("ignore: [{vulnerability: x, reason: y}]", r"ignore\[0\]\.owner: missing"),
        ("ignore: [{owner: x, reason: y}]", r"ignore\[0\]: it would ignore everything"),
        ("ignore: [{owner: x, reason: y, include-aliases: yes}]", r"ignore\[0\]: it would ignore everything"),
        ("ignore: [{owner: x, reason: ' ', vulnerability: z}]", r"ignore\[0\]\.reason: expected a text"),
        ("ignore: [{owner: x, reason: y, vulnerability: [z]}]", r"ignore\[0\]\.vulnerability: expected a text"),
        ("ignore: [{owner: x, reason: y, package: z}]", r"ignore\[0\]\.package: expected a mapping"),
        ("ignore: [{owner: x, reason: y, package: {nam: z}}]", r"ignore\[0\]\.package\.nam: .*did you mean 'name'"),
        ("ignore: [{owner: x, reason: y, fix-state: wontfix}]", r"\.fix_state: there is no 'wontfix'; did you mean"),
        (
            "ignore: [{owner: x, reason: y, match-kind: x}]",
            r"\.match_kind: there is no 'x'; there are cpe, direct, source",
        ),
        (
            "ignore: [{owner: x, reason: y, vulnerability: z, expires: soon}]",
            r"\.expires: not a valid time",
        ),
        ("ignore: [{owner: x, reason: y, vulnerability: z, expires: 20270331}]", r"\.expires: not a valid time"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_the_nearest_word(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text.encode())


@given(st.binary())
def test_any_bytes_are_rules_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse(data)


def test_deep_nesting_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"not YAML|expected a mapping"):
        parse(b"ignore: " + b"[" * 900 + b"]" * 900)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("vulnerability: cve-2024-1", True),
        ("vulnerability: GHSA-AAAA", True),
        ("vulnerability: CVE-2024-1\ninclude-aliases: false", False),
        ("vulnerability: GHSA-aaaa\ninclude-aliases: false", True),
        ("vulnerability: CVE-2024-11", False),
        ("namespace: py*", True),
        ("namespace: debian:*", False),
        ("fix-state: wont-fix", True),
        ("fix-state: fixed", False),
        ("match-kind: direct", True),
        ("match-kind: cpe", False),
        ("package: {name: urllib3}", True),
        ("package: {name: urllib}", False),
        ("package: {name: 'url*3'}", True),
        ("package: {name: urllib3, version: '1.26.*'}", True),
        ("package: {name: urllib3, version: 2.0}", False),
        ("package: {type: pypi}", True),
        ("package: {type: deb}", False),
        ("package: {location: /usr/lib/python3/dist-packages/*}", True),
        ("package: {location: /usr/*}", False),
        ("package: {location: /usr/}", True),
        ("package: {location: '/usr/**'}", True),
        ("package: {location: '/**/a/**/METADATA'}", True),
        ("package: {location: METADATA}", True),
        ("package: {location: b/METADATA}", True),
        ("package: {location: /METADATA}", False),
        ("package: {location: '*.egg-info'}", True),
        ("package: {source: '*'}", True),
        ("package: {source: openssl}", False),
    ],
)
def test_a_rule_is_about_what_all_its_words_fit(text: str, ignored: bool) -> None:
    assert is_ignored(match(PYTHON, state="wont-fix"), text) is ignored


def test_a_source_name_is_that_of_the_source_package() -> None:
    assert is_ignored(match(LIBSSL), "package: {source: openssl}")
    assert not is_ignored(match(LIBSSL), "package: {source: libssl3}")


def test_a_hostile_path_takes_no_time() -> None:
    package = Package(
        type="pypi",
        name="a",
        version="1",
        purl="",
        cataloger="",
        locations=(Location("/a" * 20_000, 0), Location("/" * 40_000, 0)),
    )
    assert not is_ignored(match(package), "package: {location: '/**/a/**/a/**/a/**/a/**/b'}")
    assert not is_ignored(match(package), "package: {name: '*a*a*a*a*a*a*b'}")


def test_a_rule_may_want_a_word_of_vex() -> None:
    said = Statement(
        vulnerability="CVE-2024-1", source="them", status="affected", justification="", products=("pkg:pypi/urllib3",)
    )
    assert is_ignored(match(PYTHON), "vex-status: affected", says=lambda match: said)
    assert not is_ignored(match(PYTHON), "vex-status: fixed", says=lambda match: said)
    assert not is_ignored(match(PYTHON), "vex-justification: component_not_present", says=lambda match: said)
    assert not is_ignored(match(PYTHON), "vex-status: affected")


def test_an_ignored_match_carries_owner_reason_and_last_day() -> None:
    found = IgnoreRule(owner="us", reason="not reachable", expires="2026-11-01", vulnerability="CVE-2024-1")
    (judged,) = apply((match(PYTHON),), (found,), AT)
    assert judged.suppressed == Suppression(by="ignore", reason="not reachable", owner="us", expires="2026-11-01")


def test_a_rule_holds_on_its_last_day_and_is_told_of_afterwards() -> None:
    found = rule("vulnerability: CVE-2024-1\nexpires: 2026-11-01")
    assert describe_expired_rules((found,), AT) == ()
    after = "2026-11-02T00:00:00Z"
    assert apply((match(PYTHON),), (found,), after) == (match(PYTHON),)
    assert describe_expired_rules((found,), after) == (
        "ignore[0] of us expired on 2026-11-01 and does nothing: because",
    )


def test_what_is_suppressed_already_and_what_no_rule_is_about_stay_as_they_are() -> None:
    waived = match(PYTHON, suppressed=Suppression(by="vex", reason="x"))
    found = (rule("vulnerability: CVE-2024-1\npackage: {type: pypi}"),)
    assert apply((waived, match(LIBSSL)), found, AT) == (waived, match(LIBSSL))


def test_a_rule_may_end_at_a_moment() -> None:
    found = rule("vulnerability: CVE-2024-1\nexpires: 2026-11-01T15:00:00+01:00")
    assert found.expires == "2026-11-01T14:00:00Z"
    moments = ("2026-11-01T13:59:59Z", "2026-11-01T14:00:00+00:00", "2026-10-31", "2026-11-01")
    assert [found.has_expired(at) for at in moments] == [False, True, False, True]
    with pytest.raises(ValueError, match="does not say in which zone"):
        rule("vulnerability: CVE-2024-1\nexpires: 2026-11-01T15:00:00")
