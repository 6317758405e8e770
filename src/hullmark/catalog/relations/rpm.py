"""rpm packages: what they require, through what others provide and through files (rpm's manual: dependencies, boolean dependencies)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from hullmark.catalog.relations.offers import Offers, compares
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.catalog.systems.rpm import databases, purl_of
from hullmark.catalog.systems.rpmdb.header import RpmHeader, RpmName, list_files, list_names
from hullmark.model.limit import Limit
from hullmark.model.relation import Relation
from hullmark.versions import rpm

_LESS, _GREATER, _EQUAL, _RPMLIB = 2, 4, 8, 1 << 24
_OPERATORS = {
    _LESS: "<",
    _LESS | _EQUAL: "<=",
    _EQUAL: "=",
    _GREATER | _EQUAL: ">=",
    _GREATER: ">",
}
_COMPARED = _LESS | _GREATER | _EQUAL
_FLAGS = {operator: flags for flags, operator in _OPERATORS.items()}

_MAX_WORDS = Limit(1000, "words of a boolean dependency of an rpm package", "shortened")
_WORD = re.compile(r"[()]|(?:[^\s()]|\([^\s()]*\))+").findall
_OPERATOR = re.compile(r"<=|>=|<|>|=").fullmatch
_CONDITIONS = frozenset(("if", "unless", "without"))
_JOINTS = frozenset(("and", "or", "with", "else"))


class _Own(NamedTuple):
    header: RpmHeader
    purl: str


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each database."""
    for found in databases(scene.view):
        needs = [
            (_Own(header, purl_of(header, scene.view.distro)), tuple(_needs(header))) for header in found.fact.headers
        ]
        paths = {need.name for _, required in needs for need in required if need.name.startswith("/")}
        offers = _offers((own for own, _ in needs), paths, scene)
        for own, required in needs:
            for need in required:
                yield from (Relation(own.purl, purl) for purl in _meeting(need, offers))


def _needs(header: RpmHeader) -> Iterator[RpmName]:
    """What it requires, boolean dependencies by their parts; not what rpm itself must be able to do."""
    for need in list_names(header.requires):
        if need.name.startswith("("):
            yield from _parts(need.name)
        elif not need.flags & _RPMLIB and not need.name.startswith("rpmlib("):
            yield need


def _parts(text: str) -> Iterator[RpmName]:
    """The names that a boolean dependency may need: all but those that are only asked about (`if`, `unless`, `without`)."""
    words = [word for word in _WORD(text)[:_MAX_WORDS] if word not in "()"]
    at, is_asked = 0, False
    while at < len(words):
        word = words[at]
        operator = words[at + 1] if at + 2 < len(words) and _OPERATOR(words[at + 1]) else ""
        if word in _CONDITIONS:
            is_asked = True
        elif word in _JOINTS:
            is_asked = False
        elif not is_asked:
            yield RpmName(word, _FLAGS.get(operator, 0), words[at + 2] if operator else "")
        at += 3 if operator and word not in _CONDITIONS | _JOINTS else 1


def _offers(packages: Iterable[_Own], paths: Set[str], scene: Scene) -> Offers[str]:
    offers: Offers[str] = Offers(scene.steps)
    wanted = {path.encode("utf-8", "surrogateescape") for path in paths}
    last = {path.rpartition(b"/")[2] for path in wanted}
    for header, purl in packages:
        offers.add(header.name, purl, _version_of(header))
        for provided in list_names(header.provides):
            offers.add(provided.name, purl, provided.version if provided.flags & _COMPARED == _EQUAL else "")
        # Most packages have no file that another one asks for by its path.
        if wanted and header.files is not None and not last.isdisjoint(header.files.names.split(b"\0")):
            for file in list_files(header.files):
                if file.path in wanted:
                    offers.add(file.path.decode("utf-8", "surrogateescape"), purl)
    return offers


def _version_of(header: RpmHeader) -> str:
    version = "-".join(part for part in (header.version, header.release) if part)
    return f"{header.epoch}:{version}" if header.epoch else version


def _meeting(need: RpmName, offers: Offers[str]) -> Iterator[str]:
    operator = _OPERATORS.get(need.flags & _COMPARED, "") if need.version else ""
    for offer in offers.of(need.name):
        # What is provided in no version meets a need of any (rpm's rpmdsCompare).
        if not operator or not offer.version or _holds(offer.version, operator, need.version):
            yield offer.package


def _holds(version: str, operator: str, bound: str) -> bool:
    """Releases count only where both sides have one."""
    if "-" not in bound:
        version = version.rpartition("-")[0] or version
    elif "-" not in version:
        bound = bound.rpartition("-")[0]
    return compares(rpm.compare, version, operator, bound)


RESOLVER = Resolver(cataloger="rpm", relate=relate)
