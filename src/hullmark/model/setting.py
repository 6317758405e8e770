"""Settings: the values that programs get from the configuration files of an image."""

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

    `key` is the program's name and the path of the setting, such as `sshd.PermitRootLogin` or `nginx.http.server[0].listen`. Brackets
    contain the positions of repeated blocks, counted from 0, or their names, as in `passwd.user[root].shell`.

    `value` is a bool if the program knows only on and off, an int or float if it wants a plain number, a tuple if it takes a list, and
    otherwise the word as the program reads it (quotes and escapes resolved). Secrets in it are masked.

    `path` and `line` (from 1) are where it is written. This may be a file that another one includes, or an outer block whose value is
    inherited. For what the image's start sets, `path` is CMD, ENTRYPOINT, ENV or HEALTHCHECK, and `line` is 0. "" and 0 mean that nothing
    sets it, and the program's own default applies. `layer` is the layer that added the file, -1 for none. `file` is the real file if `path`
    is a link or leads through one, otherwise "". `more` are further lines that contribute to the value, such as those of a list that grows,
    or of aliases used in it.
    """

    key: str
    value: Value
    path: str = ""
    line: int = 0
    layer: int = -1
    file: str = ""
    more: tuple[Place, ...] = ()
