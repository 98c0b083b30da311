// Gateways with a store of their own and with a shared one, and what is moved between them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { refused } from './check.mjs';
import { request } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { build, waitFor } from './process.mjs';
import { startRedis } from './redis.mjs';
import { formats, say, startUpstream } from './upstream.mjs';

let upstream;
const started = [];
const shapes = { chat: 'openai', responses: 'openai', messages: 'anthropic', google: 'google' };

export async function begin() {
  upstream = await startUpstream(say('Fine.'));
}

export async function end() {
  for (const one of started.reverse()) await one.stop();
  await upstream?.stop();
}

export const readyz = (gw) => request(`http://${gw.policy.admin}/readyz`, { method: 'GET' });
export const isReady = (gw) => waitFor('the gateway to be ready', async () => (await readyz(gw)).status === 200);

export async function newRedis(options) {
  const redis = await startRedis(options);
  started.push(redis);
  return redis;
}

export async function newGateway(store, env = {}) {
  const gw = await startGateway({
    upstream: upstream.url,
    env,
    policy(p) {
      Object.assign(p, { store, workers: 1, isolation: { enabled: true }, detect: { input: { secret: 'flag', pii: 'flag', injection: 'off', malicious: 'off' } } });
    },
  });
  started.push(gw);
  return gw;
}

/** The policy of gw with another store, in its own folder. */
export function other(gw, store) {
  const file = path.join(gw.dir, `policy-${store.replace(/\W/g, '')}.yaml`);
  fs.writeFileSync(file, JSON.stringify({ ...gw.policy, store }), { mode: 0o600 });
  return file;
}

export const warder = (gw, args, { input = '', env = {}, file = gw.file } = {}) => new Promise((done) => {
  const child = execFile(path.join(build, 'warder'), [...args.slice(0, 2), '-c', file, ...args.slice(2)], { env: { ...gw.env, ...env }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
});
export const migrate = (gw, redis, to, more = [], options = {}) => warder(gw, ['store', 'migrate', '--to', to, ...more], { file: other(gw, redis.url()), ...options });
export const counts = (out) => Object.fromEntries([...out.stdout.matchAll(/^(.+): (\d+) copied, (\d+) there already/gm)].map(([, what, copied, there]) => [what, [Number(copied), Number(there)]]));

export const bearer = (token) => ({ authorization: `Bearer ${token}` });
export const tell = (gw, headers, name, text) => request(gw.url, { path: formats[name].path, headers, body: formats[name].ask(text) });
export const passes = (answer) => assert.equal(answer.status, 200, answer.text);
export const conflict = (answer, name) => refused(answer, 403, 'data_isolation_violation', shapes[name]);
export const card = '4111 1111 1111 1111';
