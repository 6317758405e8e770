"""apk: where Alpine's packages come from, and whose signatures count (apk-repositories(5), apk-keys(5)).

`apk.repositories` are the lines as they are written, a tag in front as in `@edge https://…`; `apk.keys` are the files of the keys.
"""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.written import without_password
from hullmark.model.setting import Setting

_REPOSITORIES = ("/etc/apk/repositories", "/etc/apk/repositories.d/*.list", "/lib/apk/repositories.d/*.list")
_KEYS = ("/etc/apk/keys/*", "/usr/share/apk/keys/*.pub")


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _REPOSITORIES[0])
    tree = IncludeTree(files)
    found: dict[str, SourceLine] = {}
    paths = [path for glob in _REPOSITORIES for path in files.matching(glob)]
    for path in paths:
        with tree.opened(path) as text:
            for number, raw in enumerate((text or "").split("\n"), 1):
                line = raw.strip()
                if line and line[0] != "#":
                    found.setdefault(
                        " ".join(without_password(word) for word in line.split()), SourceLine(path, number)
                    )
    if paths:
        settings.add("apk.repositories", tuple(found), *next(iter(found.values()), SourceLine(paths[0], 0)))
        settings.add("apk.keys", tuple(key for glob in _KEYS for key in files.matching(glob)))
    return settings.settings()


PARSER = Parser(
    name="apk",
    globs=tuple(path[1:] for path in _REPOSITORIES),
    settings=_settings,
)
