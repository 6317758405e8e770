"""From a view model to a page: templates, what all of them know, and the headers that keep a page from doing anything else.

Templates are Jinja's (https://jinja.palletsprojects.com/en/stable/templates/) and escape all that is put into them. Words pass through
`_`, as gettext has it, so that a catalogue can replace them. Content Security Policy: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from markupsafe import Markup, escape

from hullmark._version import __version__
from hullmark.report.html_parts import printable
from hullmark.server.api.browser import BROWSER_HEADERS, POLICY
from hullmark.server.api.caller import Caller
from hullmark.server.console.navigation import Entry, menu
from hullmark.server.console.static_files import static_url
from hullmark.server.console.vendor import missing
from hullmark.server.stories.identity.account_address import account_base, account_segment

HEADERS = {**BROWSER_HEADERS, "Vary": "Cookie, Authorization, HX-Request"}
"""What every page is sent with."""

_THEMES = ("light", "dark")
_UNITS = ("B", "kB", "MB", "GB", "TB")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z").fullmatch
_BETWEEN_PARTS = re.compile("([/@])")
_STEPS = ((60, "s"), (3600, "min"), (86_400, "h"), (86_400 * 60, "d"))


def rights(permission: str) -> dict[str, Any]:
    """The `opt` of a page's route: who may open it, in the account that its address names."""
    return {"permission": permission, "of": "account", "console": True}


def render(request: Request[Any, Any, Any], template: str, *, status: int = 200, **values: Any) -> Response[bytes]:
    """The page that a template of templates/ makes of these values, for who asks."""
    nonce = secrets.token_urlsafe(16)
    content = environment().get_template(template).render(**_around(request), nonce=nonce, **values)
    headers = {**HEADERS, "Content-Security-Policy": policy_with(nonce)}
    return Response(content.encode(), status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def policy_with(nonce: str) -> str:
    """The policy of one answer. htmx obeys only elements that carry its nonce (`hx-nonce`), which nobody else's markup can."""
    return POLICY.replace("script-src 'self'", f"script-src 'self' 'nonce-{nonce}'")


def redirect(target: str) -> Response[bytes]:
    """After an action: the page that shows what came of it (303). `target` is an address below /console/."""
    return Response(b"", status_code=303, headers={**HEADERS, "Location": target})


def _around(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """What the layout shows around each page."""
    state = request.scope.get("state", {})
    caller = cast("Caller | None", state.get("caller"))
    entries: tuple[Entry, ...] = request.route_handler.opt.get("entries", ())
    theme = request.cookies.get("theme", "")
    return {
        "request": request,
        "me": caller,
        "base": account_base(caller.account) if caller else "/console",
        "path": request.url.path,
        "menu": menu(entries, caller.permissions) if caller else (),
        "csrf": state.get("csrf", ""),
        "theme": theme if theme in _THEMES else "",
        "now": request.app.state["services"].clock(),
    }


@lru_cache(1)
def environment() -> Environment:
    """How templates are read. Made once: they are compiled when they are first used."""
    made = Environment(
        loader=PackageLoader("hullmark.server.console", "templates"),
        autoescape=True,
        finalize=printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    cast("Any", made).install_null_translations(newstyle=True)
    made.filters |= {
        "ago": ago,
        "span": span,
        "size": size,
        "count": count,
        "short": short,
        "stamp": stamp,
        "segment": segment,
        "account": account_segment,
        "readable": readable,
        "heading": heading,
        "breaking": breaking,
        "lines": lines,
        "whole": whole,
    }
    made.globals |= {"static": static_url, "version": __version__, "with_query": with_query, "missing": missing()}
    return made


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was, or how far it lies ahead: "3 min ago", "in 2 d"."""
    gone = (now - moment).total_seconds()
    if abs(gone) < 5:
        return "now"
    return f"{span(gone)} ago" if gone > 0 else f"in {span(gone)}"


def span(seconds: float | timedelta) -> str:
    """A length of time in its largest unit: "40 s", "3 h", "12 d", "5 months"."""
    length = abs(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    below = 1
    for limit, unit in _STEPS:
        if length < limit:
            return f"{int(length // below)} {unit}"
        below = limit if unit != "h" else 86_400
    months = int(length // (86_400 * 30.44))
    return f"{months} months" if months < 24 else f"{int(length // (86_400 * 365.25))} years"


def size(octets: float) -> str:
    """Bytes in the unit that suits them, in thousands as disks are sold: "12.4 MB"."""
    amount = float(octets)
    for unit in _UNITS:
        if abs(amount) < 1000 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" or abs(amount) >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError  # the last unit takes everything


def count(number: int) -> str:
    """A number with its thousands set apart: "12,345"."""
    return f"{number:,}"


def short(digest: str) -> str:
    """A digest as people recognise it: its first twelve hexadecimal digits."""
    return digest.partition(":")[2][:12] or digest[:12]


def stamp(moment: datetime) -> str:
    """A moment as the page writes it: 2026-12-01 08:30 UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def readable(text: str) -> str:
    """A value that tells of a change: a moment among them as the page writes moments."""
    return f"{text[:10]} {text[11:16]} UTC" if _MOMENT(text) else text


def heading(sentence: str | None) -> str:
    """A sentence as a title or a link, which end without a full stop; "" for none."""
    return (sentence or "").removesuffix(".")


def breaking(name: str) -> Markup:
    """A long name of parts (an image's reference, a path) that is folded between its parts, before anything within them is."""
    return Markup(_BETWEEN_PARTS.sub(r"\1<wbr>", str(escape(printable(name)))))  # noqa: S704 - it was escaped


def segment(value: object) -> str:
    """A value as one segment of an address; a digest keeps its colon."""
    return quote(str(value), safe=":")


def whole(text: str) -> Markup:
    """A text that people go on writing, every character as it is, also those that are not seen; everywhere else these are named."""
    return escape(text)


def lines(text: str) -> Markup:
    """A text of several lines, for where its line breaks are kept; what cannot be seen is written out in each, as everywhere."""
    return Markup("\n").join(escape(printable(line)) for line in text.split("\n"))


def with_query(request: Request[Any, Any, Any], **changes: Any) -> str:
    """The address of this page with other values in its query; None takes one out. Cursors of lists go unless they are given."""
    values: dict[str, Any] = {
        name: value for name, value in request.query_params.multi_items() if not name.endswith("cursor")
    }
    values |= changes
    given = {name: value for name, value in values.items() if value is not None and value != ""}
    return f"{request.url.path}?{urlencode(given)}" if given else str(request.url.path)
