"""Documents are executed: the README's code runs, the command line's page is generated, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import runpy
from pathlib import Path

import pytest

from psychometrics.audit import load_audit
from psychometrics.library import instrument_names, shipped
from psychometrics.plan import BINDINGS, LABEL_SETS, READ_OUTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readmes_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "880 answers" in said
    assert "measurable" in said
    assert (tmp_path / "reports" / "bfi.html").is_file()


def test_the_readmes_audit_file_loads(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "readme.toml"
    path.write_text(text, encoding="utf-8")
    audit = load_audit(path)
    assert audit.questions == 4 * 44 + 2 * 3
    for level in (*LABEL_SETS, *BINDINGS, *READ_OUTS):
        assert f'"{level}"' in text


def test_the_readme_begins_with_the_two_commands_that_the_makefile_has() -> None:
    commands = re.findall(r"^make (\w+)", blocks("sh")[0], re.MULTILINE)
    assert commands == ["audit", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for chore in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{chore}:", makefile, re.MULTILINE)


def test_every_shipped_instrument_stands_in_the_readme() -> None:
    for name in instrument_names():
        assert f"| `{name}` |" in README


def test_the_command_lines_page_is_what_help_says() -> None:
    path = ROOT / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == module.cli_page(), "run: make docs"


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_audit_file_named_in_the_docs_is_shipped() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "cli.md"):
        for name in re.findall(r"examples/audits/[\w-]+\.toml", page.read_text(encoding="utf-8")):
            assert shipped(name).is_file()


def test_every_runtime_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for requirement in named:
        name = re.match(r"[\w-]+", requirement)
        assert name is not None
        assert re.search(rf"^\| {name.group()}\b", page, re.MULTILINE), f"{name.group()} has no row"


def test_the_research_script_recovers_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ROOT / "examples" / "research" / "known_traits.py"
    monkeypatch.setattr("sys.argv", [str(script), "--respondents", "60"])
    runpy.run_path(str(script), run_name="__main__")
    said = capsys.readouterr().out
    found = re.search(r"recovered r +[\d.]+ \[([\d.]+), ([\d.]+)\]", said)
    theoretical = re.search(r"theoretical recovery +([\d.]+)", said)
    assert found is not None
    assert theoretical is not None
    assert float(found[1]) <= float(theoretical[1]) <= float(found[2])
