// Asks a worker: node client.mjs tasks.reverse-node leet
import { connect, headers } from '@nats-io/transport-node';

const [subject, text] = process.argv.slice(2);
const nc = await connect({ servers: process.env.NATS_URL });
const limit = headers();
limit.set('Request-Timeout', '5000');
try {
  const reply = await nc.request(subject, text, { timeout: 5000, headers: limit }); // NoRespondersError, TimeoutError
  const code = reply.headers?.get('Nats-Service-Error-Code');
  if (code) throw new Error(`${code}: ${reply.headers.get('Nats-Service-Error')}`);
  console.log(reply.string());
} finally {
  await nc.close();
}
