"""The collector: reads a batch, admits it by the catalogue, and answers once it is durable."""

from windrow_server.collector.admission import Admission, Admitted
from windrow_server.collector.endpoint import PATHS, Collector
from windrow_server.collector.orders import Orders
from windrow_server.collector.requests import REQUESTS, Requests

__all__ = ["PATHS", "REQUESTS", "Admission", "Admitted", "Collector", "Orders", "Requests"]
