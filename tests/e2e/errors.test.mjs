// F54: what a developer reads when the gateway says no, in each SDK's own exception. F53: how streams end when they must.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { Agent } from '@mastra/core/agent';
import OpenAI from 'openai';
import { readable } from './lib/check.mjs';
import { request } from './lib/client.mjs';
import { startGateway } from './lib/gateway.mjs';
import { secrets } from './lib/secrets.mjs';
import { formats, say, sse, startUpstream, streamOf, write } from './lib/upstream.mjs';

let upstream, gateway;
const tokens = {};

before(async () => {
  upstream = await startUpstream(say('Fine.'));
  gateway = await startGateway({
    upstream: upstream.url,
    policy(p) {
      p.roles.none = { providers: ['groq'], tools: ['*'] };
      p.roles.once = { providers: ['*'], tools: ['*'], limit: '1/1h' };
      p.providers.groq = { format: 'openai', url: `${upstream.url}/openai`, keys: ['env:OPENAI_API_KEY'], models: ['llama-*'] };
    },
  });
  for (const role of ['enterprise', 'none']) tokens[role] = await gateway.token('alice', role);
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** Each client: name, format, how it asks with this key, base and text, how it shows status and headers. */
const clients = {
  'openai chat': {
    format: 'chat',
    ask: (apiKey, text, base, stream) => new OpenAI({ apiKey, baseURL: `${base}/openai/v1`, maxRetries: 0 }).chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: text }], stream }),
  },
  'openai responses': {
    format: 'responses',
    ask: (apiKey, text, base, stream) => new OpenAI({ apiKey, baseURL: `${base}/openai/v1`, maxRetries: 0 }).responses.create({ model: 'gpt-5', input: text, stream }),
  },
  anthropic: {
    format: 'messages',
    ask: (apiKey, text, base, stream) => new Anthropic({ apiKey, baseURL: `${base}/anthropic`, maxRetries: 0 }).messages.create({ model: 'claude-sonnet-4-6', max_tokens: 9, messages: [{ role: 'user', content: text }], stream }),
  },
  google: {
    format: 'google', headless: true,
    ask: (apiKey, text, base, stream) => {
      const { models } = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${base}/google` } });
      const options = { model: 'gemini-2.5-flash', contents: text };
      return stream ? models.generateContentStream(options) : models.generateContent(options);
    },
  },
};

const providers = {
  'mastra, openai': { format: 'responses', model: (apiKey, base) => createOpenAI({ apiKey, baseURL: `${base}/openai/v1` })('gpt-5') },
  'mastra, openai chat': { format: 'chat', model: (apiKey, base) => createOpenAI({ apiKey, baseURL: `${base}/openai/v1` }).chat('gpt-4o') },
  'mastra, anthropic': { format: 'messages', model: (apiKey, base) => createAnthropic({ apiKey, baseURL: `${base}/anthropic/v1` })('claude-sonnet-4-6') },
  'mastra, google': { format: 'google', model: (apiKey, base) => createGoogleGenerativeAI({ apiKey, baseURL: `${base}/google/v1beta` })('gemini-2.5-flash') },
  'mastra, id and url': { format: 'chat', model: (apiKey, base) => ({ id: 'openai/gpt-4o', url: `${base}/openai/v1`, apiKey }) },
};

for (const [name, { format, model }] of Object.entries(providers)) {
  clients[name] = {
    format, mastra: true,
    ask: async (apiKey, text, base, stream) => {
      const agent = new Agent({ id: 'a', name: 'a', instructions: 'You are a test.', model: model(apiKey, base) });
      if (!stream) return agent.generate(text);
      const out = await agent.stream(text);
      return (async function* errors() {
        for await (const part of out.fullStream) {
          if (part.type === 'error') throw part.payload.error;
          yield part;
        }
      })();
    },
  };
}

const once = async () => {
  const token = await gateway.token(`once${Math.random()}`, 'once');
  await request(gateway.url, { path: formats.chat.path, headers: { authorization: `Bearer ${token}` }, body: formats.chat.ask('Hi') });
  return token;
};

const cases = {
  '401 invalid_token': { key: () => 'wdr_wrong', words: /token/i },
  '403 provider_not_allowed': { key: () => tokens.none, words: /may not use the provider/ },
  '400 malicious_content': { key: () => tokens.enterprise, text: 'x <script>alert(1)</script>', words: /\w+ \w+ \w+/ },
  '429 rate_limit_exceeded': { key: once, words: /rate limit exceeded \(scope: role\)/ },
  '404 unknown_route': { key: () => tokens.enterprise, base: '/nowhere', words: /\w+ \w+/ },
};

for (const [name, client] of Object.entries(clients)) {
  describe(`F54: ${name}`, () => {
    for (const [what, { key, text = 'Hi', base = '', words }] of Object.entries(cases)) {
      const [status, code] = [Number(what.split(' ')[0]), what.split(' ')[1]];

      test(`F54: ${what}`, async () => {
        const apiKey = await key();
        const before = upstream.requests.length;
        // What the gateway says on the wire is what the exception must say.
        const f = formats[client.format];
        const plain = await request(gateway.url, { path: base + f.path, headers: { authorization: `Bearer ${apiKey}` }, body: f.ask(text) });
        assert.equal(plain.status, status, plain.text);
        assert.equal(plain.headers['x-warder-code'], code);
        readable(plain, status, base === '' ? f.shape : undefined);
        const message = plain.json.error.message;
        assert.match(message, words);

        await assert.rejects(async () => client.ask(apiKey, text, gateway.url + base, false), (error) => {
          assert.ok(error.message.includes(message.slice(0, 25)), `${error.name} says: ${error.message}, not: ${message}`);
          if (client.mastra) return true;
          assert.equal(error.status, status);
          if (client.headless) return true;
          assert.equal(error.headers.get('x-warder-code'), code);
          assert.match(error.headers.get('x-request-id'), /^\S{8,}$/);
          if (client.format === 'chat' && base === '') assert.equal(error.code, code);
          if (status === 429) assert.match(error.headers.get('retry-after'), /^\d+$/);
          return true;
        });
        assert.equal(upstream.requests.length, before);
      });
    }

    const endings = {
      'an event that cannot be read': async (res, list) => {
        for (const event of list) await write(res, event);
        res.end('data: {"broken\n\n');
      },
      'an end without terminator': async (res, list) => {
        for (const event of list) await write(res, event);
        res.end();
      },
      'a connection that is cut': async (res, list) => {
        for (const event of list) await write(res, event);
        res.socket.destroy();
      },
    };

    for (const [what, finish] of Object.entries(endings)) {
      test(`F53: ${what} in mid-stream is an exception, and the model is not called again`, async () => {
        const list = streamOf(client.format, ['Hello ', 'dear ', 'friend ', 'of ', 'mine ']);
        const cut = list.findIndex((e) => e.includes('mine')) + 1;
        const before = upstream.requests.length;
        upstream.handle = async (req, res) => {
          sse(res);
          await finish(res, list.slice(0, cut));
        };
        try {
          await assert.rejects(async () => {
            for await (const event of await client.ask(tokens.enterprise, 'Hi', gateway.url, true)) {
              // The plain iteration of Responses shows a failure as an event.
              if (event.type === 'response.failed') throw new Error(event.response.error.message);
              if (event.type === 'error') throw new Error(event.message ?? event.error?.message);
            }
          }, (error) => {
            assert.match(error.message ?? JSON.stringify(error), /provider/i);
            return true;
          });
        } finally {
          upstream.handle = say('Fine.');
        }
        assert.equal(upstream.requests.length, before + 1);
      });
    }

    test('F54: an error of the provider is shown with its words, without its secrets', async () => {
      const message = `The model is overloaded, key ${secrets['openai key']}`;
      upstream.handle = (req, res) => {
        const bodies = { messages: { type: 'error', error: { type: 'overloaded_error', message }, request_id: 'r' }, google: { error: { code: 503, message, status: 'UNAVAILABLE' } } };
        res.writeHead(503, { 'content-type': 'application/json' });
        res.end(JSON.stringify(bodies[client.format] ?? { error: { message, type: 'server_error', param: null, code: null } }));
      };
      try {
        await assert.rejects(async () => client.ask(tokens.enterprise, 'Hi', gateway.url, false), (error) => {
          assert.match(error.message, /The model is overloaded, key \[REDACTED\]/);
          return true;
        });
      } finally {
        upstream.handle = say('Fine.');
      }
    });
  });
}
