"""What Apache httpd 2.4 says of its directives (`httpd -L`): their modules, where they may stand, and what allows them in .htaccess."""

from __future__ import annotations

from collections.abc import Iterator


def _by_name(table: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    for value, names in table:
        yield from ((name.lower(), value) for name in names.split())


def _names(names: str) -> frozenset[str]:
    return frozenset(names.lower().split())


_MODULES = (
    ("core.c", """
    AcceptFilter AcceptPathInfo AccessFileName AddDefaultCharset AllowEncodedSlashes AllowOverride AllowOverrideList CGIPassAuth CGIVar
    ContentDigest CoreDumpDirectory DefaultRuntimeDir DefaultType Define DocumentRoot EnableMMAP EnableSendfile Error ErrorDocument
    ErrorLog ErrorLogFormat ExtendedStatus FileETag FlushMaxPipelined FlushMaxThreshold ForceType HostnameLookups HttpProtocolOptions
    Include IncludeOptional LimitInternalRecursion LimitRequestBody LimitRequestFields LimitRequestFieldsize LimitRequestLine
    LimitXMLRequestBody LogLevel MaxConnectionsPerChild MaxMemFree MaxRangeOverlaps MaxRangeReversals MaxRanges MaxRequestsPerChild
    MergeSlashes MergeTrailers Mutex NameVirtualHost Options PidFile Port Protocol Protocols ProtocolsHonorOrder QualifyRedirectURL
    RLimitCPU RLimitMEM RLimitNPROC ReadBufferSize RegexDefaultOptions RegisterHttpMethod ScoreBoardFile SeeRequestTail ServerAdmin
    ServerAlias ServerName ServerPath ServerRoot ServerSignature ServerTokens SetHandler SetInputFilter SetOutputFilter StrictHostCheck
    ThreadStackSize Timeout TraceEnable UnDefine UseCanonicalName UseCanonicalPhysicalPort
    """),
    ("event.c", """
    AsyncRequestWorkerFactor GracefulShutdownTimeout Listen ListenBacklog ListenCoresBucketsRatio ListenTCPDeferAccept MaxClients
    MaxRequestWorkers MaxSpareThreads MinSpareThreads ReceiveBufferSize SendBufferSize ServerLimit StartServers ThreadLimit ThreadsPerChild
    """),
    ("http_core.c", "KeepAlive KeepAliveTimeout MaxKeepAliveRequests"),
    ("mod_access_compat.c", "Satisfy allow deny order"),
    ("mod_actions.c", "Action Script"),
    ("mod_alias.c", """
    Alias AliasMatch AliasPreservePath Redirect RedirectMatch RedirectPermanent RedirectRelative RedirectTemp ScriptAlias ScriptAliasMatch
    """),
    ("mod_allowmethods.c", "AllowMethods"),
    ("mod_auth_basic.c", "AuthBasicAuthoritative AuthBasicFake AuthBasicProvider AuthBasicUseDigestAlgorithm"),
    ("mod_auth_digest.c", """
    AuthDigestAlgorithm AuthDigestDomain AuthDigestNcCheck AuthDigestNonceLifetime AuthDigestProvider AuthDigestQop AuthDigestShmemSize
    """),
    ("mod_auth_form.c", """
    AuthFormAuthoritative AuthFormBody AuthFormDisableNoStore AuthFormFakeBasicAuth AuthFormLocation AuthFormLoginRequiredLocation
    AuthFormLoginSuccessLocation AuthFormLogoutLocation AuthFormMethod AuthFormMimetype AuthFormPassword AuthFormProvider
    AuthFormSitePassphrase AuthFormSize AuthFormUsername
    """),
    ("mod_authn_anon.c", "Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserId Anonymous_VerifyEmail"),
    ("mod_authn_core.c", "AuthName AuthType"),
    ("mod_authn_dbd.c", "AuthDBDUserPWQuery AuthDBDUserRealmQuery"),
    ("mod_authn_dbm.c", "AuthDBMType AuthDBMUserFile"),
    ("mod_authn_file.c", "AuthUserFile"),
    ("mod_authn_socache.c", "AuthnCacheContext AuthnCacheEnable AuthnCacheProvideFor AuthnCacheSOCache AuthnCacheTimeout"),
    ("mod_authnz_ldap.c", """
    AuthLDAPAuthorizePrefix AuthLDAPBindAuthoritative AuthLDAPBindDN AuthLDAPBindPassword AuthLDAPCharsetConfig AuthLDAPCompareAsUser
    AuthLDAPCompareDNOnServer AuthLDAPDereferenceAliases AuthLDAPGroupAttribute AuthLDAPGroupAttributeIsDN AuthLDAPInitialBindAsUser
    AuthLDAPInitialBindPattern AuthLDAPMaxSubGroupDepth AuthLDAPRemoteUserAttribute AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser
    AuthLDAPSubGroupAttribute AuthLDAPSubGroupClass AuthLDAPURL
    """),
    ("mod_authz_core.c", "AuthMerging AuthzSendForbiddenOnFailure Require"),
    ("mod_authz_dbd.c", "AuthzDBDLoginToReferer AuthzDBDQuery AuthzDBDRedirectQuery"),
    ("mod_authz_dbm.c", "AuthDBMGroupFile AuthzDBMType"),
    ("mod_authz_groupfile.c", "AuthGroupFile"),
    ("mod_autoindex.c", """
    AddAlt AddAltByEncoding AddAltByType AddDescription AddIcon AddIconByEncoding AddIconByType DefaultIcon FancyIndexing HeaderName
    IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions IndexOrderDefault IndexStyleSheet ReadmeName
    """),
    ("mod_brotli.c", "BrotliAlterETag BrotliCompressionMaxInputBlock BrotliCompressionQuality BrotliCompressionWindow BrotliFilterNote"),
    ("mod_buffer.c", "BufferSize"),
    ("mod_cache.c", """
    CacheDefaultExpire CacheDetailHeader CacheDisable CacheEnable CacheHeader CacheIgnoreCacheControl CacheIgnoreHeaders
    CacheIgnoreNoLastMod CacheIgnoreQueryString CacheIgnoreURLSessionIdentifiers CacheKeyBaseURL CacheLastModifiedFactor CacheLock
    CacheLockMaxAge CacheLockPath CacheMaxExpire CacheMinExpire CacheQuickHandler CacheStaleOnError CacheStoreExpired CacheStoreNoStore
    CacheStorePrivate
    """),
    ("mod_cache_disk.c", "CacheDirLength CacheDirLevels CacheMaxFileSize CacheMinFileSize CacheReadSize CacheReadTime CacheRoot"),
    ("mod_cache_socache.c", """
    CacheSocache CacheSocacheMaxSize CacheSocacheMaxTime CacheSocacheMinTime CacheSocacheReadSize CacheSocacheReadTime
    """),
    ("mod_cern_meta.c", "MetaDir MetaFiles MetaSuffix"),
    ("mod_cgid.c", "CGIDScriptTimeout ScriptLog ScriptLogBuffer ScriptLogLength ScriptSock"),
    ("mod_charset_lite.c", "CharsetDefault CharsetOptions CharsetSourceEnc"),
    ("mod_dav.c", "DAV DAVBasePath DAVDepthInfinity DAVLockDiscovery DAVMinTimeout"),
    ("mod_dav_fs.c", "DAVLockDB"),
    ("mod_dav_lock.c", "DAVGenericLockDB"),
    ("mod_dbd.c", "DBDExptime DBDInitSQL DBDKeep DBDMax DBDMin DBDParams DBDPersist DBDPrepareSQL DBDriver"),
    ("mod_deflate.c", """
    DeflateAlterEtag DeflateBufferSize DeflateCompressionLevel DeflateFilterNote DeflateInflateLimitRequestBody DeflateInflateRatioBurst
    DeflateInflateRatioLimit DeflateMemLevel DeflateWindowSize
    """),
    ("mod_dialup.c", "ModemStandard"),
    ("mod_dir.c", "DirectoryCheckHandler DirectoryIndex DirectoryIndexRedirect DirectorySlash FallbackResource"),
    ("mod_dumpio.c", "DumpIOInput DumpIOOutput"),
    ("mod_echo.c", "ProtocolEcho"),
    ("mod_env.c", "PassEnv SetEnv UnsetEnv"),
    ("mod_expires.c", "ExpiresActive ExpiresByType ExpiresDefault"),
    ("mod_ext_filter.c", "ExtFilterDefine ExtFilterOptions"),
    ("mod_file_cache.c", "cachefile mmapfile"),
    ("mod_filter.c", "AddOutputFilterByType FilterChain FilterDeclare FilterProtocol FilterProvider FilterTrace"),
    ("mod_headers.c", "Header RequestHeader"),
    ("mod_heartbeat.c", "HeartbeatAddress"),
    ("mod_heartmonitor.c", "HeartbeatListen HeartbeatMaxServers HeartbeatStorage"),
    ("mod_http2.c", """
    H2CopyFiles H2Direct H2EarlyHint H2EarlyHints H2MaxDataFrameLen H2MaxHeaderBlockLen H2MaxSessionStreams H2MaxStreamErrors
    H2MaxWorkerIdleSeconds H2MaxWorkers H2MinWorkers H2ModernTLSOnly H2OutputBuffering H2Padding H2ProxyRequests H2Push H2PushDiarySize
    H2PushPriority H2PushResource H2SerializeHeaders H2SessionExtraFiles H2StreamMaxMemSize H2StreamTimeout H2TLSCoolDownSecs
    H2TLSWarmUpSize H2Upgrade H2WebSockets H2WindowSize
    """),
    ("mod_ident.c", "IdentityCheck IdentityCheckTimeout"),
    ("mod_imagemap.c", "ImapBase ImapDefault ImapMenu"),
    ("mod_include.c", """
    SSIEndTag SSIErrorMsg SSIEtag SSILastModified SSILegacyExprParser SSIStartTag SSITimeFormat SSIUndefinedEcho XBitHack
    """),
    ("mod_info.c", "AddModuleInfo"),
    ("mod_lbmethod_heartbeat.c", "HeartbeatStorage"),
    ("mod_log_config.c", "BufferedLogs CustomLog GlobalLog LogFormat TransferLog"),
    ("mod_log_debug.c", "LogMessage"),
    ("mod_log_forensic.c", "ForensicLog"),
    ("mod_logio.c", "LogIOTrackTTFB"),
    ("mod_lua.c", """
    LuaAuthzProvider LuaCodeCache LuaHookAccessChecker LuaHookAuthChecker LuaHookCheckUserID LuaHookFixups LuaHookInsertFilter LuaHookLog
    LuaHookMapToStorage LuaHookPreTranslateName LuaHookTranslateName LuaHookTypeChecker LuaInherit LuaInputFilter LuaMapHandler
    LuaOutputFilter LuaPackageCPath LuaPackagePath LuaQuickHandler LuaRoot LuaScope Lua_____ByteCodeHack
    """),
    ("mod_macro.c", "MacroIgnoreBadNesting MacroIgnoreEmptyArgs UndefMacro Use"),
    ("mod_md.c", """
    MDActivationDelay MDBaseServer MDCACertificateFile MDCAChallenges MDCertificateAgreement MDCertificateAuthority MDCertificateCheck
    MDCertificateFile MDCertificateKeyFile MDCertificateProtocol MDCertificateStatus MDChallengeDns01 MDChallengeDns01Version
    MDCheckInterval MDContactEmail MDDriveMode MDExternalAccountBinding MDHttpProxy MDHttpProxyCACertificateFile MDInitialDelay
    MDMatchNames MDMember MDMembers MDMessageCmd MDMustStaple MDNotifyCmd MDPortMap MDPrivateKeys MDProfile MDProfileMandatory MDRenewMode
    MDRenewViaARI MDRenewWindow MDRequireHttps MDRetryDelay MDRetryFailover MDServerStatus MDStapleOthers MDStapling MDStaplingKeepResponse
    MDStaplingRenewWindow MDStoreDir MDStoreLocks MDWarnWindow MDomain
    """),
    ("mod_mime.c", """
    AddCharset AddEncoding AddHandler AddInputFilter AddLanguage AddOutputFilter AddType DefaultLanguage ModMimeUsePathInfo MultiviewsMatch
    RemoveCharset RemoveEncoding RemoveHandler RemoveInputFilter RemoveLanguage RemoveOutputFilter RemoveType TypesConfig
    """),
    ("mod_mime_magic.c", "MimeMagicFile"),
    ("mod_negotiation.c", "CacheNegotiatedDocs ForceLanguagePriority LanguagePriority"),
    ("mod_proxy.c", """
    BalancerGrowth BalancerInherit BalancerMember BalancerPersist NoProxy Proxy100Continue ProxyAddHeaders ProxyBadHeader ProxyBlock
    ProxyDomain ProxyErrorOverride ProxyIOBufferSize ProxyMaxForwards ProxyPass ProxyPassInherit ProxyPassInterpolateEnv ProxyPassMatch
    ProxyPassReverse ProxyPassReverseCookieDomain ProxyPassReverseCookiePath ProxyPreserveHost ProxyReceiveBufferSize ProxyRemote
    ProxyRemoteMatch ProxyRequests ProxySet ProxySourceAddress ProxyStatus ProxyTimeout ProxyVia
    """),
    ("mod_proxy_connect.c", "AllowCONNECT"),
    ("mod_proxy_express.c", "ProxyExpressDBMFile ProxyExpressDBMType ProxyExpressEnable"),
    ("mod_proxy_ftp.c", "ProxyFtpDirCharset ProxyFtpEscapeWildcards ProxyFtpListOnWildcard"),
    ("mod_proxy_hcheck.c", "ProxyHCExpr ProxyHCTPsize ProxyHCTemplate"),
    ("mod_proxy_html.c", """
    ProxyHTMLBufSize ProxyHTMLCharsetOut ProxyHTMLDoctype ProxyHTMLEnable ProxyHTMLEvents ProxyHTMLExtended ProxyHTMLFixups ProxyHTMLInterp
    ProxyHTMLLinks ProxyHTMLMeta ProxyHTMLStripComments ProxyHTMLURLMap
    """),
    ("mod_proxy_wstunnel.c", "ProxyWebsocketFallbackToProxyHttp"),
    ("mod_reflector.c", "ReflectorHeader"),
    ("mod_remoteip.c", """
    RemoteIPHeader RemoteIPInternalProxy RemoteIPInternalProxyList RemoteIPProxiesHeader RemoteIPProxyProtocol
    RemoteIPProxyProtocolExceptions RemoteIPTrustedProxy RemoteIPTrustedProxyList
    """),
    ("mod_reqtimeout.c", "RequestReadTimeout"),
    ("mod_request.c", "KeptBodySize"),
    ("mod_rewrite.c", "RewriteBase RewriteCond RewriteEngine RewriteMap RewriteOptions RewriteRule"),
    ("mod_sed.c", "InputSed OutputSed"),
    ("mod_session.c", "Session SessionEnv SessionExclude SessionExpiryUpdateInterval SessionHeader SessionInclude SessionMaxAge"),
    ("mod_session_cookie.c", "SessionCookieName SessionCookieName2 SessionCookieRemove"),
    ("mod_session_crypto.c", "SessionCryptoCipher SessionCryptoDriver SessionCryptoPassphrase SessionCryptoPassphraseFile"),
    ("mod_session_dbd.c", """
    SessionDBDCookieName SessionDBDCookieName2 SessionDBDCookieRemove SessionDBDDeleteLabel SessionDBDInsertLabel SessionDBDPerUser
    SessionDBDSelectLabel SessionDBDUpdateLabel
    """),
    ("mod_setenvif.c", "BrowserMatch BrowserMatchNoCase SetEnvIf SetEnvIfExpr SetEnvIfNoCase"),
    ("mod_so.c", "LoadFile LoadModule"),
    ("mod_socache_memcache.c", "MemcacheConnTTL"),
    ("mod_socache_redis.c", "RedisConnPoolTTL RedisTimeout"),
    ("mod_speling.c", "CheckBasenameMatch CheckCaseOnly CheckSpelling"),
    ("mod_ssl.c", """
    SSLCACertificateFile SSLCACertificatePath SSLCADNRequestFile SSLCADNRequestPath SSLCARevocationCheck SSLCARevocationFile
    SSLCARevocationPath SSLCertificateChainFile SSLCertificateFile SSLCertificateKeyFile SSLCipherSuite SSLCompression SSLCryptoDevice
    SSLEngine SSLFIPS SSLHonorCipherOrder SSLInsecureRenegotiation SSLLog SSLLogLevel SSLOCSPDefaultResponder SSLOCSPEnable SSLOCSPNoVerify
    SSLOCSPOverrideResponder SSLOCSPProxyURL SSLOCSPResponderCertificateFile SSLOCSPResponderTimeout SSLOCSPResponseMaxAge
    SSLOCSPResponseTimeSkew SSLOCSPUseRequestNonce SSLOpenSSLConfCmd SSLOptions SSLPassPhraseDialog SSLProtocol SSLProxyCACertificateFile
    SSLProxyCACertificatePath SSLProxyCARevocationCheck SSLProxyCARevocationFile SSLProxyCARevocationPath SSLProxyCheckPeerCN
    SSLProxyCheckPeerExpire SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine SSLProxyMachineCertificateChainFile
    SSLProxyMachineCertificateFile SSLProxyMachineCertificatePath SSLProxyProtocol SSLProxyVerify SSLProxyVerifyDepth SSLRandomSeed
    SSLRenegBufferSize SSLRequire SSLRequireSSL SSLSRPUnknownUserSeed SSLSRPVerifierFile SSLSessionCache SSLSessionCacheTimeout
    SSLSessionTicketKeyFile SSLSessionTickets SSLStaplingCache SSLStaplingErrorCacheTimeout SSLStaplingFakeTryLater SSLStaplingForceURL
    SSLStaplingResponderTimeout SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew SSLStaplingReturnResponderErrors
    SSLStaplingStandardCacheTimeout SSLStrictSNIVHostCheck SSLUseStapling SSLUserName SSLVHostSNIPolicy SSLVerifyClient SSLVerifyDepth
    """),
    ("mod_substitute.c", "Substitute SubstituteInheritBefore SubstituteMaxLineLength"),
    ("mod_suexec.c", "SuexecUserGroup"),
    ("mod_unixd.c", "ChrootDir Group Suexec User"),
    ("mod_userdir.c", "UserDir"),
    ("mod_usertrack.c", "CookieDomain CookieExpires CookieHttpOnly CookieName CookieSameSite CookieSecure CookieStyle CookieTracking"),
    ("mod_vhost_alias.c", "VirtualDocumentRoot VirtualDocumentRootIP VirtualScriptAlias VirtualScriptAliasIP"),
    ("mod_watchdog.c", "WatchdogInterval"),
    ("mod_xml2enc.c", "xml2EncAlias xml2EncDefault xml2StartParse"),
    ("util_ldap.c", """
    LDAPCacheEntries LDAPCacheTTL LDAPConnectionPoolTTL LDAPConnectionTimeout LDAPLibraryDebug LDAPOpCacheEntries LDAPOpCacheTTL
    LDAPReferralHopLimit LDAPReferrals LDAPRetries LDAPRetryDelay LDAPSharedCacheFile LDAPSharedCacheSize LDAPTimeout LDAPTrustedClientCert
    LDAPTrustedGlobalCert LDAPTrustedMode LDAPVerifyServerCert
    """),
)  # fmt: skip
"""The source file of a module, and its directives."""

MODULES: dict[str, set[str]] = {}
"""The source files of the modules that have a directive, by its name in small letters."""

for _name, _source in _by_name(_MODULES):
    MODULES.setdefault(_name, set()).add(_source)

ONLY_OUTSIDE = _names("""
AcceptFilter AccessFileName AddModuleInfo AliasMatch AllowCONNECT AllowEncodedSlashes AsyncRequestWorkerFactor AuthDigestShmemSize
AuthLDAPCharsetConfig AuthnCacheEnable AuthnCacheSOCache BalancerGrowth BalancerInherit BalancerPersist BrotliAlterETag
BrotliCompressionMaxInputBlock BrotliCompressionQuality BrotliCompressionWindow BrotliFilterNote BufferedLogs CacheDirLength CacheDirLevels
CacheIgnoreCacheControl CacheIgnoreHeaders CacheIgnoreQueryString CacheIgnoreURLSessionIdentifiers CacheKeyBaseURL CacheLock
CacheLockMaxAge CacheLockPath CacheNegotiatedDocs CacheQuickHandler CacheRoot CacheSocache ChrootDir CoreDumpDirectory CustomLog DAVLockDB
DBDExptime DBDInitSQL DBDKeep DBDMax DBDMin DBDParams DBDPersist DBDPrepareSQL DBDriver DefaultRuntimeDir DeflateAlterEtag
DeflateBufferSize DeflateCompressionLevel DeflateFilterNote DeflateMemLevel DeflateWindowSize DocumentRoot DumpIOInput DumpIOOutput
ErrorLog ErrorLogFormat ExtFilterDefine ExtendedStatus FlushMaxPipelined FlushMaxThreshold ForensicLog GlobalLog GracefulShutdownTimeout
Group H2Direct H2EarlyHints H2MaxDataFrameLen H2MaxHeaderBlockLen H2MaxSessionStreams H2MaxStreamErrors H2MaxWorkerIdleSeconds H2MaxWorkers
H2MinWorkers H2ModernTLSOnly H2OutputBuffering H2Padding H2PushDiarySize H2PushPriority H2SerializeHeaders H2SessionExtraFiles
H2StreamMaxMemSize H2StreamTimeout H2TLSCoolDownSecs H2TLSWarmUpSize H2WebSockets H2WindowSize HeartbeatAddress HeartbeatListen
HeartbeatMaxServers HeartbeatStorage HttpProtocolOptions KeepAlive KeepAliveTimeout LDAPCacheEntries LDAPCacheTTL LDAPConnectionPoolTTL
LDAPConnectionTimeout LDAPLibraryDebug LDAPOpCacheEntries LDAPOpCacheTTL LDAPRetries LDAPRetryDelay LDAPSharedCacheFile LDAPSharedCacheSize
LDAPTimeout LDAPTrustedGlobalCert LDAPTrustedMode LDAPVerifyServerCert LimitInternalRecursion LimitRequestFields LimitRequestFieldsize
LimitRequestLine Listen ListenBacklog ListenCoresBucketsRatio ListenTCPDeferAccept LoadFile LoadModule LogFormat LuaAuthzProvider
MDActivationDelay MDBaseServer MDCACertificateFile MDCAChallenges MDCertificateAgreement MDCertificateAuthority MDCertificateCheck
MDCertificateFile MDCertificateKeyFile MDCertificateProtocol MDCertificateStatus MDChallengeDns01 MDChallengeDns01Version MDCheckInterval
MDContactEmail MDDriveMode MDExternalAccountBinding MDHttpProxy MDHttpProxyCACertificateFile MDInitialDelay MDMatchNames MDMember MDMembers
MDMessageCmd MDMustStaple MDNotifyCmd MDPortMap MDPrivateKeys MDProfile MDProfileMandatory MDRenewMode MDRenewViaARI MDRenewWindow
MDRetryDelay MDRetryFailover MDServerStatus MDStapleOthers MDStapling MDStaplingKeepResponse MDStaplingRenewWindow MDStoreDir MDStoreLocks
MDWarnWindow MDomain MaxClients MaxConnectionsPerChild MaxKeepAliveRequests MaxMemFree MaxRequestWorkers MaxRequestsPerChild
MaxSpareThreads MemcacheConnTTL MergeSlashes MergeTrailers MimeMagicFile MinSpareThreads Mutex NameVirtualHost NoProxy PidFile Port
Protocol ProtocolEcho Protocols ProtocolsHonorOrder ProxyBadHeader ProxyBlock ProxyDomain ProxyHCTPsize ProxyIOBufferSize ProxyMaxForwards
ProxyPassInherit ProxyReceiveBufferSize ProxyRemote ProxyRemoteMatch ProxyRequests ProxySourceAddress ProxyStatus ProxyTimeout ProxyVia
ReceiveBufferSize RedisConnPoolTTL RedisTimeout RegexDefaultOptions RegisterHttpMethod RemoteIPHeader RemoteIPInternalProxy
RemoteIPInternalProxyList RemoteIPProxiesHeader RemoteIPProxyProtocol RemoteIPProxyProtocolExceptions RemoteIPTrustedProxy
RemoteIPTrustedProxyList RequestReadTimeout RewriteMap SSIEndTag SSIStartTag SSLCADNRequestFile SSLCADNRequestPath SSLCARevocationCheck
SSLCARevocationFile SSLCARevocationPath SSLCertificateChainFile SSLCertificateFile SSLCertificateKeyFile SSLCompression SSLCryptoDevice
SSLEngine SSLFIPS SSLHonorCipherOrder SSLInsecureRenegotiation SSLOCSPDefaultResponder SSLOCSPEnable SSLOCSPNoVerify
SSLOCSPOverrideResponder SSLOCSPProxyURL SSLOCSPResponderCertificateFile SSLOCSPResponderTimeout SSLOCSPResponseMaxAge
SSLOCSPResponseTimeSkew SSLOCSPUseRequestNonce SSLOpenSSLConfCmd SSLPassPhraseDialog SSLProtocol SSLProxyCACertificateFile
SSLProxyCACertificatePath SSLProxyCARevocationCheck SSLProxyCARevocationFile SSLProxyCARevocationPath SSLProxyCheckPeerCN
SSLProxyCheckPeerExpire SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine SSLProxyMachineCertificateChainFile
SSLProxyMachineCertificateFile SSLProxyMachineCertificatePath SSLProxyProtocol SSLProxyVerify SSLProxyVerifyDepth SSLRandomSeed
SSLSRPUnknownUserSeed SSLSRPVerifierFile SSLSessionCache SSLSessionCacheTimeout SSLSessionTicketKeyFile SSLSessionTickets SSLStaplingCache
SSLStaplingErrorCacheTimeout SSLStaplingFakeTryLater SSLStaplingForceURL SSLStaplingResponderTimeout SSLStaplingResponseMaxAge
SSLStaplingResponseTimeSkew SSLStaplingReturnResponderErrors SSLStaplingStandardCacheTimeout SSLStrictSNIVHostCheck SSLUseStapling
SSLVHostSNIPolicy ScoreBoardFile ScriptAliasMatch ScriptLog ScriptLogBuffer ScriptLogLength ScriptSock SeeRequestTail SendBufferSize
ServerAdmin ServerAlias ServerLimit ServerName ServerPath ServerRoot ServerTokens SessionCryptoDriver StartServers StrictHostCheck Suexec
SuexecUserGroup ThreadLimit ThreadStackSize ThreadsPerChild Timeout TraceEnable TransferLog TypesConfig User UserDir VirtualDocumentRoot
VirtualDocumentRootIP VirtualScriptAlias VirtualScriptAliasIP WatchdogInterval cachefile mmapfile xml2EncAlias
""")
"""Directives that may not stand in sections for folders, files, locations and conditions."""

ONLY_INSIDE = _names("""
AllowMethods AllowOverride AllowOverrideList Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserId Anonymous_VerifyEmail
AuthBasicAuthoritative AuthBasicFake AuthBasicProvider AuthBasicUseDigestAlgorithm AuthDBDUserPWQuery AuthDBDUserRealmQuery
AuthDBMGroupFile AuthDBMType AuthDBMUserFile AuthDigestAlgorithm AuthDigestDomain AuthDigestNcCheck AuthDigestNonceLifetime
AuthDigestProvider AuthDigestQop AuthFormAuthoritative AuthFormBody AuthFormDisableNoStore AuthFormFakeBasicAuth AuthFormLocation
AuthFormLoginRequiredLocation AuthFormLoginSuccessLocation AuthFormLogoutLocation AuthFormMethod AuthFormMimetype AuthFormPassword
AuthFormProvider AuthFormSitePassphrase AuthFormSize AuthFormUsername AuthGroupFile AuthLDAPAuthorizePrefix AuthLDAPBindAuthoritative
AuthLDAPBindDN AuthLDAPBindPassword AuthLDAPCompareAsUser AuthLDAPCompareDNOnServer AuthLDAPDereferenceAliases AuthLDAPGroupAttribute
AuthLDAPGroupAttributeIsDN AuthLDAPInitialBindAsUser AuthLDAPInitialBindPattern AuthLDAPMaxSubGroupDepth AuthLDAPRemoteUserAttribute
AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser AuthLDAPSubGroupAttribute AuthLDAPSubGroupClass AuthLDAPURL AuthMerging AuthName AuthType
AuthUserFile AuthnCacheContext AuthnCacheProvideFor AuthnCacheTimeout AuthzDBDLoginToReferer AuthzDBDQuery AuthzDBDRedirectQuery
AuthzDBMType AuthzSendForbiddenOnFailure BufferSize CGIPassAuth DAV DAVBasePath DAVGenericLockDB ExtFilterOptions InputSed KeptBodySize
LDAPReferralHopLimit LDAPReferrals LDAPTrustedClientCert ModMimeUsePathInfo ModemStandard OutputSed Require SSIEtag SSILastModified
SSILegacyExprParser SSLRenegBufferSize SSLRequire SSLRequireSSL Satisfy allow deny order
""")
"""Directives that may only stand in such sections, or in .htaccess."""

_OVERRIDES = (
    ("", """
    DeflateInflateLimitRequestBody DeflateInflateRatioBurst DeflateInflateRatioLimit Error FancyIndexing LimitRequestBody
    LimitXMLRequestBody LogIOTrackTTFB LuaCodeCache LuaHookAccessChecker LuaHookAuthChecker LuaHookCheckUserID LuaHookFixups
    LuaHookInsertFilter LuaHookLog LuaHookMapToStorage LuaHookPreTranslateName LuaHookTranslateName LuaHookTypeChecker LuaInherit
    LuaInputFilter LuaMapHandler LuaOutputFilter LuaPackageCPath LuaPackagePath LuaQuickHandler LuaRoot LuaScope Lua_____ByteCodeHack
    MacroIgnoreBadNesting MacroIgnoreEmptyArgs RLimitCPU RLimitMEM RLimitNPROC SSIErrorMsg SSITimeFormat SSIUndefinedEcho SSLLog
    SSLLogLevel ServerSignature UndefMacro Use xml2EncDefault xml2StartParse
    """),
    ("AuthConfig", """
    Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserId Anonymous_VerifyEmail AuthBasicAuthoritative AuthBasicFake
    AuthBasicProvider AuthBasicUseDigestAlgorithm AuthDBMGroupFile AuthDBMType AuthDBMUserFile AuthDigestAlgorithm AuthDigestDomain
    AuthDigestNcCheck AuthDigestNonceLifetime AuthDigestProvider AuthDigestQop AuthFormAuthoritative AuthFormBody AuthFormDisableNoStore
    AuthFormFakeBasicAuth AuthFormLocation AuthFormLoginRequiredLocation AuthFormLoginSuccessLocation AuthFormLogoutLocation AuthFormMethod
    AuthFormMimetype AuthFormPassword AuthFormProvider AuthFormSitePassphrase AuthFormUsername AuthGroupFile AuthLDAPAuthorizePrefix
    AuthLDAPBindAuthoritative AuthLDAPBindDN AuthLDAPBindPassword AuthLDAPCompareAsUser AuthLDAPCompareDNOnServer
    AuthLDAPDereferenceAliases AuthLDAPGroupAttribute AuthLDAPGroupAttributeIsDN AuthLDAPInitialBindAsUser AuthLDAPInitialBindPattern
    AuthLDAPMaxSubGroupDepth AuthLDAPRemoteUserAttribute AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser AuthLDAPSubGroupAttribute
    AuthLDAPSubGroupClass AuthLDAPURL AuthMerging AuthName AuthType AuthUserFile AuthnCacheProvideFor AuthnCacheTimeout AuthzDBMType
    AuthzSendForbiddenOnFailure CGIPassAuth H2Push H2Upgrade LDAPReferralHopLimit LDAPReferrals LDAPTrustedClientCert MDRequireHttps
    Require SSLCACertificateFile SSLCACertificatePath SSLCipherSuite SSLRenegBufferSize SSLRequire SSLRequireSSL SSLUserName
    SSLVerifyClient SSLVerifyDepth Satisfy Session SessionCookieName SessionCookieName2 SessionCookieRemove SessionCryptoCipher
    SessionCryptoPassphrase SessionDBDCookieName SessionDBDCookieName2 SessionDBDCookieRemove SessionDBDDeleteLabel SessionDBDInsertLabel
    SessionDBDPerUser SessionDBDSelectLabel SessionDBDUpdateLabel SessionEnv SessionExclude SessionExpiryUpdateInterval SessionHeader
    SessionInclude SessionMaxAge
    """),
    ("AuthConfig or FileInfo", "H2EarlyHint H2PushResource"),
    ("FileInfo", """
    AcceptPathInfo Action AddCharset AddDefaultCharset AddEncoding AddHandler AddInputFilter AddLanguage AddOutputFilter
    AddOutputFilterByType AddType AliasPreservePath BrowserMatch BrowserMatchNoCase CGIVar CharsetDefault CharsetOptions CharsetSourceEnc
    CookieDomain CookieExpires CookieHttpOnly CookieName CookieSameSite CookieSecure CookieStyle CookieTracking DefaultLanguage DefaultType
    EnableMMAP EnableSendfile ErrorDocument FileETag ForceLanguagePriority ForceType H2CopyFiles H2ProxyRequests Header LanguagePriority
    MultiviewsMatch PassEnv ProxyExpressDBMFile ProxyExpressDBMType ProxyExpressEnable ProxyHCExpr ProxyHCTemplate QualifyRedirectURL
    Redirect RedirectMatch RedirectPermanent RedirectRelative RedirectTemp RemoveCharset RemoveEncoding RemoveHandler RemoveInputFilter
    RemoveLanguage RemoveOutputFilter RemoveType RequestHeader RewriteBase RewriteCond RewriteEngine RewriteOptions RewriteRule SetEnv
    SetEnvIf SetEnvIfExpr SetEnvIfNoCase SetHandler SetInputFilter SetOutputFilter Substitute SubstituteInheritBefore
    SubstituteMaxLineLength UnsetEnv
    """),
    ("Indexes", """
    AddAlt AddAltByEncoding AddAltByType AddDescription AddIcon AddIconByEncoding AddIconByType DefaultIcon DirectoryCheckHandler
    DirectoryIndex DirectoryIndexRedirect DirectorySlash ExpiresActive ExpiresByType ExpiresDefault FallbackResource HeaderName ImapBase
    ImapDefault ImapMenu IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions IndexOrderDefault IndexStyleSheet MetaDir MetaFiles
    MetaSuffix ReadmeName
    """),
    ("Limit", "SSIEtag SSILastModified SSILegacyExprParser allow deny order"),
    ("Options", """
    CheckBasenameMatch CheckCaseOnly CheckSpelling ContentDigest FilterChain FilterDeclare FilterProtocol FilterProvider Options
    ReflectorHeader SSLOptions XBitHack
    """),
)  # fmt: skip
"""What AllowOverride must hold, "" for anything at all, and the directives that may then stand in .htaccess."""

OVERRIDE_OF = dict(_by_name(_OVERRIDES))
"""What allows a directive in .htaccess, by its name: kinds parted by ` or `. What is not here may not stand there."""
