"""Writes docs/cli.md from the command line's own help; a test compares the two."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from psychometrics.cli import parser


def parsers(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and, after it, the parsers of its verbs."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def cli_page() -> str:
    """The text of docs/cli.md."""
    sections = [f"## `{each.prog}`\n\n```text\n{each.format_help().rstrip()}\n```" for each in parsers(parser())]
    return (
        "# The command line\n\nGenerated from `--help`; `make docs` writes it anew.\n\n" + "\n\n".join(sections) + "\n"
    )


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(cli_page(), encoding="utf-8")
    sys.stdout.write("docs/cli.md written\n")
