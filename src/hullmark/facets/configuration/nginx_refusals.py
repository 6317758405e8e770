"""What nginx refuses to start with (`nginx -t`): unknown and misplaced directives, a wrong number of arguments, invalid switches."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from hullmark.facets.configuration import nginx_directives
from hullmark.facets.configuration.nginx_grammar import FORMS, Form
from hullmark.facets.configuration.nginx_syntax import Directive

NEWEST = (1, 28, 99)
"""What later releases take may be more."""

_PLACES = frozenset(("http", "server", "location", "upstream", "if", "limit_except"))
_OUTERMOST = frozenset(("http", "stream", "mail"))
_LATER = frozenset(
    """
    api early_hints grpc_ssl_certificate_cache grpc_ssl_key_log health_check keepalive_min_timeout match mgmt
    proxy_ssl_certificate_cache proxy_ssl_key_log resolver_status ssl_certificate_cache ssl_key_log ssl_object_cache_inheritable
    status_zone uwsgi_ssl_certificate_cache uwsgi_ssl_key_log zone_sync
    """.split()  # noqa: SIM905
)
"""Directives of newer releases, and of nginx Plus."""


def refusal(directive: Directive, kind: str, outermost: str, *, has_modules: bool) -> str:
    """Why nginx refuses a directive in a block of this kind, "" if it does not, or if that is not known.

    `has_modules`: modules of others may add some.
    """
    forms = FORMS.get(directive.name)
    if forms is None:
        is_unknown = not has_modules and directive.name not in _others() and directive.code is None
        return "the directive is not known" if is_unknown and _is_told(kind, outermost) else ""
    if not _is_told(kind, outermost):
        return ""
    context = kind if kind in ("events", *_OUTERMOST) else f"{outermost}.{kind}" if kind else "main"
    there = [form for form in forms if context in form.contexts]
    if not there:
        return "the directive is not allowed here"
    is_block = directive.block is not None
    fitting = [form for form in there if form.is_block == is_block]
    if not fitting:
        return "the directive opens no block" if is_block else "the directive must open a block"
    if directive.code is None and not any(_fits(form, directive.arguments) for form in fitting):
        return "it has a wrong number of arguments"
    if all(form.arguments == "flag" for form in fitting) and directive.arguments[0].lower() not in ("on", "off"):
        return f"it must be on or off, not {directive.arguments[0][:100]}"
    return ""


def _is_told(kind: str, outermost: str) -> bool:
    """Whether it is known what may stand in a block."""
    return not outermost or kind == "events" or (outermost in _OUTERMOST and kind in _PLACES | _OUTERMOST)


def _fits(form: Form, arguments: Collection[str]) -> bool:
    count = len(arguments)
    if form.arguments in ("*", "flag"):
        return form.arguments == "*" or count == 1
    if form.arguments.endswith("+"):
        return count >= int(form.arguments[:-1])
    return str(count) in form.arguments.split(",")


@cache
def _others() -> frozenset[str]:
    """Names that other releases and common modules have."""
    lists = (nginx_directives.FLAGS, nginx_directives.NUMBERS, nginx_directives.LISTS, nginx_directives.REPEATED)
    inherited = (names for names in nginx_directives.INHERITED.values())
    return frozenset().union(*lists, *inherited, _LATER, nginx_directives.TABLES)
