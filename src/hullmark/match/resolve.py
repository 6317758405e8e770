"""The hits for one package → the advisories that affect it: qualifiers, vetoes, tiers, fixes of rebuilds and channels, duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from hullmark.match import rebuilders, symbols
from hullmark.match.book import Hit
from hullmark.match.lookups import Lookup, is_system
from hullmark.model.advisory import Advisory, Affected, Range
from hullmark.model.match import Fix
from hullmark.model.package import Package
from hullmark.versions.ranges import contains

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64v8": "arm64", "i686": "386", "i586": "386", "i386": "386",
                  "armv7hl": "armhf", "armv7": "armhf", "ppc64el": "ppc64le"}  # fmt: skip
_NEUTRAL = ("noarch", "all", "any")
_FLAVOURS = re.compile(r"\.ksplice\d*|_fips\b|\bfips\d*\b")
_MINOR = re.compile(r"\.el(\d+)_(\d+)")
_COMMIT = re.compile(r"v?0\.0\.0-\d{14}-[0-9a-f]{12}").match
_HEADERS = (
    (re.compile(r"kernel-headers").fullmatch, re.compile(r"kernel").fullmatch),
    (re.compile(r"linux(-.*)?-headers-.*").fullmatch, re.compile(r"linux.*").fullmatch),
    (re.compile(r"linux-libc-dev(-.*)?").fullmatch, re.compile(r"linux").fullmatch),
    (re.compile(r"linux-kbuild-.*").fullmatch, re.compile(r"linux.*").fullmatch),
)

# Of several sources for one vulnerability in a language's package, the first speaks for all. Others come after, by name.
_SPEAKERS = ("ghsa", "github-api", "github", "govulndb", "pypa", "rustsec", "rubysec", "osv")


class Affecting(msgspec.Struct, kw_only=True):
    """An advisory that affects a package: by which look-up, which part and range. `others` say the same elsewhere."""

    lookup: Lookup
    advisory: Advisory
    affected: Affected
    range: Range
    fix: Fix
    vetoed: str = ""
    others: list[Advisory] = []
    vendor_ids: tuple[str, ...] = ()


def resolve(package: Package, lookups: Sequence[Lookup], hits: Sequence[Hit], release: str) -> list[Affecting]:
    """What affects the package, of all that was answered to its look-ups. `release` is the distribution's, as `9.4`.

    What another record of the same namespace clears is kept with the reason in `vetoed`.
    """
    usable = [(lookups[hit.ask], hit) for hit in hits if _applies(package, lookups[hit.ask], hit)]
    vetoes = _vetoes(package, usable)
    told = [pair for pair in usable if pair[1].affected.kind == "affected" and pair[0].kind != "cpe"]
    disclosed = _ended(_governing([pair for pair in told if not pair[0].is_resolution]))
    resolutions = [pair for pair in told if pair[0].is_resolution]
    found = [_affecting(lookup, hit) for lookup, hit in disclosed if hit.covers]
    found = _resolved(found, [pair for pair in usable if pair[0].is_resolution], release)
    known = _names_of(hit for _, hit in disclosed)
    found += [_affecting(lookup, hit) for lookup, hit in resolutions if hit.covers and not _cves(hit.advisory) & known]
    found = _merged(found)
    unused = _unused(package, disclosed)
    for each in found:
        each.vetoed = next((reason for name, reason in vetoes.items() if _is_vetoed(each.advisory, name)), "")
        each.vetoed = each.vetoed or next(
            (reason for name, reason in unused.items() if name in _ids(each.advisory)), ""
        )
    settled = known | _names_of(hit for _, hit in usable if hit.affected.kind == "unaffected" and hit.covers)
    settled |= {name for each in found for name in (each.advisory.id, *each.advisory.aliases)}
    guessed = [pair for pair in usable if pair[0].kind == "cpe" and pair[1].affected.kind == "affected"]
    new = [_guess(package, *pair) for pair in guessed if pair[1].covers and not _ids(pair[1].advisory) & settled]
    return found + _merged(new)


def _ids(advisory: Advisory) -> set[str]:
    return {advisory.id, *advisory.aliases}


def _cves(advisory: Advisory) -> set[str]:
    """The CVEs that it is about; its own id if there is none."""
    return {name for name in _ids(advisory) if name.startswith("CVE-")} or {advisory.id}


def _names_of(hits: Iterable[Hit]) -> set[str]:
    return {name for hit in hits for name in _ids(hit.advisory)}


def _applies(package: Package, lookup: Lookup, hit: Hit) -> bool:
    """Whether the part speaks of this package: architecture, module, flavour, platform, and headers that only share a source."""
    affected = hit.affected
    is_source = lookup.kind == "source"
    if affected.platforms or (lookup.kind == "source" and _is_headers(package.name, lookup.ask.name)):
        return False
    if affected.kind == "unaffected" and not rebuilders.speaks_of(hit.advisory, package, lookup.ask.name):
        return False
    return (
        _arch_fits(package.arch, affected, is_source=is_source)
        and _module_fits(package, affected.module)
        and _flavour_fits(lookup.ask.version, hit.range)
    )


def _is_headers(name: str, source: str) -> bool:
    return any(is_binary(name) and is_kernel(source) for is_binary, is_kernel in _HEADERS)


def _arch_fits(arch: str, affected: Affected, *, is_source: bool) -> bool:
    wanted = affected.arch
    if not wanted:
        return True
    if wanted == "src":
        return is_source or affected.kind == "affected"
    if wanted == "binary":
        return not is_source
    # Never clear a package because of an architecture that is not known to be its own.
    if affected.kind == "unaffected":
        return _canonical(arch) == _canonical(wanted)
    return not arch or arch in _NEUTRAL or wanted in _NEUTRAL or _canonical(arch) == _canonical(wanted)


def _canonical(arch: str) -> str:
    return _ARCHITECTURES.get(arch, arch)


def _module_fits(package: Package, module: str | None) -> bool:
    if module is None or package.type != "rpm":
        return True
    label = package.notes.get("modularity", "")
    # Default streams of some rebuilders set no label; only the release then shows that a package is of a module.
    is_modular = bool(label) or ".module" in package.version
    if not module:
        return not is_modular
    return label == module or label.startswith(f"{module}:") if label else is_modular


def _flavour_fits(version: str, span: Range) -> bool:
    """Special builds (ksplice, FIPS) are numbered apart from the usual ones: their fixes say nothing about each other."""
    fixed = span.fixed or span.high
    return not fixed or _FLAVOURS.findall(version) == _FLAVOURS.findall(fixed)


def _vetoes(package: Package, usable: Sequence[tuple[Lookup, Hit]]) -> dict[str, str]:
    """Ids that a record of what is not affected clears, with the reason."""
    reasons: dict[str, str] = {}
    for lookup, hit in usable:
        if hit.affected.kind == "unaffected" and hit.covers:
            reason = f"{hit.advisory.source} records that {lookup.ask.name} {lookup.ask.version} is not affected"
            for name in sorted(_ids(hit.advisory)):
                reasons.setdefault(name, reason + (f": {hit.affected.note}" if hit.affected.note else ""))
    return reasons


def _unused(package: Package, disclosed: Sequence[tuple[Lookup, Hit]]) -> dict[str, str]:
    """Ids of what only functions have that the program was linked without, with the reason. Whoever names functions speaks for all."""
    there = symbols.symbols_of(package)
    if not there:
        return {}
    whole = {(hit.advisory.source, hit.advisory.id) for _, hit in disclosed if not hit.affected.symbols}
    named: dict[str, list[Hit]] = {}
    for _, hit in disclosed:
        for name in _ids(hit.advisory) if (hit.advisory.source, hit.advisory.id) not in whole else ():
            named.setdefault(name, []).append(hit)
    return {
        name: f"the program has none of the functions that {hits[0].advisory.id} names"
        for name, hits in named.items()
        if not any(symbols.has_one_of(there, hit.affected.symbols) for hit in hits)
    }


def _is_vetoed(advisory: Advisory, name: str) -> bool:
    """A bundle of several CVEs is not cleared by a word about one of them."""
    return name == advisory.id or (name in advisory.aliases and len(_cves(advisory)) == 1)


def _governing(hits: Sequence[tuple[Lookup, Hit]]) -> list[tuple[Lookup, Hit]]:
    """Of what several namespaces say of one name in one advisory, the most specific one's."""
    best: dict[tuple[str, str], int] = {}
    for lookup, hit in hits:
        key = (hit.advisory.id, lookup.ask.name)
        best[key] = min(lookup.tier, best.get(key, lookup.tier))
    return [(lookup, hit) for lookup, hit in hits if lookup.tier == best[hit.advisory.id, lookup.ask.name]]


def _ended(hits: list[tuple[Lookup, Hit]]) -> list[tuple[Lookup, Hit]]:
    """Without a language's ranges that have no end where another record of the vulnerability knows it, and the version is past it.

    An end that is a commit (`0.0.0-DATE-HASH`) says nothing of tagged versions.
    """
    if all(hit.range.high or ":" in hit.affected.namespace for _, hit in hits):
        return hits
    records: dict[tuple[str, str, str], list[Hit]] = {}
    for lookup, hit in hits:
        records.setdefault((hit.advisory.source, hit.advisory.id, lookup.ask.name), []).append(hit)
    past = [
        (name, _ids(found[0].advisory))
        for (_, _, name), found in records.items()
        if all(hit.range.high and not _COMMIT(hit.range.high) and not hit.covers for hit in found)
    ]

    def is_outdated(lookup: Lookup, hit: Hit) -> bool:
        return not hit.range.high and any(name == lookup.ask.name and ids & _ids(hit.advisory) for name, ids in past)

    return [(lookup, hit) for lookup, hit in hits if not is_outdated(lookup, hit)]


def _guess(package: Package, lookup: Lookup, hit: Hit) -> Affecting:
    """What is affected by CPE. NVD knows the upstream's fixes, not those of a distribution's packages."""
    found = _affecting(lookup, hit)
    if is_system(package):
        found.fix = Fix(state="unknown")
    return found


def _affecting(lookup: Lookup, hit: Hit) -> Affecting:
    span, affected = hit.range, hit.affected
    fix = (
        Fix(state="fixed", version=span.fixed, date=affected.fix_date) if span.fixed else Fix(state=affected.fix_state)
    )
    return Affecting(
        lookup=lookup,
        advisory=hit.advisory,
        affected=affected,
        range=span,
        fix=fix,
        others=[],
        vendor_ids=affected.vendor_ids,
    )


def _resolved(found: list[Affecting], resolutions: Sequence[tuple[Lookup, Hit]], release: str) -> list[Affecting]:
    """Drop what a rebuild or channel has fixed in the installed version; give the others its fix."""
    if not resolutions:
        return found
    kept = []
    for each in found:
        about = [(lookup, hit) for lookup, hit in resolutions if _is_about(each, lookup, hit)]
        reachable = [(lookup, hit) for lookup, hit in about if _is_reachable(_fixed_by(hit), release)]
        if any(_is_at_least(lookup, _fixed_by(hit)) for lookup, hit in reachable):
            continue
        for _, hit in reachable[:1]:
            _give_fix(each, hit)
        kept.append(each)
    return kept


def _is_about(each: Affecting, lookup: Lookup, hit: Hit) -> bool:
    """Whether a resolution names a fix of this vulnerability under the same name."""
    same_name = lookup.ask.name == each.lookup.ask.name and lookup.kind == each.lookup.kind
    return same_name and bool(_cves(each.advisory) & _ids(hit.advisory)) and bool(_fixed_by(hit))


def _give_fix(each: Affecting, hit: Hit) -> None:
    fixed = _fixed_by(hit)
    each.fix = Fix(state="fixed", version=fixed, date=hit.affected.fix_date)
    each.range = Range(high=fixed, fixed=fixed)
    ids = () if hit.advisory.id in _ids(each.advisory) else (hit.advisory.id,)
    each.vendor_ids = tuple(dict.fromkeys((*ids, *hit.affected.vendor_ids)))


def _fixed_by(hit: Hit) -> str:
    if hit.affected.kind == "unaffected":
        return hit.range.fixed or hit.range.low
    return hit.range.fixed or (hit.range.high if hit.range.high_open else "")


def _is_at_least(lookup: Lookup, version: str) -> bool:
    ask = lookup.ask
    return contains(Range(low=version), ask.version, ask.scheme, is_bare=ask.is_bare)


def _is_reachable(fixed: str, release: str) -> bool:
    """Whether a host of this release can install the fix: `.el9_6` is beyond a host that stays at 9.4."""
    built = _MINOR.search(fixed)
    major, _, minor = release.partition(".")
    if built is None or not minor.isdecimal() or built[1] != major:
        return True
    return int(built[2]) <= int(minor)


def _merged(found: list[Affecting]) -> list[Affecting]:
    """One for each vulnerability: the same one is told by several sources, under several names, by several look-ups."""
    out = [_spoken_for(group) for group in _grouped(each for each in found if len(_cves(each.advisory)) == 1)]
    told = {cve for each in out for cve in _cves(each.advisory)}
    by_id: dict[str, list[Affecting]] = {}
    for bundle in found:
        if len(_cves(bundle.advisory)) == 1:
            continue
        same = next((each for each in out if _is_same(each, bundle)), None)
        if _cves(bundle.advisory) <= told:
            _announce(out, bundle)
        elif same is not None:
            same.others.append(bundle.advisory)
        else:
            by_id.setdefault(bundle.advisory.id, []).append(bundle)
    return out + [_spoken_for(group) for group in by_id.values()]


def _announce(out: Iterable[Affecting], bundle: Affecting) -> None:
    """Name the bundle as an announcement of all that it is about."""
    for each in out:
        if _cves(each.advisory) & _cves(bundle.advisory):
            each.vendor_ids = tuple(dict.fromkeys((*each.vendor_ids, bundle.advisory.id)))


def _grouped(single: Iterable[Affecting]) -> list[list[Affecting]]:
    """Those that share an id, directly or through others, together."""
    groups: list[list[Affecting]] = []
    where: dict[str, list[Affecting]] = {}
    for each in single:
        names = sorted(_ids(each.advisory))
        joined = [where[name] for name in names if name in where]
        group = joined[0] if joined else []
        if not joined:
            groups.append(group)
        for other in joined[1:]:
            if other is not group and other:
                group.extend(other)
                for member in other:
                    where.update(dict.fromkeys(_ids(member.advisory), group))
                other.clear()
        group.append(each)
        where.update(dict.fromkeys(names, group))
    return [group for group in groups if group]


def _is_same(each: Affecting, bundle: Affecting) -> bool:
    """Whether a bundle says itself that it is the same as this record. Announcements of distributions bundle what is not."""
    return ":" not in bundle.affected.namespace and each.advisory.id in bundle.advisory.aliases


def _spoken_for(group: list[Affecting]) -> Affecting:
    """The one that speaks for a group, with what the others know."""
    first, *others = sorted(group, key=_precedence)
    for other in others:
        if other.advisory is not first.advisory and other.advisory not in first.others:
            first.others.append(other.advisory)
        if first.fix.state != "fixed" and other.fix.state == "fixed":
            first.fix, first.range = other.fix, other.range
    return first


def _precedence(each: Affecting) -> tuple[int, int, int, str, str]:
    source = each.advisory.source
    speaker = _SPEAKERS.index(source) if source in _SPEAKERS else len(_SPEAKERS)
    kinds = ("direct", "source", "cpe")
    return (kinds.index(each.lookup.kind), speaker, each.fix.state != "fixed", source, each.advisory.id)
