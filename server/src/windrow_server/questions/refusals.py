"""What was not kept, and why."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="refusals",
    title="Refused, by reason",
    definition=(
        "Events and properties that were not kept, by the reason that is on the closed list. Their values "
        "were never stored."
    ),
    computed=(
        "The sum of `refusals` over the days of the period on which the batches arrived, by reason, by "
        "where it happened (`sdk`: dropped on the instance and reported with the next batch; `collector`: "
        "refused on arrival) and by wire."
    ),
    columns=(
        Column("reason", "slug of the drop reason"),
        Column("stage", "`sdk` or `collector`"),
        Column("wire", "`windrow` or `posthog`"),
        Column("n", "events and properties"),
    ),
    reads=("refusals",),
)
