import { expect } from 'chai';
import { ConfigurationError, configurationReference, isLoopback, loadConfig } from '../../src/config/config.ts';

const refused = (environment: Record<string, string>): string => {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
};

describe('config', () => {
  it('needs nothing: the defaults are the embedded database on localhost', () => {
    const config = loadConfig({});
    expect(config).to.include({
      port: 3000,
      host: 'localhost',
      url: 'http://localhost:3000',
      database_url: 'pglite:./data/db',
      development: true,
    });
    expect(Object.isFrozen(config)).to.equal(true);
  });

  it('moves the development issuer with the port, unless the issuer is said', () => {
    expect(loadConfig({ PORT: '3100' }).url).to.equal('http://localhost:3100');
    expect(loadConfig({ PORT: '3100', LINTEL_URL: 'https://id.example.com' }).url).to.equal('https://id.example.com');
  });

  it('UP-08: refuses a name under the prefix that it does not know, and names it', () => {
    expect(refused({ LINTEL_TRUSTED_PROXY: '10.0.0.1' })).to.match(/LINTEL_TRUSTED_PROXY is not a setting/);
    expect(refused({ LINTEL_PORT: '1' })).to.match(/LINTEL_PORT/);
    expect(loadConfig({ LINTEL_TEST_DATABASE_URL: 'x', PATH: '/bin', HOME: '/' }).port).to.equal(3000);
  });

  it('PR-09: refuses a plain http issuer outside of loopback', () => {
    for (const url of [
      'http://id.example.com',
      'http://192.168.1.2',
      'http://localhost.example.com',
      'http://127.0.0.1.nip.io',
      'http://0.0.0.0',
    ]) {
      expect(refused({ LINTEL_URL: url }), url).to.match(/must be https/);
    }
    for (const url of ['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:3000']) {
      expect(loadConfig({ LINTEL_URL: url }).development, url).to.equal(true);
    }
    expect(loadConfig({ LINTEL_URL: 'https://id.example.com/' })).to.include({
      url: 'https://id.example.com',
      development: false,
    });
  });

  it('refuses a mail server that no mail could be sent to', () => {
    for (const url of ['mail.example.com', 'http://mail.example.com', 'smtp://']) {
      expect(refused({ LINTEL_SMTP_URL: url }), url).to.match(/LINTEL_SMTP_URL must begin with smtp/);
    }
    expect(loadConfig({ LINTEL_SMTP_URL: 'smtps://me:pw@mail.example.com:465' }).smtp_url).to.match(/^smtps:/);
  });

  it('takes an origin as issuer, nothing longer', () => {
    for (const url of [
      'https://id.example.com/path',
      'https://id.example.com?x=1',
      'https://id.example.com#x',
      'ftp://x',
      'id.example.com',
      'javascript:alert(1)',
    ]) {
      expect(refused({ LINTEL_URL: url }), url).to.match(/LINTEL_URL must be/);
    }
  });

  it('says what is wrong with a number or a choice', () => {
    expect(refused({ PORT: 'http' })).to.equal('PORT must be a whole number from 0 to 65535.');
    expect(refused({ PORT: '65536' })).to.match(/PORT/);
    expect(refused({ PORT: '-1' })).to.match(/PORT/);
    expect(refused({ PORT: '3e3' })).to.match(/PORT/);
    expect(refused({ LINTEL_DATABASE_POOL: '1' })).to.match(/LINTEL_DATABASE_POOL must be a whole number from 2/);
    expect(refused({ LINTEL_LOG_LEVEL: 'loud' })).to.match(/one of trace, debug/);
  });

  it('SD-10: has no metrics port unless one is given, which is another one than the main one, on loopback', () => {
    expect(loadConfig({}).metrics_port).to.equal(undefined);
    expect(loadConfig({ LINTEL_METRICS_PORT: '' }).metrics_port).to.equal(undefined);
    expect(loadConfig({ LINTEL_METRICS_PORT: '9464' })).to.include({ metrics_port: 9464, metrics_host: 'localhost' });
    for (const value of ['0', '65536', 'on', '-1'])
      expect(refused({ LINTEL_METRICS_PORT: value })).to.equal(
        'LINTEL_METRICS_PORT must be a whole number from 1 to 65535.',
      );
    expect(refused({ PORT: '3100', LINTEL_METRICS_PORT: '3100' })).to.match(/another port than PORT/);
  });

  it('refuses a database of another kind', () => {
    for (const address of ['mysql://x', './data', 'sqlite:x']) {
      expect(refused({ LINTEL_DATABASE_URL: address })).to.match(/must begin with pglite: or postgres/);
    }
  });

  it('takes no database in memory from a folder without a name', () => {
    expect(refused({ LINTEL_DATABASE_URL: 'pglite:' })).to.match(/^LINTEL_DATABASE_URL names no folder: .*:memory:/);
    expect(loadConfig({ LINTEL_DATABASE_URL: 'pglite::memory:' }).database_url).to.equal('pglite::memory:');
  });

  it('refuses an address of PostgreSQL that is none, and says how its password is written', () => {
    const key = 'A'.repeat(43);
    for (const url of [
      'postgres://u:p@h:99999/x',
      'postgres://u:p@a b/x',
      'postgres://u:p/w@h/x',
      'postgres://u:p@ss#word@h/x',
      'postgres://u:p@ss@h/x',
      'postgres://u:p#ss@h/x',
    ])
      expect(() => loadConfig({ LINTEL_DATABASE_URL: url, LINTEL_KEY: key }), url)
        .to.throw(ConfigurationError, /^LINTEL_DATABASE_URL is no address, .*%40/)
        .with.property('message')
        .that.does.not.include(url);
    for (const url of [
      'postgres://',
      'postgres:///x?host=/run/postgresql',
      'postgres://u@/x',
      'postgresql://u:%2F@h:1/x',
    ])
      expect(loadConfig({ LINTEL_DATABASE_URL: url, LINTEL_KEY: key }).database_url).to.equal(url);
  });

  it('SD-05: asks for the sealing key on PostgreSQL', () => {
    expect(refused({ LINTEL_DATABASE_URL: 'postgres://localhost/lintel' })).to.match(/LINTEL_KEY is required/);
  });

  it('AU-06: refuses a bootstrap key that could be guessed', () => {
    expect(refused({ LINTEL_BOOTSTRAP_API_KEY: 'x'.repeat(31) })).to.match(/32 characters/);
  });

  it('treats empty as absent, and splits lists', () => {
    expect(loadConfig({ PORT: '', LINTEL_TRUSTED_PROXIES: ' 10.0.0.0/8, ,::1 ' })).to.deep.include({
      port: 3000,
      trusted_proxies: ['10.0.0.0/8', '::1'],
    });
  });

  it('takes hosts that may be reached as addresses name them, and refuses what would never match', () => {
    const allowed = (LINTEL_EGRESS_ALLOW: string) => loadConfig({ LINTEL_EGRESS_ALLOW }).egress_allow;
    expect(allowed('IdP.Corp.Example, 10.0.3.7:8443,[FD00::7]:443, bücher.example')).to.deep.equal([
      'idp.corp.example',
      '10.0.3.7:8443',
      '[fd00::7]:443',
      'xn--bcher-kva.example',
    ]);
    for (const wrong of [
      'https://idp.corp.example',
      'idp/x',
      '*.corp',
      '10.0.0.0/8',
      '::1',
      'a:0',
      'a:99999',
      'a:',
      'u@h',
      'a b',
    ])
      expect(refused({ LINTEL_EGRESS_ALLOW: `localhost,${wrong}` }), wrong)
        .to.include(`LINTEL_EGRESS_ALLOW has "${wrong}"`)
        .and.include('idp.corp.example,10.0.3.7:8443');
  });

  it('never prints a value: messages name the setting only', () => {
    expect(refused({ LINTEL_BOOTSTRAP_API_KEY: 'canary-7f3a' })).not.to.include('canary');
  });

  it('knows loopback from what looks like it', () => {
    for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'])
      expect(isLoopback(host), host).to.equal(true);
    for (const host of [
      'localhost.',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '128.0.0.1',
      '::',
      '0.0.0.0',
      '',
    ]) {
      expect(isLoopback(host), host).to.equal(false);
    }
  });

  it('prints a row for each setting', () => {
    const page = configurationReference();
    for (const name of [
      'PORT',
      'LINTEL_HOST',
      'LINTEL_URL',
      'LINTEL_DATABASE_URL',
      'LINTEL_KEY',
      'LINTEL_BOOTSTRAP_API_KEY',
      'LINTEL_SMTP_URL',
    ]) {
      expect(page).to.include(`| \`${name}\` |`);
    }
  });
});
