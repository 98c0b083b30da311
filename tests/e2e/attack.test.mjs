// A hostile provider and a hostile caller: ways past the gates that once worked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { events, open, request } from './lib/client.mjs';
import { refused } from './lib/check.mjs';
import { startGateway } from './lib/gateway.mjs';
import { card, pieces, secrets } from './lib/secrets.mjs';
import { candidates, chunk, data, formats, json, named, sse, startUpstream, write } from './lib/upstream.mjs';

const key = secrets['openai key'];
const index0 = { item_id: 'm', output_index: 0, content_index: 0 };
let upstream, gateway, headers;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({ upstream: upstream.url, policy: (p) => { p.workers = 1; } });
  headers = { authorization: `Bearer ${await gateway.token()}` };
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

function ask(name) {
  const format = formats[name];
  return { path: format.streamPath ?? format.path, body: format.ask('hi', name === 'google' ? {} : { stream: true }) };
}

/** What the client hears when the provider sends these events: the texts that take() finds, joined. */
async function hear(name, list, take) {
  upstream.handle = async (req, res) => {
    sse(res);
    for (const event of list) await write(res, event);
    res.end();
  };
  const { path, body } = ask(name);
  const answer = await request(gateway.url + path, { headers, body });
  assert.equal(answer.status, 200);
  return events(answer.text).map((e) => take(e.data) ?? '').join('');
}

const chat = (d) => d?.choices?.[0]?.delta?.content;
const block = (d) => d?.delta?.text;
const google = (d) => d?.candidates?.[0]?.content?.parts?.[0]?.text;
const delta = (index, text) => `event: content_block_delta\ndata: {"type":"content_block_delta"${index},"delta":{"type":"text_delta","text":"${text}"}}\n\n`;
const done = 'data: [DONE]\n\n';

const ends = [
  ['chat, an empty reason', 'chat', chat, (p) => [chunk({ content: p }, '')], [chunk({}, 'stop'), done]],
  ['chat, a reason', 'chat', chat, (p) => [chunk({ content: p }, 'stop')], [done]],
  ['Google, a reason', 'google', google, (p) => [data(candidates(p, 'STOP'))], []],
  ['Google, an unspecified reason', 'google', google, (p) => [data(candidates(p, 'FINISH_REASON_UNSPECIFIED'))], [data(candidates('', 'STOP'))]],
  ['Anthropic, the end of the block', 'messages', block, (p) => [delta(',"index":0', p), named({ type: 'content_block_stop', index: 0 })], [named({ type: 'message_stop' })]],
  ['Responses, the end of the text', 'responses', (d) => (d?.type?.endsWith('.delta') ? d.delta : ''),
    (p) => [named({ type: 'response.output_text.delta', ...index0, delta: p }), named({ type: 'response.output_text.done', ...index0, text: '' })],
    [named({ type: 'response.completed', response: {} })]],
];
for (const [title, name, take, event, last] of ends) {
  test(`F02 a key in pieces, with each of them ${title}`, async () => {
    const heard = await hear(name, [...pieces(`The key ${key} works`, 5).flatMap(event), ...last], take);
    assert.ok(!heard.includes(key.slice(22)), heard);
    assert.match(heard, /^The key .*\[REDACTED\] works$/);
    const clean = await hear(name, [...pieces('Nothing to hide in here.', 5).flatMap(event), ...last], take);
    assert.equal(clean, 'Nothing to hide in here.');
  });
}

test('F02 lists written as objects are lists', async () => {
  const parts = pieces(key, 5);
  const one = await hear('chat', [...parts.map((p) => data({ choices: { 0: { index: 0, delta: { content: p } } } })), done], chat);
  assert.equal(one, '[REDACTED]');
  const two = await hear('google', [...parts.map((p) => data({ candidates: { 0: { content: { parts: { 0: { text: p } } } } } })), data(candidates('', 'STOP'))], google);
  assert.equal(two, '[REDACTED]');
});

test('F02 one block under two spellings of its index', async () => {
  const parts = [key.slice(0, 20), key.slice(20)];
  for (const index of ['0.0', '-0', '0e1', '"0"', 'null', '-1', undefined]) {
    const second = delta(index === undefined ? '' : `,"index":${index}`, parts[1]);
    const heard = await hear('messages', [...formats.messages.start, delta(',"index":0', parts[0]), second, ...formats.messages.end], block);
    assert.ok(!heard.includes(parts[1]), `${index}: ${heard}`);
  }
});

test('F11 an Anthropic event that only its name tells', async () => {
  const nameless = pieces(key, 5).map((p) => `event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"${p}"}}\n\n`);
  assert.equal(await hear('messages', [...formats.messages.start, ...nameless, ...formats.messages.end], block), '');
});

test('F30 rate-limit hints hold no text', async () => {
  upstream.handle = (req, res) => json(res, formats.chat.answer('hi'), 200, {
    'x-ratelimit-remaining-tokens': '17', 'x-ratelimit-limit-requests': '4111-1111-1111-1111', 'x-ratelimit-reset': card.replaceAll(' ', ''),
    [`x-ratelimit-${card.replaceAll(' ', '')}`]: '1', [`anthropic-ratelimit-${key.toLowerCase()}`]: '1',
  });
  const answer = await request(gateway.url + formats.chat.path, { headers, body: formats.chat.ask('hi') });
  assert.equal(answer.status, 200);
  assert.deepEqual(Object.keys(answer.headers).filter((h) => h.startsWith('x-provider-')), ['x-provider-ratelimit-remaining-tokens']);
});

test('F52 an event in which each text would have to be looked for is too large', async () => {
  const members = Array.from({ length: 100000 }, (_, i) => `"k${i}":0`).join(',');
  const event = `data: {"type":"response.output_text.delta",${members},"delta":[${Array(1000).fill('"a"').join(',')}]}\n\n`;
  upstream.handle = async (req, res) => { sse(res); await write(res, event); res.end(); };
  const { path, body } = ask('responses');
  const stream = await open(gateway.url + path, { headers, body });
  assert.match((await stream.end()).text, /too large/);
});

test('F10 a marker behind each escape of a blank', async () => {
  for (const blank of ['\\f', '\\n', '\\r', '\\t', '\\u000b', '\\u000c', '\\\\f']) {
    const body = `{"model":"gpt-4o","messages":[{"role":"system","content":"[${blank}SYSTEM]"}]}`;
    refused(await request(gateway.url + formats.chat.path, { headers, body }), 400, 'malicious_content', 'openai');
  }
});
