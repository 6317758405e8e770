"""An image with 150 secrets at every place where one may stand, of forms that nobody could know, and a search for them in any bytes."""

from __future__ import annotations

import base64
import gzip
import io
import random
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import zstandard

from hullmark.facets.secrets.keywords import Keyword, Keywords, keywords
from tests.support.images import Blobs, Json, tar_of

MANY = 150
CANARY = "juniper-anchor-9917"
"""A value under a name that says nothing: it is to be found wherever the settings are."""

_PLACE = "§"
_WORDS = (
    *("tulip", "canoe", "harbor", "lantern", "meadow", "walnut", "pepper", "violin", "saddle", "copper", "marble", "falcon"),
    *("garden", "window", "timber", "hollow", "bramble", "cinder", "thistle", "pebble", "willow", "ember", "quartz", "raven"),
)  # fmt: skip

ENV = (
    "DB_PASSWORD=§", "MYSQL_PWD=§", "githubToken=§", "API_KEY=§", "APP_SECRET=§", "SMTP_PASS=§", "AWS_SECRET_ACCESS_KEY=§",
    "DATABASE_URL=postgres://shop:§@db.example:5432/shop", "PIP_INDEX_URL=https://§@pypi.example/simple", "PASSPHRASE='§'",
    "JAVA_OPTS=-Xmx1g -Djavax.net.ssl.keyStorePassword=§ -Da=b", "SPRING_JSON={\"spring\":{\"password\":\"§\"}}",
    "OPTIONS=--user shop --password § --quiet", "NODE_AUTH_TOKEN=§ and-more",
)  # fmt: skip
LABELS = {
    "com.example.password": "§", "com.example.deploy-token": "§", "com.example.source": "https://robot:§@git.example/shop.git",
    "com.example.compose": "environment:\n  - DB_PASSWORD=§\n  - MODE=fast\n", "com.example.run": "docker login -u robot -p § reg.example",
}  # fmt: skip
HISTORY = (
    "/bin/sh -c #(nop)  ENV BUILD_TOKEN=§", "RUN |2 NPM_TOKEN=§ MODE=fast /bin/sh -c npm ci # buildkit", "ARG DEPLOY_PASSWORD=§",
    "RUN /bin/sh -c curl -u robot:§ https://files.example/a # buildkit", "RUN /bin/sh -c mysql -h db -u root -p§ shop < a.sql",
    "RUN /bin/sh -c git clone https://§@git.example/shop.git", "RUN /bin/sh -c sshpass -p § scp a b:", "ENV SECRET_KEY § # old form",
    "RUN /bin/sh -c curl -H 'Authorization: Bearer §' https://files.example/a", "RUN /bin/sh -c echo 'root:§' | chpasswd",
    "RUN /bin/sh -c htpasswd -bc /etc/nginx/htpasswd admin §", "RUN /bin/sh -c openssl rsa -passin pass:§ -in k -out l",
    "RUN /bin/sh -c smbclient -U 'robot%§' //files/share", "RUN /bin/sh -c docker login --username robot --password=§ reg.example",
    "RUN /bin/sh -c redis-cli -a § ping && mkdir -p /data", "RUN /bin/sh -c wget --header='X-Auth-Token: §' https://files.example/a",
    "RUN /bin/sh -c echo § | docker login -u robot --password-stdin", "LABEL com.example.secret=§",
    "RUN /bin/sh -c psql \"host=db user=shop password=§ dbname=shop\"", "CMD [\"mysqld\" \"--token\" \"§\"]",
    "RUN /bin/sh -c ldapsearch -x -w § -b dc=example", "RUN /bin/sh -c keytool -import -storepass § -keystore k",
    "RUN /bin/sh -c PGPASSWORD=§ pg_dump shop", "RUN /bin/sh -c rabbitmqctl add_user robot §",
)  # fmt: skip
ENTRYPOINT = ("/usr/bin/tini", "--", "redis-server", "/etc/redis/redis.conf", "--requirepass", "§")
CMD = ("--masterauth", "§", "--client-secret=§", "https://robot:§@hooks.example/x")
HEALTHCHECK = ("CMD", "mysqladmin", "ping", "-uroot", "-p§", "--ssl-passphrase", "§")
ON_BUILD = ("ENV SIGNING_KEY=§", "RUN curl --user robot:§ https://files.example/b")

FILES = {
    "etc/redis/redis.conf": "port 6379\nrequirepass §\nmasterauth \"§\"\nuser robot on >§ ~* +@all\ntls-key-file-pass §\n",
    "etc/mysql/my.cnf": "[client]\nuser=root\npassword=§\n[mysqld]\nport=3306\nloose-vault-token = §\n",
    "etc/postfix/main.cf": "myhostname = mail.example\nsmtp_sasl_password_maps = static:robot:§\nldap_bind_pw = §\n",
    "etc/postfix/master.cf": "smtp inet n - y - - smtpd\n  -o smtp_sasl_password_maps=static:robot:§\n",
    "etc/postfix/sasl_passwd": "[mail.example]:587 robot:§\n",
    "etc/postgresql/17/main/postgresql.conf": "port = 5432\nprimary_conninfo = 'host=db user=r password=§'\nssl_passphrase = '§'\n",
    "etc/php/8.3/cli/php.ini": "[MySQLi]\nmysqli.default_pw = \"§\"\n[app]\napp.secret = §\nsession.save_path = \"tcp://r?auth=§\"\n",
    "etc/nginx/nginx.conf": "http {\n proxy_set_header Authorization \"Basic §\";\n set $api_key \"§\";\n server {\n  listen 80;\n"
    "  proxy_pass http://robot:§@up.example/;\n  secure_link_secret §;\n }\n}\n",
    "etc/apache2/apache2.conf": "Listen 80\nSetEnv DB_PASSWORD §\nAuthLDAPBindPassword \"§\"\n"
    "RequestHeader set Authorization \"Bearer §\"\n",
    "etc/pip.conf": "[global]\nindex-url = https://robot:§@pypi.example/simple\nextra-index-url = https://§@pypi.example/more\n",
    "etc/npmrc": "//registry.example/:_authToken=§\n_auth=§\n//other.example/:_password=§\n",
    "root/.npmrc": "registry=https://robot:§@registry.example/\n_authToken = §\n",
    "etc/yum.repos.d/shop.repo": "[shop]\nbaseurl=https://robot:§@rpm.example/\nproxy_password=§\nenabled=1\n",
    "etc/yum.conf": "[main]\nproxy=http://p.example\nproxy_username=r\nproxy_password = §\n",
    "etc/apt/apt.conf.d/90proxy": "Acquire::http::Proxy \"http://robot:§@proxy.example:3128\";\n",
    "etc/apt/sources.list": "deb https://robot:§@deb.example/debian stable main\n",
    "etc/apt/sources.list.d/shop.sources": "Types: deb\nURIs: https://robot:§@deb.example/shop\nSuites: stable\nComponents: main\n",
    "etc/apt/auth.conf": "machine deb.example\nlogin robot\npassword §\n",
    "etc/apk/repositories": "https://robot:§@apk.example/v3\n",
    "etc/ssl/openssl.cnf": "[req]\ninput_password = §\noutput_password = §\n",
    "etc/crontab": "API_TOKEN=§\n0 1 * * * root curl -u robot:§ https://files.example/c\n* * * * * root mysqldump -p§ shop > /b\n",
    "etc/systemd/system/shop.service": "[Service]\nExecStart=/usr/bin/shop --api-key § --port 80\nEnvironment=DB_PASSWORD=§ MODE=fast\n"
    "Environment=\"A=b\" \"SHOP_SECRET=§\"\nSetCredential=login:§\n[Install]\nWantedBy=multi-user.target\n",
    "etc/sudoers": "Defaults env_reset\n# TOKEN=§\nrobot ALL=(ALL) NOPASSWD: ALL\n",
    "etc/sysctl.conf": "net.ipv4.ip_forward=1\n# password: §\n",
    "etc/ssh/sshd_config": "Port 22\nPasswordAuthentication yes\n# secret = §\n",
    "etc/pam.d/login": "auth required pam_ldap.so bind_password=§\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/java/java.security": "keystore.type=pkcs12\nshop.keystore.password=§\nshop.url=https://robot:§@ca.example/\n",
    "opt/shop/application.properties": "spring.datasource.password=§\n"
    "spring.datasource.url=jdbc:mysql://db/shop?user=r&password=§\nmail.smtp.auth=true\n",
    "opt/shop/application.yaml": "db:\n  password: §\n  url: \"postgres://shop:§@db/shop\"\nkeys:\n  api_key: '§'\n"
    "  private_key: |\n    §\n"
    "env:\n  - name: OAUTH_TOKEN\n    value: §\npasswords:\n  - §\n  - \"§\"\n",
    "opt/shop/settings.toml": "[auth]\nclient_secret = \"§\"\ntokens = [\"§\", \"§\"]\n",
    "opt/shop/.env": "SESSION_SECRET=§ with blanks\nexport JWT_TOKEN='§'\n",
    "etc/shop/config.json": "{\"auths\": {\"reg.example\": {\"auth\": \"§\"}}, \"db\": {\"password\":\"§\",\n"
    " \"accessKey\": \"§\"}, \"x\": \"{\\\"token\\\": \\\"§\\\"}\"}\n",
    "etc/shop/server.xml": "<server>\n <password>§</password>\n <property name=\"apiToken\" value=\"§\"/>\n"
    " <Connector keystorePass=\"§\"/>\n</server>\n",
    "etc/shop/config.php": "<?php\ndefine('DB_PASSWORD', '§');\n$cfg['secret'] = '§';\nreturn ['password' => '§'];\n",
    "etc/shop/init.sql": "CREATE USER 'r'@'%' IDENTIFIED BY '§';\nALTER ROLE shop WITH PASSWORD '§';\n",
    "etc/shop/db_password": "§\n",
    "etc/ppp/chap-secrets": "robot * § *\n",
    "etc/rsyncd.secrets": "robot:§\n",
    "etc/netrc": "machine git.example login robot password §\n",
    "root/.pgpass": "db:15432:shop:robot:§\n",
    "root/.git-credentials": "https://robot:§@git.example\n",
    "etc/shop/wide.conf": "password = §\n",
    "entrypoint.sh": "#!/bin/sh\nDB_PASSWORD=${DB_PASSWORD:-§}\nexport TOKEN=§\nmysql -uroot -p\"§\" -e 'select 1'\n"
    "exec redis-server --requirepass \"§\"\n",
    "etc/nginx/conf.d/broken.conf": "server { listen 80; auth_token \"§\" { \n",
    "etc/mysql/conf.d/broken.cnf": "[mysqld\npassword=§\n",
    "etc/apache2/conf-enabled/broken.conf": "<Directory /x>\nSetEnv API_SECRET §\n",
    "app/node_modules/shop/package.json": "{\"name\": \"shop\", \"version\": \"1.0.0\", \"homepage\": \"https://robot:§@shop.example\","
    " \"_resolved\": \"https://registry.example/shop.tgz?token=§\"}",
    "usr/lib/python3/site-packages/shop-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n"
    "Home-page: https://robot:§@shop.example\n",
    "usr/lib/python3/site-packages/shop-1.0.dist-info/direct_url.json": "{\"url\": \"https://robot:§@git.example/shop.git\","
    " \"vcs_info\": {\"vcs\": \"git\", \"commit_id\": \"0123456789012345678901234567890123456789\"}}",
    "var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nMaintainer: A <a@example.org>\nArchitecture: amd64\nVersion: 5.2\n"
    "Homepage: https://robot:§@bash.example\nDescription: it\n\n",
    "lib/apk/db/installed": "P:shop\nV:1.0-r0\nA:x86_64\nL:MIT\nU:https://robot:§@shop.example\no:shop\n\n",
    "usr/share/gems/specifications/shop-1.0.gemspec": "Gem::Specification.new do |s|\n  s.name = \"shop\".freeze\n  s.version = \"1.0\"\n"
    "  s.homepage = \"https://robot:§@shop.example\".freeze\nend\n",
    "usr/lib/os-release": "ID=debian\nVERSION_ID=\"13\"\nHOME_URL=\"https://robot:§@debian.example\"\nPRETTY_NAME=\"Debian\"\n",
}  # fmt: skip
"""Texts of files, by path."""

IN_ARCHIVE = ("etc/shop/backup.zip", "db.conf", "password = §\n")
ANNOTATIONS = {"com.example.token": "§", "com.example.url": "https://robot:§@git.example"}


class Planted:
    """The values, in the order in which they were taken, and the image."""

    def __init__(self, seed: int = 4711, *, is_masked: bool = True) -> None:
        self._random = random.Random(seed)  # noqa: S311 — the same for each run
        self.values: list[str] = []
        self.is_masked = is_masked
        self.files = {path: self.filled(text).encode() for path, text in FILES.items()}
        self.files["etc/shop/wide.conf"] = self.files["etc/shop/wide.conf"].decode().encode("utf-16")
        path, name, text = IN_ARCHIVE
        self.files[path] = _zip(name, self.filled(text).encode())
        self.config = self._config()
        self.annotations = {name: self.filled(text) for name, text in ANNOTATIONS.items()}
        # Whatever is lacking to the number stands in further variables.
        more = [self.filled(f"SERVICE_{number}_TOKEN={_PLACE}") for number in range(max(0, MANY - len(self.values)))]
        self.config["Env"] += more

    def filled(self, text: str) -> str:
        """The text with a value of its own at each place."""
        return re.sub(_PLACE, lambda _: self._value(), text)

    def _value(self) -> str:
        value = f"{self._random.choice(_WORDS)}-{self._random.choice(_WORDS)}-{1000 + len(self.values)}{self._random.randrange(10, 99)}"
        self.values.append(value)
        return value

    def _config(self) -> Json:
        return {
            "Env": [*map(self.filled, ENV), "PATH=/usr/bin:/bin"],
            "Labels": {"com.example.note": CANARY, **{name: self.filled(text) for name, text in LABELS.items()}},
            "Entrypoint": [*map(self.filled, ENTRYPOINT)],
            "Cmd": [*map(self.filled, CMD)],
            "Healthcheck": {"Test": [*map(self.filled, HEALTHCHECK)]},
            "OnBuild": [*map(self.filled, ON_BUILD)],
        }

    def image(self, blobs: Blobs) -> Json:
        """Hold it; the descriptor of its manifest."""
        layer = tar_of(self.files, links={"etc/os-release": "../usr/lib/os-release"})
        history = [{"created_by": self.filled(text), "empty_layer": True} for text in HISTORY]

        def config(made: Json) -> Json:
            return {**made, "config": self.config, "history": [{"created_by": "COPY . /"}, *history]}

        def manifest(made: Json) -> Json:
            return {**made, "annotations": self.annotations}

        return {**blobs.image([layer], config=config, manifest=manifest), "annotations": self.annotations}


def _zip(name: str, body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), body * 20)
    return out.getvalue()


def _forms(value: str) -> tuple[bytes, ...]:
    """The value as it may be written."""
    raw = value.encode()
    coded = [base64.b64encode(bytes(before) + raw)[(4 * before + 2) // 3 + (before > 0) : -4] for before in range(3)]
    wide = (value.encode("utf-16-le"), value.encode("utf-16-be"))
    escaped = (raw.replace(b"-", escape) for escape in (b"%2D", rb"\-", rb"\\-"))
    return (raw, raw.hex().encode(), raw.hex().upper().encode(), *escaped, raw[::-1], *wide, *coded)


def found_in(body: bytes, values: Sequence[str]) -> list[str]:
    """Those of the values that stand in the bytes, in any of their forms, or in what is compressed in them."""
    owners, search = _search(tuple(values))
    met = {owners[index] for each in (body, *unpacked(body)) for index, _ in search.meetings(each).found}
    return [value for value in values if value in met]


@cache
def _search(values: tuple[str, ...]) -> tuple[list[str], Keywords]:
    forms = [(value, form) for value in values for form in _forms(value)]
    return [value for value, _ in forms], keywords([Keyword(form) for _, form in forms])


def unpacked(body: bytes, depth: int = 0) -> Iterator[bytes]:
    """What is compressed in the bytes, wherever it begins."""
    for magic, unpack in _WAYS:
        at = body.find(magic)
        while at >= 0 and depth < 3:
            inner = unpack(body[at:])
            if inner:
                yield inner
                yield from unpacked(inner, depth + 1)
            at = body.find(magic, at + 1)


def _gunzip(body: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(body)
    except zlib.error:
        return b""


def _unzip(body: bytes) -> bytes:
    size = int.from_bytes(body[26:28], "little") + int.from_bytes(body[28:30], "little")
    try:
        return zlib.decompressobj(-15).decompress(body[30 + size :])
    except zlib.error:
        return b""


def _unzstd(body: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    except zstandard.ZstdError:
        return b""


_WAYS: tuple[tuple[bytes, Any], ...] = ((b"\x1f\x8b\x08", _gunzip), (b"\x28\xb5\x2f\xfd", _unzstd), (b"PK\3\4", _unzip))


def gzipped(body: bytes) -> bytes:
    """For tests of the search itself."""
    return gzip.compress(body, mtime=0)
