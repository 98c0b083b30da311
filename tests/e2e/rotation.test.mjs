// Provider keys that change while the gateway runs: as docs/rotation.md says, and what is refused.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { events, open, request } from './lib/client.mjs';
import { keys } from './lib/gateway.mjs';
import { children, everything, root, waitFor } from './lib/process.mjs';
import { again, ask, fresh, keyOf, list, rotate, setUp, sh, tearDown, used, warder } from './lib/rotation.mjs';
import { door, formats, json, say, sse, startUpstream, write } from './lib/upstream.mjs';

const page = fs.readFileSync(path.join(root, 'docs/rotation.md'), 'utf8');
/** The commands of the page, by the heading that they stand under. */
const commands = Object.fromEntries([...page.matchAll(/^## (.*)\n[^]*?(?=^## |(?![^]))/gm)]
  .map(([text, heading]) => [heading, [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map((m) => m[1]).join('')]));

const spare = fresh();
let upstream, gateway;
before(async () => {
  ({ upstream, gateway } = await setUp({ env: { SPARE: spare }, policy: (p) => { p.providers.openai.keys = ['env:OPENAI_API_KEY', 'env:SPARE']; } }));
});
after(tearDown);

const tree = (pid) => [pid, ...children(pid).flatMap(tree)];

/** Callers that ask without end; stop() gives what failed. Each request is numbered, in the text of its message. */
function load(gateway, bearer, callers = 6) {
  const state = { sent: 0, failed: [], going: true };
  const caller = async () => {
    while (state.going) {
      const n = state.sent++;
      const stream = n % 3 === 0;
      const answer = await request(gateway.url, {
        path: formats.chat.path, headers: { authorization: `Bearer ${bearer}` }, body: formats.chat.ask(`number ${n}.`, stream ? { stream } : {}),
      }).catch((error) => ({ status: 0, text: String(error) }));
      if (answer.status !== 200 || (stream && !answer.text.includes('[DONE]'))) state.failed.push(`${n}: ${answer.status} ${answer.text}`);
    }
  };
  const all = Array.from({ length: callers }, caller);
  state.stop = async () => {
    state.going = false;
    await Promise.all(all);
    return state.failed;
  };
  return state;
}

test('F36: the commands of docs/rotation.md, as they stand there, under load: no request fails, and only the new key is used', async () => {
  const next = fresh(), google = fresh('AIza');
  const run = async (heading) => {
    assert.ok(commands[heading], `${heading} has commands`);
    const { code, out, err } = await sh(commands[heading], { cwd: gateway.dir, env: gateway.env });
    assert.equal(code, 0, `${heading}: ${out}${err}`);
    return out + err;
  };
  await run('Once: a master key');
  gateway.env.WARDER_MASTER_KEY = path.join(gateway.dir, 'master.key');
  const files = { key: path.join(gateway.dir, 'google.key'), fresh: path.join(gateway.dir, 'new-google-key') };
  fs.writeFileSync(files.key, keys.GOOGLE_API_KEY, { mode: 0o600 });
  gateway.write((p) => { p.providers.google.keys = [`file:${files.key}`]; });
  await gateway.restart();
  const bearer = await gateway.token();

  const gate = door();
  const streaming = door();
  upstream.handle = async (req, res, record) => {
    if (!record.body.includes('hold on')) return say('Fine.')(req, res, record);
    sse(res);
    for (const event of [...formats.chat.start, formats.chat.delta('before ')]) await write(res, event);
    streaming.open();
    await gate.opened;
    for (const event of [formats.chat.delta('after'), ...formats.chat.end]) await write(res, event);
    return res.end();
  };
  const stream = await open(gateway.url, { path: formats.chat.path, headers: { authorization: `Bearer ${bearer}` }, body: formats.chat.ask('hold on', { stream: true }) });
  await streaming.opened;

  const callers = load(gateway, bearer);
  await waitFor('the load', () => callers.sent > 50);
  fs.writeFileSync(path.join(gateway.dir, 'new-key'), `${next}\n`, { mode: 0o600 });
  const said = await run('A new key');
  const mark = callers.sent;
  await waitFor('more load', () => callers.sent > mark + 100);
  assert.match(said, /every worker uses the new key of openai/);
  assert.doesNotMatch(said, /no master key/);
  assert.match(said, /^ok: \d+ records/m);
  const number = (r) => Number(/number (\d+)\./.exec(r.body.toString())?.[1] ?? -1);
  await run('A key that leaked');
  fs.writeFileSync(files.fresh, google);
  await run('Keys in files');
  await waitFor('the key of the file', () => /google\.keys: the new key/.test(gateway.log()));
  gate.open();
  assert.deepEqual(await callers.stop(), []);

  await stream.end();
  assert.equal(formats.chat.text(events(stream.text)), 'before after');
  assert.match(stream.text, /\[DONE\]/);
  const later = upstream.requests.filter((r) => number(r) >= mark);
  assert.ok(later.length > 100);
  assert.deepEqual([...new Set(later.map(keyOf))], [next]);
  assert.ok(upstream.requests.some((r) => number(r) >= 0 && keyOf(r) === keys.OPENAI_API_KEY), 'the load began before the change');
  assert.deepEqual(await used('google'), [google]);
  assert.equal((await gateway.verify()).code, 0);

  const changes = gateway.records().filter((r) => r.event !== undefined);
  assert.deepEqual(changes.map((r) => [r.event, r.provider, r.slot, r.decision]).sort(), [
    ['key_revoked', 'openai', 1, 'allowed'], ['key_rotated', 'google', 0, 'allowed'], ['key_rotated', 'openai', 0, 'allowed'],
  ]);
  const [record] = changes.filter((r) => r.provider === 'openai' && r.slot === 0);
  assert.equal(record.uid, process.getuid());
  assert.equal(record.who, process.getuid() === 0 ? 'root' : record.who);
  assert.match(record.old, /^[0-9a-f]{32}$/);
  assert.match(record.new, /^[0-9a-f]{32}$/);
  const [from] = changes.filter((r) => r.provider === 'google');
  assert.deepEqual([from.who, from.uid], ['file', null]);
  const [first, second] = await list(gateway, 'openai');
  assert.deepEqual([first.fingerprint, first.rotated, first.state, second.state], [record.new.slice(0, 8), true, 'in_use', 'revoked']);

  // F30: nowhere in what the gateway shows or keeps
  const places = { log: gateway.log(), state: everything(gateway.policy.state), metrics: await gateway.metrics(), answer: stream.text, said };
  for (const pid of tree(gateway.proc.pid)) places[`process ${pid}`] = fs.readFileSync(`/proc/${pid}/environ`, 'latin1') + fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  for (const [what, text] of Object.entries(places))
    for (const key of [...Object.values(keys), spare, next, google]) assert.ok(!text.includes(key.slice(0, 24)), `F30: a key stands in ${what}`);
});

test('F36: a reload keeps the changed key, a killed worker comes back with it, a restart without a master key returns to the configured one', async () => {
  await again();
  const next = fresh();
  const { code, err } = await rotate(gateway, next);
  assert.equal(code, 0, err);
  assert.match(err, /no master key.*a restart returns to the configured one/s);
  assert.deepEqual(await used(), [next]);
  await gateway.reload();
  assert.deepEqual(await used(), [next]);
  await gateway.reload((p) => { p.providers.openai.models = ['gpt-4*']; });
  assert.deepEqual(await used(), [next]);

  await waitFor('the workers of before to go', () => gateway.workers().length === 2);
  const old = gateway.workers();
  for (const pid of old) process.kill(pid, 'SIGKILL');
  await waitFor('new workers', () => gateway.workers().filter((pid) => !old.includes(pid)).length === 2);
  await waitFor('an answer', async () => (await ask().catch(() => ({}))).status === 200);
  assert.deepEqual(await used(), [next]);
  // and they are told of the next change
  const third = fresh();
  assert.equal((await rotate(gateway, third)).code, 0);
  assert.deepEqual(await used(), [third]);

  await gateway.restart();
  assert.deepEqual(await used(), [keys.OPENAI_API_KEY]);
  assert.equal((await gateway.verify()).code, 0);
});

test('F36 F50: a reload that nginx does not take keeps the changed key, and the next change reaches every worker', async () => {
  await again();
  const next = fresh(), third = fresh();
  assert.equal((await rotate(gateway, next)).code, 0);
  const { listen } = gateway.policy;
  const other = net.createServer();
  await new Promise((done) => other.listen(0, '127.0.0.1', done));
  await assert.rejects(gateway.reload((p) => { p.listen = `127.0.0.1:${other.address().port}`; }), /not reloaded: nginx did not take it/);
  await new Promise((done) => other.close(done));
  assert.deepEqual(await used(), [next]);
  assert.equal((await rotate(gateway, third)).code, 0);
  assert.deepEqual(await used(), [third]);
  await gateway.reload((p) => { p.listen = listen; });
  assert.deepEqual(await used(), [third]);
});

test('a worker that hangs: rotate says that it may still use the key of before, and the worker takes it when it goes on', async () => {
  await again();
  const [hung] = gateway.workers();
  const next = fresh();
  process.kill(hung, 'SIGSTOP');
  try {
    const { code, err } = await rotate(gateway, next);
    assert.equal(code, 1);
    assert.match(err, /the change was made, but 1 of the workers did not say within 10 s/);
  } finally {
    process.kill(hung, 'SIGCONT');
  }
  await waitFor('the new key everywhere', async () => (await used()).join() === next);
});
test('a key that fails stands aside in keys list; a new key in its place is free of that', async () => {
  await again();
  const refuse = (bad, status) => (req, res, record) => (keyOf(record) === bad
    ? json(res, { error: { message: 'no', type: 'x', code: 'y' } }, status, status === 429 ? { 'retry-after': '1' } : {}) : say('Fine.')(req, res, record));
  upstream.handle = refuse(keys.OPENAI_API_KEY, 401);
  assert.equal((await ask()).status, 200);
  const marked = await waitFor('the mark', async () => {
    const all = await list(gateway, 'openai');
    return all[0].failing && all;
  });
  assert.equal(marked[0].failing.status, 401);
  assert.ok(Math.abs(marked[0].failing.since - Date.now() / 1000) < 60);
  assert.deepEqual(marked.map((k) => [k.state, k.failing !== null]), [['standby', true], ['in_use', false]]);
  assert.match((await warder(gateway, 'keys list -c warder.yaml openai')).out, /stand-by .*; failing since \d{4}-\S+Z with 401/);
  const next = fresh();
  assert.equal((await rotate(gateway, next)).code, 0);
  assert.deepEqual((await list(gateway, 'openai')).map((k) => [k.state, k.failing]), [['in_use', null], ['standby', null]]);
  assert.deepEqual(await used(), [next]);
  // a mark that ends by itself
  upstream.handle = refuse(next, 429);
  assert.equal((await ask()).status, 200);
  await waitFor('the mark', async () => (await list(gateway, 'openai'))[0].failing?.status === 429);
  upstream.handle = say('Fine.');
  await waitFor('its end', async () => (await list(gateway, 'openai'))[0].failing === null);
});

describe('what is refused', () => {
  before(() => again());

  async function refused(line, input, code, what) {
    const before = await list(gateway);
    const answer = await warder(gateway, line, input);
    assert.equal(answer.code, code, answer.err);
    assert.match(answer.err, what);
    assert.equal(answer.out, '');
    assert.deepEqual(await list(gateway), before, 'nothing was changed');
    assert.deepEqual(await used(), [keys.OPENAI_API_KEY]);
    return answer.err;
  }

  test('F38: a key that is none of this provider', async () => {
    const line = 'keys rotate -c warder.yaml openai';
    for (const text of ['nothing-like-it', 'sk-ant-' + 'api03-Another0Anthropic0Key', 'sk-with blank-0123456789', 'sk-\x01', '', '\n', 'sk-\u00e9'])
      assert.ok(text === '' || text === '\n' || !(await refused(line, text, 1, /standard input (gives|is)/)).includes(text.slice(3)));
    await refused(line, '', 1, /standard input is empty/);
    await refused(line, `sk-${'a'.repeat(9000)}`, 2, /more than a key/);
    await refused(line, `${fresh()}\n${fresh()}\n`, 2, /more than a key/);
    await refused(line, keys.OPENAI_API_KEY, 1, /in use already/);
  });

  test('a key that the provider does not take, and a provider that does not answer well', async () => {
    for (const [name, header] of [['openai', 'authorization'], ['anthropic', 'x-api-key'], ['google', 'x-goog-api-key']]) {
      const key = fresh({ openai: 'sk-proj-', anthropic: 'sk-ant-', google: 'AIza' }[name]);
      let asked;
      upstream.handle = (req, res, record) => {
        if (req.method !== 'GET') return say('Fine.')(req, res, record);
        asked = record;
        return json(res, { error: { message: `no such key: ${key}` } }, 401);
      };
      const err = await refused(`keys rotate -c warder.yaml ${name}`, key, 1, /the provider refuses the key \(401\) \(accepted: .*--no-probe/);
      assert.ok(!err.includes(key.slice(0, 16)), 'F30');
      assert.equal(asked.path, name === 'google' ? '/v1beta/models' : '/v1/models');
      assert.ok(asked.headers[header].endsWith(key));
      if (name === 'anthropic') assert.equal(asked.headers['anthropic-version'], '2023-06-01');
    }
    const elsewhere = await startUpstream(say('Elsewhere.'));
    for (const status of [302, 429, 500]) {
      upstream.handle = (req, res, record) => (req.method === 'GET' ? json(res, {}, status, { location: `${elsewhere.url}/v1/models` }) : say('Fine.')(req, res, record));
      await refused('keys rotate -c warder.yaml openai', fresh(), 1, new RegExp(`the provider answered ${status}`));
    }
    assert.equal(elsewhere.requests.length, 0, 'F31: a redirect is not followed');
    await elsewhere.stop();
    upstream.handle = say('Fine.');
  });

  test('arguments', async () => {
    await refused('keys rotate -c warder.yaml', fresh(), 2, /the provider is missing \(accepted: openai, anthropic, google\)/);
    await refused('keys rotate -c warder.yaml nobody', fresh(), 2, /no such provider \(accepted: openai/);
    await refused('keys rotate -c warder.yaml openai --index 2', fresh(), 2, /--index: .*\(accepted: 0 to 1\)/);
    await refused('keys rotate -c warder.yaml openai --index x', fresh(), 2, /--index/);
    for (const grace of ['25h', '-1s', '5', '0', '1d1']) await refused(`keys rotate -c warder.yaml openai --grace ${grace}`, fresh(), 2, /--grace: .*\(accepted: 0s to 24h\)/);
    await refused('keys rotate openai', fresh(), 2, /-c is missing/);
    await refused('keys', '', 2, /accepted: list, rotate, revoke/);
    for (const line of ['keys --help', 'keys list --help', 'keys rotate --help', 'keys revoke --help']) {
      const { code, out } = await warder(gateway, line);
      assert.equal(code, 0);
      assert.match(out, /^usage: warder keys/);
    }
  });

  test('no gateway: not started, killed, or another one', async () => {
    await again();
    await gateway.proc.stop();
    assert.ok(!fs.existsSync(path.join(gateway.policy.state, 'control')));
    for (const line of ['keys list -c warder.yaml', 'keys rotate -c warder.yaml openai --no-probe', 'keys revoke -c warder.yaml openai --force']) {
      const { code, err } = await warder(gateway, line, fresh());
      assert.equal(code, 2);
      assert.match(err, /no gateway runs on the state folder .*\(accepted: warder serve -c FILE/);
    }
    await gateway.serve();
    gateway.proc.stopped = true;
    gateway.proc.child.kill('SIGKILL');
    await gateway.proc.ended;
    const { code, err } = await warder(gateway, 'keys list -c warder.yaml');
    assert.equal(code, 2);
    assert.match(err, /no gateway runs/);
    await gateway.serve();
  });

  test('the control socket: closed to others, and a client that stalls or talks nonsense stops nobody', async () => {
    const socket = path.join(gateway.policy.state, 'control');
    assert.equal(fs.statSync(socket).mode & 0o777, 0o600);
    const clients = [];
    const connect = (bytes) => new Promise((done, fail) => {
      const c = net.connect(socket, () => { if (bytes) c.write(bytes); done(c); });
      c.on('error', fail);
      c.gone = new Promise((over) => c.once('close', over));
      c.resume();
      clients.push(c);
    });
    for (let i = 0; i < 7; i++) await connect(i % 2 ? Buffer.from('1') : null);
    assert.equal((await list(gateway)).length, 4);
    assert.deepEqual(await used(), [keys.OPENAI_API_KEY]);
    const nonsense = await connect(Buffer.alloc(20000, 7));
    await nonsense.gone;
    await Promise.all(clients.map((c) => c.gone)); // patience is over
    assert.equal((await list(gateway)).length, 4);
  });

  test('F36: a key that is revoked: the next one serves; the last one only by force, and then 502 with a code', async () => {
    const another = spare;
    const revoke = (more = '') => warder(gateway, `keys revoke -c warder.yaml openai ${more}`);
    assert.equal((await revoke()).code, 0);
    assert.deepEqual(await used(), [another]);
    assert.deepEqual((await list(gateway, 'openai')).map((k) => k.state), ['revoked', 'in_use']);
    const again = await revoke();
    assert.equal(again.code, 1);
    assert.match(again.err, /revoked before/);
    const last = await revoke('--index 1');
    assert.equal(last.code, 1);
    assert.match(last.err, /the last key .*\(accepted: --force/);
    assert.deepEqual(await used(), [another]);
    await gateway.reload();
    assert.deepEqual(await used(), [another]);
    assert.equal((await revoke('--index 1 --force')).code, 0);
    for (let i = 0; i < 6; i++) {
      const before = upstream.requests.length;
      const answer = await ask();
      assert.equal(answer.status, 502);
      assert.equal(answer.headers['x-warder-code'], 'provider_unavailable');
      assert.match(answer.text, /every key of the provider .*openai.* was revoked/);
      assert.equal(upstream.requests.length, before);
    }
    assert.equal((await ask('google')).status, 200);
    const next = fresh();
    assert.equal((await rotate(gateway, next, 'openai --index 1')).code, 0);
    assert.deepEqual(await used(), [next]);
    assert.equal((await gateway.verify()).code, 0);
  });
});

