"""The loader: moves what the inbox holds into the store, each batch once."""

from windrow_server.loader.transfer import drain

__all__ = ["drain"]
