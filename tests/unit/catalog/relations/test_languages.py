"""Which package of a language needs which: Python, npm, Ruby, Java, Go, Rust, and what bills of materials claim."""

from __future__ import annotations

import json

import pytest

from hullmark.catalog import claims
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages import gem, java, npm, python, python_eggs
from hullmark.catalog.programs import golang, rust
from hullmark.catalog.relations import claims as claims_relations
from hullmark.catalog.relations import gem as gem_relations
from hullmark.catalog.relations import golang as golang_relations
from hullmark.catalog.relations import java as java_relations
from hullmark.catalog.relations import npm as npm_relations
from hullmark.catalog.relations import python as python_relations
from hullmark.catalog.relations import rust as rust_relations
from hullmark.catalog.relations.resolver import Scene, Steps
from hullmark.model.package import Package
from tests.support.executables import elf
from tests.support.executables import rust as crates
from tests.support.relations import needs
from tests.support.views import FakeView
from tests.unit.catalog.languages.test_java import make_jar, properties

SITE = "usr/lib/python3.11/site-packages"


def distribution(name: str, *requires: str, site: str = SITE) -> dict[str, bytes]:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        "Version: 1.0",
        *(f"Requires-Dist: {require}" for require in requires),
    ]
    return {f"{site}/{name}-1.0.dist-info/METADATA": ("\n".join(lines) + "\n").encode()}


def pypi(*distributions: dict[str, bytes], more: tuple[Package, ...] = ()) -> list[str]:
    files = {path: body for each in distributions for path, body in each.items()}
    found = needs(files, python.CATALOGER, python_relations.RESOLVER, more=more)
    return [each.replace("@1.0", "") for each in found]


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("B_b", ["a -> b-b"]),
        ("b.b (>=9)", ["a -> b-b"]),
        ("b-b @ https://example.com/b.zip", ["a -> b-b"]),
        ("b-b>=1; python_version >= '3.8'", ["a -> b-b"]),
        ('b-b; python_version < "3.8" or sys_platform == "win32"', []),
        ("b-b; python_full_version >= '3.11.2'", ["a -> b-b"]),
        ("b-b; platform_machine == 'x86_64' and implementation_name == 'cpython'", ["a -> b-b"]),
        ("b-b; platform_release >= '6'", ["a -> b-b (optional)"]),
        ("gone", []),
        ("", []),
        ("!!", []),
    ],
)
def test_a_python_requirement_counts_where_its_marker_holds_for_the_interpreter(
    requirement: str, expected: list[str]
) -> None:
    system = Package(
        type="deb", name="python3.11", version="3.11.2-6", purl="pkg:deb/debian/p", cataloger="dpkg", arch="amd64"
    )
    assert pypi(distribution("a", requirement), distribution("b-b"), more=(system,)) == expected


def test_a_python_extra_counts_where_somebody_asks_for_it() -> None:
    http = distribution("http", "fast; extra == 'Speed_Up'", "slow; extra == 'other'")
    rest = (distribution("fast"), distribution("slow"))
    assert pypi(distribution("a", "http[speed-up]"), http, *rest) == [
        "a -> http",
        "http -> fast",
        "http -> slow (optional)",
    ]
    # What something else needs anyway is not explained by an extra that nobody asks for.
    assert pypi(distribution("a", "slow"), http, *rest) == ["a -> slow", "http -> fast (optional)"]


def test_a_python_distribution_is_looked_for_in_its_own_folder_and_then_in_the_systems() -> None:
    venv = distribution("a", "b", "c", site="opt/venv/lib/python3.11/site-packages")
    other = distribution("b", site="opt/other/lib/python3.11/site-packages")
    assert pypi(venv, other, distribution("c")) == ["a -> c"]
    assert pypi(venv, distribution("c", site="usr/lib/python3.9/site-packages")) == []


def module(name: str, **more: object) -> bytes:
    return json.dumps({"name": name, "version": "1.0.0", **more}).encode()


def modules(files: dict[str, bytes], links: dict[str, str] | None = None) -> list[str]:
    return [each.replace(".0.0", "") for each in needs(files, npm.CATALOGER, npm_relations.RESOLVER, links)]


def test_wheels_that_lie_side_by_side_need_each_other_and_nothing_installed_needs_them() -> None:
    def wheel(name: str, *requires: str) -> dict[str, bytes]:
        ((path, body),) = distribution(name, *requires, site="x").items()
        return {f"usr/share/wheels/{name}-1.0-py3-none-any.whl": make_jar({path.removeprefix("x/"): body})}

    files = {**wheel("a", "b", "c"), **wheel("b"), **distribution("c", "b")}
    assert needs(files, python_eggs.CATALOGER, python_relations.RESOLVER) == ["a@1.0 -> b@1.0"]
    reads = (*python.CATALOGER.reads, *python_eggs.CATALOGER.reads)
    view = FakeView(files, Cataloger(name="both", types=("pypi",), reads=reads, assemble=python.assemble))
    scene = Scene(view, (*python.assemble(view), *python_eggs.assemble(view)), Steps())
    assert [(each.dependent, each.dependency) for each in python_relations.relate(scene)] == [
        ("pkg:pypi/a@1.0", "pkg:pypi/b@1.0")
    ]


def test_an_npm_package_needs_what_lies_nearest() -> None:
    files = {
        "app/package.json": module("app", dependencies={"a": "1", "b": "9"}, devDependencies={"b": "1", "c": "1"}),
        "app/node_modules/a/package.json": module("a", dependencies={"b": "1"}, devDependencies={"c": "1"}),
        "app/node_modules/a/node_modules/b/package.json": module("b").replace(b'"1.0.0"', b'"2.0.0"'),
        "app/node_modules/b/package.json": module("b"),
        "app/node_modules/@s/c/package.json": module("@s/c", peerDependencies={"b": "*"}),
        "app/node_modules/c/package.json": module("c"),
    }
    assert modules(files) == [
        "@s/c@1 -> b@1",
        "a@1 -> b@2",
        "app@1 -> a@1",
        "app@1 -> b@1",
        "app@1 -> c@1 (development)",
    ]


def test_an_npm_package_says_what_it_can_do_without() -> None:
    files = {
        "app/package.json": module(
            "app",
            dependencies={"a": "1"},
            optionalDependencies={"a": "1"},
            peerDependencies={"b": "1", "c": "1"},
            peerDependenciesMeta={"b": {"optional": True}, "c": {"optional": "yes"}},
        ),
        **{f"app/node_modules/{name}/package.json": module(name) for name in "abc"},
    }
    assert modules(files) == ["app@1 -> a@1 (optional)", "app@1 -> b@1 (optional)", "app@1 -> c@1"]


def test_an_npm_package_is_found_through_the_links_of_pnpm() -> None:
    store = "app/node_modules/.pnpm"
    files = {
        f"{store}/a@1/node_modules/a/package.json": module("a", dependencies={"b": "1"}),
        f"{store}/b@1/node_modules/b/package.json": module("b"),
    }
    links = {
        f"{store}/a@1/node_modules/b": "../../b@1/node_modules/b",
        "app/node_modules/a": ".pnpm/a@1/node_modules/a",
    }
    assert modules(files, links) == ["a@1 -> b@1"]


@pytest.mark.parametrize("wrong", [[], "a", {"a": {}}, None, {"../../../etc": "1"}, {"": "1"}])
def test_npm_dependencies_that_are_none_are_passed_over(wrong: object) -> None:
    files = {"app/package.json": module("app", dependencies=wrong, peerDependenciesMeta=wrong, peerDependencies=wrong)}
    assert modules(files) == []


def gemspec(name: str, version: str, *lines: str) -> dict[str, bytes]:
    body = "\n".join(
        ["Gem::Specification.new do |s|", f'  s.name = "{name}"', f'  s.version = "{version}"', *lines, "end"]
    )
    return {f"usr/lib/ruby/specifications/{name}-{version}.gemspec": body.encode()}


def test_a_gem_needs_the_newest_version_that_meets_its_requirement() -> None:
    files = {
        **gemspec("rack", "2.2.9"),
        **gemspec("rack", "3.1.0"),
        **gemspec("rake", "13.0.0"),
        **gemspec(
            "old", "1.0", '  s.add_dependency(%q<rack>, [">= 2.0", "< 3"])', "  s.add_dependency 'rake', '~> 99'"
        ),
        **gemspec(
            "new",
            "1.0",
            '  s.add_runtime_dependency(%q<rack>.freeze, [">= 2.2".freeze])',
            '  s.add_development_dependency(%q<rake>.freeze, [">= 0".freeze])',
            '  s.add_dependency(%q<gone>.freeze, [">= 0".freeze])',
        ),
    }
    found = needs(files, gem.CATALOGER, gem_relations.RESOLVER)
    assert found == ["new@1.0 -> rack@3.1.0", "old@1.0 -> rack@2.2.9", "old@1.0 -> rake@13.0.0"]


def jar(name: str, dependencies: str = "", manifest: str = "") -> bytes:
    pom = (
        "<project xmlns='http://maven.apache.org/POM/4.0.0'><properties><kind>core</kind></properties>"
        "<dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>"
        f"</dependencies></dependencyManagement><!-- <dependencies> --><dependencies>{dependencies}</dependencies>"
        "<profiles><profile><dependencies><dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>"
        "</dependencies></profile></profiles></project>"
    )
    return make_jar(
        {
            "META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\n{manifest}\n".encode(),
            **properties("g", name, "1"),
            f"META-INF/maven/g/{name}/pom.xml": pom.encode(),
        }
    )


def need(artifact: str, more: str = "", group: str = "g") -> str:
    return f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>{more}</dependency>"


def archives(files: dict[str, bytes]) -> list[str]:
    return [each.replace("@1", "") for each in needs(files, java.CATALOGER, java_relations.RESOLVER)]


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        (need("b-core"), ["a -> b-core"]),
        (need("b-core", group="${project.groupId}"), ["a -> b-core"]),
        (need("b-${kind}"), ["a -> b-core"]),
        (need("b-${unknown.property}"), ["a -> b-core"]),
        (need("${unknown.property}"), []),
        (need("b-core", "<scope>runtime</scope>"), ["a -> b-core"]),
        (need("b-core", "<scope>provided</scope>"), ["a -> b-core (optional)"]),
        (need("b-core", "<optional>true</optional>"), ["a -> b-core (optional)"]),
        (need("b-core", "<scope>test</scope><optional>true</optional>"), []),
        (need("b-core", group="other"), []),
        ("<dependency>", []),
    ],
)
def test_a_java_archive_needs_the_dependencies_of_its_pom(dependency: str, expected: list[str]) -> None:
    files = {"app/a.jar": jar("a", dependency), "app/b.jar": jar("b-core"), "app/managed.jar": jar("managed")}
    assert archives(files) == expected


def test_a_java_archive_needs_what_is_packed_into_it_unless_a_pom_explains_that() -> None:
    inner = {"WEB-INF/lib/a.jar": jar("a", need("b")), "WEB-INF/lib/b.jar": jar("b"), "WEB-INF/lib/c.jar": jar("c")}
    shop = make_jar({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", **properties("g", "shop", "1"), **inner})
    assert archives({"app/shop.war": shop}) == ["a -> b", "shop -> a", "shop -> c"]


def test_a_java_archive_needs_what_its_pom_in_the_distributions_repository_says() -> None:
    place = "usr/share/maven-repo/org/x/a/1.0/a-1.0"
    plain = make_jar({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "a/A.class": b"x"})
    project = f"<project><dependencies>{need('b')}{need('c', '<scope>test</scope>')}</dependencies></project>"
    files = {
        "usr/share/java/a.jar": plain,
        "usr/share/java/b.jar": jar("b"),
        "usr/share/java/c.jar": jar("c"),
        f"{place}.pom": project.encode(),
        "usr/share/maven-repo/org/x/gone/1.0/gone-1.0.pom": project.encode(),
    }
    found = needs(files, java.CATALOGER, java_relations.RESOLVER, links={f"{place}.jar": "/usr/share/java/a.jar"})
    assert found == ["a@UNKNOWN -> b@1"]


def test_a_java_archive_without_a_pom_is_found_by_a_group_that_is_near() -> None:
    manifest = b"Manifest-Version: 1.0\nBundle-SymbolicName: org.x.servlet\nBundle-Version: 1\n"
    servlet = make_jar({"META-INF/MANIFEST.MF": manifest})
    files = {"app/a.jar": jar("a", need("servlet", group="org.x.extensions")), "app/servlet-1.jar": servlet}
    assert archives(files) == ["a -> servlet"]
    files["app/a.jar"] = jar("a", need("servlet", group="com.other"))
    assert archives(files) == []


def test_a_java_archive_needs_those_of_its_class_path() -> None:
    files = {
        "app/a.jar": jar("a", manifest="Class-Path: lib/b.jar gone.jar http://x/c.jar\n"),
        "app/lib/b.jar": jar("b"),
    }
    assert archives(files) == ["a -> b"]


def test_a_go_program_needs_the_modules_in_it() -> None:
    packages = (
        Package(type="golang", name="tool", version="1", purl="pkg:golang/tool@1", cataloger="golang"),
        Package(
            type="golang",
            name="m",
            version="1",
            purl="pkg:golang/m@1",
            cataloger="golang",
            mains=("pkg:golang/tool@1", ""),
        ),
    )
    found = list(golang_relations.RESOLVER.relate(Scene(FakeView({}, golang.CATALOGER), packages, Steps())))
    assert [(each.dependent, each.dependency) for each in found] == [("pkg:golang/tool@1", "pkg:golang/m@1")]


def test_a_rust_crate_needs_those_at_the_positions_that_its_list_says() -> None:
    listed = [
        {"name": "cc", "version": "1", "source": "crates.io", "kind": "build"},
        {"name": "a", "version": "1", "source": "crates.io", "dependencies": [0, 2, 99, -1]},
        {"name": "b", "version": "1", "source": "crates.io"},
    ]
    files = {"bin/tool": elf(crates(json.dumps({"packages": listed}, separators=(",", ":")).encode()))}
    assert needs(files, rust.CATALOGER, rust_relations.RESOLVER) == ["a@1 -> b@1"]


def test_a_claimed_package_needs_what_its_document_says() -> None:
    parts = [{"type": "library", "name": n, "version": "1", "purl": f"pkg:cargo/{n}@1", "bom-ref": n} for n in "abc"]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "components": parts,
        "dependencies": [{"ref": "a", "dependsOn": ["b", "nobody"]}, {"ref": "b", "dependsOn": ["b"]}],
    }
    files = {"x/y-1.0.dist-info/sboms/rust.cdx.json": json.dumps(document).encode()}
    owner = Package(type="cargo", name="y", version="1", purl="pkg:cargo/c@1", cataloger="none")
    assert needs(files, claims.CATALOGER, claims_relations.RESOLVERS[0], more=(owner,)) == ["a@1 -> b@1"]
