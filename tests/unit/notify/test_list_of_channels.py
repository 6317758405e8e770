"""The list of channels is complete, and each says what it is."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import msgspec
import pytest

import hullmark.notify
from hullmark.notify.channel import Channel
from hullmark.notify.channels import CHANNELS


def test_a_module_with_a_channel_is_in_the_list() -> None:
    names = [info.name for info in pkgutil.iter_modules(hullmark.notify.__path__)]
    there = {name for name in names if hasattr(import_module(f"hullmark.notify.{name}"), "CHANNEL")}
    assert there
    assert there == {channel.module.rpartition(".")[2] for channel in CHANNELS.values()}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=list(CHANNELS))
def test_a_channel_says_what_it_is_and_marks_what_is_secret(channel: Channel) -> None:
    assert CHANNELS[channel.name] is channel
    assert re.fullmatch(r"[a-z][a-z0-9-]*", channel.name)
    assert channel.title
    assert channel.settings.__doc__
    assert import_module(channel.module).CHANNEL is channel
    fields = msgspec.inspect.type_info(channel.settings)
    assert isinstance(fields, msgspec.inspect.StructType)
    for field in fields.fields:
        if field.name in ("token", "password", "secret", "relay"):
            assert isinstance(field.type, msgspec.inspect.Metadata), field.name
            assert (field.type.extra or {}).get("secret"), field.name
