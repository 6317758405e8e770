"""What the start of an image reaches: worked out once for all images of the same layers that start alike, and kept beside their analyses.

Its document is named by what it depends on, not by its content, so that nobody walks twice: the layers, the settings that say what is
started and how, and the code that read and walked. It names no image and no account: what is one image's own is laid upon it when it is
read. It is written before the database names it, and removed when nothing does. Beside it, under the same name in a room of its own, is
whether each file is reached: only who looks at files reads that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TypeVar

import msgspec
import zstandard
from msgspec.structs import replace

from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.configuration import Configuration
from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.limit import BeyondLimit, Limit
from hullmark.model.problem import Problem
from hullmark.model.reach import ImageReach, Minimality
from hullmark.model.reached_files import ReachedFiles
from hullmark.reach.analysis import ReachRequest, advisories_reached, minimality_of_files
from hullmark.reach.matched import ReachIndex
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.reach.recipe import dockerfile_of
from hullmark.scanning.fingerprint import code_fingerprint, read_fingerprint
from hullmark.scanning.request import ScanResult
from hullmark.server.objects.objects import Objects

_MAX_BYTES = Limit(256 << 20, "bytes of what is kept of an image about what its start reaches")
_FRESH = timedelta(hours=1)
_ROOM = "reach"
_FILES = "reach-files"
_NO_SOURCE = InventorySource(kind="", reference="", digest="", config_digest="", platform="", layers=())
_T = TypeVar("_T")


class KeptReach(msgspec.Struct, frozen=True):
    """The name of what is kept ("": nothing is), and why there is nothing, if so."""

    name: str
    problems: tuple[Problem, ...] = ()


@cache
def reach_fingerprint() -> str:
    """Names the code that reads an image's files for the walk, and that walks."""
    words = (*map(read_fingerprint, REACH_READS), code_fingerprint(("reach",)))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def keep_reach(objects: Objects, scanned: ScanResult, extractors: str) -> KeptReach:
    """Work out what the start of an image reaches, unless that is kept of another one that has the same layers and starts alike.

    `scanned` are its files, its settings, and what REACH_READS found; `extractors` names the code that came to that. A fault of the walk
    costs nothing but its result.
    """
    name = _name(scanned.inventory, extractors)
    key = f"{_ROOM}/{name}"
    head = objects.head(key)
    if head is None:
        return _guard_reach(objects, scanned, name)
    if datetime.now(UTC) - head.modified > _FRESH:
        # They may be about to be removed, because nothing names them any more.
        files, stored = objects.get(f"{_FILES}/{name}"), objects.get(key)
        if stored is None:
            return _guard_reach(objects, scanned, name)
        if files is not None:
            objects.put(f"{_FILES}/{name}", files)
        objects.put(key, stored)
    return KeptReach(name)


def _name(inventory: Inventory, extractors: str) -> str:
    """Names what the walk depends on. What an image says of who built it, and when, is not part of that."""
    config = inventory.config
    if config is not None:
        config = replace(config, created="", author="", labels={}, on_build=(), diff_ids=(), history=())
    layers = [layer.digest for layer in inventory.source.layers]
    inputs = (extractors, reach_fingerprint(), layers, config)
    return hashlib.sha256(msgspec.msgpack.encode(inputs)).hexdigest()


def _worked_out(objects: Objects, scanned: ScanResult, name: str) -> KeptReach:
    configuration: Configuration = scanned.facets[CONFIGURATION.name]
    inventory = replace(scanned.inventory, source=_NO_SOURCE)
    facts = reach_facts(scanned.found, configuration.settings, inventory.config)
    whole, files = minimality_of_files(inventory, facts, ReachRequest())
    payload = _pack(replace(whole, kept=(), problems=()))
    if payload is None:
        raise BeyondLimit(f"it takes more than the {_MAX_BYTES:,} bytes that are kept to say")
    of_files = _pack(files)
    # Who finds the one looks for no other: the files come first.
    if of_files is not None:
        objects.put(f"{_FILES}/{name}", of_files)
    objects.put(f"{_ROOM}/{name}", payload)
    return KeptReach(name)


def _pack(value: msgspec.Struct) -> bytes | None:
    """What is kept of a value; None where that is too much."""
    payload = msgspec.msgpack.encode(value)
    if len(payload) > _MAX_BYTES:
        return None
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(payload)


def _guard_reach(objects: Objects, scanned: ScanResult, name: str) -> KeptReach:
    return guard_call(lambda: _worked_out(objects, scanned, name), _make_failed_reach, HullmarkError)


def _make_failed_reach(error: Exception) -> KeptReach:
    why = str(error) if isinstance(error, BeyondLimit) else type(error).__name__
    reason = f"what its start reaches could not be worked out: {why}"
    return KeptReach("", (Problem("", -1, _ROOM, reason, facts=("reach",)),))


def get_reach(objects: Objects, name: str) -> ImageReach:
    """Which packages and executables the start reaches. Raises HullmarkError if it is not there or cannot be read."""
    return _read(objects, name, ImageReach)


def get_minimality(
    objects: Objects, name: str, inventory: Inventory, advisories: Iterable[tuple[str, str, str]] | None
) -> Minimality:
    """All that is kept, as the minimality of an image of this inventory. `advisories` that match its packages are (CVE or id, severity,
    package URL); None: there are none. Raises HullmarkError if it is not there or cannot be read."""
    found = _read(objects, name, Minimality)
    by_purl = {package.purl: package.reach for package in found.packages}
    return replace(
        found,
        source=inventory.source,
        matches=None if advisories is None else advisories_reached(advisories, by_purl),
        recipe=replace(found.recipe, dockerfile=dockerfile_of(inventory)),
        problems=tuple(problem for problem in inventory.problems if problem.is_open),
    )


def read_index(objects: Objects, name: str) -> ReachIndex | None:
    """What is known of the reach of an image's packages; None if nobody looked. Raises HullmarkError as `get_reach`."""
    return ReachIndex(get_reach(objects, name)) if name else None


def get_reached_files(objects: Objects, name: str) -> ReachedFiles | None:
    """Whether each file is reached; None where that was not kept: it was read by an earlier version, or is too much. Raises HullmarkError
    if it cannot be read."""
    stored = objects.get(f"{_FILES}/{name}") if name else None
    return _unpack(stored, ReachedFiles) if stored is not None else None


def _read(objects: Objects, name: str, kind: type[_T]) -> _T:
    stored = objects.get(f"{_ROOM}/{name}")
    if stored is None:
        raise HullmarkError(
            "what the image's start reaches is missing from the object store",
            advice="restore it, or analyse the image again",
        )
    return _unpack(stored, kind)


def _unpack(stored: bytes, kind: type[_T]) -> _T:
    try:
        payload = zstandard.ZstdDecompressor().decompress(stored, max_output_size=_MAX_BYTES)
        return msgspec.msgpack.decode(payload, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise HullmarkError(
            f"what the image's start reaches cannot be read: {error}", advice="analyse the image again"
        ) from error
