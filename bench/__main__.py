"""`python -m bench [NAME…]`: run the benchmarks, print the ratios, exit 1 when a budget is broken."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench
from bench.report import Result, table

SKIP = ("__main__", "report")


def _all() -> list[str]:
    found = pkgutil.iter_modules(bench.__path__)
    return [module.name for module in found if not module.ispkg and module.name not in SKIP]


def main() -> int:
    """Run those named, or all."""
    names = sys.argv[1:] or _all()
    results: list[Result] = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        module = importlib.import_module(f"bench.{name}")
        results += module.run()
    print(table(results))
    return 0 if all(result.kept for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
