"""The house's own rules, read from its source: direction of imports, public names, what the statistics may touch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import psychometrics as pm

ROOT = Path(pm.__file__).parent
ORDER = (
    "version",
    "errors",
    "instrument",
    "template",
    "library",
    "plan",
    "prompting",
    "question",
    "lexicon",
    "phrases",
    "reading",
    "coding",
    "respondents.base",
    "respondents.transport",
    "respondents.openai_compatible",
    "respondents.embedded",
    "respondents.scripted",
    "respondents.simulated",
    "migrations",
    "store_file",
    "store_rows",
    "store",
    "writer",
    "sessions",
    "administration",
    "records",
    "retrieval",
    "scoring",
    "tables",
    "statistics",
    "controls",
    "findings",
    "verdict",
    "indices",
    "transcripts",
    "analysis",
    "charts",
    "report",
    "audit",
    "progress",
    "verbs",
    "cli",
    "__main__",
)
"""From left to right; a module imports only from its own left."""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name != "__init__.py" and "shipped" not in path.parts:
            found[name] = path
    return found


def rank(module: str) -> int:
    room = "statistics" if module.startswith("statistics") else module
    return ORDER.index(room)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("psychometrics.") for name in names if name.startswith("psychometrics.")}


def test_every_module_has_its_place_in_the_order() -> None:
    rooms = {"statistics" if name.startswith("statistics") else name for name in modules()}
    assert rooms == set(ORDER)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_from_its_own_left(name: str) -> None:
    known = set(modules())
    for other in imported(modules()[name]) & known:
        if name.startswith("statistics") and other.startswith("statistics"):
            continue
        assert rank(other) < rank(name), f"{name} imports {other}, which stands to its right"


@pytest.mark.parametrize("name", [name for name in modules() if name.startswith("statistics")])
def test_the_statistics_touch_numbers_only(name: str) -> None:
    own = {other for other in imported(modules()[name]) if other in modules()}
    assert all(other == "errors" or other.startswith("statistics") for other in own)
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"open", "print", "round"}


def test_pingouin_is_imported_in_one_module_only() -> None:
    users = [name for name, path in modules().items() if re.search(r"import pingouin|from pingouin", path.read_text())]
    assert users == ["statistics._pingouin"]


def test_importing_the_package_is_light() -> None:
    heavy = {"openai", "scipy", "pandas", "matplotlib", "pingouin", "statsmodels", "aiohttp", "xllamacpp"}
    program = "import sys, psychometrics, psychometrics.cli; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(said)


def test_all_names_are_there_and_no_others_are_promised() -> None:
    assert sorted(pm.__all__) == pm.__all__ == dir(pm)
    for name in pm.__all__:
        assert getattr(pm, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        _ = pm.absent


@pytest.mark.parametrize("name", modules())
def test_what_a_module_promises_exists(name: str) -> None:
    module = __import__(f"psychometrics.{name}", fromlist=["__all__"])
    for promised in getattr(module, "__all__", ()):
        assert hasattr(module, promised), f"{name}.__all__ names {promised}"


@pytest.mark.parametrize("name", modules())
def test_modules_stay_readable(name: str) -> None:
    lines = modules()[name].read_text(encoding="utf-8").count("\n")
    assert lines <= 420, f"{name} has {lines} lines; is that one room or two?"
