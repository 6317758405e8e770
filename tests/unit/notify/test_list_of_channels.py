"""The list of channels is complete, and each is as `docs/how-to/add-a-channel.md` says."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import msgspec
import pytest

import hullmark.notify
from hullmark.notify.channel import Channel
from hullmark.notify.channels import CHANNELS
from tests.support.places import REPOSITORY

GUIDE = REPOSITORY / "docs" / "how-to" / "add-a-channel.md"


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


def test_the_example_of_the_guide_is_a_channel() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    room: dict[str, object] = {"__name__": "example"}
    exec(compile(example, "example", "exec"), room)  # noqa: S102 — the page is ours
    channel = room["CHANNEL"]
    assert isinstance(channel, Channel)
    with pytest.raises(ValueError, match="https"):
        channel.settings(url="http://pager.example/secret")
