"""The command line: parses, calls the API, prints; no logic of its own.

Exit codes: 0 done; 1 refused, with one sentence on standard error; 2 the command line itself is wrong; 3 incomplete:
asking stopped before everything planned was asked, and everything said so far is stored.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from psychometrics.errors import Incomplete, PsychometricsError
from psychometrics.version import __version__

__all__ = ["main", "parser"]

DESCRIPTION: Final = """\
Put standardised instruments to language models, under controlled wording and option order, keep every word said, and
report what is stable enough to be measured.

examples:
  psychometrics audit examples/audits/small.toml
  psychometrics audit examples/audits/endpoint.toml --store runs/mine.sqlite --report mine.html --concurrency 16
  psychometrics plan examples/audits/small.toml --show 2
  psychometrics export --store runs/mine.sqlite scores --format csv > scores.csv

exit codes: 0 done, 1 refused with a sentence, 2 wrong usage, 3 incomplete (run the same command again to go on)
"""


class _Parser(argparse.ArgumentParser):
    def __init__(self, *args: object, **kwargs: object) -> None:
        # A fixed width keeps the generated documentation the same in every terminal.
        kwargs["formatter_class"] = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]


def parser() -> argparse.ArgumentParser:
    """The command line's grammar; `docs/cli.md` is generated from it."""
    top = _Parser(prog="psychometrics", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"psychometrics {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_audit(verbs)
    _add_instruments(verbs)
    _add_plan(verbs)
    _add_store_verbs(verbs)
    return top


def _add_audit(verbs: argparse._SubParsersAction[_Parser]) -> None:
    audit = verbs.add_parser(
        "audit",
        help="ask everything an audit file plans, and write the report",
        description="Ask everything that an audit file plans and the store does not hold yet; then write the report.\n"
        "An interrupted audit goes on where it stopped when it is run again.",
        epilog="examples:\n  psychometrics audit examples/audits/small.toml\n"
        "  OPENAI_BASE_URL=http://localhost:8000/v1 PSYCHOMETRICS_MODEL=my-model \\\n"
        "    psychometrics audit examples/audits/endpoint.toml --concurrency 16",
    )
    audit.add_argument("file", metavar="FILE", help="audit file (TOML)")
    audit.add_argument("--store", metavar="PATH", help="store file (default: reports/<audit>.sqlite)")
    audit.add_argument("--report", metavar="PATH", help="report page (default: reports/<audit>.html)")
    audit.add_argument("--concurrency", metavar="N", type=_positive, help="questions under way at once, per endpoint")
    audit.set_defaults(run="audit")


def _add_instruments(verbs: argparse._SubParsersAction[_Parser]) -> None:
    instruments = verbs.add_parser(
        "instruments",
        help="list the shipped instruments, show one, or check a file of your own",
        description="List the shipped instruments, show one with its source and terms, or check files of your own.",
        epilog="examples:\n  psychometrics instruments\n  psychometrics instruments show bfi-44\n"
        "  psychometrics instruments check my-scale.toml",
    )
    instruments.set_defaults(run="list_instruments")
    actions = instruments.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="show an instrument with its items, keying, source and terms")
    show.add_argument("name", metavar="NAME", help="shipped instrument, or the path of a file")
    show.set_defaults(run="show_instrument")
    check = actions.add_parser("check", help="check instrument files; says what is wrong and where")
    check.add_argument("files", metavar="FILE", nargs="+")
    check.set_defaults(run="check_instruments")


def _add_plan(verbs: argparse._SubParsersAction[_Parser]) -> None:
    plan = verbs.add_parser(
        "plan",
        help="count what an audit file would ask, and show it, without asking",
        description="Count what an audit file would ask, form by form; nothing is asked and no network is used.",
        epilog="example:\n  psychometrics plan examples/audits/small.toml --show 2",
    )
    plan.add_argument("file", metavar="FILE", help="audit file (TOML)")
    plan.add_argument("--show", metavar="N", type=_positive, default=0, help="print the first N questions as sent")
    plan.set_defaults(run="plan")


def _add_store_verbs(verbs: argparse._SubParsersAction[_Parser]) -> None:
    status = verbs.add_parser(
        "status",
        help="how far the administrations in a store have come",
        description="How far the administrations in a store have come; also while another process writes to it.",
        epilog="example:\n  psychometrics status --store reports/small.sqlite",
    )
    status.add_argument("--store", metavar="PATH", required=True)
    status.set_defaults(run="status")
    report = verbs.add_parser(
        "report",
        help="write the report again from a store, without asking anything",
        description="Write the report again from a store alone; nothing is asked and no network is used.",
        epilog="example:\n  psychometrics report --store reports/small.sqlite --report small.html",
    )
    report.add_argument("--store", metavar="PATH", required=True)
    report.add_argument("--report", metavar="PATH", help="report page (default: beside the store)")
    report.set_defaults(run="report")
    export = verbs.add_parser(
        "export",
        help="write scores or responses as CSV or JSON lines",
        description="scores: one row per respondent, form, occasion and scale. responses: one row per response.",
        epilog="example:\n  psychometrics export --store reports/small.sqlite scores --format csv > scores.csv",
    )
    export.add_argument("what", choices=("scores", "responses"))
    export.add_argument("--store", metavar="PATH", required=True)
    export.add_argument("--format", choices=("csv", "jsonl"), default="csv")
    export.add_argument("--output", metavar="PATH", help="file to write (default: standard output)")
    export.set_defaults(run="export")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    from psychometrics import verbs  # late, so that --help and --version answer at once

    try:
        code: int = getattr(verbs, options.run)(options)
        sys.stdout.flush()
    except PsychometricsError as error:
        print(f"psychometrics: {_plain(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("psychometrics: interrupted; what was answered is stored", file=sys.stderr)
        return Incomplete.exit_code
    except BrokenPipeError:
        # The reader of a pipe has seen enough; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _plain(text: str) -> str:
    """One line without control characters: what an endpoint said must not steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
