"""Sessions as they went: who said what, turn by turn, and whether the sitting came to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from psychometrics.coding import Outcome
from psychometrics.findings import SessionTurn, Transcript
from psychometrics.plan import SessionPlan
from psychometrics.question import Request
from psychometrics.records import CodedRecord, Turn
from psychometrics.sessions import TRIES
from psychometrics.template import Message

__all__ = ["conversation_of", "transcripts_of"]


def transcripts_of(read: CodedRecord) -> Iterator[Transcript]:
    """The planned sessions of which at least one turn is stored, in the plan's order.

    A session is complete when the turn of every item has an answer or has used up its re-asks.
    """
    for session, turns in read.sittings:
        if turns:
            yield Transcript(
                session.id,
                session.kind,
                session.occasion,
                _is_complete(session, turns),
                tuple(_shown(turn) for turn in turns),
            )


def conversation_of(request: Request) -> tuple[tuple[Message, ...], str]:
    """The messages of a stored request, and its other members as JSON; a body that cannot be read is shown as it is."""
    try:
        body = orjson.loads(request.body)
    except ValueError:
        return (), request.body.decode("utf-8", "replace")
    if not isinstance(body, dict):
        return (), request.body.decode("utf-8", "replace")
    said = body.pop("messages", None)
    messages = tuple(
        {"role": str(message.get("role", "")), "content": _content(message.get("content"))}
        for message in (said if isinstance(said, list) else ())
        if isinstance(message, dict)
    )
    return messages, orjson.dumps(body).decode()


def _content(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _is_complete(session: SessionPlan, turns: Sequence[Turn]) -> bool:
    settled = {
        turn.address.turn
        for turn in turns
        if turn.reading.coding.outcome is Outcome.ANSWERED or turn.address.try_ >= TRIES
    }
    return all(turn in settled for turn in range(1, len(session.items) + 1))


def _shown(turn: Turn) -> SessionTurn:
    messages, _ = conversation_of(turn.reading.stored.request)
    # what was said for this turn is what follows the respondent's last words in the conversation that was sent
    last = max((k for k, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    coding = turn.reading.coding
    by_id = turn.presentation.instrument.response_format.by_id
    return SessionTurn(
        turn.address.turn,
        turn.address.try_,
        "\n\n".join(message["content"] for message in messages[last + 1 :]),
        turn.reading.text,
        coding.outcome.value,
        by_id[coding.option].text if coding.option is not None else "",
    )
