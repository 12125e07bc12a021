/** Rows that owners of credentials need: organizations, people, memberships, system-wide roles. Written as their rooms write them. */
import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { newId } from '../../src/core/id.ts';
import { hashSecret, newSecret } from '../../src/core/secret.ts';

const unique = () => randomBytes(5).toString('hex');

export async function insertOrganization(db: Knex, columns: Record<string, unknown> = {}): Promise<string> {
  const org_id = newId();
  const slug = `org-${unique()}`;
  await db('organizations').insert({ org_id, org_name: slug, slug, ...columns });
  return org_id;
}

export interface Person {
  readonly user_id: string;
  readonly email: string;
}

export async function insertUser(db: Knex, columns: Record<string, unknown> = {}): Promise<Person> {
  const user_id = newId();
  const email = `person-${unique()}@people.example`;
  await db('users').insert({ user_id, email, ...columns });
  return { user_id, email: (columns.email as string | undefined) ?? email };
}

export async function insertMember(
  db: Knex,
  org_id: string,
  user_id: string,
  permissions: string[] = [],
): Promise<void> {
  const { slug } = await db('organizations').where({ org_id }).first('slug');
  await db('user_organization_info').insert({
    org_id,
    user_id,
    url_safe_org_name: slug,
    user_permissions: permissions,
  });
}

/** A system-wide grant of a role with these permissions. */
export async function grantSystemWide(db: Knex, user_id: string, permissions: string[]): Promise<string> {
  const role_id = newId();
  await db('roles').insert({ role_id, name: `role-${unique()}` });
  for (const name of permissions) {
    await db('permissions').insert({ permission_id: newId(), name }).onConflict().ignore();
    const { permission_id } = await db('permissions').where({ name }).whereNull('org_id').first('permission_id');
    await db('role_permissions').insert({ role_id, permission_id });
  }
  const user_role_id = newId();
  await db('user_roles').insert({ user_role_id, user_id, role_id });
  return user_role_id;
}

/** A person's API key with whatever scopes a test says: what it can do beyond the person's role would be too much. */
export async function insertApiKey(
  db: Knex,
  { org_id, user_id, scopes }: { org_id: string; user_id: string; scopes: readonly string[] },
): Promise<string> {
  const key = newSecret('ltl_key_');
  await db('api_keys').insert({
    api_key_id: newId(),
    org_id,
    user_id,
    name: `key ${unique()}`,
    key_hash: hashSecret(key),
    key_prefix: key.slice(0, 12),
    scopes: JSON.stringify(scopes),
  });
  return key;
}
