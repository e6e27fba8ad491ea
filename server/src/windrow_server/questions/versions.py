"""Which versions are in use, week by week."""

from windrow_server.questions._model import Column, Question

QUESTION = Question(
    name="versions",
    title="Versions in use",
    definition=(
        "The instances active in a week, by the last version that each of them reported in it. The three "
        "newest versions, and the ten with the highest share in any week of the period, have their own "
        "colour, by age; the rest is “other”, and a version that is not major.minor.patch is “custom”."
    ),
    computed=(
        "For each week (Monday to Sunday, UTC) and each instance (kinds `database` and `file`) the "
        "`app_version` of its last active day in `instance_days`. The three newest versions and the ten "
        "with the highest share of any one week (of equals, the newer) keep their name, the others are "
        "summed up as `other`. `custom` is a version that is not `major.minor.patch`; `unknown` is an "
        "instance that reports none. Every week has a row for every version."
    ),
    columns=(
        Column("week", "Monday of the week"),
        Column("version", "the version, or `other`, `custom`, `unknown`"),
        Column("instances", "instances whose last version in the week it was"),
    ),
    reads=("instance_days",),
)
