"""Which package needs which: apt-cache, npm, rpm, and Python's own reading of requirements are the judges."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.unpack import unpacked
from hullmark.catalog.languages import npm, python
from hullmark.catalog.relations import dpkg as dpkg_relations
from hullmark.catalog.relations import npm as npm_relations
from hullmark.catalog.relations import python as python_relations
from hullmark.catalog.relations import rpm as rpm_relations
from hullmark.catalog.relations.resolver import Scene, Steps
from hullmark.catalog.systems import dpkg, rpm
from hullmark.model.package import Package
from tests.oracle.test_dpkg import files_of
from tests.oracle.test_language_packages import npm_files, python_files
from tests.support.places import corpus, image_cases
from tests.support.relations import named, related
from tests.support.views import FakeView
from tests.unit.catalog.systems.test_rpm_databases import make_bdb
from tests.unit.catalog.systems.test_rpm_header import FILES, INT32, Value, make_header

Edges = set[tuple[str, str]]
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
DEBIAN = ("debian-slim", "nginx", "ruby-app", "java-app")


@functools.cache
def debian_edges(image: str) -> tuple[Edges, frozenset[str]]:
    """The edges of an image's Debian packages, and the names of all of these."""
    files, links = files_of(image)
    packages, relations = related(files, dpkg.CATALOGER, dpkg_relations.RESOLVER, links)
    return named(packages, relations), frozenset(package.name for package in packages)


def apt_cache(*command: str, names: Iterable[str]) -> Edges:
    """What apt-cache says that packages depend on, of those that are named: they are the installed ones."""
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    done = subprocess.run(
        [*command, *(f"--no-{kind}" for kind in kinds), *sorted(names)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=ENVIRONMENT,
    )
    found: Edges = set()
    package = ""
    for line in done.stdout.splitlines():
        name = line.rpartition(": ")[2].strip().partition(":")[0]
        if not line.startswith((" ", "|")):
            package = name
        elif name in names:
            found.add((package, name))
    return found


def agree(ours: Edges, *apt: str, names: frozenset[str]) -> None:
    """`--installed` leaves virtual packages out; without it their providers are shown too."""
    assert ours == apt_cache(*apt, "depends", names=names)
    assert ours >= apt_cache(*apt, "depends", "--installed", names=names)
    assert len(ours) > 100


@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="apt-cache is not on this machine")
@pytest.mark.parametrize("image", image_cases(*DEBIAN))
def test_debian_packages_need_what_apt_cache_says(image: str, tmp_path: Path) -> None:
    files, _ = files_of(image)
    (tmp_path / "status").write_bytes(files["var/lib/dpkg/status"])
    (tmp_path / "lists").mkdir()
    settings = {
        "Dir::State::status": tmp_path / "status",
        "Dir::State::lists": tmp_path / "lists",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Architecture": "amd64",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    ours, names = debian_edges(image)
    agree(ours, "apt-cache", *options, names=names)


@pytest.mark.slow
@pytest.mark.parametrize("image", DEBIAN[:2])
def test_debian_packages_need_what_apt_cache_says_inside_the_image(image: str) -> None:
    if any(shutil.which(tool) is None for tool in ("umoci", "chroot")):
        pytest.skip("umoci or chroot is not on this machine")
    ours, names = debian_edges(image)
    with unpacked(corpus("oci", image)) as root:
        agree(ours, "chroot", str(root), "apt-cache", names=names)


@functools.cache
def app_files() -> dict[str, bytes]:
    return {path: body for path, body in npm_files().items() if path.startswith("srv/app/")}


def npm_edges(tree: dict[str, Any], own: str) -> Iterator[tuple[str, str]]:
    """The edges in what `npm ls --all --json` prints. Each package is whole where it comes first, and only named elsewhere."""
    for key, node in tree.get("dependencies", {}).items():
        if node.get("missing") or "version" not in node:
            continue
        name = f"{node.get('name', key)}@{node['version']}"
        if not node.get("extraneous"):
            yield own, name
        yield from npm_edges(node, name)


@pytest.mark.slow
def test_npm_packages_need_what_npm_says(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed here")
    for path, body in app_files().items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    command = ["npm", "ls", "--all", "--json", "--long", "--offline"]
    done = subprocess.run(command, cwd=tmp_path / "srv/app", capture_output=True, text=True, timeout=120, check=False)
    tree = json.loads(done.stdout)
    theirs = set(npm_edges(tree, f"{tree['name']}@{tree['version']}"))
    packages, relations = related(app_files(), npm.CATALOGER, npm_relations.RESOLVER)
    names = {package.purl: f"{package.name}@{package.version}" for package in packages}
    ours = {(names[relation.dependent], names[relation.dependency]) for relation in relations}
    assert len(theirs) > 4000
    assert ours >= theirs
    # npm does not look into a package's other folders; what those ship is there, and needs others all the same.
    inner = re.compile(r".*/node_modules/(@[^/]+/)?[^/]+/(?!node_modules/)[^/]+/.*node_modules/.*").fullmatch
    shipped = {names[package.purl] for package in packages if any(inner(place.path) for place in package.locations)}
    assert {dependent for dependent, _ in ours - theirs} <= shipped


def wanted_by_extra(
    requires: Iterable[str], environment: Mapping[str, str], extras: Iterable[str]
) -> Iterator[Requirement]:
    """The requirements that hold here with one of the extras, or without any."""
    for text in requires:
        # Old metadata have versions that are none (`pytz (>dev)`): whom they mean is plain all the same.
        requirement = Requirement(re.sub(r"\(>dev\)", "", text))
        if any(
            requirement.marker is None or requirement.marker.evaluate({**environment, "extra": x})
            for x in ("", *extras)
        ):
            yield requirement


def python_edges(requires: Mapping[str, Iterable[str]], environment: Mapping[str, str]) -> Edges:
    """The edges among distributions by their requirements, each with the extras that others need it with."""
    asked: dict[str, set[str]] = {name: set() for name in requires}
    found: Edges = set()
    while True:
        before = sum(map(len, asked.values()))
        for name, texts in requires.items():
            for requirement in wanted_by_extra(texts, environment, asked[name]):
                other = canonicalize_name(requirement.name)
                if other in requires:
                    found.add((name, other))
                    asked[other] |= requirement.extras
        if sum(map(len, asked.values())) == before:
            return found - {(name, name) for name in requires}


def environment_of(version: str) -> dict[str, str]:
    short = version.rpartition(".")[0]
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "python_version": short,
        "python_full_version": version,
        "implementation_version": version,
        "platform_machine": "x86_64",
    }


def our_python_edges(site: str, version: str) -> Edges:
    files = {path: body for path, body in python_files().items() if path.startswith(f"{site}/")}
    view = FakeView(files, python.CATALOGER)
    found = list(python.CATALOGER.assemble(view))
    interpreter = Package(
        type="generic", name="python", version=version, purl="pkg:generic/python", cataloger="binaries"
    )
    system = Package(type="deb", name="libc6", version="1", purl="pkg:deb/x/libc6", cataloger="dpkg", arch="amd64")
    relations = python_relations.RESOLVER.relate(Scene(view, (*found, interpreter, system), Steps()))
    return named(found, (relation for relation in relations if relation.kind == "depends-on"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("site", "version"),
    [("opt/venv/lib/python3.13/site-packages", "3.13.5"), ("usr/local/lib/python3.8/site-packages", "3.8.2")],
)
def test_python_packages_need_what_their_requirements_say(site: str, version: str, tmp_path: Path) -> None:
    for path, body in python_files().items():
        if path.startswith(f"{site}/"):
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
    found = importlib.metadata.distributions(path=[str(tmp_path / site)])
    requires: dict[str, list[str]] = {canonicalize_name(each.metadata["Name"]): each.requires or [] for each in found}
    ours = our_python_edges(site, version)
    assert ours == python_edges(requires, environment_of(version))
    assert len(ours) > 60


@pytest.mark.slow
def test_python_packages_need_what_pip_inspects_inside_the_image() -> None:
    if any(shutil.which(tool) is None for tool in ("umoci", "chroot")):
        pytest.skip("umoci or chroot is not on this machine")
    with unpacked(corpus("oci", "python-app")) as root:
        command = ["chroot", str(root), "/opt/venv/bin/python", "-m", "pip", "inspect", "--local"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=ENVIRONMENT)
    told = json.loads(done.stdout)
    named = (each["metadata"] for each in told["installed"])
    requires: dict[str, list[str]] = {canonicalize_name(each["name"]): each.get("requires_dist", []) for each in named}
    environment = told["environment"]
    ours = our_python_edges("opt/venv/lib/python3.13/site-packages", environment["python_full_version"])
    assert ours == python_edges(requires, environment)


RPM_NEEDS = (
    *(
        "bash",
        "bash >= 5",
        "bash < 5",
        "bash = 5.1",
        "bash = 5.1-1",
        "bash = 5.1-2",
        "sh",
        "sh > 9",
        "/usr/bin/bash",
        "/usr/bin/zsh",
    ),
    *(
        "libz.so.1()(64bit)",
        "virtual",
        "virtual = 2",
        "virtual > 1",
        "virtual > 2",
        "virtual >= 3",
        "c = 3",
        "c = 1:3",
        "c >= 0:9",
        "gone",
    ),
)
"""One package needs each of them, and nothing else."""
RPM_OFFERS = {
    "bash": ["bash = 5.1-1", "sh"],
    "zlib": ["zlib = 1.3-1", "libz.so.1()(64bit)", "virtual = 2-1"],
    "c": ["c = 1:3-1", "virtual = 1"],
}
RPM_SIGNS = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}


def rpm_names(texts: Iterable[str], tags: tuple[int, int, int]) -> dict[int, Value]:
    words = [[*text.split(), "", ""][:3] for text in texts]
    names, flags, versions = tags
    return {
        names: [name for name, _, _ in words],
        flags: (INT32, [RPM_SIGNS.get(sign, 0) for _, sign, _ in words]),
        versions: [version for _, _, version in words],
    }


def rpm_headers() -> Iterator[bytes]:
    for name, offers in RPM_OFFERS.items():
        version = offers[0].partition(" = ")[2].removeprefix("1:").partition("-")[0]
        tags: dict[int, Value] = {
            1000: name,
            1001: version,
            1002: "1",
            1022: "x86_64",
            **(FILES if name == "bash" else {}),
        }
        yield make_header(tags | ({1003: (INT32, [1])} if name == "c" else {}) | rpm_names(offers, (1047, 1112, 1113)))
    for number, need in enumerate(RPM_NEEDS):
        tags = {1000: f"n{number}", 1001: "1", 1002: "1", 1022: "x86_64", 1044: "x.src.rpm"}
        yield make_header(
            tags | rpm_names([f"n{number} = 1-1"], (1047, 1112, 1113)) | rpm_names([need], (1049, 1048, 1050))
        )


def test_rpm_packages_need_those_that_rpm_says_provide_it(tmp_path: Path) -> None:
    if shutil.which("rpm") is None:
        pytest.skip("rpm is not installed")
    body = make_bdb(list(rpm_headers()))
    (tmp_path / "Packages").write_bytes(body)
    ours = named(*related({"var/lib/rpm/Packages": body}, rpm.CATALOGER, rpm_relations.RESOLVER))

    def asked(*words: str) -> str:
        command = ["rpm", "--dbpath", str(tmp_path), "--define", "_db_backend sqlite", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT).stdout

    asked("--rebuilddb")
    for number, need in enumerate(RPM_NEEDS):
        found = {other for one, other in ours if one == f"n{number}"}
        provided = set(asked("-q", "--qf", "%{NAME}\n", "--whatprovides", need.split()[0]).split()) & RPM_OFFERS.keys()
        # rpm's query goes by names alone: what has a version may be met by fewer.
        assert found <= provided if " " in need else found == provided, need
    unmet = {need for number, need in enumerate(RPM_NEEDS) if not any(one == f"n{number}" for one, _ in ours)}
    assert unmet == {"bash < 5", "bash = 5.1-2", "/usr/bin/zsh", "virtual > 2", "virtual >= 3", "c = 3", "gone"}
