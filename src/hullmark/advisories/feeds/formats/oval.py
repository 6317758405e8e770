"""OVAL 5 definitions of rpm distributions, read as a stream (https://oval.mitre.org/language/version5.11/).

The tests that definitions refer to stand after them: one pass gathers tests, a second reads definitions. Signatures are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from hullmark.advisories.feeds.feed import Document, Report, reason_of
from hullmark.advisories.feeds.formats import archives
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.model.advisory import Cvss, Range
from hullmark.model.limit import BeyondLimit, Limit

_MAX_DEPTH = Limit(32, "levels of criteria of an OVAL definition")
_MAX_TESTS = Limit(4_000_000, "tests of an OVAL document", "refused")
_CUT = "it cannot be read to its end"
_DAMAGE: tuple[type[BaseException], ...] = (*archives.DAMAGE, ParseError, DefusedXmlException, LookupError)
_STATE_FIELDS = frozenset({"evr", "version", "release", "arch", "signature_keyid"})
_SIGNATURE = "signature_keyid"
_EARLIER = re.compile(r"(?:Package )?(\S+) is earlier than ([^\s,]+)")


class Test(msgspec.Struct, frozen=True, gc=False):
    """One test: of package `name`, that `subject` (evr, version, release, arch; "" its presence) stands in `operation` to `value`.

    `kind` is the element's name (`rpminfo`, `textfilecontent54` …); "" where the document lacks the test that is referred to.
    `arch` is a pattern of architectures. `is_absent`: the test holds where the package is not. `comment` is the criterion's.
    """

    kind: str = ""
    name: str = ""
    subject: str = ""
    operation: str = ""
    value: str = ""
    arch: str = ""
    is_absent: bool = False
    comment: str = ""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a definition says of one package: all `tests` hold, and of each group in `where` at least one does."""

    name: str
    tests: tuple[Test, ...]
    where: tuple[tuple[Test, ...], ...]


class RatedCve(msgspec.Struct, frozen=True, gc=False):
    """A CVE as an advisory lists it, with its word for the impact."""

    id: str
    impact: str = ""
    cvss: tuple[Cvss, ...] = ()
    cwe: str = ""


class Definition(msgspec.Struct, frozen=True, gc=False):
    """One definition. `references` are (source, id, URL); `details` all texts of the metadata by element name; dates are ISO 8601."""

    id: str
    kind: str
    title: str
    description: str
    severity: str
    issued: str
    updated: str
    references: tuple[tuple[str, str, str], ...]
    cves: tuple[RatedCve, ...]
    details: dict[str, str]
    claims: tuple[Claim, ...]


class _Element(Protocol):
    tag: str
    text: str | None
    attrib: dict[str, str]

    def __iter__(self) -> Iterator[_Element]: ...
    def iter(self) -> Iterator[_Element]: ...
    def clear(self) -> None: ...


IsPlace = Callable[[Test], bool]
"""Whether a test asks for the system (a release, an architecture, a module) and not for a vulnerable package."""


def is_place(test: Test) -> bool:
    """The usual answer: tests of a `…-release` package, of files, and of anything that is not a package."""
    return test.kind not in ("rpminfo", "") or test.name.endswith("-release") or test.subject == "arch"


def definitions(document: Document, report: Report, places: IsPlace = is_place) -> Iterator[Definition]:
    """The definitions of a document, in its order. Raises DamagedDocument, before the first where it is not whole."""
    tests = _tests(document)
    with archives.convert_damage_errors(document, _CUT, _DAMAGE), archives.plain(document) as stream:
        for element in _elements(stream, "definition".__eq__, last="definitions"):
            try:
                definition = _definition(element, tests, places)
            except ValueError as error:
                report(element.attrib.get("id", document.url), reason_of(error))
                continue
            yield definition


def range_of(tests: tuple[Test, ...]) -> Range | None:
    """The versions that a claim's tests leave; None if they say nothing that is a range of versions."""
    bounds: dict[str, Any] = {}
    for test in tests:
        if test.subject not in ("evr", ""):
            return None
        match test.operation:
            case "less than":
                bounds |= {"high": test.value, "high_open": True, "fixed": test.value}
            case "less than or equal":
                bounds |= {"high": test.value, "high_open": False}
            case "greater than":
                bounds |= {"low": test.value, "low_open": True}
            case "greater than or equal":
                bounds |= {"low": "" if _is_zero(test.value) else test.value}
            case "equals":
                bounds |= {"low": test.value, "high": test.value, "high_open": False}
            case "":
                pass
            case _:
                return None
    return Range(**bounds)


def names_of(definition: Definition) -> set[str] | None:
    """The packages that a definition speaks of; None if it names none."""
    return {claim.name for claim in definition.claims if claim.name} or None


def _is_zero(evr: str) -> bool:
    return not evr.strip("0:-")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _elements(stream: BinaryIO, is_wanted: Callable[[str], bool], last: str = "") -> Iterator[_Element]:
    """The elements whose name is wanted, whole; each and all else is cleared when it has been read. Ends with the element `last`."""
    parents: list[_Element] = []
    inside = 0
    for event, element in iterparse(stream, events=("start", "end")):
        name = _local(element.tag)
        if event == "start":
            parents.append(element)
            inside += is_wanted(name)
            continue
        parents.pop()
        if is_wanted(name):
            inside -= 1
            yield element
        if not inside:
            element.clear()
            if parents:
                parents[-1].clear()
            if name == last:
                return


def _is_leaf(name: str) -> bool:
    return name.endswith(("_test", "_object", "_state"))


_Raw = tuple[str, str, tuple[str, ...], bool]


def _tests(document: Document) -> dict[str, Test]:
    """Every test of a document by its id, with what it refers to resolved; the document is read to its end. Raises DamagedDocument."""
    raw: dict[str, _Raw] = {}
    names: dict[str, str] = {}
    states: dict[str, Test] = {}
    with archives.convert_damage_errors(document, _CUT, _DAMAGE), archives.plain(document) as stream:
        for element in _elements(stream, _is_leaf):
            identity, (_, _, kind) = element.attrib.get("id", ""), _local(element.tag).rpartition("_")
            if kind == "test":
                raw[identity] = _test(element)
                if len(raw) > _MAX_TESTS:
                    raise ValueError(f"it has more than {_MAX_TESTS:,} tests")
            elif kind == "object":
                names[identity] = next((_text(child) for child in element if _local(child.tag) == "name"), "")
            else:
                states[identity] = _state(element)
    return _resolve_tests(raw, names, states)


def _test(element: _Element) -> _Raw:
    target, states = "", []
    for child in element:
        if "object_ref" in child.attrib:
            target = child.attrib["object_ref"]
        elif "state_ref" in child.attrib:
            states.append(child.attrib["state_ref"])
    is_absent = "none" in (
        element.attrib.get("check_existence", "").partition("_")[0],
        element.attrib.get("check", "")[:4],
    )
    return _local(element.tag).removesuffix("_test"), target, tuple(states), is_absent


def _state(element: _Element) -> Test:
    arch, subject, operation, value = "", "", "", ""
    for child in element:
        field = _local(child.tag)
        if field not in _STATE_FIELDS:
            continue
        if field == "arch":
            arch = _text(child)
        else:
            subject, operation, value = field, child.attrib.get("operation", "equals"), _text(child)
    if arch and not subject:
        return Test(subject="arch", operation="pattern match", value=arch)
    return Test(subject=subject, operation=operation, value=value, arch=arch)


def _resolve_tests(raw: dict[str, _Raw], names: dict[str, str], states: dict[str, Test]) -> dict[str, Test]:
    resolved: dict[str, Test] = {}
    none = Test()
    while raw:
        identity, (kind, target, refs, is_absent) = raw.popitem()
        state = states.get(refs[0], none) if refs else none
        resolved[identity] = Test(
            kind=kind,
            name=names.get(target, ""),
            subject=state.subject,
            operation=state.operation,
            value=state.value,
            arch=state.arch,
            is_absent=is_absent,
        )
    return resolved


def _text(element: _Element) -> str:
    return (element.text or "").strip()


def _definition(element: _Element, tests: dict[str, Test], places: IsPlace) -> Definition:
    details: dict[str, str] = {}
    references: list[tuple[str, str, str]] = []
    cves: list[RatedCve] = []
    claims: list[Claim] = []
    for child in element:
        if _local(child.tag) == "criteria":
            _walk(child, (), _Walk(tests, places, claims), 0)
            continue
        for descendant in child.iter():
            name, given = _local(descendant.tag), descendant.attrib
            if name == "reference":
                references.append((given.get("source", ""), given.get("ref_id", ""), given.get("ref_url", "")))
            elif name == "cve":
                cves.append(_read_cve_rating(descendant))
            else:
                details.setdefault(name, given.get("date") or _text(descendant))
    return Definition(
        id=element.attrib.get("id", ""),
        kind=element.attrib.get("class", ""),
        title=details.get("title", ""),
        description=details.get("description", ""),
        severity=details.get("severity", ""),
        issued=instant(details.get("issued")),
        updated=instant(details.get("updated")),
        references=tuple(references),
        cves=tuple(cves),
        details=details,
        claims=tuple(claims),
    )


def _read_cve_rating(element: _Element) -> RatedCve:
    given = element.attrib
    vectors = [given[name] for name in ("cvss4", "cvss3", "cvss2") if "/" in given.get(name, "")]
    return RatedCve(
        id=_text(element),
        impact=given.get("impact", ""),
        cvss=tuple(filter(None, map(_cvss, vectors))),
        cwe=given.get("cwe", ""),
    )


def _cvss(text: str) -> Cvss | None:
    """A rating as OVAL writes it: `7.0/CVSS:3.1/AV:L/…`."""
    score, _, vector = text.partition("/")
    try:
        number = float(score)
    except ValueError:
        return None
    version = vector[5:8] if vector.startswith("CVSS:") else "2.0"
    return Cvss(version, vector, number) if 0 <= number <= 10 else None


class _Walk(msgspec.Struct):
    tests: dict[str, Test]
    places: IsPlace
    claims: list[Claim]

    def test(self, criterion: _Element) -> Test:
        """The test that a criterion refers to; where the document lacks it, what the comment says."""
        comment = criterion.attrib.get("comment", "")
        found = self.tests.get(criterion.attrib.get("test_ref", ""))
        if found is not None:
            return msgspec.structs.replace(found, comment=comment)
        match = _EARLIER.match(comment)
        if match is None:
            return Test(comment=comment)
        return Test("rpminfo", match[1], "evr", "less than", match[2], comment=comment)


def _walk(criteria: _Element, where: tuple[tuple[Test, ...], ...], walk: _Walk, depth: int) -> None:
    """Gather the claims below a node. Of what an AND joins, the places are conditions of all its packages."""
    if depth > _MAX_DEPTH:
        raise BeyondLimit(f"its criteria are nested more than {_MAX_DEPTH} deep")
    is_and = criteria.attrib.get("operator", "AND") == "AND"
    inner: list[_Element] = []
    packages: dict[str, list[Test]] = {}
    for child in criteria:
        group = _places(child, walk, depth)
        if group is not None:
            where = (*where, group) if is_and and group else where
        elif _local(child.tag) == "criteria":
            inner.append(child)
        else:
            test = walk.test(child)
            packages.setdefault(test.name or test.comment, []).append(test)
    for name, tests in packages.items():
        groups = [tuple(tests)] if is_and else [(test,) for test in tests]
        walk.claims.extend(Claim(name, group, where) for group in groups)
    for child in inner:
        _walk(child, where, walk, depth + 1)


def _places(node: _Element, walk: _Walk, depth: int) -> tuple[Test, ...] | None:
    """The places of a node that names nothing else; none for a signature, None for whatever names packages."""
    if _local(node.tag) == "criterion":
        test = walk.test(node)
        if test.subject == _SIGNATURE or "is signed with" in test.comment:
            return ()
        return (test,) if walk.places(test) else None
    if depth > _MAX_DEPTH:
        return None
    found: list[Test] = []
    for child in node:
        inner = _places(child, walk, depth + 1)
        if inner is None:
            return None
        found.extend(inner)
    return tuple(found)
