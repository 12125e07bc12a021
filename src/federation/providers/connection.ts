/** A connection as a sign-in uses it: read without a permission, because whoever signs in has none yet. */
import type { Knex } from 'knex';
import { isId } from '../../core/id.ts';
import type { AttributeMapping } from '../saml/attributes.ts';
import { fullConfig, type SamlConfig } from './config.ts';
import { type ConnectionRow, getConnection, holdConnection, listCertificateRows, noteUse } from './store.ts';

export interface Connection {
  readonly provider_id: string;
  readonly org_id: string;
  readonly org_name: string;
  readonly name: string;
  readonly config: SamlConfig;
  readonly attribute_mapping: AttributeMapping;
  readonly auto_provision: boolean;
  /** Connection enabled, organization active, signing in by SAML allowed (checklist FD-03). */
  readonly is_open: boolean;
  readonly org_is_active: boolean;
}

const read = (row: ConnectionRow | undefined): Connection | null =>
  row
    ? {
        provider_id: row.provider_id,
        org_id: row.org_id,
        org_name: row.org_name,
        name: row.name,
        config: fullConfig(row.config),
        attribute_mapping: row.attribute_mapping,
        auto_provision: row.auto_provision,
        is_open: row.is_open,
        org_is_active: row.org_status === 'active',
      }
    : null;

/** Null for no such SAML connection, or one of a deleted organization. */
export const findConnection = async (db: Knex, providerId: string): Promise<Connection | null> =>
  isId(providerId) ? read(await getConnection(db, providerId)) : null;

/** As `findConnection`, held against any change until the transaction ends. */
export const keepConnection = async (db: Knex, providerId: string): Promise<Connection | null> =>
  read(await holdConnection(db, providerId));

/** What signatures are verified with: the active certificates, and no others. */
export async function pinnedCertificates(db: Knex, providerId: string): Promise<string[]> {
  const rows = await listCertificateRows(db, providerId);
  return rows.filter(({ status }) => status === 'active').map(({ pem }) => pem);
}

/** Notes, outside of the transaction of a sign-in, that a connection and the key that signed were used. */
export const noteConnectionUse = (db: Knex, providerId: string, fingerprint: string, now: Date): Promise<void> =>
  noteUse(db, providerId, fingerprint, now);
