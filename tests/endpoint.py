"""A deterministic OpenAI-compatible endpoint on this computer, for tests that need a network and its faults.

Its reply is a pure function of the request's body, so that what a client has stored can be checked against what it
must have been told; faults hit a share of requests, chosen by the body's digest, on their first try.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web

FAULTS = ("429", "429-now", "429-date", "500", "reset", "truncated", "malformed", "no-choices", "hang")
"""Faults of a first try: rate limits without and with Retry-After, and everything that a network does to a reply."""

REFUSAL = "I'm sorry, but as an AI I cannot answer questions about myself."

LABELLED_LINE = re.compile(r"^[ \t(]*(\d{1,2}|[A-Z])\s?[.):=–-]\s?\S", re.MULTILINE)


def share_of(body: bytes, *why: object) -> float:
    """A number from 0 to 1 that depends on the body and on why it is drawn."""
    drawn = hashlib.blake2b(body, digest_size=8, key=repr(why).encode()[:64]).digest()
    return int.from_bytes(drawn, "big") / 2**64


def labels_listed(request: Mapping[str, Any]) -> list[str]:
    """The labels at the beginnings of the last message's lines, e.g. of "1. Agree" or "(B) Disagree"."""
    return LABELLED_LINE.findall(request["messages"][-1]["content"])


def hashed_label(labels: Sequence[str] | None = None) -> Callable[[dict[str, Any]], str]:
    """A reply that picks one of these labels, or of those that the prompt lists, by the messages' digest."""

    def reply(request: dict[str, Any]) -> str:
        choices = list(labels) if labels is not None else labels_listed(request) or ["1"]
        return choices[int(share_of(orjson.dumps(request["messages"]), "label") * len(choices))]

    return reply


@dataclass
class LocalEndpoint:
    """The endpoint, as a context manager; it runs in a thread of its own.

    reply
        From the request's JSON to the reply's text, or to a whole completion (a mapping).
    faults
        From a fault of `FAULTS` to the share of requests whose first try meets it.
    always
        A status (401, 403, 404, ...) with which every request is answered, and `error` what is said then.
    refusals
        The share of requests answered by a refusal.
    after_reply
        Called with k once the k-th reply has been written.
    """

    reply: Callable[[dict[str, Any]], str | Mapping[str, Any]] = field(default_factory=hashed_label)
    faults: Mapping[str, float] = field(default_factory=dict)
    latency_s: float = 0.0
    refusals: float = 0.0
    always: int | None = None
    error: Any = "refused by the test"
    labels: Sequence[str] | None = None
    after_reply: Callable[[int], None] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.labels is not None:
            self.reply = hashed_label(self.labels)
        self._lock = threading.Lock()
        self._served = 0
        self._received: Counter[str] = Counter()
        self.seen_headers: dict[str, str] = {}
        self.bodies: list[bytes] = []

    @property
    def served(self) -> int:
        """How many whole completions have been sent."""
        with self._lock:
            return self._served

    @property
    def received(self) -> Counter[str]:
        """How often each body came, by its SHA-256."""
        with self._lock:
            return Counter(self._received)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise TimeoutError("the local endpoint did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._until_done(started))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _until_done(self, started: threading.Event) -> None:
        self._done = asyncio.Event()
        application = web.Application(client_max_size=2**26)
        application.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        started.set()
        await self._done.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            self._received[digest] += 1
            first = self._received[digest] == 1
            self.bodies.append(body)
            self.seen_headers = dict(request.headers)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self.always is not None:
            return web.Response(status=self.always, body=_error_body(self.error), content_type="application/json")
        completion = orjson.dumps(self.completion(orjson.loads(body), body))
        fault = self._fault(body) if first else None
        if fault is not None:
            return await self._fail(request, fault, completion)
        return await self._write(request, completion)

    def completion(self, request: dict[str, Any], body: bytes) -> Mapping[str, Any]:
        """The chat completion for a request: what a test may compare a store with."""
        said = REFUSAL if share_of(body, self.seed, "refusal") < self.refusals else self.reply(request)
        if not isinstance(said, str):
            return said
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": said},
            "finish_reason": "stop",
        }
        if request.get("logprobs"):
            others = [label for label in self.labels or labels_listed(request) if label != said]
            top = [{"token": said, "logprob": -0.25}]
            top += [{"token": label, "logprob": -2.0 - k} for k, label in enumerate(others)]
            choice["logprobs"] = {"content": [{"token": said, "logprob": -0.25, "top_logprobs": top}]}
        return {
            "id": f"chatcmpl-{hashlib.sha256(body).hexdigest()[:16]}",
            "object": "chat.completion",
            "created": 0,
            "model": request.get("model"),
            "choices": [choice],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": 1, "total_tokens": len(body) // 4 + 1},
        }

    def _fault(self, body: bytes) -> str | None:
        drawn = share_of(body, self.seed, "fault")
        for name, share in self.faults.items():
            if name not in FAULTS:
                raise ValueError(f"fault is {name!r}, expected one of {FAULTS}")
            if drawn < share:
                return name
            drawn -= share
        return None

    async def _fail(self, request: web.Request, fault: str, completion: bytes) -> web.StreamResponse:
        if fault in ("429", "429-now", "429-date", "500"):
            waits = {"429-now": {"Retry-After": "0"}, "429-date": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}}
            status = int(fault[:3])
            return web.Response(status=status, body=_error_body("try later"), headers=waits.get(fault))
        if fault == "malformed":
            return web.Response(body=completion[: len(completion) // 2], content_type="application/json")
        if fault == "no-choices":
            return web.Response(body=b'{"object":"chat.completion","choices":[]}', content_type="application/json")
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "truncated":
            response = web.StreamResponse(headers={"Content-Length": str(len(completion))})
            await response.prepare(request)
            await response.write(completion[: len(completion) // 2])
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _write(self, request: web.Request, completion: bytes) -> web.StreamResponse:
        response = web.Response(body=completion, content_type="application/json")
        await response.prepare(request)
        with self._lock:  # counted before it leaves: who has the reply must find it counted
            self._served += 1
            k = self._served
        await response.write_eof()
        if self.after_reply is not None:
            self.after_reply(k)
        return response


def _error_body(error: Any) -> bytes:
    return orjson.dumps({"error": error if isinstance(error, dict) else {"message": error, "code": None}})
