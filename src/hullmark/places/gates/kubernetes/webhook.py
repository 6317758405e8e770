"""The webhook of a cluster: what an API server asks over HTTPS, and the answers to it.

POST /validate and /mutate take AdmissionReview, POST /imagepolicy takes ImageReview; GET /healthz, /readyz and /metrics are for who watches
over it. Whatever comes, it is answered as an API server expects it: never by a 5xx, which would be an outage of the cluster.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any, NamedTuple

from hullmark.model.guard import guard_call
from hullmark.places.gates.decision import Answer, KnownImages
from hullmark.places.gates.kubernetes.admission import Moment, Mutation, audit_of, judge_images, mutate, validate
from hullmark.places.gates.kubernetes.reviews import (
    LARGEST_REVIEW,
    InvalidReview,
    admission_answer,
    admission_request,
    image_answer,
    image_review,
    status_object,
)
from hullmark.places.gates.meters import Meters
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.verdicts import LocalVerdicts

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class HttpAnswer(NamedTuple):
    """What is answered: a status of HTTP, a body, and its type."""

    status: int
    body: bytes
    type: bytes = b"application/json"


class _TooLarge(Exception):
    """A body is larger than any review."""


class Webhook:
    """An ASGI application over the verdicts of a gate. `clock` is the world's; `say` is told what its owner should know.

    `is_draining`: set when it is to end; each connection is closed behind its next answer.
    """

    def __init__(
        self,
        verdicts: LocalVerdicts,
        settings: GateSettings,
        clock: Callable[[], datetime],
        meters: Meters,
        say: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.is_draining = False
        self._verdicts = verdicts
        self._clock = clock
        self._meters = meters
        self._say = say
        self._known = KnownImages(verdicts.find, verdicts.tagged, verdicts.ran_at)
        self._posts: dict[str, Callable[[bytes], bytes]] = {
            "/validate": self.validate,
            "/mutate": self.mutate,
            "/imagepolicy": self.image_policy,
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope["method"], scope["path"], receive)
        headers = [(b"content-type", answer.type), (b"content-length", b"%d" % len(answer.body))]
        if self.is_draining or answer.status == 413:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, method: str, path: str, receive: Receive) -> HttpAnswer:
        if path in self._posts:
            if method != "POST":
                return HttpAnswer(405, status_object("send a review by POST", 405))
            try:
                return self.answer_review(path, await _body(receive))
            except _TooLarge:
                return HttpAnswer(413, status_object(f"a review has at most {LARGEST_REVIEW:,} bytes", 413))
        if method not in ("GET", "HEAD"):
            return HttpAnswer(404, status_object("there is nothing here", 404))
        return self._answer_probe(path)

    def _answer_probe(self, path: str) -> HttpAnswer:
        if path == "/healthz":
            return HttpAnswer(200, b"ok\n", b"text/plain")
        if path == "/readyz":
            is_ready = self.settings.fail == "open" or self._age(self._clock()) is not None
            text = (
                b"ok\n" if is_ready and not self.is_draining else b"no verdicts yet\n" if not is_ready else b"ending\n"
            )
            return HttpAnswer(200 if text == b"ok\n" else 503, text, b"text/plain")
        if path == "/metrics":
            return HttpAnswer(200, self._meters.exposition(), b"text/plain; version=0.0.4")
        return HttpAnswer(404, status_object("there is nothing here", 404))

    def answer_review(self, path: str, body: bytes) -> HttpAnswer:
        """The answer to a review that came to a path."""
        with self._meters.measure_time(path[1:]):
            try:
                return HttpAnswer(200, self._posts[path](body))
            except InvalidReview as error:
                self._meters.count(path[1:], "invalid")
                return HttpAnswer(error.status, status_object(str(error), error.status))

    def validate(self, body: bytes) -> bytes:
        """The answer to an AdmissionReview: whether it may be. Raises InvalidReview."""
        request = admission_request(body)
        answer = self._decide_safely(lambda moment: validate(request, self._known, self.settings, moment), "validate")
        if not request.dry_run:
            self._queue(answer)
        settings = self.settings.within(request.namespace)
        return admission_answer(
            request.uid,
            allowed=answer.allowed,
            reasons=answer.reasons,
            warnings=answer.warnings,
            audit=audit_of(answer, settings),
        )

    def mutate(self, body: bytes) -> bytes:
        """The answer to an AdmissionReview: what is changed. It refuses nothing, that is for `validate`. Raises InvalidReview."""
        request = admission_request(body)

        def report_failure(error: Exception) -> Mutation | None:
            self._report_failure(error, "mutate")
            return None

        # A 5xx would stop the cluster. What is not changed here is refused by `validate`.
        mutation = guard_call(lambda: mutate(request, self._known, self.settings, self._moment()), report_failure)
        if mutation is None:
            return admission_answer(request.uid, allowed=True)
        self._meters.count("mutate", "patched" if mutation.patch else "allowed")
        audit = {"changes": "; ".join(mutation.notes)} if mutation.notes else {}
        return admission_answer(request.uid, allowed=True, patch=mutation.patch, audit=audit)

    def image_policy(self, body: bytes) -> bytes:
        """The answer to an ImageReview. Raises InvalidReview."""
        review = image_review(body)
        answer = self._decide_safely(
            lambda moment: judge_images(review, self._known, self.settings, moment), "imagepolicy"
        )
        self._queue(answer)
        settings = self.settings.within(review.spec.namespace)
        return image_answer(allowed=answer.allowed, reasons=answer.reasons, audit=audit_of(answer, settings))

    def _decide_safely(self, decide: Callable[[Moment], Answer], name: str) -> Answer:
        """The answer, counted; that of the fail mode where deciding fails: a 5xx would stop the cluster."""
        return guard_call(
            lambda: self._count_answer(decide(self._moment()), name), lambda error: self._by_mode(error, name)
        )

    def _count_answer(self, answer: Answer, name: str) -> Answer:
        self._meters.count(name, "allowed" if answer.allowed else "refused")
        return answer

    def _by_mode(self, error: Exception, name: str) -> Answer:
        self._report_failure(error, name)
        is_open = self.settings.fail == "open" or self.settings.mode != "enforce"
        why = f"the gate has failed ({type(error).__name__}); its log says more"
        return Answer(allowed=is_open, reasons=() if is_open else (why,), warnings=(why,) if is_open else ())

    def _report_failure(self, error: Exception, name: str) -> None:
        self._meters.count(name, "failed")
        self._say(f"{name} has failed: {type(error).__name__}: {error}")

    def _moment(self) -> Moment:
        now = self._clock()
        return Moment(now, self._age(now))

    def _age(self, now: datetime) -> float | None:
        return self._verdicts.age_seconds(now)

    def _queue(self, answer: Answer) -> None:
        for reference in answer.unknown:
            try:
                if not self._verdicts.queue(reference, self._clock()):
                    self._meters.count("queue", "full")
            except sqlite3.Error as error:
                self._report_failure(error, "queue")


async def _body(receive: Receive) -> bytes:
    """The body of a request. Raises _TooLarge."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client is gone
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_REVIEW:
            raise _TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
