"""What people send with forms: texts by the names of their fields, each bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request

from hullmark.model.limit import Limit
from hullmark.server.api.problems import problem

LONGEST = Limit(2000, "characters of a field of the console's forms, if no other limit is said", "refused")


class Fields:
    """The fields of one form. What is not text, as a file, reads as nothing."""

    def __init__(self, given: list[tuple[str, Any]]) -> None:
        self._given = [(name, value) for name, value in given if isinstance(value, str)]

    def text(self, name: str, most: int = LONGEST) -> str:
        """A field's text as it was written, "" if there is none. Raises Refusal 422 for one that is too long or cannot be kept."""
        value = next((value for key, value in self._given if key == name), "")
        return _check_value(name, value, most)

    def word(self, name: str, most: int = LONGEST) -> str:
        """The same without the space around it."""
        return self.text(name, most).strip()

    def texts(self, name: str, most: int = LONGEST) -> list[str]:
        """All that was chosen where a field has several values."""
        return [_check_value(name, value, most) for key, value in self._given if key == name and value]

    def lines(self, name: str, most: int = 20_000) -> list[str]:
        """The lines of a field that say something."""
        return [line.strip() for line in self.text(name, most).splitlines() if line.strip()]

    def is_set(self, name: str) -> bool:
        """Whether a box was ticked."""
        return any(key == name and value for key, value in self._given)


async def fields_of(request: Request[Any, Any, Any]) -> Fields:
    """The form that came with a request."""
    form = await request.form()
    return Fields(list(form.multi_items()))


async def texts_of(request: Request[Any, Any, Any], names: Sequence[str]) -> dict[str, str]:
    """The texts of these fields of the form that came with a request, without the space around them."""
    fields = await fields_of(request)
    return {name: fields.word(name) for name in names}


def moment_text(moment: datetime) -> str:
    """A moment for a field of the kind datetime-local, which the page says is UTC: the next whole hour."""
    whole = moment.astimezone(UTC) + timedelta(minutes=59)
    return whole.strftime("%Y-%m-%dT%H:00")


def _check_value(name: str, value: str, most: int) -> str:
    if len(value) > most:
        raise problem(422, f"{name.replace('_', ' ')} has more than {most} characters", "shorten it")
    if "\0" in value:
        raise problem(422, f"{name.replace('_', ' ')} holds a character that cannot be kept", "write it anew")
    return value.replace("\r\n", "\n")


def moment_in(text: str) -> str | None:
    """A day or a day with a time, as fields for them give it, as a moment in UTC; None for nothing."""
    if not text:
        return None
    return f"{text}T00:00:00Z" if "T" not in text else f"{text}{'' if text.count(':') > 1 else ':00'}Z"
