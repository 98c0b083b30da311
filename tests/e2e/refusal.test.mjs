// refusal: native: what the policy refuses is a 200 in the provider's own words, as the SDKs read it; all else stays an error.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { Agent } from '@mastra/core/agent';
import OpenAI from 'openai';
import { refused } from './lib/check.mjs';
import { events, request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { secrets } from './lib/secrets.mjs';
import { formats, say, startUpstream } from './lib/upstream.mjs';

let upstream, gateway;
const tokens = {};

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await startGateway({
    upstream: upstream.url,
    policy(p) {
      p.workers = 1; // records in the order of the requests
      p.refusal = 'native';
      p.detect = { input: { secret: 'refuse', pii: 'refuse' } };
      p.roles.basic = { providers: ['*'], tools: ['search'] };
      p.roles.none = { providers: ['groq'], tools: [] };
      p.roles.once = { providers: ['*'], tools: [], limit: '1/1h' };
      p.providers.groq = { format: 'openai', url: upstream.url, keys: ['env:OPENAI_API_KEY'], models: ['llama-*'] };
    },
  });
  for (const role of ['basic', 'none', 'once']) tokens[role] = await gateway.token(`user-${role}`, role);
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const schema = { type: 'object', properties: {} };

/** Of each format: a tool and another model in its own spelling, and how its SDK shows a refusal: {text, why}. */
const clients = {
  chat: {
    why: 'content_filter',
    tools: [{ type: 'function', function: { name: 'delete_all', parameters: schema } }],
    async ask(apiKey, body, stream) {
      const client = new OpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
      if (!stream) {
        const { choices: [choice] } = await client.chat.completions.create(body);
        return { text: choice.message.content, why: choice.finish_reason };
      }
      // the helper of the SDK throws at content_filter by its own choice; what it stands on does not
      let text = '', why;
      for await (const c of await client.chat.completions.create({ ...body, stream: true })) {
        text += c.choices[0].delta.content ?? '';
        why = c.choices[0].finish_reason ?? why;
      }
      return { text, why };
    },
  },
  responses: {
    why: 'incomplete content_filter',
    tools: [{ type: 'function', name: 'delete_all', parameters: schema, strict: false }],
    async ask(apiKey, body, stream) {
      const client = new OpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
      const show = (r) => ({ text: r.output_text, why: `${r.status} ${r.incomplete_details?.reason}` });
      if (!stream) return show(await client.responses.create(body));
      let last, text = '', number = 0;
      for await (const event of await client.responses.create({ ...body, stream: true })) {
        assert.equal(event.sequence_number, number++);
        if (event.type === 'response.output_text.delta') text += event.delta;
        last = event;
      }
      assert.equal(last.type, 'response.incomplete');
      assert.equal(last.response.output[0].content[0].text, text);
      return { text, why: `${last.response.status} ${last.response.incomplete_details.reason}` };
    },
  },
  messages: {
    why: 'refusal',
    tools: [{ name: 'delete_all', input_schema: schema }],
    async ask(apiKey, body, stream) {
      const client = new Anthropic({ apiKey, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
      const m = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
      return { text: m.content[0].text, why: m.stop_reason };
    },
  },
  google: {
    why: 'SAFETY',
    tools: [{ functionDeclarations: [{ name: 'delete_all', parametersJsonSchema: schema }] }],
    async ask(apiKey, { model = 'gemini-2.5-flash', contents, tools }, stream) {
      const { models } = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${gateway.url}/google` } });
      const options = { model, contents, config: tools ? { tools } : {} };
      if (!stream) {
        const r = await models.generateContent(options);
        return { text: r.text, why: r.candidates[0].finishReason };
      }
      let text = '', why;
      for await (const c of await models.generateContentStream(options)) {
        text += c.text ?? '';
        why = c.candidates[0].finishReason ?? why;
      }
      return { text, why };
    },
  },
};

const refusals = {
  'malicious content': ['malicious_content', 'basic', (f) => f.ask('<script>alert(1)</script>')],
  'a secret': ['secret_detected', 'basic', (f) => f.ask(`my ${secrets['openai key']}`)],
  'a model of no list': ['model_not_allowed', 'basic', (f) => ({ ...f.ask('Hi'), model: 'other-model' })],
  'a tool that the role may not use': ['tool_not_allowed', 'basic', (f, c) => f.ask('Hi', { tools: c.tools })],
  'a provider that the role may not use': ['provider_not_allowed', 'none', (f) => f.ask('Hi')],
};

for (const [name, client] of Object.entries(clients)) {
  const format = formats[name];
  describe(`${name}: refusal native`, () => {
    for (const [what, [code, role, make]] of Object.entries(refusals)) {
      for (const stream of [false, true]) {
        test(`${what}, ${stream ? 'stream' : 'whole'}: the SDK reads ${client.why}`, async () => {
          const before = upstream.requests.length;
          const body = make(format, client);
          const { text, why } = await client.ask(tokens[role], body, stream);
          assert.equal(why, client.why);
          assert.ok(text.length > 8, text);
          assert.ok(!text.includes(secrets['openai key']));

          const { model, ...rest } = body;
          let path = stream ? format.streamPath ?? format.path : format.path;
          if (name === 'google' && model) path = path.replace('gemini-2.5-flash', model);
          const plain = await request(gateway.url, { path, headers: { authorization: `Bearer ${tokens[role]}` }, body: name === 'google' ? rest : { ...body, ...(stream ? { stream } : {}) } });
          assert.equal(plain.status, 200, plain.text);
          assert.equal(plain.headers['x-warder-code'], code);
          assert.match(plain.headers['content-type'], stream ? /^text\/event-stream/ : /^application\/json/);
          if (stream) assert.ok(events(plain.text).length > 0 && plain.text.endsWith('\n\n'));
          const record = await gateway.record(plain.headers['x-request-id']);
          assert.deepEqual([record.decision, record.code, record.stream], ['refused', code, stream]);
          assert.equal(upstream.requests.length, before);
        });
      }
    }

    test('what is no word of the policy stays an error', async () => {
      const send = (key, body) => request(gateway.url, { path: format.path, headers: { authorization: `Bearer ${key}` }, body });
      refused(await send('wrong', format.ask('Hi')), 401, 'invalid_token', format.shape);
      refused(await send(tokens.basic, '{"a":'), 400, 'invalid_json', format.shape);
      refused(await send(tokens.basic, format.ask('x'.repeat(100001))), 400, 'message_too_long', format.shape);
      const key = await gateway.token(`once-${name}`, 'once');
      assert.equal((await send(key, format.ask('Hi'))).status, 200);
      refused(await send(key, format.ask('Hi')), 429, 'rate_limit_exceeded', format.shape);
    });
  });
}

const models = {
  responses: (apiKey) => createOpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1` })('gpt-5'),
  chat: (apiKey) => createOpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1` }).chat('gpt-4o'),
  messages: (apiKey) => createAnthropic({ apiKey, baseURL: `${gateway.url}/anthropic/v1` })('claude-sonnet-4-6'),
  google: (apiKey) => createGoogleGenerativeAI({ apiKey, baseURL: `${gateway.url}/google/v1beta` })('gemini-2.5-flash'),
};
for (const [name, model] of Object.entries(models)) {
  test(`${name}: a Mastra Agent with a list of models takes the refusal for the answer, and asks nobody else`, async () => {
    const apiKey = await gateway.token(`mastra-${name}`, 'basic');
    const agent = new Agent({
      id: 'a', name: 'a', instructions: 'You are a test.',
      model: [model(apiKey), models.chat(apiKey)].map((m) => ({ model: m, maxRetries: 0 })),
    });
    const whole = await agent.generate('<script>alert(1)</script>');
    assert.equal(whole.finishReason, 'content-filter');
    assert.ok(whole.text.length > 8);
    const stream = await agent.stream('<script>alert(1)</script>');
    let text = '';
    for await (const part of stream.textStream) text += part;
    assert.equal(await stream.finishReason, 'content-filter');
    assert.ok(text.length > 8);
    const last = await request(gateway.url, { path: formats.chat.path, headers: { authorization: `Bearer ${apiKey}` }, body: formats.chat.ask('Hi') });
    await gateway.record(last.headers['x-request-id']);
    const said = gateway.records().filter((r) => r.user === `mastra-${name}`);
    assert.deepEqual(said.map((r) => r.code), ['malicious_content', 'malicious_content', '']);
  });
}

describe('F14: WARDER_ENV=production: a switched-off control stops the start and is named', () => {
  const env = { WARDER_ENV: 'production' };
  const off = {
    ENABLE_RATE_LIMITING: { env: { ENABLE_RATE_LIMITING: 'false' } },
    ENABLE_INPUT_VALIDATION: { env: { ENABLE_INPUT_VALIDATION: 'false' } },
    ENABLE_OUTPUT_FILTERING: { env: { ENABLE_OUTPUT_FILTERING: 'false' } },
    ENABLE_AUDIT_LOGGING: { env: { ENABLE_AUDIT_LOGGING: 'false' } },
    'audit.enabled': { policy: (p) => { p.audit = { enabled: false }; } },
    'detect.input.secret': { policy: (p) => { p.detect = { input: { secret: 'off' } }; } },
    'detect.output.pii': { policy: (p) => { p.detect = { output: { pii: 'off' } }; } },
    'input.sanitize': { policy: (p) => { p.input = { sanitize: false }; } },
    'isolation.enabled': { policy: (p) => { p.isolation = { enabled: false }; } },
  };
  for (const [name, options] of Object.entries(off)) {
    test(`F14: ${name}`, async () => {
      await assert.rejects(startGateway({ upstream: upstream.url, ...options, env: { ...options.env, ...env } }), (error) => {
        assert.match(error.message, /ended with \{"code":[1-9]/);
        assert.ok(error.message.includes(name), error.message);
        return true;
      });
      const allowed = await startGateway({ upstream: upstream.url, ...options });
      await allowed.stop();
    });
  }

  test('with every control on it starts', async () => {
    const gw = await startGateway({ upstream: upstream.url, env: { ...env, ENABLE_INPUT_VALIDATION: 'true' } });
    await gw.stop();
  });
});
