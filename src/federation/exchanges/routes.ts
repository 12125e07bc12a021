/** REST face of tests of a connection. */
import { Type } from 'typebox';
import { type Route, route } from '../../http/route.ts';
import { samlKeys } from '../keys/service.ts';
import { manageProviders } from '../providers/schema.ts';
import { startTest } from './service.ts';

const Id = Type.String({ format: 'uuid' });

const TestStart = Type.Object(
  {
    method: Type.Enum(['redirect', 'post'], { description: 'Follow `url`, or post `fields` to it.' }),
    url: Type.String(),
    fields: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { $id: 'IdentityProviderTest' },
);

export const exchangeRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/identity-providers/{provider_id}/tests',
    operationId: 'startIdentityProviderTest',
    summary: 'Start a test: the real way, which signs nobody in and leaves a sign-in trace.',
    group: 'Identity providers',
    params: Type.Object({ org_id: Id, provider_id: Id }),
    body: Type.Object({}),
    reply: TestStart,
    status: 201,
    faults: ['provider_incomplete'],
    permission: manageProviders,
    prepare: (call) => samlKeys(call.app),
    run: (call, { params }) => startTest(call, params.org_id, params.provider_id),
  }),
];
