"""What the documentation of nginx says about its directives: where they are inherited, what they take, and their defaults."""

from __future__ import annotations

from hullmark.model.setting import Value


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _family(prefixes: str, names: str) -> frozenset[str]:
    """Names of directives that several modules have, each with its own prefix."""
    return frozenset(f"{prefix}_{name}" for prefix in prefixes.split() for name in names.split())


_PASSING = "proxy fastcgi uwsgi scgi"
_SECURE = "proxy uwsgi grpc"

_ANY_LEVEL = (
    _names("""
absolute_redirect access_log add_after_body add_before_body add_header add_trailer addition_types aio aio_write allow
ancient_browser ancient_browser_value auth_basic auth_basic_user_file auth_delay auth_jwt auth_jwt_key_file
auth_jwt_key_request auth_jwt_leeway auth_request autoindex autoindex_exact_size autoindex_format autoindex_localtime
brotli brotli_comp_level brotli_static brotli_types charset charset_types chunked_transfer_encoding
client_body_buffer_size client_body_in_file_only client_body_in_single_buffer client_body_temp_path client_body_timeout
client_max_body_size create_full_put_path dav_access dav_methods default_type deny directio directio_alignment
disable_symlinks error_log error_page etag expires fastcgi_catch_stderr fastcgi_index fastcgi_keep_conn gunzip
gunzip_buffers gzip gzip_buffers gzip_comp_level gzip_disable gzip_http_version gzip_min_length gzip_proxied gzip_static
gzip_types gzip_vary http2_chunk_size http2_push_preload if_modified_since image_filter_buffer image_filter_interlace
image_filter_jpeg_quality image_filter_sharpen image_filter_transparency image_filter_webp_quality index
keepalive_disable keepalive_requests keepalive_time keepalive_timeout limit_conn limit_conn_dry_run limit_conn_log_level
limit_conn_status limit_rate limit_rate_after limit_req limit_req_dry_run limit_req_log_level limit_req_status
lingering_close lingering_time lingering_timeout log_not_found log_subrequest max_ranges memcached_gzip_flag
min_delete_depth mirror mirror_request_body modern_browser modern_browser_value modsecurity modsecurity_rules
modsecurity_rules_file mp4_buffer_size mp4_max_buffer_size msie_padding msie_refresh open_file_cache
open_file_cache_errors open_file_cache_min_uses open_file_cache_valid open_log_file_cache output_buffers
override_charset port_in_redirect postpone_output proxy_cache_convert_head proxy_cookie_domain proxy_cookie_flags
proxy_cookie_path proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_http_version proxy_method
proxy_redirect proxy_set_body read_ahead real_ip_header real_ip_recursive recursive_error_pages
reset_timedout_connection resolver resolver_timeout rewrite_log root satisfy secure_link_secret send_lowat send_timeout
sendfile sendfile_max_chunk server_name_in_redirect server_tokens set_real_ip_from slice source_charset ssi
ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_types ssi_value_length sub_filter sub_filter_last_modified
sub_filter_once sub_filter_types subrequest_output_buffer_size tcp_nodelay tcp_nopush types_hash_bucket_size
types_hash_max_size uninitialized_variable_warn userid userid_domain userid_expires userid_mark userid_name userid_p3p
userid_path userid_service uwsgi_modifier1 uwsgi_modifier2 xml_entities xslt_last_modified xslt_param xslt_string_param
xslt_types
""")
    | _family(
        _PASSING,
        """
bind buffer_size buffering buffers busy_buffers_size cache cache_background_update cache_bypass cache_key cache_lock
cache_lock_age cache_lock_timeout cache_max_range_offset cache_methods cache_min_uses cache_revalidate cache_use_stale
cache_valid connect_timeout force_ranges hide_header ignore_client_abort ignore_headers intercept_errors limit_rate
max_temp_file_size next_upstream next_upstream_timeout next_upstream_tries no_cache pass_header pass_request_body
pass_request_headers read_timeout request_buffering send_timeout socket_keepalive store store_access
temp_file_write_size temp_path
""",
    )
    | _family("fastcgi uwsgi scgi", "param")
    | _family("proxy grpc", "set_header")
    | _family("proxy fastcgi", "send_lowat")
    | _family(
        "grpc memcached",
        "bind buffer_size connect_timeout next_upstream next_upstream_timeout next_upstream_tries read_timeout send_timeout"
        " socket_keepalive",
    )
    | _family("grpc", "hide_header ignore_headers intercept_errors pass_header")
    | _family("memcached", "force_ranges")
    | _family(
        _SECURE,
        "ssl_certificate ssl_certificate_key ssl_ciphers ssl_conf_command ssl_crl ssl_name ssl_password_file ssl_protocols"
        " ssl_server_name ssl_session_reuse ssl_trusted_certificate ssl_verify ssl_verify_depth",
    )
)
"""Directives of http, server and location."""

_TLS = _names("""
ssl_certificate ssl_certificate_key ssl_ciphers ssl_client_certificate ssl_conf_command ssl_crl ssl_dhparam
ssl_ecdh_curve ssl_password_file ssl_prefer_server_ciphers ssl_protocols ssl_session_cache ssl_session_ticket_key
ssl_session_tickets ssl_session_timeout ssl_trusted_certificate ssl_verify_client ssl_verify_depth
""")

_SERVER_LEVEL = _TLS | _names("""
client_header_buffer_size client_header_timeout connection_pool_size http2 http2_max_concurrent_streams http3
http3_max_concurrent_streams ignore_invalid_headers large_client_header_buffers merge_slashes quic_gso quic_retry
request_pool_size ssl ssl_buffer_size ssl_early_data ssl_ocsp ssl_ocsp_responder ssl_reject_handshake ssl_stapling
ssl_stapling_file ssl_stapling_responder ssl_stapling_verify underscores_in_headers
""")
"""Directives of http and server only."""

_STREAM = (
    _TLS
    | _names("""
access_log allow deny error_log limit_conn limit_conn_dry_run limit_conn_log_level open_log_file_cache
preread_buffer_size preread_timeout proxy_bind proxy_buffer_size proxy_connect_timeout proxy_download_rate
proxy_half_close proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries proxy_protocol
proxy_protocol_timeout proxy_requests proxy_responses proxy_socket_keepalive proxy_ssl proxy_timeout proxy_upload_rate
resolver resolver_timeout set_real_ip_from ssl_handshake_timeout ssl_preread tcp_nodelay
""")
    | {name for name in _ANY_LEVEL if name.startswith("proxy_ssl_")}
)

_MAIL = _TLS | _names("""
auth_http auth_http_header auth_http_pass_client_cert auth_http_timeout error_log imap_auth imap_capabilities
imap_client_buffer max_errors pop3_auth pop3_capabilities proxy_buffer proxy_pass_error_message proxy_protocol
proxy_smtp_auth proxy_timeout resolver resolver_timeout server_name set_real_ip_from smtp_auth smtp_capabilities
smtp_client_buffer smtp_greeting_delay ssl starttls timeout xclient
""")

INHERITED: dict[tuple[str, str], frozenset[str]] = {
    ("http", "http"): frozenset({"error_log"}),
    ("http", "server"): _ANY_LEVEL | _SERVER_LEVEL,
    ("http", "location"): _ANY_LEVEL | {"alias"},
    ("stream", "stream"): frozenset({"error_log"}),
    ("stream", "server"): _STREAM,
    ("mail", "mail"): frozenset({"error_log"}),
    ("mail", "server"): _MAIL,
}
"""By the outermost block and a block in it: what the block takes over from further out, unless it sets it itself.

Directives that decide the response (`proxy_pass`, `return`, `try_files`) are not inherited and not listed.
"""

TOGETHER = ({"allow", "deny"}, {"root", "alias"})
"""Directives that share one list: a level that sets one of them inherits none of them."""

FLAGS = (
    _names("""
absolute_redirect accept_mutex aio_write auth_http_pass_client_cert autoindex autoindex_exact_size autoindex_localtime
chunked_transfer_encoding client_body_in_single_buffer create_full_put_path daemon etag fastcgi_keep_conn gunzip gzip
gzip_vary http2 http2_push_preload http3 ignore_invalid_headers image_filter_interlace image_filter_transparency
limit_conn_dry_run limit_req_dry_run log_not_found log_subrequest master_process memcached_force_ranges merge_slashes
mirror_request_body msie_padding msie_refresh multi_accept open_file_cache_errors override_charset pcre_jit
port_in_redirect proxy_cache_convert_head proxy_pass_error_message proxy_protocol proxy_smtp_auth proxy_ssl quic_gso
quic_retry random_index real_ip_recursive recursive_error_pages reset_timedout_connection rewrite_log sendfile
server_name_in_redirect ssi ssi_last_modified ssi_silent_errors ssl ssl_early_data ssl_prefer_server_ciphers ssl_preread
ssl_reject_handshake ssl_session_tickets ssl_stapling ssl_stapling_verify sub_filter_last_modified sub_filter_once
tcp_nodelay tcp_nopush underscores_in_headers uninitialized_variable_warn xclient xslt_last_modified
""")
    | _family(
        _PASSING,
        "buffering cache_background_update cache_lock cache_revalidate force_ranges ignore_client_abort intercept_errors"
        " pass_request_body pass_request_headers request_buffering socket_keepalive",
    )
    | _family("grpc", "intercept_errors socket_keepalive")
    | _family("memcached", "socket_keepalive")
    | _family(_SECURE, "ssl_server_name ssl_session_reuse ssl_verify")
)
"""What is on or off and nothing else."""

NUMBERS = _names("""
auth_jwt_leeway fastcgi_cache_min_uses gzip_comp_level http2_max_concurrent_streams http3_max_concurrent_streams
keepalive keepalive_requests limit_conn_status limit_req_status max_errors max_ranges open_file_cache_min_uses
proxy_cache_min_uses proxy_requests proxy_responses ssl_verify_depth types_hash_bucket_size types_hash_max_size
variables_hash_max_size worker_aio_requests worker_connections worker_priority worker_processes worker_rlimit_nofile
""") | _family(_SECURE, "ssl_verify_depth")
"""What takes a plain number."""

LISTS = _names("""
addition_types charset_types dav_methods env gzip_types imap_auth imap_capabilities index keepalive_disable pop3_auth
pop3_capabilities server_name smtp_auth smtp_capabilities ssi_types ssl_protocols sub_filter_types try_files
valid_referers xslt_types
""") | _family(
    "proxy fastcgi uwsgi scgi grpc memcached",
    "cache_bypass cache_methods ignore_headers next_upstream no_cache ssl_protocols",
)
"""Directives with a list of words; the lists of repeated ones are joined."""

REPEATED = (
    _names("""
access_log add_header add_trailer allow auth_http_header auth_request_set charset_map debug_connection deny
error_log error_page limit_conn limit_conn_zone limit_req limit_req_zone listen load_module log_format mirror
modsecurity_rules modsecurity_rules_file perl_modules perl_require perl_set proxy_cache_path proxy_cookie_domain
proxy_cookie_flags proxy_cookie_path proxy_redirect return rewrite server set set_real_ip_from ssl_conf_command
sub_filter xslt_param xslt_string_param
""")
    | _family("proxy grpc", "set_header ssl_conf_command")
    | _family("fastcgi uwsgi scgi", "param cache_path")
    | _family("proxy fastcgi uwsgi scgi grpc", "hide_header pass_header cache_valid")
)
"""Directives that may be repeated at one level: always a tuple with one element each time."""

TABLES = frozenset({"map", "geo", "types", "split_clients", "charset_map", "geoip2", "otel_span_attrs"})
"""Blocks whose lines are entries, not directives."""

SINGLE = frozenset({"events", "http", "stream", "mail"})
"""Top-level blocks that occur once."""

ARGUMENT = {"location": "path", "upstream": "name", "if": "condition", "limit_except": "methods"}
"""What the argument of a block is called; of others it is `arguments`."""

DEFAULTS: dict[str, dict[str, Value]] = {
    "": {"daemon": True, "master_process": True, "worker_processes": 1},
    "events": {"worker_connections": 512},
    "http": {
        "absolute_redirect": True,
        "auth_basic": "off",
        "autoindex": False,
        "client_body_timeout": "60s",
        "client_header_timeout": "60s",
        "client_max_body_size": "1m",
        "disable_symlinks": "off",
        "ignore_invalid_headers": True,
        "keepalive_timeout": "75s",
        "large_client_header_buffers": "4 8k",
        "merge_slashes": True,
        "proxy_ssl_verify": False,
        "satisfy": "all",
        "send_timeout": "60s",
        "server_tokens": "on",
        "ssl_ciphers": "HIGH:!aNULL:!MD5",
        "ssl_prefer_server_ciphers": False,
        "ssl_session_cache": "none",
        "ssl_session_tickets": True,
        "ssl_stapling": False,
        "ssl_verify_client": "off",
        "underscores_in_headers": False,
    },
    "stream": {
        "proxy_ssl": False,
        "proxy_ssl_verify": False,
        "ssl_ciphers": "HIGH:!aNULL:!MD5",
        "ssl_verify_client": "off",
    },
    "mail": {"ssl_ciphers": "HIGH:!aNULL:!MD5", "ssl_verify_client": "off", "starttls": "off"},
}
"""The defaults that decide how safe a server is, by the outermost block that has them."""
