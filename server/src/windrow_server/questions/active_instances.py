"""Active instances by day, week and month."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="active_instances",
    title="Active instances",
    definition=(
        "An instance is active in a day, week or month when it sent at least one event in it. Days are UTC, "
        "and weeks begin on Monday."
    ),
    computed=(
        "Distinct instances (kinds `database` and `file`) in `instance_days`, by day, by week and by "
        "calendar month. Weeks and months are whole: the first one may begin before the period, so that it "
        "can be compared with the next. A bucket without any instance is a row with 0."
    ),
    columns=(
        Column("unit", "`day`, `week` or `month`"),
        Column("start", "first day of the bucket"),
        Column("instances", "instances active in the bucket"),
    ),
    reads=("instance_days",),
)
