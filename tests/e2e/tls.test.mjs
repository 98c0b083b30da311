// TLS on both sides: who the provider is, and what callers get over HTTPS and HTTP/2.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readable, refused } from './lib/check.mjs';
import { events, request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { build, waitFor } from './lib/process.mjs';
import { certificates } from './lib/tls.mjs';
import { secrets } from './lib/secrets.mjs';
import { door, formats, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

const run = promisify(execFile);

let certs;
before(() => { certs = certificates(); });
after(() => certs?.remove());

const names = Object.keys(formats);
const variables = { openai: 'OPENAI_API_KEY', anthropic: 'ANTHROPIC_API_KEY', google: 'GOOGLE_API_KEY' };
const providerOf = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };

describe('TLS to the provider', () => {
  let good, gateway, headers;
  const others = {};
  const bad = {
    'a certificate below another root': (c) => ({ tls: c.leaf('localhost'), ca: false }),
    'a certificate of another host': (c) => ({ tls: c.leaf('provider.test') }),
    'a certificate of a longer name': (c) => ({ tls: c.leaf('localhost.example.com') }),
    'an expired certificate': (c) => ({ tls: c.leaf('localhost', { days: -1 }) }),
    'a certificate that signed itself': (c) => ({ tls: c.leaf('localhost', { issuer: null }) }),
    'a chain with a hole': (c) => { const leaf = c.leaf('localhost'); return { tls: { ...leaf, cert: leaf.cert.split(/(?<=-----END CERTIFICATE-----\n)/)[0] } }; },
    'TLS 1.1 alone': (c) => ({ tls: { ...c.leaf('localhost'), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } }),
    'no TLS at all': () => ({}),
  };

  before(async () => {
    good = await startUpstream(say('Fine.'), { tls: certs.leaf('localhost') });
    for (const [i, [what, make]] of Object.entries(bad).entries()) {
      const { tls: options, ca = true } = make(certs);
      others[what] = { name: `bad${i}`, ca, server: await startUpstream(say('Fine.'), { tls: options }) };
    }
    gateway = await startGateway({
      upstream: good.url,
      policy(p) {
        p.workers = 1;
        for (const name of Object.keys(p.providers)) p.providers[name].ca_file = certs.ca;
        for (const { name, ca, server } of Object.values(others)) {
          for (const format of Object.keys(variables)) {
            p.providers[`${name}-${format}`] = { format, url: `https://localhost:${server.port}`, ca_file: ca ? certs.ca : null, keys: [`env:${variables[format]}`], models: ['*'], connect_timeout: '2s', read_timeout: '5s' };
          }
        }
      },
    });
    headers = { authorization: `Bearer ${await gateway.token()}` };
  });
  after(async () => {
    await gateway?.stop();
    for (const { server } of Object.values(others)) await server.stop();
    await good?.stop();
  });

  for (const name of names) {
    test(`${name}: a chain of three below ca_file is good; server name and Host are the provider's`, async () => {
      const answer = await request(gateway.url, { path: formats[name].path, headers, body: formats[name].ask('Hi') });
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.text, /Fine\./);
      assert.equal(good.last().headers.host, `localhost:${good.port}`);
      assert.deepEqual([...new Set(good.names)], ['localhost']);
      const sent = good.last().headers;
      assert.equal(sent.authorization ?? sent['x-api-key'] ?? sent['x-goog-api-key'],
        { openai: `Bearer ${keys.OPENAI_API_KEY}`, anthropic: keys.ANTHROPIC_API_KEY, google: keys.GOOGLE_API_KEY }[providerOf[name]]);
    });
  }

  test('twenty requests share a connection, streams too', async () => {
    const before = good.connections;
    for (let i = 0; i < 20; i++) {
      const answer = await request(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi', { stream: i % 2 === 0 }) });
      assert.equal(answer.status, 200);
    }
    assert.ok(good.connections - before <= 1, `${good.connections - before} connections`);
  });

  for (const what of Object.keys(bad)) {
    test(`F31: ${what}: 502, and the provider sees neither request nor key`, async () => {
      const { name, server } = others[what];
      for (const format of names) {
        const path = formats[format].path.replace(/^\/\w+/, `/${name}-${providerOf[format]}`);
        for (const stream of format === 'google' ? [false] : [false, true]) {
          refused(await request(gateway.url, { path, headers, body: formats[format].ask('Hi', stream ? { stream } : {}) }), 502, 'provider_unavailable', formats[format].shape);
        }
      }
      assert.ok(server.connections > 0, 'it was never called');
      assert.deepEqual([server.requests.length, server.bytes], [0, 0]);
      const record = gateway.records().findLast((r) => r.provider === `${name}-openai`);
      assert.deepEqual([record.decision, record.code, record.status], ['failed', 'provider_unavailable', 502]);
    });
  }

  test('F31: keys rotate asks the provider for its models as strictly as the gateway does', async () => {
    const rotate = (provider) => new Promise((done) => {
      const child = execFile(path.join(build, 'warder'), ['keys', 'rotate', '-c', gateway.file, provider], { env: gateway.env }, (error, out, err) => done({ code: error?.code ?? 0, err }));
      child.stdin.end(`sk-proj-New0Key0For_${provider}-0123456789\n`);
    });
    const answer = await rotate('openai');
    assert.equal(answer.code, 0, answer.err);
    assert.equal(good.last().path, '/v1/models');
    assert.equal((await request(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi') })).status, 200);
    assert.equal(good.last().headers.authorization, 'Bearer sk-proj-New0Key0For_openai-0123456789');
    for (const [what, { name, server }] of Object.entries(others)) {
      const before = server.connections;
      const { code, err } = await rotate(`${name}-openai`);
      assert.equal(code, 1, what);
      assert.match(err, /keys rotate: the models of .*\(accepted: .*--no-probe\)/, what);
      assert.ok(server.connections > before, what);
      assert.deepEqual([server.requests.length, server.bytes], [0, 0], what);
    }
  });

  test('the TLS 1.1 server does answer one who accepts that', async () => {
    const { server } = others['TLS 1.1 alone'];
    const socket = tls.connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca: fs.readFileSync(certs.ca), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await new Promise((done, fail) => socket.once('secureConnect', done).once('error', fail));
    assert.equal(socket.getProtocol(), 'TLSv1.1');
    socket.destroy();
  });

  for (const [what, text] of Object.entries({ 'that is not there': null, 'without a certificate': 'hello\n', 'with half a certificate': fs.readFileSync })) {
    test(`F14: a ca_file ${what} stops the start`, async () => {
      const file = path.join(certs.dir, 'bad.pem');
      fs.rmSync(file, { force: true });
      if (text !== null) fs.writeFileSync(file, typeof text === 'string' ? text : text(certs.ca).subarray(0, 300));
      await assert.rejects(startGateway({ upstream: good.url, policy(p) { for (const one of Object.values(p.providers)) one.ca_file = certs.ca; p.providers.openai.ca_file = file; } }), /ca_file|bad\.pem|ca-openai/);
    });
  }
});

/** One request on an HTTP/2 session. */
function ask2(session, headers, body) {
  const req = session.request({ ':method': 'POST', 'content-type': 'application/json', ...headers });
  const got = { req, text: '', headers: null, over: false, broken: null };
  req.on('response', (h) => { got.headers = h; }).on('error', (e) => { got.broken = e; }).on('close', () => { got.over = true; });
  req.setEncoding('utf8').on('data', (t) => { got.text += t; });
  req.end(typeof body === 'string' ? body : JSON.stringify(body));
  got.until = (what) => waitFor(`${what} in ${got.text}`, () => got.text.includes(what));
  got.end = async () => {
    await waitFor('the end of the answer', () => got.over);
    return { ...got, status: got.headers?.[':status'], json: got.text.startsWith('{') ? JSON.parse(got.text) : undefined };
  };
  return got;
}

describe('TLS of the listener', () => {
  let upstream, gateway, token, auth, session, ca;

  before(async () => {
    ca = fs.readFileSync(certs.ca);
    upstream = await startUpstream(say('Fine.'));
    const { certFile: cert, keyFile: key } = certs.leaf('localhost');
    gateway = await startGateway({ upstream: upstream.url, policy(p) { p.tls = { cert, key }; p.workers = 1; } });
    token = await gateway.token();
    auth = { authorization: `Bearer ${token}` };
    session = http2.connect(gateway.url, { ca });
    session.on('error', () => {});
  });
  after(async () => {
    session?.destroy();
    await gateway?.stop();
    await upstream?.stop();
  });

  const ask = (name, more = {}, stream = false) => ask2(session, { ':path': formats[name].path, ...auth }, formats[name].ask('Hi', { ...more, ...(stream ? { stream } : {}) }));

  /** A chat stream whose parts the test lets go one by one. */
  function steps() {
    const doors = [door(), door(), door()];
    return {
      doors,
      async handle(req, res) {
        const list = streamOf('chat', ['one ', 'two ', 'three ']);
        sse(res);
        await write(res, list[0]);
        for (const [i, d] of doors.entries()) {
          await d.opened;
          await write(res, list[i + 1]);
        }
        res.end(list.slice(4).join(''));
      },
    };
  }

  test('the ready line says https', () => {
    assert.match(gateway.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  });

  test('the official SDKs over HTTPS', async () => {
    const script = `
      import Anthropic from '@anthropic-ai/sdk';
      import { GoogleGenAI } from '@google/genai';
      import OpenAI from 'openai';
      const { TOKEN: apiKey, BASE: base } = process.env;
      const openai = new OpenAI({ apiKey, baseURL: base + '/openai/v1', maxRetries: 0 });
      const chat = await openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] });
      const anthropic = new Anthropic({ apiKey, baseURL: base + '/anthropic', maxRetries: 0 });
      const message = await anthropic.messages.stream({ model: 'claude-sonnet-4-6', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] }).finalMessage();
      const google = await new GoogleGenAI({ apiKey, httpOptions: { baseUrl: base + '/google' } }).models.generateContent({ model: 'gemini-2.5-flash', contents: 'Hi' });
      console.log(JSON.stringify([chat.choices[0].message.content, message.content[0].text, google.text]));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname, timeout: 30000,
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: certs.ca, TOKEN: token, BASE: gateway.url },
    });
    assert.deepEqual(JSON.parse(stdout), ['Fine.', 'Fine.', 'Fine.']);
  });

  test('HTTP/1.1: answers, streams and errors', async () => {
    const agent = new https.Agent({ ca, ALPNProtocols: ['http/1.1'] });
    const plain = (name, body, headers = auth) => new Promise((done, fail) => {
      const req = https.request(`${gateway.url}${formats[name].path}`, { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } }, (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (t) => { text += t; }).on('end', () => done({ status: res.statusCode, version: res.httpVersion, headers: res.headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }));
      });
      req.on('error', fail).end(JSON.stringify(body));
    });
    for (const name of names) {
      const answer = await plain(name, formats[name].ask('Hi'));
      assert.deepEqual([answer.status, answer.version], [200, '1.1'], answer.text);
      refused(await plain(name, formats[name].ask('Hi'), {}), 401, 'invalid_token', formats[name].shape);
    }
    const streamed = await plain('chat', formats.chat.ask('Hi', { stream: true }));
    assert.equal(formats.chat.text(events(streamed.text)), 'Fine.');
    agent.destroy();
  });

  test('HTTP/2: whole answers of every format', async () => {
    assert.equal(session.alpnProtocol ?? session.socket.alpnProtocol, 'h2');
    for (const name of names) {
      const answer = await ask(name).end();
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.text, /Fine\./);
      assert.match(answer.headers['x-request-id'], /^\S{8,}$/);
      for (const header of ['connection', 'transfer-encoding', 'keep-alive', 'upgrade']) assert.ok(!(header in answer.headers), header);
    }
  });

  test('HTTP/2: streams of every format', async () => {
    upstream.handle = say('Good ', 'day ', `to ${secrets['openai key']} `, 'all.');
    for (const name of names) {
      const at = { ':path': formats[name].streamPath ?? formats[name].path, ...auth };
      const answer = await ask2(session, at, formats[name].ask('Hi', name === 'google' ? {} : { stream: true })).end();
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.headers['content-type'], /^text\/event-stream/);
      assert.equal(formats[name].text(events(answer.text)), 'Good day to [REDACTED] all.');
    }
    upstream.handle = say('Fine.');
  });

  test('F03: HTTP/2: each event arrives before the next is sent', async () => {
    const s = steps();
    upstream.handle = s.handle;
    const answer = ask('chat', {}, true);
    await waitFor('the header', () => answer.headers);
    for (const [i, text] of ['one', 'two', 'three'].entries()) {
      s.doors[i].open();
      await answer.until(text);
      assert.ok(i === 2 || !answer.text.includes(['two', 'three'][i]));
    }
    assert.match((await answer.end()).text, /\[DONE\]\n\n$/);
    upstream.handle = say('Fine.');
  });

  test('HTTP/2: errors in the format of the caller', async () => {
    const cases = [
      [401, 'invalid_token', { authorization: 'Bearer no' }, (f) => f.ask('Hi')],
      [400, 'invalid_json', auth, () => '{"a":'],
      [400, 'malicious_content', auth, (f) => f.ask('<script>x</script>')],
      [400, 'uninspectable_content', { ...auth, 'content-encoding': 'gzip' }, (f) => f.ask('Hi')],
    ];
    const before = upstream.requests.length;
    for (const name of names) {
      for (const [status, code, headers, body] of cases) {
        refused(await ask2(session, { ':path': formats[name].path, ...headers }, body(formats[name])).end(), status, code, formats[name].shape);
      }
    }
    refused(await ask2(session, { ':path': '/nowhere', ...auth }, {}).end(), 404, 'unknown_route');
    const large = await ask2(session, { ':path': formats.chat.path, ...auth }, 'x'.repeat(11 * 1024 * 1024)).end();
    refused(large, 413, 'request_too_large', 'openai');
    assert.equal(upstream.requests.length, before);
    assert.equal((await ask('chat').end()).status, 200, 'the connection goes on');
  });

  test('HTTP/2: a provider that breaks off or hangs up: error, and the connection goes on', async () => {
    upstream.handle = (req, res) => res.socket.destroy();
    refused(await ask('messages').end(), 502, 'provider_unavailable', 'anthropic');
    upstream.handle = async (req, res) => {
      sse(res);
      for (const event of streamOf('chat', ['Hello ', 'there ']).slice(0, 2)) await write(res, event);
      res.socket.destroy();
    };
    const broken = await ask('chat', {}, true).end();
    assert.equal(broken.status, 200);
    assert.equal(broken.broken, null);
    assert.match(broken.text, /Hello[^]*"code":"provider_unavailable"[^]*\[DONE\]\n\n$/);
    upstream.handle = say('Fine.');
    assert.equal((await ask('chat').end()).status, 200);
  });

  test('HTTP/2: two streams at once on one connection, and one is reset', async () => {
    const [a, b] = [steps(), steps()];
    upstream.handle = a.handle;
    const first = ask('chat', {}, true);
    await waitFor('the first', () => first.headers);
    upstream.handle = b.handle;
    const second = ask('chat', {}, true);
    await waitFor('the second', () => second.headers);
    a.doors[0].open();
    b.doors[0].open();
    await Promise.all([first.until('one'), second.until('one')]);
    b.doors[1].open();
    await second.until('two');
    assert.doesNotMatch(first.text, /two/);

    const cut = upstream.requests.at(-2);
    first.req.close(http2.constants.NGHTTP2_CANCEL);
    await cut.closed;
    b.doors[2].open();
    const whole = await second.end();
    assert.equal(formats.chat.text(events(whole.text)), 'one two three ');
    assert.match(whole.text, /\[DONE\]\n\n$/);
    const record = await gateway.record(first.headers['x-request-id']);
    assert.match(record.decision, /abort|client/);
    upstream.handle = say('Fine.');
    assert.equal((await ask('chat').end()).status, 200);
    for (const d of a.doors) d.open();
  });

  test('HTTP/2: forty requests at once on one connection', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(names[i % 4]).end()));
    assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
    assert.equal(new Set(answers.map((a) => a.headers['x-request-id'])).size, 40);
  });

  test('plain HTTP on the TLS port: an error that can be read', async () => {
    const answer = await request(gateway.url.replace('https', 'http'), { path: formats.chat.path, headers: auth, body: formats.chat.ask('Hi') });
    assert.equal(answer.status, 400);
    readable(answer, 400);
  });

  test('TLS 1.1 is not accepted', async () => {
    const { port } = new URL(gateway.url);
    const socket = tls.connect({ host: '127.0.0.1', port, ca, servername: 'localhost', minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await assert.rejects(new Promise((done, fail) => socket.once('secureConnect', done).once('error', fail)));
  });

  test('a key that does not fit its certificate stops the start', async () => {
    const [one, two] = [certs.leaf('localhost'), certs.leaf('localhost')];
    await assert.rejects(startGateway({ upstream: upstream.url, policy(p) { p.tls = { cert: one.certFile, key: two.keyFile }; } }), /key/i);
  });

  test('F50: a reload brings a new certificate; one that cannot be used keeps the old one and says why', async () => {
    const serial = () => new Promise((done, fail) => {
      const socket = tls.connect({ host: '127.0.0.1', port: new URL(gateway.url).port, ca, servername: 'localhost' }, () => { done(socket.getPeerCertificate().serialNumber); socket.destroy(); });
      socket.once('error', fail);
    });
    const good = structuredClone(gateway.policy.tls);
    const first = await serial();
    const next = certs.leaf('localhost');
    await gateway.reload((p) => { p.tls = { cert: next.certFile, key: next.keyFile }; });
    const second = await serial();
    assert.notEqual(second, first);
    for (const tls of [{ cert: next.certFile, key: good.key }, { cert: path.join(certs.dir, 'none.pem'), key: next.keyFile }]) {
      await assert.rejects(gateway.reload((p) => { p.tls = tls; }), /not reloaded/);
      assert.equal(await serial(), second);
    }
    await gateway.reload((p) => { p.tls = good; });
    assert.equal(await serial(), first);
  });
});
