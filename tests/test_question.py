"""Addresses, requests and completions: canonical, golden, and read without guessing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychometrics.errors import PsychometricsError
from psychometrics.library import load_instrument
from psychometrics.plan import Presentation, make_plan
from psychometrics.question import Address, Completion, Question, Request, address_of, first_difference, request_seed


def test_golden_addresses_of_recipe_1_stand() -> None:
    """An address that ever was stored must be found again: these lines are never edited, only added to."""
    bfi = load_instrument("bfi-44")
    plan = make_plan(bfi, read_outs="logprobs", option_orders="published")
    address = address_of(Presentation(bfi, bfi.by_id["3"], plan.forms[0]), "m#b179", "temperature:0")
    assert str(address) == (
        "1|respondent=m#b179|sampling=temperature:0|item=bfi-44:3#58bcb36a0e83|template=plain#990559e38af3"
        "|options=1,2,3,4,5|labels=digits/place|read_out=logprobs"
    )
    second = Presentation(bfi, bfi.by_id["3"], plan.forms[0], occasion=2)
    assert str(address_of(second, "m#b179", "temperature:0")) == f"{address}|occasion=2"
    turn = address.within(session="interview#0a", turn=2, try_=2)
    assert str(turn) == f"{address}|session=interview#0a|turn=2|try=2"


def test_more_golden_addresses_of_recipe_1_stand() -> None:
    mini = load_instrument("mini-ipip")
    plan = make_plan(
        mini,
        templates="first-person",
        option_orders="reversed",
        labels=("letters", "none"),
        bindings=("value-descending",),
        max_tokens=64,
    )
    lettered, bare = (Presentation(mini, mini.by_id["20"], form) for form in plan.forms)
    assert str(address_of(lettered, "sim|1", persona="loud")) == (
        "1|respondent=sim%7C1|persona=loud|item=mini-ipip:20#5b6354c70f00|template=first-person#942b1a9d636c|options=5,4,3,2,1"
        "|labels=letters/value-descending|read_out=text/64"
    )
    assert str(address_of(bare, "m")) == (
        "1|respondent=m|item=mini-ipip:20#5b6354c70f00|template=first-person#942b1a9d636c|options=5,4,3,2,1|labels=none"
        "|read_out=text/64"
    )


texts = st.text(max_size=20)


@given(texts.filter(bool), texts, texts, st.integers(1, 9), texts, st.integers(0, 9), st.integers(1, 3))
def test_an_address_is_read_back_as_it_was(
    respondent: str, sampling: str, item: str, occasion: int, session: str, turn: int, try_: int
) -> None:
    address = Address(respondent, sampling, item=item, occasion=occasion, session=session, turn=turn, try_=try_)
    text = str(address)
    assert Address.parse(text) == address
    assert text.isascii()
    assert text.isprintable()


@given(st.lists(texts, min_size=2, max_size=2, unique=True))
def test_different_facts_give_different_addresses(pair: list[str]) -> None:
    one, other = (str(Address("m", item=text)) for text in pair)
    assert one != other


def test_an_unknown_recipe_or_field_is_refused() -> None:
    with pytest.raises(PsychometricsError, match='recipe is "2"'):
        Address.parse("2|respondent=m")
    with pytest.raises(PsychometricsError, match='field "colour"'):
        Address.parse("1|respondent=m|colour=red")


def test_the_question_alone_is_the_same_whoever_is_asked() -> None:
    request = Request.of([], {"model": "m"})
    one = Question(Address("m|x", "temperature:0", item="x:1#0"), request)
    other = Question(Address("n", "", "loud", item="x:1#0"), request)
    assert one.alone == other.alone == "1|item=x:1#0"


def test_occasions_have_seeds_of_their_own() -> None:
    assert request_seed(Address("m", item="a", occasion=1)) != request_seed(Address("m", item="a", occasion=2))
    assert 0 <= request_seed(Address("m")) < 2**31


def test_a_request_is_put_together_byte_for_byte() -> None:
    messages = [{"role": "user", "content": 'say "messages":null, please'}]
    request = Request.of(messages, {"model": "m", "temperature": 0, "max_tokens": 1})
    assert json.loads(request.body) == {"model": "m", "messages": messages, "temperature": 0, "max_tokens": 1}
    assert Request(request.settings, request.messages).digest == request.digest


def test_a_hostile_model_name_cannot_stand_in_for_the_messages() -> None:
    messages = [{"role": "user", "content": "hello"}]
    request = Request.of(messages, {"model": 'x","messages":null,"y":"', "stop": '"messages":null'})
    assert json.loads(request.body)["messages"] == messages


def test_the_first_difference_is_named() -> None:
    one = Request.of([{"role": "user", "content": "a"}], {"model": "m", "max_tokens": 1})
    other = Request.of([{"role": "user", "content": "b"}], {"model": "m", "max_tokens": 1})
    assert first_difference(one, other) == 'messages.0.content was "a", is now "b"'
    longer = Request.of([{"role": "user", "content": "a"}], {"model": "m", "max_tokens": 1, "seed": 3})
    assert first_difference(one, longer) == "seed is new"


def test_a_completion_is_read_without_guessing() -> None:
    body = {
        "model": "m-2026",
        "system_fingerprint": "fp",
        "choices": [
            {
                "finish_reason": "length",
                "message": {"content": "4"},
                "logprobs": {"content": [{"token": "4", "top_logprobs": [{"token": "4", "logprob": -0.5}, {"x": 1}]}]},
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": True},
    }
    completion = Completion.of(json.dumps(body))
    assert completion.text == "4"
    assert completion.top_logprobs == (("4", -0.5),)
    assert (completion.prompt_tokens, completion.completion_tokens) == (9, 0)
    parts = [{"type": "text", "text": "4"}, {"type": "image"}, {"type": "text", "text": "!"}, 5]
    assert Completion.of(json.dumps({"choices": [{"message": {"content": parts}}]})).text == "4!"
    assert Completion.of('{"choices": [{}]}') == Completion("", "")
    for broken in ("{}", "[]", '{"choices": []}', '{"choices": [1]}', "nonsense"):
        with pytest.raises(ValueError):
            Completion.of(broken)
