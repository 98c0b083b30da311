// warder store migrate: tokens and ledger from a state folder to a shared store and back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { build, waitFor } from './lib/process.mjs';
import { bearer, begin, card, conflict, counts, end, isReady, migrate, newGateway, newRedis, other, passes, tell, warder } from './lib/stores.mjs';

before(begin);
after(end);

describe('there and back', () => {
  let gw, redis, shared, token;

  test('F32: to a shared store: tokens are good there, values conflict there', async () => {
    redis = await newRedis();
    gw = await newGateway('embedded');
    token = await gw.token('ann');
    passes(await tell(gw, bearer(token), 'chat', `card ${card}`));
    passes(await tell(gw, { ...bearer(token), 'x-warder-sensitive': 'copper%20lantern' }, 'chat', 'x'));
    assert.equal((await warder(gw, ['isolate', 'add', '--provider', 'anthropic'], { input: 'Orchid Protocol\n' })).code, 0);
    const out = await migrate(gw, redis, 'shared');
    assert.equal(out.code, 0, out.stderr);
    assert.match(out.stdout, /limits are not copied/);
    assert.deepEqual(counts(out), { 'places of named values': [2, 0], 'values and references': [3, 0], tokens: [1, 0] });

    shared = await newGateway(redis.url());
    await isReady(shared);
    conflict(await tell(shared, bearer(token), 'google', `card ${card}`), 'google');
    conflict(await tell(shared, bearer(token), 'google', 'a copper lantern'), 'google');
    conflict(await tell(shared, bearer(token), 'chat', 'the orchid protocol'), 'chat');
    passes(await tell(shared, bearer(token), 'messages', 'the orchid protocol'));
    passes(await tell(shared, bearer(token), 'chat', `card ${card}`));
    passes(await tell(gw, bearer(token), 'chat', 'the source is as it was'));
    conflict(await tell(gw, bearer(token), 'google', `card ${card}`), 'google');
  });

  test('again, while both gateways run: only what is new', async () => {
    const later = await gw.token('ben');
    passes(await tell(gw, { ...bearer(later), 'x-warder-sensitive': 'silent%20harbour' }, 'chat', 'x'));
    const out = await migrate(gw, redis, 'shared');
    assert.equal(out.code, 0, out.stderr);
    assert.deepEqual(counts(out), { 'places of named values': [1, 2], 'values and references': [1, 3], tokens: [1, 1] });
    conflict(await tell(shared, bearer(later), 'google', 'the silent harbour'), 'google'); // its filter was older
  });

  test('what the shared store knows better stays', async () => {
    const out = await warder(shared, ['isolate', 'forget', '--provider', 'anthropic']);
    assert.equal(out.code, 0, out.stderr);
    assert.equal((await warder(shared, ['isolate', 'add', '--provider', 'google'], { input: 'Orchid Protocol\n' })).code, 0);
    const again = await migrate(gw, redis, 'shared');
    assert.match(again.stdout, /1 are another's there and stay so/);
    passes(await tell(shared, bearer(token), 'google', 'the orchid protocol'));
  });

  test('the gateway itself changes its store with a reload', async () => {
    await gw.reload((p) => { p.store = redis.url(); });
    await isReady(gw);
    conflict(await tell(gw, bearer(token), 'google', `card ${card}`), 'google');
    passes(await tell(gw, { ...bearer(token), 'x-warder-sensitive': 'amber%20falcon' }, 'messages', 'x'));
  });

  test('to an empty folder: it takes over the key, and values conflict there', async () => {
    const back = await newGateway('embedded');
    const out = await migrate(back, redis, 'embedded');
    assert.equal(out.code, 0, out.stderr);
    assert.equal(counts(out).tokens[0], 2);
    const file = path.join(back.policy.state, 'store.key');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal(fs.statSync(file).size, 32);
    await back.restart();
    conflict(await tell(back, bearer(token), 'google', `card ${card}`), 'google');
    conflict(await tell(back, bearer(token), 'chat', 'an amber falcon'), 'chat');
    passes(await tell(back, bearer(token), 'messages', 'an amber falcon'));
    const again = await migrate(back, redis, 'embedded');
    assert.equal(again.code, 0, again.stderr);
    for (const [copied, there] of Object.values(counts(again))) assert.ok(copied === 0 && there > 0, again.stdout);
    fs.chmodSync(file, 0o640);
    const open = await migrate(back, redis, 'embedded');
    assert.equal(open.code, 2);
    assert.match(open.stderr, /store\.key in the state folder can be read by others/);
    fs.chmodSync(file, 0o600);
  });

  test('back to the folder that it came from', async () => {
    const out = await migrate(gw, redis, 'embedded');
    assert.equal(out.code, 0, out.stderr);
    await gw.reload((p) => { p.store = 'embedded'; });
    conflict(await tell(gw, bearer(token), 'google', 'an amber falcon'), 'google');
    assert.ok(!fs.existsSync(path.join(gw.policy.state, 'store.key')));
  });

  test('a folder with a ledger of its own and a store with another key: refused, but for tokens', async () => {
    const third = await newGateway('embedded');
    const own = await third.token('cat');
    passes(await tell(third, bearer(own), 'chat', `card ${card}`));
    for (const to of ['shared', 'embedded']) {
      const out = await migrate(third, redis, to);
      assert.equal(out.code, 2);
      assert.match(out.stderr, /nothing was copied \(accepted: .*--tokens-only\)/);
      assert.equal(out.stdout, '');
    }
    refused(await tell(shared, bearer(own), 'chat', 'hi'), 401, 'invalid_token', 'openai');
    const out = await migrate(third, redis, 'shared', ['--tokens-only']);
    assert.deepEqual(counts(out), { tokens: [1, 0] });
    passes(await tell(shared, bearer(own), 'chat', 'hi'));
    assert.ok(!fs.existsSync(path.join(third.policy.state, 'store.key')));
  });

  test('what is wrong is said', async () => {
    for (const [args, options] of [
      [['store', 'migrate'], {}], [['store', 'migrate', '--to', 'nowhere'], {}], [['store', 'check', '--to', 'shared'], {}],
      [['store', 'migrate', '--to', 'shared'], { file: other(gw, 'embedded') }], [['store', 'frob'], {}], [['store', 'migrate', '--to', 'shared', 'x'], {}],
    ]) {
      const out = await warder(gw, args, options);
      assert.equal(out.code, 2, args.join(' '));
      assert.match(out.stderr, /^(warder: store|usage: warder store)/);
    }
  });
});

describe('100,000 entries', () => {
  const total = 100000;
  const most = process.env.WARDER_PRELOAD ? Infinity : 32768; // a sanitizer keeps what is freed
  let gw, redis, fill;

  /** Peak of the memory of a migration, in KiB. */
  const peak = (to) => new Promise((done, fail) => {
    let max = 0, out = '';
    const child = spawn(path.join(build, 'warder'), ['store', 'migrate', '-c', other(gw, redis.url()), '--to', to], { env: gw.env });
    const look = () => {
      try {
        max = Math.max(max, Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0));
      } catch { /* it has ended */ }
    };
    const timer = setInterval(look, 5);
    child.stdout.on('data', (x) => { out += x; });
    child.stderr.on('data', (x) => { out += x; });
    child.on('error', fail);
    child.on('close', (code) => { clearInterval(timer); done({ code, max, stdout: out }); });
  });

  before(async () => {
    redis = await newRedis();
    gw = await newGateway('embedded');
    fill = await warder(gw, ['isolate', 'add', '--provider', 'openai'], { input: Array.from({ length: total }, (_, i) => `value number ${i}`).join('\n') });
  });

  test('Redis ends in the middle: said, and the next run goes on to the end', async () => {
    assert.equal(fill.code, 0, fill.stderr);
    const running = migrate(gw, redis, 'shared');
    await waitFor('some entries', async () => Number(/:(\d+)/.exec(await redis.ask('DBSIZE'))[1]) > 3000, 20000, 1);
    await redis.ask('SAVE');
    await redis.kill();
    const out = await running;
    assert.equal(out.code, 2);
    assert.match(out.stderr, /the shared store/);
    assert.match(out.stdout, /stopped; what was copied stays/);
    await redis.serve();
    const again = await migrate(gw, redis, 'shared');
    assert.equal(again.code, 0, again.stderr);
    const [copied, there] = counts(again)['values and references'];
    assert.equal(copied + there, total);
    assert.ok(there > 0 && copied > 0, again.stdout);
  });

  test('killed in the middle and repeated; there and back in bounded memory', async () => {
    await redis.ask('FLUSHALL');
    const child = spawn(path.join(build, 'warder'), ['store', 'migrate', '-c', other(gw, redis.url()), '--to', 'shared'], { env: gw.env });
    const ended = new Promise((done) => child.on('close', done));
    await waitFor('some entries', async () => Number(/:(\d+)/.exec(await redis.ask('DBSIZE'))[1]) > 3000, 20000, 1);
    child.kill('SIGKILL');
    await ended;
    const there = await peak('shared');
    assert.equal(there.code, 0, there.stdout);
    assert.equal(counts(there)['values and references'].reduce((x, y) => x + y), total);
    assert.ok(there.max < most, `${there.max} KiB`);
    const back = await peak('embedded');
    assert.equal(back.code, 0, back.stdout);
    assert.equal(counts(back)['values and references'][0], 0);
    assert.ok(counts(back)['values and references'][1] >= total);
    assert.ok(back.max < most, `${back.max} KiB`);
    const folder = await newGateway('embedded');
    const fresh = await migrate(folder, redis, 'embedded');
    assert.equal(fresh.code, 0, fresh.stderr);
    assert.equal(counts(fresh)['values and references'][0], total);
    await folder.restart();
    conflict(await tell(folder, bearer(await folder.token()), 'google', 'see value number 77777'), 'google');
  });
});

test('the rights that docs/operations.md names suffice for all of it', async () => {
  const doc = fs.readFileSync(path.join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const rights = /^user warder on >PASSWORD (.*)$/m.exec(doc)[1];
  const redis = await newRedis({ user: 'warder', password: 'a-password', rights });
  const from = await newGateway('embedded'), token = await from.token('ann');
  passes(await tell(from, { ...bearer(token), 'x-warder-sensitive': 'copper%20lantern' }, 'chat', `card ${card}`));
  const out = await migrate(from, redis, 'shared');
  assert.equal(out.code, 0, out.stderr);
  const gw = await newGateway(redis.url());
  await isReady(gw);
  conflict(await tell(gw, bearer(token), 'google', 'a copper lantern'), 'google');
  passes(await tell(gw, { ...bearer(token), 'x-warder-sensitive': 'silent%20harbour' }, 'messages', 'x'));
  refused(await tell(gw, bearer('wdr_' + 'A'.repeat(43)), 'chat', 'x'), 401, 'invalid_token', 'openai');
  assert.equal((await warder(gw, ['isolate', 'add', '--provider', 'google'], { input: 'Orchid Protocol\n' })).code, 0);
  assert.match((await warder(gw, ['isolate', 'list'])).stdout, /cards/);
  assert.equal((await warder(gw, ['isolate', 'forget', '--all'])).code, 0);
  assert.match((await warder(gw, ['store', 'check'])).stdout, /store: ok/);
  const back = await migrate(from, redis, 'embedded');
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await warder(gw, ['token', 'revoke', token])).code, 0);
  refused(await tell(gw, bearer(token), 'chat', 'x'), 401, 'invalid_token', 'openai');
});
