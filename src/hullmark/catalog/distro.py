"""Which distribution the image is: os-release(5), and the older files where that is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec

from hullmark.catalog.systems.repositories import REPOSITORY_READS, repositories_of
from hullmark.model.inventory import Distro
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import LocatedFact, Read, Remark, Report

F = TypeVar("F")

_MAX_BYTES = Limit(1 << 20, "bytes of a file that names the distribution")
_MAX_VALUE = Limit(1024, "characters of a value in a file that names the distribution", "shortened")
# Derived distributions name their base in these.
_BASES = {"UBUNTU_CODENAME": "ubuntu", "DEBIAN_CODENAME": "debian"}
_KEPT = frozenset(
    ("ID", "ID_LIKE", "NAME", "VERSION", "VERSION_ID", "VERSION_CODENAME", "PRETTY_NAME", "CPE_NAME", *_BASES)
)
_ASSIGNMENT = late(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)").fullmatch
_PIECE = late(r"""'(?P<raw>[^']*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|\\(?P<one>.)|(?P<plain>[^'"\\]+)""")
_ESCAPE = late(r"""\\([\\$"'`])""")
_RELEASE_NUMBER = late(r"v?(?P<number>\d+(?:\.\d+)*(?:_[a-z0-9]+)?)(?![\w.])").match
_LABEL = late(r"(?P<word>[a-z][a-z0-9._-]*)(?:/sid)?").fullmatch
_IDENTIFIER = late(r"[a-z0-9._-]+").fullmatch
_RED_HAT_LINE = late(r"(?P<name>\S[^\n]*?)\s+release\s+(?P<version>\d[\d.]*)(?:[^\n(]*\((?P<code>[^\n()]*)\))?")
_DEBIAN_LINE = late(r"(?:(?P<version>\d+)(?:\.\d+)*|(?P<code>[a-z]+)(?:/sid)?)\s*").fullmatch
_ALPINE_LINE = late(r"(?P<version>\d+(?:\.\d+)*(?:_[a-z0-9]+)?)\s*").fullmatch

_RED_HAT_IDS = (
    ("red hat", "rhel"),
    ("centos", "centos"),
    ("rocky", "rocky"),
    ("almalinux", "almalinux"),
    ("fedora", "fedora"),
    ("amazon", "amzn"),
    ("oracle", "ol"),
    ("scientific", "scientific"),
)


class Files(Protocol):
    """The part of a View that identifies the distribution."""

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """The fact at a path, links followed; None if there is none."""

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that a read took a fact from, sorted by path."""

    def problem(self, path: str, reason: str) -> None:
        """Put a Problem about a path into the result."""


def parse_os_release(path: str, body: memoryview, report: Report) -> dict[str, str]:
    """The assignments that are used, unquoted as a shell would. A later assignment replaces an earlier one.

    Lines that are not assignments, or have an open quote, are reported and left out.
    """
    values: dict[str, str] = {}
    bad = 0
    for line in bytes(body).decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        match = _ASSIGNMENT(line)
        value = _unquote(match[2]) if match else None
        if match is None or value is None:
            bad += 1
        elif match[1] in _KEPT:
            values[match[1]] = value
    if bad:
        reason = f"{bad} line(s) of this file are not assignments and were not read"
        # The keys that identify the distribution are there all the same.
        report(Remark(reason) if values.get("ID") and values.get("VERSION_ID") else reason)
    return values


def _unquote(text: str) -> str | None:
    """A value without its quotes and escapes; None if a quote is left open."""
    text = text.strip()
    out, position = [], 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            return None
        quoted = piece["quoted"]
        out.append(piece[piece.lastgroup or 0] if quoted is None else _ESCAPE.sub(r"\1", quoted))
        position = piece.end()
    return "".join(c for c in "".join(out)[:_MAX_VALUE] if c.isprintable()).strip()


def _first_lines(path: str, body: memoryview, report: Report) -> str:
    return bytes(body[:_MAX_VALUE]).decode("utf-8", "replace")


OS_RELEASE: Read[dict[str, str]] = Read(
    name="os-release",
    fact=dict[str, str],
    extract=parse_os_release,
    # /usr/lib/os-release is itself a link in some distributions.
    globs=("**/os-release", "**/os.release.d/*"),
    limit=_MAX_BYTES,
)
RELEASE: Read[str] = Read(
    name="release-file",
    fact=str,
    extract=_first_lines,
    globs=(
        "**/etc/alpine-release",
        "**/etc/redhat-release",
        "**/etc/centos-release",
        "**/etc/rocky-release",
        "**/etc/almalinux-release",
        "**/etc/fedora-release",
        "**/etc/oracle-release",
        "**/etc/system-release",
        "**/etc/debian_version",
    ),
    limit=_MAX_BYTES,
)
DISTRO_READS: tuple[Read[Any], ...] = (OS_RELEASE, RELEASE, *REPOSITORY_READS)


def read_distro(view: Files) -> Distro | None:
    """The distribution of the image with the rpm repositories that it names, or None if no file names it.

    /etc/os-release comes before /usr/lib/os-release; without either, or without an ID in it, the file that only one family of
    distributions has. An os-release that names nothing else is `linux`, as os-release(5) wants it.
    """
    distro = _detect_distro(view)
    repositories = repositories_of(view) if distro is not None else ()
    return msgspec.structs.replace(distro, repositories=repositories) if distro is not None and repositories else distro


def _detect_distro(view: Files) -> Distro | None:
    for path in ("etc/os-release", "usr/lib/os-release"):
        found = view.fact_at(OS_RELEASE, path)
        if found is not None and found.fact:
            identifier = found.fact.get("ID", "").lower()
            if _IDENTIFIER(identifier):
                return _of_os_release(identifier, found.fact)
            return _of_release_files(view) or _of_os_release("linux", found.fact)
    return _of_release_files(view)


def _of_os_release(identifier: str, values: dict[str, str]) -> Distro:
    version, codename = _release(values)
    return Distro(
        id=identifier,
        version_id=version,
        codename=codename,
        pretty_name=values.get("PRETTY_NAME", "") or values.get("NAME", ""),
        id_like=tuple(values.get("ID_LIKE", "").lower().split()),
        cpe_name=values.get("CPE_NAME", ""),
        base=next(
            (f"{base}:{values[key]}" for key, base in _BASES.items() if values.get(key) and base != identifier), ""
        ),
    )


def _release(values: dict[str, str]) -> tuple[str, str]:
    """The version and the codename. Without a VERSION_ID the number at the beginning of VERSION counts (`12 (bookworm)`).

    VERSION may also be a mere label (`edge`, `trixie/sid`), which stands in for a codename that is not given.
    """
    version, codename = values.get("VERSION_ID", ""), values.get("VERSION_CODENAME", "")
    if version:
        return version, codename
    text = values.get("VERSION", "").lower()
    if number := _RELEASE_NUMBER(text):
        return number["number"], codename
    label = _LABEL(text)
    return "", codename or (label["word"] if label else "")


def _of_release_files(view: Files) -> Distro | None:
    for path, parse in _RELEASE_FILES:
        found = view.fact_at(RELEASE, path)
        distro = parse(found.fact) if found is not None else None
        if distro is not None:
            return distro
    return None


def _alpine(text: str) -> Distro | None:
    match = _ALPINE_LINE(text)
    if match is None:
        return None
    version = match["version"]
    branch = ".".join(version.split(".")[:2])
    return Distro(id="alpine", version_id=version, pretty_name=f"Alpine Linux v{branch}")


def _red_hat(text: str) -> Distro | None:
    match = _RED_HAT_LINE.match(text.lstrip())
    if match is None:
        return None
    name = match["name"].lower()
    identifier = next((known for start, known in _RED_HAT_IDS if name.startswith(start)), None)
    if identifier is None:
        return None
    return Distro(id=identifier, version_id=match["version"].rstrip("."), pretty_name=match[0].strip(), id_like=_FEDORA)


def _debian(text: str) -> Distro | None:
    match = _DEBIAN_LINE(text)
    if match is None:
        return None
    version = match["version"] or ""
    return Distro(
        id="debian",
        version_id=version,
        codename=match["code"] or "",
        pretty_name=f"Debian GNU/Linux {text.strip()}",
    )


_FEDORA = ("fedora",)
_RELEASE_FILES: tuple[tuple[str, Callable[[str], Distro | None]], ...] = (
    ("etc/alpine-release", _alpine),
    ("etc/oracle-release", _red_hat),
    ("etc/redhat-release", _red_hat),
    ("etc/system-release", _red_hat),
    ("etc/debian_version", _debian),
)


def distro_qualifier(distro: Distro | None) -> str:
    """The purl qualifier `distro`: `debian-12`, `alpine-3.19.1`, `arch`; "" if the distribution is not known."""
    if distro is None:
        return ""
    return f"{distro.id}-{distro.version_id}" if distro.version_id else distro.id
