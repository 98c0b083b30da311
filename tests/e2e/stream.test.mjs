// The outer gate on streams and whole answers, against a provider that says what it should not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { events, open, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { card, core, email, pem, pieces, secrets } from './lib/secrets.mjs';
import { chunk, data, door, formats, json, named, response, responsesStream, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, gateway, headers;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({ upstream: upstream.url });
  headers = { authorization: `Bearer ${await gateway.token()}` };
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const names = Object.keys(formats);
const key = secrets['openai key'];

function ask(name, stream, more = {}) {
  const f = formats[name];
  const at = stream ? f.streamPath ?? f.path : f.path;
  const flag = stream && name !== 'google' ? { stream: true } : {};
  return open(gateway.url, { path: at, headers, body: f.ask('Hello there', { ...flag, ...more }) });
}

/** Answers with these raw events and returns what the client got. */
async function play(name, list, more) {
  upstream.handle = async (req, res) => {
    sse(res);
    for (const event of list) await write(res, event);
    res.end();
  };
  const answer = await (await ask(name, true, more)).end();
  assert.equal(answer.status, 200, answer.text);
  return answer.text;
}

/** The stream ended as its format says it must: F53. */
function terminated(name, text) {
  const list = events(text);
  const last = list.at(-1);
  if (name === 'chat') assert.equal(last.data, '[DONE]', text);
  if (name === 'responses') assert.match(last.event, /^(response\.(completed|failed|incomplete)|error)$/);
  if (name === 'messages') assert.match(last.event, /^(message_stop|error)$/);
  if (name === 'google') assert.ok(last.data.error || last.data.candidates?.[0]?.finishReason, text);
  assert.match(text, /\n\n$/);
}

/** The error event of the format, with our code in it. */
function failed(name, text, code) {
  terminated(name, text);
  const event = events(text).find((e) => e.data?.error || e.event === 'error' || e.data?.type === 'response.failed');
  assert.ok(event, `no error event in ${text}`);
  const error = event.data.error ?? event.data.response?.error ?? event.data;
  assert.equal(typeof error.message, 'string');
  assert.ok(error.message.length > 8);
  if (name === 'messages') assert.equal(event.event, 'error');
  if (name === 'google') assert.equal(typeof error.code, 'number');
  assert.ok(JSON.stringify(event.data).includes(code), JSON.stringify(event.data));
}

for (const name of names) {
  describe(`answers, ${name}`, () => {
    for (const [kind, secret] of Object.entries({ ...secrets, card, email, 'private key': pem })) {
      test(`F01: ${kind} is redacted, whole and streamed`, async () => {
        const text = `Look: ${secret} and go on.`;
        upstream.handle = say(text);
        const whole = await (await ask(name, false)).end();
        assert.equal(whole.status, 200, whole.text);
        assert.ok(!JSON.stringify(whole.json).includes(JSON.stringify(core(secret)).slice(1, -1)), whole.text);
        assert.match(whole.text, /\[REDACTED\] and go on\./);
        const streamed = (await (await ask(name, true)).end()).text;
        const said = formats[name].text(events(streamed));
        assert.ok(!said.includes(core(secret)), said);
        assert.match(said, /^Look: .*\[REDACTED\] and go on\.$/s);
        assert.ok(!streamed.includes(JSON.stringify(core(secret)).slice(1, -1)), streamed);
        terminated(name, streamed);
      });
    }

    for (const size of [1, 2, 5, 17]) {
      test(`F02: every kind of secret in fragments of ${size}`, async () => {
        for (const [kind, secret] of Object.entries({ ...secrets, card, email, 'private key': pem })) {
          const text = `It is ${secret}, or so.`;
          const streamed = await play(name, streamOf(name, pieces(text, size)));
          const said = formats[name].text(events(streamed));
          assert.match(said, /^It is .*\[REDACTED\], or so\.$/s, `${kind}: ${said}`);
          assert.ok(!said.includes(core(secret)), kind);
          assert.ok(!streamed.includes(JSON.stringify(core(secret)).slice(1, -1)), kind);
          terminated(name, streamed);
        }
      });
    }

    test('F02: clean text comes out the same, however it is cut', async () => {
      const text = 'sk-8 boards at 4111 Elm St, token ring, password protected; Zo\u00eb said \u201csk\u201d \u2014 \ud83d\ude00 1 234 567.';
      for (const size of [1, 3, 1000]) {
        const list = size === 1 ? Array.from(text) : pieces(text, size);
        assert.equal(formats[name].text(events(await play(name, streamOf(name, list)))), text);
      }
    });

    test('F02: what was held back comes out before the end, in its place', async () => {
      for (const end of ['sk-proj-abc', 'the password', 'password:', '4111 1111 1111', 'jane.doe@', '-----BEGIN RSA PRIVATE', 'eyJhbGciOiJI', 'a key: AIzaSy', 'x'.repeat(300)]) {
        const text = `It ends with ${end}`;
        for (const size of [1, 7, 1000]) {
          const list = events(await play(name, streamOf(name, pieces(text, size))));
          assert.equal(formats[name].text(list), text);
          const said = list.map((e) => formats[name].text([e]) !== '').lastIndexOf(true);
          const over = list.findIndex((e) => e.data?.choices?.[0]?.finish_reason || e.data?.candidates?.[0]?.finishReason
            || e.event === 'content_block_stop' || e.event === 'response.output_text.done');
          assert.ok(said < over || (name === 'google' && said === over), `text at ${said}, end at ${over}`);
        }
      }
    });

    test('F03: a heartbeat arrives while the provider holds the rest', async () => {
      const rest = door();
      const list = streamOf(name, ['Hello.']);
      upstream.handle = async (req, res) => {
        sse(res);
        await write(res, list[0]);
        await write(res, ': heartbeat\n\n');
        await rest.opened;
        res.end(list.slice(1).join(''));
      };
      const answer = await ask(name, true);
      await answer.until(/^: heartbeat$/m);
      rest.open();
      await answer.end();
      terminated(name, answer.text);
    });

    test('F03: clean text arrives while the provider holds the rest', async () => {
      const rest = door();
      const list = streamOf(name, ['Hello there, ', 'dear ', 'friend', ' of mine.']);
      const cut = list.findIndex((e) => e.includes('friend')) + 1;
      upstream.handle = async (req, res) => {
        sse(res);
        for (const event of list.slice(0, cut)) await write(res, event);
        await rest.opened;
        for (const event of list.slice(cut)) await write(res, event);
        res.end();
      };
      const answer = await ask(name, true);
      await answer.until('dear');
      assert.match(formats[name].text(events(answer.text)), /^Hello there, dear/);
      assert.equal(answer.over, false);
      rest.open();
      await answer.end();
      assert.equal(formats[name].text(events(answer.text)), 'Hello there, dear friend of mine.');
      terminated(name, answer.text);
    });

    test('F11: an event that cannot be read ends the stream with the error of the format', async () => {
      for (const bad of ['data: {"choices":[{"delta":{"content":"x\n\n', `data: {"a":1,"a":"${key}"}\n\n`, `data: ${key}\n\n`]) {
        const list = [...streamOf(name, ['Well, ']).slice(0, name === 'google' ? 1 : -3), bad, ...streamOf(name, [`later ${key}`])];
        const text = await play(name, list);
        assert.ok(!text.includes(key), text);
        failed(name, text, 'provider_invalid_response');
      }
    });

    test('F53: a stream without its end gets an error event and a terminator', async () => {
      const list = streamOf(name, ['Some ', 'words', ' here']);
      const text = await play(name, list.slice(0, name === 'google' ? 3 : list.findIndex((e) => e.includes(' here')) + 1));
      assert.equal(formats[name].text(events(text)).slice(0, 10), 'Some words');
      failed(name, text, 'provider_invalid_response');
    });

    test('F53: a connection that is cut gets an error event and a terminator', async () => {
      const list = streamOf(name, ['Some ', 'words', ' here']);
      upstream.handle = async (req, res) => {
        sse(res);
        for (const event of list.slice(0, name === 'google' ? 2 : 5)) await write(res, event);
        res.socket.destroy();
      };
      const answer = await (await ask(name, true)).end();
      assert.equal(answer.broken, null);
      failed(name, answer.text, 'provider_');
    });

    test('F03: comments pass, and a comment is no way out for a secret', async () => {
      const list = streamOf(name, ['Hello ', 'you.']);
      const text = await play(name, [': keep-alive\n\n', ...list.slice(0, 2), `: ${key}\n\n`, ...list.slice(2)]);
      assert.ok(!text.includes(key), text);
      assert.equal(formats[name].text(events(text)), 'Hello you.');
    });

    test('F01: the error body of the provider is filtered', async () => {
      upstream.handle = (req, res) => json(res, { type: 'error', error: { type: 'x', code: 400, status: 'INVALID_ARGUMENT', message: `bad key ${key} of ${email}` } }, 400);
      const answer = await (await ask(name, true)).end();
      assert.equal(answer.status, 400);
      assert.ok(!answer.text.includes(key) && !answer.text.includes(email), answer.text);
      assert.match(answer.text, /bad key \[REDACTED\]/);
    });
  });
}

describe('F06: arguments of tool calls', () => {
  const args = JSON.stringify({ city: 'Paris', note: `say ${key} "twice"` });
  const parts = pieces(args, 7);
  const safe = { city: 'Paris', note: 'say [REDACTED] "twice"' };

  test('F06: chat', async () => {
    const list = [
      chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'w', arguments: '' } }] }),
      ...parts.map((p) => chunk({ tool_calls: [{ index: 0, function: { arguments: p } }] })),
      chunk({}, 'tool_calls'), 'data: [DONE]\n\n',
    ];
    const text = await play('chat', list);
    const got = events(text).map((e) => e.data.choices?.[0]?.delta.tool_calls?.[0]?.function.arguments ?? '').join('');
    assert.deepEqual(JSON.parse(got), safe);
    assert.ok(!text.includes(key));

    upstream.handle = (req, res) => json(res, { ...formats.chat.answer(''), choices: [{ index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'w', arguments: args } }] } }] });
    const whole = await (await ask('chat', false)).end();
    assert.deepEqual(JSON.parse(whole.json.choices[0].message.tool_calls[0].function.arguments), safe);
  });

  test('F06 F09: responses, in each of its copies', async () => {
    const item = (status, text) => ({ id: 'fc_1', type: 'function_call', status, call_id: 'call_1', name: 'w', arguments: text });
    const at = { item_id: 'fc_1', output_index: 0 };
    const list = [
      { type: 'response.created', response: response('in_progress', null) },
      { type: 'response.output_item.added', output_index: 0, item: item('in_progress', '') },
      ...parts.map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
      { type: 'response.function_call_arguments.done', ...at, name: 'w', arguments: args },
      { type: 'response.output_item.done', output_index: 0, item: item('completed', args) },
      { type: 'response.completed', response: { ...response('completed', null), output: [item('completed', args)] } },
    ].map((e, i) => named({ ...e, sequence_number: i }));
    const text = await play('responses', list);
    assert.ok(!text.includes(key));
    const got = events(text).map((e) => e.data);
    assert.deepEqual(JSON.parse(got.filter((e) => e.type.endsWith('arguments.delta')).map((e) => e.delta).join('')), safe);
    assert.deepEqual(JSON.parse(got.find((e) => e.type.endsWith('arguments.done')).arguments), safe);
    assert.deepEqual(JSON.parse(got.find((e) => e.type.endsWith('item.done')).item.arguments), safe);
    assert.deepEqual(JSON.parse(got.at(-1).response.output[0].arguments), safe);
    got.forEach((e, i) => assert.equal(e.sequence_number, i));
  });

  test('F06: messages', async () => {
    const list = [
      formats.messages.start[0],
      named({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'toolu_1', name: 'w', input: {} } }),
      ...parts.map((p) => named({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: p } })),
      ...formats.messages.end,
    ];
    const text = await play('messages', list);
    assert.deepEqual(JSON.parse(events(text).map((e) => e.data.delta?.partial_json ?? '').join('')), safe);
    assert.ok(!text.includes(key));

    upstream.handle = (req, res) => json(res, { ...formats.messages.answer(''), content: [{ type: 'tool_use', id: 't', name: 'w', input: JSON.parse(args) }] });
    assert.deepEqual((await (await ask('messages', false)).end()).json.content[0].input, safe);
  });

  test('F06: google', async () => {
    const part = { functionCall: { name: 'w', args: JSON.parse(args) } };
    const candidate = { candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }] };
    assert.deepEqual(events(await play('google', [data(candidate)]))[0].data.candidates[0].content.parts[0].functionCall.args, safe);
    upstream.handle = (req, res) => json(res, candidate);
    assert.deepEqual((await (await ask('google', false)).end()).json.candidates[0].content.parts[0].functionCall.args, safe);
  });
});

describe('F07: every choice', () => {
  test('F07: chat, choices woven into one another', async () => {
    const list = [];
    pieces(`one ${key} end`, 6).forEach((p) => { for (const i of [0, 1, 2]) list.push(chunk({ content: p }, null, i)); });
    for (const i of [0, 1, 2]) list.push(chunk({}, 'stop', i));
    const text = await play('chat', [...list, 'data: [DONE]\n\n'], { n: 3 });
    for (const i of [0, 1, 2]) {
      const said = events(text).map((e) => e.data.choices?.find((c) => c.index === i)?.delta.content ?? '').join('');
      assert.equal(said, 'one [REDACTED] end');
    }
    upstream.handle = (req, res) => json(res, { ...formats.chat.answer(''), choices: [0, 1].map((index) => ({ index, finish_reason: 'stop', message: { role: 'assistant', content: `is ${key} here` } })) });
    const whole = (await (await ask('chat', false, { n: 2 })).end()).json;
    assert.deepEqual(whole.choices.map((c) => c.message.content), ['is [REDACTED] here', 'is [REDACTED] here']);
  });

  test('F07: google, candidates and parts', async () => {
    const piece = (text) => [0, 1].map((index) => ({ index, content: { role: 'model', parts: [{ text }] } }));
    const list = pieces(`one ${key} end`, 6).map((p) => data({ candidates: piece(p) }));
    list.push(data({ candidates: [0, 1].map((index) => ({ index, content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP' })) }));
    const text = await play('google', list);
    for (const i of [0, 1]) {
      const said = events(text).flatMap((e) => e.data.candidates.filter((c) => c.index === i).flatMap((c) => c.content?.parts ?? [])).map((p) => p.text).join('');
      assert.equal(said, 'one [REDACTED] end');
    }
    upstream.handle = (req, res) => json(res, { candidates: [0, 1].map((index) => ({ index, finishReason: 'STOP', content: { role: 'model', parts: [{ text: 'a' }, { text: key }] } })) });
    assert.ok(!(await (await ask('google', false)).end()).text.includes(key));
  });
});

describe('F08: reasoning, refusals, structured output', () => {
  test('F08: chat reasoning and refusal', async () => {
    for (const field of ['reasoning_content', 'reasoning', 'refusal']) {
      const list = [...pieces(`so ${key} is`, 5).map((p) => chunk({ [field]: p })), chunk({}, 'stop'), 'data: [DONE]\n\n'];
      const text = await play('chat', list);
      assert.equal(events(text).map((e) => e.data.choices?.[0]?.delta[field] ?? '').join(''), 'so [REDACTED] is', field);
      assert.ok(!text.includes(key));
    }
    upstream.handle = (req, res) => json(res, { ...formats.chat.answer(''), choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: null, refusal: `no ${key}`, reasoning_content: key } }] });
    assert.ok(!(await (await ask('chat', false)).end()).text.includes(key));
  });

  test('F08: thinking of messages is filtered, its signature passes bit for bit', async () => {
    const signature = 'EqoBCkgIARABGAIiQL8sk+/abc==' + 'x'.repeat(300);
    const list = [
      formats.messages.start[0],
      named({ type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }),
      ...pieces(`so ${key} is`, 5).map((thinking) => named({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking } })),
      named({ type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature } }),
      ...formats.messages.end,
    ];
    const text = await play('messages', list);
    assert.equal(events(text).map((e) => e.data.delta?.thinking ?? '').join(''), 'so [REDACTED] is');
    assert.ok(text.includes(`"signature":"${signature}"`));
  });

  test('F08: reasoning summaries and refusals of responses', async () => {
    for (const [kind, doneKey, at] of [
      ['reasoning_summary_text', 'text', { item_id: 'rs_1', output_index: 0, summary_index: 0 }],
      ['reasoning_text', 'text', { item_id: 'rs_1', output_index: 0, content_index: 0 }],
      ['refusal', 'refusal', { item_id: 'msg_1', output_index: 0, content_index: 0 }],
    ]) {
      const whole = `so ${key} is`;
      const list = [
        { type: 'response.created', response: response('in_progress', null) },
        ...pieces(whole, 5).map((delta) => ({ type: `response.${kind}.delta`, ...at, delta })),
        { type: `response.${kind}.done`, ...at, [doneKey]: whole },
        { type: 'response.completed', response: response('completed', whole) },
      ].map((e, i) => named({ ...e, sequence_number: i }));
      const text = await play('responses', list);
      assert.ok(!text.includes(key), kind);
      assert.equal(events(text).filter((e) => e.data.type === `response.${kind}.delta`).map((e) => e.data.delta).join(''), 'so [REDACTED] is');
      assert.equal(events(text).find((e) => e.data.type === `response.${kind}.done`).data[doneKey], 'so [REDACTED] is');
    }
  });

  test('F08: thoughts of google, their signature bit for bit', async () => {
    const thoughtSignature = 'CtQBAVSoXO' + 'y+/='.repeat(50);
    const parts = [{ text: `so ${key} is`, thought: true }, { text: 'Fine.', thoughtSignature }];
    const text = await play('google', [data({ candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }] })]);
    assert.ok(!text.includes(key));
    assert.ok(text.includes(thoughtSignature));
  });

  test('F08: structured output stays JSON, with the secret behind its escapes', async () => {
    const content = JSON.stringify({ note: `"${key}"`, path: 'C:\\new' });
    upstream.handle = say(content);
    const whole = (await (await ask('chat', false)).end()).json.choices[0].message.content;
    assert.deepEqual(JSON.parse(whole), { note: '"[REDACTED]"', path: 'C:\\new' });
    for (const n of [1, 4]) {
      const said = formats.chat.text(events(await play('chat', streamOf('chat', pieces(content, n)))));
      assert.deepEqual(JSON.parse(said), { note: '"[REDACTED]"', path: 'C:\\new' });
    }
  });

  test('F10: a secret behind unicode escapes of the provider', async () => {
    const hidden = Array.from(key, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    upstream.handle = (req, res) => json(res, JSON.stringify(formats.chat.answer('HERE')).replace('HERE', hidden));
    assert.equal((await (await ask('chat', false)).end()).json.choices[0].message.content, '[REDACTED]');
    const list = streamOf('chat', ['HERE']).map((e) => e.replace('HERE', hidden));
    assert.equal(formats.chat.text(events(await play('chat', list))), '[REDACTED]');
  });
});

describe('F09: Responses streams say everything five times', () => {
  for (const size of [1, 4, 1000]) {
    test(`F09: fragments of ${size}: all copies alike, numbers in order`, async () => {
      const text = await play('responses', responsesStream(pieces(`Take ${key} or ${email}, ok`, size)));
      const safe = 'Take [REDACTED] or [REDACTED], ok';
      const got = events(text).map((e) => e.data);
      assert.equal(got.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), safe);
      assert.equal(got.find((e) => e.type === 'response.output_text.done').text, safe);
      assert.equal(got.find((e) => e.type === 'response.content_part.done').part.text, safe);
      assert.equal(got.find((e) => e.type === 'response.output_item.done').item.content[0].text, safe);
      assert.equal(got.find((e) => e.type === 'response.completed').response.output[0].content[0].text, safe);
      got.forEach((e, i) => assert.equal(e.sequence_number, i, `${e.type} has number ${e.sequence_number}, not ${i}`));
    });
  }
});

describe('usage', () => {
  const usage = data({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices: [], usage: { prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 } });
  const list = streamOf('chat', ['Hello.']).toSpliced(-1, 0, usage);

  test('chat stream: asked for, taken for the record, not shown to who did not ask', async () => {
    const text = await play('chat', list);
    assert.equal(upstream.last().json.stream_options.include_usage, true);
    assert.ok(!text.includes('"usage"'), text);
    terminated('chat', text);
    const id = (await (await ask('chat', true)).end()).headers['x-request-id'];
    const record = await gateway.record(id);
    assert.deepEqual([record.tokens_in, record.tokens_out], [11, 22]);
  });

  test('chat stream: shown to who asked', async () => {
    const text = await play('chat', list, { stream_options: { include_usage: true } });
    assert.ok(text.includes('"prompt_tokens":11'), text);
  });

  for (const name of names.filter((n) => n !== 'chat')) {
    test(`${name}: tokens stand in the record`, async () => {
      for (const stream of [false, true]) {
        upstream.handle = say('Fine.');
        const answer = await (await ask(name, stream)).end();
        const record = await gateway.record(answer.headers['x-request-id']);
        assert.deepEqual([record.tokens_in, record.tokens_out, record.stream], [3, 4, stream]);
      }
    });
  }
});

describe('the line between events', () => {
  test('F02: line ends, comments and cuts of the network change nothing', async () => {
    const plain = streamOf('chat', pieces(`Take ${key}, ok`, 3)).join('');
    for (const text of [plain, plain.replaceAll('\n', '\r\n'), plain.replaceAll('data: ', 'data:')]) {
      for (const n of [3, 64]) {
        const answer = await play('chat', pieces(text, n));
        assert.equal(formats.chat.text(events(answer)), 'Take [REDACTED], ok');
      }
    }
  });

  test('F11: events nobody knows: without text they pass, text in them is filtered or stopped', async () => {
    const list = streamOf('responses', ['Hello.']);
    const odd = named({ type: 'response.queued', sequence_number: 1, response: response('in_progress', null) });
    assert.ok((await play('responses', list.toSpliced(1, 1, odd))).includes('response.queued'));
    const text = await play('responses', list.toSpliced(4, 0, named({ type: 'response.novel.delta', sequence_number: 4, words: `x ${key}` })));
    assert.ok(!text.includes(key), text);
  });
});

test('F03: 50 streams at once, each with its own secret, none sees another', async () => {
  upstream.handle = async (req, res, record) => {
    const n = record.json.messages[0].content;
    sse(res);
    for (const event of streamOf('chat', pieces(`I am ${n}, ${key}${n}, bye ${n}`, 4))) await write(res, event);
    res.end();
  };
  const all = await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    const answer = await request(gateway.url, { path: '/v1/chat/completions', headers, body: formats.chat.ask(`n${i}`, { stream: true }) });
    return formats.chat.text(events(answer.text));
  }));
  all.forEach((said, i) => assert.equal(said, `I am n${i}, [REDACTED], bye n${i}`));
});
