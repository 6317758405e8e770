"""What is read from documents as other tools write them, and what is said of what cannot be read."""

from __future__ import annotations

import json
import pkgutil
from base64 import b64encode
from importlib import import_module
from typing import Any

import pytest

from hullmark.catalog import sbom
from hullmark.catalog.sbom import FORMATS, detect_format, read_sbom
from hullmark.catalog.sbom.document import MAX_BYTES, MAX_TEXT
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage

DIFF_ID = "sha256:" + "8d" * 32
IMAGE_ID = "sha256:" + "c0" * 32
DIGEST = "sha256:" + "21" * 32

# As Trivy's documentation shows it, shortened.
TRIVY = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "component": {
            "bom-ref": "root",
            "type": "container",
            "name": "debian:12",
            "purl": f"pkg:oci/debian@{DIGEST.replace(':', '%3A')}?arch=arm64&repository_url=index.docker.io%2Flibrary%2Fdebian",
            "properties": [
                {"name": "aquasecurity:trivy:DiffID", "value": DIFF_ID},
                {"name": "aquasecurity:trivy:ImageID", "value": IMAGE_ID},
                {"name": "aquasecurity:trivy:RepoDigest", "value": f"debian@{DIGEST}"},
                {"name": "aquasecurity:trivy:RepoTag", "value": "debian:12"},
            ],
        }
    },
    "components": [
        {"bom-ref": "os", "type": "operating-system", "name": "debian", "version": "12.4"},
        {
            "type": "library",
            "name": "libc6",
            "version": "2.36-9+deb12u4",
            "purl": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=arm64&distro=debian-12.4",
            "licenses": [{"license": {"name": "LGPL-2.1"}}, {"license": {"name": "GPL-2.0"}}],
            "properties": [
                {"name": "aquasecurity:trivy:LayerDiffID", "value": DIFF_ID},
                {"name": "aquasecurity:trivy:PkgType", "value": "debian"},
                {"name": "aquasecurity:trivy:SrcName", "value": "glibc"},
                {"name": "aquasecurity:trivy:SrcRelease", "value": "9+deb12u4"},
                {"name": "aquasecurity:trivy:SrcVersion", "value": "2.36"},
            ],
        },
        {
            "type": "library",
            "name": "libattr1",
            "version": "1:2.5.1-4",
            "purl": "pkg:deb/debian/libattr1@2.5.1-4?arch=arm64&distro=debian-12.4&epoch=1",
            "properties": [
                {"name": "aquasecurity:trivy:SrcEpoch", "value": "1"},
                {"name": "aquasecurity:trivy:SrcName", "value": "attr"},
                {"name": "aquasecurity:trivy:SrcRelease", "value": "4"},
                {"name": "aquasecurity:trivy:SrcVersion", "value": "2.5.1"},
            ],
        },
        {
            "type": "application",
            "name": "app/package-lock.json",
            "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}],
        },
        {
            "type": "library",
            "group": "@babel",
            "name": "core",
            "version": "7.0.0",
            "purl": "pkg:npm/%40babel/core@7.0.0",
            "properties": [
                {"name": "aquasecurity:trivy:FilePath", "value": "app/node_modules/@babel/core/package.json"}
            ],
        },
    ],
}

SPDX = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "alpine",
    "creationInfo": {"creators": ["Tool: trivy-0.50.0"]},
    "packages": [
        {"SPDXID": "SPDXRef-ContainerImage-1", "name": "alpine:3.19", "primaryPackagePurpose": "CONTAINER",
         "attributionTexts": [f"ImageID: {IMAGE_ID}", f"DiffID: {DIFF_ID}", "RepoTag: alpine:3.19"]},
        {"SPDXID": "SPDXRef-OperatingSystem-1", "name": "alpine", "versionInfo": "3.19.1",
         "primaryPackagePurpose": "OPERATING-SYSTEM"},
        {"SPDXID": "SPDXRef-Package-1", "name": "libcrypto3", "versionInfo": "3.1.4-r5",
         "sourceInfo": "built package from: openssl 3.1.4-r5", "licenseDeclared": "Apache-2.0 AND (MIT OR LicenseRef-a)",
         "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                           "referenceLocator": "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=3.19.1"}]},
    ],
    "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-ContainerImage-1",
                       "relationshipType": "DESCRIBES"}],
}  # fmt: skip

TAG_VALUE = """\
SPDXVersion: SPDX-2.2
DataLicense: CC0-1.0
DocumentName: shop
Creator: Tool: somebody-1

##### a package
PackageName: bash
SPDXID: SPDXRef-1
PackageVersion: 5.1.8-6.el9
PackageSupplier: Organization: Rocky Enterprise (x@example.org)
PackageLicenseDeclared: LicenseRef-x AND MIT
PackageComment: <text>one
PackageName: not a package
</text>
ExternalRef: PACKAGE_MANAGER purl pkg:rpm/rocky/bash@5.1.8-6.el9?arch=x86_64&distro=rocky-9.3&upstream=bash-5.1.8-6.el9.src.rpm

FileName: ./bin/bash
SPDXID: SPDXRef-2

LicenseID: LicenseRef-x
ExtractedText: <text>GPLv3+
as it is written</text>
a line of nothing
"""

XML = """\
<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
  <metadata><component type="container"><name>shop:1</name><version>{digest}</version></component></metadata>
  <components>
    <component type="operating-system"><name>wolfi</name><version>20230201</version></component>
    <component type="library"><name>outer</name><version>1</version><purl>pkg:pypi/outer@1</purl>
      <licenses><license><id>MIT</id></license></licenses>
      <components>
        <component type="library"><name>Inner.Name</name><version>2</version><purl>pkg:pypi/Inner.Name@2</purl>
          <licenses><expression>MIT OR ISC</expression></licenses>
        </component>
      </components>
    </component>
  </components>
</bom>
"""

SPDX_3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1"},
        {"type": "SpdxDocument", "spdxId": "urn:d", "name": "shop", "rootElement": ["urn:s"]},
        {"type": "software_Package", "spdxId": "urn:os", "name": "debian", "software_packageVersion": "12",
         "software_primaryPurpose": "operatingSystem"},
        {"type": "software_Package", "spdxId": "urn:p", "name": "zlib1g", "software_packageVersion": "1:1.2.13.dfsg-1",
         "software_packageUrl": "pkg:deb/debian/zlib1g@1%3A1.2.13.dfsg-1?arch=amd64&upstream=zlib"},
        {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l", "simplelicensing_licenseExpression": "Zlib"},
        {"type": "Relationship", "spdxId": "urn:r", "from": "urn:p", "to": ["urn:l"], "relationshipType": "hasDeclaredLicense"},
    ],
}  # fmt: skip

SYFT = {
    "artifacts": [
        {"id": "1", "name": "python3-urllib3", "version": "1.26-3", "type": "deb", "purl": "pkg:deb/debian/python3-urllib3@1.26-3",
         "metadataType": "DpkgMetadata", "metadata": {"source": "python-urllib3", "sourceVersion": "", "architecture": "all"},
         "licenses": ["MIT"], "locations": [{"path": "/var/lib/dpkg/status", "layerID": DIFF_ID}], "cpes": ["cpe:2.3:a:x:y"]},
        {"id": "2", "name": "urllib3", "version": "1.26", "type": "python", "purl": "pkg:pypi/urllib3@1.26",
         "metadata": {"name": "urllib3"}, "locations": [], "licenses": [{"value": "", "spdxExpression": "MIT"}]},
        {"id": "3", "name": "example.org/app", "version": "v1.0.0", "type": "go-module", "purl": "pkg:golang/example.org/app@v1.0.0",
         "locations": [{"path": "/app", "layerID": DIFF_ID}], "metadata": {"mainModule": "example.org/app"}},
        {"id": "4", "name": "example.org/a/b/v2", "version": "v2.1.0", "type": "go-module",
         "purl": "pkg:golang/example.org/a/b@v2.1.0#v2", "locations": [{"path": "/app", "layerID": DIFF_ID}],
         "metadata": {"mainModule": "example.org/app"}},
        {"id": "5", "name": 7},
    ],
    "artifactRelationships": [{"parent": "1", "child": "2", "type": "ownership-by-file-overlap"}],
    "source": {"type": "image", "metadata": {"userInput": "shop:1", "imageID": IMAGE_ID, "manifestDigest": DIGEST, "tags": ["shop:1"],
               "layers": [{"digest": DIFF_ID, "size": 5}], "architecture": "amd64", "os": "linux"}},
    "distro": {"id": "debian", "versionID": "12", "versionCodename": "bookworm", "idLike": "x y"},
    "descriptor": {"name": "syft", "version": "0.9"},
    "schema": {"version": "1.0.0", "url": ""},
}  # fmt: skip


def read(document: Any) -> Inventory:
    return read_sbom(json.dumps(document).encode(), "given")


def bom(*components: dict[str, Any], **more: Any) -> Inventory:
    return read({"bomFormat": "CycloneDX", "components": list(components), **more})


def named(inventory: Inventory) -> dict[str, Package]:
    return {package.name: package for package in inventory.packages}


def reasons(inventory: Inventory) -> list[str]:
    assert {(problem.path, problem.layer, problem.room) for problem in inventory.problems} <= {("", -1, "sbom")}
    return [problem.reason for problem in inventory.problems]


def test_trivys_cyclonedx_tells_sources_layers_and_the_distribution() -> None:
    found = read(TRIVY)
    assert (found.distro and (found.distro.id, found.distro.version_id)) == ("debian", "12.4")
    source = found.source
    assert (source.kind, source.reference, source.digest, source.config_digest) == (
        "sbom",
        "debian:12",
        DIGEST,
        IMAGE_ID,
    )
    assert (source.platform, source.tags, [layer.diff_id for layer in source.layers]) == (
        "linux/arm64",
        ("debian:12",),
        [DIFF_ID],
    )
    packages = named(found)
    assert sorted(packages) == ["@babel/core", "libattr1", "libc6"]
    assert packages["libc6"].source == SourcePackage("glibc", "2.36-9+deb12u4")
    assert (packages["libc6"].arch, packages["libc6"].licenses) == ("arm64", ("LGPL-2.1", "GPL-2.0"))
    assert (packages["libattr1"].version, packages["libattr1"].source) == (
        "1:2.5.1-4",
        SourcePackage("attr", "1:2.5.1-4"),
    )
    assert packages["@babel/core"].locations == (Location("/app/node_modules/@babel/core/package.json", -1),)
    assert reasons(found) == []


def test_spdx_tells_sources_licences_and_the_image() -> None:
    found = read(SPDX)
    assert (found.distro and (found.distro.id, found.distro.version_id)) == ("alpine", "3.19.1")
    assert (found.source.reference, found.source.config_digest, found.source.tags) == (
        "alpine:3.19",
        IMAGE_ID,
        ("alpine:3.19",),
    )
    package = found.packages[0]
    assert (package.type, package.arch, package.source) == ("apk", "x86_64", SourcePackage("openssl", "3.1.4-r5"))
    assert package.licenses == ("Apache-2.0", "MIT OR LicenseRef-a")
    assert reasons(found) == []


def test_tag_value_is_read_by_its_lines() -> None:
    found = read_sbom(TAG_VALUE.encode())
    assert [package.name for package in found.packages] == ["bash"]
    package = found.packages[0]
    assert (package.version, package.source, package.notes) == (
        "5.1.8-6.el9", SourcePackage("bash", "5.1.8-6.el9"), {"vendor": "Rocky Enterprise"},
    )  # fmt: skip
    assert package.licenses == ("GPLv3+\nas it is written", "MIT")
    assert (found.distro and (found.distro.id, found.distro.version_id)) == ("rocky", "9.3")
    assert reasons(found) == ["1 line(s) have no tag and were not read"]


def test_xml_tells_what_json_tells() -> None:
    found = read_sbom(XML.format(digest=DIGEST).encode())
    assert (found.source.reference, found.source.digest) == ("shop:1", DIGEST)
    packages = named(found)
    assert (packages["outer"].licenses, packages["inner-name"].licenses) == (("MIT",), ("MIT OR ISC",))
    assert found.distro is not None
    assert (found.distro.id, found.distro.version_id) == ("wolfi", "20230201")


def test_spdx_3_is_read_as_a_graph() -> None:
    found = read(SPDX_3)
    assert (found.distro and (found.distro.id, found.distro.version_id)) == ("debian", "12")
    package = found.packages[0]
    assert (package.version, package.source) == ("1:1.2.13.dfsg-1", SourcePackage("zlib", "1:1.2.13.dfsg-1"))
    assert (package.licenses, found.source.reference) == (("Zlib",), "shop")


def test_syfts_json_of_any_age_tells_owners_sources_and_programs() -> None:
    found = read(SYFT)
    packages = named(found)
    owner, owned = packages["python3-urllib3"], packages["urllib3"]
    assert (owner.source, owner.arch, owner.licenses) == (SourcePackage("python-urllib3", "1.26-3"), "all", ("MIT",))
    assert (owner.locations, owned.owned_by) == ((Location("/var/lib/dpkg/status", 0),), owner.purl)
    assert owned.licenses == ("MIT",)
    assert packages["example.org/a/b/v2"].mains == (packages["example.org/app"].purl,)
    assert (found.distro and found.distro.codename, found.distro and found.distro.id_like) == ("bookworm", ("x", "y"))
    assert (found.source.digest, found.source.platform, found.source.layers[0].size) == (DIGEST, "linux/amd64", 5)
    assert len(reasons(found)) == 1
    assert reasons(found)[0].startswith("artifact 5 was not read: ")


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (json.dumps(TRIVY), "cyclonedx-json"),
        (XML, "cyclonedx-xml"),
        (json.dumps(SPDX), "spdx-json"),
        (json.dumps(SPDX_3), "spdx-3-json"),
        (TAG_VALUE, "spdx-tag-value"),
        (f"# a comment\n\n{TAG_VALUE}", "spdx-tag-value"),
        (json.dumps(SYFT), "syft-json"),
        ('{"schema": "hullmark-inventory/1"}', "json"),
    ],
)
def test_a_format_is_recognised_by_its_content(document: str, name: str) -> None:
    found = detect_format(document.encode())
    assert found is not None
    assert found.name == name
    assert name in {format.name for format in FORMATS}


@pytest.mark.parametrize("document", [json.dumps(TRIVY), XML, TAG_VALUE])
def test_a_mark_of_the_encoding_changes_nothing(document: str) -> None:
    plain = read_sbom(document.encode())
    for body in (document.encode("utf-8-sig"), b"\xff\xfe" + document.encode("utf-16-le")):
        assert read_sbom(body) == plain


def test_every_module_with_a_format_is_listed() -> None:
    modules = [import_module(f"{sbom.__name__}.{module.name}") for module in pkgutil.iter_modules(sbom.__path__)]
    assert {vars(module)["FORMAT"].name for module in modules if "FORMAT" in vars(module)} == {
        each.name for each in FORMATS
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"<html></html>", b"PackageName: x", b'{"schema": "hullmark-matches/1"}', b"\x1f\x8b\x08"],
)
def test_what_is_no_sbom_is_refused(body: bytes) -> None:
    assert detect_format(body) is None
    with pytest.raises(HullmarkError, match="is not an SBOM that can be read") as refused:
        read_sbom(body, "x.txt")
    assert "cyclonedx-json" in refused.value.advice


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"bomFormat": "CycloneDX", "components": 5}', "Expected `array"),
        (b'{"bomFormat": "CycloneDX", ', "truncated"),
        (b'{"bomFormat": "CycloneDX", "x": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"bomFormat": "CycloneDX", "x": [' + b"0," * 16_000_001 + b"0]}", "more than 16,000,000 values"),
        (b'<!DOCTYPE bom [<!ENTITY a "b">]><bom>&a;</bom>', "document type definition"),
        (b'<bom xmlns:a="b"><components>', "not well-formed XML"),
        (b" " * (MAX_BYTES + 1), "larger than 256 MiB"),
    ],
    ids=["wrong-shape", "truncated", "deep", "many-values", "entities", "open-xml", "large"],
)
def test_a_document_that_is_broken_as_a_whole_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(HullmarkError, match=reason):
        read_sbom(body)


def test_components_nested_too_deeply_are_a_problem() -> None:
    inner: dict[str, Any] = {"name": "last", "version": "1", "purl": "pkg:npm/last@1"}
    for depth in range(40):
        inner = {"name": f"n{depth}", "version": "1", "purl": f"pkg:npm/n{depth}@1", "components": [inner]}
    found = bom(inner)
    assert len(found.packages) == 32
    assert [reason for reason in reasons(found) if "nested too deeply" in reason]


def test_what_is_missing_or_wrong_is_said_and_the_rest_is_kept() -> None:
    found = bom(
        {"type": "library", "name": "bare", "purl": "pkg:npm/bare"},
        {"type": "library", "name": "wrong", "version": "1", "purl": "no purl at all"},
        {"type": "library"},
        {"type": "library", "name": "other", "version": "2", "purl": "pkg:npm/other@3"},
        {"type": "file", "name": "/etc/passwd"},
        {"type": "library", "name": 5},
        {"type": "library", "name": "good", "version": "1", "purl": "pkg:npm/good@1"},
    )
    packages = named(found)
    assert (packages["bare"].version, packages["wrong"].type, packages["good"].version) == (
        UNKNOWN_VERSION,
        "generic",
        "1",
    )
    assert packages["other"].version == "2"
    told = reasons(found)
    assert [reason for reason in told if reason.startswith("component 6 was not read: ")]
    assert {
        "component 1 (bare) has no version",
        "component 2 (wrong 1): 'no purl at all' is not a package URL",
        "component 2 (wrong 1) has no package URL: it is taken for software of its name, whatever installed it",
        "component 3 was left out: it has neither a name nor a package URL",
        "component 4 (other 2): its version is not that of its package URL (3), which was not used",
        "1 component(s) of the type file are not packages and were not read",
    } <= set(told)


def test_a_component_with_a_cpe_alone_is_called_what_the_cpe_calls_it() -> None:
    found = bom(
        {"type": "application", "name": "OpenSSL Toolkit", "cpe": "cpe:2.3:a:openssl:openssl:3.0.7:*:*:*:*:*:*:*"}
    )
    package = found.packages[0]
    assert (package.type, package.name, package.version) == ("generic", "openssl", "3.0.7")
    assert package.purl == "pkg:generic/openssl@3.0.7"


def test_what_is_told_twice_is_one_package_with_both_places_whatever_the_order() -> None:
    one = {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1",
           "evidence": {"occurrences": [{"location": "/x/package.json"}]}}  # fmt: skip
    other = {
        **one,
        "evidence": {"occurrences": [{"location": "/b/package.json"}]},
        "licenses": [{"license": {"id": "MIT"}}],
    }
    found = bom(one, other)
    assert found.packages == bom(other, one).packages
    assert [place.path for place in found.packages[0].locations] == ["/b/package.json", "/x/package.json"]
    assert found.packages[0].licenses == ("MIT",)


@pytest.mark.parametrize(
    ("purls", "distro"),
    [
        (["pkg:deb/debian/a@1?distro=debian-12"], ("debian", "12", "")),
        (["pkg:deb/debian/a@1?distro=debian-bookworm"], ("debian", "", "bookworm")),
        (["pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5"], ("opensuse-leap", "15.5", "")),
        (["pkg:rpm/redhat/a@1?distro=redhat-9.3"], ("rhel", "9.3", "")),
        (["pkg:rpm/amzn/a@1?distro=amazon-2%20%28Karoo%29"], ("amzn", "2", "")),
        (["pkg:apk/wolfi/a@1"], ("wolfi", "", "")),
        (["pkg:deb/debian/a@1"], None),
        (["pkg:deb/debian/a@1?distro=debian"], None),
        (["pkg:npm/a@1?distro=debian-12"], None),
    ],
)
def test_package_urls_tell_the_distribution(purls: list[str], distro: tuple[str, str, str] | None) -> None:
    found = bom(*({"type": "library", "name": "a", "version": "1", "purl": purl} for purl in purls))
    told = found.distro and (found.distro.id, found.distro.version_id, found.distro.codename)
    assert told == distro
    says_so = "it does not say which release of which distribution its packages are of" in reasons(found)
    assert says_so == (distro is None and not purls[0].startswith("pkg:npm"))


def test_of_several_distributions_most_packages_decide() -> None:
    purls = (
        "pkg:deb/debian/a@1?distro=debian-11",
        "pkg:deb/debian/b@1?distro=debian-12",
        "pkg:deb/debian/c@1?distro=debian-12",
    )
    found = bom(*({"type": "library", "name": purl[15:16], "version": "1", "purl": purl} for purl in purls))
    assert found.distro is not None
    assert found.distro.version_id == "12"
    assert "its packages are of several distributions (debian 12, debian 11); most are of the first" in reasons(found)


def test_texts_are_bounded() -> None:
    found = bom(
        {
            "type": "library",
            "name": "n" * 20_000,
            "version": "1" * 20_000,
            "licenses": [{"license": {"name": "l" * 20_000}}],
        }
    )
    package = found.packages[0]
    assert {len(package.name), len(package.version), len(package.licenses[0])} == {MAX_TEXT}


# As Trivy's documentation shows its report, shortened.
TRIVY_REPORT: dict[str, Any] = {
    "SchemaVersion": 2,
    "ArtifactName": "debian:12",
    "ArtifactType": "container_image",
    "Metadata": {
        "OS": {"Family": "debian", "Name": "12.4"},
        "ImageID": IMAGE_ID,
        "DiffIDs": [DIFF_ID],
        "RepoTags": ["debian:12"],
        "RepoDigests": [f"debian@{DIGEST}"],
    },
    "Results": [
        {
            "Target": "debian:12 (debian 12.4)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Packages": [
                {
                    "ID": "adduser@3.134",
                    "Name": "adduser",
                    "Identifier": {"PURL": "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12.4"},
                    "Version": "3.134",
                    "Arch": "all",
                    "SrcName": "adduser",
                    "SrcVersion": "3.134",
                    "Licenses": ["GPL-2.0-or-later"],
                    "DependsOn": ["passwd@1:4.13+dfsg1-1+b1", "nothing@1"],
                    "Layer": {"DiffID": DIFF_ID},
                },
                {
                    "ID": "passwd@1:4.13+dfsg1-1+b1",
                    "Name": "passwd",
                    "Version": "4.13+dfsg1",
                    "Release": "1+b1",
                    "Epoch": 1,
                    "Arch": "arm64",
                    "SrcName": "shadow",
                    "SrcVersion": "4.13+dfsg1",
                    "SrcRelease": "1",
                    "SrcEpoch": 1,
                    "Layer": {"DiffID": DIFF_ID},
                },
            ],
        },
        {
            "Target": "app/package-lock.json",
            "Class": "lang-pkgs",
            "Type": "npm",
            "Vulnerabilities": [
                {"PkgID": "ms@0.7.0", "PkgName": "ms", "InstalledVersion": "0.7.0", "VulnerabilityID": number}
                for number in ("CVE-2015-8315", "CVE-2017-20162")
            ],
        },
        {"Target": "app/Dockerfile", "Class": "config", "Type": "dockerfile"},
    ],
}


def test_a_report_of_trivy_lists_packages_and_says_what_it_leaves_out() -> None:
    read = read_sbom(json.dumps(TRIVY_REPORT).encode())
    assert (read.source.reference, read.source.digest, read.source.config_digest) == ("debian:12", DIGEST, IMAGE_ID)
    assert read.distro is not None
    assert (read.distro.id, read.distro.version_id) == ("debian", "12.4")
    assert [
        (package.type, package.name, package.version, package.arch, package.source) for package in read.packages
    ] == [
        ("deb", "adduser", "3.134", "all", SourcePackage("adduser", "3.134")),
        ("deb", "passwd", "1:4.13+dfsg1-1+b1", "arm64", SourcePackage("shadow", "1:4.13+dfsg1-1")),
        ("npm", "ms", "0.7.0", "", None),
    ]
    assert [package.locations for package in read.packages][2] == (Location("/app/package-lock.json", -1),)
    assert [(each.dependent.partition("@")[0], each.dependency.partition("@")[0]) for each in read.relations or ()] == [
        ("pkg:deb/debian/adduser", "pkg:deb/passwd")
    ]
    (said,) = [problem for problem in read.problems if "only packages with vulnerabilities" in problem.reason]
    assert said.kind == "unseen"


CONFIG: dict[str, Any] = {
    "architecture": "arm64", "os": "linux", "variant": "v8",
    "config": {"User": "web", "Env": ["A=b"], "Entrypoint": ["/app"]},
    "history": [{"created_by": "ADD rootfs"}, {"created_by": "USER web", "empty_layer": True}],
    "rootfs": {"type": "layers", "diff_ids": [DIFF_ID]},
}  # fmt: skip
SYFT_OF_IMAGE: dict[str, Any] = {
    "artifacts": [], "schema": {"version": "16.0.0"}, "source": {"type": "image", "metadata": {"layers": [{"digest": DIFF_ID, "size": 5}]}},
}  # fmt: skip


def trivy_report(results: object, **metadata: object) -> Any:
    metadata = {"DiffIDs": [DIFF_ID], **metadata}
    return {"SchemaVersion": 2, "ArtifactName": "shop:1", "Metadata": metadata, "Results": results}


def syft_of(config: str) -> Any:
    metadata = {**SYFT_OF_IMAGE["source"]["metadata"], "config": config}
    return {**SYFT_OF_IMAGE, "source": {"type": "image", "metadata": metadata}}


@pytest.mark.parametrize(
    "document",
    [trivy_report([], ImageConfig=CONFIG), syft_of(b64encode(json.dumps(CONFIG).encode()).decode())],
    ids=["trivy", "syft"],
)
def test_an_images_config_in_a_document_tells_settings_and_instructions(document: Any) -> None:
    found = read(document)
    assert found.config is not None
    assert (found.config.user, found.config.env, found.config.entrypoint) == ("web", ("A=b",), ("/app",))
    assert found.source.platform == "linux/arm64/v8"
    assert [layer.created_by for layer in found.source.layers] == ["ADD rootfs"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (trivy_report([], ImageConfig=5), "the image's config in it was not read: Expected `object`"),
        (
            trivy_report([], ImageConfig={"config": {"Env": [1]}}),
            "the image's config in it was not read: Expected `str`",
        ),
        (syft_of("!"), "the image's config in it was not read: it is not in base64"),
        (syft_of("W10="), "the image's config in it was not read: Expected `object`"),
    ],
    ids=["number", "env", "base64", "list"],
)
def test_an_images_config_that_cannot_be_read_is_a_problem(document: Any, reason: str) -> None:
    found = read(document)
    assert found.config is None
    assert any(told.startswith(reason) for told in reasons(found))


def test_newer_reports_of_trivy_tell_digests_and_sizes_of_layers() -> None:
    layers = [{"Size": 7, "Digest": DIGEST, "DiffID": DIFF_ID}]
    [layer] = read(trivy_report([], Layers=layers)).source.layers
    assert (layer.digest, layer.diff_id, layer.size) == (DIGEST, DIFF_ID, 7)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (None, ["it lists no packages, which may be because nobody asked for them; trivy --list-all-pkgs lists all"]),
        (
            [{"Target": "x", "Class": "secret"}],
            ["it lists no packages, which may be because nobody asked for them; trivy --list-all-pkgs lists all"],
        ),
        (
            [{"Target": "x (debian 12)", "Class": "os-pkgs", "Type": "debian"}],
            ["of x (debian 12) it lists no packages; trivy --list-all-pkgs lists all"],
        ),
        ([{"Target": "x", "Class": "os-pkgs", "Type": "debian", "Packages": []}], []),
    ],
    ids=["nothing", "secrets", "without-list", "empty-list"],
)
def test_a_report_of_trivy_without_packages_is_not_an_image_without_packages(results: object, said: list[str]) -> None:
    found = read(trivy_report(results))
    assert reasons(found) == said
    assert found.is_whole == (not said)


def test_packages_that_have_only_a_name_get_the_namespace_in_it() -> None:
    listed = {
        "jar": ["org.apache:core", "core"], "node-pkg": ["@babel/core"], "gobinary": ["golang.org/x/net"], "composer": ["v/p"],
        "python-pkg": ["Foo_Bar"], "gemspec": ["a-b"],
    }  # fmt: skip
    results = [
        {
            "Target": "Some",
            "Class": "lang-pkgs",
            "Type": kind,
            "Packages": [{"Name": name, "Version": "1"} for name in names],
        }
        for kind, names in listed.items()
    ]
    found = read(trivy_report(results))
    assert {(package.name, package.purl) for package in found.packages} == {
        ("core", "pkg:maven/org.apache/core@1"), ("core", "pkg:maven/core@1"), ("@babel/core", "pkg:npm/%40babel/core@1"),
        ("golang.org/x/net", "pkg:golang/golang.org/x/net@1"), ("v/p", "pkg:composer/v/p@1"), ("foo-bar", "pkg:pypi/foo-bar@1"),
        ("a-b", "pkg:gem/a-b@1"),
    }  # fmt: skip
    # `Node.js` is a title, the target of a compiled program its path.
    assert {package.type for package in found.packages if package.locations} == {"golang", "composer"}
