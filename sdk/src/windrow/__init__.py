"""Product telemetry that operators leave switched on. Nothing is imported before it is asked for."""

__version__ = "0.1.0"

__all__ = [
    "CatalogueError",
    "CatalogueWarning",
    "Status",
    "Telemetry",
    "WindrowError",
    "__version__",
]

TYPE_CHECKING = False  # `typing` alone would cost more than all that follows
if TYPE_CHECKING:
    from windrow._client import Telemetry
    from windrow._status import Status
    from windrow.errors import CatalogueError, CatalogueWarning, WindrowError

_HOMES = {"Status": "_status", "Telemetry": "_client"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'windrow' has no attribute {name!r}")
    # Not by importlib: its package alone brings in `warnings`.
    value = getattr(__import__(f"windrow.{_HOMES.get(name, 'errors')}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
