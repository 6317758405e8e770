"""A server signs what holds: certified, no longer after an advisory, told, and again by an exception; older statements count no more."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.proof.bundle import Bundle, read_bundle
from hullmark.proof.dsse import read_keys
from hullmark.proof.verification import Expectations, ExpiredStatement, ReplayedStatement, verify_newest
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept
from tests.support.desk import desk
from tests.support.matching import advisory, affected
from tests.support.shelves import openssl

pytestmark = pytest.mark.anyio


def _bundle(answer: list[dict[str, Any]]) -> Bundle:
    (found,) = answer
    return read_bundle(json.dumps(found["bundle"]).encode())


async def test_a_verdict_is_signed_revoked_and_signed_again(database_url: str, tmp_path: Path) -> None:
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tmp_path / "key.pem")
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "key.pub")
    keys = read_keys((tmp_path / "key.pub").read_bytes(), "the key")
    async with desk(database_url, tmp_path, signing_key=str(tmp_path / "key.pem")) as at:
        digest = at.push("1.0", SHOP)
        older = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb", "1:1.2"), severity="high")
        await at.advise(older)
        await kept(at, NO_HIGH)
        await at.add("1.0")
        await at.work()

        def expected(**more: Any) -> Expectations:
            return Expectations(keys=keys, subjects=(digest,), now=at.now, **more)

        first = _bundle(await at.get(f"/images/{digest}/statements"))
        certified = verify_newest([first], expected()).statement
        assert certified.own.verdict == "go"
        assert certified.own.snapshot
        at.now += timedelta(hours=1)
        await at.advise(LIBC, older)
        await at.work()
        second = _bundle(await at.get(f"/images/{digest}/statements"))
        revoked = verify_newest([first, second], expected()).statement
        assert (revoked.own.verdict, revoked.passed) == ("stop", False)
        with pytest.raises(ReplayedStatement):
            verify_newest([first], expected(newest_known=revoked.at))
        at.now += timedelta(hours=1)
        day = (at.now + timedelta(days=9)).date().isoformat()
        body = {"rule": "no-high", "subject": "*", "owner": "shop", "reason": "is not called", "expires": day}
        await at.post("/exceptions", body)
        await at.work()
        third = _bundle(await at.get(f"/images/{digest}/statements"))
        assert verify_newest([first, second, third], expected()).statement.own.verdict == "go"
        told = [item["body"]["after"] for item in (await at.get("/events?kind=verdict.changed"))["items"]]
        assert told[:2] == ["go", "stop"], "people are told of both, the newest first"
        at.now += timedelta(days=2)
        with pytest.raises(ExpiredStatement):
            verify_newest([first, second, third], expected())


async def test_a_server_without_a_key_says_so(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("1.0", SHOP)
        await at.add("1.0")
        await at.get(f"/images/{digest}/statements", status=409)
