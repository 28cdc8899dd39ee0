"""The wheel alone, in an empty environment and another folder, carries everything that an audit needs."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AUDIT = """
seed = 5
[[respondents]]
kind = "endpoint"
model = "m"
[[instruments]]
name = "mini-ipip"
templates = ["plain", "first-person"]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_instruments_templates_and_examples(wheel: Path) -> None:
    carried = {name.removeprefix("psychometrics/shipped/") for name in zipfile.ZipFile(wheel).namelist()}
    for folder in ("instruments", "templates", "examples"):
        expected = {
            str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.suffix not in ("", ".pyc")
        }
        assert expected <= carried


def test_the_wheel_runs_an_audit_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    from endpoint import LocalEndpoint

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    packages = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # The project itself comes from the wheel; its dependencies are those already installed, minus this checkout.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    import numpy

    borrowed = Path(numpy.__file__).parent.parent
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "audit.toml").write_text(AUDIT, encoding="utf-8")
    with LocalEndpoint() as endpoint:
        done = subprocess.run(
            [str(python), "-m", "psychometrics", "audit", "audit.toml", "--store", "s.sqlite", "--report", "r.html"],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{packages}:{borrowed}",
                "OPENAI_BASE_URL": endpoint.base_url,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert endpoint.served == 80
    assert (folder / "r.html").stat().st_size > 10_000
