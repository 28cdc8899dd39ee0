"""The shipped instruments against published keys and digests of their wording; the loader against bad files."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from psychometrics.errors import InstrumentError
from psychometrics.instrument import Bounds, Instrument, Keying, keyed_value
from psychometrics.library import instrument_names, load_instrument

ORACLES = Path(__file__).parent / "oracles" / "instruments"


def stem_digest(stem: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"['’]", "", stem.lower())).strip()
    words = re.sub(r"^(i see myself as someone who|i) ", "", words)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", instrument_names())
def test_wording_and_key_are_as_published(name: str) -> None:
    published = json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))
    instrument = load_instrument(name)
    names = {scale.id: scale.name for scale in instrument.scales}
    found = [(int(i.id), names[i.scale], i.keying.value, stem_digest(i.stem)) for i in instrument.items]
    expected = [(i["number"], i["scale"], i["keying"], i["stem_digest"]) for i in published["items"]]
    assert found == expected
    assert {names[s.id]: len(instrument.items_of(s.id)) for s in instrument.scales} == published["scales"]


@pytest.mark.parametrize("name", instrument_names())
def test_a_record_gives_the_same_instrument_back(name: str) -> None:
    instrument = load_instrument(name)
    again = Instrument.from_record(json.loads(json.dumps(instrument.as_record())))
    assert again.digest == instrument.digest
    assert again.items == instrument.items


def test_correcting_a_source_orphans_no_answer() -> None:
    instrument = load_instrument("bfi-44")
    record = instrument.as_record()
    corrected = Instrument.from_record({**record, "source": {"citation": "another"}, "title": "Another title"})
    reworded = Instrument.from_record({**record, "instructions": "Other instructions."})
    item = instrument.items[0]
    assert corrected.content_digest(item) == instrument.content_digest(item)
    assert reworded.content_digest(item) != instrument.content_digest(item)


def test_a_statement_is_the_lead_in_and_the_stem() -> None:
    bfi, mini = load_instrument("bfi-44"), load_instrument("mini-ipip")
    assert bfi.statement(bfi.by_id["4"]) == "I see myself as someone who is depressed, blue."
    assert mini.statement(mini.by_id["1"]) == "I am the life of the party."


@pytest.mark.parametrize("bounds", [Bounds(1, 5), Bounds(0, 4), Bounds(-3, 3)])
def test_reversing_twice_is_nothing(bounds: Bounds) -> None:
    for value in (bounds.low, bounds.middle, bounds.high):
        once = keyed_value(value, Keying.REVERSE, bounds)
        assert keyed_value(once, Keying.REVERSE, bounds) == value
    assert keyed_value(bounds.low, Keying.REVERSE, bounds) == bounds.high


GOOD = """
id = "tiny"
title = "Tiny"
version = "1"
language = "en"
instructions = "Answer."
lead_in = "I"
options = [
  { id = "0", value = 0, text = "No" },
  { id = "1", value = 1, text = "Yes" },
]
scales = [{ id = "calm", name = "Calm" }]
items = [
  { id = "1", scale = "calm", keying = "forward", stem = "Am calm." },
  { id = "2", scale = "calm", keying = "reverse", stem = "Am tense." },
]
[source]
citation = "nobody"
wording = "ours"
[rights]
holder = "nobody"
terms = "free"
"""

BAD = {
    "misspelt key": ('keying = "reverse"', 'keying = "rev"', 'item "2": keying is "rev", expected "forward" or'),
    "missing keying": (', keying = "reverse"', "", 'item "2": keying is missing'),
    "unknown scale": ('"2", scale = "calm"', '"2", scale = "clam"', 'item "2": scale is "clam", expected one of calm'),
    "duplicate id": ('id = "2", scale', 'id = "1", scale', 'item id "1" stands twice'),
    "duplicate option text": ('text = "Yes"', 'text = "no"', 'option text "no" stands twice'),
    "unequal values": ("value = 1,", "value = 0,", 'option value "0" stands twice'),
    "empty stem": ('stem = "Am tense."', 'stem = " "', 'item "2": stem is empty'),
    "scale without items": ("]\nitems", ', { id = "b", name = "B" }]\nitems', 'scale "b" has no item'),
    "wrong type": ("value = 1,", 'value = "one",', "option \"1\": value is text ('one'), expected a number"),
    "unknown member": ('stem = "Am tense."', 'stem = "Am tense.", wieght = 2', 'item "2": found "wieght"'),
    "no instructions": ('instructions = "Answer."', "", "instructions is missing"),
    "no terms": ('terms = "free"', "", "rights: terms is missing"),
    "cut file": ('terms = "free"', 'terms = "fr', "not valid TOML"),
    "not finite": ("value = 1,", "value = inf,", "value is inf, expected a number from"),
    "one option": ('  { id = "1", value = 1, text = "Yes" },\n', "", "1 option, expected at least 2"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_refused_with_place_found_and_allowed(fault: str, tmp_path: Path) -> None:
    good, bad, sentence = BAD[fault]
    assert GOOD.count(good) >= 1
    path = tmp_path / "tiny.toml"
    path.write_text(GOOD.replace("]\nitems" if good.startswith("]") else good, bad), encoding="utf-8")
    with pytest.raises(InstrumentError) as raised:
        load_instrument(path)
    assert sentence in str(raised.value)
    assert "tiny" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_bad_files_are_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(GOOD.replace("Tiny", "Überzeugung").encode("latin-1"))
    with pytest.raises(InstrumentError, match=r"byte \d+ is not UTF-8"):
        load_instrument(latin)
    nonsense = tmp_path / "huge.toml"
    with nonsense.open("wb") as file:
        file.truncate(3 * 1024**3)
    with pytest.raises(InstrumentError, match="bytes, expected at most"):
        load_instrument(nonsense)
    with pytest.raises(InstrumentError, match="no such file"):
        load_instrument(tmp_path / "absent.toml")
    with pytest.raises(InstrumentError, match="expected one of bfi-44, mini-ipip"):
        load_instrument("bfi44")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(InstrumentError, match="cannot be read"):
        load_instrument(folder)


def test_a_users_own_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(GOOD, encoding="utf-8")
    instrument = load_instrument(path)
    assert [item.keying for item in instrument.items] == [Keying.FORWARD, Keying.REVERSE]
    assert instrument.response_format.bounds == Bounds(0, 1)
