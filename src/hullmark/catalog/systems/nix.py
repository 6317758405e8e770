"""Packages in a store of Nix: the folders nix/store/DIGEST-NAME-VERSION[-OUTPUT] (Nix' reference manual, "Store Path", `parseDrvName`).

Nix' database says besides which objects it takes for valid, and which needs which.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems.nix_database import DATABASE, LOG, NixDatabase
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Remark

_STORE = "nix/store"
# A name ends at the first hyphen that no letter follows; the digest is in Nix' own base 32, without e, o, t and u.
_OBJECT = late(
    r"nix/store/(([0-9a-df-np-sv-z]{32})-([A-Za-z0-9+._?=](?:[A-Za-z0-9+._?=]|-(?=[A-Za-z])){0,199})-(\d[A-Za-z0-9+._?=-]{0,199}))(?:/.*)?",
    16,  # DOTALL
).fullmatch
_IS_OBJECT = late(r"nix/store/[0-9a-df-np-sv-z]{32}-.*", 16).fullmatch
_HOUSEKEEPING = ("nix/store/.links/", "nix/store/trash/")
_OUTPUT = late(
    r"-(bin|debug|dev|devdoc|dist|doc|info|lib|libexec|man|modules|nc|out|py|scripts|static|sysconfig|tests|tools|unwrapped|wrapped)"
)
_NOT_PACKAGES = late(r".*\.(?:drv|lock|patch|diff|sh|chroot|check|tar(?:\.\w+)?|tgz|tbz2|zip|gz|xz|bz2)").fullmatch


class _StoreObject:
    """An object of the store: what its name says."""

    def __init__(self, digest: str, name: str, version: str) -> None:
        stem, output = version, ""
        ends = list(_OUTPUT.finditer(version))
        if ends and ends[-1].end() == len(version):
            stem, output = version[: ends[-1].start()], ends[-1][1]
        self.name, self.version, self.output = name, stem, output
        qualifiers = {"outputhash": digest, "output": output}
        self.purl = make_purl("nix", name, stem, qualifiers=qualifiers)


def _list_store(view: View) -> list[tuple[str, int]]:
    """Path and layer of all that is in the store."""
    there = view.below(_STORE) if view.exists(_STORE) else ()
    return [entry for entry in there if not entry[0].startswith(_HOUSEKEEPING)]


def _objects(stored: list[tuple[str, int]]) -> Iterator[tuple[_StoreObject, str, str, int]]:
    """Each file that is, or is below, an object with a version: the object, its place, the file's path and layer."""
    known: dict[str, _StoreObject] = {}
    for path, layer in stored:
        found = _OBJECT(path)
        if found is None or _NOT_PACKAGES(found[1]):
            continue
        if found[1] not in known:
            known[found[1]] = _StoreObject(found[2], found[3], found[4])
        yield known[found[1]], found[1], path, layer


def assemble(view: View) -> Iterator[Package]:
    """One package an object with a version in its name. What has none is a script, a configuration, or a wrapper of several."""
    stored = _list_store(view)
    first: dict[str, tuple[_StoreObject, str, int]] = {}
    for package, place, path, layer in _objects(stored):
        known = first.get(place)
        if known is None or layer < known[2]:
            first[place] = package, path, layer
    for package, path, layer in first.values():
        yield Package(
            type="nix",
            name=package.name,
            version=package.version,
            purl=package.purl,
            cataloger="nix",
            locations=(Location(f"/{path}", layer),),
            notes={"output": package.output} if package.output else {},
        )
    for found in view.facts(DATABASE):
        if not first:
            view.problem(
                found.path,
                "the database of Nix is there, but no package is in its store: which are installed is not known",
            )
        else:
            _tell_lost(view, found.path, known_to_nix(view, found.path))
    strangers = [path for path, _ in stored if not _IS_OBJECT(path)]
    if strangers:
        view.problem(strangers[0], f"files of the store of Nix that belong to none of its objects: {len(strangers):,}")


def known_to_nix(view: View, path: str) -> NixDatabase:
    """What the database at a path says, with the log beside it."""
    files = (view.fact_at(DATABASE, path), view.fact_at(LOG, f"{path}-wal"))
    facts = [found.fact for found in files if found is not None]
    return NixDatabase(
        tuple(sorted({pair for fact in facts for pair in fact.paths})),
        tuple(sorted({pair for fact in facts for pair in fact.refs})),
    )


def _tell_lost(view: View, path: str, database: NixDatabase) -> None:
    """That packages are gone which the database takes for valid."""
    lost = [place for _, place in database.paths if package_of(place) is not None and not view.exists(place)]
    if lost:
        more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
        view.problem(path, Remark(f"the database of Nix has packages that are not in the store: /{lost[0]}{more}"))


def package_of(place: str) -> str | None:
    """The package URL of an object of the store by its path (`nix/store/…`); None if it is not a package."""
    found = _OBJECT(place)
    return None if found is None or _NOT_PACKAGES(found[1]) else _StoreObject(found[2], found[3], found[4]).purl


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """All that is below an object's folder."""
    return (OwnedFile(path, package.purl) for package, _, path, _ in _objects(_list_store(view)))


CATALOGER = Cataloger(
    name="nix", types=("nix",), reads=(DATABASE, LOG), assemble=assemble, owned=list_owned_files, system=True
)
