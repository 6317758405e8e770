"""Which repositories an image's apt uses: sources.list(5), in lines or in paragraphs (deb822)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Read, Report

_MAX_BYTES = Limit(1 << 20, "bytes of a file that names repositories of apt")
_MAX_SOURCES = Limit(1000, "repositories of apt that one file names")
_LINE = re.compile(
    r"(?P<types>deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<rest>.*)"
)
_OFF = frozenset(("no", "false", "without", "off", "disable", "0"))


class AptSource(msgspec.Struct, frozen=True, array_like=True):
    """One suite of one repository. `suite` ends with a slash where the repository has no components. `archs` are the architectures that
    are asked for, () for those of the machine."""

    uri: str
    suite: str
    components: tuple[str, ...] = ()
    archs: tuple[str, ...] = ()


def without_credentials(url: str) -> str:
    """A URL without user, password and query, which may be secrets: they are neither shown nor sent."""
    scheme, between, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{between}{host.rpartition('@')[2]}{slash}{path}".partition("?")[0] if between else url


def parse_sources(path: str, body: memoryview, report: Report) -> tuple[AptSource, ...] | None:
    """The repositories of binary packages that a file names; None if it names none."""
    text = bytes(body).decode("utf-8", "replace")
    stated = _paragraphs(text, report) if path.endswith(".sources") else _lines(text, report)
    found = list(
        dict.fromkeys(msgspec.structs.replace(source, uri=without_credentials(source.uri)) for source in stated)
    )
    if len(found) > _MAX_SOURCES:
        report(f"it names more than {_MAX_SOURCES:,} repositories; the others were not read")
    return tuple(found[:_MAX_SOURCES]) or None


def _lines(text: str, report: Report) -> Iterator[AptSource]:
    for number, line in enumerate(text.splitlines(), 1):
        stated = line.partition("#")[0].strip()
        if not stated:
            continue
        found = _LINE.fullmatch(stated)
        if found is None:
            report(f"line {number} names no repository")
        elif found["types"] == "deb":
            options = (part.partition("=") for part in (found["options"] or "").split())
            archs = next((value for name, _, value in options if name.rstrip("+") == "arch"), "")
            yield AptSource(
                found["uri"], found["suite"], tuple(found["rest"].split()), tuple(filter(None, archs.split(",")))
            )


def _paragraphs(text: str, report: Report) -> Iterator[AptSource]:
    for fields in _stanzas(text.splitlines()):
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").strip().lower() in _OFF:
            continue
        uris, suites = fields.get("uris", "").split(), fields.get("suites", "").split()
        if not uris or not suites:
            report("a paragraph has no URIs or no Suites")
        components, archs = tuple(fields.get("components", "").split()), tuple(fields.get("architectures", "").split())
        yield from (AptSource(uri, suite, components, archs) for uri in uris for suite in suites)


def _stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The fields of each paragraph, by their names in lower case; values that go on in further lines are joined by line feeds."""
    fields: dict[str, str] = {}
    last = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        else:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()
    if fields:
        yield fields


def _pins(path: str, body: memoryview, report: Report) -> bool | None:
    """Whether a file of apt_preferences(5) changes which version is chosen."""
    return True if re.search(rb"(?mi)^pin(?:-priority)?[ \t]*:", bytes(body)) else None


def _archs(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The architectures that dpkg takes besides its own (`dpkg --add-architecture`): one in each line, the first its own."""
    return tuple(bytes(body).decode("ascii", "replace").split()[:20]) or None


SOURCES: Read[tuple[AptSource, ...]] = Read(
    name="apt-sources",
    fact=tuple[AptSource, ...],
    extract=parse_sources,
    globs=("etc/apt/sources.list", "etc/apt/sources.list.d/*.list", "etc/apt/sources.list.d/*.sources"),
    limit=_MAX_BYTES,
)
PREFERENCES: Read[bool] = Read(
    name="apt-preferences",
    fact=bool,
    extract=_pins,
    globs=("etc/apt/preferences", "etc/apt/preferences.d/*"),
    limit=_MAX_BYTES,
)
ARCHS: Read[tuple[str, ...]] = Read(
    name="dpkg-architectures", fact=tuple[str, ...], extract=_archs, globs=("var/lib/dpkg/arch",), limit=_MAX_BYTES
)
