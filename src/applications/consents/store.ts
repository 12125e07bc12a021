/** SQL of consents: living rows of `oidc_grants` with the names that people know. */
import type { Knex } from 'knex';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';

export interface ConsentRow {
  readonly grant_id: string;
  readonly client_id: string;
  readonly client_name: string;
  readonly logo_uri: string | null;
  readonly first_party: boolean;
  readonly org_id: string | null;
  readonly org_name: string | null;
  readonly payload: {
    readonly openid?: { readonly scope?: string };
    readonly resources?: Readonly<Record<string, string>>;
  };
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** @param org_id undefined: in every organization */
const consentsOf = (db: Knex, user_id: string, org_id: string | undefined): Knex.QueryBuilder =>
  db('oidc_grants as g')
    .join('oidc_clients as c', 'c.client_id', 'g.client_id')
    .leftJoin('organizations as o', 'o.org_id', 'g.org_id')
    .where('g.user_id', user_id)
    .whereNull('g.revoked_at')
    .modify((query) => {
      if (org_id !== undefined) query.where('g.org_id', org_id);
    })
    .select(
      'g.grant_id',
      'g.client_id',
      'c.client_name',
      'c.logo_uri',
      'c.first_party',
      'g.org_id',
      'o.org_name',
      'g.payload',
      'g.created_at',
      'g.updated_at',
    );

export const listConsentRows = (
  db: Knex,
  user_id: string,
  org_id: string | undefined,
  page: ListQuery,
): Promise<Page<ConsentRow>> => pageOf<ConsentRow>(consentsOf(db, user_id, org_id), 'g.grant_id', page);

export const getConsentRow = (
  db: Knex,
  user_id: string,
  org_id: string | undefined,
  grant_id: string,
): Promise<ConsentRow | undefined> => consentsOf(db, user_id, org_id).where('g.grant_id', grant_id).first();

/** Whether a person belongs to an organization, as a member or because it owns the account. */
export async function isOfOrganization(db: Knex, user_id: string, org_id: string): Promise<boolean> {
  const row = await db('users as u')
    .where('u.user_id', user_id)
    .where((query) =>
      query
        .where('u.home_org_id', org_id)
        .orWhereExists(db('user_organization_info as m').where({ 'm.user_id': user_id, 'm.org_id': org_id })),
    )
    .first('u.user_id');
  return row !== undefined;
}
