"""A long download that goes on where it was cut (RFC 9110, 14: range requests)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from hullmark.model.errors import BrokenImage
from hullmark.net.errors import Cut, TimedOut
from hullmark.net.http import HttpSettings, StreamedAnswer
from hullmark.net.wait import backoff

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)").fullmatch
_PROGRESS = 1 << 20
"""So many bytes between two cuts give the full number of retries back."""
_GRACE_SECONDS = 60.0
_SLOWEST_BYTES_PER_SECOND = 1024

OpenAt = Callable[[Mapping[str, str]], StreamedAnswer]
"""Asks for the body with these additional headers; answers 200 or 206, or raises."""


class ResumingStream:
    """`size` bytes, cut or not: after a broken connection the rest is requested, within bounds.

    Where the other side ignores the range and begins again, the bytes already given are skipped.
    """

    def __init__(self, open_at: OpenAt, size: int, settings: HttpSettings, what: str) -> None:
        self._open_at = open_at
        self._size = size
        self._settings = settings
        self._what = what
        self._given = 0
        self._failures = 0
        self._given_at_failure = 0
        self._waited = 0.0
        self._closed = False
        self._streamed: StreamedAnswer | None = self._connect()

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 once all bytes were given. Raises NetError, BrokenImage."""
        wanted = min(len(buffer), self._size - self._given)
        while wanted and not self._closed:
            start = self._settings.monotonic()
            try:
                if self._streamed is None:
                    self._streamed = self._connect()
                n = self._streamed.readinto(buffer[:wanted])
                if not n:
                    raise Cut(f"{self._what} ended early", advice="try again")
            except (Cut, TimedOut) as error:
                self._wait_or_raise(error)
                continue
            self._given += n
            self._check_pace(self._settings.monotonic() - start)
            return n
        self.close()
        return 0

    def close(self) -> None:
        """Give the connection up. May be called twice."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        if self._streamed is not None:
            self._streamed.close()
            self._streamed = None

    def _wait_or_raise(self, error: Cut | TimedOut) -> None:
        self._drop()
        if self._given - self._given_at_failure >= _PROGRESS:
            self._failures = 0
        self._given_at_failure = self._given
        if self._failures >= self._settings.retries:
            raise error
        self._settings.sleep(backoff(self._failures))
        self._failures += 1

    def _check_pace(self, seconds: float) -> None:
        self._waited += seconds
        if self._given < (self._waited - _GRACE_SECONDS) * _SLOWEST_BYTES_PER_SECOND:
            self.close()
            raise TimedOut(f"{self._what} comes too slowly", advice="try again later")

    def _connect(self) -> StreamedAnswer:
        streamed = self._open_at({"Range": f"bytes={self._given}-"} if self._given else {})
        try:
            skip = self._position(streamed)
            self._skip(streamed, skip)
        except (BrokenImage, Cut, TimedOut):
            streamed.close()
            raise
        return streamed

    def _position(self, streamed: StreamedAnswer) -> int:
        """How many bytes of this answer were given before. Raises BrokenImage if it is not what was requested."""
        if streamed.status == 206 and self._given:
            match = _CONTENT_RANGE(streamed.headers.get("content-range", ""))
            if match is None or int(match[1]) != self._given or match[2] not in ("*", str(self._size)):
                raise BrokenImage(f"{self._what}: another range came than was asked for", advice="try again")
            return 0
        length = streamed.headers.get("content-length", "")
        if streamed.status == 206 or (length.isdigit() and int(length) != self._size):
            raise BrokenImage(
                f"{self._what} is {length or 'not'} bytes long where {self._size} are promised",
                advice="push the image again",
            )
        return self._given

    def _skip(self, streamed: StreamedAnswer, count: int) -> None:
        scratch = memoryview(bytearray(min(count, 1 << 18)))
        while count:
            n = streamed.readinto(scratch[:count])
            if not n:
                raise Cut(f"{self._what} ended early", advice="try again")
            count -= n
