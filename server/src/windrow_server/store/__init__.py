"""The store: one dialect, one client. Nothing else in the server talks to the database."""

from windrow_server.store.client import Store, StoreError

__all__ = ["Store", "StoreError"]
