// A provider that does what the test says and remembers exactly what reached it.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

/** handle(req, res, record) answers; it may be replaced at any time through .handle. tls: options of a TLS server; host, port: where it stands. */
export async function startUpstream(handle = fine, { tls, host = '127.0.0.1', port = 0 } = {}) {
  const sockets = new Set();
  const upstream = { requests: [], connections: 0, bytes: 0, names: [], handle };
  const listener = async (req, res) => {
    const chunks = [];
    try {
      for await (const chunk of req) chunks.push(chunk);
    } catch {
      return;
    }
    const record = { method: req.method, path: req.url, headers: req.headers, rawHeaders: req.rawHeaders, body: Buffer.concat(chunks) };
    Object.defineProperty(record, 'json', { get: () => JSON.parse(record.body.toString('utf8')) });
    upstream.requests.push(record);
    res.on('error', () => {});
    record.closed = new Promise((done) => res.once('close', done));
    try {
      await upstream.handle(req, res, record);
    } catch (error) {
      upstream.error = error;
      res.destroy();
    }
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.keepAliveTimeout = 60000;
  server.on('connection', (socket) => {
    upstream.connections++;
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket) => {
    upstream.names.push(socket.servername);
    socket.on('data', (chunk) => { upstream.bytes += chunk.length; });
  });
  await new Promise((done, fail) => server.once('error', fail).listen(port, host, done));
  upstream.port = server.address().port;
  upstream.url = `${tls ? 'https' : 'http'}://${tls ? 'localhost' : host}:${upstream.port}`;
  upstream.last = () => upstream.requests.at(-1);
  upstream.stop = () => new Promise((done) => {
    for (const socket of sockets) socket.destroy();
    server.close(done);
  });
  return upstream;
}

/** A provider below HTTP: onConnection(socket) speaks for itself. */
export async function startRawUpstream(onConnection) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    upstream.connections++;
    upstream.handle(socket);
  });
  const upstream = { connections: 0, handle: onConnection };
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  upstream.url = `http://127.0.0.1:${server.address().port}`;
  upstream.drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  upstream.stop = () => new Promise((done) => {
    upstream.drop();
    server.close(done);
  });
  return upstream;
}

export function json(res, value, status = 200, headers = {}) {
  const body = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  res.end(body);
}

export function sse(res, headers = {}) {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
  res.flushHeaders();
}

/** Writes raw text at once and waits until the kernel has it. */
export function write(res, text) {
  return new Promise((done) => res.write(text, done));
}

/** A door that the test opens: await door.opened in the handler, door.open() in the test. */
export function door() {
  let open;
  const opened = new Promise((done) => { open = done; });
  return { opened, open };
}

export const formats = {
  chat: {
    path: '/openai/v1/chat/completions', alias: '/v1/chat/completions', shape: 'openai',
    ask: (text, more = {}) => ({ model: 'gpt-4o', messages: [{ role: 'user', content: text }], ...more }),
    answer: (text) => ({
      id: 'c1', object: 'chat.completion', created: 1, model: 'gpt-4o',
      choices: [{ index: 0, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    }),
    start: [chunk({ role: 'assistant', content: '' })],
    delta: (text, index = 0) => chunk({ content: text }, null, index),
    end: [chunk({}, 'stop'), 'data: [DONE]\n\n'],
    text: (list) => list.map((e) => e.data?.choices?.[0]?.delta?.content ?? '').join(''),
  },
  responses: {
    path: '/openai/v1/responses', alias: '/v1/responses', shape: 'openai',
    ask: (text, more = {}) => ({ model: 'gpt-5', input: text, ...more }),
    answer: (text) => response('completed', text),
    text: (list) => list.filter((e) => e.data?.type === 'response.output_text.delta').map((e) => e.data.delta).join(''),
  },
  messages: {
    path: '/anthropic/v1/messages', alias: '/v1/messages', shape: 'anthropic',
    ask: (text, more = {}) => ({ model: 'claude-sonnet-4-6', max_tokens: 100, messages: [{ role: 'user', content: text }], ...more }),
    answer: (text) => ({
      id: 'm1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-6', content: [{ type: 'text', text }],
      stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 3, output_tokens: 4 },
    }),
    start: [
      named({ type: 'message_start', message: { id: 'm1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-6', content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 3, output_tokens: 1 } } }),
      named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ],
    delta: (text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    end: [
      named({ type: 'content_block_stop', index: 0 }),
      named({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 4 } }),
      named({ type: 'message_stop' }),
    ],
    text: (list) => list.map((e) => e.data?.delta?.text ?? '').join(''),
  },
  google: {
    path: '/google/v1beta/models/gemini-2.5-flash:generateContent', alias: '/v1beta/models/gemini-2.5-flash:generateContent', shape: 'google',
    streamPath: '/google/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
    ask: (text, more = {}) => ({ contents: [{ role: 'user', parts: [{ text }] }], ...more }),
    answer: (text) => candidates(text, 'STOP'),
    start: [],
    delta: (text) => data(candidates(text)),
    end: [data(candidates('', 'STOP'))],
    text: (list) => list.map((e) => e.data?.candidates?.[0]?.content?.parts?.map((p) => p.text ?? '').join('') ?? '').join(''),
  },
};

export function data(value) {
  return `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
}

export function named(value) {
  return `event: ${value.type}\n${data(value)}`;
}

export function chunk(delta, finish = null, index = 0) {
  return data({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices: [{ index, delta, logprobs: null, finish_reason: finish }] });
}

export function candidates(text, finish) {
  return {
    candidates: [{ content: { role: 'model', parts: [{ text }] }, ...(finish ? { finishReason: finish } : {}), index: 0 }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 }, modelVersion: 'gemini-2.5-flash',
  };
}

export function message(text, status = 'completed') {
  return { id: 'msg_1', type: 'message', status, role: 'assistant', content: text === null ? [] : [{ type: 'output_text', text, annotations: [] }] };
}

export function response(status, text) {
  return {
    id: 'resp_1', object: 'response', created_at: 1, status, error: null, incomplete_details: null, model: 'gpt-5', metadata: {},
    output: text === null ? [] : [message(text)], parallel_tool_calls: true, tool_choice: 'auto', tools: [],
    usage: status === 'completed' ? { input_tokens: 3, output_tokens: 4, total_tokens: 7 } : null,
  };
}

/** A whole Responses stream that says the fragments, with its five copies of the text. */
export function responsesStream(fragments) {
  const whole = fragments.join('');
  const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  const list = [
    { type: 'response.created', response: response('in_progress', null) },
    { type: 'response.in_progress', response: response('in_progress', null) },
    { type: 'response.output_item.added', output_index: 0, item: message(null, 'in_progress') },
    { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } },
    ...fragments.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text: whole, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: { type: 'output_text', text: whole, annotations: [] } },
    { type: 'response.output_item.done', output_index: 0, item: message(whole) },
    { type: 'response.completed', response: response('completed', whole) },
  ];
  return list.map(({ type, ...rest }, i) => named({ type, sequence_number: i, ...rest }));
}

/** Answers every request well in the format its path belongs to: "Fine." */
export function fine(req, res) {
  return say('Fine.')(req, res);
}

/** A handler that says text, in the format of the path, whole or as a stream of one delta. */
export function say(...fragments) {
  return async (req, res, record) => {
    const path = req.url.split('?')[0];
    const name = path.endsWith('/chat/completions') ? 'chat' : path.endsWith('/responses') ? 'responses'
      : path.endsWith('/messages') ? 'messages' : /:(stream)?[gG]enerateContent$/.test(path) ? 'google' : null;
    if (name === null) return json(res, other(path));
    const stream = path.endsWith(':streamGenerateContent') || (record !== undefined && /"stream"\s*:\s*true/.test(record.body.toString()));
    if (!stream) return json(res, formats[name].answer(fragments.join('')));
    sse(res);
    for (const event of streamOf(name, fragments)) await write(res, event);
    return res.end();
  };
}

export function streamOf(name, fragments) {
  if (name === 'responses') return responsesStream(fragments);
  const format = formats[name];
  return [...format.start, ...fragments.map((f) => format.delta(f)), ...format.end];
}

function other(path) {
  if (path.endsWith('/embeddings')) return { object: 'list', model: 'text-embedding-3-small', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], usage: { prompt_tokens: 1, total_tokens: 1 } };
  if (path.endsWith('/count_tokens')) return { input_tokens: 3 };
  if (path.endsWith('/models')) return { object: 'list', data: [{ id: 'gpt-4o', object: 'model', created: 1, owned_by: 'x' }] };
  if (path.endsWith(':countTokens')) return { totalTokens: 3 };
  if (path.endsWith(':embedContent')) return { embedding: { values: [0.5] } };
  if (path.endsWith(':batchEmbedContents')) return { embeddings: [{ values: [0.5] }] };
  return {};
}
