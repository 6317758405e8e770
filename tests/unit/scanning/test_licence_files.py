"""Licence files in images: read where an output shows licences, recognised where a package leaves its licence open."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from hullmark.catalog.sbom import read_sbom
from hullmark.model.licences.conclusions import conclusion
from hullmark.model.licences.expressions import in_spdx_terms
from hullmark.model.package import Package
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from tests.support.images import layout_of
from tests.unit.catalog.licences.test_texts import BSD_2, BSD_3, GPL_NOTICE, MIT

PYTHON = "usr/lib/python3/dist-packages/a-1.dist-info"
GEM = "usr/lib/ruby/gems/3.1.0"


def _jar() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr(
            "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nBundle-SymbolicName: org.x\nBundle-Version: 1.0\n\n"
        )
        jar.writestr("META-INF/LICENSE.txt", MIT)
    return out.getvalue()


def _copyright(*texts: tuple[str, str]) -> str:
    """A machine-readable copyright file with these names and their texts, beside one that tells itself."""
    paragraphs = [
        f"License: {name}\n" + "".join(f" {line or '.'}\n" for line in text.splitlines()) for name, text in texts
    ]
    return "\n".join(("Format: 1.0\n\nFiles: *\nLicense: ISC\n", *paragraphs))


FILES = {
    "etc/os-release": b"ID=debian\n",
    "app/node_modules/open/package.json": json.dumps({"name": "open", "version": "1", "license": "BSD"}).encode(),
    "app/node_modules/open/LICENSE": BSD_2.encode(),
    "app/node_modules/told/package.json": json.dumps({"name": "told", "version": "1", "license": "ISC"}).encode(),
    "app/node_modules/told/LICENSE.md": MIT.encode(),
    "app/node_modules/bare/package.json": json.dumps({"name": "bare", "version": "1"}).encode(),
    "app/node_modules/bare/COPYING": b"x" * 300_000,
    f"{PYTHON}/METADATA": b"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: BSD\n\n",
    f"{PYTHON}/licenses/LICENSE.txt": BSD_3.encode(),
    f"{GEM}/specifications/g-2.gemspec": b'Gem::Specification.new do |s|\n s.name = "g"\n s.version = "2"\nend\n',
    f"{GEM}/gems/g-2/MIT-LICENSE": MIT.encode(),
    "var/lib/dpkg/status": b"Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
    "usr/share/doc/hello/copyright": f"This is hello.\n\n{GPL_NOTICE}\n\nSee /usr/share/common-licenses/GPL.\n".encode(),
    "var/lib/dpkg/status.d/named": b"Package: named\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
    "usr/share/doc/named/copyright": _copyright(("BSD-like", BSD_3), ("Odd-1", MIT), ("Odd-1", BSD_2)).encode(),
    "var/lib/dpkg/status.d/half": b"Package: half\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
    "usr/share/doc/half/copyright": _copyright(("BSD-like", BSD_3), ("Odd-1", "Do as you like.\n")).encode(),
    "app/x.jar": _jar(),
}  # fmt: skip


def _packages(tmp_path: Path, *, licences: bool = True) -> dict[str, Package]:
    layout = layout_of(tmp_path / "image", FILES)
    found = take(f"oci-dir:{layout}", ScanRequest(licences=licences), ScanResources(), SourceOptions())
    assert not [problem for problem in found.inventory.problems if problem.kind == "unseen"]
    return {package.name: package for package in found.inventory.packages}


def test_texts_tell_what_packages_leave_open(tmp_path: Path) -> None:
    found = _packages(tmp_path)
    concluded = {name: expression for name, package in found.items() if (expression := conclusion(package))}
    assert concluded == {
        "open": "BSD-2-Clause",
        "a": "BSD-3-Clause",
        "g": "MIT",
        "hello": "GPL-2.0-or-later",
        "named": "ISC AND BSD-3-Clause AND MIT AND BSD-2-Clause",
        found["org.x"].name if "org.x" in found else "x": "MIT",
    }
    # What is certain needs no text.
    assert [each.kind for each in found["told"].license_evidence] == ["declared"]
    assert found["told"].licenses == ("ISC",)


def test_it_is_said_where_a_licence_was_told(tmp_path: Path) -> None:
    declared, text = _packages(tmp_path)["open"].license_evidence
    assert (declared.license, declared.kind, declared.field) == ("BSD", "declared", "license")
    assert declared.path == "/app/node_modules/open/package.json"
    assert (text.license, text.kind, text.path, text.layer) == (
        "BSD-2-Clause",
        "found",
        "/app/node_modules/open/LICENSE",
        0,
    )
    assert (text.first_line, text.last_line) == (2, 12)
    assert text.share > 90


def test_a_short_name_is_what_its_own_text_says_unless_one_of_its_texts_is_not_known(tmp_path: Path) -> None:
    found = _packages(tmp_path)
    told = {
        name: [
            (each.field, each.license, each.first_line) for each in found[name].license_evidence if each.kind == "found"
        ]
        for name in ("named", "half")
    }
    assert told == {
        "named": [("BSD-like", "BSD-3-Clause", 7), ("Odd-1", "MIT", 23), ("Odd-1", "BSD-2-Clause", 40)],
        "half": [],
    }
    assert conclusion(found["half"]) == ""


def test_where_none_asks_no_licence_file_is_read(tmp_path: Path) -> None:
    found = _packages(tmp_path, licences=False)
    assert not any(each.kind == "found" for package in found.values() for each in package.license_evidence)
    with_texts = _packages(tmp_path / "again")
    assert {name: package.licenses for name, package in found.items()} == {
        name: package.licenses for name, package in with_texts.items()
    }


@pytest.mark.parametrize(
    "format", ["json", "cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value", "spdx3-json"]
)
def test_bills_keep_where_licences_were_told(tmp_path: Path, format: str) -> None:
    layout = layout_of(tmp_path / "image", FILES)
    inventory = take(f"oci-dir:{layout}", ScanRequest(licences=True), ScanResources(), SourceOptions()).inventory
    body = load("inventory", format).render(inventory, RenderContext(tool_version="1"))
    told = {package.purl: (package.licenses, set(package.license_evidence)) for package in inventory.packages}
    read = {package.purl: (package.licenses, set(package.license_evidence)) for package in read_sbom(body).packages}
    assert {purl: places for purl, (_, places) in read.items()} == {purl: places for purl, (_, places) in told.items()}
    # A document has them in SPDX's words.
    terms = [{purl: in_spdx_terms(licences) for purl, (licences, _) in side.items()} for side in (read, told)]
    assert terms[0] == terms[1]


def test_cyclonedx_says_what_is_declared_and_what_is_concluded(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "image", FILES)
    inventory = take(f"oci-dir:{layout}", ScanRequest(licences=True), ScanResources(), SourceOptions()).inventory
    render = load("inventory", "cyclonedx-json").render
    body = json.loads(render(inventory, RenderContext(tool_version="1")))
    (component,) = (each for each in body["components"] if each["name"] == "open")
    assert component["licenses"] == [
        {"license": {"name": "BSD", "acknowledgement": "declared"}},
        {"license": {"id": "BSD-2-Clause", "acknowledgement": "concluded"}},
    ]
    assert component["evidence"]["licenses"] == [{"license": {"id": "BSD-2-Clause"}}]
    older = json.loads(render(inventory, RenderContext(tool_version="1", spec_version="1.4")))
    (component,) = (each for each in older["components"] if each["name"] == "open")
    assert component["evidence"] == {"licenses": [{"license": {"id": "BSD-2-Clause"}}]}
