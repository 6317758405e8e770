"""Logs: a line of JSON for each thing that happened, without what might be secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"password|secret|token|authorization|cookie|credential|api_?key", re.IGNORECASE)
_LOGIN = re.compile(r"(://[^/\s:@]*):[^@\s/]+@")
_PROOF = re.compile(r"\b(hmk_[A-Za-z0-9]+)_[A-Za-z0-9]+|\b((?:Bearer|Basic) +)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_MASK = "…"


def set_up(level: str) -> None:
    """Have structlog and the libraries' loggers write to stderr, from this level on."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))


def mask_event(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event without the values of what is called a secret, without passwords in addresses, and without keys and tokens in texts."""
    for name, value in event.items():
        event[name] = _plain(name, value)
    return event


def _plain(name: str, value: Any) -> Any:
    if _SECRET.search(name):
        return _MASK
    if isinstance(value, str):
        return _PROOF.sub(lambda found: (found[2] or f"{found[1]}_") + _MASK, _LOGIN.sub(rf"\1:{_MASK}@", value))
    if isinstance(value, Mapping):
        return {key: _plain(str(key), child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value]
    return value
