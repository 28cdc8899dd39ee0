"""The one narrow protocol behind which every respondent stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from psychometrics.instrument import digest_of
from psychometrics.question import Address, Question, Reply, Request
from psychometrics.template import Message

__all__ = ["ComputedRespondent", "Respondent", "TOP_LOGPROBS", "read_out_settings", "reply_body"]

TOP_LOGPROBS = 20
"""How many alternatives are asked for with a log-probability read-out; hosted endpoints seldom give more."""


@runtime_checkable
class Respondent(Protocol):
    """Who answers: a model, its persona, its sampling as sent.

    `name` is for people; `identity` is the address field (name and, where known, digest of what answers);
    `sampling` holds the sampling parameters as sent ("" when none is sent: unset is not 1.0); `concurrency` is how
    many questions may be under way at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def sampling(self) -> str: ...
    @property
    def persona(self) -> str: ...
    @property
    def concurrency(self) -> int: ...

    def describe(self) -> Mapping[str, object]:
        """A JSON-like description for the store: kind, parameters, provenance; never a key."""
        ...

    def request(self, messages: Sequence[Message], read_out: str, max_tokens: int, address: Address) -> Request:
        """The exact request that would be sent for these messages. Pure."""
        ...

    async def open(self) -> None:
        """Make ready inside the running event loop; called once before the first question."""
        ...

    async def respond(self, question: Question) -> Reply:
        """Answer one question, retrying transport failures.

        Raises
            AccessRefused: nothing more can succeed here.
            RequestRefused: this question cannot succeed.
            EndpointUnavailable: the retries are used up.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and processes. Calling it twice does no harm."""
        ...


class ComputedRespondent:
    """What respondents share whose answers are computed: a name, a digest of what they answer by, nothing to open."""

    def __init__(self, name: str, answers_by: object) -> None:
        self._name = name
        self._identity = f"{name}#{digest_of(answers_by)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self._name!r})"

    @property
    def name(self) -> str:
        return self._name

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def sampling(self) -> str:
        return ""

    @property
    def persona(self) -> str:
        return ""

    @property
    def concurrency(self) -> int:
        return 64

    def request(self, messages: Sequence[Message], read_out: str, max_tokens: int, address: Address) -> Request:
        """The request that an endpoint would get for these messages."""
        return Request.of(messages, {"model": self._name, **read_out_settings(read_out, max_tokens)})

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""


def read_out_settings(read_out: str, max_tokens: int) -> dict[str, object]:
    """The members of a request body by which a read-out is asked for."""
    if read_out == "logprobs":
        return {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return {"max_tokens": max_tokens}


def reply_body(text: str, *, model: str, top_logprobs: Sequence[tuple[str, float]] | None = None) -> str:
    """A chat completion's body as an endpoint would give it, for respondents that are computed."""
    import orjson

    choice: dict[str, object] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    if top_logprobs is not None:
        top = [{"token": token, "logprob": logprob} for token, logprob in top_logprobs]
        choice["logprobs"] = {"content": [{"token": text, "top_logprobs": top}]}
    return orjson.dumps({"model": model, "choices": [choice]}).decode()
