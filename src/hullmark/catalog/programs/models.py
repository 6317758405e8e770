"""Models of machine learning: the headers of GGUF files (ggml's docs/gguf.md) and of safetensors files (Hugging Face's documentation).

Only the header is read, whatever the size of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAME = "models"
_TYPE = "huggingface"
_HEAD_BYTES = Limit(4 * MIB, "bytes of the header of a model of machine learning", "shortened")
_MAX_KEYS = Limit(4096, "keys in the header of a GGUF file", "shortened")
_MAX_TEXT = Limit(1024, "characters of a text in the header of a model", "shortened")
_GGUF = b"GGUF"
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9
_WANTED = frozenset(
    ("general.name", "general.basename", "general.version", "general.architecture", "general.license", "general.repo_url",
     "general.source.huggingface.repository", "general.size_label", "general.organization")
)  # fmt: skip
_REPOSITORY = late(
    r"(?:https?://huggingface\.co/)?([A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})/?"
).fullmatch
_PART = late(r"(.+?)-\d{5}-of-\d{5}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}").fullmatch


class Model(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a header says; "" for what it does not."""

    format: str
    name: str = ""
    version: str = ""
    architecture: str = ""
    license: str = ""
    repository: str = ""
    tensors: int = 0


class HeaderSink:
    """Keeps the head of a file."""

    def __init__(self) -> None:
        self._head = bytearray()

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if len(self._head) < _HEAD_BYTES:
            self._head += piece[: _HEAD_BYTES - len(self._head)]

    def finish(self, report: Report, /) -> Model | None:
        """What the header says."""
        return extract("", memoryview(bytes(self._head)), report)


def extract(path: str, body: memoryview, report: Report) -> Model | None:
    """What the header of either format says; None for any other file, which is not a model."""
    head = bytes(body[:_HEAD_BYTES])
    return _gguf(head) if head[:4] == _GGUF else _safetensors(head)


def _gguf(head: bytes) -> Model | None:
    found: dict[str, str] = {}
    try:
        tensors, keys = struct.unpack_from("<QQ", head, 8)
        at = 24
        for _ in range(min(keys, _MAX_KEYS)):
            key, at = _text(head, at)
            (kind,) = struct.unpack_from("<I", head, at)
            value, at = _value(head, at + 4, kind)
            if key in _WANTED and isinstance(value, str):
                found[key] = value
    except (struct.error, ValueError):
        # The list of tokens may be longer than what is read; what says who the model is stands before it.
        tensors = tensors if "tensors" in locals() else 0
    name = found.get("general.name") or found.get("general.basename", "")
    repository = found.get("general.source.huggingface.repository") or found.get("general.repo_url", "")
    return Model(
        "GGUF",
        name,
        found.get("general.version", ""),
        found.get("general.architecture", ""),
        found.get("general.license", ""),
        repository,
        min(tensors, 1 << 40),
    )


def _text(head: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<Q", head, at)
    end = at + 8 + size
    if end > len(head):
        raise ValueError("a text ends behind what was read")
    return head[at + 8 : min(end, at + 8 + _MAX_TEXT)].decode("utf-8", "replace"), end


def _value(head: bytes, at: int, kind: int) -> tuple[object, int]:
    """A value (only of a text what it is) and where the next begins. Raises ValueError, struct.error."""
    if kind == _TEXT:
        return _text(head, at)
    if kind != _ARRAY:
        return None, _after(head, at, kind, 1)
    inner, count = struct.unpack_from("<IQ", head, at)
    at += 12
    if inner != _TEXT:
        return None, _after(head, at, inner, count)
    for _ in range(count):
        (size,) = struct.unpack_from("<Q", head, at)
        at += 8 + size
        if at > len(head):
            raise ValueError("a text ends behind what was read")
    return None, at


def _after(head: bytes, at: int, kind: int, count: int) -> int:
    end = at + _SIZES.get(kind, len(head)) * count
    if end > len(head):
        raise ValueError("a value ends behind what was read")
    return end


class _Header(msgspec.Struct):
    metadata: dict[str, Any] = msgspec.field(name="__metadata__", default_factory=dict)


def _safetensors(head: bytes) -> Model | None:
    """A length in eight bytes, then JSON: names of tensors, and texts about the whole."""
    size = int.from_bytes(head[:8], "little")
    if size < 2 or head[8:9] != b"{" or size > 1 << 40:
        return None
    metadata = _metadata(head[8 : 8 + size])
    name = next((text for key in ("modelspec.title", "name", "ss_output_name") if (text := metadata.get(key, ""))), "")
    return Model(
        "safetensors",
        name[:_MAX_TEXT],
        metadata.get("modelspec.version", "")[:64],
        metadata.get("modelspec.architecture", "")[:_MAX_TEXT],
        metadata.get("modelspec.license", "")[:_MAX_TEXT],
    )


def _metadata(text: bytes) -> dict[str, str]:
    try:
        header = msgspec.json.decode(text, type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}  # longer than what was read: nothing is told of the whole
    return {key: value for key, value in header.metadata.items() if isinstance(value, str)}


MODEL = Read(
    name="models-header",
    fact=Model,
    globs=("**/*.gguf", "**/*.safetensors"),
    extract=extract,
    limit=MIB,
    oversize=lambda size: HeaderSink(),
)


def _identity(found: LocatedFact[Model]) -> tuple[str, str]:
    """Namespace and name: of the repository, else what the header or the file is called; parts of one model have its name."""
    repository = _REPOSITORY(found.fact.repository)
    if repository:
        namespace, _, name = repository[1].partition("/")
        return namespace, name
    stem = found.path.rpartition("/")[2].rpartition(".")[0]
    part = _PART(stem)
    return "", found.fact.name.strip() or (part[1] if part else stem)


def assemble(view: View) -> Iterator[Package]:
    """One package a model, however many files it has."""
    for found in view.facts(MODEL):
        fact = found.fact
        namespace, name = _identity(found)
        name = "".join(character for character in name if character.isprintable())
        if not name.strip():
            view.problem(found.path, "neither the model nor its file's name tells what it is called")
            continue
        version = fact.version if _IS_VERSION(fact.version) else ""
        notes = {"format": fact.format, "architecture": fact.architecture}
        yield Package(
            type=_TYPE,
            name=f"{namespace}/{name}" if namespace else name,
            version=version or UNKNOWN_VERSION,
            purl=make_purl(_TYPE, name, version, namespace=namespace),
            cataloger=NAME,
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name=NAME, types=(_TYPE,), reads=(MODEL,), assemble=assemble)
