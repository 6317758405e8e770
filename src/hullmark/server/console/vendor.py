"""Third-party files that pages load. No repository holds them: `make setup` makes them (tools/console_assets.py), and wheels bring them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor"
NEEDED = (
    "codemirror.js",
    "d3-hierarchy.js",
    "htmx.js",
    "hx-csp.js",
    "hx-sse.js",
    "uplot.css",
    "uplot.js",
)
"""What pages load, by name: `vendor/NAME` for static_url, `./vendor/NAME` for our own modules."""
ADVICE = "make console-assets"
"""The command that makes what is missing, in a checkout."""


def missing(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of files that pages load and that are not there. Where there are any, the console says to run ADVICE."""
    return tuple(name for name in NEEDED if not (folder / name).is_file())
