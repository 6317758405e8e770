"""In which folders the licence files of a package are looked for, by its type."""

from __future__ import annotations

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.licence_files import LICENCE_FILES, LicenceFiles
from hullmark.model.package import Location, Package
from tests.support.views import FakeView
from tests.unit.catalog.licences.test_texts import MIT

READS = Cataloger(name="licences", types=(), reads=(LICENCE_FILES,), assemble=lambda view: iter(()))


@pytest.mark.parametrize(
    ("type", "name", "record", "licence"),
    [
        ("composer", "v/a", "vendor/composer/installed.json", "vendor/v/a/LICENSE"),
        ("hex", "a", "deps/a/ebin/a.app", "deps/a/LICENSE"),
        ("luarocks", "a", "usr/lib/rocks/a/1-1/a-1-1.rockspec", "usr/lib/rocks/a/1-1/doc/LICENSE"),
        ("luarocks", "a", "usr/lib/rocks/a/1-1/a-1-1.rockspec", "usr/lib/rocks/a/1-1/LICENSE"),
        ("gem", "a", "usr/lib/ruby/specifications/default/a-1.gemspec", "usr/lib/ruby/gems/a-1/LICENSE"),
        ("alpm", "a", "var/lib/pacman/local/a-1/desc", "usr/share/licenses/a/LICENSE"),
    ],
)
def test_a_package_has_its_licence_files_where_its_installer_puts_them(
    type: str, name: str, record: str, licence: str
) -> None:
    files = LicenceFiles(FakeView({licence: MIT.encode(), "srv/LICENSE": MIT.encode()}, READS))
    package = Package(
        type=type, name=name, version="1", purl="", cataloger="test", locations=(Location(f"/{record}", 0),)
    )
    assert [(each.license, each.path) for each in files.of(package)] == [("MIT", f"/{licence}")]


@pytest.mark.parametrize(("type", "record"), [("gem", "srv/a.gemspec"), ("generic", "srv/a"), ("cargo", "srv/a")])
def test_a_licence_file_beside_what_has_no_folder_of_its_own_is_nobodys(type: str, record: str) -> None:
    files = LicenceFiles(FakeView({"srv/LICENSE": MIT.encode()}, READS))
    package = Package(
        type=type, name="a", version="1", purl="", cataloger="test", locations=(Location(f"/{record}", 0),)
    )
    assert list(files.of(package)) == []
