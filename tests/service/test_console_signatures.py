"""What others signed about an image, at its page: who is believed and why, kept for the account that asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from hullmark.server.stories.images import signed
from hullmark.server.stories.images.retain import sweep_objects
from tests.flow.test_signature_rules import BUILDER, PROVENANCE, SOURCE, V1, VSA
from tests.service.test_verdicts import kept
from tests.support.attestations import DSSE, Signer, statement_about, unsigned
from tests.support.browsing import browser
from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.signed_images import attest, policy_trusting, sign, sign_by_identity
from tests.support.sigstore import Sigstore

pytestmark = pytest.mark.anyio

SPDX = "https://spdx.dev/Document/v2.3"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def page(at: Desk, digest: str, account: str = "admin", status: int = 200) -> str:
    answer = await at.client.get(f"/console/{account}/images/{digest}?tab=signatures", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    assert HOSTILE not in answer.text
    main = answer.text.partition('id="others"')[2].partition("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


async def test_what_analysis_saw_is_shown_with_who_is_believed(at: Desk) -> None:
    ours, theirs = Signer(), Signer()
    digest = at.push("1", status_file(("libc6", "2.41-12")))
    sign(at, digest, ours)
    built = {**PROVENANCE[V1], "runDetails": {"builder": {"id": HOSTILE}}}
    summary = {
        "verifier": {"id": "https://judge.example"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    }
    attest(
        at,
        digest,
        ours.signed(statement_about(digest, PROVENANCE[V1], V1)),
        theirs.signed(statement_about(digest, built, V1)),
        ours.signed(statement_about(digest, summary, VSA)),
        ours.signed(statement_about(digest, {"spdxVersion": "SPDX-2.3"}, SPDX)),
        unsigned(statement_about(digest, {"any": 1}, "https://example.org/review")),
    )
    await kept(at, policy_trusting(ours))
    await at.add("1")
    await at.work()
    said = await page(at, digest)
    short = ours.fingerprint[7:19]
    assert f"signature cosign verified trust · ours {short}" in said
    assert f"provenance {V1} verified trust · ours {short} built by {BUILDER} from {SOURCE}" in said
    assert f"built by {HOSTILE}" in said
    assert "nobody vouches for that" in said
    assert "judged by https://judge.example SLSA build level 3" in said
    assert f"bill of materials {SPDX} verified" in said
    assert "statement https://example.org/review not verified Nobody whom a policy in force names has signed it" in said


async def test_without_keys_in_force_nothing_is_verified(at: Desk) -> None:
    signer = Signer()
    digest = at.push("1", {})
    sign(at, digest, signer)
    await at.add("1")
    await at.work()
    assert "signature cosign not verified No policy in force names anybody to verify it by." in await page(at, digest)
    assert "No rule of a policy in force names keys" in await page(at, digest)


async def test_a_signature_over_another_image_is_not_believed(at: Desk) -> None:
    signer = Signer()
    digest = at.push("1", {})
    sign(at, digest, signer, about=f"sha256:{'7' * 64}")
    await kept(at, policy_trusting(signer))
    await at.add("1")
    await at.work()
    assert "signature cosign not verified" in await page(at, digest)


async def test_what_came_later_is_seen_when_somebody_looks_again(at: Desk) -> None:
    signer = Signer()
    digest = at.push("1", {})
    await at.add("1")
    await at.work()
    assert "Nothing is signed about this image." in await page(at, digest)
    sign(at, digest, signer)
    async with browser(at) as person:
        await person.sign_in("admin", PASSWORD)
        address = f"/console/admin/images/{digest}"
        token = await person.token(f"{address}?tab=signatures")
        answer = await person.send(f"{address}/signatures", {}, token)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?tab=signatures")
        assert (await person.send(f"{address}/signatures", {})).status_code == 403
    assert "signature cosign not verified" in await page(at, digest)


async def test_another_account_sees_what_its_own_login_is_shown(at: Desk) -> None:
    signer = Signer()
    digest = at.push("1", {})
    sign(at, digest, signer)
    await at.add("1")
    await at.work()
    await at.post("/accounts", {"name": "others"})
    assert (await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False}, "others")).is_success
    await at.add("1", "others")
    assert "Nobody looked yet." in await page(at, digest, "others")
    at.registry.refuses[".sig"] = (403, {})
    await at.work()
    assert "signature cosign" in await page(at, digest)
    assert "Not all was seen:" in await page(at, digest, "others")
    assert "signature cosign" not in await page(at, digest, "others")


async def test_who_signed_without_a_key_is_verified_by_identity(at: Desk) -> None:
    sigstore = Sigstore()
    digest = at.push("1", {})
    sign_by_identity(at, digest, sigstore)
    await kept(at, policy_trusting(sigstore=sigstore))
    await at.add("1")
    await at.work()
    assert "signature cosign verified trust · ours" in await page(at, digest)


async def test_that_a_registry_fell_silent_is_said_beside_what_it_told(at: Desk) -> None:
    signer = Signer()
    digest = at.push("1", {})
    sign(at, digest, signer)
    await at.add("1")
    await at.work()
    at.registry.refuses["/v2/"] = (503, {})
    await at.post(f"/images/{digest}/signatures", None)
    said = await page(at, digest)
    assert "signature cosign" in said
    assert "The registry did not tell all when it was last asked" in said


async def test_a_registry_that_does_not_tell_is_said(at: Desk) -> None:
    digest = at.push("1", {})
    at.registry.refuses[".sig"] = (403, {})
    await at.add("1")
    await at.work()
    assert "Not all was seen:" in await page(at, digest)


async def test_documents_that_are_too_large_are_named(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "_MAX_DOCUMENT", 10)
    digest = at.push("1", {})
    attest(at, digest, Signer().signed(statement_about(digest, {}, SPDX)))
    await at.add("1")
    await at.work()
    assert f"statement {DSSE} not checked It is too large to be kept" in await page(at, digest)


async def test_it_goes_with_the_image(at: Desk) -> None:
    long_ago = -3600.0 * 24 * 365 * 10
    digest = at.push("1", {})
    await at.add("1")
    await at.work()
    await sweep_objects(at.services, long_ago)
    assert [each.key for each in at.services.objects.list("signed/")]
    await at.ask("DELETE", f"/images/{digest}")
    await sweep_objects(at.services, long_ago)
    assert not [each.key for each in at.services.objects.list("signed/")]
