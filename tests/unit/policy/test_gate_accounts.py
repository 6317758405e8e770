"""The gate `accounts`: which lines of passwd(5) are meant, and what cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy.gate import Answer, CannotTell, Violation
from hullmark.policy.gates.accounts import ForbiddenAccounts, RequiredAccounts, check_required_accounts, forbidden
from hullmark.policy.values import NameGlob
from tests.unit.policy.building import facts, file

LINES = "root:x:0:0:root:/root:/bin/bash\nftp:x:14:50::/var/ftp:/sbin/nologin\n"


def seen(body: bytes | None, **fields: Any) -> Any:
    size = len(body) if body is not None else 10
    return facts(files=[file("/etc/passwd", size=size, **fields)], contents={"/etc/passwd": body})


def said(answers: list[Answer]) -> list[str]:
    return [answer.subject if isinstance(answer, Violation) else f"? {answer.reason}" for answer in answers]


@pytest.mark.parametrize(
    ("params", "fires"),
    [
        (ForbiddenAccounts(names=(NameGlob("f*"),)), ["ftp"]),
        (ForbiddenAccounts(names=(NameGlob("*"),), allow=(NameGlob("root"),)), ["ftp"]),
        (ForbiddenAccounts(uids=(0, 14), gids=(50,)), ["ftp"]),
        (ForbiddenAccounts(shells=(NameGlob("*/bash"),)), ["root"]),
        (ForbiddenAccounts(entries=("  ftp:x:14:50::/var/ftp:/sbin/nologin",)), ["ftp"]),
        (ForbiddenAccounts(uids=(1,)), []),
    ],
)
def test_an_account_is_forbidden_if_it_meets_all_conditions(params: ForbiddenAccounts, fires: list[str]) -> None:
    assert said([*forbidden(params, seen(LINES.encode()))]) == fires


def test_without_a_condition_it_would_forbid_all() -> None:
    with pytest.raises(ValueError, match="expected a condition"):
        ForbiddenAccounts()


@pytest.mark.parametrize("line", ["a:x:0", "a:x::0::/:/bin/sh", "a:x:zero:0::/:/bin/sh", "a:x:-0:0::/:/bin/sh"])
def test_a_line_that_is_no_entry_cannot_be_told_where_that_decides(line: str) -> None:
    body = f"\n{line}\n".encode()
    assert said([*forbidden(ForbiddenAccounts(uids=(0,), gids=(0,)), seen(body))]) == [
        "? line 2 of /etc/passwd is not an entry of passwd(5)"
    ]
    assert said([*forbidden(ForbiddenAccounts(uids=(0,), names=(NameGlob("b"),)), seen(body))]) == []
    assert said([*forbidden(ForbiddenAccounts(names=(NameGlob("a"),)), seen(body))]) == ["a"]


def test_numbers_are_numbers_and_passwords_are_not_shown() -> None:
    (answer,) = forbidden(ForbiddenAccounts(uids=(7,)), seen(b"a:$6$hash:007:7::/:/bin/sh"))
    assert isinstance(answer, Violation)
    assert "hash" not in repr(answer)


def test_without_the_file_accounts_are_missing_and_none_can_be_judged() -> None:
    for found in (facts(), seen(None), seen(None, type="symlink")):
        (answer,) = forbidden(ForbiddenAccounts(uids=(0,)), found)
        assert isinstance(answer, CannotTell)
    assert said([*check_required_accounts(RequiredAccounts(), facts())]) == ["/etc/passwd"]
    assert said([*check_required_accounts(RequiredAccounts(names=(NameGlob("a"),)), seen(b"\n"))]) == [
        "/etc/passwd",
        "a",
    ]
    assert said([*check_required_accounts(RequiredAccounts(), seen(None))]) == [
        "? the file /etc/passwd could not be read"
    ]
    assert said([*check_required_accounts(RequiredAccounts(names=(NameGlob("f?p"),)), seen(LINES.encode()))]) == []


@given(st.binary(max_size=60))
def test_any_file_is_judged(body: bytes) -> None:
    for answer in forbidden(ForbiddenAccounts(names=(NameGlob("*"),)), seen(body)):
        assert isinstance(answer, Violation)
    assert all(isinstance(answer, Violation) for answer in check_required_accounts(RequiredAccounts(), seen(body)))
