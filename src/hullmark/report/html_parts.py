"""What reports as one HTML file have in common: escaping, the page's own policy, lists of facts.

Content Security Policy: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape

from hullmark.report.terminal import safe


def text(value: str) -> str:
    """The text for a page: what cannot be seen is written out, what is markup is escaped."""
    return escape(safe(value), quote=True)


def page(title: str, style: str, body: Iterable[str], script: str = "") -> bytes:
    """The whole page. `title` and `body` are markup already; no other style and no other script is allowed to work."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        "<main>",
        *body,
        "</main>",
        *([f"<script>{script}</script>"] if script else []),
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _policy(style: str, script: str) -> str:
    rules = ["default-src 'none'", f"style-src {_digest(style)}"]
    rules += [f"script-src {_digest(script)}"] if script else []
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"


def facts(values: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A list of names and values; the values are markup already."""
    yield '<dl class="facts">'
    yield from (f"<dt>{name}</dt><dd>{value}</dd>" for name, value in values if value)
    yield "</dl>"


def place(path: str, layer: int) -> str:
    """A path, and the layer that brought it."""
    where = f' <span class="soft">layer {layer}</span>' if layer >= 0 else ""
    return f"<code>{text(path)}</code>{where}"
