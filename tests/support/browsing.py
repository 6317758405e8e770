"""A browser without a screen: it keeps cookies, reads pages and sends their forms, as the console's people do."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from httpx import Response

from tests.support.desk import Desk

_TOKEN = re.compile(r'name="_csrf" value="([^"]*)"')


class Browser:
    """One browser, at one address."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> Response:
        """A page. Names of headers are written with underscores."""
        return await self.client.get(path, headers=_named(headers))

    async def token(self, path: str = "/console/signin") -> str:
        """What the forms of a page hold."""
        return token_in((await self.get(path)).text)

    async def send(self, path: str, fields: dict[str, Any], token: str | None = None, **headers: str) -> Response:
        """A form; `token` None leaves its token out."""
        data = fields if token is None else {"_csrf": token, **fields}
        return await self.client.post(path, data=data, headers=_named(headers))

    async def sign_in(self, name: str, password: str, following: str = "") -> Response:
        """The sign-in page, filled in and sent."""
        page = await self.get(f"/console/signin{f'?next={following}' if following else ''}")
        found = re.search(r'name="next" value="([^"]*)"', page.text)
        fields = {"name": name, "password": password, "next": html.unescape(found[1]) if found else ""}
        return await self.send("/console/signin", fields, token_in(page.text))

    @property
    def cookie(self) -> str:
        """What the session's cookie holds."""
        return next((str(kept.value) for kept in self.client.cookies.jar if kept.name.endswith("hullmark-session")), "")


def token_in(page: str) -> str:
    """The token of the first form of a page."""
    found = _TOKEN.search(page)
    assert found, page[:2000]
    return html.unescape(found[1])


@asynccontextmanager
async def browser(at: Desk, address: str = "127.0.0.1", base: str = "http://hullmark") -> AsyncIterator[Browser]:
    """A new browser that asks a desk's server."""
    transport = httpx.ASGITransport(at.app, client=(address, 1))  # type: ignore[arg-type]  # the framework's own words for the same
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield Browser(client)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
