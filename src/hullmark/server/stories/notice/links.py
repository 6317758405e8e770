"""Links in messages: where people and programs find what a message is about."""

from __future__ import annotations

from urllib.parse import quote

from hullmark.server.stories.settings import Settings


def root_of(settings: Settings) -> str:
    """Where people reach the server, without a slash at the end."""
    return (settings.public_url or f"http://{settings.listen}").rstrip("/")


def image_link(settings: Settings, account: str, digest: str) -> str:
    """The page of the verdict in force on an image, by its manifest digest."""
    return f"{root_of(settings)}/api/v1/images/{quote(digest, safe=':')}/check?{_page(account)}"


def verdict_link(settings: Settings, account: str, number: int) -> str:
    """The page of a verdict, by its number in the history."""
    return f"{root_of(settings)}/api/v1/history/{number}?{_page(account)}"


def message_page_link(settings: Settings, account: str, number: int, after: int = 0) -> str:
    """The page of a message with its items, from behind one of them."""
    following = f"&after={after}" if after else ""
    return f"{root_of(settings)}/api/v1/messages/{number}/page?{_page(account)}{following}"


def message_link(settings: Settings, number: int) -> str:
    """A message, for programs."""
    return f"{root_of(settings)}/api/v1/messages/{number}"


def _page(account: str) -> str:
    """A browser sends no header that names the account."""
    return f"format=html&account={quote(account, safe='')}"
