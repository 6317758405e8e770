"""What a newer version of a package brings: a deb (deb(5)) as the entries of a layer, with all that is read of its files."""

from __future__ import annotations

import fnmatch
import io
import re
import tarfile
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from hullmark.catalog.systems.dpkg_files import LIST, MD5SUMS
from hullmark.maintenance.remedy.ar import decompress_member, members
from hullmark.model.errors import HullmarkError
from hullmark.model.image import LayerBlob
from hullmark.model.limit import Limit
from hullmark.model.upkeep import PackageUpdate
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import Entry, LayerRecord
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.reads import Read, Report

_MAX_CONTROL = Limit(16 << 20, "bytes of what a newer package says of itself, unpacked")
_MAX_DATA = Limit(2 << 30, "bytes of the files of a newer package, unpacked")
_MAX_SETTINGS = Limit(1 << 20, "bytes of a file of dpkg's settings")
_MAX_RULES = Limit(1000, "paths that one file of dpkg's settings leaves out of packages")
_MD5 = slice(32, 48)
_RULE = re.compile(rb"(?m)^[ \t]*path-(exclude|include)[ \t=]+(\S+)").findall


class UpdateContent(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a newer version of a package. `kept` are those of the image that stay as they are, `conffiles` what dpkg's status will
    say of its configuration files."""

    record: LayerRecord
    kept: frozenset[bytes] = frozenset()
    conffiles: bytes = b""


class UpdateContents(Protocol):
    """What newer versions bring, as far as anybody saw it."""

    def of(self, update: PackageUpdate) -> UpdateContent | None:
        """What one brings; None where that was not seen."""


def _rules(path: str, body: memoryview, report: Report) -> list[tuple[bool, str]] | None:
    """(whether it is left out, a glob) for each rule of dpkg(1) on which files of packages are unpacked."""
    found = [(kind == b"exclude", glob.decode("utf-8", "replace").strip("\"'")) for kind, glob in _RULE(bytes(body))]
    if len(found) > _MAX_RULES:
        report(f"it has more than {_MAX_RULES:,} rules; the others were not read")
    return found[:_MAX_RULES] or None


DPKG_SETTINGS: Read[list[tuple[bool, str]]] = Read(
    name="dpkg-path-rules",
    fact=list[tuple[bool, str]],
    extract=_rules,
    globs=("etc/dpkg/dpkg.cfg", "etc/dpkg/dpkg.cfg.d/*"),
    limit=_MAX_SETTINGS,
)


class DebReading(msgspec.Struct, frozen=True, kw_only=True):
    """How debs are read: by whom their files are, whether they are hashed, which of them are not unpacked (`rules`, of which the last that
    fits counts), and the changed configuration files of the image, which stay (`changed`)."""

    reads: tuple[Read[Any], ...]
    digests: bool = False
    rules: tuple[tuple[bool, str], ...] = ()
    changed: frozenset[bytes] = frozenset()


def read_deb(body: bytes, update: PackageUpdate, stems: Collection[bytes], reading: DebReading) -> UpdateContent:
    """What a deb brings. `stems` are the names that the package's records may have in dpkg's folder, without their endings.

    Raises ValueError where it is damaged, or beyond a limit.
    """
    parts = dict(members(body))
    control = next((name for name in parts if name.startswith("control.tar")), "")
    data = next((name for name in parts if name.startswith("data.tar")), "")
    if not control or not data:
        raise ValueError("it is not a deb")
    said = _read_control_files(decompress_member(control, parts[control], _MAX_CONTROL))
    stored = decompress_member(data, parts[data], _MAX_DATA) if data.endswith(".xz") else parts[data]
    blob = LayerBlob(digest="", diff_id="", size=-1, open=lambda: io.BytesIO(stored))
    try:
        record = read_layer(blob, Dispatch(reading.reads), digests=True)
    except HullmarkError as error:
        raise ValueError(str(error)) from error
    conffiles = [
        line.split()[-1].lstrip("/") for line in said.get("conffiles", b"").decode().splitlines() if line.strip()
    ]
    sums = {entry.path.decode("utf-8", "replace"): entry.digests[_MD5].hex() for entry in record.entries}
    listed = b"".join(b"/" + entry.path.rstrip(b"/") + b"\n" for entry in record.entries)
    stem = min(stems, default=b"var/lib/dpkg/info/" + update.candidate.name.encode())
    record = _without(record, _left_out(record.entries, reading.rules), reading.digests)
    own = [(stem + b".list", LIST.name, listed), (stem + b".md5sums", MD5SUMS.name, said.get("md5sums", b""))]
    return UpdateContent(
        record=_with_records(record, own),
        kept=frozenset(name.encode() for name in conffiles) & reading.changed,
        conffiles="".join(f"\n /{name} {sums.get(name, '')}" for name in conffiles).encode(),
    )


def _read_control_files(tar: bytes) -> dict[str, bytes]:
    """The files of a control archive. Raises ValueError for damage."""
    found: dict[str, bytes] = {}
    try:
        # What is packed in it once more, and files with holes, would be read without a bound.
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and not member.issparse() else None
                if file is not None:
                    found.setdefault(member.name.removeprefix("./"), file.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    return found


def _left_out(entries: Iterable[Entry], rules: Sequence[tuple[bool, str]]) -> frozenset[int]:
    """The places of files that dpkg does not unpack."""
    if not rules:
        return frozenset()
    found = set()
    for position, entry in enumerate(entries):
        path = "/" + entry.path.decode("utf-8", "replace")
        fitting = [is_out for is_out, glob in rules if fnmatch.fnmatchcase(path, glob)]
        if fitting and fitting[-1] and entry.kind != "d":
            found.add(position)
    return frozenset(found)


def _without(record: LayerRecord, out: frozenset[int], digests: bool) -> LayerRecord:
    """The record without some entries; also without digests where the image's layers have none."""
    places = {old: new for new, old in enumerate(place for place in range(len(record.entries)) if place not in out)}
    entries = [record.entries[old] for old in places]
    if not digests:
        entries = [msgspec.structs.replace(entry, digests=b"") if entry.digests else entry for entry in entries]
    facts = {
        name: [(places[position], fact) for position, fact in found if position in places]
        for name, found in record.facts.items()
    }
    return msgspec.structs.replace(record, entries=entries, facts=facts)


def _with_records(record: LayerRecord, own: Iterable[tuple[bytes, str, bytes]]) -> LayerRecord:
    entries, facts = list(record.entries), {name: list(found) for name, found in record.facts.items()}
    for path, name, body in own:
        if body:
            facts.setdefault(name, []).append((len(entries), body))
            entries.append(Entry(path, "f", 0o644, 0, 0, len(body), 0))
    return msgspec.structs.replace(record, entries=entries, facts=facts)
