"""The services that Debian packages: web servers, databases, a login."""

from __future__ import annotations

from bench.services.asking import (
    client_answers,
    http_answers,
    postgres_answers,
    redis_answers,
    ssh_answers,
)
from bench.services.service import Service

_PAGES = {
    "/var/www/html/index.html": "<h1>shop</h1>\n" * 200,
    "/var/www/html/a/one.txt": "one\n",
    "/var/www/html/style.css": "body { color: teal }\n" * 100,
    "/var/www/html/data.json": "{}\n",
}
_ASKED = ("GET /", "GET /style.css", "GET /data.json", "GET /none", "HEAD /", "GET /a/", "POST /a/one.txt x=1")

NGINX = Service(
    name="nginx",
    packages=("nginx",),
    files={
        **_PAGES,
        "/etc/nginx/sites-enabled/default": "server { listen 8080; root /var/www/html; location /a/ { autoindex on; }"
        " gzip on; gzip_types text/css application/json; location = /old { return 301 /; } }\n",
    },
    command=("nginx", "-g", "daemon off;"),
    ask=lambda port, root: http_answers(port, *_ASKED, "GET /old"),
)

APACHE = Service(
    name="apache2",
    packages=("apache2",),
    files={
        **_PAGES,
        "/etc/apache2/ports.conf": "Listen 8080\n",
        "/etc/apache2/sites-available/000-default.conf": "<VirtualHost *:8080>\nDocumentRoot /var/www/html\n"
        "<Location /private>\nAuthType Basic\nAuthName shop\nAuthUserFile /etc/apache2/users\nRequire valid-user\n"
        "</Location>\nRedirect /old /\n</VirtualHost>\n",
        "/var/www/html/private/page.txt": "mine\n",
        "/etc/apache2/users": "shop:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
    },
    setup="echo 'ServerName shop' >> /etc/apache2/apache2.conf",
    command=("apachectl", "-D", "FOREGROUND"),
    ask=lambda port, root: http_answers(port, *_ASKED, "GET /old", "GET /private/page.txt"),
)

REDIS = Service(
    name="redis",
    packages=("redis-server",),
    command=("redis-server", "--port", "8080", "--dir", "/var/lib/redis", "--bind", "127.0.0.1"),
    user="redis",
    ask=lambda port, root: redis_answers(
        port,
        "PING",
        "SET|a|1",
        "GET|a",
        "INCR|a",
        "LPUSH|l|x|y",
        "LLEN|l",
        "EVAL|return redis.call('GET', 'a') .. cjson.encode({1, 2})|0",
        "GEOADD|g|13.4|52.5|berlin",
        "PFADD|h|x",
        "SAVE",
        "CONFIG|GET|appendonly",
        "BGREWRITEAOF",
        "NONE",
    ),
)

_CLUSTER = "/etc/postgresql/17/main"
POSTGRESQL = Service(
    name="postgresql",
    packages=("postgresql", "tzdata"),
    setup='service postgresql start && su postgres -c "psql -c \\"CREATE ROLE shop LOGIN SUPERUSER PASSWORD \'shop\'\\"'
    ' -c \\"CREATE DATABASE shop OWNER shop\\"" && service postgresql stop',
    command=(
        "/usr/lib/postgresql/17/bin/postgres",
        *("-D", "/var/lib/postgresql/17/main", "-c", f"config_file={_CLUSTER}/postgresql.conf"),
        *("-c", "port=8080", "-c", "ssl=off"),
    ),
    user="postgres",
    ask=lambda port, root: postgres_answers(
        port,
        "CREATE TABLE t (a int PRIMARY KEY, b text, c jsonb)",
        "INSERT INTO t SELECT n, 'row ' || n, jsonb_build_object('n', n) FROM generate_series(1, 5000) n",
        "SELECT count(*), max(b) FROM t WHERE b LIKE '%7%'",
        "SELECT to_tsvector('english', 'the ships were sailing')",
        "SELECT timestamptz '2026-01-02 03:04:05+00' AT TIME ZONE 'Europe/Berlin'",
        "SET TimeZone = 'Asia/Tokyo'",
        "SELECT convert_from('\\xe4'::bytea, 'LATIN1')",
        "CREATE FUNCTION f(n int) RETURNS int AS 'BEGIN RETURN n + 1; END' LANGUAGE plpgsql",
        "SELECT f(41)",
        "CREATE EXTENSION pgcrypto",
        "SELECT encode(digest('a', 'sha256'), 'hex')",
        "SELECT upper('straße' COLLATE \"C.utf8\")",
        "SELECT none",
        "CREATE INDEX ON t (b)",
        "ANALYZE t",
    ),
)

MARIADB = Service(
    name="mariadb",
    packages=("mariadb-server",),
    files={"/etc/mysql/mariadb.conf.d/99-shop.cnf": "[mariadbd]\nport = 8080\nbind-address = 127.0.0.1\n"},
    setup="mkdir -p /run/mysqld && chown mysql /run/mysqld && (mariadbd-safe --skip-networking & ) && sleep 8 &&"
    " mariadb -e \"CREATE DATABASE shop; CREATE USER shop@'%' IDENTIFIED BY 'shop'; GRANT ALL ON *.* TO shop@'%'\" &&"
    " mariadb-admin shutdown",
    command=("mariadbd",),
    user="mysql",
    ask=lambda port, root: client_answers(
        root,
        ("mariadb", "-h127.0.0.1", f"-P{port}", "-ushop", "-pshop", "--skip-ssl", "shop"),
        "CREATE TABLE t (a int PRIMARY KEY, b varchar(20)) CHARACTER SET utf8mb4",
        "INSERT INTO t SELECT seq, concat('row ', seq) FROM seq_1_to_1000; SELECT count(*), max(b) FROM t WHERE b LIKE '%7%'",
        "CREATE TABLE u (a int) ENGINE=Aria; INSERT INTO u VALUES (1); SELECT * FROM u",
        "SELECT upper('straße' COLLATE utf8mb4_german2_ci), json_extract('[1, 2]', '$[1]'), sha2('a', 256)",
        "SELECT none",
        "SET lc_messages = 'de_DE'; SELECT none",
        "CREATE FUNCTION f(n int) RETURNS int RETURN n + 1; SELECT f(41)",
        "SHOW VARIABLES LIKE 'version_comment'",
    ),
)

SSHD = Service(
    name="sshd",
    packages=("openssh-server",),
    files={"/etc/ssh/sshd_config.d/shop.conf": "Port 8080\nPasswordAuthentication no\nPrintMotd no\n"},
    setup="useradd -m -s /bin/bash shop && mkdir -p /home/shop/.ssh /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /home/shop/.ssh/key"
    " && cp /home/shop/.ssh/key.pub /home/shop/.ssh/authorized_keys && chown -R shop /home/shop/.ssh && chmod 700 /home/shop/.ssh",
    command=("/usr/sbin/sshd", "-D", "-e"),
    ask=lambda port, root: ssh_answers(
        root, port, "shop", "echo $((6 * 7)); pwd", "ulimit -c 0; exit 3", "sftp put /etc/hostname there\nls\n"
    ),
)

SERVERS = (NGINX, APACHE, REDIS, POSTGRESQL, MARIADB, SSHD)
