"""Which Maven artifact an archive is: from the poms in it, its manifest, its file name and the folder it stands in.

Follows the file naming of Maven's repository layout (artifact-version-classifier.jar), and the rule by which the bundle
plugin makes symbolic names of coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hullmark.catalog.java_metadata import Pom

JENKINS_GROUP = "org.jenkins-ci.plugins"

_VERSION = re.compile(r"-(?=\d|build\d|rc?\d+(?![a-z]))", re.IGNORECASE)
_ODD_VERSION = re.compile(r"[._-](?=(?:\d|build\d|rc?\d+$))", re.IGNORECASE)
_CLASSIFIER = re.compile(
    r"-(?:sources|javadoc|tests?|test-sources|jar-with-dependencies|(?:linux|osx|windows|darwin)[_-][\w-]*)$"
)
_GROUP = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_IDENTIFIER = re.compile(r"[^\W\d]")
_MAVEN_FOLDER = re.compile(r"(?:^|/)(?:repository|maven-repo|m2)/(.+)/([^/]+)/([^/]+)/([^/]+)$")
_GRADLE_FOLDER = re.compile(r"/files-2\.1/([^/]+)/([^/]+)/([^/]+)/[0-9a-f]+/[^/]+$")
_NAME_HEADERS = ("Bundle-Name", "Short-Name", "Extension-Name", "Implementation-Title")
_VERSION_HEADERS = ("Implementation-Version", "Specification-Version", "Plugin-Version", "Bundle-Version")
_TITLE_HEADERS = ("Implementation-Title", "Extension-Name", "Short-Name", "Bundle-SymbolicName")
_BOUNDARIES = ("-", ".", "_")
_NO_MATCH = 9

# Houses, not groups: archives that name only these do not say which of the house's groups they are of.
_UMBRELLAS = frozenset(
    ("org.apache", "com.google", "org.eclipse", "com.sun", "org.codehaus", "com.ibm", "com.oracle", "org.jboss")
)


class FileName(NamedTuple):
    """An archive's file name, taken apart. `version` is empty if it has none."""

    stem: str
    name: str
    version: str


class Artifact(NamedTuple):
    """Maven coordinates; empty strings where they could not be told."""

    group: str
    artifact: str
    version: str


def split_file_name(file_name: str) -> FileName:
    """Take `NAME-VERSION.jar` apart (also `NAME_VERSION.jar`, `NAME.VERSION.jar`).

    The version begins with a digit, with `build` and a digit, or is a revision such as `r09`.
    """
    stem = file_name.rpartition(".")[0] or file_name
    for pattern in (_VERSION, _ODD_VERSION):
        match = pattern.search(stem, 1)
        if match:
            return FileName(stem, stem[: match.start()], _CLASSIFIER.sub("", stem[match.end() :]))
    return FileName(stem, _CLASSIFIER.sub("", stem), "")


def main_pom(poms: Sequence[Pom], file: FileName, manifest: Mapping[str, str]) -> Pom | None:
    """The pom that describes the archive itself, not what was packed into it; None if no pom fits.

    It fits best whose artifact and version make up the file name, then by the artifact alone, then one whose artifact
    ends or begins with the name, then one that the manifest names; a single pom fits if nothing speaks against it.
    """
    ranked = [(_rank(pom, file, manifest), pom) for pom in poms]
    best = min((rank for rank, _ in ranked), default=_NO_MATCH)
    if best < _NO_MATCH:
        fitting = [pom for rank, pom in ranked if rank == best]
        return min(
            fitting, key=lambda pom: (-len(pom.artifact) if best in (0, 2) else 0, pom.group not in file.stem, pom)
        )
    return poms[0] if len(poms) == 1 and not file.version else None


def _rank(pom: Pom, file: FileName, manifest: Mapping[str, str]) -> int:
    artifact, name = pom.artifact, file.name
    full = f"{pom.group}.{artifact}"
    if pom.version and any(_leads(f"{known}-{pom.version}", file.stem) for known in (artifact, full)):
        return 0
    if name in (artifact, full):
        return 1
    if not _agrees(pom.version, file.version):
        return _NO_MATCH
    if name.endswith(artifact) and name[: -len(artifact)].endswith(_BOUNDARIES):
        return 2
    if _leads(name, artifact):
        return 3
    titles = {_plain(manifest.get(header, "")) for header in _TITLE_HEADERS}
    return 4 if titles & {artifact, full} else _NO_MATCH


def _leads(start: str, text: str) -> bool:
    return bool(start) and text.startswith(start) and (len(text) == len(start) or text[len(start)] in _BOUNDARIES)


def _agrees(version: str, of_file: str) -> bool:
    return not version or not of_file or _leads(version, of_file) or _leads(of_file, version)


def _plain(name: str) -> str:
    """An OSGi name without its directives."""
    return name.partition(";")[0].strip()


def own_name(file: FileName, manifest: Mapping[str, str]) -> str:
    """The artifact's name where no pom gives it: that of the file, without a group in front of it."""
    name = file.name
    parts = name.split(".")
    if len(parts) > 1 and not name.startswith("org.eclipse.") and all(_IDENTIFIER.match(part) for part in parts):
        return parts[-1]
    if _IDENTIFIER.match(name):
        return name
    return next((value for header in _NAME_HEADERS if (value := manifest.get(header, ""))), name)


def own_version(file: FileName, manifest: Mapping[str, str]) -> str:
    """The version where no pom gives it: that of the file name, else the manifest's; empty if neither has one."""
    if file.version:
        return file.version
    values = (manifest.get(header, "").split() for header in _VERSION_HEADERS)
    return next((words[0] for words in values if words and "$" not in words[0] and any(map(str.isdigit, words[0]))), "")


def own_group(artifact: str, version: str, path: str, manifest: Mapping[str, str]) -> str:
    """The group where no pom gives it; empty if nothing says it for certain.

    `path` is the archive's path in the image: in a local Maven repository or a Gradle cache it names the group.
    """
    return (
        _group_of_folder(artifact, version, path)
        or _group(manifest.get("Group-Id", ""))
        or _group(manifest.get("Implementation-Vendor-Id", ""))
        or known_group(artifact)
        or _group_of_module(_plain(manifest.get("Bundle-SymbolicName", "")), artifact)
        or _group_of_module(manifest.get("Automatic-Module-Name", ""), artifact)
    )


def _group(text: str) -> str:
    text = _plain(text).partition("#")[0]
    return text if _GROUP.fullmatch(text) and text not in _UMBRELLAS else ""


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
    if "." not in module or not _GROUP.fullmatch(module):
        return ""
    plain = artifact.replace("_", "-")
    if module == artifact:
        return _group(group) if "." in group else ""
    if last.replace("_", "-") == plain:
        return group if "." in group and group not in _UMBRELLAS else module
    if _leads(last, artifact):
        return module if module not in _UMBRELLAS else ""
    joined = f"{group.rpartition('.')[2]}-{last.replace('_', '-')}"
    return _group(group) if joined == plain and "." in group else ""


def known_group(artifact: str) -> str:
    """The group of a widespread artifact whose archives often do not say it; empty if it is not known."""
    if artifact in _GROUP_OF:
        return _GROUP_OF[artifact]
    return next((group for start, group in _GROUP_OF_FAMILY if artifact.startswith(start)), "")


_ARTIFACTS = {
    "ch.qos.logback": "logback-access logback-classic logback-core",
    "com.fasterxml.jackson.core": "jackson-annotations jackson-core jackson-databind",
    "com.google.code.findbugs": "jsr305",
    "com.google.code.gson": "gson",
    "com.google.guava": "guava",
    "com.google.inject": "guice",
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
    "io.netty": "netty-all",
    "javax.servlet": "javax.servlet-api",
    "junit": "junit",
    "log4j": "log4j",
    "mysql": "mysql-connector-java",
    "org.apache.ant": "ant ant-junit ant-launcher",
    "org.apache.commons": (
        "commons-collections4 commons-compress commons-configuration2 commons-csv commons-dbcp2 commons-exec"
        " commons-lang3 commons-math3 commons-pool2 commons-text commons-vfs2"
    ),
    "org.apache.kafka": "kafka-clients",
    "org.apache.logging.log4j": "log4j-1.2-api log4j-api log4j-core log4j-jcl log4j-jul log4j-slf4j-impl log4j-web",
    "org.apache.struts": "struts2-core",
    "org.apache.tomcat": "catalina catalina-ant catalina-ha catalina-tribes jasper jasper-el",
    "org.apache.zookeeper": "zookeeper",
    "org.codehaus.jackson": "jackson-core-asl jackson-jaxrs jackson-mapper-asl jackson-xc",
    "org.elasticsearch": "elasticsearch",
    "org.hsqldb": "hsqldb",
    "org.mariadb.jdbc": "mariadb-java-client",
    "org.postgresql": "postgresql",
    "org.scala-lang": "scala-compiler scala-library scala-reflect",
    "org.slf4j": "jcl-over-slf4j jul-to-slf4j log4j-over-slf4j slf4j-api slf4j-jdk14 slf4j-log4j12 slf4j-simple",
    "org.springframework": (
        "spring-aop spring-aspects spring-beans spring-context spring-context-indexer spring-context-support spring-core"
        " spring-expression spring-instrument spring-jcl spring-jdbc spring-jms spring-messaging spring-orm spring-oxm"
        " spring-r2dbc spring-test spring-tx spring-web spring-webflux spring-webmvc spring-websocket"
    ),
    "org.yaml": "snakeyaml",
    "xalan": "xalan",
    "xerces": "xercesImpl",
}
_GROUP_OF = {artifact: group for group, artifacts in _ARTIFACTS.items() for artifact in artifacts.split()}
_GROUP_OF_FAMILY = (
    ("spring-boot", "org.springframework.boot"),
    ("spring-security-", "org.springframework.security"),
    ("tomcat-embed-", "org.apache.tomcat.embed"),
    ("tomcat-", "org.apache.tomcat"),
    ("lucene-", "org.apache.lucene"),
    ("hadoop-", "org.apache.hadoop"),
    ("kotlin-", "org.jetbrains.kotlin"),
    ("kotlinx-coroutines-", "org.jetbrains.kotlinx"),
)
