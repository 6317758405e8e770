"""Class files and archives of Java, made in a test (Java Virtual Machine Specification, chapter 4)."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

FOR_NAME = ("java/lang/Class", "forName", "(Ljava/lang/String;)Ljava/lang/Class;")
Call = tuple[tuple[str, str, str], str | None]
"""A method, by its owner, its name and its type, and the text that it is given (None: one that is not known)."""


class _Constants:
    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self._known: dict[bytes, int] = {}

    def add(self, entry: bytes) -> int:
        if entry not in self._known:
            self.entries.append(entry)
            self._known[entry] = len(self.entries)
        return self._known[entry]

    def text(self, text: str) -> int:
        return self.add(b"\1" + struct.pack(">H", len(text.encode())) + text.encode())

    def named(self, tag: int, text: str) -> int:
        return self.add(struct.pack(">BH", tag, self.text(text)))

    def method(self, owner: str, name: str, kind: str) -> int:
        both = self.add(struct.pack(">BHH", 12, self.text(name), self.text(kind)))
        return self.add(struct.pack(">BHH", 10, self.named(7, owner), both))


def class_file(
    name: str,
    *,
    names: Sequence[str] = (),
    types: Sequence[str] = (),
    texts: Sequence[str] = (),
    calls: Sequence[Call] = (),
    before: bytes = b"",
) -> bytes:
    """A class `a/b/C` with constants that name classes, types of fields, texts, and one method whose code begins with `before` and makes
    these calls."""
    constants = _Constants()
    own, above = constants.named(7, name), constants.named(7, "java/lang/Object")
    for each in names:
        constants.named(7, each)
    for each in texts:
        constants.named(8, each)
    fields = b"".join(
        struct.pack(">HHHH", 0, constants.text(f"f{n}"), constants.text(kind), 0) for n, kind in enumerate(types)
    )
    code = before
    for method, constant in calls:
        # aload_0, or ldc_w of the constant; then invokestatic, and pop.
        code += b"\x2a" if constant is None else b"\x13" + struct.pack(">H", constants.named(8, constant))
        code += b"\xb8" + struct.pack(">H", constants.method(*method)) + b"\x57"
    code += b"\xb1"
    attribute = struct.pack(">HHI", 1, 1, len(code)) + code + struct.pack(">HH", 0, 0)
    body = struct.pack(">HHHH", 9, constants.text("run"), constants.text("()V"), 1)
    body += struct.pack(">HI", constants.text("Code"), len(attribute)) + attribute
    head = b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 65, len(constants.entries) + 1)
    after = (
        struct.pack(">HHHHH", 1, own, above, 0, len(types))
        + fields
        + struct.pack(">H", 1)
        + body
        + struct.pack(">H", 0)
    )
    return head + b"".join(constants.entries) + after


def jar(*classes: bytes, manifest: str = "", files: Mapping[str, bytes] | None = None) -> bytes:
    """An archive of these classes and files; `manifest` are lines of its own."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            lines = "".join(f"{line}\r\n" for line in ("Manifest-Version: 1.0", *manifest.splitlines()))
            archive.writestr("META-INF/MANIFEST.MF", f"{lines}\r\n")
            for number, body in enumerate(classes):
                archive.writestr(f"c{number}.class", body)
            for name, body in (files or {}).items():
                archive.writestr(name, body)
        return file.getvalue()
