"""Which Maven group an archive belongs to when no pom in it says so: its manifest, its folder, and what is widely known.

The bundle plugin's symbolic names are read backwards; folders are those of Maven's repository layout and Gradle's cache.
"""

from __future__ import annotations

from collections.abc import Mapping

from hullmark.model.late import late

_GROUP = late(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_MAVEN_FOLDER = late(r"(?:^|/)(?:repository|maven-repo|m2)/(.+)/([^/]+)/([^/]+)/([^/]+)$")
_GRADLE_FOLDER = late(r"/files-2\.1/([^/]+)/([^/]+)/([^/]+)/[0-9a-f]+/[^/]+$")
_SCALA_VERSION = late(r"_\d+(?:\.\d+)*$")

# Houses, not groups: archives that name only these do not say which of the house's groups they are of.
_UMBRELLAS = frozenset(
    ("org.apache", "com.google", "org.eclipse", "com.sun", "org.codehaus", "com.ibm", "com.oracle", "org.jboss")
)


def group_of(artifact: str, version: str, path: str, manifest: Mapping[str, str]) -> str:
    """The group of an archive that is this artifact; empty if nothing tells it for certain.

    `path` is the archive's in the image or in the archive around it.
    """
    return (
        _group_of_folder(artifact, version, path)
        or _group(manifest.get("Group-Id", ""))
        or _group_of_vendor(manifest.get("Implementation-Vendor-Id", ""), artifact)
        or _known_group(artifact)
        or _group_of_module(without_directives(manifest.get("Bundle-SymbolicName", "")), artifact)
        or _group_of_module(manifest.get("Automatic-Module-Name", ""), artifact)
    )


def without_directives(name: str) -> str:
    """An OSGi name without what follows its first semicolon."""
    return name.partition(";")[0].strip()


def _group(text: str) -> str:
    text = without_directives(text).partition("#")[0]
    return text if _GROUP.fullmatch(text) and text not in _UMBRELLAS else ""


def _group_of_vendor(text: str, artifact: str) -> str:
    group = _group(text)
    return group if "." in group or group == artifact else ""


def _group_of_folder(artifact: str, version: str, path: str) -> str:
    if (match := _GRADLE_FOLDER.search(path)) and match[2] == artifact:
        return _group(match[1])
    match = _MAVEN_FOLDER.search(path)
    if match and match[2] == artifact and match[3] == version and match[4].startswith(f"{artifact}-{version}"):
        return _group(match[1].replace("/", "."))
    return ""


def _group_of_module(module: str, artifact: str) -> str:
    """Undo what makes a module's name of coordinates: GROUP.ARTIFACT, less what the two have in common.

    So `org.opensaml.core` is org.opensaml:opensaml-core, and `org.apache.ant` is org.apache.ant:ant.
    """
    group, _, last = module.rpartition(".")
    if not group or not _GROUP.fullmatch(module):
        return ""
    if module != artifact and _normalise_name(last) == _normalise_name(artifact):
        return group if "." in group and group not in _UMBRELLAS else _group(module)
    is_whole = module == artifact or _normalise_name(f"{group.rpartition('.')[2]}-{last}") == _normalise_name(artifact)
    return _group(group) if is_whole and "." in group else ""


def _normalise_name(name: str) -> str:
    """Module names cannot have dashes, and Scala's artifacts end with the version of the language."""
    return _SCALA_VERSION.sub("", name).replace("_", "-")


def _known_group(artifact: str) -> str:
    artifact = _SCALA_VERSION.sub("", artifact)
    if artifact in _GROUP_OF:
        return _GROUP_OF[artifact]
    return next((group for start, group in _GROUP_OF_FAMILY if artifact.startswith(start)), "")


# Widespread artifacts whose archives often do not say what group they are of: most were not built by Maven.
_ARTIFACTS = {
    "antlr": "antlr",
    "aopalliance": "aopalliance",
    "ch.qos.logback": "logback-access logback-classic logback-core",
    "com.fasterxml.jackson.core": "jackson-annotations jackson-core jackson-databind",
    "com.google.code.findbugs": "jsr305",
    "com.google.code.gson": "gson",
    "com.google.guava": "guava",
    "com.google.inject": "guice guice-assistedinject guice-multibindings guice-servlet",
    "com.google.protobuf": "protobuf-java protobuf-java-util",
    "com.h2database": "h2",
    "com.microsoft.sqlserver": "mssql-jdbc",
    "com.mysql": "mysql-connector-j",
    "com.squareup.okhttp3": "okhttp",
    "com.squareup.okio": "okio",
    "com.thoughtworks.xstream": "xstream",
    "commons-beanutils": "commons-beanutils",
    "commons-cli": "commons-cli",
    "commons-codec": "commons-codec",
    "commons-collections": "commons-collections",
    "commons-configuration": "commons-configuration",
    "commons-dbcp": "commons-dbcp",
    "commons-digester": "commons-digester",
    "commons-fileupload": "commons-fileupload",
    "commons-httpclient": "commons-httpclient",
    "commons-io": "commons-io",
    "commons-lang": "commons-lang",
    "commons-logging": "commons-logging",
    "commons-net": "commons-net",
    "commons-pool": "commons-pool",
    "commons-validator": "commons-validator",
    "io.micrometer": "micrometer-core",
    "io.netty": "netty-all",
    "io.projectreactor": "reactor-core",
    "javax.activation": "activation",
    "javax.inject": "javax.inject",
    "javax.servlet": "javax.servlet-api",
    "javax.servlet.jsp": "jsp-api",
    "javax.transaction": "jta",
    "javax.xml.bind": "jaxb-api",
    "junit": "junit",
    "log4j": "log4j",
    "mysql": "mysql-connector-java",
    "org.apache.ant": "ant ant-junit ant-launcher",
    "org.apache.commons": (
        "commons-collections4 commons-compress commons-configuration2 commons-csv commons-dbcp2 commons-exec"
        " commons-lang3 commons-math3 commons-pool2 commons-text commons-vfs2"
    ),
    "org.apache.derby": "derby derbyclient derbynet derbyshared derbytools",
    "org.apache.kafka": "kafka-clients kafka-streams",
    "org.apache.logging.log4j": "log4j-1.2-api log4j-api log4j-core log4j-jcl log4j-jul log4j-slf4j-impl log4j-web",
    "org.apache.poi": "poi poi-ooxml poi-ooxml-schemas poi-scratchpad",
    "org.apache.struts": "struts2-core",
    "org.apache.thrift": "libthrift",
    "org.apache.tomcat": "catalina catalina-ant catalina-ha catalina-tribes jasper jasper-el",
    "org.apache.xmlbeans": "xmlbeans",
    "org.apache.zookeeper": "zookeeper",
    "org.codehaus.jackson": "jackson-core-asl jackson-jaxrs jackson-mapper-asl jackson-xc",
    "org.elasticsearch": "elasticsearch",
    "org.hsqldb": "hsqldb",
    "org.lz4": "lz4-java",
    "org.mariadb.jdbc": "mariadb-java-client",
    "org.ow2.asm": "asm asm-all asm-analysis asm-commons asm-tree asm-util",
    "org.postgresql": "postgresql",
    "org.scala-lang": "scala-compiler scala-library scala-reflect",
    "org.slf4j": "jcl-over-slf4j jul-to-slf4j log4j-over-slf4j slf4j-api slf4j-jdk14 slf4j-log4j12 slf4j-simple",
    "org.springframework": (
        "spring-aop spring-aspects spring-beans spring-context spring-context-indexer spring-context-support spring-core"
        " spring-expression spring-instrument spring-jcl spring-jdbc spring-jms spring-messaging spring-orm spring-oxm"
        " spring-r2dbc spring-test spring-tx spring-web spring-webflux spring-webmvc spring-websocket"
    ),
    "org.yaml": "snakeyaml",
    "oro": "oro",
    "xalan": "xalan serializer",
    "xerces": "xercesImpl",
    "xml-apis": "xml-apis",
    "xpp3": "xpp3 xpp3_min",
}
_GROUP_OF = {artifact: group for group, artifacts in _ARTIFACTS.items() for artifact in artifacts.split()}
_GROUP_OF_FAMILY = (
    ("spring-boot", "org.springframework.boot"),
    ("spring-security-", "org.springframework.security"),
    ("tomcat-embed-", "org.apache.tomcat.embed"),
    ("tomcat-", "org.apache.tomcat"),
    ("bcmail-", "org.bouncycastle"),
    ("bcpg-", "org.bouncycastle"),
    ("bcpkix-", "org.bouncycastle"),
    ("bcprov-", "org.bouncycastle"),
    ("bcutil-", "org.bouncycastle"),
    ("lucene-", "org.apache.lucene"),
    ("hadoop-", "org.apache.hadoop"),
    ("kotlin-", "org.jetbrains.kotlin"),
    ("solr-", "org.apache.solr"),
    ("kotlinx-coroutines-", "org.jetbrains.kotlinx"),
)
