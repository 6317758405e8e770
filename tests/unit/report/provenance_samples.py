"""Provenances for the tests of formats: of packages and of files, with and without relations, matches and layers."""

from __future__ import annotations

from hullmark.catalog.relations.provenance import file_provenance, package_provenances, packages_named
from hullmark.model.provenance import Provenance
from tests.unit.report.matches_samples import SMALL as SMALL_MATCHES
from tests.unit.report.samples import DEB, ODD, SMALL, WITH_FILES

FILE = file_provenance(WITH_FILES, "/etc/ssl/openssl.cnf")
GONE = file_provenance(WITH_FILES, "/srv/gone")

PROVENANCES = {
    "package": Provenance(
        source=WITH_FILES.source,
        subject=DEB,
        file=None,
        packages=package_provenances(WITH_FILES, packages_named(WITH_FILES, DEB), SMALL_MATCHES.matches),
    ),
    "untold": Provenance(
        source=SMALL.source,
        subject="left-pad",
        file=None,
        packages=package_provenances(SMALL, packages_named(SMALL, "left-pad"), None),
        problems=SMALL.problems,
    ),
    "file": Provenance(
        source=WITH_FILES.source,
        subject="/etc/ssl/openssl.cnf",
        file=FILE,
        packages=package_provenances(WITH_FILES, packages_named(WITH_FILES, "libssl3"), ()),
    ),
    "gone": Provenance(source=WITH_FILES.source, subject="/srv/gone", file=GONE, packages=()),
    "odd": Provenance(
        source=ODD.source, subject="twin", file=None, packages=package_provenances(ODD, ODD.packages, None)
    ),
}
