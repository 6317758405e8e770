"""What a cached result depends on is code that is there."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.facets import FACETS, facet_named
from hullmark.reach.reads import REACH_READS
from hullmark.rootfs.reads import Read
from hullmark.scanning.fingerprint import code_fingerprint, read_fingerprint

READS = [
    *(read for name in FACETS if name not in ("malware", "secrets") for read in facet_named(name).reads),
    *REACH_READS,
]


@pytest.mark.parametrize("read", READS, ids=lambda read: read.name)
def test_the_code_that_a_read_names_is_there(read: Read[Any]) -> None:
    assert len(read_fingerprint(read)) == 64


def test_a_room_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="no code of nowhere"):
        code_fingerprint(("model", "nowhere"))
