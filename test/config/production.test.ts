/** What an issuer on https must not run on is refused by the command itself; what may be meant is said (checklist PR-09). */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError, configurationWarnings, loadConfig } from '../../src/config/config.ts';
import { sealingKeys } from '../../src/config/sealing-key.ts';
import { ask } from '../http/served.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';

const https = 'https://id.example.com';
const base64 = (bytes: Buffer | string) => Buffer.from(bytes).toString('base64');
const typed: Readonly<Record<string, string>> = {
  'nothing but zeros': base64(Buffer.alloc(32)),
  'the same byte': `${'A'.repeat(43)}=`,
  'a sentence': base64('correct horse battery staple now'),
  'hexadecimal digits': base64(randomBytes(16).toString('hex')),
  'bytes that count': base64(Buffer.from(Array.from({ length: 32 }, (_, at) => 0x80 + (at % 16)))),
};

describe('config/production', function () {
  this.timeout(240_000);
  let home: string;
  let running: LintelProcess | undefined;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lintel-production-'));
  });
  afterEach(async () => {
    running?.signal('SIGKILL');
    await running?.ended;
    running = undefined;
    rmSync(home, { recursive: true, force: true });
  });

  const folder = () => `pglite:${home}/data/db`;
  /** What the process says before it ends by itself, never having answered. */
  const refusal = (environment: Record<string, string>): Promise<string> =>
    startProcess({ environment: { LINTEL_DATABASE_URL: folder(), ...environment } }).then(
      (started) => {
        running = started;
        return 'it started';
      },
      (error: Error) => error.message,
    );

  it('PR-09: the command refuses plain http off loopback, a database in memory, guessable keys and a missing one; nothing is made', async () => {
    const guessable = Object.values(typed)[1] ?? '';
    const refused: [Record<string, string>, RegExp][] = [
      [{ LINTEL_URL: 'http://id.example.com' }, /LINTEL_URL must be https/],
      [{ LINTEL_URL: 'http://192.168.1.2:3000' }, /LINTEL_URL must be https/],
      [{ LINTEL_URL: https, LINTEL_DATABASE_URL: 'pglite::memory:' }, /LINTEL_DATABASE_URL is in memory/],
      [{ LINTEL_URL: https, LINTEL_KEY: guessable }, /LINTEL_KEY can be guessed/],
      [
        { LINTEL_URL: https, LINTEL_BOOTSTRAP_API_KEY: 'devdevdev'.repeat(5) },
        /LINTEL_BOOTSTRAP_API_KEY can be guessed/,
      ],
      // Cookies, forms and everything sealed hang on it.
      [{ LINTEL_URL: https, LINTEL_DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /LINTEL_KEY is required/],
    ];
    for (const [environment, sentence] of refused) {
      const said = await refusal(environment);
      expect(said, JSON.stringify(environment))
        .to.match(/ended with 1:\nLintel did not start\. /)
        .and.match(sentence);
      expect(said).not.to.include(guessable).and.not.to.include('devdevdev');
    }
    expect(existsSync(join(home, 'data')), 'no folder, no key').to.equal(false);
  });

  it('PR-09: with https the embedded database starts, without anything of development', async () => {
    running = await startProcess({ environment: { LINTEL_DATABASE_URL: folder(), LINTEL_URL: https } });
    expect(running.output()).to.include('Lintel warns. LINTEL_SMTP_URL is not set');
    const headers = { host: 'id.example.com' };
    for (const path of [
      '/dev/mail',
      '/dev/mail/01900000-0000-7000-8000-000000000000',
      '/interaction/x',
      '/oauth/interaction/x',
      '/oauth/interaction/x/login',
    ]) {
      const answer = await ask(running.port, path, { headers });
      expect([answer.status, answer.text.includes('mailbox')], path).to.deep.equal([404, false]);
    }
    const keys = JSON.parse((await ask(running.port, '/oauth/jwks', { headers })).text) as { keys: { kid: string }[] };
    expect(keys.keys.length).to.be.greaterThan(0);
    // The library’s own keys for development are one set for everybody.
    expect(keys.keys.map(({ kid }) => kid)).not.to.include('keystore-CHANGE-ME');
    const asked = await ask(running.port, '/oauth/authorize?client_id=x', {
      headers: { ...headers, accept: 'text/html' },
    });
    expect([asked.status, asked.headers['strict-transport-security']]).to.deep.equal([
      400,
      'max-age=63072000; includeSubDomains',
    ]);
    for (const cookie of asked.headers['set-cookie'] ?? []) expect(cookie).to.match(/^__Host-.*secure/i);
  });

  it('PR-09: a key that was typed is refused with https, whatever it looks like; the one before it may still open', () => {
    const configured = (key: string, url = https) =>
      loadConfig({ LINTEL_URL: url, LINTEL_DATABASE_URL: folder(), LINTEL_KEY: key });
    const good = base64(randomBytes(32));
    for (const [what, key] of Object.entries(typed)) {
      expect(() => configured(key), what).to.throw(ConfigurationError, /^LINTEL_KEY can be guessed/);
      expect(() => configured(`${key},${good}`), what).to.throw(ConfigurationError, /can be guessed/);
      expect(sealingKeys(configured(`${good},${key}`)), what).to.deep.equal([good, key]);
      expect(sealingKeys(configured(key, 'http://localhost:3000')), 'in development').to.deep.equal([key]);
    }
    for (let round = 0; round < 2000; round += 1) sealingKeys(configured(base64(randomBytes(32))));
  });

  it('PR-09: a key for the first start that can be guessed is refused with https', () => {
    const configured = (key: string, url = https) =>
      loadConfig({ LINTEL_URL: url, LINTEL_DATABASE_URL: folder(), LINTEL_BOOTSTRAP_API_KEY: key });
    for (const key of ['x'.repeat(40), 'dev-key-'.repeat(5), '1234567'.repeat(6)])
      expect(() => configured(key), key).to.throw(ConfigurationError, /^LINTEL_BOOTSTRAP_API_KEY can be guessed/);
    for (const key of [randomBytes(32).toString('hex'), `ltl_key_${randomBytes(32).toString('base64url')}`])
      expect(configured(key).bootstrap_api_key).to.equal(key);
    expect(configured('x'.repeat(40), 'http://localhost').development).to.equal(true);
  });

  it('PR-09: says what works and may not be meant', () => {
    const warned = (environment: Record<string, string>) =>
      configurationWarnings(loadConfig({ LINTEL_DATABASE_URL: folder(), ...environment })).join('\n');
    expect(warned({})).to.equal('');
    expect(warned({ LINTEL_HOST: '127.0.0.1' })).to.equal('');
    expect(warned({ LINTEL_HOST: '0.0.0.0' })).to.match(/plain http.*LINTEL_HOST is 0\.0\.0\.0.*\/dev\/mail/);
    expect(warned({ LINTEL_HOST: '0.0.0.0', LINTEL_URL: https })).to.match(/^LINTEL_SMTP_URL is not set/);
    expect(warned({ LINTEL_URL: https, LINTEL_SMTP_URL: 'smtps://mail.example.com' })).to.equal('');
  });
});
