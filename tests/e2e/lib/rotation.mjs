// What the tests of changing keys share: one gateway and its provider.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { request } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { build } from './process.mjs';
import { formats, say, startUpstream } from './upstream.mjs';

let made = 0;
/** A key that nobody has used yet. */
export const fresh = (prefix = 'sk-proj-') => `${prefix}Rotated${++made}Key_2-` + 'qrstuvwxyzabcdefABCDEF0123456789'.slice(0, 27);
export const keyOf = (record) => record.headers['x-api-key'] ?? record.headers['x-goog-api-key'] ?? record.headers.authorization?.slice(7);
export const openai = (keyList) => (p) => { p.providers.openai.keys = keyList; };

/** Runs a shell text as a person would, in folder with warder on the path. */
export function sh(text, { cwd, env, input }) {
  return new Promise((done) => {
    const child = spawn('sh', ['-eu', '-c', text], { cwd, env: { ...env, PATH: `${build}:${env.PATH}` } });
    let out = '', err = '';
    child.stdout.on('data', (d) => { out += d; });
    child.stderr.on('data', (d) => { err += d; });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.once('close', (code) => done({ code, out, err }));
  });
}

export const warder = (gateway, line, input) => sh(`warder ${line}`, { cwd: gateway.dir, env: gateway.env, input });
export const rotate = (gateway, key, more = 'openai') => warder(gateway, `keys rotate -c warder.yaml ${more}`, `${key}\n`);

export async function list(gateway, provider) {
  const { out, err } = await warder(gateway, 'keys list -c warder.yaml --format json');
  assert.equal(err, '');
  return JSON.parse(out).keys.filter((k) => provider === undefined || k.provider === provider);
}

export const rig = { upstream: null, gateway: null, token: null };

export async function setUp(options) {
  rig.upstream = await startUpstream(say('Fine.'));
  rig.gateway = await startGateway({ upstream: rig.upstream.url, ...options });
  rig.token = await rig.gateway.token();
  rig.at = { env: { ...rig.gateway.env }, policy: JSON.stringify(rig.gateway.policy) };
  return rig;
}

/** The gateway started anew, as it was set up but for these: no key was ever changed. */
export async function again({ env = {}, policy } = {}) {
  const { gateway } = rig;
  rig.upstream.handle = say('Fine.');
  await gateway.proc.stop();
  fs.rmSync(path.join(gateway.policy.state, 'keys'), { recursive: true, force: true });
  gateway.env = { ...rig.at.env, ...env };
  gateway.policy = JSON.parse(rig.at.policy);
  gateway.write((p) => policy?.(p));
  await gateway.serve();
}

export async function tearDown() {
  await rig.gateway?.stop();
  await rig.upstream?.stop();
}

export const ask = (name = 'chat', more = {}) => request(rig.gateway.url, {
  path: formats[name].path, headers: { authorization: `Bearer ${rig.token}` }, body: formats[name].ask('Hi'), ...more,
});

/** The keys that requests go out with from now on: many at once, so that every worker has some. */
export async function used(name = 'chat') {
  const before = rig.upstream.requests.length;
  for (const answer of await Promise.all(Array.from({ length: 24 }, () => ask(name)))) assert.equal(answer.status, 200, answer.text);
  return [...new Set(rig.upstream.requests.slice(before).map(keyOf))];
}
