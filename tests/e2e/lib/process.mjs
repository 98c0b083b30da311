// Child processes that never outlive the test: stopped by their own id, at the latest when this process ends.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const build = path.resolve(process.env.WARDER_BUILD ?? path.join(root, 'build'));

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** Calls probe until it gives a truthy value, which is returned; fails after ms with what is missing. */
export async function waitFor(what, probe, ms = 10000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 15));
  }
}

/** Starts a program and resolves once a line of its output matches ready. */
export async function start(file, args, { env, ready, ms = Number(process.env.WARDER_START_MS ?? 20000) }) {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const proc = { pid: child.pid, child, out: '', err: '', exit: null };
  const ended = new Promise((done) => child.once('close', done));
  running.add(child);
  child.once('error', (error) => { proc.exit = { error }; });
  child.once('exit', (code, signal) => { proc.exit = { code, signal }; running.delete(child); });
  child.stdout.setEncoding('utf8').on('data', (text) => { proc.out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { proc.err += text; });
  proc.ended = ended;
  proc.stop = async (ms = 8000) => {
    if (proc.exit) {
      if (!proc.stopped && proc.exit.code !== 0) throw new Error(`${path.basename(file)} ended by itself with ${JSON.stringify(proc.exit)}: ${proc.err}`);
      return;
    }
    proc.stopped = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), ms);
    await ended;
    clearTimeout(timer);
  };
  try {
    proc.match = await waitFor(`${path.basename(file)} to be ready`, () => {
      if (proc.exit) throw new Error(`${path.basename(file)} ended with ${JSON.stringify(proc.exit)}: ${proc.err || proc.out}`);
      return ready.exec(proc.out);
    }, ms);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return proc;
}

/** A file's text, '' when it is gone. */
export function read(file) {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Every file under a folder, as one text; holes of large maps are left out. */
export function everything(folder) {
  return execFileSync('tar', ['--sparse', '-cf', '-', '-C', folder, '.'], { encoding: 'latin1', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Process ids of the children. */
export function children(pid) {
  return fs.readdirSync('/proc').filter((p) => /^\d+$/.test(p)).map(Number)
    .filter((p) => read(`/proc/${p}/stat`).replace(/^.*\) /s, '').split(' ')[1] === String(pid));
}

export function alive(pid) {
  return /^State:\s+[^Z]/m.test(read(`/proc/${pid}/status`));
}

const taken = new Set();

/** A port that was free a moment ago and that this process has not handed out yet. */
export async function freePort() {
  for (;;) {
    const server = net.createServer();
    await new Promise((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    if (!taken.has(port)) {
      taken.add(port);
      return port;
    }
  }
}

export async function startDemo() {
  const proc = await start(path.join(build, 'warder-demo'), ['--listen', '127.0.0.1:0', '--with-parent'], {
    env: process.env,
    ready: /^warder-demo: listening on (http:\S+)$/m,
  });
  return { url: proc.match[1], proc, stop: () => proc.stop() };
}
