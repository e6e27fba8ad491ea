"""The dashboard's two routes: `path("telemetry/", include("windrow.integrations.django.urls"))`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from windrow._dashboard import HEADERS, open_request, read_body, take_events
from windrow.integrations.django._telemetry import telemetry


def dashboard(request: HttpRequest) -> HttpResponse:
    """Answer `config` and `events`. Without Django's token: `open_request` lets no other site in."""
    answer = open_request(telemetry, request.method or "", request.path, request.headers)
    if answer is None:
        answer = take_events(telemetry, read_body(request, None))
    return HttpResponse(answer.body, status=answer.status, headers=dict(HEADERS))


app_name = "windrow"
# A plain view: under ASGI Django runs it in a thread, where the product's configuration may ask its database.
urlpatterns = [
    path("config", dashboard, name="config"),
    path("events", csrf_exempt(dashboard), name="events"),
]
