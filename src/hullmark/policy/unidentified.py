"""What was seen in an image but could not be identified: no data is missing, but nobody can say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.package import UNKNOWN_VERSION
from hullmark.model.package_files import PackageFiles
from hullmark.policy.facts import Facts
from hullmark.policy.files import EXECUTABLE
from hullmark.policy.gate import Violation
from hullmark.policy.package_files import IS_MAINTAINER_SCRIPT


def find_unidentified_things(facts: Facts) -> Iterator[Violation]:
    """Each thing that could not be identified: what catalogers could not name, packages without a version or coordinates, and, if files
    were listed, executables that no package accounts for.
    """
    for problem in facts.inventory.problems:
        if problem.kind == "unidentified":
            place = problem.path or "the image"
            evidence = (facts.at(problem.path, problem.layer, problem.reason),)
            yield Violation(
                problem.path or problem.room, f"What {place} is could not be told: {problem.reason}.", evidence
            )
    yield from _packages(facts)
    if facts.inventory.files is not None:
        yield from _executables(facts)


def _packages(facts: Facts) -> Iterator[Violation]:
    """Packages whose version is not known, and those that cannot be matched with advisories because they could not be identified."""
    reasons = {
        package.purl: "its version is not known"
        for package in facts.inventory.packages
        if package.version == UNKNOWN_VERSION
    }
    for untold in facts.matches.unknown if facts.matches is not None else ():
        if untold.kind == "unidentified":
            reasons.setdefault(untold.package.purl, untold.reason)
    for package in facts.inventory.packages:
        if package.purl in reasons:
            message = (
                f"Which {package.name} ({package.type}) is installed could not be told: {reasons[package.purl]}. "
                "Nothing can be said of it."
            )
            yield Violation(package.purl, message, facts.at_package(package))


def _executables(facts: Facts) -> Iterator[Violation]:
    accounted = PackageFiles(facts.inventory.packages)
    for file in facts.files.in_state("unowned"):
        is_program = file.type == "file" and file.mode & EXECUTABLE and file.size
        if is_program and not IS_MAINTAINER_SCRIPT(file.path) and not accounted.holds(file.path):
            message = (
                f"The executable {file.path} ({file.size} bytes) came with no package, and nothing says what it is."
            )
            yield Violation(file.path, message, facts.at_file(file, file.sha256))
