"""Versions of policies that are kept: a folder with every text, and an index of which was in force from when.

    versions                       a line of JSON for each version, in the order in which they were kept; it only grows
    texts/HEX                      the documents of a version, by the sha256 of this file

What is kept is the policy as it was written, so that a later program reads it anew: its texts, with the name of each file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from hullmark.advisories.database.shelf import write_whole
from hullmark.app.policies import policy_files, read_any
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.document import MAX_TEXT_BYTES
from hullmark.policy.languages import AnyPolicy
from hullmark.scanning.documents import read_bounded

PREFIX = "kept:"
"""What stands before the name of a kept policy where a file could be named as well."""

_MAX_INDEX = Limit(64 << 20, "bytes of the list of kept policies", "refused")
_MAX_TEXT = Limit(128 << 20, "bytes of a kept policy", "refused")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,199}").fullmatch


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a policy: in force from `at` on, until the next one of its name. `kept_at` is when it was put here.

    `policy` is its digest as verdicts name it, `text` the sha256 (hex) of what is kept of it.
    """

    at: datetime
    name: str
    policy: str
    text: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    kept_at: datetime


class _Document(msgspec.Struct, frozen=True):
    name: str
    text: str


class PolicyShelf:
    """One such folder. Raises HullmarkError where it cannot be written, or what it holds is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: Path, *, at: datetime, now: datetime, name: str = "") -> tuple[Version, bool]:
        """Keep the policy at a path as the version in force from `at` on; under its own name, or another one.

        Answers the version, and whether it is new: one that says the same as what is in force then is not kept again.
        Raises HullmarkError for a policy that cannot be read or has no name.
        """
        documents = [_document(file) for file in policy_files(path)]
        policy = _read(documents)
        name = name or policy.title
        if _NAME(name) is None:
            raise HullmarkError("the policy has no name that it could be kept under", advice="give one by --name")
        body = msgspec.json.encode(documents)
        if len(body) > _MAX_TEXT:
            raise HullmarkError(f"the policy is larger than {_MAX_TEXT >> 20} MiB", advice="keep it in several parts")
        digest = hashlib.sha256(body).hexdigest()
        version = Version(at=at, name=name, policy=policy.digest, text=digest, kept_at=now)
        with self._lock():
            before = _in_force(self.versions(), name, at)
            if before is not None and before.policy == version.policy:
                return before, False
            write_whole(self.folder / "texts" / digest, body)
            self._append(version)
        return version, True

    def versions(self) -> tuple[Version, ...]:
        """All versions, in the order in which they were kept."""
        try:
            return decode_versions(read_bounded(self.folder / "versions", _MAX_INDEX))
        except HullmarkError:
            if (self.folder / "versions").exists():
                raise
            return ()

    def load(self, name: str, at: datetime) -> AnyPolicy:
        """The policy of a name as it was in force at a moment. Raises HullmarkError if there was none yet, or it is damaged."""
        versions = self.versions()
        version = _in_force(versions, name, at)
        if version is None:
            raise _none(versions, name, at)
        body = read_bounded(self.folder / "texts" / version.text, _MAX_TEXT)
        if hashlib.sha256(body).hexdigest() != version.text:
            raise HullmarkError(
                f"what is kept of the policy {name} of {_format_moment(version.at)} is damaged",
                advice=f"keep that version again: remove {self.folder / 'texts' / version.text} first",
            )
        return _read(msgspec.json.decode(body, type=list[_Document]))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Nobody else adds a version meanwhile."""
        try:
            (self.folder / "texts").mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise HullmarkError(
                f"cannot write {error.filename or self.folder}: {error.strerror}",
                advice="check rights and space, or give --policy-dir",
            ) from error

    def _append(self, version: Version) -> None:
        with (self.folder / "versions").open("a+b") as index:
            index.seek(0)
            # Whoever was killed while writing leaves half a line, which never counted.
            index.truncate(index.read().rfind(b"\n") + 1)
            index.write(msgspec.json.encode(version) + b"\n")
            index.flush()
            os.fsync(index.fileno())


def decode_versions(index: bytes) -> tuple[Version, ...]:
    """The versions that an index lists; what follows its last line end is not a version. Raises HullmarkError for a damaged line."""
    versions = []
    for number, line in enumerate(index.split(b"\n")[:-1], 1):
        try:
            version = msgspec.json.decode(line, type=Version)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            version = None
        if version is None or version.at.tzinfo is None or version.kept_at.tzinfo is None:
            raise HullmarkError(
                f"the index of kept policies is damaged in line {number}",
                advice="mend or remove that line of the file versions among the policies",
            )
        versions.append(version)
    return tuple(versions)


def _in_force(versions: tuple[Version, ...], name: str, at: datetime) -> Version | None:
    """The version that counts at a moment: the last that had come into force; of two at one time the one that was kept later."""
    found = None
    for version in versions:
        if version.name == name and version.at <= at and (found is None or version.at >= found.at):
            found = version
    return found


def _none(versions: tuple[Version, ...], name: str, at: datetime) -> HullmarkError:
    begun = [version.at for version in versions if version.name == name]
    if begun:
        return HullmarkError(
            f"no version of the policy {name} was in force at {_format_moment(at)}, the oldest kept is of {_format_moment(min(begun))}",
            advice="ask for a later moment, or name the policy's file",
        )
    names = ", ".join(sorted({version.name for version in versions})) or "none"
    return HullmarkError(
        f"no policy is kept as {name}", advice=f"kept are {names}; hullmark policy keep POLICY adds one"
    )


def _document(file: Path) -> _Document:
    try:
        return _Document(file.name, read_bounded(file, MAX_TEXT_BYTES).decode())
    except UnicodeDecodeError as error:
        raise HullmarkError(f"the policy {file} is not UTF-8", advice="save it as UTF-8") from error


def _read(documents: list[_Document]) -> AnyPolicy:
    return read_any([(document.name, document.text.encode()) for document in documents])


def _format_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
