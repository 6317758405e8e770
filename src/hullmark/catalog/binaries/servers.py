"""Servers: web, data bases, messages, what carries and watches them."""

from __future__ import annotations

from hullmark.catalog.binaries.classifier import XYZ, Classifier, Rule, after, alone

_HOST = rb"[0-9a-f]{12}-\d{10,20}"
_BUILD = rb"[A-Za-z][\w.-]{1,63}-\d{10,20}\x00"
_HAPROXY = rb"\d{1,2}\.\d{1,3}(?:\.\d{1,3}|-dev\d{1,3}|-rc\d{1,3})?(?:-(?:dev|rc)\d{1,3})?"
_PRE = rb"(?:-(?:alpha|beta|rc)\.?\d{0,3})?"

_ENVOY = rb"1\.\d{1,3}\.\d{1,3}(?:-dev)?"
_OF_ENVOY = rb"envoy[._/](?!\d)|ValidationError|Unable to|RELEASE\x00|TLS |\[source/|\x00source/common/"

WEB = (
    Classifier(
        key="nginx",
        name="nginx",
        purl="pkg:generic/nginx",
        files=("nginx", "nginx-debug"),
        rules=(
            Rule(
                rb"[\x00?]nginx version: [^/\x00\n]{1,64}/(\d{1,3}\.\d{1,3}\.\d{1,3}(?:\+\d{1,4})?(?:-\d{1,4})?)",
                b"nginx version: ",
            ),
        ),
        cpes=("f5:nginx", "nginx:nginx"),
        brings=("../modules", "../lib/nginx/modules"),
    ),
    Classifier(
        key="httpd",
        name="httpd",
        purl="pkg:generic/httpd",
        files=("httpd", "apache2"),
        rules=(after(b"Apache/"),),
        cpes=("apache:http_server",),
        aliases=("apache2",),
        brings=("../modules",),
    ),
    Classifier(
        key="lighttpd",
        name="lighttpd",
        purl="pkg:generic/lighttpd",
        files=("lighttpd",),
        rules=(alone(before=b"lighttpd/"),),
        cpes=("lighttpd:lighttpd",),
        brings=("../lib/lighttpd",),
    ),
    Classifier(
        key="haproxy",
        name="haproxy",
        purl="pkg:generic/haproxy",
        files=("haproxy",),
        rules=(
            Rule(
                b"version (" + _HAPROXY + rb")(?:-[0-9a-f]{5,12})?(?:-\d{1,5})?(?:\+[\w.~+-]{1,40})?, released 20",
                b", released 20",
            ),
            after(b"HA-Proxy version ", _HAPROXY),
            Rule(b"(" + _HAPROXY + rb")-[0-9a-f]{5,12}[^\n]{0,200}?HA-?Proxy version", b"Proxy version"),
            Rule(b"(" + _HAPROXY + rb")-[0-9a-f]{5,12}", near=b"HA-?Proxy version", within=400),
        ),
        cpes=("haproxy:haproxy",),
    ),
    Classifier(
        key="traefik",
        name="traefik",
        purl="pkg:generic/traefik",
        files=("traefik",),
        rules=(Rule(rb"(?:\x00|\xef\xbf\xbd)v?([123]\.\d{1,2}\.\d{1,2}" + _PRE + rb")\x00"),),
        cpes=("traefik:traefik",),
    ),
    Classifier(
        key="envoy",
        name="envoy",
        purl="pkg:generic/envoy",
        files=("envoy",),
        rules=tuple(
            Rule(rb"\x00(" + _ENVOY + rb")\x00", b"\x001.", _OF_ENVOY, within) for within in (48, 128, 320, 900)
        ),
        cpes=("envoyproxy:envoy",),
        aliases=("envoyproxy",),
    ),
    Classifier(
        key="ingress-nginx",
        name="nginx-ingress-controller",
        purl="pkg:generic/nginx-ingress-controller",
        files=("nginx-ingress-controller",),
        rules=(
            Rule(rb"v(" + XYZ + _PRE + rb")\x00", near=rb"\x00go1\.\d{1,3}", within=32),
            Rule(rb"v(" + XYZ + _PRE + rb")\x00\x00"),
            Rule(rb"v(" + XYZ + _PRE + rb")\x00"),
        ),
        cpes=("kubernetes:ingress-nginx",),
        aliases=("ingress-nginx",),
    ),
    Classifier(
        key="proftpd",
        name="proftpd",
        purl="pkg:generic/proftpd",
        files=("proftpd",),
        rules=(alone(XYZ + b"(?:[a-z]|rc\\d{1,2})?", before=b"ProFTPD Version "),),
        cpes=("proftpd:proftpd",),
    ),
    *(
        Classifier(
            key=name,
            name=name,
            purl="pkg:generic/istio",
            files=(name,),
            rules=(
                Rule(rb"\x00" + XYZ + _PRE + rb"\x00{1,8}(" + XYZ + _PRE + rb")\x00"),
                Rule(rb"\x00Clean\x00{1,16}(" + XYZ + _PRE + rb")\x00", b"Clean"),
                Rule(rb"\x00Modified\x00{1,16}(\d{1,3}\.\d{1,3}(?:\.\d{1,3})?-dev)\x00", b"Modified"),
                Rule(
                    rb"\x00(" + XYZ + _PRE + rb")\x00{1,40}\xff{0,8}\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08",
                    b"\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08",
                ),
            ),
            cpes=("istio:istio",),
            aliases=("istio",),
        )
        for name in ("pilot-discovery", "pilot-agent")
    ),
    Classifier(
        key="openldap",
        name="openldap",
        purl="pkg:generic/openldap",
        files=("ldapsearch",),
        rules=(after(b"$OpenLDAP: ldapsearch "),),
        cpes=("openldap:openldap",),
        aliases=("ldap-utils",),
    ),
)

_MYSQL = "oracle:mysql"
_CLUSTER = after(b"/mysql-cluster-gpl-", XYZ, b"/")

DATA = (
    Classifier(
        key="redis",
        name="redis",
        purl="pkg:generic/redis",
        files=("redis-server", "redis-check-rdb", "redis-check-aof"),
        rules=(
            Rule(rb"(\d{1,3}\.\d{1,3}\.\d{1,3})buildkitsandbox-\d", b"buildkitsandbox-"),
            Rule(rb"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}?)" + _HOST),
            after(b"Redis version "),
            after(b"Redis version=", XYZ, b","),
            Rule(rb"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})" + _BUILD),
        ),
        cpes=("redis:redis", "redislabs:redis"),
    ),
    Classifier(
        key="valkey",
        name="valkey",
        purl="pkg:generic/valkey",
        files=("valkey-server",),
        rules=(
            Rule(rb"(\d{1,3}\.\d{1,3}\.\d{1,3})buildkitsandbox-\d", b"buildkitsandbox-"),
            Rule(rb"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}?)" + _HOST),
            Rule(rb"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})" + _BUILD),
        ),
        cpes=("lfprojects:valkey", "valkey-io:valkey"),
    ),
    Classifier(
        key="memcached",
        name="memcached",
        purl="pkg:generic/memcached",
        files=("memcached",),
        rules=(after(b"memcached "),),
        cpes=("memcached:memcached",),
    ),
    Classifier(
        key="postgresql",
        name="postgresql",
        purl="pkg:generic/postgresql",
        files=("postgres",),
        rules=(
            Rule(
                rb"[\x00?]PostgreSQL (\d{1,3}(?:\.\d{1,3}){0,2}(?:(?:alpha|beta|rc)\d{1,2})?)(?= on | \()",
                b"PostgreSQL ",
            ),
            Rule(rb"[\x00?]PostgreSQL (\d{1,3}(?:\.\d{1,3}){0,2}(?:(?:alpha|beta|rc)\d{1,2})?)", b"PostgreSQL "),
        ),
        cpes=("postgresql:postgresql",),
        brings=("../lib/postgresql",),
    ),
    Classifier(
        key="percona-xtradb-cluster",
        name="percona-xtradb-cluster",
        purl="pkg:generic/percona-xtradb-cluster",
        files=("mysql", "mysqld"),
        family="mysql",
        rules=(after(b"/Percona-XtraDB-Cluster-"),),
        cpes=("percona:xtradb_cluster", _MYSQL),
    ),
    Classifier(
        key="percona-server",
        name="percona-server",
        purl="pkg:generic/percona-server",
        files=("mysql", "mysqld"),
        family="mysql",
        rules=(after(b"/percona-server-"),),
        cpes=("percona:percona_server", _MYSQL),
    ),
    Classifier(
        key="mysql-cluster",
        name="mysql-cluster",
        purl="pkg:generic/mysql-cluster",
        files=("mysqld", "ndbd", "ndbmtd", "ndb_mgmd"),
        rules=(
            Rule(rb"cluster-gpl\x00{1,16}" + XYZ + rb"-ndb-(" + XYZ + b")", b"-ndb-"),
            Rule(XYZ + rb"-ndb-(" + XYZ + b")", b"-ndb-", b"cluster-gpl", 128),
            _CLUSTER,
        ),
        cpes=("oracle:mysql_cluster",),
        aliases=("mysql",),
    ),
    Classifier(
        key="mysql-server",
        name="mysql-server",
        purl="pkg:generic/mysql-server",
        files=("mysqld",),
        rules=(
            Rule(rb"cluster-gpl\x00{1,16}(" + XYZ + b")-ndb-", b"-ndb-"),
            Rule(b"(" + XYZ + b")-ndb-", b"-ndb-", b"cluster-gpl", 128),
            after(b"/mysql-", XYZ, b"/"),
        ),
        cpes=(_MYSQL, "oracle:mysql_server"),
        family="mysql",
        aliases=("mysql",),
    ),
    Classifier(
        key="mariadb",
        name="mariadb",
        purl="pkg:generic/mariadb",
        files=("mariadb", "mariadbd", "mysql", "mysqld"),
        family="mysql",
        rules=(Rule(b"(" + XYZ + b")-MariaDB", b"-MariaDB"), after(b"mariadb-", XYZ, b"-")),
        cpes=("mariadb:mariadb",),
        brings=("../lib/mysql/plugin", "../lib/plugin"),
    ),
    Classifier(
        key="mysql",
        name="mysql",
        purl="pkg:generic/mysql",
        files=("mysql",),
        family="mysql",
        rules=(Rule(rb"\x00(" + XYZ + rb")\x00{1,16}mysql"), after(b"/mysql-")),
        cpes=(_MYSQL,),
    ),
    Classifier(
        key="percona-xtrabackup",
        name="percona-xtrabackup",
        purl="pkg:generic/percona-xtrabackup",
        files=("xtrabackup",),
        rules=(after(b"/percona-xtrabackup-"),),
        cpes=("percona:xtrabackup",),
    ),
    Classifier(
        key="mongodb",
        name="mongodb",
        purl="pkg:generic/mongodb",
        files=("mongod", "mongos"),
        rules=(Rule(rb"(?<![\d.])(" + XYZ + rb")\x00{1,8}(?:tcmalloc|heap_size|cppdefines)"),),
        cpes=("mongodb:mongodb",),
    ),
    Classifier(
        key="arangodb",
        name="arangodb",
        purl="pkg:generic/arangodb",
        files=("arangosh", "arangod"),
        rules=(Rule(b"(" + XYZ + rb"(?:-\d{1,4})?) (?:enterprise )?\[linux\]", b" [linux]"),),
        cpes=("arangodb:arangodb",),
    ),
    Classifier(
        key="sqlcipher",
        name="sqlcipher",
        purl="pkg:generic/sqlcipher",
        files=("sqlcipher",),
        rules=(
            alone(XYZ, rb"sqlcipher_|\x00community\x00", 256),
            Rule(rb"(?<!\d)\x00(" + XYZ + rb")\x00"),
        ),
        cpes=("zetetic:sqlcipher",),
    ),
)

_PLACE = rb"(?:-(?:beta\d{0,2}|test|preview))?"
_RELEASE = rb"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}" + _PLACE + rb")(?:\+security-\d{1,3})?"
_GRAFANA = (
    Rule(rb"\x00release-(" + XYZ + rb")", b"release-"),
    Rule(rb"(?<![\d.])(" + XYZ + rb"-\d{5,8})\x00"),
    Rule(_RELEASE + rb"\x00{1,8}v\d{1,3}\.\d{1,3}\.x\x00", b".x\0"),
    Rule(_RELEASE + rb"\x00[\x00-\xff]{0,24}?\x00go1\.\d", b"\0go1."),
    Rule(rb"\x00go1\.[\d.]{1,8}\x00{1,24}" + _RELEASE + rb"\x00", b"\0go1."),
    Rule(_RELEASE + rb"\x00{1,24}/usr/local/go", b"/usr/local/go"),
    Rule(_RELEASE + rb"\x00[\x00-\xff]{0,64}?/usr/local/go", b"/usr/local/go"),
    Rule(rb"HEAD[\x00:]{1,32}" + _RELEASE + rb"\x00", b"HEAD"),
    Rule(_RELEASE + rb"\x00", near=b"HEAD", within=64),
)
_BEAT = (
    Rule(rb"(?:Test |plugin\[output\])(" + XYZ + rb")"),
    Rule(rb"5m\.rate(" + XYZ + rb")-", b"5m.rate"),
)

WATCHERS = (
    Classifier(
        key="grafana",
        name="grafana",
        purl="pkg:generic/grafana",
        files=("grafana", "grafana-server"),
        rules=_GRAFANA,
        cpes=("grafana:grafana",),
    ),
    *(
        Classifier(
            key=name,
            name=name,
            purl=f"pkg:generic/{name}",
            files=(name,),
            rules=_BEAT,
            cpes=(f"elastic:{name}", "elastic:beats"),
            any_form=True,
        )
        for name in ("filebeat", "metricbeat", "heartbeat", "packetbeat", "auditbeat")
    ),
    Classifier(
        key="elastic-agent",
        name="elastic-agent",
        purl="pkg:generic/elastic-agent",
        files=("elastic-agent",),
        rules=(
            Rule(rb"enroll(?:: true)?(" + XYZ + rb")-?header", b"enroll"),
            Rule(rb"PM(" + XYZ + rb"):https", b":https"),
        ),
        cpes=("elastic:elastic_agent",),
        any_form=True,
    ),
    Classifier(
        key="fluent-bit",
        name="fluent-bit",
        purl="pkg:github/fluent/fluent-bit",
        files=("fluent-bit",),
        rules=(Rule(rb"\x00(" + XYZ + rb")\x00(?:\x1b\[[\d;]{1,5}m|\x00|%s){0,12}Fluent", b"Fluent"),),
        cpes=("treasuredata:fluent_bit", "fluentbit:fluent_bit"),
    ),
    Classifier(
        key="consul",
        name="consul",
        purl="pkg:golang/github.com/hashicorp/consul",
        files=("consul",),
        rules=(
            after(b"CONSUL_VERSION: "),
            after(b"GitDescribe=v", XYZ + _PRE),
            after(b"GitDescribe=", XYZ + _PRE),
            alone(XYZ + _PRE, before=b"v"),
        ),
        cpes=("hashicorp:consul",),
    ),
    Classifier(
        key="vault",
        name="github.com/hashicorp/vault",
        purl="pkg:golang/github.com/hashicorp/vault",
        files=("vault",),
        rules=(
            Rule(rb"state(1\.\d{1,2}\.\d{1,2}-rc\d{1,2})", b"state1."),
            Rule(rb"revoke(1\.\d{1,2}\.\d{1,2}?)(?=123-abc|\D)", b"revoke1."),
            Rule(rb"016x(1\.\d{1,2}\.\d{1,2}?)(?=123-abc|\D)", b"016x1."),
            alone(rb"1\.\d{1,2}\.\d{1,2}(?:-rc\d{1,2})?"),
        ),
        cpes=("hashicorp:vault",),
        any_form=True,
    ),
    Classifier(
        key="helm",
        name="helm",
        purl="pkg:golang/helm.sh/helm",
        files=("helm",),
        rules=(
            Rule(rb"\x00clean\x00{1,8}v(" + XYZ + _PRE + rb")\x00", b"clean"),
            Rule(rb"[\x00@]v(" + XYZ + _PRE + rb")\x00", near=rb"\x00go1\.\d{1,3}", within=32),
            Rule(rb"@v(" + XYZ + _PRE + rb")\x00", b"@v"),
            alone(XYZ + _PRE, before=b"v"),
        ),
        cpes=("helm:helm",),
    ),
)

CLASSIFIERS = (*WEB, *DATA, *WATCHERS)
