"""Who came, who came back, who stayed and who left, week by week."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="lifecycle",
    title="New, returning and gone",
    definition=(
        "New: seen for the first time in that week. Returning: seen before, though not in the week before. "
        "Gone: active in the week before and silent in this one, which is known only when the week is over. "
        "The instances active in a week are those of the week before, plus new and returning, less gone."
    ),
    computed=(
        "The weeks (Monday to Sunday, UTC) in which each instance (kinds `database` and `file`) was active, "
        "out of the whole of `instance_days` up to the period's last day. Its first week is `new`; a week "
        "that follows an active week is `stayed`; any other is `returning`; the silent week after an active "
        "one is `gone`, once for each silence. `gone` is empty for the week that is still running. An "
        "instance that was silent for so long that all its rows were pruned (`keep_days`) counts as new "
        "when it comes back."
    ),
    columns=(
        Column("week", "Monday of the week"),
        Column("new", "instances seen for the first time"),
        Column("returning", "instances seen before, not in the week before"),
        Column("stayed", "instances active in this week and in the week before"),
        Column("gone", "instances active in the week before, not in this one; empty while the week runs"),
    ),
    reads=("instance_days",),
    lasting=True,
)
