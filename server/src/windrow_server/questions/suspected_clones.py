"""Which instances seem to be two copies of one."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="suspected_clones",
    title="Suspected clones",
    definition=(
        "Instances of which two different batches with one number came in the last 90 days up to and including "
        "today. An instance numbers its batches, so that this takes two copies of one state: a disk image or a "
        "volume that was copied, or a backup that was restored. Copies share an id, and count as one instance."
    ),
    computed=(
        "In `batches`, which has a row for each batch that carried a `sequence`: the instances (kinds `database` "
        "and `file`) that have one number with more than one `batch_id` on the 90 days that end with the "
        "period's last day, by the day of arrival. A batch that is sent again has the same `batch_id` and marks "
        "nothing. The length of the period chosen on the page does not matter here."
    ),
    columns=(
        Column("suspected", "instances with two batches of one number"),
        Column("numbered", "instances that number their batches"),
    ),
    reads=("batches",),
)
