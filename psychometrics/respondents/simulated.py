"""Respondents drawn from known traits: the ground truth against which the whole engine is tried.

Graded response model (Samejima 1969), for one item with m options in ascending order of value:

    y = ±theta + acquiescence + noise · e,   e standard logistic, − for reverse-keyed items
    category = how many of the item's m − 1 thresholds y passes

so that P(category ≥ r) = logistic((±theta + acquiescence − b_r) / noise). The thresholds of a scale's k items lie on
one even grid of k·(m − 1) points about 0, each item taking every k-th; with it a scale's mean is close to linear in
theta over the grid and symmetric about 0, whatever its keying. Theta, acquiescence and thresholds are in units of the
trait's standard deviation among respondents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psychometrics.errors import InstrumentError, RespondentError
from psychometrics.instrument import Instrument, Item, Keying, Option, keyed_value
from psychometrics.plan import Presentation
from psychometrics.question import Question, Reply
from psychometrics.respondents.base import TOP_LOGPROBS, ComputedRespondent, reply_body
from psychometrics.respondents.scripted import presentation_of, uniform_draw, words_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SimulatedRespondent", "theoretical_recovery", "theoretical_reliability", "thresholds"]

REACH: Final = 2.4
"""The grid of thresholds spans −2.4 to 2.4 standard deviations: 98 % of respondents stand inside.

Between 2 and 3 this is where four-item and eight-item scales recover theta best when there is little noise.
"""

REFUSAL: Final = "I'm sorry, but as an AI I don't have personal experiences, so I can't answer that."

EDGE: Final = 8.0
"""Standard deviations at which quadrature over theta ends; beyond lie 1e-15 of all respondents."""


def thresholds(instrument: Instrument, scale: str) -> dict[str, tuple[float, ...]]:
    """The ascending thresholds on y of each item of a scale, by item id.

    On the axis of theta the items take turns on one grid; a reverse-keyed item meets it from the other side, so its
    thresholds on y are the mirror image of its points.
    """
    items = instrument.items_of(scale)
    if not items:
        allowed = ", ".join(each.id for each in instrument.scales)
        raise InstrumentError(f'{instrument.id}: scale is "{scale}", expected one of {allowed}')
    steps = len(instrument.response_format.options) - 1
    count = len(items) * steps
    grid = [REACH * (2 * (k + 0.5) / count - 1) for k in range(count)]
    taken = {item.id: grid[turn :: len(items)] for turn, item in enumerate(items)}
    for item in items:
        if item.keying is Keying.REVERSE:
            taken[item.id] = [-point for point in reversed(taken[item.id])]
    return {item: tuple(points) for item, points in taken.items()}


@dataclass(frozen=True)
class Faults:
    """How a simulated respondent departs from the model; everything is off at 0.

    acquiescence
        Added to y whatever the keying: agreement with everything.
    extremity
        Thresholds are divided by 1 + extremity: above 0 the outer options are chosen more often.
    refusals, carelessness, position_bias
        The share of presentations that get a refusal, any option alike, or the option at the first place shown;
        looked at in this order.
    """

    acquiescence: float = 0.0
    extremity: float = 0.0
    refusals: float = 0.0
    carelessness: float = 0.0
    position_bias: float = 0.0


class SimulatedRespondent(ComputedRespondent):
    """Answers by the graded response model from known traits, with faults that can be turned on one by one.

    traits
        Theta by scale id; a scale that is not named stands at 0.
    noise
        The scale of the logistic noise; 0 answers without any.
    seed
        With name and the question (without who is asked), all that a draw depends on: respondents with the same name
        and seed share their noise, and each fault has draws of its own, so that turning one on changes the
        presentations it hits and no other.
    acquiescence, extremity, refusals, carelessness, position_bias
        See `Faults`.
    Raises
        RespondentError: a number outside its range.
    """

    def __init__(
        self,
        traits: Mapping[str, float],
        *,
        name: str,
        seed: int = 0,
        noise: float = 0.5,
        position_bias: float = 0.0,
        acquiescence: float = 0.0,
        extremity: float = 0.0,
        refusals: float = 0.0,
        carelessness: float = 0.0,
    ) -> None:
        self._seed = seed
        self._traits = {scale: float(theta) for scale, theta in traits.items()}
        self._noise = float(noise)
        self._faults = Faults(acquiescence, extremity, refusals, carelessness, position_bias)
        super().__init__(name, self._parameters())
        self._refuse_impossible()
        self._thresholds: dict[tuple[int, str], tuple[Instrument, dict[str, tuple[float, ...]]]] = {}

    def _refuse_impossible(self) -> None:
        faults = self._faults
        for what, theta in self._traits.items():
            if not math.isfinite(theta):
                raise RespondentError(f'{self._name}: trait "{what}" is {theta}, expected a finite number')
        for what in ("refusals", "carelessness", "position_bias"):
            if not 0 <= getattr(faults, what) <= 1:
                raise RespondentError(f"{self._name}: {what} is {getattr(faults, what)}, expected a share from 0 to 1")
        if not 0 <= self._noise < math.inf:
            raise RespondentError(f"{self._name}: noise is {self._noise}, expected a number from 0")
        if not (math.isfinite(faults.acquiescence) and -1 < faults.extremity < math.inf):
            raise RespondentError(
                f"{self._name}: acquiescence is {faults.acquiescence} and extremity {faults.extremity}, "
                "expected finite numbers, extremity above -1"
            )

    def _parameters(self) -> dict[str, object]:
        faults = self._faults
        return {
            "traits": self._traits,
            "seed": self._seed,
            "noise": self._noise,
            "acquiescence": float(faults.acquiescence),
            "extremity": float(faults.extremity),
            "refusals": float(faults.refusals),
            "carelessness": float(faults.carelessness),
            "position_bias": float(faults.position_bias),
        }

    def describe(self) -> dict[str, object]:
        """Kind, name and every parameter: the ground truth."""
        return {"kind": "simulated", "name": self._name, "identity": self._identity, **self._parameters()}

    async def respond(self, question: Question) -> Reply:
        """The model's answer: a reply's text, and for a log-probability read-out its probabilities over the labels.

        Raises
            RespondentError: the question shows no item, or one of an instrument none of whose scales is a trait.
        """
        presentation = presentation_of(question, self._name)
        asked = question.alone
        refused = self._happens("refusals", self._faults.refusals, asked)
        words = REFUSAL if refused else words_for(self._choice(presentation, asked), presentation)
        if presentation.form.read_out != "logprobs":
            return Reply(reply_body(words, model=self._name))
        if refused:
            # One token is asked for: the first word is all that a model would have said, and it is certain.
            return Reply(reply_body(REFUSAL, model=self._name, top_logprobs=((REFUSAL.partition(" ")[0], 0.0),)))
        return Reply(reply_body(words, model=self._name, top_logprobs=self._label_logprobs(presentation)))

    def _happens(self, fault: str, share: float, asked: str) -> bool:
        return share > 0 and uniform_draw(self._seed, self._name, fault, asked) < share

    def _choice(self, presentation: Presentation, asked: str) -> Option:
        shown = presentation.shown
        if self._happens("carelessness", self._faults.carelessness, asked):
            return shown[int(uniform_draw(self._seed, self._name, "careless option", asked) * len(shown))][1]
        if self._happens("position bias", self._faults.position_bias, asked):
            return shown[0][1]
        draw = uniform_draw(self._seed, self._name, "noise", asked)
        stand, bounds = self._stand(presentation)
        y = stand + self._noise * math.log(draw / (1 - draw))
        return presentation.instrument.response_format.ascending()[sum(bound < y for bound in bounds)]

    def _stand(self, presentation: Presentation) -> tuple[float, tuple[float, ...]]:
        """Where the respondent stands on an item before noise, and the thresholds there."""
        item = presentation.item
        theta = self._traits.get(item.scale, 0.0)
        keyed = -theta if item.keying is Keying.REVERSE else theta
        return keyed + self._faults.acquiescence, self._thresholds_of(presentation.instrument, item)

    def _refuse_strangers(self, instrument: Instrument) -> None:
        """A scale that is not named stands at 0; traits of which none is the instrument's are a slip of the hand."""
        scales = [scale.id for scale in instrument.scales]
        if self._traits and not set(scales) & set(self._traits):
            raise RespondentError(
                f"{self._name}: no trait is a scale of {instrument.id}; the traits are "
                f"{', '.join(sorted(self._traits))}, expected some of {', '.join(scales)}"
            )

    def _thresholds_of(self, instrument: Instrument, item: Item) -> tuple[float, ...]:
        # Kept by the instrument's own identity, and the instrument with it: hashing a whole one would cost more.
        key = (id(instrument), item.scale)
        if key not in self._thresholds:
            self._refuse_strangers(instrument)
            shrink = 1 + self._faults.extremity
            spread = thresholds(instrument, item.scale)
            shrunk = {id_: tuple(bound / shrink for bound in bounds) for id_, bounds in spread.items()}
            self._thresholds[key] = (instrument, shrunk)
        return self._thresholds[key][1][item.id]

    def _label_logprobs(self, presentation: Presentation) -> list[tuple[str, float]]:
        """Each label's log-probability given theta, with carelessness and position bias, the likeliest first."""
        shown, faults = presentation.shown, self._faults
        stand, bounds = self._stand(presentation)
        passing = [1.0, *(_logistic(stand - bound, self._noise) for bound in bounds), 0.0]
        ranked = presentation.instrument.response_format.ascending()
        chance = {option.id: passing[r] - passing[r + 1] for r, option in enumerate(ranked)}
        found: list[tuple[str, float]] = []
        for place, (label, option) in enumerate(shown):
            attentive = (1 - faults.position_bias) * chance[option.id] + faults.position_bias * (place == 0)
            probability = (1 - faults.carelessness) * attentive + faults.carelessness / len(shown)
            if probability > 0:  # what is impossible has no logarithm, and an endpoint would not list it
                found.append((label, math.log(probability)))
        return sorted(found, key=lambda entry: -entry[1])[:TOP_LOGPROBS]


def _logistic(distance: float, noise: float) -> float:
    """The chance of passing a threshold that lies this far below."""
    if noise == 0:
        return float(distance > 0)
    half = distance / (2 * noise)
    return (1 + math.tanh(half)) / 2


def theoretical_reliability(instrument: Instrument, scale: str, *, noise: float, n_nodes: int = 20001) -> float:
    """The reliability that a scale's mean score has by the model, for theta ~ N(0, 1) and respondents without faults.

    Returns
        Var(T) / Var(X), X the mean of the scale's keyed values, T = E(X | theta); by the trapezoidal rule over theta,
        since with little noise T has steps that a Gauss-Hermite rule would miss.
    Source: Lord & Novick (1968), reliability as the share of true-score variance; model Samejima (1969).
    """
    _, weights, true, error = _true_scores(instrument, scale, noise, n_nodes)
    var_true = float(weights @ (true - weights @ true) ** 2)
    return var_true / (var_true + float(weights @ error))


def theoretical_recovery(instrument: Instrument, scale: str, *, noise: float, n_nodes: int = 20001) -> float:
    """The correlation between theta ~ N(0, 1) and a scale's mean score by the model, for respondents without faults.

    Returns
        Cov(theta, T) / √Var(X); never above the square root of the reliability.
    """
    theta, weights, true, error = _true_scores(instrument, scale, noise, n_nodes)
    var_score = float(weights @ (true - weights @ true) ** 2 + weights @ error)
    return float(weights @ (theta * true)) / math.sqrt(var_score)


def _true_scores(
    instrument: Instrument, scale: str, noise: float, n_nodes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of theta ~ N(0, 1), and the mean score's expectation and error variance at each node."""
    import numpy as np

    if not noise > 0 or n_nodes < 3:
        raise RespondentError(f"noise is {noise} and n_nodes {n_nodes}, expected more than 0 and at least 3")
    theta = np.linspace(-EDGE, EDGE, n_nodes)
    weights = np.exp(-(theta**2) / 2)
    weights /= weights.sum()
    response_format = instrument.response_format
    by_item = thresholds(instrument, scale)
    true, error = np.zeros(n_nodes), np.zeros(n_nodes)
    for item in instrument.items_of(scale):
        keyed = -theta if item.keying is Keying.REVERSE else theta
        passing = (1 + np.tanh((keyed[:, None] - np.array(by_item[item.id])) / (2 * noise))) / 2
        edges = np.hstack([np.ones((n_nodes, 1)), passing, np.zeros((n_nodes, 1))])
        chance = edges[:, :-1] - edges[:, 1:]
        values = np.array(
            [keyed_value(option.value, item.keying, response_format.bounds) for option in response_format.ascending()]
        )
        mean = chance @ values
        true += mean
        error += chance @ values**2 - mean**2
    k = len(by_item)
    return theta, weights, true / k, error / k**2
