"""Calls in Python source, found in its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from windrow.tools._calls import Call, Generated, is_telemetry

_CALLS = ("track", "count", "snapshot")


def calls_in(text: str, file: str, receivers: frozenset[str], generated: Generated) -> list[Call]:
    """All calls in a file, in its order. Raises `SyntaxError` for what is not Python."""
    return list(_Finder(ast.parse(text), file, receivers, generated).calls())


class _Finder:
    def __init__(self, tree: ast.Module, file: str, receivers: frozenset[str], generated: Generated) -> None:
        self._tree = tree
        self._file = file
        self._receivers = receivers | frozenset(_made_of(tree, "Telemetry"))
        self._generated = generated
        self._emitters = frozenset(_made_of(tree, "Events"))
        self._uses_generated = any(stem in generated.stems for stem in _imported_modules(tree))
        self._constants = dict(_constants(tree))
        self._bare = frozenset(_bare_functions(tree, self._receivers))
        # A decorated provider answers the snapshot: its mapping's keys are the event's properties.
        self._answers = {
            id(decorator): node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for decorator in node.decorator_list
        }
        self._applied = {
            id(node.func): node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.args
        }

    def calls(self) -> Iterator[Call]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    yield from self._typed(decorator)  # @events.shelf, without a call

    def _call(self, node: ast.Call) -> Iterator[Call]:
        yield from self._typed(node.func)
        name, receiver = _last(node.func), _receiver(node.func)
        if name == "on_version_apply":  # of windrow.integrations.alembic, which tracks
            given = next((self._texts(word.value) for word in node.keywords if word.arg == "event"), None)
            for text in given or ["migration_run"]:
                yield Call(self._file, node.lineno, "track", text, (), False, "server")
        if name not in _CALLS:
            return
        sure = name in self._bare if receiver is None else is_telemetry(receiver, self._receivers)
        if not node.args and not any(word.arg == "event" for word in node.keywords):
            return
        event = node.args[0] if node.args else next(w.value for w in node.keywords if w.arg == "event")
        keys = tuple(self._keys(node, name)) if sure else ()
        found = self._texts(event)
        if found is None and sure:
            yield Call(self._file, node.lineno, name, None, (), sure, "server")
        for text in found or ():
            yield Call(self._file, node.lineno, name, text, keys, sure, "server")

    def _typed(self, function: ast.expr) -> Iterator[Call]:
        method, receiver = _last(function), _receiver(function)
        event = self._generated.functions.get(method) if receiver is not None else None
        if event and (self._uses_generated or receiver in self._emitters | self._receivers):
            yield Call(self._file, function.lineno, "", event, (), False, "server")

    # ---- what is written there ----------------------------------------------------------------------

    def _texts(self, node: ast.expr) -> list[str] | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.Name) and node.id in self._constants:
            return [self._constants[node.id]]
        if isinstance(node, ast.IfExp):
            one, other = self._texts(node.body), self._texts(node.orelse)
            return None if one is None or other is None else [*one, *other]
        return None

    def _keys(self, node: ast.Call, call: str) -> Iterator[str]:
        if call == "track":
            named = [word.value for word in node.keywords if word.arg == "properties"]
            for given in (*node.args[1:2], *named):
                yield from self._keys_of(given)
        elif call == "snapshot":
            provider = self._answers.get(id(node)) or self._applied.get(id(node))
            if isinstance(provider, ast.Lambda):
                yield from self._keys_of(provider.body)
            elif provider is not None:
                for inner in ast.walk(provider):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        yield from self._keys_of(inner.value)

    def _keys_of(self, given: ast.expr) -> Iterator[str]:
        if isinstance(given, ast.Dict):
            for key in given.keys:
                yield from (self._texts(key) or ()) if key is not None else ()
        elif isinstance(given, ast.Call) and _last(given.func) == "dict":
            yield from (word.arg for word in given.keywords if word.arg is not None)


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _receiver(function: ast.expr) -> str | None:
    """The last name of what a method is called on: `telemetry` of `self.telemetry.track`; None for a plain name."""
    if not isinstance(function, ast.Attribute):
        return None
    value = function.value
    while isinstance(value, ast.Call | ast.Subscript | ast.Await):
        value = value.func if isinstance(value, ast.Call) else value.value
    return _last(value)


def _made_of(tree: ast.Module, kind: str) -> Iterator[str]:
    """Names that hold a `Telemetry`, or generated `Events`: assigned from the class, or annotated with it."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value) if _makes(value, kind):
                yield from map(_last, targets)
            case ast.AnnAssign(target=target, annotation=annotation) if _names(annotation, kind):
                yield _last(target)
            case ast.NamedExpr(target=target, value=value) if _makes(value, kind):
                yield _last(target)
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _names(annotation, kind):
                yield name
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target) if _makes(value, kind):
                yield _last(target)


def _makes(value: ast.expr, kind: str) -> bool:
    return isinstance(value, ast.Call) and _last(value.func) == kind


def _names(annotation: ast.expr, kind: str) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == kind)
        or (isinstance(node, ast.Attribute) and node.attr == kind)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and kind in node.value)
        for node in ast.walk(annotation)
    )


def _imported_modules(tree: ast.Module) -> Iterator[str]:
    """The last part of each module that is imported, and each name that is imported from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").rpartition(".")[2]
            yield from (alias.name for alias in node.names)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            value = node.value
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield from ((target.id, value.value) for target in targets if isinstance(target, ast.Name))


def _bare_functions(tree: ast.Module, receivers: frozenset[str]) -> Iterator[str]:
    """Plain names that send: imported from a module of telemetry, or taken from one: `track = telemetry.track`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_telemetry(node.module or "", frozenset()):
            yield from (alias.asname or alias.name for alias in node.names if alias.name in _CALLS)
        elif isinstance(node, ast.Assign) and _last(node.value) in _CALLS:
            receiver = _receiver(node.value)
            if receiver is not None and is_telemetry(receiver, receivers):
                yield from (_last(target) for target in node.targets)
