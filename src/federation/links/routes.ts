/** REST face of links between accounts and an identity provider. */
import { Type } from 'typebox';
import { listOf, listQuery } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { manageProviders, readProviders } from '../providers/schema.ts';
import { FederatedIdentity } from './schema.ts';
import { listIdentities, unlinkIdentity } from './service.ts';

const Id = Type.String({ format: 'uuid' });
const all = '/organizations/{org_id}/identity-providers/{provider_id}/identities';

export const linkRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: all,
    operationId: 'listFederatedIdentities',
    summary: 'List the accounts that are linked to an identity provider.',
    group: 'Identity providers',
    params: Type.Object({ org_id: Id, provider_id: Id }),
    query: Type.Object({ ...listQuery, user_id: Type.Optional(Id) }),
    reply: listOf(FederatedIdentity),
    permission: readProviders,
    run: (call, { params, query }) => listIdentities(call, params.org_id, params.provider_id, query),
  }),
  route({
    method: 'delete',
    path: `${all}/{identity_id}`,
    operationId: 'unlinkFederatedIdentity',
    summary: 'Remove the link of an account to an identity provider.',
    group: 'Identity providers',
    params: Type.Object({ org_id: Id, provider_id: Id, identity_id: Id }),
    permission: manageProviders,
    run: async (call, { params }) => {
      await unlinkIdentity(call, params.org_id, params.provider_id, params.identity_id);
      return undefined;
    },
  }),
];
