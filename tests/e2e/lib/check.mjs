// What every refusal must look like, whoever made it.
import assert from 'node:assert/strict';

/** The answer refuses with this status and code, readable in this format, and carries its request id. */
export function refused(answer, status, code, shape) {
  assert.equal(answer.status, status, `expected ${status} ${code}, got ${answer.status}: ${answer.text.slice(0, 400)}`);
  assert.equal(answer.headers['x-warder-code'], code);
  assert.match(answer.headers['x-request-id'] ?? '', /^\S{8,}$/);
  readable(answer, status, shape);
}

/** An error body that the SDK of this format shows as words. */
export function readable(answer, status, shape) {
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  const body = answer.json;
  assert.equal(typeof body.error?.message, 'string', answer.text);
  assert.ok(body.error.message.length > 8, answer.text);
  assert.doesNotMatch(answer.text, /<html|nginx/i);
  if (shape === 'openai') {
    assert.equal(typeof body.error.type, 'string');
    assert.ok('param' in body.error && 'code' in body.error, answer.text);
  } else if (shape === 'anthropic') {
    assert.equal(body.type, 'error');
    assert.equal(typeof body.error.type, 'string');
    assert.equal(body.request_id, answer.headers['x-request-id']);
  } else if (shape === 'google') {
    assert.equal(body.error.code, status);
    assert.match(body.error.status, /^[A-Z_]+$/);
  }
}
