"""Charts for reports: marks in, SVG text out. Numbers arrive with their labels written; nothing is rounded here.

Each chart is drawn twice, for a wide page and for a phone, and the style sheet shows one of them. matplotlib draws the
geometry; every text is a numbered place holder until the drawing is done, so that neither a name's characters nor its
`$` signs ever reach matplotlib's fonts and formulas.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "AgreementRow",
    "Legend",
    "Mark",
    "PlacesPanel",
    "ScaleRowMarks",
    "agreement_chart",
    "places_chart",
    "scales_chart",
]

WIDE: Final = 680.0
NARROW: Final = 336.0

# Colours drawn, and the style sheet's names that take their place, so that a chart follows light, dark and print.
INK, MUTED, LINE, WASH, PAPER, PLACE, OPTION = (f"#fe01{n:02x}" for n in range(7))
COLOURS: Final = dict(
    zip(
        (INK, MUTED, LINE, WASH, PAPER, PLACE, OPTION),
        ("ink", "muted", "line", "wash", "paper", "place", "option"),
        strict=True,
    )
)

CHARACTER: Final = 7.2
"""Pixels that a character of a name takes up, at most on average."""

SHAPES: Final = ("o", "s", "D", "^", "v", "P", "X", "*")
"""One shape a form, while there are enough shapes that a reader can tell apart."""


@dataclass(frozen=True)
class Mark:
    """A number to draw, its interval where it has one, and its label as markup."""

    value: float
    low: float | None
    high: float | None
    label: Markup


@dataclass(frozen=True)
class AgreementRow:
    """How often a subject kept the place and how often the answer; None where that is not given."""

    name: str
    place: Mark | None
    option: Mark | None
    is_control: bool


@dataclass(frozen=True)
class PlacesPanel:
    """A subject's share of answers at each place shown."""

    name: str
    shares: tuple[float | None, ...]
    is_control: bool


@dataclass(frozen=True)
class ScaleRowMarks:
    """A scale's score over forms, on each form, and the bounds that missing items leave open."""

    name: str
    over_forms: Mark | None
    by_form: tuple[float | None, ...]
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class Legend:
    """What a chart is called and what a listener is told it shows; without digits, which belong to estimates."""

    key: str
    title: str
    description: str


class _Canvas:
    """A figure measured in pixels from its top left corner, with texts kept aside until it is finished."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        self.figure.patch.set_visible(False)
        self.texts: list[Markup] = []

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        axes = self.figure.add_axes(
            (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        )
        axes.patch.set_visible(False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors=MUTED, labelsize=11, pad=5)
        return axes

    def placeholder(self, markup: Markup) -> str:
        self.texts.append(markup)
        return f"@{len(self.texts) - 1}@"

    def text(
        self, x: float, y: float, words: Markup | str, *, anchor: str = "left", colour: str = INK, bold: bool = False
    ) -> None:
        """Write words with their baseline at a pixel."""
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            self.placeholder(escape(words)),
            ha=anchor,
            va="baseline",
            fontsize=12.5,
            color=colour,
            fontweight="bold" if bold else "normal",
        )

    def symbol(self, x: float, y: float, shape: str, colour: str, *, hollow: bool) -> None:
        """Draw one mark at a pixel, outside any axes: the key to the marks inside."""
        from matplotlib.lines import Line2D

        self.figure.add_artist(Line2D([x / self.width], [1 - y / self.height], **_look(shape, colour, hollow=hollow)))


def agreement_chart(rows: Sequence[AgreementRow], legend: Legend) -> Markup:
    """Same place against same answer: two marks with intervals a subject, on one axis from none to all."""
    return _both(lambda width: _agreement(rows, width), legend)


def places_chart(panels: Sequence[PlacesPanel], legend: Legend) -> Markup:
    """How a subject's answers are spread over the places shown, one panel each, with the line of equal shares."""
    return _both(lambda width: _places(panels, width), legend)


def scales_chart(
    rows: Sequence[ScaleRowMarks], bounds: tuple[float, float], forms: Sequence[str], legend: Legend
) -> Markup:
    """Scale scores: a mark a form, a bar for the score over forms, and a band where missing items leave it open."""
    return _both(lambda width: _scales(rows, bounds, forms, width), legend)


def _agreement(rows: Sequence[AgreementRow], width: float) -> _Canvas:
    narrow = width == NARROW
    head, foot, step = 30.0, 26.0, 60.0 if narrow else 42.0
    left, right = (16.0, 20.0) if narrow else (214.0, 210.0)
    canvas = _Canvas(width, head + step * len(rows) + foot)
    axes = canvas.axes(left, head, width - left - right, step * len(rows))
    _share_axis(axes, step * len(rows))
    # each heading ends beside its symbol, so that no font can make the words run into it
    ends = (width - 128, width - 8)
    for x, shape, colour, words in (
        (ends[0], "o", PLACE, "same place"),
        (ends[1], "D", OPTION, "same answer"),
    ):
        canvas.text(x - 12, 17, words, anchor="right", colour=colour, bold=True)
        canvas.symbol(x - 2, 13, shape, colour, hollow=shape == "D")
    for n, row in enumerate(rows):
        top = step * n
        middle = top + (step - 17 if narrow else step / 2)
        if not row.is_control:
            _band(canvas, head + top, step)
        axes.axhline(top + step, color=LINE, linewidth=0.8, clip_on=False)
        baseline = head + (top + 20 if narrow else middle + 4)
        canvas.text(8, baseline, _verbatim(row.name, 160 if narrow else left - 8), bold=not row.is_control)
        for mark, x, shape, colour, shift in (
            (row.place, ends[0], "o", PLACE, -6),
            (row.option, ends[1], "D", OPTION, 6),
        ):
            canvas.text(
                x, baseline, mark.label if mark else "not given", anchor="right", colour=colour if mark else MUTED
            )
            if mark:
                _mark(axes, mark, middle + shift, shape, colour, hollow=shape == "D")
    return canvas


def _places(panels: Sequence[PlacesPanel], width: float) -> _Canvas:
    columns = 2 if width == NARROW else 3
    head, step, foot = 26.0, 132.0, 22.0
    left, gap = 40.0, 16.0
    lines = math.ceil(len(panels) / columns)
    canvas = _Canvas(width, step * lines + foot)
    breadth = (width - left - gap * (columns - 1)) / columns
    for n, panel in enumerate(panels):
        line, column = divmod(n, columns)
        x = left + column * (breadth + gap)
        canvas.text(x, step * line + 16, _verbatim(panel.name, breadth), bold=not panel.is_control)
        axes = canvas.axes(x, step * line + head, breadth, step - head - 26)
        k = len(panel.shares)
        places = range(1, k + 1)
        axes.set_xlim(0.4, k + 0.6)
        axes.set_ylim(0, 1)
        axes.set_xticks(list(places), [str(place) for place in places])
        axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"] if column == 0 else ["", "", ""])
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        colour = MUTED if panel.is_control else PLACE
        axes.bar(list(places), [share or 0.0 for share in panel.shares], width=0.62, color=colour)
        axes.axhline(1 / k, color=INK, linewidth=1.1, linestyle=(0, (3, 2.5)))
        if all(share is None for share in panel.shares):
            canvas.text(x + breadth / 2, step * line + head + 40, "not given", anchor="center", colour=MUTED)
    canvas.text(left, canvas.height - 6, "place shown; dashed: equal shares", colour=MUTED)
    return canvas


def _scales(rows: Sequence[ScaleRowMarks], bounds: tuple[float, float], forms: Sequence[str], width: float) -> _Canvas:
    narrow = width == NARROW
    step = 58.0 if narrow else 44.0
    left, right = (14.0, 14.0) if narrow else (214.0, 84.0)
    shapes = SHAPES[: len(forms)] if len(forms) <= len(SHAPES) else (".",) * len(forms)
    keys = [(shape, _verbatim(words, width - 30)) for shape, words in zip(shapes, forms, strict=True)]
    if len(forms) > len(SHAPES):
        keys = [(".", Markup("a dot for each form"))]
    if any(_open(row) for row in rows):
        keys.append(("", Markup("shaded: what missing answers leave open")))
    head, foot, key_step = 6.0, 34.0, 21.0
    canvas = _Canvas(width, head + step * len(rows) + foot + key_step * (len(keys) + 1))
    axes = canvas.axes(left, head, width - left - right, step * len(rows))
    low, high = bounds
    margin = (high - low) / 40
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(step * len(rows), 0)
    axes.set_yticks([])
    if high - low <= 10 and float(high - low).is_integer():
        axes.set_xticks([low + n for n in range(int(high - low) + 1)])
        axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for n, row in enumerate(rows):
        top = step * n
        middle = top + (step - 20 if narrow else step / 2)
        axes.axhline(top + step, color=LINE, linewidth=0.8, clip_on=False)
        baseline = head + (top + 18 if narrow else middle + 4)
        canvas.text(8, baseline, _verbatim(row.name, 250 if narrow else left - 8))
        label = row.over_forms.label if row.over_forms else Markup("not given")
        canvas.text(width - 4, baseline, label, anchor="right", bold=row.over_forms is not None)
        _scale_marks(axes, row, middle, shapes)
    y = head + step * len(rows) + foot + key_step / 2
    canvas.symbol(14, y, "|", INK, hollow=False)
    canvas.text(28, y + 4, "over forms; the thin line spans the forms", colour=MUTED)
    for n, (shape, words) in enumerate(keys, start=1):
        if shape:
            canvas.symbol(14, y + key_step * n, shape, PLACE, hollow=True)
        canvas.text(28, y + key_step * n + 4, words, colour=MUTED)
    return canvas


def _scale_marks(axes: Axes, row: ScaleRowMarks, y: float, shapes: Sequence[str]) -> None:
    """One scale's marks: band of what is open, span of the forms, a shape a form, the score over forms."""
    if left_open := _open(row):
        axes.fill_betweenx([y - 11, y + 11], *left_open, color=LINE, linewidth=0, zorder=1.5)
    given = [score for score in row.by_form if score is not None]
    if given:
        axes.plot([min(given), max(given)], [y, y], color=MUTED, linewidth=1.2, zorder=2, clip_on=False)
    if row.over_forms is not None:
        _interval(axes, row.over_forms, y, INK, 3.0)
        axes.plot([row.over_forms.value], [y], zorder=5, clip_on=False, **_look("|", INK, hollow=False))
    spread = min(4.5, 14 / max(1, len(row.by_form)))
    for n, (score, shape) in enumerate(zip(row.by_form, shapes, strict=True)):
        if score is not None:
            shift = (n - (len(row.by_form) - 1) / 2) * spread
            axes.plot([score], [y + shift], zorder=4, clip_on=False, **_look(shape, PLACE, hollow=True))


def _open(row: ScaleRowMarks) -> tuple[float, float] | None:
    """Where missing answers leave a scale's score open."""
    if row.lowest is None or row.highest is None or row.highest <= row.lowest:
        return None
    return row.lowest, row.highest


def _verbatim(text: str, room: float) -> Markup:
    """A name or words as they are, cut where they would run into the drawing."""
    longest = int(room / CHARACTER)
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return Markup('<tspan data-verbatim="">{}</tspan>').format(short)


def _share_axis(axes: Axes, height: float) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(height, 0)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_yticks([])
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def _band(canvas: _Canvas, top: float, height: float) -> None:
    """Shade the respondent's row across the whole chart."""
    from matplotlib.patches import Rectangle

    canvas.figure.add_artist(
        Rectangle(
            (0, 1 - (top + height) / canvas.height),
            1,
            height / canvas.height,
            transform=canvas.figure.transFigure,
            facecolor=WASH,
            edgecolor="none",
            zorder=-1,
        )
    )


def _mark(axes: Axes, mark: Mark, y: float, shape: str, colour: str, *, hollow: bool) -> None:
    _interval(axes, mark, y, colour, 1.8)
    axes.plot([mark.value], [y], zorder=4, clip_on=False, **_look(shape, colour, hollow=hollow))


def _interval(axes: Axes, mark: Mark, y: float, colour: str, weight: float) -> None:
    if mark.low is not None and mark.high is not None:
        axes.plot([mark.low, mark.high], [y, y], color=colour, linewidth=weight, zorder=3, clip_on=False)


def _look(shape: str, colour: str, *, hollow: bool) -> dict[str, Any]:
    """How a mark is drawn; shapes carry the difference and colours only repeat it."""
    sizes = {"|": 20.0, ".": 7.0, "D": 6.8, "*": 11.0}
    return {
        "linestyle": "none",
        "marker": shape,
        "markersize": sizes.get(shape, 8.2),
        "markeredgewidth": 3.0 if shape == "|" else 1.6,
        "markeredgecolor": colour,
        "markerfacecolor": PAPER if hollow and shape != "." else colour,
    }


def _both(draw: Callable[[float], _Canvas], legend: Legend) -> Markup:
    """The chart for a wide page and for a narrow one."""
    import matplotlib.style

    drawn = []
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        key = f"{legend.key}-{name}"
        # the salt makes matplotlib's ids a function of the chart, and "default" shuts out a user's own settings
        settings = {"svg.hashsalt": key, "svg.fonttype": "none", "text.parse_math": False}
        with matplotlib.style.context(["default", settings]):
            canvas = draw(width)
            svg = io.StringIO()
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            canvas.figure.savefig(svg, format="svg", dpi=72, metadata=nothing)
        drawn.append(_inline(svg.getvalue(), canvas, key, name, legend))
    return Markup("\n").join(drawn)


def _inline(svg: str, canvas: _Canvas, key: str, name: str, legend: Legend) -> Markup:
    """Make matplotlib's file a part of a page: ids that clash with no other's, the page's fonts and colours."""
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<!--.*?-->|<style.*?</style>|<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s*font-family: [^;\"]+;?", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    body = re.sub(r'<g id="matplotlib\.', '<g data-axis="" id="', body)
    body = re.sub(r' id="([^"]+)"', rf' id="{key}-\1"', body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    body = re.sub("|".join(COLOURS), lambda found: f"var(--{COLOURS[found[0]]})", body)
    body = re.sub(r"@(\d+)@", lambda found: str(canvas.texts[int(found[1])]), body)
    head = Markup(
        '<svg class="{name}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-title {key}-desc">'
        '<title id="{key}-title">{title}</title><desc id="{key}-desc">{description}</desc>'
    ).format(
        name=name,
        width=f"{canvas.width:g}",
        height=f"{canvas.height:g}",
        key=key,
        title=legend.title,
        description=legend.description,
    )
    return head + Markup(body.strip())  # geometry by matplotlib; every word in it was escaped
