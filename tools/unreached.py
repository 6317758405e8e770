"""Names what stands in the program and is reached from none of its entry points.

python -m tools.unreached  # exit status 1 if there is any

A module is reached where reached code imports or names it; a function, class or constant of a module where reached code names it; a
method where its class is reached and any reached code names such an attribute. Tests are not looked at: what only they use is dead.
Fields of classes are not looked at either.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent.parent / "src"
ENTRIES = ("hullmark", "hullmark.cli", "hullmark.app.api", "hullmark.server.postgres.make_template")
"""Modules that others import: all that stands in them, or is imported there, is reached."""
RUN_BY_ALEMBIC = "hullmark.server.tables.migrations."
PLUGINS = frozenset(
    (
        *("CATALOGER", "CHANNEL", "FACET", "FEED", "FEEDS", "FORMAT", "PARSER", "PARSERS", "ROUTES", "SCHEME", "ENTRY"),
        *("CATALOGERS", "CLASSIFIERS", "RESOLVER", "RESOLVERS", "SOURCE", "SOURCES", "TRIGGERS"),
        *("EPILOG", "EXAMPLE", "HELP", "VERBS", "NAME", "add_arguments", "run"),
    )
)
"""What is asked of the modules of a list by its name."""
LOADERS = frozenset(("import_module", "plugins"))
"""What imports modules by name."""
OVERRIDES = frozenset(
    ("_check_value", "_fill_text", "_format_action", "_format_usage", "_get_socket", "_should_upgrade_to_ws")
)
"""Methods with private names that a library calls."""
INERT = frozenset(("ABC", "Enum", "Generic", "IntEnum", "NamedTuple", "Protocol", "StrEnum", "Struct", "TypedDict"))
"""Classes of libraries that call nothing of what is derived from them."""

Target = tuple[str, str]
"""A module and a name in it ("": the module itself)."""


class Unreached(NamedTuple):
    """A module, or a name in it (`Class.method` for a method), and the line it begins on."""

    module: str
    line: int
    name: str = ""


class Module:
    """What a module defines and imports, and the code that runs as it is imported."""

    def __init__(self, name: str, source: bytes, *, is_package: bool = False) -> None:
        """Read it."""
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.defined: dict[str, list[ast.AST]] = {}
        self.methods: dict[str, dict[str, list[ast.AST]]] = {}
        self.bases: dict[str, list[ast.expr]] = {}
        self.lines: dict[str, int] = {}
        self.imported: dict[str, set[Target]] = {}
        self.loose: list[ast.AST] = []
        tree = ast.parse(source)
        self._sort(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                for alias in node.names:
                    target = (node.module or "", alias.name) if isinstance(node, ast.ImportFrom) else (alias.name, "")
                    self.imported.setdefault(alias.asname or alias.name, set()).add(target)

    def _sort(self, body: Iterable[ast.AST]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._define(node.name, node.lineno, node)
            elif isinstance(node, ast.ClassDef):
                self._define(node.name, node.lineno, *self._class(node))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and (names := _targets(node)):
                for name in names:
                    self._define(name, node.lineno, node)
            elif isinstance(node, ast.If | ast.Try | ast.With):
                self._sort(ast.iter_child_nodes(node))
            else:
                self.loose.append(node)

    def _define(self, name: str, line: int, *nodes: ast.AST) -> None:
        self.defined.setdefault(name, []).extend(nodes)
        self.lines.setdefault(name, line)

    def _class(self, node: ast.ClassDef) -> Iterator[ast.AST]:
        """What belongs to the class itself; its methods are kept aside."""
        self.bases[node.name] = node.bases
        methods = self.methods.setdefault(node.name, {})
        yield from (*node.bases, *node.keywords, *node.decorator_list)
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                methods.setdefault(each.name, []).append(each)
                self.lines.setdefault(f"{node.name}.{each.name}", each.lineno)
            else:
                yield each


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    """The names that are assigned to, if nothing else is."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


class Search:
    """Goes from what is named first to all that is reached from there."""

    def __init__(self, modules: dict[str, Module]) -> None:
        """Nothing is reached yet."""
        self.modules = modules
        self.names: set[Target] = set()
        self.reached: set[str] = set()
        self._attributes: set[str] = set()
        self._waiting: dict[str, list[Target]] = {}
        self._todo: list[tuple[Module, ast.AST]] = []
        self._by_end: dict[str, list[str]] = {}
        for name in modules:
            self._by_end.setdefault(name.rpartition(".")[2], []).append(name)

    def run(self) -> None:
        """Reach all that can be."""
        while self._todo:
            self._read(*self._todo.pop())

    def bring_in(self, name: str) -> None:
        """A module is imported, and the packages around it."""
        while name in self.modules and name not in self.reached:
            module = self.modules[name]
            self.reached.add(name)
            self._todo += [(module, each) for each in module.loose]
            for each in module.defined:
                if each in PLUGINS or _is_special(each) or name.startswith(RUN_BY_ALEMBIC):
                    self.reach(name, each)
            name = name.rpartition(".")[0]

    def reach(self, name: str, wanted: str) -> None:
        """A name of a module is used: what it defines, what it imports under it, or a module below it."""
        module = self.modules.get(name)
        if module is None:
            return
        self.bring_in(name)
        if wanted in module.defined:
            if (name, wanted) not in self.names:
                self.names.add((name, wanted))
                self._todo += [(module, each) for each in module.defined[wanted]]
                for method in module.methods.get(wanted, ()):
                    self._reach_method(name, wanted, method)
            return
        for target in module.imported.get(wanted, ()):
            if target != (name, wanted):
                self.reach(*target)
        self.bring_in(f"{name}.{wanted}")

    def _reach_method(self, module: str, owner: str, name: str) -> None:
        is_called = _is_special(name) or name in OVERRIDES or (name[0] != "_" and self._is_foreign(module, owner))
        if is_called or name in self._attributes:
            self._follow_method(module, f"{owner}.{name}")
        else:
            self._waiting.setdefault(name, []).append((module, f"{owner}.{name}"))

    def _follow_method(self, name: str, method: str) -> None:
        module = self.modules[name]
        owner, _, short = method.partition(".")
        self.names.add((name, method))
        self._todo += [(module, each) for each in module.methods[owner][short]]

    def _name_attribute(self, name: str) -> None:
        if name not in self._attributes:
            self._attributes.add(name)
            for module, method in self._waiting.pop(name, ()):
                self._follow_method(module, method)

    def _is_foreign(self, module: str, name: str) -> bool:
        """Whether a class is derived from a library's, whose methods the library calls."""
        known = self.modules.get(module)
        if known is None:
            return name not in INERT
        if name in known.defined:
            return any(self._is_foreign_base(known, base) for base in known.bases.get(name, ()))
        return any(self._is_foreign(*target) for target in known.imported.get(name, ()) if target != (module, name))

    def _is_foreign_base(self, module: Module, base: ast.expr) -> bool:
        base = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(base, ast.Name):
            return self._is_foreign(module.name, base.id)
        return not isinstance(base, ast.Attribute) or base.attr not in INERT

    def _read(self, module: Module, code: ast.AST) -> None:
        """Follow what a piece of reached code names."""
        for node in ast.walk(code):
            match node:
                case ast.Name(id=name):
                    self._reach_local(module, name)
                case ast.Attribute(attr=name):
                    self._name_attribute(name)
                    self._reach_through(module, node.value, name)
                case ast.MatchClass(kwd_attrs=names):
                    for name in names:
                        self._name_attribute(name)
                case ast.ImportFrom() | ast.Import():
                    self._import(node, is_used=node is not code)
                case ast.Constant(value=str(text)):
                    self._reach_named(module, text)

    def _import(self, node: ast.ImportFrom | ast.Import, *, is_used: bool) -> None:
        """What is imported within a function is used there; at the top of a module it is where its name stands."""
        for alias in node.names:
            name = (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
            self.bring_in(name)
            self.bring_in(f"{name}.{alias.name}")
            if is_used:
                self.reach(name, alias.name)

    def _reach_local(self, module: Module, name: str) -> None:
        if name in module.defined or name in module.imported:
            self.reach(module.name, name)

    def _reach_through(self, module: Module, value: ast.expr, name: str) -> None:
        """An attribute of something imported, which may be a module."""
        if isinstance(value, ast.Name):
            for target, inner in module.imported.get(value.id, ()):
                self.reach(f"{target}.{inner}" if inner else target, name)

    def _reach_named(self, module: Module, text: str) -> None:
        """A module whose name is a text; where modules are imported by name, also one of the same package by the end of its name."""
        if text in self.modules:
            self.bring_in(text)
        if LOADERS & module.imported.keys():
            for name in self._by_end.get(text.rpartition(".")[2], ()):
                if name.startswith(f"{module.package}.") and name.endswith(f".{text}"):
                    self.bring_in(name)


def _is_special(name: str) -> bool:
    return name[:2] == "__" == name[-2:]


def modules_in(folder: Path) -> dict[str, Module]:
    """Every module below a folder, by name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found[name] = Module(name, path.read_bytes(), is_package=is_package)
    return found


def unreached(modules: dict[str, Module], entries: Iterable[str] = ENTRIES) -> list[Unreached]:
    """All that is not reached, sorted; of a module that is not, only itself."""
    search = Search(modules)
    for name in entries:
        for each in (*modules[name].defined, *modules[name].imported):
            search.reach(name, each)
    for name in modules:
        if name.startswith(RUN_BY_ALEMBIC):
            search.bring_in(name)
    search.run()
    found = [Unreached(name, 1) for name in modules if name not in search.reached]
    for name in search.reached:
        module = modules[name]
        methods = (
            f"{owner}.{each}"
            for owner, names in module.methods.items()
            if (name, owner) in search.names
            for each in names
        )
        found += [
            Unreached(name, module.lines[each], each)
            for each in (*module.defined, *methods)
            if (name, each) not in search.names
        ]
    return sorted(found)


def main() -> int:
    """Print them."""
    found = unreached(modules_in(SOURCES))
    for each in found:
        print(f"{each.module}:{each.line}: {each.name or 'the whole module'} is reached from nowhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
