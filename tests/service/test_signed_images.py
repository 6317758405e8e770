"""The server judges by what others signed: as each account's registry shows it, seen when images come, looked for again, and in rounds."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.verdict import Outcome
from hullmark.server.stories.images import signature_looks, signed
from hullmark.server.stories.images.signature_looks import want_looks
from tests.service.test_admission import Follower
from tests.service.test_transitions import CALM, OTHER, told
from tests.service.test_verdicts import LIBC, NOT_ROOT, SHOP, kept, word
from tests.support.attestations import Signer, statement_about
from tests.support.desk import PASSWORD, Desk, desk
from tests.support.signed_images import (
    attest,
    policy_trusting,
    sign,
    sign_by_identity,
    take_signature_away,
)
from tests.support.sigstore import Sigstore

pytestmark = pytest.mark.anyio

BILL = "https://spdx.dev/Document/v2.3"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def added(at: Desk, tag: str, account: str = "") -> None:
    await at.add(tag, account)
    await at.work()


async def round_of_looks(at: Desk, later: timedelta = timedelta(hours=1)) -> list[str]:
    """What becomes due after a while, done; answers the tasks."""
    at.now += later
    await want_looks(at.services)
    return await at.work()


async def turns(at: Desk) -> list[tuple[str, str, str]]:
    """The turns of verdicts: before, after, and what kind of cause."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT before, after, kind FROM verdict_change ORDER BY at")
        return [(before, after, kind) for before, after, kind in await cursor.fetchall()]


async def second_account(at: Desk) -> None:
    await at.post("/accounts", {"name": "others"})
    answer = await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False}, "others")
    assert answer.is_success, answer.text


def with_vulnerabilities(text: str) -> str:
    """The policy, which also stops what has a known weakness of high severity."""
    policy = json.loads(text)
    params = {"severity": "high", "unrated": "ignore"}
    rule = {"id": "no-high", "gate": "vulnerabilities", "trigger": "found", "action": "stop", "params": params}
    return json.dumps({**policy, "rules": [*policy["rules"], rule]})


async def test_by_key_by_identity_and_unsigned(at: Desk, tmp_path: Path) -> None:
    ours, sigstore = Signer(), Sigstore()
    digests = {tag: at.push(tag, {"which": tag.encode()}) for tag in ("key", "identity", "stranger", "nobody")}
    sign(at, digests["key"], ours)
    sign_by_identity(at, digests["identity"], sigstore)
    sign(at, digests["stranger"], Signer())
    await kept(at, policy_trusting(ours, sigstore=sigstore))
    for tag in digests:
        await added(at, tag)
    words = {tag: await word(at, digest) for tag, digest in digests.items()}
    assert words == {"key": "go", "identity": "go", "stranger": "stop", "nobody": "stop"}
    gate = Follower(at, tmp_path)
    await gate.sync()
    assert {tag: gate.words(digest) for tag, digest in digests.items()} == {
        tag: [Outcome(each)] for tag, each in words.items()
    }
    check = await at.get(f"/images/{digests['nobody']}/check")
    assert [finding["message"] for finding in check["findings"]] == [
        "The image is not signed by a trusted key or identity."
    ]


async def test_where_no_rule_asks_nothing_is_read(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Any] = []

    def counted(*args: Any) -> None:
        reads.append(args)

    monkeypatch.setattr("hullmark.server.stories.images.stored.signed_for_rules", counted)
    at.push("1", {})
    await kept(at, NOT_ROOT)
    await added(at, "1")
    assert reads == []
    await kept(at, policy_trusting(Signer()))
    await at.work()
    assert len(reads) == 1


async def test_a_signature_that_comes_later_and_goes_again_is_seen_in_rounds_and_told(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    assert await word(at, digest) == "stop"
    assert "signatures" in await round_of_looks(at)
    assert await word(at, digest) == "stop"
    sign(at, digest, ours)
    assert await round_of_looks(at, timedelta(minutes=30)) == []
    await round_of_looks(at)
    assert await word(at, digest) == "go"
    take_signature_away(at, digest)
    await round_of_looks(at)
    assert await word(at, digest) == "stop"
    assert [(kind, cause) for kind, cause, *_ in await told(at)] == [
        ("compliance.regained", "signatures"),
        ("compliance.lost", "signatures"),
    ]
    assert await turns(at) == [("stop", "go", "signatures"), ("go", "stop", "signatures")]
    (row,) = await at.get(f"/images/{digest}/verdicts")
    assert row["cause"] == "signatures changed"
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT sentence FROM cause ORDER BY id")
        said = [sentence for (sentence,) in await cursor.fetchall()]
    assert said == [
        f"What is signed about {at.reference('1')} changed, or what of it counts: not enough, then enough.",
        f"What is signed about {at.reference('1')} changed, or what of it counts: enough, then not enough.",
    ]


async def test_a_registry_that_does_not_answer_takes_nothing_away(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    at.registry.refuses["/v2/"] = (503, {})
    assert "judge" not in await round_of_looks(at)
    assert await word(at, digest) == "go"
    shown = await at.get(f"/images/{digest}/signatures")
    assert shown["failed_at"] > shown["at"]
    assert shown["failure"]
    assert [document["state"] for document in shown["documents"]] == ["verified"]
    at.registry.refuses.clear()
    take_signature_away(at, digest)
    await round_of_looks(at)
    assert await word(at, digest) == "stop"


async def test_what_was_never_seen_is_unknown_until_the_registry_answers(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    at.registry.refuses[".sig"] = (403, {})
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    assert await word(at, digest) == "unknown"
    at.registry.refuses.clear()
    await round_of_looks(at)
    assert await word(at, digest) == "go"
    assert await turns(at) == [("unknown", "go", "signatures")]


async def test_a_document_that_is_too_large_is_not_go(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Signer()
    digest = at.push("1", {})
    attest(at, digest, ours.signed(statement_about(digest, {"spdxVersion": "SPDX-2.3"}, BILL)))
    await kept(at, policy_trusting(ours))
    monkeypatch.setattr(signed, "_MAX_DOCUMENT", 10)
    await added(at, "1")
    assert await word(at, digest) == "unknown"
    (found,) = await at.get(f"/verdicts/{digest}")
    assert "too large to be kept" in found["reason"]
    monkeypatch.undo()
    await round_of_looks(at)
    assert await word(at, digest) == "go"


async def test_two_accounts_share_no_trust(at: Desk) -> None:
    ours, theirs = Signer(), Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    await second_account(at)
    await kept(at, policy_trusting(ours))
    await at.post("/policies", {"text": policy_trusting(theirs)}, "others")
    await at.post("/activations", {"policy": "trust"}, "others")
    await added(at, "1")
    await added(at, "1", "others")
    assert await word(at, digest) == "go"
    (found,) = await at.get(f"/verdicts/{digest}", "others")
    assert found["verdict"] == "stop"
    sign(at, digest, theirs)
    answer = await at.post(f"/images/{digest}/signatures", None, "others")
    assert [document["state"] for document in answer["documents"]] == ["verified"]
    await at.work()
    (found,) = await at.get(f"/verdicts/{digest}", "others")
    assert (found["verdict"], await word(at, digest)) == ("go", "go")  # the other one has not looked


async def test_who_adds_an_analysed_image_is_first_told_with_its_signatures(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    await added(at, "1")
    await second_account(at)
    await at.post("/policies", {"text": policy_trusting(ours)}, "others")
    await at.post("/activations", {"policy": "trust"}, "others")
    await at.add("1", "others")
    assert (await at.work())[:2] == ["signatures", "judge"]
    (row,) = (await at.get(f"/images/{digest}/history", "others"))["items"]
    assert row["verdict"] == "go"


async def test_adding_again_looks_again(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    sign(at, digest, ours)
    await added(at, "1")
    assert await word(at, digest) == "go"


async def test_an_index_that_was_signed_counts_after_the_tag_moved(at: Desk) -> None:
    ours = Signer()
    image = at.push("plain", {})
    body = at.registry.blobs.held[image]
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": image,
        "size": len(body),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    named = at.registry.blobs.put(json.dumps(index).encode(), "application/vnd.oci.image.index.v1+json")
    at.registry.tags["1"] = str(named["digest"])
    sign(at, str(named["digest"]), ours)
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    assert await word(at, image) == "go"
    at.push("1", {"another": b"one"})
    await round_of_looks(at)
    assert await word(at, image) == "go"


async def test_rounds_are_bounded_and_go_on_where_they_stopped(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_looks, "_OF_A_ROUND", 2)
    ours = Signer()
    digests = [at.push(str(number), {"which": bytes([number])}) for number in range(5)]
    await kept(at, policy_trusting(ours))
    for number in range(5):
        await added(at, str(number))
    await at.ask("PUT", f"/images/{digests[4]}/deployments", {"environment": "", "place": "shop"})
    for digest in digests:
        sign(at, digest, ours)
    await at.work()
    seen = []
    for _ in range(3):
        await round_of_looks(at)
        seen.append([await word(at, digest) == "go" for digest in digests])
    assert seen == [
        [True, True, False, False, True],  # the one that runs is not left out
        [True, True, True, True, True],
        [True, True, True, True, True],
    ]


async def test_without_a_rule_that_asks_there_are_no_rounds(at: Desk) -> None:
    at.push("1", {})
    await kept(at, NOT_ROOT)
    await added(at, "1")
    assert await round_of_looks(at) == []


async def test_rounds_can_be_switched_off(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, signatures_every=0) as at:
        at.push("1", {})
        await kept(at, policy_trusting(Signer()))
        await added(at, "1")
        assert await round_of_looks(at) == []


async def test_a_registry_that_does_not_answer_is_not_asked_for_all(at: Desk) -> None:
    ours = Signer()
    for number in range(6):
        at.push(str(number), {"which": bytes([number])})
        await added(at, str(number))
    await kept(at, policy_trusting(ours))
    await at.work()
    at.registry.refuses["/v2/"] = (404, {})
    await round_of_looks(at)
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT digest FROM image ORDER BY id")
        digests = [digest for (digest,) in await cursor.fetchall()]
    asked = [(await at.get(f"/images/{digest}/signatures"))["failed_at"] is not None for digest in digests]
    assert asked == [True] * 3 + [False] * 3


async def test_exceptions_cover_what_is_not_signed(at: Desk) -> None:
    digest = at.push("1", {})
    await kept(at, policy_trusting(Signer()))
    await added(at, "1")
    body = {"rule": "ours", "subject": "image", "expires": "2027-01-01", "owner": "us", "reason": "it is signed soon"}
    await at.post("/exceptions", body)
    await at.work()
    assert await word(at, digest) == "go"


async def test_a_draft_is_tried_with_what_is_signed(at: Desk) -> None:
    ours = Signer()
    signed_one, other = at.push("1", {}), at.push("2", {"other": b"one"})
    sign(at, signed_one, ours)
    await added(at, "1")
    await added(at, "2")
    begun = await at.post("/simulations", {"text": policy_trusting(ours)})
    await at.work()
    flips = (await at.get(f"/simulations/{begun['id']}/flips"))["items"]
    assert {flip["image"]: flip["after"] for flip in flips} == {signed_one: "go", other: "stop"}


async def test_anchores_clients_get_the_same_answer(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    name = await kept(at, policy_trusting(ours))
    await added(at, "1")

    async def status() -> str:
        path = f"/v1/images/{digest}/check?tag={at.reference('1')}&policyId={name}&detail=false"
        answer = await at.client.get(path, auth=("admin", PASSWORD))
        assert answer.status_code == 200, answer.text
        return str(re.findall(r'"status": ?"(pass|fail)"', answer.text))

    assert await status() == "['fail']"
    sign(at, digest, ours)
    await at.post(f"/images/{digest}/signatures", None)
    assert await status() == "['pass']"


async def test_a_scan_that_stores_nothing_asks_the_registry(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    body = {"reference": at.reference("1"), "policy_text": policy_trusting(ours), "matches": False}
    assert (await at.post("/scan", body))["verdict"]["verdict"] == "go"


async def test_only_of_an_image_in_a_registry_it_can_be_asked(at: Desk) -> None:
    digest = at.push("1", {})
    await at.add("1")
    assert (await at.ask("POST", f"/images/{digest}/signatures")).status_code == 409
    shown = await at.get(f"/images/{digest}/signatures")
    assert (shown["at"], shown["documents"]) == (None, [])
    await at.work()
    assert (await at.ask("POST", f"/images/{digest}/signatures")).status_code == 200


async def test_another_version_of_a_policy_and_new_advisories_keep_what_is_signed(at: Desk) -> None:
    ours, theirs = Signer(), Signer()
    signed_one = at.push("1", SHOP)
    other = at.push("2", {**SHOP, "other": b"one"})
    sign(at, signed_one, ours)
    await at.advise(OTHER)
    await at.work()
    await kept(at, with_vulnerabilities(policy_trusting(ours)))
    await added(at, "1")
    await added(at, "2")
    assert (await word(at, signed_one), await word(at, other)) == ("go", "stop")
    await at.advise(OTHER, LIBC)
    await at.work()
    found = [(await at.get(f"/images/{digest}/check"))["findings"] for digest in (signed_one, other)]
    assert [sorted(finding["rule_id"] for finding in findings) for findings in found] == [
        ["no-high"],
        ["no-high", "ours"],
    ]
    await at.advise(OTHER, CALM)
    await at.work()
    assert (await word(at, signed_one), await word(at, other)) == ("go", "stop")
    await at.post("/policies", {"text": with_vulnerabilities(policy_trusting(theirs))})
    await at.post("/activations", {"policy": "trust"})
    await at.work()
    assert (await word(at, signed_one), await word(at, other)) == ("stop", "stop")


async def test_who_dies_after_looking_leaves_nothing_unjudged(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Signer()
    digest = at.push("1", {})
    await kept(at, policy_trusting(ours))
    await added(at, "1")
    sign(at, digest, ours)

    async def dies(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(signature_looks, "want_verdict", dies)
    with pytest.raises(KeyboardInterrupt):
        await round_of_looks(at)
    monkeypatch.undo()
    assert await word(at, digest) == "stop"
    assert (await at.get(f"/images/{digest}/signatures"))["documents"]
    await round_of_looks(at)
    assert await word(at, digest) == "go"
    assert "judge" not in await round_of_looks(at)


async def test_a_round_takes_turns_with_others(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_looks, "_SECONDS", 0.0)
    ours = Signer()
    digests = [at.push(str(number), {"which": bytes([number])}) for number in range(3)]
    await kept(at, policy_trusting(ours))
    for number, digest in enumerate(digests):
        await added(at, str(number))
        sign(at, digest, ours)
    assert (await round_of_looks(at)).count("signatures") == 3
    assert [await word(at, digest) for digest in digests] == ["go"] * 3


async def test_what_is_damaged_is_unknown_until_somebody_looks(at: Desk) -> None:
    ours = Signer()
    digest = at.push("1", {})
    sign(at, digest, ours)
    await added(at, "1")
    (listed,) = at.services.objects.list("signed/")
    at.services.objects.put(listed.key, b"damaged")
    await kept(at, policy_trusting(ours))
    await at.work()
    assert await word(at, digest) == "unknown"
    assert (await at.post(f"/images/{digest}/signatures", None))["documents"]
    await at.work()
    assert await word(at, digest) == "go"
