"""`hullmark db jars`: the index that names Java archives by their digests."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.rows import print_json, print_line
from hullmark.cli.settings import moment

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings


def jars(arguments: argparse.Namespace, settings: Settings) -> int:
    """Import a file, if one is named; show what there is."""
    from msgspec.structs import asdict

    from hullmark.advisories.database.jars import JarTable, keep_jars
    from hullmark.model.errors import HullmarkError
    from hullmark.model.jar import KEPT_FILE

    shelf, files = settings.shelf(), arguments.arguments
    if len(files) > 1:
        raise HullmarkError("db jars takes one file", advice="put several lists into one: cat A B > C")
    if files:
        keep_jars(shelf, Path(files[0]), moment(None))
    path = shelf.folder / KEPT_FILE
    if not path.is_file():
        advice = "hullmark db jars FILE imports one: lines `SHA1 GROUP:ARTIFACT:VERSION`, or Trivy's Java database"
        raise HullmarkError("there is no index of Java archives", advice=advice)
    about = JarTable(path).about
    if arguments.output == "json":
        print_json({"path": str(path), **asdict(about)})
        return 0
    print_line(str(path), "file      ", 2)
    print_line(f"{about.entries:,} archives, of {about.source} ({about.digest})", "holds     ", 2)
    print_line(about.imported_at, "imported  ", 2)
    return 0
