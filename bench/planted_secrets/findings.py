"""Reads what scanners found: Hullmark, gitleaks, betterleaks, Kingfisher, detect-secrets, and plain JSON lines."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """A finding: a path from the tree's root on (`/etc/x`, of an archive perhaps with more behind it), lines, the value if it is told."""

    path: str
    line: int = 0
    last_line: int = 0
    value: str = ""
    rule: str = ""


def _rooted(path: str, root: str) -> str:
    """The path as it stands in the tree: what stands before the tree's own folder is cut off."""
    root = root.rstrip("/")
    return "/" + (path[len(root) :] if root and path.startswith(root + "/") else path).lstrip("/")


def _hullmark(text: str, root: str) -> Iterable[Finding]:
    """One JSON document; values are never told, and what is allowed does not count."""
    for row in json.loads(text)["secrets"]:
        if row["allowed"] is None and row["place"] == "file":
            yield Finding(_rooted(row["path"], root), row["line"], row["line"], "", row["kind"])


def _gitleaks(text: str, root: str) -> Iterable[Finding]:
    """One JSON list."""
    for row in json.loads(text or "[]") or []:
        yield Finding(_rooted(row["File"], root), row["StartLine"], row["EndLine"], row["Secret"], row["RuleID"])


def _betterleaks(text: str, root: str) -> Iterable[Finding]:
    """One JSON document with `findings`."""
    for row in json.loads(text)["findings"]:
        where = row["location"]
        first, last = where.get("start_line", 0), where.get("end_line", 0)
        yield Finding(_rooted(where["path"], root), first, last, row["match"]["value"], row["rule_id"])


def _kingfisher(text: str, root: str) -> Iterable[Finding]:
    """JSON lines, each with `rule` and `finding`."""
    for line in text.splitlines():
        row: dict[str, Any] = json.loads(line)
        if "finding" in row:
            found = row["finding"]
            yield Finding(
                _rooted(found["path"], root), found["line"], found["line"], found["snippet"], row["rule"]["id"]
            )


def _detect_secrets(text: str, root: str) -> Iterable[Finding]:
    """One JSON document; values are hashed."""
    for path, rows in json.loads(text)["results"].items():
        for row in rows:
            yield Finding(_rooted(path, root), row["line_number"], row["line_number"], "", row["type"])


def _lines(text: str, root: str) -> Iterable[Finding]:
    """JSON lines with `path`, and perhaps `inner`, `line`, `last_line`, `value`, `rule`."""
    for line in text.splitlines():
        row = json.loads(line)
        path = row["path"] + ("!" + row["inner"] if row.get("inner") else "")
        first = row.get("line") or 0
        yield Finding(
            _rooted(path, root), first, row.get("last_line") or first, row.get("value") or "", row.get("rule") or ""
        )


READERS: dict[str, Callable[[str, str], Iterable[Finding]]] = {
    "hullmark": _hullmark,
    "gitleaks": _gitleaks,
    "betterleaks": _betterleaks,
    "kingfisher": _kingfisher,
    "detect-secrets": _detect_secrets,
    "lines": _lines,
}
