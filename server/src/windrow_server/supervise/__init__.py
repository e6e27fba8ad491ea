"""`serve`: the web process and the children that it keeps alive."""

from windrow_server.supervise.children import Child
from windrow_server.supervise.serve import serve

__all__ = ["Child", "serve"]
