// A TCP proxy before the shared store: what goes either way can be held back and let go, so that a test decides what meets what.
import net from 'node:net';

class Way {
  constructor(to) {
    Object.assign(this, { to, waiting: [] });
  }

  take(chunk, holding) {
    if (holding || this.waiting.length > 0) this.waiting.push(chunk);
    else if (this.to.writable) this.to.write(chunk);
  }

  release() {
    const bytes = Buffer.concat(this.waiting.splice(0));
    if (bytes.length > 0 && this.to.writable) this.to.write(bytes);
  }
}

/** to: the store's port. */
export async function startBetween(to) {
  const pairs = new Set();
  const state = { commands: false, replies: false, from: null };
  const between = {
    connections: 0,
    /** All commands since the last hold, held or not. */
    said: '',
    /** Calls of scripts among them. */
    get asked() {
      return between.said.split('EVALSHA\r\n').length - 1;
    },
    /** What: 'commands' or 'replies'. from: only once this was said. */
    hold(what, from = null) {
      between.said = '';
      state.from = from;
      state[what] = from === null;
      state.then = what;
    },
    release() {
      Object.assign(state, { commands: false, replies: false, from: null });
      for (const pair of pairs) { pair.up.release(); pair.down.release(); }
    },
    /** Ends every connection; what is held is lost. */
    cut() {
      for (const pair of pairs) { pair.client.destroy(); pair.server.destroy(); }
    },
    stop: () => new Promise((done) => { between.cut(); listener.close(done); }),
  };
  const listener = net.createServer((client) => {
    const server = net.connect(to, '127.0.0.1');
    const pair = { client, server, up: new Way(server), down: new Way(client) };
    between.connections++;
    pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (chunk) => {
      between.said += chunk.toString('latin1');
      if (state.from !== null && between.said.includes(state.from)) {
        state.from = null;
        state[state.then] = true;
      }
      pair.up.take(chunk, state.commands);
    });
    server.on('data', (chunk) => pair.down.take(chunk, state.replies));
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('error', () => {}).on('close', () => { other.destroy(); pairs.delete(pair); });
    }
  });
  await new Promise((done, fail) => listener.once('error', fail).listen(0, '127.0.0.1', done));
  between.url = `redis://127.0.0.1:${listener.address().port}`;
  return between;
}
