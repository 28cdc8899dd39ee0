"""What an analysis reads: a plan, whose it is, and every stored response, read in an order that the plan decides.

Neither the order of arrival nor the clock reaches anything from here on.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from psychometrics.coding import Coding, Outcome, code
from psychometrics.instrument import DIGEST_LENGTH
from psychometrics.plan import Form, Plan, Presentation, SessionPlan, order_name
from psychometrics.question import Address, Completion, Request, address_of

__all__ = [
    "AdministrationRecord",
    "Cell",
    "CodedRecord",
    "Coder",
    "Reading",
    "StoredResponse",
    "Turn",
    "coded",
    "digest_of_records",
    "form_key",
    "form_words",
]

Coder = Callable[[Completion, Presentation], Coding]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One stored response: the exact request, the body that came back, and where from."""

    address: str
    request: Request
    body: str
    endpoint: str = ""
    reported_model: str = ""


@dataclass(frozen=True)
class AdministrationRecord:
    """One plan with one respondent, and all that is stored of it.

    respondent, sampling, persona
        As they stand in addresses.
    name, description
        For people: what the respondent is called, and what it said of itself.
    responses
        Canonical address text → response; further responses of the store do no harm.
    """

    plan: Plan
    respondent: str
    name: str
    sampling: str = ""
    persona: str = ""
    description: Mapping[str, object] = field(default_factory=dict)
    responses: Mapping[str, StoredResponse] = field(default_factory=dict)

    def planned_addresses(self) -> Iterator[str]:
        """The address of every planned presentation, by form, occasion and published item order."""
        for _, presentation in self.planned():
            yield self.address_of(presentation)

    def planned(self) -> Iterator[tuple[int, Presentation]]:
        """Every planned presentation with the number of its form, by form, occasion and published item order."""
        for number, form in enumerate(self.plan.forms):
            for occasion in range(1, self.plan.occasions + 1):
                for item in self.plan.instrument.items:
                    yield number, Presentation(self.plan.instrument, item, form, occasion)

    def address_of(self, presentation: Presentation) -> str:
        """Where this respondent's answer to a presentation is stored."""
        return str(address_of(presentation, self.respondent, self.sampling, self.persona))


@dataclass(frozen=True, slots=True)
class Reading:
    """A stored response, its text and our reading of it."""

    stored: StoredResponse
    text: str
    coding: Coding


@dataclass(frozen=True, slots=True)
class Cell:
    """One planned presentation, and its reading where a response is stored."""

    form: int
    presentation: Presentation
    address: str
    reading: Reading | None

    @property
    def coding(self) -> Coding | None:
        return self.reading.coding if self.reading else None

    @property
    def answered(self) -> bool:
        return self.reading is not None and self.reading.coding.outcome is Outcome.ANSWERED


@dataclass(frozen=True, slots=True)
class Turn:
    """One stored turn of a session, read as an answer to its item."""

    address: Address
    presentation: Presentation
    reading: Reading


@dataclass(frozen=True)
class CodedRecord:
    """A record with every response read: cells by form, occasion and published item order; sessions turn by turn."""

    record: AdministrationRecord
    cells: tuple[Cell, ...]
    sittings: tuple[tuple[SessionPlan, tuple[Turn, ...]], ...]

    @cached_property
    def by_form(self) -> tuple[tuple[Cell, ...], ...]:
        """The cells of each form, in the plan's order of forms."""
        return tuple(tuple(group) for _, group in itertools.groupby(self.cells, key=lambda cell: cell.form))

    @property
    def readings(self) -> Iterator[Reading]:
        """Every reading, of cells and of session turns."""
        yield from (cell.reading for cell in self.cells if cell.reading)
        yield from (turn.reading for _, turns in self.sittings for turn in turns)


def form_key(form: int) -> str:
    """The key of a form by its place in the plan, from 0.

    >>> form_key(0)
    'f1'
    """
    return f"f{form + 1}"


def form_words(form: Form, plan: Plan) -> str:
    """A form in words for people.

    >>> from psychometrics.plan import make_plan
    >>> from psychometrics.library import load_instrument
    >>> plan = make_plan(load_instrument("mini-ipip"))
    >>> form_words(plan.forms[1], plan)
    'plain wording, options reversed, digits by place, read as text'
    """
    order = order_name(form.option_order, plan.instrument)
    labels = "no labels" if form.labels == "none" else f"{form.labels} by {form.binding}"
    return f"{form.template} wording, options {order}, {labels}, read as {form.read_out}"


def coded(record: AdministrationRecord, code: Coder = code) -> CodedRecord:
    """Read every stored response of a record; the order is the plan's."""
    return CodedRecord(record, tuple(_cells(record, code)), tuple(_sittings(record, code)))


def _cells(record: AdministrationRecord, code: Coder) -> Iterator[Cell]:
    for number, presentation in record.planned():
        address = record.address_of(presentation)
        stored = record.responses.get(address)
        yield Cell(number, presentation, address, _read(stored, presentation, code) if stored else None)


def _read(stored: StoredResponse, presentation: Presentation, code: Coder) -> Reading:
    try:
        completion = Completion.of(stored.body)
    except ValueError:
        return Reading(stored, "", Coding(Outcome.UNREADABLE))
    return Reading(stored, completion.text, code(completion, presentation))


def _sittings(record: AdministrationRecord, code: Coder) -> Iterator[tuple[SessionPlan, tuple[Turn, ...]]]:
    if not record.plan.sessions:
        return
    # most of a store is no session: only addresses that name one are taken apart
    addresses = [Address.parse(key) for key in record.responses if "|session=" in key]
    own = [a for a in addresses if _whose(a) == (record.respondent, record.sampling, record.persona)]
    for session in record.plan.sessions:
        asked = {
            presentation.item_address: presentation
            for item in session.items
            for presentation in [
                Presentation(record.plan.instrument, record.plan.instrument.by_id[item], session.form, session.occasion)
            ]
        }
        # an item of another content belongs to another version of the instrument
        found = [a for a in own if (a.session, a.occasion) == (session.id, session.occasion) and a.item in asked]
        found.sort(key=lambda a: (a.turn, a.try_, str(a)))
        yield (
            session,
            tuple(
                Turn(a, asked[a.item], _read(record.responses[str(a)], asked[a.item], code))
                for a in found
                if str(a) in record.responses
            ),
        )


def _whose(address: Address) -> tuple[str, str, str]:
    return address.respondent, address.sampling, address.persona


def digest_of_records(records: Sequence[AdministrationRecord]) -> str:
    """The digest of all that was read: plans, respondents, addresses and bodies, whatever order they came in."""
    total = hashlib.sha256()
    for record in records:
        for text in (record.plan.digest, record.respondent, record.sampling, record.persona):
            _update(total, text.encode())
        for address in sorted(record.responses):
            stored = record.responses[address]
            for part in (address.encode(), stored.request.digest, stored.body.encode("utf-8", "surrogatepass")):
                _update(total, part)
    return total.hexdigest()[:DIGEST_LENGTH]


def _update(total: hashlib._Hash, part: bytes) -> None:
    # each part with its length, so that no two sequences of parts run together into the same bytes
    total.update(len(part).to_bytes(8, "big"))
    total.update(part)
