"""One attempt to deliver a notice to a channel: its wording, the steps of the channel, and the result."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote

import msgspec
import psycopg
import structlog

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.notice import Digest, Item, Notice
from hullmark.notify.channel import Again, Channel, Delivery, MessageRefused, Outgoing, Reply, Thread
from hullmark.notify.templates import MOST_TITLE, TemplateFault, render_template
from hullmark.notify.words import text_of, title_of
from hullmark.report.verdict_json import document
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.notice import carriers, threads
from hullmark.server.stories.notice.channel_settings import apart, mask_settings, settings_of
from hullmark.server.stories.notice.links import image_link
from hullmark.server.stories.notice.notices import item_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.clients import anchore_subscriptions
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.notice import deliveries, messages
from hullmark.server.tables.notice.channels import ChannelRow
from hullmark.server.tables.notice.deliveries import Attempt

_log = structlog.get_logger("hullmark.delivery")
_T = TypeVar("_T")
_WHOLE = 30.0
_WHOLE_OF_MANY = 300.0
_LESS = 3
_STEP = 20.0
_SLACK = 5.0
_ASKED = 15.0
_PAGE = 500
_STEPS_SHOWN = 10
_SHORTEST_SECRET = 6
_MOST_REMOTE = 300
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_THREADS = ThreadPoolExecutor(max_workers=100, thread_name_prefix="deliver")
"""Receivers that are slow hold these up, and nothing else."""


async def send(services: Services, row: ChannelRow, notice: Notice | Digest, number: int | None = None) -> Attempt:
    """Send a notice, and return the result. `number` is the message's (None: it is a test)."""
    at, began = services.clock(), time.monotonic()
    try:
        channel, settings = settings_of(services.vault, row)
        outcome = await _within(services, channel, settings, row, notice, number)
    except HullmarkError as error:
        outcome = _SendOutcome("again", error=str(error))
    return Attempt(
        at=at,
        milliseconds=int((time.monotonic() - began) * 1000),
        outcome=outcome.word,
        status=outcome.status,
        error=outcome.error,
        after=outcome.after,
        remote=outcome.remote,
    )


_ENDS = (StopIteration, Again, MessageRefused, HullmarkError)
"""How the steps of a channel end."""
_TROUBLE = (OSError, psycopg.Error)
"""What is not a fault of a channel: this machine's trouble, or the database's. The job is done again."""


class _SendOutcome(msgspec.Struct, frozen=True):
    word: deliveries.Outcome
    status: int | None = None
    error: str = ""
    after: float | None = None
    remote: str = ""


async def _within(
    services: Services,
    channel: Channel,
    settings: Any,
    row: ChannelRow,
    notice: Notice | Digest,
    number: int | None,
) -> _SendOutcome:
    """The attempt, in the time that it may take. A thread that does not come back in it is left to end by itself."""
    # Somebody waits for the answer to a test.
    is_long = number is not None and (channel.is_threaded or channel.is_single)
    whole = _WHOLE_OF_MANY if is_long else _WHOLE
    if row.failures:
        whole /= _LESS  # who hangs takes turns away from others
    state = await _threads(services, channel, row, notice.account, number)
    asking = _ChannelState(
        services, asyncio.get_running_loop(), row, notice.account, await _find_earlier_attempts(services, row, number)
    )
    work = partial(
        _attempt, services, channel, settings, lambda: delivery_of(services, row, notice, state, asking), whole
    )
    try:
        async with asyncio.timeout(whole + _SLACK):
            outcome = await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    except TimeoutError:
        outcome = _SendOutcome("again", error=f"it took longer than {whole:.0f} seconds")
    secrets = list(_leaves(apart(settings)[1]))
    return msgspec.structs.replace(outcome, error=_clean(outcome.error, secrets), remote=_clean(outcome.remote, []))


async def _threads(
    services: Services, channel: Channel, row: ChannelRow, account: str, number: int | None
) -> tuple[Thread, ...]:
    if not channel.is_threaded or number is None:
        return ()
    async with services.database.system() as connection:
        return await threads.threads_of(connection, row, number, partial(image_link, services.settings, account))


async def _find_earlier_attempts(
    services: Services, row: ChannelRow, number: int | None
) -> deliveries.EarlierAttempts | None:
    if number is None:
        return None
    async with services.database.system() as connection:
        return await deliveries.find_earlier_attempts(connection, row.account_id, number)


def delivery_of(
    services: Services,
    row: ChannelRow,
    notice: Notice | Digest,
    handed: tuple[Thread, ...] = (),
    asking: _ChannelState | None = None,
) -> Delivery:
    """What a channel is to deliver, in the words of its templates."""
    title, text = format_notice(row.templates, notice)
    plain = Delivery(notice=notice, title=title, text=text, now=services.clock(), threads=handed)
    if asking is None:
        return plain
    return Delivery(
        notice=notice,
        title=title,
        text=text,
        now=plain.now,
        threads=handed,
        earlier=asking.begun.earlier if asking.begun is not None else "",
        keep=asking.keep,
        evaluation=asking.evaluation,
        evaluation_before=asking.evaluation_before,
        all_items=asking.items if asking.begun is not None else None,
        reached=asking.reached,
        subscribed=asking.subscribed,
    )


def format_notice(templates: Mapping[str, str], notice: Notice | Digest) -> tuple[str, str]:
    """Title and text; the default ones if a template fails, so that no message is lost."""
    usual = title_of(notice), text_of(notice)
    try:
        return try_templates(templates, notice)
    except TemplateFault as error:
        _log.warning("template", notice=notice.id, reason=str(error))
        return usual


def try_templates(templates: Mapping[str, str], notice: Notice | Digest) -> tuple[str, str]:
    """Title and text by templates. Raises TemplateFault."""
    title, text = title_of(notice), text_of(notice)
    own_title = templates.get("title", "")
    own_text = templates.get("text", "")
    return (
        " ".join(render_template(own_title, notice, title, text, MOST_TITLE).split()) or title if own_title else title,
        render_template(own_text, notice, title, text) if own_text else text,
    )


def _attempt(
    services: Services, channel: Channel, settings: Any, delivery: Callable[[], Delivery], whole: float
) -> _SendOutcome:
    """Drive the channel's steps. Runs in a thread."""
    deadline = time.monotonic() + whole
    status: int | None = None

    def drive() -> NoReturn:
        nonlocal status
        steps = channel.deliver(delivery(), settings)
        sent = next(steps)
        while True:
            if (left := deadline - time.monotonic()) <= 0:
                steps.close()
                raise Again(f"it took longer than {whole:.0f} seconds")
            reply = carriers.carry(services, sent, min(left, _STEP))
            status = reply.status
            sent = steps.send(reply)

    def make_failed_outcome(error: Exception) -> _SendOutcome:
        # A fault of ours: it is told in the log, and must not hold up what comes after this message.
        _log.error("bug", channel=channel.name, exc_info=error)
        return _SendOutcome("refused", status, "this is a fault of the server; its log says more")

    try:
        return guard_call(drive, make_failed_outcome, passing=(*_ENDS, *_TROUBLE))
    except StopIteration as end:
        return _SendOutcome("delivered", status, remote=str(end.value or ""))
    except MessageRefused as error:
        return _SendOutcome("refused", error.status or status, str(error))
    except Again as error:
        return _SendOutcome("again", error.status or status, str(error), error.after)
    except HullmarkError as error:
        return _SendOutcome("again", status, str(error))


def preview(channel: Channel, settings: Any, delivery: Delivery) -> tuple[list[Outgoing], str]:
    """What would be sent if every step went well, with all secrets hidden; and why there is no more ("": that is all)."""
    shown: list[Outgoing] = []

    def drive() -> str:
        steps = channel.deliver(delivery, mask_settings(settings))
        sent = next(steps)
        while len(shown) < _STEPS_SHOWN:
            shown.append(sent)
            sent = steps.send(Reply(status=200, body=b"{}", headers={"content-type": "application/json"}))
        steps.close()
        return f"only the first {_STEPS_SHOWN} steps are shown"

    def explain_end(error: Exception) -> str:
        if isinstance(error, StopIteration):
            return ""
        return "what follows depends on the answer" if shown else "nothing can be shown with hidden settings"

    note = guard_call(drive, explain_end)
    return shown, note


class _ChannelState:
    """What a channel's steps ask the database for, from their thread. Raises HullmarkError where it does not answer."""

    def __init__(
        self,
        services: Services,
        loop: asyncio.AbstractEventLoop,
        row: ChannelRow,
        account: str,
        begun: deliveries.EarlierAttempts | None,
    ) -> None:
        """`account` is the name of the channel's."""
        self._services = services
        self._loop = loop
        self._row, self._account = row, account
        self.begun = begun

    def keep(self, key: str, remote: str) -> None:
        """Write down the name that a thread has elsewhere, before anything else is sent."""
        name = _clean(remote, [])[:_MOST_REMOTE]
        self._ask(lambda connection: threads.keep_remote(connection, self._row.id, key, name))

    def evaluation(self, number: int) -> Mapping[str, Any] | None:
        """A verdict of the history, as the API shows it but for `reach`, which is looked up for who reads it."""
        found = self._ask(lambda connection: verdicts.by_number(connection, self._row.account_id, number))
        if found is None:
            return None
        shown: Mapping[str, Any] = msgspec.to_builtins(document(verdict_at(self._services.objects, found)))
        return shown

    def evaluation_before(self, number: int) -> Mapping[str, Any] | None:
        """The verdict before it."""
        before = self._ask(lambda connection: deliveries.verdict_before(connection, self._row.account_id, number))
        return self.evaluation(before) if before is not None else None

    def items(self) -> Iterator[Item]:
        """The items of the message that did not arrive yet, in order."""
        if self.begun is None:
            return
        account, number, after = self._row.account_id, self.begun.number, self.begun.reached
        while some := self._ask(partial(messages.items, account_id=account, number=number, after=after, limit=_PAGE)):
            yield from (item_of(self._services.settings, self._account, transition) for transition in some)
            after = some[-1].id

    def reached(self, id: int) -> None:
        """Write down that an item has arrived: another attempt begins behind it."""
        if self.begun is not None:
            number = self.begun.number
            self._ask(lambda connection: deliveries.keep_reached(connection, number, id))

    def subscribed(self, type: str, tag: str) -> bool:
        """Whether a subscription of Anchore's kind wants it."""
        found = self._ask(
            partial(anchore_subscriptions.list_subscriptions, account_id=self._row.account_id, type=type, key=tag)
        )
        return any(subscription.is_active for subscription in found)

    def _ask(self, question: Callable[[Connection], Awaitable[_T]]) -> _T:
        async def run_question() -> _T:
            async with self._services.database.system() as connection:
                return await question(connection)

        try:
            return asyncio.run_coroutine_threadsafe(run_question(), self._loop).result(_ASKED)
        except TimeoutError as error:
            raise HullmarkError("the database does not answer in time", advice="try again") from error


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)


def _parts(secret: str) -> Iterator[str]:
    """A secret, and of a URL what a receiver may repeat of it: all behind the host, each part of that, and a login."""
    yield secret
    _, is_url, rest = secret.partition("://")
    if is_url:
        login, _, place = rest.rpartition("@") if "@" in rest.partition("/")[0] else ("", "", rest)
        behind = place[len(re.split(r"[/?#]", place, maxsplit=1)[0]) :]
        for part in (behind, *re.split(r"[/?&=#]+", behind), *login.split(":")):
            yield from (part, unquote(part))


def _clean(text: str, secrets: list[str]) -> str:
    """A foreign text as it may be kept and shown: without secrets, on one line."""
    hidden = {part for secret in secrets for part in _parts(secret)}
    for secret in sorted(hidden, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return " ".join(_CONTROLS.sub(" ", text).split())[:1000]
