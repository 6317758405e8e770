"""Options of MySQL and MariaDB servers: those that are on or off, those that add up, and what holds where none is given.

The switches are those of MariaDB 11.8 and of MySQL 8.0 to 9.
"""

from __future__ import annotations

from hullmark.model.setting import Value

_SWITCHES = """
    admin_ssl allow_suspicious_udfs aria_encrypt_tables aria_page_checksum auto_generate_certs autocommit
    automatic_sp_privileges avoid_temporal_upgrade big_tables binlog_alter_two_phase binlog_annotate_row_events
    binlog_direct_non_transactional_updates binlog_gtid_index binlog_gtid_simple_recovery binlog_legacy_event_pos
    binlog_optimize_thread_scheduling binlog_rows_query_log_events caching_sha2_password_auto_generate_rsa_keys
    character_set_client_handshake check_proxy_users column_compression_zlib_wrap compress core_file debug_no_sync
    debug_sporadic_binlog_dump_fail default_table_encryption disconnect_on_expired_password encrypt_binlog
    encrypt_tmp_disk_tables encrypt_tmp_files explicit_defaults_for_timestamp external_locking flashback flush
    general_log getopt_prefix_matching group_replication_recovery_use_ssl gtid_ignore_duplicates gtid_strict_mode
    ignore_builtin_innodb innodb_adaptive_flushing innodb_adaptive_hash_index innodb_alter_copy_bulk
    innodb_buffer_pool_dump_at_shutdown innodb_buffer_pool_dump_now innodb_buffer_pool_in_core_dump
    innodb_buffer_pool_load_abort innodb_buffer_pool_load_at_startup innodb_buffer_pool_load_now
    innodb_cmp_per_index_enabled innodb_compression_default innodb_data_file_buffering innodb_data_file_write_through
    innodb_deadlock_detect innodb_disable_sort_file_cache innodb_encrypt_log innodb_encrypt_temporary_tables
    innodb_file_per_table innodb_flush_sync innodb_force_primary_key innodb_ft_enable_diag_print
    innodb_ft_enable_stopword innodb_immediate_scrub_data_uncompressed innodb_index_shrink innodb_log_checkpoint_now
    innodb_log_file_buffering innodb_log_file_mmap innodb_log_file_write_through innodb_numa_interleave
    innodb_optimize_fulltext_only innodb_prefix_index_cluster_optimization innodb_print_all_deadlocks
    innodb_random_read_ahead innodb_read_only innodb_read_only_compressed innodb_rollback_on_timeout
    innodb_snapshot_isolation innodb_stats_auto_recalc innodb_stats_include_delete_marked innodb_stats_on_metadata
    innodb_stats_persistent innodb_stats_traditional innodb_status_file innodb_status_output
    innodb_status_output_locks innodb_strict_mode innodb_table_locks innodb_truncate_temporary_tablespace_now
    innodb_undo_log_truncate innodb_use_atomic_writes innodb_use_native_aio keep_files_on_create large_files_support
    large_pages local_infile log_bin_compress log_bin_trust_function_creators log_queries_not_using_indexes log_raw
    log_replica_updates log_short_format log_slave_updates log_slow_admin_statements log_slow_query
    log_slow_slave_statements low_priority_updates lower_case_file_system master_verify_checksum memlock
    myisam_use_mmap mysql56_temporal_format mysqlx offline_mode old old_passwords old_style_user_limits
    partial_revokes performance_schema performance_schema_consumer_events_stages_current
    performance_schema_consumer_events_stages_history performance_schema_consumer_events_stages_history_long
    performance_schema_consumer_events_statements_current performance_schema_consumer_events_statements_history
    performance_schema_consumer_events_statements_history_long performance_schema_consumer_events_transactions_current
    performance_schema_consumer_events_transactions_history
    performance_schema_consumer_events_transactions_history_long performance_schema_consumer_events_waits_current
    performance_schema_consumer_events_waits_history performance_schema_consumer_events_waits_history_long
    performance_schema_consumer_global_instrumentation performance_schema_consumer_statements_digest
    performance_schema_consumer_thread_instrumentation persisted_globals_load print_identified_with_as_hex
    query_cache_strip_comments query_cache_wlock_invalidate quick quote_names read_only relay_log_purge
    relay_log_recovery replica_compressed_protocol replica_preserve_commit_order replica_sql_verify_checksum
    replicate_annotate_row_events replicate_same_server_id require_secure_transport rpl_semi_sync_master_enabled
    rpl_semi_sync_master_wait_no_slave rpl_semi_sync_slave_delay_master rpl_semi_sync_slave_enabled safe_updates
    safe_user_create secure_auth server_audit_logging session_track_schema session_track_state_change
    sha256_password_auto_generate_rsa_keys sha256_password_proxy_users show_create_table_skip_secondary_engine
    show_slave_auth_info silent_startup skip_external_locking skip_grant_tables skip_host_cache skip_log_error
    skip_name_resolve skip_networking skip_replica_start skip_show_database skip_slave_start slave_compressed_protocol
    slave_preserve_commit_order slave_sql_verify_checksum slow_query_log source_verify_checksum sql_log_bin
    sql_log_off sql_require_primary_key sql_safe_updates ssl ssl_verify_server_cert stack_trace standard_compliant_cte
    strict_password_validation super_read_only symbolic_links sync_frm sysdate_is_now syslog
    system_versioning_insert_history table_encryption_privilege_check tcp_nodelay temp_pool
    thread_pool_dedicated_listener thread_pool_exact_stats tls_certificates_enforced_validation transaction_read_only
    userstat validate_config windowing_use_high_precision wsrep_auto_increment_control wsrep_certify_nonPK
    wsrep_convert_LOCK_to_trx wsrep_desync wsrep_dirty_reads wsrep_drupal_282555_workaround wsrep_gtid_mode
    wsrep_log_conflicts wsrep_new_cluster wsrep_on wsrep_recover wsrep_restart_slave wsrep_slave_FK_checks
    wsrep_slave_UK_checks wsrep_sst_donor_rejects_queries
"""
SWITCHES = frozenset(_SWITCHES.split())
"""Options that are on or off, underscores for dashes."""

_NAMED_SKIP = """
    skip_bdb skip_external_locking skip_grant_tables skip_host_cache skip_log_error skip_name_resolve skip_networking skip_new
    skip_replica_start skip_show_database skip_slave_start skip_thread_priority
"""
NAMED_SKIP = frozenset(_NAMED_SKIP.split())
"""Options whose own name begins with `skip`: here the word is not a prefix that turns another option off."""

_REPEATED = """
    binlog_do_db binlog_ignore_db plugin_load_add replicate_do_db replicate_do_table replicate_ignore_db replicate_ignore_table
    replicate_rewrite_db replicate_wild_do_table replicate_wild_ignore_table early_plugin_load
"""
REPEATED = frozenset(_REPEATED.split())
"""Options that may be given several times, each adding to the others."""

LISTS = frozenset(("admin_tls_version", "sql_mode", "tls_version"))
"""Options that take a list with commas."""

DEFAULTS: dict[str, Value] = {
    "allow_suspicious_udfs": False,
    "bind_address": "*",
    "general_log": False,
    "log_bin_trust_function_creators": False,
    "port": 3306,
    "require_secure_transport": False,
    "skip_grant_tables": False,
    "skip_name_resolve": False,
    "skip_networking": False,
    "skip_show_database": False,
}
"""What both servers do where nothing is set."""
