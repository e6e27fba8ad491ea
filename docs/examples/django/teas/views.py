"""Kettle's pages."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from windrow.integrations.django import telemetry

from teas.models import Tea


@csrf_exempt  # so that the example can be tried with curl
def make_tea(request: HttpRequest) -> HttpResponse:
    Tea.objects.create(sort=request.GET["sort"])
    telemetry.track("tea_made", {"sort": request.GET["sort"], "cups": int(request.GET["cups"])})
    telemetry.count("boiled")
    return HttpResponse("Tea is ready.")
