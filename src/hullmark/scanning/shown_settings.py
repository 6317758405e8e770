"""An image's settings in a form that may be shown and stored: with every secret masked."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hullmark.facets.secrets.mask import MASK, masked_text, masked_value, masked_words, secrets_in
from hullmark.model.image import HistoryEntry, ImageConfig

_LONG_ALONE = 8
_LONG_BESIDE = 4


def without_secrets(config: ImageConfig) -> ImageConfig:
    """The settings, with every value masked that is a secret by its form, its name or its place: in variables, labels, commands and
    history. A value that is long enough is masked wherever else it stands."""
    healthcheck = config.healthcheck
    start = (*config.entrypoint, *config.cmd)
    known = _find_secrets(config)
    words = _hide_secrets(masked_words(start), known)
    return replace(
        config,
        env=_hide_secrets(map(_variable, config.env), known),
        labels={name: _without(masked_value(name, value), known) for name, value in config.labels.items()},
        entrypoint=words[: len(config.entrypoint)],
        cmd=words[len(config.entrypoint) :],
        shell=_hide_secrets(masked_words(config.shell), known),
        on_build=tuple(_instruction(text, known) for text in config.on_build),
        history=tuple(_entry(entry, known) for entry in config.history),
        healthcheck=replace(healthcheck, test=_hide_secrets(masked_words(healthcheck.test), known))
        if healthcheck is not None
        else None,
    )


def _find_secrets(config: ImageConfig) -> tuple[str, ...]:
    """The secrets of variables and of instructions, the longest first: a build repeats them in its commands."""
    texts = (*config.env, *config.on_build, *(entry.created_by for entry in config.history))
    found = {value for text in texts for value in secrets_in(text)}
    found |= {text.partition("=")[2] for text in config.env if _variable(text) == f"{text.partition('=')[0]}={_MASK}"}
    return tuple(
        sorted((value for value in found if len(value) >= _LONG_ALONE), key=lambda value: (-len(value), value))
    )


_MASK = MASK.decode()


def _variable(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{name}={masked_value(name, value)}" if equals else text


def _entry(entry: HistoryEntry, known: tuple[str, ...]) -> HistoryEntry:
    return replace(
        entry, created_by=_instruction(entry.created_by, known), comment=_without(masked_text(entry.comment), known)
    )


def _instruction(text: str, known: tuple[str, ...]) -> str:
    own = sorted((value for value in secrets_in(text) if len(value) >= _LONG_BESIDE), key=len, reverse=True)
    return _without(masked_text(_without(text, own)), known)


def _hide_secrets(texts: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_without(text, known) for text in texts)


def _without(text: str, values: Iterable[str]) -> str:
    for value in values:
        text = text.replace(value, _MASK)
    return text
