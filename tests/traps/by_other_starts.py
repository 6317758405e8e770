"""Traps of Postfix, Java, OpenSSL, pip and npm. Those that the root file system does not have run on this machine, if they are there."""

from __future__ import annotations

from tests.support.traps import Trap, like

_JAVA = Trap(
    name="",
    program="java",
    setting="java.property[jdk.tls.client.protocols]",
    value="TLSv1",
    says=r"jdk\.tls\.client\.protocols = TLSv1\b",
    is_outside=True,
)
_SHOW = "java -XshowSettings:properties -version"
JAVA = (
    like(_JAVA, "java -D", cmd="java -Djdk.tls.client.protocols=TLSv1 -XshowSettings:properties -version"),
    like(_JAVA, "java by JAVA_TOOL_OPTIONS", cmd=_SHOW, env=("JAVA_TOOL_OPTIONS=-Djdk.tls.client.protocols=TLSv1",)),
    like(_JAVA, "java by JDK_JAVA_OPTIONS", cmd=_SHOW, env=("JDK_JAVA_OPTIONS=-Djdk.tls.client.protocols=TLSv1",)),
    like(_JAVA, "java by _JAVA_OPTIONS", cmd=_SHOW, env=("_JAVA_OPTIONS=-Djdk.tls.client.protocols=TLSv1",)),
    like(_JAVA, "java in a shell", sh=f"exec java $OPTS {_SHOW[5:]}", env=("OPTS=-Djdk.tls.client.protocols=TLSv1",)),
)
_PIP = Trap(
    name="",
    program="pip",
    setting="pip.*trusted-host",
    value="mirror.example",
    says="trusted.host='mirror.example'",
    probe="pip config list",
    is_outside=True,
)
PIP = (like(_PIP, "pip by PIP_TRUSTED_HOST", env=("PIP_TRUSTED_HOST=mirror.example",), cmd="true"),)
_NPM = Trap(
    name="",
    program="npm",
    setting="npm.strict-ssl",
    value="no",
    says="(?m)^false",
    probe="npm config get strict-ssl",
    is_outside=True,
)
NPM = (
    like(_NPM, "npm by NPM_CONFIG_STRICT_SSL", env=("NPM_CONFIG_STRICT_SSL=false",), cmd="true"),
    like(_NPM, "npm by npm_config_strict_ssl", env=("npm_config_strict_ssl=false",), cmd="true"),
)
_CONF = "openssl_conf = i\n[i]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n"
_OPENSSL = Trap(
    name="",
    program="openssl",
    setting="openssl.effective.ssl_conf.system_default.MinProtocol",
    value="TLSv1",
    says="ECDHE-RSA-AES256-SHA",
    probe="openssl ciphers -s -tls1 -v",
)
OPENSSL = (
    like(
        _OPENSSL,
        "openssl by OPENSSL_CONF",
        {"srv/o.cnf": _CONF, "etc/ssl/openssl.cnf": "[none]\n"},
        env=("OPENSSL_CONF=/srv/o.cnf",),
        cmd="true",
    ),
    like(_OPENSSL, "openssl: its own file", {"usr/lib/ssl/openssl.cnf": _CONF}),
)
_POSTFIX = Trap(
    name="",
    program="postfix",
    setting="postfix.main.disable_vrfy_command",
    value="no",
    says="disable_vrfy_command = no",
    probe="postconf disable_vrfy_command",
    files={
        "etc/postfix/main.cf": "compatibility_level = 3.6\nmyhostname = mail.example.org\ndisable_vrfy_command = no\n"
    },
)
_STRICT = {
    "etc/postfix/main.cf": "compatibility_level = 3.6\nmyhostname = mail.example.org\ndisable_vrfy_command = yes\n"
}
POSTFIX = (
    like(_POSTFIX, "postfix: plain"),
    like(_POSTFIX, "postfix start-fg", cmd="postfix start-fg"),
    like(
        _POSTFIX,
        "postfix: the last counts",
        {
            "etc/postfix/main.cf": "myhostname = mail.example.org\ndisable_vrfy_command = yes\ndisable_vrfy_command = no\n"
        },
    ),
    like(
        _POSTFIX,
        "postfix by postconf -e",
        _STRICT,
        sh="postconf -e disable_vrfy_command=no && exec postfix start-fg",
        probe="postconf -e disable_vrfy_command=no; postconf disable_vrfy_command",
    ),
    like(
        _POSTFIX,
        "postfix by MAIL_CONFIG",
        {**_STRICT, "srv/p/main.cf": _POSTFIX.files["etc/postfix/main.cf"]},
        cmd="postfix start-fg",
        env=("MAIL_CONFIG=/srv/p",),
    ),
    like(
        _POSTFIX,
        "postfix -c",
        {**_STRICT, "srv/p/main.cf": _POSTFIX.files["etc/postfix/main.cf"]},
        cmd="postfix -c /srv/p start-fg",
        probe="postconf -c /srv/p disable_vrfy_command",
    ),
)

TRAPS: tuple[Trap, ...] = (*JAVA, *PIP, *NPM, *OPENSSL, *POSTFIX)
"""Every trap of these programs."""
