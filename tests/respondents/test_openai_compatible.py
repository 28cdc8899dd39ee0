"""An endpoint's every mood: what is answered, what is tried again, what is refused; and where a key never goes."""

from __future__ import annotations

import asyncio
import base64
import email.utils
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
import stamina
from endpoint import REFUSAL, LocalEndpoint

from psychometrics.errors import (
    AccessRefused,
    EndpointError,
    EndpointUnavailable,
    PsychometricsError,
    RequestRefused,
    RespondentError,
)
from psychometrics.question import Address, Attempt, Completion, Question, Reply, request_seed
from psychometrics.respondents.base import Respondent
from psychometrics.respondents.openai_compatible import LONGEST_WAIT_S, OpenAIRespondent, Sampling, _asked_wait_s
from psychometrics.respondents.transport import Endpoint, HttpReply, TransportFailed, _proxy_for

KEY = "sk-secret/7f3a9c"
PROMPT = [{"role": "user", "content": "I am talkative.\n1. Disagree\n2. Neutral\n3. Agree"}]
ADDRESS = Address("m", item="bfi-44:1#0")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(variable, raising=False)


def question_to(respondent: Respondent, n: int = 0, read_out: str = "text") -> Question:
    address = Address(respondent.identity, respondent.sampling, item=f"x:{n}#0")
    messages = [{"role": "user", "content": f"Statement {n}\n{PROMPT[0]['content']}"}]
    return Question(address, respondent.request(messages, read_out, 16, address))


def answers(respondent: Respondent, count: int = 1, read_out: str = "text") -> list[Reply | PsychometricsError]:
    """Ask so many questions at once; an error stands in the place of its answer."""

    async def one(n: int) -> Reply | PsychometricsError:
        try:
            return await respondent.respond(question_to(respondent, n, read_out))
        except PsychometricsError as error:
            return error

    async def all_of_them() -> list[Reply | PsychometricsError]:
        await respondent.open()
        try:
            return await asyncio.gather(*(one(n) for n in range(count)))
        finally:
            await respondent.close()
            await respondent.close()

    return asyncio.run(all_of_them())


def answer(respondent: Respondent, read_out: str = "text") -> Reply:
    (reply,) = answers(respondent, 1, read_out)
    if isinstance(reply, PsychometricsError):
        raise reply
    return reply


def asking(endpoint: LocalEndpoint, **settings: Any) -> OpenAIRespondent:
    return OpenAIRespondent("m", **{"base_url": endpoint.base_url, "retry_wait_s": 0.001, **settings})


class ScriptedTransport:
    """A network that gives what it is told to, one thing after another."""

    def __init__(self, replies: Sequence[HttpReply | TransportFailed]) -> None:
        self.replies = list(replies)

    async def open(self) -> None: ...

    async def post(self, body: bytes) -> HttpReply:
        reply = self.replies.pop(0)
        if isinstance(reply, TransportFailed):
            raise reply
        return reply

    async def close(self) -> None: ...


def told(status: int, content: object, **settings: Any) -> OpenAIRespondent:
    """A respondent whose endpoint says the same whatever it is asked."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    settings = {"base_url": "http://localhost/v1", "retry_wait_s": 0.0, **settings}
    return OpenAIRespondent("m", transport=ScriptedTransport([HttpReply(status, {}, body)] * 9), **settings)


def test_the_reply_is_kept_verbatim_and_the_request_is_what_was_sent() -> None:
    with LocalEndpoint() as endpoint:
        respondent = asking(endpoint, temperature=0)
        reply = answer(respondent)
        question = question_to(respondent)
        sent = endpoint.bodies[0]
        assert sent == question.request.body
        assert reply.body == orjson.dumps(endpoint.completion(orjson.loads(sent), sent)).decode()
        assert reply.endpoint == endpoint.base_url
        assert reply.attempts == ()
        assert reply.latency_s > 0
        assert isinstance(respondent, Respondent)


def test_log_probabilities_are_asked_for_and_arrive() -> None:
    with LocalEndpoint() as endpoint:
        completion = Completion.of(answer(asking(endpoint), "logprobs").body)
        assert orjson.loads(endpoint.bodies[0])["top_logprobs"] == 20
    assert completion.top_logprobs is not None
    assert {label for label, _ in completion.top_logprobs} == {"1", "2", "3"}


def test_what_is_unset_is_not_sent() -> None:
    respondent = OpenAIRespondent("m", base_url="http://localhost/v1")
    assert respondent.sampling == ""
    assert orjson.loads(respondent.request(PROMPT, "text", 16, ADDRESS).body) == {
        "model": "m",
        "messages": PROMPT,
        "max_tokens": 16,
    }


def test_sampling_is_canonical_and_so_is_the_body() -> None:
    one = Sampling(0, 1, True, {"b": {"y": 1, "x": None}, "a": False})
    other = Sampling(0.0, 1.0, True, {"a": False, "b": {"x": None, "y": 1}})
    assert one.address == other.address == 'a:false,b:{"x":null,"y":1},seed:address,temperature:0,top_p:1'
    assert one.request("m", PROMPT, "text", 16, ADDRESS) == other.request("m", PROMPT, "text", 16, ADDRESS)
    assert orjson.loads(one.request("m", PROMPT, "text", 16, ADDRESS).body)["seed"] == request_seed(ADDRESS)


def test_a_member_can_be_left_out_of_the_body() -> None:
    sampling = Sampling(extra_body={"max_tokens": None, "max_completion_tokens": 16})
    body = orjson.loads(sampling.request("m", PROMPT, "text", 16, ADDRESS).body)
    assert body == {"model": "m", "messages": PROMPT, "max_completion_tokens": 16}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sampling(temperature=float("nan")),
        lambda: Sampling(temperature=-1),
        lambda: Sampling(top_p=1.5),
        lambda: Sampling(extra_body={"messages": []}),
        lambda: Sampling(temperature=1, extra_body={"temperature": 2}),
        lambda: Sampling(extra_body={"x": object()}),
        lambda: OpenAIRespondent(" ", base_url="http://localhost/v1"),
        lambda: OpenAIRespondent("m", base_url="http://localhost/v1", concurrency=0),
        lambda: OpenAIRespondent("m", base_url="localhost:8000/v1"),
        lambda: OpenAIRespondent("m", base_url="http://[::1/v1"),
        lambda: OpenAIRespondent("m", base_url="https://api.example.org/v1", api_key="two\nlines"),
    ],
)
def test_settings_that_cannot_be_sent_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(RespondentError):
        make()


@pytest.mark.parametrize(
    "fault", ["429", "429-now", "429-date", "500", "reset", "truncated", "malformed", "no-choices"]
)
def test_a_transport_failure_is_tried_again_and_stays_on_record(fault: str) -> None:
    with LocalEndpoint(faults={fault: 1.0}) as endpoint:
        reply = answer(asking(endpoint))
        assert len(reply.attempts) == 1
        assert reply.attempts[0].outcome
        assert endpoint.served == 1


def test_a_reply_that_takes_too_long_is_tried_again() -> None:
    with LocalEndpoint(faults={"hang": 1.0}) as endpoint:
        (attempt,) = answer(asking(endpoint, timeout_s=0.3)).attempts
        assert attempt.outcome == "no whole reply within 0.3 s"
        assert 0.2 < attempt.latency_s < 5


def test_faults_change_no_answer() -> None:
    faults = {"429-now": 0.1, "500": 0.1, "reset": 0.1, "truncated": 0.1, "malformed": 0.1}
    with LocalEndpoint() as calm, LocalEndpoint(faults=faults) as stormy:
        expected = answers(asking(calm), 60)
        found = answers(asking(stormy), 60)
    bodies = [[reply.body for reply in replies if isinstance(reply, Reply)] for replies in (expected, found)]
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == 60
    assert 10 < sum(len(reply.attempts) for reply in found if isinstance(reply, Reply)) < 50


def test_when_the_retries_are_used_up_every_try_is_on_record() -> None:
    with LocalEndpoint(always=503) as endpoint, pytest.raises(EndpointUnavailable, match="after 3 tries") as caught:
        answer(asking(endpoint, retries=2))
    assert len(caught.value.attempts) == 3
    assert all(isinstance(attempt, Attempt) for attempt in caught.value.attempts)
    assert 'status 503, it said "refused by the test"' in str(caught.value)


def test_nobody_there() -> None:
    with LocalEndpoint() as endpoint:
        pass
    with pytest.raises(EndpointUnavailable, match="after 1 try; the last: no connection"):
        answer(asking(endpoint, retries=0))


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (301, AccessRefused),
        (400, RequestRefused),
        (401, AccessRefused),
        (403, AccessRefused),
        (404, AccessRefused),
        (413, RequestRefused),
        (422, RequestRefused),
        (418, RequestRefused),
        (408, EndpointUnavailable),
        (409, EndpointUnavailable),
        (429, EndpointUnavailable),
        (500, EndpointUnavailable),
    ],
)
def test_what_a_status_means(status: int, family: type[EndpointError]) -> None:
    with pytest.raises(family) as caught:
        answer(told(status, {"error": {"message": "said so"}}, retries=1))
    assert type(caught.value) is family
    assert f'status {status}, it said "said so"' in str(caught.value)
    assert "http://localhost/v1" in str(caught.value)
    assert len(caught.value.attempts) == (2 if family is EndpointUnavailable else 1)


def test_an_empty_account_is_not_waited_for() -> None:
    with pytest.raises(AccessRefused, match="credit"):
        answer(told(429, {"error": {"message": "quota", "code": "insufficient_quota"}}))


def test_a_provider_s_filter_is_an_outcome_and_no_error() -> None:
    completion = answer(told(400, {"error": {"message": "filtered", "code": "content_filter"}}))
    assert Completion.of(completion.body).finish_reason == "content_filter"
    assert Completion.of(completion.body).text == ""
    assert orjson.loads(completion.body)["error"]["message"] == "filtered"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff", b'{"choices": 1}', b'{"choices": [1]}', b"{" * 5000])
def test_what_is_no_completion_is_no_answer(body: bytes) -> None:
    with pytest.raises(EndpointUnavailable):
        answer(told(200, body, retries=0))


def test_what_an_endpoint_says_is_cut_and_cleaned() -> None:
    with pytest.raises(RequestRefused) as caught:
        answer(told(400, {"error": "\x1b[31mred\u202e\n" + "x" * 5000}))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("0", 0, 0), ("2.5", 2.5, 2.5), ("9999", LONGEST_WAIT_S, LONGEST_WAIT_S), ("-3", 0, 0), ("date", 8, 20)],
)
def test_retry_after(header: str, low: float, high: float) -> None:
    text = email.utils.formatdate(time.time() + 20, usegmt=True) if header == "date" else header
    wait_s = _asked_wait_s({"Retry-After": text})
    assert wait_s is not None
    assert low <= wait_s <= high


@pytest.mark.parametrize("header", ["", "soon", "nan"])
def test_a_retry_after_that_says_nothing(header: str) -> None:
    assert _asked_wait_s({"Retry-After": header}) is None


def test_the_wait_that_is_asked_for_is_kept() -> None:
    waits: list[float] = []
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    network = ScriptedTransport([HttpReply(429, {"Retry-After": "0.25"}, b"")] * 3)
    respondent = OpenAIRespondent("m", base_url="http://localhost/v1", transport=network, retries=2)
    try:
        with pytest.raises(EndpointUnavailable):
            answer(respondent)
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert waits == [0.25, 0.25]


def test_stamina_s_test_mode_works_here_too() -> None:
    with stamina.set_testing(True, attempts=2), pytest.raises(EndpointUnavailable, match="after 2 tries"):
        answer(told(500, {}, retry_wait_s=99, retries=9))


def test_the_key_is_sent_and_never_seen_again(caplog: pytest.LogCaptureFixture) -> None:
    def echo(request: dict[str, Any]) -> str:
        return f"You sent {KEY}, or {KEY.encode()!r}"

    with LocalEndpoint(reply=echo) as endpoint:
        respondent = asking(endpoint, api_key=KEY + "\n")
        reply = answer(respondent)
        assert endpoint.seen_headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in reply.body
    assert "[key removed]" in Completion.of(reply.body).text
    assert KEY not in repr(respondent) + repr(respondent.describe()) + str(respondent.request([], "text", 1, ADDRESS))
    for status, content in ((401, {"error": f"bad {KEY}"}), (500, KEY.encode()), (200, f"<{KEY}>".encode())):
        with pytest.raises(EndpointError) as caught:
            answer(told(status, content, api_key=KEY))
        seen = repr(caught.value) + repr(caught.value.attempts)
        assert KEY not in seen
        assert "[key removed]" in seen
    escaped = KEY.replace("/", "\\/").encode()
    body = b'{"choices":[{"message":{"content":"' + escaped + b'"}}]}'
    assert Completion.of(answer(told(200, body, api_key=KEY)).body).text == "[key removed]"
    assert KEY not in caplog.text


def test_a_placeholder_for_a_key_is_left_in_answers() -> None:
    body = orjson.dumps({"choices": [{"message": {"content": "none of these"}}]})
    assert answer(told(200, body)).body == body.decode()


def test_a_key_in_a_setting_that_is_stored_is_refused() -> None:
    with pytest.raises(RespondentError) as caught:
        OpenAIRespondent("m", base_url="https://x.org/v1", api_key=KEY, extra_body={"token": KEY})
    assert KEY not in str(caught.value)


def test_a_url_s_user_and_query_are_sent_and_not_shown() -> None:
    endpoint = Endpoint.of("https://user:pass%40word@x.org/v1/?api-key=topsecret&api-version=2024-10-21", None)
    assert endpoint.shown == "https://x.org/v1"
    assert endpoint.url == "https://x.org/v1/chat/completions?api-key=topsecret&api-version=2024-10-21"
    assert endpoint.headers["Authorization"] == "Basic " + base64.b64encode(b"user:pass@word").decode()
    assert endpoint.redacted(b"topsecret pass@word 2024-10-21") == b"[key removed] [key removed] 2024-10-21"
    assert "topsecret" not in repr(endpoint)


def test_the_environment_is_read_as_users_of_openai_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RespondentError, match="OPENAI_API_KEY is not set"):
        OpenAIRespondent("m")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    assert OpenAIRespondent("m").describe()["endpoint"] == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example.org/v1/")
    endpoint = Endpoint.of(None, None)
    assert endpoint.url == "https://gateway.example.org/v1/chat/completions"
    assert endpoint.headers["Authorization"] == f"Bearer {KEY}"
    assert endpoint.headers["OpenAI-Organization"] == "org-1"
    assert all(isinstance(value, str) for value in endpoint.headers.values())


def test_plain_http_leaves_this_computer_only_when_allowed() -> None:
    for host in ("example.org", "localhost.example.org", "10.0.0.1", "0.0.0.0"):
        with pytest.raises(RespondentError, match="plain http"):
            OpenAIRespondent("m", base_url=f"http://{host}/v1", api_key=KEY)
        OpenAIRespondent("m", base_url=f"http://{host}/v1", api_key=KEY, allow_plain_http=True)
    for host in ("localhost:1", "127.0.0.1:1", "[::1]:1"):
        OpenAIRespondent("m", base_url=f"http://{host}/v1")


def test_a_proxy_is_used_for_other_computers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "inside.example.org")
    assert _proxy_for("https://api.example.org/v1") == "http://proxy.example.org:3128"
    assert _proxy_for("https://inside.example.org/v1") is None
    assert _proxy_for("http://127.0.0.1:8000/v1") is None


def test_a_test_can_act_after_exactly_so_many_replies() -> None:
    replies: list[int] = []
    with LocalEndpoint(after_reply=replies.append, refusals=0.5, labels="AB") as endpoint:
        found = answers(asking(endpoint), 40)
    assert replies == list(range(1, 41))
    texts = [Completion.of(reply.body).text for reply in found if isinstance(reply, Reply)]
    assert set(texts) == {"A", "B", REFUSAL}


def test_one_respondent_serves_one_loop_after_another() -> None:
    with LocalEndpoint() as endpoint:
        respondent = asking(endpoint)
        assert answer(respondent).body == answer(respondent).body
        assert endpoint.served == 2
        assert set(endpoint.received.values()) == {2}
        with pytest.raises(RespondentError, match="after close"):
            asyncio.run(respondent.respond(question_to(respondent)))


def test_neither_openai_nor_aiohttp_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys, psychometrics.respondents.openai_compatible;"
        "print({'openai', 'aiohttp', 'stamina', 'xllamacpp', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
