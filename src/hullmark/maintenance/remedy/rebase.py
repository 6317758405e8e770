"""An image on another base: the layers above the old one laid over the new one, as building it anew would.

What the layers above say of packages is worked out from three databases, the old base's, the new one's and theirs: what they added stays
added, what they removed stays removed, and of what they and the new base both renewed the newer version is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hullmark.catalog.systems.apk import INSTALLED
from hullmark.catalog.systems.dpkg_files import LIST
from hullmark.catalog.systems.dpkg_status import STATUS
from hullmark.model.image import ImageConfig
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.squash import squash
from hullmark.versions import apk, deb
from hullmark.versions.scheme import InvalidVersion

_DATABASES: dict[str, tuple[bytes, Callable[[str, str], int]]] = {
    STATUS.name: (b"var/lib/dpkg/status", deb.compare),
    INSTALLED.name: (b"lib/apk/db/installed", apk.compare),
}
_INFO = b"var/lib/dpkg/info/"
_Key = tuple[str, str]
"""A package by name and architecture."""


def rebased_layers(layers: Sequence[LayerRecord], height: int, new: Sequence[LayerRecord]) -> list[LayerRecord]:
    """The new base's layers, then the image's own: all but its first `height`, which were the old base."""
    old, upper = layers[:height], layers[height:]
    found = list(new)
    known = {name: (_database(old, name), _database(new, name)) for name in _DATABASES}
    for record in upper:
        facts = dict(record.facts)
        outdated: set[str] = set()
        for name, (before, after) in known.items():
            if name in facts:
                facts[name] = [
                    (at, _merge_database(fact, before, after, _DATABASES[name][1], outdated))
                    for at, fact in facts[name]
                ]
        found.append(_without(replace(record, facts=facts), _files_of(record, outdated)))
    return found


def _database(records: Sequence[LayerRecord], name: str) -> dict[_Key, Any]:
    """The packages that a base has, by its database."""
    tree = squash(records)
    path = tree.resolve(_DATABASES[name][0])
    node = tree.nodes.get(path) if path is not None else None
    if node is None:
        return {}
    facts = (fact for position, fact in records[node.layer].facts.get(name, ()) if position == node.position)
    return _by_key(next(facts, ()))


def _by_key(packages: Iterable[Any]) -> dict[_Key, Any]:
    return {(package.name, package.arch): package for package in packages}


def _merge_database(
    fact: Sequence[Any],
    before: Mapping[_Key, Any],
    after: Mapping[_Key, Any],
    compare: Callable[[str, str], int],
    outdated: set[str],
) -> tuple[Any, ...]:
    """What a layer's database says over the new base. The names of packages that it renewed and the new base renewed more go into
    `outdated`."""
    found = dict(after)
    own = _by_key(fact)
    for key in before.keys() - own.keys():
        found.pop(key, None)
    for key, package in own.items():
        base = after.get(key)
        if key in before and before[key].version == package.version:
            if base is None:  # the new base does without it, and so does what is built on it
                found.pop(key, None)
        elif base is None or _is_newer(package.version, base.version, compare):
            found[key] = package
        else:
            outdated.add(package.name)
    return tuple(found.values())


def _is_newer(version: str, other: str, compare: Callable[[str, str], int]) -> bool:
    try:
        return compare(version, other) > 0
    except InvalidVersion:
        return version != other


def _files_of(record: LayerRecord, names: set[str]) -> frozenset[bytes]:
    """The files that a layer has of some packages of dpkg: those that their lists name, and their records."""
    found: set[bytes] = set()
    for position, listed in record.facts.get(LIST.name, ()):
        path = record.entries[position].path
        if path.removeprefix(_INFO).partition(b".list")[0].partition(b":")[0].decode("utf-8", "replace") in names:
            found.update(line.lstrip(b"/") for line in listed.split(b"\n") if line.strip(b"/."))
            stem = path.removesuffix(b"list")
            found.update(entry.path for entry in record.entries if entry.path.startswith(stem))
    return frozenset(found)


def _without(record: LayerRecord, paths: frozenset[bytes]) -> LayerRecord:
    if not paths:
        return record
    kept = [at for at, entry in enumerate(record.entries) if entry.kind == "d" or entry.path not in paths]
    places = {old: new for new, old in enumerate(kept)}
    facts = {name: [(places[at], fact) for at, fact in found if at in places] for name, found in record.facts.items()}
    return replace(record, entries=[record.entries[at] for at in kept], facts=facts)


def rebased_settings(config: ImageConfig, old: ImageConfig, new: ImageConfig) -> ImageConfig:
    """The settings of an image on another base: what it had from the old one it has from the new one."""
    same = ("user", "working_dir", "entrypoint", "cmd", "stop_signal", "shell", "healthcheck", "author")
    inherited = {name: getattr(new, name) for name in same if getattr(config, name) == getattr(old, name)}
    if config.entrypoint != old.entrypoint:
        inherited.pop("cmd", None)  # an ENTRYPOINT of one's own drops the CMD of the base
    env = dict(entry.partition("=")[::2] for entry in new.env)
    env |= dict(entry.partition("=")[::2] for entry in config.env if entry not in old.env)
    return replace(
        config,
        **inherited,
        env=tuple(f"{name}={value}" for name, value in env.items()),
        labels=new.labels | {name: value for name, value in config.labels.items() if old.labels.get(name) != value},
        exposed_ports=_merge_settings(config.exposed_ports, old.exposed_ports, new.exposed_ports),
        volumes=_merge_settings(config.volumes, old.volumes, new.volumes),
        diff_ids=(*new.diff_ids, *config.diff_ids[len(old.diff_ids) :]),
        history=(*new.history, *config.history[len(old.history) :]),
    )


def _merge_settings(own: Sequence[str], old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*new, *(instruction for instruction in own if instruction not in old))))
