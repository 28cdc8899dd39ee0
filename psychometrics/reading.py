"""Reads a written reply: which of the options shown does it name as its answer? Pure, and linear in the reply's length.

    reply → cleaned text → mentions of options → their weight in context → one reading

A mention counts by its context, not by its being there: a "3" in "I have 3 friends" names no option. Where contexts
disagree, the reading is `SEVERAL`: a missing answer costs a row, a wrong one costs the study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import groupby, pairwise
from typing import Final

from psychometrics import phrases
from psychometrics.lexicon import DECORATION_AFTER, DECORATION_BEFORE, UNSURE, WORD, Lexicon, key

__all__ = ["Finding", "Reading", "read"]

MOST_MENTIONS: Final = 2_000
"""A reply that names options more often than this has no one answer; ours, it also bounds the work per reply."""

REFUSAL_WITHIN: Final = 2_000
"""Characters within which a refusal must begin to be one; ours. Later, "I can't choose" is part of a story."""

OUTSIDE: Final = -1  # a number or letter given as the answer that is no label


class Finding(Enum):
    """What a reply was found to do."""

    NAMED = "names one option as its answer"
    SEVERAL = "names more than one, or contradicts itself"
    OUTSIDE = "gives a number or letter that is no label"
    DECLINED = "declines to answer"
    NOTHING = "names no option as its answer"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `settled` is false where a reply that was cut off might have gone on to say something else."""

    finding: Finding
    place: int | None = None
    evidence: str = ""
    settled: bool = True


class Weight(IntEnum):
    """How much a mention's context makes an answer of it."""

    DENIED = -1  # "not 4"
    RUNNING = 0  # somewhere in a sentence
    STANDING = 1  # alone in its line or clause, in quotes, or label and text together
    CUED = 2  # "my answer is", "I choose"
    FINAL = 3  # "final answer", a box


@dataclass(slots=True)
class Mention:
    """One place of a reply where an option is named; `option` is its place in the order shown, or one of ours.

    `listed` mentions begin a numbered line: "1. I see myself as".
    """

    start: int
    end: int
    option: int
    kind: str
    weight: Weight = Weight.RUNNING
    listed: bool = False


def read(text: str, lexicon: Lexicon) -> Reading:
    """Read a cleaned reply."""
    core = text.lstrip(DECORATION_BEFORE).rstrip(DECORATION_AFTER)
    if (bare := _read_bare(core, text, lexicon)) is not None:
        return bare
    mentions = _mentions(text, lexicon)
    if mentions is None:
        return Reading(Finding.SEVERAL, evidence=core[:80])
    mentions = _without_ratings_and_ranges(mentions, text, lexicon)
    mentions, contradicted = _weighed(mentions, text)
    answers = [m for m in mentions if m.weight > Weight.RUNNING]
    refusal, refuses = _refusal(text)
    if contradicted or _conflicting(mentions, text):
        # a refusal that lists the options it will not choose from is a refusal
        cued = any(m.weight >= Weight.CUED for m in mentions)
        if refusal and not contradicted and not cued:
            return Reading(Finding.DECLINED, evidence=refusal)
        return Reading(Finding.SEVERAL, evidence=_quoted(answers or mentions, text))
    if not answers or (refusal and answers[0].option == OUTSIDE):
        return Reading(Finding.DECLINED, evidence=refusal) if refusal else Reading(Finding.NOTHING)
    best = max(answers, key=lambda mention: mention.weight)
    if refuses and best.weight < Weight.CUED:  # "I can't answer that. 4"
        return Reading(Finding.SEVERAL, evidence=_quoted([best], text))
    settled = _settled(best, mentions, text, lexicon)
    if best.option == OUTSIDE:
        return Reading(Finding.OUTSIDE, None, _quoted([best], text), settled)
    if best.option == UNSURE:
        return Reading(Finding.SEVERAL, evidence=_quoted([best], text))
    return Reading(Finding.NAMED, best.option, _quoted([best], text), settled)


def _read_bare(core: str, text: str, lexicon: Lexicon) -> Reading | None:
    """A reply that is nothing but a label, an option's text, or a number or letter that is neither."""
    place = lexicon.bare.get(core)
    if place is None:
        place = lexicon.bare.get(core.casefold())
    if place is not None:
        if place == UNSURE:
            return Reading(Finding.SEVERAL, evidence=core)
        settled = core.casefold() not in lexicon.beginnings or text[-1:].isspace()
        return Reading(Finding.NAMED, place, core, settled)
    if lexicon.labels == "letters" and re.fullmatch(r"[+-]?\d{1,20}(?:[.,]\d{1,20})?|[A-Za-z]", core):
        return Reading(Finding.OUTSIDE, evidence=core)
    if lexicon.labels == "digits" and re.fullmatch(r"[A-Z]", core):
        return Reading(Finding.OUTSIDE, evidence=core)
    return None


def _mentions(text: str, lexicon: Lexicon) -> list[Mention] | None:
    """Every place where an option is named, or a number or capital stands; None where there are far too many."""
    if lexicon.pattern is None:
        return []
    found: list[Mention] = []
    for match in lexicon.pattern.finditer(text):
        kind = str(match.lastgroup if match.lastgroup != "rest" else "number")
        option = _option(match, kind, lexicon)
        if option is None:
            continue
        found.append(Mention(match.start(), match.end(), option, kind))
        if len(found) > MOST_MENTIONS:
            return None
    return found


def _option(match: re.Match[str], kind: str, lexicon: Lexicon) -> int | None:
    """The option that this piece of text names, one of ours, or None where it is no label at all."""
    if kind == "text":
        return _text_option(match, lexicon)
    if kind == "letter":
        return _letter_option(match, lexicon)
    text = match.string
    price = (
        text[max(0, match.start() - 1) : match.start()] in ("$", "€", "£")
        and text[match.end() : match.end() + 1] != "$"
    )
    if price or match["rest"]:
        return None  # "$4", "4th"
    digits = re.sub(r",(?=\d{1,2}$)", ".", match[0])  # a decimal comma
    if "," in digits or ":" in digits or digits.count(".") > 1:
        return OUTSIDE
    return lexicon.symbols.get(float(digits), OUTSIDE)


def _letter_option(match: re.Match[str], lexicon: Lexicon) -> int | None:
    """A capital is a label or OUTSIDE; a small letter, "A" and "I" are words unless they are set off like a label."""
    letter, text = match[0], match.string
    option = lexicon.symbols.get(letter.upper(), OUTSIDE)
    if letter.isupper() and letter not in "AI":
        return option
    before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 20]
    if phrases.ENCLOSED.search(before) and phrases.ENCLOSING.match(after):
        return option
    if phrases.LINE_START.search(before) and after[:1] in (")", ".", ":"):
        return option
    ended, named = phrases.ENDED.match(after) is not None, phrases.NAMER.search(before) is not None
    if letter == "A":
        return option if ended or named else None
    return option if ended and named else None


def _text_option(match: re.Match[str], lexicon: Lexicon) -> int | None:
    option = lexicon.texts.get(key(match[0]))
    if option is None or option == UNSURE or not lexicon.neighbours[option]:
        return option
    text = match.string
    before = re.search(r"(\w+)[^\w.;!?,\n]{1,3}$", text[max(0, match.start() - 30) : match.start()])
    after = re.match(r"[^\w.;!?,\n]{1,3}(\w+)", text[match.end() : match.end() + 30])
    beside = {found[1].casefold() for found in (before, after) if found}
    return UNSURE if beside & lexicon.neighbours[option] else option


def _without_ratings_and_ranges(mentions: list[Mention], text: str, lexicon: Lexicon) -> list[Mention]:
    """Join "4/5" and "4 out of 5" into one mention, and drop a restated scale: "from 1 to 5", "1, 2, 3, 4 or 5"."""
    kept: list[Mention] = []
    for mention in mentions:
        last = kept[-1] if kept else None
        gap = text[last.end : mention.start] if last and mention.start - last.end < 80 else "\n\n"
        if last and last.kind == mention.kind == "number" and phrases.OUT_OF.fullmatch(gap):
            total = text[mention.start : mention.end]
            if total.isdecimal() and float(total) == lexicon.highest and lexicon.size > 2:
                last.end = mention.end
                continue
            if mention.option == OUTSIDE:  # four of ten is not label 4
                last.end, last.option = mention.end, OUTSIDE
                continue
        if last and last.kind == mention.kind != "text" and {last.option, mention.option} == lexicon.ends:
            ranged = phrases.RANGE.fullmatch(gap)
            if ranged and ("and" not in gap or phrases.BETWEEN.search(text[max(0, last.start - 12) : last.start])):
                kept.pop()
                continue
        kept.append(mention)
    whole = set(range(lexicon.size))
    return [m for chain in _chains(kept, text) if lexicon.size < 3 or {c.option for c in chain} != whole for m in chain]


def _chains(mentions: Sequence[Mention], text: str) -> Iterator[list[Mention]]:
    """Mentions that are offered together: "3 or 4", "1, 2, 3"."""
    chain: list[Mention] = []
    for mention in mentions:
        if chain and not _alternatives(chain[-1], mention, text):
            yield chain
            chain = []
        chain.append(mention)
    if chain:
        yield chain


def _alternatives(one: Mention, other: Mention, text: str) -> bool:
    gap = text[one.end : other.start] if other.start - one.end < 30 else "\n"
    return one.option != other.option and phrases.ALTERNATIVE.fullmatch(gap) is not None


def _weighed(mentions: list[Mention], text: str) -> tuple[list[Mention], bool]:
    """The mentions that are not denied, each with its weight; True where a label and the text beside it disagree."""
    for mention in mentions:
        before, after = text[max(0, mention.start - 120) : mention.start], text[mention.end : mention.end + 120]
        mention.listed = (
            mention.kind != "text"
            and phrases.LINE_START.search(before) is not None
            and phrases.ENUMERATOR.match(after) is not None
        )
        mention.weight = Weight.DENIED if _denied(before, after) else _weight(mention, before, after, text)
    kept = [mention for mention in mentions if mention.weight != Weight.DENIED]
    contradicted = _pair(kept, text)
    for chain in _chains(kept, text):
        weight = max(mention.weight for mention in chain)
        for mention in chain:
            mention.weight = weight
    return kept, contradicted


def _denied(before: str, after: str) -> bool:
    if phrases.DENIED_AFTER.match(after) or phrases.SET_ASIDE.search(before) or phrases.PASSED_OVER.search(before):
        return True
    clause = max((end.end() for end in phrases.CLAUSE_END.finditer(before)), default=0)
    return phrases.NEGATOR.search(before, clause) is not None


def _weight(mention: Mention, before: str, after: str, text: str) -> Weight:
    if phrases.ASKED.match(after):
        return Weight.RUNNING
    # several words are an answer in any sentence about oneself; one ("often", "true", a number) must end something
    several_words = mention.kind == "text" and " " in key(text[mention.start : mention.end])
    if not several_words and not phrases.CLOSED.match(after):
        return Weight.RUNNING
    if phrases.FINAL.search(before):
        return Weight.FINAL
    if phrases.CUE.search(before) or (mention.kind == "number" and phrases.GRADE.search(before)):
        return Weight.CUED
    if mention.listed:
        return Weight.RUNNING  # a numbered line is no answer, unless `_pair` finds the option's text in it
    if phrases.FRESH.search(before):
        return Weight.STANDING
    return Weight.STANDING if mention.kind == "text" and phrases.PREDICATE.search(before) else Weight.RUNNING


def _pair(mentions: Sequence[Mention], text: str) -> bool:
    """Strengthen a label and an option's text that stand together; True where some such pair disagrees."""
    contradicted = False
    for one, other in pairwise(mentions):
        if (one.kind == "text") == (other.kind == "text") or other.start - one.end > 24:
            continue
        gap = text[one.end : other.start]
        legend = one.weight < Weight.CUED and phrases.LEGEND.search(text[max(0, one.start - 120) : one.start])
        if one.option == other.option and (phrases.DEFINES.fullmatch(gap) or ("=" in gap and legend)):
            # "where 5 means agree strongly" explains the scale; "I choose 5, meaning" was cued before
            one.weight = other.weight = one.weight if one.weight >= Weight.CUED else Weight.RUNNING
        elif phrases.PUNCTUATION.fullmatch(gap) and "\n" not in gap:
            if one.option == other.option:
                one.weight = other.weight = max(one.weight, other.weight, Weight.STANDING)
            elif one.kind != "text":
                contradicted = True
    return contradicted


def _conflicting(mentions: Sequence[Mention], text: str) -> bool:
    """Whether the weightiest mentions leave more than one answer open."""
    by_weight = {weight: {m.option for m in mentions if m.weight == weight} for weight in Weight}
    top = max((weight for weight in Weight if weight > Weight.RUNNING and by_weight[weight]), default=None)
    if top is None:
        return any(len({mention.option for mention in chain}) > 1 for chain in _chains(mentions, text))
    best, standing = by_weight[top], by_weight[Weight.STANDING]
    if len(best) > 1:
        return True
    # one rival alone is a contradiction; several are the scale said over again before answering
    if len(standing) == 1 and standing != best:
        return True
    # one right line among several numbered ones: the list was said over again, and got wrong
    listed = [mention for mention in mentions if mention.listed]
    if top is Weight.STANDING and len({m.option for m in listed}) > 1 and any(m.weight == top for m in listed):
        return True
    return len({m.option for m in mentions if m.option >= 0}) > 1 and phrases.REVISED.search(text) is not None


def _refusal(text: str) -> tuple[str, bool]:
    """The words of a refusal or of a hedge, and whether they refuse outright."""
    if refuses := phrases.REFUSES.search(text, 0, REFUSAL_WITHIN):
        return refuses[0], True
    hedges = phrases.HEDGES.search(text, 0, REFUSAL_WITHIN)
    return (hedges[0], False) if hedges else ("", False)


def _settled(best: Mention, mentions: Sequence[Mention], text: str, lexicon: Lexicon) -> bool:
    """Whether the answer would stand however a reply that was cut off had gone on."""
    last = mentions[-1]
    said, tail = text[last.start : last.end], text[last.end :]
    if phrases.OPEN_TAIL.fullmatch(tail):
        return False
    if not tail and not lexicon.beginnings.isdisjoint((said, key(said))):
        return False
    if best.weight >= Weight.CUED:
        return True
    # an uncued mention at the very end of other words may be the first line of a list
    others = text[: mentions[0].start] + "".join(text[one.end : other.start] for one, other in pairwise(mentions))
    return not WORD.search(others + tail) or WORD.search(tail) is not None


def _quoted(mentions: Sequence[Mention], text: str) -> str:
    quotes = [text[mention.start : mention.end] for mention in mentions]
    return " | ".join(quote for quote, _ in groupby(quotes))[:80]
