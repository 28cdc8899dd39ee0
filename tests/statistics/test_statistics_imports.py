"""The statistics room may import numbers, and nothing of what surrounds it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import psychometrics.statistics

ROOM = Path(psychometrics.statistics.__file__).parent
NUMBERS = {"numpy", "scipy", "statsmodels", "pandas", "pingouin"}
STANDARD = {"__future__", "collections", "dataclasses", "functools", "math", "typing", "warnings"}


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_a_statistics_module_imports_numbers_errors_and_its_own_room(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    own = {name for name in imported if name.startswith("psychometrics")}
    assert all(name == "psychometrics.errors" or name.startswith("psychometrics.statistics.") for name in own)
    assert {name.partition(".")[0] for name in imported - own} <= NUMBERS | STANDARD
    if path.stem != "_pingouin":
        assert "pingouin" not in imported
