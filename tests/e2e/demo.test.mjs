// The demo provider by itself: what it refuses and what it survives. How it answers is seen through the SDKs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { readable } from './lib/check.mjs';
import { raw, request } from './lib/client.mjs';
import { alive, build, startDemo, waitFor } from './lib/process.mjs';
import { formats } from './lib/upstream.mjs';

let demo;
const key = { authorization: 'Bearer x' };
const bare = (name) => formats[name].path.replace(/^\/\w+/, '');

before(async () => { demo = await startDemo(); });
afterEach(async () => {
  const answer = await request(demo.url, { path: bare('chat'), headers: key, body: formats.chat.ask('Hi') });
  assert.match(answer.text, /Demo answer to: Hi"/);
});
after(async () => { await demo?.stop(); });

test('no key, no path and no JSON, in the shape of the format', async () => {
  for (const name of Object.keys(formats)) {
    const cases = [[401, {}, formats[name].ask('Hi')], [400, key, '{'], [400, key, '']];
    for (const [status, headers, body] of cases) {
      const answer = await request(demo.url, { path: bare(name), headers, body });
      assert.equal(answer.status, status);
      readable({ ...answer, text: answer.text, json: answer.json, headers: { ...answer.headers, 'x-request-id': 'req_demo' } }, status, formats[name].shape);
    }
  }
  assert.equal((await request(demo.url, { path: '/nowhere', headers: key, body: '{}' })).status, 404);
});

test('arguments for a tool follow its schema', async () => {
  const parameters = { type: 'object', properties: {
    s: { type: 'string' }, e: { enum: ['x', 'y'] }, c: { const: { a: [1] } }, n: { type: ['integer', 'null'], minimum: 7 }, b: { type: 'BOOLEAN' },
    a: { type: 'array', items: { type: 'number' } }, o: { type: 'object', properties: { 'k"\u00e9': { anyOf: [{ type: 'string' }, { type: 'null' }] } } },
  } };
  const tools = [{ type: 'web_search' }, { type: 'function', function: { name: 'f', parameters } }];
  const answer = await request(demo.url, { path: bare('chat'), headers: key, body: formats.chat.ask('Hi', { tools }) });
  const call = answer.json.choices[0].message.tool_calls[0].function;
  assert.equal(call.name, 'f');
  assert.deepEqual(JSON.parse(call.arguments), { s: 'Paris', e: 'x', c: { a: [1] }, n: 7, b: true, a: [1], o: { 'k"\u00e9': 'Paris' } });
  const none = await request(demo.url, { path: bare('chat'), headers: key, body: formats.chat.ask('Hi', { tools, tool_choice: 'none' }) });
  assert.match(none.text, /Demo answer/);
});

test('schemas without bottom and texts without end', async () => {
  let schema = { type: 'object' };
  for (let i = 0; i < 25; i++) schema = { type: 'object', properties: { a: schema, b: schema.properties ? { type: 'string' } : schema } };
  const wide = { type: 'object', properties: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`p${i}`, { type: 'string' }])) };
  for (const parameters of [schema, wide, { type: 'object', properties: 7 }, 'x', null]) {
    const answer = await request(demo.url, { path: bare('chat'), headers: key, body: formats.chat.ask('Hi', { tools: [{ type: 'function', function: { name: 'f', parameters } }] }) });
    assert.equal(answer.status, 200);
    JSON.parse(answer.json.choices[0].message.tool_calls[0].function.arguments);
  }
  const long = await request(demo.url, { path: bare('responses'), headers: key, body: formats.responses.ask('\u00e9\ud83d\ude00 '.repeat(100000), { stream: true }) });
  assert.match(long.text, /event: response\.completed\n/);
  assert.doesNotMatch(long.text, /\ufffd/);
});

test('what is no HTTP, or too much of it', async () => {
  const head = `POST ${bare('chat')} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n`;
  const bad = ['GARBAGE\r\n\r\n', '\r\n\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9\r\n\r\n', `${head}content-length: 99999999999999999999\r\n\r\n`, `${head}content-length: -1\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`, `${head}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n`, `${head}transfer-encoding: gzip\r\n\r\n`, `${head}nonsense\r\n\r\n`,
    `${head}x: ${'a'.repeat(100000)}\r\n\r\n`, `${head}content-length: 30000000\r\n\r\n`, Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))];
  for (const bytes of bad) assert.match(await raw(demo.url, bytes, { half: true }), /^$|^HTTP\/1\.1 4\d\d /);
});

test('one after the other on one connection, chunked, byte by byte', async () => {
  const body = JSON.stringify(formats.chat.ask('Again'));
  const one = `POST ${bare('chat')} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ntransfer-encoding: chunked\r\n`;
  const chunks = `${Array.from(body, (c) => `1;x=y\r\n${c}\r\n`).join('')}0\r\nt: u\r\n\r\n`;
  const got = await raw(demo.url, `${one}\r\n${chunks}`.repeat(3) + `${one}connection: close\r\n\r\n${chunks}`);
  assert.equal(got.split('Demo answer to: Again').length, 5);
});

test('it ends with its parent', async () => {
  const parent = spawn('bash', ['-c', `"${path.join(build, 'warder-demo')}" --listen 127.0.0.1:0 --with-parent & echo $!; wait`]);
  let out = '';
  parent.stdout.on('data', (d) => { out += d; });
  await waitFor('the demo provider', () => /listening/.test(out));
  const pid = Number(/^\d+/m.exec(out)[0]);
  assert.ok(alive(pid));
  parent.kill('SIGKILL');
  await waitFor('its end', () => !alive(pid));
});

test('only loopback addresses', async () => {
  for (const address of ['0.0.0.0:0', '8.8.8.8:80', '127.0.0.1', '127.0.0.1:99999', 'localhost:1', ':1', '127.0.0.1:x']) {
    const child = spawn(path.join(build, 'warder-demo'), ['--listen', address]);
    assert.notEqual(await new Promise((done) => child.once('exit', done)), 0, address);
  }
});
