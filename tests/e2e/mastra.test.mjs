// A Mastra agent through the gateway to the demo provider: generate, stream, a tool loop, each provider, each way to name a model.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { Agent } from '@mastra/core/agent';
import { MastraModelGateway } from '@mastra/core/llm';
import { Mastra } from '@mastra/core/mastra';
import { createTool } from '@mastra/core/tools';
import { z } from 'zod';
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

const answer = 'Demo answer to: Weather in Lyon?';
const models = {
  'openai instance, responses': () => createOpenAI({ apiKey, baseURL: `${gateway.url}/v1` })('gpt-5'),
  'openai instance, chat': () => createOpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1` }).chat('gpt-4o'),
  'anthropic instance': () => createAnthropic({ apiKey, baseURL: `${gateway.url}/v1` })('claude-sonnet-4-6'),
  'anthropic instance, own prefix': () => createAnthropic({ apiKey, baseURL: `${gateway.url}/anthropic/v1` })('claude-sonnet-4-6'),
  'google instance': () => createGoogleGenerativeAI({ apiKey, baseURL: `${gateway.url}/v1beta` })('gemini-2.5-flash'),
  'google instance, own prefix': () => createGoogleGenerativeAI({ apiKey, baseURL: `${gateway.url}/google/v1beta` })('gemini-2.5-flash'),
  'id and url, chat': () => ({ id: 'openai/gpt-4o', url: `${gateway.url}/v1`, apiKey }),
  'id and url, responses': () => ({ id: 'openai/gpt-5', url: `${gateway.url}/openai/v1`, apiKey, api: 'responses' }),
};

function makeTool(calls) {
  return createTool({
    id: 'get_weather', description: 'Get weather for a city', inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => { calls.push(city); return { temp: 21 }; },
  });
}

function agentTests(make) {
  test('generate', async () => {
    const r = await make({}).generate('Weather in Lyon?');
    assert.equal(r.text, answer);
    assert.ok((r.totalUsage ?? r.usage).totalTokens > 0);
  });

  test('stream', async () => {
    const parts = [];
    for await (const part of (await make({}).stream('Weather in Lyon?')).textStream) parts.push(part);
    assert.equal(parts.join(''), answer);
    assert.ok(parts.length > 3);
  });

  for (const stream of [false, true]) {
    test(`tool loop, stream ${stream}`, async () => {
      const calls = [];
      const agent = make({ tools: { getWeather: makeTool(calls) } });
      const r = await (stream ? agent.stream('Weather in Lyon?') : agent.generate('Weather in Lyon?'));
      const text = stream ? await r.text : r.text;
      assert.ok(text.includes(`${answer} The tool said: `) && text.includes('{"temp":21}'), text);
      assert.deepEqual(calls, ['Paris']);
    });
  }
}

for (const [name, model] of Object.entries(models)) {
  describe(`mastra agent, ${name}`, () => {
    agentTests((more) => new Agent({ id: 'a', name: 'a', instructions: 'You are a test.', model: model(), ...more }));
  });
}

class WarderGateway extends MastraModelGateway {
  id = 'warder';
  name = 'Warder';

  async fetchProviders() {
    const entry = (name, id) => ({ name, models: [id], apiKeyEnvVar: 'WARDER_TOKEN', gateway: 'warder' });
    return { openai: entry('OpenAI', 'gpt-5'), anthropic: entry('Anthropic', 'claude-sonnet-4-6'), google: entry('Google', 'gemini-2.5-flash') };
  }

  buildUrl() { return gateway.url; }

  async getApiKey() { return apiKey; }

  resolveLanguageModel({ providerId, modelId, headers }) {
    if (providerId === 'openai') return createOpenAI({ apiKey, baseURL: `${gateway.url}/v1`, headers }).responses(modelId);
    if (providerId === 'anthropic') return createAnthropic({ apiKey, baseURL: `${gateway.url}/v1`, headers })(modelId);
    return createGoogleGenerativeAI({ apiKey, baseURL: `${gateway.url}/v1beta`, headers })(modelId);
  }
}

for (const id of ['openai/gpt-5', 'anthropic/claude-sonnet-4-6', 'google/gemini-2.5-flash']) {
  describe(`mastra agent, custom gateway, ${id}`, () => {
    agentTests((more) => {
      const agent = new Agent({ id: 'a', name: 'a', instructions: 'You are a test.', model: `warder/${id}`, ...more });
      return new Mastra({ agents: { a: agent }, gateways: { warder: new WarderGateway() }, logger: false }).getAgent('a');
    });
  });
}
