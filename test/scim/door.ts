/** Organizations with a directory that speaks SCIM over HTTP: how the tests of the door speak to it. */
import { expect } from 'chai';
import { createOrganization } from '../../src/directory/organizations/service.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import type { Answer, World } from '../support/world.ts';
import type { VendorRequest } from './vendor.ts';

export interface Directory {
  readonly org_id: string;
  readonly client_id: string;
  readonly token: string;
  /** A request below `/scim/v2`. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<JsonObject>>;
  /** As a vendor's client sends it; the answer must have this status. */
  vendor(request: VendorRequest, status: number): Promise<JsonObject>;
  /** Makes a user, and gives its id. */
  user(userName: string, more?: object): Promise<string>;
  group(displayName: string, members?: string[]): Promise<string>;
  /** The same directory, speaking to another process. */
  at(server: Server): Directory;
}

/** Whom a request is sent to: a world, or one process of several. */
type Server = Pick<World, 'request'>;

let made = 0;

export async function directory(w: World, { orgId }: { orgId?: string } = {}): Promise<Directory> {
  made += 1;
  const org_id =
    orgId ??
    (await createOrganization(w.call(), { org_name: `Organization ${made}`, slug: `scim-${made}-org` })).org_id;
  const client = await w.api('POST', `/organizations/${org_id}/scim-clients`, { name: `Directory ${made}` });
  expect(client.status, client.text).to.equal(201);
  const client_id = client.body.client_id as string;
  const token = await newToken(w, org_id, client_id);
  return speaking(w, { org_id, client_id, token });
}

export async function newToken(w: World, org_id: string, client_id: string): Promise<string> {
  const made = await w.api('POST', `/organizations/${org_id}/scim-clients/${client_id}/tokens`, {});
  expect(made.status, made.text).to.equal(201);
  return made.body.token as string;
}

function speaking(w: Server, who: Pick<Directory, 'org_id' | 'client_id' | 'token'>): Directory {
  const send: Directory['send'] = (method, path, body, headers = {}) =>
    w.request(`/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${who.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }) as Promise<Answer<JsonObject>>;
  const make = async (path: string, body: object): Promise<string> => {
    const answer = await send('POST', path, body);
    expect(answer.status, answer.text).to.equal(201);
    return answer.body.id as string;
  };
  return {
    ...who,
    send,
    at: (server) => speaking(server, who),
    vendor: async ({ method, path, body, contentType }, status) => {
      const answer = await send(method, path, body, body && contentType ? { 'content-type': contentType } : {});
      expect(answer.status, answer.text).to.equal(status);
      return answer.text === '' ? {} : answer.body;
    },
    user: (userName, more = {}) => make('/Users', { schemas: [USER], userName, ...more }),
    group: (displayName, members = []) =>
      make('/Groups', { schemas: [GROUP], displayName, members: members.map((value) => ({ value })) }),
  };
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';

export const patch = (...Operations: object[]): JsonObject => ({
  schemas: [PATCH],
  Operations: Operations as JsonObject[],
});

/** The refusal, in the form of RFC 7644 §3.12. */
export function expectError(answer: Answer<JsonObject>, status: number, scimType?: string): void {
  expect(answer.status, answer.text).to.equal(status);
  expect(answer.headers.get('content-type')).to.match(/^application\/scim\+json/);
  expect(answer.body.schemas).to.deep.equal([ERROR]);
  expect(answer.body.status).to.equal(String(status));
  expect(answer.body.scimType).to.equal(scimType);
  expect(answer.body.detail).to.be.a('string').and.not.equal('');
}

export const idsOf = (answer: Answer<JsonObject>): string[] => {
  expect(answer.status, answer.text).to.equal(200);
  return (answer.body.Resources as JsonObject[]).map(({ id }) => id as string);
};
