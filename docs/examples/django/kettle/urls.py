"""Kettle's addresses."""

from django.urls import include, path
from teas.views import make_tea

urlpatterns = [
    path("tea", make_tea),
    path("telemetry/", include("windrow.integrations.django.urls")),
]
