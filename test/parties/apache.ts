/** Debian's Apache with mod_auth_openidc as a relying party: its own configuration in its own folder, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/process.ts';
import { pause } from '../support/waiting.ts';

const modules = '/usr/lib/apache2/modules';
const program = '/usr/sbin/apache2';

export function missingApache(): string | null {
  if (!existsSync(program)) return 'Apache is not installed (Debian: apache2)';
  return existsSync(`${modules}/mod_auth_openidc.so`)
    ? null
    : 'mod_auth_openidc is not installed (Debian: libapache2-mod-auth-openidc)';
}

export interface RelyingParty {
  readonly url: string;
  readonly redirectUri: string;
  /** The headers with which Apache asked the application behind it, newest last. */
  readonly seen: IncomingHttpHeaders[];
  log(): string;
  stop(): Promise<void>;
}

export interface RelyingPartyOptions {
  readonly port: number;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Further directives. */
  readonly directives?: readonly string[];
}

export const redirectUriOf = (port: number): string => `http://localhost:${port}/private/callback`;
export { freePort };

/** Starts Apache in the foreground; `/private` is behind the sign-in, and a small server behind it shows the headers it gets. */
export async function startApache(options: RelyingPartyOptions): Promise<RelyingParty> {
  const seen: IncomingHttpHeaders[] = [];
  const behind = createServer((request, response) => {
    seen.push(request.headers);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.headers));
  });
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'lintel-apache-'));
  chmodSync(folder, 0o755);
  const log = join(folder, 'error.log');
  const redirectUri = redirectUriOf(options.port);
  const asRoot = process.getuid?.() === 0;
  const names = [
    'mpm_event',
    'authn_core',
    'authz_core',
    'authz_user',
    'proxy',
    'proxy_http',
    'headers',
    'auth_openidc',
  ];
  writeFileSync(
    join(folder, 'apache.conf'),
    [
      `ServerRoot "${folder}"`,
      `PidFile "${folder}/apache.pid"`,
      `DefaultRuntimeDir "${folder}"`,
      `Mutex file:${folder} default`,
      `ErrorLog "${log}"`,
      'LogLevel warn auth_openidc:info',
      `Listen 127.0.0.1:${options.port}`,
      `Listen [::1]:${options.port}`,
      `ServerName localhost:${options.port}`,
      'UseCanonicalName On',
      ...(asRoot ? ['User www-data', 'Group www-data'] : []),
      'StartServers 1',
      'ServerLimit 1',
      'MaxRequestWorkers 25',
      'ThreadsPerChild 25',
      ...names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
      `OIDCProviderMetadataURL ${options.issuer}/.well-known/openid-configuration`,
      `OIDCClientID ${options.clientId}`,
      `OIDCClientSecret ${options.clientSecret}`,
      `OIDCRedirectURI ${redirectUri}`,
      `OIDCCryptoPassphrase ${randomBytes(24).toString('base64url')}`,
      'OIDCResponseType code',
      'OIDCScope "openid profile email"',
      'OIDCPKCEMethod S256',
      'OIDCProviderTokenEndpointAuth client_secret_basic',
      'OIDCPassClaimsAs headers',
      'OIDCRemoteUserClaim sub',
      ...(options.directives ?? []),
      '<Location /private>',
      '  AuthType openid-connect',
      '  Require valid-user',
      `  ProxyPass http://127.0.0.1:${(behind.address() as AddressInfo).port}/`,
      '</Location>',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const child = spawn(program, ['-f', join(folder, 'apache.conf'), '-DFOREGROUND'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const readLog = () => `${output}${existsSync(log) ? readFileSync(log, 'utf8') : ''}`;
  await untilListening(child, options.port, readLog);
  return {
    url: `http://localhost:${options.port}`,
    redirectUri,
    seen,
    log: readLog,
    stop: () => stop(child, behind, folder),
  };
}

async function untilListening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    if (child.exitCode !== null) throw new Error(`Apache ended with ${child.exitCode}:\n${log()}`);
    const answers = await fetch(`http://localhost:${port}/`, { redirect: 'manual' }).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await pause(50);
  }
  throw new Error(`Apache did not listen:\n${log()}`);
}

async function stop(child: ChildProcess, behind: Server, folder: string): Promise<void> {
  if (child.exitCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  behind.closeAllConnections();
  await new Promise((resolve) => behind.close(resolve));
  rmSync(folder, { recursive: true, force: true });
}
