"""Makes the table of `spec/state.md`."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def compare_exactly(_apps: Any, schema_editor: Any) -> None:
    """Give the columns of MySQL and MariaDB collations that tell `a` from `A`, as others do by default."""
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(
            "ALTER TABLE windrow_state"
            " MODIFY name varchar(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
            " MODIFY value longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
        )


class Migration(migrations.Migration):
    """One table, two columns."""

    initial = True
    dependencies: list[tuple[str, str]] = []  # noqa: RUF012 - Django's own shape
    operations = [  # noqa: RUF012 - Django's own shape
        migrations.CreateModel(
            name="StateRow",
            fields=[
                ("name", models.CharField(max_length=191, primary_key=True, serialize=False)),
                ("value", models.TextField()),
            ],
            options={
                "verbose_name": "row of the telemetry's state",
                "verbose_name_plural": "rows of the telemetry's state",
                "db_table": "windrow_state",
            },
        ),
        # MySQL has no transaction around DDL, and Django forbids to pretend that it has.
        migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False),
    ]
