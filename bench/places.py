"""Where the corpus of real images and the bench's own files are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
CORPUS = REPOSITORY / "var" / "corpus"
HULLMARK = REPOSITORY / ".venv" / "bin" / "hullmark"


def add_corpus(parser: argparse.ArgumentParser, images: Sequence[str]) -> None:
    """The options that say which images are looked at."""
    parser.add_argument(
        "--corpus", type=Path, default=CORPUS, metavar="DIR", help="the built corpus (default: var/corpus)"
    )
    parser.add_argument("--images", nargs="+", default=list(images), metavar="NAME", help="folders of DIR/oci")


def image_folders(arguments: argparse.Namespace) -> dict[str, Path]:
    """The OCI layouts that were asked for, by name. Ends the program if one is not there."""
    folders = {name: arguments.corpus / "oci" / name for name in arguments.images}
    if missing := sorted(name for name, folder in folders.items() if not (folder / "index.json").exists()):
        raise SystemExit(f"not in {arguments.corpus}/oci: {', '.join(missing)}; `make corpus` builds them")
    return folders
