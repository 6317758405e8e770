"""Keys of frameworks, and databases' addresses with a password."""

# ruff: noqa: E501 -- the texts of files stand as they are

from random import Random

from bench.planted_secrets.model import Fields, Kind, Place
from bench.planted_secrets.values import (
    ALNUM,
    DIGITS,
    HEX,
    LOWER,
    b64,
    chars,
    login,
    shaped,
)

_DJANGO = LOWER + DIGITS + "!@#%^&*(-_=+)"


def _laravel(r: Random) -> Fields:
    return {"secret": "base64:" + b64(r.randbytes(32))}


def _machine_key(r: Random) -> Fields:
    return {"secret": chars(r, DIGITS + "ABCDEF", 128), "id": chars(r, DIGITS + "ABCDEF", 64)}


def _salt(r: Random) -> Fields:
    return {"secret": chars(r, ALNUM + "!@#%^&*()-_=+[]{}|;:,.<>/?~", 64)}


def _url(kind: str, variable: str, scheme: str, tail: str, contexts: str) -> Kind:
    """A database's address with a password: `contexts` are those in which an address may stand."""

    def make(r: Random) -> Fields:
        parts = login(14)(r)
        word = parts["secret"].replace("^", "x").replace("*", "y").replace("!", "z")
        return {**parts, "secret": word, "address": f"{scheme}://{parts['user']}:{word}@{parts['host']}{tail}"}

    return Kind(kind, make, variable, contexts)


FRAMEWORKS = (
    Kind(
        "Django secret key",
        shaped((_DJANGO, 50)),
        "SECRET_KEY",
        "",
        (
            Place(
                "/app/<<app>>/settings.py",
                'from pathlib import Path\n\nBASE_DIR = Path(__file__).parent\nSECRET_KEY = "<<secret>>"\nDEBUG = False\nALLOWED_HOSTS = ["northgale.net"]\n',
            ),
            Place(
                "/app/<<app>>/settings/production.py", "SECRET_KEY = '<<secret>>'\nSECURE_SSL_REDIRECT = True\n", "pyc"
            ),
            Place("/srv/<<app>>/.env", "DJANGO_SETTINGS_MODULE=app.settings\nDJANGO_SECRET_KEY='<<secret>>'\n"),
        ),
    ),
    Kind(
        "Rails master key",
        shaped((HEX, 32)),
        "RAILS_MASTER_KEY",
        "compose",
        (
            Place("/app/<<app>>/config/master.key", "<<secret>>"),
            Place("/rails/<<app>>/config/credentials/production.key", "<<secret>>"),
        ),
    ),
    Kind(
        "Rails secret key base",
        shaped((HEX, 128)),
        "SECRET_KEY_BASE",
        "env",
        (
            Place(
                "/app/<<app>>/config/secrets.yml",
                "development:\n  log: true\n\nproduction:\n  secret_key_base: <<secret>>\n",
            ),
        ),
    ),
    Kind(
        "Laravel application key",
        _laravel,
        "APP_KEY",
        "",
        (
            Place("/var/www/<<app>>/.env", "APP_NAME=Shop\nAPP_ENV=production\nAPP_KEY=<<secret>>\nAPP_DEBUG=false\n"),
            Place(
                "/var/www/<<app>>/.env",
                "APP_ENV=production\nAPP_KEY=<<secret>>\nAPP_URL=https://northgale.net\n",
                "tgz",
            ),
        ),
    ),
    Kind(
        "Flask secret key",
        shaped((HEX, 48)),
        "SECRET_KEY",
        "",
        (
            Place(
                "/app/<<app>>/app.py",
                "from flask import Flask\n\napp = Flask(__name__)\napp.secret_key = '<<secret>>'\n\n\n@app.get('/')\ndef index():\n    return 'ok'\n",
            ),
            Place("/app/<<app>>/wsgi.py", 'from web import app\n\napp.config["SECRET_KEY"] = "<<secret>>"\n'),
        ),
    ),
    Kind(
        "Symfony secret",
        shaped((HEX, 32)),
        "APP_SECRET",
        "",
        (
            Place("/var/www/<<app>>/.env.local", "APP_ENV=prod\nAPP_SECRET=<<secret>>\nTRUSTED_PROXIES=10.0.0.0/8\n"),
            Place(
                "/var/www/<<app>>/app/config/parameters.yml", "parameters:\n    locale: en\n    secret: <<secret>>\n"
            ),
        ),
    ),
    Kind(
        "WordPress salt",
        _salt,
        "AUTH_KEY",
        "",
        (
            Place("/var/www/<<app>>/wp-salts.php", "<?php\ndefine('AUTH_KEY',         '<<secret>>');\n"),
            Place("/var/www/<<app>>/wp-keys.php", "<?php\ndefine( 'LOGGED_IN_KEY', '<<secret>>' );\n"),
        ),
    ),
    Kind(
        "WordPress database password",
        login(),
        "DB_PASSWORD",
        "",
        (
            Place(
                "/var/www/html/wp-config.php",
                "<?php\ndefine( 'DB_NAME', 'wordpress' );\ndefine( 'DB_USER', '<<user>>' );\ndefine( 'DB_PASSWORD', '<<secret>>' );\ndefine( 'DB_HOST', '<<host>>' );\n",
            ),
            Place(
                "/var/www/<<app>>/wp-config.php.bak",
                "<?php\ndefine('DB_USER', '<<user>>');\ndefine('DB_PASSWORD', '<<secret>>');\n",
            ),
        ),
    ),
    Kind(
        "Spring datasource password",
        login(),
        "X",
        "",
        (
            Place(
                "/app/<<app>>/application.properties",
                "server.port=8080\nspring.datasource.url=jdbc:postgresql://<<host>>:5432/app\nspring.datasource.username=<<user>>\nspring.datasource.password=<<secret>>\n",
            ),
            Place(
                "/app/<<app>>/application-prod.yml",
                "spring:\n  datasource:\n    url: jdbc:mysql://<<host>>:3306/app\n    username: <<user>>\n    password: <<secret>>\n",
            ),
            Place(
                "/app/<<app>>/application.yml",
                "spring:\n  datasource:\n    username: <<user>>\n    password: <<secret>>\n",
                "jar",
            ),
            Place(
                "/app/<<app>>/application.properties",
                "spring.datasource.username=<<user>>\nspring.datasource.password=<<secret>>\n",
                "war",
            ),
        ),
    ),
    Kind(
        ".NET connection string",
        login(),
        "X",
        "",
        (
            Place(
                "/app/<<app>>/appsettings.Production.json",
                '{\n  "ConnectionStrings": {\n    "Default": "Server=<<host>>;Database=Shop;User Id=<<user>>;Password=<<secret>>;Encrypt=True"\n  }\n}\n',
            ),
            Place(
                "/inetpub/<<app>>/web.config",
                '<configuration>\n  <connectionStrings>\n    <add name="Main" connectionString="Data Source=<<host>>;Initial Catalog=Shop;User ID=<<user>>;Password=<<secret>>" providerName="System.Data.SqlClient" />\n  </connectionStrings>\n</configuration>\n',
            ),
            Place(
                "/app/<<app>>/Shop.dll", "Server=<<host>>;Database=Shop;User Id=<<user>>;Password=<<secret>>;", "exe"
            ),
        ),
    ),
    Kind(
        ".NET machine key",
        _machine_key,
        "X",
        "",
        (
            Place(
                "/inetpub/<<app>>/web.config",
                '<configuration>\n  <system.web>\n    <machineKey validationKey="<<secret>>" decryptionKey="<<id>>" validation="SHA1" decryption="AES" />\n  </system.web>\n</configuration>\n',
            ),
        ),
    ),
    Kind("signing secret of tokens", shaped((ALNUM, 48)), "JWT_SECRET", "env compose js k8ssecret"),
    Kind("session secret", shaped((HEX, 64)), "SESSION_SECRET", "env envquoted"),
    Kind("encryption key", lambda r: {"secret": b64(r.randbytes(32))}, "ENCRYPTION_KEY", "env toml"),
)

URLS = (
    _url(
        "password in a PostgreSQL address",
        "DATABASE_URL",
        "postgresql",
        ":5432/app",
        "addrenv addrpy addryaml addrenv>tgz",
    ),
    _url("password in a MySQL address", "DATABASE_URL", "mysql", ":3306/shop", "addrenv addrphp addrcompose"),
    _url(
        "password in a MongoDB address",
        "MONGODB_URI",
        "mongodb+srv",
        "/orders?retryWrites=true",
        "addrjs addrenv addrenv>loose",
    ),
    _url("password in a Redis address", "REDIS_URL", "redis", ":6379/0", "addrenv addrrb"),
    _url("password in an AMQP address", "BROKER_URL", "amqp", ":5672/events", "addrpy addrenv addrpy>pyc"),
    _url("password in an SMTP address", "MAILER_DSN", "smtp", ":587", "addrenv"),
    _url("password in an FTP address", "FTP_URL", "ftp", "/incoming", "addrsh"),
    _url("password in an HTTPS address", "FEED_URL", "https", "/feed.xml", "addrsh addrgo"),
    Kind(
        "password in a JDBC address",
        login(),
        "X",
        "",
        (
            Place(
                "/opt/<<app>>/conf/db.properties",
                "db.driver=org.mariadb.jdbc.Driver\ndb.url=jdbc:mariadb://<<host>>:3306/app?user=<<user>>&password=<<secret>>\n",
            ),
            Place(
                "/opt/<<app>>/conf/context.xml",
                '<Context>\n  <Resource name="jdbc/app" username="<<user>>" password="<<secret>>" url="jdbc:postgresql://<<host>>/app"/>\n</Context>\n',
            ),
        ),
    ),
)

KINDS = (*FRAMEWORKS, *URLS)
