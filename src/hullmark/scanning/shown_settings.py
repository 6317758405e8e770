"""An image's settings in a form that may be stored: with every secret masked."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.facets.secrets.mask import masked_text
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.policy.credentials import assignments, is_credential

MASK = "****"
_LONG = 4


def without_secrets(config: ImageConfig) -> ImageConfig:
    """The settings, with every value masked that is a credential by its form or name: in variables, labels, commands and
    history."""
    healthcheck = config.healthcheck
    return replace(
        config,
        env=tuple(_variable(variable) for variable in config.env),
        labels={name: _value(name, value) for name, value in config.labels.items()},
        entrypoint=_texts(config.entrypoint),
        cmd=_texts(config.cmd),
        on_build=_texts(config.on_build),
        history=tuple(_entry(entry) for entry in config.history),
        healthcheck=replace(healthcheck, test=_texts(healthcheck.test)) if healthcheck is not None else None,
    )


def _variable(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{name}={_value(name, value)}" if equals else text


def _value(name: str, value: str) -> str:
    return MASK if is_credential(name, value) else masked_text(value)


def _entry(entry: HistoryEntry) -> HistoryEntry:
    return replace(entry, created_by=_instruction(entry.created_by), comment=masked_text(entry.comment))


def _instruction(text: str) -> str:
    for name, value in assignments(text):
        bare = value.strip("\"'")
        if bare and is_credential(name, value):
            # A value too long for a coincidence is masked wherever the instruction repeats it.
            where = bare if len(bare) >= _LONG else f"{name}={value}"
            text = text.replace(where, where.removesuffix(bare) + MASK)
    return masked_text(text)


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_instruction(text) for text in texts)
