"""Versions of Go programs: the main module's, also where the linker did not know it, and the toolchain's.

Pseudo-versions are those of the Go modules reference (https://go.dev/ref/mod#pseudo-versions).
"""

from __future__ import annotations

from hullmark.model.late import late

DEVEL = ("", "(devel)")
"""What the linker writes where it knows no version."""

_UNTAGGED = late(r"v\d+\.0\.0-\d{14}-")
_SEMVER = late(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+~-]{1,128})?)")
_COMMIT_TIME = late(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z")
_MAJOR = late(r"[/.]v([1-9]\d{0,5})\Z")
_WORD = late(r"[^\s'\"]+")
_VARIABLES = ("version", "appversion", "buildversion", "gitversion", "releaseversion", "semver", "tag", "gittag")
_PACKAGES = frozenset(
    ("app", "build", "buildinfo", "cli", "cmd", "config", "info", "main", "meta", "release", "version")
)
_SHARED_PACKAGES = frozenset(("github.com/prometheus/common/version", "sigs.k8s.io/release-utils/version"))
_KUBERNETES = frozenset(("k8s.io/client-go/pkg/version", "k8s.io/component-base/version"))


def main_version(stamped: str, settings: dict[str, str], module: str) -> str:
    """The version of the main module, or "". `stamped` is the one that the linker wrote.

    A version that was linked in by name (-X) is a release's; without it, the commit gives a pseudo-version.
    """
    if stamped not in DEVEL and not _UNTAGGED.match(stamped):
        return stamped
    linked = _linked_version(settings.get("-ldflags", ""), module)
    if linked:
        return linked
    return stamped if stamped not in DEVEL else _pseudo_version(settings, module)


def version_flags(flags: str) -> str:
    """The flags among a linker's that set a version variable to a version."""
    words = (_WORD.search(piece.lstrip(" =\t")) for piece in flags.split("-X")[1:])
    settings = (word[0].partition("=") for word in words if word is not None)
    return " ".join(
        f"-X {variable}={value}"
        for variable, _, value in settings
        if variable.rpartition(".")[2].lower() in _VARIABLES and _SEMVER.fullmatch(value)
    )


def _linked_version(flags: str, module: str) -> str:
    """The value of the best known version variable, if it is one only: `-X main.version=1.2.3` gives v1.2.3."""
    found: dict[tuple[int, int], set[str]] = {}
    for piece in flags.split("-X")[1:]:
        word = _WORD.search(piece.lstrip(" =\t"))
        variable, _, value = word[0].partition("=") if word is not None else ("", "", "")
        package, _, name = variable.rpartition(".")
        version = _SEMVER.fullmatch(value)
        rank = _rank(package, module)
        if version is not None and rank is not None and name.lower() in _VARIABLES:
            found.setdefault((rank, _VARIABLES.index(name.lower())), set()).add("v" + version[1])
    best = found[min(found)] if found else set()
    return best.pop() if len(best) == 1 else ""


def _rank(package: str, module: str) -> int | None:
    """How reliably a package's version variable gives the module's version; None: it may be the version of anything."""
    if package == "main":
        return 0
    if package in _SHARED_PACKAGES or (package in _KUBERNETES and module.startswith("k8s.io/")):
        return 2
    inside = package == module or package.startswith(module + "/")
    last = package.rpartition("/")[2]
    return 1 if inside and "/vendor/" not in package and (package == module or last in _PACKAGES) else None


def _pseudo_version(settings: dict[str, str], module: str) -> str:
    """As Go writes the version of an untagged commit: v0.0.0-20241213183011-5e16e5031a13."""
    time = _COMMIT_TIME.fullmatch(settings.get("vcs.time", ""))
    revision = settings.get("vcs.revision", "")
    if time is None or len(revision) < 12:
        return ""
    major = _MAJOR.search(module)
    dirty = "+dirty" if settings.get("vcs.modified") == "true" else ""
    return f"v{major[1] if major is not None else 0}.0.0-{''.join(time.groups())}-{revision[:12]}{dirty}"


_RELEASE = late(r"(?:devel )?go(\d\S{0,127})")
_EXPERIMENT = late(r"[ -]X:")


def release_of(version: str) -> str:
    """The number in a toolchain's version: `go1.22.1 X:boringcrypto` is 1.22.1; "" if there is none."""
    found = _RELEASE.match(_EXPERIMENT.split(version, maxsplit=1)[0])
    return found[1] if found is not None else ""
