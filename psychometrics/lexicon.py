"""What the options of one way of showing them can be called, and the plain form in which replies are compared to it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["DECORATION_AFTER", "DECORATION_BEFORE", "UNSURE", "WORD", "Lexicon", "cleaned", "key", "lexicon"]

UNSURE: Final = -2
"""In place of an option: words that two options share, or that a neighbour turns into something not on offer."""

DECORATION_BEFORE: Final = " \t\r\n*_\"'`([{#"  # neither "-" nor ".": "-4" is not 4, and ".4" is not
DECORATION_AFTER: Final = " \t\r\n*_\"'`)]}.,;:!"

# A letter or digit of a script that puts spaces between words; Chinese, Japanese and Korean signs bound no word.
_W = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_NUMBER = rf"(?:(?<![\w)])[+-])?(?<!{_W})(?<!\.)\d+(?:[.,:]\d+)*+(?P<rest>{_W}*+)"
_LETTER = rf"(?<!{_W})(?<!{_W}')(?<!\w\.)[A-Za-z](?!{_W})(?!'{_W})(?!\.\w)"
WORD = re.compile(r"\w+(?:'\w+)*")

_DEGREES: Final = frozenset(
    {"strongly", "slightly", "somewhat", "very", "extremely", "completely", "totally", "fully", "partly", "partially"}
    | {"moderately", "mostly", "mildly", "little", "bit"}
)

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|\w{1,40}\|>|</?s>|<(?:end_of_turn|eos)>")
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\ufe0e\ufe0f\u20e3"),
        **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
        **dict.fromkeys("\u2014\u2015", " - "),  # a long dash parts clauses and is never a minus
        **dict.fromkeys("\u2018\u2019\u201a\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
        "\u3002": ". ",
        "\u3001": ", ",
        "\u2044": "/",
    }
)


def cleaned(reply: str) -> str:
    """The reply without thinking, special tokens and invisible signs; digits, dashes and quotes in their plain form.

    >>> cleaned("<think>2 or 3?</think>\\uff14\\u200b \\u2013 ok")
    '4 - ok'
    """
    text = reply
    if "<" in text:
        text = _THINKING.sub("", text)
        # some servers swallow the opening tag: what stands before a closing one was thinking
        text = _SPECIAL.sub("", _THOUGHT.split(text)[-1])
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SIGNS))
        text = _OTHER_DIGIT.sub(lambda sign: str(unicodedata.decimal(sign[0])), text)
    return text


@dataclass(frozen=True)
class Lexicon:
    """Everything a reply may call the options of one way of showing them.

    bare
        What may stand as a whole reply → place. `beginnings` are what a longer label or text begins with.
    ends
        The places of the lowest and the highest label, for "from 1 to 5"; `highest` is the highest number.
    neighbours
        Place → words that, next to the option's text, make something else of it.
    """

    labels: str
    pattern: re.Pattern[str] | None
    bare: dict[str, int]
    beginnings: frozenset[str]
    symbols: dict[str | float, int]
    texts: dict[str, int]
    neighbours: tuple[frozenset[str], ...]
    ends: frozenset[int]
    highest: float | None
    size: int


@lru_cache(maxsize=512)
def lexicon(labels: str, shown: tuple[tuple[str, str], ...]) -> Lexicon:
    """The lexicon of (label, option text) pairs in the order shown, under a label set."""
    texts: dict[str, int] = {}
    bare: dict[str, int] = {}
    symbols: dict[str | float, int] = {}
    for place, (label, text) in enumerate(shown):
        words = key(text)
        for name in {words, cleaned(text).strip(DECORATION_AFTER).casefold()} - {""}:
            bare[name] = place if bare.get(name, place) == place else UNSURE
        if words:
            texts[words] = place if texts.get(words, place) == place else UNSURE
        if labels != "none":
            symbols[float(label) if labels == "digits" else label] = place
    for place, (label, _) in enumerate(shown if labels != "none" else ()):
        for name in {label, label.casefold()}:
            # a text that is another option's label ("4" shown as 2) cannot be told from it
            bare[name] = place if bare.get(name, place) == place else UNSURE
        if texts.get(label.casefold(), place) != place:
            texts[label.casefold()] = UNSURE
    numbers = [number for number in symbols if isinstance(number, float)]
    low, high = (min(symbols, key=_rank), max(symbols, key=_rank)) if symbols else (0.0, 0.0)
    return Lexicon(
        labels,
        _pattern(labels, list(texts)),
        bare,
        _beginnings([label for label, _ in shown], list(texts)),
        symbols,
        texts,
        _neighbours([key(text).split() for _, text in shown]),
        frozenset({symbols[low], symbols[high]} if symbols else ()),
        max(numbers, default=None),
        len(shown),
    )


def _rank(symbol: str | float) -> tuple[float, str]:
    return (symbol, "") if isinstance(symbol, float) else (0.0, symbol)


def key(text: str) -> str:
    """The words of a text, as texts are compared: no case, no punctuation, single spaces."""
    return " ".join(WORD.findall(cleaned(text).casefold()))


def _beginnings(labels: Sequence[str], keys: Sequence[str]) -> frozenset[str]:
    """What a label or a text that was cut off may look like: "1" of "10", "agree" of "agree strongly"."""
    labels_cut = {label[:length] for label in labels for length in range(1, len(label))}
    return frozenset(labels_cut) | {one for one in keys for other in keys if other != one and other.startswith(one)}


def _neighbours(words: Sequence[Sequence[str]]) -> tuple[frozenset[str], ...]:
    """For each option: the further words of longer options, and degrees where the format is graded by them."""
    graded = any(word in _DEGREES for option in words for word in option)
    found = []
    for mine in words:
        longer = [frozenset(other) - frozenset(mine) for other in words if frozenset(mine) < frozenset(other)]
        degrees = _DEGREES if graded and not _DEGREES & frozenset(mine) else frozenset()
        found.append(degrees.union(*longer))
    return tuple(found)


def _pattern(labels: str, keys: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all mentions; longer texts first, so that an option inside another one loses to it."""
    parts = []
    if keys:
        texts = "|".join(
            r"[^\w.;!?]{1,6}".join(map(re.escape, name.split())) for name in sorted(keys, key=len, reverse=True)
        )
        parts.append(rf"(?P<text>(?<!{_W})(?:{texts})(?!{_W}))")
    if labels != "none":
        parts.append(f"(?P<number>{_NUMBER})" if labels == "digits" else f"(?P<letter>{_LETTER})")
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None
