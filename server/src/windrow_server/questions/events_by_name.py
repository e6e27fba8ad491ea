"""Which events happen, how often, and on how many instances."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="events_by_name",
    title="Events by name",
    definition=(
        "Events that happened in the period, each counted once however often it was sent, and the instances "
        "on which they happened. Events from ephemeral and foreign sources have a column of their own and "
        "are in no other."
    ),
    computed=(
        "Rows of `events` (deduplicated by event id) whose day lies in the period. `events`, `instances` "
        "and `share` are about the kinds `database` and `file`; `share` is divided by the instances that "
        "were active in the period, from `instance_days`. A counter or a snapshot is one event a day and "
        "instance."
    ),
    columns=(
        Column("event", "name of the event in the catalogue"),
        Column("events", "events from instances"),
        Column("instances", "instances on which it happened"),
        Column("share", "those instances as a part of all active ones, 0 to 1"),
        Column("apart", "events from ephemeral and foreign sources"),
    ),
    reads=("events", "instance_days"),
)
