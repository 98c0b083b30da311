// Provider keys and caller tokens: where they are, where they never are.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { open, raw, request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { children, everything, waitFor } from './lib/process.mjs';
import { door, formats, json, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, elsewhere, gateway, token;

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  elsewhere = await startUpstream(say('Elsewhere.'));
  gateway = await startGateway({ upstream: upstream.url });
  token = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
  await elsewhere?.stop();
});

const names = Object.keys(formats);
const values = Object.values(keys);
const ask = (name, headers = {}, more = {}) => request(gateway.url, {
  path: formats[name].path, headers: { authorization: `Bearer ${token}`, ...headers }, body: formats[name].ask('Hi'), ...more,
});

/** serve, the nginx master and its workers. */
const tree = (pid) => [pid, ...children(pid).flatMap(tree)];

function clean(text, what) {
  for (const value of values) assert.ok(!text.includes(value.slice(0, 24)), `a provider key stands in ${what}`);
}

test('F30: no process has a key in its environment, and none in its command line', () => {
  const pids = tree(gateway.proc.pid);
  assert.ok(pids.length >= 4, `${pids}`);
  for (const pid of pids) {
    clean(fs.readFileSync(`/proc/${pid}/environ`, 'latin1'), `the environment of ${pid}`);
    clean(fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1'), `the command line of ${pid}`);
    assert.match(fs.readFileSync(`/proc/${pid}/limits`, 'latin1'), /Max core file size +0 +/, `core limit of ${pid}`);
  }
});

test('F30: a 401 of the provider that echoes the key', async () => {
  for (const name of names) {
    upstream.handle = (req, res, record) => {
      const key = record.headers['x-api-key'] ?? record.headers['x-goog-api-key'] ?? record.headers.authorization.slice(7);
      json(res, { type: 'error', error: { type: 'authentication_error', code: 401, status: 'UNAUTHENTICATED', message: `Incorrect API key provided: ${key}.` } }, 401, { 'x-echo': key, 'www-authenticate': `Bearer realm="${key}"` });
    };
    const answer = await ask(name);
    assert.ok(answer.status >= 400);
    clean(answer.text + JSON.stringify(answer.rawHeaders), `the answer of ${name}`);
  }
  upstream.handle = say('Fine.');
});

test('F30: a provider that says the key in a good answer, whole, streamed and in parts', async () => {
  for (const name of names) {
    const key = { messages: keys.ANTHROPIC_API_KEY, google: keys.GOOGLE_API_KEY }[name] ?? keys.OPENAI_API_KEY;
    upstream.handle = say(`It is ${key.slice(0, 9)}`, key.slice(9, 20), `${key.slice(20)} ok`);
    const body = formats[name].ask('Hi', name === 'google' ? {} : { stream: true });
    const streamed = await ask(name, {}, { body, path: formats[name].streamPath ?? formats[name].path });
    clean(streamed.text + (await ask(name)).text, `the answer of ${name}`);
  }
  upstream.handle = say('Fine.');
});

test('F30 F32: state, logs and records hold neither key nor token', async () => {
  await ask('chat');
  await ask('chat', { authorization: 'Bearer wdr_' + 'x'.repeat(43) });
  const state = everything(gateway.policy.state);
  clean(state, 'the state folder');
  clean(gateway.log(), 'the log');
  clean(await gateway.metrics(), 'the metrics');
  for (const part of [token, token.slice(4), token.slice(0, 24)]) {
    assert.ok(!state.includes(part), 'a token stands in the state folder');
    assert.ok(!gateway.log().includes(part));
  }
  const mode = fs.statSync(gateway.policy.state).mode & 0o777;
  assert.equal(mode, 0o700);
});

test('headers of the provider: only harmless ones come back', async () => {
  upstream.handle = (req, res) => json(res, formats.chat.answer('Hi'), 200, { 'set-cookie': 'a=b', 'openai-organization': 'org-1', 'anthropic-organization-id': 'o', 'x-ratelimit-limit-requests': '77', server: 'secret-server', 'cf-ray': '1', location: 'http://x/', 'x-accel-redirect': '/metrics', 'access-control-allow-origin': '*' });
  const answer = await ask('chat');
  upstream.handle = say('Fine.');
  assert.equal(answer.status, 200);
  assert.match(answer.text, /chat.completion/);
  const allowed = /^(date|connection|keep-alive|content-type|content-length|transfer-encoding|server|x-request-id|x-warder-.*|x-ratelimit-.*|x-provider-.*|cache-control|vary|x-content-type-options)$/;
  for (const header of Object.keys(answer.headers)) assert.match(header, allowed);
  assert.doesNotMatch(JSON.stringify(answer.headers), /secret-server|org-1|a=b/);
  assert.notEqual(answer.headers['x-ratelimit-limit-requests'], '77');
});

describe('F31: the caller does not pick the host', () => {
  test('F31: a redirect is not followed', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      upstream.handle = (req, res) => { res.writeHead(status, { location: `${elsewhere.url}/openai/v1/chat/completions` }); res.end(); };
      const answer = await ask('chat');
      assert.equal(answer.status, 502, `${status}: ${answer.status}`);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers['x-warder-code'], 'provider_invalid_response');
    }
    upstream.handle = say('Fine.');
    assert.equal(elsewhere.requests.length, 0);
  });

  const host = () => new URL(elsewhere.url).host;
  const tricks = {
    host: () => ({ host: host() }),
    'x-forwarded-host': () => ({ 'x-forwarded-host': host(), 'x-forwarded-server': host(), 'x-forwarded-proto': 'https', 'x-forwarded-for': '1.2.3.4' }),
    forwarded: () => ({ forwarded: `host=${host()};for=1.2.3.4` }),
    'x-original-url': () => ({ 'x-original-url': `${elsewhere.url}/x`, 'x-rewrite-url': '/x' }),
    'x-base-url': () => ({ 'x-base-url': elsewhere.url, 'x-portkey-custom-host': elsewhere.url, 'x-upstream': elsewhere.url, 'api-base': elsewhere.url }),
    'x-accel-redirect': () => ({ 'x-accel-redirect': '/.warder/provider/google' }),
    'openai-organization': () => ({ 'openai-organization': 'org-evil', 'openai-project': 'p', cookie: 'a=b', 'x-api-version': '9', 'proxy-authorization': 'Basic eA==' }),
    'connection: authorization': () => ({ connection: 'authorization, x-api-key' }),
  };
  for (const [what, make] of Object.entries(tricks)) {
    test(`F31: ${what}`, async () => {
      const before = upstream.requests.length;
      const answer = await ask('chat', make());
      assert.equal(elsewhere.requests.length, 0);
      if (answer.status !== 200) return assert.equal(upstream.requests.length, before);
      const got = upstream.last();
      assert.equal(got.path, '/v1/chat/completions');
      assert.equal(got.headers.host, new URL(upstream.url).host);
      assert.equal(got.headers.authorization, `Bearer ${keys.OPENAI_API_KEY}`);
      for (const header of Object.keys(make())) assert.ok(['host', 'connection'].includes(header) || !(header in got.headers), header);
    });
  }

  test('F31: an absolute URI and a foreign authority', async () => {
    const body = JSON.stringify(formats.chat.ask('Hi'));
    const head = (target) => `POST ${target} HTTP/1.1\r\nhost: ${host()}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
    await raw(gateway.url, head(`${elsewhere.url}/openai/v1/chat/completions`));
    await raw(gateway.url, head(`//${host()}/openai/v1/chat/completions`));
    await raw(gateway.url, head(`/openai/v1/chat/completions@${host()}`));
    assert.equal(elsewhere.requests.length, 0);
  });

  test('F31: each key goes to its own provider only, and the caller\'s token to none', async () => {
    for (const name of names) {
      for (const header of ['authorization', 'x-api-key', 'x-goog-api-key']) {
        const value = header === 'authorization' ? `Bearer ${token}` : token;
        const answer = await request(gateway.url, { path: formats[name].path, headers: { [header]: value }, body: formats[name].ask('Hi') });
        assert.equal(answer.status, 200, `${name} ${header}: ${answer.text}`);
        const got = upstream.last();
        const text = JSON.stringify(got.rawHeaders) + got.path + got.body;
        assert.ok(!text.includes(token));
        const own = { messages: 'ANTHROPIC_API_KEY', google: 'GOOGLE_API_KEY' }[name] ?? 'OPENAI_API_KEY';
        for (const [variable, value] of Object.entries(keys)) assert.equal(text.includes(value), variable === own, `${name}: ${variable}`);
      }
    }
  });
});

describe('F32: caller tokens', () => {
  const status = async (value, header = 'authorization') => (await request(gateway.url, {
    path: formats.chat.path, headers: { [header]: header === 'authorization' ? `Bearer ${value}` : value }, body: formats.chat.ask('Hi'), from: '127.0.3.1',
  })).status;

  test('F32: only the whole token counts', async () => {
    assert.equal(await status(token), 200);
    const wrong = [token.slice(0, -1), token + 'x', token.slice(0, 20), token.toUpperCase(), token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a'), ` ${token}x`, `${token}\u0000`.slice(0, -1) + '%00', 'wdr_', '', 'null', 'undefined', 'sk-' + 'x'.repeat(40)];
    for (const value of wrong) assert.equal(await status(value), 401, value);
  });

  test('F33: no default token, and none at all is none', async () => {
    const answer = await request(gateway.url, { path: formats.chat.path, body: formats.chat.ask('Hi') });
    refused(answer, 401, 'invalid_token', 'openai');
    for (const value of ['Basic YWRtaW46YWRtaW4=', 'Bearer', 'Bearer ', token, `Token ${token}`]) {
      const again = await request(gateway.url, { path: formats.chat.path, headers: { authorization: value }, body: formats.chat.ask('Hi'), from: '127.0.3.2' });
      assert.equal(again.status, 401, value);
    }
  });

  test('F33: the listeners stand on loopback', () => {
    const ports = [gateway.policy.listen, gateway.policy.admin].map((a) => Number(a.split(':')[1]).toString(16).toUpperCase().padStart(4, '0'));
    const lines = ['tcp', 'tcp6'].flatMap((n) => (fs.existsSync(`/proc/net/${n}`) ? fs.readFileSync(`/proc/net/${n}`, 'utf8').split('\n') : []));
    const listening = lines.map((l) => l.trim().split(/\s+/)).filter((f) => f[3] === '0A' && ports.includes(f[1].split(':')[1])).map((f) => f[1].split(':')[0]);
    assert.ok(listening.length >= 2);
    assert.ok(listening.every((a) => a === '0100007F'), `${listening}`);
  });

  test('two different tokens in one request are none', async () => {
    const other = await gateway.token('bob');
    const answer = await ask('chat', { 'x-api-key': other });
    refused(answer, 401, 'invalid_token', 'openai');
    assert.equal((await ask('chat', { 'x-api-key': token })).status, 200);
  });

  test('F36: a new token works at once, a revoked one at once no more, in every worker', async () => {
    const { stdout } = await gateway.cli('token', 'create', '-c', gateway.file, '--user', 'carol', '--role', 'enterprise');
    const value = stdout.trim();
    assert.match(value, /^\S+$/);
    const all = async () => Promise.all(Array.from({ length: 12 }, () => status(value)));
    assert.deepEqual(new Set(await all()), new Set([200]));
    const list = (await gateway.cli('token', 'list', '-c', gateway.file)).stdout;
    assert.ok(!list.includes(value));
    const id = list.split('\n').find((l) => /\bcarol\b/.test(l)).trim().split(/\s+/)[0];
    await gateway.cli('token', 'revoke', '-c', gateway.file, id);
    assert.deepEqual(new Set(await all()), new Set([401]));
  });

  test('a token expires', async () => {
    const value = await gateway.token('dave', 'enterprise', '--expires', '1s');
    assert.equal(await status(value), 200);
    await waitFor('the token to expire', async () => (await status(value)) === 401, 5000);
  });

  test('F37: a role that the policy does not name is not given', async () => {
    await assert.rejects(gateway.token('eve', 'admin'), (error) => {
      assert.match(error.stderr, /^warder: /);
      return true;
    });
  });
});

test('F34: identity headers from outside are believed by nobody', async () => {
  const answer = await ask('chat', { 'x-warder-user': 'root', 'x-warder-role': 'admin', 'x-warder-tenant': 't', 'x-user': 'root', 'x-request-id': 'mine-mine-mine' });
  assert.equal(answer.status, 200);
  const headers = Object.keys(upstream.last().headers);
  assert.ok(!headers.some((h) => /^x-(warder|user)/.test(h)), `${headers}`);
  assert.notEqual(answer.headers['x-request-id'], 'mine-mine-mine');
  const record = await gateway.record(answer.headers['x-request-id']);
  assert.deepEqual([record.user, record.role], ['alice', 'enterprise']);
});

test('F35: a key in the query is refused and stands in no log', async () => {
  for (const name of ['key', 'api_key', 'access_token', 'token', 'Key', 'k%65y']) {
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const before = upstream.requests.length;
      const answer = await request(gateway.url, { path: `${formats.google.path}?${name}=${token}`, headers, body: formats.google.ask('Hi'), from: '127.0.3.3' });
      assert.ok(['invalid_request', 'unsupported_parameter', 'invalid_token'].includes(answer.headers['x-warder-code']), `${name}: ${answer.text}`);
      if (headers.authorization) assert.equal(answer.status, 400);
      assert.equal(upstream.requests.length, before);
      assert.ok(!answer.text.includes(token));
      await gateway.record(answer.headers['x-request-id']);
    }
  }
  await raw(gateway.url, `POST /x?key=${token} HTTP/1.1\r\n\r\n`, { half: true });
  await raw(gateway.url, `GET /?key=${token}${'a'.repeat(70000)} HTTP/1.1\r\nhost: x\r\n\r\n`, { half: true });
  assert.ok(!gateway.log().includes(token.slice(0, 20)));
  assert.ok(!everything(gateway.policy.state).includes(token.slice(0, 20)));
});

describe('F38: keys are checked at the start', () => {
  const start = async (policy, env) => {
    try {
      const gw = await startGateway({ upstream: upstream.url, policy, env });
      await gw.stop();
      return null;
    } catch (error) {
      return error.message;
    }
  };

  test('F38: sk- is no prefix for a key that starts with sk-ant-', async () => {
    const said = await start(null, { OPENAI_API_KEY: keys.ANTHROPIC_API_KEY });
    assert.match(said ?? 'it started', /openai/);
    clean(said, 'the error');
    assert.ok(!said.includes('api03'), said);
  });

  test('F38: a key of another shape, an empty one, a missing one', async () => {
    const cases = [{ OPENAI_API_KEY: 'xx-' + 'Secret9Secret9Secret9' }, { OPENAI_API_KEY: '' }, { GOOGLE_API_KEY: 'sk-' + 'Secret9Secret9Secret9' }];
    for (const env of cases) {
      const said = await start(null, env);
      assert.match(said ?? 'it started', /warder\.yaml:\d+: |API_KEY/);
      assert.ok(!said.includes('Secret9'), said);
    }
    const said = await start((p) => { p.providers.openai.keys = ['env:NOT_THERE_AT_ALL']; });
    assert.match(said ?? 'it started', /NOT_THERE_AT_ALL/);
  });

  test('F38: keys with - and _ and new prefixes work', async () => {
    for (const OPENAI_API_KEY of ['sk-proj-' + 'a_b-'.repeat(30), 'sk-svcacct-' + 'a_b-'.repeat(30), 'sk-' + 'A1'.repeat(24)]) {
      assert.equal(await start(null, { OPENAI_API_KEY }), null);
    }
  });

  test('a key file that others may read is refused', async () => {
    const file = path.join(gateway.dir, 'key');
    fs.writeFileSync(file, keys.OPENAI_API_KEY + '\n', { mode: 0o600 });
    assert.equal(await start((p) => { p.providers.openai.keys = [`file:${file}`]; }), null);
    fs.chmodSync(file, 0o644);
    const said = await start((p) => { p.providers.openai.keys = [`file:${file}`]; });
    assert.match(said ?? 'it started', /0600|others/);
    clean(said, 'the error');
  });
});

test('F36: a new key is in force after a reload, and a stream under way is not dropped', async () => {
  const file = path.join(gateway.dir, 'rotating');
  const [first, second] = ['sk-' + 'First1'.repeat(8), 'sk-' + 'Second2'.repeat(7)];
  fs.writeFileSync(file, first, { mode: 0o600 });
  const gw = await startGateway({ upstream: upstream.url, policy: (p) => { p.providers.openai.keys = [`file:${file}`]; } });
  try {
    const headers = { authorization: `Bearer ${await gw.token()}` };
    const rest = door();
    upstream.handle = async (req, res) => {
      const list = streamOf('chat', ['Hello ', 'you.']);
      sse(res);
      await write(res, list[0] + list[1]);
      await rest.opened;
      res.end(list.slice(2).join(''));
    };
    const stream = await open(gw.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi', { stream: true }) });
    await stream.until('Hello');
    assert.equal(upstream.last().headers.authorization, `Bearer ${first}`);
    upstream.handle = say('Fine.');
    fs.writeFileSync(file, second, { mode: 0o600 });
    await gw.reload();
    for (let i = 0; i < 8; i++) {
      assert.equal((await request(gw.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi') })).status, 200);
      assert.equal(upstream.last().headers.authorization, `Bearer ${second}`);
    }
    rest.open();
    await stream.end();
    assert.match(stream.text, /you\.[^]*\[DONE\]/);
  } finally {
    upstream.handle = say('Fine.');
    await gw.stop();
  }
});
