"""Waiting for what a server does in its own time: with longer and longer pauses, and not for ever."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiRefused, segment
from hullmark.report.terminal import safe

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

T = TypeVar("T")

_FIRST, _GROWTH, _LONGEST = 0.2, 1.5, 5.0


class WaitedLongEnough(HullmarkError):
    """What was waited for did not come in time."""


def wait_until(look: Callable[[], T | None], timeout: float, what: str) -> T:
    """What `look` answers once it answers anything. Raises WaitedLongEnough, saying that `what` is not so after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    delay = _FIRST
    while True:
        found = look()
        if found is not None:
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            raise WaitedLongEnough(f"{what} after {timeout:g} seconds", advice="wait longer: --timeout SECONDS")
        time.sleep(min(delay, left))
        delay = min(delay * _GROWTH, _LONGEST)


def wait_for_analysis(api: ApiClient, digest: str, timeout: float) -> dict[str, Any]:
    """The image once it is analysed; that it was so before, and could not be analysed anew, is said. Raises HullmarkError if it cannot be
    analysed, or not in time."""
    path = f"/images/{segment(digest)}"

    def look() -> dict[str, Any] | None:
        image: dict[str, Any] = api.get(path)
        return image if image["state"] in ("analysed", "failed") else None

    image = wait_until(look, timeout, f"the image {digest} is not analysed")
    if image["state"] == "failed":
        raise HullmarkError(
            f"the image cannot be analysed: {image['reason']}",
            advice=image["advice"] or f"correct it, then: hullmark image analyse {digest}",
        )
    if image["reason"]:
        sys.stderr.write(safe(f"{digest}: {image['reason']}") + "\n")
    return image


def digest_of(api: ApiClient, name: str) -> str:
    """The digest of an image by one of its digests or by HOST/REPOSITORY:TAG. Raises ApiRefused."""
    if name.startswith("sha") and ":" in name and "/" not in name:
        return name
    try:
        return str(api.get(f"/references/{segment(name, safe='/:@')}")["digest"])
    except ApiRefused as error:
        if error.status != 404:
            raise
        raise ApiRefused(str(error), advice=f"add it first: hullmark image add {name}", status=404) from error
