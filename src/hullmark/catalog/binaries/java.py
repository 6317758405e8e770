"""Java's launchers, whose runtimes have no `release` file beside them (`catalog/programs/jvm.py` reads those)."""

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


def _build(
    program: str, vendor: str, name: str, rules: tuple[Rule, ...], *, in_path: str = "", aliases: tuple[str, ...] = ()
) -> Classifier:
    """One vendor's build of a launcher."""
    # OpenJDK's launchers leave what they have in common to a library.
    libraries = ("libjli.so", "libjli.dylib") if (program, name) == ("java", "openjdk") else ()
    return Classifier(
        key=f"{program}-{name}",
        name=name,
        purl=f"pkg:generic/{vendor}/{name}",
        files=(program, f"{program}.exe", *libraries),
        family=f"java-{program}",
        rules=rules,
        cpes=(f"{vendor}:{name}",),
        in_path=in_path,
        aliases=aliases,
    )


def _launcher(program: str, ibm: str, oracle: str) -> tuple[Classifier, ...]:
    """The builds of one launcher, of which the first that holds is believed."""
    near_java = tuple(alone(_ORACLE, rb"\x00java\x00", within) for within in (64, 256))
    return (
        _build(program, "oracle", "graalvm", (_GRAAL,)),
        _build(program, "azul", "zulu", (*_OPENJDK, *near_java), in_path="zulu"),
        _build(program, "oracle", "openjdk", _OPENJDK),
        _build(program, "ibm", ibm, (_IBM,), aliases=("ibm-java",)),
        _build(program, "oracle", oracle, near_java, aliases=("java", "openjdk")),
    )


CLASSIFIERS = (*_launcher("java", "java", "jre"), *_launcher("jdb", "java_sdk", "jdk"))
