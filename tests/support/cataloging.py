"""What a cataloger makes of files in memory."""

from __future__ import annotations

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.package import Package
from tests.support.views import FakeView


def packages(cataloger: Cataloger, files: dict[str, bytes]) -> list[Package]:
    """What is found."""
    return list(cataloger.assemble(FakeView(files, cataloger)))


def purls(cataloger: Cataloger, files: dict[str, bytes]) -> list[str]:
    """The purls of what is found."""
    return [package.purl for package in packages(cataloger, files)]


def problems(cataloger: Cataloger, files: dict[str, bytes]) -> list[str]:
    """What is reported."""
    view = FakeView(files, cataloger)
    list(cataloger.assemble(view))
    return [str(reason) for _, reason in view.problems]
