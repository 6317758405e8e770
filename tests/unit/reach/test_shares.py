"""The bytes of an image are divided among packages and verdicts, each once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.reach import REACHES
from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked

_PROGRAM = dynamic_elf(("libc.so.6",))


@given(
    st.dictionaries(
        st.sampled_from([f"/bin/{name}" for name in "abcdef"]), st.sampled_from(["one", "two", ""]), min_size=1
    )
)
def test_shares_add_up_to_the_counts(owners: dict[str, str]) -> None:
    files = {path: _PROGRAM + b"x" * len(path) * number for number, path in enumerate(sorted(owners))}
    first = min(files)
    found = walked(files, (first,), owners={path: name for path, name in owners.items() if name})
    for reach in REACHES:
        assert sum(share.bytes for share in found.shares if share.reach == reach) == found.counts[reach].bytes
    purl = f"pkg:deb/debian/{owners[first]}@1" if owners[first] else ""
    reached = [share for share in found.shares if share.reach == "reachable"]
    assert [(each.purl, each.bytes) for each in reached] == [(purl, len(files[first]))]
