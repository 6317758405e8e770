"""An image is judged by the policies that an account has in force for it, from what is stored, and the verdicts are written down."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import msgspec

from hullmark._version import __version__
from hullmark.app.check import judge_by
from hullmark.app.server.advisories import Books, current_snapshot
from hullmark.app.server.analyse import means_of
from hullmark.app.server.documents import put_verdict
from hullmark.app.server.excepted import asked_for, exceptions_for, with_exceptions
from hullmark.app.server.selection import Chosen, choose
from hullmark.app.server.services import Services
from hullmark.app.server.stored import StoredFacts
from hullmark.match.book import Book
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Action, Outcome, Verdict, VerdictInputs
from hullmark.policy.load import load_any
from hullmark.store import events, images, policies, verdicts
from hullmark.store.database import Connection
from hullmark.store.images import HeldImage, ImageRow
from hullmark.store.policies import ExceptionRow, PolicyVersion
from hullmark.store.verdicts import Judged

ANALYZER = f"hullmark {__version__}"
_TRIES = 5


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that the verdicts of an image depend on, but for the moment. `versions` are by their number."""

    image: ImageRow
    held: HeldImage
    chosen: tuple[Chosen, ...]
    versions: dict[int, PolicyVersion]
    exceptions: tuple[ExceptionRow, ...]
    snapshot_digest: str
    snapshot_object: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One judging: an image as an account holds it, a version of a policy, and where and when."""

    account_id: int
    inputs: Inputs
    chosen: Chosen
    now: datetime
    cause: str


def digest_of_exceptions(rows: tuple[ExceptionRow, ...]) -> str:
    """Names a set of exceptions by what they say; "" for none."""
    if not rows:
        return ""
    said = sorted(msgspec.json.encode((str(row.id), row.body), order="sorted") for row in rows)
    return "sha256:" + hashlib.sha256(b"\n".join(said)).hexdigest()


async def judge(services: Services, books: Books, account_id: int, image_id: int, cause: str) -> int:
    """Judge an image by all that is in force for it; answers how many verdicts are new.

    What changes while it is judged is noticed before anything is written: then it is judged again. Raises HullmarkError where that
    never ends.
    """
    for _ in range(_TRIES):
        async with services.database.system() as connection:
            inputs = await inputs_of(connection, account_id, image_id)
        if inputs is None:
            return 0
        made = await asyncio.to_thread(_judge_all, services, books, account_id, inputs, cause)
        async with services.database.system() as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (f"judge {image_id}", account_id)
            )
            if await inputs_of(connection, account_id, image_id) == inputs:
                return await _written(connection, account_id, inputs, made)
    raise HullmarkError("what the image is judged by changed all the time", advice="it is judged again by itself")


async def inputs_of(connection: Connection, account_id: int, image_id: int) -> Inputs | None:
    """What an image is judged by now; None if it is not analysed, or the account does not hold it."""
    row = await images.image_by_id(connection, image_id)
    held = await images.held_image(connection, account_id, row.digest) if row is not None else None
    if row is None or row.state != "analysed" or held is None:
        return None
    references = tuple(dict.fromkeys((*held.tags, held.reference) if held.reference else held.tags))
    chosen = choose(await policies.activations(connection, account_id), references)
    versions = {}
    for each in chosen:
        version = await policies.version_by_id(connection, each.activation.version_id)
        if version is not None:
            versions[version.id] = version
    snapshot = await current_snapshot(connection)
    return Inputs(
        image=row,
        held=held,
        chosen=chosen,
        versions=versions,
        exceptions=tuple(await policies.exceptions(connection, account_id)) if chosen else (),
        snapshot_digest=snapshot.digest if snapshot is not None else "",
        snapshot_object=snapshot.object if snapshot is not None else "",
    )


def _judge_all(services: Services, books: Books, account_id: int, inputs: Inputs, cause: str) -> list[Judged]:
    if not inputs.chosen:
        return []
    facts = StoredFacts(services.objects, inputs.image.document, means_of(services))
    now = services.clock()
    with book_of(books, inputs) as book:
        cases = (
            Case(account_id=account_id, inputs=inputs, chosen=chosen, now=now, cause=cause) for chosen in inputs.chosen
        )
        return [judged(services, facts, case, book) for case in cases]


def book_of(books: Books, inputs: Inputs) -> AbstractContextManager[Book | None]:
    """The advisories that count now, if there are any."""
    if not inputs.snapshot_object:
        return nullcontext()
    return books.opened(inputs.snapshot_digest, inputs.snapshot_object)


def judged(services: Services, facts: StoredFacts, case: Case, book: Book | None) -> Judged:
    """The verdict of one case, its findings put into the object store."""
    inputs, chosen = case.inputs, case.chosen
    version = inputs.versions[chosen.activation.version_id]
    verdict = verdict_of(services, facts, case, book)
    return Judged(
        account_id=case.account_id,
        image_id=inputs.image.id,
        policy_id=version.policy_id,
        policy_version=version.version,
        environment=chosen.activation.environment,
        reference=chosen.reference,
        is_shadow=chosen.activation.is_shadow,
        verdict=verdict.verdict.value,
        reason=verdict.reason,
        stops=count_of(verdict, Action.STOP),
        warns=count_of(verdict, Action.WARN),
        document=put_verdict(services.objects, verdict),
        image_digest=inputs.image.digest,
        policy_digest=version.digest,
        exceptions_digest=digest_of_exceptions(inputs.exceptions),
        snapshot_digest=inputs.snapshot_digest,
        analyzer=ANALYZER,
        cause=case.cause,
        at=case.now,
    )


def verdict_of(services: Services, facts: StoredFacts, case: Case, book: Book | None) -> Verdict:
    """What the case's policy says. If it cannot say anything the verdict is `unknown`, with the reason."""
    inputs = case.inputs
    version = inputs.versions[case.chosen.activation.version_id]
    try:
        exceptions = exceptions_for(inputs.exceptions, version.name, case.chosen.reference)
        policy = with_exceptions(load_any(version.text.encode()), exceptions)
        asked = asked_for(case.chosen, inputs.held, book, exceptions)
        return judge_by(facts.look, policy, case.now, means_of(services), asked).verdict
    except HullmarkError as error:
        return Verdict(
            verdict=Outcome.UNKNOWN,
            reason=f"it cannot be judged: {error}",
            findings=(),
            problems=(),
            inputs=VerdictInputs(
                image=inputs.image.digest,
                policy=version.digest,
                snapshot=inputs.snapshot_digest or None,
                analyzer=ANALYZER,
                at=case.now.isoformat(),
            ),
        )


def count_of(verdict: Verdict, action: Action) -> int:
    """How many findings ask for an action and count."""
    return sum(finding.action is action and finding.allowlisted is None for finding in verdict.findings)


async def _written(connection: Connection, account_id: int, inputs: Inputs, made: list[Judged]) -> int:
    """Write the verdicts down and tell what changed. The caller's transaction."""
    kept = [(each.policy_id, each.environment, each.is_shadow) for each in made]
    await verdicts.drop_others(connection, account_id, inputs.image.id, kept)
    count = 0
    for each in made:
        before, is_new = await verdicts.record(connection, each)
        count += is_new
        if before != each.verdict and not each.is_shadow:
            body = {
                "digest": each.image_digest,
                "policy": inputs.versions[_version_id(inputs, each)].name,
                "environment": each.environment,
                "reference": each.reference,
                "before": before,
                "after": each.verdict,
                "reason": each.reason,
                "cause": each.cause,
            }
            await events.tell(connection, account_id, "verdict.changed", ("image", each.image_digest), body)
    return count


def _version_id(inputs: Inputs, judged: Judged) -> int:
    return next(
        version.id
        for version in inputs.versions.values()
        if (version.policy_id, version.version) == (judged.policy_id, judged.policy_version)
    )
