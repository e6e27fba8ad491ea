"""How many instances are alive, in three numbers."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="headline",
    title="Alive now",
    definition=(
        "Instances that sent at least one event in the last 1, 7 and 30 days up to and including today, "
        "beside the same number of days before those."
    ),
    computed=(
        "Distinct instances (kinds `database` and `file`) in `instance_days`, for the windows of 1, 7 and "
        "30 days that end with the period's last day, and for the windows of the same length just before "
        "them. The length of the period chosen on the page does not matter here."
    ),
    columns=(
        Column("days", "length of the window, in days"),
        Column("active", "instances active in the window"),
        Column("before", "instances active in the window before it"),
    ),
    reads=("instance_days",),
)
