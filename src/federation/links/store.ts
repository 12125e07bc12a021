/** SQL of `federated_identities`. The key is (provider_id, external_id), never an e-mail address (checklist FD-01). */
import type { Knex } from 'knex';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { FederatedIdentity } from './schema.ts';

const columns = [
  'identity_id',
  'provider_id',
  'user_id',
  'external_id',
  'provider_email',
  'provider_email_verified',
  'provider_name',
  'provider_picture',
  'last_sync_at',
  'last_login_at',
  'created_at',
  'updated_at',
] as const;

export interface IdentityAttributes {
  /** Groups as the identity provider names them. */
  readonly groups?: readonly string[];
  /** Further fields that the mapping names. */
  readonly custom?: Readonly<Record<string, readonly string[]>>;
  /** Roles that were given because of the groups; they are taken when the groups no longer give them. */
  readonly roles?: readonly string[];
}

export type IdentityRow = FederatedIdentity & { readonly attributes: IdentityAttributes };
type Written = Partial<Omit<IdentityRow, 'attributes'>> & { attributes?: IdentityAttributes };

const written = ({ attributes, ...row }: Written): Record<string, unknown> => ({
  ...row,
  ...(attributes === undefined ? {} : { attributes: json(attributes) }),
});

/** First number of the pair; no other advisory lock of this product uses it. */
const subjectLock = 4_113_014;

/**
 * Whom a connection means by a subject, held until the transaction ends. Sign-ins of one subject go one after the other: the
 * second finds the account that the first one made, instead of taking it for somebody else's.
 */
export async function lockIdentity(
  db: Knex,
  provider_id: string,
  external_id: string,
): Promise<IdentityRow | undefined> {
  await db.raw('select pg_advisory_xact_lock(?, hashtext(?))', [subjectLock, `${provider_id}:${external_id}`]);
  return db('federated_identities')
    .where({ provider_id, external_id })
    .forUpdate()
    .first(...columns, 'attributes');
}

/** Whether the account is linked to the connection already, by whatever subject. */
export async function isLinked(db: Knex, provider_id: string, user_id: string): Promise<boolean> {
  return (await db('federated_identities').where({ provider_id, user_id }).first('identity_id')) !== undefined;
}

/** @returns false when somebody else was faster: the subject or the account is linked meanwhile */
export async function insertIdentity(db: Knex, row: Written): Promise<boolean> {
  const made = await db('federated_identities').insert(written(row)).onConflict().ignore().returning('identity_id');
  return made.length === 1;
}

export async function updateIdentity(db: Knex, identity_id: string, changes: Written): Promise<void> {
  await db('federated_identities').where({ identity_id }).update(written(changes));
}

export async function deleteIdentity(db: Knex, identity_id: string): Promise<void> {
  await db('federated_identities').where({ identity_id }).del();
}

const ofOrganization = (db: Knex, org_id: string, provider_id: string) =>
  db('federated_identities as i')
    .join('identity_providers as p', 'p.provider_id', 'i.provider_id')
    .where({ 'p.org_id': org_id, 'i.provider_id': provider_id });

export const listIdentityRows = (
  db: Knex,
  org_id: string,
  provider_id: string,
  user_id: string | undefined,
  page: ListQuery,
): Promise<Page<FederatedIdentity>> =>
  pageOf<FederatedIdentity>(
    ofOrganization(db, org_id, provider_id)
      .select(columns.map((name) => `i.${name}`))
      .modify((query) => {
        if (user_id !== undefined) query.where({ 'i.user_id': user_id });
      }),
    'i.identity_id',
    page,
  );

export const lockIdentityOf = (
  db: Knex,
  org_id: string,
  provider_id: string,
  identity_id: string,
): Promise<FederatedIdentity | undefined> =>
  ofOrganization(db, org_id, provider_id)
    .where({ 'i.identity_id': identity_id })
    .forUpdate('i')
    .first(columns.map((name) => `i.${name}`));
