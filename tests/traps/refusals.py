"""Files that programs refuse to start with, and files that they take, each with whether its program refuses it."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """A main configuration file of a program; the program's own answer is `is_refused`."""

    program: str
    text: str
    is_refused: bool


_SERVER = "events {{}}\nhttp {{\nserver {{\nlisten 8080;\n{}\n}}\n}}\n"
_IN_SERVER = {
    "autoindex on;": False,
    "autoindex ON;": False,
    "autoindex maybe;": True,
    "autoindex on off;": True,
    "autoindex;": True,
    "server_tokns off;": True,
    "worker_connections 5;": True,
    "user root;": True,
    "server { listen 1; }": True,
    "ssl_protocols TLSv1.2 TLSv1.3;": False,
    "location / { proxy_pass http://127.0.0.1; }": False,
    "proxy_pass http://127.0.0.1;": True,
    "location / { location /a { return 403; } }": False,
    "location / { if ($request_method = POST) { return 403; } }": False,
    "location / { if ($a) { autoindex on; } }": True,
    "location / { limit_except GET { deny all; } }": False,
    "location / { limit_except GET { autoindex on; } }": True,
    "if ($request_method = POST) { return 403; }": False,
    "types { text/x x; }": False,
    "add_header A b;": False,
    "add_header A;": True,
    "return;": True,
    "return 403;": False,
    "error_log stderr info;": False,
    "access_log off;": False,
    "http2 on;": False,
    "gzip {};": True,
    "location /;": True,
}
_TOP = {
    "events {}\nhttp {}\n": False,
    "events {}\nhttp { upstream a { server 127.0.0.1; keepalive 3; } }\n": False,
    "events {}\nhttp { upstream a { server 127.0.0.1; listen 3; } }\n": True,
    "events { worker_connections 10; multi_accept on; }\n": False,
    "events { worker_connections a b; }\n": True,
    "events { sendfile on; }\n": True,
    "events {}\nserver_tokens off;\n": True,
    "user www-data www-data;\nevents {}\n": False,
    "user;\nevents {}\n": True,
    "events {}\nhttp { map $uri $x { default 0; a 1; } geo $g { default 0; } }\n": False,
    "events {}\nlocation / {}\n": True,
}
_HTTPD = (
    "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
    "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
    "LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\n"
    "LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so\n"
    "Listen 8080\nErrorLog /dev/stderr\nServerName x\n"
)
_APACHE = {
    "ServerTokens Prod": False,
    "ServerTokens prod": False,
    "ServerTokens Nothing": True,
    "TraceEnable maybe": True,
    "TraceEnable extended": False,
    "KeepAlive maybe": True,
    "KeepAlive off": False,
    "ServerTokns Prod": True,
    "RewriteEngine on": True,
    "<IfModule mod_rewrite.c>\nRewriteEngine on\n</IfModule>": False,
    "DirectoryIndex a b": False,
    "Require all denied": True,
    "<Directory /srv>\nRequire all denied\nOptions Indexes\nAllowOverride None\n</Directory>": False,
    "<Directory /srv>\nListen 81\n</Directory>": True,
    "<Directory /srv>\nDocumentRoot /srv\n</Directory>": True,
    "AllowOverride None": True,
    "<VirtualHost *:8080>\nDocumentRoot /srv\nServerSignature off\n</VirtualHost>": False,
    "<Location /a>\nTimeout 3\n</Location>": True,
    "Timeout 30": False,
    "EnableSendfile Off": False,
    "UseCanonicalName dns": False,
    "SSLEngine on": True,
}
_SSHD = {
    "PermitRootLogin no": False,
    "PermitRootLogin": True,
    "PermitRootLogin no yes": True,
    "PermitRootLogin maybe": True,
    "PermitRotLogin no": True,
    "PasswordAuthentication YES": False,
    "PasswordAuthentication 1": True,
    "Port 70000": True,
    "Port abc": True,
    "Port 22 # comment": False,
    "MaxAuthTries many": True,
    "LoginGraceTime 2m": False,
    "LoginGraceTime 2y": True,
    "LogLevel LOUD": True,
    "Match User bob\n  PermitRootLogin yes": False,
    "Match User bob\n  UsePAM yes": True,
    "Match Nobody bob": True,
    "Match User": True,
    "Ciphers aes256-ctr": False,
    "Ciphers no-such-cipher": True,
    'Banner "/etc/issue': True,
    "AllowUsers a b c": False,
    "ListenAddress 127.0.0.1": False,
    "UseLogin no": False,
    "Subsystem sftp internal-sftp": False,
    "Subsystem sftp": True,
    "MACs +hmac-md5": False,
    "MACs no-such-mac": True,
    "KexAlgorithms curve25519-sha256": False,
    "KexAlgorithms nothing": True,
    "AddressFamily inet7": True,
    "X11Forwarding": True,
    "ClientAliveInterval 30": False,
    "SyslogFacility NOWHERE": True,
}

_POSTGRES = {
    "": False,
    "fsync = off": False,
    "fsync = OF": False,
    "fsync = o": True,
    "fsync = 2": True,
    "fsync = maybe": True,
    "fsink = off": True,
    "my.setting = anything": False,
    "port = 5433": False,
    "port = 0x1539": False,
    "port = '5433 '": False,
    "port = five": True,
    "port = 5433kB": True,
    "shared_buffers = 128MB": False,
    "shared_buffers = '128 MB'": False,
    "shared_buffers = 128mb": True,
    "shared_buffers = 10min": True,
    "work_mem = 4.5MB": True,
    "work_mem = '4.5MB'": False,
    "IntervalStyle = postgres": False,
    "ssl = o": True,
    "checkpoint_timeout = 5min": False,
    "checkpoint_timeout = 5m": True,
    "checkpoint_timeout = soon": True,
    "random_page_cost = 1.5": False,
    "random_page_cost = 1.5x": True,
    "random_page_cost = '1e1'": False,
    "log_connections = on": False,
    "listen_addresses = 'anything goes'": False,
    "autovacuum_vacuum_scale_factor = .2": False,
    "port = ''": True,
    "max_connections = 100 # many": False,
    "max_connections = '1_00'": True,
    "ssl_ciphers = 1": False,
}

POSTGRES_REFUSALS: tuple[Refusal, ...] = tuple(
    Refusal("postgresql", f"{text}\n", is_refused) for text, is_refused in _POSTGRES.items()
)
"""For release 15, which need not be the one of the distribution."""

_REDIS = {
    "protected-mode YES": False,
    "protected-mode maybe": True,
    "protected-mode": True,
    "protected-mode yes yes": True,
    "slave-read-only perhaps": True,
    "port 6380": False,
    "port six": True,
    "port 70000": True,
    "tls-port -1": True,
    "maxmemory 1GB": False,
    "maxmemory 100mb": False,
    "maxmemory 1.5gb": True,
    "maxmemory much": True,
    "maxmemory 5 mb": True,
    "timeout 0": False,
    "timeout never": True,
    "hash-max-ziplist-entries 12": False,
    "hash-max-ziplist-entries x": True,
    "slowlog-log-slower-than -1": False,
    "oom-score-adj relative": False,
    "bind 127.0.0.1 ::1": False,
    "requirepass 1": False,
}

REFUSALS: tuple[Refusal, ...] = (
    *(Refusal("nginx", _SERVER.format(text), is_refused) for text, is_refused in _IN_SERVER.items()),
    *(Refusal("nginx", text, is_refused) for text, is_refused in _TOP.items()),
    *(Refusal("apache", f"{_HTTPD}{text}\n", is_refused) for text, is_refused in _APACHE.items()),
    *(Refusal("sshd", f"{text}\n", is_refused) for text, is_refused in _SSHD.items()),
    *(Refusal("redis", f"{text}\n", is_refused) for text, is_refused in _REDIS.items()),
)
"""Every file."""

MAIN = {
    "nginx": "etc/nginx/nginx.conf",
    "apache": "etc/apache2/apache2.conf",
    "sshd": "etc/ssh/sshd_config",
    "redis": "etc/redis/redis.conf",
    "postgresql": "etc/postgresql/15/main/postgresql.conf",
}
"""Where each program's main file is, without leading slash."""
