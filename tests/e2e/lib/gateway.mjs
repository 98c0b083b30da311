// A real gateway (warder serve, nginx and all) for one test file.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, children, freePort, start, waitFor } from './process.mjs';
import { request } from './client.mjs';

const run = promisify(execFile);
const program = path.join(build, 'warder');

// Shaped like real ones; no provider ever gave them out.
export const keys = {
  OPENAI_API_KEY: 'sk-proj-' + 'Provider0Secret1Openai_2-abcdefghijklmnop',
  ANTHROPIC_API_KEY: 'sk-ant-' + 'api03-Provider0Secret1Anthropic_2-abcdefghijkl',
  GOOGLE_API_KEY: 'AIza' + 'SyProvider0Secret1Google_2-abcdefghi',
};

function defaults(dir, ports, upstream) {
  const limit = '1000000/1h';
  return {
    listen: `127.0.0.1:${ports[0]}`,
    admin: `127.0.0.1:${ports[1]}`,
    state: path.join(dir, 'state'),
    workers: 2,
    providers: {
      openai: {
        format: 'openai', url: upstream, keys: ['env:OPENAI_API_KEY'], key_prefix: 'sk-',
        models: ['gpt-*', 'text-embedding-*'], limit, connect_timeout: '2s', read_timeout: '30s',
      },
      anthropic: {
        format: 'anthropic', url: upstream, keys: ['env:ANTHROPIC_API_KEY'], key_prefix: 'sk-ant-',
        models: ['claude-*'], limit, connect_timeout: '2s', read_timeout: '30s',
      },
      google: {
        format: 'google', url: upstream, keys: ['env:GOOGLE_API_KEY'], key_prefix: 'AIza',
        models: ['gemini-*'], limit, connect_timeout: '2s', read_timeout: '30s',
      },
    },
    roles: { enterprise: { providers: ['*'], tools: ['*'], limit } },
  };
}

class Gateway {
  constructor(dir, file, env, wrap) {
    Object.assign(this, { dir, file, env, wrap });
  }

  async serve() {
    const [file, ...args] = [...this.wrap, program, 'serve', '-c', this.file];
    this.proc = await start(file, args, {
      env: this.env,
      ready: /^warder: listening on (https?:\S+)$/m,
    });
    this.url = this.proc.match[1];
  }

  /** All that the gateway has said, nginx's error log included. */
  log() {
    return this.proc.out + this.proc.err;
  }

  cli(...args) {
    return run(program, args, { env: this.env, timeout: 20000 });
  }

  async token(user = 'alice', role = 'enterprise', ...more) {
    const { stdout } = await this.cli('token', 'create', '-c', this.file, '--user', user, '--role', role, ...more);
    return stdout.trim();
  }

  /** Writes the policy anew; change gets the one in force and may return text instead. */
  write(change) {
    const text = change(this.policy) ?? JSON.stringify(this.policy, null, 2);
    fs.writeFileSync(this.file, text, { mode: 0o600 });
  }

  /** Reloads, after change where one is given; fails when the gateway keeps the old policy. */
  async reload(change) {
    if (change) this.write(change);
    const count = () => this.log().split('the policy was reloaded').length;
    const before = count();
    const errors = this.proc.err.length;
    this.proc.child.kill('SIGHUP');
    await waitFor('the reload', () => {
      const said = this.proc.err.slice(errors);
      if (/not reloaded/.test(said)) throw new Error(said);
      return count() > before;
    });
  }

  /** Process ids of the nginx workers. */
  workers() {
    return children(this.proc.pid).flatMap(children);
  }

  async restart() {
    await this.proc.stop();
    await this.serve();
  }

  /** Every audit record on disk, in no particular order between files; unfinished last lines left out. */
  records() {
    const folder = path.join(this.policy.state, 'audit');
    const all = [];
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      if (!name.endsWith('.jsonl')) continue;
      const lines = fs.readFileSync(path.join(folder, name), 'utf8').split('\n');
      for (const line of lines.slice(0, -1)) all.push(JSON.parse(line));
    }
    return all;
  }

  /** The record of one exchange, once it is there. */
  record(id) {
    return waitFor(`the record of ${id}`, () => this.records().find((r) => r.request_id === id), 5000);
  }

  async metrics() {
    return (await request(`http://${this.policy.admin}/metrics`, { method: 'GET' })).text;
  }

  async verify() {
    try {
      const { stdout } = await this.cli('audit', 'verify', '-c', this.file);
      return { code: 0, out: stdout };
    } catch (error) {
      return { code: error.code, out: error.stdout + error.stderr };
    }
  }

  async stop() {
    try {
      await this.proc?.stop();
    } finally {
      fs.rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

/**
 * Starts a gateway whose three providers all stand at upstream. policy(p) changes the policy before it is written;
 * env adds to the environment;
 * wrap is a command that becomes the gateway in the end. A port may be lost to another process between choosing and binding: tried again.
 */
export async function startGateway({ upstream, policy, env = {}, wrap = [] }) {
  for (let attempt = 1; ; attempt++) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-e2e-'));
    fs.chmodSync(dir, 0o700);
    // nginx is not built with the sanitizer that the module wants: the runtime is loaded before it
    const { PATH, HOME, ASAN_OPTIONS, UBSAN_OPTIONS, WARDER_PRELOAD: LD_PRELOAD } = process.env;
    const base = Object.fromEntries(Object.entries({ PATH, HOME, ASAN_OPTIONS, UBSAN_OPTIONS, LD_PRELOAD }).filter(([, v]) => v));
    const gateway = new Gateway(dir, path.join(dir, 'warder.yaml'), { ...base, ...keys, ...env }, wrap);
    gateway.policy = defaults(dir, [await freePort(), await freePort()], upstream);
    gateway.write((p) => policy?.(p));
    try {
      await gateway.serve();
      return gateway;
    } catch (error) {
      fs.rmSync(dir, { recursive: true, force: true });
      if (attempt === 3 || !/address already in use/i.test(error.message)) throw error;
    }
  }
}
