"""What the insights page shows: the answers to all questions about one product and one period."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from windrow.reasons import REASONS

from windrow_server.meta import Meta, Wish
from windrow_server.pages import _figures, _format
from windrow_server.pages._figures import Figure
from windrow_server.pages._period import Period
from windrow_server.questions import QUESTIONS, Answer, Question, ask
from windrow_server.store import Store


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the pages name it. `variable` begins the names of its environment variables.

    `rotating`: its instances take a new id each month.
    """

    name: str
    title: str
    rotating: bool = False

    @property
    def variable(self) -> str:
        """The name in capitals, as in HAY_TELEMETRY_ENDPOINT."""
        return self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the numbers at the top."""

    label: str
    active: str
    beside: str
    note: str
    days: int


@dataclass(frozen=True, slots=True)
class Section:
    """One question on the page, with its figures; or `instead`, the sentence that says why there are none."""

    question: Question
    figures: list[Figure]
    note: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Clones:
    """How many of the instances that number their batches are suspected to be two copies."""

    suspected: int
    numbered: int


@dataclass(frozen=True, slots=True)
class View:
    """All that the template shows. `product` is None when the server knows no catalogue."""

    products: list[Product]
    product: Product | None
    period: Period
    headlines: list[Headline]
    sections: list[Section]
    refusals: Answer | None
    clones: Clones | None
    wishes: list[str]
    empty: bool

    @property
    def reasons(self) -> dict[str, str]:
        """What each drop reason means, by its slug."""
        return {slug: reason.meaning for slug, reason in REASONS.items()}

    def definition(self, name: str) -> str:
        """The sentence that defines the numbers of one question."""
        return QUESTIONS[name].definition


def insights(store: Store, meta: Meta, product: str | None, period: str | None, now: float) -> View:
    """Ask everything that the page shows. An unknown product becomes the first one. Raises what the store raises."""
    products = [Product(c.product.name, c.product.title, c.product.rotate != "never") for c in meta.current()]
    chosen = next((p for p in products if p.name == product), products[0] if products else None)
    days = Period.read(period, now)
    if chosen is None:
        return View(products, None, days, [], [], None, None, [], empty=True)
    answers = _answers(store, chosen, days)
    sections = _sections(answers, days.until, chosen)
    empty = all(figure.empty for section in sections for figure in section.figures)
    refused = answers["refusals"]
    (clones,) = answers["suspected_clones"].rows
    return View(
        products,
        chosen,
        days,
        _headlines(answers["headline"], chosen),
        sections,
        refused,
        Clones(**clones),
        meta.wishes().get(chosen.name, Wish()).words(now),
        empty and not refused.rows,
    )


def _answers(store: Store, product: Product, period: Period) -> dict[str, Answer]:
    def answer(name: str) -> Answer:
        return ask(store, name, product=product.name, since=period.since, until=period.until)

    names = [name for name, question in QUESTIONS.items() if not (question.lasting and product.rotating)]
    # Two at a time: the engine has the cores, and a page must not take them all from the loader.
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(answer, names), strict=True))


def _sections(answers: dict[str, Answer], today: date, product: Product) -> list[Section]:
    running = "The paler bar is the week that is still running."
    turn = " In a week that crosses into another month, an instance counts under both its ids."
    turn = turn if product.rotating else ""
    return [
        Section(
            QUESTIONS["active_instances"],
            _figures.active_instances(answers["active_instances"], today),
            "Today, this week and this month are not over: their numbers still grow, and are drawn paler."
            + turn,
        ),
        _lifecycle(answers, today, running, product),
        Section(
            QUESTIONS["versions"],
            [_figures.versions(answers["versions"], today)],
            "The last week is still running." + turn,
        ),
        Section(QUESTIONS["events_by_name"], [_figures.events_by_name(answers["events_by_name"])]),
        Section(QUESTIONS["other_kinds"], [_figures.other_kinds(answers["other_kinds"], today)], running),
    ]


def _lifecycle(answers: dict[str, Answer], today: date, note: str, product: Product) -> Section:
    question = QUESTIONS["lifecycle"]
    if product.rotating:
        why = (
            f"Not shown: an instance of {product.title} takes a new id each month, so that nothing tells a new "
            "instance from one that was there before."
        )
        return Section(question, [], instead=why)
    return Section(question, [_figures.lifecycle(answers["lifecycle"], today)], note)


_WINDOWS = {
    1: ("Active today", "yesterday", "Today is not over."),
    7: ("Active in 7 days", "in the 7 days before", "Today included."),
    30: ("Active in 30 days", "in the 30 days before", "Today included."),
}


def _headlines(answer: Answer, product: Product) -> list[Headline]:
    headlines = []
    for row in answer.rows:
        label, before, note = _WINDOWS[row["days"]]
        if product.rotating and row["days"] > 1:
            note += " An instance counts anew with each month's id."
        # A day that is not over has no fair change against one that is.
        change = "" if row["days"] == 1 else f" ({_format.change(row['active'], row['before'])})"
        beside = f"{_format.number(row['before'])} {before}{change}"
        headlines.append(Headline(label, _format.number(row["active"]), beside, note, row["days"]))
    return headlines
