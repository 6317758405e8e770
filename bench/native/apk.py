"""The records of apk's database, read by their P:, V: and A: lines: apk itself is not to be had on Debian."""

from __future__ import annotations

from pathlib import Path

from bench.native.answer import Item, Oracle


def ask(root: Path) -> list[Item]:
    """One package for each record that has a name."""
    path = root / "lib/apk/db/installed"
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    items = []
    for record in text.split("\n\n"):
        fields = {line[:1]: line[2:] for line in record.splitlines() if line[:2] in ("P:", "V:", "A:")}
        if "P" in fields:
            items.append(Item(fields["P"], fields.get("V", ""), fields.get("A", "")))
    return items


ORACLE = Oracle("apk", "records of the apk database", ask)
