"""From an `Analysis` to one self-contained HTML page. Formatting and rounding live here, in `charts` and in templates.

The page is a pure function of the analysis. It embeds every estimate as JSON, and every number it shows is one of
them, written by `Numbers` and marked with its key; what a model said is shown verbatim, escaped, with control
characters made visible.
"""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from psychometrics.charts import (
    AgreementRow,
    Legend,
    Mark,
    PlacesPanel,
    ScaleRowMarks,
    agreement_chart,
    places_chart,
    scales_chart,
)
from psychometrics.coding import Outcome
from psychometrics.errors import InputError
from psychometrics.findings import Analysis, Finding, Verdict
from psychometrics.library import shipped
from psychometrics.statistics.estimate import Estimate
from psychometrics.verdict import RULE

__all__ = ["Numbers", "formatted", "render_report", "visible", "write_report"]

NARROW_SPACE: Final = "\u202f"
MINUS: Final = "\u2212"
NOT_GIVEN: Final = "not given"

BADGES: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.MEASURABLE: ("✓", "measurable"),
    Verdict.POSITION_DRIVEN: ("⇅", "follows position"),
    Verdict.ITEM_INSENSITIVE: ("≡", "same answer to everything"),
    Verdict.UNDECIDED: ("?", "undecided"),
    Verdict.UNANSWERED: ("∅", "hardly answered"),
}
"""A symbol and words for each verdict: colour alone must not carry it."""


def write_report(analysis: Analysis, path: str | Path) -> Path:
    """Write the page to a file, all of it or nothing, and return its path.

    Raises
        InputError: the path cannot be written; the file that was there before is as it was.
    """
    target = Path(path)
    page = render_report(analysis).encode()
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise InputError(f"{target}: this is no file, expected the path of a file to write the report to")
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, page)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{target}: the report cannot be written: {reason}") from None
    return target


def render_report(analysis: Analysis) -> str:
    """The page as text: the same analysis gives the same characters, whatever the clock, locale or hash seed."""
    numbers = Numbers(analysis.estimates)
    environment = Environment(
        loader=FileSystemLoader(shipped("templates", "report")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        n=numbers,
        given=numbers.given,
        interval=numbers.interval,
        reason=numbers.reason,
        badge=BADGES.__getitem__,
        Verdict=Verdict,
        rule=RULE,
    )
    return environment.get_template("report.html").render(
        analysis=analysis,
        sections=[_section(finding, k, numbers) for k, finding in enumerate(analysis.findings, start=1)],
        instruments=_distinct((f.instrument for f in analysis.findings), "digest"),
        prompts=_distinct((template for f in analysis.findings for template in f.templates), "digest"),
        definitions=_first_of_each(
            {key: e for key, e in analysis.estimates.items() if e.definition}, "name", "definition", "source"
        ),
        warned=_first_of_each(
            {key: e for key, e in analysis.estimates.items() if e.status == "warned"}, "name", "reason"
        ),
        embedded=_embedded(analysis.estimates),
    )


def visible(value: object) -> object:
    """Text with every character that acts unseen (control, bidi, zero-width, surrogate) written out by its number.

    Markup was made from escaped text and stays as it is.

    >>> visible("a\\u202eb\\n")
    'a⟨U+202E⟩b\\n'
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(f"⟨U+{ord(c):04X}⟩" if c not in "\n\t" and unicodedata.category(c) in _UNSEEN else c for c in value)


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def formatted(value: float, style: str) -> str:
    """A number as a reader sees it.

    `count`: whole, in groups of three. `percent`: whole, one decimal below 1 % and above 99 % so that neither rounds
    to nothing or all. `index` and `score`: two decimals. `signed`: two decimals with a sign. `short`: decimals only
    where there are any.

    >>> formatted(0.947, "percent"), formatted(0.996, "percent"), formatted(-0.0312, "signed")
    ('95\\u202f%', '99.6\\u202f%', '−0.03')
    """
    if style == "percent":
        return _percent(value * 100)
    if style == "count":
        text = f"{value:,.0f}".replace(",", NARROW_SPACE)
    elif style == "short" and float(value).is_integer():
        text = f"{value:.0f}"
    else:
        text = f"{value:+.2f}" if style == "signed" else f"{value:.2f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")  # a rounded nothing has no sign
    return text.replace("-", MINUS)


def _percent(value: float) -> str:
    size = abs(value)
    if 0 < size < 0.1 or 99.9 < size < 100:
        text = f"<{NARROW_SPACE}0.1" if size < 1 else f">{NARROW_SPACE}99.9"
    else:
        text = f"{size:.1f}" if 0 < size < 1 or 99 < size < 100 else f"{size:.0f}"
    return (MINUS if value < 0 else "") + f"{text}{NARROW_SPACE}%"


class Numbers:
    """Writes estimates into the page: the only way by which a number gets there."""

    def __init__(self, estimates: Mapping[str, Estimate]) -> None:
        self.estimates = estimates

    def value(self, key: str, part: str = "value") -> float | None:
        """A part of an estimate, or None where it has no finite one."""
        estimate = self.estimates.get(key)
        found = None if estimate is None or estimate.status == "refused" else getattr(estimate, part)
        return found if found is not None and math.isfinite(found) else None

    def given(self, key: str) -> bool:
        return self.value(key) is not None

    def side_of_zero(self, key: str) -> int:
        """1 where the whole interval lies above 0, −1 where it lies below, 0 where it reaches 0 or there is none."""
        low, high = self.value(key, "low"), self.value(key, "high")
        if low is None or high is None:
            return 0
        return (low > 0) - (high < 0)

    def __call__(self, key: str, style: str, part: str = "value", tag: str = "span") -> Markup:
        """The element that shows a part of an estimate, marked with the estimate's key."""
        value = self.value(key, part)
        if key not in self.estimates:
            return Markup('<{tag} class="absent">{words}</{tag}>').format(tag=tag, words=NOT_GIVEN)
        element = Markup(
            '<{tag} class="{kind}" data-estimate="{key}" data-part="{part}" data-as="{style}">{words}</{tag}>'
        )
        shown = element.format(
            tag=tag,
            kind="n" if value is not None else "absent",
            key=visible(key),
            part=part,
            style=style,
            words=NOT_GIVEN if value is None else formatted(value, style),
        )
        if self.estimates[key].status == "warned" and part == "value" and tag == "span":
            shown += Markup('<a class="care" href="#care" title="{why}" aria-label="read with care">†</a>').format(
                why=visible(self.estimates[key].reason)
            )
        return shown

    def interval(self, key: str, style: str) -> Markup:
        """The interval in brackets, or nothing where there is none."""
        if self.value(key, "low") is None or self.value(key, "high") is None:
            return Markup("")
        return Markup('<small class="interval">[{}, {}]</small>').format(
            self(key, style, "low"), self(key, style, "high")
        )

    def reason(self, key: str) -> Markup:
        """Why an estimate is not given, or nothing where it is."""
        estimate = self.estimates.get(key)
        if estimate is None or self.given(key) or not estimate.reason:
            return Markup("")
        return Markup('<small class="reason" data-reason="{}">{}</small>').format(
            visible(key), visible(estimate.reason)
        )

    def mark(self, key: str, style: str) -> Mark | None:
        """The estimate as a chart draws it."""
        value = self.value(key)
        if value is None:
            return None
        return Mark(value, self.value(key, "low"), self.value(key, "high"), self(key, style, tag="tspan"))


@dataclass(frozen=True)
class CoverageRow:
    """Planned, asked and each outcome, by key; `words` is empty for all forms together."""

    form: str
    words: str
    planned: str
    asked: str
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A finding with what its page needs beside it: an id, coverage, charts, words that depend on the design."""

    id: str
    finding: Finding
    reordered: str
    content_left: bool
    place_matters: bool
    outcomes: tuple[str, ...]
    absent_outcomes: tuple[str, ...]
    coverage: tuple[CoverageRow, ...]
    bar: tuple[tuple[str, float], ...]
    charts: Mapping[str, Markup]


def _section(finding: Finding, k: int, numbers: Numbers) -> Section:
    identifier = f"finding-{k}"
    prefix = f"{finding.respondent.key}.outcome."
    counts = {outcome.value: numbers.value(prefix + outcome.value) or 0.0 for outcome in Outcome}
    shown = tuple(o for o in counts if counts[o] > 0 or o == Outcome.ANSWERED.value)
    open_ = (numbers.value(f"{finding.respondent.key}.planned") or 0.0) - sum(counts.values())
    orders = {order for form in finding.forms for order in (form.form.option_order, form.form.option_order[::-1])}
    return Section(
        id=identifier,
        finding=finding,
        reordered="reversed" if len(orders) == 2 else "in another order",
        content_left=numbers.side_of_zero(f"{finding.respondent.key}.item_variance_share") > 0,
        place_matters=numbers.side_of_zero(f"{finding.respondent.key}.position_effect") != 0,
        outcomes=shown,
        absent_outcomes=tuple(o for o in counts if o not in shown),
        coverage=tuple(_coverage(finding, shown, numbers)),
        bar=tuple((o, counts[o]) for o in shown if counts[o] > 0) + ((("not asked", open_),) if open_ > 0 else ()),
        charts=_charts(finding, identifier, numbers),
    )


def _coverage(finding: Finding, outcomes: Sequence[str], numbers: Numbers) -> Iterator[CoverageRow]:
    key = finding.respondent.key
    yield CoverageRow("", "", f"{key}.planned", f"{key}.asked", tuple(f"{key}.outcome.{o}" for o in outcomes))
    for form in finding.forms:
        prefix = f"{key}.coverage.{form.key}"
        row = tuple(f"{prefix}.{outcome}" for outcome in outcomes)
        if any(outcome in numbers.estimates for outcome in row):
            yield CoverageRow(form.key, form.words, f"{prefix}.planned", f"{prefix}.asked", row)


def _charts(finding: Finding, identifier: str, numbers: Numbers) -> dict[str, Markup]:
    """The charts for which there is anything to draw."""
    charts = {}
    keys = [subject.key for subject in finding.subjects]
    if any(numbers.given(f"{key}.{statistic}") for key in keys for statistic in ("same_place", "same_option")):
        charts["agreement"] = _agreement_chart(finding, identifier, numbers)
    if any(numbers.given(f"{key}.place.1") for key in keys):
        charts["places"] = _places_chart(finding, identifier, numbers)
    if any(numbers.given(row.over_forms) for row in finding.scales):
        charts["scales"] = _scales_chart(finding, identifier, numbers)
    return charts


def _agreement_chart(finding: Finding, identifier: str, numbers: Numbers) -> Markup:
    rows = [
        AgreementRow(
            str(visible(subject.name)),
            numbers.mark(f"{subject.key}.same_place", "percent"),
            numbers.mark(f"{subject.key}.same_option", "percent"),
            subject.is_control,
        )
        for subject in finding.subjects
    ]
    return agreement_chart(
        rows,
        Legend(
            f"{identifier}-agreement",
            "Same place against same answer",
            "For the respondent and each control: how often two forms got the same place (filled circle) and how often "
            "the same answer (open diamond), with intervals. The controls table below holds every number.",
        ),
    )


def _places_chart(finding: Finding, identifier: str, numbers: Numbers) -> Markup:
    k = len(finding.instrument.response_format.options)
    panels = [
        PlacesPanel(
            str(visible(subject.name)),
            tuple(numbers.value(f"{subject.key}.place.{place}") for place in range(1, k + 1)),
            subject.is_control,
        )
        for subject in finding.subjects
    ]
    return places_chart(
        panels,
        Legend(
            f"{identifier}-places",
            "Answers by place shown",
            "One panel a subject: the share of its answers at each place, and a dashed line where all places have "
            "equal shares. The table below holds every number.",
        ),
    )


def _scales_chart(finding: Finding, identifier: str, numbers: Numbers) -> Markup:
    bounds = finding.instrument.response_format.bounds
    rows = [
        ScaleRowMarks(
            str(visible(row.name)),
            numbers.mark(row.over_forms, "score"),
            tuple(numbers.value(key) for key in row.by_form),
            numbers.value(row.lowest),
            numbers.value(row.highest),
        )
        for row in finding.scales
    ]
    return scales_chart(
        rows,
        (bounds.low, bounds.high),
        [str(visible(f"{form.key}: {form.words}")) for form in finding.forms],
        Legend(
            f"{identifier}-scales",
            "Scale scores on each form",
            "One row a scale: an open shape for each form, a bar for the score over forms, a thin line from the lowest "
            "form to the highest. The table below holds every number.",
        ),
    )


def _distinct(members: Iterable[Any], by: str) -> list[Any]:
    return list({getattr(member, by): member for member in members}.values())


def _first_of_each(estimates: Mapping[str, Estimate], *parts: str) -> list[tuple[str, Estimate]]:
    """(key, estimate) of the first estimate by key of each distinct combination of parts, in the parts' order."""
    first: dict[tuple[str, ...], tuple[str, Estimate]] = {}
    for key, estimate in sorted(estimates.items()):
        first.setdefault(tuple(getattr(estimate, part) for part in parts), (key, estimate))
    return [first[combination] for combination in sorted(first)]


def _embedded(estimates: Mapping[str, Estimate]) -> Markup:
    """Every estimate as JSON that no HTML parser can leave: ASCII, with <, > and & written as escapes."""
    records = {str(visible(key)): _record(estimate) for key, estimate in estimates.items()}
    text = json.dumps(records, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&"}))


def _record(estimate: Estimate) -> dict[str, Any]:
    record: dict[str, Any] = {name: visible(member) for name, member in estimate.as_record().items()}
    unusable = [
        part for part in ("value", "low", "high") if record[part] is not None and not math.isfinite(record[part])
    ]
    return record | dict.fromkeys(unusable)


def _replace(target: Path, page: bytes) -> None:
    """Write beside the target and rename, so that nobody ever reads half a page."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(page)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's files are private, a report is to be read
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
