"""Lock files that the tools themselves made of one small project, and what each says is needed by what.

`made/needs.txt` is what `yarn info -A -R`, `pnpm ls --depth 20` and `npm ls --all` say of it, without the project itself: all the same, but
for debug's optional peer, supports-color, which pnpm and bun count. yarn.lock of version 1 has lost its lines of addresses.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.locks import bun, npm
from hullmark.catalog.relations import locks
from tests.support.relations import needs

_MADE = Path(__file__).parent / "made"
_OPTIONAL_PEER = "debug@4.3.4 -> supports-color@5.5.0"


@pytest.mark.parametrize(
    ("tool", "name", "cataloger", "counts_peers"),
    [
        ("yarn1", "yarn.lock", npm.CATALOGER, False),
        ("berry", "yarn.lock", npm.CATALOGER, False),
        ("pnpm", "pnpm-lock.yaml", npm.CATALOGER, True),
        ("bun", "bun.lock", bun.CATALOGERS[0], True),
        ("deno", "deno.lock", bun.CATALOGERS[1], False),
    ],
)
def test_a_lock_file_tells_what_its_tool_tells(tool: str, name: str, cataloger: Cataloger, counts_peers: bool) -> None:
    expected = {*(_MADE / "needs.txt").read_text().split("\n"), *([_OPTIONAL_PEER] if counts_peers else ())} - {""}
    resolver = next(each for each in locks.RESOLVERS if each.cataloger == cataloger.name)
    assert set(needs({name: (_MADE / tool / name).read_bytes()}, cataloger, resolver)) == expected
