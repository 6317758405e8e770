"""Installed Ruby gems."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.languages.gem import CATALOGER, Gemspec, extract
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from tests.support.conformance import expected, files_of, package_cases
from tests.support.effort import ends
from tests.support.views import FakeView

CASES = package_cases("gem", "mixed")
SPECS = "usr/lib/ruby/gems/3.3.0/specifications"


def take(source: str | bytes) -> tuple[Gemspec | None, list[str]]:
    problems: list[str] = []
    body = source.encode() if isinstance(source, str) else source
    return extract("specifications/x.gemspec", memoryview(body), problems.append), problems


def spec(*lines: str, stub: str = "") -> str:
    return "\n".join([stub, "Gem::Specification.new do |s|", *(f"  {line}" for line in lines), "end", ""])


def read(*lines: str, stub: str = "") -> Gemspec:
    fact, problems = take(spec(*lines, stub=stub))
    assert fact is not None
    assert problems == []
    return fact


def packages(files: dict[str, str]) -> list[Package]:
    view = FakeView({path: source.encode() for path, source in files.items()}, CATALOGER)
    return list(CATALOGER.assemble(view))


def test_what_a_gem_needs_is_read_as_far_as_it_is_written_out() -> None:
    fact = read(
        's.name = "a"',
        "s.add_dependency(OTHER)",
        's.add_dependency "%s"',
        's.add_runtime_dependency "b", [">= 1", "< 2"]',
    )
    assert fact.requires == (("b", ">= 1", "< 2"),)


def test_a_gem_that_needs_more_than_is_read_is_a_problem() -> None:
    fact, problems = take(spec(*(f's.add_dependency "g{number}"' for number in range(201))))
    assert fact is not None
    assert len(fact.requires) == 200
    assert problems == ["the gem specification depends on more than 200 gems; the rest was not read"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_conformance_cases_are_met(case: dict[str, Any]) -> None:
    got = list(CATALOGER.assemble(FakeView(files_of(case), CATALOGER)))
    assert sorted((package.name, package.version) for package in got) == expected(case, "gem")
    for name, licenses in case.get("expected_licenses", {}).items():
        assert [list(package.licenses) for package in got if package.name == name] == [licenses]


def test_a_specification_as_rubygems_writes_it() -> None:
    [package] = packages({
        f"{SPECS}/rack-2.0.5.gemspec": spec(
            's.name = "rack".freeze',
            's.version = "2.0.5"',
            's.authors = ["Andr\\u00E9 Arko".freeze, "B".freeze]',
            's.executables = ["rackup".freeze]',
            's.homepage = "https://rack.example/".freeze',
            's.licenses = ["MIT".freeze]',
            stub="# stub: rack 2.0.5 ruby lib",
        )
    })  # fmt: skip
    assert package == Package(
        type="gem",
        name="rack",
        version="2.0.5",
        purl="pkg:gem/rack@2.0.5",
        cataloger="gem",
        licenses=("MIT",),
        locations=(Location(f"/{SPECS}/rack-2.0.5.gemspec", 0),),
        notes={"homepage": "https://rack.example/", "authors": "André Arko, B", "executables": "rackup"},
    )


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ('s.version = "1.2.3"', "1.2.3"),
        ("s.version = '1.2.3'.freeze", "1.2.3"),
        ("s.version = %q{1.2.3}", "1.2.3"),
        ("s.version = %q(1.2.3) if true", "1.2.3"),
        ('s.version = Gem::Version.new("1.2.3")', "1.2.3"),
        ('s.version = Gem::Version.new "1.2.3.pre1" # now', "1.2.3.pre1"),
        ('  s.version="1.2.3"', "1.2.3"),
        ("s.version = Rake::VERSION", ""),
        ('s.version = "#{major}.2"', ""),
        ('s.version = "1." + minor', ""),
        ('# s.version = "1.2.3"', ""),
        ('s.required_version = "1.2.3"', ""),
        ('s.version == "1.2.3"', ""),
        ('s.version = "no version"', ""),
    ],
)
def test_a_version_is_read_where_it_is_written_plainly(line: str, version: str) -> None:
    assert read('s.name = "x"', line).version == version


def test_a_name_given_before_is_put_in_its_place() -> None:
    fact = read("s.name = 'x'", "s.version = version", 's.homepage = "https://h/#{s.name}/#{version}"')
    assert (fact.version, fact.homepage) == ("", "")
    source = "version = '1.2'.freeze\n" + spec(
        "s.name = 'x'", "s.version = version", 's.homepage = "h/#{s.name}/#{version}"'
    )
    known, _ = take(source)
    assert known is not None
    assert (known.version, known.homepage) == ("1.2", "h/x/1.2")


@pytest.mark.parametrize(
    ("line", "licenses"),
    [
        ('s.license = "MIT"', ("MIT",)),
        ('s.licenses = ["MIT", \'Ruby\',\n "BSD-2-Clause".freeze]', ("MIT", "Ruby", "BSD-2-Clause")),
        ("s.licenses = %w[MIT Ruby]", ("MIT", "Ruby")),
        ("s.licenses = [MIT]", ()),
        ('s.licenses = ["MIT", OTHER, "Ruby"]', ("MIT",)),
        ("s.licenses = []", ()),
    ],
)
def test_licences_are_one_or_several(line: str, licenses: tuple[str, ...]) -> None:
    assert read('s.name = "x"', line).licenses == licenses


def test_the_stub_line_tells_what_the_body_leaves_to_ruby() -> None:
    fact = read("s.name = NAME", "s.version = VERSION", stub="# stub: nokogiri 1.16.0 x86_64-linux lib")
    assert (fact.name, fact.version, fact.platform) == ("nokogiri", "1.16.0", "x86_64-linux")


def test_the_body_wins_over_the_stub_line() -> None:
    assert read('s.name = "x"', 's.version = "3.1.4"', stub="# stub: x 2.1.4 ruby lib").version == "3.1.4"


@pytest.mark.parametrize(
    ("name", "purl"),
    [
        ("net-http-persistent-4.0.2", "pkg:gem/net-http-persistent@4.0.2"),
        ("nokogiri-1.16.0-x86_64-linux", "pkg:gem/nokogiri@1.16.0?platform=x86_64-linux"),
        ("x-1.0.0.pre1-java", "pkg:gem/x@1.0.0.pre1?platform=java"),
        ("plain", "pkg:gem/plain"),
    ],
)
def test_the_file_name_tells_what_nothing_else_does(name: str, purl: str) -> None:
    assert [package.purl for package in packages({f"{SPECS}/{name}.gemspec": spec("s.name = NAME")})] == [purl]


def test_a_name_with_a_number_is_not_taken_for_a_version() -> None:
    [package] = packages({f"{SPECS}/ruby-2-1.0.gemspec": spec('s.name = "ruby-2"', "s.version = V")})
    assert (package.name, package.version) == ("ruby-2", "1.0")


def test_a_version_that_nothing_tells_is_unknown() -> None:
    [package] = packages({f"{SPECS}/x.gemspec": spec('s.name = "x"')})
    assert (package.version, package.purl) == (UNKNOWN_VERSION, "pkg:gem/x")


def test_the_platform_is_a_qualifier_and_no_part_of_the_version() -> None:
    lines = ('s.name = "jruby-openssl"', 's.version = "0.14.5"', 's.platform = "java".freeze')
    [package] = packages({f"{SPECS}/jruby-openssl-0.14.5-java.gemspec": spec(*lines)})
    assert (package.version, package.purl) == ("0.14.5", "pkg:gem/jruby-openssl@0.14.5?platform=java")


def test_default_gems_are_marked() -> None:
    [package] = packages({f"{SPECS}/default/json-2.7.1.gemspec": spec('s.name = "json"', 's.version = "2.7.1"')})
    assert package.notes == {"default": "true"}


def test_a_gem_from_a_repository_counts_once_bundler_has_written_its_specification() -> None:
    folder = "usr/local/bundle/bundler/gems/demo-0a1b2c3d4e5f"
    lines = ('s.name = "demo"', 's.version = "0.1.0"')
    assert packages({f"{folder}/template.gemspec": spec(*lines)}) == []
    [package] = packages({f"{folder}/demo.gemspec": spec(*lines, stub="# stub: demo 0.1.0 ruby lib")})
    assert package.purl == "pkg:gem/demo@0.1.0"


def test_a_gemspec_outside_the_specifications_is_not_installed() -> None:
    assert packages({"srv/app/app.gemspec": spec('s.name = "app"', 's.version = "1"')}) == []


def test_what_is_no_specification_is_reported() -> None:
    assert take(b"\x00\xff junk") == (None, ["this is not a gem specification"])


def test_a_specification_without_any_name_is_reported() -> None:
    view = FakeView({f"{SPECS}/..gemspec": spec("s.name = N").encode()}, CATALOGER)
    assert list(CATALOGER.assemble(view)) == []
    assert view.problems == [(f"{SPECS}/..gemspec", "the gem specification has no name that can be read")]


@pytest.mark.parametrize(
    "unit", ["  s.name = 'x\\", 's.licenses = ["\\', "s.name" + " " * 50, "%(%q(", "version = version\n", "\\'", "-1.1"]
)
def test_hostile_specifications_take_little_time(unit: str) -> None:
    source = "Gem::Specification\n" + unit * (1_000_000 // len(unit))
    with ends():
        take(source)
        take(re.sub(r"(.{40})", r"\1\ns.licenses = [", source[:400_000]))


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).filter(lambda text: "#{" not in text)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("#", "\\#") + '".freeze'


@given(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}(\.[0-9a-z]{1,4}){0,4}", fullmatch=True),
    st.lists(PLAIN.filter(bool), max_size=4),
    PLAIN,
)
def test_what_is_written_is_read_back(name: str, version: str, licenses: list[str], homepage: str) -> None:
    lines = (
        f"s.name = {quoted(name)}",
        f"s.version = {quoted(version)}",
        f"s.licenses = [{', '.join(map(quoted, licenses))}]",
        f"s.homepage = {quoted(homepage)}",
    )
    fact = read(*lines)
    assert (fact.name, fact.version, list(fact.licenses), fact.homepage) == (name, version, licenses, homepage)


@given(st.binary() | st.text().map(lambda text: ("Gem::Specification s.name = " + text).encode("utf-8", "replace")))
def test_any_bytes_are_survived(body: bytes) -> None:
    fact, problems = take(body)
    assert (fact is None) == bool(problems)


@given(st.text(max_size=40))
def test_any_file_name_is_survived(name: str) -> None:
    path = f"{SPECS}/{name}.gemspec"
    for package in CATALOGER.assemble(FakeView({path: spec("s.name = N").encode()}, CATALOGER)):
        assert package.name
