"""The facet `secrets`: files of all layers, and the image's settings, → the secrets in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.secrets.allowed import Allowance, values_that_fit, why_allowed
from hullmark.facets.secrets.expression import compiled
from hullmark.facets.secrets.finder import MAX_SECRETS as MAX_IN_FILE
from hullmark.facets.secrets.finder import Finder, Spot, digest_of, lines_of, own_finder
from hullmark.facets.secrets.given import given
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.own import NO_RULES, OwnRules, Span, spans_of
from hullmark.model.image import ImageConfig
from hullmark.model.limit import Limit
from hullmark.model.secret import Place, Secret
from hullmark.rootfs.reads import MIB, Read, Report

HELD = MIB
"""Larger files are looked at in pieces of this size, each with the end of the one before."""

MAX_SECRETS = Limit(20_000, "secrets of an image")
"""The most secrets reported for one image."""

OVERLAP = 20 << 10
"""So many bytes behind a secret's first are looked at, and `LEAD` in front of it, wherever a piece ends."""

LEAD = 256
DEFAULT_SALT = b"hullmark"

_CUT = "it holds very many secrets; not all of them are told"
_GIVEN = Kind("setting-secret", "secret that is given to a variable by its name", "high", (), b"")


class SecretFact(msgspec.Struct, frozen=True, array_like=True):
    """One secret of a file, as it is kept with the layer. `met`: names of the allowances whose conditions its value meets."""

    kind: str
    line: int
    digest: str
    met: tuple[str, ...] = ()


class _Searched(NamedTuple):
    """The secrets in a body, the body, and whether there may be more."""

    spots: list[Spot]
    body: bytes
    is_cut: bool


class _Search(msgspec.Struct, frozen=True):
    """How secrets are looked for."""

    finder: Finder
    salt: bytes
    own: OwnRules
    allowed: tuple[Allowance, ...]

    def of(self, body: bytes | memoryview, name: str) -> _Searched:
        """Search a body."""
        spots = self.finder.find(body, name)
        if not spots.found:
            return _Searched([], b"", spots.is_cut)
        whole = bytes(body)
        spans = spans_of(self.own.blocks, whole)
        return _Searched([spot for spot in spots.found if not _is_left_out(spot, spans)], whole, spots.is_cut)

    def found(self, body: bytes, spot: Spot, line: int) -> SecretFact:
        """A secret as it is kept."""
        secret = body[spot.start : spot.end]
        met = values_that_fit(self.allowed, secret, body[spot.first : spot.last])
        return SecretFact(spot.kind.id, line, digest_of(secret, self.salt), met)


def _is_left_out(spot: Spot, spans: Sequence[Span]) -> bool:
    return any(
        span.start <= spot.start and spot.end <= span.end and (not span.kinds or spot.kind.id in span.kinds)
        for span in spans
    )


def secrets_facet(own: OwnRules = NO_RULES, salt: bytes = DEFAULT_SALT) -> Facet:
    """The facet with the user's own rules. `salt` goes into the digests of secrets: with it one can compare and guess them."""
    kinds = own.all_kinds()
    finder = Finder(kinds) if own.changes_the_search() else own_finder()
    search = _Search(finder, salt, own, own.all_allowed())
    read = _read(search)

    def assemble(view: FacetView) -> tuple[Secret, ...]:
        found = [*_in_files(view, read, search, {kind.id: kind for kind in kinds}), *_in_settings(view.config, search)]
        if len(found) > MAX_SECRETS:
            view.problem("", f"there are more than {MAX_SECRETS:,} secrets; the rest was left out")
        return tuple(sorted(found)[:MAX_SECRETS])

    return Facet(name="secrets", reads=(read,), assemble=assemble)


def _read(search: _Search) -> Read[list[SecretFact]]:
    """The facts depend on the user's own rules and on the salt, so both are in its name."""
    digest = hashlib.sha256(search.salt + b"\0" + repr(search.own).encode()).hexdigest()

    def extract(path: str, body: memoryview, report: Report) -> list[SecretFact] | None:
        spots, whole, is_cut = search.of(body, _last_segment(path))
        if is_cut:
            report(_CUT)
        return [search.found(whole, spot, line) for spot, line in _with_lines(whole, spots)] or None

    return Read(
        name=f"secrets-{digest[:16]}",
        fact=list[SecretFact],
        extract=extract,
        globs=("**",),
        limit=HELD,
        oversize_at=lambda path, size: _Pieces(search, _last_segment(path)),
        sources=("facets/secrets",),
    )


def _last_segment(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _with_lines(body: bytes, spots: Sequence[Spot]) -> Iterator[tuple[Spot, int]]:
    return zip(spots, lines_of(body, spots), strict=True)


_ZEROS = bytes(2 * HELD)


class _Pieces:
    """Looks at a large file piece by piece."""

    def __init__(self, search: _Search, name: str) -> None:
        self._search = search
        self._name = name
        self._held = bytearray()
        self._begin = 0
        self._lines = 0
        self._found: list[SecretFact] = []
        self._is_cut = False
        self._is_blank = False

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        if self._is_blank and len(piece) <= len(_ZEROS) and _ZEROS.startswith(piece):
            return  # what is held is as many zeros as any look goes back: more of them change nothing that is seen behind them
        self._is_blank = False
        self._held += piece
        if len(self._held) >= HELD:
            self._look(len(self._held) - OVERLAP)

    def _look(self, stop: int) -> None:
        """Take the secrets that begin before `stop`, and keep the bytes around it for the next search."""
        body = bytes(self._held)
        # Zeros are what large files are padded with; a comparison is a hundred times faster than a search.
        is_blank = _ZEROS.startswith(body)
        spots, _, is_cut = ([], b"", False) if is_blank else self._search.of(body, self._name)
        for spot, line in _with_lines(body, spots):
            if self._begin <= spot.start < stop:
                self._found.append(self._search.found(body, spot, line + self._lines))
        self._is_cut = self._is_cut or is_cut or len(self._found) > MAX_IN_FILE
        del self._found[MAX_IN_FILE:]
        keep = max(stop - LEAD, 0)
        self._lines += 0 if is_blank else body.count(b"\n", 0, keep)
        self._begin = stop - keep
        del self._held[:keep]
        self._is_blank = is_blank and len(self._held) >= LEAD + OVERLAP

    def finish(self, report: Report, /) -> list[SecretFact] | None:
        """All of it was given."""
        if self._held:
            self._look(len(self._held))
        if self._is_cut:
            report(_CUT)
        return self._found or None


def _in_files(
    view: FacetView, read: Read[list[SecretFact]], search: _Search, kinds: dict[str, Kind]
) -> Iterator[Secret]:
    for version in view.every(read):
        path = f"/{version.path}"
        for found in version.fact:
            kind = kinds[found.kind]
            if kind.path and not (compiled(kind.path).search(path) or compiled(kind.path).search(version.path)):
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


def _in_settings(config: ImageConfig | None, search: _Search) -> Iterator[Secret]:
    """Secrets in variables, labels, build instructions and what the image starts, by their form or by the name they are given to."""
    for place, name, text in _texts(config):
        body = text.encode("utf-8", "surrogateescape")
        spots = search.of(body, "environment").spots
        for spot in spots:
            if not spot.kind.path:
                yield _setting(place, name, spot.kind, search.found(body, spot, 1), search)
        for variable, start, value in given(text):
            begin = len(text[:start].encode("utf-8", "surrogateescape"))
            secret = value.encode("utf-8", "surrogateescape")
            if not any(begin < spot.end and spot.start < begin + len(secret) for spot in spots):
                found = search.found(secret, Spot(_GIVEN, 0, len(secret), 0, len(secret)), 1)
                yield _setting(place, variable if place == "env" else name, _GIVEN, found, search)


def _setting(place: Place, name: str, kind: Kind, found: SecretFact, search: _Search) -> Secret:
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
