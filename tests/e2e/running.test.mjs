// Reload, shutdown, death, records, metrics: what an operator counts on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { after, afterEach, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { open, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { alive, children, waitFor } from './lib/process.mjs';
import { email, secrets } from './lib/secrets.mjs';
import { door, formats, json, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, gateway, headers;

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await startGateway({ upstream: upstream.url });
  headers = { authorization: `Bearer ${await gateway.token()}` };
});
afterEach(() => { upstream.handle = say('Fine.'); });
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const key = secrets['openai key'];
const ask = (name = 'chat', text = 'Hi', more = {}, gw = gateway) => request(gw.url, {
  path: formats[name].path, headers: { ...headers, ...more.headers }, body: more.body ?? formats[name].ask(text),
});

/** A stream whose second half waits for the test. */
async function halfStream(gw, auth) {
  const rest = door();
  upstream.handle = async (req, res) => {
    const list = streamOf('chat', ['Hello ', 'dear ', 'friend.']);
    sse(res);
    for (const event of list.slice(0, 3)) await write(res, event);
    await rest.opened;
    res.end(list.slice(3).join(''));
  };
  const stream = await open(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi', { stream: true }) });
  await stream.until('Hello');
  upstream.handle = say('Fine.');
  return { stream, finish: async () => { rest.open(); await stream.end(); assert.match(stream.text, /friend\.[^]*\[DONE\]\n\n$/); } };
}

const workers = (gw = gateway) => gw.workers();
const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

async function fails(options) {
  try {
    const gw = await startGateway({ upstream: upstream.url, ...options });
    await gw.stop();
  } catch (error) {
    return error.message;
  }
  throw new Error('it started');
}

describe('F50: reload', () => {
  test('F50: a stream under way is not dropped, new requests see the new policy', async () => {
    const { stream, finish } = await halfStream(gateway, headers);
    await gateway.reload((p) => { p.providers.openai.models = ['gpt-4o', 'gpt-5', 'gpt-new']; });
    assert.equal((await ask('chat', 'Hi', { body: { ...formats.chat.ask('Hi'), model: 'gpt-new' } })).status, 200);
    assert.equal(stream.over, false);
    await finish();
    await gateway.reload((p) => { p.providers.openai.models = ['gpt-4o', 'gpt-5']; });
    refused(await ask('chat', 'Hi', { body: { ...formats.chat.ask('Hi'), model: 'gpt-new' } }), 403, 'model_not_allowed', 'openai');
  });

  const bad = {
    'no YAML': () => 'listen: [127.0.0.1\n  x: {',
    'an unknown key': (p) => { p.listne = 'x'; },
    'a limit of 0': (p) => { p.roles.enterprise.limit = '0/1h'; },
    'a role with a provider that is not there': (p) => { p.roles.enterprise.providers = ['opneai']; },
    'a key that is not there': (p) => { p.providers.openai.keys = ['env:NOT_THERE_AT_ALL']; },
    'an empty file': () => '',
  };
  for (const [what, change] of Object.entries(bad)) {
    test(`F50: ${what} keeps the old policy and says why`, async () => {
      const good = fs.readFileSync(gateway.file, 'utf8');
      const copy = structuredClone(gateway.policy);
      const { stream, finish } = await halfStream(gateway, headers);
      await assert.rejects(gateway.reload(change), (error) => {
        assert.match(error.message, /warder: \S*warder\.yaml(:\d+)?: /);
        return true;
      });
      assert.equal((await ask()).status, 200);
      assert.equal(stream.over, false);
      await finish();
      gateway.policy = copy;
      fs.writeFileSync(gateway.file, good);
    });
  }

  test('F50: ten reloads under load drop no request', async () => {
    let stop = false;
    const bad = [];
    const load = Array.from({ length: 8 }, async () => {
      while (!stop) {
        const answer = await ask().catch((error) => ({ status: error.message, text: '' }));
        if (answer.status !== 200) bad.push(`${answer.status} ${answer.text}`);
      }
    });
    for (let i = 0; i < 10; i++) await gateway.reload();
    stop = true;
    await Promise.all(load);
    assert.deepEqual(bad, []);
  });
});

describe('F14: a control that could not work stops the start', () => {
  const bad = {
    'fallback': (p) => { p.fallback = [{ model: 'gpt-4o*', to: 'anthropic/claude-sonnet-5', on: ['timeout'] }]; },
    'alerts': (p) => { p.alerts = [{ on: 'refused' }]; },
    'isolation that does not say enabled': (p) => { p.isolation = { scope: 'user' }; },
    'audit.encrypt_to': (p) => { p.audit = { encrypt_to: 'age1xyz' }; },
    'a store of another kind': (p) => { p.store = 'postgres://127.0.0.1/x'; },
    'an unknown key': (p) => { p.detct = {}; },
    'an unknown action': (p) => { p.detect = { input: { secret: 'mask' } }; },
    'a role without provider': (p) => { p.roles.x = { providers: ['nobody'], tools: [] }; },
    'a limit of 0': (p) => { p.providers.openai.limit = '0/60s'; },
    'an unknown format': (p) => { p.providers.openai.format = 'cohere'; },
    'no providers': (p) => { p.providers = {}; },
    'a public address without TLS': (p) => { p.listen = '0.0.0.0:18484'; },
  };
  for (const [what, policy] of Object.entries(bad)) {
    test(`F14: ${what}`, async () => {
      assert.match(await fails({ policy }), /warder\.yaml:\d+: [\w.*[\]-]+: .+/);
    });
  }

  test('F14: environment values out of range, and switched-off controls in production', async () => {
    for (const env of [{ MAX_REQUESTS_PER_USER: '0' }, { MAX_REQUESTS_PER_USER: '10001' }, { ENABLE_RATE_LIMITING: 'maybe' }, { ALLOWED_PROVIDERS: 'nobody' }, { ENCRYPTION_ENABLED: 'true' }]) {
      assert.match(await fails({ env }), new RegExp(Object.keys(env)[0]));
    }
    await fails({ env: { WARDER_ENV: 'production', ENABLE_INPUT_VALIDATION: 'false' } });
  });

  test('F14: a second gateway on the same state is refused', async () => {
    assert.match(await fails({ policy: (p) => { p.state = gateway.policy.state; } }), /state/);
    assert.equal((await ask()).status, 200);
  });
});

describe('stopping and dying', () => {
  test('SIGTERM drains: the stream ends as it should, then all is gone', async () => {
    const gw = await startGateway({ upstream: upstream.url });
    try {
      const { finish } = await halfStream(gw, { authorization: `Bearer ${await gw.token()}` });
      const pids = [gw.proc.pid, ...children(gw.proc.pid), ...workers(gw)];
      gw.proc.child.kill('SIGTERM');
      await waitFor('the listener to close', () => request(gw.url, { method: 'GET' }).then(() => false, () => true));
      await finish();
      await waitFor('the end', () => gw.proc.exit);
      assert.equal(gw.proc.exit.code, 0);
      for (const pid of pids) assert.ok(!alive(pid), `${pid} lives on`);
      assert.equal((await gw.verify()).code, 0);
    } finally {
      await gw.stop();
    }
  });

  test('kill -9 of serve takes nginx along, and a new start on the same port and state succeeds', async () => {
    const gw = await startGateway({ upstream: upstream.url });
    try {
      const auth = { authorization: `Bearer ${await gw.token()}` };
      await halfStream(gw, auth);
      const pids = [gw.proc.pid, ...children(gw.proc.pid), ...workers(gw)];
      assert.ok(pids.length >= 4, `${pids}`);
      process.kill(gw.proc.pid, 'SIGKILL');
      await waitFor('all processes to end', () => pids.every((pid) => !alive(pid)));
      await gw.serve();
      const answer = await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
      assert.equal(answer.status, 200);
      await waitFor('the interrupted record', () => gw.records().some((r) => r.decision === 'interrupted'));
      assert.equal((await gw.verify()).code, 0);
    } finally {
      await gw.stop();
    }
  });

  test('kill -9 of a worker loses no record, and the others go on', async () => {
    const gw = await startGateway({ upstream: upstream.url });
    try {
      const auth = { authorization: `Bearer ${await gw.token()}` };
      const ids = [];
      const load = () => request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') })
        .then((a) => ids.push(a.headers['x-request-id']), () => {});
      await Promise.all(Array.from({ length: 20 }, load));
      const streams = [];
      for (let i = 0; i < 8; i++) streams.push(await halfStream(gw, auth));
      for (const { stream } of streams) ids.push(stream.headers['x-request-id']);
      const [victim] = workers(gw);
      process.kill(victim, 'SIGKILL');
      await waitFor('another worker', () => !alive(victim) && workers(gw).length === 2);
      await Promise.all(Array.from({ length: 20 }, load));
      for (const { stream, finish } of streams) if (!stream.over) await finish().catch(() => {});
      await gw.restart();
      await waitFor('every record', () => ids.every((id) => gw.records().some((r) => r.request_id === id)));
      const records = gw.records();
      for (const id of ids) assert.equal(records.filter((r) => r.request_id === id).length, 1, id);
      assert.equal(new Set(records.map((r) => r.request_id)).size, records.length);
      const verified = await gw.verify();
      assert.equal(verified.code, 0, verified.out);
    } finally {
      await gw.stop();
    }
  });
});

describe('F55: the record', () => {
  test('F55: one line an exchange, that says who, where, what and which rule, and not the text', async () => {
    upstream.handle = say(`Write to ${email} please`);
    const answer = await ask('chat', `my ${key}`, { headers: { 'user-agent': 'probe/1 "x"\u00e9' } });
    upstream.handle = say('Fine.');
    const record = await gateway.record(answer.headers['x-request-id']);
    assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(record.client, '127.0.0.1');
    assert.match(record.agent, /^probe\/1/);
    assert.deepEqual([record.user, record.role, record.provider, record.model, record.stream, record.status], ['alice', 'enterprise', 'openai', 'gpt-4o', false, 200]);
    assert.match(record.route, /chat/);
    assert.match(record.decision, /^\w+$/);
    const found = Object.fromEntries(record.findings.map((f) => [f.direction, f]));
    assert.deepEqual([found.input.rule, found.input.category, found.input.severity, found.input.action, found.input.count], ['openai-key', 'secret', 'critical', 'redact', 1]);
    assert.deepEqual([found.output.rule, found.output.category, found.output.action], ['email', 'pii', 'redact']);
    assert.match(found.input.fingerprint, /^[0-9a-f]{32}$/);
    assert.equal(record.score, 0);
    assert.equal(record.severity, 'critical');
    assert.ok(record.gateway_us >= 0 && record.upstream_ms >= 0);
    assert.match(record.hash, /\S{20,}/);
    assert.ok('prev' in record);
    const text = JSON.stringify(gateway.records());
    assert.ok(!text.includes(key) && !text.includes(email) && !text.includes('Write to'));
  });

  test('F55: the same value has the same fingerprint, another another', async () => {
    const finger = async (text) => (await gateway.record((await ask('chat', text)).headers['x-request-id'])).findings[0].fingerprint;
    const [a, b, c] = [await finger(`a ${key}`), await finger(`${key} b`), await finger(`c ${secrets['openai legacy key']}`)];
    assert.equal(a, b);
    assert.notEqual(a, c);
  });

  test('F55: refusals too, each with its code, also before anyone is known', async () => {
    const answers = [
      await ask('chat', '<script>'),
      await request(gateway.url, { path: formats.messages.path, body: {}, headers: { authorization: 'Bearer no' } }),
      await request(gateway.url, { path: '/nowhere', body: {}, headers }),
      await ask('chat', 'x', { body: '{' }),
    ];
    const codes = ['malicious_content', 'invalid_token', 'unknown_route', 'invalid_json'];
    for (const [i, answer] of answers.entries()) {
      const record = await gateway.record(answer.headers['x-request-id']);
      assert.deepEqual([record.code, record.status, record.decision], [codes[i], answer.status, 'refused']);
    }
  });

  test('F55: a client that goes away is recorded, F27: with the tokens known so far', async () => {
    const { stream } = await halfStream(gateway, headers);
    const id = stream.headers['x-request-id'];
    const { closed } = upstream.last();
    stream.cut();
    await closed;
    const record = await gateway.record(id);
    assert.equal(record.stream, true);
    assert.match(record.decision, /abort|client/);
  });

  test('audit verify finds an edit, a hole and a torn line, naming file and line', async () => {
    const gw = await startGateway({ upstream: upstream.url, policy: (p) => { p.workers = 1; } });
    try {
      const auth = { authorization: `Bearer ${await gw.token()}` };
      for (let i = 0; i < 6; i++) {
        const answer = await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
        await gw.record(answer.headers['x-request-id']);
      }
      await gw.proc.stop();
      assert.equal((await gw.verify()).code, 0);
      const folder = path.join(gw.policy.state, 'audit');
      const file = fs.readdirSync(folder).filter((n) => n.endsWith('.jsonl')).map((n) => path.join(folder, n)).find((f) => fs.readFileSync(f, 'utf8').split('\n').length > 6);
      const good = fs.readFileSync(file, 'utf8');
      const lines = good.split('\n');
      const cases = { edit: lines.with(2, lines[2].replace('"alice"', '"mallo"')), hole: lines.toSpliced(3, 1), swap: lines.with(1, lines[2]).with(2, lines[1]) };
      for (const [what, list] of Object.entries(cases)) {
        fs.writeFileSync(file, list.join('\n'));
        const found = await gw.verify();
        assert.equal(found.code, 1, what);
        assert.match(found.out, new RegExp(`${path.basename(file)}:\\d+`), what);
      }
      fs.writeFileSync(file, good);
      assert.equal((await gw.verify()).code, 0);

      // A torn line, as a power cut leaves it, is mended by the next start.
      fs.appendFileSync(file, lines[0].slice(0, 200));
      await gw.serve();
      const after = await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
      await gw.record(after.headers['x-request-id']);
      await gw.proc.stop();
      assert.equal((await gw.verify()).code, 0);

      // A lost end is a loss that the verifier names, and no reason to stand still.
      fs.truncateSync(file, fs.statSync(file).size - 40);
      assert.equal((await gw.verify()).code, 1);
      await gw.serve();
      assert.equal((await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') })).status, 200);
      await gw.proc.stop();
      const found = await gw.verify();
      assert.equal(found.code, 1);
      assert.match(found.out, new RegExp(`${path.basename(file)}:\\d+`));
      // and the record after it is whole, on a line of its own
      assert.equal(JSON.parse(fs.readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)).status, 200);
    } finally {
      await gw.stop();
    }
  });
});

describe('the admin listener', () => {
  const admin = (at, more = {}) => request(`http://${gateway.policy.admin}${at}`, { method: 'GET', ...more });

  test('health, readiness and metrics are there, and nowhere else', async () => {
    for (const at of ['/healthz', '/readyz', '/metrics']) assert.equal((await admin(at)).status, 200, at);
    assert.equal((await admin('/v1/chat/completions', { method: 'POST', body: '{}' })).status, 404);
    for (const at of ['/healthz', '/readyz', '/metrics']) refused(await request(gateway.url, { method: 'GET', path: at, headers }), 404, 'unknown_route');
  });

  test('F56: labels come from the policy, never from callers', async () => {
    const odd = 'evil"label\\x';
    const before = upstream.requests.length;
    await ask('chat', 'Hi', { headers: { 'user-agent': odd, 'x-tenant': odd } });
    await ask('chat', 'Hi', { body: { ...formats.chat.ask('Hi'), model: `gpt-${odd}` } });
    await request(gateway.url, { path: `/${encodeURIComponent(odd)}/v1/chat/completions`, headers, body: {} });
    await request(gateway.url, { path: '/nobody/v1/chat/completions', headers, body: formats.chat.ask('Hi') });
    await request(gateway.url, { path: formats.chat.path, headers: { authorization: `Bearer ${await gateway.token('odd-user-name')}` }, body: formats.chat.ask('Hi') });
    assert.ok(upstream.requests.length >= before + 2);
    const text = await waitFor('the counts', async () => {
      const t = await gateway.metrics();
      return /warder_requests_total\{[^}]*provider="openai"/.test(t) && t;
    });
    assert.doesNotMatch(text, /evil|nobody|odd-user|gpt-/);
    const values = { provider: /^(openai|anthropic|google|groq|)$/, le: /^(\+Inf|[0-9.e+-]+)$/, slot: /^[0-7]$/, status: /^(401|403|429)$/ };
    for (const [, name, value] of text.matchAll(/([a-z_]+)="([^"]*)"/g)) assert.match(value, values[name] ?? /^[a-z_]*$/, `${name}="${value}"`);
  });

  test('requests, streams and time are counted', async () => {
    const sum = (text, pattern) => [...text.matchAll(pattern)].reduce((n, m) => n + Number(m[1]), 0);
    const total = /^warder_requests_total\{[^}]*provider="anthropic"[^}]*\} (\d+)$/gm;
    const before = sum(await gateway.metrics(), total);
    await ask('messages');
    await ask('messages');
    await waitFor('two more', async () => sum(await gateway.metrics(), total) === before + 2);
    const streams = /^\w*streams?_(?:active|open)\w*(?:\{[^}]*\})? (\d+)$/gm;
    const idle = sum(await gateway.metrics(), streams);
    const { finish } = await halfStream(gateway, headers);
    await waitFor('an open stream', async () => sum(await gateway.metrics(), streams) === idle + 1);
    await finish();
    await waitFor('no open stream', async () => sum(await gateway.metrics(), streams) === idle);
    assert.match(await gateway.metrics(), /_bucket\{[^}]*le="\+Inf"[^}]*\} \d+/);
  });
});

describe('F13: compression', () => {
  test('F13: accept-encoding does not reach the provider', async () => {
    const answer = await ask('chat', 'Hi', { headers: { 'accept-encoding': 'gzip, deflate, br' } });
    assert.equal(answer.status, 200);
    assert.ok(['identity', undefined].includes(upstream.last().headers['accept-encoding']));
    assert.equal(answer.headers['content-encoding'], undefined);
  });

  test('F13: a compressed answer that nobody asked for does not pass uninspected', async () => {
    upstream.handle = (req, res) => json(res, zlib.gzipSync(JSON.stringify(formats.chat.answer(`is ${key}`))), 200, { 'content-encoding': 'gzip' });
    refused(await ask(), 502, 'provider_invalid_response', 'openai');
    upstream.handle = (req, res) => { sse(res, { 'content-encoding': 'gzip' }); res.end(zlib.gzipSync(streamOf('chat', [key]).join(''))); };
    const streamed = await ask('chat', 'Hi', { body: formats.chat.ask('Hi', { stream: true }) });
    assert.equal(streamed.status, 502);
    upstream.handle = say('Fine.');
  });
});

// The allocator of a sanitizer keeps what was freed.
const sanitized = process.env.WARDER_PRELOAD ? 'not with a sanitizer' : false;

describe('under load', () => {
  test('F52: a stream that never stops talking does not starve the others', async () => {
    const gw = await startGateway({ upstream: upstream.url, policy: (p) => { p.workers = 1; } });
    try {
      const auth = { authorization: `Bearer ${await gw.token()}` };
      let stop = false;
      const event = formats.chat.delta('words and words and words. ').repeat(50);
      upstream.handle = async (req, res) => {
        sse(res);
        while (!stop && !res.destroyed) await write(res, event);
        res.end(formats.chat.end.join(''));
      };
      const busy = await Promise.all([1, 2].map(() => open(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi', { stream: true }) })));
      for (const stream of busy) { stream.res.removeAllListeners('data'); stream.res.resume(); }
      upstream.handle = say('Fine.');
      const times = [];
      for (let i = 0; i < 20; i++) {
        const start = performance.now();
        const answer = await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
        assert.equal(answer.status, 200);
        times.push(performance.now() - start);
      }
      stop = true;
      for (const stream of busy) stream.cut();
      assert.ok(Math.max(...times) < 3000, `${times.map(Math.round)}`);
    } finally {
      upstream.handle = say('Fine.');
      await gw.stop();
    }
  });

  test('F51: memory does not grow with the number of requests', { skip: sanitized }, async () => {
    const round = async (n) => {
      for (let i = 0; i < n; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, k) => ask('chat', `my ${key} ${'words '.repeat(200)}`, { body: formats.chat.ask(`my ${key} ${'words '.repeat(200)}`, { stream: k % 2 === 0 }) })));
      }
    };
    await round(400);
    const before = workers().reduce((n, pid) => n + rss(pid), 0);
    await round(1600);
    const grown = workers().reduce((n, pid) => n + rss(pid), 0) - before;
    assert.ok(grown < 16 * 1024, `${grown} kB more`);
  });

  test('F51: a client that does not read holds the provider back', async () => {
    let sent = 0;
    const event = formats.chat.delta('words '.repeat(1000));
    upstream.handle = async (req, res) => {
      sse(res);
      while (!res.destroyed && sent < 200e6) {
        await write(res, event);
        sent += event.length;
      }
      res.end();
    };
    const stream = await open(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi', { stream: true }) });
    stream.res.removeAllListeners('data');
    stream.res.pause();
    let last = -1;
    await waitFor('the provider to be held back', async () => {
      const same = sent === last;
      last = sent;
      await new Promise((done) => setTimeout(done, 300));
      return same && sent > 0;
    }, 20000);
    assert.ok(sent < 60e6, `${sent} bytes taken`);
    const total = workers().reduce((n, pid) => n + rss(pid), 0);
    assert.ok(sanitized || total < 400 * 1024, `${total} kB`);
    stream.cut();
    upstream.handle = say('Fine.');
  });
});

test('provider host names are looked up while running', async () => {
  const port = new URL(upstream.url).port;
  await gateway.reload((p) => { p.providers.openai.url = `http://localhost:${port}`; });
  assert.equal((await ask()).status, 200);
  assert.equal(upstream.last().headers.host, `localhost:${port}`);
  await gateway.reload((p) => { p.providers.openai.url = upstream.url; });
});

test('503 audit_unavailable when records cannot be written, and the provider is not called', { skip: process.getuid() !== 0 && 'needs root' }, async (t) => {
  const gw = await startGateway({ upstream: upstream.url, policy: (p) => { p.workers = 1; } });
  try {
    const auth = { authorization: `Bearer ${await gw.token()}` };
    const { execFileSync } = await import('node:child_process');
    const audit = path.join(gw.policy.state, 'audit');
    await gw.proc.stop();
    try {
      const { uid, gid } = fs.statSync(audit);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=64k,mode=0700,uid=${uid},gid=${gid}`, 'none', audit], { stdio: 'ignore' });
    } catch {
      return t.skip('cannot mount a file system here');
    }
    try {
      let said = '';
      await gw.serve().catch((error) => { said = error.message; });
      if (said !== '') {
        assert.match(said, /audit|space/i);
        return;
      }
      let refusals = 0;
      for (let i = 0; i < 400 && refusals < 3; i++) {
        const before = upstream.requests.length;
        const answer = await request(gw.url, { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
        if (answer.status === 200) continue;
        refused(answer, 503, 'audit_unavailable', 'openai');
        assert.equal(upstream.requests.length, before);
        refusals++;
      }
      assert.equal(refusals, 3);
      assert.equal((await request(`http://${gw.policy.admin}/readyz`, { method: 'GET' })).status, 503);
    } finally {
      await gw.proc.stop();
      execFileSync('umount', ['-l', audit]);
    }
  } finally {
    await gw.stop();
  }
});
