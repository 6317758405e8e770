"""Links in messages: where people and programs find what a message is about."""

from __future__ import annotations

from urllib.parse import quote

from hullmark.server.stories.settings import Settings


def root_of(settings: Settings) -> str:
    """Where people reach the server, without a slash at the end."""
    return (settings.public_url or f"http://{settings.listen}").rstrip("/")


def image_link(settings: Settings, digest: str) -> str:
    """An image, by its manifest digest."""
    return f"{root_of(settings)}/api/v1/images/{quote(digest, safe=':')}"


def message_link(settings: Settings, number: int) -> str:
    """A message with all its items."""
    return f"{root_of(settings)}/api/v1/messages/{number}"
