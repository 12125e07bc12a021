/**
 * Mappings: which of our columns an attribute of a directory means, per SCIM client.
 * Tables: scim_mappings (and the version in scim_clients). Events: scim_mappings.changed. Invariant: what is stored was read by the
 * SCIM engine and works; `mapping_version` is another number after every change, so that nothing compiled from it is stale.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { readProfile } from '../../directory/users/profile.ts';
import { manageScimClients, readScimClients } from '../clients/schema.ts';
import { getScimClient, lockScimClient, moveMappingVersion } from '../clients/service.ts';
import type { Mapping, MappingEngine, MappingReading, PayloadReading, ReadMapping } from './engine.ts';
import {
  type MappingPreview,
  type MappingPreviewRequest,
  type NewScimMappings,
  type ScimMappings,
  scimMappingsChanged,
} from './schema.ts';
import { deleteMappings, insertMappings, listMappings } from './store.ts';

const pointerTo = (index: number | null): string => `/body/mappings${index === null ? '' : `/${index}`}`;

/** @throws Fault mapping_invalid, pointing at the mapping that cannot work */
function check(engine: MappingEngine, mappings: readonly Mapping[]): Exclude<MappingReading, { refusal: unknown }> {
  const reading = engine.read(mappings);
  if (!('refusal' in reading)) return reading;
  const { reason, index } = reading.refusal;
  throw new Fault('mapping_invalid', reason, { errors: [{ pointer: pointerTo(index), detail: reason }] });
}

/** @throws Fault not_found */
export async function readScimMappings(
  call: Call,
  orgId: string,
  clientId: string,
  engine: MappingEngine,
): Promise<ScimMappings> {
  const { mapping_version } = await getScimClient(call, orgId, clientId);
  const mappings = await listMappings(call.db, clientId);
  const reading = engine.read(mappings);
  return { client_id: clientId, mapping_version, mappings, implied: 'refusal' in reading ? [] : [...reading.implied] };
}

/**
 * Replaces the mappings of a client. Nothing is written when nothing differs.
 * @throws Fault not_found, mapping_invalid
 */
export async function replaceScimMappings(
  call: Call,
  orgId: string,
  clientId: string,
  input: NewScimMappings,
  engine: MappingEngine,
): Promise<ScimMappings> {
  call.require(manageScimClients, orgId);
  const { mappings, implied } = check(engine, input.mappings);
  return call.write(async (inner) => {
    const client = await lockScimClient(inner, orgId, clientId);
    const before = await listMappings(inner.db, clientId);
    const answer = { client_id: clientId, mappings: [...mappings], implied: [...implied] };
    if (isDeepStrictEqual(before.map(plain), mappings.map(plain))) {
      return { ...answer, mapping_version: client.mapping_version };
    }
    await deleteMappings(inner.db, clientId);
    await insertMappings(inner.db, clientId, mappings);
    const { mapping_version } = await moveMappingVersion(inner, clientId);
    const told = (list: readonly ReadMapping[]) => list.map((one) => `${one.local_attribute} ↔ ${one.scim_attribute}`);
    await inner.emit(scimMappingsChanged, {
      org_id: orgId,
      object_id: clientId,
      before: told(before),
      after: told(mappings),
      details: { mapping_version },
    });
    return { ...answer, mapping_version };
  });
}

const plain = ({ local_attribute, scim_attribute, resource_type }: ReadMapping) => ({
  local_attribute,
  scim_attribute,
  resource_type,
});

/**
 * The user that a payload would make, by the client's mappings or by a draft. Nothing is written.
 * @throws Fault not_found, mapping_invalid, scim_payload_invalid, and what an account's columns are refused for
 */
export async function previewScimMappings(
  call: Call,
  orgId: string,
  clientId: string,
  { payload, mappings: draft }: MappingPreviewRequest,
  engine: MappingEngine,
): Promise<MappingPreview> {
  call.require(readScimClients, orgId);
  await getScimClient(call, orgId, clientId);
  const mappings = draft ?? (await listMappings(call.db, clientId));
  check(engine, mappings);
  const reading = engine.readPayload(mappings, payload);
  if ('refused' in reading) {
    const errors = [{ pointer: '/body/payload', detail: reading.refused }];
    throw new Fault('scim_payload_invalid', reading.refused, { errors });
  }
  return preview(reading);
}

function preview({ columns, properties, ...reading }: PayloadReading): MappingPreview {
  // The same reading as when the account is made: addresses normalised, hostile names refused.
  const user = readProfile(columns, true);
  if (!user.email && !user.username) throw new Fault('identifier_missing');
  return {
    email: user.email ?? null,
    username: user.username ?? null,
    first_name: user.first_name ?? null,
    last_name: user.last_name ?? null,
    phone: user.phone ?? null,
    picture_url: user.picture_url ?? null,
    bio: user.bio ?? null,
    enabled: user.enabled ?? true,
    properties: nested(properties),
    has_password: reading.has_password,
    external_id: reading.external_id,
    kept_attributes: { ...reading.attributes },
    notes: [...reading.notes],
  };
}

type Nested = { [name: string]: unknown };

/** Names come from checked mappings: none of them reaches a prototype. */
function nested(properties: PayloadReading['properties']): Nested {
  const whole: Nested = {};
  for (const { path, value } of properties) {
    if (value === undefined) continue;
    let holder = whole;
    for (const name of path.slice(0, -1)) {
      const next = Object.hasOwn(holder, name) ? holder[name] : undefined;
      const inner: Nested = typeof next === 'object' && next !== null ? (next as Nested) : {};
      holder[name] = inner;
      holder = inner;
    }
    const last = path.at(-1);
    if (last !== undefined) holder[last] = value;
  }
  return whole;
}

const known = new LRUCache<string, readonly ReadMapping[]>({ max: 1000 });

/**
 * The mappings of an authenticated client, for the SCIM door: read once per version. They may be newer than the version says,
 * when they changed since the client was authenticated; the next request then has the new version.
 */
export async function mappingsOf(
  db: Knex,
  { client_id, mapping_version }: { readonly client_id: string; readonly mapping_version: number },
): Promise<readonly ReadMapping[]> {
  const key = `${client_id} ${mapping_version}`;
  const remembered = known.get(key);
  if (remembered) return remembered;
  const mappings = await listMappings(db, client_id);
  known.set(key, mappings);
  return mappings;
}
