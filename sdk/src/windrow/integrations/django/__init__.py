"""Windrow in Django: add `windrow.integrations.django` to `INSTALLED_APPS`, and run `migrate`."""
