"""All that is read of an image's files for the walk, in the one pass over its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hullmark.catalog.languages.java import ARCHIVES
from hullmark.facets.kept import KEPT
from hullmark.model.image import ImageConfig
from hullmark.model.setting import Setting
from hullmark.reach.code import CODE, MODULE_TEXTS
from hullmark.reach.elf import ELF
from hullmark.reach.java_code import JAVA_CODE
from hullmark.reach.loader import LD_CACHE
from hullmark.reach.scene import ReachFacts
from hullmark.reach.syscalls import SYSCALLS_READ
from hullmark.rootfs.reads import Read

REACH_READS: tuple[Read[Any], ...] = (ELF, CODE, MODULE_TEXTS, LD_CACHE, KEPT, ARCHIVES, JAVA_CODE)


def reach_facts(
    found: Mapping[str, Mapping[str, Any]], settings: Sequence[Setting], config: ImageConfig | None
) -> ReachFacts:
    """What a scan with REACH_READS, and SYSCALLS_READ where system calls are asked for, found: by the names of the reads and by path."""
    return ReachFacts(
        elves=found.get(ELF.name, {}),
        code=found.get(CODE.name, {}),
        texts=found.get(MODULE_TEXTS.name, {}),
        kept=found.get(KEPT.name, {}),
        archives=found.get(ARCHIVES.name, {}),
        java=found.get(JAVA_CODE.name, {}),
        ld_cache=found.get(LD_CACHE.name, {}).get("/etc/ld.so.cache", {}),
        syscalls=found.get(SYSCALLS_READ.name),
        settings=settings,
        config=config,
    )
