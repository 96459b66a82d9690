"""The fault matrix: what is done to whom, what a person must be told of it, and what was told."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.stack.bounds import Alert, Pace
from tests.stack.receiver import Told

Act = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A notification that a row must bring, exactly once.

    Attributes:
        alert: The alert's name.
        after: Seconds from the wave's beginning to the cause.
        resolved: Whether the recovery is told as well.
        healed: Seconds from the wave's beginning to the end of the cause; None for the wave's healing.
        heals_in: Seconds that the cause takes to be gone when it is ended.
    """

    alert: str
    after: float = 0.0
    resolved: bool = True
    healed: float | None = None
    heals_in: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        fault: What a person would call it.
        stack: The name of the stack's webhook.
        instance: The exporter that it befalls; empty when it befalls the stack.
        terminal: The terminal; empty when it befalls the whole exporter.
        steps: What is done, each at its seconds from the wave's beginning.
        heal: How it is put right.
        pages: What must be told, and nothing else.
    """

    fault: str
    stack: str = ""
    instance: str = ""
    terminal: str = ""
    steps: Sequence[tuple[float, Act]]
    heal: Sequence[Act] = ()
    pages: Sequence[Page] = ()

    def is_about(self, told: Told) -> bool:
        """Tell whether something told is of this row's making."""
        return (
            told.webhook == self.stack
            and self.instance in {"", told.label("instance")}
            and self.terminal in {"", told.label("terminal")}
        )


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a row.

    Attributes:
        row: The row.
        pages: Seconds from the cause to each expected page, None for one that did not come; with its bound.
        resolutions: The same from the healing to each message of recovery.
        extra: What else was told.
    """

    row: Row
    pages: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    resolutions: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)

    def problems(self) -> Iterator[str]:
        """Yield what is not as expected."""
        for what, times in (("page", self.pages), ("resolution", self.resolutions)):
            for alert, (took, bound) in times.items():
                if took is None or took > bound:
                    yield f"{self.row.fault}: {what} {alert}: {took} s, at most {bound:.0f} s"
        for extra in self.extra:
            yield f"{self.row.fault}: {extra}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """When all rows' faults began and when they were healed, in monotonic seconds."""

    began: float
    healed: float

    def healing(self, page: Page) -> float:
        """Return when a page's cause ended."""
        return self.healed if page.healed is None else self.began + page.healed


def judge(row: Row, told: Iterable[Told], *, wave: Wave, alerts: dict[str, Alert], pace: Pace) -> Outcome:
    """Return what came of a row.

    Args:
        row: The row.
        told: All that was told to anybody, before and after.
        wave: When.
        alerts: The rules' alerts.
        pace: How fast the chain must be.
    """
    own = without_reminders(sorted((one for one in told if row.is_about(one)), key=lambda one: one.at), pace)
    outcome = Outcome(row=row)
    expected: Counter[tuple[str, str]] = Counter()
    for page in row.pages:
        cause = wave.began + page.after
        fired = first(own, page.alert, "firing", cause)
        outcome.pages[page.alert] = fired and fired - cause, pace.page(alerts[page.alert])
        expected[page.alert, "firing"] += 1
        if page.resolved:
            since = wave.healing(page)
            at = first(own, page.alert, "resolved", since)
            bound = pace.resolution(alerts[page.alert]) + page.heals_in
            outcome.resolutions[page.alert] = at and at - since, bound
            expected[page.alert, "resolved"] += 1
    found = Counter((one.alert, one.status) for one in own)
    for (alert, status), count in sorted((found - expected).items()):
        when = [f"{one.at - wave.began:+.0f} s" for one in own if (one.alert, one.status) == (alert, status)]
        outcome.extra.append(
            f"{count} x {alert} {status} ({', '.join(when)}; healed at {wave.healed - wave.began:+.0f} s)"
        )
    return outcome


def without_reminders(told: Iterable[Told], pace: Pace) -> list[Told]:
    """Return what was told less what only says again, a repeat interval later, that something still fires."""
    kept: list[Told] = []
    last: dict[tuple[str, str], Told] = {}
    for one in told:
        key = (one.alert, str(sorted(one.labels.items())))
        before = last.get(key)
        interval = pace.repeats.get(one.label("severity"), 0.0)
        again = before is not None and before.status == one.status == "firing"
        if before is None or not again or one.at - before.at < 0.9 * interval:
            kept.append(one)
        last[key] = one
    return kept


def first(told: Iterable[Told], alert: str, status: str, since: float) -> float | None:
    """Return when an alert was first told, in order of time."""
    return next(
        (one.at for one in told if (one.alert, one.status) == (alert, status) and one.at >= since), None
    )


def run(
    rows: Sequence[Row],
    *,
    told: Callable[[], list[Told]],
    alerts: dict[str, Alert],
    pace: Pace,
    hold: float,
    settle: float,
    meanwhile: Act,
) -> Wave:
    """Strike all rows at once, wait for what they must bring, heal them, wait for what tells the recovery.

    Args:
        rows: The rows.
        told: What was told so far.
        alerts: The rules' alerts.
        pace: How fast the chain must be.
        hold: Seconds for which the faults last at least, so that whatever may follow from them does.
        settle: Seconds to wait at the end for what should not come.
        meanwhile: Done all the time.
    """
    began = time.monotonic()
    due = sorted(((at, act) for row in rows for at, act in row.steps), key=lambda step: step[0])
    last = max(page.after + pace.page(alerts[page.alert]) for row in rows for page in row.pages)

    def told_of(row: Row, page: Page, status: str, since: float) -> bool:
        own = (one for one in told() if row.is_about(one))
        return first(own, page.alert, status, since) is not None

    def all_paged() -> bool:
        return all(told_of(row, page, "firing", began) for row in rows for page in row.pages)

    def all_resolved(wave: Wave) -> bool:
        return all(
            told_of(row, page, "resolved", wave.healing(page))
            for row in rows
            for page in row.pages
            if page.resolved
        )

    def spend(until: Callable[[float], bool]) -> None:
        while not until(time.monotonic()):
            while due and due[0][0] <= time.monotonic() - began:
                due.pop(0)[1]()
            meanwhile()
            time.sleep(0.05)

    spend(lambda now: now > began + last or (now > began + hold and all_paged()))
    wave = Wave(began=began, healed=time.monotonic())
    due.clear()
    for row in rows:
        for act in row.heal:
            act()
    longest = max(
        (
            wave.healing(page) + page.heals_in + pace.resolution(alerts[page.alert])
            for row in rows
            for page in row.pages
            if page.resolved
        ),
        default=0.0,
    )
    spend(lambda now: now > longest or all_resolved(wave))
    quiet = time.monotonic() + settle
    spend(lambda now: now > quiet)
    return wave


def table(outcomes: Sequence[Outcome], full: Mapping[str, float]) -> str:
    """Return the matrix in Markdown.

    Args:
        outcomes: What came of each row, in seconds of the scaled run.
        full: At full scale, in how many seconds each alert must be told at most.
    """
    lines = [
        "| fault | who is told what | after | at most | at full scale at most | recovery | anything else |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        extra = "; ".join(outcome.extra) or "nothing"
        if not outcome.row.pages:
            lines.append(f"| {outcome.row.fault} | nobody | - | - | - | - | {extra} |")
        for alert, (took, bound) in outcome.pages.items():
            recovery = outcome.resolutions.get(alert)
            cells = [
                outcome.row.fault,
                alert,
                span(took),
                span(bound),
                span(full[alert]),
                "not told" if recovery is None else span(recovery[0]),
                extra,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def span(seconds: float | None) -> str:
    """Return a span as a person says it."""
    if seconds is None:
        return "never"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
