"""Packages that hide behind limits of layers, and of the tree that they make."""

from __future__ import annotations

import random

from hullmark.model.verdict import Outcome
from tests.support.layers import TarBuilder
from tests.walk import bodies as b
from tests.walk.case import Case
from tests.walk.world import NAME, tar

_STATUS = "var/lib/dpkg/status"
_PLAIN = {**b.DEBIAN, _STATUS: b.deb()}
_NOISE = random.Random(0).randbytes(20_000)  # noqa: S311 - the same each time
_LONG = "/".join(["folder"] * 200)


def _behind(*links: str) -> bytes:
    made = TarBuilder()
    for path, body in {
        **b.DEBIAN,
        _STATUS: b.deb("good"),
        "opt/x/1": b"",
        "opt/x/2": b"",
        "opt/x/METADATA": b.wheel(),
    }.items():
        made.add(path, body)
    for link in links:
        made.symlink(link, "/opt/x")
    return made.done()


CASES = {
    ("hullmark.rootfs.limits", "Limits.entries"): Case(
        4, {**b.DEBIAN, "a": b"", "b": b"", "c": b"", _STATUS: b.deb()}, _PLAIN
    ),
    ("hullmark.rootfs.limits", "Limits.layer_bytes"): Case(
        len(tar(_PLAIN)), {**b.DEBIAN, "a": bytes(5 << 20), _STATUS: b.deb()}, _PLAIN
    ),
    ("hullmark.rootfs.limits", "Limits.bomb_ratio"): Case(
        2,
        {**b.DEBIAN, "a": bytes(5 << 20), _STATUS: b.deb()},
        {**_PLAIN, "a": _NOISE},
        also={("Limits", "bomb_bytes"): 1 << 20},
    ),
    ("hullmark.rootfs.limits", "Limits.path_bytes"): Case(
        800, {f"{_LONG}/{NAME}.dist-info/METADATA": b.wheel()}, {f"a/{NAME}.dist-info/METADATA": b.wheel()}
    ),
    ("hullmark.rootfs.limits", "Limits.folder_bytes"): Case(
        800, {f"{_LONG}/{NAME}.dist-info/METADATA": b.wheel()}, {f"a/{NAME}.dist-info/METADATA": b.wheel()}
    ),
    ("hullmark.rootfs.misnamed", "_MOST_LOOKS"): Case(
        1, _behind("site-packages/v.dist-info"), within=Outcome.UNKNOWN, plain={"v.dist-info/METADATA": b.wheel()}
    ),
}
