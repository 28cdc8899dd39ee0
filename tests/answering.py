"""Records made from rules, for tests of what is computed from answers: no network, no store, no order of arrival."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from psychometrics.plan import Plan, Presentation
from psychometrics.question import Request, address_of
from psychometrics.records import AdministrationRecord, StoredResponse
from psychometrics.respondents.base import reply_body

__all__ = ["Answer", "record_of"]

Answer = str | Mapping[str, float] | None
"""An option id, a distribution over option ids, words that no option has, or None for not asked."""


def record_of(
    plan: Plan, rule: Callable[[Presentation], Answer], *, name: str = "model", sampling: str = ""
) -> AdministrationRecord:
    """A record in which every presentation is answered by a rule."""
    responses = {}
    for presentation in plan:
        answer = rule(presentation)
        if answer is None:
            continue
        label = {option.id: label for label, option in presentation.shown}
        if isinstance(answer, Mapping):
            top = [(label[option], math.log(p)) for option, p in answer.items() if p > 0]
            body = reply_body(max(top, key=lambda pair: pair[1])[0], model=name, top_logprobs=top)
        else:
            body = reply_body(label.get(answer, answer), model=name)
        address = str(address_of(presentation, name, sampling))
        said = [{"role": "user", "content": presentation.item.stem}]
        asked = Request.of(said, {"model": name, "max_tokens": 16})
        responses[address] = StoredResponse(address, asked, body, "http://localhost:1/v1", name)
    return AdministrationRecord(plan, name, name, sampling, responses=responses)
