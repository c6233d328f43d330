"""A worker that reverses texts: tasks.reverse-python."""

import asyncio
import logging
import os
import signal

import nats.micro
from nats.aio.client import Client

NAME = "reverse-python"
MAX_IN_FLIGHT = int(os.environ.get("MAX_IN_FLIGHT", 256))
running = set()


class Rejected(Exception):
    """The message is at fault: the requester gets the text, in printable ASCII."""


async def reverse(data):
    if not data:
        raise Rejected("there is nothing to reverse")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Rejected("the text is not UTF-8")
    await asyncio.sleep(0.2)  # stands for the work; what blocks belongs into asyncio.to_thread
    return text[::-1].encode()


async def work(request):
    try:
        await request.respond(await reverse(request.data))
    except Rejected as fault:
        await request.respond_error("400", str(fault))
    except Exception:
        logging.exception("handler failed")
        await request.respond_error("500", "handler failed")


async def handle(request):
    """Called for one message after the other: it starts the work or refuses it, so that nothing waits."""
    if len(running) >= MAX_IN_FLIGHT:
        await request.respond_error("503", "the worker is full", headers={"Not-Processed": "true"})
        return
    task = asyncio.create_task(work(request))
    running.add(task)
    task.add_done_callback(running.discard)


class Connection(Client):
    """Knows its subscriptions: Service.stop() drops what waits in them."""

    subscriptions = []

    async def subscribe(self, *args, **kwargs):
        self.subscriptions.append(await super().subscribe(*args, **kwargs))
        return self.subscriptions[-1]


async def main():
    nc = Connection()
    await nc.connect(os.environ.get("NATS_URL", "nats://localhost:4222"), name=NAME, max_reconnect_attempts=-1)
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    service = await nats.micro.add_service(nc, name=NAME, version="1.0.0", queue_group=NAME)
    await service.add_endpoint(name="default", subject="tasks." + NAME, handler=handle)

    await end.wait()
    async with asyncio.timeout(25):
        for subscription in nc.subscriptions:
            await subscription.drain()
        await asyncio.gather(*running)
        await nc.drain()


asyncio.run(main())
