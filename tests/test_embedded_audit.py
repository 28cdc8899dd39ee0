"""A real audit of the real language model that comes with the installation, small enough for every run of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import psychometrics as pm
from psychometrics.findings import Verdict
from psychometrics.instrument import Instrument

ITEMS = 14
"""Two orders of these and one interview of three: 31 questions. With the other embedded tests at most 40."""


def shortened(instrument: Instrument) -> Instrument:
    """The first items of an instrument, on the scales that they have."""
    record = instrument.as_record()
    items = record["items"][:ITEMS]
    used = {scale for _, _, scale, _ in items}
    scales = [scale for scale in record["scales"] if scale[0] in used]
    return Instrument.from_record({**record, "id": "bfi-short", "items": items, "scales": scales})


@pytest.mark.embedded
def test_position_and_not_content_drives_the_embedded_model(tmp_path: Path) -> None:
    plan = pm.make_plan(shortened(pm.load_instrument("bfi-44")), read_outs="logprobs", interviews=[["1", "6", "11"]])
    with pm.open_store(tmp_path / "s.sqlite") as store:
        tally = pm.administer(plan, pm.EmbeddedRespondent(), store)
        assert tally.complete
        assert tally.asked == 2 * ITEMS
        assert 3 <= tally.turns <= 6
        analysis = pm.analyse(store)
    (finding,) = analysis.findings
    assert finding.respondent.verdict is Verdict.POSITION_DRIVEN
    assert {subject.name: subject.verdict for subject in finding.controls}["Simulated, with known traits"] is (
        Verdict.MEASURABLE
    )
    mass = analysis[f"{finding.respondent.key}.label_mass"].value
    assert mass is not None
    assert 0.1 < mass < 1
    page = pm.write_report(analysis, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Its answers follow the place an option is shown in, not what it says" in page
    assert "So the instrument and the forms can measure" in page
