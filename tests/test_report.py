"""Reports: every number is an embedded estimate, everything a model said is text, and the page is a pure function."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from synthetic_analysis import HOSTILE, odd_analysis, position_driven_analysis, several_analysis

from psychometrics.errors import InputError
from psychometrics.findings import Analysis, Verdict
from psychometrics.report import formatted, render_report, visible, write_report
from psychometrics.statistics.estimate import Estimate

ANALYSES = {"position": position_driven_analysis, "odd": odd_analysis, "several": several_analysis}
VOID = {"meta", "br", "hr", "img", "link", "input"}
WORDS_NOT_NUMBERS = {"code", "pre", "q", "script", "style", "title"}
"""Elements whose digits are names, wording and source text."""
MARKS = ("data-verbatim", "data-estimate", "data-axis", "data-reason", "data-definition", "data-source")
"""Attributes that say where an element's digits come from; all but `data-verbatim` and `data-axis` name an estimate."""


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parents: tuple[Element, ...]
    text: str = ""
    children: list[Element] = field(default_factory=list)


class Page(HTMLParser):
    """A page as elements in document order, with unbalanced tags refused."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[tuple[Element, ...], str]] = []
        self.open: list[Element] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), tuple(self.open))
        assert len(attrs) == len(element.attributes)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, text: str) -> None:
        self.texts.append((tuple(self.open), text))
        for element in self.open:
            element.text += text

    def marked(self, attribute: str) -> list[Element]:
        return [element for element in self.elements if attribute in element.attributes]

    @cached_property
    def estimates(self) -> dict[str, dict[str, Any]]:
        [embedded] = [e for e in self.elements if e.attributes.get("id") == "estimates"]
        found: dict[str, dict[str, Any]] = json.loads(embedded.text)
        return found


@cache
def html_of(name: str) -> str:
    return render_report(ANALYSES[name]())


@cache
def page_of(name: str) -> Page:
    return Page(html_of(name))


pages = pytest.mark.parametrize("name", ANALYSES)


def written(value: float | None, style: str) -> str:
    """The page's rounding, told a second time."""
    if value is None:
        return "not given"
    if style == "percent":
        percent, sign = abs(value * 100), "−" if value < 0 else ""
        if 0 < percent < 0.1:
            return f"{sign}<\u202f0.1\u202f%"
        if 99.9 < percent < 100:
            return f"{sign}>\u202f99.9\u202f%"
        digits = 1 if 0 < percent < 1 or 99 < percent < 100 else 0
        return f"{sign}{round(percent, digits):.{digits}f}\u202f%"
    if style == "count":
        return f"{round(value):_}".replace("_", "\u202f")
    if style == "short" and value == int(value):
        return str(int(value)).replace("-", "−")
    text = f"{abs(round(value, 2)):.2f}"
    if not any(c in "123456789" for c in text):
        return text
    return ("−" if value < 0 else "+" if style == "signed" else "") + text


@pages
def test_every_number_shown_is_an_embedded_estimate(name: str) -> None:
    page = page_of(name)
    shown = page.marked("data-estimate")
    assert len(shown) > 100
    for element in shown:
        key, part, style = (element.attributes[f"data-{which}"] or "" for which in ("estimate", "part", "as"))
        record = page.estimates[key]
        value = None if record["status"] == "refused" else record[part]
        assert part in {"value", "low", "high", "n", "level"}
        assert element.text == written(value, style), key


@pages
def test_no_digit_stands_outside_estimates_names_and_wording(name: str) -> None:
    for parents, text in page_of(name).texts:
        if any(p.tag in WORDS_NOT_NUMBERS or any(mark in p.attributes for mark in MARKS) for p in parents):
            continue
        assert not re.search(r"\d", text), (text, [p.tag for p in parents])


@pages
def test_no_statistic_hides_among_the_words(name: str) -> None:
    for element in page_of(name).marked("data-verbatim"):
        assert not re.fullmatch(r"[-−+]?\d*\.\d+|[-−+]?[\d.]+\s*%", element.text.strip())


@pages
def test_only_axes_of_charts_are_axes(name: str) -> None:
    for element in page_of(name).marked("data-axis"):
        assert any(parent.tag == "svg" for parent in element.parents)


@pages
def test_reasons_definitions_and_sources_are_the_estimates_own(name: str) -> None:
    page = page_of(name)
    for part in ("reason", "definition", "source"):
        elements = page.marked(f"data-{part}")
        assert elements or (part == "reason" and name == "position")
        for element in elements:
            assert element.text == page.estimates[element.attributes[f"data-{part}"] or ""][part]


@pages
def test_a_missing_number_is_never_printed(name: str) -> None:
    words = [
        text.strip() for parents, text in page_of(name).texts if parents and parents[-1].tag not in {"script", "style"}
    ]
    assert not {"None", "nan", "NaN", "inf", "null", "Undefined"} & set(words)


def test_a_refused_estimate_is_not_given_and_says_why() -> None:
    page = page_of("position")
    key = "smollm2.respondent.cronbach_alpha"
    assert [e.text for e in page.marked("data-estimate") if e.attributes["data-estimate"] == key] == ["not given"]
    [reason] = [e.text for e in page.marked("data-reason") if e.attributes["data-reason"] == key]
    assert reason == "1 respondent, expected at least 2: forms of one model are no respondents"


def test_a_number_that_is_none_or_not_finite_or_missing_is_not_given() -> None:
    analysis = position_driven_analysis()
    key = "smollm2.respondent.same_place"
    estimates = dict(analysis.estimates)
    estimates[key] = replace(estimates[key], value=math.nan, low=math.inf)
    del estimates["smollm2.control.random.same_option"]
    page = Page(render_report(replace(analysis, estimates=estimates)))
    assert page.estimates[key]["value"] is page.estimates[key]["low"] is None
    parts = [e for e in page.marked("data-estimate") if e.attributes["data-estimate"] == key]
    assert {e.text for e in parts if e.attributes["data-part"] == "value"} == {"not given"}
    assert not re.search(r"\b(nan|inf|None)\b", html_text(page))


@pages
def test_nothing_is_loaded_and_nothing_can_run(name: str) -> None:
    page = page_of(name)
    [policy] = [e for e in page.elements if "http-equiv" in e.attributes]
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    for element in page.elements:
        assert element.tag not in {"img", "iframe", "link", "object", "embed", "form", "base", "image", "foreignobject"}
        assert element.tag != "script" or element.attributes.get("type") == "application/json"
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on")
            assert attribute not in {"src", "srcset", "action", "data"}
            if attribute == "href":
                assert (value or "").startswith("#")
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", html_of(name).split("</style>")[0])


def test_hostile_words_are_shown_and_not_obeyed() -> None:
    page = page_of("odd")
    said = [e.text for e in page.elements if e.tag == "pre"]
    assert f"\n{visible(HOSTILE)}" in said
    assert "\u202e" not in html_of("odd")
    assert "\x1b" not in html_of("odd")
    assert "⟨U+202E⟩gnp.exe⟨U+202C⟩" in html_of("odd")
    assert "{{ 7*7 }}" in html_of("odd")
    assert sum(e.tag == "style" for e in page.elements) == 1
    assert sum(e.tag == "script" for e in page.elements) == 1


def test_embedded_json_cannot_end_its_element() -> None:
    analysis = position_driven_analysis()
    estimates = dict(analysis.estimates)
    estimates["x</script>\u2028&"] = Estimate("odd", 1.0, reason="<!-- </script> \u2029 \ud800", status="warned")
    html = render_report(replace(analysis, estimates=estimates))
    embedded = html.split('id="estimates">')[1].split("</script>")[0]
    assert not re.search(r"[<>&\u2028\u2029]", embedded)
    html.encode()
    assert json.loads(embedded)["x</script>⟨U+2028⟩&"]["reason"] == "<!-- </script> ⟨U+2029⟩ ⟨U+D800⟩"


def test_a_reply_that_begins_with_a_line_break_keeps_it() -> None:
    analysis = position_driven_analysis()
    [finding] = analysis.findings
    assert finding.example is not None
    changed = replace(finding, example=replace(finding.example, reply="\n\n2"))
    html = render_report(replace(analysis, findings=(changed,)))
    assert ">\n\n\n2</pre>" in html  # a parser drops the first line break of a pre, and two must be left


@pages
def test_headings_are_in_order_and_ids_unique_and_links_lead_somewhere(name: str) -> None:
    page = page_of(name)
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        targets = (element.attributes.get("aria-labelledby") or "").split()
        targets += [(element.attributes.get("href") or "#")[1:]] if "href" in element.attributes else []
        assert set(targets) <= set(ids), targets


@pages
def test_tables_and_charts_can_be_read_aloud(name: str) -> None:
    page = page_of(name)
    tables = [e for e in page.elements if e.tag == "table"]
    captions = [e for e in page.elements if e.tag == "caption"]
    assert len(tables) == len(captions) >= 5
    assert all("scope" in e.attributes for e in page.elements if e.tag == "th")
    assert all("scroll" in (table.parents[-1].attributes.get("class") or "") for table in tables)
    charts = [e for e in page.elements if e.tag == "svg"]
    assert charts
    assert all(chart.attributes["role"] == "img" for chart in charts)
    inside = [e.tag for e in page.elements if e.parents and e.parents[-1].tag == "svg"]
    assert inside.count("title") == inside.count("desc") == len(charts)


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            Verdict.POSITION_DRIVEN,
            "Its answers follow the place an option is shown in, not what it says: with the options",
        ),
        (Verdict.ITEM_INSENSITIVE, "It gives the same answer whatever the statement"),
        (Verdict.MEASURABLE, "Its answers follow what the options say: with the options reversed"),
        (Verdict.UNDECIDED, "Whether its answers mean anything cannot be told"),
        (Verdict.UNANSWERED, "It hardly answered"),
    ],
)
def test_every_verdict_has_its_sentence(verdict: Verdict, sentence: str) -> None:
    analysis = position_driven_analysis()
    [finding] = analysis.findings
    changed = replace(finding, respondent=replace(finding.respondent, verdict=verdict))
    page = Page(render_report(replace(analysis, findings=(changed,))))
    [headline] = [e.text for e in page.elements if e.attributes.get("class") == "lede"]
    assert sentence in headline
    warned = [e.text for e in page.elements if e.text.startswith("These are not trait scores.") and e.tag == "p"]
    assert bool(warned) is (verdict is not Verdict.MEASURABLE)


def test_the_headline_does_not_claim_what_is_not_given() -> None:
    analysis = position_driven_analysis()
    refused = {k: replace(e, value=None, status="refused") for k, e in analysis.estimates.items() if ".same_" in k}
    for verdict in Verdict:
        [finding] = analysis.findings
        changed = replace(finding, respondent=replace(finding.respondent, verdict=verdict))
        given = replace(analysis, findings=(changed,), estimates={**analysis.estimates, **refused})
        page = Page(render_report(given))
        [headline] = [e.text for e in page.elements if e.attributes.get("class") == "lede"]
        assert "not given" not in headline
        assert "of the statements" not in headline


@pytest.mark.parametrize(
    ("able", "sentence"),
    [
        ((), "None of the controls comes out as measurable"),
        (("known traits",), "of the controls, they call known traits"),
        (("known traits", "random", "first place", "always agrees", "middle option"), "Every control comes out"),
    ],
)
def test_what_the_controls_show_is_said(able: tuple[str, ...], sentence: str) -> None:
    analysis = position_driven_analysis()
    [finding] = analysis.findings
    controls = tuple(
        replace(c, verdict=Verdict.MEASURABLE if c.name in able else Verdict.UNDECIDED) for c in finding.controls
    )
    page = Page(render_report(replace(analysis, findings=(replace(finding, controls=controls),))))
    [said] = [e.text for e in page.elements if (e.attributes.get("class") or "").startswith("verdict ")]
    assert sentence in said


def test_a_finding_without_controls_example_forms_or_answers_has_a_page() -> None:
    analysis = odd_analysis()
    [finding] = analysis.findings
    bare = replace(finding, controls=(), example=None, transcripts=(), reliability=(), reported_models=(), endpoints=())
    page = Page(render_report(replace(analysis, findings=(bare,), estimates={})))
    assert page.estimates == {}
    assert not [e for e in page.elements if e.tag == "svg"]
    assert "No control was computed" in html_text(page)


def html_text(page: Page) -> str:
    return " ".join(text for _, text in page.texts)


def test_an_empty_store_has_a_page() -> None:
    page = Page(render_report(Analysis((), {}, 1, "Nothing is imputed.", "0")))
    assert "nothing was asked" in html_text(page)


def test_a_changed_model_is_shown_at_the_top() -> None:
    analysis = position_driven_analysis()
    [finding] = analysis.findings
    changed = replace(finding, reported_models=("model-a", "model-b"))
    assert "reported more than one model" in html_text(Page(render_report(replace(analysis, findings=(changed,)))))


def test_an_overview_leads_where_there_are_several_findings() -> None:
    assert next(e.text for e in page_of("several").elements if e.tag == "h2") == "Overview"
    assert "Overview" not in [e.text for e in page_of("position").elements if e.tag == "h2"]


def test_the_page_is_a_function_of_the_analysis_alone() -> None:
    program = (
        "import hashlib, synthetic_analysis as s; from psychometrics.report import render_report; "
        "print(hashlib.sha256(render_report(s.several_analysis()).encode()).hexdigest())"
    )
    digests = {hashlib.sha256(html_of("several").encode()).hexdigest()}
    for seed, zone, language in (("1", "Pacific/Kiritimati", "C"), ("2", "America/New_York", "de_DE.UTF-8")):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": language,
            "PYTHONPATH": str(Path(__file__).parent),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (0.947, "percent", "95\u202f%"),
        (0.0, "percent", "0\u202f%"),
        (1.0, "percent", "100\u202f%"),
        (0.004, "percent", "0.4\u202f%"),
        (0.9961, "percent", "99.6\u202f%"),
        (0.99999, "percent", ">\u202f99.9\u202f%"),
        (0.0001, "percent", "<\u202f0.1\u202f%"),
        (-0.042, "percent", "−4\u202f%"),
        (12345.0, "count", "12\u202f345"),
        (-0.5, "index", "−0.50"),
        (-0.001, "index", "0.00"),
        (0.001, "signed", "0.00"),
        (0.5, "signed", "+0.50"),
        (3.0, "short", "3"),
        (3.25, "short", "3.25"),
    ],
)
def test_numbers_are_rounded_as_readers_expect(value: float, style: str, text: str) -> None:
    assert formatted(value, style) == text == written(value, style)


@pytest.mark.parametrize("text", ["plain", "ä 模型 é", "two\nlines\t"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_writing_replaces_the_file_and_returns_its_path(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    assert write_report(position_driven_analysis(), str(target)) == target
    assert target.read_bytes() == html_of("position").encode()
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match=r"report\.html: the report cannot be written: No space left on device"):
        write_report(position_driven_analysis(), target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("path", [".", "x" * 300 + ".html", "nul\x00.html"])
def test_a_path_that_cannot_be_written_is_refused_in_one_sentence(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refusal:
        write_report(position_driven_analysis(), path)
    assert str(refusal.value).startswith(f"{Path(path)}: ")
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_never_replaced_by_a_report() -> None:
    with pytest.raises(InputError, match="this is no file"):
        write_report(position_driven_analysis(), os.devnull)
    assert not Path(os.devnull).is_file()
