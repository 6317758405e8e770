"""Lists that are kept current: a list, then what changes by a watch, and a list again where something may have been missed.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, cast

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import Cut, NetError, NotTls, TimedOut, Unreachable
from hullmark.net.http import StreamedAnswer
from hullmark.net.wait import RETRY_STATUS, backoff
from hullmark.places.runtime.kubernetes.api import (
    EVERYWHERE,
    ApiRefused,
    ExpiredVersion,
    KubernetesApi,
    Resource,
    Scope,
    refusal,
)
from hullmark.places.runtime.kubernetes.objects import Metadata, PartialObject, Status, WatchEvent

R = TypeVar("R")

_CHUNK = 1 << 18
_EVENT_LIMIT = Limit(8 << 20, "bytes of one event of a watch of Kubernetes", "refused")
_PATIENCE_WITH_401 = 5
"""How often in a row credentials may be refused: who writes a new token may be late."""
_TOLD = 2
"""At which failure in a row it is told."""
_WATCH_SECONDS = (240, 480)
"""Between these a watch ends by itself, so that not all are taken up again at once."""

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class ResourceList(Generic[R]):
    """All that there is, as of one moment."""

    objects: list[R]


@dataclass(frozen=True, slots=True)
class ResourceChange(Generic[R]):
    """An object that came to be, changed or went; what went is as it was at last."""

    type: ChangeType
    object: R


@dataclass(frozen=True, slots=True)
class ApiUnavailable:
    """The API server does not answer; it is asked again. Told once, until it has answered."""

    reason: str


Said = ResourceList[R] | list[ResourceChange[R]] | ApiUnavailable


class Streams:
    """The watches that wait for something now: when `stop` is set, or `end` is called, their waiting ends."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._lock = threading.Lock()
        self._open: set[StreamedAnswer] = set()
        self._has_ended = False
        threading.Thread(target=self._interrupt_when_stopped, daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Nothing is to be followed any more."""
        return self._has_ended or self.stop.is_set()

    def add(self, streamed: StreamedAnswer) -> None:
        """One more."""
        with self._lock:
            self._open.add(streamed)
            if self.is_over:
                streamed.interrupt()

    def remove(self, streamed: StreamedAnswer) -> None:
        """It waits no more."""
        with self._lock:
            self._open.discard(streamed)

    def end(self) -> None:
        """Whoever follows them has ended."""
        self._has_ended = True
        self._interrupt()

    def _interrupt_when_stopped(self) -> None:
        while not self.stop.wait(0.5):
            if self._has_ended:
                return
        self._interrupt()

    def _interrupt(self) -> None:
        with self._lock:
            for streamed in self._open:
                streamed.interrupt()


class _HasMetadata(Protocol):
    """An object of Kubernetes."""

    @property
    def metadata(self) -> Metadata:
        """What every object has."""


T = TypeVar("T", bound=_HasMetadata)


def list_all(
    api: KubernetesApi, resource: Resource[T], read: Callable[[T], R], scope: Scope = EVERYWHERE
) -> tuple[list[R], str]:
    """All of it, as of the resource version that is returned with it. Raises ExpiredVersion if it takes too long, ApiRefused, NetError."""
    found: list[R] = []
    version = ""
    for page in api.pages(resource, scope):
        version = page.metadata.resource_version
        found += map(read, page.items or ())
    return found, version


class ListedKind(NamedTuple, Generic[T]):
    """Which objects are followed."""

    resource: Resource[T]
    scope: Scope = EVERYWHERE


class Follower(Generic[T, R]):
    """Follows one kind of objects; of each only what `read` makes of it is kept. `prepare` is called before each list."""

    def __init__(
        self,
        api: KubernetesApi,
        listed: ListedKind[T],
        read: Callable[[T], R],
        streams: Streams,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._resource, self._scope = listed
        self._prepare = prepare
        self._read = read
        self._streams = streams
        self._version = ""
        self._failures = 0
        self._is_stale = False
        self._events = msgspec.json.Decoder(WatchEvent)
        self._objects = msgspec.json.Decoder(self._resource.type)

    def list_soon(self) -> None:
        """Begin anew after what has come by now."""
        self._is_stale = True

    def said(self) -> Iterator[Said[R]]:
        """What there is and what changes, until the streams are over. Lists of changes may be empty: time has passed.

        Raises HullmarkError where trying again cannot help.
        """
        self._version = ""
        while not self._streams.is_over:
            try:
                if not self._version:
                    self._is_stale = False
                    self._prepare()
                    objects, self._version = list_all(self._api, self._resource, self._read, self._scope)
                    yield ResourceList(objects)
                yield from self._watch_once()
            except (Cut, TimedOut, Unreachable, ApiRefused) as error:
                if self._streams.is_over:
                    return
                away = self._wait_after_failure(error)
                if away is not None:
                    yield away

    def _wait_after_failure(self, error: HullmarkError) -> ApiUnavailable | None:
        """Wait before another attempt; what is to be said of it. Raises the error where no attempt can help."""
        is_expired = isinstance(error, ExpiredVersion)
        if is_expired:
            self._version = ""
        elif isinstance(error, NotTls) or not self._may_pass(error):
            raise error
        self._failures += 1
        # A watch may be cut at any time, and a version expire: the first attempt costs nothing.
        if self._failures > 1:
            self._streams.stop.wait(backoff(self._failures - 2) * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load
        return ApiUnavailable(str(error)) if self._failures == _TOLD and not is_expired else None

    def _may_pass(self, error: HullmarkError) -> bool:
        if not isinstance(error, ApiRefused):
            return True
        return error.status in RETRY_STATUS or (error.status == 401 and self._failures < _PATIENCE_WITH_401)

    def _watch_once(self) -> Iterator[list[ResourceChange[R]]]:
        """One connection: what comes by it. Raises what breaks it; that it ends by itself is normal."""
        query = {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(*_WATCH_SECONDS)),  # noqa: S311 - spreads load
        }
        is_silent = True
        with closing(self._api.watch(self._resource, self._scope, query)) as streamed:
            self._streams.add(streamed)
            try:
                for lines in _blocks(streamed):
                    is_silent = False
                    yield from self._read_changes(lines)
                    if self._is_stale or self._streams.is_over:
                        self._version = "" if self._is_stale else self._version
                        return
            finally:
                self._streams.remove(streamed)
        if is_silent:
            self._streams.stop.wait(1.0)

    def _read_changes(self, lines: list[bytes]) -> Iterator[list[ResourceChange[R]]]:
        """What lines come to. Where one cannot be taken, those before it count, and it is asked for again."""
        found: list[ResourceChange[R]] = []
        failure: HullmarkError | None = None
        for line in lines:
            try:
                self._take(line, found)
            except (ApiRefused, NetError) as error:
                failure = error
                break
        yield found
        if failure is not None:
            raise failure

    def _take(self, line: bytes, found: list[ResourceChange[R]]) -> None:
        try:
            event = self._events.decode(line)
            if event.type == "ERROR":
                told = msgspec.json.decode(event.object, type=Status)
                raise refusal(told.code, told)
            if event.type in ("ADDED", "MODIFIED", "DELETED"):
                made = self._objects.decode(event.object)
                version = made.metadata.resource_version
                found.append(ResourceChange(cast("ChangeType", event.type), self._read(made)))
            else:
                version = msgspec.json.decode(event.object, type=PartialObject).metadata.resource_version
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._api.strange() from error
        self._version = version or self._version
        self._failures = 0


def _blocks(streamed: StreamedAnswer) -> Iterator[list[bytes]]:
    """Whole lines, as many as have come. Raises Cut, TimedOut, and HullmarkError for a line without end."""
    rest = bytearray()
    while data := streamed.read_available(_CHUNK):
        end = data.rfind(b"\n") + 1
        if end:
            block = bytes(rest) + data[:end]
            rest = bytearray(data[end:])
            yield [line for line in block.split(b"\n") if line.strip()]
        else:
            rest += data
        if len(rest) > _EVENT_LIMIT:
            raise HullmarkError("an event of Kubernetes has no end", advice="check the address of the cluster")
