"""Does the engine give back what is known? Simulated respondents with known traits, through the whole path.

    python examples/research/known_traits.py [--respondents 200] [--reliability 0.80]

Each respondent's extraversion is drawn from a standard normal distribution, and its noise is set so that the scale's
theoretical reliability is the one asked for. Printed: alpha with Feldt's interval, and the correlation of the true
level with the scale score beside its theoretical value. No model is asked.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import numpy as np

import psychometrics as pm
from psychometrics.respondents.simulated import theoretical_recovery, theoretical_reliability
from psychometrics.statistics.correlation import pearson
from psychometrics.statistics.reliability import cronbach_alpha

SCALE = "extraversion"


def noise_for(reliability: float, instrument: pm.Instrument) -> float:
    """The noise at which the scale's theoretical reliability is this, by bisection."""
    low, high = 0.01, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        too_reliable = theoretical_reliability(instrument, SCALE, noise=middle) > reliability
        low, high = (middle, high) if too_reliable else (low, middle)
    return (low + high) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--respondents", type=int, default=200)
    parser.add_argument("--reliability", type=float, default=0.80)
    options = parser.parse_args()

    bfi = pm.load_instrument("bfi-44")
    noise = noise_for(options.reliability, bfi)
    drawn = random.Random(1)
    levels = [drawn.gauss(0, 1) for _ in range(options.respondents)]
    plan = pm.make_plan(bfi, option_orders="published", seed=1)
    with tempfile.TemporaryDirectory() as folder, pm.open_store(Path(folder) / "known.sqlite") as store:
        for k, level in enumerate(levels):
            traits = {scale.id: level for scale in bfi.scales}
            pm.administer(plan, pm.SimulatedRespondent(traits, name=f"simulated-{k}", noise=noise), store)
        responses = pm.analyse(store).to_pandas("responses")
    items = responses[responses["scale"] == SCALE].pivot(index="respondent", columns="item", values="score")
    items = items.loc[responses["respondent"].unique()]

    alpha = cronbach_alpha(items.to_numpy(), population="simulated")
    recovered = pearson(np.array(levels), items.mean(axis=1).to_numpy())
    print(f"theoretical reliability  {options.reliability:.3f}")
    print(f"alpha                    {alpha.value:.3f} [{alpha.low:.3f}, {alpha.high:.3f}]")
    print(f"theoretical recovery     {theoretical_recovery(bfi, SCALE, noise=noise):.3f}")
    print(f"recovered r              {recovered.value:.3f} [{recovered.low:.3f}, {recovered.high:.3f}]")


if __name__ == "__main__":
    main()
