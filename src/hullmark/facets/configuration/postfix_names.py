"""Postfix's parameters that are more than one text: switches, lists, and what holds where nothing is written.

The defaults are those that `postconf -d` of Postfix 3.10 prints on Debian 13.
"""

from __future__ import annotations

_OF_CLIENTS = """
    balance_inet_protocols bind_address_enforce cname_overrides_servername connection_cache_on_demand
    defer_if_no_mx_address_found enforce_tls per_request_deadline quote_rfc821_envelope randomize_addresses
    sasl_auth_enable sasl_auth_soft_bounce send_dummy_mail_auth send_xforward_command sender_dependent_authentication
    skip_5xx_greeting skip_quit_response tls_block_early_mail_reply tls_connection_reuse tls_enable_rpk
    tls_enforce_peername tls_enforce_sts_mx_patterns tls_force_insecure_host_tlsa_lookup tls_note_starttls_offer
    tls_wrappermode tlsrpt_enable tlsrpt_skip_reused_handshakes use_tls
"""
_SWITCHES = """
    address_verify_negative_cache allow_min_user allow_percent_hack allow_srv_lookup_fallback allow_untrusted_routing
    always_add_missing_headers append_at_myorigin append_dot_mydomain backwards_bounce_logfile_compatibility biff
    broken_sasl_auth_clients cleanup_replace_stray_cr_lf confirm_delay_cleared daemon_table_open_error_is_fatal
    destination_concurrency_feedback_debug detect_8bit_encoding_header disable_dns_lookups
    disable_mime_input_processing disable_mime_output_conversion disable_verp_bounces disable_vrfy_command
    dns_ncache_ttl_fix_enable enable_idna2003_compatibility enable_long_queue_ids enable_original_recipient
    enable_threaded_bounces expand_owner_alias force_mime_input_conversion frozen_delivered_to helpful_warnings
    ignore_mx_lookup_error ignore_srv_lookup_error lmtp_assume_final multi_instance_enable owner_request_special
    postscreen_bare_newline_enable postscreen_disable_vrfy_command postscreen_enforce_tls postscreen_helo_required
    postscreen_non_smtp_command_enable postscreen_pipelining_enable postscreen_use_tls qmqpd_client_port_logging
    require_home_directory reset_owner_alias resolve_dequoted_address resolve_null_domain resolve_numeric_domain
    respectful_logging send_cyrus_sasl_authzid show_user_unknown_table_name smtp_always_send_ehlo smtp_never_send_ehlo
    smtpd_client_port_logging smtpd_delay_open_until_valid_rcpt smtpd_delay_reject smtpd_enforce_tls
    smtpd_forbid_unauth_pipelining smtpd_helo_required smtpd_hide_client_session smtpd_peername_lookup
    smtpd_per_request_deadline smtpd_reject_unlisted_recipient smtpd_reject_unlisted_sender
    smtpd_relay_before_recipient_restrictions smtpd_sasl_auth_enable smtpd_sasl_authenticated_header
    smtpd_tls_always_issue_session_ids smtpd_tls_ask_ccert smtpd_tls_auth_only smtpd_tls_enable_rpk
    smtpd_tls_received_header smtpd_tls_req_ccert smtpd_tls_wrappermode smtpd_use_tls smtputf8_enable soft_bounce
    strict_7bit_headers strict_8bitmime strict_8bitmime_body strict_mailbox_ownership strict_mime_encoding_domain
    strict_rfc821_envelopes strict_smtputf8 sun_mailtool_compatibility swap_bangpath tls_append_default_CA
    tls_fast_shutdown_enable tls_legacy_public_key_fingerprints tls_preempt_cipherlist tls_required_enable
    tls_wildcard_matches_multiple_labels tlsproxy_client_enforce_tls tlsproxy_client_use_tls tlsproxy_enforce_tls
    tlsproxy_tls_always_issue_session_ids tlsproxy_tls_ask_ccert tlsproxy_tls_enable_rpk tlsproxy_tls_req_ccert
    tlsproxy_use_tls
"""
SWITCHES = frozenset(_SWITCHES.split()) | frozenset(
    f"{client}_{name}" for client in ("smtp", "lmtp") for name in _OF_CLIENTS.split()
)
"""Parameters that take only yes and no."""

RESTRICTIONS = frozenset(
    f"smtpd_{stage}_restrictions"
    for stage in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
)
"""Lists of restrictions, each a word that some arguments may follow."""

PROTOCOLS = frozenset(
    f"{program}_tls_{name}"
    for program in ("smtp", "smtpd", "lmtp", "tlsproxy", "tlsproxy_client")
    for name in ("protocols", "mandatory_protocols")
)
"""Lists that colons part too."""

_LISTS = """
    allow_mail_to_commands allow_mail_to_files alternate_config_directories authorized_flush_users
    authorized_mailq_users authorized_submit_users inet_interfaces inet_protocols local_header_rewrite_clients
    mydestination mynetworks non_smtpd_milters notify_classes permit_mx_backup_networks postscreen_access_list
    proxy_interfaces relay_domains smtpd_authorized_verp_clients smtpd_authorized_xclient_hosts
    smtpd_authorized_xforward_hosts smtpd_client_event_limit_exceptions smtpd_discard_ehlo_keywords
    smtpd_forbid_bare_newline_exclusions smtpd_milters smtpd_restriction_classes smtpd_sasl_exceptions_networks
    virtual_alias_domains virtual_mailbox_domains
"""
_LISTS_OF_PROGRAMS = "tls_exclude_ciphers tls_mandatory_exclude_ciphers sasl_security_options sasl_tls_security_options"
LISTS = (
    RESTRICTIONS
    | PROTOCOLS
    | frozenset(_LISTS.split())
    | frozenset(f"{program}_{name}" for program in ("smtp", "smtpd", "lmtp") for name in _LISTS_OF_PROGRAMS.split())
)
"""Lists that blanks and commas part."""

WORDS = frozenset({"compatibility_level", "mail_version", "myhostname", "mydomain", "recipient_delimiter"})
"""Not numbers, though they may look like it."""

AT_DELIVERY = frozenset(
    {
        "command_execution_directory",
        "default_rbl_reply",
        "forward_path",
        "luser_relay",
        "mailbox_command",
        "postscreen_expansion_filter",
        "postscreen_reject_footer",
        "smtpd_expansion_filter",
        "smtpd_reject_footer",
    }
)
"""Parameters whose references are only followed when a mail arrives, with values from that mail."""

DEFAULTS = {
    "compatibility_level": "0",
    "disable_vrfy_command": "no",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "mynetworks_style": "${{$compatibility_level} <level {2} ? {subnet} : {host}}",
    "relay_domains": "${{$compatibility_level} <level {2} ? {$mydestination} : {}}",
    "relayhost": "",
    "smtp_tls_mandatory_protocols": ">=TLSv1",
    "smtp_tls_protocols": ">=TLSv1",
    "smtp_tls_security_level": "",
    "smtpd_client_restrictions": "",
    "smtpd_forbid_bare_newline": "normalize",
    "smtpd_forbid_unauth_pipelining": "yes",
    "smtpd_helo_required": "no",
    "smtpd_recipient_restrictions": "",
    "smtpd_relay_restrictions": "${{$compatibility_level} <level {1} ? {} :"
    " {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}",
    "smtpd_sasl_auth_enable": "no",
    "smtpd_sasl_security_options": "noanonymous",
    "smtpd_sender_restrictions": "",
    "smtpd_tls_auth_only": "no",
    "smtpd_tls_ciphers": "medium",
    "smtpd_tls_mandatory_ciphers": "medium",
    "smtpd_tls_mandatory_protocols": ">=TLSv1",
    "smtpd_tls_protocols": ">=TLSv1",
    "smtpd_tls_security_level": "",
    "smtpd_tls_wrappermode": "no",
}
"""What matters to security and holds where nothing is written, references not followed.

`mynetworks` is not among them: it comes from the machine's interfaces.
"""

KNOWN = {
    "config_directory": "/etc/postfix",
    "data_directory": "/var/lib/postfix",
    "default_process_limit": "100",
    "mail_name": "Postfix",
    "mail_owner": "postfix",
    "multi_instance_name": "",
    "queue_directory": "/var/spool/postfix",
    "smtp_sasl_security_options": "noplaintext, noanonymous",
}
"""More defaults, which values refer to."""
