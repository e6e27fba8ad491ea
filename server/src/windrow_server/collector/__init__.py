"""The collector: reads a batch, admits it by the catalogue, and answers once it is durable."""

from windrow_server.collector.admission import Admission, Admitted
from windrow_server.collector.endpoint import PATHS, Collector

__all__ = ["PATHS", "Admission", "Admitted", "Collector"]
