"""A small Hay that shows how a product adopts Windrow."""

__version__ = "1.4.0"
