// Certificates for one test file, made with the openssl command.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A folder of certificates below one root; remove() when done. */
export function certificates() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'warder-tls-'));
  const at = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  const read = (name) => fs.readFileSync(at(name), 'utf8');
  const authority = ['-addext', 'basicConstraints=critical,CA:true', '-addext', 'keyUsage=critical,keyCertSign'];

  /** issuer null: signed by itself. */
  function make(name, issuer, days, extensions) {
    if (issuer === null) return openssl('req', '-x509', ...curve, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', String(days), ...extensions);
    openssl('req', '-new', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, ...extensions);
    return openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', String(days), '-copy_extensions', 'copy', '-out', `${name}.pem`);
  }

  // nginx looks one step deep unless it is told otherwise
  const chain = ['root', 'first', 'second', 'third'];
  chain.forEach((name, i) => make(name, chain[i - 1] ?? null, 30, authority));
  let leaves = 0;

  return {
    dir,
    ca: at('root.pem'),
    /** {cert, key} for a TLS server and the same as files: the chain without the root. days below 0: expired. */
    leaf(host, { issuer = 'third', days = 30 } = {}) {
      const name = `leaf${++leaves}`;
      make(name, issuer, days, ['-addext', `subjectAltName=DNS:${host}${host === 'localhost' ? ',IP:127.0.0.1' : ''}`]);
      const above = issuer === null ? [] : chain.slice(1, chain.indexOf(issuer) + 1).reverse();
      fs.writeFileSync(at(`${name}.chain`), [name, ...above].map((n) => read(`${n}.pem`)).join(''));
      return { cert: read(`${name}.chain`), key: read(`${name}.key`), certFile: at(`${name}.chain`), keyFile: at(`${name}.key`) };
    },
    remove() {
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
