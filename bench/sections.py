"""Pages that several benches write: each its own section, the others stay."""

from __future__ import annotations

import re
from pathlib import Path

_TITLE = "# The server, measured\n"


def replace_section(page: Path, title: str, text: str) -> None:
    """Write the section of this title into a page, in place of the one before."""
    old = page.read_text(encoding="utf-8") if page.exists() else _TITLE
    section = f"## {title}\n\n{text.rstrip()}\n"
    found = re.search(rf"(?ms)^## {re.escape(title)}\n.*?(?=^## |\Z)", old)
    new = old[: found.start()] + section + "\n" + old[found.end() :] if found else f"{old.rstrip()}\n\n{section}"
    page.write_text(new.rstrip() + "\n", encoding="utf-8")
