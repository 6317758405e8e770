"""What a folder of advisories declares itself to be whole of: `coverage.json` in it, `hullmark-coverage/1`."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.scanning.documents import read_bounded

DECLARATION = "coverage.json"
"""The file's name, at the top of the folder."""

_MAX_BYTES = Limit(1 << 20, "bytes of the declaration in a folder of advisories", "refused")
_MAX_NAMESPACES = Limit(1000, "namespaces that a folder of advisories declares whole", "refused")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}(?::[A-Za-z0-9][A-Za-z0-9._+-]{0,63})?").fullmatch


class _Declaration(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["hullmark-coverage/1"]
    whole: dict[str, str]


def declared_in(folder: Path) -> dict[str, str]:
    """By namespace (`debian:13`, `npm`) the day (ISO 8601) up to which the folder covers it completely; none without the file.

    Raises HullmarkError that names what is wrong.
    """
    file = folder / DECLARATION
    if not file.is_file():
        return {}
    try:
        whole = msgspec.json.decode(read_bounded(file, _MAX_BYTES), type=_Declaration).whole
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _wrong(file, str(error)) from error
    if len(whole) > _MAX_NAMESPACES:
        raise _wrong(file, f"it names more than {_MAX_NAMESPACES:,} namespaces")
    for namespace, day in whole.items():
        if not _NAMESPACE(namespace):
            raise _wrong(file, f"{namespace[:80]!r} is not a namespace, such as debian:13 or npm")
        if not _is_day(day):
            raise _wrong(file, f"{day[:80]!r} of {namespace} is not a day, such as 2026-01-31")
    return whole


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _wrong(file: Path, reason: str) -> HullmarkError:
    return HullmarkError(f"{file} cannot be used: {reason}", advice="docs/how-to/keep-advisories.md shows what it says")
