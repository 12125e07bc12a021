/**
 * SQL of revocation: tombstones on the grant. A family is everything that came from one code; it dies as one,
 * the token that is being issued at this moment included, because every later use reads the tombstone.
 */
import type { Knex } from 'knex';
import { run, statement } from '../../db/statement.ts';

/** Beyond this many dead families on one grant the grant itself is revoked: nobody loses so many tokens honestly. */
const maxFamilies = 500;

const endFamilyStatement = statement(
  'end_family',
  `update oidc_grants set updated_at = now(),
     dead_families = array_append(dead_families, $2::text),
     revoked_at = case when cardinality(dead_families) >= ${maxFamilies} then clock_timestamp() else revoked_at end
   from (select grant_id as locked from oidc_grants where grant_id = $1 for update) g
   where grant_id = locked and not ($2::text = any (dead_families))
   returning org_id, user_id, client_id`,
);

export interface EndedFamily {
  readonly org_id: string | null;
  readonly user_id: string;
  readonly client_id: string;
}

/** @returns whose it was, or undefined when it was dead already */
export async function endFamily(db: Knex, grant_id: string, family_id: string): Promise<EndedFamily | undefined> {
  const [row] = await run<EndedFamily>(db, endFamilyStatement, [grant_id, family_id]);
  return row;
}

/** Which tokens end; what is given must all hold. */
export interface Ending {
  readonly user_id?: string;
  readonly client_id?: string;
  readonly org_id?: string;
  readonly grant_id?: string;
  readonly session_ids?: readonly string[];
  /** The provider's session, and of it only what is bound to it. */
  readonly session_uid?: string;
}

const familyTables = ['oidc_refresh_tokens', 'oidc_access_tokens', 'oidc_artifacts'] as const;

/** Ends every family that has a token there. The grants themselves, which remember consent, stay. @returns how many */
export async function endFamilies(db: Knex, ending: Ending): Promise<number> {
  const { session_ids, session_uid, ...ofGrant } = ending;
  const named = Object.fromEntries(
    Object.entries(ofGrant)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [`g.${name}`, value]),
  );
  if (Object.keys(named).length === 0 && session_ids === undefined && session_uid === undefined) return 0;
  // Grants first, in one order: a request that is issuing holds its grant's lock, and its tokens are then seen below.
  const families = (table: string) =>
    db(`${table} as t`)
      .join('oidc_grants as g', 'g.grant_id', 't.grant_id')
      .where(named)
      .modify((query) => {
        if (session_ids !== undefined) query.whereIn('t.session_id', [...session_ids]);
        if (session_uid !== undefined) query.where({ 't.session_uid': session_uid, 't.session_bound': true });
      })
      .select('t.grant_id', db.raw('t.family_id::text as family'));
  const [first, ...rest] = familyTables.map(families);
  const all = () =>
    db.from(
      (first as Knex.QueryBuilder)
        .clone()
        .union(rest.map((query) => query.clone()))
        .as('f'),
    );
  await db('oidc_grants')
    .whereIn('grant_id', all().select('grant_id'))
    .select('grant_id')
    .orderBy('grant_id')
    .forUpdate();
  const ended = await db
    .with('f', all().select('grant_id').select(db.raw('array_agg(distinct family) as families')).groupBy('grant_id'))
    .from('oidc_grants as g')
    .updateFrom('f')
    .where('g.grant_id', db.ref('f.grant_id'))
    .update({
      dead_families: db.raw('array(select distinct unnest(dead_families || f.families))'),
      updated_at: db.fn.now(),
    });
  return Number(ended);
}

/** Deletes what applications got for themselves: it hangs on no grant, so nothing can be issued from it later. */
export async function endClientCredentials(
  db: Knex,
  where: { readonly client_id?: string; readonly org_id?: string },
): Promise<void> {
  await db('oidc_access_tokens')
    .where({ ...where, kind: 'ClientCredentials' })
    .delete();
}

/** Ends the provider's sessions behind rows of `sessions`, so that their cookies open nothing. */
export async function endSessions(
  db: Knex,
  ending: { readonly user_id?: string; readonly session_ids?: readonly string[] },
): Promise<void> {
  const { user_id, session_ids } = ending;
  if (user_id === undefined && session_ids === undefined) return;
  await db('oidc_sessions')
    .modify((query) => {
      if (user_id !== undefined) query.where({ user_id });
      if (session_ids !== undefined) query.whereIn('session_id', [...session_ids]);
    })
    .delete();
}

/**
 * Revokes grants: consent is forgotten and everything issued from them dies. The lock comes before the moment is taken: what is
 * issued while it is waited for was issued before.
 * @returns their ids
 */
export async function revokeGrants(
  db: Knex,
  where: { readonly grant_id?: string; readonly user_id?: string },
  reason: string,
): Promise<string[]> {
  const locked = db('oidc_grants')
    .where(where)
    .whereNull('revoked_at')
    .select('grant_id')
    .orderBy('grant_id')
    .forUpdate();
  const rows = await db
    .with('locked', locked)
    .table('oidc_grants')
    .whereIn('grant_id', db('locked').select('grant_id'))
    .whereNull('revoked_at')
    .update({ revoked_at: db.raw('clock_timestamp()'), revocation_reason: reason })
    .returning('grant_id');
  return rows.map((row: { grant_id: string }) => row.grant_id);
}
