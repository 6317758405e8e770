"""The file of corrections that a person names."""

from __future__ import annotations

from pathlib import Path

from hullmark.catalog.corrections.document import MAX_BYTES, parse
from hullmark.catalog.corrections.marked_yaml import LineError
from hullmark.model.correction import Corrections
from hullmark.model.errors import HullmarkError
from hullmark.scanning.documents import read_bounded


def corrections_in(path: Path) -> Corrections:
    """What the file says of packages. Raises HullmarkError that names the line of the first mistake."""
    try:
        return parse(read_bounded(path, MAX_BYTES), path.name)
    except LineError as error:
        raise HullmarkError(
            f"{path}:{error.line}: {error}", advice="docs/how-to/correct-packages.md shows how corrections are written"
        ) from error
