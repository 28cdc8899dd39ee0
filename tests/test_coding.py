"""What a reply is read as: recorded cases, and laws that hold for every reply, order, label set and binding."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from psychometrics import reading
from psychometrics.coding import MINIMUM_LABEL_MASS, Coding, Outcome, code
from psychometrics.instrument import Instrument, Option, ResponseFormat
from psychometrics.lexicon import cleaned, lexicon
from psychometrics.library import load_instrument
from psychometrics.plan import BINDINGS, LABEL_SETS, Form, Presentation
from psychometrics.question import Completion

RECORDINGS = tomllib.loads((Path(__file__).parent / "recordings" / "replies.toml").read_text(encoding="utf-8"))[
    "replies"
]
BFI = load_instrument("bfi-44")
ORDERS = tuple(permutations(BFI.response_format.published_order))


def with_options(*texts: str, values: tuple[float, ...] = ()) -> Instrument:
    options = tuple(Option(f"o{k}", text, values[k - 1] if values else k) for k, text in enumerate(texts, start=1))
    return dataclasses.replace(BFI, response_format=ResponseFormat(options))


def shown(
    instrument: Instrument = BFI,
    labels: str = "digits",
    *,
    order: tuple[str, ...] = (),
    binding: str = "place",
    read_out: str = "text",
) -> Presentation:
    order = order or instrument.response_format.published_order
    return Presentation(instrument, instrument.items[0], Form("plain", "0", order, labels, binding, read_out))


def reads(reply: str, presentation: Presentation, finish_reason: str = "stop") -> Coding:
    return code(Completion(reply, finish_reason), presentation)


# --- recordings -------------------------------------------------------------------------------------------------------


def recorded(row: dict[str, Any]) -> tuple[Completion, Presentation]:
    top = row.get("top_logprobs")
    completion = Completion(
        row["reply"],
        row.get("finish", "stop"),
        row.get("refusal", ""),
        None if top is None else tuple((token, logprob) for token, logprob in top),
    )
    presentation = shown(
        load_instrument(row.get("instrument", "bfi-44")),
        row["labels"],
        order=tuple(row.get("order", ())),
        read_out=row.get("read_out", "text"),
    )
    return completion, presentation


@pytest.mark.parametrize("row", RECORDINGS, ids=[f"{n}-{row['reply'][:30]!a}" for n, row in enumerate(RECORDINGS)])
def test_a_recorded_reply_is_read_as_it_should_be(row: dict[str, Any]) -> None:
    completion, presentation = recorded(row)
    coding = code(completion, presentation)
    assert (coding.outcome.value, coding.option) == (row["outcome"], row.get("option"))


def test_the_recordings_cover_every_outcome_and_hold_real_replies() -> None:
    assert {row["outcome"] for row in RECORDINGS} == {outcome.value for outcome in Outcome}
    assert len(RECORDINGS) >= 120
    assert sum("source" in row for row in RECORDINGS) >= 24


def test_the_document_states_how_many_recordings_there_are() -> None:
    document = Path(__file__).parent.parent / "docs" / "coding.md"
    generated = sum("source" in row for row in RECORDINGS)
    text = document.read_text(encoding="utf-8")
    assert f"0 errors in {len(RECORDINGS)} replies" in text
    assert f"{generated} were generated" in text


# --- laws of the text read-out ----------------------------------------------------------------------------------------

PIECES = (
    *("4", "10", "-", "–", "/", "A", "a", "B", "I", "Agree strongly", "disagree", "not", "n't", "answer", "Answer: "),
    *(
        "<think>",
        "</think>",
        "to",
        "or",
        "=",
        "1.5",
        "\n",
        " ",
        "?",
        "**",
        "(",
        ")",
        '"',
        "{",
        "sorry",
        "as an AI",
        "\\",
    ),
    *("４", "²", "½", "我选", "不", "٤", "\u200f", "\ud800", "İ", "ß", "ﷺ", "9" * 400),
)
replies = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
label_sets = st.sampled_from(LABEL_SETS)
finishes = st.sampled_from(("stop", "length", "content_filter", ""))


@given(replies, label_sets, finishes, st.text(max_size=3))
@example("1" * 5000, "digits", "stop", "")
@settings(max_examples=400, deadline=None)
def test_no_text_raises_and_only_an_answer_has_an_option(reply: str, labels: str, finish: str, refusal: str) -> None:
    presentation = shown(labels=labels)
    coding = code(Completion(reply, finish, refusal), presentation)
    if coding.outcome is Outcome.ANSWERED:
        assert coding.option in BFI.response_format.by_id
        assert coding.evidence
    else:
        assert coding.option is None


@given(st.sampled_from(BFI.response_format.options), st.sampled_from(ORDERS), label_sets, st.sampled_from(BINDINGS))
@settings(deadline=None)
def test_an_option_named_by_its_text_is_that_option_in_every_order(
    option: Option, order: tuple[str, ...], labels: str, binding: str
) -> None:
    presentation = shown(labels=labels, order=order, binding=binding)
    for reply in (option.text, option.text.upper(), f"My answer is: {option.text}.", f"I {option.text.lower()} here."):
        coding = reads(reply, presentation)
        assert (coding.outcome, coding.option) == (Outcome.ANSWERED, option.id)


FORMATS = (
    BFI,
    load_instrument("mini-ipip"),
    with_options("Never", "Rarely", "Sometimes", "Often", "Always", values=(0, 1, 2, 3, 4)),
    with_options("Yes", "No"),
    with_options("low", "middling", "high", values=(-1, 0, 1.5)),
    with_options(*(f"degree {chr(96 + k)}{chr(96 + k)}" for k in range(1, 12))),
)


@given(st.data(), st.sampled_from(FORMATS), st.sampled_from(("digits", "letters")), st.sampled_from(BINDINGS))
@settings(deadline=None)
def test_a_label_is_the_option_shown_at_it(
    data: st.DataObject, instrument: Instrument, labels: str, binding: str
) -> None:
    order = tuple(data.draw(st.permutations(instrument.response_format.published_order)))
    presentation = shown(instrument, labels, order=order, binding=binding)
    label, option = data.draw(st.sampled_from(presentation.shown))
    for reply in (label, f"{label}.", f"Answer: {label}", f"**{label}**", f"{label} – {option.text}"):
        coding = reads(reply, presentation)
        assert (coding.outcome, coding.option) == (Outcome.ANSWERED, option.id), reply


BEFORE = (
    "",
    " ",
    "\n",
    "**",
    '"',
    "“",
    "(",
    "`",
    "Answer: ",
    "\u200b",
    "\u200f",
    "```\n",
    "<think>2 or 3</think>",
    "\ufeff",
)
AFTER = ("", " ", "\n", "**", '"', "”", ")", "`", ".", "\u200b", "!", "\n```", "<|im_end|>", "\n\n")


@given(
    st.sampled_from(BEFORE),
    st.sampled_from(AFTER),
    st.integers(0, 4),
    st.sampled_from(("digits", "letters")),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_harmless_decoration_changes_nothing(before: str, after: str, place: int, labels: str, text: bool) -> None:
    presentation = shown(labels=labels)
    label, option = presentation.shown[place]
    coding = reads(f"{before}{option.text if text else label}{after}", presentation)
    assert (coding.outcome, coding.option) == (Outcome.ANSWERED, option.id)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-10_000, max_value=10_000, places=1), label_sets)
@example(10, "digits")
@example(-4, "digits")
@settings(deadline=None)
def test_a_bare_number_outside_the_labels_is_never_an_answer(number: Any, labels: str) -> None:
    inside = labels == "digits" and number in (1, 2, 3, 4, 5)
    for said in (f"{number}", f"{float(number):g}", f" {number}.", f"My answer is {number}"):
        assert (reads(said, shown(labels=labels)).outcome is Outcome.ANSWERED) == inside, said


@given(st.integers(0, 4), st.integers(0, 4), label_sets)
@settings(deadline=None)
def test_two_answers_are_one_only_where_they_agree(one: int, other: int, labels: str) -> None:
    presentation = shown(labels=labels)
    names = [label or option.text for label, option in presentation.shown]
    for reply in (f"My answer is {names[one]}. My answer is {names[other]}.", f"{names[one]}\n{names[other]}"):
        expected = Outcome.ANSWERED if one == other else Outcome.AMBIGUOUS
        assert reads(reply, presentation).outcome is expected, reply


@given(st.sampled_from(BFI.response_format.options), st.sampled_from(("digits", "letters")))
def test_a_denied_option_is_never_that_option(option: Option, labels: str) -> None:
    presentation = shown(labels=labels)
    label = next(label for label, each in presentation.shown if each is option)
    for name in (label, option.text):
        for reply in (
            f"Not {name}.",
            f"I would not say {name}",
            f"I wouldn't choose {name}.",
            f"{name} is not my answer.",
        ):
            assert reads(reply, presentation).option is None, reply


def test_without_labels_no_number_and_no_letter_is_read() -> None:
    for reply in ("1", "4", "Answer: 4", "A", "Option B", "(3)"):
        assert reads(reply, shown(labels="none")).outcome is Outcome.UNREADABLE


def test_an_option_inside_a_longer_one_loses_to_it() -> None:
    presentation = shown(with_options("Strongly disagree", "Disagree", "Neither", "Agree", "Agree strongly"), "none")
    expected = {"Agree strongly": "o5", "I agree": "o4", "Strongly disagree": "o1", "I disagree.": "o2"}
    assert {reply: reads(reply, presentation).option for reply in expected} == expected


def test_a_grade_that_is_not_on_offer_is_not_the_option_beside_it() -> None:
    presentation = shown(with_options("Strongly disagree", "Disagree", "Agree", "Strongly agree"), "none")
    for reply in ("I agree slightly.", "My answer is: somewhat agree", "I agree strongly."):
        assert reads(reply, presentation).option is None, reply
    assert reads("I agree.", presentation).option == "o3"


def test_a_text_that_is_another_options_label_is_not_guessed() -> None:
    presentation = shown(with_options("2", "1", "three"))
    assert reads("1", presentation).outcome is Outcome.AMBIGUOUS
    assert reads("3", presentation).option == "o3"


def test_options_without_spaces_between_words_are_read() -> None:
    presentation = shown(with_options("非常不同意", "不同意", "中立", "同意", "非常同意"), "none")
    expected = {"非常同意": "o5", "我同意。": "o4", "不同意": "o2", "我非常不同意": "o1"}
    assert {reply: reads(reply, presentation).option for reply in expected} == expected


def test_a_cut_reply_is_answered_only_where_nothing_could_have_followed() -> None:
    eleven = shown(with_options(*(f"step {word}" for word in "abcdefghijk")))
    assert reads("1", eleven, "length").outcome is Outcome.TRUNCATED
    assert reads("1\n", eleven, "length").option == "o1"
    assert reads("2", eleven, "length").option == "o2"
    assert reads("1", shown(), "length").option == "1"
    longer = shown(with_options("Agree", "Agree strongly", "Disagree"), "none")
    assert reads("Agree", longer, "length").outcome is Outcome.TRUNCATED
    assert reads("Agree", longer).option == "o1"
    tens = shown(with_options("low", "high", values=(10, 20)), binding="value")
    assert reads("1", tens, "length").outcome is Outcome.TRUNCATED
    assert reads("1", tens).outcome is Outcome.OUT_OF_RANGE


@pytest.mark.parametrize("labels", LABEL_SETS)
def test_the_quick_way_and_the_thorough_way_agree(labels: str) -> None:
    presentation = shown(labels=labels)
    words = lexicon(labels, tuple((label, option.text) for label, option in presentation.shown))
    for place, (label, option) in enumerate(presentation.shown):
        for name in {label, option.text} - {""}:
            assert reading.read(name, words).place == place
            assert reading.read(f"{name}\n{name}", words).place == place  # said twice, it is no bare name


# --- length -----------------------------------------------------------------------------------------------------------


def test_a_long_ramble_keeps_its_answer() -> None:
    ramble = "I have 3 friends and a cat, and I like long walks. " * 1500
    assert reads(f"{ramble}\nMy answer is 4.", shown()).option == "4"
    assert reads(ramble, shown()).outcome is Outcome.UNREADABLE
    assert reads(f"<think>{ramble}5</think>2", shown()).option == "2"


def test_an_option_named_without_end_is_no_answer() -> None:
    assert reads("4 or 5, " * 10_000, shown()).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("piece", ["as an ", "can't ", "answer is ", "1.", "(", "<think>", "to ", '"', "not ", "a"])
def test_no_repetition_makes_the_reading_blow_up(piece: str) -> None:
    # quadratic reading of 100 kB would take minutes, and the suite would be seen to hang
    for labels in LABEL_SETS:
        assert reads(piece * (100_000 // len(piece)), shown(labels=labels)).option is None


# --- the reply as a whole ---------------------------------------------------------------------------------------------


def test_thinking_is_never_read() -> None:
    assert cleaned("<think>4").strip() == ""
    assert cleaned("so 4</think>2") == "2"
    assert reads("<THINK>4</THINK>", shown()).outcome is Outcome.EMPTY


def test_refusal_and_filter_outrank_the_text() -> None:
    assert code(Completion("4", "stop", "No."), shown()).outcome is Outcome.REFUSED
    assert code(Completion("4", "content_filter"), shown()).outcome is Outcome.BLOCKED
    assert code(Completion("4", "stop", " "), shown()).option == "4"
    top = (("4", -0.1),)
    logprobs = shown(read_out="logprobs")
    assert code(Completion("4", "stop", "No.", top), logprobs).outcome is Outcome.REFUSED
    assert code(Completion("4", "content_filter", "", top), logprobs).outcome is Outcome.BLOCKED


# --- log-probabilities ------------------------------------------------------------------------------------------------


def shares(*pairs: tuple[str, float], labels: str = "digits", order: tuple[str, ...] = ()) -> Coding:
    top = tuple((token, math.log(p) if p else -math.inf) for token, p in pairs)
    return code(Completion("", "length", top_logprobs=top), shown(labels=labels, order=order, read_out="logprobs"))


def test_tokens_that_differ_in_white_space_are_summed() -> None:
    coding = shares(("4", 0.3), ("3", 0.2), (" 3", 0.15), ("3\n", 0.05), ("I", 0.1))
    assert coding.option == "3"
    assert coding.label_mass == pytest.approx(0.7)
    assert dict(coding.distribution or ())["3"] == pytest.approx(0.4 / 0.7)


def test_case_matters_for_letters_and_a_longer_token_is_no_label() -> None:
    coding = shares(("b", 0.5), ("A", 0.2), ("B.", 0.2), labels="letters")
    assert (coding.option, coding.label_mass) == ("1", pytest.approx(0.2))


def test_little_label_mass_is_no_answer_but_is_kept() -> None:
    low = shares(("I", 0.9), ("4", MINIMUM_LABEL_MASS * 0.99))
    assert low.outcome is Outcome.LOW_LABEL_MASS
    assert low.option is None
    assert low.label_mass == pytest.approx(MINIMUM_LABEL_MASS * 0.99)
    assert dict(low.distribution or ())["4"] == 1
    assert shares(("I", 0.8), ("4", MINIMUM_LABEL_MASS * 1.01)).option == "4"


@pytest.mark.parametrize("pairs", [(), (("I", 0.9),), (("4", 0.0),)])
def test_no_label_mass_at_all_divides_nothing(pairs: tuple[tuple[str, float], ...]) -> None:
    coding = shares(*pairs)
    assert (coding.outcome, coding.distribution, coding.label_mass) == (Outcome.LOW_LABEL_MASS, None, 0)


def test_an_exact_tie_is_ambiguous_and_is_kept() -> None:
    coding = shares(("4", 0.25), ("2", 0.25), ("1", 0.1))
    assert (coding.outcome, coding.option) == (Outcome.AMBIGUOUS, None)
    assert coding.label_mass == pytest.approx(0.6)
    assert coding.distribution is not None


def test_without_log_probabilities_the_read_out_is_unsupported() -> None:
    assert code(Completion("4", "stop"), shown(read_out="logprobs")).outcome is Outcome.UNSUPPORTED
    nothing_to_read = shown(labels="none", read_out="logprobs")
    assert code(Completion("", "stop", top_logprobs=((" ", -0.1),)), nothing_to_read).outcome is Outcome.UNSUPPORTED


@given(
    st.lists(
        st.tuples(st.sampled_from(("1", "2", "3", " 4", "5", "I", "")), st.floats(allow_nan=True, allow_infinity=True)),
        max_size=12,
    ),
    st.sampled_from(ORDERS),
)
@settings(deadline=None)
def test_a_distribution_adds_up_and_stands_in_the_order_shown(
    top: list[tuple[str, float]], order: tuple[str, ...]
) -> None:
    presentation = shown(order=order, read_out="logprobs")
    coding = code(Completion("", "length", top_logprobs=tuple(top)), presentation)
    assert (coding.option is not None) == (coding.outcome is Outcome.ANSWERED)
    if coding.distribution is not None:
        assert tuple(option for option, _ in coding.distribution) == order
        assert sum(p for _, p in coding.distribution) == pytest.approx(1)
    if coding.outcome is Outcome.ANSWERED:
        assert coding.label_mass is not None
        assert coding.label_mass >= MINIMUM_LABEL_MASS
        assert coding.distribution is not None
        assert dict(coding.distribution)[str(coding.option)] == max(p for _, p in coding.distribution)
