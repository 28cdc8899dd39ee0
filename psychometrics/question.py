"""The durable question: why something is asked (`Address`), what exactly is asked (`Request`), what came back.

A questionnaire item, a turn of a game and a round of a behavioural task are the same thing to the engine. All values.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any, Final, Self
from urllib.parse import quote, unquote

import orjson

from psychometrics.errors import PsychometricsError
from psychometrics.plan import Presentation
from psychometrics.template import Message

__all__ = [
    "RECIPE",
    "Address",
    "Attempt",
    "Completion",
    "Question",
    "Reply",
    "Request",
    "address_of",
    "first_difference",
    "request_seed",
    "who_is_asked",
]

RECIPE: Final = 1
"""The number of the address recipe. A new factor gets a new field with a default, and moves no old address."""


_UNESCAPED: Final = " !\"#$&'()*+,-./:;<>?@[\\]^_`{}~"


@lru_cache(maxsize=65536)
def _escaped(text: str) -> str:
    """Percent-encode what would break an address apart (| = % and control characters) and what is not ASCII."""
    return quote(text, safe=_UNESCAPED)


@dataclass(frozen=True, slots=True)
class Address:
    """Why a question is asked: resolved facts, never recipes, and only facts that reach the model.

    Fields at their default are left out of the canonical text, so that a new factor never changes an old address.

    >>> str(Address("smollm2-135m#b179c952", "temperature:0", item="bfi-44:3#5f2a", occasion=2))
    '1|respondent=smollm2-135m#b179c952|sampling=temperature:0|item=bfi-44:3#5f2a|occasion=2'
    >>> Address.parse('1|respondent=m|item=x:1#0|options=2,1') == Address("m", item="x:1#0", options="2,1")
    True
    """

    respondent: str
    sampling: str = ""
    persona: str = ""
    item: str = ""
    template: str = ""
    options: str = ""
    labels: str = ""
    read_out: str = ""
    occasion: int = 1
    session: str = ""
    role: str = ""
    turn: int = 0
    try_: int = 1

    def __str__(self) -> str:
        parts = [str(RECIPE)]
        for name, default in _ADDRESS_FIELDS:
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name.rstrip('_')}={_escaped(value) if isinstance(value, str) else value}")
        return "|".join(parts)

    def within(self, *, session: str, turn: int, try_: int = 1, role: str = "") -> Self:
        """The address of the same question as a turn of a session."""
        return replace(self, session=session, turn=turn, try_=try_, role=role)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address whose canonical text this is."""
        recipe, *parts = text.split("|")
        if recipe != str(RECIPE):
            raise PsychometricsError(f'address recipe is "{recipe}", expected {RECIPE}')
        values: dict[str, Any] = {}
        for part in parts:
            name, _, value = part.partition("=")
            name = "try_" if name == "try" else name
            if name not in _FIELD_NAMES:
                raise PsychometricsError(f'address has the field "{name}", expected one of {", ".join(_FIELD_NAMES)}')
            values[name] = int(value) if name in _WHOLE_NUMBERS else unquote(value)
        return cls(**values)


_ADDRESS_FIELDS: Final = tuple((f.name, None if f.name == "respondent" else f.default) for f in fields(Address))
_WHO: Final = (str(RECIPE), "respondent=", "sampling=", "persona=")
_FIELD_NAMES: Final = tuple(f.name for f in fields(Address))
_WHOLE_NUMBERS: Final = frozenset(f.name for f in fields(Address) if f.type == "int")


def who_is_asked(address: str) -> str:
    """The beginning of a canonical address that says who is asked: respondent, sampling and persona.

    >>> who_is_asked("1|respondent=m|sampling=temperature:0|item=x:1#0|occasion=2")
    '1|respondent=m|sampling=temperature:0'
    """
    who = itertools.takewhile(lambda part: part.startswith(_WHO), address.split("|"))
    return "|".join(who)


def address_of(presentation: Presentation, respondent: str, sampling: str = "", persona: str = "") -> Address:
    """The address of an item asked alone."""
    form = presentation.form
    return Address(
        respondent,
        sampling,
        persona,
        presentation.item_address,
        form.template_address,
        ",".join(form.option_order),
        form.labels_address,
        form.read_out_address,
        presentation.occasion,
    )


def request_seed(address: Address) -> int:
    """A seed for the endpoint's sampler that derives from the address, so that occasions differ: 31 bits."""
    return int.from_bytes(hashlib.sha256(str(address).encode()).digest()[:4], "big") >> 1


@dataclass(frozen=True)
class Request:
    """What is asked: the exact body sent, kept by digest.

    `settings` is the JSON body with null in place of the messages; both are kept apart so that a store can share the
    parts of a million bodies. `body` puts them together again, byte for byte.
    """

    settings: bytes
    messages: tuple[bytes, ...]

    @classmethod
    def of(cls, messages: Sequence[Message], settings: Mapping[str, object]) -> Request:
        """A request from messages and the other members of its body; `model` comes first, then the messages."""
        head = {"model": settings.get("model"), "messages": None}
        return cls(orjson.dumps({**head, **settings}), tuple(orjson.dumps(message) for message in messages))

    @cached_property
    def body(self) -> bytes:
        """The bytes that go over the wire."""
        return self.settings.replace(b'"messages":null', b'"messages":[' + b",".join(self.messages) + b"]", 1)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()


@dataclass(frozen=True)
class Question:
    """One thing asked. `presentation` is what simulated and scripted respondents answer by; endpoints ignore it."""

    address: Address
    request: Request
    presentation: Presentation | None = None

    @cached_property
    def key(self) -> str:
        """The address's canonical text."""
        return str(self.address)

    @cached_property
    def alone(self) -> str:
        """What is asked, whoever is asked: the address without respondent, sampling and persona.

        >>> Question(Address("m", "temperature:0", item="x:1#0"), Request(b"", ())).alone
        '1|item=x:1#0'
        """
        return f"{RECIPE}{self.key[len(who_is_asked(self.key)) :]}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at the transport that did not bring an answer: when (seconds since 1970), what came, how long it took."""

    at_s: float
    outcome: str
    latency_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What a respondent returned: the verbatim JSON body of a chat completion, and where it came from.

    `endpoint` is provenance, never part of an address. Failed attempts that came before stand in `attempts`.
    """

    body: str
    latency_s: float = 0.0
    endpoint: str = ""
    attempts: tuple[Attempt, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion as read from its body; the body itself stays as it came.

    `top_logprobs` are (token, natural-log probability) pairs for the first token of the reply, or None where the
    endpoint gave none.
    """

    text: str
    finish_reason: str
    refusal: str = ""
    top_logprobs: tuple[tuple[str, float], ...] | None = None
    model: str = ""
    fingerprint: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def of(cls, body: str | bytes) -> Completion:
        """Read a body; whatever is missing or of another shape is left empty, never guessed.

        Raises
            ValueError: the body is no JSON object with a first choice.
        """
        found = orjson.loads(body)
        choices = found.get("choices") if isinstance(found, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise ValueError("the reply holds no choice")
        choice = choices[0]
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        usage = found.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return cls(
            text=_content(message.get("content")),
            finish_reason=_text(choice.get("finish_reason")),
            refusal=_text(message.get("refusal")),
            top_logprobs=_first_token(choice.get("logprobs")),
            model=_text(found.get("model")),
            fingerprint=_text(found.get("system_fingerprint")),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _content(value: object) -> str:
    """A message's content: text, or the text of its parts put together, as some endpoints give it."""
    if isinstance(value, list):
        parts = (part for part in value if isinstance(part, dict) and part.get("type") in ("text", "output_text"))
        return "".join(_text(part.get("text")) for part in parts)
    return _text(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _first_token(logprobs: object) -> tuple[tuple[str, float], ...] | None:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return None
    top = content[0].get("top_logprobs")
    if not isinstance(top, list):
        return None
    return tuple(
        (entry["token"], float(entry["logprob"]))
        for entry in top
        if isinstance(entry, dict)
        and isinstance(entry.get("token"), str)
        and isinstance(entry.get("logprob"), int | float)
        and not math.isnan(entry["logprob"])
    )


def first_difference(stored: Request, asked: Request) -> str:
    """Where two requests first differ, in words."""
    return _difference("", orjson.loads(stored.body), orjson.loads(asked.body)) or "the bytes differ"


def _difference(place: str, stored: Any, asked: Any) -> str:
    if isinstance(stored, dict) and isinstance(asked, dict):
        for name in dict.fromkeys([*stored, *asked]):
            if name not in stored or name not in asked:
                return f"{place}{name} is {'new' if name in asked else 'gone'}"
            if found := _difference(f"{place}{name}.", stored[name], asked[name]):
                return found
        return ""
    if isinstance(stored, list) and isinstance(asked, list) and len(stored) == len(asked):
        return next(
            (d for k, (s, a) in enumerate(zip(stored, asked, strict=True)) if (d := _difference(f"{place}{k}.", s, a))),
            "",
        )
    if stored == asked:
        return ""
    return f"{place.rstrip('.')} was {_short(stored)}, is now {_short(asked)}"


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:117]}..."
