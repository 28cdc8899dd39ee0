"""Charts: deterministic, safe against names, and readable without colour, for any number of subjects and forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
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

HOSTILE = "</text><script>$x_1$ @0@ 模型 🤖 and a long name that ends nowhere"
LEGEND = Legend("finding-1-x", "A title", "A description")


def mark(value: float, *, interval: bool = True) -> Mark:
    low, high = (max(0.0, value - 0.1), min(1.0, value + 0.1)) if interval else (None, None)
    return Mark(value, low, high, Markup('<tspan data-estimate="k">{}</tspan>').format(value))


def agreement(name: str = "smollm2", legend: Legend = LEGEND) -> Markup:
    rows = [
        AgreementRow(name, mark(0.95), mark(0.04), False),
        AgreementRow("random", mark(0.2, interval=False), None, True),
        AgreementRow("nothing", None, None, True),
    ]
    return agreement_chart(rows, legend)


def places(name: str = "smollm2", legend: Legend = LEGEND) -> Markup:
    panels = [
        PlacesPanel(name, (0.0, 0.9, 0.1), False),
        PlacesPanel("random", (0.3, 0.3, 0.4), True),
        PlacesPanel("nothing", (None, None, None), True),
        PlacesPanel("half", (0.5, None, 0.5), True),
    ]
    return places_chart(panels, legend)


def scales(name: str = "Extraversion", legend: Legend = LEGEND, forms: int = 4) -> Markup:
    rows = [
        ScaleRowMarks(name, mark(3.0, interval=False), tuple(2.0 + n / 10 for n in range(forms)), 2.5, 3.5),
        ScaleRowMarks("Openness", None, (None,) * forms, None, None),
        ScaleRowMarks("Agreeableness", mark(1.0), (1.0, *[None] * (forms - 1)), 1.0, 1.0),
    ]
    return scales_chart(rows, (1, 5), [f"f{n}: words" for n in range(forms)], legend)


CHARTS: list[Callable[..., Markup]] = [agreement, places, scales]
charts = pytest.mark.parametrize("chart", CHARTS)


def drawings(markup: Markup) -> list[ElementTree.Element]:
    """Both drawings as trees: well-formed XML, and therefore well-formed inside a page."""
    return list(ElementTree.fromstring(f"<page>{markup}</page>"))


@charts
def test_a_chart_is_drawn_for_a_wide_page_and_a_narrow_one(chart: Callable[..., Markup]) -> None:
    wide, narrow = drawings(chart())
    assert (wide.get("class"), narrow.get("class")) == ("wide", "narrow")
    for svg, width in ((wide, "680"), (narrow, "336")):
        assert (svg.get("viewBox") or "").startswith(f"0 0 {width} ")
        assert svg.get("width") is svg.get("height") is None
        assert svg.get("role") == "img"
        named = {child.get("id"): child.text for child in svg if child.tag in {"title", "desc"}}
        assert [named[key] for key in (svg.get("aria-labelledby") or "").split()] == ["A title", "A description"]


@charts
def test_a_chart_is_the_same_every_time(chart: Callable[..., Markup]) -> None:
    assert chart() == chart()


@charts
def test_a_reader_s_own_settings_do_not_reach_a_chart(chart: Callable[..., Markup]) -> None:
    import matplotlib

    as_shipped = chart()
    with matplotlib.rc_context({"axes.grid": True, "font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert chart() == as_shipped


@charts
def test_two_charts_of_a_page_share_no_id(chart: Callable[..., Markup]) -> None:
    ids = re.findall(r'\bid="([^"]+)"', chart() + chart(legend=Legend("finding-2-x", "A title", "A description")))
    assert len(ids) == len(set(ids))
    for svg in drawings(chart()):
        known = {element.get("id") for element in svg.iter()}
        used = re.findall(r'(?:href="#|url\(#)([^")]+)', ElementTree.tostring(svg, encoding="unicode"))
        assert set(used) <= known


@charts
def test_colours_and_fonts_are_the_page_s(chart: Callable[..., Markup]) -> None:
    markup = chart()
    assert not re.search(r"#[0-9a-f]{6}\b|font-family|<style|<metadata|<!--|DejaVu", markup)
    assert "var(--place)" in markup


@charts
def test_a_name_is_text_whatever_it_holds(chart: Callable[..., Markup]) -> None:
    markup = chart(name=HOSTILE)
    assert "<script" not in markup
    assert "&lt;/text&gt;&lt;script&gt;" in markup
    for svg in drawings(markup):
        assert all(element.tag != "script" for element in svg.iter())


@charts
def test_digits_stand_on_axes_in_names_and_in_estimates_only(chart: Callable[..., Markup]) -> None:
    def visit(element: ElementTree.Element) -> None:
        if {"data-axis", "data-estimate", "data-verbatim"} & set(element.keys()):
            return
        assert not re.search(r"\d", element.text or ""), element.text
        for child in element:
            assert not re.search(r"\d", child.tail or "")
            visit(child)

    for svg in drawings(chart()):
        visit(svg)


def test_place_and_answer_differ_in_shape_and_not_only_in_colour() -> None:
    wide, _ = drawings(agreement())
    outlines: dict[str, set[str]] = {"place": set(), "option": set()}
    marks = {e.get("id"): re.sub(r"[^A-Z]", "", e.get("d") or "") for e in wide.iter("path") if e.get("id")}
    for use in wide.iter("use"):
        for colour, found in outlines.items():
            if f"stroke: var(--{colour})" in (use.get("style") or ""):
                found.add(marks[(use.get("href") or "")[1:]])
    assert outlines["place"]
    assert outlines["option"]
    assert not outlines["place"] & outlines["option"]


def test_what_is_not_given_is_said_and_not_drawn_as_nothing() -> None:
    for svg in drawings(agreement()):
        assert list(svg.itertext()).count("not given") == 3
    for svg in drawings(places()):
        assert list(svg.itertext()).count("not given") == 1


@pytest.mark.parametrize("forms", [1, 2, 8, 9, 40])
def test_any_number_of_forms_can_be_drawn(forms: int) -> None:
    wide, _ = drawings(scales(forms=forms))
    words = " ".join(wide.itertext())
    assert ("a dot for each form" in words) is (forms > 8)
    assert ("f0: words" in words) is (forms <= 8)


def test_what_missing_answers_leave_open_is_named_where_there_is_any() -> None:
    assert "what missing answers leave open" in scales()
    closed = [ScaleRowMarks("Openness", mark(3.0), (3.0,), 3.0, 3.0)]
    assert "what missing answers leave open" not in scales_chart(closed, (1, 5), ["f1"], LEGEND)


@pytest.mark.parametrize("bounds", [(0, 1), (1, 7), (0, 100), (-3, 3), (0.5, 4.5)])
def test_any_response_format_has_an_axis(bounds: tuple[float, float]) -> None:
    rows = [ScaleRowMarks("Openness", mark(bounds[1]), (bounds[0],), *bounds)]
    assert len(drawings(scales_chart(rows, bounds, ["f1"], LEGEND))) == 2
