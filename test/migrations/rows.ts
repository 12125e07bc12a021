/** Rows to try constraints with: the least that each table asks for. */
import type { Knex } from 'knex';
import { newId } from '../../src/core/id.ts';
import { json } from '../../src/db/json.ts';

type Row = Record<string, unknown>;

async function add(db: Knex, table: string, key: string, row: Row): Promise<string> {
  const id = newId();
  await db(table).insert({ [key]: id, ...row });
  return id;
}

export const addOrganization = (db: Knex, slug: string): Promise<string> =>
  add(db, 'organizations', 'org_id', { org_name: slug, slug });

export const addUser = (db: Knex, row: Row): Promise<string> => add(db, 'users', 'user_id', row);

export const addDomain = (db: Knex, row: Row): PromiseLike<unknown> =>
  db('organization_domains').insert({ domain: 'acme.example', verification_token: 'x'.repeat(43), ...row });

export const verified = { verified_at: new Date('2026-11-01T00:00:00Z'), verified_by: 'dns' };

export const addSamlProvider = (db: Knex, org_id: string, enabled: boolean): Promise<string> =>
  add(db, 'identity_providers', 'provider_id', { org_id, type: 'saml', name: 'Acme', enabled });

export const addCertificate = (db: Knex, provider_id: string, status = 'active'): Promise<string> =>
  add(db, 'identity_provider_certificates', 'certificate_id', {
    provider_id,
    pem: 'a certificate',
    fingerprint_sha256: `${newId()}-${newId()}`,
    status,
  });

export const addAuditLog = (db: Knex, row: Row): Promise<string> =>
  add(db, 'audit_logs', 'log_id', {
    action: 'role.created',
    object_type: 'role',
    actor_type: 'system',
    details: json({ after: { name: 'reader' } }),
    ...row,
  });

/** How the database refused: SQLSTATE and constraint, or null when it did not. */
export async function refusal(work: PromiseLike<unknown>): Promise<{ code: string; constraint: string } | null> {
  try {
    await work;
    return null;
  } catch (error) {
    const { code, constraint } = error as { code: string; constraint: string };
    return { code, constraint };
  }
}
