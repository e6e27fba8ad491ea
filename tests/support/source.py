"""How long the client is: lines that are neither blank nor comment nor docstring."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

SDK = Path(__file__).parents[2] / "sdk" / "src" / "windrow"
#: Not part of what runs by itself in a product: commands, frameworks, tests, and the dashboard's routes.
APART = (
    *("tools", "operator", "integrations", "cli.py", "testing.py", "pytest_plugin.py"),
    *("asgi.py", "wsgi.py", "_dashboard.py", "reasons.py"),
)
#: The states that keep their rows in a product's database: they run where a product chooses one.
DATABASES = ("_database.py", "_forking.py", "_table.py", "_url.py")
_LAYOUT = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def client() -> list[Path]:
    """The modules of the client, without the catalogue's and those for databases."""
    apart = {SDK / "state" / name for name in DATABASES}
    return [
        path for path in _modules() if path.relative_to(SDK).parts[0] != "catalogue" and path not in apart
    ]


def catalogue() -> list[Path]:
    """The modules that read and check a catalogue."""
    return [path for path in _modules() if path.relative_to(SDK).parts[0] == "catalogue"]


def lines(path: Path) -> int:
    """Lines of code in a module."""
    text = path.read_text("utf-8")
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - _docstrings(text))


def table(paths: list[Path]) -> str:
    """A row a module: its name, its lines, and what it says of itself."""
    rows = [
        f"| `{path.relative_to(SDK).as_posix()}` | {lines(path)} | {_says(path)} |"
        for path in sorted(paths, key=lines, reverse=True)
    ]
    total = sum(lines(path) for path in paths)
    return "\n".join(["| module | lines | what it is |", "|---|---|---|", *rows, f"| all | {total} | |"])


def _modules() -> list[Path]:
    return [path for path in SDK.rglob("*.py") if path.relative_to(SDK).parts[0] not in APART]


def _docstrings(text: str) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found


def _says(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return said.partition("\n")[0].replace("|", "\\|")
