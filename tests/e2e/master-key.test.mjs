// A shared store whose key comes from a master key.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { waitFor } from './lib/process.mjs';
import { bearer, begin, card, conflict, counts, end, isReady, migrate, newGateway, newRedis, passes, readyz, tell, warder } from './lib/stores.mjs';

before(begin);
after(end);

describe('a master key', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-master-'));
  const keyFile = (name, byte) => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, Buffer.alloc(32, byte), { mode: 0o600 });
    return { WARDER_MASTER_KEY: file };
  };
  after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const one = keyFile('one', 1), two = keyFile('two', 2);

  test('the key of the store does not stand in Redis, and gateways with the master key agree on it', async () => {
    const redis = await newRedis();
    const [a, b] = [await newGateway(redis.url(), one), await newGateway(redis.url(), one)];
    for (const gw of [a, b]) await isReady(gw);
    const token = await a.token('ann');
    passes(await tell(a, bearer(token), 'chat', `card ${card}`));
    conflict(await tell(b, bearer(token), 'google', `card ${card}`), 'google');
    assert.equal(await redis.ask('HEXISTS', '{warder}:m', 'key').then((t) => t.split('\r\n')[0]), ':0');
    assert.equal(await redis.ask('HEXISTS', '{warder}:m', 'check').then((t) => t.split('\r\n')[0]), ':1');
    assert.equal((await warder(a, ['isolate', 'add', '--provider', 'anthropic'], { input: 'Orchid Protocol\n' })).code, 0);
    conflict(await tell(b, bearer(token), 'chat', 'the orchid protocol'), 'chat');
    await a.restart();
    await isReady(a);
    conflict(await tell(a, bearer(token), 'google', `card ${card}`), 'google');
    for (const worker of a.workers()) process.kill(worker, 'SIGKILL');
    await waitFor('a new worker', async () => (await tell(a, bearer(token), 'google', `card ${card}`).catch(() => ({}))).status === 403);

    for (const [env, what] of [[two, /another master key/], [{}, /has none/]]) {
      const gw = await newGateway(redis.url(), env);
      await waitFor('readyz to say why', async () => /store: its data was begun with another master key/.test((await readyz(gw)).text));
      assert.equal((await readyz(gw)).status, 503);
      refused(await tell(gw, bearer(token), 'chat', 'hi'), 503, 'store_unavailable', 'openai');
      assert.match(gw.log(), /master key/);
      const out = await warder(gw, ['token', 'list']);
      assert.notEqual(out.code, 0);
      assert.match(out.stderr, /master key/);
      assert.ok(what.test(out.stderr) || /not the one/.test(out.stderr), out.stderr);
    }
  });

  test('a store that was begun without one refuses a gateway with one, local or not', async () => {
    const redis = await newRedis();
    await isReady(await newGateway(redis.url()));
    const gw = await newGateway(redis.url(), one);
    await waitFor('readyz to say why', async () => /master key/.test((await readyz(gw)).text));
    await gw.reload((p) => { Object.assign(p, { on_store_failure: 'local', replicas: 2 }); });
    await waitFor('readyz to say why', async () => /master key/.test((await readyz(gw)).text));
    assert.equal((await readyz(gw)).status, 503);
    refused(await tell(gw, bearer('wdr_' + 'A'.repeat(43)), 'chat', 'hi'), 503, 'store_unavailable', 'openai');
  });

  test('a folder without a ledger migrates to it, and back with the key', async () => {
    const redis = await newRedis();
    const gw = await newGateway('embedded', one);
    const token = await gw.token('ann');
    let out = await migrate(gw, redis, 'shared');
    assert.equal(out.code, 0, out.stderr);
    assert.deepEqual(counts(out), { tokens: [1, 0] });
    const shared = await newGateway(redis.url(), one);
    await isReady(shared);
    passes(await tell(shared, bearer(token), 'chat', `card ${card}`));
    out = await migrate(gw, redis, 'embedded');
    assert.equal(out.code, 0, out.stderr);
    await gw.restart();
    conflict(await tell(gw, bearer(token), 'google', `card ${card}`), 'google');
    out = await migrate(gw, redis, 'shared');
    assert.equal(out.code, 0, out.stderr);
    out = await migrate(gw, redis, 'shared', [], { env: two });
    assert.equal(out.code, 2);
    assert.match(out.stderr, /master key is not the one/);
  });
});
