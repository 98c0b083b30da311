// warder scan, rules, redact and eval as people and hooks call them. Needs no gateway.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { build } from './lib/process.mjs';

const program = path.join(build, 'warder');
// Shaped like real ones; nobody ever gave them out.
const key = 'AKIA' + 'Q3EGHJK7LMNPQR2T';
const other = 'AKIA' + 'Z7WQX2MNPLKJHG4D';
const example = 'AKIA' + 'IOSFODNN7EXAMPLE';

const top = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-scan-'));
after(() => fs.rmSync(top, { recursive: true, force: true }));
let count = 0;

/** A new folder with these files: {name: text or Buffer}. */
function tree(files = {}) {
  const dir = path.join(top, String(count++));
  fs.mkdirSync(dir);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text);
  }
  return dir;
}

function warder(args, { cwd = top, input = '', env = process.env } = {}) {
  const done = spawnSync(program, args, { cwd, input, env, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60000 });
  return { status: done.status, out: done.stdout, err: done.stderr };
}

const scan = (args, options) => warder(['scan', ...args], options);
const json = (args, options) => JSON.parse(scan(['--format', 'json', ...args], options).out);

function git(cwd, ...args) {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
  const done = spawnSync('git', args, { cwd, env, encoding: 'utf8' });
  assert.equal(done.status, 0, `git ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.trim();
}

test('a clean file, a finding, and what could not be read', () => {
  const dir = tree({ clean: 'nothing\n', key: `k = "${key}"\n` });
  assert.deepEqual(scan(['clean'], { cwd: dir }).status, 0);
  const found = scan(['key'], { cwd: dir });
  assert.equal(found.status, 1);
  assert.equal(found.out, 'key:1:6: critical aws-access-key (api-key): AKIA*** (20 characters)\n');
  assert.match(found.err, /^warder: scan: 1 finding in 1 file \(27 bytes\)\n$/);
  const missing = scan(['nowhere', 'key'], { cwd: dir });
  assert.equal(missing.status, 2);
  assert.match(missing.err, /^warder: scan: nowhere: No such file or directory\n.*NOT everything was looked at\n$/);
  assert.match(missing.out, /^key:1:6/);
});

test('JSON has exactly what was promised', () => {
  const dir = tree({ 'a/b.txt': `\u00e9\u00e9 ${key}\n`, c: 'clean' });
  const got = json(['.'], { cwd: dir });
  assert.deepEqual(Object.keys(got), ['findings', 'files', 'bytes']);
  assert.equal(got.files, 2);
  assert.equal(got.bytes, 31);
  assert.equal(got.findings.length, 1);
  const { fingerprint, ...rest } = got.findings[0];
  assert.match(fingerprint, /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, { path: 'a/b.txt', line: 1, column: 4, end_line: 1, end_column: 24, rule: 'aws-access-key', category: 'secret', kind: 'api-key', severity: 'critical' });
  assert.deepEqual(json(['c'], { cwd: dir }), { findings: [], files: 1, bytes: 5 });
});

test('never the value, in any format', () => {
  const dir = tree({ 'x.env': `PASSWORD="S3cr3t-hunter-99!"\n${key}\n` });
  for (const format of ['text', 'json', 'sarif']) {
    const { out, err, status } = scan(['--format', format, '.'], { cwd: dir });
    assert.equal(status, 1);
    assert.doesNotMatch(out + err, /hunter|Q3EG/);
  }
});

test('standard input: named, or when no path is given', () => {
  for (const args of [[], ['-']]) {
    const got = scan(args, { input: `x\n${key}\n` });
    assert.equal(got.status, 1);
    assert.match(got.out, /^-:2:1: critical/);
  }
  assert.equal(scan([], { input: '' }).status, 0);
});

test('folders: in order, without links, .git and binary files', () => {
  const dir = tree({ 'b/x': key, 'a/y': key, 'B': key, '.git/config': key, bin: Buffer.concat([Buffer.from(key), Buffer.from([0])]), '.hidden': key });
  const outside = tree({ secret: key });
  fs.symlinkSync(outside, path.join(dir, 'link'));
  fs.symlinkSync(path.join(outside, 'secret'), path.join(dir, 'filelink'));
  fs.symlinkSync('.', path.join(dir, 'loop'));
  const got = scan(['.'], { cwd: dir });
  assert.deepEqual(got.out.split('\n').map((l) => l.split(':')[0]), ['.hidden', 'B', 'a/y', 'b/x', '']);
  assert.match(got.err, /1 binary file left out/);
  assert.match(scan(['link'], { cwd: dir }).out, /^link\/secret:1:1/);
  assert.match(scan(['bin'], { cwd: dir }).err, /bin: is no text and was not scanned/);
  for (const name of [dir, `${dir}/`, `${dir}//`]) assert.match(scan([name]).out, new RegExp(`^${dir}/\\.hidden:1:1`));
});

test('the same order however many files there are', () => {
  const files = {};
  for (let i = 0; i < 1000; i++) files[`${i % 7}/${i}`] = i % 3 ? key : `${'clean '.repeat(2000)}`;
  const dir = tree(files);
  const first = scan(['.'], { cwd: dir });
  assert.equal(first.out.trim().split('\n').length, 666);
  for (let i = 0; i < 3; i++) assert.equal(scan(['.'], { cwd: dir }).out, first.out);
  const paths = json(['.'], { cwd: dir }).findings.map((f) => f.path);
  assert.deepEqual(paths, [...paths].sort());
});

test('.gitignore: nested, negated, above the folder, info/exclude; and not', () => {
  const dir = tree({
    '.gitignore': '*.log\n/build/\n!keep.log\n', 'a.log': key, 'keep.log': key, 'build/x': key, 'sub/build/x': key,
    'sub/.gitignore': '!b.log\nonly\n', 'sub/b.log': key, 'sub/only': key, only: key, 'ex': key,
  });
  const names = (args, options = { cwd: dir }) => json(args, options).findings.map((f) => f.path);
  assert.deepEqual(names(['.']), ['ex', 'keep.log', 'only', 'sub/b.log', 'sub/build/x']);
  assert.deepEqual(names(['--no-ignore', '.']).length, 8);
  assert.deepEqual(names(['a.log']), ['a.log']);
  git(dir, 'init', '-q');
  fs.writeFileSync(path.join(dir, '.git/info/exclude'), 'ex\n');
  assert.deepEqual(names(['.']), ['keep.log', 'only', 'sub/b.log', 'sub/build/x']);
  fs.writeFileSync(path.join(dir, '.gitignore'), '/sub/b.log\n');
  fs.rmSync(path.join(dir, 'sub/.gitignore'));
  assert.deepEqual(names(['sub']), ['sub/build/x', 'sub/only']);
  assert.deepEqual(names(['.'], { cwd: path.join(dir, 'sub') }), ['build/x', 'only']);
});

test('.gitignore as git reads it: random lines and trees', () => {
  let dice = 42;
  const roll = (n) => { dice = (dice * 1103515245 + 12345) % 2147483648; return Math.floor(dice / 65536) % n; };
  const pick = (list) => list[roll(list.length)];
  const parts = ['a', 'b', '*', '**', 'a*', '?', '[ab]', '[!a]', 'ab', '*b*', '\\a'];
  for (let round = 0; round < 12; round++) {
    const files = {};
    for (let i = 0; i < 25; i++) files[Array.from({ length: 1 + roll(4) }, () => pick(['a', 'b', 'ab', 'c.x', 'ba'])).join('/') + '/f' + pick(['a', 'b', ''])] = key;
    const lines = () => Array.from({ length: 1 + roll(4) }, () => pick(['', '', '!']) + pick(['', '', '/']) + Array.from({ length: 1 + roll(3) }, () => pick(parts)).join('/') + pick(['', '', '/'])).join('\n');
    files['.gitignore'] = lines();
    const dir = tree(files);
    for (const inner of ['a', 'b']) if (fs.existsSync(path.join(dir, inner))) fs.writeFileSync(path.join(dir, inner, '.gitignore'), lines());
    git(dir, 'init', '-q');
    const want = git(dir, 'ls-files', '--others', '--exclude-standard').split('\n').filter((f) => f && !f.endsWith('.gitignore')).sort();
    const got = json(['.'], { cwd: dir }).findings.map((f) => f.path).sort();
    assert.deepEqual(got, want, `${dir}: ${JSON.stringify(files['.gitignore'])}`);
  }
});

test('names that attack whoever reads them', () => {
  const dir = tree();
  const name = Buffer.concat([Buffer.from(`${dir}/a\n\x1b[2J\u202e`), Buffer.from([0xff]), Buffer.from(' %')]);
  fs.writeFileSync(name, key);
  assert.equal(scan(['.'], { cwd: dir }).out, 'a\\x0a\\x1b[2J\\u{202e}\\xff %:1:1: critical aws-access-key (api-key): AKIA*** (20 characters)\n');
  assert.equal(json(['.'], { cwd: dir }).findings[0].path, 'a\n\x1b[2J\u202e\ufffd %');
  const sarif = json(['--format', 'sarif', '.'], { cwd: dir });
  assert.equal(sarif.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri, 'a%0A%1B%5B2J%E2%80%AE%FF%20%25');
});

test('SARIF 2.1.0', () => {
  const dir = tree({ 'a b.txt': `\ud83d\ude00 ${key}\n${example}\n` });
  const sarif = json(['--format', 'sarif', '.'], { cwd: dir });
  assert.equal(sarif.version, '2.1.0');
  assert.match(sarif.$schema, /sarif-2\.1\.0/);
  const [run] = sarif.runs;
  assert.equal(run.columnKind, 'unicodeCodePoints');
  assert.equal(run.tool.driver.name, 'warder');
  assert.deepEqual(run.invocations, [{ executionSuccessful: true }]);
  assert.equal(run.results.length, 2);
  assert.equal(new Set(run.tool.driver.rules.map((r) => r.id)).size, run.tool.driver.rules.length);
  for (const result of run.results) {
    assert.equal(run.tool.driver.rules[result.ruleIndex].id, result.ruleId);
    assert.equal(result.locations[0].physicalLocation.artifactLocation.uri, 'a%20b.txt');
    assert.match(result.partialFingerprints['warderPlace/v1'], /^[0-9a-f]{32}$/);
    assert.ok(result.message.text.length > 0);
  }
  assert.deepEqual(run.results.map((r) => r.level), ['error', 'note']);
  assert.deepEqual(run.results[0].locations[0].physicalLocation.region, { startLine: 1, startColumn: 3, endLine: 1, endColumn: 23 });
  const again = json(['--format', 'sarif', '.'], { cwd: dir }).runs[0].results;
  assert.deepEqual(again.map((r) => r.partialFingerprints), run.results.map((r) => r.partialFingerprints));
  assert.deepEqual(json(['--format', 'sarif', '-'], { input: '' }).runs[0].results, []);
});

test('a documented example is told, and no finding', () => {
  const got = scan(['-'], { input: `${example}\n` });
  assert.equal(got.status, 0);
  assert.match(got.out, /^-:1:1: low aws-access-key \(api-key, example\)/);
  assert.match(got.err, /0 findings in 1 file .*1 documented example/);
  assert.equal(scan(['--min-severity', 'high', '-'], { input: `${example}\n` }).out, '');
});

test('what is looked for', () => {
  const text = `ann@${'firm-x.com'} <script src=x> ${key}\n`;
  const dir = tree({ a: text });
  const rules = (args, options) => json(args, options).findings.map((f) => f.rule).sort();
  assert.deepEqual(rules(['-'], { input: text }), ['aws-access-key', 'email', 'script-tag']);
  assert.deepEqual(rules(['.'], { cwd: dir }), ['aws-access-key']);
  assert.match(scan(['.'], { cwd: dir }).err, /not shown: 2 of kinds/);
  assert.deepEqual(rules(['a'], { cwd: dir }), ['aws-access-key', 'email', 'script-tag']);
  assert.deepEqual(rules(['--min-severity', 'low', '.'], { cwd: dir }), ['aws-access-key', 'email', 'script-tag']);
  assert.deepEqual(rules(['--category', 'pii,malicious', '.'], { cwd: dir }), ['email', 'script-tag']);
  assert.deepEqual(rules(['--rules', 'email', '.'], { cwd: dir }), ['email']);
  assert.deepEqual(rules(['--rules', 'email,secret', '.'], { cwd: dir }), ['aws-access-key', 'email']);
  assert.deepEqual(rules(['--rules', 'email', '--category', 'secret', '.'], { cwd: dir }), []);
  assert.deepEqual(rules(['--min-severity', 'critical', '.'], { cwd: dir }), ['aws-access-key']);
  for (const [args, said] of [[['--rules', 'nope'], /there is no "nope" \(accepted: secret, .* rules list/], [['--category', 'secret,'], /there is no ""/],
    [['--min-severity', 'x'], /accepted: low, medium, high, critical/], [['--format', 'xml'], /accepted: text, json, sarif/], [['--nope'], /--help/], [['--staged', '--history'], /two runs/]]) {
    const got = scan(args, { input: key });
    assert.equal(got.status, 2, args.join(' '));
    assert.match(got.err, said);
    assert.equal(got.out, '');
  }
});

test('a comment on the line allows', () => {
  const got = scan(['-'], { input: `${key} # warder:allow\n${key}\n${key} # warder:allow=email\n${other} // warder:allow=aws-access-key\n` });
  assert.deepEqual(got.out.match(/^-:\d/gm), ['-:2', '-:3']);
  assert.match(got.err, /2 allowed by a comment/);
});

test('a baseline: what is known is not reported, here and elsewhere', () => {
  const dir = tree({ a: `${key}\n` });
  const wrote = scan(['--write-baseline', 'base.json', 'a'], { cwd: dir });
  assert.equal(wrote.status, 0);
  const text = fs.readFileSync(path.join(dir, 'base.json'), 'utf8');
  assert.ok(!text.includes(key) && JSON.parse(text).findings.length === 1);
  fs.writeFileSync(path.join(dir, 'a'), `moved\n\n  ${key}\n`);
  const known = scan(['--baseline', 'base.json', 'a'], { cwd: dir });
  assert.equal(known.status, 0);
  assert.equal(known.out, '');
  assert.match(known.err, /1 known by the baseline/);
  fs.appendFileSync(path.join(dir, 'a'), `${other}\n`);
  assert.match(scan(['--baseline', 'base.json', 'a'], { cwd: dir }).out, /^a:4:1: [^\n]*\n$/);
  // Written again: the key stays, so that fingerprints do; both are known now.
  assert.equal(scan(['--write-baseline', 'base.json', 'a'], { cwd: dir }).status, 0);
  const now = JSON.parse(fs.readFileSync(path.join(dir, 'base.json'), 'utf8'));
  assert.equal(now.salt, JSON.parse(text).salt);
  assert.ok(now.findings.some((f) => f.fingerprint === JSON.parse(text).findings[0].fingerprint) && now.findings.length === 2);
  assert.equal(scan(['--baseline', 'base.json', 'a'], { cwd: dir }).status, 0);
  assert.deepEqual(json(['--baseline', 'base.json', '-'], { cwd: dir, input: key }).findings, []);
  assert.deepEqual(fs.readdirSync(dir).sort(), ['a', 'base.json']);
  // Another file has another key: the same value, another fingerprint.
  scan(['--write-baseline', 'two.json', 'a'], { cwd: dir });
  assert.ok(!fs.readFileSync(path.join(dir, 'two.json'), 'utf8').includes(now.findings[0].fingerprint));
  for (const bad of ['', '{}', '{"salt":"00","findings":[]}', `{"salt":"${'0'.repeat(64)}","findings":[{"fingerprint":"x"}]}`, '[1]']) {
    fs.writeFileSync(path.join(dir, 'bad'), bad);
    const got = scan(['--baseline', 'bad', 'a'], { cwd: dir });
    assert.equal(got.status, 2, bad);
    assert.match(got.err, /^warder: scan: bad: .+\n$/);
  }
  assert.equal(scan(['--baseline', 'missing', 'a'], { cwd: dir }).status, 2);
});

test('--staged: the index as it would be committed', () => {
  const dir = tree({ old: key });
  git(dir, 'init', '-q');
  assert.equal(scan(['--staged'], { cwd: dir }).status, 0);
  git(dir, 'add', 'old');
  assert.match(scan(['--staged'], { cwd: dir }).out, /^old:1:1/);
  git(dir, 'commit', '-qm', 'one');
  assert.equal(scan(['--staged'], { cwd: dir }).status, 0);
  fs.mkdirSync(path.join(dir, 'sub'));
  const odd = 'sub/ "a\n$(touch hacked)`x`;--';
  fs.writeFileSync(path.join(dir, odd), `x\n${key}`);
  fs.symlinkSync('old', path.join(dir, 'sub/link'));
  git(dir, 'add', '-A');
  fs.writeFileSync(path.join(dir, odd), 'clean now, but not staged');
  const got = json(['--staged'], { cwd: dir });
  assert.deepEqual(got.findings.map((f) => [f.path, f.line]), [[odd, 2]]);
  assert.deepEqual(Object.keys(got.findings[0]).includes('commit'), false);
  assert.equal(json(['--staged', 'sub'], { cwd: dir }).findings.length, 1);
  assert.equal(json(['--staged'], { cwd: path.join(dir, 'sub') }).findings.length, 1);
  assert.equal(json(['--staged', dir]).findings.length, 1);
  git(dir, 'rm', '-q', '--cached', 'old');
  assert.equal(json(['--staged'], { cwd: dir }).findings.length, 1);
  assert.ok(!fs.existsSync(path.join(dir, 'hacked')) && !fs.existsSync(path.join(dir, 'sub/hacked')));
});

test('--history: every blob once, with the first commit that added it', () => {
  const dir = tree({ a: key, c: key });
  git(dir, 'init', '-q');
  assert.equal(scan(['--history'], { cwd: dir }).status, 0);
  git(dir, 'add', '-A');
  git(dir, 'commit', '-qm', 'one');
  const first = git(dir, 'rev-parse', 'HEAD');
  git(dir, 'rm', '-q', 'a', 'c');
  git(dir, 'commit', '-qm', 'two');
  git(dir, 'checkout', '-qb', 'side');
  fs.writeFileSync(path.join(dir, 'side'), `side ${key}`);
  git(dir, 'add', '-A');
  git(dir, 'commit', '-qm', 'side');
  git(dir, 'checkout', '-q', '-');
  git(dir, 'checkout', '-q', first);
  git(dir, 'checkout', '-qb', 'third');
  git(dir, 'merge', '-q', '--no-commit', '--no-ff', 'side');
  fs.writeFileSync(path.join(dir, 'evil'), `in the merge alone\n${other}`);
  fs.writeFileSync(path.join(dir, 'big'), `${'clean words '.repeat(300000)}\n${other}\n`);
  fs.writeFileSync(path.join(dir, 'bigbin'), Buffer.alloc(3 << 20));
  git(dir, 'add', '-A');
  git(dir, 'commit', '-qm', 'merge');
  const merge = git(dir, 'rev-parse', 'HEAD');
  const got = json(['--history'], { cwd: dir });
  assert.deepEqual(got.findings.map((f) => [f.path, f.line]).sort(), [['a', 1], ['big', 2], ['evil', 2], ['side', 1]]);
  assert.equal(got.findings.find((f) => f.path === 'a').commit, first);
  assert.equal(got.findings.find((f) => f.path === 'evil').commit, merge);
  const text = scan(['--history'], { cwd: dir });
  assert.ok(text.out.startsWith(`${first.slice(0, 12)}:a:1:1: critical`), text.out);
  assert.match(text.err, /1 binary file left out/);
});

test('git that is missing, and folders that are none of its', () => {
  const dir = tree({ a: key });
  for (const mode of ['--staged', '--history']) {
    const none = scan([mode], { cwd: dir, env: { ...process.env, PATH: '/nowhere' } });
    assert.equal(none.status, 2);
    assert.match(none.err, /git cannot be run: .*must be installed/);
    const outside = scan([mode], { cwd: dir });
    assert.equal(outside.status, 2);
    assert.match(outside.err, /not a git repository/);
    assert.equal(scan([mode, 'a', 'b'], { cwd: dir }).status, 2);
  }
});

test('what is in a repository runs nothing', () => {
  const dir = tree({ a: key });
  git(dir, 'init', '-q');
  const hook = path.join(dir, 'hook');
  fs.writeFileSync(hook, `#!/bin/sh\ntouch ${dir}/hacked\ncat\n`, { mode: 0o755 });
  for (const [name, value] of [['core.fsmonitor', hook], ['core.pager', hook], ['diff.external', hook], ['diff.x.textconv', hook], ['filter.x.smudge', hook], ['core.hooksPath', dir]]) git(dir, 'config', name, value);
  fs.writeFileSync(path.join(dir, '.gitattributes'), 'a diff=x filter=x\n');
  git(dir, '-c', 'core.fsmonitor=false', '-c', 'filter.x.smudge=', 'add', 'a');
  assert.equal(scan(['--staged'], { cwd: dir }).status, 1);
  assert.equal(scan(['--history'], { cwd: dir }).status, 0);
  assert.ok(!fs.existsSync(path.join(dir, 'hacked')));
});

test('a reader that has seen enough', async () => {
  const dir = tree({ a: `${key}\n`.repeat(9000) });
  const child = spawn(program, ['scan', 'a'], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (d) => { err += d; });
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((done) => child.once('exit', done));
  assert.equal(code, 2);
  assert.doesNotMatch(err, /[Bb]roken pipe/);
});

test('one line of 100 MB, and memory stays', () => {
  const dir = tree();
  const file = path.join(dir, 'long');
  const fd = fs.openSync(file, 'w');
  const chunk = Buffer.from('one long line '.repeat(75000));
  for (let i = 0; i < 100; i++) fs.writeSync(fd, chunk);
  fs.writeSync(fd, `${key}\n`);
  fs.closeSync(fd);
  const limited = spawnSync('bash', ['-c', 'ulimit -v 400000; exec "$0" scan long', program], { cwd: dir, encoding: 'utf8' });
  assert.equal(limited.status, 1, limited.stderr);
  assert.match(limited.out ?? limited.stdout, /^long:1:105000001: critical/);
});

test('rules: list, test, explain', () => {
  const list = JSON.parse(warder(['rules', 'list', '--format', 'json']).out).rules;
  assert.ok(list.length > 10 && list.every((r) => r.id && r.category && r.kind && r.severity && 'pattern' in r && r.directions.length));
  assert.equal(warder(['rules', 'list']).out.trim().split('\n').length, list.length);
  for (const rule of list.filter((r, i) => i % Math.ceil(list.length / 8) === 0)) {
    const told = warder(['rules', 'explain', rule.id]);
    assert.equal(told.status, 0, rule.id);
    for (const line of ['rule', 'category', 'kind', 'severity', 'pattern', 'check']) assert.match(told.out, new RegExp(`^${line} `, 'm'), rule.id);
  }
  assert.match(warder(['rules', 'explain', 'aws-access-key']).out, /^example +A[A-Z0-9]{19} \(made up\)$/m);
  assert.deepEqual(warder(['rules', 'test', 'aws-access-key', `x ${key}`]), { status: 0, out: 'aws-access-key finds 1:3 to 1:23\n', err: '' });
  const missed = warder(['rules', 'test', 'email'], { input: key });
  assert.equal(missed.status, 1);
  assert.match(missed.out, /^email finds nothing\naws-access-key finds 1:1 to 1:21/);
  for (const args of [['rules', 'explain', 'nope'], ['rules', 'nope'], ['rules'], ['rules', 'list', '--format', 'x'], ['rules', 'test']]) assert.equal(warder(args).status, 2, args.join(' '));
});

test('--help at every level', () => {
  for (const args of [[], ['serve'], ['token'], ['audit'], ['scan'], ['rules'], ['redact'], ['eval']]) {
    const got = warder([...args, '--help']);
    assert.equal(got.status, 0, args.join(' '));
    assert.match(got.out, /^usage: /i);
  }
  assert.match(warder(['nope']).err, /accepted: .*scan/);
});

test('redact: a stream that waits for nothing', async () => {
  const child = spawn(program, ['redact'], { stdio: 'pipe' });
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  const until = async (what) => { while (!out.endsWith(what)) await new Promise((done) => child.stdout.once('data', done)); };
  child.stdin.write('hello there ');
  await until('hello there ');
  child.stdin.write(`key ${key.slice(0, 7)}`);
  await until('key ');
  child.stdin.end(`${key.slice(7)} end`);
  assert.equal(await new Promise((done) => child.once('close', done)), 0);
  assert.equal(out, 'hello there key [REDACTED] end');
});

test('redact: --rules', () => {
  const text = `ann@${'firm-x.com'} ${key}\n`;
  assert.equal(warder(['redact'], { input: text }).out, '[REDACTED] [REDACTED]\n');
  assert.equal(warder(['redact', '--rules', 'pii'], { input: text }).out, `[REDACTED] ${key}\n`);
  assert.equal(warder(['redact', '--rules', 'email'], { input: text }).out, `[REDACTED] ${key}\n`);
  assert.equal(warder(['redact', '--rules', 'email,secret'], { input: text }).out, '[REDACTED] [REDACTED]\n');
  const bad = warder(['redact', '--rules', 'nope'], { input: text });
  assert.equal(bad.status, 2);
  assert.equal(bad.out, '');
});

test('eval: one answer a line, in order, ids as they came', () => {
  const lines = ['{"id":7,"input":"hi"}', `{"id":{"a":[null,1.50]},"output":"${key}"}`, '', '{"id":"x","input":1}', 'no json', '{"input":"a","role":"king"}', `{"input":"${key}","output":"ann@${'firm-x.com'}","role":"document"}`, '{"id":null,"input":""}'];
  const got = warder(['eval'], { input: lines.join('\n') });
  assert.equal(got.status, 2);
  assert.match(got.err, /^warder: eval: standard input:4: input and output must be strings, and more lines/);
  const answers = got.out.trim().split('\n');
  assert.equal(answers.length, 7);
  assert.equal(answers[0], '{"id":7,"score":1,"severity":"none","issues":[]}');
  assert.ok(answers[1].startsWith('{"id":{"a":[null,1.50]},"score":0,"severity":"critical","issues":[{"rule":"aws-access-key"'), answers[1]);
  const parsed = answers.map((a) => JSON.parse(a));
  assert.deepEqual([2, 3, 4].map((i) => typeof parsed[i].error), ['string', 'string', 'string']);
  assert.equal(parsed[2].id, 'x');
  assert.deepEqual(parsed[5].issues.map((i) => [i.rule, i.direction]), [['aws-access-key', 'input'], ['email', 'output']]);
  assert.equal(parsed[5].score, 0);
  const clean = warder(['eval'], { input: '{"input":"hi"}\r\n' });
  assert.deepEqual(clean, { status: 0, out: '{"id":null,"score":1,"severity":"none","issues":[]}\n', err: '' });
  assert.equal(warder(['eval', '/nowhere']).status, 2);
});

test('eval: a long id, and answers before the next line comes', async () => {
  const id = 'i'.repeat(5 << 20);
  assert.equal(JSON.parse(warder(['eval'], { input: `{"id":"${id}","input":"x"}` }).out).id, id);
  const child = spawn(program, ['eval'], { stdio: 'pipe' });
  for (let i = 0; i < 3; i++) {
    child.stdin.write(`{"id":${i},"input":"x"}\n`);
    const [answer] = await new Promise((done) => child.stdout.once('data', (...d) => done(d)));
    assert.equal(JSON.parse(answer).id, i);
  }
  child.stdin.end();
  assert.equal(await new Promise((done) => child.once('exit', done)), 0);
});
