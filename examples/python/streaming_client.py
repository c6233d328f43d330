"""Asks a worker for a stream: python streaming_client.py tasks.words-python "to be or not\""""

import asyncio
import os
import sys
import uuid

import nats

FIRST, STALL = 5, 30  # seconds
PARTS, BYTES = 64, 262144


async def replies(nc, subject, data):
    """The replies of a worker in their order; close the generator to end the worker's handler."""
    inbox = "stream-replies." + uuid.uuid4().hex
    stream = await nc.subscribe(inbox)
    await nc.publish(subject, data, reply=inbox, headers={"Reply-Stream": f"{PARTS},{BYTES}", "Request-Timeout": str(FIRST * 1000)})
    control, received, used, ended = "", 0, (0, 0), False
    try:
        while not ended:
            message = await stream.next_msg(timeout=STALL if control else FIRST)
            headers = message.headers or {}
            if "Nats-Service-Error-Code" in headers or headers.get("Status") == "503":
                ended = True
                raise RuntimeError(headers.get("Nats-Service-Error", "nobody is subscribed to " + subject))
            control = control or message.reply
            if message.reply not in (control, ""):
                continue  # of another worker
            number = int(headers.get("Part-End", headers.get("Part", 1)))  # an ordinary reply is the only one
            ended = number == received if "Part-End" in headers else "Part" not in headers
            if "Part-End" in headers or number > received + 1:
                if not ended:
                    raise RuntimeError("the stream is broken: replies are missing")
            elif number > received:  # and not the word that the handler is at work
                received, used = number, (used[0] + 1, used[1] + len(message.data))
                yield message.data
                if used[0] * 2 >= PARTS or used[1] * 2 >= BYTES:
                    await nc.publish(control, headers={"Reply-Stream": f"{used[0]},{used[1]}"})
                    used = (0, 0)
    finally:
        await stream.unsubscribe()
        if control and not ended:
            await nc.publish(control, headers={"Reply-Stream": "cancel"})


async def main(subject, text):
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    try:
        async for reply in replies(nc, subject, text.encode()):
            print(reply.decode(), flush=True)
    except (RuntimeError, nats.errors.TimeoutError) as failure:
        sys.exit(str(failure))
    finally:
        await nc.drain()


asyncio.run(main(*sys.argv[1:]))
