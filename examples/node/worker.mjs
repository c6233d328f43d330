// A worker that reverses texts: tasks.reverse-node.
import { Svcm } from '@nats-io/services';
import { connect, headers } from '@nats-io/transport-node';

const NAME = 'reverse-node';
const MAX_IN_FLIGHT = Number(process.env.MAX_IN_FLIGHT ?? 256);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const running = new Set();

// The message is at fault: the requester gets the text, in printable ASCII
class Rejected extends Error {}

async function reverse(data) {
  if (data.length === 0) throw new Rejected('there is nothing to reverse');
  let text;
  try {
    text = utf8.decode(data);
  } catch {
    throw new Rejected('the text is not UTF-8');
  }
  await new Promise((done) => setTimeout(done, 200)); // stands for the work
  return [...text].reverse().join('');
}

async function work(request) {
  try {
    request.respond(await reverse(request.data));
  } catch (error) {
    if (error instanceof Rejected) {
      request.respondError(400, error.message);
    } else {
      console.error('handler failed', error);
      request.respondError(500, 'handler failed');
    }
  }
}

// Called for one message after the other: it starts the work or refuses it, so that nothing waits
function handle(_, request) {
  if (running.size >= MAX_IN_FLIGHT) {
    const notProcessed = headers();
    notProcessed.set('Not-Processed', 'true');
    request.respondError(503, 'the worker is full', undefined, { headers: notProcessed });
    return;
  }
  const task = work(request).finally(() => running.delete(task));
  running.add(task);
}

// connect() does not look for a user in the URL
const { host, username, password } = new URL(process.env.NATS_URL ?? 'nats://localhost:4222');
const nc = await connect({
  servers: host, user: username || undefined, pass: password || undefined, name: NAME,
  maxReconnectAttempts: -1, waitOnFirstConnect: true, ignoreAuthErrorAbort: true, // tries for ever
});
const service = await new Svcm(nc).add({ name: NAME, version: '1.0.0', queue: NAME });
service.addEndpoint('default', { subject: `tasks.${NAME}`, handler: handle });
service.stopped.then((error) => error && process.exit(1)); // its subscription was refused: see the log of NATS

async function end() {
  setTimeout(() => process.exit(1), 25_000).unref();
  await service.stop();
  await Promise.all(running);
  await nc.drain();
}
process.once('SIGINT', end);
process.once('SIGTERM', end);
