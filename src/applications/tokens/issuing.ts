/**
 * Issuing: what a code or a refresh token is exchanged for, in one statement that is atomic by itself. SQL only; the provider's
 * adapter, a door, uses it. Ids are bearer secrets: `id_hash` is their SHA-256 and the payload never contains them.
 */
import type { Knex } from 'knex';
import { isRetryable } from '../../db/errors.ts';
import { run, type Statement, statement } from '../../db/statement.ts';
import type { ClientKind } from '../clients/metadata.ts';
import type { Lineage } from './presented.ts';

/** What a row of a code or token is written from. */
export interface Written {
  readonly id_hash: string;
  /** JSON. */
  readonly payload: string;
  readonly expires_at: Date;
}

/** One use of a code or refresh token. */
export interface Exchange {
  readonly kind: 'AuthorizationCode' | 'RefreshToken';
  readonly id_hash: string;
  readonly grant_id: string;
  readonly family_id: string;
  refresh?: Written;
  access?: Written & { readonly client_id: string; readonly org_id: string | null };
}

/*
 * The first part locks the grant, when neither it nor the family is dead: whoever revokes now waits until the new tokens are
 * there, or was first, and then is seen, because a lock that was waited for looks at the row again (READ COMMITTED, PostgreSQL's
 * documentation §13.2.1). Shared, so that a person's devices do not wait for one another; revoking takes the row exclusively.
 * The update decides between parallel uses in the same way: whoever waited for the row finds it consumed. What is inserted comes
 * from the row that was taken, so nothing is without it. Only the two locked rows are looked at again; that is why nothing else
 * is joined here. The grant comes first in every plan, because its lock is in the update's source: no two can wait crosswise.
 */
const exchange = (name: string, table: string): Statement =>
  statement(
    name,
    `with taken as (
       update ${table} t set consumed_at = clock_timestamp()
       from (select g.grant_id from oidc_grants g
             where g.grant_id = $2 and g.revoked_at is null and not ($3::text = any (g.dead_families)) for share) g
       where t.id_hash = $1 and t.consumed_at is null
       returning t.grant_id, t.family_id, t.session_id, t.session_uid, t.session_bound
     ), refresh as (
       insert into oidc_refresh_tokens (id_hash, grant_id, family_id, session_id, session_uid, session_bound, payload, expires_at)
       select $4, grant_id, family_id, session_id, session_uid, session_bound, $5::jsonb, $6::timestamptz
       from taken where $4::text is not null
     ), access as (
       insert into oidc_access_tokens
         (id_hash, kind, client_id, grant_id, family_id, org_id, session_id, session_uid, session_bound, payload, expires_at)
       select $7, 'AccessToken', $8::uuid, grant_id, family_id, $9::uuid, session_id, session_uid, session_bound,
         $10::jsonb, $11::timestamptz
       from taken where $7::text is not null
     )
     select true as taken from taken`,
  );

const exchangeStatements = {
  AuthorizationCode: exchange('exchange_code', 'oidc_artifacts'),
  RefreshToken: exchange('exchange_refresh_token', 'oidc_refresh_tokens'),
};

const attempts = 3;

/**
 * Takes a code or refresh token and writes what it is exchanged for: of any number of parallel requests exactly one gets true
 * (OA-03, RT-01), and a family that dies meanwhile takes the new tokens along (RT-02). Committed when it returns.
 */
export async function exchangeToken(db: Knex, exchanged: Exchange): Promise<boolean> {
  const { kind, id_hash, grant_id, family_id, refresh, access } = exchanged;
  const values = [
    id_hash,
    grant_id,
    family_id,
    refresh?.id_hash ?? null,
    refresh?.payload ?? null,
    refresh?.expires_at ?? null,
    access?.id_hash ?? null,
    access?.client_id ?? null,
    access?.org_id ?? null,
    access?.payload ?? null,
    access?.expires_at ?? null,
  ];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await run(db, exchangeStatements[kind], values)).length === 1;
    } catch (error) {
      // A deadlock leaves nothing behind. A connection that broke may have carried the commit: that is not repeated.
      if (!isRetryable(error) || attempt === attempts) throw error;
    }
  }
}

const saveCodeStatement = statement(
  'save_code',
  `insert into oidc_artifacts (id_hash, kind, grant_id, family_id, session_id, session_uid, session_bound, payload, expires_at)
   values ($1, 'AuthorizationCode', $2, $3, $4, $5, $6, $7, $8)`,
);

/** Writes a code, the first of its family. */
export async function saveCode(db: Knex, row: Written & Omit<Lineage, 'user_id' | 'org_id'>): Promise<void> {
  await run(db, saveCodeStatement, [
    row.id_hash,
    row.grant_id,
    row.family_id,
    row.session_id,
    row.session_uid,
    row.session_bound,
    row.payload,
    row.expires_at,
  ]);
}

const saveClientCredentialsStatement = statement(
  'save_client_credentials',
  `insert into oidc_access_tokens (id_hash, kind, client_id, scim_client_id, org_id, payload, expires_at)
   values ($1, 'ClientCredentials', $2, $3, $4, $5, $6)`,
);

export interface ClientCredentialsRow extends Written {
  readonly client_id: string;
  readonly client_kind: ClientKind;
  readonly org_id: string | null;
}

/** Writes an access token that an application got for itself. */
export async function saveClientCredentials(db: Knex, row: ClientCredentialsRow): Promise<void> {
  await run(db, saveClientCredentialsStatement, [
    row.id_hash,
    row.client_kind === 'application' ? row.client_id : null,
    row.client_kind === 'scim_client' ? row.client_id : null,
    row.org_id,
    row.payload,
    row.expires_at,
  ]);
}

export async function deleteAccessToken(db: Knex, id_hash: string): Promise<void> {
  await db('oidc_access_tokens').where({ id_hash }).delete();
}
