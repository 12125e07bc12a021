/** What tests of this room begin with: an organization with a SCIM client and a token, all made over REST. */
import { expect } from 'chai';
import { createOrganization } from '../../src/directory/organizations/service.ts';
import type { World } from '../support/world.ts';

export interface Directory {
  readonly org_id: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly token_id: string;
  readonly token: string;
  /** `/organizations/…/scim-clients/…` */
  readonly place: string;
}

let made = 0;

export async function makeOrganization(w: World): Promise<string> {
  return (await createOrganization(w.call(), { org_name: `Directory ${++made}` })).org_id;
}

export async function makeDirectory(w: World, org_id?: string, body: object = {}): Promise<Directory> {
  const owner = org_id ?? (await makeOrganization(w));
  const client = await w.api<Record<string, string>>('POST', `/organizations/${owner}/scim-clients`, body);
  expect(client.status, client.text).to.equal(201);
  const { client_id, client_secret } = client.body as Record<string, string>;
  const place = `/organizations/${owner}/scim-clients/${client_id}`;
  const token = await w.api<Record<string, string>>('POST', `${place}/tokens`, {});
  expect(token.status, token.text).to.equal(201);
  return {
    org_id: owner,
    client_id: client_id as string,
    client_secret: client_secret as string,
    token_id: token.body.token_id as string,
    token: token.body.token as string,
    place,
  };
}

/** A key of an organization with these permissions only. */
export async function makeKey(w: World, org_id: string, permissions: readonly string[]): Promise<string> {
  const account = await w.api('POST', `/organizations/${org_id}/service-accounts`, {
    name: `account-${++made}`,
    permissions,
  });
  expect(account.status, account.text).to.equal(201);
  const key = await w.api('POST', `/organizations/${org_id}/api-keys`, {
    name: 'a key',
    service_account_id: account.body.service_account_id,
    scopes: permissions,
  });
  expect(key.status, key.text).to.equal(201);
  return key.body.key as string;
}
