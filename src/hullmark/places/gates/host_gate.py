"""Whether a container may start on this host: its image's verdicts and its isolation, by the settings of the host's gate."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from hullmark.model.admission import AdmissibleImage
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation, WorkloadContainer
from hullmark.places.gates.decision import Answer, AskedContainer, KnownImages, Question, decide
from hullmark.places.gates.docker.judge import GateAnswer, Start
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.verdicts import LocalVerdicts, TooManyUnderDigest

PLACE = ""
"""A host is one place: what ran on it may run on it."""
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{4,64}").fullmatch


class HostGate:
    """Judges starts by verdicts in a file, which another process fills. May be asked by several threads at once.

    `tell` takes a line about each answer that refuses or warns.
    """

    def __init__(
        self, verdicts: Path, settings: GateSettings, clock: Callable[[], datetime], tell: Callable[[str], None]
    ) -> None:
        self._path, self._settings, self._clock, self._tell = verdicts, settings, clock, tell
        self._own = threading.local()

    def judge(self, start: Start) -> GateAnswer:
        """Whether it may start. An image that the engine does not have is not judged yet: it has to be fetched, and is judged then."""
        verdicts = self._verdicts()
        now = self._clock()
        fetching = start.isolation is None
        container = WorkloadContainer(
            name=start.container,
            image=_reference(start) if start.digest or fetching or start.is_to_start else "",
            isolation=start.isolation or Isolation(),
        )
        question = Question(
            containers=(AskedContainer(container=container),),
            place=PLACE,
            is_placed=not fetching,
            is_restart=True,
            now=now,
            age_seconds=verdicts.age_seconds(now) if verdicts is not None else None,
        )
        settings = self._settings
        if fetching:
            settings = msgspec.structs.replace(settings, least_grade=None, requires_digest=False)
        if fetching and not start.is_to_start:
            settings = msgspec.structs.replace(settings, unknown_image="allow")
        answer = decide(question, known_images(verdicts), settings)
        if answer.unknown and start.origin:
            self._queue(start.origin, now)
        return self._report_answer(start, answer)

    def _report_answer(self, start: Start, answer: Answer) -> GateAnswer:
        said = "; ".join(answer.reasons)
        for reason in (*answer.reasons, *answer.warnings):
            self._tell(f"{'allowed' if answer.allowed else 'refused'}: {reason}")
        return GateAnswer(answer.allowed, "" if answer.allowed else said or f"{start.image} may not start")

    def _verdicts(self) -> LocalVerdicts | None:
        """The file, as this thread has it open; None while there is none that can be read."""
        found: LocalVerdicts | None = getattr(self._own, "verdicts", None)
        if found is None:
            with suppress(HullmarkError):
                found = self._own.verdicts = LocalVerdicts(self._path, is_read_only=True)
        return found

    def _queue(self, origin: str, now: datetime) -> None:
        with suppress(HullmarkError):
            verdicts = LocalVerdicts(self._path)
            try:
                verdicts.queue(origin, now)
            finally:
                verdicts.close()


def _reference(start: Start) -> str:
    """The name that was asked for with the digest that it comes to; an id is not a name."""
    name = start.image.partition("@")[0]
    if not start.digest:
        return start.image
    return f"{'image' if _ID(name) else name}@{start.digest}"


def known_images(verdicts: LocalVerdicts | None) -> KnownImages:
    """What a file of verdicts knows; nothing where there is none."""

    def find(digest: str) -> tuple[AdmissibleImage, ...]:
        try:
            return verdicts.find(digest) if verdicts is not None else ()
        except TooManyUnderDigest as error:
            raise LookupError(digest) from error

    return KnownImages(
        find=find,
        tagged=lambda name: verdicts.tagged(name) if verdicts is not None else None,
        ran_at=lambda place, digests: verdicts.ran_at(place, digests) if verdicts is not None else None,
    )
