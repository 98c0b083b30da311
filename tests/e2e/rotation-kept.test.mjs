// Changed keys over restarts, keys in files, and how long the key of before is known.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { keys } from './lib/gateway.mjs';
import { waitFor } from './lib/process.mjs';
import { again, ask, fresh, list, openai, rotate, setUp, tearDown, used, warder } from './lib/rotation.mjs';
import { say } from './lib/upstream.mjs';

const spare = fresh();
let upstream, gateway;
before(async () => { ({ upstream, gateway } = await setUp({ env: { SPARE: spare }, policy: openai(['env:OPENAI_API_KEY', 'env:SPARE']) })); });
after(tearDown);

describe('keys at rest', () => {
  const hex = '0123456789abcdef'.repeat(4);
  const master = (gateway, text = hex, name = 'master.key') => {
    const file = path.join(gateway.dir, name);
    fs.writeFileSync(file, text, { mode: 0o600 });
    gateway.env.WARDER_MASTER_KEY = file;
  };
  /** Starting fails with 2 and says what. */
  async function startFails(gateway, what) {
    await assert.rejects(gateway.serve(), (error) => {
      assert.match(error.message, /"code":2/);
      assert.match(error.message, what);
      assert.match(error.message, /\(accepted: /);
      return true;
    });
  }

  test('F36: with a master key the changed key and the revoked one outlive a restart, until the configured one changes', async () => {
    await again();
    const next = fresh();
    master(gateway);
    await gateway.restart();
    const { code, err } = await rotate(gateway, next);
    assert.equal(code, 0);
    assert.doesNotMatch(err, /no master key/);
    assert.equal((await warder(gateway, 'keys revoke -c warder.yaml openai --index 1')).code, 0);
    for (const name of ['keys/openai.0', 'keys/openai.1']) {
      const st = fs.statSync(path.join(gateway.policy.state, name));
      assert.equal(st.mode & 0o777, 0o600);
      assert.equal(st.uid, fs.statSync(gateway.policy.state).uid);
    }
    await gateway.restart();
    assert.deepEqual(await used(), [next]);
    assert.deepEqual((await list(gateway, 'openai')).map((k) => k.state), ['in_use', 'revoked']);
    await gateway.reload();
    assert.deepEqual(await used(), [next]);

    const configured = fresh();
    gateway.env.OPENAI_API_KEY = configured;
    await gateway.restart();
    assert.deepEqual(await used(), [configured]);
    assert.match(gateway.log(), /providers\.openai\.keys: env:OPENAI_API_KEY holds another key .* newer/);
    // for good: the configured key of before does not bring the changed one back
    gateway.env.OPENAI_API_KEY = keys.OPENAI_API_KEY;
    await gateway.restart();
    assert.deepEqual(await used(), [keys.OPENAI_API_KEY]);
  });

  test('a master key that does not fit, is missing, no key or open to others, and a damaged file: no start, and a reload keeps the old state', async () => {
    await again();
    master(gateway, Buffer.from(hex, 'hex'));
    await gateway.restart();
    const next = fresh();
    assert.equal((await rotate(gateway, next)).code, 0);
    const file = path.join(gateway.policy.state, 'keys/openai.0');
    const good = fs.readFileSync(file);
    const damaged = Buffer.from(good);
    damaged[60] ^= 1;
    fs.writeFileSync(file, damaged);
    await assert.rejects(gateway.reload(), /keys\/openai\.0.* is damaged \(accepted: [^]*not reloaded/);
    assert.deepEqual(await used(), [next]);
    await gateway.proc.stop();
    await startFails(gateway, /keys\/openai\.0.* is damaged/);
    fs.writeFileSync(file, good.subarray(0, 70));
    await startFails(gateway, /keys\/openai\.0.* is damaged/);
    fs.writeFileSync(file, good);
    master(gateway, `${'f'.repeat(64)}\n`);
    await startFails(gateway, /keys\/openai\.0.* does not open with this master key/);
    delete gateway.env.WARDER_MASTER_KEY;
    await startFails(gateway, /keys\/openai\.0.* there is no master key/);
    for (const text of ['', 'f'.repeat(63), 'f'.repeat(31), `${'f'.repeat(63)}g`, 'f'.repeat(100)]) {
      master(gateway, text);
      await startFails(gateway, /master key .*is no key/);
    }
    master(gateway, hex);
    fs.chmodSync(gateway.env.WARDER_MASTER_KEY, 0o640);
    await startFails(gateway, /master key .*can be read by others/);
    gateway.env.WARDER_MASTER_KEY = path.join(gateway.dir, 'none');
    await startFails(gateway, /master key .*No such file/);
    delete gateway.env.WARDER_MASTER_KEY;
    master(gateway, hex, 'warder-master-key');
    delete gateway.env.WARDER_MASTER_KEY;
    gateway.env.CREDENTIALS_DIRECTORY = gateway.dir;
    await gateway.serve();
    assert.deepEqual(await used(), [next]);
  });
});

test('F36: a key in a file: a new one is used, a bad one is said once and the old one stays', async () => {
  await again();
  const file = path.join(gateway.dir, 'openai.key');
  const put = (text, mode = 0o600) => {
    fs.writeFileSync(`${file}.new`, text, { mode });
    fs.renameSync(`${file}.new`, file);
  };
  const [a, b, c] = [fresh(), fresh(), fresh()];
  put(a);
  await gateway.reload(openai([`file:${file}`]));
  assert.deepEqual(await used(), [a]);
  put(`${b}\n`);
  await waitFor('the new key', async () => (await used()).join() === b);
  const bad = (what) => gateway.proc.err.split(what).length - 1;
  put('nothing-like-it');
  await waitFor('the error', () => bad('does not begin as the keys of this provider do') === 1);
  put(c, 0o644);
  await waitFor('the error', () => bad('the key of before stays in use') === 2);
  fs.rmSync(file);
  await waitFor('the error', () => bad('the key of before stays in use') === 3);
  assert.deepEqual(await used(), [b]);
  // a key that was changed by hand goes on until the file changes
  const hand = fresh();
  assert.equal((await rotate(gateway, hand)).code, 0);
  put(c);
  await waitFor('the key of the file', async () => (await used()).join() === c);
  assert.equal(bad('the key of before stays in use'), 3, 'said once each');
  const [slot] = await list(gateway, 'openai');
  assert.deepEqual([slot.rotated, slot.source.startsWith('file:')], [false, true]);
  assert.equal((await gateway.verify()).code, 0);
});

test('F30: the key of before does not show in answers while its grace lasts', async () => {
  // a word that no rule takes for a key
  const plain = 'correct-horse-battery-staple', next = 'wrong-donkey-socket-paperclip';
  await again({ env: { OPENAI_API_KEY: plain }, policy: (p) => { p.providers.openai.key_prefix = null; } });
  upstream.handle = (req, res, record) => say(`It is ${plain} or ${next}.`)(req, res, record);
  // of many at once, so that every worker has a say
  const text = async () => [...new Set((await Promise.all(Array.from({ length: 12 }, () => ask()))).map((a) => a.json.choices[0].message.content))].join();
  assert.equal(await text(), `It is [REDACTED] or ${next}.`);
  assert.equal((await rotate(gateway, next, 'openai --grace 5s')).code, 0);
  assert.equal(await text(), 'It is [REDACTED] or [REDACTED].');
  assert.ok((await list(gateway, 'openai'))[0].old_until > Date.now() / 1000);
  // a worker that starts within the grace knows it, too
  const old = gateway.workers();
  await gateway.reload();
  await waitFor('new workers', () => gateway.workers().every((pid) => !old.includes(pid)));
  assert.equal(await text(), 'It is [REDACTED] or [REDACTED].');
  await waitFor('the end of the grace', async () => (await text()) === `It is ${plain} or [REDACTED].`);
  await waitFor('the list to say so', async () => (await list(gateway, 'openai'))[0].old_until === null);
  assert.equal((await rotate(gateway, 'third-mule-plug-stapler', 'openai --grace 0s')).code, 0);
  assert.equal(await text(), `It is ${plain} or ${next}.`);
});

