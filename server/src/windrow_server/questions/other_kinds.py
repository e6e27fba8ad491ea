"""What is kept apart from instances: ephemeral and foreign ids."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="other_kinds",
    title="Ephemeral and foreign, kept apart",
    definition=(
        "Ephemeral: a copy that could keep no state, such as a container without a volume; it has a new id "
        "at every start. Foreign: an id of a PostHog library that is not an instance. Neither counts as an "
        "instance anywhere."
    ),
    computed=(
        "Distinct ids, and the sum of `events`, in `instance_days` by week (Monday to Sunday, UTC) for the "
        "kinds `ephemeral` and `foreign`. One container that restarts ten times is ten ephemeral ids."
    ),
    columns=(
        Column("week", "Monday of the week"),
        Column("ephemeral", "ephemeral ids active in the week"),
        Column("foreign", "foreign ids active in the week"),
        Column("ephemeral_events", "events from ephemeral ids"),
        Column("foreign_events", "events from foreign ids"),
    ),
    reads=("instance_days",),
)
