// Stand-by keys: what the provider refuses with one key goes out once more with the next.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readable, refused } from './lib/check.mjs';
import { open, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { everything, waitFor } from './lib/process.mjs';
import { core, email, secrets } from './lib/secrets.mjs';
import {
  begin, end, forget, second, values, names, provider, firstOf, secondOf, keyOf, complaint, refuse, both, firsts, clean, standby, ask, post, fine, used, failing, failures,
} from './lib/standby.mjs';
import { certificates } from './lib/tls.mjs';
import { door, formats, json, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, gateway, token;
before(async () => { ({ upstream, gateway, token } = await begin()); });
beforeEach(forget);
after(end);

for (const status of [401, 403, 429]) {
  for (const name of names) {
    test(`F30: ${status}, ${name}: the second key is tried once and kept`, async () => {
      const of = provider[name];
      upstream.handle = firsts(status);
      const before = await failures(of, 0, status);
      for (const stream of [false, true]) {
        upstream.requests.length = 0;
        // the second request finds the mark of the first
        const answer = await ask(name, { stream });
        fine(name, answer, stream);
        assert.deepEqual(used(), stream ? [secondOf[of]] : [firstOf[of], secondOf[of]]);
        assert.equal(answer.headers['x-provider-ratelimit-remaining-requests'], undefined);
        assert.equal(answer.headers['retry-after'], undefined);
        assert.equal(answer.headers['set-cookie'], undefined);
        clean(answer.text + JSON.stringify(answer.rawHeaders), 'the answer');
      }
      assert.equal(await failing(of, 0), 1);
      assert.equal(await failing(of, 1), 0);
      assert.equal(await failures(of, 0, status), before + 1);
      await gateway.reload();
      assert.equal(await failing(of, 0), 0, 'a reload forgets');
      upstream.requests.length = 0;
      const streamed = await ask(name, { stream: true });
      fine(name, streamed, true);
      const [one, two, ...none] = upstream.requests;
      assert.deepEqual([keyOf(one), keyOf(two), none.length], [firstOf[of], secondOf[of], 0]);
      assert.equal(one.path, two.path);
      assert.deepEqual(one.body, two.body);
      assert.equal(one.method, 'POST');
      assert.equal(two.method, 'POST');
    });
  }
}

test('every worker knows at once', async () => {
  upstream.handle = firsts(401);
  await ask('chat');
  upstream.requests.length = 0;
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask('chat')));
  for (const answer of answers) fine('chat', answer);
  assert.deepEqual(new Set(used()), new Set([secondOf.openai]));
  assert.equal(upstream.requests.length, 40);
});

test('many at once while the key dies: each goes out twice at most, and none fails', async () => {
  upstream.handle = firsts(403);
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(names[i % 4], { stream: i % 8 > 3 })));
  answers.forEach((answer, i) => fine(names[i % 4], answer, i % 8 > 3));
  assert.ok(upstream.requests.length <= 120, `${upstream.requests.length}`);
  assert.equal(upstream.requests.filter((r) => Object.values(secondOf).includes(keyOf(r))).length, 60);
});

describe('the body', () => {
  for (const name of names) {
    test(`large, ${name}: whole on both ways`, async () => {
      upstream.handle = firsts(429, { headers: { 'retry-after': '1' } });
      const text = 'warder '.repeat(900_000);
      fine(name, await ask(name, { text }));
      assert.deepEqual(used(), [firstOf[provider[name]], secondOf[provider[name]]]);
      const sent = JSON.stringify(formats[name].ask(text));
      for (const record of upstream.requests) assert.ok(record.body.toString() === sent, `${record.body.length} of ${sent.length} bytes`);
    });

    test(`changed, ${name}: redacted on both ways`, async () => {
      upstream.handle = firsts(401);
      for (const text of ['Mine is ', 'x'.repeat(300_000)]) {
        await gateway.reload();
        upstream.requests.length = 0;
        fine(name, await ask(name, { text: `${text} ${secrets['github token']} and ${email}` }));
        const [one, two] = upstream.requests;
        assert.equal(upstream.requests.length, 2);
        assert.deepEqual(one.body, two.body);
        for (const hidden of [core(secrets['github token']), email]) assert.ok(!two.body.includes(hidden));
        assert.equal(Number(two.headers['content-length']), two.body.length);
        assert.ok(two.json);
      }
    });
  }

  test('in two parts, with a length and in chunks', async () => {
    upstream.handle = firsts(401);
    const body = JSON.stringify(formats.chat.ask('part '.repeat(2000)));
    for (const chunked of [false, true]) {
      await gateway.reload();
      upstream.requests.length = 0;
      const req = post('chat', chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) });
      const answer = new Promise((done, fail) => req.once('response', done).once('error', fail));
      req.setNoDelay(true);
      await new Promise((done) => req.write(body.slice(0, 500), done));
      await gateway.metrics(); // the gateway had its time to read the first part
      req.end(body.slice(500));
      const res = await answer;
      assert.equal(res.statusCode, 200);
      res.resume();
      assert.deepEqual(upstream.requests.map((r) => r.body.toString() === body), [true, true]);
    }
  });

  test('an answer that comes before the body was read', async () => {
    let seen = 0;
    const inner = http.createServer((req, res) => {
      seen++;
      if (req.headers.authorization.includes('Standby')) {
        const chunks = [];
        req.on('data', (c) => chunks.push(c)).on('end', () => say('Fine.')(req, res, { body: Buffer.concat(chunks), headers: req.headers }));
      } else {
        json(res, complaint(req.url, 401, 'No.'), 401);
      }
    });
    await new Promise((done) => inner.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${inner.address().port}`;
    const other = await startGateway({ upstream: url, env: second, policy: standby });
    try {
      const as = await other.token();
      const answer = await ask('chat', { to: other, as, text: 'early '.repeat(900_000) });
      fine('chat', answer);
      assert.equal(seen, 2);
    } finally {
      await other.stop();
      inner.closeAllConnections();
      await new Promise((done) => inner.close(done));
    }
  });

  test('none: a list of models', async () => {
    upstream.handle = firsts(403);
    const answer = await request(gateway.url, { method: 'GET', path: '/openai/v1/models', headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(upstream.requests.map((r) => [r.method, r.path, keyOf(r)]), [['GET', '/v1/models', firstOf.openai], ['GET', '/v1/models', secondOf.openai]]);
  });
});

describe('when no key is left', () => {
  for (const status of [401, 403, 429]) {
    for (const name of names) {
      test(`${status}, ${name}: the provider's own words reach the caller`, async () => {
        upstream.handle = both(status, { message: 'Ask your account manager.', headers: { 'retry-after': '7' } });
        const stream = status === 403;
        const answer = await ask(name, { stream });
        assert.equal(answer.status, status);
        readable(answer, status);
        assert.equal(answer.json.error.message, 'Ask your account manager.');
        assert.equal(answer.headers['retry-after'], '7');
        assert.equal(answer.headers['x-provider-ratelimit-remaining-requests'], '11');
        assert.deepEqual(used(), [firstOf[provider[name]], secondOf[provider[name]]]);
        assert.deepEqual([await failing(provider[name], 0), await failing(provider[name], 1)], [1, 0], 'the second is not marked');
        upstream.requests.length = 0;
        assert.equal((await ask(name)).status, status);
        assert.equal(upstream.requests.length, 1, 'a marked key is not tried after another');
      });
    }
  }

  test('two different refusals: the second is what the caller gets, and marks too', async () => {
    upstream.handle = refuse({ [firstOf.openai]: 401, [secondOf.openai]: { status: 429, message: 'Slow down.' } });
    const answer = await ask('chat');
    assert.deepEqual([answer.status, answer.json.error.message], [429, 'Slow down.']);
    assert.deepEqual([await failing('openai', 0), await failing('openai', 1)], [1, 1]);
    upstream.requests.length = 0;
    assert.equal((await ask('chat')).status, 429);
    assert.deepEqual(used(), [secondOf.openai], 'a key that is only busy goes before one that is refused');
    upstream.handle = firsts(401);
    fine('chat', await ask('chat'));
    assert.equal(await failing('openai', 1), 0, 'an answer ends the mark');
  });

  test('one key only: its answer goes to the caller, and it stays in use', async () => {
    const { openai } = gateway.policy.providers;
    const all = openai.keys;
    await gateway.reload(() => { openai.keys = all.slice(0, 1); });
    try {
      for (const status of [401, 403, 429]) {
        upstream.requests.length = 0;
        upstream.handle = firsts(status, { message: 'Only this one.' });
        for (let i = 0; i < 2; i++) {
          const answer = await ask('chat');
          assert.deepEqual([answer.status, answer.json.error.message], [status, 'Only this one.']);
        }
        assert.deepEqual(used(), [firstOf.openai, firstOf.openai]);
        assert.equal(await failing('openai', 0), 1);
        assert.equal(await failing('openai', 1), undefined);
        upstream.handle = say('Fine.');
        fine('chat', await ask('chat'));
        assert.equal(await failing('openai', 0), 0);
      }
    } finally {
      await gateway.reload(() => { openai.keys = all; });
    }
  });

  test('the second way breaks: an error of the gateway in the format, for every kind of break', async () => {
    const ends = {
      502: [(req, res) => res.destroy(), 'provider_unavailable'],
      500: [(req, res) => json(res, complaint(req.url, 500, 'Broken.'), 500), undefined],
    };
    for (const [status, [end, code]] of Object.entries(ends)) {
      for (const name of ['chat', 'messages', 'google']) {
        await gateway.reload();
        upstream.requests.length = 0;
        upstream.handle = firsts(401);
        const otherwise = upstream.handle;
        upstream.handle = (req, res, record) => (Object.values(secondOf).includes(keyOf(record)) ? end(req, res) : otherwise(req, res, record));
        const answer = await ask(name);
        if (code) refused(answer, Number(status), code, formats[name].shape);
        else assert.deepEqual([answer.status, answer.json.error.message], [500, 'Broken.']);
        assert.ok(used().includes(secondOf[provider[name]]));
        assert.equal(await failing(provider[name], 1), 0);
      }
    }
  });
});

describe('one exchange', () => {
  test('one record, one count, the time of both ways', async () => {
    upstream.handle = (req, res, record) => setTimeout(() => firsts(401)(req, res, record), 150);
    const before = gateway.records().length;
    const requests = async () => (await gateway.metrics()).split('\n').filter((l) => l.startsWith('warder_requests_total{provider="openai"')).reduce((n, l) => n + Number(l.split(' ').at(-1)), 0);
    const counted = await requests();
    const answer = await ask('chat');
    fine('chat', answer);
    const record = await gateway.record(answer.headers['x-request-id']);
    assert.deepEqual([record.decision, record.status, record.code], ['allowed', 200, '']);
    assert.ok(record.upstream_ms >= 290 && record.upstream_ms < 5000, `${record.upstream_ms} ms`);
    assert.equal(await requests(), counted + 1);
    assert.equal(gateway.records().length, before + 1);
    assert.equal((await gateway.verify()).code, 0);
  });

  test('a limit counts one', async () => {
    await gateway.reload((p) => { p.roles.few = { providers: ['*'], tools: ['*'], limit: '5/1h' }; });
    const as = await gateway.token('frugal', 'few');
    upstream.handle = firsts(401);
    const left = [];
    for (let i = 0; i < 3; i++) {
      await gateway.reload();
      const answer = await ask('chat', { as });
      fine('chat', answer);
      left.push(answer.headers['x-ratelimit-remaining-requests']);
    }
    assert.deepEqual(left, ['4', '3', '2']);
    await gateway.reload();
    upstream.handle = both(429);
    const answer = await ask('chat', { as });
    assert.deepEqual([answer.status, answer.headers['x-ratelimit-remaining-requests']], [429, '1']);
  });

  test('a limit counts none when the second way reaches nobody', async () => {
    const as = await gateway.token('unlucky', 'few');
    const otherwise = firsts(401);
    upstream.handle = (req, res, record) => (keyOf(record) === firstOf.openai ? otherwise(req, res, record) : res.destroy());
    refused(await ask('chat', { as }), 502, 'provider_unavailable', 'openai');
    upstream.handle = say('Fine.');
    const answer = await ask('chat', { as });
    fine('chat', answer);
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], '4');
  });

  for (const name of names) {
    test(`${name}: the client leaves while the second way is under way`, async () => {
      const here = door();
      let closed;
      const otherwise = firsts(401, {});
      upstream.handle = (req, res, record) => {
        if (keyOf(record) === firstOf[provider[name]]) return otherwise(req, res, record);
        closed = record.closed;
        here.open();
        return new Promise(() => {});
      };
      const before = gateway.records().length;
      const client = post(name).on('error', () => {});
      client.end(JSON.stringify(formats[name].ask('Hi')));
      await here.opened;
      client.destroy();
      await closed;
      await waitFor('the record', () => gateway.records().length > before);
      const last = gateway.records().sort((a, b) => (a.time < b.time ? -1 : 1)).at(-1);
      assert.deepEqual([last.decision, last.status, last.provider], ['aborted', 499, provider[name]]);
      assert.equal(gateway.records().length, before + 1);
      upstream.handle = firsts(401);
      fine(name, await ask(name));
    });
  }

  test('a stream of the second way is cut by its client', async () => {
    const late = door();
    upstream.handle = firsts(401, {});
    const otherwise = upstream.handle;
    let closed;
    upstream.handle = async (req, res, record) => {
      if (keyOf(record) === firstOf.openai) return otherwise(req, res, record);
      closed = record.closed;
      sse(res);
      for (const event of streamOf('chat', ['one ', 'two ']).slice(0, 3)) await write(res, event);
      await late.opened;
      return res.end();
    };
    const stream = await open(gateway.url, { path: formats.chat.path, headers: { authorization: `Bearer ${token}` }, body: formats.chat.ask('Hi', { stream: true }) });
    await stream.until('one');
    stream.cut();
    await closed;
    late.open();
    const record = await gateway.record(stream.headers['x-request-id']);
    assert.deepEqual([record.decision, record.status, record.stream], ['aborted', 200, true]);
  });
});

test('F30: no key anywhere, also when the refusals say it', async () => {
  for (const name of names) {
    upstream.handle = (req, res, record) => json(res, complaint(req.url, 401, `Incorrect API key provided: ${keyOf(record)}.`), 401, { 'www-authenticate': `Bearer realm="${keyOf(record)}"`, 'x-echo': keyOf(record) });
    const answer = await ask(name);
    assert.equal(answer.status, 401);
    clean(answer.text + JSON.stringify(answer.rawHeaders), `the answer of ${name}`);
  }
  clean(gateway.log(), 'the log');
  clean(await gateway.metrics(), 'the metrics');
  clean(everything(gateway.policy.state), 'the state folder');
});

test('HTTP/2 over TLS, the provider over TLS too', async () => {
  const certs = certificates();
  const { cert, key, certFile, keyFile } = certs.leaf('localhost');
  const secure = await startUpstream(firsts(401), { tls: { cert, key } });
  let other, session;
  try {
    other = await startGateway({
      upstream: secure.url, env: second,
      policy(p) { standby(p); p.tls = { cert: certFile, key: keyFile }; for (const one of Object.values(p.providers)) one.ca_file = certs.ca; },
    });
    const as = await other.token();
    session = http2.connect(other.url, { ca: fs.readFileSync(certs.ca) });
    const ask2 = (name, text, stream) => new Promise((done, fail) => {
      const req = session.request({ ':method': 'POST', ':path': stream ? formats[name].streamPath ?? formats[name].path : formats[name].path, authorization: `Bearer ${as}`, 'content-type': 'application/json' });
      const got = { text: '' };
      req.on('response', (h) => { got.status = h[':status']; got.headers = h; }).on('error', fail).setEncoding('utf8').on('data', (t) => { got.text += t; });
      req.on('close', () => done({ ...got, get json() { return JSON.parse(got.text); } }));
      req.end(JSON.stringify(formats[name].ask(text, stream && name !== 'google' ? { stream } : {})));
    });
    for (const name of names) {
      for (const stream of [false, true]) {
        for (const text of stream ? ['large '.repeat(200_000)] : [`changed ${email} ${'x'.repeat(70_000)}`]) {
          await other.reload();
          session.destroy();
          session = http2.connect(other.url, { ca: fs.readFileSync(certs.ca) });
          secure.requests.length = 0;
          fine(name, await ask2(name, text, stream), stream);
          const [one, two, ...none] = secure.requests;
          assert.deepEqual([keyOf(one), keyOf(two), none.length], [firstOf[provider[name]], secondOf[provider[name]], 0]);
          assert.ok(one.body.equals(two.body));
          assert.equal(two.body.includes(email), false);
        }
      }
    }
    // the client leaves while the second way is under way
    const here = door();
    let closed;
    secure.handle = (req, res, record) => {
      if (keyOf(record) === firstOf.openai) return firsts(401)(req, res, record);
      closed = record.closed;
      here.open();
      return new Promise(() => {});
    };
    await other.reload();
    session.destroy();
    session = http2.connect(other.url, { ca: fs.readFileSync(certs.ca) });
    const count = other.records().length;
    const req = session.request({ ':method': 'POST', ':path': formats.chat.path, authorization: `Bearer ${as}`, 'content-type': 'application/json' });
    req.on('error', () => {}).end(JSON.stringify(formats.chat.ask('Hi')));
    await here.opened;
    req.close(http2.constants.NGHTTP2_CANCEL);
    await closed;
    await waitFor('its record', () => other.records().some((r) => r.decision === 'aborted'));
    assert.equal(other.records().length, count + 1);
  } finally {
    session?.destroy();
    await other?.stop();
    await secure.stop();
    certs.remove();
  }
});
