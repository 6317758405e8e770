"""Runs one configuration parser over files in memory, as it runs over an image.

read = read_settings(SSHD, {"etc/ssh/sshd_config": "PermitRootLogin no\n"})
assert read.values["sshd.PermitRootLogin"] == "no"
assert read.problems == []
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hullmark.facets.configuration.files import KeptFiles, is_named
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.start import read_start
from hullmark.facets.kept import KEPT, kept_read
from hullmark.facets.view import ImageView
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.builder import RecordBuilder
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.limits import DEFAULT
from hullmark.rootfs.squash import squash


class ReadSettings(msgspec.Struct):
    """The settings in order, their values by key, (path, reason) of each problem, and why others are not known, by key."""

    settings: list[Setting]
    values: dict[str, Value]
    problems: list[tuple[str, str]]
    unset: dict[str, str] = {}


def read_settings(
    parser: Parser,
    files: Mapping[str, str | bytes],
    *,
    links: Mapping[str, str] | None = None,
    modes: Mapping[str, int] | None = None,
    distro: Distro | None = None,
    config: ImageConfig | None = None,
    packages: Sequence[Package] = (),
) -> ReadSettings:
    """Run a parser over `files` (paths without leading slash), symbolic `links` (path → target) and permission bits, in an image of
    these settings and packages.

    Only files that the parser's globs ask for are kept, or with settings of the image all that are kept of one. No two settings may
    have one key.
    """
    builder = RecordBuilder(Dispatch((kept_read(parser.globs) if config is None else KEPT,)), DEFAULT)
    for path, target in sorted((links or {}).items()):
        builder.entry(path.encode(), "l", (0o777, 0, 0, 0, 0), target.encode(), b"")
    for path, content in sorted(files.items()):
        body = content.encode() if isinstance(content, str) else content
        meta = ((modes or {}).get(path, 0o644), 0, 0, len(body), 0)
        wanted = builder.entry(path.encode(), "f", meta, b"", b"" if config is None else body[:8])
        if wanted is not None:
            wanted.whole(memoryview(body))
    record = builder.record("", "", 0)
    view = ImageView(squash([record]), [record], distro, config, "configuration", packages=packages)
    kept = KeptFiles(view)
    kept.turn_to(parser)
    kept.start = read_start(config, kept, lambda program: is_named(program, parser.programs))
    found = list(parser.settings(kept))
    kept.tell_of_start(is_there=bool(found))
    values = {setting.key: setting.value for setting in found}
    assert len(values) == len(found), "two settings have one key"
    assert all(key.split(".")[0].split("[")[0] == parser.name for key in values), "a key begins with the parser's name"
    problems = [(problem.path, problem.reason) for problem in view.problems]
    problems += [(f"/{problem.path.decode()}", problem.reason) for problem in record.problems]
    return ReadSettings(found, values, problems, kept.unset_settings)
