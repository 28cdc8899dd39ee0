"""Models behind an OpenAI-compatible endpoint: the only respondent that uses the network.

What a reply's status means:

    2xx with a choice                       Reply, its body as it came
    400 with code "content_filter"          Reply: a completion with finish_reason "content_filter" and no text
    400, 413, 422 and other 4xx             RequestRefused
    401, 402, 403, 404, 405, 410, redirects AccessRefused; so too 429 with code "insufficient_quota"
    408, 409, 429, 5xx, no whole reply,     tried again; EndpointUnavailable when the retries are used up
      no JSON, no choice
"""

from __future__ import annotations

import email.utils
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson

from psychometrics.errors import AccessRefused, EndpointError, EndpointUnavailable, RequestRefused, RespondentError
from psychometrics.question import Address, Attempt, Question, Reply, Request, request_seed
from psychometrics.respondents.base import read_out_settings
from psychometrics.respondents.transport import Endpoint, HttpReply, HttpTransport, Transport, TransportFailed
from psychometrics.template import Message

__all__ = ["OpenAIRespondent", "Sampling"]

RETRIED: Final = frozenset({408, 409, 429})
CHECKS: Final = {
    401: "check the key (OPENAI_API_KEY)",
    402: "check the account's credit",
    403: 'check that this key may use the model "{model}"',
    404: 'check base_url and the model\'s name "{model}"',
    405: "check base_url; it usually ends in /v1",
    410: 'check whether the model "{model}" is still offered',
    429: "check the account's credit and limits",
}
"""What to look at when an endpoint refuses access, by status."""

LONGEST_WAIT_S: Final = 60.0
"""An endpoint may ask for a wait; beyond this the question is better asked again another day."""

SAID_LENGTH: Final = 200
"""Characters of what an endpoint said that stand in an error."""

OURS: Final = frozenset({"model", "messages", "stream", "n"})
"""Members of a body that `extra_body` may not set: the engine counts on what it sent."""


@dataclass(frozen=True)
class Sampling:
    """The sampling parameters as sent; what is None is not sent, and unset is not 1.0.

    `extra_body` holds further members of the request body; one that is None is left out of the body, so that an
    endpoint that wants `max_completion_tokens` can do without `max_tokens`.
    """

    temperature: float | None = None
    top_p: float | None = None
    send_seed: bool = False
    extra_body: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, highest in (("temperature", self.temperature, math.inf), ("top_p", self.top_p, 1.0)):
            if value is not None:
                if not 0 <= value <= highest or math.isinf(value):
                    raise RespondentError(f"{name} is {value}, expected a number from 0 to {highest:g}")
                object.__setattr__(self, name, float(value))  # 0 and 0.0 are one setting, and one request
        for name in sorted({*OURS, *self._numbers} & set(self.extra_body)):
            raise RespondentError(f'extra_body has "{name}", which the engine sets itself; leave it out there')
        try:
            canonical = orjson.loads(orjson.dumps(dict(self.extra_body), option=orjson.OPT_SORT_KEYS))
        except TypeError as error:
            raise RespondentError(f"extra_body cannot be written as JSON: {error}") from None
        object.__setattr__(self, "extra_body", canonical)

    @property
    def _numbers(self) -> dict[str, float]:
        both = {"temperature": self.temperature, "top_p": self.top_p}
        return {name: value for name, value in both.items() if value is not None}

    @cached_property
    def address(self) -> str:
        """`sampling` as it stands in an address.

        >>> Sampling(temperature=0, send_seed=True, extra_body={"cache_prompt": False}).address
        'cache_prompt:false,seed:address,temperature:0'
        """
        sent = {name: repr(value).removesuffix(".0") for name, value in self._numbers.items()}
        sent |= {name: orjson.dumps(value).decode() for name, value in self.extra_body.items()}
        if self.send_seed:
            sent["seed"] = "address"
        return ",".join(f"{name}:{value}" for name, value in sorted(sent.items()))

    def request(
        self, model: str, messages: Sequence[Message], read_out: str, max_tokens: int, address: Address
    ) -> Request:
        """The exact request for these messages."""
        settings: dict[str, object] = {"model": model, **self._numbers, **read_out_settings(read_out, max_tokens)}
        if self.send_seed:
            settings["seed"] = request_seed(address)
        settings |= self.extra_body
        if None in settings.values():
            settings = {name: value for name, value in settings.items() if value is not None}
        return Request.of(messages, settings)

    def as_record(self) -> dict[str, object]:
        """A JSON-like description."""
        return {**self._numbers, "send_seed": self.send_seed, "extra_body": dict(self.extra_body)}


class OpenAIRespondent:
    """A model behind an OpenAI-compatible endpoint.

    base_url, api_key
        As for the `openai` package: arguments first, then OPENAI_BASE_URL and OPENAI_API_KEY. An endpoint on this
        computer needs no key. The key is never shown, logged, stored or described, and is removed from every reply.
    temperature, top_p, send_seed, extra_body
        Sent as given; what is None is not sent. `send_seed` sends a seed that derives from the question's address.
    persona
        The name of a standing condition for the address; its wording belongs to the messages.
    retries, retry_wait_s
        How often a transport failure is tried again, and the first wait, which then doubles.
    identity
        The address field; the model's name where nothing better is known.
    Raises
        RespondentError: no usable endpoint, key or setting.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        send_seed: bool = False,
        concurrency: int = 8,
        persona: str = "",
        timeout_s: float = 120.0,
        retries: int = 5,
        retry_wait_s: float = 0.5,
        extra_body: Mapping[str, object] | None = None,
        identity: str | None = None,
        allow_plain_http: bool = False,
        transport: Transport | None = None,
    ) -> None:
        if not model.strip():
            raise RespondentError("the model's name is empty, expected the name that the endpoint knows it by")
        if concurrency < 1 or retries < 0 or not timeout_s > 0 or not retry_wait_s >= 0:
            raise RespondentError(
                f"{model}: concurrency is {concurrency}, retries {retries}, timeout_s {timeout_s:g} and retry_wait_s "
                f"{retry_wait_s:g}, expected at least 1, at least 0, more than 0 and at least 0"
            )
        self._model = model
        self._identity = identity or model
        self._persona = persona
        self._sampling = Sampling(temperature, top_p, send_seed, extra_body or {})
        self._concurrency = concurrency
        self._timeout_s, self._retries, self._retry_wait_s = timeout_s, retries, retry_wait_s
        self._endpoint = Endpoint.of(base_url, api_key, allow_plain_http=allow_plain_http)
        description = orjson.dumps(self.describe())
        if self._endpoint.redacted(description) != description:
            raise RespondentError("the key stands in a setting that is stored, expected it in api_key alone")
        self._transport = transport or HttpTransport(self._endpoint, concurrency=concurrency, timeout_s=timeout_s)

    def __repr__(self) -> str:
        return f"OpenAIRespondent({self._model!r}, base_url={self._endpoint.shown!r})"

    @property
    def name(self) -> str:
        return self._model

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def sampling(self) -> str:
        return self._sampling.address

    @property
    def persona(self) -> str:
        return self._persona

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def describe(self) -> dict[str, object]:
        """Kind, model, sampling as sent and provenance; never a key."""
        return {
            "kind": "openai-compatible",
            "model": self._model,
            "identity": self._identity,
            "persona": self._persona,
            **self._sampling.as_record(),
            "endpoint": self._endpoint.shown,
            "concurrency": self._concurrency,
            "timeout_s": self._timeout_s,
            "retries": self._retries,
            "retry_wait_s": self._retry_wait_s,
        }

    def request(self, messages: Sequence[Message], read_out: str, max_tokens: int, address: Address) -> Request:
        """The exact request that would be sent for these messages. Pure."""
        return self._sampling.request(self._model, messages, read_out, max_tokens, address)

    async def open(self) -> None:
        """Make ready inside the running event loop."""
        await self._transport.open()

    async def close(self) -> None:
        """Let go of connections. Calling it twice does no harm."""
        await self._transport.close()

    async def respond(self, question: Question) -> Reply:
        """Answer one question, retrying transport failures; `attempts` of reply and error hold each failed try.

        Raises
            AccessRefused: nothing more can succeed here.
            RequestRefused: this question cannot succeed.
            EndpointUnavailable: the retries are used up.
        """
        body = question.request.body
        attempts: list[Attempt] = []
        try:
            try:
                return await self._try(body, attempts)
            except TransportFailed as failure:  # a question answered at once pays nothing for the retries
                return await self._try_again(body, failure, attempts)
        except EndpointError as error:
            error.attempts = tuple(attempts)
            raise

    async def _try(self, body: bytes, attempts: list[Attempt]) -> Reply:
        at_s, start_s = time.time(), time.perf_counter()
        try:
            http = await self._transport.post(body)
            latency_s = time.perf_counter() - start_s
            return Reply(self._completion(http), latency_s, self._endpoint.shown, tuple(attempts))
        except (TransportFailed, EndpointError) as failure:
            attempts.append(Attempt(at_s, str(failure), time.perf_counter() - start_s))
            raise

    async def _try_again(self, body: bytes, first: TransportFailed, attempts: list[Attempt]) -> Reply:
        import stamina

        # stamina logs every scheduled retry; without a handler Python would print its bare event name to standard
        # error, once per retry. The attempts are on record, and whoever configures logging still gets the events.
        logging.getLogger("stamina").addHandler(_SILENCE)
        known: TransportFailed | None = first
        try:
            async for attempt in stamina.retry_context(
                on=_retry_after,
                attempts=self._retries + 1,
                timeout=None,
                wait_initial=self._retry_wait_s,
                wait_max=max(LONGEST_WAIT_S, self._retry_wait_s),
                wait_jitter=self._retry_wait_s,
            ):
                with attempt:
                    if known is not None:  # the first try has been: let it count, and be waited for
                        failure, known = known, None
                        raise failure
                    return await self._try(body, attempts)
        except TransportFailed as last:
            tries = "1 try" if len(attempts) == 1 else f"{len(attempts)} tries"
            raise EndpointUnavailable(f"{self._endpoint.shown}: no answer after {tries}; the last: {last}") from None
        raise EndpointUnavailable(f"{self._endpoint.shown}: no answer")  # a loop of no turns, which stamina never makes

    def _completion(self, http: HttpReply) -> str:
        """The body of a chat completion in an HTTP reply.

        Raises
            TransportFailed: another try may bring one.
            AccessRefused, RequestRefused: no other try will.
        """
        body = self._endpoint.redacted(http.body)
        if 200 <= http.status < 300:
            flaw = _flaw(body)
            if flaw:
                raise TransportFailed(f"{flaw}{self._said(body)}")
            return body.decode()
        code = _error_in(body).get("code")
        if http.status in (400, 403) and code == "content_filter":
            return self._blocked(body)
        came = f"status {http.status}{self._said(body)}"
        used_up = http.status == 429 and code == "insufficient_quota"  # waiting fills no account
        if (http.status in RETRIED and not used_up) or http.status >= 500:
            raise TransportFailed(came, _asked_wait_s(http.headers))
        if http.status in CHECKS:
            check = CHECKS[http.status].format(model=self._model)
            raise AccessRefused(f"{self._endpoint.shown} refused access: {came}; {check}")
        if http.status < 400:
            raise AccessRefused(f"{self._endpoint.shown} is not where it answers: {came}; give the final base_url")
        raise RequestRefused(f"{self._endpoint.shown} refused this request: {came}")

    def _said(self, body: bytes) -> str:
        """What the endpoint said, short enough for a sentence."""
        message = _error_in(body).get("message")
        text = self._endpoint.cleaned(message if isinstance(message, str) else body.decode(errors="replace"))
        return f', it said "{text[:SAID_LENGTH]}"' if text else ""

    def _blocked(self, body: bytes) -> str:
        """A provider's filter stopped the question: an outcome of the item, not a failure of the transport.

        The body is made here, in the shape of a completion; what the provider said stands in it as `error`.
        """
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": ""},
            "finish_reason": "content_filter",
        }
        return orjson.dumps({"model": self._model, "choices": [choice], "error": _error_in(body)}).decode()


_SILENCE: Final = logging.NullHandler()


def _retry_after(failure: Exception) -> bool | float:
    """Stamina's question: try again? A number is the wait that the endpoint asked for, True its own growing wait."""
    if not isinstance(failure, TransportFailed):
        return False
    return True if failure.wait_s is None else failure.wait_s


def _asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or as a date, within reason."""
    text = headers.get("Retry-After", "").strip()
    try:
        wait_s = float(text)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    return None if math.isnan(wait_s) else min(max(wait_s, 0.0), LONGEST_WAIT_S)


def _flaw(body: bytes) -> str:
    """What keeps a body from being a chat completion, or nothing."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "the reply is no JSON"
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "the reply holds no choice"
    return ""


def _error_in(body: bytes) -> dict[str, Any]:
    """The error object of a body, as OpenAI-compatible endpoints give it; empty where there is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {"message": error} if isinstance(error, str) else {}
