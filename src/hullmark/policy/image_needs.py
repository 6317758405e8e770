"""What an image needs of the place it runs at, derived from its facts; and the assessment of the containers that it is to run in."""

from __future__ import annotations

from hullmark.isolation.contract import joint_findings
from hullmark.isolation.grades import assess
from hullmark.isolation.patches import patch_of
from hullmark.model.capabilities import capability_names
from hullmark.model.isolation import ImageNeeds, JudgedContainer, PlacedContainer
from hullmark.policy.facts import Facts
from hullmark.policy.globs import PathGlob

PASSWD = "/etc/passwd"  # noqa: S105 - a path, not a password
PASSWD_GLOB = PathGlob(PASSWD)
_FIELDS = 7
_CAP = "cap_"


def image_needs(facts: Facts) -> ImageNeeds:
    """The needs shown by the image's settings, its accounts and what its start reaches."""
    config = facts.inventory.config
    if facts.needs is not None or config is None:
        return facts.needs or ImageNeeds()
    return ImageNeeds(
        user=config.user,
        uid=uid_of(config.user, facts.contents.get(PASSWD)),
        ports=tuple(sorted({port.lower() if "/" in port else f"{port}/tcp" for port in config.exposed_ports})),
        volumes=config.volumes,
        setuid=_setuid(facts),
        capable=_capable(facts),
    )


def uid_of(user: str, passwd: bytes | None) -> int | None:
    """The numeric id of a user as settings name it (`1000`, `web:web`, "": root), looked up in passwd(5); None if it is not found there."""
    name = user.partition(":")[0]
    if not name:
        return 0
    if name.isascii() and name.isdecimal():
        return int(name) if len(name) < 11 else None
    for line in (passwd or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == _FIELDS and fields[0] == name and fields[2].isascii() and fields[2].isdecimal():
            return int(fields[2]) if len(fields[2]) < 11 else None
    return None


def reached_setuid(facts: Facts) -> tuple[tuple[str, ...], str]:
    """The setuid files that the start reaches for certain, and why there may be more ("": there are no more)."""
    if facts.reach is None:
        return (), "what the image's start reaches was not looked for"
    programs = [program for program in facts.reach.programs if "setuid" in program.kinds]
    reached = tuple(program.path for program in programs if program.reach == "reachable")
    doubt = next((program.path for program in programs if program.reach == "unknown"), "")
    if doubt:
        return reached, f"whether the image's start reaches {doubt}, a setuid program, is not known"
    return reached, facts.reach.unseen


def _setuid(facts: Facts) -> tuple[str, ...] | None:
    reached, doubt = reached_setuid(facts)
    return None if doubt else reached


def _capable(facts: Facts) -> dict[str, tuple[str, ...]] | None:
    """The files with capabilities that the start reaches, with those capabilities; None if this is not known."""
    if facts.reach is None or facts.inventory.files is None or facts.reach.unseen:
        return None
    by_path = {program.path: program.reach for program in facts.reach.programs}
    found = {}
    for file in facts.inventory.files:
        if not file.capability or file.state in ("missing", "ghost"):
            continue
        reach = by_path.get(file.path, "unknown")
        if reach == "unknown":
            return None
        if reach == "reachable":
            names = capability_names(file.capability)
            found[file.path] = tuple(name.removeprefix(_CAP).upper() for name in names)
    return found


def judged_containers(facts: Facts) -> tuple[JudgedContainer, ...] | None:
    """The full assessment of the isolation of each container that the image is to run in; None if no workload was given."""
    if facts.isolation is None:
        return None
    needs = image_needs(facts)
    return tuple(_judge_container(placed, needs) for placed in facts.isolation if placed.container.kind != "volume")


def _judge_container(placed: PlacedContainer, needs: ImageNeeds) -> JudgedContainer:
    container = placed.container
    return JudgedContainer(
        placed=placed,
        needs=needs,
        assessment=assess(container.isolation, needs.uid),
        findings=joint_findings(needs, container.isolation, placed.workload.format),
        patch=patch_of(placed.workload, container, needs.uid),
    )
