/** SQL of `organization_domains`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';

const columns = [
  'org_id',
  'domain',
  'verification_token',
  'verified_at',
  'verified_by',
  'is_shared',
  'last_checked_at',
  'last_check_error',
  'created_at',
  'updated_at',
] as const;

export interface DomainRow {
  org_id: string;
  domain: string;
  verification_token: string;
  verified_at: Date | null;
  verified_by: string | null;
  is_shared: boolean;
  last_checked_at: Date | null;
  last_check_error: string | null;
  created_at: Date;
  updated_at: Date;
}

const constraints = {
  organization_domains_pkey: 'domain_exists',
  organization_domains_verified_key: 'domain_taken',
  organization_domains_org_id_fkey: 'not_found',
} as const;

export const insertDomain = (
  db: Knex,
  row: Pick<DomainRow, 'org_id' | 'domain' | 'verification_token' | 'is_shared' | 'created_at' | 'updated_at'>,
): Promise<DomainRow> =>
  refusing(constraints, async () => {
    const [made] = await db('organization_domains')
      .insert(row)
      .returning([...columns]);
    return made;
  });

export const getDomain = (db: Knex, org_id: string, domain: string): Promise<DomainRow | undefined> =>
  db('organization_domains')
    .where({ org_id, domain })
    .first(...columns);

export const lockDomain = (db: Knex, org_id: string, domain: string): Promise<DomainRow | undefined> =>
  db('organization_domains')
    .where({ org_id, domain })
    .forUpdate()
    .first(...columns);

export const updateDomainRow = (
  db: Knex,
  org_id: string,
  domain: string,
  changes: Partial<DomainRow>,
): Promise<DomainRow> =>
  refusing(constraints, async () => {
    const [row] = await db('organization_domains')
      .where({ org_id, domain })
      .update(changes)
      .returning([...columns]);
    return row;
  });

export async function deleteDomainRow(db: Knex, org_id: string, domain: string): Promise<void> {
  await db('organization_domains').where({ org_id, domain }).del();
}

/** By name; `after` is the last name of the page before. */
export const listDomainRows = (
  db: Knex,
  org_id: string,
  limit: number,
  after: string | undefined,
): Promise<DomainRow[]> =>
  db('organization_domains')
    .select(...columns)
    .where({ org_id })
    .modify((query) => {
      if (after !== undefined) query.whereRaw('domain collate "C" > ?', [after]);
    })
    .orderByRaw('domain collate "C"')
    .limit(limit);

/** The active organization that verified a domain for itself alone. */
export async function findVerifier(db: Knex, domain: string): Promise<string | null> {
  const row = await db('organization_domains as d')
    .join('organizations as o', 'o.org_id', 'd.org_id')
    .where({ 'd.domain': domain, 'd.is_shared': false, 'o.status': 'active' })
    .whereNotNull('d.verified_at')
    .first('d.org_id');
  return row?.org_id ?? null;
}

export async function findVerified(
  db: Knex,
  org_id: string,
  domain: string,
): Promise<{ is_shared: boolean } | undefined> {
  return db('organization_domains').where({ org_id, domain }).whereNotNull('verified_at').first('is_shared');
}

/**
 * What a verified domain says about the organization's accounts with an address in it. Compares the text behind the last @;
 * accounts keep domains in their one form (`normalizeEmail`).
 */
export async function markEmails(
  db: Knex,
  org_id: string,
  domain: string,
  confirmed: boolean,
  now: Date,
): Promise<void> {
  await db('users')
    .where({ home_org_id: org_id, email_confirmed: !confirmed })
    .whereNull('deleted_at')
    .whereRaw(`right(lower(email), ?) = ?`, [domain.length + 1, `@${domain}`])
    .update({ email_confirmed: confirmed, updated_at: now });
}
