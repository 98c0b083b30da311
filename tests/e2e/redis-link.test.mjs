// The connection to a shared store: what /readyz says of it while it comes, goes and is not what it should be.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { freePort, read, waitFor, children } from './lib/process.mjs';
import { startRedis, startSentinel } from './lib/redis.mjs';
import { certificates } from './lib/tls.mjs';
import { say, startUpstream } from './lib/upstream.mjs';

let upstream, certs;
const open = [];

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  certs = certificates();
});
after(async () => {
  for (const one of open.reverse()) await one.stop();
  await upstream?.stop();
  certs?.remove();
});

async function keep(promise) {
  const one = await promise;
  open.push(one);
  return one;
}

const starts = (store, env) => keep(startGateway({ upstream: upstream.url, env, policy: (p) => { Object.assign(p, { store, workers: 1 }); } }));

let shared;
/** The one gateway of this file, with this store from now on. */
async function gatewayAt(store) {
  if (shared) await shared.reload((p) => { p.store = store; });
  shared ??= await starts(store);
  return shared;
}

const readyz = (gateway) => request(`http://${gateway.policy.admin}/readyz`, { method: 'GET' });

/** Waits until /readyz says this of the store; the command line then says the same, unless it would wait for long. */
async function says(gateway, state, { ms = 10000, cli = state !== 'does not answer in time' } = {}) {
  let last;
  await waitFor(`"store: ${state}"`, async () => {
    last = await readyz(gateway);
    return last.text.includes(`store: ${state}\n`);
  }, ms).catch((error) => { throw new Error(`${error.message}; it says ${last.text}; ${gateway.log()}`); });
  assert.equal(last.status, state === 'ok' ? 200 : 503);
  assert.match(last.text, state === 'ok' ? /^ready\n/ : /^store_unavailable\n/);
  assert.match(await gateway.metrics(), new RegExp(`^warder_store_up ${state === 'ok' ? 1 : 0}$`, 'm'));
  if (cli) await checks(gateway, state);
}

/** What `warder store check` says. */
async function checks(gateway, state) {
  const said = await gateway.cli('store', 'check', '-c', gateway.file).then(({ stdout }) => ({ code: 0, text: stdout }), (error) => ({ code: error.code, text: error.stdout + error.stderr }));
  assert.match(said.text, new RegExp(`^(store: ${state} \\(|warder: the shared store at \\S+: ${state}$)`, 'm'));
  assert.equal(said.code, state === 'ok' ? 0 : 1);
  assert.ok(!/verysecret/.test(said.text));
}

/** A TCP server that answers whatever comes with reply. */
async function garbage(reply, port = 0) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket)).on('data', () => reply(socket));
  });
  await new Promise((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  return { port: server.address().port, stop: () => new Promise((done) => { for (const s of sockets) s.destroy(); server.close(done); }) };
}

test('a store that is up, with a password in its address', async () => {
  const redis = await keep(startRedis({ user: 'warder', password: 'p@ss:w/rd' }));
  const gateway = await gatewayAt(redis.url({ rest: '/3' }));
  await says(gateway, 'ok');
  assert.match(await redis.ask('CLIENT', 'LIST'), /db=3 .*user=warder/);
  const pids = [gateway.proc.pid, ...children(gateway.proc.pid), ...gateway.workers()];
  for (const pid of pids) assert.ok(!/p@ss:w|p%40ss/.test(read(`/proc/${pid}/environ`) + read(`/proc/${pid}/cmdline`)));
  assert.ok(!/p@ss:w|p%40ss/.test(read(`${gateway.policy.state}/run/nginx.conf`) + gateway.log()));
});

test('a password out of the environment, which nginx never has', async () => {
  const redis = await keep(startRedis({ password: 'of-the-environment' }));
  const gateway = await starts(redis.url({ login: ':another@' }), { WARDER_STORE_PASSWORD: 'of-the-environment' });
  await says(gateway, 'ok');
  for (const pid of [gateway.proc.pid, ...children(gateway.proc.pid), ...gateway.workers()]) assert.ok(!read(`/proc/${pid}/environ`).includes('of-the-environment'));
  await gateway.reload();
  await says(gateway, 'ok');
});

test('a user without a password does not start', async () => {
  await assert.rejects(starts('redis://warder@127.0.0.1'), /names a user and no password/);
});

test('wrong password, no password, a user that may not', async () => {
  const redis = await keep(startRedis({ user: 'warder', password: 'right' }));
  await says(await gatewayAt(redis.url({ login: 'warder:wrong@' })), 'refuses user or password');
  await says(await gatewayAt(redis.url({ login: '' })), 'refuses user or password');
  const narrow = await keep(startRedis({ user: 'warder', password: 'right', rights: '+ping' }));
  const gateway = await gatewayAt(narrow.url());
  await says(gateway, 'does not allow its user what is needed');
  await narrow.ask('ACL', 'SETUSER', 'warder', '+@all');
  assert.ok(!/right|wrong/.test(gateway.log()));
});

test('killed and restarted, empty and with its data', async () => {
  const redis = await keep(startRedis());
  const gateway = await gatewayAt(redis.url());
  await says(gateway, 'ok');
  await redis.ask('SET', 'k', 'v');
  await redis.kill();
  await says(gateway, 'not reachable');
  await redis.restart({ empty: true });
  await says(gateway, 'ok');
  assert.match(await redis.ask('GET', 'k'), /^\$-1/);
  await redis.restart();
  await says(gateway, 'ok');
});

/** Connections to this port, also those that nobody has accepted. */
const tcp = (port) => read('/proc/net/tcp').split('\n').filter((l) => l.trim().split(/\s+/)[2]?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`)).length;

/** The gateway's connections, by Redis' own count. */
const connections = async (redis) => (await redis.ask('CLIENT', 'LIST')).match(/^id=\d+ .*cmd=eval/gm).map((l) => l.split(' ')[0]).join();

test('paused and resumed: shortly on the same connection, for long on a new one', async () => {
  const redis = await keep(startRedis());
  const gateway = await gatewayAt(redis.url());
  await gateway.reload((p) => { p.store_timeout = '1s'; });
  await says(gateway, 'ok');
  const before = await connections(redis);
  redis.pause();
  await says(gateway, 'does not answer in time');
  redis.resume();
  await says(gateway, 'ok');
  assert.equal(await connections(redis), before);
  await gateway.reload((p) => { p.store_timeout = '20ms'; });
  await says(gateway, 'ok');
  const after = await connections(redis), made = tcp(redis.port);
  redis.pause();
  await says(gateway, 'does not answer in time');
  // four times 20 ms without a byte: a connection is made anew, into the backlog
  await waitFor('a second connection', () => tcp(redis.port) > made);
  redis.resume();
  await says(gateway, 'ok');
  assert.notEqual(await connections(redis), after);
  await gateway.reload((p) => { delete p.store_timeout; });
});

test('the gateway starts while the store is down', async () => {
  const port = await freePort();
  const gateway = await gatewayAt(`redis://127.0.0.1:${port}`);
  await says(gateway, 'not reachable');
  await keep(startRedis({ port }));
  await says(gateway, 'ok');
});

test('several hosts: the first that works', async () => {
  const redis = await keep(startRedis());
  const gateway = await gatewayAt(`redis://127.0.0.1:${await freePort()},localhost:${redis.port}`);
  await says(gateway, 'ok');
});

describe('a server that is none', () => {
  const answers = {
    'another protocol': [(s) => s.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'does not speak the protocol'],
    'bytes': [(s) => s.write(Buffer.from([0, 255, 13, 10, 42])), 'does not speak the protocol'],
    'replies that nobody asked for': [(s) => s.write('+OK\r\n'.repeat(1000)), 'does not speak the protocol'],
    'an array that is too large': [(s) => s.write('*100000000\r\n'), 'does not speak the protocol'],
    'arrays in arrays': [(s) => s.write('*65000\r\n'.repeat(6)), 'does not speak the protocol'],
    'a text without end': [(s) => s.write('$2000000000\r\n' + 'x'.repeat(3 << 20)), 'does not speak the protocol'],
    'a negative length': [(s) => s.write('$-5\r\n'), 'does not speak the protocol'],
    'silence': [() => {}, 'does not answer in time', { cli: true }],
    'an end': [(s) => s.end(), 'not reachable'],
  };
  for (const [what, [reply, state, more]] of Object.entries(answers)) {
    test(what, async () => {
      const server = await keep(garbage(reply));
      const gateway = await gatewayAt(`redis://127.0.0.1:${server.port}`);
      await says(gateway, state, more);
      assert.equal((await request(`http://${gateway.policy.admin}/healthz`, { method: 'GET' })).status, 200);
    });
  }
});

test('TLS with the right and with a wrong authority, and a name that is another', async () => {
  const tls = certs.leaf('localhost');
  const redis = await keep(startRedis({ tls, ca: certs.ca, password: 'over-tls' }));
  const other = certificates();
  try {
    await says(await gatewayAt(redis.url()), 'ok');
    await says(await gatewayAt(redis.url({ host: '127.0.0.1' })), 'ok');
    await says(await gatewayAt(redis.url({ rest: `?ca_file=${other.ca}` })), 'TLS failed, or its certificate is not trusted');
    await says(await gatewayAt(redis.url({ rest: '' })), 'TLS failed, or its certificate is not trusted');
    await says(await gatewayAt(redis.url({ host: '127.0.0.2' })), 'not reachable');
  } finally {
    other.remove();
  }
  const elsewhere = await keep(startRedis({ tls: certs.leaf('elsewhere.example'), ca: certs.ca }));
  await says(await gatewayAt(elsewhere.url()), 'TLS failed, or its certificate is not trusted');
  const expired = await keep(startRedis({ tls: certs.leaf('localhost', { days: -1 }), ca: certs.ca }));
  await says(await gatewayAt(expired.url()), 'TLS failed, or its certificate is not trusted');
  const plain = await keep(startRedis());
  await says(await gatewayAt(`rediss://localhost:${plain.port}?ca_file=${certs.ca}`), 'does not answer in time');
});

test('full, read-only, loading', async () => {
  const redis = await keep(startRedis());
  const gateway = await gatewayAt(redis.url());
  await says(gateway, 'ok');
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
  await says(gateway, 'full');
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
  await says(gateway, 'ok');
  const master = await keep(startRedis());
  await redis.ask('REPLICAOF', '127.0.0.1', String(master.port));
  await says(gateway, 'read-only');
  await redis.ask('REPLICAOF', 'NO', 'ONE');
  await says(gateway, 'ok');
  const loading = await keep(garbage((s) => s.write('-LOADING Redis is loading the dataset in memory\r\n')));
  await says(await gatewayAt(`redis://127.0.0.1:${loading.port}`), 'loading its data');
});

test('a Sentinel says who is the master, also when another becomes it', async () => {
  const master = await keep(startRedis());
  const replica = await keep(startRedis({ more: [`replicaof 127.0.0.1 ${master.port}`] }));
  const sentinel = await keep(startSentinel(master));
  const at = `redis://127.0.0.1:${sentinel.port}`;
  await says(await gatewayAt(`${at}?sentinel=nonesuch`), 'no master is known');
  const gateway = await gatewayAt(`${at}?sentinel=main`);
  await says(gateway, 'ok');
  assert.match(await master.ask('CLIENT', 'LIST'), /cmd=eval/);
  await waitFor('the Sentinel to know the replica', async () => (await sentinel.ask('SENTINEL', 'replicas', 'main')).includes(String(replica.port)), 20000);
  await master.kill();
  // a Sentinel ends the connections of a server whose role it changes, ours too
  await waitFor('the replica to be the master', async () => /role:master/.test(await replica.ask('INFO', 'replication').catch(() => '')), 30000);
  await waitFor('the gateway at the new master', async () => /cmd=eval/.test(await replica.ask('CLIENT', 'LIST').catch(() => '')), 20000);
  await says(gateway, 'ok');
});

test('MOVED leads to the node that has it', async () => {
  const redis = await keep(startRedis());
  const node = await keep(garbage((s) => s.write(`*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n-MOVED 1 127.0.0.1:${redis.port}\r\n`)));
  const gateway = await gatewayAt(`redis://127.0.0.1:${node.port}`);
  await says(gateway, 'ok');
  assert.match(await redis.ask('CLIENT', 'LIST'), /cmd=eval/);
});

test('without TLS nothing far is spoken to, whatever a Sentinel or a node says', async () => {
  const sentinel = await keep(garbage((s) => s.write('*2\r\n$7\r\n8.8.8.8\r\n$4\r\n6379\r\n')));
  await says(await gatewayAt(`redis://127.0.0.1:${sentinel.port}?sentinel=main`), 'at an address that is not spoken to without TLS');
});
