"""A worker that reverses texts, for durable tasks: jobs.reverse-python."""

import asyncio
import base64
import hashlib
import json
import logging
import os
import re
import signal
import uuid
from datetime import datetime, timezone

import nats
from nats.js.errors import APIError, NotFoundError

NAME = "reverse-python"
MAX_IN_FLIGHT = int(os.environ.get("MAX_IN_FLIGHT", 16))
MAX_RUNTIME = 900
MAX_ATTEMPTS = 5
BACKOFF = [1, 5, 30, 120]
WRONG_LAST_SEQUENCE = 10071
ROOM_FOR_HEADERS = 100
UNREADABLE = "entry unreadable"
MEMBERS = {"worker", "hash", "submitted", "state", "attempts", "failures", "job"}


class Rejected(Exception):
    """The task is at fault: another attempt would fail as well."""


async def reverse(data, report):
    if not data:
        raise Rejected("there is nothing to reverse")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Rejected("the text is not UTF-8")
    report(50, f"half of {len(text)} characters")
    await asyncio.sleep(0.2)  # stands for the work; what blocks belongs into asyncio.to_thread
    return text[::-1].encode()


class Task:
    """A job that was handed to this worker, and the entry of its task. Whoever replaces the entry too late is told so."""

    def __init__(self, js, job, max_payload):
        self.js, self.job, self.max_result = js, job, max_payload - ROOM_FOR_HEADERS
        self.headers = dict(job.headers or {})
        self.id = self.headers.get("Task-Id", "")
        if not re.fullmatch("[A-Za-z0-9_-]{22,64}", self.id):
            self.id = None
        self.entry, self.revision, self.progress = None, 0, None

    async def look_up(self):
        self.entry = None
        if self.id:
            try:
                found = await self.js.get_last_msg("KV_TASKS", "$KV.TASKS." + self.id)
                if not {"KV-Operation", "Nats-Marker-Reason"} & (found.headers or {}).keys():
                    self.entry, self.revision = json.loads(found.data), found.seq
                    if not isinstance(self.entry, dict) or not MEMBERS <= self.entry.keys():
                        raise ValueError(UNREADABLE)
                    self.progress = self.entry.get("progress")
            except NotFoundError:
                pass
        return self.entry

    async def replace(self, **changes):
        """Changes the entry, unless another one has: then whatever is in hand is dropped, and the job left to them."""
        changes = {"progress": self.progress} | changes
        entry = {name: value for name, value in (self.entry | changes).items() if value is not None}
        answer = await self.js.publish("$KV.TASKS." + self.id, json.dumps(entry).encode(),
                                       headers={"Nats-Expected-Last-Subject-Sequence": str(self.revision)})
        self.entry, self.revision = entry, answer.seq

    def report(self, percent, text):
        if not 0 <= percent <= 100 or len(text) > 200:
            raise ValueError("a report has from 0 to 100 percent, and at most 200 characters")
        self.progress = {"percent": percent, "text": text}

    async def write_progress(self):
        """Writes the last report, unless somebody else has the task. Without an answer the entry tells whether it is written."""
        try:
            await self.replace()
        except nats.errors.Error:
            found = await self.js.get_last_msg("KV_TASKS", "$KV.TASKS." + self.id)
            entry = json.loads(found.data)
            if entry["state"] == "running" and entry.get("runner") == self.entry["runner"]:
                self.entry, self.revision = entry, found.seq

    async def run(self):
        """Does the work, and writes its reports at most once a second. No such write is under way when this returns."""
        work = asyncio.create_task(reverse(self.job.data, self.report))
        try:
            while not (await asyncio.wait([work], timeout=1))[0]:
                if self.progress != self.entry.get("progress"):
                    try:
                        await self.write_progress()
                    except (nats.errors.Error, ValueError, LookupError, TypeError):
                        logging.warning("a report is not written, the next try is in a second")
            return work.result()
        finally:
            work.cancel()

    async def bury(self, reason, attempts):
        told = self.id if self.entry else f"{NAME}.{self.job.metadata.sequence.stream}"
        kept = {name: value for name, value in self.headers.items() if not name.lower().startswith("nats-")}
        await self.js.publish("jobs-dead." + NAME, self.job.data, headers=kept | {
            "Nats-Msg-Id": f"{told}-{attempts}", "Job-Subject": self.job.subject, "Task-Attempts": str(attempts),
            "Dead-Letter-Reason": reason})

    def hash(self):
        """Returns the hash that the entry of this job has."""
        text = self.job.subject.removeprefix("jobs.").encode() + b"\n" + self.job.data
        return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")

    async def start(self):
        """Begins an attempt; returns whether there is one to be made."""
        sequence = self.job.metadata.sequence.stream
        try:
            entry = await self.look_up()
        except ValueError:
            self.entry = None  # somebody else wrote it
            await self.bury(UNREADABLE, 0)
            await self.job.term()
            return False
        put_back = entry and entry["state"] == "failed" and self.headers.get("Task-Attempts") == str(entry["attempts"])
        if entry and entry["job"] != sequence and not put_back and entry["hash"] != self.hash():
            entry = self.entry = None  # that of this job has expired, and its key is another task's by now
        if not entry:
            await self.bury("expired" if self.id else "no Task-Id", 0)
            await self.job.term()
            return False
        another = entry["job"] not in (0, sequence)
        if not put_back and (another or entry["state"] not in ("queued", "running")):
            await self.job.ack()
            return False
        died = entry["state"] == "running"  # the one who had it before said nothing
        failures = 0 if put_back else entry["failures"] + died
        if failures >= MAX_ATTEMPTS:
            await self.fail(failures, "the worker ended during the attempt")
            return False
        self.progress = None  # that of the attempt before
        try:
            await self.replace(state="running", attempts=entry["attempts"] + 1, failures=failures, job=sequence,
                               runner=str(uuid.uuid4()), started=now(), finished=None)
        except APIError as refusal:
            if refusal.err_code != WRONG_LAST_SEQUENCE or (await self.look_up() or {}).get("state") == "running":
                raise
            return await self.start()  # cancelled, or submitted once more
        return True

    async def succeed(self, result):
        if len(result) > self.max_result:
            return await self.end_failed(500, "reply too large")
        await self.js.publish(f"$KV.TASKS.{self.id}.r{self.entry['attempts']}", result,
                              headers={"Content-Type": "text/plain;charset=UTF-8"})
        await self.replace(state="succeeded", finished=now(), error=None, progress=None)
        await self.job.ack()

    async def end_failed(self, code, text):
        """Fails the task at once, since another attempt would end the same way."""
        await self.replace(state="failed", finished=now(), failures=self.entry["failures"] + 1,
                           error={"code": code, "text": text})
        await self.job.ack()

    async def try_again(self, text):
        failures = self.entry["failures"] + 1
        if failures >= MAX_ATTEMPTS:
            await self.fail(failures, text)
        else:
            await self.replace(state="queued", failures=failures, error={"code": 500, "text": text})
            await self.job.nak(delay=BACKOFF[min(failures, len(BACKOFF)) - 1])

    async def fail(self, failures, text):
        await self.bury(text, self.entry["attempts"])
        await self.replace(state="failed", finished=now(), failures=failures, error={"code": 500, "text": text})
        await self.job.term()


def now():
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


async def renew(job):
    while True:
        await asyncio.sleep(10)
        await job.in_progress()


async def work(task):
    lease = asyncio.create_task(renew(task.job))
    try:
        if await task.start():
            try:
                async with asyncio.timeout(MAX_RUNTIME):
                    result = await task.run()
            except Rejected as fault:
                await task.end_failed(400, str(fault))
            except Exception:
                logging.exception("handler failed")
                await task.try_again("handler failed")
            else:
                await task.succeed(result)
    except APIError as refusal:
        if refusal.err_code != WRONG_LAST_SEQUENCE:
            logging.exception("the job comes again when its lease is over")
    except Exception:
        logging.exception("the job comes again when its lease is over")
    finally:
        lease.cancel()


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"), name=NAME, max_reconnect_attempts=-1)
    js = nc.jetstream()
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    jobs = await js.pull_subscribe_bind(stream="JOBS_" + NAME, consumer=NAME)
    slots = asyncio.Semaphore(MAX_IN_FLIGHT)
    running = set()

    def ended(work):
        running.discard(work)
        slots.release()

    while not end.is_set():
        await slots.acquire()  # it pulls only what it can begin: nothing waits here while its lease runs
        try:
            job = (await jobs.fetch(1, timeout=1))[0]
        except nats.errors.Error as nothing:
            slots.release()
            if not isinstance(nothing, nats.errors.TimeoutError):
                logging.warning("cannot take tasks now, the next try is in a second: %r", nothing)
                await asyncio.sleep(1)
            continue
        running.add(begun := asyncio.create_task(work(Task(js, job, nc.max_payload))))
        begun.add_done_callback(ended)
    async with asyncio.timeout(25):
        await asyncio.gather(*running)
        await nc.flush()
    await nc.close()


asyncio.run(main())
