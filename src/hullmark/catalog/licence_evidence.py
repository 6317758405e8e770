"""Where each cataloger's packages declare their licences, for catalogers that do not say it of each package themselves."""

from __future__ import annotations

import msgspec

from hullmark.model.licence_evidence import make_evidence
from hullmark.model.package import Package

_FIELDS = {
    "alpm": "%LICENSE%", "apk": "L", "dpkg": "License", "erlang": "licenses", "flatpak": "project_license", "gem": "licenses",
    "graalvm": "licenses", "portage": "LICENSE", "r": "License", "rpm": "License", "sbom": "licenses", "wordpress": "License",
}  # fmt: skip
"""The field of the record by cataloger; of all others it is `license`."""


def with_declared(package: Package) -> Package:
    """The package, with where its licences are declared: all of them in its first record, if it does not say so itself."""
    if not package.licenses or package.license_evidence:
        return package
    place = package.locations[0] if package.locations else None
    path, layer = (place.path, place.layer) if place is not None else ("", -1)
    field = _FIELDS.get(package.cataloger, "license")
    return msgspec.structs.replace(package, license_evidence=make_evidence(package.licenses, field, path, layer))
