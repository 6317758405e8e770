"""What the documentation of Apache httpd 2.4 says about its directives: their spelling, what they take, and their defaults."""

from __future__ import annotations

from hullmark.model.setting import Value


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


KNOWN = {
    name.lower(): name
    for name in _names("""
AcceptFilter AcceptPathInfo AccessFileName Action AddAlt AddAltByEncoding AddAltByType AddCharset AddDefaultCharset
AddDescription AddEncoding AddHandler AddIcon AddIconByEncoding AddIconByType AddInputFilter AddLanguage AddModuleInfo
AddOutputFilter AddOutputFilterByType AddType Alias AliasMatch AliasPreservePath Allow AllowCONNECT
AllowEncodedSlashes AllowMethods AllowOverride AllowOverrideList Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail
Anonymous_NoUserId Anonymous_VerifyEmail AsyncRequestWorkerFactor AuthBasicAuthoritative AuthBasicFake
AuthBasicProvider AuthBasicUseDigestAlgorithm AuthDBDUserPWQuery AuthDBDUserRealmQuery AuthDBMGroupFile AuthDBMType
AuthDBMUserFile AuthDigestAlgorithm AuthDigestDomain AuthDigestNcCheck AuthDigestNonceLifetime AuthDigestProvider
AuthDigestQop AuthDigestShmemSize AuthFormAuthoritative AuthFormBody AuthFormDisableNoStore AuthFormFakeBasicAuth
AuthFormLocation AuthFormLoginRequiredLocation AuthFormLoginSuccessLocation AuthFormLogoutLocation AuthFormMethod
AuthFormMimetype AuthFormPassword AuthFormProvider AuthFormSitePassphrase AuthFormSize AuthFormUsername AuthGroupFile
AuthLDAPAuthorizePrefix AuthLDAPBindAuthoritative AuthLDAPBindDN AuthLDAPBindPassword AuthLDAPCharsetConfig
AuthLDAPCompareAsUser AuthLDAPCompareDNOnServer AuthLDAPDereferenceAliases AuthLDAPGroupAttribute
AuthLDAPGroupAttributeIsDN AuthLDAPInitialBindAsUser AuthLDAPInitialBindPattern AuthLDAPMaxSubGroupDepth
AuthLDAPRemoteUserAttribute AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser AuthLDAPSubGroupAttribute
AuthLDAPSubGroupClass AuthLDAPURL AuthMerging AuthName AuthnCacheContext AuthnCacheEnable AuthnCacheProvideFor
AuthnCacheSOCache AuthnCacheTimeout AuthnzFcgiCheckAuthnProvider AuthnzFcgiDefineProvider AuthType AuthUserFile
AuthzDBDLoginToReferer AuthzDBDQuery AuthzDBDRedirectQuery AuthzDBMType AuthzSendForbiddenOnFailure BalancerGrowth
BalancerInherit BalancerMember BalancerPersist BrotliAlterETag BrotliCompressionMaxInputBlock BrotliCompressionQuality
BrotliCompressionWindow BrotliFilterNote BrowserMatch BrowserMatchNoCase BufferedLogs BufferSize CacheDefaultExpire
CacheDetailHeader CacheDirLength CacheDirLevels CacheDisable CacheEnable CacheFile CacheHeader CacheIgnoreCacheControl
CacheIgnoreHeaders CacheIgnoreNoLastMod CacheIgnoreQueryString CacheIgnoreURLSessionIdentifiers CacheKeyBaseURL
CacheLastModifiedFactor CacheLock CacheLockMaxAge CacheLockPath CacheMaxExpire CacheMaxFileSize CacheMinExpire
CacheMinFileSize CacheNegotiatedDocs CacheQuickHandler CacheReadSize CacheReadTime CacheRoot CacheSocache
CacheSocacheMaxSize CacheSocacheMaxTime CacheSocacheMinTime CacheSocacheReadSize CacheSocacheReadTime
CacheStaleOnError CacheStoreExpired CacheStoreNoStore CacheStorePrivate CGIDScriptTimeout CGIPassAuth CGIScriptTimeout
CGIVar CharsetDefault CharsetOptions CharsetSourceEnc CheckBasenameMatch CheckCaseOnly CheckSpelling ChrootDir
ContentDigest CookieDomain CookieExpires CookieHttpOnly CookieName CookieSameSite CookieSecure CookieStyle
CookieTracking CoreDumpDirectory CustomLog Dav DavBasePath DavDepthInfinity DavGenericLockDB DavLockDB
DavLockDiscovery DavMinTimeout DBDExptime DBDInitSQL DBDKeep DBDMax DBDMin DBDParams DBDPersist DBDPrepareSQL DBDriver
DefaultIcon DefaultLanguage DefaultRuntimeDir DefaultType DeflateAlterETag DeflateBufferSize DeflateCompressionLevel
DeflateFilterNote DeflateInflateLimitRequestBody DeflateInflateRatioBurst DeflateInflateRatioLimit DeflateMemLevel
DeflateWindowSize Deny DirectoryCheckHandler DirectoryIndex DirectoryIndexRedirect DirectorySlash DocumentRoot
DumpIOInput DumpIOOutput EnableMMAP EnableSendfile Error ErrorDocument ErrorLog ErrorLogFormat ExpiresActive
ExpiresByType ExpiresDefault ExtendedStatus ExtFilterDefine ExtFilterOptions FallbackResource FancyIndexing FileETag
FilterChain FilterDeclare FilterProtocol FilterProvider FilterTrace FlushMaxPipelined FlushMaxThreshold
ForceLanguagePriority ForceType ForensicLog GlobalLog GracefulShutdownTimeout Group H2CopyFiles H2Direct H2EarlyHint
H2EarlyHints H2MaxDataFrameLen H2MaxHeaderBlockLen H2MaxSessionStreams H2MaxStreamErrors H2MaxWorkerIdleSeconds
H2MaxWorkers H2MinWorkers H2ModernTLSOnly H2OutputBuffering H2Padding H2ProxyRequests H2Push H2PushDiarySize
H2PushPriority H2PushResource H2SerializeHeaders H2SessionExtraFiles H2StreamMaxMemSize H2StreamTimeout
H2TLSCoolDownSecs H2TLSWarmUpSize H2Upgrade H2WebSockets H2WindowSize Header HeaderName HeartbeatAddress
HeartbeatListen HeartbeatMaxServers HeartbeatStorage HostnameLookups HttpProtocolOptions IdentityCheck
IdentityCheckTimeout ImapBase ImapDefault ImapMenu IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions
IndexOrderDefault IndexStyleSheet InputSed KeepAlive KeepAliveTimeout KeptBodySize LanguagePriority LDAPCacheEntries
LDAPCacheTTL LDAPConnectionPoolTTL LDAPConnectionTimeout LDAPLibraryDebug LDAPOpCacheEntries LDAPOpCacheTTL
LDAPReferralHopLimit LDAPReferrals LDAPRetries LDAPRetryDelay LDAPSharedCacheFile LDAPSharedCacheSize LDAPTimeout
LDAPTrustedClientCert LDAPTrustedGlobalCert LDAPTrustedMode LDAPVerifyServerCert LimitInternalRecursion
LimitRequestBody LimitRequestFields LimitRequestFieldSize LimitRequestLine LimitXMLRequestBody Listen ListenBacklog
ListenCoresBucketsRatio ListenTCPDeferAccept LoadFile LogFormat LogIOTrackTTFB LogLevel LogMessage LuaAuthzProvider
LuaCodeCache LuaHookAccessChecker LuaHookAuthChecker LuaHookCheckUserID LuaHookFixups LuaHookInsertFilter LuaHookLog
LuaHookMapToStorage LuaHookPreTranslateName LuaHookTranslateName LuaHookTypeChecker LuaInherit LuaInputFilter
LuaMapHandler LuaOutputFilter LuaPackageCPath LuaPackagePath LuaQuickHandler LuaRoot LuaScope MacroIgnoreBadNesting
MacroIgnoreEmptyArgs MaxClients MaxConnectionsPerChild MaxKeepAliveRequests MaxMemFree MaxRangeOverlaps
MaxRangeReversals MaxRanges MaxRequestsPerChild MaxRequestWorkers MaxSpareServers MaxSpareThreads MDActivationDelay
MDBaseServer MDCACertificateFile MDCAChallenges MDCertificateAgreement MDCertificateAuthority MDCertificateCheck
MDCertificateFile MDCertificateKeyFile MDCertificateProtocol MDCertificateStatus MDChallengeDns01
MDChallengeDns01Version MDCheckInterval MDContactEmail MDDriveMode MDExternalAccountBinding MDHttpProxy
MDHttpProxyCACertificateFile MDInitialDelay MDMatchNames MDMessageCmd MDMustStaple MDNotifyCmd MDomain MDPortMap
MDPrivateKeys MDProfile MDProfileMandatory MDRenewMode MDRenewViaARI MDRenewWindow MDRequireHttps MDRetryDelay
MDRetryFailover MDServerStatus MDStapleOthers MDStapling MDStaplingKeepResponse MDStaplingRenewWindow MDStoreDir
MDStoreLocks MDWarnWindow MemcacheConnTTL MergeSlashes MergeTrailers MetaDir MetaFiles MetaSuffix MimeMagicFile
MinSpareServers MinSpareThreads MMapFile ModemStandard ModMimeUsePathInfo MultiviewsMatch Mutex NameVirtualHost
NoProxy Options Order OutputSed PassEnv php_admin_flag php_admin_value php_flag php_value PHPINIDir PidFile Port
Protocol ProtocolEcho Protocols ProtocolsHonorOrder Proxy100Continue ProxyAddHeaders ProxyBadHeader ProxyBlock
ProxyDomain ProxyErrorOverride ProxyExpressDBMFile ProxyExpressDBMType ProxyExpressEnable ProxyFCGIBackendType
ProxyFCGISetEnvIf ProxyFtpDirCharset ProxyFtpEscapeWildcards ProxyFtpListOnWildcard ProxyHCExpr ProxyHCTemplate
ProxyHCTPsize ProxyHTMLBufSize ProxyHTMLCharsetOut ProxyHTMLDoctype ProxyHTMLEnable ProxyHTMLEvents ProxyHTMLExtended
ProxyHTMLFixups ProxyHTMLInterp ProxyHTMLLinks ProxyHTMLMeta ProxyHTMLStripComments ProxyHTMLURLMap ProxyIOBufferSize
ProxyMaxForwards ProxyPass ProxyPassInherit ProxyPassInterpolateEnv ProxyPassMatch ProxyPassReverse
ProxyPassReverseCookieDomain ProxyPassReverseCookiePath ProxyPreserveHost ProxyReceiveBufferSize ProxyRemote
ProxyRemoteMatch ProxyRequests ProxySCGIInternalRedirect ProxySCGISendfile ProxySet ProxySourceAddress ProxyStatus
ProxyTimeout ProxyVia ProxyWebsocketFallbackToProxyHttp QualifyRedirectURL ReadBufferSize ReadmeName ReceiveBufferSize
Redirect RedirectMatch RedirectPermanent RedirectRelative RedirectTemp RedisConnPoolTTL RedisTimeout ReflectorHeader
RegexDefaultOptions RegisterHttpMethod RemoteIPHeader RemoteIPInternalProxy RemoteIPInternalProxyList
RemoteIPProxiesHeader RemoteIPProxyProtocol RemoteIPProxyProtocolExceptions RemoteIPTrustedProxy
RemoteIPTrustedProxyList RemoveCharset RemoveEncoding RemoveHandler RemoveInputFilter RemoveLanguage
RemoveOutputFilter RemoveType RequestHeader RequestReadTimeout Require RewriteBase RewriteCond RewriteEngine
RewriteMap RewriteOptions RewriteRule RLimitCPU RLimitMEM RLimitNPROC Satisfy ScoreBoardFile Script ScriptAlias
ScriptAliasMatch ScriptLog ScriptLogBuffer ScriptLogLength ScriptSock SecAction SecAuditEngine SecAuditLog
SecCollectionTimeout SecComponentSignature SecDataDir SecDebugLog SecDebugLogLevel SecDefaultAction
SecRequestBodyAccess SecRequestBodyLimit SecRequestBodyLimitAction SecRequestBodyNoFilesLimit SecResponseBodyAccess
SecRule SecRuleEngine SecServerSignature SecTmpDir SeeRequestTail SendBufferSize ServerAdmin ServerAlias ServerLimit
ServerName ServerPath ServerRoot ServerSignature ServerTokens Session SessionCookieName SessionCookieName2
SessionCookieRemove SessionCryptoCipher SessionCryptoDriver SessionCryptoPassphrase SessionCryptoPassphraseFile
SessionDBDCookieName SessionDBDCookieName2 SessionDBDCookieRemove SessionDBDDeleteLabel SessionDBDInsertLabel
SessionDBDPerUser SessionDBDSelectLabel SessionDBDUpdateLabel SessionEnv SessionExclude SessionExpiryUpdateInterval
SessionHeader SessionInclude SessionMaxAge SetEnv SetEnvIf SetEnvIfExpr SetEnvIfNoCase SetHandler SetInputFilter
SetOutputFilter SSIEndTag SSIErrorMsg SSIEtag SSILastModified SSILegacyExprParser SSIStartTag SSITimeFormat
SSIUndefinedEcho SSLCACertificateFile SSLCACertificatePath SSLCADNRequestFile SSLCADNRequestPath SSLCARevocationCheck
SSLCARevocationFile SSLCARevocationPath SSLCertificateChainFile SSLCertificateFile SSLCertificateKeyFile
SSLCipherSuite SSLCompression SSLCryptoDevice SSLEngine SSLFIPS SSLHonorCipherOrder SSLInsecureRenegotiation SSLLog
SSLLogLevel SSLOCSPDefaultResponder SSLOCSPEnable SSLOCSPNoVerify SSLOCSPOverrideResponder SSLOCSPProxyURL
SSLOCSPResponderCertificateFile SSLOCSPResponderTimeout SSLOCSPResponseMaxAge SSLOCSPResponseTimeSkew
SSLOCSPUseRequestNonce SSLOpenSSLConfCmd SSLOptions SSLPassPhraseDialog SSLProtocol SSLProxyCACertificateFile
SSLProxyCACertificatePath SSLProxyCARevocationCheck SSLProxyCARevocationFile SSLProxyCARevocationPath
SSLProxyCheckPeerCN SSLProxyCheckPeerExpire SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine
SSLProxyMachineCertificateChainFile SSLProxyMachineCertificateFile SSLProxyMachineCertificatePath SSLProxyProtocol
SSLProxyVerify SSLProxyVerifyDepth SSLRandomSeed SSLRenegBufferSize SSLRequire SSLRequireSSL SSLSessionCache
SSLSessionCacheTimeout SSLSessionTicketKeyFile SSLSessionTickets SSLSRPUnknownUserSeed SSLSRPVerifierFile
SSLStaplingCache SSLStaplingErrorCacheTimeout SSLStaplingFakeTryLater SSLStaplingForceURL SSLStaplingResponderTimeout
SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew SSLStaplingReturnResponderErrors SSLStaplingStandardCacheTimeout
SSLStrictSNIVHostCheck SSLUserName SSLUseStapling SSLVerifyClient SSLVerifyDepth SSLVHostSNIPolicy StartServers
StrictHostCheck Substitute SubstituteInheritBefore SubstituteMaxLineLength Suexec SuexecUserGroup ThreadLimit
ThreadsPerChild ThreadStackSize Timeout TraceEnable TransferLog TypesConfig UnsetEnv UseCanonicalName
UseCanonicalPhysicalPort User UserDir VirtualDocumentRoot VirtualDocumentRootIP VirtualScriptAlias
VirtualScriptAliasIP WatchdogInterval WSGIApplicationGroup WSGIDaemonProcess WSGIPassAuthorization WSGIProcessGroup
WSGIPythonHome WSGIPythonPath WSGIScriptAlias XBitHack xml2EncAlias xml2EncDefault xml2StartParse
""")
}
"""The documentation's spelling by the spelling in small letters, of what it and common modules of others have."""

FLAGS = _names("""
AliasPreservePath Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserId Anonymous_VerifyEmail
AuthBasicAuthoritative AuthDigestNcCheck AuthFormAuthoritative AuthFormDisableNoStore AuthFormFakeBasicAuth
AuthLDAPBindAuthoritative AuthLDAPCompareAsUser AuthLDAPCompareDNOnServer AuthLDAPGroupAttributeIsDN
AuthLDAPInitialBindAsUser AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser AuthzDBDLoginToReferer
AuthzSendForbiddenOnFailure BalancerInherit BalancerPersist BufferedLogs CacheDetailHeader CacheHeader
CacheIgnoreCacheControl CacheIgnoreNoLastMod CacheIgnoreQueryString CacheLock CacheNegotiatedDocs CacheQuickHandler
CacheStaleOnError CacheStoreExpired CacheStoreNoStore CacheStorePrivate CGIPassAuth CheckBasenameMatch CheckCaseOnly
CheckSpelling ContentDigest CookieHttpOnly CookieSecure CookieTracking DavDepthInfinity DavLockDiscovery DBDPersist
DirectoryCheckHandler DirectorySlash DumpIOInput DumpIOOutput EnableMMAP EnableSendfile ExpiresActive ExtendedStatus
H2CopyFiles H2Direct H2EarlyHints H2ModernTLSOnly H2OutputBuffering H2ProxyRequests H2Push H2Upgrade H2WebSockets
IdentityCheck IndexIgnoreReset KeepAlive LDAPVerifyServerCert LogIOTrackTTFB MDBaseServer MDCertificateStatus
MDMustStaple MDProfileMandatory MDRenewViaARI MDServerStatus MDStapleOthers MDStapling MergeSlashes MergeTrailers
MetaFiles ModMimeUsePathInfo ProtocolEcho ProtocolsHonorOrder Proxy100Continue ProxyAddHeaders ProxyExpressEnable
ProxyFtpEscapeWildcards ProxyFtpListOnWildcard ProxyHTMLEnable ProxyHTMLExtended ProxyHTMLInterp ProxyHTMLMeta
ProxyHTMLStripComments ProxyPassInherit ProxyPassInterpolateEnv ProxyPreserveHost ProxyRequests
ProxyWebsocketFallbackToProxyHttp QualifyRedirectURL RedirectRelative RemoteIPProxyProtocol RewriteEngine
SeeRequestTail Session SessionCookieRemove SessionDBDCookieRemove SessionDBDPerUser SessionEnv SSIEtag SSILastModified
SSILegacyExprParser SSLCompression SSLEngine SSLFIPS SSLHonorCipherOrder SSLInsecureRenegotiation SSLOCSPNoVerify
SSLOCSPOverrideResponder SSLOCSPUseRequestNonce SSLProxyCheckPeerCN SSLProxyCheckPeerExpire SSLProxyCheckPeerName
SSLProxyEngine SSLSessionTickets SSLStaplingFakeTryLater SSLStaplingReturnResponderErrors SSLStrictSNIVHostCheck
SSLUseStapling StrictHostCheck SubstituteInheritBefore Suexec UseCanonicalPhysicalPort
""")
"""What is on or off and nothing else."""

NUMBERS = _names("""
AsyncRequestWorkerFactor AuthDigestNonceLifetime DBDKeep DBDMax DBDMin DeflateCompressionLevel H2MaxSessionStreams
H2MaxWorkers H2MinWorkers KeepAliveTimeout LDAPConnectionTimeout LimitRequestBody LimitRequestFields
LimitRequestFieldSize LimitRequestLine LimitXMLRequestBody ListenBacklog MaxClients MaxConnectionsPerChild
MaxKeepAliveRequests MaxMemFree MaxRequestsPerChild MaxRequestWorkers MaxSpareServers MaxSpareThreads MinSpareServers
MinSpareThreads ProxyMaxForwards ProxyTimeout SecDebugLogLevel SecRequestBodyLimit SecRequestBodyNoFilesLimit
ServerLimit SSLProxyVerifyDepth SSLRenegBufferSize SSLSessionCacheTimeout SSLVerifyDepth StartServers ThreadLimit
ThreadsPerChild ThreadStackSize Timeout
""")
"""What takes a plain number."""

LISTS = _names("""
AccessFileName AllowCONNECT AllowMethods AllowOverrideList AuthBasicProvider AuthDigestProvider DirectoryIndex FileETag
IndexIgnore IndexOptions LanguagePriority NoProxy PassEnv ProxyBlock Protocols RewriteOptions ServerAlias SSLOptions
UnsetEnv
""")
"""What takes a list of words."""

REPEATED = _names("""
AcceptFilter Action AddAlt AddAltByEncoding AddAltByType AddCharset AddDescription AddEncoding AddHandler AddIcon
AddIconByEncoding AddIconByType AddInputFilter AddLanguage AddOutputFilter AddOutputFilterByType AddType Alias
AliasMatch Allow BalancerMember BrowserMatch BrowserMatchNoCase CacheDisable CacheEnable CGIVar CustomLog Deny
ErrorDocument ErrorLogFormat ExpiresByType ExtFilterDefine FilterChain FilterDeclare FilterProvider GlobalLog
H2PushResource Header LDAPTrustedGlobalCert Listen LoadFile LogFormat LuaHookAccessChecker LuaHookAuthChecker
LuaHookFixups LuaHookLog LuaMapHandler Mutex NameVirtualHost php_admin_flag php_admin_value php_flag php_value
ProxyHCExpr ProxyHCTemplate ProxyHTMLURLMap ProxyPass ProxyPassMatch ProxyPassReverse ProxyPassReverseCookieDomain
ProxyPassReverseCookiePath ProxyRemote ProxyRemoteMatch ProxySet Redirect RedirectMatch RedirectPermanent RedirectTemp
RemoteIPInternalProxy RemoteIPTrustedProxy RemoveHandler RemoveType RequestHeader Require RewriteCond RewriteMap
RewriteRule ScriptAlias ScriptAliasMatch SecAction SecRule SetEnv SetEnvIf SetEnvIfExpr SetEnvIfNoCase
SSLCACertificateFile SSLCertificateFile SSLCertificateKeyFile SSLOpenSSLConfCmd SSLRandomSeed Substitute
WSGIDaemonProcess WSGIScriptAlias
""")
"""Directives that may be repeated: always a tuple with one element each time. Of other known directives the last one counts."""

WORDS = {
    name: {word.lower(): word for word in words.split()} | dict(others)
    for name, words, others in (
        ("AcceptPathInfo", "On Off Default", ()),
        ("AllowEncodedSlashes", "On Off NoDecode", ()),
        ("EnableSendfile", "On Off", ()),
        ("HostnameLookups", "On Off Double", ()),
        ("Satisfy", "All Any", ()),
        ("SecRuleEngine", "On Off DetectionOnly", ()),
        ("ServerSignature", "On Off EMail", ()),
        ("ServerTokens", "Major Minor Minimal Prod OS Full", (("min", "Minimal"), ("productonly", "Prod"))),
        ("SSLVerifyClient", "none optional require optional_no_ca", ()),
        ("TraceEnable", "on off extended", ()),
        ("UseCanonicalName", "On Off DNS", ()),
    )
}
"""The words that a directive knows, in the documentation's spelling, by the spelling in small letters."""

OPTIONS = ("ExecCGI", "FollowSymLinks", "Includes", "IncludesNOEXEC", "Indexes", "MultiViews", "SymLinksIfOwnerMatch")
ALL_OPTIONS = frozenset({"ExecCGI", "FollowSymLinks", "Includes", "Indexes"})
"""The meaning of `Options All`."""

OVERRIDES = ("AuthConfig", "FileInfo", "Indexes", "Limit", "Options")
PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

SECTIONS = {
    name.replace("_", ""): name
    for name in _names("""
authn_provider_alias authz_provider_alias directory directory_match else else_if files files_match if limit limit_except
location location_match lua_hook_access_checker lua_hook_auth_checker lua_hook_check_user_id lua_hook_fixups
lua_hook_map_to_storage lua_hook_pre_translate_name lua_hook_translate_name lua_hook_type_checker lua_quick_handler
proxy proxy_match require_all require_any require_none virtual_host
""")
} | {"mdomain": "md_domain", "mdomainset": "md_domain_set"}
"""The names of sections as keys have them, by their name in small letters."""

NUMBERED = _names("else else_if if require_all require_any require_none virtual_host")
"""Sections that a key counts; others it names."""

VIRTUAL_HOST = _names("""
AllowEncodedSlashes CustomLog DirectoryIndex DocumentRoot EnableSendfile ErrorLog FileETag HostnameLookups
HttpProtocolOptions KeepAlive KeepAliveTimeout LimitRequestBody LimitRequestFields LimitRequestFieldSize
LimitRequestLine LogLevel MaxKeepAliveRequests MergeSlashes Options Protocols ProtocolsHonorOrder ProxyPreserveHost
ProxyRequests ProxyTimeout ProxyVia RequestReadTimeout SecRuleEngine ServerAdmin ServerName ServerPath ServerSignature
SSLCACertificateFile SSLCACertificatePath SSLCARevocationCheck SSLCARevocationFile SSLCARevocationPath
SSLCertificateChainFile SSLCertificateFile SSLCertificateKeyFile SSLCipherSuite SSLCompression SSLEngine
SSLHonorCipherOrder SSLInsecureRenegotiation SSLOCSPEnable SSLOptions SSLProtocol SSLProxyCheckPeerCN
SSLProxyCheckPeerExpire SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine SSLProxyProtocol SSLProxyVerify
SSLProxyVerifyDepth SSLSessionTickets SSLStrictSNIVHostCheck SSLUseStapling SSLVerifyClient SSLVerifyDepth Timeout
TraceEnable TransferLog UseCanonicalName
""")
"""What a virtual host takes over from the server, unless it sets it itself."""

DEFAULTS: dict[str, dict[str, Value]] = {
    "core_module": {
        "AllowOverride": (),
        "HostnameLookups": "Off",
        "KeepAlive": True,
        "LimitRequestBody": 1 << 30,
        "LimitRequestFieldSize": 8190,
        "LimitRequestFields": 100,
        "LimitRequestLine": 8190,
        "MaxKeepAliveRequests": 100,
        "Options": ("FollowSymLinks",),
        "ServerSignature": "Off",
        "ServerTokens": "Full",
        "Timeout": 60,
        "TraceEnable": "on",
        "UseCanonicalName": "Off",
    },
    "proxy_module": {"ProxyPreserveHost": False, "ProxyRequests": False},
    "ssl_module": {
        "SSLCompression": False,
        "SSLEngine": False,
        "SSLHonorCipherOrder": False,
        "SSLInsecureRenegotiation": False,
        "SSLProtocol": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        "SSLSessionTickets": True,
        "SSLVerifyClient": "none",
    },
}
"""The defaults that decide how safe a server is, by the module that has them, as the newest release has them."""

SOURCES = {
    "core.c": "core_module",
    "event.c": "mpm_event_module",
    "http_core.c": "http_module",
    "prefork.c": "mpm_prefork_module",
    "util_ldap.c": "ldap_module",
    "worker.c": "mpm_worker_module",
}
"""Modules whose source file is not called after them."""

BUILT_IN = ("core_module", "so_module", "http_module")
BUILT_IN_DEBIAN = (
    "core_module",
    "so_module",
    "watchdog_module",
    "http_module",
    "log_config_module",
    "logio_module",
    "version_module",
    "unixd_module",
)
"""The modules that are compiled in, as distributions build it and as Debian does."""
