"""What PostgreSQL refuses to start with: names that release 15 does not know, and values that are not of a setting's type.

Types and units are those of `pg_settings` of PostgreSQL 15; no release has given one of these settings another type, but for
log_connections, which is not judged. Whether a number is in its range, and a word in its list, differs from release
to release, and is not said.
"""

from __future__ import annotations

import re

from hullmark.facets.configuration.postgresql_names import LISTS, SWITCHES, WORDS

_COMPLETE = 15
"""The release all of whose names are known here."""

_PLAIN_NAMES = """
    autovacuum_analyze_scale_factor autovacuum_analyze_threshold autovacuum_freeze_max_age autovacuum_max_workers
    autovacuum_multixact_freeze_max_age autovacuum_vacuum_cost_limit autovacuum_vacuum_insert_scale_factor
    autovacuum_vacuum_insert_threshold autovacuum_vacuum_scale_factor autovacuum_vacuum_threshold bgwriter_lru_maxpages
    bgwriter_lru_multiplier block_size checkpoint_completion_target commit_delay commit_siblings cpu_index_tuple_cost
    cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction data_directory_mode debug_discard_caches
    default_statistics_target effective_io_concurrency extra_float_digits from_collapse_limit geqo_effort
    geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit
    hash_mem_multiplier jit_above_cost jit_inline_above_cost jit_optimize_above_cost join_collapse_limit log_file_mode
    log_statement_sample_rate log_transaction_sample_rate maintenance_io_concurrency max_connections
    max_files_per_process max_function_args max_identifier_length max_index_keys max_locks_per_transaction
    max_logical_replication_workers max_parallel_maintenance_workers max_parallel_workers
    max_parallel_workers_per_gather max_pred_locks_per_page max_pred_locks_per_relation max_pred_locks_per_transaction
    max_prepared_transactions max_replication_slots max_sync_workers_per_subscription max_wal_senders
    max_worker_processes parallel_setup_cost parallel_tuple_cost port random_page_cost recursive_worktable_factor
    seq_page_cost server_version_num shared_memory_size_in_huge_pages superuser_reserved_connections
    tcp_keepalives_count unix_socket_permissions vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit
    vacuum_cost_page_miss vacuum_defer_cleanup_age vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age
    vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age wal_block_size
"""
_PLAIN = frozenset(_PLAIN_NAMES.split())
_OF_MEMORY_NAMES = """
    autovacuum_work_mem backend_flush_after bgwriter_flush_after checkpoint_flush_after effective_cache_size
    gin_pending_list_limit huge_page_size log_parameter_max_length log_parameter_max_length_on_error log_rotation_size
    log_temp_files logical_decoding_work_mem maintenance_work_mem max_slot_wal_keep_size max_stack_depth max_wal_size
    min_dynamic_shared_memory min_parallel_index_scan_size min_parallel_table_scan_size min_wal_size segment_size
    shared_buffers shared_memory_size temp_buffers temp_file_limit track_activity_query_size wal_buffers
    wal_decode_buffer_size wal_keep_size wal_segment_size wal_skip_threshold wal_writer_flush_after work_mem
"""
_OF_MEMORY = frozenset(_OF_MEMORY_NAMES.split())
_OF_TIME_NAMES = """
    archive_timeout authentication_timeout autovacuum_naptime autovacuum_vacuum_cost_delay bgwriter_delay
    checkpoint_timeout checkpoint_warning client_connection_check_interval deadlock_timeout
    idle_in_transaction_session_timeout idle_session_timeout lock_timeout log_autovacuum_min_duration
    log_min_duration_sample log_min_duration_statement log_rotation_age log_startup_progress_interval
    max_standby_archive_delay max_standby_streaming_delay old_snapshot_threshold post_auth_delay pre_auth_delay
    recovery_min_apply_delay statement_timeout tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
    vacuum_cost_delay wal_receiver_status_interval wal_receiver_timeout wal_retrieve_retry_interval wal_sender_timeout
    wal_writer_delay
"""
_OF_TIME = frozenset(_OF_TIME_NAMES.split())
_OTHERS_NAMES = """
    allow_in_place_tablespaces allow_system_table_mods application_name archive_mode backslash_quote backtrace_functions
    bytea_output client_min_messages composite_type_mismatch compute_query_id constraint_exclusion data_checksums
    datestyle debug_assertions default_toast_compression default_transaction_isolation dynamic_shared_memory_type
    force_parallel_mode huge_pages ignore_checksum_failure ignore_invalid_pages ignore_system_indexes in_hot_standby
    integer_datetimes intervalstyle jit_debugging_support jit_dump_bitcode jit_expressions jit_profiling_support
    jit_tuple_deforming lc_collate lc_ctype log_error_verbosity log_min_error_statement log_min_messages log_statement
    password_encryption plan_cache_mode recovery_init_sync_method recovery_prefetch recovery_target_action
    remove_temp_files_after_crash server_encoding server_version session_replication_role shared_memory_type ssl_library
    ssl_max_protocol_version ssl_min_protocol_version stats_fetch_consistency synchronous_commit syslog_facility
    timezone trace_notify trace_recovery_messages trace_sort track_functions transaction_deferrable
    transaction_isolation transaction_read_only wal_compression wal_level wal_sync_method xmlbinary xmloption
    zero_damaged_pages
"""
_OTHERS = frozenset(_OTHERS_NAMES.split())
_UNITS: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (_PLAIN, frozenset()),
    (_OF_MEMORY, frozenset(("B", "kB", "MB", "GB", "TB"))),
    (_OF_TIME, frozenset(("us", "ms", "s", "min", "h", "d"))),
)
_KNOWN = SWITCHES | WORDS | LISTS | _PLAIN | _OF_MEMORY | _OF_TIME | _OTHERS
_CHANGED = frozenset(("log_connections",))
_SWITCH = re.compile(r"t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|y(?:es?)?|no?|on|off?|[01]", re.IGNORECASE).fullmatch
_NUMBER = re.compile(
    r"\s*[+-]?(?:0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE
)
_ODD = re.compile(r"\s*[+-]?(?:inf|nan)", re.IGNORECASE)


def refusal(name: str, value: str, release: int | None) -> str:
    """Why the server refuses a setting, as far as that is sure; "" if it does not. `release`: its major version, if it is known."""
    if name not in _KNOWN:
        is_unknown = release == _COMPLETE and "." not in name
        return f"{name[:100]} is not a setting" if is_unknown else ""
    if name in SWITCHES and name not in _CHANGED:
        return "" if _SWITCH(value.strip()) else f"{name} is on or off"
    units = next((units for names, units in _UNITS if name in names), None)
    if units is None or _ODD.match(value):
        return ""
    number = _NUMBER.fullmatch(value)
    if number is None:
        return f"{name} is a number"
    if number[1] and number[1] not in units:
        return f"{name} has no unit {number[1][:20]}"
    return ""
