"""What Canonical's OpenVEX documents say beyond its OSV records (https://documentation.ubuntu.com/security, VEX; OpenVEX 0.2.0).

`not_affected` says which source packages of a release are sound, `under_investigation` of which nobody knows yet, and the words of
`affected` what will never be fixed. What is `fixed`, OSV tells more exactly: the versions of products here are those of today.
Nor does `affected` add a package: of a release whose support is over it is said of all, also where Ubuntu Pro's word for the
same package is `not_affected`. That a package is not in a release's archive (`component_not_present`) says nothing of one that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Report
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import day_of, is_cve
from hullmark.advisories.feeds.ubuntu_tracker import esm_or_base
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage
from hullmark.model.limit import Limit

_SOURCE = re.compile(r"pkg:deb/ubuntu/([^@?]+)(?:@[^?]*)?\?(.*)").fullmatch
_MARK = b"arch=source"
_ABSENT = "component_not_present"
_WONT_FIX = (
    "This package (for the given release) is vulnerable to the CVE, the problem is understood, but the Ubuntu Security Team"
    " decided to not fix it",
    "This package (for the given release) is no longer supported",
)
_HINTS = (b"not_affected", b"under_investigation", b"decided to not fix", b"is no longer supported")
_SOUND, _OPEN, _NEVER = "+", "?", "-"
_MAX_PRODUCT = Limit(1000, "characters of a product's name in an Ubuntu VEX document", "shortened")


class _Product(msgspec.Struct):
    id: str = msgspec.field(default="", name="@id")


class _Vulnerability(msgspec.Struct):
    name: str = ""


class _Statement(msgspec.Struct):
    vulnerability: _Vulnerability
    status: str = ""
    justification: str = ""
    action_statement: str = ""
    timestamp: str = ""
    products: msgspec.Raw = msgspec.Raw(b"[]")


class _Vex(msgspec.Struct):
    statements: list[_Statement] = []


_DOCUMENT = msgspec.json.Decoder(_Vex)
_PRODUCTS = msgspec.json.Decoder(list[_Product])


class CveStatement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is said of one CVE: the day of the first statement that counts, and a line for each package of a release, `+ubuntu:22.04/curl`.

    `+` is not affected, `?` under investigation, `-` never fixed. Whole archives are held so: text is small.
    """

    day: str = ""
    lines: str = "\n"

    def is_never_fixed(self, namespace: str, name: str) -> bool:
        """Whether Canonical has said that it will not fix this package of this release."""
        return f"\n{_NEVER}{namespace}/{name}\n" in self.lines

    def rows(self) -> Iterator[AffectedPackage]:
        """What is said of packages that are not affected or not yet looked at, in the documents' order."""
        for line in self.lines.split("\n"):
            namespace, _, name = line[1:].partition("/")
            if line.startswith(_SOUND):
                yield AffectedPackage(
                    namespace=namespace, name=name, scheme="deb", kind="unaffected", ranges=(EVERY_VERSION,)
                )
            elif line.startswith(_OPEN):
                note = "under investigation"
                yield AffectedPackage(namespace=namespace, name=name, scheme="deb", ranges=(EVERY_VERSION,), note=note)


NOTHING = CveStatement()


def read_statements(documents: Sequence[Document], report: Report) -> dict[str, CveStatement]:
    """What the documents of these archives say, by CVE. What cannot be read is reported."""
    found: dict[str, CveStatement] = {}
    for document in documents:
        for place, data in members(document, (".json",)):
            if not any(hint in data for hint in _HINTS):
                continue
            vex = decode(_DOCUMENT, data, place, report, found_at("statements.*.products.*.@id"))
            for statement in vex.statements if vex else ():
                sign, name = _sign(statement), statement.vulnerability.name
                if not sign or not is_cve(name):
                    continue
                lines = "\n".join(dict.fromkeys(_lines(sign, statement.products, place, report)))
                known = found.get(name, NOTHING)
                if lines:
                    found[name] = CveStatement(known.day or day_of(statement.timestamp), f"{known.lines}{lines}\n")
    return found


def _sign(statement: _Statement) -> str:
    """What the statement's lines begin with, "" if it says nothing that OSV does not."""
    if statement.status == "not_affected":
        return "" if statement.justification == _ABSENT else _SOUND
    if statement.status == "affected":
        return _NEVER if statement.action_statement.startswith(_WONT_FIX) else ""
    return _OPEN if statement.status == "under_investigation" else ""


def _lines(sign: str, products: msgspec.Raw, place: str, report: Report) -> Iterator[str]:
    for purl in _sources(bytes(products), place, report):
        namespace, name = _release_and_name(purl)
        # What Pro never fixes, neither does its base; what it has yet to look at, its base's own word tells.
        if sign == _NEVER:
            namespace = namespace.removesuffix("+esm")
        if namespace and not (sign == _OPEN and namespace.endswith("+esm")):
            yield f"{sign}{namespace}/{name}"


def _sources(products: bytes, place: str, report: Report) -> Iterator[str]:
    """The names of products that are source packages: one of some hundreds, so the others are not even decoded."""
    if b"\\" in products:
        yield from (product.id for product in decode(_PRODUCTS, products, place, report, found_at("*.@id")) or ())
        return
    at = products.find(_MARK)
    while at >= 0:
        begin, end = products.rfind(b'"', max(0, at - _MAX_PRODUCT), at), products.find(b'"', at)
        if begin >= 0 and end >= 0:
            yield products[begin + 1 : end].decode("utf-8", "replace")
        at = products.find(_MARK, at + len(_MARK))


def _release_and_name(purl: str) -> tuple[str, str]:
    """`ubuntu:22.04` (or `ubuntu:22.04+esm`) and the package; "" twice for what is not a source package of them."""
    found = _SOURCE(purl)
    qualifiers = found[2].split("&") if found else []
    if found is None or "arch=source" not in qualifiers:
        return "", ""
    codename = next(
        (qualifier.removeprefix("distro=") for qualifier in qualifiers if qualifier.startswith("distro=")), ""
    )
    return esm_or_base(codename), found[1].replace("%2B", "+").replace("%2b", "+")
