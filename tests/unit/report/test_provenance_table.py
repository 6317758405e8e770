"""The table of why something is in an image: links, records, files of packages, claims, licences, and what is only counted."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.catalog.relations.provenance import file_provenance, package_provenances
from hullmark.model.inventory import Inventory
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.match import Match
from hullmark.model.package import NOT_INSTALLED, Location, Package
from hullmark.model.provenance import Provenance
from hullmark.report import load
from tests.unit.report.matches_samples import match
from tests.unit.report.samples import FILES, PLAIN, SOURCE, WITH_FILES, package


def shown(inventory: Inventory, *, path: str = "", matches: tuple[Match, ...] | None = None) -> list[str]:
    """The lines of the table of a file, or of all packages."""
    found = Provenance(
        source=SOURCE,
        subject=path,
        file=file_provenance(inventory, path) if path else None,
        packages=() if path else package_provenances(inventory, inventory.packages, matches),
    )
    return load("provenance", "table").render(found, PLAIN).decode().splitlines()


def of_one(found: Package, matches: tuple[Match, ...] | None = None) -> list[str]:
    """The lines of the table of one package."""
    return shown(replace(WITH_FILES, packages=(found,), relations=None), matches=matches)


def test_a_file_behind_a_link_is_told_with_its_target_and_the_package_that_it_is_the_record_of() -> None:
    record = package("npm", "left-pad", "1.3.0", locations=(Location("/srv/data", 2),))
    assert FILES[3].link == "data"
    assert shown(replace(WITH_FILES, packages=(record,)), path="/srv/link") == [
        "File:      /srv/link",
        "Leads to:  /srv/data",
        f"Brought:   layer 2 sha256:000000000000…, COPY app /app, 0 bytes, sha256 {'b' * 64}",
        "State:     unowned",
        "Owner:     no package",
        "Record of: pkg:npm/left-pad@1.3.0",
    ]


def test_a_package_without_a_package_url_is_told_by_its_name_and_its_places_are_counted() -> None:
    many = package("generic", "thing", "1", purl="", locations=tuple(Location(f"/opt/{n}", -1) for n in range(7)))
    lines = of_one(many)
    assert lines[:2] == ["Package:   thing 1 (generic)", "At:        /opt/0"]
    assert lines[5:7] == ["At:        /opt/4", "  and 2 more places, all of them in the JSON"]


def test_a_package_that_nothing_installed_is_not_shown_as_if_it_were() -> None:
    lying = of_one(package("deb", "shop", "1", notes=NOT_INSTALLED))
    claimed = of_one(package("deb", "shop", "1", notes={"claimed": "true"}))
    assert lying[2] == "Installed: no: it lies there as a package file, whose content is not read"
    assert claimed[2] == "Claimed:   by a document: no record of an installation has it"


def test_licences_that_texts_tell_are_told_with_where_they_stand() -> None:
    evidence = (
        LicenceEvidence(license="BSD", kind="declared", field="License", path="/app/METADATA"),
        LicenceEvidence(
            license="BSD-3-Clause", kind="found", path="/app/LICENSE", first_line=1, last_line=21, share=98
        ),
        LicenceEvidence(license="BSD-3-Clause", kind="found", path="/app/COPYING"),
    )
    lines = of_one(package("pypi", "shop", "1", licenses=("BSD", "BSD-3-Clause"), license_evidence=evidence))
    assert lines[lines.index("Concluded: BSD-3-Clause") :] == [
        "Concluded: BSD-3-Clause",
        "Told by:   License in /app/METADATA: BSD",
        "Told by:   /app/LICENSE, lines 1 to 21: BSD-3-Clause, 98 % of its text",
        "Told by:   /app/COPYING: BSD-3-Clause",
        "Matches:   not known: there are no advisories",
    ]


def test_twenty_vulnerabilities_of_a_package_are_named_and_the_others_counted() -> None:
    found = package("npm", "left-pad", "1.3.0")
    lines = of_one(found, tuple(match(found, f"CVE-2026-{number}") for number in range(1000, 1023)))
    assert "Matches:   23" in lines
    assert lines[-2].startswith("  CVE-2026-1019, medium")
    assert lines[-1] == "  and 3 more, all of them in the JSON"
