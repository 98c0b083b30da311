// A gateway whose providers have a key that stands by, and a provider that refuses by key.
import assert from 'node:assert/strict';
import http from 'node:http';
import { events, request } from './client.mjs';
import { keys, startGateway } from './gateway.mjs';
import { formats, json, say, startUpstream } from './upstream.mjs';

export const second = {
  OPENAI_SECOND: 'sk-proj-' + 'Standby0Secret1Openai_2-qrstuvwxyzabcdef',
  ANTHROPIC_SECOND: 'sk-ant-' + 'api03-Standby0Secret1Anthropic_2-qrstuvwxyz',
  GOOGLE_SECOND: 'AIza' + 'SyStandby0Secret1Google_2-qrstuvwx',
  OPENAI_THIRD: 'sk-proj-' + 'Third0Secret1Openai_2-qrstuvwxyzabcdefgh',
};
export const values = [...Object.values(keys), ...Object.values(second)];
export const names = Object.keys(formats);
export const provider = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };
export const firstOf = { openai: keys.OPENAI_API_KEY, anthropic: keys.ANTHROPIC_API_KEY, google: keys.GOOGLE_API_KEY };
export const secondOf = { openai: second.OPENAI_SECOND, anthropic: second.ANTHROPIC_SECOND, google: second.GOOGLE_SECOND };
export const keyOf = (record) => record.headers['x-api-key'] ?? record.headers['x-goog-api-key'] ?? record.headers.authorization.slice(7);

/** The provider's error with this status, as its SDK knows it. */
export function complaint(url, status, message) {
  if (url.includes('/messages')) return { type: 'error', error: { type: 'authentication_error', message } };
  if (url.includes('models/')) return { error: { code: status, message, status: 'PERMISSION_DENIED' } };
  return { error: { message, type: 'invalid_request_error', param: null, code: 'invalid_api_key' } };
}

/** Refuses by key: { key: status } or { key: { status, headers, message } }; other keys are welcome. */
export function refuse(by, otherwise = say('Fine.')) {
  return (req, res, record) => {
    const no = by[keyOf(record)];
    if (no === undefined) return otherwise(req, res, record);
    const { status, headers = {}, message = `No, says ${status}.` } = typeof no === 'number' ? { status: no } : no;
    return json(res, complaint(req.url, status, message), status, { 'x-ratelimit-remaining-requests': '11', 'set-cookie': 'first=1', ...headers });
  };
}

export const both = (status, more = {}) => refuse(Object.fromEntries([...Object.values(firstOf), ...Object.values(secondOf)].map((k) => [k, { status, ...more }])));
export const firsts = (status, more = {}) => refuse(Object.fromEntries(Object.values(firstOf).map((k) => [k, { status, ...more }])));

export function clean(text, what) {
  for (const value of values) assert.ok(!text.includes(value.slice(0, 24)), `a provider key stands in ${what}`);
}

/** Where the helpers below ask. */
const at = {};

export const standby = (p) => {
  p.providers.openai.keys.push('env:OPENAI_SECOND');
  p.providers.anthropic.keys.push('env:ANTHROPIC_SECOND');
  p.providers.google.keys.push('env:GOOGLE_SECOND');
  p.input = { message_chars: { max: 10_000_000 } };
  p.detect = { input: { pii: 'redact' } };
};

export async function begin() {
  at.upstream = await startUpstream(say('Fine.'));
  at.gateway = await startGateway({ upstream: at.upstream.url, env: second, policy: standby });
  at.token = await at.gateway.token();
  return at;
}

/** Before each test: nothing is known of keys. */
export async function forget() {
  await at.gateway.reload();
  at.upstream.requests.length = 0;
}

export async function end() {
  await at.gateway?.stop();
  await at.upstream?.stop();
}

export const ask = (name, { text = 'Hi', stream = false, more = {}, to = at.gateway, as = at.token, ...rest } = {}) => request(to.url, {
  path: stream ? formats[name].streamPath ?? formats[name].path : formats[name].path, headers: { authorization: `Bearer ${as}` },
  body: formats[name].ask(text, { ...more, ...(stream && name !== 'google' ? { stream } : {}) }), ...rest,
});
/** A request whose body the test sends itself. */
export const post = (name, headers = {}) => http.request(at.gateway.url + formats[name].path, { method: 'POST', agent: false, headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json', ...headers } });
export const fine = (name, answer, stream) => {
  assert.equal(answer.status, 200, answer.text);
  assert.ok(stream ? formats[name].text(events(answer.text)) === 'Fine.' : JSON.stringify(answer.json).includes('Fine.'), answer.text);
};
export const used = () => at.upstream.requests.map(keyOf);

export async function metric(name, labels, of = at.gateway) {
  const line = (await of.metrics()).split('\n').find((l) => l.startsWith(`${name}{${labels}} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}
export const failing = (of, slot) => metric('warder_provider_key_failing', `provider="${of}",slot="${slot}"`);
export const failures = (of, slot, status) => metric('warder_provider_key_failures_total', `provider="${of}",slot="${slot}",status="${status}"`);
