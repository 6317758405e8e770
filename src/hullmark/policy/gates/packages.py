"""Gate `packages`: what must be installed, and what must not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.package import Package
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Params, Trigger, Violation
from hullmark.policy.values import NameGlob, Versions
from hullmark.versions import InvalidVersion

_SHOWN = 3

Types = Annotated[
    tuple[str, ...], Meta(description="Only packages of these purl types (deb, pypi …); none: all types.")
]


class Required(Params, frozen=True, kw_only=True):
    """Fires for each name that no installed package fits, or none in a version that meets the condition."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Packages that must be installed.")]
    types: Types = ()
    version: Annotated[Versions | None, Meta(description="A version condition that one of them must meet.")] = None

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("expected at least one name")


class Forbidden(Params, frozen=True, kw_only=True):
    """Fires for each installed package that one of the names fits and whose version meets the condition."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Packages that must not be installed.")]
    allow: Annotated[tuple[NameGlob, ...], Meta(description="Packages that may, though a name fits them.")] = ()
    types: Types = ()
    version: Annotated[Versions | None, Meta(description="Only these versions are forbidden; none: all versions.")] = (
        None
    )

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("expected at least one name")


def required(params: Required, facts: Facts) -> Iterator[Answer]:
    """Look for each name."""
    packages = [package for package in facts.inventory.packages if not params.types or package.type in params.types]
    for glob in params.names:
        present = [package for package in packages if _fits((glob,), package)]
        answers = [_meets(package, params.version) for package in present]
        if True in answers:
            continue
        if None in answers:
            yield CannotTell(f"the version of package {glob} cannot be compared with {params.version}")
        elif present:
            found = _listed(f"{package.version} ({package.type})" for package in present)
            message = f"Package {glob} is installed as {found}, and must be {params.version}."
            yield Violation(
                glob.text, message, tuple(place for package in present for place in facts.at_package(package))
            )
        else:
            wanted = f"{glob} {params.version}" if params.version else glob.text
            yield Violation(glob.text, f"Package {wanted} must be installed, and is not.")


def forbidden(params: Forbidden, facts: Facts) -> Iterator[Answer]:
    """Look at each package."""
    for package in facts.inventory.packages:
        if params.types and package.type not in params.types:
            continue
        if not _fits(params.names, package) or _fits(params.allow, package):
            continue
        is_met = _meets(package, params.version)
        if is_met is None:
            reason = f"the version {package.version} of package {package.name} cannot be compared with {params.version}"
            yield CannotTell(reason, facts.at_package(package))
        elif is_met:
            condition = f" in versions {params.version}" if params.version else ""
            message = (
                f"Package {package.name} {package.version} ({package.type}) is installed, and is forbidden{condition}."
            )
            yield Violation(package.purl, message, facts.at_package(package))


def _fits(globs: tuple[NameGlob, ...], package: Package) -> bool:
    names = [package.name]
    if package.type == "pypi":  # names that differ in case, `_` and `.` only are the same there (packaging.python.org)
        names.append(package.name.lower().replace("_", "-").replace(".", "-"))
    return any(glob.matches(name) for glob in globs for name in names)


def _meets(package: Package, versions: Versions | None) -> bool | None:
    """Whether the version meets the condition; None if that cannot be told."""
    if versions is None:
        return True
    try:
        return versions.hold(package.version, package.type)
    except InvalidVersion:
        return None


def _listed(texts: Iterable[str]) -> str:
    shown = sorted(texts)
    rest = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + rest


TRIGGERS = (
    Trigger(gate="packages", name="required", params=Required, check=required),
    Trigger(gate="packages", name="forbidden", params=Forbidden, check=forbidden),
)
