"""The hits for one package → the advisories that affect it: qualifiers, vetoes, tiers, fixes of rebuilds and channels, duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from hullmark.advisories.match import image_names, images, mistaken, platforms, rebuilders, symbols
from hullmark.advisories.match.advisory_source import Hit
from hullmark.advisories.match.answers import Answer, format_advisories
from hullmark.advisories.match.fixes import is_reachable, nearest
from hullmark.advisories.match.lookups import Lookup, is_system
from hullmark.advisories.match.merge import AffectingAdvisory, cves_of, ids_of, merge_advisories
from hullmark.model.advisory import AffectedPackage, Range
from hullmark.model.match import Fix
from hullmark.model.package import Package
from hullmark.versions.ranges import contains

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64v8": "arm64", "i686": "386", "i586": "386", "i386": "386",
                  "armv7hl": "armhf", "armv7": "armhf", "ppc64el": "ppc64le"}  # fmt: skip
_NEUTRAL = ("noarch", "all", "any")
_FLAVOURS = re.compile(r"\.ksplice\d*|_fips\b|\bfips\d*\b")
_COMMIT = re.compile(r"v?0\.0\.0-\d{14}-[0-9a-f]{12}").match
_HEADERS = (
    (re.compile(r"kernel-headers").fullmatch, re.compile(r"kernel").fullmatch),
    (re.compile(r"linux(-.*)?-headers-.*").fullmatch, re.compile(r"linux.*").fullmatch),
    (re.compile(r"linux-libc-dev(-.*)?").fullmatch, re.compile(r"linux").fullmatch),
    (re.compile(r"linux-kbuild-.*").fullmatch, re.compile(r"linux.*").fullmatch),
)


def resolve(package: Package, answers: Sequence[Answer], release: str, stays_at: str = "") -> list[AffectingAdvisory]:
    """What affects the package, of all that was answered to its look-ups. `release` is the distribution's, as `9.4`.

    `stays_at`: the release that the image cannot leave, "" if it can; a fix in a later one does not help it.
    What another record of the same namespace clears is kept with the reason in `vetoed`.
    """
    usable = _usable(package, answers)
    affecting = [answer for answer in usable if answer[1].affected.kind == "affected" and answer[0].kind != "cpe"]
    spoken = _governing([answer for answer in affecting if not answer[0].is_resolution])
    disclosed = _drop_outdated_ranges(images.governing(package, spoken) if package.type == image_names.TYPE else spoken)
    found = [_affecting(lookup, hit) for lookup, hit in disclosed if hit.covers]
    resolutions = [answer for answer in usable if answer[0].is_resolution]
    if resolutions:
        found = _apply_resolutions(package, found, resolutions, release)
        known = _names_of(disclosed)
        rest = [answer for answer in affecting if answer[0].is_resolution and answer[1].covers]
        found += [_affecting(lookup, hit) for lookup, hit in rest if not cves_of(hit.advisory) & known]
    if stays_at and is_system(package):
        for candidate in found:
            _reach(candidate, stays_at)
    found = merge_advisories(found)
    _veto(found, _vetoes(usable), _find_unused_functions(package, disclosed))
    guessed = [answer for answer in usable if answer[0].kind == "cpe" and answer[1].affected.kind == "affected"]
    if guessed:
        found += _guesses(package, guessed, _find_settled_ids(usable, disclosed, found))
    _exempt(package, found)
    return found


def elsewhere(package: Package, answers: Iterable[Answer]) -> list[tuple[str, str, str]]:
    """The platform, package and advisory of what would affect the package on another platform."""
    return [
        (platforms.title(hit.affected.platforms), package.purl or package.name, hit.advisory.id)
        for _, hit in answers
        if hit.affected.platforms and _is_elsewhere(hit)
    ]


def why_undecided(package: Package, answers: Iterable[Answer]) -> str:
    """Why nobody can tell whether some advisories affect the package, "" if that can be told of all."""
    open_ones = [hit for lookup, hit in answers if hit.affected.kind == "unknown" and _applies(package, lookup, hit)]
    if open_ones and package.type == image_names.TYPE:
        open_ones = images.filter_undecided(package, open_ones, answers)
    if not open_ones:
        return ""
    return f"nobody can tell whether {format_advisories(open_ones)} affects it: {open_ones[0].affected.note}"


def _is_elsewhere(hit: Hit) -> bool:
    return hit.covers and hit.affected.kind == "affected" and not platforms.hold(hit.affected.platforms)


def _usable(package: Package, answers: Iterable[Answer]) -> list[Answer]:
    """What speaks of the package, and of its stream where it clears."""
    usable = [answer for answer in answers if _applies(package, *answer)]
    if not _is_of_unknown_stream(package):
        return usable
    clearing = [answer for answer in usable if answer[0].is_resolution or answer[1].affected.kind == "unaffected"]
    may_clear = {id(hit) for _, hit in _of_the_only_stream(clearing, usable)}
    others = {id(hit) for _, hit in clearing} - may_clear
    return [answer for answer in usable if id(answer[1]) not in others]


def find_cleared_ids(package: Package, answers: Iterable[Answer]) -> set[str]:
    """The ids that a distribution says do not affect its package: mended in this version, or never affected.

    Where it says so beside another word that affects the package, what affects it is found too, and goes first.
    """
    usable = _usable(package, (answer for answer in answers if answer[0].kind != "cpe"))
    mended = [answer for answer in usable if answer[1].affected.kind == "affected" and not answer[1].covers]
    if _is_of_unknown_stream(package):
        mended = [answer for answer in mended if not answer[1].affected.module]
    return _names_of(mended).union(_vetoes(usable))


def _veto(found: Iterable[AffectingAdvisory], vetoes: Mapping[str, str], unused: Mapping[str, str]) -> None:
    """Set why what is found does not count."""
    if not vetoes and not unused:
        return
    for candidate in found:
        names = (candidate.advisory.id, *candidate.advisory.aliases)
        # A bundle of several CVEs is not cleared by a word about one of them.
        cleared = names if len(cves_of(candidate.advisory)) == 1 else names[:1]
        reasons = (*(vetoes.get(name, "") for name in cleared), *(unused.get(name, "") for name in names))
        candidate.vetoed = next(filter(None, reasons), "")


def _exempt(package: Package, found: Iterable[AffectingAdvisory]) -> None:
    """Set why what is known to be recorded by mistake does not count."""
    rules = mistaken.rules_about(package)
    for candidate in found if rules else ():
        candidate.vetoed = candidate.vetoed or mistaken.reason_for(rules, cves_of(candidate.advisory))


def _find_settled_ids(
    usable: Iterable[Answer], disclosed: Iterable[Answer], found: Iterable[AffectingAdvisory]
) -> set[str]:
    """The ids that the package's own ecosystem has an answer for, whatever it is."""
    cleared = [answer for answer in usable if answer[1].affected.kind == "unaffected" and answer[1].covers]
    return (
        _names_of(disclosed) | _names_of(cleared) | {name for candidate in found for name in ids_of(candidate.advisory)}
    )


def _guesses(package: Package, guessed: Iterable[Answer], settled: set[str]) -> list[AffectingAdvisory]:
    new = [_guess(package, lookup, hit) for lookup, hit in guessed if hit.covers and not ids_of(hit.advisory) & settled]
    return merge_advisories(new)


def _names_of(answers: Iterable[Answer]) -> set[str]:
    return {name for _, hit in answers for name in (hit.advisory.id, *hit.advisory.aliases)}


def _applies(package: Package, lookup: Lookup, hit: Hit) -> bool:
    """Whether the part speaks of this package: architecture, module, flavour, platform, and headers that only share a source."""
    affected = hit.affected
    is_source = lookup.kind == "source"
    if not platforms.hold(affected.platforms) or (is_source and _is_headers(package.name, lookup.ask.name)):
        return False
    if affected.kind == "unaffected" and not rebuilders.speaks_of(hit.advisory, package, lookup.ask.name):
        return False
    return (
        (not affected.arch or _arch_fits(package.arch, affected, is_source=is_source))
        and (affected.module is None or _module_fits(package, affected, affected.module))
        and _flavour_fits(lookup.ask.version, hit.range)
    )


def _is_headers(name: str, source: str) -> bool:
    return any(is_binary(name) and is_kernel(source) for is_binary, is_kernel in _HEADERS)


def _arch_fits(arch: str, affected: AffectedPackage, *, is_source: bool) -> bool:
    wanted = affected.arch
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


def _module_fits(package: Package, affected: AffectedPackage, module: str) -> bool:
    if package.type == image_names.TYPE:
        return images.is_about(package, affected)
    if package.type != "rpm":
        return True
    label = package.notes.get("modularity", "")
    # Default streams of some rebuilders set no label; only the release then shows that a package is of a module.
    is_modular = bool(label) or ".module" in package.version
    if not module:
        return not is_modular
    return label == module or label.startswith(f"{module}:") if label else is_modular


def _is_of_unknown_stream(package: Package) -> bool:
    """Whether an rpm belongs to a module whose stream is not known."""
    return package.type == "rpm" and ".module" in package.version and not package.notes.get("modularity")


def _of_the_only_stream(clearing: Iterable[Answer], usable: Iterable[Answer]) -> list[Answer]:
    """What may clear a package of a stream that is not known: not what is said of one stream where others are spoken of too."""
    streams: dict[str, set[str | None]] = {}
    for lookup, hit in usable:
        if hit.affected.kind == "affected" and not lookup.is_resolution:
            for name in ids_of(hit.advisory):
                streams.setdefault(name, set()).add(hit.affected.module)
    return [
        (lookup, hit)
        for lookup, hit in clearing
        if not hit.affected.module
        or not set().union(*(streams.get(name, ()) for name in ids_of(hit.advisory))) - {hit.affected.module}
    ]


def _flavour_fits(version: str, span: Range) -> bool:
    """Special builds (ksplice, FIPS) are numbered apart from the usual ones: their fixes say nothing about each other."""
    fixed = span.fixed or span.high
    return not fixed or _flavours(version) == _flavours(fixed)


def _flavours(version: str) -> list[str]:
    is_plain = "ksplice" not in version and "fips" not in version
    return [] if is_plain else _FLAVOURS.findall(version)


def _vetoes(usable: Iterable[Answer]) -> dict[str, str]:
    """Ids that a record of what is not affected clears, with the reason."""
    reasons: dict[str, str] = {}
    for lookup, hit in usable:
        if hit.affected.kind == "unaffected" and hit.covers:
            reason = f"{hit.advisory.source} records that {lookup.ask.name} {lookup.ask.version} is not affected"
            for name in (hit.advisory.id, *hit.advisory.aliases):
                reasons.setdefault(name, reason + (f": {hit.affected.note}" if hit.affected.note else ""))
    return reasons


def _find_unused_functions(package: Package, disclosed: Sequence[Answer]) -> dict[str, str]:
    """Ids of what only functions have that the program was linked without, with the reason. Whoever names functions speaks for all."""
    there = symbols.symbols_of(package)
    if not there:
        return {}
    whole = {(hit.advisory.source, hit.advisory.id) for _, hit in disclosed if not hit.affected.symbols}
    named: dict[str, list[Hit]] = {}
    for _, hit in disclosed:
        for name in ids_of(hit.advisory) if (hit.advisory.source, hit.advisory.id) not in whole else ():
            named.setdefault(name, []).append(hit)
    return {
        name: f"the program has none of the functions that {hits[0].advisory.id} names"
        for name, hits in named.items()
        if not any(symbols.has_one_of(there, hit.affected.symbols) for hit in hits)
    }


def _governing(answers: list[Answer]) -> list[Answer]:
    """Of what several namespaces say of one name in one advisory, the most specific one's."""
    if len({lookup.tier for lookup, _ in answers}) < 2:
        return answers
    best: dict[tuple[str, str], int] = {}
    for lookup, hit in answers:
        key = (hit.advisory.id, lookup.ask.name)
        best[key] = min(lookup.tier, best.get(key, lookup.tier))
    return [(lookup, hit) for lookup, hit in answers if lookup.tier == best[hit.advisory.id, lookup.ask.name]]


def _drop_outdated_ranges(answers: list[Answer]) -> list[Answer]:
    """Without a language's ranges that have no end where another record of the vulnerability knows it, and the version is past it.

    An end that is a commit (`0.0.0-DATE-HASH`) says nothing of tagged versions.
    """
    if all(hit.range.high or ":" in hit.affected.namespace for _, hit in answers):
        return answers
    records: dict[tuple[str, str, str], list[Hit]] = {}
    for lookup, hit in answers:
        records.setdefault((hit.advisory.source, hit.advisory.id, lookup.ask.name), []).append(hit)
    past: dict[str, set[str]] = {}
    for (_, _, name), hits in records.items():
        if all(hit.range.high and not _COMMIT(hit.range.high) and not hit.covers for hit in hits):
            past.setdefault(name, set()).update(ids_of(hits[0].advisory))

    def is_outdated(lookup: Lookup, hit: Hit) -> bool:
        return not hit.range.high and not past.get(lookup.ask.name, set()).isdisjoint(ids_of(hit.advisory))

    return [(lookup, hit) for lookup, hit in answers if not is_outdated(lookup, hit)]


def _guess(package: Package, lookup: Lookup, hit: Hit) -> AffectingAdvisory:
    """What is affected by CPE. NVD knows the upstream's fixes, not those of a distribution's packages."""
    found = _affecting(lookup, hit)
    if is_system(package):
        found.fix = Fix(state="unknown")
    return found


def _affecting(lookup: Lookup, hit: Hit) -> AffectingAdvisory:
    affected, fixed = hit.affected, hit.range.fixed or _next_fix(lookup, hit)
    return AffectingAdvisory(
        lookup=lookup,
        advisory=hit.advisory,
        affected=affected,
        range=hit.range,
        fix=Fix(state="fixed", version=fixed, date=affected.fix_date) if fixed else Fix(state=affected.fix_state),
        others=[],
        vendor_ids=affected.vendor_ids,
    )


def _next_fix(lookup: Lookup, hit: Hit) -> str:
    """What mends a language's range that has no fix of its own: that of the next line of versions, "" if there is none."""
    affected = hit.affected
    if affected.fix_state not in ("unknown", "fixed") or ":" in affected.namespace:
        return ""
    return nearest(lookup.ask.version, lookup.ask.scheme, [span.fixed for span in affected.ranges if span.fixed])


def _reach(candidate: AffectingAdvisory, stays_at: str) -> None:
    """Take back a fix that the image's stream does not get: there is none in it, and where there is one, `why` tells."""
    if candidate.fix.state == "fixed" and not is_reachable(candidate.fix.version, stays_at):
        candidate.beyond = candidate.fix.version
        candidate.fix = Fix(state="not-fixed")


def _apply_resolutions(
    package: Package, found: list[AffectingAdvisory], resolutions: Iterable[Answer], release: str
) -> list[AffectingAdvisory]:
    """Drop what a rebuild or channel has fixed in the installed version; give the others its fix.

    What it says of the package by its own name holds also for what is disclosed of the source package.
    """
    by_name: dict[tuple[str, str, str], dict[int, Answer]] = {}
    for number, (lookup, hit) in enumerate(resolutions):
        fixed = _fixed_by(hit)
        if fixed and ("+" not in lookup.ask.namespace or is_reachable(fixed, release)):
            for name in ids_of(hit.advisory):
                by_name.setdefault((lookup.kind, lookup.ask.name, name), {})[number] = (lookup, hit)
    kept = []
    for candidate in found:
        about: dict[int, Answer] = {}
        own: dict[int, Answer] = {}
        for cve in cves_of(candidate.advisory):
            about |= by_name.get((candidate.lookup.kind, candidate.lookup.ask.name, cve), {})
            own |= by_name.get(("direct", package.name, cve), {})
        if any(_is_at_least(lookup, _fixed_by(hit)) for lookup, hit in (about | own).values()):
            continue
        if about or own:
            _give_fix(candidate, *((about or own)[min(about or own)]))
        kept.append(candidate)
    return kept


def _give_fix(candidate: AffectingAdvisory, lookup: Lookup, hit: Hit) -> None:
    fixed = _fixed_by(hit)
    if lookup.kind != candidate.lookup.kind:
        candidate.lookup = lookup  # the fix is of that name and version
    candidate.fix = Fix(state="fixed", version=fixed, date=hit.affected.fix_date)
    candidate.range = Range(high=fixed, fixed=fixed)
    ids = () if hit.advisory.id in ids_of(candidate.advisory) else (hit.advisory.id,)
    candidate.vendor_ids = tuple(dict.fromkeys((*ids, *hit.affected.vendor_ids)))


def _fixed_by(hit: Hit) -> str:
    if hit.affected.kind == "unaffected":
        return hit.range.fixed or hit.range.low
    return hit.range.fixed or (hit.range.high if hit.range.high_open else "")


def _is_at_least(lookup: Lookup, version: str) -> bool:
    ask = lookup.ask
    return contains(Range(low=version), ask.version, ask.scheme, is_bare=ask.is_bare)
