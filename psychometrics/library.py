"""Finds and reads instruments and templates, installed or in a checkout. Nobody else builds a path to either."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Never

from psychometrics.errors import InputError, InstrumentError, TemplateError
from psychometrics.instrument import Instrument, Item, Keying, Option, ResponseFormat, Scale
from psychometrics.template import PromptTemplate

__all__ = [
    "Table",
    "instrument_names",
    "load_instrument",
    "load_template",
    "read_table",
    "shipped",
    "template_names",
]

LARGEST_FILE = 8 * 1024 * 1024
"""Bytes an instrument, template or audit file may have; anything larger is no such file."""

LARGEST_NUMBER = 10**9
"""The largest whole number a file may give: more of anything is a slip of the hand."""

INSTRUMENT_FIELDS = ("id", "title", "version", "language", "instructions")
SOURCE_FIELDS = ("citation", "wording")
RIGHTS_FIELDS = ("holder", "terms")


def shipped(*parts: str) -> Path:
    """The path of something shipped: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "shipped"
    return (installed if installed.is_dir() else package.parent).joinpath(*parts)


def instrument_names() -> tuple[str, ...]:
    """The shipped instruments, sorted."""
    return tuple(sorted(path.stem for path in shipped("instruments").glob("*.toml")))


def template_names() -> tuple[str, ...]:
    """The shipped prompt templates, sorted."""
    return tuple(sorted(path.stem for path in shipped("templates", "prompts").glob("*.toml")))


def load_instrument(name: str | Path) -> Instrument:
    """A shipped instrument by name, or a user's own by path.

    Raises
        InstrumentError: no such instrument, or a file that breaks a rule; names file, item, found and allowed.
    """
    if isinstance(name, str) and name in instrument_names():
        return _read_instrument(shipped("instruments", f"{name}.toml"))
    path = Path(name)
    if path.suffix != ".toml":
        raise InstrumentError(
            f'instrument is "{name}", expected one of {", ".join(instrument_names())}, or the path of a .toml file'
        )
    return _read_instrument(path)


@cache
def _shipped_template(name: str) -> PromptTemplate:
    return _read_template(shipped("templates", "prompts", f"{name}.toml"))


def load_template(name: str | Path) -> PromptTemplate:
    """A shipped prompt template by name, or a user's own by path.

    Raises
        TemplateError: no such template, or a file that breaks a rule.
    """
    if isinstance(name, str) and name in template_names():
        return _shipped_template(name)
    path = Path(name)
    if path.suffix != ".toml":
        raise TemplateError(
            f'template is "{name}", expected one of {", ".join(template_names())}, or the path of a .toml file'
        )
    return _read_template(path)


def read_table(path: Path, refusal: type[InputError]) -> Table:
    """A TOML file's contents, or `refusal` with one sentence that names the file and what is wrong with it."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise refusal(f"{path}: {size} bytes, expected at most {LARGEST_FILE}")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refusal(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise refusal(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return Table(path.name, tomllib.loads(raw.decode("utf-8")), refusal)
    except UnicodeDecodeError as error:
        raise refusal(f"{path}: byte {error.start} is not UTF-8, expected UTF-8 throughout") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise refusal(f"{path}: not valid TOML: {error}") from None


class Table:
    """A table of a file, with the place it stands at: reads members and refuses what is missing or of another type."""

    def __init__(self, place: str, members: Any, refusal: type[InputError]) -> None:
        self.place, self.refusal = place, refusal
        if not isinstance(members, Mapping):
            self.refuse(f"found {_named(members)}, expected a table")
        self.members = members

    def refuse(self, why: str) -> Never:
        raise self.refusal(f"{self.place}: {why}")

    def text(self, name: str, default: str | None = None, *, empty: bool = False) -> str:
        value = self.members.get(name, default)
        if value is None:
            self.refuse(f"{name} is missing, expected text")
        if not isinstance(value, str):
            self.refuse(f"{name} is {_named(value)}, expected text in quotation marks")
        if not value.strip() and not empty:
            self.refuse(f"{name} is empty, expected text")
        return value

    def number(self, name: str, low: float = -1e9, high: float = 1e9) -> float:
        value = self.members.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"{name} is {_named(value)}, expected a number")
        if not low <= value <= high:
            self.refuse(f"{name} is {value}, expected a number from {low:g} to {high:g}")
        return value

    def whole(self, name: str, default: int | None = None, *, low: int) -> int:
        value = self.members.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(f"{name} is {_named(value)}, expected a whole number")
        if not low <= value <= LARGEST_NUMBER:
            self.refuse(f"{name} is {value}, expected a whole number from {low} to {LARGEST_NUMBER}")
        return value

    def truth(self, name: str) -> bool:
        value = self.members.get(name)
        if not isinstance(value, bool):
            self.refuse(f"{name} is {_named(value)}, expected true or false")
        return value

    def texts(self, name: str, default: Sequence[str] = (), allowed: Sequence[str] = ()) -> list[str]:
        """A list of texts; one text stands for a list of one."""
        value = self.members.get(name, list(default))
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not value or not all(isinstance(member, str) for member in value):
            self.refuse(f"{name} is {_named(value)}, expected a list of texts")
        for member in value:
            if allowed and member not in allowed:
                self.refuse(f'{name} has "{member}", expected only {", ".join(allowed)}')
        return value

    def lists_of_texts(self, name: str) -> list[list[str]]:
        value = self.members.get(name, [])
        if not isinstance(value, list) or not all(
            isinstance(row, list) and all(isinstance(member, str) for member in row) for row in value
        ):
            self.refuse(f"{name} is {_named(value)}, expected a list of lists of texts")
        return value

    def tables(self, name: str) -> Sequence[Table]:
        value = self.members.get(name)
        if not isinstance(value, list) or not value:
            self.refuse(f"{name} is {_named(value)}, expected a list of tables")
        singular = name.removesuffix("s")
        return [
            Table(
                f'{self.place}: {singular} "{member["id"]}"'
                if isinstance(member, Mapping) and "id" in member
                else f"{self.place}: {singular} number {k}",
                member,
                self.refusal,
            )
            for k, member in enumerate(value, start=1)
        ]

    def table(self, name: str) -> Table:
        if name not in self.members:
            self.refuse(f"{name} is missing, expected a table")
        return Table(f"{self.place}: {name}", self.members[name], self.refusal)

    def only(self, *allowed: str) -> None:
        for name in self.members:
            if name not in allowed:
                self.refuse(f'found "{name}", expected only {", ".join(allowed)}')


def _named(value: object) -> str:
    if value is None:
        return "missing"
    kinds = {
        bool: "a truth value",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a table",
    }
    return f"{kinds.get(type(value), 'a date or time')} ({str(value)[:40]!r})"


def _read_instrument(path: Path) -> Instrument:
    top = read_table(path, InstrumentError)
    top.only(*INSTRUMENT_FIELDS, "lead_in", "options", "scales", "items", "source", "rights")
    source, rights = top.table("source"), top.table("rights")
    for table, names in ((source, SOURCE_FIELDS), (rights, RIGHTS_FIELDS)):
        for name in names:
            table.text(name)
    try:
        return Instrument(
            **{name: top.text(name).strip() for name in INSTRUMENT_FIELDS},
            lead_in=top.text("lead_in", "", empty=True).strip(),
            response_format=ResponseFormat(tuple(_option(table) for table in top.tables("options"))),
            scales=tuple(_scale(table) for table in top.tables("scales")),
            items=tuple(_item(table) for table in top.tables("items")),
            source={name: source.text(name) for name in source.members},
            rights={name: rights.text(name) for name in rights.members},
        )
    except InstrumentError as error:
        place = str(error)
        raise InstrumentError(place if place.startswith(path.name) else f"{path.name}: {place}") from None


def _option(table: Table) -> Option:
    table.only("id", "text", "value")
    identifier = table.text("id")
    if "," in identifier:
        table.refuse("id has a comma in it, expected none: addresses list option ids between commas")
    return Option(identifier, table.text("text"), table.number("value"))


def _scale(table: Table) -> Scale:
    table.only("id", "name")
    return Scale(table.text("id"), table.text("name"))


def _item(table: Table) -> Item:
    table.only("id", "stem", "scale", "keying")
    keying = table.text("keying")
    if keying not in {member.value for member in Keying}:
        table.refuse(f'keying is "{keying}", expected "forward" or "reverse"')
    return Item(table.text("id"), table.text("stem"), table.text("scale"), Keying(keying))


def _read_template(path: Path) -> PromptTemplate:
    top = read_table(path, TemplateError)
    top.only("id", "purpose", "messages")
    messages = []
    for table in top.tables("messages"):
        table.only("role", "content")
        messages.append((table.text("role"), table.text("content")))
    return PromptTemplate(top.text("id"), top.text("purpose"), tuple(messages))
