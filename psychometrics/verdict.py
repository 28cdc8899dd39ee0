"""The verdict: what drives a subject's answers, read from its estimates alone. The rule is ours, and stands here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psychometrics.findings import Verdict
from psychometrics.statistics.estimate import Estimate

__all__ = ["ENOUGH_ANSWERED", "HIGH_SAME_OPTION", "NEARLY_ALL", "RULE", "verdict_of"]

ENOUGH_ANSWERED: Final = 0.5
"""Below this share of answered presentations there is too little to say anything."""

NEARLY_ALL: Final = 0.9
"""From this share of all answers on, one option counts as the answer to every item."""

HIGH_SAME_OPTION: Final = 0.8
"""From this share of pairs with the same option on, answers count as the same whatever the order shown."""

RULE: Final = (
    f"Unanswered: fewer than {ENOUGH_ANSWERED:.0%} of the planned presentations are answered. "
    "Undecided: every form shows the options in one order. "
    f"Item-insensitive: one option makes at least {NEARLY_ALL:.0%} of all answers; or at least {HIGH_SAME_OPTION:.0%} "
    "of answers keep their option across orders while the interval of the item variance share reaches 0. "
    "Position-driven: the interval of the place advantage lies above 0. "
    "Measurable: that interval lies below 0, and the interval of the agreement between forms above 0. "
    "Undecided: anything else. The first that applies; cut-offs are ours."
)
"""The rule in words."""


def verdict_of(estimates: Mapping[str, Estimate], key: str) -> Verdict:
    """What drives the answers of the subject whose estimates stand under `key`; the rule is `RULE`, and it is ours.

    The cut-offs are conventions. Their error rates on simulated respondents are in `docs/methods.md`.
    """

    def value(name: str) -> float | None:
        return estimates[f"{key}.{name}"].value

    def above_0(name: str) -> bool:
        low = estimates[f"{key}.{name}"].low
        return low is not None and low > 0

    answered, advantage = value("answered_share"), estimates[f"{key}.place_advantage"]
    if answered is None or answered < ENOUGH_ANSWERED:
        return Verdict.UNANSWERED
    if advantage.value is None:
        return Verdict.UNDECIDED
    modal, same_option = value("modal_option_share"), value("same_option")
    if modal is not None and modal >= NEARLY_ALL:
        return Verdict.ITEM_INSENSITIVE
    if same_option is not None and same_option >= HIGH_SAME_OPTION and not above_0("item_variance_share"):
        return Verdict.ITEM_INSENSITIVE
    if above_0("place_advantage"):
        return Verdict.POSITION_DRIVEN
    if advantage.high is not None and advantage.high < 0 and above_0("form_agreement"):
        return Verdict.MEASURABLE
    return Verdict.UNDECIDED
