"""Controls: respondents of which we know what drives their answers, computed on the same plan as every respondent.

They take the same path: a reply, its reading, scores, indices. What a verdict says of them shows what it is worth.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from psychometrics.errors import PsychometricsError
from psychometrics.instrument import Instrument
from psychometrics.plan import Plan
from psychometrics.question import Completion, Question, address_of
from psychometrics.records import AdministrationRecord, StoredResponse
from psychometrics.respondents.base import Respondent
from psychometrics.respondents.scripted import (
    RandomOption,
    ScriptedRespondent,
    always_agree,
    always_first,
    always_middle,
)
from psychometrics.respondents.simulated import SimulatedRespondent

__all__ = ["Control", "TRAIT_SPREAD", "administered", "controls_of", "known_traits", "seed_of"]

TRAIT_SPREAD: Final = 1.5
"""The simulated respondent's traits run from minus this to plus this, in standard deviations, scale by scale."""

TRAIT_NOISE: Final = 0.1
"""The simulated respondent's noise, in the same unit: little, so that a design that can measure does."""

T = TypeVar("T")


@dataclass(frozen=True)
class Control:
    """A respondent that is computed, under a key of its own and with words for people."""

    key: str
    name: str
    description: str
    respondent: Respondent


def seed_of(plan: Plan) -> int:
    """The seed of everything random in an analysis of this plan: the same plan gives the same page."""
    return int(plan.digest, 16)


def known_traits(instrument: Instrument) -> dict[str, float]:
    """Traits from −1.5 to 1.5 in equal steps, in the instrument's order of scales; one scale alone gets 1.5."""
    scales = instrument.scales
    if len(scales) == 1:
        return {scales[0].id: TRAIT_SPREAD}
    step = 2 * TRAIT_SPREAD / (len(scales) - 1)
    return {scale.id: -TRAIT_SPREAD + k * step for k, scale in enumerate(scales)}


OCCASIONS: Final = 2
"""Occasions on which a control is computed at most: two show how much chance alone repeats, more show nothing new."""


def controls_of(plan: Plan) -> tuple[Control, ...]:
    """The controls of a plan: three that follow a place or an option, one that follows chance, one with traits."""
    seed = seed_of(plan)
    return (
        Control(
            "always-first",
            "Always the first place",
            "takes whatever is shown first",
            ScriptedRespondent(always_first, name="always-first"),
        ),
        Control(
            "always-middle",
            "Always the middle place",
            "takes whatever is shown in the middle",
            ScriptedRespondent(always_middle, name="always-middle"),
        ),
        Control(
            "random",
            "Any option alike",
            "draws an option, whatever is asked",
            ScriptedRespondent(RandomOption(seed), name="random"),
        ),
        Control(
            "always-agree",
            "Always agrees",
            "takes the option of the highest value, wherever it is shown",
            ScriptedRespondent(always_agree, name="always-agree"),
        ),
        Control(
            "known-traits",
            "Simulated, with known traits",
            f"answers by traits from −{TRAIT_SPREAD:g} to {TRAIT_SPREAD:g} standard deviations, scale by scale",
            SimulatedRespondent(known_traits(plan.instrument), seed=seed, name="known-traits", noise=TRAIT_NOISE),
        ),
    )


def administered(plan: Plan, control: Control) -> AdministrationRecord:
    """The record of a control on a plan, as if it had been asked; on at most `OCCASIONS` occasions."""
    respondent = control.respondent
    plan = replace(plan, occasions=min(plan.occasions, OCCASIONS))
    responses = {}
    for presentation in plan:
        address = address_of(presentation, respondent.identity, respondent.sampling, respondent.persona)
        # a control reads the presentation and no message, so that rendering what nobody reads can be spared
        request = respondent.request([], presentation.form.read_out, presentation.form.max_tokens, address)
        reply = _at_once(respondent.respond(Question(address, request, presentation)))
        model = Completion.of(reply.body).model
        responses[str(address)] = StoredResponse(str(address), request, reply.body, reply.endpoint, model)
    return AdministrationRecord(
        plan,
        respondent.identity,
        control.name,
        respondent.sampling,
        respondent.persona,
        respondent.describe(),
        responses,
    )


def _at_once(answer: Coroutine[object, None, T]) -> T:
    """The result of a coroutine that waits for nothing, without an event loop (a notebook has one running already)."""
    try:
        answer.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    answer.close()
    raise PsychometricsError("a control waited for something, expected an answer at once")
