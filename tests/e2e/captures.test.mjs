// Every request that an official client was seen to send, replayed byte for byte but for host, key and length.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { root } from './lib/process.mjs';
import { say, startUpstream } from './lib/upstream.mjs';

const folder = path.join(process.env.WARDER_SHARED ?? path.join(root, '..', 'shared'), 'captures');
const list = (dir) => (fs.existsSync(dir) ? fs.readdirSync(dir).filter((n) => n.endsWith('.json')).sort() : []);
const read = (dir, name) => JSON.parse(fs.readFileSync(path.join(dir, name), 'utf8'));

const groqKey = 'gsk_' + 'Provider0Secret1Groq2abcdefghijklmnopqrstuv';
const keyHeaders = ['authorization', 'x-api-key', 'x-goog-api-key'];
const ours = ['host', 'connection', 'content-length', 'accept', 'accept-encoding', 'user-agent'];
const passed = ['content-type', 'anthropic-version', 'anthropic-beta', 'traceparent'];

let upstream, gateway, token, address = 0;

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await startGateway({
    upstream: upstream.url,
    env: { GROQ_API_KEY: groqKey },
    policy(p) {
      p.providers.openai.models = ['gpt-4o', 'gpt-5', 'text-embedding-3-small'];
      p.providers.anthropic.models = ['claude-*'];
      p.providers.google.models = ['gemini-2.5-flash'];
      p.providers.groq = { format: 'openai', url: `${upstream.url}/openai`, keys: ['env:GROQ_API_KEY'], key_prefix: 'gsk_', models: ['llama-*'] };
    },
  });
  token = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** Sends the captured request; key null leaves it out. Addresses change: one may miss its token 60 times a minute only. */
function replay(captured, key) {
  const { method, path: at, query, rawHeaders, body } = captured.request;
  const headers = {};
  let carrier = 'authorization';
  for (const [name, value] of rawHeaders) {
    const lower = name.toLowerCase();
    if (keyHeaders.includes(lower)) carrier = lower;
    else if (!['host', 'connection', 'content-length', 'transfer-encoding'].includes(lower)) headers[lower] = value;
  }
  if (key !== null) headers[carrier] = carrier === 'authorization' ? `Bearer ${key}` : key;
  const search = Object.keys(query ?? {}).length > 0 ? `?${new URLSearchParams(query)}` : '';
  const text = body === '' || body === undefined ? undefined : JSON.stringify(body);
  address = (address + 1) % 100;
  return request(gateway.url, { method, path: at + search, headers, body: text, from: `127.0.1.${address + 1}` });
}

function shapeOf({ path: at }) {
  if (/\/messages/.test(at)) return 'anthropic';
  return /\/models\/[^/]+:/.test(at) ? 'google' : 'openai';
}

/** Where the request should stand at the provider, and with which key. */
function destination({ path: at, query }) {
  const search = Object.keys(query ?? {}).length > 0 ? `?${new URLSearchParams(query)}` : '';
  if (at.startsWith('/groq/')) return { path: '/openai/v1/chat/completions', key: ['authorization', `Bearer ${groqKey}`] };
  const bare = at.replace(/^\/(openai|anthropic|google)(?=\/)/, '');
  if (shapeOf({ path: at }) === 'anthropic') return { path: bare.replace(/^(\/v1)*/, '/v1'), key: ['x-api-key', keys.ANTHROPIC_API_KEY] };
  if (shapeOf({ path: at }) === 'google') return { path: bare + search, key: ['x-goog-api-key', keys.GOOGLE_API_KEY] };
  return { path: bare, key: ['authorization', `Bearer ${keys.OPENAI_API_KEY}`] };
}

/** What the body becomes: original bytes but for the clamp and the usage that the record needs. */
function sameBody(captured, got) {
  const { path: at, body } = captured.request;
  if (body === '' || body === undefined) return assert.equal(got, '');
  const sent = JSON.stringify(body).replace('"max_tokens":128000', '"max_tokens":4096');
  if (at.endsWith('/chat/completions') && body.stream === true && body.stream_options?.include_usage !== true) {
    assert.equal(JSON.parse(got).stream_options.include_usage, true);
    const without = got.replace(/,"stream_options":\{"include_usage":true\}|"stream_options":\{"include_usage":true\},/, '');
    return assert.equal(without, sent);
  }
  return assert.equal(got, sent);
}

function foreign({ path: at, body }) {
  return at === '/v1/chat/completions' && /claude|gemini/.test(body.model ?? '');
}

const names = list(folder);
const skip = names.length === 0 ? `no captures at ${path.relative(root, folder)}` : false;

describe('captured requests', { skip }, () => {
  test('there are as many as were recorded', () => assert.ok(names.length >= 70, `${names.length}`));

  for (const name of names) {
    const captured = read(folder, name);
    const shape = shapeOf(captured.request);

    if (foreign(captured.request)) {
      test(`${name}: a model of another format is refused`, async () => {
        const before = upstream.requests.length;
        refused(await replay(captured, token), 400, 'unsupported_parameter', shape);
        assert.equal(upstream.requests.length, before);
      });
    } else {
      test(`${name}: arrives unchanged`, async () => {
        const before = upstream.requests.length;
        const answer = await replay(captured, token);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(upstream.requests.length, before + 1);
        const got = upstream.last();
        const to = destination(captured.request);
        assert.equal(got.method, captured.request.method);
        assert.equal(got.path, to.path);
        sameBody(captured, got.body.toString('utf8'));
        const original = Object.fromEntries(captured.request.rawHeaders.map(([k, v]) => [k.toLowerCase(), v]));
        for (const [header, value] of Object.entries(got.headers)) {
          if (header === to.key[0]) assert.equal(value, to.key[1]);
          else assert.ok(passed.includes(header) || ours.includes(header), `header ${header} went upstream`);
        }
        assert.ok(to.key[0] in got.headers);
        const kept = passed.filter((h) => h !== 'content-type' || got.method === 'POST');
        for (const header of kept) assert.equal(got.headers[header], original[header], `header ${header}`);
        assert.ok(['identity', undefined].includes(got.headers['accept-encoding']), got.headers['accept-encoding']);
        assert.notEqual(got.headers['user-agent'] ?? '', original['user-agent']);
        if (captured.request.body?.max_tokens === 128000) assert.match(answer.headers['x-warder-clamped'], /max_tokens/);
        else assert.equal(answer.headers['x-warder-clamped'], undefined);
        assert.ok(answer.text.includes('Fine.') || !/completions|responses|messages$|enerateContent/.test(got.path), answer.text);
      });
    }

    test(`${name}: without a key it is refused`, async () => {
      const before = upstream.requests.length;
      refused(await replay(captured, null), 401, 'invalid_token', shape);
      assert.equal(upstream.requests.length, before);
    });
  }
});

describe('captured MCP requests', { skip }, () => {
  for (const name of list(path.join(folder, 'mcp'))) {
    test(`mcp/${name}: no such route yet`, async () => {
      const before = upstream.requests.length;
      const captured = read(path.join(folder, 'mcp'), name);
      refused(await replay(captured, token), 404, 'unknown_route');
      assert.equal(upstream.requests.length, before);
    });
  }
});
