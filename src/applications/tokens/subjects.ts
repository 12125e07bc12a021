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

/** Columns of a subject on `subjectJoins`, beside its ids. @param now placeholder of the moment */
export const subjectColumns = (now: string): string =>
  `u.email, u.username, u.first_name, u.last_name, u.picture_url, u.phone, u.phone_verified, u.updated_at,
   u.email is not null and (u.email_confirmed or exists (
     select from organization_domains d where d.org_id = u.home_org_id and d.verified_at is not null
       and d.domain = lower(split_part(u.email, '@', -1)))) as email_verified,
   o.org_name, m.inherited_user_roles_plus_current_role as roles, m.user_permissions as permissions,
   m.access_valid_until <= ${now} as is_outdated`;

/** The person `u`, the membership `m` and the organization `o` of two ids, alive or not. @param org column or placeholder, may be null */
export const subjectJoins = (user: string, org: string): string =>
  `left join users u on u.user_id = ${user}
   left join user_organization_info m on m.user_id = u.user_id and m.org_id = ${org}
   left join organizations o on o.org_id = m.org_id`;

/** What `subjectColumns` reads. */
export interface SubjectRow extends Omit<Subject, 'user_id' | 'org_id'> {
  readonly user_id: string | null;
  readonly org_id: string | null;
  /** A grant ended, and the job that writes the membership row anew has not come yet. */
  readonly is_outdated: boolean | null;
}

/** The subject of a row whose everybody is alive. @returns undefined where nobody is behind it, or its roles must be asked for */
export function subjectIn(row: SubjectRow): Subject | undefined {
  const { user_id, org_id } = row;
  if (user_id === null || (row.is_outdated && org_id !== null)) return undefined;
  return {
    user_id,
    email: row.email,
    email_verified: row.email_verified,
    username: row.username,
    first_name: row.first_name,
    last_name: row.last_name,
    picture_url: row.picture_url,
    phone: row.phone,
    phone_verified: row.phone_verified,
    updated_at: row.updated_at,
    org_id,
    org_name: row.org_name,
    roles: row.roles,
    permissions: row.permissions,
  };
}

const readSubjectStatement = statement(
  'read_subject',
  `select u.user_id, o.org_id, ${subjectColumns('$3')}
   from (select $1::uuid as user_id) asked ${subjectJoins('asked.user_id', '$2::uuid')}
   where ${isActive.person('u')} and ($2::uuid is null or (${isActive.member('m', 'o')}))`,
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
  const [row] = await run<SubjectRow>(db, readSubjectStatement, [user_id, org_id, now]);
  if (!row) return undefined;
  const subject = subjectIn(row);
  if (subject || org_id === null) return subject;
  // Outdated: the access room answers exactly.
  const access = await readAccess(db, now, org_id, user_id);
  if (!access) return undefined;
  return subjectIn({ ...row, is_outdated: false, roles: access.roles, permissions: access.permissions });
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
