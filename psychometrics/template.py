"""Prompt templates: the sentences said to a model around an item, as values. Files belong to `library`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from psychometrics.errors import TemplateError
from psychometrics.instrument import digest_of

__all__ = ["Message", "PromptTemplate"]

Message = dict[str, str]
"""One message of a conversation: `role` and `content`."""

ROLES = ("system", "user", "assistant")

# A template may come from a user's file: the sandbox keeps it from reaching Python, strict undefined from guessing.
_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
)


@dataclass(frozen=True)
class PromptTemplate:
    """A wording: who says what around an item.

    `messages` are (role, Jinja source) pairs. They may use `statement` (lead-in and stem as one sentence), `stem`,
    `lead_in`, `instructions`, `options` (a list of `label` and `text`, in the order shown), `labelled` (false where
    the label set is "none") and `answer_with` ("the number", "the letter", "the words").
    """

    id: str
    purpose: str
    messages: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.messages:
            raise TemplateError(f'template "{self.id}": no messages, expected at least one')
        for role, source in self.messages:
            if role not in ROLES:
                raise TemplateError(
                    f'template "{self.id}": message role is "{role}", expected one of {", ".join(ROLES)}'
                )
            if not source.strip():
                raise TemplateError(f'template "{self.id}": a {role} message is empty, expected text')
        self._compiled  # noqa: B018  a syntax error must show when the template is made, not when it is first used

    @cached_property
    def _compiled(self) -> tuple[tuple[str, Any], ...]:
        try:
            return tuple((role, _environment.from_string(source)) for role, source in self.messages)
        except TemplateSyntaxError as error:
            raise TemplateError(f'template "{self.id}": line {error.lineno} of a message: {error.message}') from None

    @cached_property
    def digest(self) -> str:
        """The digest of what reaches the model: roles and sources, not the purpose."""
        return digest_of(self.messages)

    def render(self, values: Mapping[str, object]) -> list[Message]:
        """The messages with the values filled in; surrounding white space is dropped."""
        try:
            return [{"role": role, "content": source.render(values).strip()} for role, source in self._compiled]
        except UndefinedError as error:
            allowed = ", ".join(sorted(values))
            raise TemplateError(f'template "{self.id}": {error.message}; a template may use {allowed}') from None
        except (SecurityError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise TemplateError(f'template "{self.id}" cannot be rendered: {error}') from None

    def as_record(self) -> dict[str, Any]:
        """A JSON-like value from which `from_record` makes the same template."""
        return {"id": self.id, "purpose": self.purpose, "messages": [list(message) for message in self.messages]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> PromptTemplate:
        """The template that `as_record` described."""
        messages: Sequence[Sequence[str]] = record["messages"]
        return cls(record["id"], record["purpose"], tuple((role, source) for role, source in messages))
