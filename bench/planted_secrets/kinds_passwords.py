"""Passwords without a form of their own: login files, settings of servers, scripts, code."""

# ruff: noqa: E501 -- the texts of files stand as they are

from bench.planted_secrets.model import Kind, Place
from bench.planted_secrets.values import (
    ALNUM,
    basic_auth,
    chars,
    login,
)

_COMPOSE = "services:\n  db:\n    image: {}\n    environment:\n      TZ: UTC\n      {}: <<secret>>\n    volumes:\n      - data:/var/lib/data\n"


FILES = (
    Kind(
        "netrc password",
        login(),
        "X",
        "",
        (
            Place("/root/.netrc", "machine git.northgale.net\nlogin <<user>>\npassword <<secret>>\n"),
            Place("/home/<<app>>/.netrc", "machine api.northgale.net login <<user>> password <<secret>>\n"),
        ),
    ),
    Kind(
        "PostgreSQL password file",
        login(),
        "X",
        "",
        (
            Place("/root/.pgpass", "<<host>>:5432:app:<<user>>:<<secret>>\n"),
            Place("/var/lib/postgresql/.pgpass", "*:*:*:<<user>>:<<secret>>\n"),
        ),
    ),
    Kind(
        "MySQL client password",
        login(),
        "X",
        "",
        (
            Place("/root/.my.cnf", "[client]\nuser=<<user>>\npassword=<<secret>>\nhost=<<host>>\n"),
            Place(
                "/etc/mysql/debian.cnf",
                "[client]\nhost     = localhost\nuser     = debian-sys-maint\npassword = <<secret>>\nsocket   = /run/mysqld/mysqld.sock\n",
            ),
            Place(
                "/opt/<<app>>/backup.sh",
                "#!/bin/sh\nmysqldump -h <<host>> -u <<user>> -p<<secret>> app | gzip > /backup/app.sql.gz\n",
            ),
        ),
    ),
    Kind(
        "git credentials",
        login(),
        "X",
        "",
        (
            Place("/home/<<app>>/.git-credentials", "https://<<user>>:<<secret>>@git.northgale.net\n"),
            Place("/home/test/.git-credentials", "https://<<user>>:<<secret>>@git.northgale.net\n"),
        ),
    ),
    Kind(
        "password hash of a login file",
        lambda r: {"user": "admin", "secret": "$2y$10$" + chars(r, ALNUM + "./", 53)},
        "X",
        "",
        (
            Place("/etc/nginx/.htpasswd", "<<user>>:<<secret>>\n"),
            Place("/etc/apache2/.htpasswd-<<app>>", "<<user>>:<<secret>>\n"),
        ),
    ),
    Kind(
        "Ansible inventory password",
        login(),
        "X",
        "",
        (
            Place(
                "/etc/ansible/hosts", "[web]\nweb1.northgale.net ansible_user=<<user>> ansible_password=<<secret>>\n"
            ),
            Place(
                "/opt/<<app>>/ansible/group_vars/all.yml",
                "ntp_server: pool.ntp.org\nansible_user: <<user>>\nansible_become_pass: <<secret>>\n",
            ),
        ),
    ),
    Kind(
        "Kubernetes Secret",
        login(),
        "DB_PASSWORD",
        "k8ssecret k8ssecret>tgz",
        (
            Place(
                "/opt/<<app>>/manifests/db-secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  username: <<user>>\n  password: <<secret>>\n",
            ),
            Place(
                "/opt/<<app>>/release.json",
                '{"info":{"status":"deployed"},"config":{"database":{"user":"<<user>>","password":"<<secret>>"}}}',
                "helm",
            ),
        ),
    ),
    Kind(
        "password in Terraform's state",
        login(),
        "X",
        "",
        (
            Place(
                "/opt/<<app>>/terraform.tfstate",
                '{\n  "version": 4,\n  "resources": [\n    {\n      "type": "aws_db_instance",\n      "instances": [\n        {\n          "attributes": {\n            "username": "<<user>>",\n            "password": "<<secret>>"\n          }\n        }\n      ]\n    }\n  ]\n}\n',
            ),
        ),
    ),
    Kind(
        "password in a compose file",
        login(),
        "X",
        "",
        (
            Place("/srv/<<app>>/docker-compose.yml", _COMPOSE.format("mysql:8", "MYSQL_ROOT_PASSWORD")),
            Place("/srv/<<app>>/docker-compose.prod.yml", _COMPOSE.format("postgres:16", "POSTGRES_PASSWORD")),
            Place("/srv/examples/<<app>>/docker-compose.yml", _COMPOSE.format("rabbitmq:3", "RABBITMQ_DEFAULT_PASS")),
        ),
    ),
    Kind(
        "password of a Grafana or Redis configuration",
        login(),
        "X",
        "",
        (
            Place("/etc/grafana/grafana.ini", "[security]\nadmin_user = <<user>>\nadmin_password = <<secret>>\n"),
            Place(
                "/etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode yes\nrequirepass <<secret>>\nmaxmemory 256mb\n"
            ),
            Place(
                "/etc/supervisor/conf.d/<<app>>.conf",
                "[inet_http_server]\nport = 9001\nusername = <<user>>\npassword = <<secret>>\n",
            ),
            Place("/etc/postfix/sasl_passwd", "[smtp.northgale.net]:587 <<user>>:<<secret>>\n"),
            Place("/etc/ppp/chap-secrets", "# client server secret addresses\n<<user>> * <<secret>> *\n"),
        ),
    ),
    Kind(
        "wireless or mail password",
        login(),
        "X",
        "",
        (
            Place(
                "/etc/wpa_supplicant/wpa_supplicant.conf", 'network={\n    ssid="northgale"\n    psk="<<secret>>"\n}\n'
            ),
            Place("/root/.msmtprc", "account default\nhost smtp.northgale.net\nuser <<user>>\npassword <<secret>>\n"),
            Place("/etc/krb5/<<app>>.smb", "username=<<user>>\npassword=<<secret>>\ndomain=NORTHGALE\n"),
        ),
    ),
    Kind(
        "LDAP bind password",
        login(),
        "X",
        "",
        (
            Place(
                "/etc/ldap/<<app>>.conf",
                "uri ldaps://<<host>>\nbinddn cn=reader,dc=northgale,dc=net\nbindpw <<secret>>\n",
            ),
            Place(
                "/app/<<app>>/ldap.yaml",
                "ldap:\n  url: ldaps://<<host>>\n  bind_dn: cn=reader,dc=northgale,dc=net\n  bind_password: <<secret>>\n",
            ),
        ),
    ),
)

SCRIPTS = (
    Kind(
        "curl with a password",
        basic_auth,
        "X",
        "",
        (
            Place(
                "/opt/<<app>>/fetch.sh",
                "#!/bin/sh\ncurl -fsSL -u <<user>>:<<secret>> https://files.northgale.net/latest.tgz | tar xz\n",
            ),
            Place(
                "/root/.bash_history",
                "cd /srv\ncurl --user '<<user>>:<<secret>>' https://api.northgale.net/status\nexit\n",
            ),
            Place(
                "/opt/<<app>>/mirror.sh",
                "#!/bin/sh\nwget --user=<<user>> --password='<<secret>>' https://files.northgale.net/dump.sql\n",
            ),
        ),
    ),
    Kind(
        "sshpass with a password",
        login(),
        "X",
        "",
        (
            Place("/opt/<<app>>/push.sh", "#!/bin/sh\nsshpass -p '<<secret>>' scp dist.tgz <<user>>@<<host>>:/srv/\n"),
            Place("/home/<<app>>/.bash_history", "ls\nsshpass -p <<secret>> ssh <<user>>@<<host>>\nexit\n"),
        ),
    ),
    Kind(
        "password in an environment of a database tool",
        login(),
        "X",
        "",
        (
            Place(
                "/etc/cron.d/<<app>>-dump",
                "0 2 * * * root PGPASSWORD=<<secret>> pg_dump -h <<host>> -U <<user>> app > /backup/app.sql\n",
            ),
            Place(
                "/home/<<app>>/.bash_history",
                "psql --version\nPGPASSWORD='<<secret>>' psql -h <<host>> -U <<user>>\nquit\n",
            ),
            Place("/opt/<<app>>/cache.sh", "#!/bin/sh\nredis-cli -h <<host>> -a <<secret>> flushall\n"),
            Place(
                "/build/<<app>>/init.sql",
                "CREATE DATABASE app;\nCREATE USER app WITH PASSWORD '<<secret>>';\nGRANT ALL ON DATABASE app TO app;\n",
            ),
        ),
    ),
    Kind(
        "basic authorization header",
        basic_auth,
        "X",
        "",
        (
            Place(
                "/opt/<<app>>/health.sh",
                '#!/bin/sh\ncurl -s -H "Authorization: Basic <<basic>>" https://api.northgale.net/health\n',
            ),
            Place(
                "/usr/src/<<app>>/lib/legacy.js",
                "const headers = {\n  Authorization: 'Basic <<basic>>',\n  Accept: 'application/json',\n};\nmodule.exports = headers;\n",
            ),
        ),
    ),
    Kind(
        "password in code",
        login(),
        "X",
        "",
        (
            Place(
                "/app/<<app>>/db.py",
                'import psycopg2\n\nconn = psycopg2.connect(host="<<host>>", dbname="app", user="<<user>>", password="<<secret>>")\n',
            ),
            Place(
                "/usr/src/<<app>>/lib/db.js",
                "const mysql = require('mysql2');\n\nmodule.exports = mysql.createPool({\n  host: '<<host>>',\n  user: '<<user>>',\n  password: '<<secret>>',\n});\n",
            ),
            Place(
                "/go/src/<<app>>/store.go",
                'package store\n\nvar dsn = Config{\n\tUser:     "<<user>>",\n\tPassword: "<<secret>>",\n}\n',
            ),
            Place(
                "/app/<<app>>/db.rb",
                "require 'pg'\n\nDB = PG.connect(host: '<<host>>', user: '<<user>>', password: '<<secret>>')\n",
            ),
            Place(
                "/var/www/<<app>>/db.php",
                "<?php\n$pdo = new PDO('mysql:host=<<host>>;dbname=app', '<<user>>', '<<secret>>');\n",
            ),
            Place(
                "/opt/<<app>>/Store.java",
                'class Store {\n    java.sql.Connection open() throws Exception {\n        return java.sql.DriverManager.getConnection("jdbc:postgresql://<<host>>/app", "<<user>>", "<<secret>>");\n    }\n}\n',
            ),
            Place("/app/<<app>>/tasks.py", 'DB_PASSWORD = "<<secret>>"\nDB_USER = "<<user>>"\n', "pyc"),
            Place(
                "/opt/<<app>>/login.ps1",
                '$user = "<<user>>"\n$password = ConvertTo-SecureString "<<secret>>" -AsPlainText -Force\n',
                "utf16le",
            ),
            Place("/app/<<app>>/connect.py", 'PASSWORD = "<<secret>>"\n', "sqlite"),
        ),
    ),
    Kind(
        "plain password of an environment", login(), "ADMIN_PASSWORD", "env dockerfile systemd gitlabci env>nul yaml>gz"
    ),
)

KINDS = (*FILES, *SCRIPTS)
