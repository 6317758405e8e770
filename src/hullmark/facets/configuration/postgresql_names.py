"""PostgreSQL's settings: which are switches, words or lists, and what holds where none is given (PostgreSQL 17, Server Configuration)."""

from __future__ import annotations

from hullmark.model.setting import Value

_SWITCHES = """
    allow_alter_system array_nulls autovacuum bonjour check_function_bodies data_sync_retry db_user_namespace
    debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten default_transaction_deferrable
    default_transaction_read_only enable_async_append enable_bitmapscan enable_gathermerge enable_group_by_reordering
    enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material
    enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash
    enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
    enable_seqscan enable_sort enable_tidscan escape_string_warning event_triggers exit_on_error fsync
    full_page_writes geqo gss_accept_delegation hot_standby hot_standby_feedback jit krb_caseins_users
    lo_compat_privileges log_checkpoints log_connections log_disconnections log_duration log_executor_stats
    log_hostname log_lock_waits log_parser_stats log_planner_stats log_recovery_conflict_waits
    log_replication_commands log_statement_stats log_truncate_on_rotation logging_collector
    operator_precedence_warning parallel_leader_participation quote_all_identifiers recovery_target_inclusive
    restart_after_crash row_security ssl ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers
    standard_conforming_strings summarize_wal sync_replication_slots synchronize_seqscans syslog_sequence_numbers
    syslog_split_messages track_activities track_commit_timestamp track_counts track_io_timing track_wal_io_timing
    transform_null_equals update_process_title wal_init_zero wal_log_hints wal_receiver_create_temp_slot wal_recycle
"""
SWITCHES = frozenset(_SWITCHES.split())
"""Settings that are on or off."""

_WORDS = """
    archive_cleanup_command archive_command archive_library bonjour_name client_encoding cluster_name config_file
    data_directory default_table_access_method default_tablespace default_text_search_config dynamic_library_path
    event_source extension_control_path extension_destdir external_pid_file hba_file ident_file jit_provider
    krb_server_keyfile lc_messages lc_monetary lc_numeric lc_time log_directory log_filename log_line_prefix
    log_timezone oauth_validator_libraries output_plugin_libraries primary_conninfo primary_slot_name
    promote_trigger_file recovery_end_command recovery_target recovery_target_lsn recovery_target_name
    recovery_target_time recovery_target_timeline recovery_target_xid restore_command ssl_ca_file ssl_cert_file
    ssl_ciphers ssl_crl_dir ssl_crl_file ssl_dh_params_file ssl_ecdh_curve ssl_groups ssl_key_file
    ssl_passphrase_command stats_temp_directory synchronized_standby_slots synchronous_standby_names syslog_ident
    timezone timezone_abbreviations unix_socket_group
"""
WORDS = frozenset(_WORDS.split())
"""Settings that are a word or a path, also where it looks like a number."""

_LISTS = """
    createrole_self_grant datestyle debug_io_direct listen_addresses local_preload_libraries log_destination
    restrict_nonsystem_relation_kind search_path session_preload_libraries shared_preload_libraries temp_tablespaces
    unix_socket_directories wal_consistency_checking
"""
LISTS = frozenset(_LISTS.split())
"""Settings that are comma-separated lists."""

DEFAULTS: dict[str, Value] = {
    "allow_system_table_mods": False,
    "fsync": True,
    "ignore_system_indexes": False,
    "listen_addresses": ("localhost",),
    "log_disconnections": False,
    "log_hostname": False,
    "log_min_duration_statement": -1,
    "log_statement": "none",
    "logging_collector": False,
    "port": 5432,
    "row_security": True,
    "shared_preload_libraries": (),
    "ssl": False,
    "ssl_ca_file": "",
    "ssl_crl_file": "",
    "ssl_prefer_server_ciphers": True,
    "unix_socket_permissions": "0777",
    "zero_damaged_pages": False,
}
"""What the server of every release does where nothing is set."""
