// F39: what a provider keeps is named only by the user to whom this gateway saw it issued.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { refused } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { waitFor } from './lib/process.mjs';
import { formats, json, sse, startUpstream, write } from './lib/upstream.mjs';

let upstream, gateway, ann, ben, count = 0;

/** A provider that issues ids, never the same twice. */
function issue(req, res, record) {
  const body = record.json, n = ++count;
  if (record.path.includes('/responses')) {
    const answer = {
      id: `resp_${n}`, object: 'response', status: 'completed', model: 'gpt-5', conversation: { id: body.conversation?.id ?? body.conversation ?? `conv_${n}` },
      output: [
        { type: 'message', id: `msg_${n}`, role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Fine.', annotations: [{ type: 'container_file_citation', file_id: `cfile_${n}`, container_id: `cntr_${n}`, filename: 'a.txt', start_index: 0, end_index: 1 }] }] },
        { type: 'reasoning', id: `rs_${n}`, summary: [] },
      ],
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    if (!body.stream) return json(res, answer);
    return stream(res, answer);
  }
  if (record.path.includes('/messages')) {
    return json(res, { ...formats.messages.answer('Fine.'), container: { id: `container_${n}`, expires_at: 'x' }, content: [{ type: 'bash_code_execution_tool_result', tool_use_id: 't', content: { type: 'bash_code_execution_result', stdout: '', stderr: '', return_code: 0, content: [{ type: 'bash_code_execution_output', file_id: `afile_${n}` }] } }] });
  }
  if (record.path.includes('/chat')) {
    const answer = formats.chat.answer('Fine.');
    answer.choices[0].message.audio = { id: `audio_${n}`, data: '', transcript: 'Fine.', expires_at: 1 };
    return json(res, answer);
  }
  return json(res, formats.google.answer('Fine.'));
}

async function stream(res, answer) {
  let sequence = 0;
  const event = (type, more) => write(res, `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...more })}\n\n`);
  sse(res);
  await event('response.created', { response: { ...answer, status: 'in_progress', output: [], usage: null } });
  await stream.gate?.();
  for (const [i, item] of answer.output.entries()) {
    await event('response.output_item.added', { output_index: i, item: { ...item, content: [], summary: [] } });
    await event('response.output_item.done', { output_index: i, item });
  }
  await event('response.completed', { response: answer });
  res.end();
}

before(async () => {
  upstream = await startUpstream(issue);
  gateway = await startGateway({ upstream: upstream.url, policy(p) { p.input = { attachments: ['image', 'file'] }; } });
  ann = { authorization: `Bearer ${await gateway.token('ann')}` };
  ben = { authorization: `Bearer ${await gateway.token('ben')}` };
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const respond = (headers, more = {}) => request(gateway.url, { path: formats.responses.path, headers, body: formats.responses.ask('Hi', more) });
const send = (headers, name, body) => request(gateway.url, { path: formats[name].path, headers, body });
const passes = (answer) => { assert.equal(answer.status, 200, answer.text); return answer; };
function foreign(answer, shape, kind, id) {
  refused(answer, 403, 'data_isolation_violation', shape);
  assert.match(answer.text, new RegExp(`${kind} was not issued to this user through this gateway`));
  if (id) assert.ok(!answer.text.includes(id), 'the id is told');
}

describe('F39: Responses', () => {
  const uses = {
    response: (a) => ({ previous_response_id: a.id }),
    conversation: (a) => ({ conversation: a.conversation.id }),
    'conversation in an object': (a) => ({ conversation: { id: a.conversation.id } }),
    item: (a) => ({ input: [{ role: 'user', content: 'x' }, { type: 'item_reference', id: a.output[0].id }] }),
    'item without a type': (a) => ({ input: [{ role: 'user', content: 'x' }, { id: a.output[1].id }] }),
    file: (a) => ({ input: [{ role: 'user', content: [{ type: 'input_file', file_id: a.output[0].content[0].annotations[0].file_id }] }] }),
    'file of an image': (a) => ({ input: [{ role: 'user', content: [{ type: 'input_image', file_id: a.output[0].content[0].annotations[0].file_id }] }] }),
    container: (a) => ({ tools: [{ type: 'code_interpreter', container: a.output[0].content[0].annotations[0].container_id }] }),
    'file of a tool': (a) => ({ tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: [a.output[0].content[0].annotations[0].file_id] } }] }),
  };
  for (const [kind, use] of Object.entries(uses)) {
    test(`F39: ${kind}: the user's own is honoured, anybody else's refused`, async () => {
      const answer = passes(await respond(ann)).json;
      const sent = upstream.requests.length;
      foreign(await respond(ben, use(answer)), 'openai', kind.split(' ')[0], 'resp_');
      assert.equal(upstream.requests.length, sent);
      passes(await respond(ann, use(answer)));
      foreign(await respond(ann, use({ ...answer, id: 'resp_never', conversation: { id: 'conv_never' }, output: [{ id: 'msg_never', content: [{ annotations: [{ file_id: 'file_never', container_id: 'c_never' }] }] }, { id: 'x_never' }] })), 'openai', kind.split(' ')[0], 'never');
    });
  }

  test('F39: ids of streams are known before the client has them', async () => {
    let open;
    const opened = new Promise((done) => { open = done; });
    stream.gate = () => opened;
    const { open: start } = await import('./lib/client.mjs');
    const running = await start(gateway.url, { path: formats.responses.path, headers: ann, body: formats.responses.ask('Hi', { stream: true }) });
    const [id] = (await running.until(/resp_\d+/)).match(/resp_\d+/);
    stream.gate = undefined;
    passes(await respond(ann, { previous_response_id: id }));
    foreign(await respond(ben, { previous_response_id: id }), 'openai', 'response', id);
    open();
    await running.end();
    const [item] = running.text.match(/msg_\d+/);
    passes(await respond(ann, { input: [{ role: 'user', content: 'x' }, { type: 'item_reference', id: item }] }));
    foreign(await respond(ben, { input: [{ role: 'user', content: 'x' }, { type: 'item_reference', id: item }] }), 'openai', 'item', item);
  });

  test('an answer that was not to be stored issues nothing; stored prompts stay refused', async () => {
    const answer = passes(await respond(ann, { store: false })).json;
    foreign(await respond(ann, { previous_response_id: answer.id }), 'openai', 'response', answer.id);
    refused(await respond(ann, { prompt: { id: 'pmpt_1' } }), 400, 'uninspectable_content', 'openai');
    refused(await respond(ann, { previous_response_id: 7 }), 400, 'invalid_request', 'openai');
    refused(await respond(ann, { conversation: { id: 'x', other: 1 } }), 400, 'uninspectable_content', 'openai');
  });

  test('F39: the answer names the place, records and log nothing of the id', async () => {
    const answer = await respond(ann, { input: [{ role: 'user', content: 'x' }, { type: 'item_reference', id: 'msg_secretive_77' }] });
    foreign(answer, 'openai', 'item', 'secretive');
    assert.equal(answer.json.error.param, 'input[1].id');
    const record = await gateway.record(answer.headers['x-request-id']);
    assert.equal(record.code, 'data_isolation_violation');
    assert.ok(!JSON.stringify(record).includes('secretive'));
    assert.ok(!gateway.log().includes('secretive'));
  });

  test('an error of the provider issues nothing', async () => {
    upstream.handle = (req, res) => json(res, { id: 'resp_error', error: { message: 'no', type: 'x', code: null, param: null } }, 400);
    try { await respond(ann); } finally { upstream.handle = issue; }
    foreign(await respond(ann, { previous_response_id: 'resp_error' }), 'openai', 'response');
  });

  test('references outlive restart and kill -9', async () => {
    const answer = passes(await respond(ann)).json;
    gateway.proc.child.kill('SIGKILL');
    await waitFor('the end', () => gateway.proc.exit);
    await gateway.serve();
    passes(await respond(ann, { previous_response_id: answer.id }));
    foreign(await respond(ben, { previous_response_id: answer.id }), 'openai', 'response');
  });
});

describe('F39: the other formats', () => {
  test('F39: chat audio', async () => {
    const { id } = passes(await send(ann, 'chat', formats.chat.ask('Hi'))).json.choices[0].message.audio;
    const use = { model: 'gpt-4o', messages: [{ role: 'user', content: 'a' }, { role: 'assistant', audio: { id } }, { role: 'user', content: 'b' }] };
    passes(await send(ann, 'chat', use));
    foreign(await send(ben, 'chat', use), 'openai', 'audio', id);
  });

  test('F39: Anthropic containers and files', async () => {
    const answer = passes(await send(ann, 'messages', formats.messages.ask('Hi'))).json;
    const file = answer.content[0].content.content[0].file_id;
    const uses = {
      container: [{ container: answer.container.id }, { container: { id: answer.container.id } }],
      file: [
        { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'file', file_id: file } }, { type: 'text', text: 'x' }] }] },
        { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: file } }, { type: 'text', text: 'x' }] }] },
        { messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: file }, { type: 'text', text: 'x' }] }] },
      ],
    };
    for (const [kind, list] of Object.entries(uses)) for (const more of list) {
      passes(await send(ann, 'messages', formats.messages.ask('Hi', more)));
      foreign(await send(ben, 'messages', formats.messages.ask('Hi', more)), 'anthropic', kind, 'file_');
    }
    refused(await send(ann, 'messages', formats.messages.ask('Hi', { container: { id: answer.container.id, skills: [{ skill_id: 'x' }] } })), 400, 'uninspectable_content', 'anthropic');
  });

  test('F39: Google cached content and files were never issued here', async () => {
    foreign(await send(ann, 'google', formats.google.ask('Hi', { cachedContent: 'cachedContents/abc' })), 'google', 'cached_content', 'abc');
    foreign(await send(ann, 'google', formats.google.ask('Hi', { cached_content: 'cachedContents/abc' })), 'google', 'cached_content', 'abc');
    foreign(await send(ann, 'google', { contents: [{ role: 'user', parts: [{ fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc' } }] }] }), 'google', 'file', 'abc');
    passes(await send(ann, 'google', { contents: [{ role: 'user', parts: [{ fileData: { fileUri: 'https://www.youtube.com/watch?v=1' } }, { text: 'x' }] }] }));
  });

  test('F39: an id of one provider is none at another', async () => {
    const answer = passes(await send(ann, 'messages', formats.messages.ask('Hi'))).json;
    foreign(await respond(ann, { tools: [{ type: 'code_interpreter', container: answer.container.id }] }), 'openai', 'container', answer.container.id);
  });
});
