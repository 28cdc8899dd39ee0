"""Sessions: straight-line code over the durable question. A session is a pure function of its address and the replies.

No clock, no shared random numbers, no order of arrival. A killed session is run again from its first turn: the turns
that are stored come from the store, and it goes on asking where they end. A turn that finally fails suspends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from psychometrics.coding import Coding, Outcome, code
from psychometrics.plan import Plan, Presentation, SessionPlan
from psychometrics.prompting import messages_for
from psychometrics.question import Completion, Question, address_of
from psychometrics.respondents.base import Respondent
from psychometrics.template import Message

__all__ = ["SESSIONS", "TRIES", "Sitting", "interview"]

TRIES: Final = 2
"""How often a turn is asked at most; a re-ask after an unreadable reply is a question of its own, on record."""

Ask = Callable[[Question], Awaitable[Completion]]


@dataclass(frozen=True)
class Sitting:
    """One sitting of one respondent: what a session's code may touch."""

    plan: Plan
    session: SessionPlan
    respondent: Respondent
    asking: Ask

    def presentations(self) -> tuple[Presentation, ...]:
        """The session's items, in its order."""
        instrument = self.plan.instrument
        return tuple(
            Presentation(instrument, instrument.by_id[item], self.session.form, self.session.occasion)
            for item in self.session.items
        )

    def said_about(self, presentation: Presentation) -> list[Message]:
        """The messages by which this item is asked when it stands alone."""
        return messages_for(presentation, self.plan.template_of(presentation.form))

    async def ask(
        self, messages: list[Message], presentation: Presentation, *, turn: int, try_: int = 1
    ) -> tuple[Completion, Coding]:
        """The reply to a conversation so far, and its reading."""
        respondent, form = self.respondent, presentation.form
        address = address_of(presentation, respondent.identity, respondent.sampling, respondent.persona).within(
            session=self.session.id, turn=turn, try_=try_
        )
        request = respondent.request(messages, form.read_out, form.max_tokens, address)
        completion = await self.asking(Question(address, request, presentation))
        return completion, code(completion, presentation)


async def interview(sitting: Sitting) -> None:
    """Items asked one after another in a running conversation, each answer standing in it when the next is asked."""
    conversation: list[Message] = []
    for turn, presentation in enumerate(sitting.presentations(), start=1):
        asked = sitting.said_about(presentation)
        for try_ in range(1, TRIES + 1):
            conversation += [message for message in asked if message["role"] != "system" or not conversation]
            completion, coding = await sitting.ask(list(conversation), presentation, turn=turn, try_=try_)
            if completion.text.strip():
                conversation.append({"role": "assistant", "content": completion.text})
            if coding.outcome is Outcome.ANSWERED:
                break


SESSIONS: Final[Mapping[str, Callable[[Sitting], Awaitable[None]]]] = {"interview": interview}
"""The kinds of session, by the name that a plan gives them."""
