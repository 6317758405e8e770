"""The facet `secrets`: files of all layers, and the image's settings, → the secrets in them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import partial

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.secrets.allowed import why_allowed
from hullmark.facets.secrets.expression import compile_expression
from hullmark.facets.secrets.fact import CLASSES, PAGES, SecretFact
from hullmark.facets.secrets.finder import Finder, FoundSecret
from hullmark.facets.secrets.given import find_given_secrets
from hullmark.facets.secrets.hidden import Signs
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.own import NO_RULES, OwnRules
from hullmark.facets.secrets.search import (
    HELD,
    MAX_ARCHIVE,
    Pieces,
    Search,
    last_segment,
    own_signs,
    search_whole,
    searching_finder,
)
from hullmark.model.image import ImageConfig
from hullmark.model.limit import Limit
from hullmark.model.secret import Place, Secret
from hullmark.rootfs.reads import Read, Remark

MAX_SECRETS = Limit(20_000, "secrets of an image")
"""The most secrets reported for one image."""

DEFAULT_SALT = b"hullmark"

_GIVEN = Kind("setting-secret", "secret that is given to a variable by its name", "high", (), b"")


def secrets_facet(own: OwnRules = NO_RULES, salt: bytes = DEFAULT_SALT) -> Facet:
    """The facet with the user's own rules. `salt` goes into the digests of secrets: with it one can compare and guess them."""
    kinds = own.all_kinds()
    signs = Signs(kinds) if own.changes_the_search() else own_signs()
    finder = Finder(kinds, signs=signs.keywords) if own.changes_the_search() else searching_finder()
    search = Search(finder, signs, salt, own, own.all_allowed())
    read = _read(search)

    def assemble(view: FacetView) -> tuple[Secret, ...]:
        found = [*_in_files(view, read, search, {kind.id: kind for kind in kinds}), *_in_settings(view.config, search)]
        if len(found) > MAX_SECRETS:
            view.problem("", f"there are more than {MAX_SECRETS:,} secrets; the rest was left out")
        return tuple(sorted(found)[:MAX_SECRETS])

    return Facet(name="secrets", reads=(read,), assemble=assemble)


def _read(search: Search) -> Read[list[SecretFact]]:
    """The facts depend on the user's own rules and on the salt, so both are in its name."""
    digest = hashlib.sha256(search.salt + b"\0" + repr(search.own).encode()).hexdigest()
    return Read(
        name=f"secrets-{digest[:16]}",
        fact=list[SecretFact],
        extract=partial(search_whole, search),
        globs=("**",),
        limit=HELD,
        shared_limit=MAX_ARCHIVE,
        oversize_at=lambda path, size: Pieces(search, last_segment(path), size),
        sources=("facets/secrets", "facets/unpacking"),
    )


def _in_files(
    view: FacetView, read: Read[list[SecretFact]], search: Search, kinds: dict[str, Kind]
) -> Iterator[Secret]:
    closed: Counter[str] = Counter()
    for version in view.every(read):
        for found in version.fact:
            if not found.kind:
                closed[found.inner] += 1
                continue
            path = f"/{version.path}!/{found.inner}" if found.inner else f"/{version.path}"
            kind = kinds[found.kind]
            if kind.path and not (
                compile_expression(kind.path).search(path) or compile_expression(kind.path).search(path[1:])
            ):
                continue
            yield Secret(
                place="file",
                path=path,
                name="",
                line=found.line,
                kind=kind.id,
                title=kind.title,
                severity=kind.severity,
                digest=found.digest,
                layer=version.layer,
                is_ghost=version.is_ghost,
                allowed=why_allowed(search.allowed, path, kind.id, found.met),
            )
    if reason := _describe_closed_parts(closed[CLASSES], closed[PAGES]):
        view.problem("", Remark(reason, "note"))


def _describe_closed_parts(archives: int, pages: int) -> str:
    """What was not opened on purpose, as a clause; "" for nothing."""
    what = [f"the compiled classes in {archives:,} Java archive{'s' * (archives != 1)}"] if archives else []
    what += [f"{pages:,} compressed manual pages and changelogs"] if pages else []
    return f"{' and '.join(what)} were not searched for secrets" if what else ""


def _in_settings(config: ImageConfig | None, search: Search) -> Iterator[Secret]:
    """Secrets in variables, labels, build instructions and what the image starts, by their form or by the name they are given to."""
    for place, name, text in _texts(config):
        body = text.encode("utf-8", "surrogateescape")
        spots = search.of(body, "environment").spots
        for spot in spots:
            if not spot.kind.path:
                yield _setting(place, name, spot.kind, search.fact(body, spot, 1), search)
        for variable, start, value in find_given_secrets(text):
            begin = len(text[:start].encode("utf-8", "surrogateescape"))
            secret = value.encode("utf-8", "surrogateescape")
            if not any(begin < spot.end and spot.start < begin + len(secret) for spot in spots):
                found = search.fact(secret, FoundSecret(_GIVEN, 0, len(secret), 0, len(secret)), 1)
                yield _setting(place, variable if place == "env" else name, _GIVEN, found, search)


def _setting(place: Place, name: str, kind: Kind, found: SecretFact, search: Search) -> Secret:
    return Secret(
        place=place,
        path="",
        name=name,
        line=1,
        kind=kind.id,
        title=kind.title,
        severity=kind.severity,
        digest=found.digest,
        allowed=why_allowed(search.allowed, "", kind.id, found.met),
    )


def _texts(config: ImageConfig | None) -> Iterator[tuple[Place, str, str]]:
    """(place, name, text) of every setting that may hold a secret."""
    if config is None:
        return
    for variable in config.env:
        yield "env", variable.partition("=")[0], variable
    for name, value in sorted(config.labels.items()):
        yield "label", name, f"{name}={value}"
    for number, entry in enumerate(config.history, 1):
        yield "history", f"step {number}", entry.created_by
    healthcheck = config.healthcheck.test if config.healthcheck is not None else ()
    for name, words in (("entrypoint", config.entrypoint), ("cmd", config.cmd), ("healthcheck", healthcheck)):
        yield "command", name, " ".join(words)
    for number, instruction in enumerate(config.on_build, 1):
        yield "command", f"onbuild {number}", instruction
