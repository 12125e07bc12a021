/**
 * Applications: those who rely on us, as OAuth clients (RFC 7591 names, RFC 6749 §2).
 * Tables: oidc_clients. Events: application.created, .updated, .deleted, .secret_rotated.
 * Invariant: a secret is kept as a hash and shown once; ids are made here and never taken from outside, so no application can
 * have the id of a person (OA-24); nobody registers an application for a permission that they do not hold (AZ-05).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { knownPermissions } from '../../core/permission.ts';
import { hashSecret, newSecret } from '../../core/secret.ts';
import { missField, readName } from '../../core/text.ts';
import { requireHeld } from '../../credentials/service-accounts/held.ts';
import type { Page } from '../../http/list.ts';
import { apiResource, endTokens } from '../tokens/service.ts';
import { checkMetadata, scopesOf, usesSecret } from './rules.ts';
import {
  type Application,
  type ApplicationChange,
  type ApplicationQuery,
  type ApplicationWithSecret,
  applicationCreated,
  applicationDeleted,
  applicationSecretRotated,
  applicationUpdated,
  type ClientRow,
  manageApplications,
  type NewApplication,
  type NewSecret,
  readApplications,
  type SecretRotation,
} from './schema.ts';
import { deleteClient, getClient, getResource, insertClient, listClients, lockClient, updateClient } from './store.ts';

const secretPrefix = 'ltl_secret_';

/** Never a hash: this is what services, events and replies see. */
function shown(row: ClientRow): Application {
  const {
    secret_hash: _,
    previous_secret_hash: __,
    previous_secret_expires_at: ___,
    secret_created_at,
    version: ____,
    created_by: _____,
    ...rest
  } = row;
  return { ...rest, subject_type: 'public', client_secret_created_at: secret_created_at };
}

/**
 * Registers an application.
 * @throws Fault request_invalid, permission_not_held, resource_uri_taken, not_found (no such organization)
 */
export async function createApplication(call: Call, input: NewApplication): Promise<ApplicationWithSecret> {
  try {
    return await register(call, input);
  } catch (error) {
    // Another organization is not found, as anywhere; where the body named it, the answer says so (checklist MT-01).
    const isNamed = Boolean(input.org_id) && error instanceof Fault && error.code === 'not_found';
    if (isNamed) missField('org_id', 'is no organization that you can see');
    throw error;
  }
}

async function register(call: Call, input: NewApplication): Promise<ApplicationWithSecret> {
  const { reach } = call.actor;
  const orgId = input.org_id ?? (reach !== null && reach !== 'system' ? reach.org_id : null);
  call.require(manageApplications, orgId);
  const secret = usesSecret(input.token_endpoint_auth_method ?? 'client_secret_basic')
    ? newSecret(secretPrefix)
    : undefined;
  const row = newRow(call, orgId, input, secret);
  checkMetadata(row, apiResource(call.app.config.url));
  requireScopesHeld(call, scopesOf(row.scope));
  return call.write(async (inner) => {
    const made = shown(await insertClient(inner.db, row));
    await inner.emit(applicationCreated, { org_id: orgId, object_id: made.client_id, after: made });
    return withSecret(made, secret);
  });
}

function newRow(call: Call, org_id: string | null, input: NewApplication, secret: string | undefined): ClientRow {
  const { subject_type: _, ...given } = input;
  const grant_types = input.grant_types ?? ['authorization_code'];
  const defaults = {
    application_type: 'web' as const,
    client_uri: null,
    logo_uri: null,
    policy_uri: null,
    tos_uri: null,
    contacts: [],
    redirect_uris: [],
    post_logout_redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic' as const,
    id_token_signed_response_alg: 'ES256' as const,
    scope: null,
    default_max_age: null,
    default_acr_values: [],
    require_auth_time: false,
    initiate_login_uri: null,
    jwks: null,
    jwks_uri: null,
    require_pkce: true,
    require_pushed_authorization_requests: false,
    first_party: false,
    resource_uri: null,
    resource_scope: null,
    resource_token_format: 'opaque' as const,
  };
  return {
    ...defaults,
    ...given,
    grant_types,
    // RFC 7591 §2.1: the response types go with the grant types.
    response_types: input.response_types ?? (grant_types.includes('authorization_code') ? ['code'] : []),
    client_id: newId(call.now.getTime()),
    client_name: readName('client_name', input.client_name, 200),
    org_id,
    secret_hash: secret === undefined ? null : hashSecret(secret),
    secret_created_at: secret === undefined ? null : call.now,
    previous_secret_hash: null,
    previous_secret_expires_at: null,
    enabled: true,
    version: 1,
    created_by: call.userId,
    created_at: call.now,
    updated_at: call.now,
  };
}

/** Permissions among the scopes are passed on with each token. */
function requireScopesHeld(call: Call, scopes: readonly string[]): void {
  const permissions = new Set(knownPermissions().map(({ name }) => name));
  requireHeld(
    call,
    scopes.filter((name) => permissions.has(name)),
  );
}

const withSecret = (application: Application, secret: string | undefined): ApplicationWithSecret => ({
  ...application,
  client_id_issued_at: Math.floor(application.created_at.getTime() / 1000),
  ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
});

/** An actor of an organization learns nothing about the system's or others' applications. */
function requireFor(call: Call, permission: string, row: ClientRow | undefined): ClientRow {
  if (!row || (row.org_id === null && call.actor.reach !== 'system' && call.actor.reach !== null))
    throw new Fault('not_found');
  call.require(permission, row.org_id);
  return row;
}

/** @throws Fault not_found */
export async function getApplication(call: Call, clientId: string): Promise<Application> {
  return shown(requireFor(call, readApplications, await getClient(call.db, clientId)));
}

/** An organization's applications, or all of them for the system; oldest first. */
export async function listApplications(call: Call, { org_id, ...page }: ApplicationQuery): Promise<Page<Application>> {
  const { reach } = call.actor;
  const orgId = org_id ?? (reach !== null && reach !== 'system' ? reach.org_id : undefined);
  call.require(readApplications, orgId ?? null);
  const { items, next } = await listClients(call.db, orgId, page);
  return { items: items.map(shown), next };
}

/**
 * Changes an application. When it begins to authenticate by secret, the answer has the new one.
 * @throws Fault not_found, request_invalid, permission_not_held, resource_uri_taken
 */
export async function updateApplication(
  call: Call,
  clientId: string,
  input: ApplicationChange,
): Promise<ApplicationWithSecret> {
  requireFor(call, manageApplications, await getClient(call.db, clientId));
  return call.write(async (inner) => {
    const before = requireFor(inner, manageApplications, await lockClient(inner.db, clientId));
    const { subject_type: _, ...given } = input;
    if (given.client_name !== undefined) given.client_name = readName('client_name', given.client_name, 200);
    const { secret, ...secretChange } = secretFor(inner, before, given.token_endpoint_auth_method);
    const merged: ClientRow = { ...before, ...given, ...secretChange };
    checkMetadata(merged, apiResource(inner.app.config.url));
    const held = new Set(scopesOf(before.scope));
    requireScopesHeld(
      inner,
      scopesOf(merged.scope).filter((name) => !held.has(name)),
    );
    const after = await updateClient(inner.db, clientId, { ...given, ...secretChange, updated_at: inner.now });
    if (before.enabled && !after.enabled) await endTokens(inner, { client_id: clientId });
    await inner.emit(applicationUpdated, { org_id: after.org_id, object_id: clientId, ...changed(before, after) });
    return withSecret(shown(after), secret);
  });
}

function secretFor(
  call: Call,
  before: ClientRow,
  method: string | undefined,
): Partial<ClientRow> & { secret?: string } {
  if (method === undefined || usesSecret(method) === usesSecret(before.token_endpoint_auth_method)) return {};
  const none = { previous_secret_hash: null, previous_secret_expires_at: null };
  if (!usesSecret(method)) return { ...none, secret_hash: null, secret_created_at: null };
  const secret = newSecret(secretPrefix);
  return { ...none, secret_hash: hashSecret(secret), secret_created_at: call.now, secret };
}

function changed(before: ClientRow, after: ClientRow): { before: object; after: object } {
  const left = shown(before);
  const right = shown(after);
  const names = (Object.keys(right) as (keyof Application)[]).filter(
    (name) => name !== 'updated_at' && !isDeepStrictEqual(left[name], right[name]),
  );
  const pick = (row: Application) => Object.fromEntries(names.map((name) => [name, row[name]]));
  return { before: pick(left), after: pick(right) };
}

/** Deletes an application with everything that was issued to it. @throws Fault not_found */
export async function deleteApplication(call: Call, clientId: string): Promise<void> {
  requireFor(call, manageApplications, await getClient(call.db, clientId));
  await call.write(async (inner) => {
    const before = requireFor(inner, manageApplications, await lockClient(inner.db, clientId));
    await deleteClient(inner.db, clientId);
    await inner.emit(applicationDeleted, { org_id: before.org_id, object_id: clientId, before: shown(before) });
  });
}

/**
 * Gives an application a new secret. The one before it works for `grace_seconds` more, so that it can be exchanged without a gap.
 * @throws Fault not_found, application_without_secret
 */
export async function rotateApplicationSecret(call: Call, clientId: string, input: SecretRotation): Promise<NewSecret> {
  requireFor(call, manageApplications, await getClient(call.db, clientId));
  const secret = newSecret(secretPrefix);
  return call.write(async (inner) => {
    const before = requireFor(inner, manageApplications, await lockClient(inner.db, clientId));
    if (before.secret_hash === null) throw new Fault('application_without_secret');
    const grace = input.grace_seconds ?? 0;
    const until = grace > 0 ? new Date(inner.now.getTime() + grace * 1000) : null;
    await updateClient(inner.db, clientId, {
      secret_hash: hashSecret(secret),
      secret_created_at: inner.now,
      previous_secret_hash: until ? before.secret_hash : null,
      previous_secret_expires_at: until,
      updated_at: inner.now,
    });
    await inner.emit(applicationSecretRotated, {
      org_id: before.org_id,
      object_id: clientId,
      details: { grace_seconds: grace },
    });
    return {
      client_id: clientId,
      client_secret: secret,
      client_secret_expires_at: 0,
      previous_secret_expires_at: until,
    };
  });
}

/** An API that tokens can be issued for (RFC 8707), as seen by an application of `org_id`. Read by the provider for everybody. */
export async function findResource(
  db: Call['db'],
  resourceUri: string,
  orgId: string | null,
): Promise<{ readonly scope: string; readonly format: 'opaque' | 'jwt' } | undefined> {
  const row = await getResource(db, resourceUri, orgId);
  return row && { scope: row.resource_scope ?? '', format: row.resource_token_format };
}
