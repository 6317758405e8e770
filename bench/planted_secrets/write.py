"""Puts a set together: which value stands where, in which half, and how the tree and the manifest are written."""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import quote

from bench.planted_secrets import kinds_cloud, kinds_code, kinds_frameworks, kinds_keys, kinds_passwords, kinds_services
from bench.planted_secrets.containers import CONTAINERS
from bench.planted_secrets.contexts import CONTEXTS, ENVIRONMENT, ENVIRONMENTS, NAMES
from bench.planted_secrets.decoys import DECOYS
from bench.planted_secrets.model import Decoy, Fields, Kind, Place, Row, Stored
from bench.planted_secrets.stores import STORES

SEED = 20261129
HALVES = ("shown", "held")
KINDS: tuple[Kind, ...] = (
    *kinds_cloud.KINDS,
    *kinds_code.KINDS,
    *kinds_services.KINDS,
    *kinds_keys.KINDS,
    *kinds_frameworks.KINDS,
    *kinds_passwords.KINDS,
)

_MARK = re.compile(r"<<(\w+)>>")
_UNSEEN = {"app", "NAME", "name", "camel", "dotted", "user", "host", "peer", "number"}
_PACKED_SHARE = 0.08
_WITH_LINES = {"plain", "utf16le", "utf16be"}


def build(seed: int = SEED) -> tuple[Row, ...]:
    """All rows of the set of a seed: the planted values in the order of their kinds, then the decoys."""
    used: set[str] = set()
    rows = [row for kind in KINDS for row in _plant(seed, kind, used)]
    rows += [row for kind, make in STORES for row in make(_random(seed, kind), kind)]
    rows = _number("p", _halve(seed, rows))
    if len({stored.path for row in rows for stored in row.stored}) != sum(len(row.stored) for row in rows):
        raise ValueError("two planted values lie at one path")
    return (*rows, *_number("d", _halve(seed, [_decoy(seed, decoy) for decoy in DECOYS])))


def _random(*parts: object) -> Random:
    return Random("/".join(str(part) for part in parts))  # noqa: S311 -- a set is made anew from its seed


def _plant(seed: int, kind: Kind, used: set[str]) -> Iterable[Row]:
    for number, place in enumerate(_places(kind)):
        r = _random(seed, kind.name, number)
        fields = kind.make(r)
        marks = {**_names(kind.variable), **_forms(fields)}
        marks["app"], path = _free_path(
            r, r.choice(ENVIRONMENTS) if place.path == ENVIRONMENT else place.path, marks, used
        )
        text, first, last = render(place.text, marks)
        row = Row("", "", (Stored(path, text.encode()),), path, kind.name, fields["secret"], "plain", "", first, last)
        yield _packed(r, row, _container(r, place))


def _container(r: Random, place: Place) -> str:
    """What a place says; else, now and then, one of all: only files whose place is not fixed may be moved into an archive."""
    if place.container != "plain" or "<<app>>" not in place.path or r.random() > _PACKED_SHARE:
        return place.container
    return r.choice([name for name in CONTAINERS if name not in ("pyc", "png", "exe")])


def _packed(r: Random, row: Row, container: str) -> Row:
    if container == "plain":
        return row
    title, pack = CONTAINERS[container]
    files, inner = pack(r, row.path, row.stored[0].content)
    first, last = (row.line, row.last_line) if container in _WITH_LINES else (0, 0)
    return replace(row, stored=files, path=files[0].path, container=title, inner=inner, line=first, last_line=last)


def _places(kind: Kind) -> list[Place]:
    places = []
    for word in kind.contexts.split():
        context, _, container = word.partition(">")
        places.append(Place(*CONTEXTS[context], container or "plain"))
    return places + list(kind.places)


def _names(variable: str) -> Fields:
    """A variable's name as different languages write it."""
    words = variable.lower().split("_")
    camel = words[0] + "".join(word.title() for word in words[1:])
    return {"NAME": variable, "name": variable.lower(), "camel": camel, "dotted": ".".join(words)}


def _forms(fields: Fields) -> Fields:
    """A value's parts, and its secret as it stands in base64, JSON, an address, or an indented block."""
    secret = fields["secret"]
    return {
        "start": "",
        "b64": base64.b64encode(secret.encode()).decode(),
        "json": json.dumps(secret)[1:-1],
        "url": quote(secret, safe=""),
        "indented": secret.replace("\n", "\n    "),
        **fields,
    }


def _free_path(r: Random, pattern: str, marks: Fields, used: set[str]) -> tuple[str, str]:
    for app in r.sample(NAMES, len(NAMES)):
        path = render(pattern, {**marks, "app": app})[0]
        if path not in used:
            used.add(path)
            return app, path
    raise ValueError(f"{pattern}: taken already")


def render(template: str, marks: Fields) -> tuple[str, int, int]:
    """The text, and the first and last line on which a part of a secret stands (0 if none does)."""
    text, at, spans = "", 0, []
    for mark in _MARK.finditer(template):
        text += template[at : mark.start()]
        first = text.count("\n") + 1
        text += marks[mark[1]]
        at = mark.end()
        if mark[1] not in _UNSEEN:
            spans.append((first, text.count("\n") + 1))
    text += template[at:]
    return text, min((first for first, _ in spans), default=0), max((last for _, last in spans), default=0)


def _decoy(seed: int, decoy: Decoy) -> Row:
    fields = decoy.make(_random(seed, decoy.path)) if decoy.make else {}
    return Row("", "", (Stored(decoy.path, render(decoy.text, fields)[0].encode()),), decoy.path, why=decoy.why)


def _halve(seed: int, rows: list[Row]) -> list[Row]:
    """Each kind split at random, evenly within it, and evenly in all: an odd one goes to the half that has fewer."""
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(row.kind, []).append(at)
    halved, side = list(rows), 0
    for kind, places in sorted(groups.items()):
        _random(seed, "halves", kind).shuffle(places)
        for at in places:
            halved[at] = replace(rows[at], half=HALVES[side])
            side = 1 - side
    return halved


def _number(letter: str, rows: list[Row]) -> list[Row]:
    return [replace(row, id=f"{letter}{at:03}") for at, row in enumerate(rows, 1)]


def manifest(rows: Sequence[Row], seed: int = SEED) -> bytes:
    """The manifest, one planted value or decoy a line."""
    planted = ("id", "half", "kind", "container", "path", "inner", "line", "last_line", "secret")
    decoys = ("id", "half", "path", "why")
    lists = [
        ",\n".join(json.dumps({name: getattr(row, name) for name in names}) for row in rows if row.id[0] == letter)
        for letter, names in (("p", planted), ("d", decoys))
    ]
    head = f'{{"schema": "planted-secrets/1", "seed": {seed}'
    return f'{head},\n"planted": [\n{lists[0]}\n],\n"decoys": [\n{lists[1]}\n]}}\n'.encode()


def in_half(rows: Sequence[Row], half: str) -> tuple[Row, ...]:
    """The rows of "shown", of "held", or of "both"."""
    return tuple(row for row in rows if half in (row.half, "both"))


def write(folder: Path, rows: Sequence[Row], seed: int = SEED) -> None:
    """Writes FOLDER/tree and FOLDER/manifest.json."""
    for stored in files(rows):
        path = folder / "tree" / stored.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored.content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(manifest(rows, seed))


def files(rows: Sequence[Row]) -> list[Stored]:
    """The files of all rows in the order of their paths."""
    return sorted((stored for row in rows for stored in row.stored), key=lambda stored: stored.path)
