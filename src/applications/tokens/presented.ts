/**
 * What a presented code or token is: found only while its whole lineage is alive, with the person behind it in the same statement,
 * because whoever presents one is answered with who that is. SQL only; the provider's adapter, a door, uses it.
 */
import type { Knex } from 'knex';
import { zeroId } from '../../core/id.ts';
import { read } from '../../db/gathering.ts';
import { lookup } from '../../db/statement.ts';
import { grantIsAlive, isActive } from './liveness.ts';
import type { Payload } from './records.ts';
import { type Subject, subjectColumns, subjectIn, subjectJoins, type SubjectRow } from './subjects.ts';

/** Where a code or token comes from: every token of one code shares its family. */
export interface Lineage {
  readonly grant_id: string;
  readonly family_id: string;
  readonly org_id: string | null;
  readonly user_id: string;
  readonly session_id: string | null;
  readonly session_uid: string | null;
  /** Dies with the provider's session (no offline_access). */
  readonly session_bound: boolean;
}

/** What stands behind a code or token that a person granted. */
export interface Granted {
  readonly lineage: Lineage;
  readonly grant_payload: Payload;
  /** The person, as a member of its organization; absent where roles ended that must be asked for anew. */
  readonly subject: Subject | undefined;
}

export interface FoundToken extends Granted {
  readonly payload: Payload;
  readonly consumed: boolean;
  /** Consumed within the last two seconds: a retry that lost, not a theft. */
  readonly just_consumed: boolean;
  /** Of a refresh token: the session that it is bound to should be told that it is in use. */
  readonly is_touch_due: boolean | null;
}

/** A row of either finding statement; where nobody granted the token, what comes from the grant is null. */
interface Row extends SubjectRow {
  readonly payload: Payload;
  readonly client_id: string;
  readonly grant_id: string;
  readonly grant_org_id: string | null;
  readonly grant_payload: Payload;
  readonly family_id: string;
  readonly session_id: string | null;
  readonly session_uid: string | null;
  readonly session_bound: boolean;
}

const columns = (now: string): string =>
  `t.payload, t.family_id, t.session_id, t.session_uid, t.session_bound,
   g.grant_id, g.user_id, g.org_id as grant_org_id, g.payload as grant_payload, ${subjectColumns(now)}`;

const grantedIn = (row: Row & { readonly user_id: string }): Granted => ({
  lineage: {
    grant_id: row.grant_id,
    family_id: row.family_id,
    org_id: row.org_id,
    user_id: row.user_id,
    session_id: row.session_id,
    session_uid: row.session_uid,
    session_bound: row.session_bound,
  },
  // What has a column is not kept twice.
  grant_payload: {
    ...row.grant_payload,
    accountId: row.user_id,
    clientId: row.client_id,
    orgId: row.grant_org_id,
  },
  subject: subjectIn(row),
});

interface ConsumableRow extends Row {
  readonly user_id: string;
  readonly consumed: boolean;
  readonly just_consumed: boolean;
  readonly is_touch_due: boolean | null;
}

const foundToken = (row: ConsumableRow): FoundToken => ({
  ...grantedIn(row),
  payload: row.payload,
  consumed: row.consumed,
  just_consumed: row.just_consumed,
  is_touch_due: row.is_touch_due,
});

const findCodeStatement = lookup(
  'find_code',
  ['text', 'timestamptz'],
  `select ${columns('$2')}, g.org_id, g.client_id, t.consumed_at is not null as consumed, false as just_consumed,
     null::boolean as is_touch_due
   from oidc_artifacts t join oidc_grants g on g.grant_id = t.grant_id ${subjectJoins('g.user_id', 'g.org_id')}
   where t.id_hash = $1 and t.kind = 'AuthorizationCode' and ${grantIsAlive('g.org_id', '$2')}`,
);

/** A code whose grant, account, application, organization and session are all alive; consumed ones are told. */
export async function findCode(db: Knex, id_hash: string, now: Date): Promise<FoundToken | undefined> {
  const [row] = await read<ConsumableRow>(db, findCodeStatement, [id_hash, now]);
  return row && foundToken(row);
}

const findRefreshTokenStatement = lookup(
  'find_refresh_token',
  ['text', 'timestamptz'],
  `select ${columns('$2')}, g.org_id, g.client_id, t.consumed_at is not null as consumed,
     -- The database's clock on both sides: processes whose clocks differ agree on the two seconds (RT-03, RE-09).
     coalesce(clock_timestamp() - t.consumed_at <= interval '2 seconds', false) as just_consumed,
     t.session_bound and (select s.last_accessed_at < $2::timestamptz - interval '1 minute' from sessions s
       where s.session_id = t.session_id) as is_touch_due
   from oidc_refresh_tokens t join oidc_grants g on g.grant_id = t.grant_id ${subjectJoins('g.user_id', 'g.org_id')}
   where t.id_hash = $1 and ${grantIsAlive('g.org_id', '$2')}`,
);

/** A refresh token that is alive, or was before it was rotated. */
export async function findRefreshToken(db: Knex, id_hash: string, now: Date): Promise<FoundToken | undefined> {
  const [row] = await read<ConsumableRow>(db, findRefreshTokenStatement, [id_hash, now]);
  return row && foundToken(row);
}

export interface FoundAccessToken {
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly client_id: string;
  readonly payload: Payload;
  readonly org_id: string | null;
  readonly user_id: string | null;
  /** Null for what an application got for itself. */
  readonly granted: Granted | null;
}

interface AccessTokenRow extends Row {
  readonly kind: FoundAccessToken['kind'];
}

const findAccessTokenStatement = lookup(
  'find_access_token',
  ['text', 'timestamptz'],
  `select ${columns('$2')}, t.org_id, coalesce(t.client_id, t.scim_client_id) as client_id, t.kind
   from oidc_access_tokens t left join oidc_grants g on g.grant_id = t.grant_id ${subjectJoins('g.user_id', 't.org_id')}
   where t.id_hash = $1 and case t.kind
     when 'ClientCredentials' then coalesce(${isActive.client('t.client_id')}, ${isActive.scimClient('t.scim_client_id', '$2')})
       and (t.org_id is null or ${isActive.organization('t.org_id')})
     -- A refresh may name another organization than the grant's: a third party needs a live grant there too.
     else g.grant_id is not null and ${grantIsAlive('t.org_id', '$2')}
       and (t.org_id is not distinct from g.org_id
         or (select c.first_party from oidc_clients c where c.client_id = g.client_id)
         or (select true from oidc_grants other where other.user_id = g.user_id and other.client_id = g.client_id
              and coalesce(other.org_id, '${zeroId}') = t.org_id and other.revoked_at is null))
     end`,
);

/** An opaque access token whose whole lineage is alive. Its own expiry is in the payload. */
export async function findAccessToken(db: Knex, id_hash: string, now: Date): Promise<FoundAccessToken | undefined> {
  const [row] = await read<AccessTokenRow>(db, findAccessTokenStatement, [id_hash, now]);
  if (!row) return undefined;
  const { kind, client_id, payload, org_id, user_id } = row;
  return {
    kind,
    client_id,
    payload,
    org_id,
    user_id,
    granted: user_id === null ? null : grantedIn({ ...row, user_id }),
  };
}
