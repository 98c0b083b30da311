// What a provider can do to us beside its text: move, be silent, refuse, redirect, set headers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { events, open, request } from './lib/client.mjs';
import { keys, startGateway } from './lib/gateway.mjs';
import { freePort, waitFor } from './lib/process.mjs';
import { certificates } from './lib/tls.mjs';
import { formats, json, say, sse, startRawUpstream, startUpstream, streamOf, write } from './lib/upstream.mjs';

const names = Object.keys(formats);
const ask = (gateway, headers, name, { stream, prefix } = {}) => request(gateway.url, {
  path: (stream && formats[name].streamPath ? formats[name].streamPath : formats[name].path).replace(/^\/\w+/, (own) => (prefix ? `/${prefix}` : own)),
  headers, body: formats[name].ask('Hi', stream && name !== 'google' ? { stream } : {}),
});

/** Why a private /etc/hosts cannot be had here; '' when it can. */
function unshared() {
  if (process.getuid() !== 0) return 'needs root: a private /etc/hosts is mounted';
  try {
    execFileSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts'], { stdio: 'ignore' });
    return '';
  } catch {
    return 'cannot mount in a namespace of its own here';
  }
}

describe('names of providers are looked up while running', { skip: unshared() || false }, () => {
  let dir, gateway, headers, certs;
  const at = {}; // upstreams by what they are

  const hosts = (lines) => fs.writeFileSync(path.join(dir, 'hosts'), Object.entries(lines).map(([name, address]) => `${address} ${name}\n`).join(''));

  /** The same port on two addresses of this machine. */
  async function pair(options = {}) {
    for (let attempt = 1; ; attempt++) {
      const one = await startUpstream(say('First.'), { host: '127.0.0.2', ...options });
      try {
        return [one, await startUpstream(say('Second.'), { host: '127.0.0.3', port: one.port, ...options })];
      } catch (error) {
        await one.stop();
        if (attempt === 5) throw error;
      }
    }
  }

  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-hosts-'));
    certs = certificates();
    [at.one, at.two] = await pair();
    at.late = await startUpstream(say('Late.'), { host: '127.0.0.4', tls: certs.leaf('provider.test') });
    hosts({ localhost: '127.0.0.2' });
    fs.writeFileSync(path.join(dir, 'resolv.conf'), ''); // the hosts file alone decides
    const mount = 'for f in hosts resolv.conf; do if [ -e /etc/$f ]; then mount --bind "$0/$f" "/etc/$f" || exit 1; fi; done; exec "$@"';
    gateway = await startGateway({
      upstream: `http://localhost:${at.one.port}`,
      wrap: ['unshare', '-m', 'sh', '-c', mount, dir],
      policy(p) {
        p.workers = 1;
        Object.assign(p.providers.anthropic, { url: `https://provider.test:${at.late.port}`, ca_file: certs.ca });
      },
    });
    headers = { authorization: `Bearer ${await gateway.token()}` };
  });
  after(async () => {
    await gateway?.stop();
    for (const upstream of Object.values(at)) await upstream.stop();
    certs?.remove();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  test('a name that moves: requests follow, a stream under way goes on, nothing is lost', async () => {
    let answer = await ask(gateway, headers, 'chat');
    assert.match(answer.text, /First\./);
    assert.equal(at.one.last().headers.host, `localhost:${at.one.port}`);

    let end;
    at.one.handle = async (req, res) => {
      const list = streamOf('chat', ['Hello ', 'there.']);
      sse(res);
      await write(res, list.slice(0, 2).join(''));
      await new Promise((done) => { end = done; });
      res.end(list.slice(2).join(''));
    };
    const stream = await open(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi', { stream: true }) });
    await stream.until('Hello');
    at.one.handle = say('First.');

    hosts({ localhost: '127.0.0.3' });
    await waitFor('a request at the new address', async () => {
      answer = await ask(gateway, headers, 'chat');
      assert.equal(answer.status, 200, answer.text);
      return answer.text.includes('Second.');
    }, 20000);
    const old = at.one.requests.length;
    for (let i = 0; i < 10; i++) assert.match((await ask(gateway, headers, 'chat')).text, /Second\./);
    assert.equal(at.one.requests.length, old, 'a pooled connection to the old address was used');
    assert.equal(stream.over, false);
    end();
    await stream.end();
    assert.match(stream.text, /there\.[^]*\[DONE\]\n\n$/);
  });

  test('a name that vanishes keeps the addresses that were known', async () => {
    hosts({ 'other.test': '127.0.0.9' });
    await waitFor('the word of it', async () => /provider "(openai|google)" cannot be resolved/.test(gateway.log()), 20000);
    assert.match((await ask(gateway, headers, 'chat')).text, /Second\./);
  });

  test('a name that cannot be resolved is 502, and works once it can be, without a restart', async () => {
    refused(await ask(gateway, headers, 'messages'), 502, 'provider_unavailable', 'anthropic');
    assert.match(gateway.log(), /provider "anthropic" cannot be resolved/);
    assert.equal(gateway.log().split('provider "anthropic" cannot be resolved').length, 2, 'said once');
    assert.equal(at.late.connections, 0);
    hosts({ localhost: '127.0.0.3', 'provider.test': '127.0.0.4' });
    const answer = await waitFor('an answer', async () => {
      const a = await ask(gateway, headers, 'messages');
      return a.status === 200 && a;
    }, 20000);
    assert.match(answer.text, /Late\./);
    assert.deepEqual(at.late.names, ['provider.test']);
    assert.equal(at.late.last().headers['x-api-key'], keys.ANTHROPIC_API_KEY);
  });
});

describe('silence and refusal', () => {
  let raw, gateway, headers, nobody;
  const shapes = { openai: 'chat', anthropic: 'messages', google: 'google' };
  const variables = { openai: 'OPENAI_API_KEY', anthropic: 'ANTHROPIC_API_KEY', google: 'GOOGLE_API_KEY' };

  before(async () => {
    raw = await startRawUpstream((socket) => socket.destroy());
    nobody = `http://127.0.0.1:${await freePort()}`;
    gateway = await startGateway({
      upstream: raw.url,
      policy(p) {
        for (const provider of Object.values(p.providers)) provider.read_timeout = '1s';
        for (const [format, variable] of Object.entries(variables)) {
          p.providers[`nobody-${format}`] = { format, url: nobody, keys: [`env:${variable}`], models: ['*'] };
        }
        p.providers.handshake = { format: 'openai', url: raw.url.replace('http:', 'https:'), keys: ['env:OPENAI_API_KEY'], models: ['*'], connect_timeout: '1s' };
      },
    });
    headers = { authorization: `Bearer ${await gateway.token()}` };
  });
  after(async () => {
    await gateway?.stop();
    await raw?.stop();
  });

  /** Answers once the whole request is there. */
  const whenAsked = (answer) => (socket) => {
    let got = '', asked = false;
    socket.on('data', (d) => {
      got += d;
      if (asked || !/\r\n\r\n[^]*\}$/.test(got)) return;
      asked = true;
      answer(socket);
    });
  };
  const sseHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
  const part = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

  const silent = {
    'that says nothing': () => {},
    'that sends half a header': (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-ty'),
    'that stops in the body': (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"id":'),
  };
  for (const [what, answer] of Object.entries(silent)) {
    for (const name of names) {
      test(`${name}: a provider ${what}: 504 after read_timeout`, async () => {
        raw.handle = whenAsked(answer);
        const began = performance.now();
        const got = await ask(gateway, headers, name);
        refused(got, 504, 'provider_timeout', formats[name].shape);
        assert.ok(performance.now() - began > 900, `after ${performance.now() - began} ms`);
        const record = await gateway.record(got.headers['x-request-id']);
        assert.deepEqual([record.decision, record.code, record.status], ['failed', 'provider_timeout', 504]);
        assert.ok(record.upstream_ms >= 900);
      });
    }
  }

  for (const name of names) {
    test(`F53: ${name}: silence in mid-stream: what came, the error event, the terminator`, async () => {
      const list = streamOf(name, ['Hello ', 'dear ', 'friend']);
      const cut = list.findIndex((e) => e.includes('dear')) + 1;
      raw.handle = whenAsked((socket) => socket.write(sseHead + list.slice(0, cut).map(part).join('')));
      const answer = await ask(gateway, headers, name, { stream: true });
      assert.equal(answer.status, 200);
      const got = events(answer.text);
      assert.match(formats[name].text(got), /^Hello dear/);
      const error = got.findLast((e) => e.data?.error || e.data?.type === 'error' || e.data?.type === 'response.failed');
      assert.ok(error, answer.text);
      assert.match(JSON.stringify(error), /provider/);
      if (name === 'chat') assert.equal(got.at(-1).data, '[DONE]');
      const record = await gateway.record(answer.headers['x-request-id']);
      assert.deepEqual([record.decision, record.code, record.stream], ['failed', 'provider_timeout', true]);
    });
  }

  test('a stream that pauses for less than read_timeout again and again goes on', async () => {
    const list = streamOf('chat', ['one ', 'two ', 'three ', 'four ']);
    raw.handle = whenAsked(async (socket) => {
      socket.write(sseHead);
      for (const event of list) {
        socket.write(part(event));
        await new Promise((done) => setTimeout(done, 350));
      }
      socket.end('0\r\n\r\n');
    });
    const answer = await ask(gateway, headers, 'chat', { stream: true });
    assert.equal(formats.chat.text(events(answer.text)), 'one two three four ');
    assert.match(answer.text, /\[DONE\]\n\n$/);
  });

  for (const [format, name] of Object.entries(shapes)) {
    test(`${format}: nobody listens: 502, and it counts against no limit`, async () => {
      for (const stream of [false, true]) {
        const answer = await ask(gateway, headers, name, { prefix: `nobody-${format}`, stream });
        refused(answer, 502, 'provider_unavailable', formats[name].shape);
        assert.equal((await gateway.record(answer.headers['x-request-id'])).code, 'provider_unavailable');
      }
    });
  }

  test('a provider that never ends the TLS handshake: 504 after connect_timeout', async () => {
    raw.handle = (socket) => socket.resume();
    const answer = await ask(gateway, headers, 'chat', { prefix: 'handshake' });
    refused(answer, 504, 'provider_timeout', 'openai');
    const record = await gateway.record(answer.headers['x-request-id']);
    assert.ok(record.upstream_ms >= 900 && record.upstream_ms < 5000, `${record.upstream_ms} ms`);
  });
});

describe('what comes back', () => {
  let upstream, elsewhere, gateway, headers;

  before(async () => {
    [upstream, elsewhere] = [await startUpstream(), await startUpstream()];
    gateway = await startGateway({ upstream: upstream.url });
    headers = { authorization: `Bearer ${await gateway.token()}` };
  });
  afterEach(() => { upstream.handle = say('Fine.'); });
  after(async () => {
    await gateway?.stop();
    await upstream?.stop();
    await elsewhere?.stop();
  });

  for (const name of names) {
    test(`F31: ${name}: a redirect is neither followed nor shown`, async () => {
      for (const status of [301, 302, 303, 307, 308]) {
        for (const stream of [false, true]) {
          upstream.handle = (req, res) => {
            res.writeHead(status, { location: `${elsewhere.url}/secret-place`, 'content-type': 'text/html', refresh: `0;url=${elsewhere.url}` });
            res.end(`<a href="${elsewhere.url}/secret-place">moved</a>`);
          };
          const answer = await ask(gateway, headers, name, { stream });
          refused(answer, 502, 'provider_invalid_response', formats[name].shape);
          assert.ok(!(JSON.stringify(answer.headers) + answer.text).includes(new URL(elsewhere.url).port));
        }
      }
      assert.equal(elsewhere.connections, 0);
    });

    test(`${name}: statuses that no answer has`, async () => {
      const odd = {
        101: (req, res) => res.socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nRAW BYTES'),
        204: (req, res) => { res.writeHead(204); res.end(); },
        304: (req, res) => { res.writeHead(304); res.end(); },
      };
      for (const [status, handle] of Object.entries(odd)) {
        upstream.handle = handle;
        const answer = await request(gateway.url, { path: formats[name].path, headers: { ...headers, upgrade: 'websocket', connection: 'upgrade' }, body: formats[name].ask('Hi') });
        assert.equal(answer.headers['x-warder-code'], 'provider_invalid_response', status);
        refused(answer, 502, 'provider_invalid_response', formats[name].shape);
        assert.doesNotMatch(answer.text, /RAW/);
      }
      assert.equal(upstream.last().headers.upgrade, undefined);
      upstream.handle = say('Fine.');
      assert.equal((await ask(gateway, headers, name)).status, 200);
    });
  }

  for (const [what, stream, status] of [['an answer', false, 200], ['a stream', true, 200], ['an error', false, 429]]) {
    test(`F30: headers of the provider, ${what}: hints under x-provider-, of the rest nothing`, async () => {
      const account = 'acct-4711';
      const more = {
        'set-cookie': [`session=${account}`, 'b=c'], 'x-account-id': account, 'openai-organization': account, 'anthropic-organization-id': account, 'x-request-id': account, 'request-id': account,
        server: account, via: account, 'www-authenticate': `Bearer realm="${account}"`, etag: `"${account}"`, 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT', link: account, 'content-location': `/${account}`,
        'x-warder-code': account, 'x-warder-clamped': account, 'x-debug-key': keys.OPENAI_API_KEY, 'access-control-allow-origin': '*', 'strict-transport-security': 'max-age=1',
        'x-ratelimit-limit-requests': '77', 'x-ratelimit-remaining-tokens': '1500', 'x-ratelimit-reset-requests': '6m0s', 'x-ratelimit-remaining-requests': account,
        'anthropic-ratelimit-requests-remaining': '9', 'retry-after': '7',
      };
      upstream.handle = async (req, res, record) => {
        for (const [name, value] of Object.entries(more)) res.setHeader(name, value);
        if (status !== 200) return json(res, { error: { message: 'slow down', type: 'rate_limit', param: null, code: null } }, status);
        if (!stream) return json(res, formats.chat.answer('Fine.'));
        sse(res);
        return res.end(streamOf('chat', ['Fine.']).join(''));
      };
      const answer = await ask(gateway, headers, 'chat', { stream });
      assert.equal(answer.status, status, answer.text);
      const shown = JSON.stringify(answer.rawHeaders);
      assert.ok(!shown.includes(account) && !shown.includes(keys.OPENAI_API_KEY), shown);
      const { headers: got } = answer;
      assert.deepEqual([got['x-provider-ratelimit-limit-requests'], got['x-provider-ratelimit-remaining-tokens'], got['x-provider-ratelimit-reset-requests'], got['x-provider-anthropic-ratelimit-requests-remaining']], ['77', '1500', '6m0s', '9']);
      assert.ok(!('x-provider-ratelimit-remaining-requests' in got), 'a hint that is no number');
      assert.equal(got['retry-after'], status === 429 ? '7' : undefined);
      const allowed = /^(server|date|connection|keep-alive|content-type|content-length|transfer-encoding|cache-control|retry-after|x-request-id|x-ratelimit-(limit|remaining|reset)-requests|x-provider-.*)$/;
      for (const header of Object.keys(got)) assert.match(header, allowed);
    });
  }

  test('F50: a listener that cannot be had keeps the old one, and says why', async () => {
    const good = gateway.policy.listen;
    const busy = new URL(elsewhere.url).host;
    await assert.rejects(gateway.reload((p) => { p.listen = busy; }), /not reloaded/);
    assert.match(gateway.log(), /[Aa]ddress already in use/);
    assert.equal((await ask(gateway, headers, 'chat')).status, 200);
    await gateway.reload((p) => { p.listen = good; });
    assert.equal((await ask(gateway, headers, 'chat')).status, 200);
  });

  test('F50: many signals in a row: the last file counts, and nothing is lost', async () => {
    for (let i = 0; i < 8; i++) {
      gateway.write((p) => { p.providers.openai.models = [`gpt-${i}`]; });
      gateway.proc.child.kill('SIGHUP');
      await new Promise((done) => setTimeout(done, 5 * i)); // at different moments of the reload before
    }
    await gateway.reload((p) => { p.providers.openai.models = ['gpt-*']; });
    for (let i = 0; i < 10; i++) assert.equal((await ask(gateway, headers, 'chat')).status, 200);
    await gateway.reload((p) => { p.workers = 1; });
    assert.equal((await ask(gateway, headers, 'chat')).status, 200);
  });
});
