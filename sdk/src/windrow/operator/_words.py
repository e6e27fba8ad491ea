"""The answers in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from windrow.operator._drawn import view_words
from windrow.operator._terminal import Terminal, plain, typed
from windrow.operator._trends import bodied

Answer = dict[str, Any]

_COLUMN = 14
_LONGEST, _DIGITS = 40, 12
_OUTCOMES = {
    "delivered": "delivered",
    "later": "not taken, to be tried again",
    "refused": "refused, and given up",
    "too_large": "too large, so sent in halves",
    "wiped": "wiped before it was delivered",
}
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?Z")
_SAID = {
    "ci": "{value} is set, so this counts as a CI service",
    "test_runner": "{value} is set, so this counts as a test",
    "config": "the product's configuration says {value}",
    "machine": "{place} says {value}",
    "operator": "you have said no ({value})",
    "collector": "its makers have stopped it {value}",
    "state": "what it remembers cannot be read",
    "closed": "the product has closed it",
}
_NOTICE = {
    "not_shown": "not shown yet, and nothing is sent until it has been",
    "grace": "shown {shown}; nothing is sent before {ends}",
    "part": "shown {shown}; this release sends more, which waits until it is shown again",
    "over": "shown {shown}",
    "agreed": "not needed: you said yes",
}


def status_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`status`."""
    _headline(t, answer)
    if answer["problem"]:
        t.text(answer["problem"])
    elif answer["debug"]:
        t.text("It is being debugged: events are printed, and not sent.")
    t.line()
    state, kind = answer["state"], answer["state"]["kind"]
    if not answer["problem"]:
        unknown = "has no id yet: nothing was sent" if kind else "none is known here"
        t.field("instance", answer["instance_id"] or unknown, _COLUMN)
        none = f"none in {state['place']}" if state["place"] else "none, and no home folder to look in"
        place = state["place"] if kind == "database" else f"{state['place']} ({kind})"
        t.field("state", place if kind else none, _COLUMN)
    t.field("sends to", " and ".join(answer["sinks"]), _COLUMN)
    if not answer["problem"]:
        _status_of_state(t, answer)
    if answer["process"]:
        _status_of_process(t, answer["process"])
    t.line()
    t.text("What each lever says. The first that says off decides.")
    t.line()
    _levers(t, answer)
    t.line()
    if answer["process"] is None:
        t.text("Variables are those of this shell: where the product runs, they may be others.", dim=True)
    if not kind and not answer["problem"] and answer["process"] is None:
        t.text(_elsewhere(answer["title"], prog, "status"), dim=True)


def _headline(t: Terminal, answer: Answer) -> None:
    title = plain(answer["title"])
    if answer["enabled"]:
        t.line(f"{t.bold(f'{title} telemetry is')} {t.good('on')}.")
        return
    lever = answer["lever"]
    said = _SAID.get(lever, "{lever} is {value}, in the environment")
    if lever == "operator" and not answer["value"].startswith("off"):
        said = "what is remembered of your choice cannot be understood ({value})"
    value = _moment(answer["value"]).removeprefix("off ")
    values = {"lever": lever, "value": value or "no", "place": answer["place"]}
    lines = t.wrapped(f"{title} telemetry is off: {said.format(**values)}.", 0)
    head = f"{title} telemetry is off"
    if lines[0].startswith(head):
        lines[0] = f"{t.bold(head.removesuffix(' off'))} {t.warn('off')}{lines[0].removeprefix(head)}"
    for line in lines:
        t.line(line)


def _status_of_state(t: Terminal, answer: Answer) -> None:
    notice = answer["notice"]
    said = _NOTICE[notice["is"]]
    t.field("notice", said.format(shown=_moment(notice["shown"]), ends=_moment(notice["ends"])), _COLUMN)
    t.field("waiting", _waiting(answer["waiting"]), _COLUMN)
    last = answer["last_send"]
    t.field("last send", _last_send(answer) if last else "none", _COLUMN)
    for back_off in answer["back_off"]:
        again = f"again after {_moment(back_off['until'])}" if back_off["until"] else "about to try again"
        tries = _number(back_off["tries"], "try", "tries")
        t.field("held up", f"{tries} to {back_off['to']} failed; {again}", _COLUMN, warn=True)
    if answer["sample"] and not answer["sample"]["sends"]:
        until = _moment(answer["sample"]["until"])
        t.field("sampled", f"not among those that its makers want to hear from, until {until}", _COLUMN)


def _last_send(answer: Answer) -> str:
    # The ledger has the hour alone: without saying so, a send would seem to be before its notice.
    last = answer["last_send"]
    elsewhere = f" to {last['to']}" if last["to"] not in answer["sinks"] else ""
    return f"in the hour from {_moment(last['time'])}{elsewhere}: {_outcome(last['outcome'])}"


def _elsewhere(title: str, prog: str, command: str) -> str:
    return (
        f"If {title} remembers elsewhere, say where: {typed(prog, f'{command} --state URL')}. "
        "Where it can write nowhere, it remembers in memory alone, and what it sends cannot be seen from here."
    )


def _status_of_process(t: Terminal, process: Answer) -> None:
    lost = ", ".join(f"{reason} {n}" for reason, n in process["dropped"].items())
    text = f"{_number(process['queued'], 'event', 'events')} in memory, {process['sent']} sent"
    t.field("this process", f"{text}; dropped: {lost}" if lost else text, max(_COLUMN, 16))
    if process["note"]:
        t.field("", process["note"], max(_COLUMN, 16))


def _levers(t: Terminal, answer: Answer) -> None:
    hidden = ("default",) if answer["process"] else ("default", "closed")
    levers = [row for row in answer["levers"] if row["lever"] not in hidden]
    width = max(len(row["lever"]) for row in levers)
    column = 4 + width + 2
    for row in levers:
        decides = not answer["enabled"] and row["lever"] == answer["lever"]
        mark = t.mark("arrow") if decides else " "
        name = row["lever"].ljust(width)
        # Padded before it is painted: colours have a length, and no width.
        says = row["says"].ljust(7)
        painted = t.warn(says) if row["says"] == "off" else t.dim(says)
        detail = _detail(row)
        beside = t.wrapped(detail, column + 9) if detail else []
        fits = t.width - column - 9 >= 24 and all(len(line) <= t.width - column - 9 for line in beside)
        t.line(f"  {mark} {name}  {painted}" + (f"  {beside[0]}" if beside and fits else ""))
        if beside and fits:
            for line in beside[1:]:
                t.line(" " * (column + 9) + line)
        elif beside:
            t.text(detail, 8)


def _detail(row: Mapping[str, str]) -> str:
    if row["says"] == "unknown":
        return "known to the product alone" if row["lever"] == "config" else ""
    if not row["value"]:
        return ""
    value = _moment(row["value"]).removeprefix("off ").removeprefix("on ")
    return f"{value} ({row['place']})" if row["lever"] == "machine" else value


def switched_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`on` and `off`."""
    _headline(t, answer)
    t.line()
    if answer["asked"] == "off":
        t.text("What waited is wiped, here and, within moments, in what runs. Nothing says goodbye.")
        t.text(f"What was sent stays with its makers; to have it erased: {typed(prog, 'forget')}")
    elif answer["enabled"]:
        t.text("You have said yes to all that its catalogue lists, so no waiting time passes.")
    else:
        t.text("Your yes is kept, but this comes first. Take it away to have telemetry on.")
    if answer["asked"] == "on":
        t.text("A product that runs and was off stays off until it is started again.")
    if answer["state"]["kind"] == "ephemeral":
        kept = f"{answer['state']['place']} goes with the container, and so does what you have said."
        variable = f"{answer['product'].upper()}_TELEMETRY_DISABLED=1"
        lasts = f" Set {variable} where it runs." if answer["asked"] == "off" else " Put it on a volume."
        t.line()
        t.text(kept + lasts)


def preview_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`preview`."""
    if not answer["enabled"]:
        _headline(t, answer)
        t.text("None of this is sent while it is off.")
        t.line()
    for batch in answer["batches"]:
        _batch(t, batch, _PREVIEWED[batch["waits"]])
        if not batch["exact"]:
            t.text("The product adds its context, and a batch_id of the moment.", 2, dim=True)
            t.line()
    open_days = [counter for counter in answer["counters"] if not counter["due"]]
    if open_days:
        t.line(t.bold("Counted, and sent as a bucket after the day has ended"))
        width = max(len(counter["event"]) for counter in open_days)
        for counter in open_days:
            number = f"{counter['number']} so far, would be {counter['bucket']}"
            t.line(f"  {plain(counter['event']).ljust(width)}  {counter['day']}  {number}")
        t.line()
    if not answer["batches"] and not open_days:
        t.text("Nothing waits.")
    if answer["batches"]:
        t.text(f"The exact bytes: {typed(prog, 'preview --raw')}", dim=True)
    if answer["from"] == "state":
        t.text("What waits in the memory of running processes cannot be seen from here.", dim=True)


_PREVIEWED = {
    "disk": "waits on disk",
    "memory": "next from this process",
    "counters": "next out of what was counted",
}


def show_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`show`."""
    if not answer["batches"]:
        t.text(f"The ledger has no batch{' of this time' if answer['earlier'] else ''}.")
        if answer["place"]:
            t.text(f"It was looked for in {answer['place']}.", dim=True)
        if not answer["earlier"]:
            t.text(_elsewhere(answer["title"], prog, "show"), dim=True)
        return
    if answer["earlier"]:
        earlier = _number(answer["earlier"], "earlier batch", "earlier batches")
        t.text(f"{earlier} not shown: {typed(prog, 'show --last N')}", dim=True)
        t.line()
    for batch in answer["batches"]:
        outcomes = "; ".join(_counted(batch["outcomes"])) or "no answer yet"
        _batch(t, batch, outcomes, moment=_moment(batch["time"]))
    t.text(f"The exact bytes: {typed(prog, 'show --raw')}", dim=True)


def held_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`show --held`."""
    if not answer["instances"]:
        t.text("No id has been made yet, so nothing can be held under one.")
        return
    for one in answer["instances"]:
        events = one["events"]
        t.line(t.bold(plain(one["instance_id"])))
        more = ", the newest ones; it holds more" if one["truncated"] else ""
        hours = {str(event["received"]) for event in events if event.get("received")}
        t.text(f"{plain(answer['to'])} holds {_number(len(events), 'event', 'events')}{more}.", 2)
        if hours:
            t.text(f"With each it keeps the hour at which it came, the last {_moment(max(hours))}.", 2)
        t.line()
        days: dict[str, list[Answer]] = {}
        for event in reversed(events):
            days.setdefault(str(event.get("time", "")), []).append(event)
        for day, its in days.items():
            t.line(f"  {plain(day)}")
            _events(t, its, 4)
            t.line()
    if any(one["events"] for one in answer["instances"]):
        t.text(f"To have it erased: {typed(prog, 'forget')}", dim=True)


def _batch(t: Terminal, batch: Answer, said: str, moment: str = "") -> None:
    events, facts, lost = bodied(batch["body"])
    head = f"{moment} {t.mark('arrow')} " if moment else f"{t.mark('arrow')} "
    for line in t.wrapped(head + batch["to"], 0):
        t.line(t.bold(line))
    painted = t.good if said.startswith("delivered") else t.dim if said in _PREVIEWED.values() else t.warn
    for line in t.wrapped(said, 2):
        t.line(f"  {painted(line)}")
    if facts:
        t.field("with", _pairs(facts), 8)
    if lost:
        t.field("lost", _pairs(lost), 8)
    _events(t, events, 4)
    t.line()


def _events(t: Terminal, events: Iterable[Answer], indent: int) -> None:
    groups: dict[tuple[str, str], int] = {}
    for event in events:
        properties = event.get("properties")
        said = _pairs(properties) if isinstance(properties, dict) else ""
        key = plain(event.get("name", "")), said
        groups[key] = groups.get(key, 0) + 1
    names = {key: key[0] + (f" {t.mark('times')}{n}" if n > 1 else "") for key, n in groups.items()}
    width = min(max((len(name) for name in names.values()), default=0), 28)
    for (_, said), name in names.items():
        column = indent + width + 2
        if len(name) > width or t.width - column < 24:
            t.line(" " * indent + name)
            for line in t.wrapped(said, indent + 4):
                t.line(" " * (indent + 4) + t.dim(line))
            continue
        lines = t.wrapped(said, column) or [""]
        t.line(" " * indent + name.ljust(width + 2) + t.dim(lines[0]))
        for line in lines[1:]:
            t.line(" " * column + t.dim(line))


def _pairs(properties: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in properties.items())


def _value(value: object) -> str:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{plain(value[:_DIGITS])}..."  # a digest: its first digits tell it from others
    if isinstance(value, list):
        return ",".join(_value(one) for one in value) or "none"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else plain(value)


def asked_before(t: Terminal, plan: Answer, command: str, *, local: bool) -> None:
    """What `forget` or `reset` is about to do."""
    ids = plan["instance_ids"]
    title = plan["title"]
    batches = f", with a ledger of {_number(plan['batches'], 'batch', 'batches')}" if plan["batches"] else ""
    wiped = f"What is remembered here is wiped{batches}: {plan['place']}."
    if command == "reset":
        t.text(f"If you go on, {title} becomes a new instance:")
        steps = [wiped]
        if ids:
            stays = (
                f"What was sent under {_ids(ids)} stays with its makers, and cannot be asked for any more."
            )
            steps.append(f"{stays} To have it erased, forget first.")
    else:
        t.text(f"If you go on, {title} is forgotten{', here alone' if local else ''}:")
        steps = ["Telemetry is switched off, and stays off."]
        if ids and not local and plan["asks"]:
            steps.append(f"{plan['asks']} erases all that it holds under {_ids(ids)}.")
        elif ids and not plan["asks"]:
            whom = plan["contact"] or "the makers"
            steps.append(f"Nobody can be asked from here to erase {_ids(ids)}: write to {whom}.")
        steps.append(f"{'Then what' if ids and not local else 'What'}{wiped.removeprefix('What')}")
    for number, step in enumerate(steps, 1):
        t.field(f"{number}.", step, 5)


def forget_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`forget`, done."""
    if answer["forgotten"]:
        t.line(t.good("Forgotten."))
        for instance_id in answer["forgotten"]:
            t.text(f"{answer['asks']} holds nothing any more of {instance_id}.", 2)
        for where in answer["forwarded"]:
            t.text(f"Events were passed on to {where}, from where they cannot be recalled.", 2)
    elif answer["instance_ids"]:
        t.line(t.good("Forgotten here."))
        t.text(f"Nobody was asked to erase {_ids(answer['instance_ids'])}.", 2)
    else:
        t.text("There was no id, so nothing was ever sent under one.")
    t.line()
    t.text(f"Telemetry is off. Should it be on again one day, this is a new instance: {typed(prog, 'on')}")


def reset_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`reset`, done."""
    if not answer["wiped"]:
        t.text(f"There is nothing to wipe{' in ' if answer['place'] else ''}{answer['place']}.")
        return
    t.text("Wiped. The next start is that of a new instance, and its notice is shown again.")
    if answer["instance_ids"]:
        t.text(f"What was sent before stays at its makers under {_ids(answer['instance_ids'])}.")
    if not answer["enabled"]:
        t.text(f"Telemetry stays off ({answer['lever']}). To have it on: {typed(prog, 'on')}")


def failed_words(t: Terminal, prog: str, command: str, answer: Answer) -> None:
    """What to do after `forget` has failed."""
    if command != "forget" or "wiped" not in answer:
        return
    t.line()
    t.text("Telemetry is off now. What is needed to ask again is kept.")
    ids = _ids(answer["instance_ids"])
    if answer["asks"]:
        t.text(f"Try again later: {typed(prog, 'forget')}")
    if answer["contact"]:
        t.text(f"Or write to {answer['contact']}, about {ids}.")
    t.text(f"To forget here alone, and never be able to ask: {typed(prog, 'forget --local')}")


def _ids(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[-1]} and {_number(len(ids) - 1, 'earlier id', 'earlier ids')}"


def _counted(outcomes: Iterable[str]) -> list[str]:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return [f"{_outcome(outcome)}{f', {n} times' if n > 1 else ''}" for outcome, n in counts.items()]


def _outcome(outcome: str) -> str:
    status, _, detail = outcome.partition(" ")
    return f"{_OUTCOMES.get(status, status)} ({detail})" if detail else _OUTCOMES.get(status, status)


def _waiting(waiting: Answer) -> str:
    parts = []
    if waiting["batches"]:
        events = _number(waiting["events"], "event", "events")
        parts.append(f"{_number(waiting['batches'], 'batch', 'batches')} with {events}")
    if waiting["counters"]:
        parts.append(f"{_number(waiting['counters'], 'counter of a day', 'counters of a day')}")
    return " and ".join(parts) or "nothing on disk"


def _number(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _moment(instant: str | None) -> str:
    """A text whose moments are written as they are read: `2026-11-24 20:41 UTC`."""
    return _INSTANT.sub(r"\1 \2 UTC", instant or "")


WORDS: dict[str, Callable[[Terminal, Answer, str], None]] = {
    "status": status_words,
    "on": switched_words,
    "off": switched_words,
    "preview": preview_words,
    "show": show_words,
    "view": view_words,
    "forget": forget_words,
    "reset": reset_words,
}
