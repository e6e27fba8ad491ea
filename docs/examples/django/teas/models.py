"""Kettle's tables."""

from django.db import models


class Tea(models.Model):
    """A pot of tea."""

    sort = models.CharField(max_length=40)
