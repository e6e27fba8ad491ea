"""What is written from a catalogue: `TELEMETRY.md`, and the tables of the reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from windrow import __version__, _gate, _settings, envelope
from windrow._identity import Identity
from windrow.catalogue._model import Catalogue, Event, Property
from windrow.catalogue._types import TYPES
from windrow.catalogue.coarsen import coarsener
from windrow.reasons import REASONS
from windrow.tools._words import sends, tidy

TEMPLATE = """\
# All that this product may ever send. Review it like code.
# There is no type for free text: what is not declared here cannot leave.

[product]
name = "myproduct"                # makes MYPRODUCT_TELEMETRY_DISABLED and the other switches
title = "My Product"
key = "wk_myproduct_change_me"    # public and write-only; with sink = "posthog", your phc_… key
sink = "collector"                # or "posthog", with endpoint = "https://eu.i.posthog.com"
endpoint = "https://telemetry.example.com"
contact = "privacy@example.com"
keep_days = 400
time_precision = "day"            # or "hour"; finer times would show working hours

# Facts about the instance, sent once a batch.
[context.app_version]
type = "version"
description = "The release of My Product."
why = "Which releases still need fixes."

# Something happened: telemetry.track("plugin_installed", {"type": "channel"})
[events.plugin_installed]
description = "A plugin was installed."
why = "Which kinds of plugins to invest in."
since = "1.0.0"

[events.plugin_installed.properties.type]
type = "choice"                   # anything that is not declared becomes "other"
values = ["channel", "retriever", "other_source"]
description = "The kind of plugin."

# Counted on the instance, sent once a day as a bucket: telemetry.count("conversation_created")
[events.conversation_created]
kind = "counter"
buckets = ["0", "1-9", "10-99", "100+"]
description = "Conversations that were started in the day."
why = "How much the product is used."
since = "1.0.0"

# Asked once a day: @telemetry.snapshot("feature_usage")
[events.feature_usage]
kind = "snapshot"
description = "How much of each feature is in use."
why = "What to improve, and what to retire."
since = "1.0.0"

[events.feature_usage.properties.agents]
type = "range"
buckets = ["0", "1", "2-5", "6-25", "26+"]
description = "Agents that exist."
"""

_EXAMPLE_INSTANCE = Identity(bytes(32))
_EXAMPLE_DAY = "2026-01-15"
_EXAMPLES: dict[str, object] = {"flag": True, "version": "1.4.0", "digest": "…"}

_INSTANCE_KIND = (
    "Where the instance keeps its secret: `file`, `database`, or `ephemeral` where it keeps it nowhere."
)
_EVENT_ID = "Random but for the cut time; of what is sent once a day, made of instance, event and day."
#: What each field on the wire says, by sink; those of `properties` that are declared stand in the tables.
_FIELDS = {
    "collector": (
        ("format", "The version of this form."),
        ("key", "Names the product; public, and the same for everybody."),
        ("catalogue", "A hash of all that may be sent: which list of events this was checked against."),
        ("batch_id", "Random; names the batch in the ledger."),
        ("instance_id", "Random; names the instance."),
        ("instance_kind", _INSTANCE_KIND),
        ("sdk", "The library that sends, and its release."),
        ("context", "The facts that are sent with every batch."),
        (
            "dropped",
            "How much was lost before it could be sent, by reason: numbers, and nothing of what it was.",
        ),
        ("events", "What happened, and what was counted."),
        (
            "sequence",
            "How many batches this instance has packed before: two copies of one instance tell apart by it.",
        ),
        ("id", _EVENT_ID),
        ("name", "The event."),
        ("time", "When it happened, cut as the line below says."),
        ("properties", "What the tables say."),
    ),
    "posthog": (
        ("api_key", "Names the product; public, and the same for everybody."),
        ("historical_migration", "Always `false`."),
        ("batch", "What happened, and what was counted."),
        ("event", "Its name."),
        ("distinct_id", "Random; names the instance."),
        ("uuid", _EVENT_ID),
        ("timestamp", "When it happened, cut as the line below says; a day is written as its noon."),
        ("properties", "What the tables say, and the fields that follow."),
        ("$process_person_profile", "Always `false`: PostHog makes no profile."),
        ("$geoip_disable", "Always `true`: PostHog looks up no place."),
        ("$ip", "A placeholder, so that PostHog puts no address there."),
        ("$lib", "The library that sends."),
        ("$lib_version", "Its release."),
        ("instance_kind", _INSTANCE_KIND),
    ),
}


def telemetry_md(catalogue: Catalogue) -> str:
    """The page for operators, complete."""
    return "\n".join(_page(catalogue)).rstrip() + "\n"


def _page(catalogue: Catalogue) -> Iterator[str]:
    product = catalogue.product
    yield f"# What {tidy(product.title)} sends"
    yield ""
    yield "<!-- Written by `windrow docs` from the catalogue. Do not edit: `windrow docs --check` would fail. -->"
    yield ""
    yield (
        f"{tidy(product.title)} tells its makers which releases are alive and which features are in use, in coarse "
        f"figures. **Off:** `{product.env('DISABLED')}=1`. **Look first:** `{product.env('DEBUG')}=1`. "
        "What follows is all that can leave: it is written from the very file that the program checks each event "
        "against, and events that are not in it cannot be sent."
    )
    yield ""
    yield from _what(catalogue)
    yield from _bytes(catalogue)
    yield from _never(catalogue)
    yield from _off(catalogue)
    yield from _see(catalogue)
    yield from _forget(catalogue)


def _what(catalogue: Catalogue) -> Iterator[str]:
    yield "## What is sent, and why"
    yield ""
    if catalogue.context:
        yield "With every batch:"
        yield ""
        yield from _properties(catalogue.context.values())
    when = {"event": "when it happens", "counter": "counted here, sent once a day", "snapshot": "once a day"}
    for event in catalogue.events.values():
        yield f"### `{event.name}`"
        yield ""
        said = tidy(event.description) or "Not described."
        yield f"{said} *{_sentence(when[event.kind])}, from the {event.source}.*"
        if event.why:
            yield ""
            yield f"Why: {tidy(event.why)}"
        yield ""
        if event.properties:
            yield from _properties(event.properties.values())
        else:
            yield "Nothing but that it happened."
            yield ""


def _properties(properties: Iterable[Property]) -> Iterator[str]:
    yield "| property | what it says | what is sent |"
    yield "|---|---|---|"
    for prop in properties:
        said = " ".join(filter(None, (prop.description, prop.why and f"Why: {prop.why}")))
        yield f"| `{prop.name}` | {_cell(said)} | {sends(prop)} |"
    yield ""


def _bytes(catalogue: Catalogue) -> Iterator[str]:
    yield "## An example of the exact bytes"
    yield ""
    yield f"To `{_where(catalogue)}`:"
    yield ""
    yield "```json"
    yield json.dumps(example(catalogue), indent=2, ensure_ascii=False)
    yield "```"
    yield ""
    yield "| field | what it says |"
    yield "|---|---|"
    for field, meaning in _FIELDS[catalogue.product.sink]:
        yield f"| `{field}` | {meaning} |"
    yield ""
    yield f"The headers beside it are the same for everybody: `User-Agent` is `windrow-python/{__version__}`."
    yield ""
    yield (
        f"Times are cut to the {catalogue.product.time_precision}, in UTC. `{_id_field(catalogue)}` is made on the "
        "first send out of 32 random bytes and is derived from nothing about the machine or about people. Since it "
        f"lasts{' a month' if catalogue.product.rotate == 'monthly' else ''}, what is sent is *pseudonymous*."
    )
    yield ""


def example(catalogue: Catalogue) -> dict[str, object]:
    """One batch with the first events of the catalogue, made by the code that makes real ones."""
    tracked = [event for event in catalogue.events.values() if event.kind == "event"][:2]
    events: list[envelope.WireEvent] = [
        {
            "id": f"019bbee0-0800-7000-8000-{position:012d}",
            "name": event.name,
            "time": envelope.wire_time(1_768_435_200, catalogue.product.time_precision),
            "properties": _example_properties(event),
        }
        for position, event in enumerate(tracked)
    ]
    daily = next((event for event in catalogue.events.values() if event.daily), None)
    if daily:
        made = envelope.daily_event(
            _EXAMPLE_INSTANCE.at(_EXAMPLE_DAY), daily.name, _EXAMPLE_DAY, _example_properties(daily)
        )
        events.append(made)
    batch: envelope.Envelope = {
        "format": envelope.FORMAT,
        "key": catalogue.product.key,
        "catalogue": catalogue.digest,
        "batch_id": "00000000-0000-7000-8000-000000000000",
        "instance_id": _EXAMPLE_INSTANCE.at(_EXAMPLE_DAY),
        "instance_kind": "file",
        "sdk": f"windrow-python/{__version__}",
        "context": {name: _example_value(prop) for name, prop in catalogue.context.items()},
        "dropped": {},
        "events": events,
        "sequence": 7,
    }
    if catalogue.product.sink == "collector":
        return dict(batch)
    from windrow.sinks import PostHog

    rendered: dict[str, object] = json.loads(PostHog(catalogue.product.endpoint).render(batch))
    return rendered


def _example_properties(event: Event) -> dict[str, object]:
    return {prop.name: _example_value(prop) for prop in event.properties.values()}


def _example_value(prop: Property) -> object:
    if prop.type == "count":
        return coarsener(prop)(3)
    if prop.type == "choices":
        return sorted(prop.values[:2])
    if values := prop.buckets or prop.values:
        return values[min(1, len(values) - 1)]
    return _EXAMPLES[prop.type]


def _never(catalogue: Catalogue) -> Iterator[str]:
    yield "## What is never sent"
    yield ""
    yield "- No name, address, e-mail, host name, path, text, title, or secret of yours: there is no type for it."
    yield "- No number, where a bucket is declared; no value that is not listed above (it becomes `other` or `custom`)."
    hourly = catalogue.product.time_precision == "hour"
    yield (
        "- No time finer than the hour."
        if hourly
        else f"- No time of day, only the day.{_arrives(catalogue)}"
    )
    if catalogue.product.sink == "posthog":
        yield "- No profile and no place: PostHog is told not to make either, and is given a placeholder address."
    else:
        yield "- The collector keeps no network address: not in its data, and not in a log."
    yield _before(catalogue)
    yield "- Nothing at all once it is switched off, from a CI service, or from under a test runner."
    yield ""


def _arrives(catalogue: Catalogue) -> str:
    if catalogue.product.sink == "posthog":
        return " When a batch arrives, PostHog can see all the same."
    return " When a batch arrives, the collector can see all the same; it keeps the hour of it."


def _before(catalogue: Catalogue) -> str:
    minutes = catalogue.product.grace_minutes
    grace = (
        f" and {minutes} minutes have passed"
        if minutes > 1
        else " and a minute has passed"
        if minutes
        else ""
    )
    return (
        f"- Nothing before the notice was shown on standard error or in the log{grace}. A release that sends more "
        "shows it again, and what is new waits as long."
    )


def _off(catalogue: Catalogue) -> Iterator[str]:
    yield "## How to switch it off"
    yield ""
    yield "Any one of these is enough:"
    yield ""
    yield "| switch | meaning |"
    yield "|---|---|"
    for lever, meaning in _gate.LEVERS:
        if lever not in ("catalogue", "state", "closed", "default"):
            yield f"| `{lever.format(PRODUCT=catalogue.product.name.upper())}` | {meaning} |"
    yield ""
    yield "Off means: no connection, no name look-up, no thread, no file, no id, and no message that says goodbye."
    yield ""


def _see(catalogue: Catalogue) -> Iterator[str]:
    product = catalogue.product
    yield "## How to see it"
    yield ""
    yield (
        f"- `{product.env('DEBUG')}=1` sends nothing. It prints to standard error each event as it happens and each "
        "snapshot as it is registered, with its coarse properties (`(digest)` in place of a digest), and each counter "
        "as it is called, with the number and not yet the bucket of the day."
    )
    yield (
        "- The *ledger* has every batch, byte for byte, written before it leaves, and how the send ended. "
        f"`windrow show` shows it, and `windrow status` says what is on and why. It is `ledger.jsonl` in "
        f"`{product.env('DIR')}`, by default `~/.local/state/{product.name}/telemetry`, or in the table "
        "`windrow_state` where the instance remembers in the product's own database; at most two megabytes and 90 days."
        " Where neither can be written, a read-only disk say, it is in memory and ends with the process."
    )
    yield (
        "- What could not be delivered waits in `spool/` beside the ledger, at most 2 MB and seven days, and is "
        "wiped when telemetry is switched off."
    )
    yield ""


def _forget(catalogue: Catalogue) -> Iterator[str]:
    product = catalogue.product
    keeper = "PostHog" if product.sink == "posthog" else "The collector"
    yield "## How long it is kept, and how to be forgotten"
    yield ""
    yield f"{keeper} keeps events for {product.keep_days} days at most."
    if product.rotate == "monthly":
        yield "An instance has another random id in each month, so that its months cannot be joined."
    asked = f"write to {tidy(product.contact)}" if product.contact else "ask the makers"
    if product.sink == "posthog":
        yield (
            f"To have them erased earlier, {asked} with your `{_id_field(catalogue)}`: `windrow status` says it. "
            "`windrow reset` makes a new instance."
        )
    else:
        yield (
            "`windrow forget` has all of it erased at the collector, wipes what the instance remembers, and leaves "
            "telemetry off; `windrow show --held` shows beforehand what the collector holds. Both prove the right by "
            "the instance's secret, which never leaves; nobody else can ask. `windrow reset` makes a new instance "
            f"without asking anybody. For questions, {asked}."
        )
    yield "An `ephemeral` instance has another id at each start."
    yield ""


def _where(catalogue: Catalogue) -> str:
    path = "/batch/" if catalogue.product.sink == "posthog" else "/v1/batch"
    return f"POST {catalogue.product.endpoint}{path}"


def _id_field(catalogue: Catalogue) -> str:
    return "distinct_id" if catalogue.product.sink == "posthog" else "instance_id"


def _cell(text: str) -> str:
    return tidy(text).replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---- tables of the reference ------------------------------------------------------------------------


def types_table() -> str:
    """The property types, for the reference."""
    rows = ["| type | needs | sends | never sends |", "|---|---|---|---|"]
    for kind in TYPES.values():
        needs = " or ".join(f"`{key}`" for key in (kind.needs, kind.may) if key)
        rows.append(f"| `{kind.name}` | {needs} | {kind.sends} | {kind.never} |")
    return "\n".join(rows)


def reasons_table() -> str:
    """The drop reasons, for the reference."""
    rows = ["| reason | loses | said by | meaning | what to do |", "|---|---|---|---|---|"]
    rows += [
        f"| `{r.slug}` | the {r.scope} | {'SDK and collector' if r.stage == 'both' else r.stage} "
        f"| {r.meaning} | {r.action} |"
        for r in REASONS.values()
    ]
    return "\n".join(rows)


def settings_table() -> str:
    """The environment settings of the SDK, for the reference."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    rows += [
        f"| `<PRODUCT>_TELEMETRY_{name}` | {f'`{default}`' if default else ''} | {meaning} |"
        for name, default, meaning in _settings.SETTINGS
    ]
    return "\n".join(rows)


def levers_table() -> str:
    """The levers of the gate in their order, for the reference."""
    rows = ["| lever | meaning |", "|---|---|"]
    rows += [f"| `{lever.format(PRODUCT='<PRODUCT>')}` | {meaning} |" for lever, meaning in _gate.LEVERS]
    return "\n".join(rows)
