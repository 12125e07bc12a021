/** SQL of `organizations`, and the locks that put changes of one organization's access into an order. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { Organization } from './schema.ts';

const columns = [
  'org_id',
  'org_name',
  'slug',
  'custom_domain',
  'logo_url',
  'primary_color',
  'secondary_color',
  'branding_config',
  'org_metadata',
  'status',
  'created_at',
  'updated_at',
  'deleted_at',
] as const;

const constraints = {
  organizations_slug_key: 'slug_taken',
  organizations_custom_domain_key: 'custom_domain_taken',
} as const;

type Row = Partial<Omit<Organization, 'status'>> & { status?: Organization['status'] };

const written = (row: Row): Record<string, unknown> => ({
  ...row,
  ...(row.branding_config === undefined ? {} : { branding_config: json(row.branding_config) }),
  ...(row.org_metadata === undefined ? {} : { org_metadata: json(row.org_metadata) }),
});

/** Null when the slug is taken, without breaking the transaction, so that another can be tried. */
export async function insertOrganization(db: Knex, row: Row): Promise<Organization | null> {
  const [made] = await db('organizations')
    .insert(written(row))
    .onConflict('slug')
    .ignore()
    .returning([...columns]);
  return made ?? null;
}

export const getOrganization = (db: Knex, org_id: string): Promise<Organization | undefined> =>
  db('organizations')
    .where({ org_id })
    .first(...columns);

export const lockOrganizationRow = (db: Knex, org_id: string): Promise<Organization | undefined> =>
  db('organizations')
    .where({ org_id })
    .forNoKeyUpdate()
    .first(...columns);

/** A living organization, held as it is until the transaction ends: others may hold it too, nobody changes it. */
export const shareOrganizationRow = (db: Knex, org_id: string): Promise<Organization | undefined> =>
  db('organizations')
    .where({ org_id })
    .whereNot({ status: 'deleted' })
    .forShare()
    .first(...columns);

export const updateOrganizationRow = (db: Knex, org_id: string, changes: Row): Promise<Organization> =>
  refusing(constraints, async () => {
    const [row] = await db('organizations')
      .where({ org_id })
      .update(written(changes))
      .returning([...columns]);
    return row;
  });

/** The name in addresses stands in each membership too, so that issuing a token reads one row. */
export async function copySlugToMemberships(db: Knex, org_id: string, slug: string, now: Date): Promise<void> {
  await db('user_organization_info').where({ org_id }).update({ url_safe_org_name: slug, updated_at: now });
}

export const listOrganizationRows = (
  db: Knex,
  filter: { slug?: string; status?: string },
  page: ListQuery,
): Promise<Page<Organization>> =>
  pageOf<Organization>(
    db('organizations')
      .select(...columns)
      .where(Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))),
    'org_id',
    page,
  );

/** Whether the person may create organizations, and is there to do it. */
export async function mayCreateOrganizations(db: Knex, user_id: string): Promise<boolean> {
  const row = await db('users')
    .where({ user_id, can_create_orgs: true, enabled: true, locked: false })
    .whereNull('deleted_at')
    .first('user_id');
  return row !== undefined;
}

/** Whether a host name is one of the organization's verified, unshared domains, or stands below one. */
export async function isUnderVerifiedDomain(db: Knex, org_id: string, host: string): Promise<boolean> {
  const labels = host.split('.');
  const candidates = labels.map((_, index) => labels.slice(index).join('.'));
  const row = await db('organization_domains')
    .where({ org_id, is_shared: false })
    .whereNotNull('verified_at')
    .whereIn('domain', candidates)
    .first('domain');
  return row !== undefined;
}

/** Numbers of the advisory locks; no other part of the product uses the pair with these first numbers. */
const accessLock = { system: 4_113_010, organization: 4_113_011 } as const;

export async function takeAccessLock(db: Knex, org_id: string, mode: 'shared' | 'exclusive'): Promise<void> {
  const take = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
  await db.raw(`select pg_advisory_xact_lock_shared(?, 0), ${take}(?, hashtext(?))`, [
    accessLock.system,
    accessLock.organization,
    org_id,
  ]);
}

export async function takeSystemAccessLock(db: Knex): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(?, 0)', [accessLock.system]);
}
