"""The page is a pure function of the store: any folder, time zone, locale and hash seed gives the same one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import psychometrics as pm


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "s.sqlite"
    bfi = pm.load_instrument("bfi-44")
    plan = pm.make_plan(bfi, templates=("plain", "first-person"), seed=1, interviews=[["1", "6", "11"]])
    with pm.open_store(path) as made:
        for k in range(2):
            model = pm.SimulatedRespondent({"extraversion": k}, name=f"sim-{k}", noise=0.5, refusals=0.1)
            pm.administer(plan, model, made)
    return path


def page_of(store: Path, folder: Path, **environment: str) -> bytes:
    """The page written by a process of its own that has no way to the network."""
    program = (
        "import socket, sys\n"
        "def refused(*a, **k): raise OSError('offline')\n"
        "socket.socket.connect = refused\n"
        "from psychometrics.cli import main\n"
        "sys.exit(main(['report', '--store', sys.argv[1], '--report', 'page.html']))\n"
    )
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-c", program, str(store)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        check=True,
        capture_output=True,
    )
    return (folder / "page.html").read_bytes()


def test_any_place_clock_and_locale_give_the_same_page(store: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "renamed.sqlite"
    moved.parent.mkdir()
    shutil.copy(store, moved)
    pages = {
        page_of(store, tmp_path / "a", TZ="UTC", LC_ALL="C", PYTHONHASHSEED="0"),
        page_of(moved, tmp_path / "b", TZ="Asia/Tokyo", LC_ALL="C.UTF-8", PYTHONHASHSEED="12345"),
        page_of(moved, tmp_path / "c", TZ="America/New_York", LANG="de_DE.UTF-8", PYTHONHASHSEED="777"),
    }
    assert len(pages) == 1


def test_changing_one_stored_reply_changes_the_page(store: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.sqlite"
    shutil.copy(store, changed)
    connection = sqlite3.connect(changed)
    address, body = connection.execute(
        "SELECT address, body FROM responses WHERE address LIKE '%item=bfi-44:3#%' AND address LIKE '%plain%'"
        " AND address LIKE '%options=1,2,3,4,5%' AND address NOT LIKE '%session%' AND body LIKE '%sim-1%' LIMIT 1"
    ).fetchone()
    said = json.loads(body)
    before = said["choices"][0]["message"]["content"]
    said["choices"][0]["message"]["content"] = "1" if before != "1" else "5"
    connection.execute("UPDATE responses SET body = ? WHERE address = ?", (json.dumps(said), address))
    connection.commit()
    connection.close()
    one = page_of(store, tmp_path / "one").decode()
    other = page_of(changed, tmp_path / "other").decode()
    estimates = [json.loads(page.partition('id="estimates">')[2].partition("</script>")[0]) for page in (one, other)]
    differing = {key for key in estimates[0] if estimates[0][key] != estimates[1][key]}
    assert "a2.respondent.item.3.form.f1" in differing
    assert "a2.respondent.scale.conscientiousness" in differing
    assert not [key for key in differing if not key.startswith("a2.")]


def test_an_analysis_is_had_as_data_frames_too(store: Path) -> None:
    with pm.open_store(store) as opened:
        analysis = pm.analyse(opened)
    scores, responses = analysis.to_pandas("scores"), analysis.to_pandas("responses")
    assert len(scores) == 2 * 4 * 5
    assert len(responses) == 2 * (4 * 44) + (responses["session"] != "").sum()
    assert set(responses["outcome"]) == {"answered", "refused"}
    assert responses.loc[responses["outcome"] == "refused", "score"].isna().all()
