"""Settings: what the configuration files of an image make a program do."""

from __future__ import annotations

import msgspec

Value = bool | int | float | str | tuple[str, ...] | None
"""A number, a switch, a word or a list of words; None: the setting exists without a value."""


class Place(msgspec.Struct, frozen=True, order=True):
    """A line of a file. `file` and `layer` are as in Setting."""

    path: str
    line: int
    file: str = ""
    layer: int = -1


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting in effect.

    `key` is the program's name and the way to the setting, as `sshd.PermitRootLogin` or `nginx.http.server[0].listen`; in brackets
    stand the places of repeated blocks, counted from 0, or their names, as `passwd.user[root].shell`.

    `value` is a bool where the program knows only on and off, an int or float where it wants a plain number, a tuple where it takes a
    list, and else the word as the program reads it (quotes and escapes undone). Secrets are masked in it.

    `path` and `line` (from 1) tell where it is written, which may be a file that another includes or a block further out whose
    value is inherited. Of what the image's start sets, `path` is CMD, ENTRYPOINT, ENV or HEALTHCHECK, and `line` is 0. "" and 0 mean
    that nothing sets it, and the program's own default holds. `layer` is the layer that brought the file, -1 for none. `file` is the
    real file where `path` is a link or leads through one, else "". `more` are further lines that contribute to the value, as those of
    a list that grows, and of aliases that stand in it.
    """

    key: str
    value: Value
    path: str = ""
    line: int = 0
    layer: int = -1
    file: str = ""
    more: tuple[Place, ...] = ()
