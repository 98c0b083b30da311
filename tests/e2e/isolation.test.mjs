// Data isolation: what one provider was shown goes to no other, in every format and from every place of a request.
// With WARDER_TEST_STORE=shared (isolation-shared.test.mjs) the same over a Redis.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { build, waitFor } from './lib/process.mjs';
import { startRedis } from './lib/redis.mjs';
import { formats, json, say, startUpstream } from './lib/upstream.mjs';

const off = { secret: 'off', pii: 'off', injection: 'off', malicious: 'off' };
const flag = { secret: 'flag', pii: 'flag', injection: 'off', malicious: 'off' };

let upstream, gateway;
const started = [];

const shared = process.env.WARDER_TEST_STORE === 'shared';

/** Whenever its workers are new, the shared store is waited for. */
async function waitsForStore(gw) {
  const ready = () => waitFor('the shared store', async () => (await request(`http://${gw.policy.admin}/readyz`, { method: 'GET' })).status === 200);
  for (const what of ['serve', 'reload']) {
    const own = gw[what].bind(gw);
    gw[what] = async (...args) => { await own(...args); await ready(); };
  }
  await ready();
}

async function isolated(isolation = {}, more = {}) {
  const redis = shared ? await startRedis() : null;
  if (redis) started.push(redis);
  const gw = await startGateway({
    upstream: upstream.url,
    env: more.env,
    policy(p) {
      if (redis) Object.assign(p, { store: redis.url(), workers: 1 });
      p.isolation = { enabled: true, kinds: all, ...isolation };
      p.detect = { input: flag };
      p.input = { attachments: ['image', 'file'] };
      more.policy?.(p);
    },
  });
  started.push(gw);
  if (redis) await waitsForStore(gw);
  return gw;
}

const all = ['secrets', 'cards', 'bank_accounts', 'national_ids', 'email', 'phone', 'birth_date', 'ip', 'crypto', 'mac'];

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await isolated();
});
after(async () => {
  for (const one of started.reverse()) await one.stop();
  await upstream?.stop();
});

let users = 0;
const auth = async (gw = gateway, user = `user${users++}`, role = 'enterprise') => ({ authorization: `Bearer ${await gw.token(user, role)}` });
const send = (headers, name, body, gw = gateway) => request(gw.url, { path: formats[name].path, headers, body });
const tell = (headers, name, text, gw = gateway, more = {}) => send(headers, name, formats[name].ask(text, more), gw);
const shapes = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };
const provider = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };

function conflict(answer, name, kinds, holder, secret) {
  refused(answer, 403, 'data_isolation_violation', shapes[name]);
  assert.match(answer.text, new RegExp(holder));
  for (const kind of [kinds].flat()) assert.match(answer.text, new RegExp(kind));
  if (secret) assert.ok(!answer.text.includes(secret), 'the value is told');
}
const passes = (answer) => assert.equal(answer.status, 200, answer.text);

/** The same value, written in two ways. */
const values = {
  secrets: ['ghp_1234567890abcdefghijABCDEFGHIJ123456', 'ghp_1234567890abcdefghijABCDEFGHIJ123456'],
  cards: ['4111 1111 1111 1111', '4111-1111-1111-1111'],
  bank_accounts: ['DE89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
  national_ids: ['my ssn is 536-90-4399', 'ssn: 536 90 4399'],
  email: ['Jane.Doe@example.org', 'jane.doe@EXAMPLE.org'],
  phone: ['call +49 151 2345 6789', 'call 0049-151-2345-6789'],
  ip: ['from 81.2.69.142', 'from 81.2.69.142'],
  mac: ['00:1A:2B:3C:4D:5E', '00-1a-2b-3c-4d-5e'],
};

describe('what detection finds', () => {
  for (const [kind, [one, other]] of Object.entries(values)) {
    test(`${kind}: shown to one provider, refused towards the others`, async () => {
      const headers = await auth();
      passes(await tell(headers, 'chat', `Please note: ${one} and go on`));
      passes(await tell(headers, 'chat', `Please note: ${other} and go on`));
      passes(await tell(headers, 'responses', `Please note: ${one} and go on`));
      conflict(await tell(headers, 'messages', `Again: ${other} there`), 'messages', kind, 'openai', other);
      conflict(await tell(headers, 'google', `Again: ${one} there`), 'google', kind, 'openai', one);
      passes(await tell(headers, 'messages', 'Nothing of it here'));
      passes(await tell(await auth(), 'messages', `Another user's: ${other} there`));
    });
  }
});

const card = '4111 1111 1111 1111';
const key = values.secrets[0];

describe('wherever it stands', () => {
  const tools = [{ type: 'function', function: { name: 'pay', parameters: { type: 'object' } } }];
  const places = {
    'an earlier message': ['chat', (v) => ({ model: 'gpt-4o', messages: [{ role: 'user', content: `It is ${v}` }, { role: 'assistant', content: 'ok' }, { role: 'user', content: 'go' }] })],
    'the system text': ['messages', (v) => ({ ...formats.messages.ask('hi'), system: `Card of the house: ${v}` })],
    'tool arguments': ['chat', (v) => ({ model: 'gpt-4o', messages: [{ role: 'user', content: 'pay' }, { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'pay', arguments: JSON.stringify({ to: { card: v } }) } }] }, { role: 'tool', tool_call_id: 'a', content: 'ok' }] })],
    'a number in tool arguments': ['chat', (v) => ({ model: 'gpt-4o', messages: [{ role: 'user', content: 'pay' }, { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'pay', arguments: `{"card": ${v.replaceAll(' ', '')}}` } }] }, { role: 'tool', tool_call_id: 'a', content: 'ok' }] })],
    'a tool result': ['messages', (v) => ({ model: 'claude-sonnet-4-6', max_tokens: 50, messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'get', input: {} }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: `{"data":"{\\"card\\":\\"${v}\\"}"}` }] }] })],
    'the input of a tool use': ['messages', (v) => ({ model: 'claude-sonnet-4-6', max_tokens: 50, messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'get', input: { deep: [{ card: v }] } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'ok' }] }] })],
    'a function response': ['google', (v) => ({ contents: [{ role: 'user', parts: [{ text: 'a' }] }, { role: 'function', parts: [{ functionResponse: { name: 'f', response: { card: v } } }] }] })],
    'a description of a tool': ['chat', (v) => ({ ...formats.chat.ask('hi'), tools: [{ type: 'function', function: { name: 'pay', description: `use ${v}`, parameters: tools[0].function.parameters } }] })],
    'the name of a member': ['google', (v) => ({ contents: [{ role: 'user', parts: [{ text: 'a' }] }, { role: 'function', parts: [{ functionResponse: { name: 'f', response: { [v]: 1 } } }] }] })],
    'escapes': ['chat', (v) => JSON.stringify(formats.chat.ask(`It is ${v}`)).replace('4111', '\\u0034111')],
    'base64': ['chat', (v) => formats.chat.ask(`decode ${Buffer.from(`card number ${v} thanks`).toString('base64')} please`)],
    'responses': ['responses', (v) => formats.responses.ask([{ type: 'function_call_output', call_id: 'x', output: `card ${v}` }])],
  };
  for (const [where, [name, body]] of Object.entries(places)) {
    test(`${where}: claims, and is refused`, async () => {
      const one = await auth(), two = await auth();
      const other = provider[name] === 'google' ? 'messages' : 'google';
      passes(await send(one, name, body(card)));
      conflict(await tell(one, other, `pay with ${card} now`), other, 'cards', provider[name], '4111');
      passes(await tell(two, other, `pay with ${card} now`));
      conflict(await send(two, name, body(card)), name, 'cards', provider[other], '4111');
    });
  }

  test('F12: every other route of a provider', async () => {
    const text = `card ${card}`;
    const gemini = '/google/v1beta/models/gemini-2.5-flash';
    const routes = {
      '/anthropic/v1/messages/count_tokens': { model: 'claude-sonnet-4-6', messages: [{ role: 'user', content: text }] },
      '/v1/messages': { model: 'claude-sonnet-4-6', max_tokens: 9, messages: [{ role: 'user', content: text }] },
      [`${gemini}:countTokens`]: { contents: [{ parts: [{ text }] }] },
      [`${gemini}:embedContent`]: { content: { parts: [{ text }] } },
      [`${gemini}:batchEmbedContents`]: { requests: [{ model: 'models/gemini-2.5-flash', content: { parts: [{ text }] } }] },
    };
    const headers = await auth();
    passes(await send(headers, 'chat', { model: 'gpt-4o', messages: [{ role: 'user', content: text }] }));
    for (const [path, body] of Object.entries(routes)) {
      const answer = await request(gateway.url, { path, headers, body });
      refused(answer, 403, 'data_isolation_violation', path.startsWith('/google') ? 'google' : 'anthropic');
    }
    // and where nothing was shown before, such a route shows it
    const other = await auth();
    const [path, body] = Object.entries(routes)[0];
    passes(await request(gateway.url, { path, headers: other, body }));
    conflict(await send(other, 'chat', { model: 'gpt-4o', messages: [{ role: 'user', content: text }] }), 'chat', 'cards', 'anthropic', '4111');
  });

  test('F01: streams are no exception', async () => {
    const headers = await auth();
    passes(await send(headers, 'chat', formats.chat.ask(`card ${card}`, { stream: true })));
    refused(await request(gateway.url, { path: formats.google.streamPath, headers, body: formats.google.ask(`card ${card}`) }), 403, 'data_isolation_violation', 'google');
    conflict(await send(headers, 'messages', formats.messages.ask(`card ${card}`, { stream: true })), 'messages', 'cards', 'openai', '4111');
  });

  test('the answer says where, and nothing of it is in the record', async () => {
    const headers = await auth();
    passes(await tell(headers, 'messages', `card ${card}`));
    const answer = await send(headers, 'chat', { model: 'gpt-4o', messages: [{ role: 'user', content: 'a' }, { role: 'user', content: `card ${card}` }] });
    conflict(answer, 'chat', 'cards', 'anthropic', '4111');
    assert.equal(answer.json.error.param, 'messages[1].content');
    const record = await gateway.record(answer.headers['x-request-id']);
    assert.equal(record.code, 'data_isolation_violation');
    assert.equal(record.decision, 'refused');
    assert.equal(record.findings.filter((f) => f.rule === 'card').length, 1);
    assert.equal(record.findings[0].count, 1);
    assert.ok(!JSON.stringify(record).includes('4111'));
    assert.ok(!gateway.log().includes('4111'));
  });
});

describe('what counts as shown', () => {
  test('F23: a request that is refused later in the gate claims nothing', async () => {
    const gw = await isolated({}, { policy(p) { p.roles.few = { providers: ['*'], tools: ['*'], limit: '1/1h' }; } });
    const few = await auth(gw, 'fred', 'few'), headers = await auth(gw, 'fred');
    passes(await tell(few, 'chat', 'clean', gw));
    refused(await tell(few, 'chat', `card ${card}`, gw), 429, 'rate_limit_exceeded', 'openai');
    passes(await tell(headers, 'google', `card ${card}`, gw));
  });

  test('a request that never reached its provider claims nothing, one that did claims though the answer failed', async () => {
    const gone = await startUpstream(say('x'));
    await gone.stop();
    const gw = await isolated({}, { policy(p) { p.providers.anthropic.url = gone.url; } });
    const headers = await auth(gw);
    refused(await tell(headers, 'messages', `card ${card}`, gw), 502, 'provider_unavailable', 'anthropic');
    passes(await tell(headers, 'google', `card ${card}`, gw));
    const cut = upstream.handle;
    try {
      upstream.handle = (req, res) => res.destroy();
      refused(await tell(headers, 'chat', `key ${key}`, gw), 502, 'provider_unavailable', 'openai');
    } finally {
      upstream.handle = cut;
    }
    conflict(await tell(headers, 'google', `key ${key}`, gw), 'google', 'secrets', 'openai', key);
  });

  test('a value that was redacted before sending was not shown', async () => {
    const gw = await isolated({}, { policy(p) { p.detect = { input: { ...flag, secret: 'redact' } }; } });
    const headers = await auth(gw);
    passes(await tell(headers, 'chat', `key ${key} and ${card}`, gw));
    assert.ok(!upstream.last().body.includes(key));
    passes(await tell(headers, 'messages', `key ${key}`, gw));
    conflict(await tell(headers, 'messages', `card ${card}`, gw), 'messages', 'cards', 'openai', '4111');
  });

  test('detection that is off still tells data apart, and counts no finding', async () => {
    const gw = await isolated({}, { policy(p) { p.detect = { input: off }; } });
    const headers = await auth(gw);
    const first = await tell(headers, 'chat', `card ${card}, key ${key}`, gw);
    passes(first);
    assert.deepEqual((await gw.record(first.headers['x-request-id'])).findings, []);
    conflict(await tell(headers, 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    conflict(await tell(headers, 'google', `key ${key}`, gw), 'google', 'secrets', 'openai', key);
  });

  test('only the kinds that the policy names', async () => {
    const gw = await isolated({ kinds: ['email'] });
    const headers = await auth(gw);
    passes(await tell(headers, 'chat', `card ${card} of jane@example.org`, gw));
    passes(await tell(headers, 'google', `card ${card}`, gw));
    conflict(await tell(headers, 'google', 'of Jane@Example.org', gw), 'google', 'email', 'openai');
  });

  test('without isolation nothing is told apart, and a header that asks for it is refused', async () => {
    const gw = await startGateway({ upstream: upstream.url, policy(p) { p.detect = { input: flag }; } });
    started.push(gw);
    const headers = await auth(gw);
    passes(await tell(headers, 'chat', `card ${card}`, gw));
    passes(await tell(headers, 'google', `card ${card}`, gw));
    refused(await tell({ ...headers, 'x-warder-sensitive': 'Aurora%20Nine' }, 'google', 'x', gw), 400, 'invalid_request', 'google');
  });

  test('more than 1,024 values are refused', async () => {
    const headers = await auth();
    const mails = (n) => Array.from({ length: n }, (_, i) => `user${i}@example.org`).join(' ');
    passes(await tell(headers, 'chat', mails(1024)));
    const answer = await tell(headers, 'chat', mails(1025));
    refused(answer, 400, 'invalid_request', 'openai');
    assert.match(answer.text, /1024/);
    passes(await tell(headers, 'chat', mails(5) + ' ' + mails(5)));
  });
});

describe('values that the caller names', () => {
  const name = (v) => ({ 'x-warder-sensitive': v });

  test('a named value is claimed, searched for in later requests, and the header stays here', async () => {
    const headers = await auth();
    passes(await tell({ ...headers, ...name('Project%20Aurora%20Nine, K%C3%B6ln-77') }, 'chat', 'About Project Aurora Nine.'));
    assert.equal(upstream.last().headers['x-warder-sensitive'], undefined);
    for (const text of ['tell of project  AURORA-nine!', 'PROJECT "Aurora" (Nine)', 'project\u200b aurora\nnine', 'to KÖLN 77', 'ｐｒｏｊｅｃｔ aurora nine']) {
      conflict(await tell(headers, 'google', `Well, ${text}`), 'google', 'named', 'openai', 'urora');
    }
    passes(await tell(headers, 'google', 'Aurora, and Project Nine; Project Aurora'));
    passes(await tell(headers, 'chat', 'again Project Aurora Nine'));
    passes(await tell(await auth(), 'google', 'Project Aurora Nine'));
    const args = { model: 'claude-sonnet-4-6', max_tokens: 50, messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'get', input: { q: 'about project aurora nine' } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'ok' }] }] };
    const answer = await send(headers, 'messages', args);
    conflict(answer, 'messages', 'named', 'openai', 'urora');
    const chat = { model: 'gpt-4o', messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'pay', arguments: '{"a":"K\\u00f6ln\\n77"}' } }] }, { role: 'tool', tool_call_id: 'a', content: 'ok' }] };
    passes(await send(headers, 'chat', chat));
    assert.ok(!JSON.stringify(gateway.records()).includes('urora'));
    assert.ok(!gateway.log().includes('urora'));
  });

  test('pointers into the body', async () => {
    const headers = await auth();
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'The walrus sleeps at dawn' }, { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'pay', arguments: '{}' } }] }, { role: 'tool', tool_call_id: 'a', content: 'ok' }], metadata: { 'a/b': 'quiet otter lake', list: ['red heron', 55512345] } };
    passes(await send({ ...headers, ...name('#/messages/0/content,#/metadata/a~1b, #/metadata/list') }, 'chat', body));
    for (const text of ['the walrus sleeps at dawn', 'a Quiet-Otter-Lake', 'red heron', 'number 55512345']) {
      conflict(await tell(headers, 'messages', `x ${text} y`), 'messages', 'named', 'openai');
    }
    conflict(await send(headers, 'google', formats.google.ask('a', { labels: { n: 55512345 } })), 'google', 'named', 'openai');
    passes(await tell(headers, 'messages', 'the walrus sleeps'));
  });

  test('what cannot be read is told by its number, never by its value', async () => {
    const headers = await auth();
    const bad = ['ok%20value,%zz', 'fine%20one,,', '#/nowhere/0', '#x', '#/messages/~2', 'abc', `fine,${'a'.repeat(513)}`, Array(65).fill('value').join(','), '%ff%fe%fd%fc'];
    for (const value of bad) {
      const answer = await tell({ ...headers, ...name(value) }, 'chat', 'hello');
      refused(answer, 400, 'invalid_request', 'openai');
      assert.match(answer.text, /item \d+/);
      assert.doesNotMatch(answer.text, /zz|nowhere|aaaa/);
    }
    passes(await tell({ ...headers, ...name(Array(64).fill('value').join(',')) }, 'chat', 'hello'));
  });

  test('a named value that is not in the body is claimed too', async () => {
    const headers = await auth();
    passes(await tell({ ...headers, ...name('silent%20harbour') }, 'chat', 'hello'));
    conflict(await tell({ ...headers, ...name('silent%20harbour') }, 'google', 'hello'), 'google', 'named', 'openai');
    conflict(await tell(headers, 'google', 'the Silent Harbour'), 'google', 'named', 'openai');
  });

  test('a long value is found by any of its parts', async () => {
    const headers = await auth();
    const words = Array.from({ length: 40 }, (_, i) => `word${i}`);
    passes(await tell({ ...headers, ...name(encodeURIComponent(words.join(' '))) }, 'chat', 'hello'));
    conflict(await tell(headers, 'google', `and ${words.join(', ')}.`), 'google', 'named', 'openai');
    conflict(await tell(headers, 'google', `and ${words.slice(30).join(', ')}.`), 'google', 'named', 'openai');
    passes(await tell(headers, 'google', words.slice(0, 5).join(' ')));
  });
});

describe('on_conflict: redact', () => {
  test('the value goes out replaced, all else as it was', async () => {
    const gw = await isolated({ on_conflict: 'redact' });
    const headers = await auth(gw);
    passes(await tell({ ...headers, 'x-warder-sensitive': 'amber%20falcon' }, 'chat', `card ${card}`, gw));
    const answer = await send(headers, 'messages', formats.messages.ask(`pay ${card}, call amber falcon, mail kim@example.org`), gw);
    passes(answer);
    assert.equal(upstream.last().json.messages[0].content, 'pay [REDACTED], call [REDACTED], mail kim@example.org');
    const record = await gw.record(answer.headers['x-request-id']);
    assert.equal(record.decision, 'changed');
    assert.deepEqual(record.findings.map((f) => [f.rule, f.action, f.count]), [['card', 'redact', 1], ['email', 'flag', 1]]);
    passes(await tell(headers, 'chat', 'mail kim@example.org', gw));
    assert.equal(upstream.last().json.messages[0].content, 'mail [REDACTED]');
    const nested = { model: 'claude-sonnet-4-6', max_tokens: 50, messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'get', input: { card: 4111111111111111 } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'amber\tfalcon' }] }] };
    passes(await send(headers, 'messages', nested, gw));
    assert.deepEqual(upstream.last().json.messages[1].content[0].input, { card: '[REDACTED]' });
    assert.equal(upstream.last().json.messages[2].content[0].content, '[REDACTED]');
    passes(await tell(headers, 'chat', `card ${card}`, gw));
    assert.ok(upstream.last().body.includes('4111'));
  });
});

describe('scopes and time', () => {
  test('F34 F37: the scope of a role, and headers that claim to be somebody change nothing', async () => {
    const gw = await isolated({ scope: 'tenant' }, { policy(p) { p.roles.other = { providers: ['*'], tools: ['*'] }; p.roles.narrow = { providers: ['openai'], tools: [] }; } });
    const [ann, ben, eve] = [await auth(gw, 'ann'), await auth(gw, 'ben'), await auth(gw, 'eve', 'other')];
    passes(await tell(ann, 'chat', `card ${card}`, gw));
    conflict(await tell(ben, 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    conflict(await tell({ ...ben, 'x-warder-tenant': 'other', 'x-warder-role': 'other', 'x-warder-user': 'eve', 'x-tenant-id': 'z' }, 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    passes(await tell(eve, 'google', `card ${card}`, gw));
    const narrow = { ...await auth(gw, 'nan', 'narrow'), 'x-warder-role': 'enterprise', 'x-warder-user': 'ann' };
    refused(await tell(narrow, 'google', 'hi', gw), 403, 'provider_not_allowed', 'google');
    refused(await send(narrow, 'chat', formats.chat.ask('hi', { tools: [{ type: 'function', function: { name: 'search', parameters: {} } }] }), gw), 403, 'tool_not_allowed', 'openai');
    passes(await tell(narrow, 'chat', 'hi', gw));
    assert.equal(upstream.last().headers['x-warder-role'], undefined);
  });

  test('conversations of a user, and everybody\'s together; values are forgotten in time', async () => {
    const gw = await isolated({ scope: 'conversation', header: 'x-chat-id', remember: '1s' });
    const ann = await auth(gw, 'ann');
    const within = (id) => ({ ...ann, 'x-chat-id': id });
    passes(await tell(within('one'), 'chat', `card ${card}`, gw));
    passes(await tell(within('two'), 'google', `card ${card}`, gw));
    passes(await tell(ann, 'messages', `card ${card}`, gw));
    conflict(await tell(within('one'), 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    assert.equal(upstream.last().headers['x-chat-id'], undefined);
    passes(await tell({ ...await auth(gw, 'ben'), 'x-chat-id': 'one' }, 'google', `card ${card}`, gw));
    refused(await tell(within('x'.repeat(300)), 'google', 'hi', gw), 400, 'invalid_request', 'google');
    await waitFor('the value to be forgotten', async () => (await tell(within('one'), 'google', `card ${card}`, gw)).status === 200, 8000);

    await gw.reload((p) => { p.isolation = { enabled: true, scope: 'global', remember: '1h' }; });
    passes(await tell(ann, 'chat', `card ${card}`, gw));
    conflict(await tell(await auth(gw, 'ben'), 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    await gw.restart();
    conflict(await tell(await auth(gw, 'ben'), 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    passes(await tell({ ...ann, 'x-warder-sensitive': 'copper%20lantern' }, 'chat', 'hi', gw));
    gw.proc.child.kill('SIGKILL');
    await waitFor('the end', () => gw.proc.exit);
    await gw.serve();
    conflict(await tell(await auth(gw, 'ben'), 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
    conflict(await tell(ann, 'google', 'a copper lantern', gw), 'google', 'named', 'openai');
  });
});

describe('F21: two providers at once', () => {
  test('of each pair exactly one passes, and afterwards the winner holds it', async () => {
    const headers = await auth();
    for (let round = 0; round < 5; round++) {
      const pairs = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
        const text = `mail pair${round}x${i}@example.org`;
        const both = await Promise.all([tell(headers, 'chat', text), tell(headers, 'google', text)]);
        return { text, both };
      }));
      for (const { text, both } of pairs) {
        const ok = both.filter((a) => a.status === 200).length;
        assert.equal(ok, 1, `${text}: ${both.map((a) => a.status)}`);
        const winner = both[0].status === 200 ? 0 : 1;
        conflict(both[1 - winner], ['chat', 'google'][1 - winner], 'email', ['openai', 'google'][winner]);
      }
      const { text, both } = pairs[round];
      passes(await tell(headers, both[0].status === 200 ? 'chat' : 'google', text));
    }
  });

  test('named values too, and never by two of the same header', async () => {
    const headers = await auth();
    const both = await Promise.all(Array.from({ length: 30 }, (_, i) => Promise.all(['chat', 'messages'].map((n) =>
      tell({ ...headers, 'x-warder-sensitive': `velvet%20engine%20${i}` }, n, `the velvet engine ${i}`)))));
    for (const pair of both) assert.equal(pair.filter((a) => a.status === 200).length, 1);
  });
});

describe('warder isolate', () => {
  const cli = (args, input = '') => new Promise((done) => {
    const child = execFile(path.join(build, 'warder'), ['isolate', ...args], { env: gateway.env }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
  const at = () => ['-c', gateway.file];

  test('values that are registered are looked for in every request', async () => {
    const [ann, ben] = [await auth(gateway, 'reg-ann'), await auth(gateway, 'reg-ben')];
    let out = await cli(['add', ...at(), '--provider', 'anthropic'], 'Orchid Protocol\n\nblue whale 9\r\n');
    assert.deepEqual([out.code, out.stdout, out.stderr], [0, '', '']);
    conflict(await tell(ann, 'chat', 'the orchid-protocol says'), 'chat', 'named', 'anthropic', 'rchid');
    conflict(await tell(ben, 'google', 'a Blue Whale 9'), 'google', 'named', 'anthropic', 'whale');
    passes(await tell(ann, 'messages', 'the orchid protocol and blue whale 9'));
    out = await cli(['add', ...at(), '--provider', 'google', '--user', 'reg-ben'], 'marble orchard\n');
    assert.equal(out.code, 0, out.stderr);
    conflict(await tell(ben, 'chat', 'marble orchard'), 'chat', 'named', 'google');
    passes(await tell(ann, 'chat', 'marble orchard'));
    out = await cli(['add', ...at(), '--provider', 'openai'], 'something else\nOrchid protocol\n');
    assert.equal(out.code, 1);
    assert.doesNotMatch(out.stderr, /rchid/);
    passes(await tell(ann, 'google', 'something else'));
  });

  test('list and forget', async () => {
    const ann = await auth(gateway, 'list-ann');
    let out = await cli(['forget', ...at(), '--all']);
    assert.equal(out.code, 0, out.stderr);
    passes(await tell(ann, 'chat', `card ${card} and key ${key}`));
    out = await cli(['list', ...at(), '--format', 'json']);
    const { entries } = JSON.parse(out.stdout);
    assert.deepEqual(entries.map((e) => [e.kind, e.provider]).sort(), [['cards', 'openai'], ['secrets', 'openai']]);
    const cardEntry = entries.find((e) => e.kind === 'cards');
    assert.match(cardEntry.expires, /^\d{4}-\d\d-\d\dT/);
    out = await cli(['list', ...at()]);
    assert.match(out.stdout, new RegExp(`^${cardEntry.id.slice(0, 8)}  cards `, 'm'));
    assert.doesNotMatch(out.stdout, /4111|ghp_/);
    conflict(await tell(ann, 'google', `card ${card}`), 'google', 'cards', 'openai', '4111');
    out = await cli(['forget', ...at(), cardEntry.id.slice(0, 8)]);
    assert.deepEqual([out.code, out.stderr], [0, 'warder: 1 forgotten\n']);
    passes(await tell(ann, 'google', `card ${card}`));
    conflict(await tell(ann, 'google', `key ${key}`), 'google', 'secrets', 'openai', key);
    out = await cli(['forget', ...at(), '-', '--user', 'list-ann'], `${key}\n`);
    assert.deepEqual([out.code, out.stderr], [0, 'warder: 1 forgotten\n']);
    passes(await tell(ann, 'google', `key ${key}`));
    out = await cli(['forget', ...at(), '--provider', 'google']);
    assert.deepEqual([out.code, out.stderr], [0, 'warder: 2 forgotten\n']);
    passes(await tell(ann, 'chat', `card ${card} and key ${key}`));
    assert.equal((await cli(['forget', ...at(), 'deadbeef'])).code, 1);
  });

  test('what is wrong is said, without the value', async () => {
    const bad = [
      [['add', ...at()], 'x'], [['add', ...at(), '--provider', 'nobody'], 'x'], [['add', ...at(), '--provider', 'openai'], ''], [['add', ...at(), '--provider', 'openai'], 'abc\n'],
      [['add', ...at(), '--provider', 'openai', '--tenant', 'enterprise'], 'marble orchard'], [['add', ...at(), '--provider', 'openai', '--expires', 'soon'], 'marble orchard'],
      [['forget', ...at()], ''], [['forget', ...at(), 'xyz'], ''], [['forget', ...at(), '--all', '--provider', 'openai'], ''], [['list', ...at(), '--format', 'xml'], ''], [['frob'], ''],
    ];
    for (const [args, input] of bad) {
      const out = await cli(args, input);
      assert.equal(out.code, 2, args.join(' '));
      assert.match(out.stderr, /^(warder: isolate|usage: warder isolate)/);
      assert.doesNotMatch(out.stderr, /marble/);
    }
    for (const action of ['add', 'list', 'forget']) assert.match((await cli([action, '--help'])).stdout, /^usage: warder isolate/);
  });
});

test('a provider that refused the key has seen the values all the same', async () => {
  const gw = await isolated({}, {
    policy(p) { p.providers.openai.keys = ['env:OPENAI_API_KEY', 'env:OPENAI_KEY_TWO']; },
    env: { OPENAI_KEY_TWO: 'sk-proj-' + 'Provider0Secret9Second_2-abcdefghijklmnop' },
  });
  const headers = await auth(gw), before = upstream.handle;
  let seen = 0;
  upstream.handle = (req, res) => (seen++ === 0 ? json(res, { error: { message: 'no', type: 'x', param: null, code: null } }, 401) : res.destroy());
  try {
    const answer = await tell(headers, 'chat', `card ${card}`, gw);
    assert.notEqual(answer.status, 200);
    assert.equal(seen, 2);
  } finally {
    upstream.handle = before;
  }
  conflict(await tell(headers, 'google', `card ${card}`, gw), 'google', 'cards', 'openai', '4111');
});
