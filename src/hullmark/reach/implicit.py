"""What libc reads for a program that calls it: name services, PAM, locales, conversions, time zones (nsswitch.conf(5), pam.conf(5))."""

from __future__ import annotations

import re
from functools import partial

from hullmark.model.limit import Limit
from hullmark.reach import elf, elf_calls
from hullmark.reach.elf import ElfFacts
from hullmark.reach.logins import expand_pam_module
from hullmark.reach.scene import Scene

_DATABASES = (
    (("getpw", "initgroups", "getgrouplist"), ("/etc/passwd",)),
    (("getgr", "initgroups"), ("/etc/group",)),
    (("getsp",), ("/etc/shadow",)),
    (("getaddrinfo", "gethost", "getnameinfo"), ("/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/gai.conf")),
    (("getserv", "getaddrinfo", "getnameinfo"), ("/etc/services",)),
    (("getproto",), ("/etc/protocols",)),
    (("getnet",), ("/etc/networks",)),
)
"""How the names of functions of libc begin, and the files that these read."""

_RESOLVING = ("getaddrinfo", "getnameinfo")
_TRUSTED = (
    "/etc/ssl/certs", "/usr/lib/ssl/certs", "/usr/local/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
    "/etc/ssl/cert.pem",
    "/usr/lib/ssl/cert.pem", "/etc/pki/tls/cert.pem", "/etc/ca-certificates/extracted",
)  # fmt: skip
_MAX_TRUSTED = Limit(2_000, "files of a store of certificates")
_DATABASE_LINE = re.compile(r"[ \t]*[a-z]+[ \t]*:([^#]*)").match
_SERVICE = re.compile(r"[a-z][\w-]*")
_MODULE = re.compile(r"[\w./$-]+\.so\b")
_MAX_LOCALE_FILES = Limit(2_000, "files of a locale, or of conversions between character sets")
_ZONES = "/usr/share/zoneinfo"
_MAX_ZONES = Limit(10_000, "files of time zones")
_LIBC = re.compile(r"libc\.so\.6|libc\.musl-\w+\.so\.1|ld-linux.*\.so\.\d|ld64\.so\.\d|ld-musl-\w+\.so\.1").fullmatch
_GCONV = ("/usr/lib/*/gconv", "/usr/lib*/gconv")
_LANGUAGES = (
    "LC_ALL",
    "LANG",
    "LANGUAGE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_COLLATE",
    "LC_TIME",
    "LC_NUMERIC",
    "LC_MONETARY",
)


def expand_calls(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Reach what the calls of a program make libc read. One that is linked statically may make them all."""
    calls = set(facts.calls)
    is_untold = facts.is_static and not facts.is_go
    if calls & elf_calls.NAME_SERVICE or is_untold:
        _name_services(scene, path, facts)
    if calls & elf_calls.AUTHENTICATING:
        _authentication(scene, path)
    if calls & elf_calls.LOCALISING or is_untold:
        _locales(scene, path)
    if calls & elf_calls.CONVERTING:
        _conversions(scene, path, facts)
    if calls & elf_calls.TIMING or facts.is_static:
        _time_zones(scene, path)
    if elf.GO_ZONES in calls or (not facts.is_go and not is_libc(path, facts) and _holds_zones(facts)):
        for functions in elf_calls.told_through(elf_calls.ZONES_THROUGH, path, facts.soname):
            scene.later.append(partial(_asked_time_zones, scene, path, functions))
            break
        else:
            any_time_zone(scene, path)
    if calls & elf_calls.TRUSTING or facts.is_static or facts.is_go:
        _certificates(scene, path)
    _loaded_by_libc(scene, path, facts)


def _loaded_by_libc(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Libraries that libc opens for its callers, and what OpenSSL reads."""
    if elf_calls.UNWINDING.intersection(facts.calls):
        _of_libc(scene, path, "libgcc_s.so.1", "is loaded by libc to end a thread, or to list calls")
    if set(_RESOLVING).intersection(facts.calls):
        # Only where AI_IDN or NI_IDN is among the flags of the call, which may be computed.
        why = "may be loaded by libc for names of hosts in other scripts"
        _of_libc(scene, path, "libidn2.so.0", why, is_certain=False)
    if facts.soname.startswith("libcrypto.so"):
        for folder in ("/usr/lib/ssl", "/etc/ssl", "/etc/pki/tls", "/usr/local/ssl"):
            scene.walk.reach(f"{folder}/openssl.cnf", "is read by OpenSSL when it starts", path)


def _name_services(scene: Scene, path: str, caller: ElfFacts) -> None:
    scene.walk.reach("/etc/nsswitch.conf", "is read by libc for names of users and hosts", path)
    for beginnings, files in _DATABASES:
        if caller.is_static or any(call.startswith(beginnings) for call in caller.calls):
            for file in files:
                scene.walk.reach(file, "is read by libc for names of users and hosts", path)
    text = scene.text("/etc/nsswitch.conf")
    lines = [
        found[1]
        for line in (text or "passwd: files\nhosts: files dns\n").split("\n")
        if (found := _DATABASE_LINE(line))
    ]
    services = {word for line in lines for word in _SERVICE.findall(re.sub(r"\[[^\]]*\]", " ", line))}
    for service in sorted(services | {"files", "dns"}):
        _of_libc(scene, path, f"libnss_{service}.so.2", f"serves {service} of /etc/nsswitch.conf")


def _of_libc(scene: Scene, path: str, name: str, why: str, *, is_certain: bool = True) -> None:
    """A library that libc loads for its caller."""
    for place in scene.loader.find(name, path):
        scene.walk.reach(place, why, path, is_certain=is_certain)


def _certificates(scene: Scene, path: str) -> None:
    """The store of certificates that OpenSSL, GnuTLS and Go trust if nothing else is said."""
    for folder in _TRUSTED:
        real = scene.tree.find(folder).real
        for certificate in scene.tree.below(real, _MAX_TRUSTED) if real and scene.tree.is_folder(real) else (folder,):
            scene.walk.reach(certificate, "is a certificate that is trusted by default", path)


def _authentication(scene: Scene, path: str) -> None:
    """The stack of the service that has the program's name, and of those that it includes; of all where there is none."""
    name = path.rpartition("/")[2]
    todo = (
        [name, "other"] if scene.tree.file(f"/etc/pam.d/{name}") is not None else list(scene.tree.names("/etc/pam.d"))
    )
    seen: set[str] = set()
    while todo:
        service = todo.pop()
        if service in seen:
            continue
        seen.add(service)
        file = scene.walk.reach(f"/etc/pam.d/{service}", "is read by PAM", path)
        for line in (scene.text(file) or "").split("\n") if file else ():
            words = line.partition("#")[0].split()
            todo += (
                words[1:2]
                if words[:1] == ["@include"]
                else words[2:3]
                if words[1:2] in (["include"], ["substack"])
                else []
            )
            for module in _MODULE.findall(line.partition("#")[0]):
                _pam_module(scene, file, module)


def _pam_module(scene: Scene, file: str, module: str) -> None:
    patterns = [module] if module.startswith("/") else [f"/lib*/security/{module}", f"/lib/*/security/{module}",
        f"/usr/lib*/security/{module}", f"/usr/lib/*/security/{module}"]  # fmt: skip
    for pattern in patterns:
        for place in scene.tree.matching(pattern):
            real = scene.walk.reach(place, "is a module of PAM that it names", file)
            if real:
                expand_pam_module(scene, module, real)


def _locales(scene: Scene, path: str) -> None:
    values = {scene.environment.get(name, "") for name in _LANGUAGES} - {"", "C", "POSIX"}
    for file in ("/usr/lib/locale/locale-archive", "/usr/share/locale/locale.alias"):
        scene.walk.reach(file, "is read by libc for locales", path)
    for value in sorted(values):
        for part in value.split(":"):
            language, _, charset = part.partition("@")[0].partition(".")
            spelled = {
                part,
                f"{language}.{charset}",
                f"{language}.{charset.lower().replace('-', '')}",
                language,
                language.partition("_")[0],
            }
            for name in sorted(spelled - {"", "C"}):
                for folder in ("/usr/lib/locale", "/usr/share/locale"):
                    for file in scene.tree.below(f"{folder}/{name}", _MAX_LOCALE_FILES):
                        scene.walk.reach(file, f"is of the locale {part}", path)
    if values:
        for file in scene.tree.matching("/usr/lib/*/gconv/gconv-modules.cache"):
            scene.walk.reach(file, "is read by libc for character sets", path)


def _conversions(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Conversions between character sets. A library that converts for others loads what these ask for; libidn2 asks for the locale's."""
    for functions in elf_calls.told_through(elf_calls.CONVERTING_THROUGH, path, facts.soname):
        if not _is_of_utf8(scene):
            break
        _reach_gconv_lists(scene, path)
        if functions:
            scene.later.append(partial(_asked_conversions, scene, path, functions))
        return
    _reach_gconv_lists(scene, path)
    _all_conversions(scene, path)


def _asked_conversions(scene: Scene, path: str, functions: frozenset[str]) -> bool:
    """Reach all conversions if somebody asks for any; whether it did."""
    is_asked = scene.is_asked(scene.facts.elves[path].soname, functions)
    if is_asked:
        _all_conversions(scene, path)
    return is_asked


def _is_of_utf8(scene: Scene) -> bool:
    """Whether the image's locale needs no conversion that is not in libc itself."""
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := scene.environment.get(name))), "")
    return locale in ("", "C", "POSIX") or locale.partition("@")[0].lower().replace("-", "").endswith(".utf8")


def _reach_gconv_lists(scene: Scene, path: str) -> None:
    for folder in _GCONV:
        for file in (
            *scene.tree.matching(f"{folder}/gconv-modules*"),
            *scene.tree.matching(f"{folder}/gconv-modules.d/*"),
        ):
            scene.walk.reach(file, "lists what iconv_open() can convert", path)


def _all_conversions(scene: Scene, path: str) -> None:
    for folder in _GCONV:
        for file in scene.tree.matching(f"{folder}/*.so"):
            scene.walk.reach(
                file,
                "may be loaded: which character sets iconv_open() is asked for is not known",
                path,
                is_certain=False,
            )


def is_libc(path: str, facts: ElfFacts) -> bool:
    """Whether this is the library that all others call, or its loader."""
    return bool(_LIBC(facts.soname or path.rpartition("/")[2]))


def _holds_zones(facts: ElfFacts) -> bool:
    return any(path.rstrip("/") == _ZONES for path in facts.paths)


def _asked_time_zones(scene: Scene, path: str, functions: frozenset[str]) -> bool:
    """Reach all time zones if somebody asks for any; whether it did."""
    is_asked = scene.is_asked(scene.facts.elves[path].soname, functions)
    if is_asked:
        any_time_zone(scene, path)
    return is_asked


def any_time_zone(scene: Scene, path: str) -> None:
    """A file asks for time zones by names that it is told: whatever these are, all of them lie in one folder, and are data."""
    for file in scene.tree.below(_ZONES, _MAX_ZONES):
        scene.walk.reach(file, "is read for the time zone of its name", path)


def _time_zones(scene: Scene, path: str) -> None:
    for file in ("/etc/localtime", "/etc/timezone"):
        scene.walk.reach(file, "is read by libc for the local time", path)
    zone = scene.environment.get("TZ", "").lstrip(":")
    if zone and ".." not in zone:
        scene.walk.reach(
            zone if zone.startswith("/") else f"/usr/share/zoneinfo/{zone}", "is the time zone that TZ names", path
        )
