import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateBody } from '../../../src/federation/saml/certificate.ts';
import type { KeyPair, ServiceProvider } from '../../../src/federation/saml/service-provider.ts';
import { pause } from '../waiting.ts';

// Debian's SimpleSAMLphp under PHP's own web server: an enterprise identity provider that this project did not write.
// `apt-get install simplesamlphp php-cli`; where it is absent, whySkipped() says so in one sentence.

const home = '/usr/share/simplesamlphp';

export type SimpleSamlPerson = { username: string; password: string; attributes: Record<string, string[]> };

export type SimpleSamlOptions = {
  serviceProvider: ServiceProvider;
  keyPair: KeyPair;
  people: SimpleSamlPerson[];
  encryptAssertions?: boolean;
  /** The attribute whose value becomes a persistent NameID; default uid. */
  nameIdAttribute?: string;
};

export type SimpleSaml = {
  baseUrl: string;
  entityId: string;
  metadataUrl: string;
  ssoUrl: string;
  sloUrl: string;
  log: () => Promise<string>;
  stop: () => Promise<void>;
};

/** Why SimpleSAMLphp cannot be started here, or undefined when it can. */
export function whySkipped(): string | undefined {
  if (!existsSync(`${home}/www/index.php`))
    return 'SimpleSAMLphp is not installed (apt-get install simplesamlphp php-cli)';
  if (spawnSync('php', ['--version']).status !== 0) return 'PHP is not installed (apt-get install php-cli)';
  return undefined;
}

/** Starts it on a free loopback port with this service provider and these people; ready when its metadata answers. */
export async function startSimpleSaml(options: SimpleSamlOptions): Promise<SimpleSaml> {
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}/`;
  const folder = await mkdtemp(join(tmpdir(), 'simplesamlphp-'));
  for (const name of ['metadata', 'cert', 'log', 'tmp', 'sessions', 'data']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'cert/idp.key'), options.keyPair.privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'cert/idp.crt'), options.keyPair.certificate);
  const idp = {
    host: '__DEFAULT__',
    privatekey: 'idp.key',
    certificate: 'idp.crt',
    auth: 'people',
    'signature.algorithm': 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    authproc: {
      3: {
        class: 'saml:AttributeNameID',
        attribute: options.nameIdAttribute ?? 'uid',
        Format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      },
    },
  };
  const entityId = `${baseUrl}saml2/idp/metadata.php`;
  await writePhp(join(folder, 'metadata/saml20-idp-hosted.php'), 'metadata', { '__DYNAMIC:1__': idp });
  await writePhp(join(folder, 'metadata/saml20-sp-remote.php'), 'metadata', {
    [options.serviceProvider.entityId]: remote(options),
  });
  await writePhp(join(folder, 'authsources.php'), 'config', {
    admin: ['core:AdminPassword'],
    people: {
      0: 'exampleauth:UserPass',
      ...Object.fromEntries(
        options.people.map((person) => [`${person.username}:${person.password}`, person.attributes]),
      ),
    },
  });
  await copyFile('/etc/simplesamlphp/config.php', join(folder, 'defaults.php'));
  await writeFile(join(folder, 'config.php'), configuration(baseUrl, folder));
  await writeFile(join(folder, 'router.php'), router);

  const child = spawn(
    'php',
    ['-d', 'error_reporting=0', '-S', `127.0.0.1:${port}`, '-t', `${home}/www`, join(folder, 'router.php')],
    {
      env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: folder, PHP_CLI_SERVER_WORKERS: '2' },
      stdio: 'ignore',
      detached: true,
    },
  );
  const log = async (): Promise<string> => readFile(join(folder, 'log/simplesamlphp.log'), 'utf8').catch(() => '');
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(entityId, child);
  } catch (error) {
    const text = await log();
    await stop();
    throw new Error(`SimpleSAMLphp did not start: ${text}`, { cause: error });
  }
  return {
    baseUrl,
    entityId,
    metadataUrl: entityId,
    ssoUrl: `${baseUrl}saml2/idp/SSOService.php`,
    sloUrl: `${baseUrl}saml2/idp/SingleLogoutService.php`,
    log,
    stop,
  };
}

function remote({ serviceProvider: sp, encryptAssertions = false }: SimpleSamlOptions): Record<string, unknown> {
  const post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
  const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
  return {
    AssertionConsumerService: [{ index: 0, isDefault: true, Binding: post, Location: sp.acsUrl }],
    SingleLogoutService: [{ Binding: redirect, Location: sp.sloUrl }],
    NameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'validate.authnrequest': true,
    'validate.logout': true,
    'sign.logout': true,
    'redirect.sign': true,
    'assertion.encryption': encryptAssertions,
    keys: [
      {
        encryption: true,
        signing: true,
        type: 'X509Certificate',
        X509Certificate: certificateBody(sp.current.certificate),
      },
    ],
  };
}

function configuration(baseUrl: string, folder: string): string {
  const changes = {
    baseurlpath: baseUrl,
    certdir: `${folder}/cert/`,
    loggingdir: `${folder}/log/`,
    datadir: `${folder}/data/`,
    tempdir: `${folder}/tmp`,
    metadatadir: `${folder}/metadata/`,
    secretsalt: 'a salt of the tests only',
    'auth.adminpassword': 'unused in the tests',
    timezone: 'UTC',
    showerrors: true,
    'logging.handler': 'file',
    'logging.logfile': 'simplesamlphp.log',
    'enable.saml20-idp': true,
    'module.enable': { exampleauth: true, core: true, saml: true },
    'session.cookie.secure': false,
    'session.cookie.samesite': null,
    'language.cookie.secure': false,
    'language.cookie.samesite': null,
    'session.phpsession.savepath': `${folder}/sessions`,
    'statistics.out': [],
    'metadata.sources': [{ type: 'flatfile', directory: `${folder}/metadata` }],
  };
  return `<?php\nrequire __DIR__ . '/defaults.php';\n$config = array_merge($config, ${php(changes)});\n`;
}

// PHP's web server knows no path info behind a script by itself.
const router = `<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$root = '${home}/www';
if (preg_match('#^(/(?:module|logout|index|errorreport)\\.php|/saml2/idp/\\w+\\.php)(/.*)?$#', $path, $found) && is_file($root . $found[1])) {
    $_SERVER['SCRIPT_NAME'] = $found[1];
    $_SERVER['SCRIPT_FILENAME'] = $root . $found[1];
    $_SERVER['PATH_INFO'] = $found[2] ?? '';
    $_SERVER['PHP_SELF'] = $path;
    chdir(dirname($root . $found[1]));
    require $root . $found[1];
    return true;
}
return false;
`;

async function writePhp(file: string, variable: string, value: Record<string, unknown>): Promise<void> {
  await writeFile(file, `<?php\n$${variable} = ${php(value)};\n`);
}

/** A value as a PHP literal. */
function php(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(php).join(', ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value as Record<string, unknown>);
    return `[${entries.map(([key, one]) => `${/^\d+$/.test(key) ? key : php(key)} => ${php(one)}`).join(', ')}]`;
  }
  return `'${String(value).replace(/[\\']/g, '\\$&')}'`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 80; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`php ended with ${child.exitCode}`);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      if (response.ok) return;
      last = new Error(`${response.status} ${(await response.text()).slice(0, 500)}`);
    } catch (error) {
      last = error;
    }
    await pause(125);
  }
  throw last;
}

/** Ends PHP and the workers it forked: they are one process group of ours. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    return;
  }
  await gone;
}

/** A browser as far as it is needed here: cookies, redirects, forms. */
export class Visitor {
  readonly #cookies = new Map<string, string>();

  /** Follows redirects until a page that is not one. */
  async go(url: string, fields?: Record<string, string>): Promise<{ url: string; html: string; status: number }> {
    let at = url;
    let body = fields;
    for (let hop = 0; hop < 12; hop += 1) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const init: RequestInit = { redirect: 'manual', headers: { cookie } };
      const response = await fetch(at, body ? { ...init, method: 'POST', body: new URLSearchParams(body) } : init);
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';');
        this.#cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
      }
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null)
        return { url: at, html: await response.text(), status: response.status };
      await response.body?.cancel();
      at = new URL(location, at).href;
      body = undefined;
      if (!at.startsWith('http://127.0.0.1:')) return { url: at, html: '', status: response.status };
    }
    throw new Error('too many redirects');
  }
}

/** The value of a hidden field, its escapes undone. */
export function hiddenField(html: string, name: string): string {
  const tag = html.match(/<input[^>]*>/g)?.find((input) => input.includes(`name="${name}"`)) ?? '';
  const value = /value="([^"]*)"/.exec(tag)?.[1] ?? '';
  return value
    .replace(/&#(\d+);/g, (_all, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
