"""An image copied into an empty one: nothing is left of what layers deleted, and no setting that is not given again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.maintenance.remedy.instructions import Instruction
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.image_instructions import settings_as_instructions
from hullmark.model.remedy import Unset
from hullmark.rootfs.entry import Entry, LayerRecord
from hullmark.rootfs.squash import squash

WHOLE = "whole"
"""The name of the stage that is copied."""

COPY = Instruction("COPY", f"--from={WHOLE} / /")
_MASK = "****"
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+").fullmatch


def flatten_layers(records: Sequence[LayerRecord]) -> LayerRecord:
    """The layers as one: what is visible, with all that was read of it."""
    tree = squash(records)
    known: dict[tuple[int, int], list[tuple[str, Any]]] = {}
    for layer, record in enumerate(records):
        for name, found in record.facts.items():
            for position, fact in found:
                known.setdefault((layer, position), []).append((name, fact))
    entries: list[Entry] = []
    facts: dict[str, list[tuple[int, Any]]] = {}
    for path in sorted(tree.nodes):
        node = tree.nodes[path]
        rank = node.rank
        for _ in range(8):  # links to links: real layers have none
            rank = tree.links.get(rank, rank)
        for name, fact in known.get(rank, ()):
            facts.setdefault(name, []).append((len(entries), fact))
        entries.append(msgspec.structs.replace(node.entry, path=path))
    digest = f"sha256:{hashlib.sha256(msgspec.msgpack.encode(entries)).hexdigest()}"
    problems = [problem for record in records for problem in record.problems]
    size = sum(entry.size for entry in entries)
    return LayerRecord(digest=digest, diff_id=digest, size=size, entries=entries, facts=facts, problems=problems)


def without(config: ImageConfig, unset: Sequence[Unset]) -> ImageConfig:
    """The settings without some, and without a history."""
    gone: dict[str, set[str]] = {"ENV": set(), "EXPOSE": set(), "LABEL": set()}
    for keyword, name in unset:
        gone[keyword].add(name)
    return msgspec.structs.replace(
        config,
        env=tuple(entry for entry in config.env if entry.partition("=")[0] not in gone["ENV"]),
        exposed_ports=tuple(port for port in config.exposed_ports if port not in gone["EXPOSE"]),
        labels={name: value for name, value in config.labels.items() if name not in gone["LABEL"]},
        history=(),
        diff_ids=(),
    )


def copy_config(config: ImageConfig, created: str) -> ImageConfig:
    """The settings of the copy: the same, with the history of its own instructions."""
    made = (COPY, *settings_of(config))
    history = tuple(
        HistoryEntry(
            created_by=instruction.created_by, created=created, empty_layer=instruction.keyword != COPY.keyword
        )
        for instruction in made
    )
    return msgspec.structs.replace(config, history=history, created=created)


def settings_of(config: ImageConfig) -> tuple[Instruction, ...]:
    """The instructions that give an image its settings."""
    return tuple(
        Instruction(keyword, words)
        for keyword, words in (*settings_as_instructions(config), *_labels(config), *_shell(config))
    )


def _labels(config: ImageConfig) -> Iterator[tuple[str, str]]:
    for name, value in sorted(config.labels.items()):
        # Not every builder reads names in quotes.
        yield "LABEL", f"{name if _PLAIN(name) else _quote_text(name)}={_quote_text(value)}"


def _shell(config: ImageConfig) -> Iterator[tuple[str, str]]:
    if config.shell:
        yield "SHELL", json.dumps(list(config.shell))


def _quote_text(text: str) -> str:
    marked = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{marked}"'


def can_be_copied(config: ImageConfig) -> bool:
    """Whether all settings can be written down: they are printable, none is hidden, none is for builds alone."""
    if config.on_build:
        return False
    return all(
        instruction.words.isprintable() and _MASK not in instruction.words for instruction in settings_of(config)
    )
