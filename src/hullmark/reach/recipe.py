"""How to leave out what is not reached: what the package manager can remove, and a Dockerfile that copies what is left."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Inventory
from hullmark.model.reach import PackageReach, Recipe
from hullmark.model.relation import dependencies_of

_COMMANDS = {"deb": "apt-get purge --yes --allow-remove-essential", "rpm": "rpm --erase", "apk": "apk del"}


def recipe_of(inventory: Inventory, packages: Sequence[PackageReach]) -> Recipe:
    """The recipe for an image: packages that nothing that stays needs, in the order of their names."""
    kind = next((kind for kind in _COMMANDS if any(package.type == kind for package in packages)), "")
    unneeded = {
        package.purl: package.name for package in packages if package.type == kind and package.reach == "unreachable"
    }
    staying = [package.purl for package in packages if package.purl not in unneeded]
    needs = dependencies_of(each for each in inventory.relations or () if each.kind == "depends-on")
    needed: dict[str, str] = {}
    todo = sorted(staying)
    while todo:
        here = todo.pop()
        for other in needs.get(here, ()):
            if other in unneeded and other not in needed:
                needed[other] = here
                todo.append(other)
    purge = sorted({name for purl, name in unneeded.items() if purl not in needed})
    return Recipe(
        command=_COMMANDS.get(kind, "") if purge else "",
        purge=tuple(purge),
        kept=tuple(sorted(needed.items())),
        dockerfile=dockerfile_of(inventory),
    )


def dockerfile_of(inventory: Inventory) -> str:
    """A Dockerfile of two stages: what is left is packed in the image itself, by a list, and copied into an empty one."""
    lines = [
        "# The list of what is left: hullmark minimize SOURCE --emit DIR writes DIR/files.txt.",
        f"FROM {_reference(inventory)} AS whole",
        "USER 0",
        "COPY files.txt /tmp/files.txt",
        "RUN mkdir /residue && tar -C / --no-recursion -cf - -T /tmp/files.txt | tar -C /residue -xpf -",
        "",
        "FROM scratch",
        "COPY --from=whole /residue /",
    ]
    return "\n".join([*lines, *_settings(inventory.config)]) + "\n"


def _reference(inventory: Inventory) -> str:
    source = inventory.source
    named = source.tags[0] if source.tags else source.reference
    return named if source.kind in ("registry", "docker", "podman") else "IMAGE"


def _settings(config: ImageConfig | None) -> Iterator[str]:
    if config is None:
        return
    for variable in config.env:
        name, _, value = variable.partition("=")
        yield f"ENV {name}={json.dumps(value)}"
    if config.working_dir:
        yield f"WORKDIR {config.working_dir}"
    if config.user:
        yield f"USER {config.user}"
    yield from (f"EXPOSE {port}" for port in config.exposed_ports)
    yield from (f"VOLUME {json.dumps([volume])}" for volume in config.volumes)
    if config.stop_signal:
        yield f"STOPSIGNAL {config.stop_signal}"
    if config.healthcheck is not None and config.healthcheck.test[:1] == ("CMD",):
        yield f"HEALTHCHECK CMD {json.dumps(list(config.healthcheck.test[1:]))}"
    elif config.healthcheck is not None and config.healthcheck.test[:1] == ("CMD-SHELL",):
        yield f"HEALTHCHECK CMD {shlex.join(config.healthcheck.test[1:2])}"
    if config.entrypoint:
        yield f"ENTRYPOINT {json.dumps(list(config.entrypoint))}"
    if config.cmd:
        yield f"CMD {json.dumps(list(config.cmd))}"
