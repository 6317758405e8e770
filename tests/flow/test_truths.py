"""What is known of old packages is found in real images, with real advisories; and nothing is claimed for versions that are fixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.find import find
from hullmark.model.match import Match
from hullmark.model.purl import unquote
from tests.support.matching import TODAY, inventory, package
from tests.support.places import corpus, image_cases
from tests.support.program import Program
from tests.support.updated import updated_program

KNOWN = {
    "pypi/django 2.2": ("CVE-2019-12308", "CVE-2019-14234", "CVE-2019-19844", "CVE-2020-7471", "CVE-2021-28658"),
    "pypi/pillow 6.2.2": ("CVE-2020-10177", "CVE-2020-11538", "CVE-2021-25287", "CVE-2022-22817", "CVE-2023-44271"),
    "pypi/pyyaml 5.1": ("CVE-2019-20477", "CVE-2020-1747", "CVE-2020-14343"),
    "pypi/jinja2 2.10": ("CVE-2019-10906", "CVE-2020-28493"),
    "pypi/urllib3 1.24": ("CVE-2019-11236", "CVE-2019-11324", "CVE-2021-33503", "CVE-2023-43804"),
    "npm/lodash 4.17.4": ("CVE-2018-3721", "CVE-2018-16487", "CVE-2019-10744", "CVE-2020-8203", "CVE-2021-23337"),
    "npm/minimist 0.0.8": ("CVE-2020-7598", "CVE-2021-44906"),
    "npm/handlebars 4.7.8": ("CVE-2026-33916", "CVE-2026-33937"),
    "maven/org.apache.logging.log4j:log4j-core 2.14.1": (
        *("CVE-2021-44228", "CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"),
    ),
    "maven/log4j:log4j 1.2.17": ("CVE-2019-17571", "CVE-2021-4104", "CVE-2022-23305"),
    "gem/rack 2.0.5": ("CVE-2018-16470", "CVE-2018-16471", "CVE-2019-16782", "CVE-2020-8184", "CVE-2022-30122"),
    "gem/sprockets 3.7.1": ("CVE-2018-3760",),
}
"""Read in the upstreams' advisories by people: NAME and version, and some vulnerabilities that it has."""

FIXED = {
    "pypi/django 2.2.28": KNOWN["pypi/django 2.2"],
    "pypi/pillow 6.2.2": ("CVE-2019-16865", "CVE-2019-19911", "CVE-2020-5310", "CVE-2020-5312", "CVE-2020-5313"),
    "pypi/pillow 10.3.0": KNOWN["pypi/pillow 6.2.2"],
    "pypi/pyyaml 5.1": ("CVE-2017-18342",),
    "pypi/pyyaml 5.4": KNOWN["pypi/pyyaml 5.1"],
    "pypi/jinja2 2.10": ("CVE-2014-0012", "CVE-2014-1402", "CVE-2016-10745"),
    "npm/lodash 4.17.21": ("CVE-2018-3721", "CVE-2018-16487", "CVE-2019-10744", "CVE-2020-8203"),
    "npm/minimist 1.2.6": KNOWN["npm/minimist 0.0.8"],
    "npm/handlebars 4.7.8": ("CVE-2019-19919", "CVE-2019-20920", "CVE-2021-23369", "CVE-2021-23383"),
    "maven/org.apache.logging.log4j:log4j-core 2.17.1": KNOWN["maven/org.apache.logging.log4j:log4j-core 2.14.1"],
    "gem/rack 2.2.3": ("CVE-2018-16470", "CVE-2018-16471", "CVE-2019-16782"),
    "gem/sprockets 3.7.2": KNOWN["gem/sprockets 3.7.1"],
}
"""Versions in which vulnerabilities are gone."""

IMAGES = {
    "python-app": ("pypi/django 2.2", "pypi/pillow 6.2.2", "pypi/pyyaml 5.1", "pypi/jinja2 2.10", "pypi/urllib3 1.24"),
    "node-app": ("npm/lodash 4.17.4", "npm/minimist 0.0.8", "npm/handlebars 4.7.8"),
    "java-app": ("maven/org.apache.logging.log4j:log4j-core 2.14.1", "maven/log4j:log4j 1.2.17"),
    "ruby-app": ("gem/rack 2.0.5", "gem/sprockets 3.7.1"),
}


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Program:
    return updated_program(tmp_path_factory, request.config).program


@pytest.fixture(scope="module")
def snapshot(updated: Program) -> Snapshot:
    status = updated("db", "status", "-o", "json").document
    return Snapshot(Path(status["path"]), status["digest"])


def names(match: Match) -> set[str]:
    return {match.advisory.id, match.advisory.cve, *match.advisory.aliases}


def named_by(snapshot: Snapshot, text: str) -> set[str]:
    kind, _, rest = text.partition("/")
    name, _, version = rest.partition(" ")
    space, _, last = name.rpartition(":")
    found = find(inventory([package(kind, last, version, space=space)]), snapshot, at=TODAY)
    return {name for match in found.matches if match.suppressed is None for name in names(match)}


@pytest.mark.parametrize("text", KNOWN)
def test_what_a_version_has_is_found(snapshot: Snapshot, text: str) -> None:
    assert not {*KNOWN[text]} - named_by(snapshot, text)


@pytest.mark.parametrize("text", FIXED)
def test_what_a_version_no_longer_has_is_not_claimed(snapshot: Snapshot, text: str) -> None:
    assert not {*FIXED[text]} & named_by(snapshot, text)


@pytest.mark.parametrize("image", image_cases(*IMAGES))
def test_in_an_image_what_is_known_is_found_and_nothing_else_is_claimed(updated: Program, image: str) -> None:
    document = updated("vulns", f"oci-dir:{corpus('oci', image)}", "-o", "json", seconds=120).document
    found: dict[str, set[str]] = {}
    for match in document["matches"]:
        kind, _, rest = match["package"].removeprefix("pkg:").partition("?")[0].partition("/")
        name, _, version = unquote(rest.replace("/", ":") if kind == "maven" else rest).rpartition("@")
        advisory = match["advisory"]
        found.setdefault(f"{kind}/{name} {version}", set()).update((advisory["cve"], *advisory["aliases"]))
    for text in IMAGES[image]:
        assert not {*KNOWN[text]} - found[text]
        assert not {*FIXED.get(text, ())} & found[text]
