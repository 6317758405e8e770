"""Documents fetched into files: only if they changed, resumed where they were cut (RFC 9110: conditional and range requests)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hullmark.net.errors import AnswerTooLarge, Cut, NetError, TimedOut
from hullmark.net.http import Client, Request, StreamedAnswer, origin
from hullmark.net.wait import backoff

_CHUNK = 1 << 18
_MISSING = (403, 404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRequest:
    """A document to fetch. `etag` and `last_modified` are those of the existing copy; `json` is a body to POST."""

    url: str
    etag: str = ""
    last_modified: str = ""
    json: bytes = b""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """The result; `etag` and `last_modified` as the server said."""

    status: Literal["fetched", "unchanged", "missing"]
    etag: str = ""
    last_modified: str = ""


def download(
    client: Client,
    wanted: DocumentRequest,
    target: Path,
    limit: int,
    progress: Callable[[int, int], None] | None = None,
) -> Download:
    """Fetch a document into `target`.

    An existing file is the beginning of an earlier try, which continues if the server still has the same document. `progress`
    is called with bytes so far and in all (0: not said). Raises NetError for all other answers, AnswerTooLarge past `limit` bytes.
    """
    tag_file = target.with_name(target.name + ".etag")
    attempt = 0
    while True:
        at = target.stat().st_size if target.exists() and tag_file.exists() else 0
        streamed = client.open(_request(wanted, at, tag_file.read_text("utf-8") if at else ""))
        try:
            answer = _answer(streamed, wanted)
            if answer.status != "fetched":
                return answer
            validator = answer.etag if not answer.etag.startswith("W/") else ""
            if validator:
                tag_file.write_text(validator, "utf-8")
            _receive(streamed, target, at if streamed.status == 206 else 0, limit, progress)
            tag_file.unlink(missing_ok=True)
            return answer
        except (Cut, TimedOut):
            if attempt >= client.settings.retries:
                raise
            client.settings.sleep(backoff(attempt))
            attempt += 1
        finally:
            streamed.close()


def _request(wanted: DocumentRequest, at: int, validator: str) -> Request:
    headers = dict(wanted.headers or {})
    if wanted.json:
        return Request(wanted.url, {**headers, "Content-Type": "application/json"}, "POST", wanted.json)
    if at and validator:
        headers |= {"Range": f"bytes={at}-", "If-Range": validator}
    elif wanted.etag:
        headers["If-None-Match"] = wanted.etag
    elif wanted.last_modified:
        headers["If-Modified-Since"] = wanted.last_modified
    return Request(wanted.url, headers)


def _answer(streamed: StreamedAnswer, wanted: DocumentRequest) -> Download:
    if streamed.status == 304:
        return Download(status="unchanged", etag=wanted.etag, last_modified=wanted.last_modified)
    if streamed.status in _MISSING:
        return Download(status="missing")
    if streamed.status not in (200, 206):
        raise NetError(f"{origin(wanted.url)} answered {streamed.status}", advice="try again later, or use a mirror")
    return Download(
        status="fetched",
        etag=streamed.headers.get("etag", "")[:200],
        last_modified=streamed.headers.get("last-modified", "")[:100],
    )


def _receive(
    streamed: StreamedAnswer, target: Path, at: int, limit: int, progress: Callable[[int, int], None] | None
) -> None:
    length = streamed.headers.get("content-length", "")
    total = at + int(length) if length.isdecimal() and len(length) < 19 else 0
    if total > limit:
        raise AnswerTooLarge(f"{origin(streamed.url)} answers with {total:,} bytes", advice="check the address")
    buffer = memoryview(bytearray(_CHUNK))
    with target.open("r+b" if at else "wb") as stream:
        stream.seek(at)
        while n := streamed.readinto(buffer):
            stream.write(buffer[:n])
            at += n
            if at > limit:
                raise AnswerTooLarge(
                    f"{origin(streamed.url)} answers with more than {limit:,} bytes", advice="check the address"
                )
            if progress is not None:
                progress(at, total)
        stream.truncate()
    if total and at < total:
        raise Cut(f"{origin(streamed.url)} ended early", advice="try again")
