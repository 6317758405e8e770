"""The console's pages, found as people find them: by following links from the first one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import httpx

MOST_PAGES = 400
"""More kinds of pages than there are: a walk that does not end is a fault of its own."""

_THINGS = (
    ("DIGEST", re.compile(r"sha256:[0-9a-f]{64}")),
    ("UUID", re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")),
    ("ADVISORY", re.compile(r"[A-Z]+-\d{4}-.+|GHSA-.+")),
    ("NUMBER", re.compile(r"\d+")),
)
_KINDS = ("tab", "view")
"""Parameters of a page that make another page of it, by their values."""
_BESIDE = ("/console/signin", "/console/gallery", "/console/gallery/charts")
"""Pages of no account."""


class Links(HTMLParser):
    """The addresses that a page leads to, without those that do something or hand out files."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link's address."""
        told = dict(attrs)
        if tag == "a" and told.get("href") and "download" not in told:
            self.found.append(str(told["href"]))


def kind_of(address: str) -> str:
    """What pages have in common that differ only in what they are about, or in what was searched for."""
    parts = urlsplit(address)
    segments = parts.path.split("/")
    for place, segment in enumerate(segments):
        segments[place] = next((name for name, pattern in _THINGS if pattern.fullmatch(segment)), segment)
    query = "&".join(f"{name}={value}" for name, value in parse_qsl(parts.query) if name in _KINDS)
    return "/".join(segments) + (f"?{query}" if query else "")


def walk(client: httpx.Client, first: str) -> Iterator[tuple[str, str, httpx.Response]]:
    """Each kind of page that the links of `first` lead to, once: kind, address and answer. What is outside the account's folder is left
    out, and so are exports."""
    waiting, met = deque([first]), {kind_of(first)}
    folder = urlsplit(first).path.rpartition("/")[0] + "/"
    while waiting:
        address = waiting.popleft()
        answer = client.get(address)
        yield kind_of(address), address, answer
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for link in Links(answer.text).found:
            found = urldefrag(urljoin(address, link)).url
            parts = urlsplit(found)
            if parts.netloc or not parts.path.startswith(folder) or "export=" in parts.query:
                continue
            if (kind := kind_of(found)) not in met and len(met) < MOST_PAGES:
                met.add(kind)
                waiting.append(found)


def addresses(url: str, account: str, headers: Mapping[str, str], *, broken: bool = True) -> dict[str, str]:
    """The address of a page of each kind in an account's console, with the pages that no link of an account leads to. `broken`: links that
    lead to nothing are among them."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=url, headers=dict(headers), timeout=60, limits=limits) as client:
        met = walk(client, f"/console/{account}/now")
        found = {kind: address for kind, address, answer in met if answer.is_success or (broken and answer.is_error)}
        return found | {each: each for each in _BESIDE if client.get(each).is_success}
