"""Which repositories an image's dnf, yum or zypper uses (dnf.conf(5), Repo options; zypper(8)), and the variables in their addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Read, Report

_MAX_BYTES = Limit(1 << 20, "bytes of a file that names repositories of rpm packages, or sets a variable of them")
_MAX_REPOSITORIES = Limit(500, "repositories of rpm packages that one file names")
_SECTION = re.compile(r"\[([^\]]{1,200})\]\s*").fullmatch
_VARIABLE = re.compile(r"\$(?:\{(\w{1,60})\}|(\w{1,60}))").sub
_OFF = frozenset(("0", "no", "false", "off"))
_USUAL = 99
_BY_MAJOR = frozenset(("rhel", "centos", "fedora-eln"))
"""Distributions whose repositories are named by the first number of their version, as are those that are like them."""


class RpmRepository(msgspec.Struct, frozen=True, array_like=True):
    """A repository. `urls` are where it is, else `mirrors` is the address of a list of such places (of mirrors, or a metalink).

    Of repositories with packages of one name those of the lowest `priority` count. `excluded` and `included` are globs of names (none
    included: all).
    """

    id: str
    urls: tuple[str, ...] = ()
    mirrors: str = ""
    priority: int = _USUAL
    excluded: tuple[str, ...] = ()
    included: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether packages of this name are taken from it."""
        if any(fnmatchcase(name, glob) for glob in self.excluded):
            return False
        return not self.included or any(fnmatchcase(name, glob) for glob in self.included)


class Variables(NamedTuple):
    """What stands for `$releasever`, `$basearch` and others in addresses, by their names."""

    values: Mapping[str, str]

    def put_into(self, text: str) -> str:
        """The text with all variables that are known."""
        return _VARIABLE(lambda found: self.values.get(found[1] or found[2], found[0]), text)


def variables_of(distro: Distro | None, arch: str, stated: Mapping[str, str]) -> Variables:
    """The variables of an image. `stated` are those that its files set."""
    version = distro.version_id if distro is not None else ""
    major = version.partition(".")[0]
    is_by_major = distro is not None and bool(_BY_MAJOR.intersection((distro.id, *distro.id_like)))
    release = stated.get("releasever") or (
        major if is_by_major and distro is not None and distro.id != "fedora" else version
    )
    basearch = "i386" if arch in ("i386", "i486", "i586", "i686") else arch
    known = {"releasever": release, "basearch": basearch, "arch": arch}
    parts = {"releasever_major": release.partition(".")[0], "releasever_minor": release.partition(".")[2]}
    return Variables({**known, **parts, **stated})


def parse_repositories(path: str, body: memoryview, report: Report) -> tuple[RpmRepository, ...] | None:
    """The repositories that a file names and that are on; None if there are none."""
    found = []
    for id, options in _sections(bytes(body).decode("utf-8", "replace")):
        if id == "main" or options.get("enabled", "1").strip().lower() in _OFF:
            continue
        urls = tuple(without_user(url).rstrip("/") for url in _split_words(options.get("baseurl", "")))
        mirrors = options.get("metalink", "").strip() or options.get("mirrorlist", "").strip()
        if not urls and not mirrors:
            report(f"the repository {id} has no address")
            continue
        priority = options.get("priority", "").strip()
        found.append(
            RpmRepository(
                id=id,
                urls=urls,
                mirrors=without_user(mirrors),
                priority=int(priority) if re.fullmatch(r"[0-9]{1,6}", priority) else _USUAL,
                excluded=tuple(_split_words(options.get("excludepkgs", "") + " " + options.get("exclude", ""))),
                included=tuple(_split_words(options.get("includepkgs", ""))),
            )
        )
    if len(found) > _MAX_REPOSITORIES:
        report(f"it names more than {_MAX_REPOSITORIES:,} repositories; the others were not read")
    return tuple(found[:_MAX_REPOSITORIES]) or None


def without_user(url: str) -> str:
    """A URL without user and password, which may be secrets. What it asks for stays: lists of mirrors are told by that what is wanted."""
    scheme, between, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{between}{host.rpartition('@')[2]}{slash}{path}" if between else url


def _split_words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The sections of a file by their names, with their options; values that go on in further lines are joined by line feeds."""
    id, last, options = "", "", dict[str, str]()
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        section = _SECTION(line.strip())
        if section is not None:
            if id:
                yield id, options
            id, last, options = section[1].strip(), "", {}
        elif line[0] in " \t" and last:
            options[last] += "\n" + line.strip()
        else:
            name, equals, value = line.partition("=")
            last = name.strip().lower() if equals else ""
            if last:
                options[last] = value.strip()
    if id:
        yield id, options


def _variable(path: str, body: memoryview, report: Report) -> str | None:
    return bytes(body[:1000]).decode("utf-8", "replace").partition("\n")[0].strip() or None


RPM_REPOSITORIES: Read[tuple[RpmRepository, ...]] = Read(
    name="rpm-repositories",
    fact=tuple[RpmRepository, ...],
    extract=parse_repositories,
    globs=("etc/yum.repos.d/*.repo", "etc/yum/repos.d/*.repo", "etc/distro.repos.d/*.repo", "etc/zypp/repos.d/*.repo"),
    limit=_MAX_BYTES,
)
RPM_VARIABLES: Read[str] = Read(
    name="rpm-variables",
    fact=str,
    extract=_variable,
    globs=("etc/dnf/vars/*", "etc/yum/vars/*", "etc/zypp/vars.d/*"),
    limit=_MAX_BYTES,
)
