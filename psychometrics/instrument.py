"""Instruments: what is asked, and what an answer to it means. Values and invariants only; files belong to `library`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import orjson

from psychometrics.errors import InstrumentError

__all__ = ["Bounds", "Instrument", "Item", "Keying", "Option", "ResponseFormat", "Scale", "digest_of", "keyed_value"]

DIGEST_LENGTH = 12
"""Hexadecimal digits of a content digest: 48 bits, enough to tell apart the contents of any one store."""


def digest_of(content: object) -> str:
    """The digest of a JSON-like value: first 12 hexadecimal digits of the SHA-256 of its canonical JSON.

    >>> digest_of({"b": 1, "a": [2]}) == digest_of({"a": [2], "b": 1})
    True
    """
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:DIGEST_LENGTH]


class Keying(Enum):
    """Whether agreeing with an item speaks for its construct (`forward`) or against it (`reverse`)."""

    FORWARD = "forward"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and highest value of a response format."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


def keyed_value(value: float, keying: Keying, bounds: Bounds) -> float:
    """Reflect a reverse-keyed value about the middle of its response format.

    >>> keyed_value(1, Keying.REVERSE, Bounds(1, 5))
    5
    >>> keyed_value(1, Keying.REVERSE, Bounds(0, 4))
    3
    >>> keyed_value(1, Keying.FORWARD, Bounds(0, 4))
    1
    """
    return bounds.low + bounds.high - value if keying is Keying.REVERSE else value


@dataclass(frozen=True, slots=True)
class Option:
    """One permitted answer. Its meaning is its id, text and value; where it is shown is the presentation's matter."""

    id: str
    text: str
    value: float


@dataclass(frozen=True)
class ResponseFormat:
    """The options in their published order, with unequal, ascending or descending values."""

    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise InstrumentError(f"response format: {len(self.options)} option, expected at least 2")
        _refuse_repeats("option id", (option.id for option in self.options))
        _refuse_repeats("option text", (option.text.casefold() for option in self.options))
        _refuse_repeats("option value", (option.value for option in self.options))

    @cached_property
    def bounds(self) -> Bounds:
        values = [option.value for option in self.options]
        return Bounds(min(values), max(values))

    @cached_property
    def published_order(self) -> tuple[str, ...]:
        """Option ids as the publication lists them."""
        return tuple(option.id for option in self.options)

    @cached_property
    def by_id(self) -> Mapping[str, Option]:
        return {option.id: option for option in self.options}

    def ascending(self) -> tuple[Option, ...]:
        """The options from the lowest value to the highest."""
        return tuple(sorted(self.options, key=lambda option: option.value))


@dataclass(frozen=True, slots=True)
class Scale:
    """Items scored together."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question: its published wording, the scale it is scored on, and its keying."""

    id: str
    stem: str
    scale: str
    keying: Keying

    def __post_init__(self) -> None:
        if not self.stem.strip():
            raise InstrumentError(f'item "{self.id}": the stem is empty, expected the published wording')


@dataclass(frozen=True)
class Instrument:
    """A published set of items with its scales, response format, instructions, version, source and terms of use.

    `lead_in` is the published beginning shared by all stems ("I see myself as someone who"); `source` and `rights`
    are shown to whoever uses the instrument, and never reach a model.
    """

    id: str
    title: str
    version: str
    language: str
    instructions: str
    lead_in: str
    response_format: ResponseFormat
    scales: tuple[Scale, ...]
    items: tuple[Item, ...]
    source: Mapping[str, str]
    rights: Mapping[str, str]

    def __post_init__(self) -> None:
        for what, members in (("scales", self.scales), ("items", self.items)):
            if not members:
                raise InstrumentError(f"{self.id}: no {what}, expected at least one")
        try:
            _refuse_repeats("scale id", (scale.id for scale in self.scales))
            _refuse_repeats("item id", (item.id for item in self.items))
        except InstrumentError as error:
            raise InstrumentError(f"{self.id}: {error}") from None
        known = {scale.id for scale in self.scales}
        for item in self.items:
            if item.scale not in known:
                allowed = ", ".join(sorted(known))
                raise InstrumentError(
                    f'{self.id}: item "{item.id}": scale is "{item.scale}", expected one of {allowed}'
                )
        used = {item.scale for item in self.items}
        for scale in self.scales:
            if scale.id not in used:
                raise InstrumentError(f'{self.id}: scale "{scale.id}" has no item, expected at least one')

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    def items_of(self, scale: str) -> tuple[Item, ...]:
        """The items scored on a scale, in published order."""
        return tuple(item for item in self.items if item.scale == scale)

    @cached_property
    def _content_digests(self) -> Mapping[str, str]:
        shared = [
            self.instructions,
            self.lead_in,
            [[option.id, option.text, option.value] for option in self.response_format.options],
        ]
        return {item.id: digest_of([item.stem, *shared]) for item in self.items}

    def content_digest(self, item: Item) -> str:
        """The digest of what of this item can reach a model: stem, lead-in, instructions and options.

        Correcting a source, a right or a scale's name leaves it as it is, so that no paid answer is orphaned.
        """
        return self._content_digests[item.id]

    def statement(self, item: Item) -> str:
        """The item as one sentence: lead-in and stem joined, with one full stop.

        A stem's published capital is lowered after a lead-in, and nothing else of its wording is touched.
        """
        stem = item.stem.strip()
        if self.lead_in:
            stem = f"{self.lead_in} {stem[0].lower()}{stem[1:]}"
        return stem if stem[-1] in ".?!" else f"{stem}."

    def as_record(self) -> dict[str, Any]:
        """A JSON-like value from which `from_record` makes the same instrument; what a store embeds."""
        return {
            "id": self.id,
            "title": self.title,
            "version": self.version,
            "language": self.language,
            "instructions": self.instructions,
            "lead_in": self.lead_in,
            "options": [[option.id, option.text, option.value] for option in self.response_format.options],
            "scales": [[scale.id, scale.name] for scale in self.scales],
            "items": [[item.id, item.stem, item.scale, item.keying.value] for item in self.items],
            "source": dict(self.source),
            "rights": dict(self.rights),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Instrument:
        """The instrument that `as_record` described."""
        return cls(
            id=record["id"],
            title=record["title"],
            version=record["version"],
            language=record["language"],
            instructions=record["instructions"],
            lead_in=record["lead_in"],
            response_format=ResponseFormat(tuple(Option(*option) for option in record["options"])),
            scales=tuple(Scale(*scale) for scale in record["scales"]),
            items=tuple(Item(i, stem, scale, Keying(keying)) for i, stem, scale, keying in record["items"]),
            source=record["source"],
            rights=record["rights"],
        )

    @cached_property
    def digest(self) -> str:
        """The digest of the whole instrument, source and rights included."""
        return digest_of(self.as_record())


def _refuse_repeats(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise InstrumentError(f'{what} "{value}" stands twice, expected each once')
        seen.add(value)
