"""docs/how-to/sign-and-verify-verdicts.md is true: its commands run, and what it shows is what comes."""

from __future__ import annotations

from pathlib import Path

from tests.support.images import small_layout
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.program import program_in
from tests.support.shelves import openssl

PAGE = REPOSITORY / "docs" / "how-to" / "sign-and-verify-verdicts.md"


def test_a_verdict_is_signed_verified_and_judged_again_as_the_page_says(tmp_path: Path) -> None:
    hullmark = program_in(tmp_path / "run")
    small_layout(hullmark.place / "image")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", hullmark.place / "key.pem")
    openssl("pkey", "-in", hullmark.place / "key.pem", "-pubout", "-out", hullmark.place / "key.pub")
    assert commands_that_hold(PAGE, hullmark) == 3
