"""Java's launchers, whose runtimes have no `release` file beside them (`catalog/jvm.py` reads those)."""

from __future__ import annotations

from hullmark.catalog.binaries.classifier import Classifier, Rule, alone

_BUILD = rb"\d{1,3}(?:\.\d{1,3}){0,4}(?:_\d{1,4}-[a-z]{0,4}\d{1,4}|\+\d{1,5})[\w.+-]{0,64}"
_ORACLE = rb"\d{1,3}(?:\.\d{1,3}){0,4}(?:_\d{1,4}-[a-z]{0,4}\d{1,4}|\+\d{1,5})[\w.+-]{0,64}|\d{1,3}(?:\.\d{1,3}){2,4}"
_GRAAL = Rule(rb"\x00(\d{1,3}(?:\.\d{1,3}){0,3}[\w.+-]{1,40}-jvmci-[\w.+-]{1,40})\x00", b"-jvmci-")
_OPENJDK = (
    Rule(rb"openjdk\x00{1,8}java\x00{1,8}\d[\w.]{0,15}\x00{1,8}(" + _BUILD + rb")\x00", b"openjdk"),
    alone(_BUILD, rb"\x00openjdk\x00", 128),
)
_IBM = Rule(
    rb"java\x00{1,8}\d{1,2}\.\d{1,2}\x00{1,8}(\d{1,3}\.\d{1,3}\.\d{1,3}-[\w.+-]{1,80})\x00",
)


def _launcher(program: str, ibm: str, oracle: str) -> tuple[Classifier, ...]:
    """The builds of one launcher, of which the first that holds is believed."""
    files = (program, f"{program}.exe")
    family = f"java-{program}"
    return (
        Classifier(
            key=f"{program}-graalvm",
            name="graalvm",
            purl="pkg:generic/oracle/graalvm",
            files=files,
            family=family,
            rules=(_GRAAL,),
            cpes=("oracle:graalvm",),
        ),
        Classifier(
            key=f"{program}-zulu",
            name="zulu",
            purl="pkg:generic/azul/zulu",
            files=files,
            family=family,
            rules=(*_OPENJDK, alone(_ORACLE, rb"\x00java\x00", 64)),
            cpes=("azul:zulu",),
            in_path="zulu",
        ),
        Classifier(
            key=f"{program}-openjdk",
            name="openjdk",
            purl="pkg:generic/oracle/openjdk",
            files=(*files, "libjli.so", "libjli.dylib") if program == "java" else files,
            family=family,
            rules=_OPENJDK,
            cpes=("oracle:openjdk",),
        ),
        Classifier(
            key=f"{program}-ibm",
            name=ibm,
            purl=f"pkg:generic/ibm/{ibm}",
            files=files,
            family=family,
            rules=(_IBM,),
            cpes=(f"ibm:{ibm}",),
            aliases=("ibm-java",),
        ),
        Classifier(
            key=f"{program}-oracle",
            name=oracle,
            purl=f"pkg:generic/oracle/{oracle}",
            files=files,
            family=family,
            rules=(alone(_ORACLE, rb"\x00java\x00", 64), alone(_ORACLE, rb"\x00java\x00", 256)),
            cpes=(f"oracle:{oracle}",),
            aliases=("java", "openjdk"),
        ),
    )


CLASSIFIERS = (*_launcher("java", "java", "jre"), *_launcher("jdb", "java_sdk", "jdk"))
