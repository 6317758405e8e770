"""Traps that are set by how an image is started: CMD, ENTRYPOINT, ENV and scripts."""

from __future__ import annotations

from tests.support.traps import Trap, like

_NGINX = {
    "etc/nginx/nginx.conf": "events {}\nhttp { server_tokens off; autoindex off; }\n",
    "srv/n.conf": "events {}\nhttp { server_tokens on; }\n",
}
_ON = Trap(
    name="", program="nginx", setting="nginx.http.server_tokens", value="on", says="server_tokens on", files=_NGINX
)
_ENTRY = '#!/bin/sh\nset -e\nif [ "${1#-}" != "$1" ]; then\n    set -- PROGRAM "$@"\nfi\nexec "$@"\n'


def _entry(program: str) -> dict[str, str]:
    return {"entry.sh": _ENTRY.replace("PROGRAM", program)}


NGINX = (
    like(_ON, "nginx -c", cmd="nginx -c /srv/n.conf"),
    like(_ON, "nginx -c, attached", cmd="nginx -c/srv/n.conf"),
    like(_ON, "nginx -p and -c", cmd="nginx -p /srv -c n.conf"),
    like(_ON, "nginx -c in a shell", sh="exec nginx -c /srv/n.conf"),
    like(_ON, "nginx -c from ENV", sh="nginx -c $CONF", env=("CONF=/srv/n.conf",)),
    like(_ON, "nginx -c with a default", sh='nginx -c "${CONF:-/srv/n.conf}"'),
    like(_ON, "nginx behind env", cmd="env A=1 nice -n 5 nginx -c /srv/n.conf"),
    like(_ON, "nginx with -c in ENTRYPOINT", entrypoint="nginx -c", cmd="/srv/n.conf"),
    like(_ON, "nginx, a file chosen by a command", sh="nginx -c $(echo /srv/n.conf)"),
    like(_ON, "nginx, put together by eval", sh='F=n; eval "nginx -c /srv/$F.conf"'),
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
NGINX_SCRIPTS = (
    like(_ON, "nginx by an entrypoint", _entry("nginx"), entrypoint="/entry.sh", cmd="nginx -c /srv/n.conf"),
    like(_ON, "nginx by an entrypoint that adds it", _entry("nginx"), entrypoint="/entry.sh", cmd="-c /srv/n.conf"),
    like(
        _ON,
        "nginx by a script with a variable",
        {"run.sh": "#!/bin/sh\nCONF=/srv/n.conf\nexport CONF\nexec nginx -c $CONF\n"},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by a script that reads another",
        {"run.sh": "#!/bin/sh\n. /srv/env.sh\nexec nginx -c $CONF\n", "srv/env.sh": "#!/bin/sh\nCONF=/srv/n.conf\n"},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by a function",
        {"run.sh": '#!/bin/sh\nmain() {\n  shift\n  exec nginx "$@"\n}\nmain x -c /srv/n.conf\n'},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by a case",
        {"run.sh": '#!/bin/sh\ncase "$1" in\n  serve) exec nginx -c /srv/n.conf ;;\n  *) exec "$@" ;;\nesac\n'},
        entrypoint="/run.sh",
        cmd="serve",
    ),
    like(
        _ON,
        "nginx by a script that changes its file",
        {"run.sh": "#!/bin/sh\nsed -i 's/tokens off/tokens on/' /etc/nginx/nginx.conf\nexec nginx\n"},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by a script that writes its file",
        {"run.sh": "#!/bin/sh\necho 'events {} http { server_tokens on; }' > /etc/nginx/nginx.conf\nexec nginx\n"},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by an array of bash",
        {"run.sh": '#!/bin/bash\nARGS=(-c /srv/n.conf)\nexec nginx "${ARGS[@]}"\n'},
        cmd="/run.sh",
    ),
    like(
        _ON,
        "nginx by a loop",
        {"run.sh": '#!/bin/sh\nwhile [ "$1" = a ]; do shift; done\nexec nginx "$@"\n'},
        entrypoint="/run.sh",
        cmd="a -c /srv/n.conf",
    ),
)
_SSH = {"etc/ssh/sshd_config": "PermitRootLogin no\nPasswordAuthentication no\nPort 22\n"}
_ROOT = Trap(
    name="", program="sshd", setting="sshd.PermitRootLogin", value="yes", says="(?m)^permitrootlogin yes", files=_SSH
)
SSHD = (
    like(_ROOT, "sshd -o", cmd="/usr/sbin/sshd -o PermitRootLogin=yes"),
    like(_ROOT, "sshd -o, with a blank", cmd="/usr/sbin/sshd -o 'PermitRootLogin yes'"),
    like(_ROOT, "sshd -o, attached", cmd="sshd -oPermitRootLogin=yes"),
    like(_ROOT, "sshd -o, the first counts", cmd="sshd -o permitrootlogin=yes -o PermitRootLogin=no"),
    like(_ROOT, "sshd -f", {"srv/s": "PermitRootLogin yes\n"}, cmd="sshd -f /srv/s"),
    like(_ROOT, "sshd -f, a file of a usual name", {"srv/s.conf": "PermitRootLogin yes\n"}, cmd="sshd -f /srv/s.conf"),
    like(_ROOT, "sshd by an entrypoint", _entry("sshd"), entrypoint="/entry.sh", cmd="sshd -o PermitRootLogin=yes"),
    like(
        _ROOT,
        "sshd by a script that adds to its file",
        {
            "etc/ssh/sshd_config": "UseDNS no\n",
            "run.sh": "#!/bin/sh\necho PermitRootLogin yes >> /etc/ssh/sshd_config\nexec sshd\n",
        },
        cmd="/run.sh",
    ),
    like(_ROOT, "sshd in a shell, after others", sh="true && { false || sshd -o PermitRootLogin=yes; }"),
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
    "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
    "Listen 8080\nErrorLog /dev/stderr\nServerName x\n"
    "TraceEnable off\n<IfDefine BAD>\nTraceEnable on\n</IfDefine>\n"
}
_TRACE = Trap(
    name="", program="apache", setting="apache.TraceEnable", value="on", says="(?mi)^ *TraceEnable on", files=_APACHE
)
APACHE = (
    like(_TRACE, "apache2 -c", cmd="apache2 -c 'TraceEnable on'"),
    like(_TRACE, "apache2 -D", cmd="apache2 -D BAD"),
    like(_TRACE, "apache2 -D, attached", cmd="apache2 -DBAD"),
    like(
        _TRACE,
        "apache2 -f",
        {"srv/h.conf": _APACHE["etc/apache2/apache2.conf"].replace("off", "on")},
        cmd="apache2 -f /srv/h.conf",
    ),
    like(
        _TRACE,
        "apache2 with a variable of ENV",
        {
            "etc/apache2/apache2.conf": _APACHE["etc/apache2/apache2.conf"].replace(
                "TraceEnable off", "TraceEnable ${TRACE}"
            )
        },
        cmd="apache2",
        env=("TRACE=on",),
    ),
    like(_TRACE, "apache2 by an entrypoint", _entry("apache2"), entrypoint="/entry.sh", cmd="-D BAD"),
)
_PHP = {
    "etc/php/8.4/cli/php.ini": "allow_url_include = Off\n",
    "etc/php/8.4/fpm/php.ini": "allow_url_include = Off\n",
    "etc/php/8.4/fpm/php-fpm.conf": "[global]\nerror_log = /tmp/fpm.log\n[www]\nuser = www-data\n"
    "listen = /tmp/fpm.sock\npm = static\npm.max_children = 1\n",
    "srv/show.php": "<?php echo 'allow_url_include => ', var_export((bool) ini_get('allow_url_include'));",
    "srv/php.ini": "allow_url_include = On\n",
    "srv/d/x.ini": "allow_url_include = On\n",
}
_URL = Trap(
    name="",
    program="php",
    setting="php.cli.allow_url_include",
    value="yes",
    says="allow_url_include => (true|On)",
    files=_PHP,
)
_FPM = like(_URL, "", setting="php.fpm.allow_url_include")
PHP = (
    like(_URL, "php -d", cmd="php -d allow_url_include=1 /srv/show.php"),
    like(_URL, "php -d without a value", cmd="php -dallow_url_include /srv/show.php"),
    like(_URL, "php -c", cmd="php -c /srv/php.ini /srv/show.php"),
    like(_URL, "php -c, a folder", cmd="php -c /srv /srv/show.php"),
    like(_URL, "PHPRC", cmd="php /srv/show.php", env=("PHPRC=/srv",)),
    like(_URL, "PHP_INI_SCAN_DIR", cmd="php /srv/show.php", env=("PHP_INI_SCAN_DIR=:/srv/d",)),
    like(
        _URL,
        "PHP_INI_SCAN_DIR by a script",
        {"run.sh": "#!/bin/sh\nexport PHP_INI_SCAN_DIR=/srv/d\nexec php /srv/show.php\n"},
        cmd="/run.sh",
    ),
    like(_FPM, "php-fpm -d", cmd="php-fpm8.4 -d allow_url_include=1"),
    like(_FPM, "php-fpm -c", cmd="php-fpm -c /srv/php.ini"),
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
_OPEN = Trap(
    name="",
    program="redis",
    setting="redis.server[*].protected-mode",
    value="no",
    says="protected-mode\\s+no",
    files=_REDIS,
)
REDIS = (
    like(_OPEN, "redis-server, an option", cmd="redis-server --protected-mode no"),
    like(_OPEN, "redis-server, another file", cmd="redis-server /srv/r.conf"),
    like(_OPEN, "redis-server, a file and an option", cmd="redis-server /etc/redis/redis.conf --protected-mode no"),
    like(
        _OPEN,
        "redis-server by an entrypoint",
        _entry("redis-server"),
        entrypoint="/entry.sh",
        cmd="--protected-mode no",
    ),
)
_MYSQL = {"etc/mysql/my.cnf": "[mysqld]\nlocal_infile = 0\n", "srv/m.cnf": "[mysqld]\nlocal_infile = 1\n"}
_INFILE = Trap(
    name="",
    program="mysql",
    setting="mysql.server.local_infile",
    value="yes",
    says="(?m)^local-infile\\s+TRUE",
    files=_MYSQL,
)
MYSQL = (
    like(_INFILE, "mariadbd, an option", cmd="mariadbd --local-infile=1"),
    like(_INFILE, "mariadbd, a switch", cmd="mariadbd --local-infile"),
    like(_INFILE, "mysqld --defaults-file", cmd="mysqld --defaults-file=/srv/m.cnf"),
    like(_INFILE, "mysqld --defaults-extra-file", cmd="mysqld --defaults-extra-file=/srv/m.cnf"),
    like(_INFILE, "mariadbd --no-defaults", cmd="mariadbd --no-defaults --local-infile=ON"),
    like(
        _INFILE,
        "mariadbd with MYSQL_HOME",
        {"srv/h/my.cnf": _MYSQL["srv/m.cnf"]},
        cmd="mariadbd",
        env=("MYSQL_HOME=/srv/h",),
    ),
    like(_INFILE, "mariadbd by an entrypoint", _entry("mariadbd"), entrypoint="/entry.sh", cmd="--local-infile=1"),
    Trap(
        name="mariadbd --skip-grant-tables",
        program="mysql",
        setting="mysql.server.skip_grant_tables",
        value="yes",
        says="(?m)^skip-grant-tables\\s+TRUE",
        cmd="mariadbd --skip-grant-tables",
        files=_MYSQL,
    ),
)
_CLUSTER = {
    "srv/data/postgresql.conf": "ssl = on\nlisten_addresses = 'localhost'\n",
    "srv/data/PG_VERSION": "17\n",
    "srv/p.conf": "fsync = off\n",
}
_FSYNC = Trap(
    name="",
    program="postgresql",
    setting="postgresql.cluster[*].fsync",
    value="no",
    ask="fsync",
    says="(?m)^off",
    files=_CLUSTER,
)
_LISTEN = like(
    _FSYNC, "", setting="postgresql.cluster[*].listen_addresses", value="?", ask="listen_addresses", says="(?m)^\\*"
)
POSTGRESQL = (
    like(_FSYNC, "postgres -c", cmd="postgres -D /srv/data -c fsync=off"),
    like(_FSYNC, "postgres --name", cmd="postgres --fsync=off -D /srv/data"),
    like(_FSYNC, "postgres -F", cmd="postgres -F", env=("PGDATA=/srv/data",)),
    like(_FSYNC, "postgres, another file", cmd="postgres -D /srv/data -c config_file=/srv/p.conf"),
    like(_FSYNC, "postgres --config-file", cmd="postgres --config-file=/srv/p.conf -D /srv/data"),
    like(_LISTEN, "postgres -i", cmd="postgres -i -D /srv/data"),
    like(_LISTEN, "postgres -h", cmd="postgres -h '*' -D /srv/data"),
    like(
        _FSYNC, "postgres by an entrypoint", _entry("postgres"), entrypoint="/entry.sh", cmd="-D /srv/data -c fsync=off"
    ),
)
TRAPS: tuple[Trap, ...] = (*NGINX, *NGINX_SCRIPTS, *SSHD, *APACHE, *PHP, *REDIS, *MYSQL, *POSTGRESQL)
"""Every trap that how an image is started sets."""
