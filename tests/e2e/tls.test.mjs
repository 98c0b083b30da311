// TLS on both sides: providers are verified, with SNI; the listener speaks HTTPS and HTTP/2.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { events, request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { secrets } from './lib/secrets.mjs';
import { formats, say, startUpstream } from './lib/upstream.mjs';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-tls-'));
const file = (name) => path.join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });

/** A certificate for name, signed by parent (null: by itself). */
function certificate(id, name, parent, authority = false) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${id}.key`, '-out', `${id}.csr`, '-subj', `/CN=${name}`);
  fs.writeFileSync(file(`${id}.ext`), authority ? 'basicConstraints=critical,CA:TRUE\n' : `subjectAltName=${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}\n`);
  const signer = parent === null ? ['-signkey', `${id}.key`] : ['-CA', `${parent}.pem`, '-CAkey', `${parent}.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${id}.csr`, '-days', '2', '-extfile', `${id}.ext`, '-out', `${id}.pem`, ...signer);
}

let plain, gateway, headers;
const servers = {};
const seen = [];

before(async () => {
  certificate('root', 'Test Root', null, true);
  certificate('middle', 'Test Middle', 'root', true);
  certificate('lower', 'Test Lower', 'middle', true);
  certificate('good', 'localhost', 'lower');
  certificate('other', 'other.example', 'root');
  certificate('self', 'localhost', null);
  certificate('listener', '127.0.0.1', 'root');
  fs.writeFileSync(file('chain.pem'), ['good', 'lower', 'middle'].map((n) => fs.readFileSync(file(`${n}.pem`))).join(''));
  plain = await startUpstream(say('Fine.'));
  for (const [name, cert] of Object.entries({ good: 'chain', other: 'other', self: 'self' })) {
    const server = https.createServer({ key: fs.readFileSync(file(`${name}.key`)), cert: fs.readFileSync(file(`${cert}.pem`)) }, async (req, res) => {
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      const record = { name, sni: req.socket.servername, headers: req.headers, body: Buffer.concat(chunks) };
      seen.push(record);
      await say('Fine ', 'over TLS.')(req, res, record);
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    servers[name] = server;
  }
  const at = (name) => `https://localhost:${servers[name].address().port}`;
  gateway = await startGateway({
    upstream: plain.url,
    policy(p) {
      const provider = (url, ca) => ({ format: 'openai', url, keys: ['env:OPENAI_API_KEY'], models: ['gpt-*'], connect_timeout: '2s', ...(ca ? { ca_file: file(ca) } : {}) });
      p.providers.good = provider(at('good'), 'root.pem');
      p.providers.stranger = provider(at('good'));
      p.providers.other = provider(at('other'), 'root.pem');
      p.providers.self = provider(at('self'), 'root.pem');
      p.providers.plain = provider(plain.url.replace('http:', 'https:'), 'root.pem');
      p.tls = { cert: file('listener.pem'), key: file('listener.key') };
    },
  });
  headers = { authorization: `Bearer ${await gateway.token()}` };
});
after(async () => {
  await gateway?.stop();
  await plain?.stop();
  for (const server of Object.values(servers)) {
    server.closeAllConnections();
    server.close();
  }
  fs.rmSync(dir, { recursive: true, force: true });
});

/** A request over HTTPS to the gateway's own listener. */
function ask(provider, more = {}) {
  const { port } = new URL(gateway.url);
  const body = JSON.stringify(formats.chat.ask('Hi', more));
  return new Promise((done, fail) => {
    const req = https.request({ host: '127.0.0.1', port, path: `/${provider}/v1/chat/completions`, method: 'POST', ca: fs.readFileSync(file('root.pem')), agent: false,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, async (res) => {
      let text = '';
      for await (const chunk of res.setEncoding('utf8')) text += chunk;
      done({ status: res.statusCode, headers: res.headers, text, get json() { return JSON.parse(text); } });
    });
    req.on('error', fail);
    req.end(body);
  });
}

test('a provider with a good certificate, its chain three long, told by SNI', async () => {
  const answer = await ask('good');
  assert.equal(answer.status, 200, answer.text + gateway.log());
  assert.match(answer.text, /Fine over TLS\./);
  assert.equal(seen.at(-1).sni, 'localhost');
  assert.equal(seen.at(-1).headers.authorization, `Bearer ${keys.OPENAI_API_KEY}`);
  const stream = await ask('good', { stream: true });
  assert.equal(formats.chat.text(events(stream.text)), 'Fine over TLS.');
});

test('F31: no key and no text goes to a provider that cannot be verified', async () => {
  const before = seen.length;
  for (const provider of ['stranger', 'other', 'self', 'plain']) {
    refused(await ask(provider), 502, 'provider_unavailable', 'openai');
  }
  assert.equal(seen.length, before);
  assert.equal(plain.requests.length, 0);
});

test('HTTP/2 on the listener, streams side by side', async () => {
  const session = http2.connect(gateway.url, { ca: fs.readFileSync(file('root.pem')), servername: '' });
  const one = (body) => new Promise((done, fail) => {
    const stream = session.request({ ':method': 'POST', ':path': '/good/v1/chat/completions', ...headers, 'content-type': 'application/json' });
    let text = '';
    let status;
    stream.on('response', (h) => { status = h[':status']; }).setEncoding('utf8').on('data', (d) => { text += d; }).on('end', () => done({ status, text })).on('error', fail);
    stream.end(body);
  });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => one(JSON.stringify(formats.chat.ask(`my ${secrets['openai key']}`, { stream: i % 2 === 0 })))));
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(i % 2 === 0 ? formats.chat.text(events(answer.text)) : JSON.parse(answer.text).choices[0].message.content, 'Fine over TLS.');
  }
  assert.match(seen.at(-1).body.toString(), /my \[REDACTED\]/);
  const bad = await one('{');
  assert.equal(bad.status, 400);
  session.close();
});

test('plain HTTP on the TLS port gets no page of nginx', async () => {
  const answer = await request(gateway.url.replace('https:', 'http:'), { path: '/good/v1/chat/completions', headers, body: formats.chat.ask('Hi') }).catch((error) => ({ text: '', status: error.code }));
  assert.doesNotMatch(answer.text, /<html|<center/i);
  assert.notEqual(answer.status, 200);
});

test('old TLS is refused', async () => {
  const { port } = new URL(gateway.url);
  await assert.rejects(new Promise((done, fail) => {
    tls.connect({ host: '127.0.0.1', port, ca: fs.readFileSync(file('root.pem')), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, done).on('error', fail);
  }));
});
