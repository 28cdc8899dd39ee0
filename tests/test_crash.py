"""Killed at any moment, run again: everything is answered once, and the rows are those of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from endpoint import LocalEndpoint

from psychometrics.writer import GROUP_SIZE

AUDIT = """
title = "crash"
seed = 5
[[respondents]]
kind = "endpoint"
model = "m"
concurrency = 4
retry_wait_s = 0.01
[[instruments]]
name = "bfi-44"
templates = ["plain", "first-person"]
interviews = [["1", "6", "11"]]
"""
QUESTIONS = 4 * 44 + 3
IN_FLIGHT = 4


def environment(endpoint: LocalEndpoint, **more: str) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return {**kept, "OPENAI_BASE_URL": endpoint.base_url, **more}


def started(folder: Path, endpoint: LocalEndpoint, *arguments: str) -> subprocess.Popen[str]:
    (folder / "audit.toml").write_text(AUDIT, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "psychometrics", *(arguments or ("audit", "audit.toml", "--store", "s.sqlite"))],
        cwd=folder,
        env=environment(endpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def exported(folder: Path, what: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "psychometrics", "export", "--store", "s.sqlite", what],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with LocalEndpoint(labels="12345") as endpoint:
        process = started(folder, endpoint)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert endpoint.served == QUESTIONS
    return {what: exported(folder, what) for what in ("scores", "responses")}


class Killer:
    """Kills a process right after the k-th reply has been written."""

    def __init__(self) -> None:
        self.at: int | None = None
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, k: int) -> None:
        if self.at is not None and k >= self.at and self.process is not None:
            self.at = None
            self.process.send_signal(signal.SIGKILL)


def run_with_kills(folder: Path, at: list[int], latency_s: float = 0.0) -> tuple[int, int]:
    """Run the audit, killed after these replies, until it is done; how many replies were served, and how many kills."""
    killer, kills = Killer(), 0
    with LocalEndpoint(labels="12345", latency_s=latency_s, after_reply=killer) as endpoint:
        for k in [*at, None]:
            killer.process, killer.at = started(folder, endpoint), k
            _, said = killer.process.communicate(timeout=120)
            if k is None:
                assert killer.process.returncode == 0, said
            else:
                kills += killer.process.returncode == -signal.SIGKILL
        return endpoint.served, kills


def test_killed_after_the_kth_reply_for_twenty_k_spread_over_the_audit(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    at = [round(1 + k * (QUESTIONS - 2) / 19) for k in range(20)]
    served, kills = run_with_kills(tmp_path, at)
    assert kills >= 15  # a kill that comes after the last reply of a run is one that came too late to count
    assert served <= QUESTIONS + kills * (IN_FLIGHT + GROUP_SIZE)
    assert {what: exported(tmp_path, what) for what in undisturbed} == undisturbed


@pytest.mark.parametrize("k", [1, 60, 120, 178])
def test_killed_once_and_run_again(k: int, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    served, kills = run_with_kills(tmp_path, [k], latency_s=0.002)
    assert kills == 1
    assert QUESTIONS <= served <= QUESTIONS + IN_FLIGHT + GROUP_SIZE
    assert {what: exported(tmp_path, what) for what in undisturbed} == undisturbed


def test_killed_in_the_middle_of_the_three_turn_session(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    killer = Killer()
    turns_asked: list[int] = []

    with LocalEndpoint(labels="12345") as endpoint:
        plain_completion = endpoint.completion

        def completion(request: dict[str, object], body: bytes) -> Mapping[str, object]:
            messages = request["messages"]
            assert isinstance(messages, list)
            turn = 1 + len(messages) // 2
            if turn > 1:
                turns_asked.append(turn)
            if turn == 2 and killer.process is not None:
                killer.process.send_signal(signal.SIGKILL)
            return plain_completion(request, body)

        endpoint.completion = completion  # type: ignore[method-assign]
        killer.process = started(tmp_path, endpoint)
        killer.process.communicate(timeout=120)
        assert killer.process.returncode == -signal.SIGKILL
        killer.process = None
        process = started(tmp_path, endpoint)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert endpoint.served <= QUESTIONS + IN_FLIGHT + GROUP_SIZE
    assert turns_asked == [2, 2, 3]
    assert {what: exported(tmp_path, what) for what in undisturbed} == undisturbed


def test_ctrl_c_stops_asking_stores_what_came_and_exits_with_3(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    with LocalEndpoint(labels="12345", latency_s=0.02) as endpoint:
        process = started(tmp_path, endpoint)
        while endpoint.served < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 3, said
        assert "run the same command to go on" in said
        assert "Traceback" not in said
        asked = sum(endpoint.received.values())
        assert asked < QUESTIONS
        process = started(tmp_path, endpoint)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        # what was under way at Ctrl-C was waited for and stored: nothing at all was asked twice
        assert sum(endpoint.received.values()) == QUESTIONS
    assert {what: exported(tmp_path, what) for what in undisturbed} == undisturbed


def test_ctrl_c_twice_leaves_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    with LocalEndpoint(labels="12345", faults={"hang": 0.5}) as endpoint:
        process = started(tmp_path, endpoint)
        while endpoint.served < 1 or sum(endpoint.received.values()) < endpoint.served + IN_FLIGHT:
            time.sleep(0.01)
        served = endpoint.served
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "once more to leave at once" not in process.stderr.readline():
            pass
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 3
        assert "Traceback" not in said
    assert exported(tmp_path, "responses").count("\n") == served + 1


def test_status_can_be_asked_while_an_audit_runs(tmp_path: Path) -> None:
    with LocalEndpoint(labels="12345", latency_s=0.05) as endpoint:
        process = started(tmp_path, endpoint)
        while endpoint.served < 10:
            time.sleep(0.01)
        status = started(tmp_path, endpoint, "status", "--store", "s.sqlite")
        said, _ = status.communicate(timeout=60)
        assert status.returncode == 0
        assert f"is being written to by process {process.pid}" in said
        second = started(tmp_path, endpoint)
        _, refused = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"is being written to by process {process.pid}" in refused
        _, last = process.communicate(timeout=120)
        assert process.returncode == 0, last


def test_a_store_killed_while_it_is_made_is_no_obstacle(tmp_path: Path) -> None:
    program = (
        "import sys; from psychometrics.store import open_store\n"
        "print('go', flush=True)\n"
        "for k in range(10**6): open_store(f'{sys.argv[1]}/{k}.sqlite').close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        timer = threading.Timer(0.5, process.kill)
        timer.start()
        process.wait()
        timer.join()
    made = sorted(tmp_path.glob("*.sqlite"))
    assert made
    from psychometrics.store import open_store

    for path in made:
        with open_store(path) as store:
            assert store.counts()["responses"] == 0
