"""The command line: verbs, exit codes, one sentence for everything that is wrong, and no key anywhere."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from endpoint import LocalEndpoint

from psychometrics.cli import main
from psychometrics.store import open_store
from psychometrics.version import __version__

AUDIT = """
seed = 5
[[respondents]]
kind = "endpoint"
model = "m"
retries = 1
retry_wait_s = 0.01
[[instruments]]
name = "mini-ipip"
"""
SIMULATED = """
seed = 5
[[respondents]]
kind = "simulated"
name = "sim"
noise = 0.2
traits = { extraversion = 1.5, agreeableness = -1, conscientiousness = 0.5, neuroticism = -0.5, intellect = 1 }
[[instruments]]
name = "mini-ipip"
interviews = [["1", "6", "11"]]
"""
KEY = "sk-very-secret-0123456789"


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "psychometrics", *arguments],
        cwd=folder,
        env={**kept, **more},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audit.toml").write_text(AUDIT, encoding="utf-8")
    (tmp_path / "sim.toml").write_text(SIMULATED, encoding="utf-8")
    return tmp_path


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_an_audit_asks_reports_and_exports(folder: Path) -> None:
    done = run(folder, "audit", "sim.toml")
    assert done.returncode == 0, done.stderr
    assert "reports/sim.html" in done.stdout
    assert re.search(r"sim: 40 of 40: 40 answered", done.stderr)
    page = (folder / "reports" / "sim.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    scores = list(csv.DictReader(io.StringIO(run(folder, "export", "--store", "reports/sim.sqlite", "scores").stdout)))
    assert len(scores) == 2 * 5
    assert {row["scale"] for row in scores} == {
        "extraversion",
        "agreeableness",
        "conscientiousness",
        "neuroticism",
        "intellect",
    }
    said = run(folder, "export", "--store", "reports/sim.sqlite", "responses", "--format", "jsonl").stdout
    assert len(said.splitlines()) == 43
    assert all(json.loads(line)["outcome"] == "answered" for line in said.splitlines())
    status = run(folder, "status", "--store", "reports/sim.sqlite")
    assert "40 of 40" in status.stdout
    assert "43 responses" in status.stdout
    again = run(folder, "audit", "sim.toml", "--report", "again.html")
    assert again.returncode == 0
    assert (folder / "again.html").read_text(encoding="utf-8") == page


def test_plan_counts_and_shows_without_asking(folder: Path) -> None:
    done = run(folder, "plan", "audit.toml", "--show", "1", OPENAI_BASE_URL=f"http://127.0.0.1:{closed_port()}/v1")
    assert done.returncode == 0, done.stderr
    assert "mini-ipip: 40 presentations" in done.stdout
    assert "1 respondent, up to 40 questions in all" in done.stdout
    assert "[user]\nHere is a statement" in done.stdout


def test_instruments_are_listed_shown_and_checked(folder: Path) -> None:
    assert re.search(r"bfi-44 +44 items, 5 scales", run(folder, "instruments").stdout)
    shown = run(folder, "instruments", "show", "bfi-44").stdout
    assert "Is depressed, blue  [Neuroticism]" in shown
    assert "rights, holder: Oliver P. John" in shown
    (folder / "bad.toml").write_text('id = "x"', encoding="utf-8")
    done = run(folder, "instruments", "check", "bad.toml", "bfi-44", "absent.toml")
    assert done.returncode == 1
    assert "good     bfi-44: 44 items on 5 scales" in done.stdout
    assert "bad.toml: source is missing" in done.stderr
    assert "absent.toml: there is no such file" in done.stderr


def test_version_and_usage(folder: Path) -> None:
    assert run(folder, "--version").stdout == f"psychometrics {__version__}\n"
    assert run(folder).returncode == 2
    assert run(folder, "audit").returncode == 2
    assert run(folder, "frobnicate").returncode == 2
    wrong = run(folder, "audit", "sim.toml", "--concurrency", "none")
    assert wrong.returncode == 2
    assert "found 'none', expected a whole number from 1" in wrong.stderr
    assert "examples:" in run(folder, "--help").stdout


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one sentence on standard error, after lines of progress."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith("psychometrics: ")
    return sentence


def test_a_wrong_key_is_one_sentence_and_is_found_nowhere(folder: Path) -> None:
    with LocalEndpoint(always=401, error=f"Incorrect API key provided: {KEY}") as endpoint:
        done = run(folder, "audit", "audit.toml", OPENAI_BASE_URL=endpoint.base_url, OPENAI_API_KEY=KEY)
        sentence = refused(done)
    assert "401" in sentence
    assert "check the key (OPENAI_API_KEY)" in sentence
    assert "Incorrect API key provided" in sentence
    assert KEY not in done.stderr + done.stdout
    assert not key_found(folder)


def key_found(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_key_that_an_endpoint_says_back_reaches_neither_store_nor_report(folder: Path) -> None:
    def says_it_back(_: Mapping[str, object]) -> str:
        return f"4 {KEY}"

    with LocalEndpoint(reply=says_it_back) as endpoint:
        done = run(folder, "audit", "audit.toml", OPENAI_BASE_URL=endpoint.base_url, OPENAI_API_KEY=KEY)
        assert endpoint.seen_headers["Authorization"] == f"Bearer {KEY}"
    assert done.returncode == 0, done.stderr
    exported = run(folder, "export", "--store", "reports/audit.sqlite", "responses")
    assert "[key removed]" in exported.stdout
    assert KEY not in done.stderr + done.stdout + exported.stdout
    assert not key_found(folder)


def test_nobody_there_is_one_sentence(folder: Path) -> None:
    port = closed_port()
    sentence = refused(run(folder, "audit", "audit.toml", OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1"))
    assert f"127.0.0.1:{port}" in sentence


def test_some_unanswered_questions_end_with_3_and_a_report(folder: Path) -> None:
    with LocalEndpoint(always=400, error="no such parameter") as endpoint:
        sentence = refused(run(folder, "audit", "audit.toml", OPENAI_BASE_URL=endpoint.base_url), code=3)
    assert "no such parameter" in sentence


def not_a_store(folder: Path) -> None:
    (folder / "s.sqlite").write_text("something else entirely", encoding="utf-8")


def foreign_store(folder: Path) -> None:
    connection = sqlite3.connect(folder / "s.sqlite")
    connection.execute("CREATE TABLE t (x)")
    connection.close()


def read_only_store(folder: Path) -> None:
    open_store(folder / "s.sqlite").close()
    (folder / "s.sqlite").chmod(0o444)


def no_store(folder: Path) -> None:
    (folder / "s.sqlite").mkdir()


def malformed_audit(folder: Path) -> None:
    (folder / "sim.toml").write_text(SIMULATED.replace("mini-ipip", "mini"), encoding="utf-8")


def cut_audit(folder: Path) -> None:
    (folder / "sim.toml").write_text(SIMULATED[:-3], encoding="utf-8")


def malformed_instrument(folder: Path) -> None:
    (folder / "own.toml").write_text('id = "own"\nitems = 3\n', encoding="utf-8")
    (folder / "sim.toml").write_text(SIMULATED.replace('name = "mini-ipip"', 'file = "own.toml"'), encoding="utf-8")


def no_audit(folder: Path) -> None:
    (folder / "sim.toml").unlink()


def over_budget(folder: Path) -> None:
    (folder / "sim.toml").write_text(SIMULATED + "\n[budget]\nquestions = 3\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (not_a_store, "s.sqlite: is no store of this program"),
        (foreign_store, "s.sqlite: is no store of this program"),
        (read_only_store, "s.sqlite: is marked read-only"),
        (no_store, "s.sqlite: cannot be read"),
        (malformed_audit, 'sim.toml: instrument number 1: instrument is "mini", expected one of'),
        (cut_audit, "sim.toml: not valid TOML"),
        (malformed_instrument, "own.toml: source is missing"),
        (no_audit, "sim.toml: there is no such file"),
        (over_budget, "expected at most the budget of 3; nothing was asked"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(break_it: object, sentence: str, folder: Path) -> None:
    assert callable(break_it)
    break_it(folder)
    assert sentence in refused(run(folder, "audit", "sim.toml", "--store", "s.sqlite"))


def test_reading_verbs_need_a_store(folder: Path) -> None:
    for verb in (("status",), ("report",), ("export", "scores")):
        assert "there is no such store" in refused(run(folder, *verb, "--store", "absent.sqlite"))
    assert not (folder / "absent.sqlite").exists()


def test_a_report_that_cannot_be_written_is_a_sentence(folder: Path) -> None:
    (folder / "file").write_text("x", encoding="utf-8")
    assert "file" in refused(run(folder, "audit", "sim.toml", "--report", "file/page.html"))
    # and what was asked is stored all the same
    assert "40 of 40" in run(folder, "status", "--store", "reports/sim.sqlite").stdout


def test_what_an_endpoint_says_does_not_steer_the_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalEndpoint(always=403, error="\x1b[2J\x1b]0;owned\x07 go away") as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.chdir(folder)
        assert main(["audit", "audit.toml"]) == 1
    said = capsys.readouterr().err
    assert "go away" in said
    assert "\x1b" not in said
