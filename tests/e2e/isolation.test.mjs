// Data isolation: what one provider was shown goes to no other, in every format and from every place of a request.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { waitFor } from './lib/process.mjs';
import { formats, json, say, startUpstream } from './lib/upstream.mjs';

const off = { secret: 'off', pii: 'off', injection: 'off', malicious: 'off' };
const flag = { secret: 'flag', pii: 'flag', injection: 'off', malicious: 'off' };

let upstream, gateway;
const started = [];

async function isolated(isolation = {}, more = {}) {
  const gw = await startGateway({
    upstream: upstream.url,
    policy(p) {
      p.isolation = { enabled: true, kinds: all, ...isolation };
      p.detect = { input: flag };
      p.input = { attachments: ['image', 'file'] };
      more.policy?.(p);
    },
  });
  started.push(gw);
  return gw;
}

const all = ['secrets', 'cards', 'bank_accounts', 'national_ids', 'email', 'phone', 'birth_date', 'ip', 'crypto', 'mac'];

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await isolated();
});
after(async () => {
  for (const gw of started) await gw.stop();
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
