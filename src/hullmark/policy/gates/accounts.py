"""Gate `accounts`: the users of the image, by its passwd(5). Passwords are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.policy.facts import CONTENT_LIMIT, Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import NameGlob

PASSWD = "/etc/passwd"  # noqa: S105 — a path, not a password
_GLOBS = (PathGlob(PASSWD),)
_FIELDS = 7
_NAME, _UID, _GID, _SHELL = 0, 2, 3, 6
_LONGEST = 60

Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class ForbiddenAccounts(Params, frozen=True, kw_only=True):
    """Fires for each account that meets all conditions given. Without a passwd(5) file, the rule cannot be judged."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Names that are forbidden; none: any.")] = ()
    allow: Annotated[tuple[NameGlob, ...], Meta(description="Names of accounts that are left out.")] = ()
    uids: Annotated[tuple[Id, ...], Meta(description="Only accounts with one of these numbers; none: any.")] = ()
    gids: Annotated[tuple[Id, ...], Meta(description="Only accounts of one of these groups; none: any.")] = ()
    shells: Annotated[tuple[NameGlob, ...], Meta(description="Only accounts with one of these shells; none: any.")] = ()
    entries: Annotated[tuple[str, ...], Meta(description="Only accounts whose whole line is one of these.")] = ()

    def __post_init__(self) -> None:
        if not (self.names or self.allow or self.uids or self.gids or self.shells or self.entries):
            raise ValueError("expected a condition: without one all accounts are forbidden")


class RequiredAccounts(Params, frozen=True, kw_only=True):
    """Fires if there are no accounts, and for each name that no account matches."""

    names: Annotated[tuple[NameGlob, ...], Meta(description="Each must match at least one account.")] = ()


class _Account(NamedTuple):
    """A line, its fields, and its number."""

    line: str
    fields: list[str]
    number: int

    @property
    def name(self) -> str:
        return self.fields[_NAME]


def forbidden(params: ForbiddenAccounts, facts: Facts) -> Iterator[Answer]:
    """Check each account."""
    accounts = _accounts(facts)
    if isinstance(accounts, CannotTell):
        yield accounts
        return
    for account in accounts or ():
        is_meant = _meets(params, account)
        evidence = (facts.at(PASSWD, _layer(facts), f"line {account.number}"),)
        if is_meant is None:
            yield CannotTell(f"line {account.number} of {PASSWD} is not an entry of passwd(5)", evidence)
        elif is_meant:
            message = f"The account {_format_account(account)} in line {account.number} of {PASSWD} is forbidden."
            yield Violation(account.name[:_LONGEST], message, evidence)
    if accounts is None:
        yield CannotTell(f"there is no file {PASSWD}")


def check_required_accounts(params: RequiredAccounts, facts: Facts) -> Iterator[Answer]:
    """Check that the accounts exist."""
    accounts = _accounts(facts)
    if isinstance(accounts, CannotTell):
        yield accounts
        return
    if not accounts:
        reason = "there is no such file" if accounts is None else "it holds none"
        yield Violation(PASSWD, f"There must be accounts in {PASSWD}, and {reason}.")
    for glob in params.names:
        if not any(glob.matches(account.name) for account in accounts or ()):
            yield Violation(glob.text, f"There must be an account {glob}, and there is none.")


def _accounts(facts: Facts) -> list[_Account] | CannotTell | None:
    """The entries, without blank lines; None if there is no such file."""
    file = _file(facts)
    if file is None:
        return None
    body = b"" if file.type == "file" and file.size == 0 else facts.contents.get(PASSWD)
    if body is None or len(body) > CONTENT_LIMIT:
        return CannotTell(f"the file {PASSWD} could not be read", facts.at_file(file))
    lines = (line.strip() for line in body.decode("utf-8", "replace").split("\n"))
    return [_Account(line, line.split(":"), number) for number, line in enumerate(lines, 1) if line]


def _file(facts: Facts) -> FileRecord | None:
    return next(iter(facts.files.matching(_GLOBS)), None)


def _layer(facts: Facts) -> int:
    file = _file(facts)
    return file.layer if file is not None else -1


def _meets(params: ForbiddenAccounts, account: _Account) -> bool | None:
    """Whether all conditions are met; None if the line lacks a field that decides it."""
    if any(glob.matches(account.name) for glob in params.allow):
        return False
    answers = [
        _fits(params.names, account, _NAME),
        _is_one(params.uids, account, _UID),
        _is_one(params.gids, account, _GID),
        _fits(params.shells, account, _SHELL),
        not params.entries or account.line in (entry.strip() for entry in params.entries),
    ]
    return False if False in answers else None if None in answers else True


def _fits(globs: tuple[NameGlob, ...], account: _Account, field: int) -> bool | None:
    if not globs:
        return True
    if len(account.fields) <= field:
        return None
    return any(glob.matches(account.fields[field]) for glob in globs)


def _is_one(numbers: tuple[int, ...], account: _Account, field: int) -> bool | None:
    if not numbers:
        return True
    text = account.fields[field] if len(account.fields) > field else ""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        return None
    return int(text) in numbers


def _format_account(account: _Account) -> str:
    name, fields = account.name[:_LONGEST], account.fields
    if len(fields) < _FIELDS:
        return name
    return f"{name} (uid {fields[_UID][:20]}, gid {fields[_GID][:20]}, shell {fields[_SHELL][:_LONGEST] or '/bin/sh'})"


def _list_paths(params: Params) -> tuple[PathGlob, ...]:
    return _GLOBS


def _remove(params: ForbiddenAccounts, subject: str) -> str:
    return f"remove the account {subject}, or change it"


def _add(params: RequiredAccounts, subject: str) -> str:
    return "add /etc/passwd" if subject == PASSWD else f"add an account {subject}"


_NEEDS = frozenset((Need.FILES, Need.CONTENTS))

TRIGGERS = (
    Trigger(
        gate="accounts",
        name="forbidden",
        params=ForbiddenAccounts,
        check=forbidden,
        needs=_NEEDS,
        contents=_list_paths,
        advice=_remove,
    ),
    Trigger(
        gate="accounts",
        name="required",
        params=RequiredAccounts,
        check=check_required_accounts,
        needs=_NEEDS,
        contents=_list_paths,
        advice=_add,
    ),
)
