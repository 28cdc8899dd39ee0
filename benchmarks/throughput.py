"""How fast questions are asked and stored, beside the plain openai client in the same run.

    make benchmark        # or: python benchmarks/throughput.py [--questions N] [--latency S] [--in-flight N]

A bare server answers in a process of its own after a fixed latency. Measured is the process that asks: wall time
against the ideal n · latency / in flight, and CPU time a question. `store` is the whole path from presentation to
committed response; `transport` the respondent alone; `openai` the package's own client. A busy machine slows all three
alike: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import psychometrics as pm
from psychometrics.administration import administer_async
from psychometrics.plan import Plan
from psychometrics.prompting import messages_for
from psychometrics.question import Question, address_of
from psychometrics.respondents.base import reply_body

BODY = reply_body("4", model="m").encode()


def serve(pipe: Connection, latency_s: float) -> None:
    """Answer every request with the same completion after a latency; sends its port through the pipe."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(latency_s)
        return web.Response(body=BODY, content_type="application/json")

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


def measured(name: str, n: int, ideal_s: float, work: Callable[[], Awaitable[object]]) -> float:
    """Run once, print, and return the CPU time a question in microseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(work())  # type: ignore[arg-type]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{name:10} {n / wall:7.0f}/s   {ideal_s / wall:6.1%} of ideal   {cpu / n * 1e6:7.0f} µs CPU a question")
    return cpu / n * 1e6


async def gathered(n: int, in_flight: int, one: Callable[[int], Awaitable[object]]) -> None:
    """Run one(0) … one(n − 1) with so many under way."""
    numbers = iter(range(n))

    async def work() -> None:
        for k in numbers:
            await one(k)

    await asyncio.gather(*(work() for _ in range(in_flight)))


def compare(plan: Plan, url: str, latency_s: float, in_flight: int) -> None:
    """Measure the three ways of asking the same questions."""
    presentations = list(plan)
    n = len(presentations)
    ideal_s = n * latency_s / in_flight
    model = pm.OpenAIRespondent("m", base_url=url, concurrency=in_flight, temperature=0.0)

    async def whole_path() -> None:
        with tempfile.TemporaryDirectory() as folder, pm.open_store(Path(folder) / "s.sqlite") as store:
            tally = await administer_async(plan, model, store)
            if tally.asked != n:
                raise SystemExit(f"{tally.asked} of {n} were stored")

    async def transport_alone() -> None:
        await model.open()
        template = plan.templates[0]

        async def one(k: int) -> None:
            presentation = presentations[k]
            address = address_of(presentation, model.identity, model.sampling)
            request = model.request(messages_for(presentation, template), "text", 16, address)
            await model.respond(Question(address, request, presentation))

        await gathered(n, in_flight, one)
        await model.close()

    async def openai_client() -> None:
        import openai

        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:

            async def one(k: int) -> None:
                messages = messages_for(presentations[k], plan.templates[0])
                await client.chat.completions.create(model="m", messages=messages, temperature=0.0, max_tokens=16)  # type: ignore[arg-type]

            await gathered(n, in_flight, one)

    asyncio.run(transport_alone())  # warm: imports, connections and caches are nobody's to pay for
    whole = measured("store", n, ideal_s, whole_path)
    alone = measured("transport", n, ideal_s, transport_alone)
    plain = measured("openai", n, ideal_s, openai_client)
    print(f"CPU a question: openai / store = {plain / whole:.1f}, openai / transport = {plain / alone:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=4400)
    parser.add_argument("--latency", type=float, default=0.05, metavar="S")
    parser.add_argument("--in-flight", type=int, default=64, metavar="N")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there, options.latency), daemon=True)
    server.start()
    bfi = pm.load_instrument("bfi-44")
    plan = pm.make_plan(bfi, option_orders=["published"], occasions=max(1, options.questions // len(bfi.items)))
    try:
        compare(plan, f"http://127.0.0.1:{here.recv()}/v1", options.latency, options.in_flight)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
