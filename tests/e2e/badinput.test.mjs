// Bad input from both sides: a clear error in the caller's format, nothing of nginx's own, the other callers unaffected.
import assert from 'node:assert/strict';
import net from 'node:net';
import zlib from 'node:zlib';
import { after, afterEach, before, describe, test } from 'node:test';
import { readable, refused } from './lib/check.mjs';
import { events, open, raw, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { freePort, waitFor } from './lib/process.mjs';
import { secrets } from './lib/secrets.mjs';
import { formats, json, say, sse, startRawUpstream, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, broken, gateway, token, headers;

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  broken = await startRawUpstream((socket) => socket.destroy());
  const nobody = `http://127.0.0.1:${await freePort()}`;
  gateway = await startGateway({
    upstream: upstream.url,
    policy(p) {
      const more = (url) => ({ format: 'openai', url, keys: ['env:OPENAI_API_KEY'], models: ['m'], connect_timeout: '1s', read_timeout: '1s' });
      p.providers.broken = more(broken.url);
      p.providers.nobody = more(nobody);
      p.providers.broken2 = { ...more(broken.url), format: 'anthropic', keys: ['env:ANTHROPIC_API_KEY'] };
      p.providers.broken3 = { ...more(broken.url), format: 'google', keys: ['env:GOOGLE_API_KEY'] };
    },
  });
  token = await gateway.token();
  headers = { authorization: `Bearer ${token}` };
});
afterEach(async () => {
  broken.drop();
  upstream.handle = say('Fine.');
  const answer = await request(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi') });
  assert.equal(answer.status, 200, 'the next caller is affected');
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
  await broken?.stop();
});

const names = Object.keys(formats);
const key = secrets['openai key'];
const send = (name, body, more = {}) => request(gateway.url, { path: formats[name].path, headers: { ...headers, ...more }, body });
const deep = (n) => '['.repeat(n) + ']'.repeat(n);

describe('bodies', () => {
  const good = (name) => JSON.stringify(formats[name].ask('Hi'));
  const bad = {
    empty: () => '',
    'white space': () => ' \n',
    'cut in the middle': (n) => good(n).slice(0, -5),
    'not JSON': () => 'hello',
    'a trailing comma': (n) => good(n).replace(/}$/, ',}'),
    'a comment': (n) => `/* x */${good(n)}`,
    'two values': (n) => good(n) + good(n),
    'single quotes': (n) => good(n).replaceAll('"', "'"),
    'a byte order mark': (n) => '\ufeff' + good(n),
    'UTF-16': (n) => Buffer.from(good(n), 'utf16le'),
    'broken UTF-8': (n) => Buffer.concat([Buffer.from(good(n).slice(0, -5)), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(good(n).slice(-5))]),
    'an overlong form': (n) => Buffer.concat([Buffer.from(good(n).replace('Hi', '"').slice(0, -5)), Buffer.from([0xc0, 0xaf])]),
    'a lone surrogate': (n) => good(n).replace('Hi', '\\ud800'),
    'a control character': (n) => good(n).replace('Hi', 'H\u0001i'),
    'a NUL': (n) => good(n).replace('Hi', 'H\u0000i'),
    'an unknown escape': (n) => good(n).replace('Hi', '\\x48'),
    'NaN': (n) => good(n).replace('"Hi"', 'NaN'),
    'a leading zero': (n) => good(n).replace('"Hi"', '01'),
    'nesting without end': (n) => good(n).replace('"Hi"', deep(100000)),
    'nesting above the bound': (n) => good(n).replace('"Hi"', deep(100)),
    'half a string': () => '{"model":"',
  };
  for (const [what, make] of Object.entries(bad)) {
    test(`${what} is invalid_json`, async () => {
      for (const name of names) {
        const before = upstream.requests.length;
        refused(await send(name, make(name)), 400, 'invalid_json', formats[name].shape);
        assert.equal(upstream.requests.length, before);
      }
    });
  }

  const wrong = {
    'an array': () => '[]',
    'a string': () => '"x"',
    'null': () => 'null',
    'an empty object': () => '{}',
    'a number for the messages': (n) => good(n).replace(/("messages"|"contents"|"input"):.*(?=})/, '$1:5'),
    'an object for the model': (n) => (n === 'google' ? '{"contents":{}}' : good(n).replace(/"model":"[^"]+"/, '"model":{"a":1}')),
    'a number for the text': (n) => good(n).replace('"Hi"', '7'),
    'a null among the messages': (n) => good(n).replace(/"Hi"/, '[null]'),
    'stream as a string': (n) => (n === 'google' ? '{"contents":"x"}' : good(n).replace(/}$/, ',"stream":"true"}')),
    'tools as a number': (n) => good(n).replace(/}$/, ',"tools":7}'),
  };
  for (const [what, make] of Object.entries(wrong)) {
    test(`${what} is refused`, async () => {
      for (const name of names) {
        const before = upstream.requests.length;
        const answer = await send(name, make(name));
        assert.equal(answer.status, 400, `${name}: ${answer.status} ${make(name)} ${answer.text}`);
        assert.match(answer.headers['x-warder-code'], /^(invalid_request|invalid_json|uninspectable_content|unsupported_parameter)$/);
        readable(answer, 400, formats[name].shape);
        assert.equal(upstream.requests.length, before);
      }
    });
  }

  test('many members, many messages, one long word', async () => {
    const many = Array.from({ length: 20000 }, (_, i) => ({ role: 'user', content: `m${i}` }));
    for (const body of [{ model: 'gpt-4o', messages: many }, { model: 'gpt-4o', messages: [{ role: 'user', content: 'x'.repeat(99999) }] },
      { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }], metadata: Object.fromEntries(many.map((m, i) => [`k${i}`, 'v'])) }]) {
      const answer = await send('chat', body);
      assert.ok([200, 400].includes(answer.status), answer.text.slice(0, 300));
    }
  });

  test('texts made to be slow cost little', async () => {
    for (const unit of ['sk-', 'a@', '4111 ', '-----BEGIN ', 'eyJ', '<', 'password=', '\ud83d\ude00', '[', 'data:', 'sk-\u200b', '1 2 3 4 ']) {
      const start = performance.now();
      const answer = await send('chat', formats.chat.ask(unit.repeat(Math.floor(90000 / unit.length))));
      assert.ok([200, 400].includes(answer.status), answer.text.slice(0, 300));
      assert.ok(performance.now() - start < 5000, `${unit}: ${performance.now() - start} ms`);
    }
  });
});

describe('requests', () => {
  const body = JSON.stringify(formats.chat.ask('Hi'));
  const line = `POST ${formats.chat.path} HTTP/1.1\r\n`;
  const auth = () => `host: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  const bad = {
    'a garbage request line': () => 'GARBAGE\r\n\r\n',
    'binary': () => Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0xff, 0x0d, 0x0a, 0x0d, 0x0a]),
    'CONNECT': () => 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n',
    'TRACE': () => 'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n',
    'an oversized URI': () => `GET /${'a'.repeat(100000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
    'an oversized header': () => `${line}${auth()}x-a: ${'a'.repeat(100000)}\r\n\r\n`,
    'a flood of headers': () => `${line}${auth()}${'x-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(5000)}\r\n`,
    'HTTP/3.7': () => `POST / HTTP/3.7\r\nhost: x\r\n\r\n`,
    'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'no host': () => `${line}authorization: Bearer ${token}\r\ncontent-length: 2\r\n\r\n{}`,
    'two hosts': () => `${line}${auth()}host: y\r\ncontent-length: 2\r\n\r\n{}`,
    'a NUL in a header': () => `${line}${auth()}x-a: b\0c\r\ncontent-length: 2\r\n\r\n{}`,
    'a header without colon': () => `${line}${auth()}nonsense\r\ncontent-length: 2\r\n\r\n{}`,
    'a negative length': () => `${line}${auth()}content-length: -5\r\n\r\n${body}`,
    'an endless length': () => `${line}${auth()}content-length: 99999999999999999999999\r\n\r\n${body}`,
    'a gigabyte announced': () => `${line}${auth()}content-length: 1073741824\r\n\r\n${body}`,
    'two lengths': () => `${line}${auth()}content-length: 5\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    'length and chunks': () => `${line}${auth()}content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    'broken chunks': () => `${line}${auth()}transfer-encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
    'a chunk without end': () => `${line}${auth()}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n${body}`,
    'an unknown transfer encoding': () => `${line}${auth()}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'an expectation nobody meets': () => `${line}${auth()}expect: 900-never\r\ncontent-length: 2\r\n\r\n{}`,
    'a dot path': () => `POST /../../etc/passwd HTTP/1.1\r\n${auth()}content-length: 2\r\n\r\n{}`,
    'a bad escape in the path': () => `POST /%zz HTTP/1.1\r\n${auth()}content-length: 2\r\n\r\n{}`,
    'an asterisk': () => `OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n`,
  };
  for (const [what, make] of Object.entries(bad)) {
    test(`${what}: an error for people and programs, nothing of nginx`, async () => {
      const before = upstream.requests.length;
      const got = await raw(gateway.url, make(), { half: true, ms: 3000 });
      assert.equal(upstream.requests.length, before);
      assert.doesNotMatch(got.replace(/^server: nginx\r\n/im, ''), /<html|<center|nginx/i, got.slice(0, 500));
      assert.match(got, /^HTTP\/1\.[01] (4\d\d|5\d\d) /, got.slice(0, 200));
      assert.doesNotMatch(got, /^HTTP\/1\.1 500/);
      const [head, ...rest] = got.split('\r\n\r\n');
      if (!/^HTTP\/1\.1 405/.test(head) || rest.join('') !== '') {
        assert.match(head, /content-type: application\/json/i);
        assert.match(head, /x-request-id: \S+/i);
        const text = rest.join('\r\n\r\n');
        const error = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)).error;
        assert.equal(typeof error.message, 'string');
      }
      assert.ok(!got.includes(token));
    });
  }

  test('HTTP/0.9 and HTTP/1.0', async () => {
    assert.doesNotMatch(await raw(gateway.url, 'GET /\r\n\r\n', { half: true, ms: 3000 }), /<html|<center/i);
    const got = await raw(gateway.url, `POST ${formats.chat.path} HTTP/1.0\r\n${auth()}content-length: ${body.length}\r\n\r\n${body}`);
    assert.match(got, /^HTTP\/1\.[01] 200 [^]*Fine\./);
  });

  test('a client that goes away in mid-body', async () => {
    const before = upstream.requests.length;
    for (let i = 0; i < 20; i++) {
      const { hostname, port } = new URL(gateway.url);
      await new Promise((done) => {
        const socket = net.connect(port, hostname, () => {
          socket.write(`${line}${auth()}content-length: ${body.length}\r\n\r\n${body.slice(0, 20)}`, () => { socket.destroy(); done(); });
        });
      });
    }
    await new Promise((done) => setTimeout(done, 100));
    assert.equal(upstream.requests.length, before);
  });

  test('200 slow clients do not stand in the way', async () => {
    const { hostname, port } = new URL(gateway.url);
    const sockets = await Promise.all(Array.from({ length: 200 }, (_, i) => new Promise((done) => {
      const socket = net.connect(port, hostname, () => {
        socket.write(i % 2 ? `${line}host: x\r\nx-a: ` : `${line}${auth()}content-length: ${body.length}\r\n\r\n${body.slice(0, 30)}`);
        done(socket);
      });
      socket.on('error', () => {});
    })));
    for (let i = 0; i < 20; i++) assert.equal((await send('chat', formats.chat.ask('Hi'))).status, 200);
    // One of them finishes after all.
    const got = new Promise((done) => sockets[0].once('data', (d) => done(d.toString())));
    sockets[0].write(body.slice(30));
    assert.match(await got, /^HTTP\/1\.1 200/);
    for (const socket of sockets) socket.destroy();
  });

  test('a body byte by byte, and requests one after the other on one connection', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = net.connect(port, hostname);
    let got = '';
    socket.on('data', (d) => { got += d; });
    const whole = `${line}${auth()}transfer-encoding: chunked\r\n\r\n${Array.from(body, (c) => `1\r\n${c}\r\n`).join('')}0\r\n\r\n`;
    for (const c of whole) socket.write(c);
    await waitFor('the first answer', () => got.includes('Fine.'));
    socket.write(`${line}${auth()}content-length: ${body.length}\r\n\r\n${body}${line}${auth()}content-length: 1\r\n\r\n{${line}${auth()}content-length: ${body.length}\r\n\r\n${body}`);
    await waitFor('three more', () => got.split('HTTP/1.1 ').length === 5);
    assert.deepEqual([...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]), ['200', '200', '400', '200']);
    socket.destroy();
  });
});

describe('what belongs to whom on one connection', () => {
  const body = JSON.stringify(formats.chat.ask('Hi'));
  const head = (key, length, more = '') => `POST ${formats.chat.path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more}content-length: ${length}\r\n\r\n`;

  test('the body of a refused request is not taken for the next request', async () => {
    const inner = `${head(token, body.length)}${body}`;
    for (const [key, path] of [['wrong', formats.chat.path], [token, '/nowhere'], [token, '/openai/v1/models']]) {
      const before = upstream.requests.length;
      const first = head(key, inner.length).replace(formats.chat.path, path) + inner;
      const got = await raw(gateway.url, first + head(token, body.length, 'connection: close\r\n') + body);
      const answers = [...got.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((m) => m[1]);
      assert.ok(answers.length <= 2 && answers[0] !== '200', `${answers}`);
      assert.ok(upstream.requests.length - before <= 1);
    }
  });

  test('100-continue', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = net.connect(port, hostname);
    let got = '';
    socket.on('data', (d) => { got += d; });
    socket.write(head(token, body.length, 'expect: 100-continue\r\n'));
    await waitFor('the word to go on', () => got.startsWith('HTTP/1.1 100'));
    socket.write(body);
    await waitFor('the answer', () => got.includes('Fine.'));
    socket.destroy();
  });

  test('a provider that says more than its length poisons nobody', async () => {
    const good = (text) => {
      const answer = JSON.stringify(formats.chat.answer(text));
      return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`;
    };
    broken.handle = (socket) => socket.on('data', () => socket.write(good('Mine.') + good('POISON')));
    for (let i = 0; i < 20; i++) {
      const answer = await request(gateway.url, { path: '/broken/v1/chat/completions', headers, body: { ...formats.chat.ask('Hi'), model: 'm' } });
      assert.ok(!answer.text.includes('POISON'), answer.text);
      assert.ok(answer.status === 502 || answer.text.includes('Mine.'), answer.text);
    }
  });

  test('connections to the provider are used again', async () => {
    let connections = 0;
    broken.handle = (socket) => {
      connections++;
      let got = '';
      socket.on('data', (d) => {
        got += d;
        if (!got.endsWith('}')) return;
        got = '';
        const answer = JSON.stringify(formats.chat.answer('Mine.'));
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      });
    };
    for (let i = 0; i < 40; i++) {
      const answer = await request(gateway.url, { path: '/broken/v1/chat/completions', headers, body: { ...formats.chat.ask('Hi'), model: 'm' } });
      assert.equal(answer.status, 200, answer.text);
    }
    assert.ok(connections <= 8, `${connections} connections for 40 requests`);
  });

  test('a connection that the provider closed meanwhile costs no request', async () => {
    broken.handle = (socket) => {
      let got = '';
      socket.on('data', (d) => {
        got += d;
        if (!got.endsWith('}')) return;
        got = '';
        const answer = JSON.stringify(formats.chat.answer('Mine.'));
        socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      });
    };
    for (let i = 0; i < 40; i++) {
      const answer = await request(gateway.url, { path: '/broken/v1/chat/completions', headers, body: { ...formats.chat.ask('Hi'), model: 'm' } });
      assert.equal(answer.status, 200, `${i}: ${answer.text}`);
    }
  });
});

describe('providers', () => {
  const ask = (provider, stream = false) => {
    const routes = { broken2: ['/broken2/v1/messages', formats.messages.ask('Hi'), 'anthropic'], broken3: [`/broken3/v1beta/models/m:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`, formats.google.ask('Hi'), 'google'] };
    const [path, ask, shape] = routes[provider] ?? [`/${provider}/v1/chat/completions`, formats.chat.ask('Hi'), 'openai'];
    const body = shape === 'google' ? ask : { ...ask, model: 'm', ...(stream ? { stream: true } : {}) };
    return request(gateway.url, { path, headers, body }).then((answer) => Object.assign(answer, { shape }));
  };
  const three = ['broken', 'broken2', 'broken3'];

  test('one that refuses connections: 502 provider_unavailable', async () => {
    for (const stream of [false, true]) refused(await ask('nobody', stream), 502, 'provider_unavailable', 'openai');
  });

  test('one that hangs: 504 provider_timeout', async () => {
    broken.handle = () => {};
    for (const provider of three) refused(await ask(provider), 504, 'provider_timeout', provider === 'broken' ? 'openai' : provider === 'broken2' ? 'anthropic' : 'google');
  });

  const faults = {
    'closes at once': ['', /^provider_(unavailable|invalid_response)$/],
    'speaks no HTTP': ['220 smtp ready\r\n', /^provider_invalid_response$/],
    'sends binary': ['\x00\x01\x02\x03\xff\xfe\r\n\r\n', /^provider_invalid_response$/],
    'cuts its head': ['HTTP/1.1 200 OK\r\ncontent-type: appl', /^provider_/],
    'sends endless headers': [`HTTP/1.1 200 OK\r\n${'x-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n'.repeat(5000)}\r\n`, /^provider_/],
    'cuts its body': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id":"x","choices":[', /^provider_/],
    'cuts its chunks': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"id":', /^provider_/],
    'breaks its chunks': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n', /^provider_/],
    'sends invalid JSON': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"id": x}', /^provider_invalid_response$/],
    'sends nothing': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n', /^provider_invalid_response$/],
    'sends HTML': ['HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>', /^provider_invalid_response$/],
    'sends an HTML error': ['HTTP/1.1 503 No\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>', /^provider_(invalid_response|unavailable)$/],
    'sends an HTML 404': ['HTTP/1.1 404 No\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>', /^provider_invalid_response$/],
    'sends 204': ['HTTP/1.1 204 No Content\r\n\r\n', /^provider_invalid_response$/],
    'sends 206': ['HTTP/1.1 206 Partial\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi', /^provider_invalid_response$/],
    'switches protocols': ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /^provider_invalid_response$/],
    'sends duplicate keys': ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"a":1,"a":2}', /^provider_invalid_response$/],
  };
  for (const [what, [bytes, code]] of Object.entries(faults)) {
    test(`one that ${what}`, async () => {
      broken.handle = (socket) => socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
      for (const provider of three) {
        const answer = await ask(provider);
        assert.ok([502, 504].includes(answer.status), `${provider}: ${answer.status} ${answer.text.slice(0, 300)}`);
        assert.match(answer.headers['x-warder-code'], code, provider);
        readable(answer, answer.status, answer.shape);
        assert.doesNotMatch(answer.text, /hi</);
      }
    });
  }

  test('one that answers byte by byte', async () => {
    const body = JSON.stringify(formats.chat.answer('Slow but fine.'));
    const bytes = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    broken.handle = (socket) => socket.once('data', async () => {
      socket.setNoDelay(true);
      for (const c of bytes) await new Promise((done) => socket.write(c, done));
      socket.end();
    });
    assert.match((await ask('broken')).text, /Slow but fine\./);
  });

  test('one that sends much, whole and in one event', async () => {
    for (const size of [9e3, 17e3, 66e3, 132e3, 2e5, 5e5, 1e6, 8e6]) {
      const text = 'word '.repeat(size / 5);
      upstream.handle = say(text);
      for (const name of names) {
        assert.equal((await send(name, formats[name].ask('Hi'))).bytes.length, Buffer.byteLength(JSON.stringify(formats[name].answer(text))), `${name} ${size}`);
        if (size > 1e6) continue;
        const f = formats[name];
        const streamed = await request(gateway.url, { path: f.streamPath ?? f.path, headers, body: f.ask('Hi', name === 'google' ? {} : { stream: true }) });
        assert.equal(f.text(events(streamed.text)), text, `${name} ${size}`);
      }
    }
  });

  test('one that streams where no stream was asked for, and the other way round', async () => {
    upstream.handle = async (req, res) => { sse(res); res.end(streamOf('chat', [`x ${key}`]).join('')); };
    const answer = await send('chat', formats.chat.ask('Hi'));
    assert.ok(!answer.text.includes(key));
    assert.ok(answer.status === 502 || /REDACTED/.test(answer.text), answer.text);
    upstream.handle = (req, res) => json(res, formats.chat.answer(`x ${key}`));
    const other = await send('chat', formats.chat.ask('Hi', { stream: true }));
    assert.ok(!other.text.includes(key));
  });

  test('a content type that lies', async () => {
    for (const type of ['text/plain', 'text/html', 'application/octet-stream', 'image/png', 'TEXT/EVENT-STREAM', 'application/json; charset=utf-16']) {
      upstream.handle = (req, res) => { res.writeHead(200, { 'content-type': type }); res.end(JSON.stringify(formats.chat.answer(`x ${key}`))); };
      const answer = await send('chat', formats.chat.ask('Hi'));
      assert.ok(!answer.text.includes(key), type);
      assert.match(answer.headers['content-type'], /^(application\/json|text\/event-stream)/);
    }
  });

  for (const name of names) {
    test(`invalid SSE, ${name}`, async () => {
      const list = streamOf(name, ['Well ', 'then ']);
      const start = list.slice(0, list.findIndex((e) => e.includes('then ')) + 1);
      const tails = ['data: {\n\n', 'data: [1,2\n\n', 'data: \xff\xfe\n\n', 'data: nonsense\n\n', 'event: x\ndata: {"a":\ndata: 1\n\n', `data: ${'x'.repeat(70000)}\n\n`, 'data\n\n', ': c\n', '{"choices":[]}\n\n', `data: ${deep(5000)}\n\n`];
      for (const tail of tails) {
        upstream.handle = async (req, res) => {
          sse(res);
          for (const event of start) await write(res, event);
          res.end(Buffer.from(tail, 'latin1'));
        };
        const f = formats[name];
        const answer = await request(gateway.url, { path: f.streamPath ?? f.path, headers, body: f.ask('Hi', name === 'google' ? {} : { stream: true }) });
        const failed = events(answer.text).some((e) => e.data?.error || e.event === 'error' || e.event === 'response.failed');
        assert.ok(failed, `${tail.slice(0, 40)}: ${answer.text.slice(-400)}`);
        assert.match(answer.text, /\n\n$/);
      }
    });
  }

  test('gzip in the name of identity', async () => {
    upstream.handle = (req, res) => json(res, zlib.gzipSync(JSON.stringify(formats.chat.answer(key))));
    refused(await send('chat', formats.chat.ask('Hi')), 502, 'provider_invalid_response', 'openai');
  });

  test('a gigabyte: whole, in one event, in many', async () => {
    const piece = 'x'.repeat(1 << 20);
    let sent = 0;
    const flood = async (res, record, head) => {
      await write(res, head);
      for (sent = 0; sent < 1 << 30 && !res.destroyed; sent += piece.length) await Promise.race([write(res, piece), record.closed]);
      res.destroy();
    };
    upstream.handle = async (req, res, record) => { res.writeHead(200, { 'content-type': 'application/json' }); await flood(res, record, '{"id":"'); };
    refused(await send('chat', formats.chat.ask('Hi')), 502, 'provider_invalid_response', 'openai');
    assert.ok(sent < 200e6, `${sent} bytes were taken`);

    upstream.handle = async (req, res, record) => { sse(res); await flood(res, record, formats.chat.start[0] + 'data: {"id":"'); };
    const stream = await send('chat', formats.chat.ask('Hi', { stream: true }));
    assert.match(stream.text, /"error"[^]*\[DONE\]\n\n$/);
    assert.ok(sent < 200e6, `${sent} bytes were taken`);

    const event = formats.chat.delta('words '.repeat(10000));
    upstream.handle = async (req, res) => {
      sse(res);
      for (sent = 0; sent < 100e6 && !res.destroyed; sent += event.length) await write(res, event);
      res.end(formats.chat.end.join(''));
    };
    const long = await open(gateway.url, { path: formats.chat.path, headers, body: formats.chat.ask('Hi', { stream: true }) });
    let got = 0;
    let tail = '';
    long.res.removeAllListeners('data');
    long.res.on('data', (d) => { got += d.length; tail = (tail + d.toString('latin1')).slice(-100); });
    await long.end(60000);
    assert.match(tail, /\[DONE\]\n\n$/);
    assert.ok(got > 90e6, `${got}`);
  });
});
