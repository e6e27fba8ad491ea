"""The catalogue: all that may ever leave, loaded, checked and compiled."""

from windrow.catalogue._load import load, loads
from windrow.catalogue._model import Catalogue, Event, Product, Property
from windrow.catalogue._types import TYPES, PropertyType

__all__ = ["TYPES", "Catalogue", "Event", "Product", "Property", "PropertyType", "load", "loads"]
