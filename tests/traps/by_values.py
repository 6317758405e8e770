"""Traps in how values are compared, in what is set for a part only, and in what nothing sets."""

from __future__ import annotations

from tests.support.traps import Trap, like
from tests.traps.by_files import HTTPD

_SHOW = "<?php echo '=> ', var_export({0});"


def _status(*packages: str) -> dict[str, str]:
    """The database of dpkg with these packages, written as name=version."""
    told = (one.split("=", 1) for one in packages)
    text = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        for name, version in told
    )
    return {"var/lib/dpkg/status": text, "etc/os-release": "ID=debian\nVERSION_ID=12\n"}


def _of(program: str, name: str, path: str, text: str, setting: str, value: str, says: str, ask: str = "") -> Trap:
    return Trap(
        name=f"{program}: {name}", program=program, setting=setting, value=value, says=says, ask=ask, files={path: text}
    )


def _apache(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    return _of("apache", name, "etc/apache2/apache2.conf", HTTPD + text, f"apache.{setting}", value, says)


def _php(name: str, text: str, setting: str, value: str, shown: str, says: str) -> Trap:
    base = _of("php", name, "etc/php/8.4/cli/php.ini", text, f"php.cli.{setting}", value, says)
    return like(base, base.name, {"srv/show.php": _SHOW.format(shown)})


def _postgresql(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    path, key = "srv/data/postgresql.conf", f"postgresql.cluster[*].{setting}"
    base = _of("postgresql", name, path, text, key, value, says, setting)
    return like(base, base.name, {"srv/data/PG_VERSION": "17\n"}, cmd="postgres -D /srv/data")


def _redis(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    return _of("redis", name, "etc/redis/redis.conf", text, f"redis.server[*].{setting}", value, says)


def _mysql(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    return _of("mysql", name, "etc/mysql/my.cnf", f"[mysqld]\n{text}", f"mysql.server.{setting}", value, says)


def _sshd(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    return _of("sshd", name, "etc/ssh/sshd_config", text, f"sshd.{setting}", value, says)


_SSL = "LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so\n"
_SSL += "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
COMPARED = (
    _apache("tokens in capitals", "ServerTokens FULL\n", "ServerTokens", "full", "(?i)ServerTokens FULL"),
    _apache("tokens by another name", "ServerTokens productonly\n", "ServerTokens", "prod", "(?i)ServerTokens product"),
    _apache("a flag in capitals", "KeepAlive ON\n", "KeepAlive", "yes", "(?i)KeepAlive ON"),
    _apache("all protocols", _SSL + "SSLProtocol All -SSLv3\n", "SSLProtocol", "TLSv1", "SSLProtocol All"),
    _apache("all protocols but one", _SSL + "SSLProtocol all -TLSv1.3\n", "SSLProtocol", "tlsv1.1", "SSLProtocol all"),
    _apache("an added protocol", _SSL + "SSLProtocol -all +TLSv1\n", "SSLProtocol", "TLSv1", "SSLProtocol -all"),
    _php("a size with a unit", "memory_limit = 8M\n", "memory_limit", "8388608", "ini_parse_quantity(ini_get('memory_limit'))", "8388608"),
    _php("a size without a unit", "post_max_size = 1073741824\n", "post_max_size", "1G", "ini_get('post_max_size')", "1073741824"),
    _php("a switch that is a number", "allow_url_include = 2\n", "allow_url_include", "on", "(bool) ini_get('allow_url_include')", "true"),
    _php("errors on", "display_errors = on\n", "display_errors", "yes", "ini_get('display_errors')", "=> '1'"),
    _postgresql("a word in capitals", "log_statement = 'ALL'\n", "log_statement", "all", "(?mi)^all"),
    _postgresql("a kind of password in capitals", "password_encryption = MD5\n", "password_encryption", "md5", "(?m)^md5"),
    _postgresql("a size with a unit", "shared_buffers = '256MB'\n", "shared_buffers", "268435456", "(?m)^32768"),
    _redis("a size with a unit", "maxmemory 100mb\n", "maxmemory", "104857600", r"maxmemory\s+104857600"),
    _redis("a word in capitals", "appendfsync ALWAYS\n", "appendfsync", "always", r"appendfsync\s+always"),
    _redis("a switch in capitals", "appendonly YES\n", "appendonly", "on", r"appendonly\s+yes"),
    _mysql("a size with a unit", "max_allowed_packet = 1G\n", "max_allowed_packet", "1073741824", r"max-allowed-packet\s+1073741824"),
    _mysql("a list", "tls_version = TLSv1.2,TLSv1.3\n", "tls_version", "TLSv1.2", r"tls-version\s+TLSv1.2"),
    _mysql("a switch as a word", "general_log = true\n", "general_log", "1", r"(?m)^general-log\s+TRUE"),
    _sshd("a level in small letters", "LogLevel debug3\n", "LogLevel", "Debug3", "(?mi)^loglevel DEBUG3"),
    _sshd("a time with a unit", "LoginGraceTime 10m\n", "LoginGraceTime", "600", "(?m)^logingracetime 600"),
)  # fmt: skip

_POOL = "[global]\nerror_log = /tmp/fpm.log\n[www]\nuser = www-data\nlisten = /tmp/fpm.sock\npm = static\npm.max_children = 1\n"
_INI = "allow_url_include = Off\ndisplay_errors = Off\nmemory_limit = 128M\ndisable_functions = exec\n"


def _pool(name: str, text: str, setting: str, value: str, says: str) -> Trap:
    """What a pool changes of PHP's settings."""
    files = {"etc/php/8.4/fpm/php.ini": _INI, "etc/php/8.4/fpm/php-fpm.conf": _POOL + text}
    return Trap(
        name=f"php-fpm: {name}",
        program="php-fpm",
        setting=f"php.fpm.{setting}",
        value=value,
        says=says,
        files=files,
    )


POOLS = (
    _pool("an administrator's flag", "php_admin_flag[allow_url_include] = on\n", "allow_url_include", "yes", r"allow_url_include\] = 1"),
    _pool("an administrator's value", "php_admin_value[allow_url_include] = 1\n", "allow_url_include", "yes", r"allow_url_include\] = 1"),
    _pool("a flag", "php_flag[display_errors] = yes\n", "display_errors", "on", r"display_errors\] = 1"),
    _pool("a value", "php_value[memory_limit] = -1\n", "memory_limit", "-1", r"memory_limit\] = -1"),
    _pool(
        "the second one",
        "[b]\nuser = www-data\nlisten = /tmp/b.sock\npm = static\npm.max_children = 1\nphp_admin_flag[allow_url_include] = on\n",
        "allow_url_include",
        "yes",
        r"allow_url_include\] = 1",
    ),
    _pool("a name in capitals", "Clear_Env = no\n", "pool[www].clear_env", "no", r"clear_env = no"),
    _pool("an included one", "include = /srv/*.conf\n", "display_errors", "on", r"display_errors\] = 1"),
)  # fmt: skip
POOLS = (*POOLS[:-1], like(POOLS[-1], POOLS[-1].name, {"srv/x.conf": "[www]\nphp_flag[display_errors] = on\n"}))

_SITE = (
    HTTPD
    + "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in ("dir", "autoindex"))
    + "Listen 127.0.0.1:8077\nDocumentRoot /srv/www\n<Directory />\nAllowOverride None\nOptions None\n</Directory>\n"
    "<Directory /srv/www>\nRequire all granted\nAllowOverride OVERRIDE\n</Directory>\n"
)
_ASK = (
    ". /etc/apache2/envvars; mkdir -p /run/apache2; "
    "for n in $(seq 60); do /opt/real/apache2 -k start 2>&1 && break; sleep 0.1; done; "
    "php -r 'for ($n = 0; $n < 60 && !isset($http_response_header); $n++) { usleep(100000); "
    '$said = @file_get_contents("http://127.0.0.1:8077/FOLDER"); } echo $said, implode(PHP_EOL, $http_response_header ?? []);\'; '
    "/opt/real/apache2 -k stop; for n in $(seq 100); do [ -e /run/apache2.pid ] || break; sleep 0.1; done"
)


def _access(name: str, override: str, folder: str, text: str, what: tuple[str, str], says: str) -> Trap:
    """What an .htaccess file changes. The server is asked for the folder."""
    setting, value = what
    main = _SITE.replace("OVERRIDE", override).replace("Listen 8080\n", "").replace("/dev/stderr", "/srv/error.log")
    files = {"etc/apache2/apache2.conf": main, f"srv/www/{folder}.htaccess": text, f"srv/www/{folder}a.txt": "a\n"}
    return Trap(
        name=f".htaccess: {name}",
        program="apache",
        setting=f"apache.directory[/srv/www{('/' + folder).rstrip('/')}].{setting}",
        value=value,
        says=says,
        files=files,
        probe=_ASK.replace("FOLDER", folder),
    )


ACCESS = (
    _access("options", "All", "", "Options +Indexes\n", ("Options", "Indexes"), "a.txt"),
    _access("options of their kind", "Options", "", "Options Indexes\n", ("Options", "Indexes"), "a.txt"),
    _access("only these options", "Options=Indexes", "", "Options Indexes\n", ("Options", "Indexes"), "a.txt"),
    _access("a folder below", "All", "b/", "Options +Indexes\n", ("Options", "Indexes"), "a.txt"),
    _access("a signature", "All", "", "Options Indexes\nServerSignature On\n", ("ServerSignature", "on"), "<address>"),
    _access("by its name", "None\nAllowOverrideList Options", "", "Options Indexes\n", ("Options", "Indexes"), "a.txt"),
)

_PLAIN = {"srv/data/PG_VERSION": "17\n"}
UNSET = (
    _sshd("a default of its release", "Port 22\n", "PermitRootLogin", "prohibit-password", "permitrootlogin without-password"),
    like(
        _sshd("a list of its release", "Port 22\n", "Ciphers", "aes128-ctr", "ciphers .*aes128-ctr"),
        "sshd: a list of its release",
        _status("openssh-server=1:10.0p1-7"),
    ),
    like(
        _sshd("", "Port 22\n", "KexAlgorithms", "ecdh-sha2-nistp256", "kexalgorithms .*ecdh-sha2-nistp256"),
        "sshd: a list, the release not known",
        is_unset=True,
    ),
    like(
        _mysql("", "port = 3306\n", "local_infile", "yes", r"(?m)^local-infile\s+TRUE"),
        "mysql: a default of its release",
        _status("mariadb-server-core=1:11.8.9+ds-0+deb13u1"),
    ),
    like(
        _mysql("", "port = 3306\n", "local_infile", "yes", r"(?m)^local-infile\s+TRUE"),
        "mysql: a default, the release not known",
        is_unset=True,
    ),
    like(
        _mysql("", "port = 3306\n", "tls_version", "TLSv1.2", r"(?m)^tls-version\s+TLSv1.2"),
        "mysql: a list of its release",
        _status("mariadb-server-core=1:11.8.9+ds-0+deb13u1"),
    ),
    like(
        _mysql("", "port = 3306\n", "symbolic_links", "yes", r"(?m)^symbolic-links\s+TRUE"),
        "mysql: another default, the release not known",
        is_unset=True,
    ),
    like(
        _mysql("", "port = 3306\n", "sql_mode", "NO_AUTO_CREATE_USER", r"(?m)^sql-mode\s+.*NO_AUTO_CREATE_USER"),
        "mysql: a default that nobody knows",
        is_unset=True,
    ),
    _php("a default of its release", "engine = On\n", "display_startup_errors", "yes", "ini_get('display_startup_errors')", "=> '1'"),
    like(
        _php("a default that nobody knows", "engine = On\n", "session.gc_divisor", "100", "ini_get('session.gc_divisor')", "=> '100'"),
        "php: a default that nobody knows",
        is_unset=True,
    ),
    like(
        _postgresql("", "port = 5432\n", "password_encryption", "scram-sha-256", "(?m)^scram-sha-256"),
        "postgresql: a default of its release",
        _status("postgresql-17=17.12-0+deb13u1"),
    ),
    like(
        _postgresql("", "port = 5432\n", "password_encryption", "scram-sha-256", "(?m)^scram-sha-256"),
        "postgresql: a default, the release not known",
        is_unset=True,
    ),
    like(
        _postgresql("", "port = 5432\n", "log_min_messages", "warning", "(?m)^warning"),
        "postgresql: a default that nobody knows",
        is_unset=True,
    ),
    like(
        _redis("", "port 0\n", "enable-debug-command", "no", r"enable-debug-command\s+no"),
        "redis: a default of its release",
        _status("redis-server=5:8.0.2-3+deb13u3"),
    ),
    like(
        _redis("", "port 0\n", "maxmemory-policy", "noeviction", r"maxmemory-policy\s+noeviction"),
        "redis: a default that nobody knows",
        is_unset=True,
    ),
)  # fmt: skip

_TLS = (
    "daemon on;\nerror_log /dev/null;\nevents {}\nhttp {\naccess_log off;\nserver {\nlisten 127.0.0.1:8078 ssl;\n"
    "ssl_ciphers ALL:@SECLEVEL=0;\nssl_certificate /etc/nginx/x.pem;\nssl_certificate_key /etc/nginx/x.pem;\n}\n}\n"
)
_HANDSHAKE = (
    "cd /etc/nginx; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 9 -keyout k.pem -out c.pem 2>/dev/null; "
    "cat k.pem c.pem > x.pem; /opt/real/nginx; sleep 1; "
    "echo | openssl s_client -tls1 -cipher ALL:@SECLEVEL=0 -connect 127.0.0.1:8078 2>&1; /opt/real/nginx -s stop"
)
_OLD_TLS = Trap(
    name="nginx: a default of its release",
    program="nginx",
    setting="nginx.http.server[0].ssl_protocols",
    value="TLSv1",
    says=r"Protocol\s*: TLSv1\b(?!\.)",
    files={"etc/nginx/nginx.conf": _TLS, **_status("nginx=1.26.3-3+deb13u11")},
    probe=_HANDSHAKE,
)
NGINX = (
    _OLD_TLS,
    Trap(
        name="nginx: a default, the release not known",
        program="nginx",
        setting="nginx.*ssl_protocols",
        value="TLSv1",
        says=_OLD_TLS.says,
        files={"etc/nginx/nginx.conf": _TLS},
        probe=_HANDSHAKE,
        is_unset=True,
    ),
)

TRAPS: tuple[Trap, ...] = (*COMPARED, *POOLS, *ACCESS, *UNSET, *NGINX)
"""Every trap of values."""
