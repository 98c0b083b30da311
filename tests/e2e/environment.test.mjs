// Switches of the environment, and what they never take away; limits of an address; the command line.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { build } from './lib/process.mjs';
import { core, email, pem, pieces, secrets } from './lib/secrets.mjs';
import { formats, say, startUpstream } from './lib/upstream.mjs';

const key = secrets['openai key'];
const program = path.join(build, 'warder');
let upstream;

before(async () => { upstream = await startUpstream(say('Fine.')); });
after(async () => { await upstream?.stop(); });

async function withGateway(options, run) {
  upstream.handle = say('Fine.');
  const gateway = await startGateway({ upstream: upstream.url, ...options });
  try {
    const headers = { authorization: `Bearer ${await gateway.token()}` };
    await run((name, body, more = {}) => request(gateway.url, { path: formats[name].path, body, ...more, headers: { ...headers, ...more.headers } }), gateway);
  } finally {
    await gateway.stop();
  }
}

describe('switches of the environment', () => {
  test('ENABLE_INPUT_VALIDATION=false takes bounds and patterns away, and nothing else', async () => {
    const policy = (p) => { p.roles.basic = { providers: ['openai'], tools: [] }; p.input = { message_chars: { min: 1, max: 50 } }; };
    await withGateway({ policy, env: { ENABLE_INPUT_VALIDATION: 'false' } }, async (ask, gateway) => {
      assert.equal((await ask('chat', formats.chat.ask(`${'x'.repeat(100)} <script>`))).status, 200);
      assert.equal((await ask('chat', formats.chat.ask('Hi', { temperature: 9 }))).status, 200);
      refused(await ask('chat', '{"model":"gpt-4o","model":"gpt-4o","messages":[]}'), 400, 'invalid_json', 'openai');
      refused(await ask('chat', formats.chat.ask('Hi'), { headers: { authorization: 'Bearer no' } }), 401, 'invalid_token', 'openai');
      const basic = { authorization: `Bearer ${await gateway.token('bob', 'basic')}` };
      refused(await ask('messages', formats.messages.ask('Hi'), { headers: basic }), 403, 'provider_not_allowed', 'anthropic');
      refused(await ask('chat', formats.chat.ask('Hi', { tools: [{ type: 'function', function: { name: 'w' } }] }), { headers: basic }), 403, 'tool_not_allowed', 'openai');
    });
  });

  test('ENABLE_OUTPUT_FILTERING=false lets answers pass as they are', async () => {
    await withGateway({ env: { ENABLE_OUTPUT_FILTERING: 'false' } }, async (ask) => {
      upstream.handle = say(`is ${email}`);
      assert.match((await ask('chat', formats.chat.ask('Hi'))).text, new RegExp(email));
      upstream.handle = say('Fine.');
      refused(await ask('chat', formats.chat.ask('<script>')), 400, 'malicious_content', 'openai');
    });
  });

  test('ENABLE_RATE_LIMITING=false takes the limits away', async () => {
    const policy = (p) => { p.roles.enterprise.limit = '2/1h'; };
    await withGateway({ policy, env: { ENABLE_RATE_LIMITING: 'false' } }, async (ask) => {
      for (let i = 0; i < 6; i++) assert.equal((await ask('chat', formats.chat.ask('Hi'))).status, 200);
    });
    await withGateway({ policy }, async (ask) => {
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push((await ask('chat', formats.chat.ask('Hi'))).status);
      assert.deepEqual(answers, [200, 200, 429]);
    });
  });

  test('ALLOWED_PROVIDERS narrows the providers of every role', async () => {
    await withGateway({ env: { ALLOWED_PROVIDERS: 'openai, google' } }, async (ask) => {
      assert.equal((await ask('chat', formats.chat.ask('Hi'))).status, 200);
      assert.equal((await ask('google', formats.google.ask('Hi'))).status, 200);
      const answer = await ask('messages', formats.messages.ask('Hi'));
      assert.ok([403, 404].includes(answer.status), answer.text);
      assert.match(answer.headers['x-warder-code'], /^(provider_not_allowed|unknown_route)$/);
    });
  });
});

test('an address has its limit before anyone is known', async () => {
  await withGateway({ policy: (p) => { p.address_limit = '5/1h'; } }, async (ask) => {
    const from = (address) => ask('chat', formats.chat.ask('Hi'), { from: address });
    const answers = await Promise.all(Array.from({ length: 12 }, () => from('127.0.4.1')));
    assert.equal(answers.filter((a) => a.status === 200).length, 5);
    refused(answers.find((a) => a.status === 429), 429, 'rate_limit_exceeded', 'openai');
    assert.equal((await from('127.0.4.2')).status, 200);
    const spoofed = await ask('chat', formats.chat.ask('Hi'), { from: '127.0.4.1', headers: { 'x-forwarded-for': '9.9.9.9', 'x-real-ip': '9.9.9.9' } });
    assert.equal(spoofed.status, 429);
  });
});

describe('the command line', () => {
  const run = (args, input = '') => new Promise((done) => {
    const child = execFile(program, args, { timeout: 20000 }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

  test('--help on every level, --version, and what is wrong', async () => {
    for (const args of [['--help'], ['serve', '--help'], ['token', '--help'], ['audit', '--help'], ['redact', '--help']]) {
      const { code, stdout } = await run(args);
      assert.equal(code, 0, args.join(' '));
      assert.match(stdout, /usage/i, args.join(' '));
    }
    assert.match((await run(['--version'])).stdout, /^warder \d+\.\d+\.\d+\n$/);
    for (const args of [[], ['nonsense'], ['serve'], ['serve', '-x'], ['serve', '-c', '/nowhere/at/all.yaml'], ['token'], ['token', 'create'], ['audit', 'x'], ['redact', '--nonsense']]) {
      const { code, stderr } = await run(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /warder|usage/i, args.join(' '));
    }
  });

  test('redact: secrets out of a stream, whole or in pieces', async () => {
    const text = `${Object.values({ ...secrets, email, pem }).map((s) => `It is ${s} here.`).join('\n')}\nAnd clean text.\n`;
    const { code, stdout } = await run(['redact'], text);
    assert.equal(code, 0);
    for (const secret of [...Object.values(secrets).map(core), email, pem]) assert.ok(!stdout.includes(secret), secret);
    assert.match(stdout, /\nAnd clean text\.\n$/);
    const slow = execFile(program, ['redact']);
    let out = '';
    slow.stdout.on('data', (d) => { out += d; });
    for (const piece of pieces(text, 11)) await new Promise((done) => slow.stdin.write(piece, done));
    slow.stdin.end();
    await new Promise((done) => slow.once('close', done));
    assert.equal(out, stdout);
  });

  test('redact: a gigabyte is no matter of memory', () => {
    const out = execFileSync('bash', ['-c', `yes 'some clean words and ${key} too' | head -c 30000000 | "${program}" redact | tail -c 300`], { maxBuffer: 1 << 20 }).toString();
    assert.ok(!out.includes(key));
    assert.match(out, /clean words and \[REDACTED\] too/);
  });
});
