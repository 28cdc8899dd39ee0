"""From a presentation and its template to the messages that are sent. Pure."""

from __future__ import annotations

from psychometrics.plan import Presentation
from psychometrics.template import Message, PromptTemplate

__all__ = ["messages_for"]

ANSWER_WITH = {"digits": "the number", "letters": "the letter", "none": "the words"}


def messages_for(presentation: Presentation, template: PromptTemplate) -> list[Message]:
    """What is said to the respondent when this presentation is asked alone."""
    instrument, item = presentation.instrument, presentation.item
    return template.render(
        {
            "statement": instrument.statement(item),
            "stem": item.stem,
            "lead_in": instrument.lead_in,
            "instructions": instrument.instructions,
            "options": [{"label": label, "text": option.text} for label, option in presentation.shown],
            "labelled": presentation.form.labels != "none",
            "answer_with": ANSWER_WITH[presentation.form.labels],
        }
    )
