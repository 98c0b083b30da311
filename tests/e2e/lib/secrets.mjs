// Planted secrets: shaped like real ones, in pieces so that no scanner of source code takes them for such.
const j = (...parts) => parts.join('');
const alnum = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY';

export const secrets = {
  'openai key': j('sk', '-proj-', alnum, '_', alnum, '-', 'Zz9'),
  'openai legacy key': j('sk', '-', alnum, alnum.slice(0, 16)),
  'openai service account key': j('sk', '-svcacct-', alnum, '_-', alnum),
  'anthropic key': j('sk', '-ant-api03-', alnum, '_', alnum, '-', alnum, 'AA'),
  'google key': j('AI', 'zaSy', alnum, 'K'),
  'aws access key': j('AK', 'IAQ3EGRLXT7WZ5P2MN'),
  'github token': j('gh', 'p_', alnum, 'aB3d'),
  'gitlab token': j('gl', 'pat-', alnum.slice(0, 20)),
  'slack token': j('xo', 'xb-123456789012-1234567890123-', alnum.slice(0, 24)),
  'stripe key': j('sk', '_live_', alnum),
  'json web token': j('ey', 'JhbGciOiJIUzI1NiJ9.', 'ey', 'JzdWIiOiIxMjM0NTY3ODkwIn0.', alnum, alnum.slice(0, 11)),
  'password assignment': j('pass', 'word = Tr0ub4dor-and-3'),
};

export const pem = j('-----BEGIN ', 'RSA PRIVATE KEY-----\n', `${alnum}${alnum}\n`.repeat(4), '-----END ', 'RSA PRIVATE KEY-----');
export const card = '4111 1111 1111 1111';
export const email = j('jane.doe', '@', 'example-corp.com');

/** The part that must not be seen anywhere: for an assignment its value. */
export function core(secret) {
  return secret.includes(' = ') ? secret.split(' = ')[1] : secret;
}

/** Cuts text into pieces of n characters. */
export function pieces(text, n) {
  return Array.from({ length: Math.ceil(text.length / n) }, (_, i) => text.slice(i * n, (i + 1) * n));
}
