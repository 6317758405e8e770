"""The facet `secrets`: files of all layers, and the image's settings, → the secrets in them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import is_binary
from hullmark.facets.secrets.allowed import why_allowed
from hullmark.facets.secrets.finder import Finder, digest_of, lines_of, own_finder
from hullmark.facets.secrets.kind import Kind, is_placeholder
from hullmark.facets.secrets.kinds import KINDS
from hullmark.model.image import ImageConfig
from hullmark.model.secret import Place, Secret
from hullmark.rootfs.reads import MIB, Read, Report

HELD = 8 * MIB
"""Larger files are looked at in pieces of this size, each with the end of the one before."""

MAX_SECRETS = 20_000
"""So many secrets are told of one image."""

OVERLAP = 20 << 10
DEFAULT_SALT = b"hullmark"

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|access_?key|secret_?key|private_?key)(?:$|[_.-]?[0-9]*$)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?:^|[\s|\"'])([A-Za-z_][A-Za-z0-9_.-]{0,99})=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
_NO_VALUES = frozenset(("true", "false", "yes", "no", "none", "null", "0", "1"))
_SETTING = ("setting-secret", "secret that is given to a variable by its name")


class Found(msgspec.Struct, frozen=True, array_like=True):
    """One secret of a file, as it is kept with the layer."""

    kind: str
    line: int
    digest: str


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
        return _search(finder, bytes(body), posixpath.basename(path), salt, report) or None

    return Read(
        name=f"secrets-{digest[:16]}",
        fact=list[Found],
        extract=extract,
        globs=("**",),
        limit=HELD,
        oversize=lambda size: _Pieces(finder, salt),
        sources=("facets/secrets", "facets/kept"),
    )


def _search(finder: Finder, body: bytes, name: str, salt: bytes, report: Report) -> list[Found]:
    spots = finder.find(body, name)
    if spots.is_cut:
        report("it holds very many secrets; not all of them are told")
    lines = lines_of(body, spots.found)
    return [
        Found(spot.kind.id, line, digest_of(body[spot.start : spot.end], salt))
        for spot, line in zip(spots.found, lines, strict=True)
    ]


class _Pieces:
    """Looks at a large file piece by piece. Of its name nothing is known, so every kind is tried that goes by none."""

    def __init__(self, finder: Finder, salt: bytes) -> None:
        self._finder, self._salt = finder, salt
        self._held = bytearray()
        self._lines = 0
        self._is_binary: bool | None = None
        self._found: dict[tuple[str, int, str], Found] = {}
        self._is_cut = False

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        if self._is_binary is None:
            self._is_binary = is_binary(piece)
        if self._is_binary:
            return
        self._held += piece
        if len(self._held) >= HELD:
            self._look()

    def _look(self) -> None:
        body = bytes(self._held)
        for found in _search(self._finder, body, "-", self._salt, self._cut):
            whole = Found(found.kind, found.line + self._lines, found.digest)
            self._found.setdefault((whole.kind, whole.line, whole.digest), whole)
        keep = max(len(body) - OVERLAP, 0)
        self._lines += body.count(b"\n", 0, keep)
        del self._held[:keep]

    def _cut(self, reason: str) -> None:
        self._is_cut = True

    def finish(self, report: Report, /) -> list[Found] | None:
        """All of it was given."""
        if not self._is_binary and self._held:
            self._look()
        if self._is_cut:
            report("it holds very many secrets; not all of them are told")
        return sorted(self._found.values(), key=lambda found: (found.line, found.kind)) or None


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
                allowed=why_allowed(path, kind.id),
            )


def _in_settings(config: ImageConfig | None, finder: Finder, salt: bytes) -> Iterator[Secret]:
    """Secrets in variables, labels, build instructions and what the image starts, by their form or by the name they are given to."""
    for place, name, text in _texts(config):
        body = text.encode("utf-8", "surrogateescape")
        spots = finder.find(body, "environment").found
        for spot in spots:
            digest = digest_of(body[spot.start : spot.end], salt)
            yield _setting(place, name, (spot.kind.id, spot.kind.title), digest)
        if spots:
            continue
        for variable, *values in _ASSIGNED.findall(text):
            value = next(filter(None, values), "")
            if _is_given_secret(variable, value):
                digest = digest_of(value.encode("utf-8", "surrogateescape"), salt)
                yield _setting(place, variable if place == "env" else name, _SETTING, digest)


def _is_given_secret(name: str, value: str) -> bool:
    bare = value.strip()
    is_word = bare.lower() in _NO_VALUES or bare.startswith(("/", "file:"))
    return _NAME.search(name) is not None and not is_word and not is_placeholder(bare.encode("utf-8", "replace"))


def _setting(place: Place, name: str, kind: tuple[str, str], digest: str) -> Secret:
    return Secret(place=place, path="", name=name, line=1, kind=kind[0], title=kind[1], severity="high", digest=digest)


def _texts(config: ImageConfig | None) -> Iterator[tuple[Place, str, str]]:
    """(place, name, text) of every setting that may hold a secret."""
    if config is None:
        return
    for variable in config.env:
        yield "env", variable.partition("=")[0], variable
    for name, value in sorted(config.labels.items()):
        yield "label", name, f"{name}={value}"
    for number, entry in enumerate(config.history):
        yield "history", f"step {number}", entry.created_by
    for name, words in (("entrypoint", config.entrypoint), ("cmd", config.cmd)):
        yield "command", name, " ".join(words)
