"""What tests of the house ask of our own source: every file is parsed once for a run, and of its tree only this is held."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.places import REPOSITORY


@dataclass
class SourceFile:
    """A file: whether it says what it is, the names that it imports as (module with the name, module), the lines of its functions, the
    names of those that are called (not of properties), its parameters that are tuples of different things, as FUNCTION(PARAMETER), the
    names of its classes, the types of each `except`, and for each `isinstance` its line and the names that it compares with."""

    has_docstring: bool
    imports: list[tuple[str, str]] = field(default_factory=list)
    functions: list[tuple[str, int]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    mixed_tuples: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    handlers: list[set[str]] = field(default_factory=list)
    type_checks: list[tuple[int, set[str]]] = field(default_factory=list)

    def read(self, node: ast.AST) -> None:
        """Note what a node of the tree says."""
        match node:
            case ast.ImportFrom(module=str(module), level=0):
                self.imports += [(f"{module}.{alias.name}", module) for alias in node.names]
            case ast.Import():
                self.imports += [(alias.name, alias.name) for alias in node.names]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.functions.append((node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
                if not any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
                    self.called.append(node.name)
                parameters = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                self.mixed_tuples += [
                    f"{node.name}({parameter.arg})" for parameter in parameters if _is_mixed_tuple(parameter.annotation)
                ]
            case ast.ClassDef():
                self.classes.append(node.name)
            case ast.ExceptHandler(type=ast.expr() as type_):
                types = type_.elts if isinstance(type_, ast.Tuple) else [type_]
                self.handlers.append({ast.unparse(kind) for kind in types})
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, of]):
                self.type_checks.append((node.lineno, {each.id for each in ast.walk(of) if isinstance(each, ast.Name)}))


def _is_mixed_tuple(annotation: ast.expr | None) -> bool:
    """Whether a parameter is a tuple whose members are of different types, or may be one."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            return _is_mixed_tuple(left) or _is_mixed_tuple(right)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=members)):
            types = {ast.unparse(member) for member in members}
            return len(types) > 1 and "..." not in types
    return False


@cache
def source_file(path: Path) -> SourceFile:
    """What a file says."""
    tree = ast.parse(path.read_bytes())
    file = SourceFile(ast.get_docstring(tree) is not None)
    for node in ast.walk(tree):
        file.read(node)
    return file


def source_files(*folders: str) -> Mapping[str, SourceFile]:
    """All files under folders of the repository, by their paths in it."""
    return {str(path.relative_to(REPOSITORY)): source_file(path) for path in source_paths(*folders)}


def source_paths(*folders: str) -> Iterator[Path]:
    """Every Python file under folders of the repository."""
    for folder in folders:
        found = sorted((REPOSITORY / folder).rglob("*.py"))
        yield from (path for path in found if "node_modules" not in path.parts)
