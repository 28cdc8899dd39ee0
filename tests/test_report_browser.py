"""Report pages in a real browser, driven over its own debugging protocol: layout, requests, hostile text, paper."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from synthetic_analysis import odd_analysis, position_driven_analysis, several_analysis

from psychometrics.report import write_report

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
START_S = 60.0
ANALYSES = {"position": position_driven_analysis, "odd": odd_analysis, "several": several_analysis}


def browser_binary() -> str | None:
    named = os.environ.get("PSYCHOMETRICS_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Tab:
    """One page's debugging connection: commands with their results, and every event that arrived."""

    socket: aiohttp.ClientWebSocketResponse
    events: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self.socket.receive_json(timeout=START_S)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    async def open(self, address: str, width: int, height: int = 800, scheme: str = "light") -> None:
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=width < 600
        )
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.send("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(await self.socket.receive_json(timeout=START_S))

    async def value(self, expression: str) -> Any:
        found = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def parameters(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] == method]


Visit = Callable[[Tab], Any]


@dataclass(frozen=True)
class Browser:
    """A running browser; `visit` opens a tab, hands it over and returns what came back."""

    address: str

    def visit(self, what: Visit) -> Any:
        async def session() -> Any:
            async with aiohttp.ClientSession() as client:
                async with client.put(f"{self.address}/json/new?about:blank") as response:
                    target = await response.json()
                async with client.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    return await what(Tab(socket))

        return asyncio.run(session())


def start_browser(binary: str, profile: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def debugging_port(profile: Path) -> str:
    """The port the browser chose, as it writes it into its profile."""
    written = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while not written.exists() or not written.read_text().strip():  # noqa: ASYNC110  a file has no event
            await asyncio.sleep(0.05)
    return written.read_text().split()[0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = browser_binary()
    if binary is None:
        reason = "not checked: report pages in a real browser (no chromium found)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    profile = tmp_path_factory.mktemp("profile")
    process = start_browser(binary, profile)
    try:
        yield Browser(f"http://127.0.0.1:{asyncio.run(debugging_port(profile))}")
    finally:
        process.terminate()
        process.wait(timeout=START_S)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of the written reports."""
    folder = tmp_path_factory.mktemp("reports")
    return {name: write_report(make(), folder / f"{name}.html").as_uri() for name, make in ANALYSES.items()}


@pytest.mark.parametrize("name", ANALYSES)
@pytest.mark.parametrize("width", [320, 360, 700, 1280])
def test_a_page_never_scrolls_sideways(browser: Browser, pages: dict[str, str], name: str, width: int) -> None:
    async def measure(tab: Tab) -> list[Any]:
        await tab.open(pages[name], width)
        await tab.value("document.querySelectorAll('details').forEach(d => d.open = true)")
        wider = (
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')"
            " && !e.closest('.said') && e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 90))"
        )
        return [
            await tab.value("document.documentElement.scrollWidth"),
            await tab.value("innerWidth"),
            await tab.value(wider),
        ]

    scroll_width, inner_width, wider = browser.visit(measure)
    assert inner_width == width
    assert scroll_width <= width
    assert wider == []


@pytest.mark.parametrize("name", ANALYSES)
def test_a_page_asks_for_nothing_and_runs_nothing(browser: Browser, pages: dict[str, str], name: str) -> None:
    async def watch(tab: Tab) -> tuple[list[str], list[Any], str, int]:
        await tab.open(pages[name], 1280)
        await tab.value("document.querySelectorAll('details').forEach(d => d.open = true)")
        await asyncio.sleep(0.3)
        title = await tab.value("document.title")
        executable = await tab.value("document.querySelectorAll('script:not([type=\"application/json\"])').length")
        asked = [sent["request"]["url"] for sent in tab.parameters("Network.requestWillBeSent")]
        complaints = tab.parameters("Log.entryAdded") + tab.parameters("Runtime.exceptionThrown")
        return asked, complaints, title, executable

    asked, complaints, title, executable = browser.visit(watch)
    assert asked == [pages[name]]
    assert complaints == []
    assert title.startswith("Psychometric assessment of ")
    assert executable == 0


def test_hostile_text_stands_in_the_page_as_text(browser: Browser, pages: dict[str, str]) -> None:
    async def read(tab: Tab) -> tuple[str, int]:
        await tab.open(pages["odd"], 1280)
        said = "[...document.querySelectorAll('.replied pre')].map(e => e.textContent).join('|')"
        strangers = "document.querySelectorAll('img, iframe, object, embed, main script, main style, [onerror]').length"
        return await tab.value(said), await tab.value(strangers)

    said, strangers = browser.visit(read)
    assert '<script>document.title="ran"</script>' in said
    assert "⟨U+202E⟩gnp.exe⟨U+202C⟩" in said
    assert "{{ 7*7 }}" in said
    assert strangers == 0


def test_the_verdict_and_the_coverage_stand_on_the_first_screen(browser: Browser, pages: dict[str, str]) -> None:
    async def measure(tab: Tab) -> list[float]:
        await tab.open(pages["position"], 1280, 800)
        bottom = "document.querySelector('{}').getBoundingClientRect().bottom"
        return [await tab.value(bottom.format(what)) for what in (".verdict", ".bar")]

    assert all(0 < bottom < 800 for bottom in browser.visit(measure))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_marks_stand_out_in_light_and_dark(browser: Browser, pages: dict[str, str], scheme: str) -> None:
    """WCAG's contrast of every ink against the paper and the shaded rows: at least 4.5."""
    ratio = """
        (() => {
          const style = getComputedStyle(document.documentElement);
          const channel = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          const luminance = name => {
            const hex = style.getPropertyValue('--' + name).trim().slice(1);
            const [r, g, b] = [0, 2, 4].map(k => channel(parseInt(hex.slice(k, k + 2), 16) / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const against = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          const inks = ['ink', 'muted', 'place', 'option', 'good', 'bad', 'doubt'];
          return Math.min(...inks.flatMap(i => ['paper', 'wash'].map(p => against(luminance(i), luminance(p)))));
        })()
    """

    async def measure(tab: Tab) -> tuple[float, str, str]:
        await tab.open(pages["position"], 1280, scheme=scheme)
        background = await tab.value("getComputedStyle(document.body).backgroundColor")
        drawn = await tab.value("getComputedStyle(document.querySelector('.chart .wide text')).fill")
        return await tab.value(ratio), background, drawn

    contrast, background, drawn = browser.visit(measure)
    assert contrast >= 4.5
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]
    assert drawn.startswith("rgb(")


@pytest.mark.parametrize("width", [360, 1280])
def test_one_drawing_of_each_chart_is_shown_and_keeps_inside_its_frame(
    browser: Browser, pages: dict[str, str], width: int
) -> None:
    async def measure(tab: Tab) -> tuple[list[int], list[str]]:
        await tab.open(pages["position"], width)
        shown = "[...document.querySelectorAll('.chart')].map(c => [...c.children].filter(s => s.clientWidth).length)"
        outside = """
            [...document.querySelectorAll('.chart svg')].filter(s => s.clientWidth).flatMap(s => {
              const frame = s.getBoundingClientRect();
              return [...s.querySelectorAll('text')].filter(t => {
                const box = t.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
              }).map(t => t.textContent);
            })
        """
        return await tab.value(shown), await tab.value(outside)

    shown, outside = browser.visit(measure)
    assert shown == [1, 1, 1]
    assert outside == []


@pytest.mark.parametrize("name", ANALYSES)
def test_a_page_prints(browser: Browser, pages: dict[str, str], name: str) -> None:
    async def print_it(tab: Tab) -> bytes:
        await tab.open(pages[name], 1280)
        printed = await tab.send("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(printed["data"])

    paper = browser.visit(print_it)
    assert paper.startswith(b"%PDF-")
    assert len(paper) > 20_000
