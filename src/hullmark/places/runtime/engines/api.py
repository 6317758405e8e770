"""What a container engine is asked: the part of Docker's Engine API that tells what runs, which podman serves too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.unix import LocalAnswer, ask

_LARGEST_DOCUMENT = Limit(64 << 20, "bytes of one answer of a container engine", "refused")
_LARGEST_EVENT = Limit(1 << 20, "bytes of one event of a container engine", "refused")
_CHUNK = 1 << 16
_EVENTS = ("create", "start", "die", "destroy", "rename", "update", "exec_die")
"""What is asked for: what changes what runs, and what may have changed files."""

Document = dict[str, Any]


class EngineRefused(NetError):
    """The engine answered with an error; `status` is HTTP's."""

    def __init__(self, message: str, *, advice: str = "", status: int) -> None:
        super().__init__(message, advice=advice)
        self.status = status


class StrangeAnswer(NetError):
    """What answers is not a container engine, or one that says what no engine says."""


class EngineApi:
    """Asks one engine. `address` is as net.unix.ask takes it, `timeout` seconds of silence.

    Every method raises NetError: Unreachable, TimedOut and Cut where nobody answers, EngineRefused for errors of the engine.
    """

    def __init__(self, name: str, address: str, timeout: float = 30.0) -> None:
        self.name, self.address = name, address
        self._timeout = timeout

    def version(self) -> Document:
        """The versions of the engine and its parts (SystemVersion)."""
        return self._document("/version")

    def info(self) -> Document:
        """How the engine is set up (SystemInfo)."""
        return self._document("/info")

    def containers(self) -> list[Document]:
        """All containers, also those that do not run (ContainerList)."""
        return self._documents("/containers/json?all=1")

    def inspect(self, container: str) -> Document:
        """All that is known of a container (ContainerInspect)."""
        return self._document(f"/containers/{quote(container, safe='')}/json")

    def image(self, name: str) -> Document:
        """All that is known of an image by its name or id (ImageInspect)."""
        return self._document(f"/images/{quote(name, safe='/:@._-')}/json")

    def volume(self, name: str) -> Document:
        """All that is known of a volume (VolumeInspect)."""
        return self._document(f"/volumes/{quote(name, safe='')}")

    def changes(self, container: str) -> list[Document]:
        """What a container's file system has that its image has not, and the other way (ContainerChanges)."""
        return self._documents(f"/containers/{quote(container, safe='')}/changes", is_nullable=True)

    def archive(self, container: str, path: str) -> LocalAnswer:
        """A file or folder of a container as a tar archive (ContainerArchive), still to be read. Close it."""
        query = urlencode({"path": path}, errors="surrogateescape")
        return self._open_answer(f"/containers/{quote(container, safe='')}/archive?{query}")

    def events(self, since: int, until: int, silence: float) -> Iterator[Document]:
        """What happened to containers from one second until another, as it happens (SystemEvents). `silence`: seconds of it that are
        taken as normal."""
        filters = json.dumps({"type": ["container"], "event": list(_EVENTS)})
        query = urlencode({"since": since, "until": until, "filters": filters, "stream": "true"})
        with closing(self._open_answer(f"/events?{query}", silence)) as answer:
            rest, buffer = bytearray(), memoryview(bytearray(_CHUNK))
            while n := answer.readinto(buffer):
                rest += buffer[:n]
                yield from self._whole_events(rest)

    def _whole_events(self, rest: bytearray) -> Iterator[Document]:
        """The events that are whole, which are taken away: a document a line."""
        while (end := rest.find(b"\n")) >= 0:
            line = bytes(rest[:end])
            del rest[: end + 1]
            if line.strip():
                yield self._object(self._decode_json(line))
        if len(rest) > _LARGEST_EVENT:
            raise StrangeAnswer(f"an event of {self.name} has no end", advice="check its address")

    def _document(self, path: str) -> Document:
        return self._object(self._fetch_document(path))

    def _documents(self, path: str, *, is_nullable: bool = False) -> list[Document]:
        found = self._fetch_document(path)
        if found is None and is_nullable:
            return []
        if not isinstance(found, list):
            raise self._strange()
        return [self._object(entry) for entry in found]

    def _fetch_document(self, path: str) -> object:
        with closing(self._open_answer(path)) as answer:
            return self._decode_json(answer.body(_LARGEST_DOCUMENT))

    def _open_answer(self, path: str, silence: float = 0.0) -> LocalAnswer:
        answer = ask(self.address, path, self._timeout + silence)
        if answer.status == 200:
            return answer
        with closing(answer):
            status = answer.status
            said = _message(answer.body(_LARGEST_EVENT))
        what = f"{self.name} answers with status {status}"
        raise EngineRefused(f"{what}: {said}" if said else what, advice=f"look at {self.name}'s log", status=status)

    def _decode_json(self, body: bytes) -> object:
        try:
            return msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise self._strange() from None

    def _object(self, found: object) -> Document:
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _strange(self) -> StrangeAnswer:
        return StrangeAnswer(f"{self.address} does not answer as {self.name}", advice="check its address")


def _message(body: bytes) -> str:
    """The words of an error."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
    text = said.get("message") if isinstance(said, Mapping) else None
    return " ".join(text.split())[:300] if isinstance(text, str) else ""
