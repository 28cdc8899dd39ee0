"""Answers that are known beforehand: tables, lists and rules. For tests, rehearsals and controls.

A rule looks at one question and nothing else. No answer depends on what was asked before or on the order of arrival.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from psychometrics.errors import RespondentError
from psychometrics.instrument import Option
from psychometrics.plan import Presentation
from psychometrics.question import Question, Reply
from psychometrics.respondents.base import ComputedRespondent, reply_body

__all__ = [
    "CONTROLS",
    "Answers",
    "RandomOption",
    "Rule",
    "ScriptedRespondent",
    "Verbatim",
    "always_agree",
    "always_disagree",
    "always_first",
    "always_last",
    "always_middle",
    "presentation_of",
    "random_option",
    "uniform_draw",
    "words_for",
]

Rule: TypeAlias = Callable[[Question], str]
"""From a question to an answer: an option id of its presentation, or the words of a reply."""

Answers: TypeAlias = Mapping[str, str] | Mapping[tuple[str, int], str] | Sequence[str] | Rule


class Verbatim(str):
    """Words said as they stand, even where an option has them as its id.

    >>> Verbatim("1")
    '1'
    """

    __slots__ = ()


class ScriptedRespondent(ComputedRespondent):
    """Gives the answers it was given.

    answers
        A mapping from item id, or from (item id, occasion), which goes first, to an answer; a rule from question to
        answer; or a sequence, from which turn k of a session takes the k-th (the first turn has number 1) and an item
        asked alone takes the one at its place in its instrument.
        An answer that is an option id of what is shown means that option, wherever it stands: the reply is its label,
        or its text where options have no labels. Anything else is said as it stands; so is a `Verbatim`.
    name
        The identity is the name and a digest of the answers. A rule is known by its own name alone: give another
        `name` to another rule.
    """

    def __init__(self, answers: Answers, *, name: str = "scripted") -> None:
        if not callable(answers) and (isinstance(answers, str) or not answers):
            raise RespondentError(f"{name}: answers is {answers!r}, expected a mapping, a sequence or a rule")
        self._answers = answers
        super().__init__(name, self._described())

    def _described(self) -> object:
        if callable(self._answers):
            return getattr(self._answers, "__qualname__", None) or repr(self._answers)
        if isinstance(self._answers, Mapping):
            return {"/".join(map(str, key)) if isinstance(key, tuple) else key: a for key, a in self._answers.items()}
        return list(self._answers)

    def describe(self) -> dict[str, object]:
        """Kind, name and the answers."""
        return {"kind": "scripted", "name": self._name, "identity": self._identity, "answers": self._described()}

    async def respond(self, question: Question) -> Reply:
        """The answer given for this question.

        Raises
            RespondentError: no answer was given for it.
        """
        answer = self._answer(question)
        words = answer if isinstance(answer, Verbatim) else _words_of(answer, question.presentation)
        certain = ((words, 0.0),) if question.address.read_out.startswith("logprobs") else None
        return Reply(reply_body(words, model=self._name, top_logprobs=certain))

    def _answer(self, question: Question) -> str:
        if callable(self._answers):
            return self._answers(question)
        if isinstance(self._answers, Mapping):
            return self._from_table(self._answers, question)
        place = _place(question)
        if not 0 <= place < len(self._answers):
            raise RespondentError(
                f"{self._name}: no answer {place + 1} for {question.address}, expected 1 to {len(self._answers)}"
            )
        return self._answers[place]

    def _from_table(self, answers: Mapping[str, str] | Mapping[tuple[str, int], str], question: Question) -> str:
        table: Mapping[Any, str] = answers
        item, occasion = _item_of(question), question.address.occasion
        for key in ((item, occasion), item):
            if key in table:
                return table[key]
        raise RespondentError(f'{self._name}: no answer for item "{item}" at occasion {occasion}, expected one by item')


def _item_of(question: Question) -> str:
    if question.presentation is not None:
        return question.presentation.item.id
    return question.address.item.partition("#")[0].rpartition(":")[2]


def _place(question: Question) -> int:
    """Which of a sequence's answers a question takes, counted from 0."""
    if question.address.session:
        return question.address.turn - 1
    presentation = presentation_of(question, "a sequence of answers")
    return presentation.instrument.items.index(presentation.item)


def presentation_of(question: Question, who: str) -> Presentation:
    """What a question shows; who answers by it cannot answer without."""
    if question.presentation is None:
        raise RespondentError(f"{who}: {question.address} shows no item, expected a question with a presentation")
    return question.presentation


def words_for(option: Option, presentation: Presentation) -> str:
    """What someone says who chooses this option here: its label, or its text where options have no labels."""
    return next(label for label, shown in presentation.shown if shown.id == option.id) or option.text


def _words_of(answer: str, presentation: Presentation | None) -> str:
    option = None if presentation is None else presentation.instrument.response_format.by_id.get(answer)
    return answer if option is None or presentation is None else words_for(option, presentation)


def uniform_draw(*why: object) -> float:
    """A number between 0 and 1, exclusive, that depends on nothing but why it is drawn.

    >>> uniform_draw(7, "noise") == uniform_draw(7, "noise") != uniform_draw(8, "noise")
    True
    """
    drawn = hashlib.blake2b("\x1f".join(map(str, why)).encode(), digest_size=8).digest()
    return ((int.from_bytes(drawn, "big") >> 11) + 0.5) / (1 << 53)


def always_first(question: Question) -> str:
    """The option at the first place shown, whatever it says."""
    return presentation_of(question, "always-first").shown[0][1].id


def always_last(question: Question) -> str:
    """The option at the last place shown, whatever it says."""
    return presentation_of(question, "always-last").shown[-1][1].id


def always_middle(question: Question) -> str:
    """The option at the middle place shown; of two middle places the first."""
    shown = presentation_of(question, "always-middle").shown
    return shown[(len(shown) - 1) // 2][1].id


def always_agree(question: Question) -> str:
    """The option of the highest value, wherever it is shown."""
    return presentation_of(question, "always-agree").instrument.response_format.ascending()[-1].id


def always_disagree(question: Question) -> str:
    """The option of the lowest value, wherever it is shown."""
    return presentation_of(question, "always-disagree").instrument.response_format.ascending()[0].id


@dataclass(frozen=True)
class RandomOption:
    """Any of the options alike, drawn from the question's own address: asked again, the same."""

    seed: int = 0

    def __call__(self, question: Question) -> str:
        shown = presentation_of(question, "random-option").shown
        draw = uniform_draw(self.seed, "option", question.alone)
        return shown[int(draw * len(shown))][1].id


random_option: Final = RandomOption()

CONTROLS: Final[Mapping[str, Rule]] = {
    "always-first": always_first,
    "always-last": always_last,
    "always-middle": always_middle,
    "always-agree": always_agree,
    "always-disagree": always_disagree,
    "random-option": random_option,
}
"""Respondents without a personality: what an instrument must not find one in."""
