// A real Redis for one test file, on loopback, without anything on disk but its own folder.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { freePort, start } from './process.mjs';

const word = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** One command on a connection of its own; the raw answer to it, '' when there is none. user and password say AUTH before. */
export function ask(server, ...words) {
  return new Promise((done, fail) => {
    const at = { host: '127.0.0.1', port: server.port };
    const socket = server.ca ? tls.connect({ ...at, ca: fs.readFileSync(server.ca), servername: 'localhost' }) : net.connect(at);
    const login = server.password ? ['AUTH', server.user ?? 'default', server.password] : null;
    const say = (w) => socket.write(`*${w.length}\r\n${w.map(String).map(word).join('')}`);
    let text = '';
    socket.setTimeout(5000, () => socket.destroy(new Error('Redis does not answer')));
    socket.on('error', fail);
    socket.on('close', () => done(login ? text.replace(/^[^\n]*\n/, '') : text));
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (/-ERR unknown command 'QUIT'/.test(text)) socket.end(); // of a Sentinel
    });
    if (login) say(login);
    say(words);
    say(['QUIT']);
  });
}

class Redis {
  constructor(options) {
    Object.assign(this, { ...options, dir: fs.mkdtempSync(path.join(os.tmpdir(), 'warder-redis-')) });
  }

  config() {
    const lines = [`bind 127.0.0.1`, `port ${this.tls ? 0 : this.port}`, `dir ${this.dir}`, 'save ""', 'appendonly no', 'daemonize no', 'databases 16'];
    if (this.tls) lines.push(`tls-port ${this.port}`, `tls-cert-file ${this.tls.certFile}`, `tls-key-file ${this.tls.keyFile}`, 'tls-auth-clients no', `tls-ca-cert-file ${this.ca}`);
    if (this.password) lines.push(`aclfile ${path.join(this.dir, 'users.acl')}`);
    if (this.maxmemory) lines.push(`maxmemory ${this.maxmemory}`, 'maxmemory-policy noeviction');
    return [...lines, ...(this.more ?? [])].join('\n') + '\n';
  }

  async serve() {
    if (this.password) {
      const users = this.user ? `user default off\nuser ${this.user} on >${this.password} ~* &* ${this.rights ?? '+@all'}\n` : `user default on >${this.password} ~* &* +@all\n`;
      fs.writeFileSync(path.join(this.dir, 'users.acl'), users);
    }
    const file = path.join(this.dir, 'redis.conf');
    fs.writeFileSync(file, this.config());
    const ready = this.sentinel ? /monitor master/ : /Ready to accept connections/;
    this.proc = await start('redis-server', [file, ...(this.sentinel ? ['--sentinel'] : [])], { env: process.env, ready });
  }

  /** The URL as the policy takes it. login replaces user and password. */
  url({ login = this.password ? `${this.user ?? ''}:${encodeURIComponent(this.password)}@` : '', host = this.tls ? 'localhost' : '127.0.0.1', rest = this.ca ? `?ca_file=${this.ca}` : '' } = {}) {
    return `redis${this.tls ? 's' : ''}://${login}${host}:${this.port}${rest}`;
  }

  ask(...words) {
    return ask(this, ...words);
  }

  pause() {
    this.proc.child.kill('SIGSTOP');
  }

  resume() {
    this.proc.child.kill('SIGCONT');
  }

  async kill() {
    this.proc.stopped = true;
    this.proc.child.kill('SIGKILL');
    await this.proc.ended;
  }

  /** On the same port; without empty, with the data it had. */
  async restart({ empty = false } = {}) {
    if (!empty && !this.proc.exit) await this.ask('SAVE');
    if (!this.proc.exit) await this.kill();
    if (empty) fs.rmSync(path.join(this.dir, 'dump.rdb'), { force: true });
    await this.serve();
  }

  async stop() {
    try {
      if (this.proc && !this.proc.exit) {
        this.resume();
        await this.proc.stop();
      }
    } finally {
      fs.rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

/**
 * tls: {certFile, keyFile} of certificates().leaf('localhost'), with ca: the root's file. user, password: an ACL file; rights: of the user.
 * maxmemory as in redis.conf; more: further lines of it. port: one that was chosen before.
 */
export async function startRedis(options = {}) {
  for (let attempt = 1; ; attempt++) {
    const redis = new Redis({ ...options, port: options.port ?? await freePort() });
    try {
      await redis.serve();
      return redis;
    } catch (error) {
      fs.rmSync(redis.dir, { recursive: true, force: true });
      if (attempt === 3 || options.port || !/address already in use/i.test(error.message)) throw error;
    }
  }
}

/** A Sentinel that watches master (of startRedis) under name; on its word alone. */
export function startSentinel(master, name = 'main', options = {}) {
  const more = [`sentinel monitor ${name} 127.0.0.1 ${master.port} 1`, `sentinel down-after-milliseconds ${name} 500`, `sentinel failover-timeout ${name} 2000`];
  return startRedis({ ...options, sentinel: true, more: [...more, ...(options.more ?? [])] });
}
