"""Gate `dockerfile`: how an image was built, according to its Dockerfile or to its history.

The checks are those of hadolint and the CIS Docker Benchmark (section 4). Evidence names the line as `Dockerfile:LINE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.dockerfile import Dockerfile, Instruction
from hullmark.model.problem import Fact
from hullmark.policy.dockerfile import BaseImage, Effective, base_images, effective
from hullmark.policy.dockerfile.commands import commands_of
from hullmark.policy.dockerfile.packages import MANAGERS, ManagerName, leaves_cache, updates_alone
from hullmark.policy.dockerfile.parse import flag
from hullmark.policy.dockerfile.shown import evidence as evidence_of
from hullmark.policy.dockerfile.shown import format_instruction, rest, variables_of
from hullmark.policy.dockerfile.words import arguments
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Params, Trigger, Violation
from hullmark.policy.masked import is_masked, may_fit
from hullmark.policy.values import NameGlob, Pattern, Ports

_LONGEST = 200
_ROOT = re.compile(r"(?:root|0+|)(?::.*)?", re.DOTALL).fullmatch
_REMOTE = re.compile(r"(?:https?|ftp|git|ssh)://|git@", re.IGNORECASE).match
_COMMIT = re.compile(r"#[0-9a-f]{40}(?::.*)?\Z").search
_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|pwd|secret|token)(?:_|$)", re.IGNORECASE
).search
_PUBLIC = re.compile(r"(?:_|^)public(?:_|$)", re.IGNORECASE).search

Keyword = Literal[
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
]  # fmt: skip


class _OfDockerfile(Params, frozen=True, kw_only=True):
    only_given: Annotated[
        bool, Meta(description="Whether the rule is unknown if the Dockerfile is only reconstructed from the history.")
    ] = False


class Instructions(_OfDockerfile, frozen=True, kw_only=True):
    """Fires if a required instruction is missing, for each forbidden instruction, or for each that does not match a pattern."""

    keyword: Annotated[Keyword, Meta(description="The instruction.")]
    pattern: Annotated[
        Pattern | None, Meta(description="What the rest of the instruction matches, flags first; none: any.")
    ] = None
    required: Annotated[bool, Meta(description="Whether there must be such an instruction.")] = False
    forbidden: Annotated[bool, Meta(description="Whether there must not be such an instruction.")] = False
    must_fit: Annotated[Pattern | None, Meta(description="What the rest of each of them must match.")] = None
    all_stages: Annotated[bool, Meta(description="Whether stages count that are not part of the image itself.")] = False

    def __post_init__(self) -> None:
        if not (self.required or self.forbidden or self.must_fit):
            raise ValueError("expected required, forbidden or must_fit: without one of them it never fires")
        if self.required and self.forbidden:
            raise ValueError("expected required or forbidden, not both: nothing satisfies them")


class BaseImages(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each image used as a base, or copied from, that is forbidden, not allowed, not pinned by digest, or `latest`."""

    allowed: Annotated[tuple[NameGlob, ...], Meta(description="The only images allowed, as written or in full.")] = ()
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Images that must not be used.")] = ()
    pinned: Annotated[bool, Meta(description="Whether each must be named by its digest.")] = False
    no_latest: Annotated[bool, Meta(description="Whether each must have a digest, or a tag other than latest.")] = False
    copied_from: Annotated[bool, Meta(description="Whether images count from which files are only copied.")] = True

    def __post_init__(self) -> None:
        if not (self.allowed or self.forbidden or self.pinned or self.no_latest):
            raise ValueError("expected allowed, forbidden, pinned or no_latest: without one of them it never fires")


class User(_OfDockerfile, frozen=True, kw_only=True):
    """Fires if no USER is declared, or the resulting user is root, forbidden or not allowed. The image's settings take precedence."""

    declared: Annotated[bool, Meta(description="Whether the Dockerfile itself must have a USER.")] = False
    not_root: Annotated[bool, Meta(description="Whether the user must not be root.")] = False
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Users that are not allowed.")] = ()
    allowed: Annotated[tuple[NameGlob, ...], Meta(description="The only users that are allowed; none: any.")] = ()

    def __post_init__(self) -> None:
        if not (self.declared or self.not_root or self.forbidden or self.allowed):
            raise ValueError("expected declared, not_root, forbidden or allowed: without one of them it never fires")


class ExposedPorts(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each port exposed by EXPOSE or by the image's settings that is forbidden or not allowed."""

    forbidden: Annotated[tuple[Ports, ...], Meta(description="Ports that must not be exposed.")] = ()
    allowed: Annotated[tuple[Ports, ...] | None, Meta(description="The only ports allowed ([]: none).")] = None

    def __post_init__(self) -> None:
        if not self.forbidden and self.allowed is None:
            raise ValueError("expected forbidden or allowed: without one of them it never fires")


class AddRemote(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each ADD from the network whose content is not pinned (by a checksum, or a git commit)."""

    allowed: Annotated[tuple[NameGlob, ...], Meta(description="Addresses that may be added nevertheless.")] = ()
    even_pinned: Annotated[bool, Meta(description="Whether it also fires for pinned content.")] = False


class Commands(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each RUN that starts a forbidden command, such as sudo."""

    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Names of commands, without their folders.")]
    all_stages: Annotated[bool, Meta(description="Whether stages count that are not part of the image itself.")] = False

    def __post_init__(self) -> None:
        if not self.forbidden:
            raise ValueError("expected at least one command")


class PackageCache(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each RUN that leaves a package manager's lists or downloads in its layer."""

    managers: Annotated[tuple[ManagerName, ...], Meta(description="The package managers that count.")] = MANAGERS

    def __post_init__(self) -> None:
        if not self.managers:
            raise ValueError("expected at least one package manager")


class UpdateAlone(PackageCache, frozen=True, kw_only=True):
    """Fires for each RUN that updates package lists and installs nothing: later builds may reuse outdated lists from their cache."""


class Secrets(_OfDockerfile, frozen=True, kw_only=True):
    """Fires for each ENV or ARG with a name like a secret's, because neither keeps its value secret. Values are never shown."""

    allowed: Annotated[tuple[NameGlob, ...], Meta(description="Names that are not secrets.")] = ()
    all_stages: Annotated[bool, Meta(description="Whether stages count that are not part of the image itself.")] = True


class NotGiven(Params, frozen=True, kw_only=True):
    """Fires if the image is judged without its Dockerfile: none was supplied, or it was guessed from the history."""


def instruction(params: Instructions, facts: Facts) -> Iterator[Answer]:
    """Check the given instruction."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    named = [
        directive for directive in _instructions(dockerfile, params.all_stages) if directive.keyword == params.keyword
    ]
    pattern = params.pattern
    meant = [directive for directive in named if pattern is None or pattern.is_in(rest(directive))]
    hidden = [directive for directive in named if directive not in meant and _may_fit(pattern, directive)]
    fitting = f" that fits {pattern.text!r}" if pattern else ""
    if params.required and not meant and not hidden:
        yield Violation(params.keyword, f"The Dockerfile must have the instruction {params.keyword}{fitting}.")
    if (params.required and not meant) or params.forbidden:
        yield from (
            CannotTell(f"a part of {format_instruction(directive)} is masked", evidence_of(directive))
            for directive in hidden
        )
    for directive in meant:
        if params.forbidden:
            yield Violation(
                format_instruction(directive),
                f"The instruction {format_instruction(directive)} is forbidden.",
                evidence_of(directive),
            )
        if params.must_fit is None or params.must_fit.is_in(rest(directive)):
            continue
        if _may_fit(params.must_fit, directive):
            yield CannotTell(f"a part of {format_instruction(directive)} is masked", evidence_of(directive))
        else:
            message = f"The instruction {format_instruction(directive)} must fit {params.must_fit.text!r}."
            yield Violation(format_instruction(directive), message, evidence_of(directive))


def _may_fit(pattern: Pattern | None, directive: Instruction) -> bool:
    """Whether an instruction may match, depending on what was masked in it."""
    text = rest(directive)
    return pattern is not None and is_masked(text) and may_fit(pattern, text)


def base_image(params: BaseImages, facts: Facts) -> Iterator[Answer]:
    """Check FROM, and images that files are copied from."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell) or dockerfile.is_guessed:
        yield dockerfile if isinstance(dockerfile, CannotTell) else CannotTell("a history does not name base images")
        return
    for base in base_images(dockerfile):
        if base.is_copied_from and not params.copied_from:
            continue
        if base.is_unresolved:
            yield CannotTell(f"the image {base.reference[:100]} depends on a build argument", evidence_of(base.said_by))
        else:
            yield from _check_base(base, params)


def _check_base(base: BaseImage, params: BaseImages) -> Iterator[Answer]:
    names, evidence = _names(base.reference), evidence_of(base.said_by)
    what = f"The image {base.reference[:_LONGEST]}"
    if any(glob.matches(name) for glob in params.forbidden for name in names):
        yield Violation(base.reference, f"{what} is forbidden as a base.", evidence)
    elif params.allowed and not any(glob.matches(name) for glob in params.allowed for name in names):
        yield Violation(base.reference, f"{what} is not among the allowed ones.", evidence)
    name, _, digest = base.reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if params.pinned and not digest:
        yield Violation(base.reference, f"{what} must be named by its digest.", evidence)
    elif params.no_latest and not digest and tag in ("", "latest"):
        yield Violation(base.reference, f"{what} is whatever is the latest: name a tag or a digest.", evidence)


def _names(reference: str) -> tuple[str, str]:
    """The reference as written, and in full as docker reads it."""
    host, slash, _ = reference.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return reference, reference
    return reference, f"docker.io/{'' if slash else 'library/'}{reference}"


def user(params: User, facts: Facts) -> Iterator[Answer]:
    """Check USER, and the user in the image's settings."""
    found = _effective(params, facts)
    if isinstance(found, CannotTell):
        yield found
        return
    evidence = evidence_of(found.user_by)
    if params.declared and found.user_by is None:
        yield Violation("declared", "The Dockerfile must have a USER, and has none.")
    if not (params.not_root or params.forbidden or params.allowed):
        return
    if found.user is None:
        yield CannotTell("the user depends on the base image or on a build argument", evidence)
        return
    name = found.user.partition(":")[0].strip()
    is_root = _ROOT(found.user) is not None
    user_name = found.user[:_LONGEST] or "root (no USER is set)"
    names = {"root", "0", name, found.user} if is_root else {name, found.user}
    if params.not_root and is_root:
        yield Violation("user", f"The image runs as {user_name}, and must not run as root.", evidence)
    if any(glob.matches(name) for glob in params.forbidden for name in names):
        yield Violation("user", f"The image runs as {user_name}, which is forbidden.", evidence)
    elif params.allowed and not any(glob.matches(name) for glob in params.allowed for name in names):
        allowed = ", ".join(glob.text for glob in params.allowed)
        yield Violation("user", f"The image runs as {user_name}, and may only run as {allowed}.", evidence)


def exposed_ports(params: ExposedPorts, facts: Facts) -> Iterator[Answer]:
    """Check EXPOSE, and the ports of the image's settings."""
    found = _effective(params, facts)
    if isinstance(found, CannotTell):
        yield found
        return
    for text, said_by in found.unread_ports:
        yield CannotTell(f"the exposed port {text[:50]!r} cannot be read", evidence_of(said_by))
    for port in found.exposed_ports:
        evidence = evidence_of(port.said_by)
        if any(forbidden.overlaps(port.ports) for forbidden in params.forbidden):
            yield Violation(port.ports.text, f"The port {port.ports} is exposed, and is forbidden.", evidence)
        elif params.allowed is not None and not any(allowed.covers(port.ports) for allowed in params.allowed):
            message = f"The port {port.ports} is exposed, and is not among the allowed ones."
            yield Violation(port.ports.text, message, evidence)


def add_remote(params: AddRemote, facts: Facts) -> Iterator[Answer]:
    """Check ADD."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    for directive in _instructions(dockerfile, all_stages=True):
        if directive.keyword != "ADD":
            continue
        for source in arguments(directive.value)[:-1]:
            is_pinned = bool(flag(directive, "checksum")) or _COMMIT(source) is not None
            is_allowed = any(glob.matches(source) for glob in params.allowed)
            if _REMOTE(source) and not is_allowed and (params.even_pinned or not is_pinned):
                reason = "comes from the network" if is_pinned else "comes from the network without a checksum"
                yield Violation(source, f"What ADD fetches from {source[:_LONGEST]} {reason}.", evidence_of(directive))


def commands(params: Commands, facts: Facts) -> Iterator[Answer]:
    """Check the commands of RUN."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    for run in _runs(dockerfile, params.all_stages):
        for name in sorted({command[0] for command in commands_of(run)}):
            if any(glob.matches(name) for glob in params.forbidden):
                yield Violation(name, f"A RUN starts {name[:_LONGEST]}, which is forbidden.", evidence_of(run))


def package_cache(params: PackageCache, facts: Facts) -> Iterator[Answer]:
    """Check what package managers leave behind."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    variables = frozenset(effective(dockerfile, facts.inventory.config).env)
    for run in _runs(dockerfile, all_stages=False):
        for manager in params.managers:
            command = leaves_cache(run, manager, variables)
            if command:
                message = (
                    f"`{command[:_LONGEST]}` leaves the cache of {manager} in its layer: empty it in the same RUN."
                )
                yield Violation(manager, message, evidence_of(run))


def update_alone(params: UpdateAlone, facts: Facts) -> Iterator[Answer]:
    """Check for package lists that are updated without an installation."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    for run in _runs(dockerfile, all_stages=False):
        for manager in params.managers:
            command = updates_alone(run, manager)
            if command:
                message = f"`{command[:_LONGEST]}` stands alone: update and install in the same RUN."
                yield Violation(manager, message, evidence_of(run))


def secrets(params: Secrets, facts: Facts) -> Iterator[Answer]:
    """Check the names of ENV and ARG."""
    dockerfile = _dockerfile(params, facts)
    if isinstance(dockerfile, CannotTell):
        yield dockerfile
        return
    for directive in _instructions(dockerfile, params.all_stages):
        for name, value in variables_of(directive, dockerfile.escape).items():
            is_empty = directive.keyword == "ENV" and value in ("", '""', "''")
            is_named_so = not is_empty and _SECRET(name) is not None and _PUBLIC(name) is None
            if is_named_so and not any(glob.matches(name) for glob in params.allowed):
                subject = f"{directive.keyword} {name[:_LONGEST]}"
                message = f"{subject} is named like a secret, and keeps none: builds and images tell its value."
                yield Violation(name, message, evidence_of(directive))


def not_given(params: NotGiven, facts: Facts) -> Iterator[Answer]:
    """Check whether there is a Dockerfile."""
    if facts.dockerfile is None:
        yield Violation("dockerfile", "The image is judged without its Dockerfile.")
    elif facts.dockerfile.is_guessed:
        yield Violation("dockerfile", "The image is judged without its Dockerfile: only its history is known.")


def _dockerfile(params: _OfDockerfile, facts: Facts) -> Dockerfile | CannotTell:
    if facts.dockerfile is None:
        return CannotTell("there is no Dockerfile, and the image's history tells of none")
    if params.only_given and facts.dockerfile.is_guessed:
        return CannotTell("no Dockerfile was given, and one guessed from the history does not count")
    return facts.dockerfile


def _effective(params: User | ExposedPorts, facts: Facts) -> Effective | CannotTell:
    """The settings that result. If there is no Dockerfile, not even a guessed one, the image's settings alone decide."""
    config = facts.inventory.config
    is_about_settings = not params.only_given and not (isinstance(params, User) and params.declared)
    if facts.dockerfile is None and config is not None and is_about_settings:
        return effective(None, config)
    dockerfile = _dockerfile(params, facts)
    return dockerfile if isinstance(dockerfile, CannotTell) else effective(dockerfile, config)


def _instructions(dockerfile: Dockerfile, all_stages: bool) -> tuple[Instruction, ...]:
    if not all_stages:
        return dockerfile.final
    return (*dockerfile.head, *(directive for stage in dockerfile.stages for directive in stage.instructions))


def _runs(dockerfile: Dockerfile, all_stages: bool) -> Iterable[Instruction]:
    return (directive for directive in _instructions(dockerfile, all_stages) if directive.keyword == "RUN")


_LOOKS_AT: frozenset[Fact] = frozenset(("settings",))
"""Without a Dockerfile, what the history tells of it; with one, what the settings do."""

TRIGGERS = (
    Trigger(gate="dockerfile", name="add_remote", params=AddRemote, check=add_remote, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="base_image", params=BaseImages, check=base_image, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="commands", params=Commands, check=commands, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="exposed_ports", params=ExposedPorts, check=exposed_ports, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="instruction", params=Instructions, check=instruction, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="not_given", params=NotGiven, check=not_given, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="package_cache", params=PackageCache, check=package_cache, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="secrets", params=Secrets, check=secrets, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="update_alone", params=UpdateAlone, check=update_alone, looks_at=_LOOKS_AT),
    Trigger(gate="dockerfile", name="user", params=User, check=user, looks_at=_LOOKS_AT),
)
