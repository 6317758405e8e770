"""What a service reads because its settings say so: the files they stand in, and the files, folders and modules that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hullmark.model.limit import Limit
from hullmark.model.setting import Setting
from hullmark.reach.apache import expand_apache
from hullmark.reach.logins import expand_change_of_user, expand_login
from hullmark.reach.scene import Scene

_SERVICES = (
    (re.compile(r"nginx").fullmatch, "nginx"),
    (re.compile(r"apache2|httpd").fullmatch, "apache"),
    (re.compile(r"php[\d.]*|php-(?:fpm|cgi)[\d.]*|php-fpm[\d.]*").fullmatch, "php"),
    (re.compile(r"postgres|postmaster|pg_ctl(?:cluster)?").fullmatch, "postgresql"),
    (re.compile(r"mysqld(?:_safe)?|mariadbd(?:-safe)?").fullmatch, "mysql"),
    (re.compile(r"redis-server|valkey-server|redis-check-.*").fullmatch, "redis"),
    (re.compile(r"sshd(?:-session|-auth)?").fullmatch, "sshd"),
    (re.compile(r"postfix|master|smtpd").fullmatch, "postfix"),
    (re.compile(r"crond?|anacron").fullmatch, "crontab"),
    (re.compile(r"sudo").fullmatch, "sudoers"),
)
"""Names of programs, and the first word of the keys of their settings."""

_LOGGING_IN = re.compile(r"login|dropbear|(?:in\.)?telnetd").fullmatch
_CHANGING = re.compile(r"su|runuser|sudo|doas").fullmatch
_DATA_FOLDER = "/var/lib/mysql"
_OPTION_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf", "/etc/mysql/mariadb.cnf")
_INCLUDED = re.compile(r"(?m)^[ \t]*!include(dir)?[ \t]+(/\S+)").findall
_PATH = re.compile(r"/[^\s\"';,:|]{2,1000}")
_MODULE = re.compile(r"(?:[\w./-]*/)?([\w.-]+\.so)\b").search
_PRELOADS = (
    "extension", "zend_extension", "preload_libraries", "shared_preload_libraries", "session_preload_libraries",
    "local_preload_libraries", "plugin_load", "plugin_load_add",
)  # fmt: skip
"""Settings that list libraries by their names (PHP, PostgreSQL, MySQL)."""
_NAMES = re.compile(r"[\w.-]+")
_BESIDE = {"sshd.HostKey": (".pub", "-cert.pub")}
_MAX_FILES = Limit(20_000, "files of a folder that a setting names")
_OF_POSTGRESQL = re.compile(r"/(?:[\w.-]+/)*share/(?:[\w.-]+/)*(?:postgresql|pgsql)[\w.-]*(?:/[\d.]+)?/?").fullmatch
_SHARED = {"extension": "extension", "timezonesets": "set of time zones", "tsearch_data": "dictionary"}
_SHALLOW = 2
_OFF = ("false", "off", "no", "0")


def expand_service(scene: Scene, name: str, real: str, origin: str) -> None:
    """Reach what the settings of a program of this name, or of its real one, name."""
    for fits, program in _SERVICES:
        if fits(name) or fits(real):
            scene.cut_unread(program)
            for setting in scene.settings.get(program, ()):
                _expand(scene, setting, program, origin)
            _expand_own(scene, program, origin)
            if not scene.settings.get(program):
                scene.walk.end(origin, f"no settings of {program} were found, and so not what they name")

    if _LOGGING_IN(name) or _LOGGING_IN(real):
        expand_login(scene, origin, is_forced=False)
    elif _CHANGING(name) or _CHANGING(real):
        expand_change_of_user(scene, origin)


def _expand_own(scene: Scene, program: str, origin: str) -> None:
    """What a service reads and loads in ways of its own."""
    match program:
        case "apache":
            expand_apache(scene, origin, _files(scene.settings.get(program, ())))
        case "mysql":
            _expand_options(scene, origin)
            _expand_data(scene, origin)
        case "postgresql":
            _expand_compiler(scene, origin)
            _expand_shared(scene, origin)
        case "sshd":
            expand_login(scene, origin, is_forced=_is_forced(scene))


def _expand_options(scene: Scene, origin: str) -> None:
    """Every option file that includes lead to is read, whatever stands in it (MariaDB's and MySQL's option files, `!includedir`)."""
    todo, seen = list(_OPTION_FILES), set[str]()
    while todo:
        real = scene.walk.reach(todo.pop(), "is configuration of mysql", origin)
        if real and real not in seen:
            seen.add(real)
            for is_folder, place in _INCLUDED(scene.text(real) or ""):
                todo += scene.tree.below(place, _MAX_FILES) if is_folder else [place]


def _expand_data(scene: Scene, origin: str) -> None:
    """Where no setting names another one, the data lies in the folder that is usual on Linux."""
    if not scene.listed("mysql", "mysql.server.datadir"):
        for file in scene.tree.below(_DATA_FOLDER, _MAX_FILES):
            scene.walk.reach(file, "lies in the data folder of mysql", origin)


def _expand_compiler(scene: Scene, origin: str) -> None:
    """PostgreSQL loads its compiler for what takes long unless a setting says otherwise, and that what it may inline (jit/jit.c)."""
    told = {setting.key.rpartition(".")[2]: setting.value for setting in scene.settings.get("postgresql", ())}
    if str(told.get("jit", "on")).lower() in _OFF:
        return
    provider = str(told.get("jit_provider", "llvmjit"))
    for path in [path for path in scene.facts.elves if path.endswith(f"/{provider}.so")]:
        scene.walk.reach(path, "compiles expressions: jit is on unless a setting says otherwise", origin)
        folder = path.rpartition("/")[0]
        for file in (f"{folder}/{provider}_types.bc", *scene.tree.below(f"{folder}/bitcode", _MAX_FILES)):
            scene.walk.reach(file, "may be inlined by the compiler of expressions", path)


def _expand_shared(scene: Scene, origin: str) -> None:
    """PostgreSQL reads extensions, dictionaries and time zones by names that statements tell: whatever these are, all of them lie in
    folders of its own, and are data."""
    elf = scene.facts.elves.get(scene.tree.find(origin).real)
    for folder in elf.paths if elf is not None else ():
        if _OF_POSTGRESQL(folder):
            for kind, what in _SHARED.items():
                for file in scene.tree.below(f"{folder.rstrip('/')}/{kind}", _MAX_FILES):
                    scene.walk.reach(file, f"is read for the {what} of its name", origin)


def _files(settings: Iterable[Setting]) -> Iterator[str]:
    """The files that settings stand in, the first one of all first."""
    return (path for setting in settings for path in (setting.path, setting.file) if path.startswith("/"))


def _is_forced(scene: Scene) -> bool:
    """Whether whoever logs in over ssh gets one command that the settings name."""
    values = [str(setting.value) for setting in scene.settings.get("sshd", ()) if setting.key == "sshd.ForceCommand"]
    return bool(values) and "none" not in values


def _expand(scene: Scene, setting: Setting, program: str, origin: str) -> None:
    for path in (setting.path, setting.file, *(place.path for place in setting.more)):
        if path.startswith("/"):
            scene.walk.reach(path, f"is configuration of {program}", origin)
    is_list = setting.key.rpartition(".")[2].rstrip("]0123456789[") in _PRELOADS
    for text in _texts(setting.value):
        for path in _PATH.findall(text):
            _reach_setting_path(scene, path.rstrip("/"), setting.key, origin)
        module = _MODULE(text)
        if module is not None and not text.startswith("/"):
            _module(scene, module[1], setting.key, origin)
        elif is_list:
            for name in _NAMES.findall(text):
                _module(scene, name if name.endswith(".so") else f"{name}.so", setting.key, origin)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _reach_setting_path(scene: Scene, path: str, key: str, origin: str) -> None:
    real = scene.tree.find(path).real
    if not real:
        return
    if not scene.tree.is_folder(real):
        scene.walk.reach(path, f"is named by the setting {key}", origin)
        for beside in _BESIDE.get(key.partition("[")[0], ()):
            scene.walk.reach(path + beside, f"lies beside what the setting {key} names", origin)
    elif real.count("/") > _SHALLOW:
        for file in scene.tree.below(real, _MAX_FILES):
            scene.walk.reach(file, f"lies in the folder of the setting {key}", origin)


def _module(scene: Scene, name: str, key: str, origin: str) -> None:
    found = [path for path in scene.facts.elves if path.endswith(f"/{name}")]
    for path in found:
        scene.walk.reach(path, f"is loaded by the setting {key}", origin)
    if not found:
        scene.walk.end(origin, f"the module {name[:100]} that the setting {key} loads is not in the image")
