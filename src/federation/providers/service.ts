/**
 * Identity providers: the connections through which an organization's people sign in with their company's own account.
 * Tables: identity_providers, identity_provider_certificates. Events: identity_provider.created, .updated, .enabled, .disabled,
 * .deleted, .metadata_pending, .metadata_failed, identity_provider_certificate.added, .retired, .expiring.
 * Invariant: an enabled connection has an entity ID, a sign-on address and an active certificate; an entity ID names one
 * connection of an organization; every change of whom we believe is audited (checklist FD-03, FD-10, SA-12, SA-13; SAML2int §2).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readName } from '../../core/text.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import { requireMappable } from '../links/roles.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import { keepCertificates } from './certificates.ts';
import {
  fullConfig,
  isComplete,
  noMetadata,
  policyNames,
  type SamlConfig,
  shownConfig,
  spAddresses,
} from './config.ts';
import {
  type IdentityProvider,
  type IdentityProviderChanges,
  manageProviders,
  type NewIdentityProvider,
  type ProviderConfigInput,
  providerCreated,
  providerDeleted,
  providerDisabled,
  providerEnabled,
  providerUpdated,
  readProviders,
} from './schema.ts';
import { readSource, type Source } from './source.ts';
import {
  deleteProviderRow,
  getProvider,
  insertProvider,
  listOpenConnections,
  listProviderRows,
  lockProvider,
  type ProviderRow,
  settleCertificates,
  updateProviderRow,
} from './store.ts';

/** What is told about a connection. There is no secret in it: keys of ours are elsewhere, and theirs are public. */
export function shown(call: Call, row: ProviderRow): IdentityProvider {
  const config = fullConfig(row.config);
  const { checked_at, read_at, problem, pending } = config.metadata;
  return {
    provider_id: row.provider_id,
    org_id: row.org_id,
    type: row.type,
    name: row.name,
    enabled: row.enabled,
    state: row.enabled ? 'active' : 'draft',
    auto_provision: row.auto_provision,
    attribute_mapping: row.attribute_mapping,
    config: shownConfig(config),
    metadata: {
      checked_at,
      read_at,
      problem,
      pending: pending && {
        idp_entity_id: pending.idp_entity_id,
        sso_url: pending.sso[0]?.location ?? '',
        since: pending.since,
      },
    },
    sp: spAddresses(call.app.config.url, row.provider_id),
    last_used_at: row.last_used_at,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

const refuseOtherTypes = (type: string): void => {
  if (type !== 'saml') throw new Fault('provider_type_unsupported');
};

/** What a new connection's configuration says about trust, read before anything is written: it may come from far away. */
export async function prepareProvider(call: Call, orgId: string, input: NewIdentityProvider): Promise<Source> {
  call.require(manageProviders, orgId);
  refuseOtherTypes(input.type);
  return readSource(call, input.config ?? {});
}

/**
 * Makes a connection: as a draft while anything is missing, so that our addresses are there to be entered at the identity
 * provider; active otherwise, unless `enabled` says no.
 * @param source what `prepareProvider` read of the same input
 * @throws Fault provider_type_unsupported, provider_config_invalid, provider_metadata_refused, provider_entity_taken,
 * provider_incomplete, provider_certificates_too_many, egress_refused, egress_failed, not_found, request_invalid
 */
export async function createProvider(
  call: Call,
  orgId: string,
  input: NewIdentityProvider,
  source: Source,
): Promise<IdentityProvider> {
  call.require(manageProviders, orgId);
  refuseOtherTypes(input.type);
  const name = readName('name', input.name, 255);
  await requireMappable(call, orgId, input.config?.role_mapping ?? []);
  const config = merged(call, fullConfig({}), input.config ?? {}, source);
  const enabled = input.enabled ?? (isComplete(config) && source.certificates.length > 0);
  refuseIncomplete(enabled, config);
  return call.write(async (inner) => {
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    const row = await insertProvider(inner.db, {
      provider_id: newId(inner.now.getTime()),
      org_id: orgId,
      type: 'saml',
      name,
      config,
      attribute_mapping: input.attribute_mapping ?? {},
      auto_provision: input.auto_provision ?? false,
      enabled,
      created_by: inner.userId,
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(providerCreated, { org_id: orgId, object_id: row.provider_id, after: told(row) });
    await keepCertificates(inner, row, source.certificates, source.from);
    await settleCertificates(inner.db);
    return shown(inner, row);
  });
}

/** The configuration after what came in: trust from its source, policy as it was said, everything else as before. */
function merged(call: Call, before: SamlConfig, input: ProviderConfigInput, source: Source): SamlConfig {
  const policy = Object.fromEntries(
    policyNames.filter((name) => input[name] !== undefined).map((name) => [name, input[name]]),
  );
  const read = source.from === 'metadata';
  const at = call.now.toISOString();
  return {
    ...before,
    ...policy,
    ...source.trust,
    ...(input.metadata_url === undefined ? {} : { metadata_url: input.metadata_url }),
    ...(read || input.metadata_url === null
      ? {
          metadata: {
            ...noMetadata,
            warned: before.metadata.warned,
            ...(read ? { etag: source.etag, checked_at: at, read_at: at } : {}),
          },
        }
      : {}),
  };
}

function refuseIncomplete(enabled: boolean, config: SamlConfig): void {
  if (enabled && !isComplete(config)) throw new Fault('provider_incomplete');
}

/** What the audit log keeps of a connection: everything, as whom we believe is in it (checklist FD-10). */
function told(row: ProviderRow): Record<string, unknown> {
  const { name, enabled, auto_provision, attribute_mapping } = row;
  const { metadata: _state, ...config } = fullConfig(row.config);
  return { name, enabled, auto_provision, attribute_mapping, config };
}

export async function readProvider(call: Call, orgId: string, providerId: string): Promise<IdentityProvider> {
  call.require(readProviders, orgId);
  const row = await getProvider(call.db, orgId, providerId);
  if (!row) throw new Fault('not_found');
  return shown(call, row);
}

export async function listProviders(call: Call, orgId: string, query: ListQuery): Promise<Page<IdentityProvider>> {
  call.require(readProviders, orgId);
  const { items, next } = await listProviderRows(call.db, orgId, query);
  return { items: items.map((row) => shown(call, row)), next };
}

/**
 * Changes a connection. Certificates are added, never replaced; metadata changes addresses and adds certificates, and
 * loosens nothing (checklist FD-10). Nothing is written, and nothing said, when nothing differs.
 * @throws Fault as `createProvider`
 */
export async function updateProvider(
  call: Call,
  orgId: string,
  providerId: string,
  input: IdentityProviderChanges,
): Promise<IdentityProvider> {
  call.require(manageProviders, orgId);
  const asked = await getProvider(call.db, orgId, providerId);
  if (!asked) throw new Fault('not_found');
  refuseOtherTypes(asked.type);
  const name = input.name === undefined ? undefined : readName('name', input.name, 255);
  await requireMappable(call, orgId, input.config?.role_mapping ?? []);
  const source = await readSource(call, input.config ?? {});
  return call.write(async (inner) => {
    const before = await lockProvider(inner.db, orgId, providerId);
    if (!before) throw new Fault('not_found');
    const config = merged(inner, fullConfig(before.config), input.config ?? {}, source);
    const enabled = input.enabled ?? before.enabled;
    refuseIncomplete(enabled, config);
    const after: ProviderRow = {
      ...before,
      name: name ?? before.name,
      enabled,
      auto_provision: input.auto_provision ?? before.auto_provision,
      attribute_mapping: input.attribute_mapping ?? before.attribute_mapping,
    };
    await keepCertificates(inner, before, source.certificates, source.from);
    const row = await change(inner, before, after, config);
    await settleCertificates(inner.db);
    return shown(inner, row);
  });
}

/** Writes and tells what differs between two states of a connection, within a transaction that holds its row. */
export async function change(
  call: Call,
  before: ProviderRow,
  after: ProviderRow,
  config: SamlConfig,
): Promise<ProviderRow> {
  const { name, enabled, auto_provision, attribute_mapping } = after;
  const row = await updateProviderRow(call.db, before.provider_id, {
    name,
    enabled,
    auto_provision,
    attribute_mapping,
    config,
    updated_at: call.now,
  });
  const about = { org_id: before.org_id, object_id: before.provider_id };
  const [old, fresh] = [told(before), told(row)];
  delete old.enabled;
  delete fresh.enabled;
  if (!isDeepStrictEqual(old, fresh)) await call.emit(providerUpdated, { ...about, before: old, after: fresh });
  if (before.enabled !== enabled) await call.emit(enabled ? providerEnabled : providerDisabled, about);
  return row;
}

/** Deletes a connection, with the links of accounts to it. The accounts stay. Said before it is gone, for reactions. */
export async function deleteProvider(call: Call, orgId: string, providerId: string): Promise<void> {
  call.require(manageProviders, orgId);
  await call.write(async (inner) => {
    const row = await lockProvider(inner.db, orgId, providerId);
    if (!row) throw new Fault('not_found');
    await inner.emit(providerDeleted, { org_id: orgId, object_id: providerId, before: told(row) });
    await deleteProviderRow(inner.db, providerId);
  });
}

export interface OpenConnection {
  readonly provider_id: string;
  readonly org_id: string;
  readonly name: string;
  readonly type: 'saml';
}

/** The connections through which an organization's people can sign in now, for other rooms, without a permission. */
export async function connectionsOf(db: Knex, orgId: string): Promise<OpenConnection[]> {
  const rows = await listOpenConnections(db, orgId);
  return rows.map((row) => ({ ...row, type: 'saml' as const }));
}
