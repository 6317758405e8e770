"""Kinds of packages that have no package manager: real writers make the files, or PyPI has them, and other readers list what they say."""

from __future__ import annotations

import json
import shutil

from tests.support.ecosystems.recipe import Listed, Recipe, Workshop

_MODELS = """
import sys, json, numpy, gguf
from safetensors import safe_open
from safetensors.numpy import save_file
folder = sys.argv[1]
writer = gguf.GGUFWriter(folder + "/tiny.gguf", "llama")
writer.add_name("Tiny Llama"); writer.add_version("v1.1")
writer.add_tensor("a", numpy.zeros(4, dtype=numpy.float32))
for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
    step()
save_file({"a": numpy.zeros(4)}, folder + "/small.safetensors", {"modelspec.title": "Small", "modelspec.version": "0.2"})
fields = gguf.GGUFReader(folder + "/tiny.gguf").fields
text = lambda key: bytes(fields[key].parts[fields[key].data[0]]).decode()
with safe_open(folder + "/small.safetensors", "numpy") as found:
    about = found.metadata()
print(json.dumps([[text("general.name"), text("general.version")], [about["modelspec.title"], about["modelspec.version"]]]))
"""
_WINDOWS = """
import json, pefile, sys
found = set()
for path in sys.argv[1:]:
    for info in pefile.PE(path).FileInfo:
        for table in (t for part in info if part.Key == b"StringFileInfo" for t in part.StringTable):
            found.add((table.entries[b"ProductName"].decode(), table.entries[b"ProductVersion"].decode()))
print(json.dumps(sorted(found)))
"""


def _pairs(text: str) -> Listed:
    return {(name, version) for name, version in json.loads(text)}


def models(shop: Workshop) -> Listed:
    """A model in GGUF, and one in safetensors."""
    return _pairs(shop.run(shop.python, "-c", _MODELS, shop.in_root("srv/models")))


def windows(shop: Workshop) -> Listed:
    """Launchers for Windows, as PyPI's distlib brings them."""
    (source,) = shop.python.parent.parent.glob("lib/python3*/site-packages/distlib")
    folder = shop.in_root("opt/launchers")
    for path in sorted(source.glob("*.exe")):
        shutil.copy(path, folder / path.name)
    return _pairs(shop.run(shop.python, "-c", _WINDOWS, *sorted(folder.iterdir())))


def dotnet(shop: Workshop) -> Listed:
    """A library of .NET with its deps.json, as PyPI's pythonnet brings it."""
    (source,) = shop.python.parent.parent.glob("lib/python3*/site-packages/pythonnet/runtime")
    folder = shop.in_root("opt/net")
    for name in ("Python.Runtime.dll", "Python.Runtime.deps.json"):
        shutil.copy(source / name, folder / name)
    found = json.loads((folder / "Python.Runtime.deps.json").read_text())
    target = found["targets"][found["runtimeTarget"]["name"]]
    return {tuple(key.split("/")) for key, entry in target.items() if entry.get("runtime")}


def claims(shop: Workshop) -> Listed:
    """The bill of materials that CycloneDX' own tool writes of a Python environment."""
    into = shop.in_root("usr/share/sboms") / "tools.cdx.json"
    shop.run(shop.tool("cyclonedx-py"), "environment", shop.python, "--output-format=JSON", f"--output-file={into}")
    lines = shop.run(shop.python, "-m", "pip", "list", "--format=json")
    return {(each["name"].lower().replace("_", "-").replace(".", "-"), each["version"]) for each in json.loads(lines)}


RECIPES = (
    Recipe("models", "huggingface", "gguf's and safetensors' readers", models),
    Recipe("windows", "generic", "pefile", windows),
    Recipe("dotnet", "nuget", "the deps.json itself", dotnet),
    Recipe("claims", "pypi", "pip list", claims),
)
