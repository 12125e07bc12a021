/** An organization with one of everything that the REST API can make, made through the route array itself. */
import { randomUUID } from 'node:crypto';
import { routes } from '../../src/app.ts';
import { newId } from '../../src/core/id.ts';
import { newReference, recordAttempt } from '../../src/federation/attempts/service.ts';
import type { Route } from '../../src/http/route.ts';
import { createSession } from '../../src/signin/sessions/service.ts';
import { keys } from '../support/saml/keys.ts';
import type { Answer, World } from '../support/world.ts';
import { sample } from './sample.ts';

export interface Tenant {
  readonly org_id: string;
  /** An API key with every permission that an organization can give. */
  readonly key: string;
  /** Ids of what was made, by the path segment of their collection: `roles`, `scim-clients`. */
  readonly ids: Map<string, string>;
}

/** Where a path parameter's thing is made: the segment before it, or the collection that it borrows from. */
const borrowed: Readonly<Record<string, string>> = {
  members: 'users',
  administrators: 'users',
  parents: 'second role',
};

const segmentBefore = (path: string, name: string): string => {
  const segments = path.split('/');
  const before = segments[segments.indexOf(`{${name}}`) - 1] ?? '';
  return borrowed[before] ?? before;
};

/** Parameters that are words, not ids. */
const words: Readonly<Record<string, string>> = { method: 'password' };

/** The values of a route's path parameters in a tenant; undefined where the tenant has no such thing. */
export function paramsIn(tenant: Tenant, route: Route): Record<string, string> | undefined {
  const values: Record<string, string> = {};
  for (const [, name = ''] of route.path.matchAll(/\{(\w+)\}/g)) {
    const value = name === 'org_id' ? tenant.org_id : (words[name] ?? tenant.ids.get(segmentBefore(route.path, name)));
    if (value === undefined) return undefined;
    values[name] = value;
  }
  return values;
}

export const addressOf = (route: Route, params: Record<string, string>): string =>
  route.path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));

/** Bodies that a schema alone cannot tell. */
function bodyFor(route: Route, tenant: Tenant): unknown {
  const { ids } = tenant;
  switch (route.operationId) {
    case 'setLoginMethod':
      return { enabled: false };
    case 'updateMember':
      return { status: 'suspended' };
    case 'verifyDomain':
      return { method: 'dns' };
    case 'createIdentityProvider':
      return {
        type: 'saml',
        name: `Connection ${randomUUID()}`,
        config: {
          idp_entity_id: `https://idp.example/${randomUUID()}`,
          sso_url: 'https://idp.example/sso',
          certificates: [keys.idp().certificate],
        },
      };
    case 'createApplication':
      return { client_name: 'Sample', org_id: tenant.org_id, redirect_uris: ['https://sample.example/callback'] };
    case 'previewScimMappings':
      return {
        payload: { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'sample@sample.example' },
      };
    case 'changeGroupMembers':
      // Another person than the route for a single member adds, so that both find something to do.
      return { add: [ids.get('second user')] };
    default: {
      const unique = randomUUID().slice(0, 8);
      const known: Record<string, unknown> = {
        org_id: tenant.org_id,
        user_id: ids.get('users'),
        role_id: ids.get('roles'),
        permission_id: ids.get('permissions'),
        group_id: ids.get('groups'),
        unit_id: ids.get('units'),
        service_account_id: ids.get('service-accounts'),
        scopes: ['users.read'],
        permissions: [],
        add: ids.has('users') ? [ids.get('users')] : [],
        email: `sample-${unique}@sample.example`,
        domain: `sample-${unique}.example`,
        pem: keys.idpNext().certificate,
      };
      return route.body ? sample(route.body, (name) => known[name]) : undefined;
    }
  }
}

/** @param more what the body has beside what the route asks for */
export function send(
  w: World,
  route: Route,
  params: Record<string, string>,
  tenant: Tenant,
  bearer: string,
  more: object = {},
): Promise<Answer> {
  const required = (route.query as { required?: string[] } | undefined)?.required ?? [];
  const query = required.map((name) => `${name}=${name === 'permission' ? 'users.read' : 'sample'}`).join('&');
  const address = `${addressOf(route, params)}${query === '' ? '' : `?${query}`}`;
  const body = bodyFor(route, tenant);
  return w.api(route.method.toUpperCase(), address, body && { ...body, ...more }, bearer);
}

const need = (answer: Answer): Record<string, string> => {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body as Record<string, string>;
};

/** Makes an organization, an actor with full power in it, and one of everything. */
export async function populate(w: World, org_name: string): Promise<Tenant> {
  const { org_id = '' } = need(await w.api('POST', '/organizations', { org_name }));
  const account = need(
    await w.api('POST', `/organizations/${org_id}/service-accounts`, { name: 'full power', permissions: ['*'] }),
  );
  const { service_account_id } = account;
  const { key = '' } = need(
    await w.api('POST', `/organizations/${org_id}/api-keys`, { name: 'full power', scopes: ['*'], service_account_id }),
  );
  const tenant: Tenant = { org_id, key, ids: new Map() };
  // In rounds, because some things need others first.
  for (let round = 0; round < 3; round += 1) {
    for (const route of routes.filter(({ method }) => method === 'post')) await make(w, route, tenant);
  }
  const role = need(await w.api('POST', `/organizations/${org_id}/roles`, { name: 'second' }));
  tenant.ids.set('second role', role.role_id ?? '');
  const email = `second-${randomUUID().slice(0, 8)}@sample.example`;
  const user = need(await w.api('POST', `/organizations/${org_id}/users`, { email }));
  tenant.ids.set('second user', user.user_id ?? '');
  await leaveTraces(w, tenant);
  return tenant;
}

/** What only people leave behind, by signing in: a session, a consent, a link to a connection, a trace. */
async function leaveTraces(w: World, { org_id, ids }: Tenant): Promise<void> {
  const user_id = ids.get('users') ?? '';
  const provider_id = ids.get('identity-providers') ?? '';
  const way = { login_method: 'saml', amr: ['fed'], acr: 'urn:lintel:acr:1fa' } as const;
  const { session_id } = await createSession(w.call(), { user_id, org_id, provider_id, ...way });
  ids.set('sessions', session_id);
  // One more, so that ending one and then the rest both find something to end.
  await createSession(w.call(), { user_id, org_id, provider_id, ...way });
  const [grant_id, identity_id] = [newId(), newId()];
  const expires_at = new Date(w.app.clock().getTime() + 30 * 86_400_000);
  await w
    .db('oidc_grants')
    .insert({ grant_id, user_id, org_id, client_id: ids.get('applications'), payload: '{}', expires_at });
  ids.set('consents', grant_id);
  await w.db('federated_identities').insert({ identity_id, user_id, provider_id, external_id: `subject-${user_id}` });
  ids.set('identities', identity_id);
  const reference = newReference();
  await recordAttempt(w.call(), {
    org_id,
    provider_id,
    user_id,
    reference,
    result: 'success',
    code: null,
    checks: [],
    attributes: {},
    sources: {},
    subject: null,
    is_test: false,
  });
  ids.set('signin-traces', reference);
}

/** Makes the thing of a collection, if the route is one and the tenant has none yet. */
async function make(w: World, route: Route, tenant: Tenant): Promise<void> {
  const collection = route.path.split('/').at(-1) ?? '';
  const item = routes.find(
    ({ path }) => path.startsWith(`${route.path}/{`) && path.split('/').length === route.path.split('/').length + 1,
  );
  const [, id] = /\{(\w+)\}$/.exec(item?.path ?? '') ?? [];
  if (!id || borrowed[collection] || tenant.ids.has(collection) || collection === 'organizations') return;
  const params = paramsIn(tenant, route);
  if (!params || !('org_id' in params || collection === 'applications')) return;
  const answer = await send(w, route, params, tenant, w.apiKey);
  const made = answer.status < 300 && answer.text !== '' ? (answer.body as Record<string, unknown>)[id] : undefined;
  if (typeof made === 'string') tenant.ids.set(collection, made);
}
