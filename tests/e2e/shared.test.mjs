// Gateways that share one store: a real Redis, several gateways with state folders of their own.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { open, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { waitFor } from './lib/process.mjs';
import { startRedis } from './lib/redis.mjs';
import { door, formats, say, startUpstream } from './lib/upstream.mjs';

const roles = {
  hourly: { providers: ['*'], tools: ['*'], limit: '20/1h' },
  many: { providers: ['*'], tools: ['*'], limit: '300/1h' },
  sliced: { providers: ['*'], tools: ['*'], limit: '2000/1h' },
  wide: { providers: ['*'], tools: ['*'], limit: '1000000/1h' },
};

let redis, upstream;
const gateways = [];

const startOne = (more = () => {}, on = redis) => startGateway({
  upstream: upstream.url,
  policy(p) {
    p.store = on.url();
    p.workers = 1;
    p.roles = structuredClone(roles);
    more(p);
  },
});

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const ask = (gateway, headers, name = 'chat', more = {}) => request(gateway.url, { path: formats[name].path, headers, body: formats[name].ask('Hi'), ...more });
const passed = (answers) => answers.filter((a) => a.status === 200).length;
const ready = async (gateway) => request(`http://${gateway.policy.admin}/readyz`, { method: 'GET' });
const isReady = (gateway) => waitFor('the gateway to be ready', async () => (await ready(gateway)).status === 200);
let users = 0;
const newToken = async (gateway, role, user = `user${users++}`) => bearer(await gateway.token(user, role));

describe('four gateways', () => {
  before(async () => {
    redis = await startRedis();
    upstream = await startUpstream(say('Fine.'));
    for (let i = 0; i < 4; i++) gateways.push(await startOne());
    for (const gateway of gateways) await isReady(gateway);
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await upstream?.stop();
    await redis?.stop();
  });

  test('F20 F21: of 1,000 callers at once exactly the limit passes', async () => {
    const headers = await newToken(gateways[0], 'many');
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(gateways[i % 4], headers)));
    assert.equal(passed(answers), 300);
    assert.equal(upstream.requests.length, before + 300);
    for (const answer of answers.filter((a) => a.status !== 200)) refused(answer, 429, 'rate_limit_exceeded', 'openai');
  });

  test('F20 F21: above 1,000, in slices, never more than the limit and at most 2 % less', async () => {
    const headers = await newToken(gateways[0], 'sliced');
    let all = 0;
    for (let round = 0; round < 3; round++) all += passed(await Promise.all(Array.from({ length: 800 }, (_, i) => ask(gateways[i % 4], headers))));
    assert.ok(all <= 2000 && all >= 1960, `${all}`);
  });

  test('the headers count down over all gateways', async () => {
    const headers = await newToken(gateways[2], 'hourly');
    for (let left = 19; left >= 0; left--) {
      const answer = await ask(gateways[left % 4], headers);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['x-ratelimit-remaining-requests'], String(left));
    }
    for (const gateway of gateways) refused(await ask(gateway, headers), 429, 'rate_limit_exceeded', 'openai');
  });

  test('F32: a token is good everywhere at once, and revoked everywhere with the next request', async () => {
    const token = await gateways[1].token('carol', 'wide');
    for (let n = 0; n < 3; n++) for (const gateway of gateways) assert.equal((await ask(gateway, bearer(token))).status, 200);
    await gateways[3].cli('token', 'revoke', '-c', gateways[3].file, token);
    for (const gateway of gateways) {
      refused(await ask(gateway, bearer(token)), 401, 'invalid_token', 'openai');
      refused(await ask(gateway, bearer(token)), 401, 'invalid_token', 'openai');
    }
    const { stdout } = await gateways[0].cli('token', 'list', '-c', gateways[0].file, '--format', 'json');
    const users = JSON.parse(stdout).tokens.map((t) => t.user);
    assert.ok(!users.includes('carol') && users.length > 0);
  });

  test('F32: of a token the store holds a digest', async () => {
    const token = await gateways[0].token('dave', 'wide');
    assert.equal((await ask(gateways[0], bearer(token))).status, 200);
    await redis.ask('SAVE');
    const dump = fs.readFileSync(path.join(redis.dir, 'dump.rdb'), 'latin1');
    assert.ok(dump.length > 100 && !dump.includes(token.slice(4)));
  });

  test('failed tokens of an address count over all gateways', async () => {
    const from = '127.0.0.77';
    const bad = bearer('wdr_' + 'A'.repeat(43));
    const answers = [];
    for (let i = 0; i < 64; i++) answers.push(await ask(gateways[i % 4], bad, 'chat', { from }));
    assert.equal(answers.filter((a) => a.status === 401).length, 60);
    assert.equal(answers.filter((a) => a.status === 429).length, 4);
  });

  test('F23: requests without an answer of the provider do not count', async () => {
    const headers = await newToken(gateways[0], 'hourly');
    upstream.handle = (req, res) => res.socket.destroy();
    for (let i = 0; i < 30; i++) assert.equal((await ask(gateways[i % 4], headers)).status, 502);
    upstream.handle = say('Fine.');
    assert.equal(passed(await Promise.all(Array.from({ length: 40 }, (_, i) => ask(gateways[i % 4], headers)))), 20);
  });

  test('streams, models and every format go through', async () => {
    const headers = await newToken(gateways[0], 'wide');
    for (const name of Object.keys(formats)) assert.equal((await ask(gateways[1], headers, name)).status, 200, name);
    assert.equal((await request(gateways[2].url, { method: 'GET', path: '/openai/v1/models', headers })).status, 200);
  });

  test('one round trip a request', async () => {
    const headers = await newToken(gateways[0], 'wide');
    await ask(gateways[0], headers);
    const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.ask('INFO', 'commandstats'))?.[1] ?? 0);
    const before = await calls();
    for (let i = 0; i < 50; i++) assert.equal((await ask(gateways[0], headers)).status, 200);
    const made = await calls() - before;
    assert.ok(made >= 50 && made <= 52, `${made} scripts for 50 requests`);
  });

  test('a reload and a killed worker keep the store', async () => {
    const headers = await newToken(gateways[0], 'hourly');
    assert.equal(passed(await Promise.all(Array.from({ length: 12 }, () => ask(gateways[0], headers)))), 12);
    await gateways[0].reload();
    await isReady(gateways[0]);
    const [worker] = gateways[0].workers();
    process.kill(worker, 'SIGKILL');
    await waitFor('another worker', () => gateways[0].workers().some((pid) => pid !== worker));
    await isReady(gateways[0]);
    assert.equal(passed(await Promise.all(Array.from({ length: 30 }, () => ask(gateways[0], headers)))), 8);
  });

  test('callers who leave while the store is asked take nothing', async () => {
    const headers = await newToken(gateways[0], 'hourly');
    await ask(gateways[0], headers);
    redis.pause();
    const left = Array.from({ length: 10 }, () => open(gateways[0].url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi') }).then((s) => s.cut()).catch(() => {}));
    await Promise.all(left);
    redis.resume();
    await isReady(gateways[0]);
    assert.equal(passed(await Promise.all(Array.from({ length: 40 }, (_, i) => ask(gateways[i % 4], headers)))), 19);
  });
});

describe('F15: a store that fails', () => {
  let gateway, headers;
  before(async () => {
    redis = await startRedis();
    upstream = await startUpstream(say('Fine.'));
    gateway = await startOne();
    await isReady(gateway);
    headers = await newToken(gateway, 'hourly', 'erin');
    assert.equal((await ask(gateway, headers)).status, 200);
  });
  after(async () => {
    await gateway?.stop();
    await upstream?.stop();
    await redis?.stop();
  });

  const notReady = (what) => waitFor(`readyz to say ${what}`, async () => {
    const answer = await ready(gateway);
    return answer.status === 503 && what.test(answer.text);
  });

  test('paused: refused in time, nothing counted twice when it goes on', async () => {
    const before = upstream.requests.length;
    redis.pause();
    const began = performance.now();
    for (const answer of await Promise.all(Array.from({ length: 10 }, () => ask(gateway, headers)))) refused(answer, 503, 'store_unavailable', 'openai');
    assert.ok(performance.now() - began < 5000);
    await notReady(/store/);
    redis.resume();
    await isReady(gateway);
    assert.equal(upstream.requests.length, before);
    const answer = await ask(gateway, headers);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], '18');
  });

  test('killed: refused; started again with its data: as before', async () => {
    const token = await newToken(gateway, 'hourly');
    assert.equal((await ask(gateway, token)).headers['x-ratelimit-remaining-requests'], '19');
    await redis.ask('SAVE');
    await redis.kill();
    refused(await ask(gateway, headers), 503, 'store_unavailable', 'openai');
    await notReady(/store/);
    await redis.serve();
    await isReady(gateway);
    assert.equal((await ask(gateway, token)).headers['x-ratelimit-remaining-requests'], '18');
  });

  test('full: refused, never let through', async () => {
    const fresh = await newToken(gateway, 'hourly');
    await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
    refused(await ask(gateway, fresh), 503, 'store_unavailable', 'openai');
    await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
    await isReady(gateway);
    assert.equal((await ask(gateway, fresh)).status, 200);
  });

  test('F32: restarted empty: nobody is known any more', async () => {
    const token = await newToken(gateway, 'hourly');
    assert.equal((await ask(gateway, token)).status, 200);
    await redis.restart({ empty: true });
    await isReady(gateway);
    refused(await ask(gateway, token), 401, 'invalid_token', 'openai');
    assert.equal((await ask(gateway, await newToken(gateway, 'hourly'))).status, 200);
  });

  test('scripts flushed: loaded again', async () => {
    const token = await newToken(gateway, 'hourly');
    await redis.ask('SCRIPT', 'FLUSH');
    await waitFor('a request to pass', async () => (await ask(gateway, token)).status === 200);
  });

  test('somebody else wrote into its keys: refused', async () => {
    const token = await newToken(gateway, 'hourly');
    assert.equal((await ask(gateway, token)).status, 200);
    await redis.ask('EVAL', "for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('SET', k, 'x') end", '0');
    const answer = await ask(gateway, token);
    assert.ok(answer.status === 503 || answer.status === 401, `${answer.status}`);
    await redis.ask('FLUSHALL');
  });
});

test('F15: on_store_failure: local applies its share of the limit to tokens it knows', async (t) => {
  redis = await startRedis();
  upstream = await startUpstream(say('Fine.'));
  const gateway = await startOne((p) => Object.assign(p, { on_store_failure: 'local', replicas: 4 }));
  t.after(async () => {
    await gateway.stop();
    await upstream.stop();
    await redis.stop();
  });
  await isReady(gateway);
  const headers = await newToken(gateway, 'hourly', 'frank');
  const stranger = await newToken(gateway, 'hourly', 'grace');
  assert.equal((await ask(gateway, headers)).status, 200);
  await redis.kill();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(gateway, headers)));
  assert.equal(passed(answers), 5);
  refused(await ask(gateway, stranger), 503, 'store_unavailable', 'openai');
  const state = await ready(gateway);
  assert.equal(state.status, 200);
  assert.match(state.text, /degraded/);
  await redis.serve();
  await waitFor('the shared store', async () => !/degraded/.test((await ready(gateway)).text));
  assert.equal((await ask(gateway, await newToken(gateway, 'hourly'))).status, 200);
});

test('F15: a gateway that starts without its store refuses, and serves when it comes', async (t) => {
  redis = await startRedis();
  upstream = await startUpstream(say('Fine.'));
  await redis.kill();
  const gateway = await startOne();
  t.after(async () => {
    await gateway.stop();
    await upstream.stop();
    await redis.stop();
  });
  refused(await ask(gateway, bearer('wdr_' + 'A'.repeat(43))), 503, 'store_unavailable', 'openai');
  await redis.serve();
  await isReady(gateway);
  assert.equal((await ask(gateway, await newToken(gateway, 'hourly'))).status, 200);
});
