"""npm: where Node's packages come from (npmrc(5)).

`npm.<option>` is what root gets: the files for all, then root's own. What another user has is `npm.user[<name>].<option>`, what a
folder of an application has `npm.project[<folder>].<option>`. The variables of the
image (NPM_CONFIG_REGISTRY …) win over files. Credentials are masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.written import MASK, number, without_password
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_GLOBAL = ("/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/npmrc", "/opt/*/etc/npmrc")
_ROOT = "/root/.npmrc"
_HOMES = "/home/*/.npmrc"
_PROJECTS = tuple(f"/{'*/' * depth}.npmrc" for depth in range(5))
_SECRET = re.compile(r"(?:^|:)(?:_auth|_authtoken|_password|password|otp|keyfile_password)\Z", re.IGNORECASE).search
_COMMENT = re.compile(r"(?<!\\)[;#]")
_ESCAPE = re.compile(r"\\([;#\\])")
_SPACE = " \t\r"


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _ROOT)
    tree = IncludeTree(files)
    names = BracketedNames()
    own = tuple(_own_files(files))
    variables = files.variables("npm_config_")
    users = files.matching(_HOMES)
    projects = [path for glob in _PROJECTS for path in files.matching(glob) if path not in users and path != _ROOT]
    if own or users or projects or variables:
        settings.add("npm.strict-ssl", True)
    for path in own:
        _file(files, tree, path, settings, "npm")
    for path in users:
        _file(files, tree, path, settings, f"npm.user[{names.name(path.split('/')[2])}]")
    for path in projects:
        _file(files, tree, path, settings, f"npm.project[{names.name(path.rpartition('/')[0] or '/')}]")
    _environment(files, variables, settings)
    return settings.settings()


def _own_files(files: Files) -> Iterator[str]:
    """The global file and root's own, or the files that variables name instead."""
    for variable, usual in (("npm_config_globalconfig", _GLOBAL), ("npm_config_userconfig", (_ROOT,))):
        named = [word for name, word in files.variables(variable).items() if len(name) == len(variable)]
        for word in named[:1]:
            if word.text and files.status(word.text) is not None:
                yield word.text
            else:
                files.problem(
                    word.path, f"{variable} names a file that is not in the image, or is not known", word.line
                )
        if not named:
            yield from (path for glob in usual for path in files.matching(glob))


def _environment(files: Files, variables: Mapping[str, StartWord], settings: SettingCollector) -> None:
    """What variables set counts in every folder, whatever files say. An empty one sets nothing."""
    written = settings.settings()
    for variable, word in variables.items():
        name = _of_variable(variable)
        if word.text is None:
            files.problem(word.path, f"{variable[:100]} is set to what is not known", word.line)
        elif word.text and name:
            value = _convert_value(name, word.text)
            settings.add(f"npm.{name}", value, word.path, word.line)
            for setting in written:
                if setting.key.endswith(f"].{name}"):
                    settings.add(setting.key, value, word.path, word.line)


def _of_variable(variable: str) -> str:
    """The option that a variable sets: in small letters, `_` as `-` but at its beginning; one that names a registry keeps its own."""
    name = variable[len("npm_config_") :]
    return name if name.startswith("//") else name[:1].lower() + name[1:].lower().replace("_", "-")


def _file(files: Files, tree: IncludeTree, path: str, settings: SettingCollector, prefix: str) -> None:
    lists: dict[str, tuple[list[str], int]] = {}
    for name, value, line in _lines(files, tree, path):
        if name.endswith("[]"):
            lists.setdefault(name[:-2], ([], line))[0].append(str(_convert_value(name[:-2], value)))
        else:
            settings.add(f"{prefix}.{name}", _convert_value(name, value), path, line)
    for name, (values, line) in lists.items():
        settings.add(f"{prefix}.{name}", tuple(values), path, line)


def _lines(files: Files, tree: IncludeTree, path: str) -> Iterator[tuple[str, str | None, int]]:
    """Names, values and lines. Lines in a section are not settings of npm."""
    with tree.opened(path) as text:
        is_in_section = False
        for number_, raw in enumerate((text or "").split("\n"), 1):
            line = raw.strip(_SPACE)
            if not line or line[0] in "#;":
                continue
            if line[0] == "[" and line[-1] == "]":
                is_in_section = True
                files.problem(path, Remark("a section, which npm does not read"), number_)
            elif not is_in_section:
                name, equals, value = line.partition("=")
                name = _unquote(name.strip(_SPACE))
                if name:
                    yield name, _unquote(value.strip(_SPACE)) if equals else None, number_
                else:
                    files.problem(path, Remark("a value has no name"), number_)


def _unquote(text: str) -> str:
    """The word without quotes around it, or without the comment behind it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    plain = _COMMENT.split(text, maxsplit=1)[0]
    return _ESCAPE.sub(r"\1", plain).strip(_SPACE)


def _convert_value(name: str, value: str | None) -> Value:
    """The value: a name alone is switched on. `${NAME}` is a variable of the environment, which is not known."""
    if value is None:
        return True
    if _SECRET(name) and value and not (value.startswith("${") and value.endswith("}")):
        return MASK
    return {"true": True, "false": False, "null": None}.get(value, number(without_password(value)))


PARSER = Parser(
    name="npm",
    globs=("**/.npmrc", *(path[1:] for path in _GLOBAL)),
    settings=_settings,
)
