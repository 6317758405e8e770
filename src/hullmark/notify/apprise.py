"""Channel `apprise`: whatever service the `apprise` library reaches, named by one of its URLs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.notice import Digest
from hullmark.notify.channel import SECRET, Channel, Delivery, Relay, Steps, check_reply
from hullmark.notify.shown import clean, fit_text, strip_mentions

LOCAL_SCHEMES = frozenset(
    (
        *(
            "dbus",
            "kde",
            "qt",
            "glib",
            "gio",
            "gnome",
            "macosx",
            "windows",
            "syslog",
            "blink1",
            "deltachat",
            "deltachats",
        ),
        *("file", "exec", "script"),
    )
)
"""Schemes that show, write or start something on the server's own machine."""

MAX_BODY = 8000
"""Characters; services with a lower limit cut it, or get several messages."""

_LEVELS: dict[Severity, Literal["info", "success", "warning", "failure"]] = {
    "critical": "failure",
    "high": "failure",
    "medium": "warning",
    "low": "warning",
}
_GOOD = frozenset(("compliance.regained", "finding.retracted", "fix.available"))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is as the library's documentation has it for the service: gotify://HOST/TOKEN, tgram://TOKEN/CHAT, ntfy://TOPIC …"""

    url: Annotated[
        str,
        msgspec.Meta(
            min_length=5,
            max_length=4000,
            pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f\x7f]+$(?!\n)",
            extra=SECRET,
        ),
    ]

    def __post_init__(self) -> None:
        """Raises ValueError for a service on the server's own machine."""
        if scheme_of(self.url) in LOCAL_SCHEMES:
            raise ValueError(
                f"{scheme_of(self.url)}:// reaches the server's own machine only: name a service elsewhere"
            )


def scheme_of(url: str) -> str:
    """The scheme of a URL, in lower case."""
    return url.partition("://")[0].lower()


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """Title and text as they are; the library adapts them to the service."""
    relay = Relay(
        url=settings.url,
        title=strip_mentions(fit_text(clean(delivery.title), 200)),
        body=fit_text("\n".join(strip_mentions(clean(line)) for line in delivery.text.splitlines()), MAX_BODY) or "…",
        level=_level(delivery),
    )
    check_reply((yield relay), scheme_of(settings.url))
    return ""


def _level(delivery: Delivery) -> Literal["info", "success", "warning", "failure"]:
    if isinstance(delivery.notice, Digest):
        return "info"
    if delivery.notice.kinds and set(delivery.notice.kinds) <= _GOOD:
        return "success"
    return _LEVELS.get(delivery.notice.severity, "info")


CHANNEL = Channel(name="apprise", title="Apprise", settings=Settings, deliver=deliver, module=__name__)
