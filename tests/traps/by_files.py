"""Traps that files set, in the ways in which programs let them be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.support.traps import Trap, like


def _written(base: Trap, main: str, texts: Mapping[str, str]) -> Iterator[Trap]:
    """A trap for each text of the main file. What stands after a line `--- PATH` is another file's."""
    for name, text in texts.items():
        first, *others = text.split("--- ")
        more = dict(other.split("\n", 1) for other in others)
        yield like(base, f"{base.program}: {name}", {main: first, **more})


_HTTP = "events {}\nhttp {\n  server {\n    listen 8080;\n    BODY\n  }\n}\n"
NGINX = (
    *_written(
        Trap(name="", program="nginx", setting="nginx.http.server[0].autoindex", value="yes", says="(?i)autoindex"),
        "etc/nginx/nginx.conf",
        {
            "a switch": _HTTP.replace("BODY", "autoindex on;"),
            "a switch in capitals": _HTTP.replace("BODY", "autoindex ON;"),
            "a switch in quotes": _HTTP.replace("BODY", "autoindex 'on';"),
            "over two lines": _HTTP.replace("BODY", "autoindex\n on\n;"),
            "inherited": _HTTP.replace("BODY", "").replace("http {", "http { autoindex on;"),
            "an include": _HTTP.replace("BODY", "include /srv/x;") + "--- srv/x\nautoindex on;\n",
            "an include by a pattern": _HTTP.replace("BODY", "include /srv/[xy].con*;")
            + "--- srv/y.conf\nautoindex on;\n",
            "an include that is not absolute": _HTTP.replace("BODY", "include x.conf;")
            + "--- etc/nginx/x.conf\nautoindex on;\n",
            "after a comment that ends": _HTTP.replace("BODY", "#autoindex off;\n autoindex on; # off"),
        },
    ),
    *_written(
        Trap(name="", program="nginx", setting="nginx.http.server[0].ssl_protocols", value="TLSv1", says="TLSv1"),
        "etc/nginx/nginx.conf",
        {
            "a list": _HTTP.replace("BODY", "ssl_protocols TLSv1.2 TLSv1;"),
            "a list that is inherited": _HTTP.replace("BODY", "").replace(
                "http {", "http { ssl_protocols TLSv1 TLSv1.3;"
            ),
        },
    ),
)

SSHD = (
    *_written(
        Trap(name="", program="sshd", setting="sshd.PermitRootLogin", value="yes", says="(?m)^permitrootlogin yes"),
        "etc/ssh/sshd_config",
        {
            "plain": "PermitRootLogin yes\n",
            "the first counts": "PermitRootLogin yes\nPermitRootLogin no\n",
            "with an equals sign": "PermitRootLogin=yes\n",
            "in small letters": "permitrootlogin yes\n",
            "the value in capitals": "PermitRootLogin YES\n",
            "in quotes": 'PermitRootLogin "yes"\n',
            "indented by a tab": "\tPermitRootLogin\tyes\n",
            "before a comment": "PermitRootLogin yes # no\n",
            "an include": "Include /srv/s.conf\nPermitRootLogin no\n--- srv/s.conf\nPermitRootLogin yes\n",
            "an include by a pattern": "Include sshd_config.d/*.conf\nPermitRootLogin no\n"
            "--- etc/ssh/sshd_config.d/a.conf\nPermitRootLogin yes\n",
        },
    ),
    *_written(
        Trap(
            name="",
            program="sshd",
            setting="sshd.PasswordAuthentication",
            value="yes",
            says="(?m)^passwordauthentication yes",
        ),
        "etc/ssh/sshd_config",
        {"a default": "Port 22\n", "a default behind a comment": "#PasswordAuthentication no\n"},
    ),
    *_written(
        Trap(
            name="", program="sshd", setting="sshd.AllowTcpForwarding", value="yes", says="(?m)^allowtcpforwarding yes"
        ),
        "etc/ssh/sshd_config",
        {"another word for it": "AllowTcpForwarding all\n"},
    ),
    *_written(
        Trap(
            name="",
            program="sshd",
            setting="sshd.KbdInteractiveAuthentication",
            value="yes",
            says="(?m)^kbdinteractive.* yes",
        ),
        "etc/ssh/sshd_config",
        {"an older name": "ChallengeResponseAuthentication yes\n"},
    ),
    *_written(
        Trap(name="", program="sshd", setting="sshd.Ciphers", value="3des-cbc", says="(?m)^ciphers .*3des-cbc"),
        "etc/ssh/sshd_config",
        {"added to a list": "Ciphers +3des-cbc\n", "put before a list": "Ciphers ^3des-cbc\n"},
    ),
)

HTTPD = (
    "ServerRoot /etc/apache2\nLoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
    "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\nListen 8080\nErrorLog /dev/stderr\nServerName x\n"
)
APACHE = (
    *_written(
        Trap(name="", program="apache", setting="apache.TraceEnable", value="on", says='(?mi)^ *TraceEnable "?on'),
        "etc/apache2/apache2.conf",
        {
            "plain": HTTPD + "TraceEnable on\n",
            "the last counts": HTTPD + "TraceEnable off\nTraceEnable on\n",
            "in small letters": HTTPD + "traceenable On\n",
            "in quotes": HTTPD + 'TraceEnable "on"\n',
            "over two lines": HTTPD + "TraceEnable \\\n on\n",
            "an include": HTTPD + "Include /srv/*.inc\n--- srv/a.inc\nTraceEnable on\n",
            "a variable": HTTPD + "Define T on\nTraceEnable ${T}\n",
            "where a module is": HTTPD + "<IfModule mod_authz_core.c>\nTraceEnable on\n</IfModule>\n",
            "where a variable is not": HTTPD + "<IfDefine !NOT>\nTraceEnable on\n</IfDefine>\n",
        },
    ),
    *_written(
        Trap(name="", program="apache", setting="apache.directory[/srv].Options", value="Indexes", says="(?i)Options"),
        "etc/apache2/apache2.conf",
        {
            "what All holds": HTTPD + "<Directory /srv>\nOptions All\n</Directory>\n",
            "an added word": HTTPD + "<Directory /srv>\nOptions None\nOptions +Indexes\n</Directory>\n",
            "what a folder takes over": HTTPD + "<Directory />\nOptions Indexes\n</Directory>\n"
            "<Directory /srv>\nRequire all denied\n</Directory>\n",
        },
    ),
)

PHP = (
    *_written(
        Trap(
            name="",
            program="php",
            setting="php.cli.allow_url_include",
            value="yes",
            says="=> true",
            files={"srv/show.php": "<?php echo '=> ', var_export((bool) ini_get('allow_url_include'));"},
        ),
        "etc/php/8.4/cli/php.ini",
        {
            "On": "allow_url_include = On\n",
            "1": "allow_url_include=1\n",
            "yes in capitals": "allow_url_include = YES\n",
            "in quotes": 'allow_url_include = "true"\n',
            "before a comment": "allow_url_include = On ; Off\n",
            "the last counts": "allow_url_include = Off\nallow_url_include = On\n",
            "a sum": "allow_url_include = 1|0\n",
            "below a section": "[anything]\nallow_url_include = On\n",
            "the scan folder": "allow_url_include = Off\n--- etc/php/8.4/cli/conf.d/99-x.ini\nallow_url_include = On\n",
            "a file of the command line's own": "allow_url_include = Off\n--- etc/php/8.4/cli/php-cli.ini\nallow_url_include = On\n",
        },
    ),
)

REDIS = (
    *_written(
        Trap(
            name="", program="redis", setting="redis.server[*].protected-mode", value="no", says=r"protected-mode\s+no"
        ),
        "etc/redis/redis.conf",
        {
            "plain": "protected-mode no\n",
            "in capitals": "PROTECTED-MODE NO\n",
            "in quotes": 'protected-mode "no"\n',
            "in single quotes, escaped": "protected-mode 'no'\n",
            "the last counts": "protected-mode yes\nprotected-mode no\n",
            "an include": "include /srv/i\nport 0\n--- srv/i\nprotected-mode no\n",
            "indented": "   protected-mode    no   \n",
        },
    ),
)

MYSQL = (
    *_written(
        Trap(
            name="", program="mysql", setting="mysql.server.local_infile", value="yes", says=r"(?m)^local-infile\s+TRUE"
        ),
        "etc/mysql/my.cnf",
        {
            "plain": "[mysqld]\nlocal_infile = 1\n",
            "with dashes": "[mysqld]\nlocal-infile=ON\n",
            "without a value": "[mysqld]\nlocal-infile\n",
            "where it is known": "[mysqld]\nloose_local_infile=1\n",
            "enabled": "[mysqld]\nenable-local-infile\n",
            "another group": "[mariadb]\nlocal_infile=1\n",
            "the group for all": "[client-server]\nlocal_infile=1\n",
            "the last counts": "[mysqld]\nlocal_infile=0\n[server]\nlocal_infile=1\n",
            "a folder": "!includedir /srv/m.d\n--- srv/m.d/x.cnf\n[mysqld]\nlocal_infile=1\n",
            "a shortened name": "[mysqld]\nlocal_infile=0\nlocal_inf=1\n",
            "a name in capitals": "[mysqld]\nlocal_infile=0\nLOCAL-Infile=1\n",
            "a group in capitals": "[MYSQLD]\nlocal_infile=1\n",
        },
    ),
    *_written(
        Trap(
            name="",
            program="mysql",
            setting="mysql.server.require_secure_transport",
            value="no",
            says=r"(?m)^require-secure-transport\s+FALSE",
        ),
        "etc/mysql/my.cnf",
        {"what is not a word for on": "[mysqld]\nrequire_secure_transport=yes\n"},
    ),
    *_written(
        Trap(
            name="",
            program="mysql",
            setting="mysql.server.bind_address",
            value="0.0.0.0",  # noqa: S104
            says=r"(?m)^bind-address\s+0\.0\.0\.0",
        ),
        "etc/mysql/my.cnf",
        {
            "an address": "[mysqld]\nbind-address = 0.0.0.0\n",
            "an address in quotes": "[mysqld]\nbind-address = '0.0.0.0'\n",
        },
    ),
)

_DATA = "--- srv/data/PG_VERSION\n17\n"
POSTGRESQL = (
    *_written(
        Trap(
            name="",
            program="postgresql",
            setting="postgresql.cluster[*].fsync",
            value="no",
            ask="fsync",
            says="(?m)^off",
            cmd="postgres -D /srv/data",
        ),
        "srv/data/postgresql.conf",
        {
            "plain": "fsync = off\n" + _DATA,
            "without an equals sign": "fsync off\n" + _DATA,
            "in quotes": "fsync = 'no'\n" + _DATA,
            "shortened": "fsync = f\n" + _DATA,
            "in capitals": "FSYNC = OFF\n" + _DATA,
            "the last counts": "fsync = on\nfsync = off\n" + _DATA,
            "an include": "include '/srv/p.conf'\n" + _DATA + "--- srv/p.conf\nfsync = off\n",
            "a folder": "include_dir 'd'\n" + _DATA + "--- srv/data/d/x.conf\nfsync = off\n",
            "what ALTER SYSTEM wrote": "fsync = on\n" + _DATA + "--- srv/data/postgresql.auto.conf\nfsync = 'off'\n",
        },
    ),
)

TRAPS: tuple[Trap, ...] = (*NGINX, *SSHD, *APACHE, *PHP, *REDIS, *MYSQL, *POSTGRESQL)
"""Every trap that files set."""
