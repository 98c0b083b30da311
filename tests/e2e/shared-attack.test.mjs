// Requests that wait for a shared store: whatever happens while they wait, at a moment that the test chooses.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { startBetween } from './lib/between.mjs';
import { refused } from './lib/check.mjs';
import { open, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { alive, waitFor } from './lib/process.mjs';
import { startRedis } from './lib/redis.mjs';
import { certificates } from './lib/tls.mjs';
import { door, formats, say, sse, startUpstream, write } from './lib/upstream.mjs';

const chat = formats.chat;
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const ask = (gateway, headers, more = {}) => request(gateway.url, { path: chat.path, headers, body: chat.ask('Hi'), ...more });
const passes = (answer) => assert.equal(answer.status, 200, answer.text);
const readyz = (gateway) => request(`http://${gateway.policy.admin}/readyz`, { method: 'GET' });
const isReady = (gateway) => waitFor('the gateway to be ready', async () => /store: ok/.test((await readyz(gateway)).text));
const roles = { enterprise: { providers: ['*'], tools: ['*'], limit: '1000000/1h' }, ten: { providers: ['*'], tools: ['*'], limit: '10/1h' }, budget: { providers: ['*'], tools: ['*'], limits: [{ tokens: '900/1h' }] } };

let redis, upstream, certs, main, one, late, local, tls;
const started = [];
let users = 0;

before(async () => {
  redis = await startRedis();
  upstream = await startUpstream(say('Fine.'));
  certs = certificates();
  const leaf = certs.leaf('localhost');
  const isolated = (p) => Object.assign(p, { isolation: { enabled: true }, input: { max_tokens: { max: 100 } } });
  main = await behind(isolated);
  one = await behind(isolated);
  late = await behind((p) => { p.store_timeout = '500ms'; });
  local = await behind((p) => Object.assign(p, { store_timeout: '500ms', on_store_failure: 'local' }));
  tls = await behind((p) => { p.tls = { cert: leaf.certFile, key: leaf.keyFile }; });
});
after(async () => {
  for (const one of started.reverse()) await one.stop();
  await upstream?.stop();
  await redis?.stop();
  certs?.remove();
});

/** A gateway with one worker on the store, by way of a proxy of its own. */
async function behind(policy = () => {}) {
  const between = await startBetween(redis.port);
  started.push(between);
  const gateway = await startGateway({
    upstream: upstream.url,
    policy(p) {
      Object.assign(p, { store: between.url, store_timeout: '10s', workers: 1, roles: structuredClone(roles) });
      policy(p);
    },
  });
  started.push(gateway);
  await isReady(gateway);
  return { gateway, between };
}

/** Of a user that this gateway has not seen yet. */
const stranger = async (gateway, role = 'enterprise') => bearer(await gateway.token(`user${users++}`, role));

/** Of one that it knows, so that the next request asks once. */
async function known(gateway, role) {
  const headers = await stranger(gateway, role);
  passes(await ask(gateway, headers));
  return headers;
}

const asked = (between, n) => waitFor(`${n} questions to the store`, () => between.asked >= n);
const left = (answer) => Number(answer.headers['x-ratelimit-remaining-requests']);

describe('named values', () => {
  const name = (...values) => ({ 'x-warder-sensitive': values.map(encodeURIComponent).join(',') });
  test('requests that find the filter changed at the same time all pass', async () => {
    const headers = await known(main.gateway);
    passes(await ask(one.gateway, { ...await known(one.gateway), ...name('amber falcon') }));
    main.between.hold('replies');
    const waiting = Array.from({ length: 6 }, () => ask(main.gateway, headers));
    await asked(main.between, 6);
    main.between.release();
    for (const answer of await Promise.all(waiting)) passes(answer);
  });

  test('so they do when the whole filter has to come', async () => {
    const headers = await known(main.gateway), other = await known(one.gateway);
    for (let n = 0; n < 5; n++) passes(await ask(one.gateway, { ...other, ...name(...Array.from({ length: 60 }, (_, i) => `grey heron ${n} ${i}`)) }));
    main.between.hold('replies');
    const waiting = Array.from({ length: 6 }, () => ask(main.gateway, headers));
    await asked(main.between, 6);
    main.between.release();
    for (const answer of await Promise.all(waiting)) passes(answer);
  });

  test('fifty callers at once, each with a value of its own', async () => {
    const headers = await known(main.gateway);
    main.between.hold('replies');
    const waiting = Array.from({ length: 50 }, (_, i) => ask(main.gateway, { ...headers, ...name(`velvet engine ${i}`) }));
    await asked(main.between, 50);
    main.between.release();
    const answers = await Promise.all(waiting);
    assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
  });
});

describe('a store that answers late', () => {
  test('F23: what a refused request got goes back when its answer comes', async () => {
    const headers = await known(late.gateway, 'ten');
    late.between.hold('replies');
    for (const answer of await Promise.all(Array.from({ length: 4 }, () => ask(late.gateway, headers)))) refused(answer, 503, 'store_unavailable', 'openai');
    late.between.release();
    await isReady(late.gateway);
    const answer = await ask(late.gateway, headers);
    passes(answer);
    assert.equal(left(answer), 8);
  });
});

describe('the clock of the store', () => {
  const move = (seconds) => redis.ask('EVAL', "local t, a = struct.unpack('>I8I8', redis.call('GET', '{warder}:t')) redis.call('SET', '{warder}:t', struct.pack('>I8I8', t + ARGV[1], a + ARGV[1]))", '0', seconds * 1e6);

  test('was ahead for a while: what comes after its time is still not counted', async () => {
    const headers = await known(late.gateway, 'ten');
    await move(600);
    refused(await ask(late.gateway, headers), 503, 'store_unavailable', 'openai'); // it was too late by what was known of the clock
    passes(await ask(late.gateway, headers));
    await move(-600);
    passes(await ask(late.gateway, headers));
    late.between.hold('commands');
    refused(await ask(late.gateway, headers), 503, 'store_unavailable', 'openai');
    late.between.release();
    await isReady(late.gateway);
    const answer = await ask(late.gateway, headers);
    passes(answer);
    assert.equal(left(answer), 6);
    assert.equal(late.between.asked, 2); // nothing had to be given back
  });
});

describe('what goes back', () => {
  /** A provider that fails once the test says so. */
  function failing() {
    const { opened, open } = door();
    let came = 0;
    upstream.handle = async (req, res) => { came++; await opened; res.socket.destroy(); };
    return { open, came: (n) => waitFor(`${n} requests at the provider`, () => came >= n) };
  }

  const counts = async (it, headers, left_) => {
    upstream.handle = say('Fine.');
    const answer = await ask(it.gateway, headers);
    passes(answer);
    assert.equal(left(answer), left_);
  };

  test('F23: while the store is away, it waits until it is back', async () => {
    const headers = await known(main.gateway, 'ten'), provider = failing();
    const waiting = Array.from({ length: 4 }, () => ask(main.gateway, headers));
    await provider.came(4);
    main.between.hold('commands');
    main.between.cut();
    provider.open();
    for (const answer of await Promise.all(waiting)) refused(answer, 502, 'provider_unavailable', 'openai');
    main.between.release();
    await isReady(main.gateway);
    await counts(main, headers, 8);
  });

  test('F23: on its way when the connection is lost, done or not, it goes back once', async () => {
    for (const what of ['commands', 'replies']) {
      const headers = await known(main.gateway, 'ten'), provider = failing();
      const waiting = Array.from({ length: 3 }, () => ask(main.gateway, headers));
      await provider.came(3);
      main.between.hold(what);
      provider.open();
      for (const answer of await Promise.all(waiting)) refused(answer, 502, 'provider_unavailable', 'openai');
      await asked(main.between, 3);
      main.between.cut();
      main.between.release();
      await isReady(main.gateway);
      await counts(main, headers, 8);
    }
  });

  test('F23: with scripts that Redis has forgotten', async () => {
    const headers = await known(main.gateway, 'ten'), provider = failing();
    const waiting = Array.from({ length: 3 }, () => ask(main.gateway, headers));
    await provider.came(3);
    await redis.ask('SCRIPT', 'FLUSH');
    provider.open();
    for (const answer of await Promise.all(waiting)) refused(answer, 502, 'provider_unavailable', 'openai');
    await waitFor('a request to pass', async () => { upstream.handle = say('Fine.'); return (await ask(main.gateway, await known(main.gateway).catch(() => ({})))).status === 200; });
    await counts(main, headers, 8);
  });

  test('F39: an id that was issued while the store was away is noted when it is back', async () => {
    const headers = await known(local.gateway), { opened, open } = door();
    let came = false;
    upstream.handle = async (req, res, record) => { came = true; await opened; return say('Fine.')(req, res, record); };
    const tell = (more) => request(local.gateway.url, { path: formats.responses.path, headers, body: formats.responses.ask('Hi', more) });
    local.between.hold('replies');
    const waiting = tell({});
    await waitFor('the request at the provider', () => came);
    local.between.release();
    await isReady(local.gateway);
    open();
    passes(await waiting);
    upstream.handle = say('Fine.');
    passes(await tell({ previous_response_id: 'resp_1' }));
  });
});

describe('F25: a stream that asks for more', () => {
  /** A stream of 100 tokens that has asked for more and got no answer. It says more, and ends, when the test says so. */
  async function stream() {
    await isReady(main.gateway);
    const headers = await stranger(main.gateway, 'budget'), first = door(), second = door();
    upstream.handle = async (req, res) => {
      sse(res);
      await write(res, chat.start[0]);
      await first.opened;
      await write(res, chat.delta('word '.repeat(200)));
      await second.opened;
      await write(res, chat.delta('the end. '));
      for (const event of chat.end) await write(res, event);
      res.end();
    };
    const answer = await open(main.gateway.url, { path: chat.path, headers, body: chat.ask('Hi', { stream: true }) });
    await answer.until('assistant');
    main.between.hold('replies');
    first.open();
    await asked(main.between, 1);
    await answer.until('word');
    return { answer, second, headers };
  }

  /** The next request needs more than is left when what was asked for is not given back. */
  async function nextPasses(headers) {
    await isReady(main.gateway);
    upstream.handle = say('Fine.');
    passes(await ask(main.gateway, headers));
  }

  test('the caller leaves before the answer', async () => {
    for (const way of ['release', 'cut']) {
      const { answer, second, headers } = await stream();
      answer.cut();
      await main.gateway.record(answer.headers['x-request-id']);
      main.between[way]();
      main.between.release();
      second.open();
      if (way === 'release') await nextPasses(headers); // what a lost answer said it got stays counted
    }
  });

  test('it ends before the answer', async () => {
    const { answer, second, headers } = await stream();
    second.open();
    await answer.end();
    assert.match(answer.text, /the end\..*\[DONE\]/s);
    await main.gateway.record(answer.headers['x-request-id']);
    main.between.release();
    await nextPasses(headers);
  });

  test('the connection is lost: it ends with its error', async () => {
    const { answer, second } = await stream();
    main.between.cut();
    main.between.release();
    await isReady(main.gateway);
    second.open();
    await answer.end();
    assert.match(answer.text, /store_unavailable/);
    assert.doesNotMatch(answer.text, /the end/);
  });
});

describe('a connection that is not ready yet', () => {
  let it;
  before(() => { it = main; });

  test('requests are refused at once, not kept until it is', async () => {
    const headers = await known(it.gateway);
    it.between.hold('commands', 'SCRIPT\r\n');
    it.between.cut();
    await waitFor('the scripts to be loaded', () => it.between.said.includes('SCRIPT\r\n'));
    const began = performance.now();
    refused(await ask(it.gateway, headers), 503, 'store_unavailable', 'openai');
    assert.ok(performance.now() - began < 5000);
    assert.equal(it.between.asked, 0);
    it.between.release();
    await isReady(it.gateway);
    passes(await ask(it.gateway, headers));
  });
});

describe('HTTP/1.1 while the store is asked', () => {
  let it;
  before(() => { it = main; });

  const head = (headers, more, path = chat.path) => [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Type: application/json', `Authorization: ${headers.authorization}`, ...more, '', ''].join('\r\n');
  const body = JSON.stringify(chat.ask('Hello there'));
  const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => Number(m[1]));

  /** A bare connection. */
  function connect(gateway) {
    const { hostname, port } = new URL(gateway.url);
    const socket = net.connect({ host: hostname, port });
    const line = { socket, text: '', over: false };
    socket.setNoDelay(true);
    socket.on('data', (chunk) => { line.text += chunk.toString('latin1'); }).on('error', () => {}).on('close', () => { line.over = true; });
    line.answers = (...list) => waitFor(`answers ${list}, so far ${line.text}`, () => {
      assert.deepEqual(statuses(line.text), list.slice(0, statuses(line.text).length));
      return statuses(line.text).length === list.length;
    });
    return line;
  }

  test('the body comes with the header, later, in pieces and in chunks', async () => {
    const big = JSON.stringify(chat.ask('word '.repeat(15000)));
    const chunked = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const cases = [
      [head(await stranger(it.gateway), [`Content-Length: ${body.length}`]) + body],
      [head(await stranger(it.gateway), [`Content-Length: ${body.length}`]), body],
      [head(await stranger(it.gateway), [`Content-Length: ${body.length}`]) + body.slice(0, 10), body.slice(10)],
      [head(await stranger(it.gateway), [`Content-Length: ${big.length}`]) + big.slice(0, 3000), big.slice(3000, 40000), big.slice(40000)],
      [head(await stranger(it.gateway), ['Transfer-Encoding: chunked']) + chunked(body.slice(0, 7)), chunked(body.slice(7)), '0\r\n\r\n'],
      [head(await stranger(it.gateway), ['Transfer-Encoding: chunked']) + chunked(big) + '0\r\n\r\n'],
    ];
    for (const [first, ...rest] of cases) {
      const before = upstream.requests.length;
      it.between.hold('replies');
      const line = connect(it.gateway);
      line.socket.write(first);
      await asked(it.between, 1);
      for (const [i, piece] of rest.entries()) {
        line.socket.write(piece);
        if (i === 0) it.between.release(); // the rest comes while the body is read
      }
      it.between.release();
      await line.answers(200);
      assert.equal(upstream.requests.length, before + 1);
      assert.ok([body, big].includes(upstream.last().body.toString()));
      line.socket.destroy();
    }
  });

  test('Expect: 100-continue', async () => {
    const who = await stranger(it.gateway);
    it.between.hold('replies');
    const line = connect(it.gateway);
    line.socket.write(head(who, [`Content-Length: ${body.length}`, 'Expect: 100-continue']));
    await asked(it.between, 1);
    it.between.release();
    await waitFor('100', () => /^HTTP\/1\.1 100/.test(line.text));
    line.socket.write(body);
    await line.answers(100, 200);
    line.socket.destroy();
  });

  test('pipelined requests are answered in order', async () => {
    const good = await stranger(it.gateway), bad = bearer('wdr_' + 'B'.repeat(43));
    const one = (headers) => head(headers, [`Content-Length: ${body.length}`]) + body;
    it.between.hold('replies');
    const line = connect(it.gateway);
    line.socket.write(one(good) + one(bad) + one(good) + one(bad) + one(good));
    await asked(it.between, 1);
    it.between.release();
    await line.answers(200, 401, 200, 401, 200);
    line.socket.destroy();
  });

  test('a refused request whose body comes later leaves the connection as it should be', async () => {
    const bad = bearer('wdr_' + 'C'.repeat(43)), good = await stranger(it.gateway);
    it.between.hold('replies');
    const line = connect(it.gateway);
    line.socket.write(head(bad, [`Content-Length: ${body.length}`]));
    await asked(it.between, 1);
    it.between.release();
    await line.answers(401);
    line.socket.write(body + head(good, [`Content-Length: ${body.length}`]) + body);
    await line.answers(401, 200);
    line.socket.destroy();
  });

  test('a body that is too large, after the arrival was asked', async () => {
    const who = await stranger(it.gateway);
    it.between.hold('replies');
    const line = connect(it.gateway);
    line.socket.write(head(who, ['Transfer-Encoding: chunked']));
    await asked(it.between, 1);
    it.between.release();
    const block = 'x'.repeat(1 << 20);
    for (let i = 0; i < 40 && statuses(line.text).length === 0 && !line.over; i++) {
      line.socket.write(`${block.length.toString(16)}\r\n${block}\r\n`);
      await new Promise((done) => setImmediate(done));
    }
    await line.answers(413);
    line.socket.destroy();
  });

  test('callers who leave at every stage: nothing is sent, nothing is counted', async () => {
    const before = upstream.requests.length;
    const headers = await known(it.gateway, 'ten');
    for (const [who, part] of [[await stranger(it.gateway, 'ten'), body], [await stranger(it.gateway, 'ten'), body.slice(0, 5)], [headers, body]]) {
      it.between.hold('replies');
      const lines = Array.from({ length: 5 }, () => connect(it.gateway));
      for (const line of lines) line.socket.write(head(who, [`Content-Length: ${body.length}`]) + part);
      await asked(it.between, 5);
      for (const [i, line] of lines.entries()) if (i % 2) line.socket.resetAndDestroy(); else line.socket.destroy();
      it.between.release();
      await isReady(it.gateway);
    }
    await waitFor('the counts to go back', async () => left(await ask(it.gateway, headers)) >= 0);
    const text = await it.gateway.metrics();
    assert.ok(text.length > 0);
    assert.ok(upstream.requests.length - before <= 12, `${upstream.requests.length - before}`);
  });

  test('the connection to the store is lost while requests of every stage wait', async () => {
    const headers = await known(it.gateway);
    const waiting = [];
    const fresh = [];
    for (let i = 0; i < 5; i++) fresh.push(headers, await stranger(it.gateway));
    it.between.hold('replies');
    for (const who of fresh) waiting.push(ask(it.gateway, who));
    await asked(it.between, 10);
    it.between.cut();
    for (const answer of await Promise.all(waiting)) refused(answer, 503, 'store_unavailable', 'openai');
    it.between.release();
    await isReady(it.gateway);
    passes(await ask(it.gateway, headers));
  });
});

describe('HTTP/2 while the store is asked', () => {
  let it, session;
  before(() => { it = tls; });
  after(() => session?.destroy());

  const ca = () => fs.readFileSync(certs.ca);
  const connect = () => { session = http2.connect(it.gateway.url.replace('127.0.0.1', 'localhost'), { ca: ca() }); session.on('error', () => {}); return session; };

  function post(headers, more = {}) {
    const req = session.request({ ':method': 'POST', ':path': chat.path, 'content-type': 'application/json', ...headers, ...more });
    const answer = { req, status: 0, text: '', over: false };
    req.on('response', (h) => { answer.status = h[':status']; }).on('error', () => {}).on('close', () => { answer.over = true; });
    req.setEncoding('utf8').on('data', (chunk) => { answer.text += chunk; });
    answer.end = () => waitFor('the stream to end', () => answer.over).then(() => answer);
    return answer;
  }

  test('bodies before, during and after the question', async () => {
    connect();
    const body = JSON.stringify(chat.ask('Hello')), big = JSON.stringify(chat.ask('word '.repeat(15000)));
    const who = [];
    for (let i = 0; i < 4; i++) who.push(await stranger(it.gateway));
    it.between.hold('replies');
    const a = post(who[0]), b = post(who[1]), c = post(who[2]), d = post(who[3], { 'content-length': big.length });
    a.req.end(body);
    b.req.write(body.slice(0, 9));
    d.req.write(big.slice(0, 50000));
    await asked(it.between, 4);
    b.req.end(body.slice(9));
    d.req.end(big.slice(50000));
    it.between.release();
    c.req.end(body);
    for (const one of [a, b, c, d]) assert.equal((await one.end()).status, 200, one.text);
  });

  test('streams that are reset, with the connection and alone', async () => {
    const body = JSON.stringify(chat.ask('Hello'));
    for (const whole of [false, true]) {
      const fresh = await stranger(it.gateway), before = upstream.requests.length;
      connect();
      const old = await stranger(it.gateway);
      const first = post(old);
      first.req.end(body);
      assert.equal((await first.end()).status, 200);
      it.between.hold('replies');
      const list = Array.from({ length: 12 }, (_, i) => post(i % 2 ? fresh : old));
      for (const [i, one] of list.entries()) if (i % 3) one.req.end(body); else one.req.write(body.slice(0, 20));
      await asked(it.between, 10);
      if (whole) session.destroy();
      else for (const one of list) one.req.close(http2.constants.NGHTTP2_CANCEL);
      await waitFor('the streams to end', () => list.every((one) => one.over));
      it.between.release();
      await isReady(it.gateway);
      assert.ok(upstream.requests.length <= before + 1 + 12);
      if (!whole) {
        const last = post(old);
        last.req.end(body);
        assert.equal((await last.end()).status, 200);
      }
      session.destroy();
    }
  });
});

describe('the gateway ends while the store is asked', () => {
  for (const [what, act] of [['a reload', (g) => g.reload()], ['a worker that is told to quit', async (g) => { for (const pid of g.workers()) process.kill(pid, 'SIGQUIT'); }]]) {
    test(`${what}: who waits gets the answer`, async () => {
      const it = main;
      const headers = await known(it.gateway), fresh = await stranger(it.gateway);
      it.between.hold('replies');
      const waiting = [ask(it.gateway, headers), ask(it.gateway, fresh)];
      await asked(it.between, 2);
      const [old] = it.gateway.workers();
      await act(it.gateway);
      await new Promise((done) => setTimeout(done, 300));
      it.between.release();
      for (const answer of await Promise.all(waiting)) passes(answer);
      await waitFor('the old worker to end', () => !alive(old));
      await isReady(it.gateway);
      passes(await ask(it.gateway, headers));
    });
  }

  test('terminated: every exchange has a record, and the log is whole', async () => {
    const it = local;
    const headers = await known(it.gateway);
    it.between.hold('replies');
    const waiting = Array.from({ length: 6 }, (_, i) => ask(it.gateway, i % 2 ? headers : bearer('wdr_' + 'D'.repeat(43))).catch(() => null));
    await asked(it.between, 6);
    for (const pid of it.gateway.workers()) process.kill(pid, 'SIGTERM');
    await Promise.all(waiting);
    it.between.release();
    await isReady(it.gateway);
    passes(await ask(it.gateway, headers));
    await it.gateway.restart();
    assert.equal((await it.gateway.verify()).code, 0);
  });
});
