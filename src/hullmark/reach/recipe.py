"""How to leave out what is not reached: what the package manager can remove, and a Dockerfile that copies what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.image import ImageConfig
from hullmark.model.image_instructions import settings_as_instructions
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
    needs = dependencies_of(relation for relation in inventory.relations or () if relation.kind == "depends-on")
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
        f"FROM {reference_of(inventory)} AS whole",
        "USER 0",
        "COPY files.txt /tmp/files.txt",
        "RUN mkdir /residue && tar -C / --no-recursion -cf - -T /tmp/files.txt | tar -C /residue -xpf -",
        "",
        "FROM scratch",
        "COPY --from=whole /residue /",
    ]
    return "\n".join([*lines, *_settings(inventory.config)]) + "\n"


def reference_of(inventory: Inventory) -> str:
    """The reference that a Dockerfile can name the image by; IMAGE where it has none."""
    source = inventory.source
    named = source.tags[0] if source.tags else source.reference
    is_known = source.kind in ("registry", "docker", "podman") and named.isprintable() and " " not in named
    return named if is_known else "IMAGE"


def _settings(config: ImageConfig | None) -> Iterator[str]:
    """The image's settings as instructions. What an image says may hold line ends, which would begin instructions of its own: such a
    setting is left out, and that is said."""
    for instruction, value in settings_as_instructions(config) if config is not None else ():
        if value.isprintable():
            yield f"{instruction} {value}"
        else:
            yield f"# A setting of {instruction} is left out: it holds characters that cannot be printed."
