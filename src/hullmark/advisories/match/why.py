"""Why a package matches, as a sentence with both versions: `glibc 2.36-9 < 2.36-9+deb12u6 (source of libc6), Debian 12`."""

from __future__ import annotations

from hullmark.advisories.match import epel, image_names
from hullmark.advisories.match.distros import Plan
from hullmark.advisories.match.merge import AffectingAdvisory
from hullmark.model.advisory import Range
from hullmark.model.package import Package

_PLACES = {
    "cargo": "crates.io", "composer": "Packagist", "gem": "RubyGems", "golang": "Go", "hex": "Hex", "maven": "Maven", "npm": "npm",
    "nuget": "NuGet", "pub": "Pub", "pypi": "PyPI", "swift": "Swift", "cran": "CRAN", "hackage": "Hackage", "conan": "Conan",
    "bitnami": "Bitnami", "githubactions": "GitHub Actions", "oci:redhat": "Red Hat's container images",
}  # fmt: skip


def why(package: Package, candidate: AffectingAdvisory, plan: Plan) -> str:
    """The sentence for one match."""
    ask = candidate.lookup.ask
    source = f" (source of {package.name})" if candidate.lookup.kind == "source" and ask.name != package.name else ""
    if candidate.lookup.kind == "cpe":
        vendor, product = ask.name.split(":")[1:3]
        return f"{product} {ask.version} {condition(candidate.range)}, by the name {vendor} {product} in NVD alone"
    place = _PLACES.get(ask.namespace) or epel.label(ask.namespace) or (plan.label if ":" in ask.namespace else "")
    within = "product" if package.type == image_names.TYPE else "module"
    module = f", {within} {candidate.affected.module}" if candidate.affected.module else ""
    channel = f" {ask.namespace.rpartition('+')[2].upper()}" if "+" in ask.namespace else ""
    end = f", {place}{channel}" if place else ""
    if candidate.beyond:
        end += (
            f"; fixed only in {candidate.beyond}, which is beyond the release {plan.stays_at} that its stream stays at"
        )
    return f"{ask.name} {ask.version} {condition(candidate.range)}{source}{module}{end}{_by_whom(candidate)}"


def _by_whom(candidate: AffectingAdvisory) -> str:
    """Whose word it rests on, where nobody who maintains the package's ecosystem says it."""
    if not candidate.alone:
        return ""
    silent = (
        f", which {candidate.unlisted_by} {'do' if ' and ' in candidate.unlisted_by else 'does'} not list"
        if candidate.unlisted_by
        else ""
    )
    return f", by {candidate.alone} alone{silent}"


def condition(span: Range) -> str:
    """The range as a person writes it."""
    if span.low and span.low == span.high:
        return f"= {span.low}"
    low = f"{'>' if span.low_open else '>='} {span.low}" if span.low else ""
    high = f"{'<' if span.high_open else '<='} {span.high}" if span.high else ""
    if low and high:
        return f"is {low} and {high}"
    return low or high or "like every version"
