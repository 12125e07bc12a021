/**
 * The person behind a token, read at issue, refresh and userinfo: one statement over account, membership and organization
 * (the membership row is the ready answer for tokens, data-model.md). A read model across rooms; it writes nothing.
 */
import type { Knex } from 'knex';
import { readAccess } from '../../access/grants/access.ts';
import { isActive } from './liveness.ts';
import { run, statement } from '../../db/statement.ts';

export interface Subject {
  readonly user_id: string;
  readonly email: string | null;
  /** Confirmed by its person, or in a domain that the account's owner has verified. */
  readonly email_verified: boolean;
  readonly username: string | null;
  readonly first_name: string | null;
  readonly last_name: string | null;
  readonly picture_url: string | null;
  readonly phone: string | null;
  readonly phone_verified: boolean;
  readonly updated_at: Date;
  readonly org_id: string | null;
  readonly org_name: string | null;
  readonly roles: string[] | null;
  readonly permissions: string[] | null;
}

const readSubjectStatement = statement(
  'read_subject',
  `select u.user_id, u.email, u.username, u.first_name, u.last_name, u.picture_url, u.phone, u.phone_verified, u.updated_at,
     u.email is not null and (u.email_confirmed or exists (
       select from organization_domains d where d.org_id = u.home_org_id and d.verified_at is not null
         and d.domain = lower(split_part(u.email, '@', -1)))) as email_verified,
     o.org_id, o.org_name, m.inherited_user_roles_plus_current_role as roles, m.user_permissions as permissions,
     m.access_valid_until <= $3 as is_outdated
   from users u
   left join user_organization_info m on m.user_id = u.user_id and m.org_id = $2::uuid and m.status = 'active'
   left join organizations o on o.org_id = m.org_id and o.status = 'active'
   where u.user_id = $1 and ${isActive.user('u.user_id')} and ($2::uuid is null or o.org_id is not null)`,
);

/**
 * An active account as a member of an organization, or of none.
 * @returns undefined when either is not active
 */
export async function readSubject(
  db: Knex,
  user_id: string,
  org_id: string | null,
  now: Date,
): Promise<Subject | undefined> {
  const [row] = await run<Subject & { readonly is_outdated: boolean | null }>(db, readSubjectStatement, [
    user_id,
    org_id,
    now,
  ]);
  if (!row) return undefined;
  const { is_outdated, ...subject } = row;
  if (!is_outdated || org_id === null) return subject;
  // A grant ended, and the job that writes the row anew has not come yet: the access room answers exactly.
  const access = await readAccess(db, now, org_id, user_id);
  return access ? { ...subject, roles: access.roles, permissions: access.permissions } : undefined;
}

export interface Membership {
  readonly org_id: string;
  readonly org_name: string;
  readonly logo_url: string | null;
}

const listMembershipsStatement = statement(
  'list_memberships_of_subject',
  `select o.org_id, o.org_name, o.logo_url from user_organization_info m join organizations o on o.org_id = m.org_id
   where m.user_id = $1 and m.status = 'active' and o.status = 'active' order by o.org_name, o.org_id`,
);

/** The organizations that an account can act for, by name. */
export const listMembershipsOf = (db: Knex, user_id: string): Promise<Membership[]> =>
  run<Membership>(db, listMembershipsStatement, [user_id]);
