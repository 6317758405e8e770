"""What PHP's documentation says about its settings: what they take, and the defaults that decide how safe a program is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hullmark.model.setting import Value


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


FLAGS = _names("""
allow_url_fopen allow_url_include assert.active assert.bail assert.exception assert.warning auto_globals_jit
cgi.discard_path cgi.fix_pathinfo cgi.force_redirect cgi.nph cgi.rfc2616_headers cli_server.color display_startup_errors enable_dl engine
enable_post_data_reading expose_php file_uploads html_errors ignore_repeated_errors ignore_repeated_source
ignore_user_abort implicit_flush log_errors mail.add_x_header mail.mixed_lf_and_crlf mysqli.allow_local_infile
mysqli.allow_persistent mysqlnd.collect_memory_statistics mysqlnd.collect_statistics odbc.allow_persistent
odbc.check_persistent opcache.enable opcache.enable_cli opcache.file_cache_only opcache.huge_code_pages
opcache.protect_memory opcache.revalidate_path opcache.save_comments opcache.use_cwd opcache.validate_permission
opcache.validate_root opcache.validate_timestamps pcre.jit pgsql.allow_persistent pgsql.auto_reset_persistent
phar.readonly phar.require_hash register_argc_argv report_memleaks report_zend_debug session.auto_start
session.cookie_httponly session.cookie_secure session.lazy_write session.upload_progress.cleanup
session.upload_progress.enabled session.use_cookies session.use_only_cookies session.use_strict_mode
session.use_trans_sid short_open_tag soap.wsdl_cache_enabled sql.safe_mode tidy.clean_output
xmlrpc_errors zend.detect_unicode zend.enable_gc zend.exception_ignore_args zend.multibyte
zend.signal_check
""")
"""What is on or off and nothing else."""

NUMBERS = _names("""
default_socket_timeout error_reporting hard_timeout max_execution_time max_file_uploads max_input_nesting_level
max_input_time max_input_vars max_multipart_body_parts opcache.max_accelerated_files opcache.revalidate_freq precision
serialize_precision session.cache_expire session.cookie_lifetime session.gc_divisor session.gc_maxlifetime
session.gc_probability session.sid_bits_per_character session.sid_length smtp_port user_ini.cache_ttl zend.assertions
zend.exception_string_param_max_len
""")
"""What takes a plain number."""

LISTS: Mapping[str, re.Pattern[str]] = {
    "disable_classes": re.compile(r"[, ]+"),
    "disable_functions": re.compile(r"[, ]+"),
    "open_basedir": re.compile(":"),
}
"""What takes a list, and what parts its words."""

CONSTANTS: Mapping[str, str] = {
    "E_ERROR": "1",
    "E_WARNING": "2",
    "E_PARSE": "4",
    "E_NOTICE": "8",
    "E_CORE_ERROR": "16",
    "E_CORE_WARNING": "32",
    "E_COMPILE_ERROR": "64",
    "E_COMPILE_WARNING": "128",
    "E_USER_ERROR": "256",
    "E_USER_WARNING": "512",
    "E_USER_NOTICE": "1024",
    "E_STRICT": "2048",
    "E_RECOVERABLE_ERROR": "4096",
    "E_DEPRECATED": "8192",
    "E_USER_DEPRECATED": "16384",
    "E_ALL": "32767",
    "PHP_OS": "Linux",
    "PHP_OS_FAMILY": "Linux",
    "PHP_EOL": "\n",
    "DIRECTORY_SEPARATOR": "/",
    "PATH_SEPARATOR": ":",
    "PHP_INT_MAX": "9223372036854775807",
    "PHP_INT_SIZE": "8",
}
"""The constants that settings are written with."""

ALL_SINCE_8_4 = "30719"
"""E_ALL without E_STRICT."""

DEFAULTS: Mapping[str, Value] = {
    "allow_url_fopen": True,
    "allow_url_include": False,
    "auto_append_file": "",
    "auto_prepend_file": "",
    "default_charset": "UTF-8",
    "disable_functions": (),
    "display_errors": "1",
    "doc_root": "",
    "enable_dl": True,
    "expose_php": True,
    "file_uploads": True,
    "html_errors": True,
    "mail.add_x_header": False,
    "max_execution_time": 30,
    "max_file_uploads": 20,
    "max_input_nesting_level": 64,
    "max_input_time": -1,
    "max_input_vars": 1000,
    "memory_limit": "128M",
    "open_basedir": (),
    "post_max_size": "8M",
    "session.auto_start": False,
    "session.cookie_httponly": False,
    "session.cookie_lifetime": 0,
    "session.cookie_secure": False,
    "session.gc_maxlifetime": 1440,
    "session.name": "PHPSESSID",
    "session.save_handler": "files",
    "session.use_cookies": True,
    "session.use_only_cookies": True,
    "session.use_strict_mode": False,
    "session.use_trans_sid": False,
    "short_open_tag": True,
    "upload_max_filesize": "2M",
    "user_ini.filename": ".user.ini",
    "variables_order": "EGPCS",
    "zend.assertions": 1,
}

FIXED: Mapping[str, Mapping[str, Value]] = {
    "cli": {
        "html_errors": False,
        "implicit_flush": True,
        "max_execution_time": 0,
        "max_input_time": -1,
        "output_buffering": "0",
        "register_argc_argv": True,
    }
}
"""What a server interface sets itself, whatever the files say."""

POOL_FLAGS = _names("""
catch_workers_output clear_env daemonize decorate_workers_output log_buffering process.dumpable
request_terminate_timeout_track_finished
""")
POOL_NUMBERS = _names("""
emergency_restart_threshold listen.backlog log_limit pm.max_children pm.max_requests pm.max_spare_servers
pm.max_spawn_rate pm.min_spare_servers pm.start_servers process.max process.priority request_slowlog_trace_depth
rlimit_core rlimit_files
""")
POOL_LISTS: Mapping[str, re.Pattern[str]] = {
    "listen.acl_groups": re.compile(r"[, ]+"),
    "listen.acl_users": re.compile(r"[, ]+"),
    "listen.allowed_clients": re.compile(r"[, ]+"),
    "security.limit_extensions": re.compile(r"[ \t]+"),
}
GLOBAL_DEFAULTS: Mapping[str, Value] = {"daemonize": True, "process.max": 0}
POOL_DEFAULTS: Mapping[str, Value] = {
    "catch_workers_output": False,
    "clear_env": True,
    "decorate_workers_output": True,
    "pm.max_requests": 0,
    "process.dumpable": False,
    "security.limit_extensions": (".php", ".phar"),
}
"""php-fpm's own settings: what they take, and the defaults of its process and of each pool."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}").fullmatch
_LEADING = re.compile(r"[ \t]*[+-]?[0-9]{1,15}").match


class _Kinds(NamedTuple):
    """The names of settings that are switches, numbers and lists; lists with what separates their items."""

    flags: frozenset[str]
    numbers: frozenset[str]
    lists: Mapping[str, re.Pattern[str]]


def convert_value(name: str, value: str) -> Value:
    """The value of a setting of php.ini."""
    return _convert_value(name, value, _Kinds(FLAGS, NUMBERS, LISTS))


def pool_typed(name: str, value: str) -> Value:
    """The value of a setting of php-fpm."""
    return _convert_value(name, value, _Kinds(POOL_FLAGS, POOL_NUMBERS, POOL_LISTS))


def _convert_value(name: str, value: str, kinds: _Kinds) -> Value:
    if name in kinds.flags:
        found = _LEADING(value)
        return value.lower() in ("true", "yes", "on") or (found is not None and int(found[0]) != 0)
    if name in kinds.numbers and _NUMBER(value):
        return int(value)
    if name in kinds.lists:
        return tuple(word for word in kinds.lists[name].split(value) if word)
    return value
