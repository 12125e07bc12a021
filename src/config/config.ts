/**
 * Configuration: one description → the environment → one frozen Config.
 * The only file that reads `process.env`. Unknown names under the prefix stop the start,
 * so that a misspelt security setting is never silently ignored.
 */
import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import { unfitForProduction, warningsOf } from './production.ts';

const setting = {
  port: Type.Integer({ default: 3000, minimum: 0, maximum: 65535, description: 'Port to listen on.' }),
  host: Type.String({ default: 'localhost', description: 'Address to listen on; `0.0.0.0` for every interface.' }),
  metrics_port: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65535,
      description:
        'Port on which `GET /metrics` tells numbers of this process in the text format of Prometheus, to whoever can reach it. ' +
        'Without it nothing is measured.',
    }),
  ),
  metrics_host: Type.String({
    default: 'localhost',
    description:
      'Address to listen on for metrics; nobody outside of your own network should reach it. Whoever asks names an address, ' +
      '`localhost` or this name; another Host is refused with 421.',
  }),
  url: Type.String({
    default: 'http://localhost:3000',
    description:
      'The issuer. Every absolute address is built from it, never from a request. Outside of loopback it must be https. ' +
      'Where only PORT is set, its port is that one.',
  }),
  database_url: Type.String({
    default: 'pglite:./data/db',
    description: '`pglite:<folder>`, `postgres://…`, or `pglite::memory:` where the issuer is not https.',
  }),
  database_pool: Type.Integer({
    default: 10,
    minimum: 2,
    maximum: 200,
    description: 'Connections to PostgreSQL per process (the embedded database always has one).',
  }),
  key: Type.String({
    default: '',
    description:
      'Base64 of the 32-byte key that seals secrets. Several, comma-separated: the first seals, all of them open. ' +
      'On the embedded database it is made beside the folder when empty; on PostgreSQL it is required.',
  }),
  bootstrap_api_key: Type.String({
    default: '',
    description:
      'At start, if no such key exists, a system service account with every permission gets this key (32 characters or more).',
  }),
  smtp_url: Type.String({
    default: '',
    description:
      'Outgoing mail, `smtp://…` or `smtps://…`. Without it mail is kept in the database and shown at /dev/mail in development.',
  }),
  mail_from: Type.String({ default: 'Lintel <no-reply@localhost>', description: 'Sender of outgoing mail.' }),
  trusted_proxies: Type.String({
    default: '',
    description: 'Addresses or CIDR blocks, comma-separated, whose X-Forwarded-For is believed. Empty: nobody.',
  }),
  egress_allow: Type.String({
    default: '',
    description:
      'Hosts (`host` or `host:port`), comma-separated, that outbound requests may reach although they are private or plain http, ' +
      'for instance `idp.corp.example,10.0.3.7:8443`. For development and for internal identity providers: without it their ' +
      'metadata is refused with `egress_refused`.',
  }),
  log_level: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'Least severity that is logged.' },
  ),
  session_idle_seconds: Type.Integer({
    default: 3600,
    // Use is noted once a minute.
    minimum: 300,
    maximum: 2_592_000,
    description:
      'Seconds without use after which a session ends, 300 at least; use is noted once a minute. Organizations may set less, never more.',
  }),
  session_max_seconds: Type.Integer({
    default: 86_400,
    minimum: 300,
    maximum: 2_592_000,
    description: 'Seconds after which a session ends, used or not. Organizations may set less, never more.',
  }),
  scim_requests_per_second: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 100_000,
    description:
      'Requests a second that one SCIM client may make to one process, for long; three times as many in one burst. ' +
      'Above it is 429 with Retry-After.',
  }),
  requests_in_flight: Type.Integer({
    default: 64,
    minimum: 4,
    maximum: 10_000,
    description:
      'Requests that one process works on at the same time, for each of OAuth, SCIM, REST, SAML and the rest (sign-in pages: four times ' +
      'as many). Four times as many may wait, for a second at most; the others are refused at once with 503 and Retry-After. ' +
      'Whoever comes with one key or token has three quarters of both at most.',
  }),
  unready_seconds: Type.Integer({
    default: 3,
    minimum: 0,
    maximum: 120,
    description:
      'Seconds after SIGTERM in which requests are still served while /health/ready answers 503, so that balancers send them elsewhere. ' +
      'More than the time in which yours notices; 0 where nothing stands in front.',
  }),
  grace_seconds: Type.Integer({
    default: 25,
    minimum: 0,
    maximum: 600,
    description: 'Seconds that in-flight requests get to finish after that, before their connections are cut.',
  }),
};

const shape = Type.Object(setting);
type Settings = Static<typeof shape>;

export interface Config extends Readonly<Omit<Settings, 'trusted_proxies' | 'egress_allow' | 'url'>> {
  /** The issuer without a trailing slash. */
  readonly url: string;
  /** True when the issuer is plain http on loopback: the only place where development conveniences exist. */
  readonly development: boolean;
  readonly trusted_proxies: readonly string[];
  readonly egress_allow: readonly string[];
}

export class ConfigurationError extends Error {}

/** The environment's name of a setting: `PORT`, or `LINTEL_` and the name in capitals. */
export const environmentName = (name: string): string => (name === 'port' ? 'PORT' : `LINTEL_${name.toUpperCase()}`);

/** Names under the prefix that belong to tests and tools, not to the server. */
const foreignNames = /^LINTEL_(TEST|BENCH|DEMO|CI)_/;

/**
 * Reads the configuration from an environment.
 * @throws ConfigurationError naming the variable, what is wrong with it and what is expected.
 */
export function loadConfig(environment: Record<string, string | undefined> = process.env): Config {
  const names = new Set(Object.keys(setting).map(environmentName));
  for (const name of Object.keys(environment)) {
    if (name.startsWith('LINTEL_') && !names.has(name) && !foreignNames.test(name)) {
      throw new ConfigurationError(`${name} is not a setting of Lintel; see docs/configuration.md for the names.`);
    }
  }
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(setting)) {
    values[name] = read(environmentName(name), schema, environment[environmentName(name)]);
  }
  // Moving the port alone moves the development issuer with it; any other issuer is said in so many words.
  if (!environment[environmentName('url')]) values.url = `http://localhost:${values.port}`;
  return check(values as Settings);
}

type SettingSchema = {
  type?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  anyOf?: { const?: unknown }[];
};

function read(name: string, schema: SettingSchema, raw: string | undefined): unknown {
  if (raw === undefined || raw === '') return schema.default;
  if (schema.type === 'integer') {
    const value = /^\d+$/.test(raw) ? Number(raw) : Number.NaN;
    if (!(value >= (schema.minimum ?? 0) && value <= (schema.maximum ?? Number.MAX_SAFE_INTEGER))) {
      throw new ConfigurationError(`${name} must be a whole number from ${schema.minimum} to ${schema.maximum}.`);
    }
    return value;
  }
  if (schema.anyOf) {
    const allowed = schema.anyOf.map((option) => option.const);
    if (!allowed.includes(raw)) throw new ConfigurationError(`${name} must be one of ${allowed.join(', ')}.`);
  }
  return raw;
}

/** Of a server. A second `@` or a `#` before the `?` is a password's, and would cut it into a host and a path. */
function isAddress(text: string): boolean {
  const [place = ''] = text.split('?');
  return URL.canParse(place.replace('@/', '@localhost/')) && !/#|@.*@/.test(place);
}

function check(settings: Settings): Config {
  const url = parseUrl(settings.url);
  const development = url.protocol === 'http:';
  if (development && !isLoopback(url.hostname)) {
    throw new ConfigurationError('LINTEL_URL must be https; plain http is accepted on localhost only.');
  }
  if (settings.metrics_port !== undefined && settings.metrics_port === settings.port) {
    throw new ConfigurationError('LINTEL_METRICS_PORT must be another port than PORT.');
  }
  if (!/^(pglite:|postgres(ql)?:\/\/)/.test(settings.database_url)) {
    throw new ConfigurationError('LINTEL_DATABASE_URL must begin with pglite: or postgres://.');
  }
  if (settings.database_url === 'pglite:') {
    throw new ConfigurationError(
      'LINTEL_DATABASE_URL names no folder: pglite:./data/db, or pglite::memory: for what may be gone with the process.',
    );
  }
  if (settings.database_url.startsWith('postgres') && !isAddress(settings.database_url)) {
    throw new ConfigurationError(
      'LINTEL_DATABASE_URL is no address, which reads postgres://user:password@host:5432/name. ' +
        'In the password, characters such as @ : / ? # % are written as %40 %3A %2F %3F %23 %25.',
    );
  }
  if (settings.smtp_url !== '' && !/^smtps?:\/\/[^/]/.test(settings.smtp_url)) {
    throw new ConfigurationError('LINTEL_SMTP_URL must begin with smtp:// or smtps:// and name a host.');
  }
  if (settings.bootstrap_api_key !== '' && settings.bootstrap_api_key.length < 32) {
    throw new ConfigurationError('LINTEL_BOOTSTRAP_API_KEY must have 32 characters or more.');
  }
  if (settings.key === '' && settings.database_url.startsWith('postgres')) {
    throw new ConfigurationError(
      'LINTEL_KEY is required on PostgreSQL: base64 of 32 random bytes, for instance from `openssl rand -base64 32`.',
    );
  }
  const unfit = development ? undefined : unfitForProduction(settings);
  if (unfit !== undefined) throw new ConfigurationError(unfit);
  return Object.freeze({
    ...settings,
    url: url.origin,
    development,
    trusted_proxies: Object.freeze(list(settings.trusted_proxies)),
    egress_allow: Object.freeze(list(settings.egress_allow).map(hostOf)),
  });
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    (url.pathname !== '/' && url.pathname !== '') ||
    url.search ||
    url.hash
  ) {
    throw new ConfigurationError('LINTEL_URL must be an origin such as https://id.example.com, without path or query.');
  }
  return url;
}

/** As the address of a request names it: in lower case, IPv6 in brackets; with its port when one is given, the usual one too. */
function hostOf(text: string): string {
  const url = /[/?#@\\\s*]/.test(text) ? null : URL.parse(`ftp://${text}`);
  const [, port] = /:(\d+)$/.exec(text) ?? [];
  if (!url || url.hostname === '' || port === '0' || text.endsWith(':')) {
    throw new ConfigurationError(
      `LINTEL_EGRESS_ALLOW has ${JSON.stringify(text)}, which is no host. Each is a host or host:port without https://, path or *, ` +
        'for instance idp.corp.example,10.0.3.7:8443,[fd00::7].',
    );
  }
  return port === undefined ? url.hostname : `${url.hostname}:${Number(port)}`;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Whether a host name or address literal is this machine. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** What whoever starts this should know: settings that work, and may not be meant. A sentence each (checklist PR-09). */
export const configurationWarnings = (config: Config): string[] =>
  warningsOf(config, { development: config.development, isLocal: isLoopback(config.host) });

/** The reference page of the configuration, in Markdown; `docs/configuration.md` is printed from it. */
export function configurationReference(): string {
  const rows = Object.entries(setting as Record<string, { description?: string; default?: unknown }>).map(
    ([name, { description, default: usual }]) =>
      `| \`${environmentName(name)}\` | ${description} | ${usual === '' || usual === undefined ? 'none' : `\`${String(usual)}\``} |`,
  );
  return ['# Configuration', '', '| environment | meaning | default |', '|---|---|---|', ...rows, ''].join('\n');
}
