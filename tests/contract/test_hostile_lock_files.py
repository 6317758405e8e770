"""The broken lock files of the hostile corpus end as problems, one or a few sentences each, and cost the good ones nothing."""

from __future__ import annotations

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.scanning.analysis import analyse, reads_for
from hullmark.scanning.layers import LayerReading, layer_records
from hullmark.scanning.request import Analysis, ScanRequest
from hullmark.source import open_image
from hullmark.source.options import source_options
from tests.conformance.cases import triples
from tests.support.places import corpus

EXPECTED = {
    "python-malformed": {
        "/app/requirements.txt": "entries that cannot be used",
        "/app/poetry.lock": "it is not TOML",
        "/app/Pipfile.lock": "its default is not an object",
    },
    "npm-malformed": {
        "/srv/package-lock.json": "entries that cannot be used",
        "/srv/v1/package-lock.json": "it is nested too deeply",
        "/srv/yarn.lock": "entries that cannot be used",
    },
}
LEFT = {
    "python-malformed": set[tuple[str, str, str]](),
    "npm-malformed": {("npm", "b", "UNKNOWN"), ("npm", "x", "1.0.0")},
}


def analysed(name: str) -> Analysis:
    """What is found when lock files are looked for too."""
    catalogers = CATALOGERS + DECLARED
    image = open_image(f"oci-dir:{corpus('hostile', name)}", source_options({}))
    reading = LayerReading(reads=reads_for(catalogers))
    return analyse(layer_records(image, reading), ScanRequest(), catalogers)[0]


@pytest.mark.parametrize("name", EXPECTED)
def test_broken_lock_files_end_as_problems(name: str) -> None:
    found = analysed(name)
    told = {path: [p.reason for p in found.problems if p.path == path] for path in EXPECTED[name]}
    assert all(reasons[0].startswith(EXPECTED[name][path]) for path, reasons in told.items())
    assert all(len(reasons) == 1 and len(reasons[0]) < 500 for reasons in told.values())


@pytest.mark.parametrize("name", EXPECTED)
def test_what_broken_lock_files_name_all_the_same_is_found(name: str) -> None:
    locks = [package for package in analysed(name).packages if package.cataloger.endswith("-lock")]
    assert triples(locks) == LEFT[name]
