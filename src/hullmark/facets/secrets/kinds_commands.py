"""Passwords that commands and functions are given, in scripts, histories and health checks."""

from __future__ import annotations

from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds_general import is_password
from hullmark.facets.secrets.kinds_given import is_argument, is_mixed

KINDS = (
    Kind(
        "command-login",
        "login of a command",
        "high",
        (b"curl", b"wget", b"http "),
        rb"(?:curl|wget|http )[^\r\n]{0,400}?[ \t](?:-u|--user|--proxy-user|-U|-a)[ =]?[\"']?[^\s:\"'$]{1,100}:(?P<s>[^\s\"'$]{4,200})",
        is_argument,
        after=760,
    ),
    Kind(
        "command-password",
        "password of a command",
        "high",
        (
            b"sshpass",
            b"redis-cli",
            b"mysql",
            b"mariadb",
            b"mongo",
            b"smbclient",
            b"docker login",
            b"podman login",
            b"ldapsearch",
            b"ldapmodify",
            b"ldapadd",
            b"sqlcmd",
            b"helm registry login",
            b"az login",
            b"openssl",
            b"keytool",
            b"rabbitmqctl",
            b"psql",
            b"htpasswd",
            b"ipmitool",
            b"chpasswd",
            b"useradd",
            b"usermod",
            b"cqlsh",
            b"xfreerdp",
            b"net use",
            b"impacket",
        ),
        rb"(?:(?:sshpass)[ \t]{1,4}-p[ \t]{0,4}|(?:redis-cli)[^\r\n|;]{0,200}?[ \t](?:-a|--pass)[ \t=]{1,4}|(?:mysql"
        rb"|mariadb)[a-z]{0,10}+[^\r\n|;]{0,300}?[ \t](?:-p|--password=)"
        rb"|(?:mongo|smbclient|docker login|podman login|sqlcmd|helm registry login|az login|keytool|ipmitool|cqlsh|useradd|usermod)"
        rb"[^\r\n|;]{0,300}?[ \t](?:-p|-P|-storepass|-keypass|--password)[ \t=]{1,4}"
        rb"|ldap[a-z]{3,6}+[^\r\n|;]{0,300}?[ \t]-w[ \t]{0,4}|openssl[^\r\n|;]{0,300}?pass(?:in|out)?[ \t]{1,4}pass:|"
        rb"rabbitmqctl[ \t]{1,4}(?:add_user|change_password)[ \t]{1,4}\S{1,100}[ \t]{1,4}|xfreerdp[^\r\n]{0,300}?/p:"
        rb"|htpasswd[ \t]{1,4}-[a-zA-Z]{0,9}b[a-zA-Z]{0,9}[^\r\n]{0,200}[ \t]\S{1,100}[ \t])"
        rb"(?:\"(?P<s>[^\"\s]{4,200})\"|'(?P<t>[^'\s]{4,200})'|(?P<u>[^\s\"'|;&]{4,200}))",
        is_argument,
        after=900,
    ),
    Kind(
        "argument-password",
        "password that is an argument",
        "high",
        (
            b"--password",
            b"--token",
            b"--api-key",
            b"--secret",
            b"--pass",
            b"--apikey",
            b"--access-token",
            b"--auth-token",
            b"--secret-key",
        ),
        rb"--(?:[a-z-]{0,20})(?:password|token|api-?key|secret(?:-key)?|pass)(?:[ =]|\"[ ,]{1,4}\"|',[ ]?')[\"']?(?P"
        rb"<s>[^\s\"',;|<>()$\\]{8,200})",
        is_mixed,
    ),
    Kind(
        "driver-login",
        "password that a driver is given",
        "high",
        (
            b"getConnection(",
            b"mysqli(",
            b"mysqli_connect(",
            b"PDO(",
            b"mysql_connect(",
            b"ldap_bind(",
            b".connect(",
            b"PSCredential",
            b"NetworkCredential(",
        ),
        rb"(?:getConnection|mysqli(?:_connect)?|PDO|mysql_connect|ldap_bind|\.connect|NetworkCredential)\s{0,3}\([^("
        rb")\r\n]{1,300}?,\s{0,9}[\"'](?P<s>[^\"'\s]{8,200})[\"']",
        is_mixed,
        after=560,
    ),
    Kind(
        "secure-string",
        "password that a script turns into a secure string",
        "high",
        (b"convertto-securestring",),
        rb"(?i:convertto-securestring)[ \t]{1,4}(?:-string[ \t]{1,4})?[\"'](?P<s>[^\"'\s]{6,200})[\"']",
        is_argument,
        any_case=True,
    ),
    Kind(
        "piped-password",
        "password that a script writes to a command",
        "high",
        (b"sudo -S ", b"sudo -kS ", b"chpasswd", b"-stdin"),
        rb"(?:echo|printf)[ \t]{1,4}(?:-[en]{1,2}[ \t]{1,4})?(?:[\"']%s(?:\\n)?[\"'][ \t]{1,4})?[\"']?(?:[a-z_][a-z0-9_-]{0,31}:)?"
        rb"(?P<s>[^\s\"'$`|:]{4,64})[\"']?[ \t]{0,4}\|[^\r\n|]{0,20}?(?:sudo -k?S |chpasswd|--(?:password-)?stdin)",
        is_argument,
        before=150,
    ),
    Kind(
        "driver-address-password",
        "password in the address that a driver of Go is given",
        "high",
        (b"@tcp(", b"@unix("),
        rb"[\"'\s=`][A-Za-z0-9_.-]{1,60}:(?P<s>[^\s\"'`@$<>{}]{4,64})@(?:tcp|unix)\(",
        is_password,
        before=128,
    ),
)
