"""Every question once more, in plain Python over the raw events. No code is shared with the store or its SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tests.support.fleet import Lost, Numbered, Sent

Rows = list[dict[str, Any]]
INSTANCES = {"database", "file"}


class Plain:
    """Answers about one product, from its events without their doubles, for the days `since` to `until`."""

    def __init__(
        self,
        sent: list[Sent],
        lost: list[Lost],
        batches: list[Numbered],
        product: str,
        since: date,
        until: date,
    ) -> None:
        mine = [one for one in sent if one.product == product]
        self.all = list({(one.event, one.day, one.instance, one.id): one for one in mine}.values())
        self.own = [one for one in self.all if one.kind in INSTANCES]
        self.lost = [one for one in lost if one.product == product and since <= one.day <= until]
        last = until - timedelta(days=90)
        self.batches = [one for one in batches if one.product == product and last < one.day <= until]
        self.since, self.until = since, until

    def answer(self, name: str) -> Rows:
        rows: Rows = getattr(self, name)()
        return rows

    def headline(self) -> Rows:
        rows = []
        for days in (1, 7, 30):
            edge = self.until - timedelta(days=days)
            now = {one.instance for one in self.own if edge < one.day <= self.until}
            before = {one.instance for one in self.own if edge - timedelta(days=days) < one.day <= edge}
            rows.append({"days": days, "active": len(now), "before": len(before)})
        return rows

    def active_instances(self) -> Rows:
        rows = []
        days = [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]
        for unit, begin in (
            ("day", lambda day: day),
            ("week", monday),
            ("month", lambda day: day.replace(day=1)),
        ):
            for start in sorted({begin(day) for day in days}):
                seen = {one.instance for one in self.own if begin(one.day) == start and one.day <= self.until}
                rows.append({"unit": unit, "start": start, "instances": len(seen)})
        return rows

    def lifecycle(self) -> Rows:
        seen: dict[date, set[UUID]] = defaultdict(set)
        for one in self.own:
            if one.day <= self.until:
                seen[monday(one.day)].add(one.instance)
        rows = []
        for week in self.weeks():
            now, last = seen[week], seen[week - timedelta(days=7)]
            ever = set().union(*(instances for other, instances in seen.items() if other < week))
            running = week == monday(self.until)
            rows.append(
                {
                    "week": week,
                    "new": len(now - ever),
                    "returning": len((now & ever) - last),
                    "stayed": len(now & last),
                    "gone": None if running else len(last - now),
                }
            )
        return rows

    def versions(self) -> Rows:
        counts: dict[date, Counter[str]] = {}
        for week in self.weeks():
            days = [one for one in self.own if monday(one.day) == week and one.day <= self.until]
            last = {one.instance: one.version or "unknown" for one in sorted(days, key=lambda one: one.day)}
            counts[week] = Counter(last.values())
        peaks: dict[str, float] = defaultdict(float)
        for counter in counts.values():
            for version, n in counter.items():
                peaks[version] = max(peaks[version], n / counter.total())
        known = sorted((version for version in peaks if version[0].isdigit()), key=parts)
        widest = sorted(known, key=lambda version: (peaks[version], parts(version)))[-10:]
        named = [version for version in known if version in widest or version in known[-3:]]
        others = set(known) - set(named)
        rest = [
            name for name in ("custom", "other", "unknown") if name in peaks or (name == "other" and others)
        ]
        rows = []
        for week, counter in counts.items():
            merged = {**counter, "other": sum(counter[version] for version in others)}
            for name in [*named, *rest]:
                rows.append({"week": week, "version": name, "instances": merged.get(name, 0)})
        return rows

    def events_by_name(self) -> Rows:
        inside = [one for one in self.all if self.since <= one.day <= self.until]
        active = len({one.instance for one in inside if one.kind in INSTANCES})
        rows = []
        for event in {one.event for one in inside}:
            own = [one for one in inside if one.event == event and one.kind in INSTANCES]
            instances = len({one.instance for one in own})
            apart = sum(one.event == event for one in inside) - len(own)
            share = round(instances / max(active, 1), 4)
            rows.append(
                {"event": event, "events": len(own), "instances": instances, "share": share, "apart": apart}
            )
        return sorted(rows, key=lambda row: (-row["events"], -row["apart"], row["event"]))

    def other_kinds(self) -> Rows:
        rows = []
        for week in self.weeks():
            inside = [one for one in self.all if monday(one.day) == week and one.day <= self.until]
            row: dict[str, Any] = {"week": week}
            for kind in ("ephemeral", "foreign"):
                row[kind] = len({one.instance for one in inside if one.kind == kind})
            for kind in ("ephemeral", "foreign"):
                row[f"{kind}_events"] = sum(one.kind == kind for one in inside)
            rows.append(row)
        return rows

    def suspected_clones(self) -> Rows:
        given: dict[UUID, dict[int, set[UUID]]] = defaultdict(lambda: defaultdict(set))
        for one in self.batches:
            if one.kind in INSTANCES:
                given[one.instance][one.number].add(one.batch)
        twice = [numbers for numbers in given.values() if any(len(ids) > 1 for ids in numbers.values())]
        return [{"suspected": len(twice), "numbered": len(given)}]

    def refusals(self) -> Rows:
        sums: Counter[tuple[str, str, str]] = Counter()
        for one in self.lost:
            sums[one.reason, one.stage, one.wire] += one.n
        ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
        return [
            {"reason": reason, "stage": stage, "wire": wire, "n": n} for (reason, stage, wire), n in ordered
        ]

    def weeks(self) -> list[date]:
        count = (monday(self.until) - monday(self.since)).days // 7 + 1
        return [monday(self.since) + timedelta(weeks=n) for n in range(count)]


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
