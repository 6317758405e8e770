"""Gate `dockerfile`: the instructions of the Dockerfile, or those guessed from the history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.policy.anchore.dockerfile import KEYWORDS, Line
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.trigger import Answer, Trigger, TriggerMatch
from hullmark.policy.gate import Need
from hullmark.policy.values import Ports

_CHECKS = ("=", "!=", "exists", "not_exists", "like", "not_like", "in", "not_in")
_USER = re.compile(r"\s*USER\s+\[?([^\]]+)\]?\s*").match
_EXPOSED = re.compile(r"(?:EXPOSE|expose)\s+(.*)").match
_LISTS = ("whitelist", "blacklist")
_PROTOCOLS = ("", "/tcp", "/udp")


def instruction(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare each line with the given instruction."""
    if not _applies(values, facts):
        return
    keyword, check = values.text("instruction"), values.text("check")
    lines = [line for line in facts.lines if line.keyword == keyword]
    if check == "not_exists":
        if not lines:
            message = f"Dockerfile directive '{keyword}' not found, matching condition 'not_exists' check"
            yield TriggerMatch(message=message, subject=keyword)
        return
    if check != "exists" and not values.has("value"):
        return
    value = values.text("value")
    for line in lines:
        if _compares(check, value, line.value, facts):
            message = (
                f"Dockerfile directive '{keyword}' check '{check}' matched against '{value}' for line '{line.value}'"
            )
            yield TriggerMatch(message=message, subject=f"{keyword} {line.value}")


def _compares(check: str, value: str, line: str, facts: AnchoreFacts) -> bool:
    if check == "exists":
        return True
    if check in ("like", "not_like"):
        return compile_expression(value).matches(line, facts.work) is (check == "like")
    if check in ("in", "not_in"):
        return (line in [part.strip() for part in value.split(",")]) is (check == "in")
    return (line == value) is (check == "=")


def effective_user(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the user that the image runs as."""
    user = _user(facts)
    if user is None:
        return
    users = values.texts("users")
    # A policy that lists a user means that user in any group; the original compares the whole text.
    names = {user} if facts.keeps("Q24") else {user, user.partition(":")[0]}
    is_listed = not names.isdisjoint(users)
    if values.text("type") == "blacklist" and is_listed:
        message = f"User {user} found as effective user, which is explicity not allowed"
        yield TriggerMatch(message=message, subject=f"user {user}")
    elif values.text("type") == "whitelist" and not is_listed:
        message = f"User {user} found as effective user, which is not on the allowed list"
        yield TriggerMatch(message=message, subject=f"user {user}")


def _user(facts: AnchoreFacts) -> str | None:
    """The effective user; None if the original cannot determine it."""
    if not facts.keeps("Q24") and facts.config.user:
        return facts.config.user
    lines = [line for line in facts.lines if line.keyword == "USER"]
    if not lines:
        return "root"
    text = lines[-1].text if facts.keeps("Q9") else f"USER {lines[-1].value}"
    found = _USER(text)
    return found[1].strip() if found is not None else None


def exposed_ports(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the exposed ports."""
    if not _applies(values, facts):
        return
    lines = [line for line in facts.lines if line.keyword == "EXPOSE"]
    wanted = values.texts("ports")
    is_denied = values.text("type") == "blacklist"
    if facts.keeps("Q10"):
        named = [tokens for line in lines if (tokens := _tokens(line, facts))]
        found = _find_listed_ports(named, wanted) if is_denied else _not_allowed(named, wanted)
    else:
        tokens = sorted({token for line in lines for token in line.value.split()})
        found = (
            _find_denied_ports(tokens, wanted)
            if is_denied
            else (token for token in tokens if not _is_allowed(token, wanted))
        )
    words = "is in policy file DENIEDPORTS" if is_denied else "is not in policy file ALLOWEDPORTS"
    for token in found:
        yield TriggerMatch(message=f"Dockerfile exposes port ({token}) which {words} list", subject=f"port {token}")


def _tokens(line: Line, facts: AnchoreFacts) -> list[str]:
    """The ports that a line names. The original (Q9) knows the keyword only in all capitals or all small letters, and otherwise finds no
    ports.
    """
    found = _EXPOSED(line.text) if facts.keeps("Q9") else None
    return found[1].split() if found is not None else [] if facts.keeps("Q9") else line.value.split()


def _find_listed_ports(lines: Iterable[list[str]], wanted: tuple[str, ...]) -> Iterator[str]:
    """The denied ports that the lines name, each at most once per line."""
    for tokens in lines:
        for port in wanted:
            yield from [port + protocol for protocol in _PROTOCOLS if port + protocol in tokens][:1]


def _not_allowed(lines: Iterable[list[str]], wanted: tuple[str, ...]) -> Iterator[str]:
    """What is left of each line once every allowed port is removed: once in each of its forms, and again for as long as there was one for
    UDP.
    """
    for tokens in lines:
        for port in wanted:
            is_done = False
            while not is_done:
                is_done = f"{port}/udp" not in tokens
                for name in (port + protocol for protocol in _PROTOCOLS):
                    if name in tokens:
                        tokens.remove(name)
        yield from tokens


def _find_denied_ports(tokens: list[str], wanted: tuple[str, ...]) -> Iterator[str]:
    """For each denied port, the first text that names it, alone or in a range; port 0 denies all."""
    for port in dict.fromkeys(wanted):
        named = [token for token in tokens if _overlaps(token, port)]
        yield from named if port == "0" else named[:1]


def _overlaps(token: str, port: str) -> bool:
    try:
        return Ports("*" if port == "0" else port).overlaps(Ports(token))
    except ValueError:
        return False


def _is_allowed(token: str, wanted: tuple[str, ...]) -> bool:
    """Whether all ports that the text names are allowed."""
    if "0" in wanted:
        return True
    try:
        ports = Ports(token)
    except ValueError:
        return False
    return all(str(port) in wanted for port in range(ports.first, ports.last + 1))


def no_dockerfile_provided(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check whether a Dockerfile was supplied."""
    if not facts.is_dockerfile_actual:
        yield TriggerMatch(message="Image was not analyzed with an actual Dockerfile", subject="dockerfile")


def _applies(values: Values, facts: AnchoreFacts) -> bool:
    return facts.is_dockerfile_actual or not values.flag("actual_dockerfile_only")


_ONLY_ACTUAL = Parameter(name="actual_dockerfile_only", kind=Kind.FLAG, about="Whether a guessed one does not count.")
_TYPE = Parameter(name="type", kind=Kind.CHOICE, choices=_LISTS, is_required=True, about="Which kind of list.")
_CONFIG = frozenset((Need.CONFIG,))

TRIGGERS = (
    Trigger(
        gate="dockerfile",
        name="instruction",
        check=instruction,
        needs=_CONFIG,
        about="Fires for each line of an instruction that meets the condition, or where the instruction is missing.",
        parameters=(
            Parameter(name="instruction", kind=Kind.CHOICE, choices=KEYWORDS, is_required=True, any_case=True),
            Parameter(name="check", kind=Kind.CHOICE, choices=_CHECKS, is_required=True),
            Parameter(name="value", about="What the rest of the line is compared with."),
            _ONLY_ACTUAL,
        ),
    ),
    Trigger(
        gate="dockerfile",
        name="effective_user",
        check=effective_user,
        needs=_CONFIG,
        about="Fires if the image runs as a user that is denied, or not among the allowed ones.",
        parameters=(Parameter(name="users", kind=Kind.LOOSE_TEXTS, is_required=True), _TYPE),
    ),
    Trigger(
        gate="dockerfile",
        name="exposed_ports",
        check=exposed_ports,
        needs=_CONFIG,
        about="Fires for each exposed port that is denied, or not among the allowed ones.",
        parameters=(Parameter(name="ports", kind=Kind.INTEGERS, is_required=True), _TYPE, _ONLY_ACTUAL),
    ),
    Trigger(
        gate="dockerfile",
        name="no_dockerfile_provided",
        check=no_dockerfile_provided,
        about="Fires if no Dockerfile was given.",
    ),
)
