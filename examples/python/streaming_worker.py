"""A worker with several replies: tasks.words-python sends the words of a text one by one."""

import asyncio
import logging
import os
import signal
import uuid

import nats

NAME = "words-python"
KEEP_ALIVE, STALL = 10, 30  # seconds
CONTROL = f"stream-control.{NAME}.{uuid.uuid4()}."
streams = {}  # by the subject on which their requesters are heard


class Stream:
    """The replies to one request, as far as its requester lets them be sent."""

    def __init__(self, nc, request):
        self.nc, self.subject, self.sent = nc, request.reply, 0
        self.parts, self.bytes = map(int, request.headers["Reply-Stream"].split(","))
        self.control = CONTROL + str(uuid.uuid4())
        self.granted = asyncio.Event()

    async def send(self, part):
        if not part:
            return
        while self.parts <= 0 or self.bytes <= 0:
            self.granted.clear()
            await asyncio.wait_for(self.granted.wait(), STALL)  # or the requester is given up
        self.parts, self.bytes, self.sent = self.parts - 1, self.bytes - len(part), self.sent + 1
        await self.publish(part, {"Part": str(self.sent)})

    async def publish(self, part, headers):
        await self.nc.publish(self.subject, part, reply=self.control, headers=headers)

    async def keep_alive(self):
        while True:
            await self.publish(b"", {"Part": "0"})
            await asyncio.sleep(KEEP_ALIVE)

    async def run(self, handler, data):
        """Ends by the number of parts, or by an error; cancelled when the requester has gone."""
        streams[self.control] = self
        self.task = asyncio.current_task()
        alive = asyncio.create_task(self.keep_alive())
        try:
            await asyncio.sleep(0)  # the first word that the handler is at work
            await handler(data, self.send)
            await self.publish(b"", {"Part-End": str(self.sent)})
        except asyncio.CancelledError:
            pass
        except Exception:
            logging.exception("handler failed")
            await self.publish(b"", {"Nats-Service-Error-Code": "500", "Nats-Service-Error": "handler failed"})
        finally:
            alive.cancel()
            del streams[self.control]


async def hear(message):
    """Takes what requesters say, and the word of NATS that one has gone."""
    stream, headers = streams.get(message.subject), message.headers or {}
    said = headers.get("Reply-Stream", "")
    if stream and (said == "cancel" or headers.get("Status") == "503"):
        stream.task.cancel()
    elif stream and "," in said:
        parts, size = map(int, said.split(","))
        stream.parts, stream.bytes = stream.parts + parts, stream.bytes + size
        stream.granted.set()


async def words(data, send):
    for word in data.decode().split():
        await send(word.encode())
        await asyncio.sleep(0.05)  # stands for the work


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"), name=NAME, max_reconnect_attempts=-1)
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    running = set()

    async def handle(request):
        if "Reply-Stream" not in (request.headers or {}):
            await nc.publish(request.reply, headers={"Nats-Service-Error-Code": "400", "Nats-Service-Error": "ask for a stream"})
            return
        task = asyncio.create_task(Stream(nc, request).run(words, request.data))
        running.add(task)
        task.add_done_callback(running.discard)

    await nc.subscribe(CONTROL + "*", cb=hear)
    requests = await nc.subscribe("tasks." + NAME, queue=NAME, cb=handle)
    await end.wait()
    async with asyncio.timeout(25):
        await requests.drain()
        await asyncio.gather(*running)
        await nc.drain()


asyncio.run(main())
