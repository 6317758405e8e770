"""Which snapshot was in use when: a line for each time that one was taken into use, as `2026-03-01T12:00:00Z sha256:…`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MAX_USES = Limit(50_000, "uses of snapshots that are remembered", "shortened")
"""As many of the last times are remembered."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}").fullmatch


class SnapshotUse(msgspec.Struct, frozen=True):
    """A snapshot was taken into use: when (UTC), and which."""

    at: datetime
    digest: str


def encode(use: SnapshotUse) -> bytes:
    """The line of one time. Fractions of a second are kept."""
    return f"{use.at.astimezone(UTC).isoformat().replace('+00:00', 'Z')} {use.digest}\n".encode()


def decode(text: bytes) -> tuple[SnapshotUse, ...]:
    """All times, in the order in which they were written. Raises HullmarkError that names the first invalid line."""
    found = []
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line:
            continue
        use = _use(line)
        if use is None:
            raise HullmarkError(
                f"the record of which snapshots were in use is damaged in line {number}",
                advice="mend or remove that line of the file history among the advisories",
            )
        found.append(use)
    return tuple(found)


def with_use(text: bytes, use: SnapshotUse) -> bytes:
    """The record with one time more. What stands in it stays as it is, even if it is damaged."""
    lines = [line for line in text.split(b"\n") if line][1 - MAX_USES :]
    return b"".join(line + b"\n" for line in lines) + encode(use)


def last_digest(text: bytes) -> str:
    """The snapshot that the last line names, "" if there is none."""
    use = _use(text.rstrip(b"\n").rpartition(b"\n")[2])
    return use.digest if use is not None else ""


def in_use_at(uses: Sequence[SnapshotUse], moment: datetime) -> str | None:
    """The digest of the snapshot that was in use at a moment; None before the first time. A moment of its own counts."""
    before = [use for use in uses if use.at <= moment]
    return max(enumerate(before), key=lambda numbered: (numbered[1].at, numbered[0]))[1].digest if before else None


def _use(line: bytes) -> SnapshotUse | None:
    try:
        when, _, digest = line.decode("ascii").partition(" ")
        at = datetime.fromisoformat(when)
    except ValueError:
        return None
    return SnapshotUse(at, digest) if _DIGEST(digest) and at.tzinfo is not None else None
