"""Psychometric assessment of language models.

instrument → plan → administration → responses (store) → codings → scores → statistics → report

The names below are the public face. Each is imported when it is first used, so that `import psychometrics` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psychometrics.administration import Tally, administer, administer_async
    from psychometrics.analysis import analyse
    from psychometrics.audit import load_audit
    from psychometrics.errors import PsychometricsError
    from psychometrics.findings import Analysis
    from psychometrics.instrument import Instrument, Item, Keying, Option, ResponseFormat, Scale
    from psychometrics.library import instrument_names, load_instrument, load_template, template_names
    from psychometrics.plan import Form, Plan, Presentation, make_plan
    from psychometrics.report import render_report, write_report
    from psychometrics.respondents.base import Respondent
    from psychometrics.respondents.embedded import EmbeddedRespondent
    from psychometrics.respondents.openai_compatible import OpenAIRespondent
    from psychometrics.respondents.scripted import ScriptedRespondent
    from psychometrics.respondents.simulated import SimulatedRespondent
    from psychometrics.statistics.estimate import Estimate
    from psychometrics.store import Store, open_store
    from psychometrics.version import __version__

_HOMES = {
    "administration": ("Tally", "administer", "administer_async"),
    "analysis": ("analyse",),
    "audit": ("load_audit",),
    "errors": ("PsychometricsError",),
    "findings": ("Analysis",),
    "instrument": ("Instrument", "Item", "Keying", "Option", "ResponseFormat", "Scale"),
    "library": ("instrument_names", "load_instrument", "load_template", "template_names"),
    "plan": ("Form", "Plan", "Presentation", "make_plan"),
    "report": ("render_report", "write_report"),
    "respondents.base": ("Respondent",),
    "respondents.embedded": ("EmbeddedRespondent",),
    "respondents.openai_compatible": ("OpenAIRespondent",),
    "respondents.scripted": ("ScriptedRespondent",),
    "respondents.simulated": ("SimulatedRespondent",),
    "statistics.estimate": ("Estimate",),
    "store": ("Store", "open_store"),
    "version": ("__version__",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Analysis",
    "EmbeddedRespondent",
    "Estimate",
    "Form",
    "Instrument",
    "Item",
    "Keying",
    "OpenAIRespondent",
    "Option",
    "Plan",
    "Presentation",
    "PsychometricsError",
    "Respondent",
    "ResponseFormat",
    "Scale",
    "ScriptedRespondent",
    "SimulatedRespondent",
    "Store",
    "Tally",
    "__version__",
    "administer",
    "administer_async",
    "analyse",
    "instrument_names",
    "load_audit",
    "load_instrument",
    "load_template",
    "make_plan",
    "open_store",
    "render_report",
    "template_names",
    "write_report",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'psychometrics' has no attribute '{name}'")
    return getattr(import_module(f"psychometrics.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
