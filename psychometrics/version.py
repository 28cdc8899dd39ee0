"""The version, as the installed distribution states it."""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("psychometrics")
