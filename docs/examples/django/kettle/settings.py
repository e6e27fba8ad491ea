"""Kettle's settings."""

from pathlib import Path

BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = "for the example only"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "kettle.urls"
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "kettle.sqlite"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["windrow.integrations.django", "teas"]

WINDROW = {
    "CATALOGUE": BASE_DIR.parent / "telemetry.toml",
    "APP_VERSION": "1.2.3",
    "MIGRATIONS": ["teas"],
}
