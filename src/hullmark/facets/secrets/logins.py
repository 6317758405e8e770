"""Secrets by the place where they stand: user info of addresses, arguments of programs, columns of certain files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from hullmark.facets.secrets.names import ACCOUNTS, is_secret_name, is_secret_value
from hullmark.model.late import late

Span = tuple[int, int]
"""Where a value begins and ends."""

_NAME = "password"
_USER_INFO = late(
    rb"(?P<user>[^\s/:@\"'<>\x1f\0]{0,20000})(?::(?P<password>(?![0-9]{1,5}[?#])[^\s/\"'<>\x1f\0]{0,20000}))?@(?=[\w\[$*{%-])"
).match
_TOKENS = (b"http", b"https")
_NO_PASSWORDS = (b"", b"x-oauth-basic", b"x")
_LONG_TOKEN = late(rb"(?=[^0-9]{0,200}[0-9])(?=[^A-Za-z]{0,200}[A-Za-z])[A-Za-z0-9_~+=-]{20,200}").fullmatch
"""A user in an address, of any scheme, that looks like an access token: a long word of letters and digits."""
_NO_TOKENS = (b"git", b"oauth2", b"user", b"username", b"anonymous")
_THIN = late(rb"(?i:jdbc:oracle:(?:thin|oci):)[^\s/@\"']{1,100}/([^\s/@\"']{1,200})@")
_IDENTIFIED = late(
    rb"(?i:identified[ \t]{1,8}(?:with[ \t]{1,8}\S{1,60}[ \t]{1,8})?(?:by|as)[ \t]{1,8}(?:password[ \t]{1,8})?)"
    rb"\\{0,3}([\"'])([^\r\n\"'\\\x1f\0]{1,20000})"
)

_SEP = rb"(?:[ \t\x1f=]{1,4}(?:\\\r?\n[ \t]{0,40})?|\\?[\"'][ \t,]{1,4}(?=\\?[\"']))"
_VALUE = (
    rb"(?:\\?\"(?P<a>[^\"\r\n\\\x1f\0]{1,20000})|\\?'(?P<b>[^'\r\n\\\x1f\0]{1,20000})"
    rb"|(?P<c>[^\s\"'\x1f\0<>|;&-][^\s\"'\x1f<>|;&]{0,20000}))"
)
_LOGIN_VALUE = (
    rb"(?:\\?\"[^\":\r\n\x1f\0]{0,200}:(?P<a>[^\"\r\n\\\x1f\0]{1,20000})|\\?'[^':\r\n\x1f\0]{0,200}:(?P<b>[^'\r\n\\\x1f\0]{1,20000})"
    rb"|[^\s\"'\x1f:;|&]{0,200}:(?P<c>(?:[^\s\"'\x1f\0;|&]|&(?=[^\s&])){1,20000}))"
)
_BEGIN = rb"(?<=[\s\x1f\"',\[])"


def _option(letters: bytes, *, attached: bool = False) -> re.Pattern[bytes]:
    """The value of an option of one letter; `attached`: which may follow it at once."""
    return late(_BEGIN + rb"-[" + letters + rb"]" + _SEP + (rb"?" if attached else b"") + _VALUE)


_LOGIN = late(_BEGIN + rb"(?:-[uU]|--user|--proxy-user|-a|--auth)" + _SEP + rb"?" + _LOGIN_VALUE)


class _Program(msgspec.Struct, frozen=True):
    """A program: how its name begins, all of it as it is written on a command line, and where its password stands."""

    begins: bytes
    name: re.Pattern[bytes]
    argument: re.Pattern[bytes]


def _program(begins: bytes, more: bytes, argument: re.Pattern[bytes]) -> _Program:
    return _Program(begins, late(re.escape(begins) + more + rb"(?=[ \t\x1f\"'\\])"), argument)


_REGISTRY_LOGIN = rb"(?:[ \t\x1f\0]registry)?[ \t\x1f\"',]{1,4}login"
_WORD_AT = rb"[ \t\x1f\0]+[\"']?(?P<a>[^\s\"'\x1f\0]{1,20000})"
_SHARE = late(_BEGIN + rb"(?:-U|--user)" + _SEP + rb"?[\"']?[^\s\"'%\x1f\0]{1,100}%(?P<a>[^\s\"'\x1f\0]{1,20000})")
_PASS = late(
    _BEGIN + rb"(?:pass:(?P<b>[^\s\"'\x1f\0]{1,20000})|-[kK]" + _SEP + rb"(?P<a>[^\s\"'\x1f-][^\s\"'\x1f\0]{0,20000}))"
)
_HTPASSWD = late(
    _BEGIN + rb"-[a-zA-Z0-9]{0,8}b[a-zA-Z0-9]{0,8}(?:[ \t\x1f\0]+-\S{1,6}){0,6}(?:[ \t\x1f\0]+[^\s\x1f\0]{1,200}){1,2}?"
    + _WORD_AT + rb"(?=[\"']?[ \t\x1f\0]*(?:[\r\n;|&>]|\Z|[ \t]\\))"
)  # fmt: skip
_ECHO = rb"\A[ \t\x1f\0]+(?:-\S+[ \t\x1f\0]+)?[\"']?"
_ECHOED = late(
    _ECHO
    + rb"(?:[\w.-]{1,64}:(?P<b>[^\s\"'\x1f\\]{1,20000})(?:\\n)?[\"']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd"
    + rb"|(?P<a>[^\s\"'\x1f\\]{1,20000})(?:\\n)?[\"']?[ \t]*\|[^\r\n|]{0,200}(?:--(?:password-)?stdin|--with-token|sudo[ \t]-S))"
)
_ADDED = late(rb"(?:add_user|change_password|authenticate_user)[\s\x1f\0]+[^\s\x1f\0]{1,100}" + _WORD_AT)
_P, _P_OR_NEXT, _BIG_P = _option(b"p"), _option(b"p", attached=True), _option(b"P", attached=True)
_PROGRAMS = (
    _program(b"mysql", rb"[a-z_-]{0,20}", _P_OR_NEXT),
    _program(b"mariadb", rb"[a-z_-]{0,20}", _P_OR_NEXT),
    _program(b"sshpass", rb"", _P_OR_NEXT),
    *(_program(begins, rb"-(?:cli|benchmark)", _option(b"a")) for begins in (b"redis", b"valkey", b"keydb")),
    _program(b"mongo", rb"(?:sh|dump|restore|export|import)?", _P),
    *(
        _program(begins, _REGISTRY_LOGIN, _P_OR_NEXT)
        for begins in (b"docker", b"podman", b"buildah", b"nerdctl", b"skopeo", b"crane", b"oras", b"cosign", b"regctl", b"helm")
    ),
    *(_program(begins, _REGISTRY_LOGIN, _P_OR_NEXT) for begins in (b"az", b"oc", b"argocd", b"cf")),
    *(_program(begins, rb"", _BIG_P) for begins in (b"sqlcmd", b"bcp", b"ipmitool", b"isql", b"zip", b"unzip")),
    _program(b"mosquitto_", rb"(?:pub|sub)", _BIG_P),
    *(_program(begins, rb"", _P) for begins in (b"cqlsh", b"cypher-shell", b"influx", b"useradd", b"usermod", b"arangosh")),
    *(_program(begins, rb"", _P_OR_NEXT) for begins in (b"7z", b"7za", b"rar", b"unrar")),
    _program(b"ldap", rb"(?:search|modify|add|delete|passwd|whoami|compare)", _option(b"w", attached=True)),
    _program(b"snmp", rb"[a-z]{2,12}", _option(b"AXc")),
    *(_program(begins, rb"", _LOGIN) for begins in (b"curl", b"wget", b"http", b"https", b"ab", b"lftp", b"xh")),
    _program(b"lftp", rb"", late(_BEGIN + rb"-u" + _SEP + rb"[^\s,\"']{1,100},(?P<a>[^\s\"',;]{1,20000})")),
    *(_program(begins, rb"", _SHARE) for begins in (b"smbclient", b"smbmap", b"rpcclient", b"smbget", b"net ads")),
    _program(b"openssl", rb"", _PASS),
    _program(b"rabbitmqctl", rb"", _ADDED),
    *(_program(begins, rb"", late(rb"/p:[\"']?(?P<a>[^\s\"'\x1f\0]{1,20000})")) for begins in (b"xfreerdp", b"wlfreerdp")),
    _program(b"htpasswd", rb"", _HTPASSWD),
    _program(b"mc", rb"[ \t\x1f\0]alias[ \t\x1f\0]set", late(rb"\A(?:[ \t\x1f\0]+[^\s\x1f\0]{1,200}){3}" + _WORD_AT)),
    _program(b"vault", rb"[ \t\x1f\0]login", late(rb"\A[ \t\x1f\0]+(?P<a>[^\s=\"'\x1f-][^\s=\"'\x1f\0]*+)(?=[\s\x1f\0;|&]|\Z)")),
    *(_program(begins, rb"", _ECHOED) for begins in (b"echo", b"printf")),
    _program(b"composer", rb"[ \t\x1f\0]config", late(rb"http-basic\.[^\s\x1f\0]{1,100}[ \t\x1f\0]+[^\s\x1f\0]{1,100}" + _WORD_AT)),
)  # fmt: skip
_BEFORE_NAME = late(rb"[\w.-]").match
PROGRAMS = tuple(sorted({program.begins for program in _PROGRAMS}))
"""How the names of programs begin that are given passwords."""

_COMMAND = late(rb"(?:[^\\\r\n]|\\(?:\r?\n|.))*+", re.DOTALL).match
_NEXT = late(rb"[ \t](?:&&|\|\|)[ \t]|;[ \t]|[ \t];")


class _Columns(msgspec.Struct, frozen=True):
    """Files by the end of their names, and an expression whose last group is the secret."""

    names: tuple[str, ...]
    pattern: re.Pattern[bytes]


_LINE = rb"(?m)^[^\s#:]"
_COLUMNS = (
    _Columns(
        ("sasl_passwd", "sasl_password", "smtp_auth"),
        late(_LINE + rb"?[^\s#]\S{0,300}[ \t]+[^\s:]{1,200}:(\S{1,20000})"),
    ),
    _Columns(
        ("chap-secrets", "pap-secrets"),
        late(_LINE + rb"\S{0,200}[ \t]+[^\s=]\S{0,200}[ \t]+\"?([^\s\"]{1,300})"),
    ),
    _Columns(
        (".secrets", "htpasswd", "passwd.client", "authinfo"),
        late(_LINE + rb"[^:\r\n]{0,200}:(?:[^:\r\n]{1,200}:)?([^$:{\r\n][^:\r\n]{0,20000})$"),
    ),
    _Columns(
        (".pgpass", "pgpass", "pgpass.conf"),
        late(_LINE + rb"[^:\r\n]{0,200}(?::[^:\r\n]{1,200}){3}:([^\r\n]{1,20000})$"),
    ),
    _Columns(("main.cf", "master.cf"), late(rb"\bstatic:[^\s:,]{1,200}:([^\s,]{1,20000})")),
    _Columns(("main.cf", "master.cf"), late(rb"\binline:[ \t]{0,4}(\{[^\r\n]{1,1000}\})")),
    _Columns(("netrc",), late(rb"(?:^|\s)password\s{1,20}(\S{1,20000})")),
    _Columns(
        (".conf", ".acl"),
        late(
            rb"(?m)^[ \t]*(?:ACL SETUSER|user)[ \t]+\S{1,100}[ \t](?:[^\r\n#]{0,400}?[ \t])?>(?!\*{4}(?:\s|\Z))([^\s>]{1,300})"
        ),
    ),
)
_LONE_VALUE = late(rb"\s*+([^\s]++)\s*+\Z").match
_EXTENSIONS = (".txt", ".secret", ".key")


def logins(body: bytes, programs: Mapping[bytes, Sequence[int]], name: str = "") -> Iterator[Span]:
    """Each such secret, in no order. `programs`: where the names of programs begin, by how they begin (PROGRAMS, `words_in`)."""
    if b"@" in body and b"://" in body:
        yield from _in_addresses(body)
    if b"jdbc:oracle" in body:
        yield from (found.span(1) for found in _THIN.finditer(body) if is_secret_value(_NAME, found[1]))
    if b"IDENTIFIED" in body or b"dentified" in body:
        yield from (found.span(2) for found in _IDENTIFIED.finditer(body) if is_secret_value(_NAME, found[2]))
    if programs:
        yield from _in_commands(body, programs)
    if name:
        yield from _in_columns(body, name)


def _in_addresses(body: bytes) -> Iterator[Span]:
    """RFC 3986, userinfo: the password; of an address of the web also a user alone, which is how tokens are given."""
    at = body.find(b"://")
    while at >= 0:
        found = _USER_INFO(body, at + 3)
        if found is not None:
            password = found["password"]
            has_password = bool(password) and password not in _NO_PASSWORDS
            is_web = body[max(0, at - 5) : at].lower().endswith(_TOKENS)
            is_token = (is_web and found["user"] not in _NO_TOKENS) or _LONG_TOKEN(found["user"]) is not None
            group = "password" if has_password else "user"
            if (has_password or is_token) and is_secret_value(_NAME, found[group]):
                yield found.span(group)
        at = body.find(b"://", at + 3)


def _in_commands(body: bytes, programs: Mapping[bytes, Sequence[int]]) -> Iterator[Span]:
    for program in _PROGRAMS:
        done = 0
        for at in programs.get(program.begins, ()):
            named = program.name.match(body, at)
            # What follows a program's name, its name again for one, is its arguments.
            if named is None or at < done or (at and _BEFORE_NAME(body, at - 1) is not None):
                continue
            command = _COMMAND(body, named.end())
            done = command.end() if command is not None else named.end()
            stop = _NEXT.search(body, named.end(), done)
            done = stop.start() if stop is not None else done
            yield from _values(body[named.end() : done], named.end(), program.argument)


def _values(command: bytes, start: int, option: re.Pattern[bytes]) -> Iterator[Span]:
    for found in option.finditer(command):
        group = found.lastgroup or "a"
        if is_secret_value(_NAME, found[group]):
            yield start + found.start(group), start + found.end(group)


def _in_columns(body: bytes, name: str) -> Iterator[Span]:
    fitting = [columns.pattern for columns in _COLUMNS if name.endswith(columns.names)]
    for pattern in fitting:
        yield from (found.span(1) for found in pattern.finditer(body) if is_secret_value(_NAME, found[1]))
    is_lone = not fitting and name not in ACCOUNTS and _is_named_so(name)
    lone = _LONE_VALUE(body) if is_lone else None
    if lone is not None and is_secret_value(_NAME, lone[1]):
        yield lone.span(1)


def _is_named_so(name: str) -> bool:
    """Whether a file is called as a secret, as those are that are mounted from one."""
    for extension in _EXTENSIONS:
        name = name.removesuffix(extension)
    return "." not in name.lstrip(".") and is_secret_name(name.lstrip("."))
