// The official SDKs through the gateway to the demo provider: base URL and key are all that an application changes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { startDemo } from './lib/process.mjs';
import { startGateway } from './lib/gateway.mjs';

let demo, gateway, apiKey;

before(async () => {
  demo = await startDemo();
  gateway = await startGateway({ upstream: demo.url });
  apiKey = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  await demo?.stop();
});

const question = 'Weather in Lyon?';
const answer = 'Demo answer to: Weather in Lyon?';
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };

for (const [style, suffix] of [['own prefix', '/openai/v1'], ['root alias', '/v1']]) {
  describe(`openai SDK, ${style}`, () => {
    let client;
    const messages = [{ role: 'system', content: 'You are a test.' }, { role: 'user', content: question }];
    before(() => { client = new OpenAI({ apiKey, baseURL: gateway.url + suffix, maxRetries: 0 }); });

    test('chat', async () => {
      const r = await client.chat.completions.create({ model: 'gpt-4o', messages });
      assert.equal(r.choices[0].message.content, answer);
      assert.equal(r.choices[0].finish_reason, 'stop');
      assert.ok(r.usage.total_tokens > 0);
      assert.match(r._request_id, /^\S{8,}$/);
    });

    test('chat stream', async () => {
      const parts = [];
      for await (const c of await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true })) {
        assert.equal(c.choices.length, 1, 'a usage chunk that nobody asked for');
        parts.push(c.choices[0].delta.content ?? '');
      }
      assert.equal(parts.join(''), answer);
      assert.ok(parts.length > 4);
    });

    test('chat stream with usage', async () => {
      let usage, text = '';
      const options = { model: 'gpt-4o', messages, stream: true, stream_options: { include_usage: true } };
      for await (const c of await client.chat.completions.create(options)) {
        text += c.choices[0]?.delta.content ?? '';
        usage = c.usage ?? usage;
      }
      assert.equal(text, answer);
      assert.ok(usage.prompt_tokens > 0);
    });

    for (const stream of [false, true]) {
      test(`chat tool loop, stream ${stream}`, async () => {
        const calls = [];
        const runner = client.chat.completions.runTools({
          model: 'gpt-4o', messages, stream,
          tools: [{ type: 'function', function: {
            name: 'get_weather', description: 'Get weather', parameters: schema, strict: true, parse: JSON.parse,
            function: (args) => { calls.push(args); return { temp: 21 }; },
          } }],
        });
        assert.equal(await runner.finalContent(), `${answer} The tool said: {"temp":21}`);
        assert.deepEqual(calls, [{ city: 'Paris' }]);
      });
    }

    test('responses', async () => {
      const r = await client.responses.create({ model: 'gpt-5', instructions: 'You are a test.', input: question });
      assert.equal(r.output_text, answer);
      assert.equal(r.status, 'completed');
      assert.ok(r.usage.total_tokens > 0);
    });

    test('responses stream', async () => {
      let text = '', done, number = 0;
      for await (const e of await client.responses.create({ model: 'gpt-5', input: question, stream: true })) {
        assert.equal(e.sequence_number, number++);
        if (e.type === 'response.output_text.delta') text += e.delta;
        if (e.type === 'response.completed') done = e.response;
      }
      assert.equal(text, answer);
      assert.equal(done.output[0].content[0].text, answer);
    });

    for (const stream of [false, true]) {
      test(`responses tools, stream ${stream}`, async () => {
        const tools = [{ type: 'function', name: 'get_weather', description: 'Get weather', parameters: schema, strict: true }];
        const input = [{ role: 'user', content: question }];
        const ask = async () => {
          const options = { model: 'gpt-5', input, tools };
          return stream ? client.responses.stream(options).finalResponse() : client.responses.create(options);
        };
        const call = (await ask()).output[0];
        assert.equal(call.type, 'function_call');
        assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
        input.push({ type: 'function_call', call_id: call.call_id, name: call.name, arguments: call.arguments });
        input.push({ type: 'function_call_output', call_id: call.call_id, output: '21 degrees' });
        assert.equal((await ask()).output_text, `${answer} The tool said: 21 degrees`);
      });
    }

    test('embeddings', async () => {
      const r = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
      assert.deepEqual(r.data.map((d) => Array.from(d.embedding)), [[0.5, -0.25, 0.125, 1], [0.5, -0.25, 0.125, 1]]);
    });
  });
}

test('openai SDK, own prefix: models', async () => {
  const client = new OpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.length > 0);
});

for (const [style, suffix] of [['own prefix', '/anthropic'], ['root alias', ''], ['root alias with /v1 in the base', '/v1']]) {
  describe(`anthropic SDK, ${style}`, () => {
    let client;
    const options = { model: 'claude-sonnet-4-6', max_tokens: 200, system: 'You are a test.', messages: [{ role: 'user', content: question }] };
    before(() => { client = new Anthropic({ apiKey, baseURL: gateway.url + suffix, maxRetries: 0 }); });

    test('messages', async () => {
      const r = await client.messages.create(options);
      assert.equal(r.content[0].text, answer);
      assert.equal(r.stop_reason, 'end_turn');
      assert.ok(r.usage.input_tokens > 0);
    });

    test('messages stream', async () => {
      let text = '', stop;
      for await (const e of await client.messages.create({ ...options, stream: true })) {
        if (e.type === 'content_block_delta') text += e.delta.text;
        if (e.type === 'message_delta') stop = e.delta.stop_reason;
      }
      assert.equal(text, answer);
      assert.equal(stop, 'end_turn');
    });

    test('messages stream helper', async () => {
      const stream = client.messages.stream(options);
      const parts = [];
      stream.on('text', (t) => parts.push(t));
      assert.equal((await stream.finalMessage()).content[0].text, answer);
      assert.ok(parts.length > 4);
    });

    for (const stream of [false, true]) {
      test(`messages tool loop, stream ${stream}`, async () => {
        const tools = [{ name: 'get_weather', description: 'Get weather', input_schema: schema }];
        const messages = [...options.messages];
        const ask = () => {
          const all = { ...options, messages, tools };
          return stream ? client.messages.stream(all).finalMessage() : client.messages.create(all);
        };
        const first = await ask();
        const call = first.content.find((b) => b.type === 'tool_use');
        assert.equal(first.stop_reason, 'tool_use');
        assert.deepEqual(call.input, { city: 'Paris' });
        messages.push({ role: 'assistant', content: first.content });
        messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '21 degrees' }] });
        assert.equal((await ask()).content[0].text, `${answer} The tool said: 21 degrees`);
      });
    }

    test('count tokens', async () => {
      const { model, messages } = options;
      assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
    });
  });
}

test('anthropic SDK, own prefix: models', async () => {
  const client = new Anthropic({ apiKey, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.length > 0);
});

for (const apiVersion of ['v1', 'v1beta']) {
  for (const [style, suffix] of [['own prefix', '/google'], ['root alias', '']]) {
    describe(`google SDK, ${apiVersion}, ${style}`, () => {
      let client;
      const model = 'gemini-2.5-flash';
      const declaration = { name: 'get_weather', description: 'Get weather', parametersJsonSchema: schema };
      before(() => { client = new GoogleGenAI({ apiKey, apiVersion, httpOptions: { baseUrl: gateway.url + suffix } }); });

      test('generate', async () => {
        const r = await client.models.generateContent({ model, contents: question, config: { systemInstruction: 'You are a test.' } });
        assert.equal(r.text, answer);
        assert.ok(r.usageMetadata.totalTokenCount > 0);
      });

      test('stream', async () => {
        const parts = [];
        for await (const c of await client.models.generateContentStream({ model, contents: question })) parts.push(c.text ?? '');
        assert.equal(parts.join(''), answer);
        assert.ok(parts.length > 4);
      });

      for (const stream of [false, true]) {
        test(`tool loop, stream ${stream}`, async () => {
          const contents = [{ role: 'user', parts: [{ text: question }] }];
          const ask = async () => {
            const options = { model, contents, config: { tools: [{ functionDeclarations: [declaration] }] } };
            if (!stream) return client.models.generateContent(options);
            const got = { text: '', functionCalls: [] };
            for await (const c of await client.models.generateContentStream(options)) {
              got.text += c.functionCalls ? '' : c.text ?? '';
              got.functionCalls.push(...(c.functionCalls ?? []));
            }
            return got;
          };
          const [call] = (await ask()).functionCalls;
          assert.equal(call.name, 'get_weather');
          assert.deepEqual(call.args, { city: 'Paris' });
          contents.push({ role: 'model', parts: [{ functionCall: { name: call.name, args: call.args } }] });
          contents.push({ role: 'user', parts: [{ functionResponse: { name: call.name, response: { temp: 21 } } }] });
          assert.equal((await ask()).text, `${answer} The tool said: {"temp":21}`);
        });
      }

      test('count tokens', async () => {
        assert.ok((await client.models.countTokens({ model, contents: question })).totalTokens > 0);
      });

      test('embed content', async () => {
        const r = await client.models.embedContent({ model: 'gemini-embedding-001', contents: ['one', 'two'] });
        assert.deepEqual(r.embeddings.map((e) => e.values), [[0.5, -0.25, 0.125, 1], [0.5, -0.25, 0.125, 1]]);
      });
    });
  }
}
