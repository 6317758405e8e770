"""Links in messages: where people find what a message is about, in the console; and where programs do."""

from __future__ import annotations

from urllib.parse import quote

from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.settings import Settings


def root_of(settings: Settings) -> str:
    """Where people reach the server, without a slash at the end."""
    return (settings.public_url or f"http://{settings.listen}").rstrip("/")


def account_link(settings: Settings, account: str) -> str:
    """The first page of an account."""
    return f"{root_of(settings)}{account_base(account)}/now"


def cause_link(settings: Settings, account: str, number: int) -> str:
    """The page of a cause: what it changed, where, and what to do about it."""
    return f"{root_of(settings)}{account_base(account)}/causes/{number}"


def image_link(settings: Settings, account: str, digest: str) -> str:
    """The page of an image, by its manifest digest."""
    return f"{root_of(settings)}{account_base(account)}/images/{quote(digest, safe=':')}"


def verdict_link(settings: Settings, account: str, number: int) -> str:
    """The page of a verdict, by its number in the history."""
    return f"{root_of(settings)}{account_base(account)}/history/{number}"


def message_page_link(settings: Settings, account: str, number: int) -> str:
    """The page of a message with all that it tells of."""
    return f"{root_of(settings)}{account_base(account)}/messages/{number}"


def message_link(settings: Settings, number: int) -> str:
    """A message, for programs."""
    return f"{root_of(settings)}/api/v1/messages/{number}"
