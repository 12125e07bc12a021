/**
 * A Lintel process on a PostgreSQL database with a large organization in it, whose event loop is watched (holds.ts), and everything
 * that an attack needs: a key, a SCIM client, an application, a connection to an identity provider.
 */
import { randomBytes } from 'node:crypto';
import { connect } from '../../src/db/connect.ts';
import { org_id, populate, type Population } from '../bench/population.ts';
import { createScratch } from '../bench/scratch.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import { keys } from '../support/saml/keys.ts';
import type { HoldAnswer, HoldQuestion } from './holds.ts';
import { pause } from '../support/waiting.ts';

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export interface LoadStage {
  readonly process: LintelProcess;
  readonly population: Population;
  readonly scim: string;
  readonly scim_client_id: string;
  readonly application: { readonly client_id: string; readonly client_secret: string };
  /** An application that authenticates with a key of its own. */
  readonly keyed_client_id: string;
  readonly provider: { readonly provider_id: string; readonly idp: string; readonly acs_url: string };
  /** Any request, redirects not followed. */
  send(path: string, init?: RequestInit): Promise<Reply>;
  /** SQL on the database. */
  sql(statement: string, bindings?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** The longest hold of the server's event loop during some work, in milliseconds of processor time. */
  watch(work: () => Promise<unknown>): Promise<HoldAnswer>;
  /** Has the server hold its own loop, to see that this is seen. */
  hold(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

/** @param users accounts of the organization; half of them are in its large group */
export async function loadStage(users: number, environment: Record<string, string> = {}): Promise<LoadStage> {
  const scratch = createScratch();
  const database_url = await scratch.newDatabase();
  const population = await populate(database_url, users);
  const database = await connect(database_url, { pool: 4 });
  const lintel = await startProcess({
    preload: 'test/load/holds.ts',
    environment: {
      LINTEL_DATABASE_URL: database_url,
      LINTEL_KEY: randomBytes(32).toString('base64'),
      LINTEL_SCIM_REQUESTS_PER_SECOND: '100000',
      LINTEL_EGRESS_ALLOW: 'localhost,127.0.0.1',
      ...environment,
    },
  });
  const made = async <T>(path: string, body: unknown): Promise<T> => {
    const answer = await lintel.api('POST', path, body);
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  };
  const organization = `/organizations/${org_id}`;
  const { client_id: scim_client_id } = await made<{ client_id: string }>(`${organization}/scim-clients`, {});
  const { token } = await made<{ token: string }>(`${organization}/scim-clients/${scim_client_id}/tokens`, {});
  const application = await made<LoadStage['application']>('/applications', {
    client_name: 'Load',
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    first_party: true,
  });
  const { publicJwk } = await keyOfClient();
  const keyed = await made<{ client_id: string }>('/applications', {
    client_name: 'Keyed',
    redirect_uris: ['https://keyed.example/cb'],
    grant_types: ['authorization_code', 'client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [publicJwk] },
  });
  const idp = 'https://idp.example/entity';
  const connection = await made<{ provider_id: string; sp: { acs_url: string } }>(
    `${organization}/identity-providers`,
    {
      type: 'saml',
      name: 'Company',
      config: { idp_entity_id: idp, sso_url: 'https://idp.example/sso', certificates: [keys.idp().certificate] },
    },
  );
  const watch = watcher(lintel);
  return {
    process: lintel,
    population,
    scim: token,
    scim_client_id,
    application,
    keyed_client_id: keyed.client_id,
    provider: { provider_id: connection.provider_id, idp, acs_url: connection.sp.acs_url },
    send: async (path, init = {}) => {
      const answer = await fetch(new URL(path, lintel.url), { redirect: 'manual', ...init });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    sql: async (statement, bindings = []) => (await database.knex.raw(statement, bindings as never)).rows,
    watch,
    hold: async (milliseconds) => {
      lintel.child.send({ holds: 'hold', milliseconds } satisfies HoldQuestion);
    },
    close: async () => {
      lintel.signal('SIGTERM');
      await lintel.ended;
      await database.close();
      await scratch.remove();
    },
  };
}

/** Watches the event loop of a process that was started with `holds.ts` before it. */
export function watcher(lintel: LintelProcess): LoadStage['watch'] {
  const ask = (question: HoldQuestion) =>
    new Promise<HoldAnswer>((resolve) => {
      lintel.child.once('message', (answer) => resolve(answer as HoldAnswer));
      lintel.child.send(question);
    });
  return async (work) => {
    await ask({ holds: 'begin' });
    await work();
    // What is done after the answer, such as keeping what was asked, counts too.
    await pause(40);
    return ask({ holds: 'end' });
  };
}

/** The key of the application that has one. */
export async function keyOfClient(): Promise<{ publicJwk: JsonWebKey; privateKey: CryptoKey }> {
  keyPair ??= crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const { publicKey, privateKey } = await keyPair;
  const publicJwk = await crypto.subtle.exportKey('jwk', publicKey);
  return { publicJwk: { ...publicJwk, kid: 'load', use: 'sig', alg: 'ES256' } as JsonWebKey, privateKey };
}
let keyPair: Promise<CryptoKeyPair> | undefined;
