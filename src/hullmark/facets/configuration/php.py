"""PHP: php.ini and the files beside it for each server interface, and the pools of php-fpm.

Keys: `php.cli.expose_php`, `php.fpm.path[/var/www].memory_limit` for a section `[PATH=/var/www]`, `php.fpm.global.error_log`,
`php.fpm.pool[www].user`, `php.fpm.pool[www].php_admin_value[memory_limit]`. What a pool changes of PHP's own settings is in effect
there, as `php.fpm.pool[www].memory_limit`, and where every pool changes it, as `php.fpm.memory_limit` too. `extension` and
`zend_extension` are lists of all that is loaded. Where there is more than one installation, the further ones' keys begin with
`php[8.2]` or `php[/their/folder]`.

What the image starts it with counts (`-c`, `-n`, `-d`, `-y`, PHPRC, PHP_INI_SCAN_DIR); what a program sets for itself (ini_set,
.user.ini) is not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.php_reader import Installation, Interface, PhpReader
from hullmark.facets.configuration.php_start import PROGRAMS
from hullmark.facets.configuration.release_defaults import Release
from hullmark.model.setting import Setting

_WITHOUT_FOLDER = ("-c", "--php-ini", "-n", "--no-php-ini")
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,40}").fullmatch
_LAST = 99
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})").fullmatch


def settings(files: Files) -> Iterable[Setting]:
    """The settings of each installation."""
    found = list(_installations(files))
    if not found and files.commands:
        for command in files.commands:
            if not any((word.text or "").startswith(_WITHOUT_FOLDER) for word in command.arguments):
                files.problem(command.path, "it is started, and where it looks for php.ini is not known", command.line)
        found = [Installation("", [Interface(name, "", "") for name in ("cli", "fpm")])]
    for number, installation in enumerate(found):
        yield from PhpReader(files, installation, f"php[{installation.label}]" if number else "php").settings()


def _installations(files: Files) -> Iterator[Installation]:
    """Every installation, those that are found first on a PATH first, newest version first."""
    if files.status("/usr/local/etc/php") is not None:
        folder = "/usr/local/etc/php"
        is_new = any(
            files.status(f"/usr/local/lib/php/extensions/no-debug-{kind}-{api}")
            for kind in ("zts", "non-zts")
            for api in ("20240924", "20250925")
        )
        interfaces = _list_shared_interfaces(
            files, folder, f"{folder}/conf.d", "/usr/local/etc/php-fpm.conf", "/usr/lib/apache2/modules/libphp*.so"
        )
        yield Installation(folder, interfaces, is_new, "/usr/local")
    yield from _per_interface(files)
    yield from _per_version(files)
    for folder, scanned, pools, module in (
        ("/etc", "/etc/php.d", "/etc/php-fpm.conf", "/usr/lib64/httpd/modules/libphp*.so"),
        ("/opt/bitnami/php/etc", "/opt/bitnami/php/etc/conf.d", "/opt/bitnami/php/etc/php-fpm.conf", ""),
        ("/opt/bitnami/php/lib", "/opt/bitnami/php/etc/conf.d", "/opt/bitnami/php/etc/php-fpm.conf", ""),
    ):
        if files.status(f"{folder}/php.ini") is not None:
            yield Installation(folder, _list_shared_interfaces(files, folder, scanned, pools, module))


def _per_interface(files: Files) -> Iterator[Installation]:
    """Debian's way: /etc/php/8.4/fpm/php.ini."""
    found: dict[str, dict[str, None]] = {}
    for glob in ("/etc/php/*/*/php.ini", "/etc/php/*/*/conf.d/*.ini", "/etc/php/*/fpm/php-fpm.conf"):
        for path in files.matching(glob):
            _, _, _, version, interface, _ = path.split("/", 5)
            if _LABEL(version) and _LABEL(interface):
                found.setdefault(version, {})[interface] = None
    for version in sorted(found, key=_order, reverse=True):
        interfaces = []
        for name in sorted(found[version]):
            folder = f"/etc/php/{version}/{name}"
            interfaces.append(
                Interface(name, folder, f"{folder}/conf.d", f"{folder}/php-fpm.conf" if name == "fpm" else "")
            )
        yield Installation(version, interfaces, _order(version) >= (8, 4), release=_release(version))


def _per_version(files: Files) -> Iterator[Installation]:
    """Alpine's way, /etc/php84/php.ini, and SUSE's, /etc/php8/cli/php.ini with one scan folder for all."""
    folders: dict[str, list[str]] = {}
    for path in files.matching("/etc/php[0-9]*/php.ini"):
        folders.setdefault(path.removesuffix("/php.ini"), [])
    for path in files.matching("/etc/php[0-9]*/*/php.ini"):
        folder, name, _ = path.rsplit("/", 2)
        if _LABEL(name):
            folders.setdefault(folder, []).append(name)
    for folder in sorted(folders, reverse=True):
        digits = folder.removeprefix("/etc/php")
        version = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else ""
        names = folders[folder]
        if names:
            interfaces = [
                Interface(name, f"{folder}/{name}", f"{folder}/conf.d", _pools(folder, name)) for name in sorted(names)
            ]
        else:
            module = f"/usr/lib/apache2/mod_php{digits}.so"
            interfaces = _list_shared_interfaces(files, folder, f"{folder}/conf.d", f"{folder}/php-fpm.conf", module)
        yield Installation(folder, interfaces, _order(version) >= (8, 4), release=_release(version))


def _pools(folder: str, name: str) -> str:
    return f"{folder}/fpm/php-fpm.conf" if name == "fpm" else ""


def _list_shared_interfaces(files: Files, folder: str, scanned: str, pools: str, module: str) -> list[Interface]:
    """The interfaces that read one php.ini together: the command line, and what else is installed."""
    interfaces = [Interface("cli", folder, scanned)]
    if files.status(pools) is not None:
        interfaces.append(Interface("fpm", folder, scanned, pools))
    if module and files.matching(module):
        interfaces.append(Interface("apache2", folder, scanned))
    return interfaces


def _order(version: str) -> tuple[int, int]:
    found = _VERSION(version)
    return (int(found[1]), int(found[2])) if found is not None else (0, 0)


def _release(version: str) -> Release | None:
    """The release of a folder's name; its last number, which is not known, is taken to be high."""
    return (*_order(version), _LAST) if _VERSION(version) else None


PARSER = Parser(
    name="php",
    globs=(
        "etc/php/**/*.ini",
        "etc/php/**/*.conf",
        "etc/php[0-9]*/**/*.ini",
        "etc/php[0-9]*/**/*.conf",
        "etc/php.ini",
        "etc/php-*.ini",
        "etc/php.d/*.ini",
        "etc/php-fpm.conf",
        "etc/php-fpm.d/*.conf",
        "usr/local/etc/php/*.ini",
        "usr/local/etc/php/**/*.ini",
        "usr/local/etc/php-fpm.conf",
        "usr/local/etc/php-fpm.d/*.conf",
        "opt/bitnami/php/**/*.ini",
        "opt/bitnami/php/etc/**/*.conf",
    ),
    settings=settings,
    programs=PROGRAMS,
)
"""PHP and php-fpm."""
