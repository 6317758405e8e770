"""Facts for tests, written shortly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hullmark.app.expressions import Evaluator
from hullmark.facets.certificates.items import items_in
from hullmark.model.advisory import Lifecycle
from hullmark.model.certificate import KeyFile, Unread
from hullmark.model.configuration import Configuration
from hullmark.model.dockerfile import Dockerfile
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventoryLayer, InventorySource, UnexplainedPrograms
from hullmark.model.isolation import PlacedContainer
from hullmark.model.malware import MalwareScan
from hullmark.model.match import Match, MatchedAdvisory, Matches, SnapshotInfo, UnknownPackage
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.problem import Problem
from hullmark.model.reach import ImageReach, PackageReach, ProgramReach, Reach, WitnessStep
from hullmark.model.secret import Secret
from hullmark.policy.dockerfile import from_history, parse_dockerfile
from hullmark.policy.facts import Facts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LAYERS = (InventoryLayer(digest="sha256:a", diff_id="", size=1000, created_by="ADD base"),)


def package(type: str, name: str, version: str, layer: int = 0) -> Package:
    """A package whose record stands in var/lib."""
    return Package(
        type=type,
        name=name,
        version=version,
        purl=f"pkg:{type}/{name}@{version}",
        cataloger=f"{type}-test",
        locations=(Location(f"/var/lib/{type}/{name}", layer),),
    )


def file(path: str, **fields: Any) -> FileRecord:
    """A file of root's, mode 0644, in layer 0; the mode may be given as octal text."""
    known: dict[str, Any] = {
        "path": path,
        "type": "file",
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "size": 10,
        "sha256": "",
        "link": "",
        "layer": 0,
        "owner": None,
        "state": "unowned",
    }
    known.update(fields)
    if isinstance(known["mode"], str):
        known["mode"] = int(known["mode"], 8)
    return FileRecord(**known)


def match(package: Package, id: str, **fields: Any) -> Match:
    """A match of a package by its own name. Fields are those of Match, Named (`severity`, `kev` …) or Fix (`fix_state`, `fix_date` …)."""
    fix = {name.removeprefix("fix_"): fields.pop(name) for name in [*fields] if name.startswith("fix_")}
    named = {
        name: fields.pop(name) for name in [*fields] if name in MatchedAdvisory.__struct_fields__ and name != "kind"
    }
    return msgspec.convert(
        {
            "package": msgspec.to_builtins(package),
            "advisory": {
                "id": id, "source": "debian", "namespace": "debian:12", "cve": id if id.startswith("CVE-") else "", **named
            },
            "fix": {"state": "unknown", **fix},
            "kind": "direct",
            "name": package.name,
            "version": package.version,
            "why": f"{package.version} is affected",
            **fields,
        },
        Match,
    )  # fmt: skip


def matches(
    *found: Match,
    unknown: Mapping[str, str] | None = None,
    packages: Sequence[Package] = (),
    data_at: str = "2026-02-28",
    lifecycles: Sequence[Lifecycle] = (),
    exploited_gap: str = "",
) -> Matches:
    """Matches from a snapshot of a day; `unknown` has the reasons, by name of one of the packages."""
    source = facts().inventory.source
    reasons = unknown or {}
    return Matches(
        source=source,
        distro=None,
        snapshot=SnapshotInfo(digest="sha256:5a", data_at=data_at, exploited_gap=exploited_gap) if data_at else None,
        matches=found,
        unknown=tuple(
            UnknownPackage(
                package=each,
                reason=reasons[each.name],
                kind="unidentified" if each.version == UNKNOWN_VERSION else "uncovered",
            )
            for each in packages
            if each.name in reasons
        ),
        lifecycles=tuple(lifecycles),
    )


def reach_of(
    packages: Sequence[Package],
    states: Mapping[str, Reach],
    programs: Sequence[tuple[str, Reach, tuple[str, ...]]] = (),
) -> ImageReach:
    """The reach of packages, by their names, and of programs: path, reach and kinds. One that is reached is so from /app."""

    def told(state: Reach, path: str) -> dict[str, Any]:
        way = (WitnessStep("/app", "is what CMD starts"), WitnessStep(path, "is named"))
        return {"reach": state, "witness": way if state == "reachable" else (), "reason": _REASONS[state], "bytes": 1}

    return ImageReach(
        roots=("CMD /app",),
        packages=tuple(
            PackageReach(
                purl=each.purl, type=each.type, name=each.name, version=each.version, reached_bytes=0,
                **told(states[each.name], f"/usr/lib/{each.name}"),
            )
            for each in packages
            if each.name in states
        ),
        programs=tuple(ProgramReach(path=path, kinds=kinds, layer=0, **told(state, path)) for path, state, kinds in programs),
    )  # fmt: skip


_REASONS: dict[Reach, str] = {"reachable": "", "unknown": "it may be named", "unreachable": "nothing names it"}


def facts(
    *,
    packages: Sequence[Package] = (),
    files: Sequence[FileRecord] | None = (),
    config: ImageConfig | None = ImageConfig(),  # noqa: B008 — frozen
    distro: Distro | None = None,
    layers: Sequence[InventoryLayer] = LAYERS,
    problems: Sequence[Problem] = (),
    contents: Mapping[str, bytes | None] | None = None,
    ghosts: bool = True,
    now: datetime = NOW,
    dockerfile: Dockerfile | None = None,
    unexplained: UnexplainedPrograms | None = None,
    **others: Any,
) -> Facts:
    """Facts about an image of which everything was collected, and little is in it."""
    source = InventorySource(
        kind="oci-dir",
        reference="oci-dir:image",
        digest="sha256:0123",
        config_digest="sha256:4567",
        platform="linux/amd64",
        layers=tuple(layers),
    )
    inventory = Inventory(
        source=source,
        distro=distro,
        packages=tuple(packages),
        problems=tuple(problems),
        config=config,
        files=None if files is None else tuple(files),
        unexplained=unexplained,
    )
    return Facts(inventory=inventory, now=now, contents=contents or {}, ghosts=ghosts, dockerfile=dockerfile, **others)


class Written(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Facts as a golden case's facts.json has them; what is left out is as `facts` has it.

    `vulnerabilities` are keyword arguments of `match`, with the package by its name; `licences` and `unknown` are by name as well.
    Without the lines of a Dockerfile there is one guessed from the settings' history, if that tells of any.
    """

    now: datetime = NOW
    packages: list[tuple[str, str, str, int]] = []
    files: list[dict[str, Any]] | None = []
    config: ImageConfig | None = ImageConfig()
    distro: Distro | None = None
    layers: tuple[InventoryLayer, ...] = LAYERS
    problems: list[Problem] = []
    contents: dict[str, str | None] = {}
    dockerfile: list[str] | None = None
    licences: dict[str, tuple[str, ...]] = {}
    vulnerabilities: list[dict[str, Any]] = []
    unknown: dict[str, str] = {}
    lifecycles: list[Lifecycle] = []
    data_at: str = "2026-02-28"
    configuration: Configuration | None = None
    secrets: tuple[Secret, ...] | None = None
    malware: MalwareScan | None = None
    certificates: tuple[KeyFile, ...] | None = None
    isolation: tuple[PlacedContainer, ...] | None = None
    reach: dict[str, Reach] | None = None
    programs: list[tuple[str, Reach, tuple[str, ...]]] = []
    unexplained: UnexplainedPrograms | None = None

    def facts(self) -> Facts:
        """The facts themselves."""
        packages = [
            msgspec.structs.replace(package(*fields), licenses=self.licences.get(fields[1], ()))
            for fields in self.packages
        ]
        by_name = {each.name: each for each in packages}
        found = [match(by_name[fields.pop("package")], **fields) for fields in map(dict, self.vulnerabilities)]
        return facts(
            now=self.now,
            packages=packages,
            matches=matches(
                *found, unknown=self.unknown, packages=packages, data_at=self.data_at, lifecycles=self.lifecycles
            ),
            evaluate=Evaluator(),
            configuration=self.configuration,
            secrets=self.secrets,
            malware=self.malware,
            certificates=self._certificates(),
            isolation=self.isolation,
            reach=reach_of(packages, self.reach, self.programs) if self.reach is not None else None,
            files=None if self.files is None else [file(**fields) for fields in self.files],
            config=self.config,
            distro=self.distro,
            layers=self.layers,
            problems=self.problems,
            contents={path: text if text is None else text.encode() for path, text in self.contents.items()},
            dockerfile=self._dockerfile(),
            unexplained=self.unexplained,
        )

    def _certificates(self) -> tuple[KeyFile, ...] | None:
        """Those that are given, or what stands in the files' contents."""
        if self.certificates is not None:
            return self.certificates
        found = []
        for path, text in sorted(self.contents.items()):
            items = [Unread("it was not read", may_be_key=True)] if text is None else items_in(text.encode())
            found.append(KeyFile(path=path, layer=0, is_ghost=False, items=tuple(items)))
        return tuple(found)

    def _dockerfile(self) -> Dockerfile | None:
        if self.dockerfile is not None:
            return parse_dockerfile("\n".join(self.dockerfile).encode())
        return from_history(self.config.history) if self.config is not None else None
