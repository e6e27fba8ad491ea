"""Kettle for an ASGI server."""

import os

from windrow.integrations.django.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kettle.settings")
application = get_asgi_application()
