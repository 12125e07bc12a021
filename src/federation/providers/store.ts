/** SQL of `identity_providers` and `identity_provider_certificates`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import { isSwitchedOff } from '../login-methods/switched-off.ts';
import type { AttributeMapping } from '../saml/attributes.ts';
import type { SamlConfig } from './config.ts';
import type { ProviderCertificate } from './schema.ts';

const columns = [
  'provider_id',
  'org_id',
  'type',
  'name',
  'config',
  'attribute_mapping',
  'auto_provision',
  'enabled',
  'last_used_at',
  'created_at',
  'updated_at',
] as const;

export interface ProviderRow {
  readonly provider_id: string;
  readonly org_id: string;
  readonly type: string;
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly attribute_mapping: AttributeMapping;
  readonly auto_provision: boolean;
  readonly enabled: boolean;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const constraints = {
  identity_providers_org_entity_id_key: 'provider_entity_taken',
  identity_providers_entity_id_check: 'provider_config_invalid',
  identity_providers_org_id_fkey: 'not_found',
  identity_provider_certificates_provider_id_fingerprint_key: 'provider_certificate_exists',
} as const;

type Written = Partial<Omit<ProviderRow, 'config'>> & { config?: SamlConfig; created_by?: string | null };

const written = ({ config, attribute_mapping, ...row }: Written): Record<string, unknown> => ({
  ...row,
  ...(config === undefined ? {} : { config: json(config) }),
  ...(attribute_mapping === undefined ? {} : { attribute_mapping: json(attribute_mapping) }),
});

export const insertProvider = (db: Knex, row: Written): Promise<ProviderRow> =>
  refusing(constraints, async () => {
    const [made] = await db('identity_providers')
      .insert(written(row))
      .returning([...columns]);
    return made;
  });

export const updateProviderRow = (db: Knex, provider_id: string, changes: Written): Promise<ProviderRow> =>
  refusing(constraints, async () => {
    const [row] = await db('identity_providers')
      .where({ provider_id })
      .update(written(changes))
      .returning([...columns]);
    return row;
  });

const ofOrganization = (db: Knex, org_id: string, provider_id: string) =>
  db('identity_providers')
    .where({ org_id, provider_id })
    .first(...columns);

export const getProvider = (db: Knex, org_id: string, provider_id: string): Promise<ProviderRow | undefined> =>
  ofOrganization(db, org_id, provider_id);

export const lockProvider = (db: Knex, org_id: string, provider_id: string): Promise<ProviderRow | undefined> =>
  ofOrganization(db, org_id, provider_id).forUpdate();

export const listProviderRows = (db: Knex, org_id: string, page: ListQuery): Promise<Page<ProviderRow>> =>
  pageOf<ProviderRow>(
    db('identity_providers')
      .where({ org_id })
      .select(...columns),
    'provider_id',
    page,
  );

export async function deleteProviderRow(db: Knex, provider_id: string): Promise<void> {
  await db('identity_providers').where({ provider_id }).del();
}

/** A connection as a sign-in meets it. */
export interface ConnectionRow extends ProviderRow {
  /** Organization active, connection enabled, and signing in by SAML not switched off. */
  readonly is_open: boolean;
  readonly org_status: string;
  readonly org_name: string;
}

const isOpen = `(p.enabled and o.status = 'active' and not ${isSwitchedOff('saml', 'p.org_id')})`;

const connections = (db: Knex) =>
  db('identity_providers as p')
    .join('organizations as o', 'o.org_id', 'p.org_id')
    .where({ 'p.type': 'saml' })
    .whereNot({ 'o.status': 'deleted' })
    .select(
      // Knex reads nothing but the array when the first argument is one.
      ...columns.map((name) => `p.${name}`),
      ...['o.status as org_status', 'o.org_name'],
      db.raw(`${isOpen} as is_open`),
    );

export const getConnection = (db: Knex, provider_id: string): Promise<ConnectionRow | undefined> =>
  connections(db).where({ 'p.provider_id': provider_id }).first();

/** As `getConnection`, held against a change of connection and organization until the transaction ends. */
export const holdConnection = (db: Knex, provider_id: string): Promise<ConnectionRow | undefined> =>
  connections(db).where({ 'p.provider_id': provider_id }).forShare('p', 'o').first();

export const listOpenConnections = (
  db: Knex,
  org_id: string,
): Promise<Pick<ConnectionRow, 'provider_id' | 'org_id' | 'name'>[]> =>
  db('identity_providers as p')
    .join('organizations as o', 'o.org_id', 'p.org_id')
    .where({ 'p.type': 'saml', 'p.org_id': org_id })
    .whereRaw(isOpen)
    .orderBy('p.provider_id')
    .select('p.provider_id', 'p.org_id', 'p.name');

/** Notes that the connection and a certificate of it were used, at most once an hour: no row that every sign-in writes. */
export async function noteUse(db: Knex, provider_id: string, fingerprint: string, now: Date): Promise<void> {
  const before = new Date(now.getTime() - 3_600_000);
  const stale = (query: Knex.QueryBuilder) =>
    query.where((builder) => builder.whereNull('last_used_at').orWhere('last_used_at', '<', before));
  await stale(db('identity_providers').where({ provider_id })).update({ last_used_at: now });
  await stale(db('identity_provider_certificates').where({ provider_id, fingerprint_sha256: fingerprint })).update({
    last_used_at: now,
  });
}

/** Connections whose metadata was last looked at before a moment, oldest first. */
export async function listDueProviders(db: Knex, before: Date, limit: number): Promise<ProviderRow[]> {
  const checked = `(config -> 'metadata' ->> 'checked_at')`;
  return db('identity_providers')
    .where({ type: 'saml' })
    .whereRaw(`config ->> 'metadata_url' is not null`)
    .whereRaw(`(${checked} is null or ${checked} < ?)`, [before.toISOString()])
    .orderByRaw(`${checked} nulls first`)
    .limit(limit)
    .select(...columns);
}

const certificateColumns = [
  'certificate_id',
  'provider_id',
  'pem',
  'fingerprint_sha256',
  'subject',
  'not_before',
  'not_after',
  'source',
  'status',
  'added_at',
  'last_used_at',
] as const;

export const insertCertificate = (db: Knex, row: ProviderCertificate): Promise<void> =>
  refusing(constraints, async () => {
    await db('identity_provider_certificates').insert(row);
  });

export async function updateCertificate(
  db: Knex,
  certificate_id: string,
  changes: Partial<Pick<ProviderCertificate, 'status' | 'source'>>,
): Promise<void> {
  await db('identity_provider_certificates').where({ certificate_id }).update(changes);
}

export async function deleteCertificate(db: Knex, certificate_id: string): Promise<void> {
  await db('identity_provider_certificates').where({ certificate_id }).del();
}

/** Oldest first; all of a connection, at most a few dozen with the retired ones. */
export const listCertificateRows = (db: Knex, provider_id: string): Promise<ProviderCertificate[]> =>
  db('identity_provider_certificates')
    .where({ provider_id })
    .orderBy('certificate_id')
    .select(...certificateColumns);

export const pageCertificates = (db: Knex, provider_id: string, page: ListQuery): Promise<Page<ProviderCertificate>> =>
  pageOf<ProviderCertificate>(
    db('identity_provider_certificates')
      .where({ provider_id })
      .select(...certificateColumns),
    'certificate_id',
    page,
  );

/** Active certificates of live connections that expire before a moment. */
export const listExpiring = (db: Knex, before: Date): Promise<(ProviderCertificate & { org_id: string })[]> =>
  db('identity_provider_certificates as c')
    .join('identity_providers as p', 'p.provider_id', 'c.provider_id')
    .where({ 'c.status': 'active', 'p.enabled': true })
    .where('c.not_after', '<', before)
    .orderBy('c.not_after')
    .limit(500)
    .select(...certificateColumns.map((name) => `c.${name}`), 'p.org_id');

/**
 * Brings the database's judgement forward from the commit: an enabled connection has an active certificate. At the commit of an
 * outer transaction nobody could tell the refusal from a defect.
 */
export const settleCertificates = (db: Knex): Promise<void> =>
  refusing({ identity_providers_certificate_check: 'provider_incomplete' }, async () => {
    await db.raw('set constraints all immediate');
    await db.raw('set constraints all deferred');
  });
