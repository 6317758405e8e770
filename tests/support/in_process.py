"""The program within the process of a test, with a home of its own; and a server that answers from a table, without a network."""

from __future__ import annotations

import gc
import getpass
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote

import pytest

from hullmark.cli.main import main
from hullmark.net.http import Client, Request
from tests.support.program import Ran

_OTHERS = ("HULLMARK_", "XDG_", "AWS_", "GOOGLE_", "ACTIONS_", "KUBE", "DOCKER_", "CONTAINER_", "STATE_DIRECTORY")
"""Prefixes of variables of the machine that a run must not see."""


class CommandLine:
    """Runs `hullmark` where the test runs. `home` and `place` are its home and its working folder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> None:
        self.home, self.place = folder / "home", folder / "place"
        self._patch, self._captured = patch, captured
        for path in (self.home, self.place):
            path.mkdir()
        for name in [name for name in os.environ if name.startswith(_OTHERS) or name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setenv("HOME", str(self.home))
        patch.chdir(self.place)

    def __call__(
        self,
        *words: str | Path,
        given: str | bytes = "",
        env: Mapping[str, str] = {},
        typed: Sequence[str] | None = None,
        output: TextIO | None = None,
        is_watched: bool = False,
    ) -> Ran:
        """Run it with these arguments; `given` is its standard input, `env` what it has besides as variables.

        `typed`: its standard input is a terminal, and these are typed where nothing is shown; then what is typed ends. `output` is
        its standard output, where that is not to be kept. `is_watched`: standard error is a terminal.
        """
        body = given.encode() if isinstance(given, str) else given
        self._captured.readouterr()
        with self._patch.context() as patched:
            patched.setattr(sys, "stdin", (io.TextIOWrapper if typed is None else _Typed)(io.BytesIO(body)))
            patched.setattr(getpass, "getpass", _Typing(typed or ()))
            if output is not None:
                patched.setattr(sys, "stdout", output)
            for name, text in env.items():
                patched.setenv(name, text)
            if is_watched:
                patched.setattr(sys.stderr, "isatty", lambda: True)
            before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
            try:
                status = main([*map(str, words)])
            except SystemExit as ended:
                status = int(ended.code or 0)
            finally:
                gc.enable()
                for number, handler in before.items():
                    signal.signal(number, handler)
        said = self._captured.readouterr()
        return Ran(status, said.out, said.err.decode())


def tell_to_end() -> None:
    """Have the run that goes on in the main thread end, as systemd does."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGTERM)


class _Typed(io.TextIOWrapper):
    """What a person types."""

    def isatty(self) -> bool:
        """It is."""
        return True


class _Typing:
    """What a person types where nothing is shown."""

    def __init__(self, typed: Sequence[str]) -> None:
        self._left = [*typed]

    def __call__(self, prompt: str) -> str:
        """The next line. The prompt stands on standard error."""
        sys.stderr.write(prompt)
        if not self._left:
            raise EOFError
        return self._left.pop(0)


@dataclass(frozen=True)
class Reply:
    """An answer that is more than a document with status 200."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Its body: bytes as they are, a document as JSON, nothing for None."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


def refused(status: int, detail: str) -> Reply:
    """A refusal as the server words it (RFC 9457)."""
    return Reply(status, {"title": "refused", "detail": detail, "status": status})


@dataclass
class TableServer:
    """Answers by a table from `METHOD /path?query`, below /api/v1, to a document, a Reply, Sequenced ones, or what makes one.

    `otherwise` is what all else is answered with (None: that it is not there). `asked` are the requests in their order, each with its
    document (None: it has none); `headers` those of the last one.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    otherwise: Any = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    url = "https://hullmark.example"

    def open(self, request: Request) -> _Stream:
        """The answer to a request."""
        path = unquote(request.url.removeprefix(self.url).removeprefix("/api/v1"))
        words, self.headers = f"{request.method} {path}", request.headers
        body = (
            b"".join(request.body) if request.body is not None and not isinstance(request.body, bytes) else request.body
        )
        self.asked.append((words, json.loads(body) if body and body[:1] in b"{[" else body))
        found = self.answers.get(words, self.otherwise or refused(404, f"there is no answer to {words}"))
        if callable(found):
            found = found()
        if isinstance(found, Sequenced):
            found = found.replies.pop(0)
        return _Stream(found if isinstance(found, Reply) else Reply(200, found), request.url)


@dataclass
class Sequenced:
    """Answers that come one after another."""

    replies: list[Any]


class _Stream:
    """A streamed answer whose body is there already."""

    def __init__(self, reply: Reply, url: str) -> None:
        self.status, self.headers, self.url = reply.status, reply.headers, url
        self._body = io.BytesIO(reply.encode())

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer."""
        return self._body.readinto(buffer)

    def read_available(self, limit: int) -> bytes:
        """A line at a time, as they arrive."""
        return self._body.readline(limit)

    def close(self) -> None:
        """Nothing is left to be done."""


def serve_from_table(patch: pytest.MonkeyPatch) -> TableServer:
    """A server that every connection of this process leads to, as the variables of a run name it."""
    server = TableServer()
    patch.setattr(Client, "open", lambda client, request: server.open(request))
    patch.setenv("HULLMARK_SERVER", server.url)
    patch.setenv("HULLMARK_API_KEY", "a-key")
    return server
