// Stand-by keys: how long a key that failed stands aside, and what goes out meanwhile.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { inMemory, preload } from './lib/preload.mjs';
import { waitFor } from './lib/process.mjs';
import {
  begin, end, forget, second, provider, firstOf, secondOf, keyOf, refuse, both, firsts, standby, ask, fine, used, metric, failing,
} from './lib/standby.mjs';
import { door, say } from './lib/upstream.mjs';

let upstream, gateway;
before(async () => { ({ upstream, gateway } = await begin()); });
beforeEach(forget);
after(end);

describe('marks', () => {
  test('429: the key comes back when retry-after is over', async () => {
    upstream.handle = firsts(429, { headers: { 'retry-after': '1' } });
    const began = Date.now();
    fine('chat', await ask('chat'));
    upstream.handle = say('Fine.');
    upstream.requests.length = 0;
    await waitFor('the first key', async () => {
      fine('chat', await ask('chat'));
      return used().at(-1) === firstOf.openai;
    }, 5000);
    assert.ok(Date.now() - began >= 900, `${Date.now() - began} ms`);
    assert.ok(used().includes(secondOf.openai));
    assert.equal(await failing('openai', 0), 0);
  });

  test('429: retry-after as a date', async () => {
    upstream.handle = firsts(429, { headers: { 'retry-after': new Date(Date.now() + 2000).toUTCString() } });
    fine('chat', await ask('chat'));
    upstream.handle = say('Fine.');
    assert.equal(await failing('openai', 0), 1);
    await waitFor('the first key', async () => {
      fine('chat', await ask('chat'));
      return used().at(-1) === firstOf.openai;
    }, 5000);
  });

  test('429: what cannot be read counts as none', async () => {
    for (const value of ['soon', '-1', '99999999999999999999', '1.5', '']) {
      await gateway.reload();
      upstream.handle = firsts(429, { headers: { 'retry-after': value } });
      fine('chat', await ask('chat'));
      assert.equal(await failing('openai', 0), 1, value);
    }
  });

  test('what a request of before a reload learns of its key does not mark the key of after', async () => {
    const held = door();
    const otherwise = firsts(401);
    upstream.handle = async (req, res, record) => { await held.opened; return otherwise(req, res, record); };
    const asked = ask('chat');
    await waitFor('the request', () => upstream.requests.length === 1);
    await gateway.reload();
    held.open();
    fine('chat', await asked);
    assert.deepEqual(used(), [firstOf.openai, secondOf.openai]);
    assert.equal(await failing('openai', 0), 0);
  });

  test('401: not before its time', async () => {
    upstream.handle = firsts(401, { headers: { 'retry-after': '1' } });
    fine('chat', await ask('chat'));
    const until = Date.now() + 1500;
    upstream.requests.length = 0;
    await waitFor('more than a second', async () => { fine('chat', await ask('chat')); return Date.now() > until; });
    assert.ok(!used().includes(firstOf.openai));
  });

  test('one who is refused for what he asks cannot put the others on a dead key', async () => {
    // the first key is dead; somebody asks again and again for what the account may not
    upstream.handle = (req, res, record) => refuse({ [firstOf.openai]: 401, ...(record.body.includes('forbidden') ? { [secondOf.openai]: 403 } : {}) })(req, res, record);
    fine('chat', await ask('chat'));
    for (let i = 0; i < 6; i++) {
      const bad = await ask('chat', { text: 'forbidden' });
      assert.equal(bad.status, 403);
      fine('chat', await ask('chat'));
    }
    assert.equal(used().filter((k) => k === firstOf.openai).length, 1);
  });

  test('three keys: in turn, one more a request', async () => {
    const { openai } = gateway.policy.providers;
    const all = openai.keys;
    const third = second.OPENAI_THIRD;
    await gateway.reload(() => { openai.keys = [...all, 'env:OPENAI_THIRD']; });
    try {
      upstream.handle = refuse({ [firstOf.openai]: 401, [secondOf.openai]: 401 });
      assert.equal((await ask('chat')).status, 401);
      assert.deepEqual(used(), [firstOf.openai, secondOf.openai]);
      upstream.requests.length = 0;
      fine('chat', await ask('chat'));
      assert.deepEqual(used(), [secondOf.openai, third]);
      upstream.requests.length = 0;
      fine('chat', await ask('chat'));
      assert.deepEqual(used(), [third]);
    } finally {
      await gateway.reload(() => { openai.keys = all; });
    }
  });
});

describe('with another clock', () => {
  let time, late, as;

  before(async () => {
    time = preload();
    late = await startGateway({ upstream: upstream.url, env: { ...second, ...time.env }, policy: standby });
    as = await late.token();
  });
  after(async () => {
    await late?.stop();
    time?.remove();
  });
  let now = 0;
  beforeEach(async () => {
    await late.reload();
    upstream.requests.length = 0;
  });
  const again = () => ask('chat', { to: late, as });
  const mark = (slot) => metric('warder_provider_key_failing', `provider="openai",slot="${slot}"`, late);
  const forward = (seconds) => time.forward(now += seconds);

  for (const status of [401, 403]) {
    test(`${status}: one request at a time tries the key; nobody fails, and it stays aside`, async () => {
      upstream.handle = firsts(status);
      fine('chat', await again());
      forward(590);
      upstream.requests.length = 0;
      for (let i = 0; i < 4; i++) fine('chat', await again());
      assert.deepEqual(new Set(used()), new Set([secondOf.openai]), 'not before its time');
      forward(15);
      assert.equal(await mark(0), 1);
      // the one that tries it is held: the others do not wait for it
      const held = door();
      const otherwise = upstream.handle;
      upstream.handle = async (req, res, record) => { if (keyOf(record) === firstOf.openai) await held.opened; return otherwise(req, res, record); };
      upstream.requests.length = 0;
      const trial = again();
      await waitFor('the trial', () => used().includes(firstOf.openai));
      const answers = await Promise.all(Array.from({ length: 20 }, again));
      for (const answer of answers) fine('chat', answer);
      held.open();
      fine('chat', await trial);
      assert.deepEqual(used().filter((k) => k === firstOf.openai).length, 1);
      assert.equal(upstream.requests.length, 22);
      assert.equal(await mark(0), 1);
      forward(590);
      fine('chat', await again());
      assert.equal(used().at(-1), secondOf.openai, 'aside for ten more minutes');
    });
  }

  test('a key that works again is used again, by all', async () => {
    upstream.handle = firsts(401);
    fine('chat', await again());
    upstream.handle = say('Fine.');
    forward(601);
    upstream.requests.length = 0;
    for (let i = 0; i < 5; i++) fine('chat', await again());
    assert.deepEqual(new Set(used()), new Set([firstOf.openai]));
    assert.equal(await mark(0), 0);
  });

  test('a trial that comes to no end is followed by another', async () => {
    upstream.handle = firsts(401);
    fine('chat', await again());
    forward(601);
    let tried = 0;
    upstream.handle = (req, res, record) => (keyOf(record) === firstOf.openai ? (tried++, res.destroy()) : say('Fine.')(req, res, record));
    assert.equal((await again()).status, 502);
    for (let i = 0; i < 3; i++) fine('chat', await again());
    assert.equal(tried, 1);
    upstream.handle = say('Fine.');
    forward(31);
    upstream.requests.length = 0;
    fine('chat', await again());
    assert.deepEqual(used(), [firstOf.openai]);
  });

  test('all dead: each request tries one, the one whose mark ends first', async () => {
    upstream.handle = both(401);
    for (let i = 0; i < 6; i++) assert.equal((await again()).status, 401);
    assert.equal(upstream.requests.length, 7);
    assert.equal(new Set(used()).size, 2);
    forward(601);
    assert.equal((await again()).status, 401);
    upstream.handle = say('Fine.');
    for (let i = 0; i < 2; i++) fine('chat', await again());
  });

  test('429: five minutes at most', async () => {
    upstream.handle = firsts(429, { headers: { 'retry-after': '86400' } });
    fine('chat', await again());
    upstream.requests.length = 0;
    forward(295);
    fine('chat', await again());
    assert.deepEqual(used(), [secondOf.openai]);
    forward(6);
    assert.equal(await mark(0), 0);
    upstream.handle = say('Fine.');
    fine('chat', await again());
    assert.equal(used().at(-1), firstOf.openai);
  });

  test('429 without retry-after: half a minute', async () => {
    upstream.handle = firsts(429);
    fine('chat', await again());
    forward(25);
    assert.equal(await mark(0), 1);
    forward(6);
    assert.equal(await mark(0), 0);
  });

  test('F30: the key of the first way is gone from the worker while the second is under way', async () => {
    const held = door();
    const otherwise = firsts(401);
    upstream.handle = async (req, res, record) => { if (keyOf(record) !== firstOf.openai) await held.opened; return otherwise(req, res, record); };
    const asked = again();
    await waitFor('the second way', () => upstream.requests.length === 2);
    const sent = (key) => inMemory(late.workers(), `Authorization: Bearer ${key}`);
    assert.ok(sent(secondOf.openai) > 0, 'the look finds nothing');
    assert.equal(sent(firstOf.openai), 0);
    held.open();
    fine('chat', await asked);
    await waitFor('the end', () => sent(secondOf.openai) === 0);
  });
});
