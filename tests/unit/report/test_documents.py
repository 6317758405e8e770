"""What the bills of materials share."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from packageurl import PackageURL

from hullmark.model.inventory import InventorySource
from hullmark.model.package import Location
from hullmark.report.documents import image_files, image_purl, moment, package_ids, purl_with
from tests.unit.report.samples import DEB, PACKAGES, SOURCE, WITH_FILES, inventories, package


def source(kind: str, reference: str, **more: object) -> InventorySource:
    """A source of no layers."""
    values: dict[str, object] = {"digest": "", "config_digest": "", "platform": "", "layers": ()}
    return InventorySource(kind=kind, reference=reference, **{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inspected", "purl"),
    [
        (
            SOURCE,
            f"pkg:oci/shop@{SOURCE.digest}?arch=arm64&repository_url=registry.example.com%2Fteam%2Fshop&tag=1.4",
        ),
        (source("registry", "registry:localhost:5000/x@sha256:ab"), "pkg:oci/x?repository_url=localhost%3A5000%2Fx"),
        (source("docker", "debian:12"), "pkg:oci/debian?tag=12"),
        (source("oci-dir", "oci-dir:/builds/shop", tags=("latest",)), "pkg:oci/shop?tag=latest"),
        (source("oci-dir", "oci-dir:/builds/x", tags=("shop:1.4",)), "pkg:oci/shop?tag=1.4"),
        (source("oci-dir", "oci-dir:/images/My-App/"), "pkg:oci/my-app"),
        (source("oci-dir", "oci-dir:app"), "pkg:oci/app"),
        (source("oci-archive", "/x/app.tar:latest"), "pkg:oci/app.tar"),
        (
            source("docker-archive", "x.tar", tags=("z:1", "a.example/b/c:2")),
            "pkg:oci/c?repository_url=a.example%2Fb%2Fc&tag=2",
        ),
        (source("dir", "/srv"), ""),
        (source("registry", ""), ""),
    ],
)
def test_an_image_has_a_package_url(inspected: InventorySource, purl: str) -> None:
    assert image_purl(inspected) == purl
    if purl:
        PackageURL.from_string(purl)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01t12:00:00.999z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T00:30:00.123456789+01:00", "2026-02-28T23:30:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-03-01", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_are_utc_and_whole_seconds(text: str | None, when: str | None) -> None:
    assert moment(text) == when


def test_a_package_keeps_its_id_wherever_it_is_found() -> None:
    here, there = (package("npm", "a", "1", locations=(Location(path, 0),)) for path in ("/here", "/there"))
    assert package_ids([here]) == package_ids([there])


@given(inventories())
def test_ids_are_unique_even_for_equal_packages(inventory: object) -> None:
    packages = [*inventory.packages, *inventory.packages]  # type: ignore[attr-defined]
    assert len(set(package_ids(packages))) == len(packages)


def test_a_qualifier_is_put_in_its_sorted_place() -> None:
    assert purl_with("pkg:npm/a@1", "package-id", "x") == "pkg:npm/a@1?package-id=x"
    assert purl_with("pkg:npm/a?arch=1&upstream=2#s/t", "package-id", "x") == (
        "pkg:npm/a?arch=1&package-id=x&upstream=2#s/t"
    )
    for purl in (DEB, *(found.purl for found in PACKAGES if found.purl)):
        assert PackageURL.from_string(purl_with(purl, "package-id", "x")).qualifiers["package-id"] == "x"


def test_only_regular_files_of_the_finished_image_are_listed() -> None:
    assert [record.path for record in image_files(WITH_FILES)] == ["/etc/ssl/openssl.cnf", "/srv/data"]
    assert list(image_files(msgspec.structs.replace(WITH_FILES, files=None))) == []
