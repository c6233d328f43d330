// Leet worker: tasks.> -> leet-speak.
import { connect, headers } from '@nats-io/transport-node';

const DIGITS = { a: '4', e: '3', i: '1', o: '0', s: '5', t: '7', l: '1' };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(data) {
  try {
    return utf8.decode(data);
  } catch {
    return null;
  }
}

function handle(error, message) {
  if (error || !message.reply) {
    console.error(error ?? 'missing reply_to');
    return;
  }
  const text = decode(message.data);
  if (text === null) {
    const failure = headers();
    failure.set('Nats-Service-Error', 'failed to decode body: not valid UTF-8');
    failure.set('Nats-Service-Error-Code', '400');
    message.respond(undefined, { headers: failure });
  } else {
    message.respond(text.replace(/[aeiostl]/gi, (letter) => DIGITS[letter.toLowerCase()]));
  }
}

const nc = await connect({ servers: process.env.NATS_URL, name: 'task-leet', maxReconnectAttempts: -1 });
nc.subscribe('tasks.>', { queue: 'task-leet', callback: handle });
process.once('SIGTERM', () => nc.drain());
