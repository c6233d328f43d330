"""Asks a worker: python client.py tasks.reverse-python leet"""

import asyncio
import os
import sys

import nats


async def main(subject, text):
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    # nats.errors.NoRespondersError, nats.errors.TimeoutError
    reply = await nc.request(subject, text.encode(), timeout=5, headers={"Request-Timeout": "5000"})
    headers = reply.headers or {}
    if "Nats-Service-Error-Code" in headers:
        sys.exit(headers["Nats-Service-Error-Code"] + ": " + headers["Nats-Service-Error"])
    print(reply.data.decode())
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
