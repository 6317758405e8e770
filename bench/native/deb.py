"""dpkg-query on the image's own database; for distroless images on one made of their status.d files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.native.answer import Item, Oracle, run

_FORMAT = "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\n"
_STATUS = "Status: install ok installed\n"


def ask(root: Path) -> list[Item]:
    """What is installed, unpacked or half configured."""
    home = root / "var/lib/dpkg"
    if (home / "status").exists():
        return _query(home)
    records = sorted(path for path in (home / "status.d").glob("*") if not path.name.endswith(".md5sums"))
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder)
        (database / "updates").mkdir()
        (database / "info").mkdir()
        text = "\n".join(record.read_text("utf-8", "replace").rstrip("\n") + "\n" + _STATUS for record in records)
        (database / "status").write_text(text)
        return _query(database)


def _query(database: Path) -> list[Item]:
    rows = [
        line.split("\t") for line in run(["dpkg-query", "--admindir", str(database), "-W", "-f", _FORMAT]).splitlines()
    ]
    return [Item(name, version, arch) for state, name, version, arch in rows if state[1] in "iUFWt"]


ORACLE = Oracle("deb", "dpkg-query", ask)
