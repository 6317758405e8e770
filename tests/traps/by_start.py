"""Traps that are set by how an image is started: CMD, ENTRYPOINT, ENV and scripts."""

from __future__ import annotations

from tests.support.traps import Trap

_NGINX = {
    "etc/nginx/nginx.conf": "events {}\nhttp { server_tokens off; autoindex off; }\n",
    "srv/n.conf": "events {}\nhttp { server_tokens on; }\n",
}
_ON = {
    "program": "nginx",
    "setting": "nginx.http.server_tokens",
    "value": "on",
    "says": "server_tokens on",
    "files": _NGINX,
}
_ENTRY = '#!/bin/sh\nset -e\nif [ "${1#-}" != "$1" ]; then\n    set -- PROGRAM "$@"\nfi\nexec "$@"\n'


def _with(files: dict[str, str], **more: str) -> dict[str, str]:
    return files | {path.replace("__", "/"): text for path, text in more.items()}


def _entry(program: str) -> dict[str, str]:
    return {"entry.sh": _ENTRY.replace("PROGRAM", program)}


NGINX = (
    Trap(name="nginx -c", cmd="nginx -c /srv/n.conf", **_ON),
    Trap(name="nginx -c, attached", cmd="nginx -c/srv/n.conf", **_ON),
    Trap(name="nginx -p and -c", cmd="nginx -p /srv -c n.conf", **_ON),
    Trap(name="nginx -c in a shell", sh="exec nginx -c /srv/n.conf", **_ON),
    Trap(name="nginx -c from ENV", sh="nginx -c $CONF", env=("CONF=/srv/n.conf",), **_ON),
    Trap(name="nginx -c with a default", sh='nginx -c "${CONF:-/srv/n.conf}"', **_ON),
    Trap(name="nginx behind env", cmd="env A=1 nice -n 5 nginx -c /srv/n.conf", **_ON),
    Trap(name="nginx with -c in ENTRYPOINT", entrypoint="nginx -c", cmd="/srv/n.conf", **_ON),
    Trap(name="nginx, a file chosen by a command", sh="nginx -c $(echo /srv/n.conf)", **_ON),
    Trap(name="nginx, put together by eval", sh='F=n; eval "nginx -c /srv/$F.conf"', **_ON),
    Trap(
        name="nginx -g",
        program="nginx",
        setting="nginx.user",
        value="root",
        says="given: .*user root",
        cmd="nginx -g 'daemon off; user root;'",
        files=_NGINX,
    ),
    Trap(
        name="nginx -g, as a variable",
        program="nginx",
        setting="nginx.master_process",
        value="no",
        says="given: .*master_process off",
        sh='nginx -g "$OPTS"',
        env=("OPTS=daemon off; master_process off;",),
        files=_NGINX,
    ),
)

_SCRIPTED = {**_ON, "files": _NGINX}
NGINX_SCRIPTS = (
    Trap(
        name="nginx by an entrypoint",
        entrypoint="/entry.sh",
        cmd="nginx -c /srv/n.conf",
        **(_ON | {"files": _NGINX | _entry("nginx")}),
    ),
    Trap(
        name="nginx by an entrypoint that adds it",
        entrypoint="/entry.sh",
        cmd="-c /srv/n.conf",
        **(_ON | {"files": _NGINX | _entry("nginx")}),
    ),
    Trap(
        name="nginx by a script with a variable",
        cmd="/run.sh",
        **(_ON | {"files": _NGINX | {"run.sh": "#!/bin/sh\nCONF=/srv/n.conf\nexport CONF\nexec nginx -c $CONF\n"}}),
    ),
    Trap(
        name="nginx by a script that reads another",
        cmd="/run.sh",
        **(
            _ON
            | {
                "files": _NGINX
                | {
                    "run.sh": "#!/bin/sh\n. /srv/env.sh\nexec nginx -c $CONF\n",
                    "srv/env.sh": "#!/bin/sh\nCONF=/srv/n.conf\n",
                }
            }
        ),
    ),
    Trap(
        name="nginx by a function",
        cmd="/run.sh",
        **(
            _ON
            | {
                "files": _NGINX
                | {"run.sh": '#!/bin/sh\nmain() {\n  shift\n  exec nginx "$@"\n}\nmain x -c /srv/n.conf\n'}
            }
        ),
    ),
    Trap(
        name="nginx by a case",
        entrypoint="/run.sh",
        cmd="serve",
        **(
            _ON
            | {
                "files": _NGINX
                | {
                    "run.sh": '#!/bin/sh\ncase "$1" in\n  serve) exec nginx -c /srv/n.conf ;;\n  *) exec "$@" ;;\nesac\n'
                }
            }
        ),
    ),
    Trap(
        name="nginx by a script that changes its file",
        cmd="/run.sh",
        **(
            _ON
            | {
                "files": _NGINX
                | {"run.sh": "#!/bin/sh\nsed -i 's/tokens off/tokens on/' /etc/nginx/nginx.conf\nexec nginx\n"}
            }
        ),
    ),
    Trap(
        name="nginx by a script that writes its file",
        cmd="/run.sh",
        **(
            _ON
            | {
                "files": _NGINX
                | {
                    "run.sh": "#!/bin/sh\necho 'events {} http { server_tokens on; }' > /etc/nginx/nginx.conf\nexec nginx\n"
                }
            }
        ),
    ),
    Trap(
        name="nginx by an array of bash",
        cmd="/run.sh",
        **(_ON | {"files": _NGINX | {"run.sh": '#!/bin/bash\nARGS=(-c /srv/n.conf)\nexec nginx "${ARGS[@]}"\n'}}),
    ),
    Trap(
        name="nginx by a loop",
        entrypoint="/run.sh",
        cmd="a -c /srv/n.conf",
        **(_ON | {"files": _NGINX | {"run.sh": '#!/bin/sh\nwhile [ "$1" = a ]; do shift; done\nexec nginx "$@"\n'}}),
    ),
)

_SSH = {"etc/ssh/sshd_config": "PermitRootLogin no\nPasswordAuthentication no\nPort 22\n"}
_ROOT = {
    "program": "sshd",
    "setting": "sshd.PermitRootLogin",
    "value": "yes",
    "says": "(?m)^permitrootlogin yes",
    "files": _SSH,
}
SSHD = (
    Trap(name="sshd -o", cmd="/usr/sbin/sshd -o PermitRootLogin=yes", **_ROOT),
    Trap(name="sshd -o, with a blank", cmd="/usr/sbin/sshd -o 'PermitRootLogin yes'", **_ROOT),
    Trap(name="sshd -o, attached", cmd="sshd -oPermitRootLogin=yes", **_ROOT),
    Trap(name="sshd -o, the first counts", cmd="sshd -o permitrootlogin=yes -o PermitRootLogin=no", **_ROOT),
    Trap(name="sshd -f", cmd="sshd -f /srv/s", **(_ROOT | {"files": _SSH | {"srv/s": "PermitRootLogin yes\n"}})),
    Trap(
        name="sshd -f, a file of a usual name",
        cmd="sshd -f /srv/s.conf",
        **(_ROOT | {"files": _SSH | {"srv/s.conf": "PermitRootLogin yes\n"}}),
    ),
    Trap(
        name="sshd by an entrypoint",
        entrypoint="/entry.sh",
        cmd="sshd -o PermitRootLogin=yes",
        **(_ROOT | {"files": _SSH | _entry("sshd")}),
    ),
    Trap(
        name="sshd by a script that adds to its file",
        cmd="/run.sh",
        **(
            _ROOT
            | {
                "files": {
                    "etc/ssh/sshd_config": "UseDNS no\n",
                    "run.sh": "#!/bin/sh\necho PermitRootLogin yes >> /etc/ssh/sshd_config\nexec sshd\n",
                }
            }
        ),
    ),
    Trap(name="sshd in a shell, after others", sh="true && { false || sshd -o PermitRootLogin=yes; }", **_ROOT),
    Trap(
        name="sshd -p",
        program="sshd",
        setting="sshd.Port",
        value="2222",
        says="(?m)^port 2222",
        cmd="sshd -p 2222",
        files=_SSH,
    ),
)

_APACHE = {
    "etc/apache2/apache2.conf": "ServerRoot /etc/apache2\nLoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
    "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\nListen 8080\nErrorLog /dev/stderr\nServerName x\nTraceEnable off\n<IfDefine BAD>\nTraceEnable on\n</IfDefine>\n"
}
_TRACE = {
    "program": "apache",
    "setting": "apache.TraceEnable",
    "value": "on",
    "says": r"(?mi)(?<!off\n)TraceEnable on",
    "files": _APACHE,
}
APACHE = (
    Trap(name="apache2 -c", cmd="apache2 -c 'TraceEnable on'", **_TRACE),
    Trap(name="apache2 -D", cmd="apache2 -D BAD", **_TRACE),
    Trap(name="apache2 -D, attached", cmd="apache2 -DBAD", **_TRACE),
    Trap(
        name="apache2 -f",
        cmd="apache2 -f /srv/h.conf",
        **(_TRACE | {"files": _APACHE | {"srv/h.conf": _APACHE["etc/apache2/apache2.conf"].replace("off", "on")}}),
    ),
    Trap(
        name="apache2 with a variable of ENV",
        cmd="apache2",
        env=("TRACE=on",),
        **(
            _TRACE
            | {
                "files": {
                    "etc/apache2/apache2.conf": _APACHE["etc/apache2/apache2.conf"].replace(
                        "TraceEnable off", "TraceEnable ${TRACE}"
                    )
                }
            }
        ),
    ),
    Trap(
        name="apache2 by an entrypoint",
        entrypoint="/entry.sh",
        cmd="-D BAD",
        **(_TRACE | {"files": _APACHE | _entry("apache2")}),
    ),
)

_PHP = {
    "etc/php/8.4/cli/php.ini": "allow_url_include = Off\n",
    "etc/php/8.4/fpm/php.ini": "allow_url_include = Off\n",
    "etc/php/8.4/fpm/php-fpm.conf": "[global]\nerror_log = /dev/stderr\n[www]\nuser = www-data\nlisten = /tmp/fpm.sock\npm = static\npm.max_children = 1\n",
    "srv/show.php": "<?php echo 'allow_url_include => ', var_export((bool) ini_get('allow_url_include'));",
    "srv/php.ini": "allow_url_include = On\n",
    "srv/d/x.ini": "allow_url_include = On\n",
}
_URL = {
    "program": "php",
    "setting": "php.cli.allow_url_include",
    "value": "yes",
    "says": "allow_url_include => (true|On)",
    "files": _PHP,
}
_FPM = _URL | {"setting": "php.fpm.allow_url_include"}
PHP = (
    Trap(name="php -d", cmd="php -d allow_url_include=1 /srv/show.php", **_URL),
    Trap(name="php -d without a value", cmd="php -dallow_url_include /srv/show.php", **_URL),
    Trap(name="php -c", cmd="php -c /srv/php.ini /srv/show.php", **_URL),
    Trap(name="php -c, a folder", cmd="php -c /srv /srv/show.php", **_URL),
    Trap(name="PHPRC", cmd="php /srv/show.php", env=("PHPRC=/srv",), **_URL),
    Trap(name="PHP_INI_SCAN_DIR", cmd="php /srv/show.php", env=("PHP_INI_SCAN_DIR=:/srv/d",), **_URL),
    Trap(
        name="PHP_INI_SCAN_DIR by a script",
        cmd="/run.sh",
        **(_URL | {"files": _PHP | {"run.sh": "#!/bin/sh\nexport PHP_INI_SCAN_DIR=/srv/d\nexec php /srv/show.php\n"}}),
    ),
    Trap(name="php-fpm -d", cmd="php-fpm8.4 -d allow_url_include=1", **_FPM),
    Trap(name="php-fpm -c", cmd="php-fpm -c /srv/php.ini", **_FPM),
    Trap(
        name="php-fpm -y",
        program="php",
        setting="php.fpm.pool[www].user",
        value="root",
        says="user = root",
        cmd="php-fpm --fpm-config /srv/fpm.conf -R",
        files=_PHP | {"srv/fpm.conf": _PHP["etc/php/8.4/fpm/php-fpm.conf"].replace("www-data", "root")},
    ),
)

_REDIS = {"etc/redis/redis.conf": "protected-mode yes\nport 0\n", "srv/r.conf": "protected-mode no\n"}
_OPEN = {
    "program": "redis",
    "setting": "redis.server[*].protected-mode",
    "value": "no",
    "says": r"protected-mode\s+no",
    "files": _REDIS,
}
REDIS = (
    Trap(name="redis-server, an option", cmd="redis-server --protected-mode no", **_OPEN),
    Trap(name="redis-server, another file", cmd="redis-server /srv/r.conf", **_OPEN),
    Trap(
        name="redis-server, a file and an option", cmd="redis-server /etc/redis/redis.conf --protected-mode no", **_OPEN
    ),
    Trap(
        name="redis-server by an entrypoint",
        entrypoint="/entry.sh",
        cmd="--protected-mode no",
        **(_OPEN | {"files": _REDIS | _entry("redis-server")}),
    ),
)

_MYSQL = {"etc/mysql/my.cnf": "[mysqld]\nlocal_infile = 0\n", "srv/m.cnf": "[mysqld]\nlocal_infile = 1\n"}
_INFILE = {
    "program": "mysql",
    "setting": "mysql.server.local_infile",
    "value": "yes",
    "says": r"(?m)^local-infile\s+TRUE",
    "files": _MYSQL,
}
MYSQL = (
    Trap(name="mariadbd, an option", cmd="mariadbd --local-infile=1", **_INFILE),
    Trap(name="mariadbd, a switch", cmd="mariadbd --local-infile", **_INFILE),
    Trap(name="mysqld --defaults-file", cmd="mysqld --defaults-file=/srv/m.cnf", **_INFILE),
    Trap(name="mysqld --defaults-extra-file", cmd="mysqld --defaults-extra-file=/srv/m.cnf", **_INFILE),
    Trap(name="mariadbd --no-defaults", cmd="mariadbd --no-defaults --local-infile=ON", **_INFILE),
    Trap(
        name="mariadbd with MYSQL_HOME",
        cmd="mariadbd",
        env=("MYSQL_HOME=/srv/h",),
        **(_INFILE | {"files": _MYSQL | {"srv/h/my.cnf": _MYSQL["srv/m.cnf"]}}),
    ),
    Trap(
        name="mariadbd by an entrypoint",
        entrypoint="/entry.sh",
        cmd="--local-infile=1",
        **(_INFILE | {"files": _MYSQL | _entry("mariadbd")}),
    ),
    Trap(
        name="mariadbd --skip-grant-tables",
        program="mysql",
        setting="mysql.server.skip_grant_tables",
        value="yes",
        says=r"(?m)^skip-grant-tables\s+TRUE",
        cmd="mariadbd --skip-grant-tables",
        files=_MYSQL,
    ),
)

_CLUSTER = {
    "srv/data/postgresql.conf": "ssl = on\nlisten_addresses = 'localhost'\n",
    "srv/data/PG_VERSION": "17\n",
    "srv/p.conf": "fsync = off\n",
}
_FSYNC = {
    "program": "postgresql",
    "setting": "postgresql.cluster[*].fsync",
    "value": "no",
    "ask": "fsync",
    "says": "(?m)^off",
    "files": _CLUSTER,
}
_LISTEN = _FSYNC | {
    "setting": "postgresql.cluster[*].listen_addresses",
    "value": "[*]",
    "ask": "listen_addresses",
    "says": r"(?m)^\*",
}
POSTGRESQL = (
    Trap(name="postgres -c", cmd="postgres -D /srv/data -c fsync=off", **_FSYNC),
    Trap(name="postgres --name", cmd="postgres --fsync=off -D /srv/data", **_FSYNC),
    Trap(name="postgres -F", cmd="postgres -F", env=("PGDATA=/srv/data",), **_FSYNC),
    Trap(name="postgres, another file", cmd="postgres -D /srv/data -c config_file=/srv/p.conf", **_FSYNC),
    Trap(name="postgres --config-file", cmd="postgres --config-file=/srv/p.conf -D /srv/data", **_FSYNC),
    Trap(name="postgres -i", cmd="postgres -i -D /srv/data", **_LISTEN),
    Trap(name="postgres -h", cmd="postgres -h '*' -D /srv/data", **_LISTEN),
    Trap(
        name="postgres by an entrypoint",
        entrypoint="/entry.sh",
        cmd="-D /srv/data -c fsync=off",
        **(_FSYNC | {"files": _CLUSTER | _entry("postgres")}),
    ),
)

TRAPS: tuple[Trap, ...] = (*NGINX, *NGINX_SCRIPTS, *SSHD, *APACHE, *PHP, *REDIS, *MYSQL, *POSTGRESQL)
"""Every trap that how an image is started sets."""
