"""`manage.py windrow status`: the operator's commands, for the instance whose settings these are."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from windrow.integrations.django import _telemetry
from windrow.operator import add_arguments, run


class Command(BaseCommand):
    """Ends with the exit codes of `windrow.operator.run`."""

    help = "What this product sends to its makers: see it, switch it, be forgotten."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape; and the switch must work whatever is wrong

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Those of each command."""
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run it."""
        how = _telemetry.options()
        parsed = argparse.Namespace(**options)
        code = run(
            parsed,
            catalogue=how["catalogue"],
            state=how["state"],
            config=how["config"],
            telemetry=_telemetry.current(),
        )
        if code:
            sys.exit(code)
