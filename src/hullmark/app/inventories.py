"""Inventories that were written down: the JSON of `hullmark scan -o json`, read again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventorySource, UnexplainedPrograms
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.model.problem import Problem
from hullmark.model.relation import WrittenRelation, read_back
from hullmark.scanning.documents import read_bounded

MAX_BYTES = Limit(512 << 20, "bytes of an inventory that is read back", "refused")
_SCHEMA = "hullmark-inventory/1"


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    source: InventorySource
    distro: Distro | None
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...] = ()
    files: tuple[FileRecord, ...] | None = None
    config: ImageConfig | None = None
    policy_facts: PolicyFacts = PolicyFacts()
    unexplained: UnexplainedPrograms | None = None
    relationships: tuple[WrittenRelation, ...] | None = None


def read_inventory(path: Path) -> KnownImage:
    """The inventory in a file, and what else was written down with it.

    Raises HullmarkError for what is none. What the document leaves out is None: nobody collected it.
    """
    try:
        document = msgspec.json.decode(read_bounded(path, MAX_BYTES), type=_Document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise HullmarkError(
            f"{path} is not an inventory: {error}", advice="hullmark scan --files -o json=FILE IMAGE writes one"
        ) from error
    if document.schema != _SCHEMA:
        raise HullmarkError(f"{path} is not of the schema {_SCHEMA}", advice="write it anew with hullmark scan -o json")
    facts = document.policy_facts
    inventory = Inventory(
        source=document.source,
        distro=document.distro,
        packages=document.packages,
        problems=document.problems,
        config=document.config or facts.config,
        files=document.files,
        unexplained=document.unexplained,
        relations=read_back(document.relationships),
    )
    return KnownImage(inventory=inventory, policy_facts=facts)
