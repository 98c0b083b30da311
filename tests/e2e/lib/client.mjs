// HTTP as it is on the wire: nothing is added that the test did not ask for but host and framing.
import http from 'node:http';
import net from 'node:net';

class Stream {
  constructor(req, res) {
    Object.assign(this, { req, res, status: res.statusCode, headers: res.headers, rawHeaders: res.rawHeaders });
    this.bytes = Buffer.alloc(0);
    this.over = false;
    this.broken = null;
    this.wake = () => {};
    res.on('data', (chunk) => { this.bytes = Buffer.concat([this.bytes, chunk]); this.wake(); });
    const over = () => { this.over = true; this.wake(); };
    res.on('end', over).on('close', over).on('error', (error) => { this.broken = error; over(); });
  }

  get text() {
    return this.bytes.toString('utf8');
  }

  get json() {
    return JSON.parse(this.text);
  }

  /** Resolves when the text so far holds what (string or RegExp); fails when the answer ends without or ms pass. */
  async until(what, ms = 8000) {
    const found = () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text));
    const late = Date.now() + ms;
    while (!found()) {
      if (this.over) throw new Error(`the answer ended without ${what}: ${this.text}`);
      if (Date.now() > late) throw new Error(`waited ${ms} ms for ${what}, got: ${this.text}`);
      await new Promise((done) => { this.wake = done; setTimeout(done, Math.max(1, late - Date.now())).unref(); });
    }
    return this.text;
  }

  async end(ms = 30000) {
    const late = Date.now() + ms;
    while (!this.over) {
      if (Date.now() > late) throw new Error(`the answer does not end; so far: ${this.text.slice(0, 2000)}`);
      await new Promise((done) => { this.wake = done; setTimeout(done, Math.max(1, late - Date.now())).unref(); });
    }
    return this;
  }

  cut() {
    this.req.destroy();
  }
}

/** Sends a request and resolves at the head of the answer. body: string, Buffer or object (sent as JSON); from: own address. */
export function open(url, { method = 'POST', headers = {}, body, agent = false, path, from } = {}) {
  const target = new URL(url);
  const data = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const json = data !== undefined && !Object.keys(headers).some((h) => h.toLowerCase() === 'content-type');
  const all = { ...(json ? { 'content-type': 'application/json' } : {}), ...headers };
  if (data !== undefined && !('transfer-encoding' in all) && !('content-length' in all)) all['content-length'] = Buffer.byteLength(data);
  return new Promise((done, fail) => {
    const req = http.request({
      host: target.hostname, port: target.port, path: path ?? target.pathname + target.search, method, headers: all, agent, localAddress: from,
    }, (res) => done(new Stream(req, res)));
    req.on('error', fail);
    req.end(data);
  });
}

/** The same, with the whole answer. */
export async function request(url, options) {
  return (await open(url, options)).end(options?.ms);
}

/** Bytes on a bare connection; resolves with all that came back once the other side closed or ms passed. */
export function raw(url, bytes, { ms = 5000, half = false } = {}) {
  const { hostname, port } = new URL(url);
  return new Promise((done) => {
    let got = '';
    const socket = net.connect({ host: hostname, port, allowHalfOpen: true });
    const finish = () => { clearTimeout(timer); socket.destroy(); done(got); };
    const timer = setTimeout(finish, ms);
    socket.on('data', (chunk) => { got += chunk.toString('latin1'); }).on('end', finish).on('error', finish);
    socket.on('connect', () => { if (half) socket.end(bytes); else socket.write(bytes); });
  });
}

/** The events of an SSE text: {event, data}; data parsed where it is JSON. */
export function events(text) {
  return text.split(/\r?\n\r?\n/).filter((block) => block.trim() !== '').map((block) => {
    const out = { event: undefined, data: undefined };
    for (const line of block.split(/\r?\n/)) {
      if (line.startsWith('event:')) out.event = line.slice(6).trim();
      if (line.startsWith('data:')) out.data = (out.data === undefined ? '' : out.data + '\n') + line.slice(5).replace(/^ /, '');
    }
    try { out.data = JSON.parse(out.data); } catch { /* [DONE] and the like stay text */ }
    return out;
  });
}
