/** Canaries: secrets that were really used, every shape in which they could leak, and every place that is searched for them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { routes } from '../../src/app.ts';
import type { Route } from '../../src/http/route.ts';
import type { World } from '../support/world.ts';

const run = promisify(execFile);

const base32Letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((five) => base32Letters[Number.parseInt(five, 2)]).join('');
}

/** Base64 of a text that may stand anywhere within something larger: all three alignments, without their edges. */
function embedded(bytes: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString(encoding)
      .replace(/=+$/, '');
    return text.slice(Math.ceil((shift * 4) / 3), text.length - (text.length % 4 === 0 ? 0 : 1));
  });
}

/** Base32 of a text that may stand anywhere within something larger: all five alignments, without their edges. */
function embedded32(bytes: Buffer): string[] {
  return [0, 1, 2, 3, 4].map((shift) => {
    const text = base32(Buffer.concat([Buffer.alloc(shift), bytes]));
    return text.slice(Math.ceil((shift * 8) / 5));
  });
}

const formEncoded = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);

/** Every form in which a secret would still be that secret. */
export function shapesOf(secret: string): string[] {
  const whole = Buffer.from(secret, 'utf8');
  const random = secret.replace(/^ltl_[a-z]+_/, '');
  const raw = /^[\w-]{22,}$/.test(random) ? [Buffer.from(random, 'base64url')] : [];
  const shapes = [whole, ...raw].flatMap((bytes) => [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...embedded(bytes, 'base64'),
    ...embedded(bytes, 'base64url'),
    ...embedded32(bytes),
    ...embedded32(bytes).map((text) => text.toLowerCase()),
  ]);
  return [
    ...new Set([
      secret,
      random,
      encodeURIComponent(secret),
      encodeURIComponent(encodeURIComponent(secret)),
      formEncoded(secret),
      JSON.stringify(secret).slice(1, -1),
      ...shapes,
    ]),
  ].filter((shape) => shape.length >= 16);
}

export class Canaries {
  readonly #secrets = new Map<string, string>();
  readonly #shapes = new Map<string, readonly string[]>();

  /** @param kind what it is, for the message of a failing test */
  add(kind: string, secret: string | null | undefined): string {
    if (typeof secret !== 'string' || secret.length < 16) throw new Error(`No secret to look for: ${kind}.`);
    // The first name stays: the id of an interaction is the value of its cookie, too.
    if (!this.#secrets.has(secret)) this.#secrets.set(secret, kind);
    return secret;
  }

  get kinds(): string[] {
    return [...new Set(this.#secrets.values())].sort();
  }

  /** The secrets of a kind. */
  of(kind: string): string[] {
    return [...this.#secrets].filter(([, name]) => name === kind).map(([secret]) => secret);
  }

  /** Which of them sing in a text: `kind (shape …)`. */
  in(text: string, ...except: string[]): string[] {
    const found: string[] = [];
    for (const [secret, kind] of this.#secrets) {
      if (except.includes(kind)) continue;
      const shapes = this.#shapes.get(secret) ?? shapesOf(secret);
      this.#shapes.set(secret, shapes);
      const shape = shapes.find((one) => text.includes(one));
      if (shape !== undefined) found.push(`${kind} (${shape === secret ? 'raw' : shape.slice(0, 12)}…)`);
    }
    return found;
  }

  /** Whether a hash of the secret stands in a text: proof that the search looked at the place where it is kept. */
  isHashedIn(text: string, kind: string): boolean {
    return [...this.#secrets]
      .filter(([, name]) => name === kind)
      .some(([secret]) => text.includes(createHash('sha256').update(secret).digest('base64url')));
  }
}

/** Every row of every table as text, by table; partitions are read through their parents. */
export async function dump(w: World): Promise<Map<string, string>> {
  const { rows } = await w.db.raw(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  );
  const tables = new Map<string, string>();
  for (const { name } of rows as { name: string }[]) {
    const found = await w.db.raw(`select t::text as row from "${name}" t`);
    // A row as text doubles quotes and backslashes, also those that JSON writes before quotes.
    const plain = ({ row }: { row: string }) => row.replaceAll('""', '"').replaceAll('\\\\', '\\');
    tables.set(name, (found.rows as { row: string }[]).map(plain).join('\n'));
  }
  return tables;
}

/**
 * What `pg_dump` writes of the database of this run: what somebody who finds a backup reads. Null on the embedded database,
 * and where the program is not installed.
 */
export async function pgDump(w: World): Promise<string | null> {
  const server = process.env.LINTEL_TEST_DATABASE_URL;
  if (server === undefined) return null;
  const { rows } = await w.db.raw('select current_database() as name');
  const url = new URL(server);
  url.pathname = `/${rows[0].name}`;
  try {
    const { stdout } = await run('pg_dump', ['--inserts', '--dbname', url.href], { maxBuffer: 512 * 1024 * 1024 });
    // Quotes within texts are doubled; those of JSON within are not.
    return stdout.replaceAll("''", "'");
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Asks every GET route for everything that earlier answers named: ids are gathered from whatever was answered.
 * @returns the answers by operation, and the operations for which nothing was found to ask with
 */
export async function crawl(
  w: World,
  bearer: string,
  known: Record<string, string[]>,
): Promise<{ answers: Map<string, string[]>; unasked: string[] }> {
  const ids = new Map(Object.entries(known).map(([name, values]) => [name, new Set(values)]));
  const answers = new Map<string, string[]>();
  const asked = new Set<string>();
  const gets = routes.filter(({ method }) => method === 'get');
  for (let round = 0; round < 3; round += 1) {
    for (const route of gets) {
      for (const address of addressesOf(route, ids)) {
        if (asked.has(address)) continue;
        asked.add(address);
        const answer = await w.api('GET', address, undefined, bearer);
        if (answer.status !== 200) continue;
        answers.set(route.operationId, [...(answers.get(route.operationId) ?? []), answer.text]);
        gather(answer.body, ids);
      }
    }
  }
  return { answers, unasked: gets.map(({ operationId }) => operationId).filter((id) => !answers.has(id)) };
}

/** At most this many of each kind of thing, so that the crawl stays bounded. */
const most = 6;

function addressesOf({ path, query }: Route, ids: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const required = (query as { required?: string[] } | undefined)?.required ?? [];
  const tail = required.length === 0 ? '' : `?${required.map((name) => `${name}=users.read`).join('&')}`;
  let addresses = [path];
  for (const [parameter, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
    const values = [...(ids.get(name) ?? [])].slice(0, most);
    addresses = addresses.flatMap((address) =>
      values.map((value) => address.replace(parameter, encodeURIComponent(value))),
    );
  }
  return addresses.map((address) => address + tail);
}

function gather(value: unknown, ids: Map<string, Set<string>>): void {
  if (Array.isArray(value)) for (const item of value) gather(item, ids);
  else if (value !== null && typeof value === 'object') {
    for (const [name, item] of Object.entries(value)) {
      if (typeof item === 'string' && /(_id|^reference|^domain|^method)$/.test(name))
        ids.set(name, (ids.get(name) ?? new Set()).add(item));
      else gather(item, ids);
    }
  }
}
