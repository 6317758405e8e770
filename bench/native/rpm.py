"""rpm -qa on a copy of the image's database: rpm writes beside what it reads."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.native.answer import Item, Oracle, run

_FORMAT = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\n"
_HOMES = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")


def ask(root: Path) -> list[Item]:
    """What is installed, with the epoch in the version where it is not 0."""
    home = database(root)
    if home is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(home, Path(folder) / "rpm"))
        rows = [line.split("\t") for line in run(["rpm", "--dbpath", str(copy), "-qa", "--qf", _FORMAT]).splitlines()]
    return [
        Item(name, version if epoch == "0" else f"{epoch}:{version}", arch.replace("(none)", ""))
        for name, epoch, version, arch in rows
    ]


def database(root: Path) -> Path | None:
    """The folder of the image's database, if it has one."""
    return next((root / home for home in _HOMES if any((root / home).glob("[Prp]*"))), None)


ORACLE = Oracle("rpm", "rpm -qa", ask)
