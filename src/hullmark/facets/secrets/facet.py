"""The facet `secrets`: files of all layers, and the image's settings, → the secrets in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import is_binary
from hullmark.facets.secrets.allowed import EXAMPLE, is_example, why_allowed
from hullmark.facets.secrets.finder import MAX_SECRETS as MAX_IN_FILE
from hullmark.facets.secrets.finder import Finder, Spot, digest_of, lines_of, own_finder
from hullmark.facets.secrets.kind import Kind, is_placeholder
from hullmark.facets.secrets.kinds import KINDS
from hullmark.model.image import ImageConfig
from hullmark.model.secret import Place, Secret
from hullmark.rootfs.reads import MIB, Read, Report

HELD = MIB
"""Larger files are looked at in pieces of this size, each with the end of the one before."""

MAX_SECRETS = 20_000
"""So many secrets are told of one image."""

OVERLAP = 20 << 10
"""So many bytes behind a secret's first are looked at, and `LEAD` in front of it, wherever a piece ends."""

LEAD = 256
DEFAULT_SALT = b"hullmark"

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|access_?key|secret_?key|private_?key)(?:$|[_.-]?[0-9]*$)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?:^|[\s|\"'])([A-Za-z_][A-Za-z0-9_.-]{0,99})=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
_NO_VALUES = frozenset(("true", "false", "yes", "no", "none", "null", "0", "1"))
_CUT = "it holds very many secrets; not all of them are told"
_GIVEN = Kind("setting-secret", "secret that is given to a variable by its name", "high", (), b"")


class Found(msgspec.Struct, frozen=True, array_like=True):
    """One secret of a file, as it is kept with the layer."""

    kind: str
    line: int
    digest: str
    is_example: bool = False


def secrets_facet(own: Sequence[Kind] = (), salt: bytes = DEFAULT_SALT) -> Facet:
    """The facet with further kinds of one's own. `salt` goes into the digests of secrets: whoever has it can compare and try them."""
    kinds = (*own, *KINDS)
    finder = Finder(kinds) if own else own_finder()
    titles = {kind.id: kind for kind in kinds}
    read = _read(finder, own, salt)

    def assemble(view: FacetView) -> tuple[Secret, ...]:
        found = [*_in_files(view, read, titles), *_in_settings(view.config, finder, salt)]
        if len(found) > MAX_SECRETS:
            view.problem("", f"there are more than {MAX_SECRETS:,} secrets; the rest was left out")
        return tuple(sorted(found)[:MAX_SECRETS])

    return Facet(name="secrets", reads=(read,), assemble=assemble)


def _read(finder: Finder, own: Sequence[Kind], salt: bytes) -> Read[list[Found]]:
    """What it finds depends on the kinds of one's own and on the salt, so both are in its name."""
    words = [salt, *(f"{each.id}\0{each.names}\0".encode() + each.pattern for each in own)]
    digest = hashlib.sha256(b"\0".join(words)).hexdigest()

    def extract(path: str, body: memoryview, report: Report) -> list[Found] | None:
        if is_binary(body):
            return None
        return _search(finder, body, path[path.rfind("/") + 1 :], salt, report) or None

    return Read(
        name=f"secrets-{digest[:16]}",
        fact=list[Found],
        extract=extract,
        globs=("**",),
        limit=HELD,
        oversize=lambda size: _Pieces(finder, salt),
        sources=("facets/secrets", "facets/kept"),
    )


def _search(finder: Finder, view: memoryview, name: str, salt: bytes, report: Report) -> list[Found]:
    spots = finder.find(view, name)
    if spots.is_cut:
        report(_CUT)
    if not spots.found:
        return []
    body = bytes(view)
    lines = lines_of(body, spots.found)
    return [_found(body, spot, line, salt) for spot, line in zip(spots.found, lines, strict=True)]


def _found(body: bytes, spot: Spot, line: int, salt: bytes) -> Found:
    secret = body[spot.start : spot.end]
    return Found(spot.kind.id, line, digest_of(secret, salt), is_example(secret))


class _Pieces:
    """Looks at a large file piece by piece. Of its name nothing is known, so every kind is tried that goes by none."""

    def __init__(self, finder: Finder, salt: bytes) -> None:
        self._finder, self._salt = finder, salt
        self._held = bytearray()
        self._begin = 0
        self._lines = 0
        self._is_binary: bool | None = None
        self._found: list[Found] = []
        self._is_cut = False

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        if self._is_binary is None:
            self._is_binary = is_binary(piece)
        if self._is_binary:
            return
        self._held += piece
        if len(self._held) >= HELD:
            self._look(len(self._held) - OVERLAP)

    def _look(self, stop: int) -> None:
        """Take the secrets that begin before `stop`, and keep what stands in front of it and behind it for the next look."""
        body = bytes(self._held)
        spots = self._finder.find(body, "-")
        for spot, line in zip(spots.found, lines_of(body, spots.found), strict=True):
            if self._begin <= spot.start < stop:
                self._found.append(_found(body, spot, line + self._lines, self._salt))
        self._is_cut = self._is_cut or spots.is_cut or len(self._found) > MAX_IN_FILE
        del self._found[MAX_IN_FILE:]
        keep = max(stop - LEAD, 0)
        self._lines += body.count(b"\n", 0, keep)
        self._begin = stop - keep
        del self._held[:keep]

    def finish(self, report: Report, /) -> list[Found] | None:
        """All of it was given."""
        if not self._is_binary and self._held:
            self._look(len(self._held))
        if self._is_cut:
            report(_CUT)
        return self._found or None


def _in_files(view: FacetView, read: Read[list[Found]], kinds: dict[str, Kind]) -> Iterator[Secret]:
    for version in view.every(read):
        path = f"/{version.path}"
        for found in version.fact:
            kind = kinds[found.kind]
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
                allowed=EXAMPLE if found.is_example else why_allowed(path, kind.id),
            )


def _in_settings(config: ImageConfig | None, finder: Finder, salt: bytes) -> Iterator[Secret]:
    """Secrets in variables, labels, build instructions and what the image starts, by their form or by the name they are given to."""
    for place, name, text in _texts(config):
        body = text.encode("utf-8", "surrogateescape")
        spots = finder.find(body, "environment").found
        for spot in spots:
            yield _setting(place, name, spot.kind, body[spot.start : spot.end], salt)
        for variable, start, value in _given(text):
            begin = len(text[:start].encode("utf-8", "surrogateescape"))
            secret = value.encode("utf-8", "surrogateescape")
            if not any(begin < spot.end and spot.start < begin + len(secret) for spot in spots):
                yield _setting(place, variable if place == "env" else name, _GIVEN, secret, salt)


def _given(text: str) -> Iterator[tuple[str, int, str]]:
    """(name, where the value begins, value) of each secret in a text that is one by the name it is given to."""
    for found in _ASSIGNED.finditer(text):
        group = next((number for number in (2, 3, 4) if found[number]), 0)
        if group and _is_given_secret(found[1], found[group]):
            yield found[1], found.start(group), found[group]


def _is_given_secret(name: str, value: str) -> bool:
    bare = value.strip()
    is_word = bare.lower() in _NO_VALUES or bare.startswith(("/", "file:"))
    return _NAME.search(name) is not None and not is_word and not is_placeholder(bare.encode("utf-8", "replace"))


def _setting(place: Place, name: str, kind: Kind, secret: bytes, salt: bytes) -> Secret:
    return Secret(
        place=place,
        path="",
        name=name,
        line=1,
        kind=kind.id,
        title=kind.title,
        severity=kind.severity,
        digest=digest_of(secret, salt),
        allowed=EXAMPLE if is_example(secret) else "",
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
