// Data isolation over gateways that share one store: what one of them saw, all of them know.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { build, waitFor } from './lib/process.mjs';
import { startRedis } from './lib/redis.mjs';
import { formats, json, say, startUpstream } from './lib/upstream.mjs';

let redis, upstream, a, b;
const shapes = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };
const flag = { secret: 'flag', pii: 'flag', injection: 'off', malicious: 'off' };

const readyz = (gw) => request(`http://${gw.policy.admin}/readyz`, { method: 'GET' });
const isReady = (gw) => waitFor('the gateway to be ready', async () => (await readyz(gw)).status === 200);

async function startOne(more = () => {}) {
  const gw = await startGateway({
    upstream: upstream.url,
    policy(p) {
      Object.assign(p, { store: redis.url(), workers: 1, isolation: { enabled: true, kinds: ['cards', 'secrets', 'email'] }, detect: { input: flag } });
      more(p);
    },
  });
  await isReady(gw);
  return gw;
}

before(async () => {
  redis = await startRedis();
  upstream = await startUpstream(say('Fine.'));
  [a, b] = [await startOne(), await startOne()];
});
after(async () => {
  for (const one of [a, b, upstream, redis]) await one?.stop();
});

let users = 0;
const auth = async (gw = a, user = `user${users++}`) => ({ authorization: `Bearer ${await gw.token(user)}` });
const tell = (gw, headers, name, text, more = {}) => request(gw.url, { path: formats[name].path, headers, body: formats[name].ask(text, more) });
const passes = (answer) => assert.equal(answer.status, 200, answer.text);
const conflict = (answer, name) => refused(answer, 403, 'data_isolation_violation', shapes[name]);
const named = (headers, value) => ({ ...headers, 'x-warder-sensitive': encodeURIComponent(value) });
const card = '4111 1111 1111 1111';

const cli = (gw, args, input = '') => new Promise((done) => {
  const child = execFile(path.join(build, 'warder'), ['isolate', args[0], '-c', gw.file, ...args.slice(1)], { env: gw.env }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
});

const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.ask('INFO', 'commandstats'))?.[1] ?? 0);

describe('what detection finds', () => {
  test('shown at one gateway, refused at the other, in every format', async () => {
    const headers = await auth();
    passes(await tell(a, headers, 'chat', `card ${card}`));
    conflict(await tell(b, headers, 'google', 'card 4111-1111-1111-1111'), 'google');
    conflict(await tell(b, headers, 'messages', `card ${card}`), 'messages');
    passes(await tell(b, headers, 'chat', `card ${card}`));
    passes(await tell(b, await auth(b), 'google', `card ${card}`));
  });

  test('F21: of each pair through two gateways exactly one passes', async () => {
    const headers = await auth();
    const pairs = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const text = `mail pair${i}@example.org`;
      const both = await Promise.all([tell(a, headers, 'chat', text), tell(b, headers, 'google', text)]);
      return { text, both };
    }));
    for (const { text, both } of pairs) {
      assert.equal(both.filter((x) => x.status === 200).length, 1, `${text}: ${both.map((x) => x.status)}`);
      const winner = both[0].status === 200 ? 0 : 1;
      conflict(both[1 - winner], ['chat', 'google'][1 - winner]);
    }
    const { text, both } = pairs[0];
    const won = both[0].status === 200 ? 'chat' : 'google';
    passes(await tell(b, headers, won, text));
    conflict(await tell(a, headers, 'messages', text), 'messages');
  });

  test('a provider that was never reached gives the value back, everywhere', async () => {
    const gone = await startUpstream(say('x'));
    await gone.stop();
    const c = await startOne((p) => { p.providers.anthropic.url = gone.url; });
    try {
      const headers = await auth();
      refused(await tell(c, headers, 'messages', `card ${card}`), 502, 'provider_unavailable', 'anthropic');
      await waitFor('the value to be free', async () => (await tell(b, headers, 'google', `card ${card}`)).status === 200);
      conflict(await tell(c, headers, 'messages', `card ${card}`), 'messages');
    } finally {
      await c.stop();
    }
  });
});

describe('named values', () => {
  test('named at one gateway, found at the other right after without the header', async () => {
    const headers = await auth();
    passes(await tell(b, headers, 'google', 'nothing'));
    passes(await tell(a, named(headers, 'Project Aurora Nine'), 'chat', 'hello'));
    conflict(await tell(b, headers, 'google', 'about project aurora-nine'), 'google');
    passes(await tell(b, headers, 'chat', 'about project aurora-nine'));
    for (let i = 0; i < 20; i++) {
      const [from, to] = i % 2 ? [a, b] : [b, a];
      passes(await tell(from, named(headers, `secret lagoon ${i}`), 'chat', 'x'));
      conflict(await tell(to, headers, 'messages', `the secret lagoon ${i}!`), 'messages');
    }
  });

  test('F21: of each pair of named values through two gateways exactly one passes', async () => {
    const headers = await auth();
    const pairs = await Promise.all(Array.from({ length: 100 }, (_, i) => Promise.all([
      tell(a, named(headers, `velvet engine ${i}`), 'chat', 'x'), tell(b, named(headers, `velvet engine ${i}`), 'google', 'x')])));
    for (const both of pairs) assert.equal(both.filter((x) => x.status === 200).length, 1, `${both.map((x) => x.status)}`);
  });

  test('more changes than the store lists: the whole filter is read', async () => {
    const headers = await auth();
    passes(await tell(b, headers, 'google', 'nothing'));
    const words = (i) => `burst${i} zebra${i * 7}`;
    const list = Array.from({ length: 320 }, (_, i) => words(i));
    for (let at = 0; at < list.length; at += 40) {
      passes(await tell(a, { ...headers, 'x-warder-sensitive': list.slice(at, at + 40).map(encodeURIComponent).join(',') }, 'chat', 'x'));
    }
    conflict(await tell(b, headers, 'google', `see ${words(0)} there`), 'google');
    conflict(await tell(b, headers, 'google', `see ${words(319)} there`), 'google');
    for (let i = 1; i < 319; i += 40) conflict(await tell(b, headers, 'messages', words(i)), 'messages');
    passes(await tell(b, headers, 'messages', 'burst1 zebra0'));
  });

  test('a gateway that starts later knows them', async () => {
    const headers = await auth();
    passes(await tell(a, named(headers, 'amber falcon'), 'chat', 'x'));
    const c = await startOne();
    try {
      conflict(await tell(c, headers, 'google', 'an Amber Falcon'), 'google');
    } finally {
      await c.stop();
    }
  });

  test('clean requests cost one round trip', async () => {
    const headers = await auth();
    passes(await tell(a, headers, 'chat', 'clean'));
    const before = await scripts();
    for (let i = 0; i < 50; i++) passes(await tell(a, headers, 'chat', `clean words ${i}, mail me${i % 3}@example.org`));
    const made = await scripts() - before;
    assert.ok(made >= 50 && made <= 52, `${made} scripts for 50 requests`);
  });

  test('more places than one step can hold: refused, with what to do', async () => {
    const headers = await auth();
    passes(await tell(a, named(headers, 'common opening words of three'), 'chat', 'x'));
    const text = Array.from({ length: 5000 }, (_, i) => `common n${i} x y z`).join(' ');
    const answer = await tell(b, headers, 'google', text);
    refused(answer, 400, 'invalid_request', 'google');
    assert.match(answer.text, /2048 places.*send it in parts/);
    passes(await tell(b, headers, 'google', text.slice(0, 5000)));
  });
});

describe('warder isolate', () => {
  test('what is registered by the policy of one gateway counts at all', async () => {
    const headers = await auth();
    let out = await cli(a, ['add', '--provider', 'anthropic'], 'Orchid Protocol\nblue whale 9\n');
    assert.deepEqual([out.code, out.stdout, out.stderr], [0, '', '']);
    conflict(await tell(b, headers, 'chat', 'the orchid-protocol says'), 'chat');
    passes(await tell(b, headers, 'messages', 'the orchid-protocol says'));
    out = await cli(b, ['add', '--provider', 'openai'], 'something else\nOrchid protocol\n');
    assert.equal(out.code, 1);
    passes(await tell(a, headers, 'google', 'something else'));
    out = await cli(b, ['list', '--format', 'json']);
    const ours = JSON.parse(out.stdout).entries.filter((e) => e.provider === 'anthropic' && e.kind === 'registered');
    assert.equal(ours.length, 2, out.stdout);
    assert.ok(Date.parse(ours[0].expires) > Date.now() + 19 * 365 * 86400e3);
    out = await cli(b, ['forget', '-'], 'orchid protocol\n');
    assert.deepEqual([out.code, out.stderr], [0, 'warder: 1 forgotten\n']);
    passes(await tell(a, headers, 'chat', 'the orchid-protocol says'));
  });

  test('5,000 values: all of them, or none when one is another provider\'s', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `bulk value ${i}`);
    let out = await cli(a, ['add', '--provider', 'google'], 'bulk value 4990\n');
    assert.equal(out.code, 0, out.stderr);
    out = await cli(a, ['add', '--provider', 'openai'], lines.join('\n'));
    assert.equal(out.code, 1);
    assert.match(out.stderr, /holds 1 of them already; nothing was added/);
    passes(await tell(b, await auth(b), 'messages', 'bulk value 17'));
    out = await cli(a, ['add', '--provider', 'google'], lines.join('\n'));
    assert.equal(out.code, 0, out.stderr);
    conflict(await tell(b, await auth(b), 'messages', 'a bulk value 4999'), 'messages');
    out = await cli(b, ['forget', '--all']);
    assert.ok(Number(/(\d+) forgotten/.exec(out.stderr)[1]) >= 5000, out.stderr);
    passes(await tell(b, await auth(b), 'messages', 'a bulk value 4999'));
  });
});

test('F39: a reference that one gateway saw issued is honoured at the other, for its user alone', async () => {
  let n = 0;
  upstream.handle = (req, res) => json(res, { ...formats.responses.answer('Fine.'), id: `resp_over_${++n}` });
  try {
    const [ann, ben] = [await auth(a, 'ref-ann'), await auth(b, 'ref-ben')];
    const first = await tell(a, ann, 'responses', 'hi');
    passes(first);
    const use = { previous_response_id: first.json.id };
    await waitFor('the reference to be known', async () => (await tell(b, ann, 'responses', 'go on', use)).status === 200);
    conflict(await tell(b, ben, 'responses', 'go on', use), 'responses');
    conflict(await tell(a, ben, 'responses', 'go on', use), 'responses');
    conflict(await tell(b, ann, 'responses', 'go on', { previous_response_id: 'resp_of_nobody' }), 'responses');
  } finally {
    upstream.handle = say('Fine.');
  }
});

test('F15: a store that fails refuses, and one that comes back empty remembers what comes then', async () => {
  let headers = await auth();
  passes(await tell(a, named(headers, 'copper lantern'), 'chat', 'x'));
  await redis.kill();
  refused(await tell(b, headers, 'google', 'a copper lantern'), 503, 'store_unavailable', 'google');
  await redis.restart({ empty: true });
  await isReady(a);
  await isReady(b);
  headers = await auth();
  // as many names as before, through the other gateway: the version of the filter must not be taken for that of the lost one
  passes(await tell(b, named(headers, 'silent harbour'), 'chat', 'x'));
  conflict(await tell(a, headers, 'google', 'the silent harbour'), 'google');
  passes(await tell(a, headers, 'google', 'a copper lantern'));
  passes(await tell(a, headers, 'chat', `card ${card}`));
  conflict(await tell(b, headers, 'google', `card ${card}`), 'google');
});

test('F15: with on_store_failure: local a request with sensitive values is refused, since nobody knows whose they are', async () => {
  const c = await startOne((p) => Object.assign(p, { on_store_failure: 'local', replicas: 2 }));
  try {
    const headers = await auth();
    passes(await tell(c, headers, 'chat', 'clean'));
    await redis.kill();
    refused(await tell(c, headers, 'google', `card ${card}`), 503, 'store_unavailable', 'google');
    await redis.serve();
    await isReady(c);
  } finally {
    await c.stop();
  }
});
