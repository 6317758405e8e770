"""The settings that result from an image's Dockerfile and its configuration: user, ports, variables, what it starts, what it is based on.

The image's own settings take precedence if they are known, because builds take arguments and base images bring settings that no Dockerfile
shows.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator

import msgspec

from hullmark.model.dockerfile import Dockerfile, Instruction
from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.model.limit import Limit
from hullmark.policy.dockerfile.parse import declare, flag, health_command
from hullmark.policy.dockerfile.words import BadSubstitution, Variables, exec_form, expand, pairs
from hullmark.policy.values import Ports

_MAX_VARIABLES = Limit(1 << 20, "characters of all variables of a Dockerfile")
_PORT = re.compile(r"(?:.*:)?([0-9]{1,5}(?:-[0-9]{1,5})?)(?:/([A-Za-z]{3,4}))?").fullmatch
_MAX_PORTS = Limit(10_000, "ports of a Dockerfile")


class ExposedPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port or a range of ports that is exposed. `said_by` is the Dockerfile's instruction; None if the image's settings expose it."""

    ports: Ports
    said_by: Instruction | None = None


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that something is built on or copied from, as the Dockerfile names it, with build arguments filled in.

    `is_unresolved`: the name depends on a build argument whose value is not known. `is_copied_from`: it is only a source of
    COPY or of a mount.
    """

    reference: str
    said_by: Instruction
    is_unresolved: bool = False
    is_copied_from: bool = False


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that result.

    `user` is "" if none is set (root), and None if it depends on an unknown base image or variable. `user_by`, `health_by` and
    `entrypoint_by` are the instructions behind the settings, if any. `env` holds None for a variable whose value cannot be determined.
    `unread_ports` are the words of EXPOSE that name no port, or one that depends on a variable without a value. `entrypoint` is what is
    started: ENTRYPOINT and CMD together. The times of a health check that only the Dockerfile defines are not read.
    """

    user: str | None = None
    user_by: Instruction | None = None
    exposed_ports: tuple[ExposedPort, ...] = ()
    unread_ports: tuple[tuple[str, Instruction | None], ...] = ()
    env: dict[str, str | None] = {}
    entrypoint: tuple[str, ...] = ()
    entrypoint_by: Instruction | None = None
    healthcheck: HealthCheck | None = None
    health_by: Instruction | None = None


def effective(dockerfile: Dockerfile | None, config: ImageConfig | None) -> Effective:
    """Dockerfile and settings combined. Either may be missing. Ports count as exposed if either of them names them."""
    build = _Build(dockerfile, config)
    if dockerfile is not None:
        build.run(dockerfile)
    build.expose_configured()
    return Effective(
        user=config.user if config is not None else build.user,
        user_by=build.user_by,
        exposed_ports=tuple(build.ports),
        unread_ports=tuple(build.unread),
        env=build.variables_of_the_image(),
        entrypoint=build.entrypoint + build.command if config is None else config.entrypoint + config.cmd,
        entrypoint_by=build.entrypoint_by,
        healthcheck=config.healthcheck if config is not None else build.health,
        health_by=build.health_by,
    )


class _Build:
    """A build of the final stage, one instruction after another."""

    def __init__(self, dockerfile: Dockerfile | None, config: ImageConfig | None) -> None:
        self.config = config
        self.escape = dockerfile.escape if dockerfile is not None else "\\"
        self.configured: dict[str, str | None] = (
            dict(entry.partition("=")[::2] for entry in config.env) if config else {}
        )
        self.head: dict[str, str | None] = {}
        self.args: dict[str, str | None] = {}
        self.env: dict[str, str | None] = {}
        self.size = 0
        self.user: str | None = None
        self.user_by: Instruction | None = None
        self.ports: list[ExposedPort] = []
        self.unread: list[tuple[str, Instruction | None]] = []
        self.shell: tuple[str, ...] = ("/bin/sh", "-c")
        self.entrypoint: tuple[str, ...] = ()
        self.command: tuple[str, ...] = ()
        self.entrypoint_by: Instruction | None = None
        self.has_own_command = False
        self.health: HealthCheck | None = None
        self.health_by: Instruction | None = None
        self.steps = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env,
            "USER": self._user,
            "EXPOSE": self._expose,
            "SHELL": self._shell,
            "ENTRYPOINT": self._entrypoint,
            "CMD": self._command,
            "HEALTHCHECK": self._health,
        }

    def run(self, dockerfile: Dockerfile) -> None:
        for instruction in dockerfile.head:
            declare(instruction, self.head, self.head, self.escape)
        final = dockerfile.final
        if final and not dockerfile.is_guessed and final[0].value.split()[0] == "scratch":
            self.user = ""
        for instruction in final:
            if instruction.keyword in self.steps:
                self.steps[instruction.keyword](instruction)

    @property
    def variables(self) -> Variables:
        """The variables an instruction can use: ENV takes precedence over ARG, and those known only from the image's settings come last."""
        return ChainMap(self.env, self.args, self.configured)

    def variables_of_the_image(self) -> dict[str, str | None]:
        return self.configured if self.config is not None else self.env

    def _expand_text(self, text: str) -> str | None:
        """The text with its variables filled in; None if one of them is not known."""
        if "$" not in text and "'" not in text and '"' not in text and self.escape not in text:
            return text
        try:
            found = expand(text, self.variables, self.escape)
        except BadSubstitution:
            return None
        return None if found.unknown else found.text

    def _from(self, instruction: Instruction) -> None:
        self.args = {}
        self.has_own_command = False

    def _arg(self, instruction: Instruction) -> None:
        declared = declare(instruction, {}, self.variables, self.escape)
        for name, value in declared.items():
            self.args[name] = self._limit_size(value if value is not None else self.head.get(name))

    def _env(self, instruction: Instruction) -> None:
        self.env.update(
            {name: self._limit_size(self._expand_text(value)) for name, value in pairs(instruction.value, self.escape)}
        )

    def _limit_size(self, value: str | None) -> str | None:
        self.size += len(value or "")
        return value if self.size <= _MAX_VARIABLES else None

    def _user(self, instruction: Instruction) -> None:
        self.user, self.user_by = self._expand_text(instruction.value), instruction

    def _shell(self, instruction: Instruction) -> None:
        self.shell = exec_form(instruction.value) or self.shell

    def _words(self, value: str) -> tuple[str, ...]:
        found = exec_form(value)
        return found if found is not None else (*self.shell, value) if value else ()

    def _entrypoint(self, instruction: Instruction) -> None:
        self.entrypoint, self.entrypoint_by = self._words(instruction.value), instruction
        if not self.has_own_command:
            self.command = ()  # ENTRYPOINT clears the CMD inherited from a base image

    def _command(self, instruction: Instruction) -> None:
        self.command, self.has_own_command = self._words(instruction.value), True
        self.entrypoint_by = self.entrypoint_by or instruction

    def _health(self, instruction: Instruction) -> None:
        kind, command = health_command(instruction.value)
        words = exec_form(command)
        test = ("CMD", *words) if words is not None else ("CMD-SHELL", command)
        self.health = HealthCheck(test=("NONE",) if kind == "NONE" else test)
        self.health_by = instruction

    def _expose(self, instruction: Instruction) -> None:
        for word in instruction.value.split():
            if len(self.ports) + len(self.unread) > _MAX_PORTS:
                return
            text = self._expand_text(word)
            if text is None:
                self._add_port(word, None, instruction)
            for port in (text or "").split():
                self._add_port(port, _ports(port), instruction)

    def expose_configured(self) -> None:
        """Add the ports that the settings name but the Dockerfile does not."""
        known = {(port.ports.first, port.ports.last, port.ports.protocol) for port in self.ports}
        for text in sorted(self.config.exposed_ports) if self.config else ():
            ports = _ports(text)
            if ports is None or (ports.first, ports.last, ports.protocol) not in known:
                self._add_port(text, ports, None)

    def _add_port(self, text: str, ports: Ports | None, said_by: Instruction | None) -> None:
        count = len(self.ports) + len(self.unread)
        if count > _MAX_PORTS:
            return
        if count == _MAX_PORTS:
            self.unread.append(("and more ports than are read", None))
        elif ports is None:
            self.unread.append((text, said_by))
        else:
            self.ports.append(ExposedPort(ports=ports, said_by=said_by))


def _ports(text: str) -> Ports | None:
    """`8080`, `53/udp`, `8000-8010/tcp`, with or without a host's port in front; None for a text that is not a port."""
    found = _PORT(text)
    try:
        return Ports(f"{found[1]}/{(found[2] or 'tcp').lower()}") if found else None
    except ValueError:
        return None


def base_images(dockerfile: Dockerfile) -> tuple[BaseImage, ...]:
    """The images that any stage is built on, then those that files are copied or mounted from.

    Neither stages nor `scratch` are images. A guessed Dockerfile has none: history does not name them.
    """
    if dockerfile.is_guessed:
        return ()
    found: list[BaseImage] = []
    for place, stage in enumerate(dockerfile.stages):
        if stage.base != "scratch" and dockerfile.named(stage.base, place) is None:
            found.append(
                BaseImage(reference=stage.base, said_by=stage.instructions[0], is_unresolved="$" in stage.base)
            )
    return (*found, *_sources(dockerfile))


def _sources(dockerfile: Dockerfile) -> Iterator[BaseImage]:
    names = {stage.name.lower() for stage in dockerfile.stages if stage.name}
    for place, stage in enumerate(dockerfile.stages):
        for instruction in stage.instructions:
            for text in _sources_of(instruction):
                is_stage = text.lower() in names or (text.isdecimal() and text.isascii() and int(text[:9]) < place)
                if text and text != "scratch" and not is_stage:
                    is_unresolved = "$" in text
                    yield BaseImage(
                        reference=text, said_by=instruction, is_unresolved=is_unresolved, is_copied_from=True
                    )


def _sources_of(instruction: Instruction) -> Iterator[str]:
    """The names given by `--from` of COPY and by `from=` of RUN's mounts."""
    if instruction.keyword == "COPY":
        yield flag(instruction, "from") or ""
    elif instruction.keyword == "RUN":
        for option in instruction.flags:
            if option.startswith("--mount="):
                yield from (part[5:] for part in option[8:].split(",") if part.startswith("from="))
