// The stores of one machine when something happens to them: files that were cut or are something else, clocks that are set.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { preload } from './lib/preload.mjs';
import { waitFor } from './lib/process.mjs';
import { formats, say, startUpstream } from './lib/upstream.mjs';

const card = '4111 1111 1111 1111';
let upstream, gateway, time;

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  time = preload();
  gateway = await startGateway({
    upstream: upstream.url,
    env: time.env,
    policy(p) {
      p.isolation = { enabled: true, remember: '1h' };
      p.roles.hourly = { providers: ['*'], tools: ['*'], limit: '5/1h' };
    },
  });
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
  time?.remove();
});

const state = (name) => path.join(gateway.policy.state, name);
const bearer = (token) => ({ authorization: `Bearer ${token}` });
let users = 0;
const newToken = async (role = 'enterprise') => bearer(await gateway.token(`user${users++}`, role));
const ask = (headers, name = 'chat', text = 'Hi') => request(gateway.url, { path: formats[name].path, headers, body: formats[name].ask(text) });
const ready = async () => request(`http://${gateway.policy.admin}/readyz`, { method: 'GET' });
const passed = (answers) => answers.filter((a) => a.status === 200).length;

describe('F15: a file that is cut or is something else', () => {
  test('tokens.mdb cut while it is served: refused, and said', async () => {
    const headers = await newToken();
    const whole = fs.statSync(state('tokens.mdb')).size;
    assert.equal((await ask(headers)).status, 200);
    fs.truncateSync(state('tokens.mdb'), 4096);
    // whether the file is whole is looked at once a second
    await waitFor('a refusal', async () => {
      const answer = await ask(headers);
      if (answer.status === 200) return false;
      refused(answer, 503, 'store_unavailable', 'openai');
      return true;
    });
    const answer = await ready();
    assert.equal(answer.status, 503);
    assert.match(answer.text, /store_unavailable/);
    await gateway.proc.stop();
    fs.rmSync(state('tokens.mdb'));
    await gateway.serve();
    assert.equal((await ask(await newToken())).status, 200);
    assert.equal(fs.statSync(state('tokens.mdb')).size, whole);
  });

  test('tokens.mdb cut before the start: nobody gets in', async () => {
    const headers = await newToken();
    await gateway.proc.stop();
    const good = fs.readFileSync(state('tokens.mdb'));
    fs.truncateSync(state('tokens.mdb'), 6000);
    await gateway.serve();
    refused(await ask(headers), 503, 'store_unavailable', 'openai');
    assert.equal((await ready()).status, 503);
    assert.match(gateway.log(), /the token store cannot be opened/);
    await gateway.proc.stop();
    fs.writeFileSync(state('tokens.mdb'), good);
    await gateway.serve();
    assert.equal((await ask(headers)).status, 200);
  });

  test('ledger.map cut before the start: the gateway does not start, and says which file', async () => {
    await gateway.proc.stop();
    const size = fs.statSync(state('ledger.map')).size;
    fs.truncateSync(state('ledger.map'), 100000);
    await assert.rejects(gateway.serve(), /ledger\.map/);
    fs.truncateSync(state('ledger.map'), size);
    fs.rmSync(state('ledger.map'));
    await gateway.serve();
    assert.equal((await ask(await newToken())).status, 200);
  });

  test('ledger.map cut while it is served: what needs it is refused', async () => {
    const headers = await newToken();
    assert.equal((await ask(headers, 'chat', `my card is ${card}`)).status, 200);
    fs.truncateSync(state('ledger.map'), 8192);
    await waitFor('a refusal', async () => {
      const answer = await ask(headers, 'messages', `my card is ${card}`);
      assert.notEqual(answer.status, 200, 'the value went to another provider');
      return answer.status === 503;
    });
    assert.equal((await ask(headers)).status, 200, 'what shows nothing goes on');
    assert.equal((await ready()).status, 503);
    await gateway.proc.stop();
    fs.rmSync(state('ledger.map'));
    await gateway.serve();
  });

  test('limits.map cut while it is served: refused', async () => {
    const headers = await newToken();
    assert.equal((await ask(headers)).status, 200);
    fs.truncateSync(state('limits.map'), 4096);
    await waitFor('a refusal', async () => (await ask(headers)).status === 503);
    assert.equal((await ready()).status, 503);
    await gateway.proc.stop();
    await gateway.serve();
    assert.equal((await ask(headers)).status, 200);
  });
});

describe('a wall clock that is set', () => {
  for (const [title, seconds] of [['a day back', -86400], ['an hour ahead', 3600]]) {
    test(`${title}: no limit gets room`, async () => {
      const headers = await newToken('hourly');
      assert.equal(passed(await Promise.all(Array.from({ length: 3 }, () => ask(headers)))), 3);
      time.wall(seconds);
      assert.equal(passed(await Promise.all(Array.from({ length: 10 }, () => ask(headers)))), 2);
      await gateway.restart();
      assert.equal(passed(await Promise.all(Array.from({ length: 5 }, () => ask(headers)))), 0);
      time.wall(0);
    });
  }

  test('a day back: what was shown to whom is not forgotten', async () => {
    const headers = await newToken();
    assert.equal((await ask(headers, 'chat', `my card is ${card}`)).status, 200);
    time.wall(-86400);
    refused(await ask(headers, 'messages', `my card is ${card}`), 403, 'data_isolation_violation', 'anthropic');
    await gateway.restart();
    refused(await ask(headers, 'messages', `my card is ${card}`), 403, 'data_isolation_violation', 'anthropic');
    time.wall(0);
    refused(await ask(headers, 'messages', `my card is ${card}`), 403, 'data_isolation_violation', 'anthropic');
  });
});
