"""Which files packages account for that no record lists one by one."""

from __future__ import annotations

import pytest

from hullmark.model.package import Location, Package
from hullmark.model.package_files import PackageFiles

_ROOT = "/usr/lib/ruby/gems/3.3.0"
_GEM = Package(
    type="gem",
    name="nokogiri",
    version="1.16.0",
    purl="pkg:gem/nokogiri@1.16.0",
    cataloger="gem",
    locations=(Location(f"{_ROOT}/specifications/nokogiri-1.16.0.gemspec", 1),),
)


@pytest.mark.parametrize(
    ("path", "is_accounted_for"),
    [
        (f"{_ROOT}/specifications/nokogiri-1.16.0.gemspec", True),
        (f"{_ROOT}/gems/nokogiri-1.16.0/lib/nokogiri.rb", True),
        (f"{_ROOT}/extensions/x86_64-linux/3.3.0/nokogiri-1.16.0/nokogiri/nokogiri.so", True),
        (f"{_ROOT}/extensions/x86_64-linux/3.3.0/other-1.0/other.so", False),
        (f"{_ROOT}/extensions/x86_64-linux/nokogiri-1.16.0/nokogiri.so", False),
        (f"{_ROOT}/gems/other-1.0/lib/other.rb", False),
    ],
)
def test_the_compiled_code_of_a_gem_is_accounted_for_as_the_gem_is(path: str, is_accounted_for: bool) -> None:
    files = PackageFiles([_GEM])
    assert files.of_package(path) is is_accounted_for
    assert files.holds(path) is is_accounted_for


def test_what_lies_in_a_package_database_is_accounted_for_by_no_package() -> None:
    files = PackageFiles([])
    assert files.holds("/var/lib/dpkg/info/libc6.list")
    assert not files.of_package("/var/lib/dpkg/info/libc6.list")
