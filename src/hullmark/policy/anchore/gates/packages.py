"""Gate `packages`: packages that are required, denied, or were changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.inventory import FileRecord
from hullmark.policy.anchore.apk_modes import apk_modes
from hullmark.policy.anchore.distros import flavor_of
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.original_versions import is_lower
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.rows import SYSTEM_TYPES, PackageRow
from hullmark.policy.anchore.trigger import PACKAGES, Answer, Scope, Trigger, TriggerMatch
from hullmark.policy.context import Context
from hullmark.policy.gate import Need
from hullmark.versions import InvalidVersion, scheme_for

_APK_DATABASE = "/lib/apk/db/installed"
_COMPARISONS = ("=", "!=", ">", "<", ">=", "<=")


def required_package(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Look for the package, and check its version."""
    name, version = values.text("name"), values.text("version")
    rows = [row for row in facts.packages if row.name == name]
    if not rows:
        shown = f"{name},{version}" if version else name
        yield TriggerMatch(message=f"Required input package ({shown}) is not present in container image", subject=name)
        return
    if not version and (not values.has("version") or not facts.keeps("QS3")):
        return
    is_minimum = values.text("version_match_type", "exact") == "minimum"
    wrong = [row for row in rows if not _satisfies(row, version, facts, is_minimum=is_minimum)]
    if facts.keeps("Q28"):
        wrong = [row for row in wrong if row is rows[0]]
    elif len(wrong) < len(rows):
        return
    for row in wrong[:1]:
        yield _wrong_version(row, version, facts, is_minimum=is_minimum)


def _wrong_version(row: PackageRow, version: str, facts: AnchoreFacts, *, is_minimum: bool) -> TriggerMatch:
    installed = f"({row.name}) is present ({row.full_version})"
    if is_minimum:
        message = (
            f"Required min-version input package {installed},"
            f" but is lower version than what is specified in policy ({version})"
        )
        return TriggerMatch(message=message, subject=row.name, evidence=facts.at_row(row))
    sentence = f"Required input package {installed}, but not at the version specified in policy "
    legacy = f"{sentence}({row.name})"  # the original repeats the package's name
    return TriggerMatch(
        message=legacy if facts.keeps("Q28") else f"{sentence}({version})",
        subject=row.name,
        legacy_message=legacy,
        evidence=facts.at_row(row),
    )


def _satisfies(row: PackageRow, version: str, facts: AnchoreFacts, *, is_minimum: bool) -> bool:
    if row.full_version == version or not is_minimum:
        return row.full_version == version
    if not facts.keeps("Q29"):
        return _compare(row, row.full_version, version) >= 0
    flavor = flavor_of(facts.distro[0], facts.likes) if row.is_system else ""
    if not flavor:
        raise RuleFailed(f"versions of {row.kind} packages, as of {row.name}, are not compared on {facts.distro[0]}")
    try:
        return not is_lower(flavor, row.name, row.version, version)
    except InvalidVersion as error:
        raise _incomparable(row, row.version, version) from error


def _compare(row: PackageRow, left: str, right: str) -> int:
    try:
        return scheme_for(row.package.type).compare(left, right)
    except InvalidVersion as error:
        raise _incomparable(row, left, right) from error


def _incomparable(row: PackageRow, left: str, right: str) -> RuleFailed:
    return RuleFailed(f"the versions {left[:60]!r} and {right[:60]!r} of {row.name} cannot be compared")


def denylist(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Look for the package."""
    name, version = values.text("name"), values.text("version")
    for row in facts.packages:
        if row.name != name:
            continue
        versions = {row.version} if facts.keeps("Q29") else {row.version, row.full_version}
        if version and version not in versions:
            continue
        shown = f"{name}-{version}" if version else name
        yield TriggerMatch(message=f"Package is blacklisted: {shown}", subject=row.subject, evidence=facts.at_row(row))


def verify(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare the records of system packages with the files."""
    packages, folders, check = values.texts("only_packages"), values.texts("only_directories"), values.text("check")
    modes = apk_modes(facts.facts.contents.get(_APK_DATABASE) or b"") if facts.keeps("QS1") else {}
    for file in facts.facts.inventory.files or ():
        package = facts.facts.packages_by_purl.get(file.owner or "")
        if package is None or package.type not in SYSTEM_TYPES or (packages and package.name not in packages):
            continue
        times = sum(_is_in(file.path, folder, facts) for folder in folders) if folders else 1
        status = _status(file, package.type, modes, facts) if times else ""
        # The original handles each folder separately.
        for _ in range(times if facts.keeps("Q30") else min(times, 1)) if status and check in ("", status) else ():
            message = (
                f"VERIFY check against package db for package '{package.name}' failed on entry '{file.path}'"
                f" with status: '{status}'"
            )
            evidence = facts.facts.at_file(file, package.purl)
            yield TriggerMatch(message=message, subject=f"{package.purl} {file.path}", evidence=evidence)


def _is_in(path: str, folder: str, facts: AnchoreFacts) -> bool:
    if facts.keeps("Q30"):
        return path.startswith(folder)
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _status(file: FileRecord, package_type: str, modes: dict[str, str], facts: AnchoreFacts) -> str:
    """`missing`, `changed`, or "" for neither."""
    if file.state == "missing":
        # apk lists every folder above a file, including those that it did not create.
        return "" if package_type == "apk" and file.type == "dir" else "missing"
    if facts.keeps("QS1") and package_type == "apk":
        # The original cannot read apk's checksums: it compares modes alone.
        mode, wanted = f"{file.mode:o}", modes.get(file.path, "")
        digits = min(len(mode), len(wanted))
        return "changed" if digits and file.type in ("file", "dir") and mode[-digits:] != wanted[-digits:] else ""
    if facts.keeps("QS1") and file.type == "symlink":
        return ""
    return "changed" if file.state == "changed" else ""


def metadata(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare name, type and version of each package; all conditions that are given must hold."""
    for row in facts.packages:
        if all(_holds(field, row, values) for field in ("name", "type", "version") if values.has(field)):
            message = f"Package metadata matched: name={row.name} type={row.kind} version={row.full_version}"
            yield TriggerMatch(message=message, subject=row.subject, evidence=facts.at_row(row))


def _holds(field: str, row: PackageRow, values: Values) -> bool:
    wanted, comparison = values.text(field), values.text(f"{field}_comparison", "=")
    if field == "version":
        order = 0 if wanted == row.full_version else _compare(row, row.full_version, wanted)
    else:
        actual = row.name if field == "name" else row.kind
        order = (actual > wanted) - (actual < wanted)
    return {"=": order == 0, "!=": order != 0, ">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[
        comparison
    ]


def _packages(values: Values) -> Scope:
    return Scope(PACKAGES)


def _records(values: Values) -> Scope:
    return Scope(frozenset(("files", "owners")), SYSTEM_TYPES)


def _apk_database(values: Values, context: Context) -> Iterable[str]:
    return (_APK_DATABASE,)


_NAME_VERSION = (Parameter(name="name", is_required=True), Parameter(name="version"))


def _comparison(field: str) -> Parameter:
    return Parameter(
        name=f"{field}_comparison", kind=Kind.CHOICE, choices=_COMPARISONS, aliases=(f"{field} comparison",)
    )


TRIGGERS = (
    Trigger(
        gate="packages",
        name="required_package",
        check=required_package,
        scope=_packages,
        about="Fires if a package is missing, or not there in a version.",
        parameters=(
            *_NAME_VERSION,
            Parameter(name="version_match_type", kind=Kind.CHOICE, choices=("exact", "minimum")),
        ),
    ),
    Trigger(
        gate="packages",
        name="blacklist",
        check=denylist,
        scope=_packages,
        about="Fires for a package of this name, and of this version if one is given.",
        parameters=_NAME_VERSION,
    ),
    Trigger(
        gate="packages",
        name="verify",
        check=verify,
        scope=_records,
        needs=frozenset((Need.FILES, Need.DIGESTS)),
        contents=_apk_database,
        about="Fires for each file that is not as its system package brought it.",
        parameters=(
            Parameter(name="only_packages", kind=Kind.TEXTS),
            Parameter(name="only_directories", kind=Kind.TEXTS),
            Parameter(name="check", kind=Kind.CHOICE, choices=("changed", "missing")),
        ),
    ),
    Trigger(
        gate="packages",
        name="metadata",
        check=metadata,
        scope=_packages,
        is_enterprise=True,
        about="Fires for each package whose name, type and version meet all conditions.",
        parameters=(
            Parameter(name="name"),
            _comparison("name"),
            Parameter(name="type"),
            _comparison("type"),
            Parameter(name="version"),
            _comparison("version"),
        ),
    ),
)
