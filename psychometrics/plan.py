"""Plans: which item is shown on which form, how often and in which order, resolved before anything is asked.

Seeded, enumerable and countable without a network. The same arguments give the same plan, byte for byte.
"""

from __future__ import annotations

import itertools
import random
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from psychometrics.errors import PlanError
from psychometrics.instrument import Instrument, Item, Option, digest_of
from psychometrics.template import PromptTemplate

__all__ = [
    "BINDINGS",
    "LABEL_SETS",
    "OPTION_ORDERS",
    "READ_OUTS",
    "Form",
    "Plan",
    "Presentation",
    "SessionPlan",
    "make_plan",
    "order_name",
]

OPTION_ORDERS = ("published", "reversed", "balanced")
LABEL_SETS = ("digits", "letters", "none")
BINDINGS = ("place", "value", "value-descending")
READ_OUTS = ("text", "logprobs")
TEXT_MAX_TOKENS = 16


@dataclass(frozen=True)
class Form:
    """One controlled presentation, as resolved facts: nothing in it needs a seed or a recipe to be understood.

    `option_order` holds option ids in the order shown; `labels` and `binding` say how they are labelled; `max_tokens`
    bounds a generated reply (a log-probability read-out always asks for one token).
    """

    template: str
    template_digest: str
    option_order: tuple[str, ...]
    labels: str = "digits"
    binding: str = "place"
    read_out: str = "text"
    max_tokens: int = TEXT_MAX_TOKENS

    def as_record(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "template_digest": self.template_digest,
            "option_order": list(self.option_order),
            "labels": self.labels,
            "binding": self.binding,
            "read_out": self.read_out,
            "max_tokens": self.max_tokens,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Form:
        return cls(**{**record, "option_order": tuple(record["option_order"])})

    @cached_property
    def template_address(self) -> str:
        """`template` as it stands in an address: id and digest."""
        return f"{self.template}#{self.template_digest}"

    @cached_property
    def labels_address(self) -> str:
        """`labels` as they stand in an address: set and binding."""
        return f"{self.labels}/{self.binding}" if self.labels != "none" else "none"

    @cached_property
    def read_out_address(self) -> str:
        """`read_out` as it stands in an address; a bound on the reply appears where it is not the default."""
        if self.read_out == "text" and self.max_tokens != TEXT_MAX_TOKENS:
            return f"text/{self.max_tokens}"
        return self.read_out

    def shown(self, instrument: Instrument) -> tuple[tuple[str, Option], ...]:
        """(label, option) pairs in the order shown; worked out once for an instrument, not once for every item."""
        known: tuple[Instrument, tuple[tuple[str, Option], ...]] | None = self.__dict__.get("_shown")
        if known is None or known[0] is not instrument:
            label, by_id = self.label_of(instrument), instrument.response_format.by_id
            known = instrument, tuple((label[option], by_id[option]) for option in self.option_order)
            self.__dict__["_shown"] = known
        return known[1]

    def label_of(self, instrument: Instrument) -> Mapping[str, str]:
        """The label under which each option id is shown; empty labels where the label set is "none"."""
        if self.labels == "none":
            return dict.fromkeys(self.option_order, "")
        symbols = _symbols(self.labels, len(self.option_order))
        if self.binding == "place":
            return dict(zip(self.option_order, symbols, strict=True))
        ranked = instrument.response_format.ascending()
        if self.labels == "digits":
            symbols = tuple(f"{option.value:g}" for option in ranked)
        if self.binding == "value-descending":
            symbols = symbols[::-1]
        return {option.id: symbol for option, symbol in zip(ranked, symbols, strict=True)}


@dataclass(frozen=True)
class Presentation:
    """One item as shown on one form at one occasion."""

    instrument: Instrument
    item: Item
    form: Form
    occasion: int = 1

    @cached_property
    def shown(self) -> tuple[tuple[str, Option], ...]:
        """(label, option) pairs in the order shown."""
        return self.form.shown(self.instrument)

    @property
    def item_address(self) -> str:
        """`item` as it stands in an address: instrument, item id and content digest."""
        return f"{self.instrument.id}:{self.item.id}#{self.instrument.content_digest(self.item)}"


@dataclass(frozen=True)
class SessionPlan:
    """A sitting with conversational context: which kind, over which items, on which form, how often."""

    kind: str
    items: tuple[str, ...]
    form: Form
    occasion: int = 1

    @cached_property
    def id(self) -> str:
        """The session's name in an address: kind and digest of what it resolves to."""
        return f"{self.kind}#{digest_of([self.kind, list(self.items), self.form.as_record()])}"

    def as_record(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "items": list(self.items),
            "form": self.form.as_record(),
            "occasion": self.occasion,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SessionPlan:
        return cls(record["kind"], tuple(record["items"]), Form.from_record(record["form"]), record["occasion"])


@dataclass(frozen=True)
class Plan:
    """Everything that one respondent will be asked with one instrument.

    Presentations are enumerated occasion by occasion, in an order drawn from the seed, so that an interrupted
    administration has touched every form alike.
    """

    instrument: Instrument
    templates: tuple[PromptTemplate, ...]
    forms: tuple[Form, ...]
    occasions: int = 1
    seed: int = 0
    sessions: tuple[SessionPlan, ...] = ()

    def __len__(self) -> int:
        """How many presentations are planned; sessions decide their own number of turns."""
        return len(self.forms) * self.occasions * len(self.instrument.items)

    def __iter__(self) -> Iterator[Presentation]:
        return self.presentations()

    def presentations(self) -> Iterator[Presentation]:
        """Every presentation once, in the order in which it will be asked."""
        cells = list(itertools.product(self.forms, self.instrument.items))
        for occasion in range(1, self.occasions + 1):
            order = list(cells)
            random.Random(f"{self.seed}/{self.instrument.id}/{occasion}").shuffle(order)
            for form, item in order:
                yield Presentation(self.instrument, item, form, occasion)

    @cached_property
    def template_by_id(self) -> Mapping[str, PromptTemplate]:
        return {template.id: template for template in self.templates}

    def template_of(self, form: Form) -> PromptTemplate:
        return self.template_by_id[form.template]

    def as_record(self) -> dict[str, Any]:
        """A JSON-like value; instrument and templates stand in it by digest, since a store embeds them once."""
        return {
            "instrument": self.instrument.digest,
            "templates": [template.digest for template in self.templates],
            "forms": [form.as_record() for form in self.forms],
            "occasions": self.occasions,
            "seed": self.seed,
            "sessions": [session.as_record() for session in self.sessions],
        }

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], instrument: Instrument, templates: Sequence[PromptTemplate]
    ) -> Plan:
        return cls(
            instrument,
            tuple(templates),
            tuple(Form.from_record(form) for form in record["forms"]),
            record["occasions"],
            record["seed"],
            tuple(SessionPlan.from_record(session) for session in record["sessions"]),
        )

    def to_json(self) -> bytes:
        """The plan's canonical bytes."""
        return orjson.dumps(self.as_record(), option=orjson.OPT_SORT_KEYS)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.as_record())


def make_plan(
    instrument: Instrument,
    *,
    templates: str | PromptTemplate | Sequence[str | PromptTemplate] = ("plain",),
    option_orders: str | Sequence[str | Sequence[str]] = ("published", "reversed"),
    labels: str | Sequence[str] = ("digits",),
    bindings: str | Sequence[str] = ("place",),
    read_outs: str | Sequence[str] = ("text",),
    max_tokens: int = TEXT_MAX_TOKENS,
    occasions: int = 1,
    seed: int = 0,
    interviews: Sequence[Sequence[str]] = (),
) -> Plan:
    """Cross the levels of every factor into forms, and refuse combinations that make none.

    templates
        Names of shipped templates, or templates.
    option_orders
        "published", "reversed", "balanced" (as many orders as options, each option in each place once), or explicit
        sequences of option ids.
    labels, bindings, read_outs
        Levels of `LABEL_SETS`, `BINDINGS` and `READ_OUTS`.
    occasions
        How often each form is asked; a repetition is a question of its own.
    interviews
        Item ids of sessions in which the items follow each other in one conversation, on the first form.
    Raises
        PlanError: an unknown level, or a combination that cannot be read.
    """
    from psychometrics.library import load_template

    chosen = [load_template(t) if isinstance(t, str) else t for t in _listed(templates)]
    if len({template.id for template in chosen}) < len(chosen):
        raise PlanError(f"templates are {', '.join(t.id for t in chosen)}, expected each once")
    if occasions < 1 or max_tokens < 1:
        raise PlanError(f"occasions is {occasions} and max_tokens {max_tokens}, expected both to be at least 1")
    orders = [order for level in _orders_listed(option_orders) for order in _resolve_order(level, instrument)]
    label_levels = _levels("labels", labels, LABEL_SETS)
    binding_levels = _levels("binding", bindings, BINDINGS)
    read_out_levels = _levels("read-out", read_outs, READ_OUTS)
    forms: list[Form] = []
    for template, order, label_set, binding, read_out in itertools.product(
        chosen, orders, label_levels, binding_levels, read_out_levels
    ):
        if label_set == "none" and binding != binding_levels[0]:
            continue  # without labels there is nothing to bind, and the form would be asked twice
        tokens = 1 if read_out == "logprobs" else max_tokens
        form = Form(template.id, template.digest, order, label_set, binding, read_out, tokens)
        _refuse_unreadable(form, instrument)
        if form not in forms:
            forms.append(form)
    if not forms:
        raise PlanError("no form: every factor needs at least one level")
    sessions = tuple(_interview(instrument, tuple(items), forms[0], n) for items, n in _numbered(interviews, occasions))
    return Plan(instrument, tuple(chosen), tuple(forms), occasions, seed, sessions)


def order_name(order: Sequence[str], instrument: Instrument) -> str:
    """What an option order is called: published, reversed, rotated by k, or the ids themselves.

    >>> from psychometrics.library import load_instrument
    >>> order_name(("5", "4", "3", "2", "1"), load_instrument("bfi-44"))
    'reversed'
    """
    published = instrument.response_format.published_order
    shown = tuple(order)
    if shown == published:
        return "published"
    if shown == published[::-1]:
        return "reversed"
    for k in range(1, len(published)):
        if shown == published[k:] + published[:k]:
            return f"rotated by {k}"
    return " ".join(shown)


def _symbols(labels: str, n: int) -> tuple[str, ...]:
    if labels == "letters":
        return tuple(string.ascii_uppercase[:n])
    return tuple(str(k) for k in range(1, n + 1))


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | PromptTemplate) else list(value)


def _orders_listed(value: str | Sequence[str | Sequence[str]]) -> list[str | Sequence[str]]:
    return [value] if isinstance(value, str) else list(value)


def _levels(factor: str, value: str | Sequence[str], allowed: Iterable[str]) -> list[str]:
    levels = _listed(value)
    for level in levels:
        if level not in allowed:
            raise PlanError(f'{factor} is "{level}", expected one of {", ".join(allowed)}')
    return levels


def _resolve_order(level: str | Sequence[str], instrument: Instrument) -> list[tuple[str, ...]]:
    published = instrument.response_format.published_order
    if level == "published":
        return [published]
    if level == "reversed":
        return [published[::-1]]
    if level == "balanced":
        return [published[k:] + published[:k] for k in range(len(published))]
    if isinstance(level, str):
        allowed = ", ".join(OPTION_ORDERS)
        raise PlanError(f'option order is "{level}", expected one of {allowed}, or a list of option ids')
    order = tuple(str(option) for option in level)
    if sorted(order) != sorted(published):
        raise PlanError(
            f"option order is {', '.join(order)}, expected each of {', '.join(published)} once ({instrument.id})"
        )
    return [order]


def _refuse_unreadable(form: Form, instrument: Instrument) -> None:
    n = len(form.option_order)
    if form.labels == "letters" and n > len(string.ascii_uppercase):
        raise PlanError(f"labels are letters, but {instrument.id} has {n} options; expected digits")
    if form.read_out != "logprobs":
        return
    if form.labels == "none":
        raise PlanError('read-out "logprobs" reads labels, but labels is "none"; expected digits or letters')
    for label in form.label_of(instrument).values():
        if len(label) != 1:
            raise PlanError(
                f'read-out "logprobs" reads labels of one character, but {instrument.id} has the label "{label}"; '
                "expected letters"
            )


def _numbered(interviews: Sequence[Sequence[str]], occasions: int) -> Iterator[tuple[Sequence[str], int]]:
    for occasion in range(1, occasions + 1):
        for items in interviews:
            yield items, occasion


def _interview(instrument: Instrument, items: tuple[str, ...], form: Form, occasion: int) -> SessionPlan:
    for item in items:
        if item not in instrument.by_id:
            raise PlanError(f'interview: item is "{item}", expected an item id of {instrument.id}')
    if len(items) < 2:
        raise PlanError(f"interview: {len(items)} item, expected at least 2 that follow each other")
    return SessionPlan("interview", items, form, occasion)
