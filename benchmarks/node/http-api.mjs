// HTTP API: POST /task -> NATS request-reply -> HTTP answer.
import Fastify from 'fastify';
import { connect, errors } from '@nats-io/transport-node';

const WORKER = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(;[\x20-\x7e]*)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Problem extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

function parse(body) {
  let task;
  try {
    task = JSON.parse(utf8.decode(body));
  } catch {
    throw new Problem(400, 'the body is not valid JSON in UTF-8');
  }
  if (task === null || typeof task !== 'object' || Array.isArray(task)) {
    throw new Problem(400, 'the body must be a JSON object');
  }
  const { worker, payload } = task;
  if (typeof payload !== 'string') {
    throw new Problem(400, 'payload is missing: it must be a string');
  }
  const name = worker ?? 'default';
  if (typeof name !== 'string' || name.length > 128 || !WORKER.test(name)) {
    throw new Problem(400, 'worker must be 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between');
  }
  return { subject: `tasks.${name}`, payload };
}

async function request({ subject, payload }) {
  try {
    return await nc.request(subject, payload, { timeout: 5000 });
  } catch (e) {
    const cause = e instanceof errors.RequestError && e.cause ? e.cause : e;
    if (cause instanceof errors.NoRespondersError) {
      throw new Problem(502, 'nobody is subscribed');
    }
    if (cause instanceof errors.TimeoutError) {
      throw new Problem(502, 'no reply in time');
    }
    if (cause instanceof errors.InvalidArgumentError) {
      throw new Problem(413, 'the payload is too large');
    }
    throw new Problem(502, 'the message broker is unavailable');
  }
}

const nc = await connect({ servers: process.env.NATS_URL, name: 'http-api', maxReconnectAttempts: -1 });
const app = Fastify({ bodyLimit: 8 * 1024 * 1024, requestTimeout: 20_000 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (req, body, done) => done(null, body));
app.setErrorHandler((error, req, res) => {
  res.code(error.statusCode ?? 500).type('text/plain;charset=UTF-8').send(`${error.message}\n`);
});
app.post('/task', async (req, res) => {
  const reply = await request(parse(req.body ?? Buffer.alloc(0)));
  const error = reply.headers?.get('Nats-Service-Error');
  if (error) {
    throw new Problem(reply.headers.get('Nats-Service-Error-Code') === '503' ? 503 : 502, error);
  }
  const type = reply.headers?.get('Content-Type') ?? '';
  res.header('X-Content-Type-Options', 'nosniff').type(MEDIA_TYPE.test(type) ? type : 'text/plain;charset=UTF-8');
  return Buffer.from(reply.data.buffer, reply.data.byteOffset, reply.data.length);
});
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
process.once('SIGTERM', async () => {
  await app.close();
  await nc.close();
});
