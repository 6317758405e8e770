"""Gate `config`: the settings that an image runs with (OCI image specification, config.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.image import ImageConfig
from hullmark.model.verdict import Evidence
from hullmark.policy.credentials import assignments, credentials_in, is_credential
from hullmark.policy.dockerfile.history import MAX_INSTRUCTION
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob
from hullmark.policy.masked import is_masked, may_fit, surely_fits
from hullmark.policy.values import NameGlob, Pattern, Ports

_PASSWD = "/etc/passwd"  # noqa: S105 — a path, not a password
_MASKED = "****"
_ROOT = frozenset(("", "root"))
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "busybox"))
_KEYWORD = re.compile(r"^(?:/bin/sh -c #\(nop\)\s+)?([A-Z]+)\b")

LabelPatterns = Annotated[
    dict[str, Pattern], Meta(description="Patterns that the values of labels must match, if they are set.")
]


class User(Params, frozen=True, kw_only=True):
    """Fires if the image runs as a user that is not allowed. Without a USER instruction, it runs as root."""

    not_root: Annotated[bool, Meta(description="Whether the image must not run as root, under any name.")] = False
    numeric: Annotated[bool, Meta(description="Whether the user must be a number, as runAsNonRoot requires.")] = False
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Users that are not allowed.")] = ()
    allowed: Annotated[tuple[NameGlob, ...], Meta(description="The only users that are allowed; none: any.")] = ()

    def __post_init__(self) -> None:
        if not (self.not_root or self.numeric or self.forbidden or self.allowed):
            raise ValueError("expected not_root, numeric, forbidden or allowed: without one of them it never fires")


class ExposedPorts(Params, frozen=True, kw_only=True):
    """Fires for each exposed port that is forbidden, or not among the allowed ones."""

    forbidden: Annotated[tuple[Ports, ...], Meta(description="Ports that must not be exposed.")] = ()
    allowed: Annotated[tuple[Ports, ...] | None, Meta(description="The only ports that may be exposed ([]: none).")] = (
        None
    )

    def __post_init__(self) -> None:
        if not self.forbidden and self.allowed is None:
            raise ValueError("expected forbidden or allowed: without one of them it never fires")


class HealthCheckWanted(Params, frozen=True, kw_only=True):
    """Fires if the image has no health check, or disables it. Only docker's image format has health checks."""


class Labels(Params, frozen=True, kw_only=True):
    """Fires for each label that is missing, forbidden, or has a value that does not match its pattern."""

    required: Annotated[tuple[str, ...], Meta(description="Labels that must be set, and not empty.")] = ()
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Labels that must not be set.")] = ()
    patterns: LabelPatterns = {}  # noqa: RUF012 — msgspec copies it

    def __post_init__(self) -> None:
        if not (self.required or self.forbidden or self.patterns):
            raise ValueError("expected required, forbidden or patterns: without one of them it never fires")


class Environment(Params, frozen=True, kw_only=True):
    """Fires for each environment variable that is missing, forbidden, or matches a forbidden pattern. Values are never shown."""

    required: Annotated[tuple[str, ...], Meta(description="Variables that must be set.")] = ()
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Variables that must not be set.")] = ()
    patterns: Annotated[tuple[Pattern, ...], Meta(description="Patterns that no NAME=value may match.")] = ()

    def __post_init__(self) -> None:
        if not (self.required or self.forbidden or self.patterns):
            raise ValueError("expected required, forbidden or patterns: without one of them it never fires")


class Entrypoint(Params, frozen=True, kw_only=True):
    """Fires if the image does not define what to start, starts it through a shell, or starts something that does not match a pattern."""

    required: Annotated[bool, Meta(description="Whether there must be an ENTRYPOINT or CMD.")] = False
    no_shell: Annotated[bool, Meta(description="Whether it must not run through a shell.")] = False
    pattern: Annotated[Pattern | None, Meta(description="A pattern that the words, joined by spaces, must match.")] = (
        None
    )

    def __post_init__(self) -> None:
        if not (self.required or self.no_shell or self.pattern):
            raise ValueError("expected required, no_shell or pattern: without one of them it never fires")


class Secrets(Params, frozen=True, kw_only=True):
    """Fires for each setting and build instruction that contains what looks like a credential. The credential is never shown."""

    allow: Annotated[
        tuple[NameGlob, ...], Meta(description="Names of variables, build arguments and labels that are not secrets.")
    ] = ()
    history: Annotated[bool, Meta(description="Whether build instructions are searched, too.")] = True
    by_name: Annotated[bool, Meta(description="Whether a name such as DB_PASSWORD is enough.")] = True


def user(params: User, facts: Facts) -> Iterator[Answer]:
    """Check USER."""
    config = _config(facts)
    name = config.user.partition(":")[0].strip()
    shown = name or "root (no USER is set)"
    evidence = _instruction(config, "USER", config.user)
    is_numeric = name.isascii() and name.isdigit()
    is_root = name in _ROOT or (is_numeric and not name.strip("0"))
    if params.not_root and is_root:
        yield Violation("user", f"The image runs as {shown}, and must not run as root.", evidence)
    elif params.not_root and not is_numeric and name in _names_of_root(facts):
        message = f"The image runs as {shown}, which {_PASSWD} makes another name of root."
        yield Violation("user", message, (*evidence, Evidence(_PASSWD)))
    if params.numeric and not is_numeric:
        yield Violation("user", f"The image runs as {shown}, and the user must be given as a number.", evidence)
    names = {"root", "0", name} if is_root else {name}
    if any(glob.matches(name) for glob in params.forbidden for name in names):
        yield Violation("user", f"The image runs as {shown}, which is forbidden.", evidence)
    elif params.allowed and not any(glob.matches(name) for glob in params.allowed for name in names):
        allowed = ", ".join(glob.text for glob in params.allowed)
        yield Violation("user", f"The image runs as {shown}, and may only run as {allowed}.", evidence)


def _names_of_root(facts: Facts) -> set[str]:
    """Names of users whose number is 0 in the image's passwd(5), as far as it was read."""
    lines = (facts.contents.get(_PASSWD) or b"").decode("utf-8", "replace").split("\n")
    fields = (line.split(":") for line in lines)
    return {entry[0] for entry in fields if len(entry) > 2 and entry[2].strip("0") == "" and entry[2]}


def exposed_ports(params: ExposedPorts, facts: Facts) -> Iterator[Answer]:
    """Check EXPOSE."""
    config = _config(facts)
    for text in sorted(set(config.exposed_ports)):
        try:
            ports = Ports(text if "/" in text else f"{text}/tcp")
        except ValueError:
            yield CannotTell(f"the exposed port {text!r} cannot be read")
            continue
        evidence = _instruction(config, "EXPOSE", text)
        if any(forbidden.overlaps(ports) for forbidden in params.forbidden):
            yield Violation(text, f"The port {text} is exposed, and is forbidden.", evidence)
        elif params.allowed is not None and not any(allowed.covers(ports) for allowed in params.allowed):
            yield Violation(text, f"The port {text} is exposed, and is not among the allowed ones.", evidence)


def healthcheck(params: HealthCheckWanted, facts: Facts) -> Iterator[Answer]:
    """Check HEALTHCHECK."""
    check = _config(facts).healthcheck
    if check is None or not check.test:
        yield Violation("healthcheck", "The image has no health check (HEALTHCHECK).")
    elif check.test[0] == "NONE":
        yield Violation(
            "healthcheck", "The image switches its health check off.", (Evidence(detail="HEALTHCHECK NONE"),)
        )


def labels(params: Labels, facts: Facts) -> Iterator[Answer]:
    """Check LABEL."""
    config = _config(facts)
    for name in params.required:
        if not config.labels.get(name, "").strip():
            yield Violation(f"label:{name}", f"The label {name} must be set, and is not.")
    for name, value in sorted(config.labels.items()):
        evidence = _instruction(config, "LABEL", name)
        if any(glob.matches(name) for glob in params.forbidden):
            yield Violation(f"label:{name}", f"The label {name} is set, and is forbidden.", evidence)
        pattern = params.patterns.get(name)
        if pattern is not None and is_masked(value) and may_fit(pattern, value):
            if not surely_fits(pattern, value):
                yield CannotTell(
                    f"the value of the label {name} is masked, and may fit {pattern.text!r} or not", evidence
                )
        elif pattern is not None and not pattern.is_in(value):
            message = f"The label {name} is {value[:100]!r}, and must fit {pattern.text!r}."
            yield Violation(f"label:{name}", message, evidence)


def environment(params: Environment, facts: Facts) -> Iterator[Answer]:
    """Check ENV."""
    config = _config(facts)
    names = {entry.partition("=")[0] for entry in config.env}
    for name in params.required:
        if name not in names:
            yield Violation(f"env:{name}", f"The environment variable {name} must be set, and is not.")
    for entry in sorted(set(config.env)):
        name = entry.partition("=")[0]
        evidence = _instruction(config, "ENV", name, hide=True)
        if any(glob.matches(name) for glob in params.forbidden):
            yield Violation(f"env:{name}", f"The environment variable {name} is set, and is forbidden.", evidence)
        elif any(pattern.is_in(entry) for pattern in params.patterns):
            yield Violation(f"env:{name}", f"The environment variable {name} fits a forbidden pattern.", evidence)
        elif is_masked(entry) and any(may_fit(pattern, entry) for pattern in params.patterns):
            yield CannotTell(f"the value of {name} is masked, and may fit a forbidden pattern", evidence)


def entrypoint(params: Entrypoint, facts: Facts) -> Iterator[Answer]:
    """Check ENTRYPOINT and CMD."""
    config = _config(facts)
    words = config.entrypoint + config.cmd
    command = " ".join(words)
    evidence = (Evidence(detail=command[:200]),)
    if not words:
        if params.required:
            yield Violation("entrypoint", "The image has neither an ENTRYPOINT nor a CMD.")
        return
    if params.no_shell and words[0].rpartition("/")[2] in _SHELLS:
        yield Violation("entrypoint", f"The image starts {command[:100]!r}, which runs through a shell.", evidence)
    if params.pattern is not None and is_masked(command) and may_fit(params.pattern, command):
        if not surely_fits(params.pattern, command):
            yield CannotTell(f"what it starts holds a secret, and may fit {params.pattern.text!r} or not", evidence)
    elif params.pattern is not None and not params.pattern.is_in(command):
        message = f"The image starts {command[:100]!r}, and must start what fits {params.pattern.text!r}."
        yield Violation("entrypoint", message, evidence)


def secrets(params: Secrets, facts: Facts) -> Iterator[Answer]:
    """Check ENV, LABEL, ENTRYPOINT, CMD and the instructions of the history."""
    config = _config(facts)
    settings = [("env", *entry.partition("=")[::2]) for entry in sorted(set(config.env))]
    settings += [("label", name, value) for name, value in sorted(config.labels.items())]
    settings += [("command", "", " ".join(config.entrypoint + config.cmd))]
    for kind, name, value in settings:
        found = list(credentials_in(value)) or (["a credential, which is masked"] if is_masked(value) else [])
        if kind == "env" and is_credential(name, value) and not list(credentials_in(value)):
            found = ["a credential, by its name"] if params.by_name else []
        if found and not any(glob.matches(name) for glob in params.allow):
            where = f"{kind}:{name}" if name else kind
            shown = {"env": f"environment variable {name}", "label": f"label {name}"}.get(kind, "command")
            yield Violation(where, f"The {shown} holds {' and '.join(found)}.", (Evidence(detail=where),))
    if params.history:
        yield from _secrets_in_history(params, config)


def _secrets_in_history(params: Secrets, config: ImageConfig) -> Iterator[Answer]:
    for number, entry in enumerate(config.history):
        text = entry.created_by[:MAX_INSTRUCTION]
        names = {name for name, value in assignments(text) if params.by_name and is_credential(name, value)}
        named = sorted(name for name in names if not any(glob.matches(name) for glob in params.allow))
        hidden = _MASKED in text and not names
        if found := [*credentials_in(text), *named] or (["a credential, which is masked"] if hidden else []):
            keyword = _KEYWORD.match(entry.created_by)
            shown = f"instruction {number + 1} of the history" + (f" ({keyword[1]})" if keyword else "")
            message = f"The {shown} holds {' and '.join(found)}: whoever has the image can read it."
            yield Violation(f"history:{number + 1}", message, (Evidence(detail=f"history {number + 1}"),))


def _config(facts: Facts) -> ImageConfig:
    return facts.inventory.config or ImageConfig()


def _instruction(config: ImageConfig, keyword: str, detail: str, *, hide: bool = False) -> tuple[Evidence, ...]:
    """Evidence: the last instruction of a kind in the history. `hide`: leave out its text, because it may contain a secret."""
    for entry in reversed(config.history):
        found = _KEYWORD.match(entry.created_by)
        if found is not None and found[1] == keyword and (keyword == "USER" or detail in entry.created_by):
            return (Evidence(created_by=f"{keyword} {detail}" if hide else entry.created_by, detail=detail),)
    return (Evidence(detail=detail),)


def _passwd(params: User) -> tuple[PathGlob, ...]:
    return (PathGlob(_PASSWD),) if params.not_root else ()


def _set_user(params: User, subject: str) -> str:
    names = ", ".join(glob.text for glob in params.allowed)
    return f"set USER to {names or ('a number other than 0' if params.numeric else 'a user that is not root')}"


def _unexpose(params: ExposedPorts, subject: str) -> str:
    return f"take EXPOSE {subject} out"


def _check_health(params: HealthCheckWanted, subject: str) -> str:
    return "add a HEALTHCHECK instruction"


def _label(params: Labels, subject: str) -> str:
    name = subject.removeprefix("label:")
    return f"set LABEL {name}" if name in params.required else f"change or remove LABEL {name}"


def _env(params: Environment, subject: str) -> str:
    name = subject.removeprefix("env:")
    return (
        f"set ENV {name}" if name in params.required else f"take ENV {name} out, and set it when the container starts"
    )


def _hide(params: Secrets, subject: str) -> str:
    return (
        "hand the secret over when the container starts or as a build secret (RUN --mount=type=secret), and replace it"
    )


_CONFIG = frozenset((Need.CONFIG,))

TRIGGERS = (
    Trigger(gate="config", name="user", params=User, check=user, needs=_CONFIG, contents=_passwd, advice=_set_user),
    Trigger(
        gate="config", name="exposed_ports", params=ExposedPorts, check=exposed_ports, needs=_CONFIG, advice=_unexpose
    ),
    Trigger(
        gate="config",
        name="healthcheck",
        params=HealthCheckWanted,
        check=healthcheck,
        needs=_CONFIG,
        advice=_check_health,
    ),
    Trigger(gate="config", name="labels", params=Labels, check=labels, needs=_CONFIG, advice=_label),
    Trigger(gate="config", name="env", params=Environment, check=environment, needs=_CONFIG, advice=_env),
    Trigger(gate="config", name="entrypoint", params=Entrypoint, check=entrypoint, needs=_CONFIG),
    Trigger(gate="config", name="secrets", params=Secrets, check=secrets, needs=_CONFIG, advice=_hide),
)
