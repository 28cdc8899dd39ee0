"""What each verb of the command line does: calls the API and prints. Its grammar stands in `cli`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from psychometrics import tables
from psychometrics.administration import Tally, run_to_the_end, stopping_on_signals
from psychometrics.audit import Audit, carry_out, load_audit, make_respondent
from psychometrics.errors import Incomplete, InputError, StoreUnwritable
from psychometrics.instrument import Keying
from psychometrics.library import instrument_names, load_instrument
from psychometrics.plan import order_name
from psychometrics.progress import showing_progress
from psychometrics.prompting import messages_for
from psychometrics.respondents.base import Respondent
from psychometrics.retrieval import records_of
from psychometrics.store import Store, open_store

__all__ = ["audit", "check_instruments", "export", "list_instruments", "plan", "report", "show_instrument", "status"]


def audit(options: argparse.Namespace) -> int:
    """Ask what is missing, then write the report."""
    plan = load_audit(options.file)
    plan.refuse_over_budget()
    respondents = [make_respondent(entry, concurrency=options.concurrency) for entry in plan.respondents]
    store_path = Path(options.store or f"reports/{plan.name}.sqlite")
    report_path = Path(options.report or f"reports/{plan.name}.html")
    with open_store(store_path) as store:
        tallies = _carry_out(plan, respondents, store)
        stopped = len(tallies) < len(respondents) or any(tally.halted for tally in tallies)
        if not stopped:
            _write_report(store, report_path)
    unanswered = sum(tally.failed + tally.suspended_sessions for tally in tallies)
    again = f"what was answered is stored in {store_path}; run the same command to go on"
    if stopped:
        raise Incomplete(f"interrupted; {again}")
    if unanswered:
        last = next(tally.last_failure for tally in tallies if tally.last_failure)
        raise Incomplete(f"{unanswered} questions got no answer, one because: {last}; {again}; report: {report_path}")
    print(f"store:  {store_path}\nreport: {report_path}")
    return 0


def _carry_out(plan: Audit, respondents: list[Respondent], store: Store) -> tuple[Tally, ...]:
    async def work() -> tuple[Tally, ...]:
        stop = asyncio.Event()
        console = Console(stderr=True)
        with showing_progress(console) as progress, stopping_on_signals(stop, console.print):
            return await carry_out(plan, respondents, store, progress=progress, stop=stop)

    return run_to_the_end(work)


def _write_report(store: Store, path: Path) -> Path:
    # late: numbers and charts take longer to import than most verbs to run
    from psychometrics.analysis import analyse
    from psychometrics.report import write_report

    return write_report(analyse(store), path)


def list_instruments(options: argparse.Namespace) -> int:
    """The shipped instruments, one a line."""
    for name in instrument_names():
        instrument = load_instrument(name)
        print(
            f"{name:12} {len(instrument.items):3} items, {len(instrument.scales)} scales, {instrument.language}  "
            f"{instrument.title}"
        )
    return 0


def show_instrument(options: argparse.Namespace) -> int:
    """One instrument with everything a user must know of it."""
    instrument = load_instrument(options.name)
    names = {scale.id: scale.name for scale in instrument.scales}
    print(f"{instrument.title} ({instrument.id}), {instrument.version}, {instrument.language}\n")
    print(f"{instrument.instructions}\n")
    for option in instrument.response_format.options:
        print(f"  {option.value:g}  {option.text}")
    print(f"\n{instrument.lead_in} ...")
    for item in instrument.items:
        reverse = " (reverse)" if item.keying is Keying.REVERSE else ""
        print(f"  {item.id:>3}  {item.stem}  [{names[item.scale]}{reverse}]")
    for what, members in (("source", instrument.source), ("rights", instrument.rights)):
        print()
        for name, text in members.items():
            print(f"{what}, {name}: {text}")
    return 0


def check_instruments(options: argparse.Namespace) -> int:
    """Check every file; all of them are read, even when the first is refused."""
    refused = 0
    for name in options.files:
        try:
            instrument = load_instrument(name if name in instrument_names() else Path(name))
        except InputError as error:
            refused += 1
            print(f"refused  {error}", file=sys.stderr)
        else:
            print(f"good     {name}: {len(instrument.items)} items on {len(instrument.scales)} scales")
    return 1 if refused else 0


def plan(options: argparse.Namespace) -> int:
    """Count an audit's questions, and show some of them as they would be sent."""
    audit = load_audit(options.file)
    for each in audit.plans:
        print(f"{each.instrument.id}: {len(each)} presentations, plan {each.digest}")
        for form in each.forms:
            order = order_name(form.option_order, each.instrument)
            print(
                f"  {form.template}, options {order}, labels {form.labels_address}, read-out {form.read_out_address}: "
                f"{len(each.instrument.items) * each.occasions}"
            )
        for session in each.sessions:
            print(f"  {session.kind} on items {', '.join(session.items)}, occasion {session.occasion}")
    people = len(audit.respondents)
    print(f"{people} respondent{'s' if people != 1 else ''}, up to {audit.questions} questions in all")
    _show(audit, options.show)
    audit.refuse_over_budget()
    return 0


def _show(audit: Audit, n: int) -> None:
    for each in audit.plans:
        for presentation in each:
            if n == 0:
                return
            n -= 1
            form = presentation.form
            print(f"\n--- {each.instrument.id}:{presentation.item.id}, {form.template}, {form.read_out_address}")
            for message in messages_for(presentation, each.template_of(form)):
                print(f"[{message['role']}]\n{message['content']}")


def status(options: argparse.Namespace) -> int:
    """How far every administration in a store has come."""
    with open_store(options.store, create=False) as store:
        holder = store.held_by()
        for record in records_of(store):
            done = sum(1 for address in record.planned_addresses() if address in record.responses)
            print(f"{record.name} ({record.respondent}), {record.plan.instrument.id}: {done} of {len(record.plan)}")
        failures, counts = store.failures(), store.counts()
    print(f"{counts['responses']} responses, {counts['attempts']} attempts without an answer")
    if failures:
        print(f"{len(failures)} questions failed so far; one because: {_plain(failures[0][1])}")
    print(f"now: {holder or 'nobody writes to it'}")
    return 0


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def report(options: argparse.Namespace) -> int:
    """Write the page again from the store alone."""
    with open_store(options.store, create=False) as store:
        path = _write_report(store, Path(options.report or Path(options.store).with_suffix(".html")))
    print(f"report: {path}")
    return 0


def export(options: argparse.Namespace) -> int:
    """Scores or responses, to standard output or a file."""
    with open_store(options.store, create=False) as store:
        records = records_of(store)
    rows = tables.scores_table(records) if options.what == "scores" else tables.responses_table(records)
    text = tables.to_csv_text(rows) if options.format == "csv" else tables.to_json_lines(rows)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        Path(options.output).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StoreUnwritable(f"{options.output}: cannot be written: {error.strerror}") from None
    return 0
