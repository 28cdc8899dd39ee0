"""The family of errors, drawn as a tree before any class.

PsychometricsError                 exit 1: refused, one sentence on standard error
├── InputError                     something a person wrote cannot be used; names place, found, allowed
│   ├── InstrumentError            an instrument file
│   ├── TemplateError              a prompt template
│   ├── PlanError                  a combination of factors that makes no form
│   ├── AuditError                 an audit file
│   └── RespondentError            a respondent's description, or its missing weights or key
├── StoreError                     the store file
│   ├── NotAStore                  the file is something else, or damaged
│   ├── StoreLocked                another process writes to it
│   ├── StoreUnwritable            read-only file or folder, full disk
│   └── Diverged                   an address is stored with another request
├── EndpointError                  a question could not be answered by the endpoint
│   ├── AccessRefused              401, 403, 404: no further question can succeed
│   ├── RequestRefused             400, 413, 422: this question cannot succeed, others may
│   └── EndpointUnavailable        transport failures outlasted the retries
├── InsufficientData               a statistic that this design cannot support, with the reason
└── Incomplete                     exit 3: stopped before everything planned was asked; nothing stored is lost
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AccessRefused",
    "AuditError",
    "Diverged",
    "EndpointError",
    "EndpointUnavailable",
    "Incomplete",
    "InputError",
    "InstrumentError",
    "InsufficientData",
    "NotAStore",
    "PlanError",
    "PsychometricsError",
    "RequestRefused",
    "RespondentError",
    "StoreError",
    "StoreLocked",
    "StoreUnwritable",
    "TemplateError",
]


class PsychometricsError(Exception):
    """Every error this package raises on purpose; its text is one sentence for a person."""

    exit_code: ClassVar[int] = 1


class InputError(PsychometricsError):
    """Something a person wrote cannot be used; the text names the place, what was found and what is allowed."""


class InstrumentError(InputError):
    """An instrument file, or a value inside it, breaks an invariant."""


class TemplateError(InputError):
    """A prompt template cannot be read or rendered."""


class PlanError(InputError):
    """A combination of factors from which no form can be made."""


class AuditError(InputError):
    """An audit file cannot be read or asks for something that does not exist."""


class RespondentError(InputError):
    """A respondent cannot be made from its description."""


class StoreError(PsychometricsError):
    """The store file cannot be used as asked."""


class NotAStore(StoreError):
    """The file is no store of this project, a newer one, or a damaged one."""


class StoreLocked(StoreError):
    """Another process holds the store's writing lease."""


class StoreUnwritable(StoreError):
    """The store cannot be written: read-only file or folder, or a full disk."""


class Diverged(StoreError):
    """An address is already stored with another request: the question was changed after it was answered."""


class EndpointError(PsychometricsError):
    """A question could not be answered by the endpoint; `attempts` (`question.Attempt`) are the tries that failed."""

    attempts: tuple[object, ...] = ()


class AccessRefused(EndpointError):
    """The endpoint refuses this key, model or path: no further question can succeed."""


class RequestRefused(EndpointError):
    """The endpoint refuses this one request; other questions may still succeed."""


class EndpointUnavailable(EndpointError):
    """Transport failures outlasted every retry."""


class InsufficientData(PsychometricsError):
    """A statistic that the design cannot support; the text is the reason."""


class Incomplete(PsychometricsError):
    """The work stopped before everything planned was asked. What was answered is stored."""

    exit_code: ClassVar[int] = 3
