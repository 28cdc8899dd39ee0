"""The seam between policy and network: where an endpoint is, what must never leave it, and one POST."""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from psychometrics.errors import RespondentError
from psychometrics.version import __version__

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Endpoint", "HttpReply", "HttpTransport", "Transport", "TransportFailed"]

KEY_VARIABLE: Final = "OPENAI_API_KEY"
URL_VARIABLE: Final = "OPENAI_BASE_URL"
NO_KEY: Final = "none"
"""Sent to an endpoint on this computer where no key is known; such servers seldom look at it."""

PLACEHOLDERS: Final = frozenset({"none", "no-key", "not-needed", "empty", "dummy", "ollama", "lm-studio"})
SHORTEST_SECRET: Final = 6
"""Characters from which on a key is looked for in what comes back; a shorter one would be found in plain answers."""

REMOVED: Final = "[key removed]"
LARGEST_REPLY: Final = 64 * 1024 * 1024
"""Bytes a reply may have; a chat completion of a few tokens has thousands."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back over HTTP, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportFailed(Exception):
    """One try brought no answer, in a way that another try may mend; the text says what came instead.

    `wait_s` is how long the endpoint asked to wait.
    """

    def __init__(self, outcome: str, wait_s: float | None = None) -> None:
        super().__init__(outcome)
        self.wait_s = wait_s


class Transport(Protocol):
    """The one way to the network. A scripted one makes every fault of a network testable without a network."""

    async def open(self) -> None:
        """Make ready inside the running event loop."""
        ...

    async def post(self, body: bytes) -> HttpReply:
        """Send a request body and return the whole reply.

        Raises
            TransportFailed: no whole reply came.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. Calling it twice does no harm."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where requests go. Only `shown` may be seen: what else is in here can hold a key.

    `shown` is the base URL without user name, password and query; `url` and `headers` are what is really sent;
    `secrets` are the spellings under which a key could come back.
    """

    shown: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, base_url: str | None, api_key: str | None, *, allow_plain_http: bool = False) -> Endpoint:
        """Resolve an endpoint as users of the `openai` package expect it: arguments first, then its variables.

        Raises
            RespondentError: the URL is none, would carry a key in the clear, or there is no key for it.
        """
        import openai  # late: half a second that nobody pays who asks no endpoint

        named = base_url or os.environ.get(URL_VARIABLE) or None
        if named is not None:
            _checked_url(named, allow_plain_http)
        key = _checked_key(api_key if api_key is not None else os.environ.get(KEY_VARIABLE, ""))
        try:
            with openai.OpenAI(base_url=named, api_key=key or NO_KEY) as client:
                url = _checked_url(str(client.base_url), allow_plain_http)
                offered = {**client.default_headers, **client.auth_headers}
        except openai.OpenAIError as error:
            raise RespondentError(f"the endpoint's settings are refused: {error}") from None
        if not key and url.username is None and not _is_loopback(url.hostname or ""):
            raise RespondentError(
                f"no key for {_shown(url)}: {KEY_VARIABLE} is not set; set it, or name an endpoint on this computer"
            )
        # Members that the package leaves out are placeholders, not text; its X-Stainless members describe a
        # transport that is not used here.
        headers = {
            name: value
            for name, value in offered.items()
            if isinstance(value, str) and not name.lower().startswith("x-stainless")
        }
        headers["User-Agent"] = f"psychometrics/{__version__}"
        secrets = [key, *(value for name, value in parse_qsl(url.query) if _names_a_key(name))]
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            secrets += [url.username, unquote(url.username), headers["Authorization"].removeprefix("Basic ")]
            secrets += [url.password or "", unquote(url.password or "")]
        post_to = url._replace(netloc=url.netloc.rpartition("@")[2], path=f"{url.path.rstrip('/')}/chat/completions")
        return cls(_shown(url), urlunsplit(post_to), headers, _spellings(secrets))

    def redacted(self, body: bytes) -> bytes:
        """What came from the endpoint, without any key that it holds."""
        for secret in self.secrets:
            spelling = secret.encode()
            if spelling in body:
                body = body.replace(spelling, REMOVED.encode())
        return body

    def cleaned(self, text: str) -> str:
        """Text from the endpoint that can stand in a sentence: one line, no control characters, no key."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        for secret in self.secrets:
            printable = printable.replace(secret, REMOVED)
        return " ".join(printable.split())


def _shown(url: SplitResult) -> str:
    netloc, path = (part.rpartition("@")[2] for part in (url.netloc, url.path))  # without scheme all of it is path
    return urlunsplit((url.scheme, netloc, path.rstrip("/"), "", ""))


def _names_a_key(member: str) -> bool:
    """Whether a member of a URL's query is a key rather than, say, a version of the interface."""
    return any(word in member.lower() for word in ("key", "token", "secret", "sig", "password", "code"))


def _checked_url(text: str, allow_plain_http: bool) -> SplitResult:
    try:
        url = urlsplit(text.strip())
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise RespondentError("base_url is no URL, expected e.g. https://api.example.org/v1") from None
    if url.scheme not in ("http", "https") or not host:
        raise RespondentError(
            f'base_url is "{_shown(url)}", expected http:// or https:// and a host, e.g. https://api.example.org/v1'
        )
    if url.scheme == "http" and not allow_plain_http and not _is_loopback(host):
        raise RespondentError(
            f"base_url is {_shown(url)}: plain http would send the key and every answer readable by others; "
            "use https, or say allow_plain_http=True where the network between is trusted"
        )
    return url


def _checked_key(key: str) -> str:
    key = key.strip()  # a key read from a file ends in a line break
    if not (key.isascii() and key.isprintable()):
        raise RespondentError("the key holds characters that no HTTP header can carry, expected printable ASCII")
    return key


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _spellings(secrets: list[str]) -> tuple[str, ...]:
    """Each secret as it is and as JSON may spell it, the longest first, so that no part of one is left over."""
    worth = {s for s in secrets if len(s) >= SHORTEST_SECRET and s.lower() not in PLACEHOLDERS}
    escaped = {s.replace("\\", "\\\\").replace('"', '\\"') for s in worth}
    return tuple(sorted(worth | escaped | {s.replace("/", "\\/") for s in escaped}, key=lambda s: (-len(s), s)))


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this URL; nothing on this computer is reached through one."""
    split = urlsplit(url)
    host = split.hostname or ""
    if _is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(split.scheme) or proxies.get("all")


class HttpTransport:
    """POST over keep-alive connections of one aiohttp session. Built for a thousand requests a second on one core."""

    def __init__(self, endpoint: Endpoint, *, concurrency: int, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session; the headers are given to it once and not to every request."""
        if self._session is not None:
            return
        import aiohttp

        self._proxy = _proxy_for(self._endpoint.url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )

    async def post(self, body: bytes) -> HttpReply:
        """One POST. A redirect is returned as it is: following it would carry the key to another place.

        Raises
            TransportFailed: no connection, no reply in time, or one that broke off.
            RespondentError: called before `open`.
        """
        if self._session is None:
            raise RespondentError(f"{self._endpoint.shown}: asked before open() or after close(), expected in between")
        import aiohttp

        try:
            reply = await self._session.post(self._endpoint.url, data=body, allow_redirects=False, proxy=self._proxy)
            try:
                return HttpReply(reply.status, reply.headers, await _whole_body(reply))
            finally:
                reply.release()
        except TimeoutError:
            raise TransportFailed(f"no whole reply within {self._timeout_s:g} s") from None
        except aiohttp.ClientResponseError as error:  # its own text would show the URL with its query
            raise TransportFailed(self._endpoint.cleaned(f"no HTTP reply: {error.message}")) from None
        except aiohttp.ClientPayloadError:
            raise TransportFailed("the reply broke off") from None
        except (aiohttp.ClientError, OSError) as error:
            what = self._endpoint.cleaned(str(error)) or type(error).__name__
            raise TransportFailed(f"no connection: {what}") from None

    async def close(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _whole_body(reply: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await reply.content.readany():
        size += len(chunk)
        if size > LARGEST_REPLY:
            reply.close()
            raise TransportFailed(f"the reply is larger than {LARGEST_REPLY} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
