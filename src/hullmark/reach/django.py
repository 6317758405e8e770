"""Django: modules that it imports by names in settings and in texts of its own (its reference: Applications, Settings, Translation).

It makes names of modules wherever it can be extended. Where these come from is known: from settings, which are code too, or from texts in
Django itself. So only what is named there may be imported, and what lies below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hullmark.model.limit import Limit
from hullmark.reach.scene import Scene

NAME = "django"
_PARTS = ("apps", "models", "templatetags")
"""Modules of an application that Django imports whenever there are any."""

_LOCALES, _ADMIN = "django.conf.locale", "django.contrib.admin"
_MAX_MODULES = Limit(50_000, "modules of Django that its settings may name")


class DjangoModules:
    """The modules that names in settings and texts lead to. `files` finds those of a name, the outermost package first."""

    def __init__(self, scene: Scene, files: Callable[[str], Sequence[str]]) -> None:
        self._scene = scene
        self._files = files
        self._named: dict[str, str] = {}
        self._asking = self._has_admin = False
        self._for_admin: list[tuple[str, str, str]] = []

    def set(self, name: str, path: str) -> None:
        """A setting has this text. If it is a module, or something in one, that is imported, with the usual parts of an application."""
        found = self._files(name)
        for file in found:
            self._scene.walk.reach(file, f"is named by the setting {name[:100]}", path)
        folder = self._folder(name, found)
        if not folder or name == NAME:
            return
        for part in _PARTS:
            inside = f"{folder}/{part}"
            for file in self._below(inside) if self._is_folder(inside) else [f"{inside}.py"]:
                self._scene.walk.reach(file, f"is imported by Django: it is {part} of {name[:100]}", path)
        self.named(name, path)
        if name == _ADMIN and not self._has_admin:
            self._has_admin = True
            for file, why, source in self._for_admin:
                self._scene.walk.reach(file, why, source, is_certain=False)

    def named(self, name: str, path: str) -> None:
        """A text names a part of Django: what lies below it may be imported once Django makes names of modules."""
        if name not in self._named:
            self._named[name] = path
            if self._asking:
                self._reach(name, path)
        elif name == _LOCALES and self._asking:
            self._reach(name, path)

    def makes_names(self) -> None:
        """A module of Django that is reached makes names of modules."""
        if not self._asking:
            self._asking = True
            for name, source in list(self._named.items()):
                self._reach(name, source)

    def _reach(self, name: str, path: str) -> None:
        found = self._files(name)
        folder = self._folder(name, found)
        below = self._below(folder) if folder else []
        if name == _LOCALES:
            for file in below:
                self._scene.walk.reach(file, "is read for the language of its name", path)
            return
        why = f"may be imported: Django makes names of modules, and {path} names {name[:100]}"
        for file in (*found, *below):
            if not self._has_admin and file.startswith((f"{folder}/admin.py", f"{folder}/admin/")):
                self._for_admin.append((file, why, path))  # only the application `admin` looks for these
            else:
                self._scene.walk.reach(file, why, path, is_certain=False)

    def _folder(self, name: str, found: Sequence[str]) -> str:
        """The folder of a name that is a package; "" for a module."""
        if not found or not found[-1].endswith(f"/{name.replace('.', '/')}/__init__.py"):
            return ""
        return found[-1].rpartition("/")[0]

    def _is_folder(self, path: str) -> bool:
        return self._scene.tree.is_folder(self._scene.tree.find(path).real or "?")

    def _below(self, folder: str) -> list[str]:
        return [path for path in self._scene.tree.below(folder, _MAX_MODULES) if path.endswith((".py", ".so"))]
