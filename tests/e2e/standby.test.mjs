// Stand-by keys: what the provider refuses with one key goes out once more with the next.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readable, refused } from './lib/check.mjs';
import { events, open, request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { inMemory, preload } from './lib/preload.mjs';
import { waitFor } from './lib/process.mjs';
import { core, email, secrets } from './lib/secrets.mjs';
import { certificates } from './lib/tls.mjs';
import { door, formats, json, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

const second = {
  OPENAI_SECOND: 'sk-proj-' + 'Standby0Secret1Openai_2-qrstuvwxyzabcdef',
  ANTHROPIC_SECOND: 'sk-ant-' + 'api03-Standby0Secret1Anthropic_2-qrstuvwxyz',
  GOOGLE_SECOND: 'AIza' + 'SyStandby0Secret1Google_2-qrstuvwx',
  OPENAI_THIRD: 'sk-proj-' + 'Third0Secret1Openai_2-qrstuvwxyzabcdefgh',
};
const values = [...Object.values(keys), ...Object.values(second)];
const names = Object.keys(formats);
const provider = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };
const firstOf = { openai: keys.OPENAI_API_KEY, anthropic: keys.ANTHROPIC_API_KEY, google: keys.GOOGLE_API_KEY };
const secondOf = { openai: second.OPENAI_SECOND, anthropic: second.ANTHROPIC_SECOND, google: second.GOOGLE_SECOND };
const keyOf = (record) => record.headers['x-api-key'] ?? record.headers['x-goog-api-key'] ?? record.headers.authorization.slice(7);

/** The provider's error with this status, as its SDK knows it. */
function complaint(url, status, message) {
  if (url.includes('/messages')) return { type: 'error', error: { type: 'authentication_error', message } };
  if (url.includes('models/')) return { error: { code: status, message, status: 'PERMISSION_DENIED' } };
  return { error: { message, type: 'invalid_request_error', param: null, code: 'invalid_api_key' } };
}

/** Refuses by key: { key: status } or { key: { status, headers, message } }; other keys are welcome. */
function refuse(by, otherwise = say('Fine.')) {
  return (req, res, record) => {
    const no = by[keyOf(record)];
    if (no === undefined) return otherwise(req, res, record);
    const { status, headers = {}, message = `No, says ${status}.` } = typeof no === 'number' ? { status: no } : no;
    return json(res, complaint(req.url, status, message), status, { 'x-ratelimit-remaining-requests': '11', 'set-cookie': 'first=1', ...headers });
  };
}

const both = (status, more = {}) => refuse(Object.fromEntries([...Object.values(firstOf), ...Object.values(secondOf)].map((k) => [k, { status, ...more }])));
const firsts = (status, more = {}) => refuse(Object.fromEntries(Object.values(firstOf).map((k) => [k, { status, ...more }])));

function clean(text, what) {
  for (const value of values) assert.ok(!text.includes(value.slice(0, 24)), `a provider key stands in ${what}`);
}

let upstream, gateway, token;
const standby = (p) => {
  p.providers.openai.keys.push('env:OPENAI_SECOND');
  p.providers.anthropic.keys.push('env:ANTHROPIC_SECOND');
  p.providers.google.keys.push('env:GOOGLE_SECOND');
  p.input = { message_chars: { max: 10_000_000 } };
  p.detect = { input: { pii: 'redact' } };
};

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await startGateway({ upstream: upstream.url, env: second, policy: standby });
  token = await gateway.token();
});
beforeEach(async () => {
  await gateway.reload(); // which forgets what is known of keys
  upstream.requests.length = 0;
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const ask = (name, { text = 'Hi', stream = false, more = {}, to = gateway, as = token, ...rest } = {}) => request(to.url, {
  path: stream ? formats[name].streamPath ?? formats[name].path : formats[name].path, headers: { authorization: `Bearer ${as}` },
  body: formats[name].ask(text, { ...more, ...(stream && name !== 'google' ? { stream } : {}) }), ...rest,
});
/** A request whose body the test sends itself. */
const post = (name, headers = {}) => http.request(gateway.url + formats[name].path, { method: 'POST', agent: false, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers } });
const fine = (name, answer, stream) => {
  assert.equal(answer.status, 200, answer.text);
  assert.ok(stream ? formats[name].text(events(answer.text)) === 'Fine.' : JSON.stringify(answer.json).includes('Fine.'), answer.text);
};
const used = () => upstream.requests.map(keyOf);

async function metric(name, labels, of = gateway) {
  const line = (await of.metrics()).split('\n').find((l) => l.startsWith(`${name}{${labels}} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}
const failing = (of, slot) => metric('warder_provider_key_failing', `provider="${of}",slot="${slot}"`);
const failures = (of, slot, status) => metric('warder_provider_key_failures_total', `provider="${of}",slot="${slot}",status="${status}"`);

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
  const state = gateway.policy.state;
  const files = fs.readdirSync(state, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  clean(files.map((e) => fs.readFileSync(path.join(e.parentPath ?? e.path, e.name), 'latin1')).join('\n'), 'the state folder');
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
        for (const text of ['Hi', 'large '.repeat(200_000), `changed ${email} ${'x'.repeat(70_000)}`]) {
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
