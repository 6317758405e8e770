"""Gate `packages`: which packages must be installed, and which must not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.package import Package
from hullmark.model.problem import Fact
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob, Versions
from hullmark.versions import InvalidVersion

_SHOWN = 3

Types = Annotated[
    tuple[str, ...], Meta(description="Only packages of these purl types (deb, pypi …); none: all types.")
]
Locations = Annotated[
    tuple[PathGlob, ...], Meta(description="Only packages whose record is at one of these paths; none: anywhere.")
]
Sources = Annotated[
    tuple[NameGlob, ...], Meta(description="Only packages that were built from these source packages; none: from any.")
]
ExactVersions = Annotated[
    tuple[NameGlob, ...], Meta(description="Versions as they are written, compared as text; none: any.")
]
Owned = Annotated[
    bool | None, Meta(description="Only packages that came with a system package (true), or without one (false).")
]


class _About(Params, frozen=True, kw_only=True):
    """Selects some of the packages."""

    types: Types = ()
    locations: Locations = ()
    sources: Sources = ()
    owned: Owned = None

    @property
    def is_narrowed(self) -> bool:
        """Whether the selection leaves any package out."""
        return bool(self.types or self.locations or self.sources or self.owned is not None)


class RequiredPackages(_About, frozen=True, kw_only=True):
    """Fires for each name that no installed package matches, or that is installed only in versions that do not meet the condition."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Packages that must be installed.")]
    version: Annotated[Versions | None, Meta(description="A version condition that one of them must meet.")] = None
    exact_versions: ExactVersions = ()

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("expected at least one name")


class ForbiddenPackages(_About, frozen=True, kw_only=True):
    """Fires for each installed package that matches one of the names and whose version meets the condition."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Packages that must not be installed; none: all.")] = ()
    allow: Annotated[
        tuple[NameGlob, ...], Meta(description="Packages that are allowed even if a name matches them.")
    ] = ()
    version: Annotated[Versions | None, Meta(description="Only these versions are forbidden; none: all versions.")] = (
        None
    )
    exact_versions: ExactVersions = ()
    ignore_release: Annotated[
        bool,
        Meta(description="Whether exact_versions may leave out the release (1.2 for 1.2-3) of rpm and apk packages."),
    ] = False

    def __post_init__(self) -> None:
        if not (self.names or self.version or self.exact_versions or self.is_narrowed):
            raise ValueError("expected names, or which packages it is about: without that all packages are forbidden")


def check_required_packages(params: RequiredPackages, facts: Facts) -> Iterator[Answer]:
    """Look for each name."""
    packages = list(_about(params, facts))
    for glob in params.names:
        present = [package for package in packages if _fits((glob,), package)]
        answers = [_is_wanted(package, params) for package in present]
        if True in answers:
            continue
        if None in answers:
            yield CannotTell(f"the version of package {glob} cannot be compared with {params.version}")
        elif present:
            found = _format_list(f"{package.version} ({package.type})" for package in present)
            message = f"Package {glob} is installed as {found}, and must be {_versions(params)}."
            yield Violation(
                glob.text, message, tuple(place for package in present for place in facts.at_package(package))
            )
        else:
            wanted = f"{glob} {_versions(params)}".rstrip()
            yield Violation(glob.text, f"Package {wanted} must be installed{_place(params)}, and is not.")


def forbidden(params: ForbiddenPackages, facts: Facts) -> Iterator[Answer]:
    """Check each package."""
    for package in _about(params, facts):
        if (params.names and not _fits(params.names, package)) or _fits(params.allow, package):
            continue
        is_met = _is_wanted(package, params)
        if is_met is None:
            reason = f"the version {package.version} of package {package.name} cannot be compared with {params.version}"
            yield CannotTell(reason, facts.at_package(package))
        elif is_met:
            condition = f" in versions {versions}" if (versions := _versions(params)) else ""
            message = (
                f"Package {package.name} {package.version} ({package.type}) is installed, and is forbidden{condition}"
                f"{_place(params)}."
            )
            yield Violation(package.purl, message, facts.at_package(package))


def _about(params: _About, facts: Facts) -> Iterator[Package]:
    """The packages that a rule is about."""
    is_there = PathGlobs(params.locations).match
    for package in facts.inventory.packages:
        source = package.source.name if package.source else package.name
        is_of_type = not params.types or package.type in params.types
        is_of_source = not params.sources or any(glob.matches(source) for glob in params.sources)
        is_placed = not params.locations or any(is_there(place.path) for place in package.locations)
        if is_of_type and is_of_source and is_placed and params.owned in (None, package.owned_by is not None):
            yield package


def _place(params: _About) -> str:
    return f" at {', '.join(glob.text for glob in params.locations)}" if params.locations else ""


def _fits(globs: tuple[NameGlob, ...], package: Package) -> bool:
    names = [package.name]
    if (
        package.type == "pypi"
    ):  # in PyPI, names that differ only in case, `_` and `.` are the same (packaging.python.org)
        names.append(package.name.lower().replace("_", "-").replace(".", "-"))
    return any(glob.matches(name) for glob in globs for name in names)


def _is_wanted(package: Package, params: RequiredPackages | ForbiddenPackages) -> bool | None:
    """Whether the version is one of those that the rule names; None if the versions cannot be compared."""
    names = [package.version]
    if isinstance(params, ForbiddenPackages) and params.ignore_release:
        version, dash, release = package.version.rpartition("-")
        if dash and (package.type == "rpm" or (package.type == "apk" and release[:1] == "r")):
            names.append(version)
    if params.exact_versions and not any(glob.matches(name) for glob in params.exact_versions for name in names):
        return False
    return _meets(package, params.version)


def _versions(params: RequiredPackages | ForbiddenPackages) -> str:
    """The versions that the rule names, "" for all."""
    exact = " or ".join(glob.text for glob in params.exact_versions)
    return ", ".join(filter(None, (exact, str(params.version or ""))))


def _meets(package: Package, versions: Versions | None) -> bool | None:
    """Whether the version meets the condition; None if the versions cannot be compared."""
    if versions is None:
        return True
    try:
        return versions.hold(package.version, package.type)
    except InvalidVersion:
        return None


def _format_list(texts: Iterable[str]) -> str:
    shown = sorted(texts)
    rest = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + rest


def _install(params: RequiredPackages, subject: str) -> str:
    return f"install package {subject} {_versions(params)}".rstrip()


def _remove(params: ForbiddenPackages, subject: str) -> str:
    name, _, version = subject.rpartition("/")[2].partition("?")[0].partition("@")
    versions = _versions(params)
    condition = f" {version}, or change to a version that is not {versions}" if versions else ""
    return f"remove package {name}{condition}"


_LOOKS_AT: frozenset[Fact] = frozenset(("packages",))

TRIGGERS = (
    Trigger(
        gate="packages",
        name="required",
        params=RequiredPackages,
        check=check_required_packages,
        looks_at=_LOOKS_AT,
        advice=_install,
    ),
    Trigger(
        gate="packages", name="forbidden", params=ForbiddenPackages, check=forbidden, looks_at=_LOOKS_AT, advice=_remove
    ),
)
