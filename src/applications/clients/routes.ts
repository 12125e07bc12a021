/** REST face of applications. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import {
  Application,
  ApplicationChange,
  ApplicationQuery,
  ApplicationWithSecret,
  manageApplications,
  NewApplication,
  NewSecret,
  readApplications,
  SecretRotation,
} from './schema.ts';
import {
  createApplication,
  deleteApplication,
  getApplication,
  listApplications,
  rotateApplicationSecret,
  updateApplication,
} from './service.ts';

const group = 'Applications';
const params = Type.Object({ client_id: Type.String({ format: 'uuid' }) });

export const applicationRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/applications',
    operationId: 'createApplication',
    summary: 'Register an application (RFC 7591 metadata); its secret is shown once.',
    group,
    body: NewApplication,
    reply: ApplicationWithSecret,
    status: 201,
    faults: ['permission_not_held', 'resource_uri_taken'],
    permission: manageApplications,
    run: (call, { body }) => createApplication(call, body),
  }),
  route({
    method: 'get',
    path: '/applications',
    operationId: 'listApplications',
    summary: 'List applications: of the caller’s organization, of `org_id`, or all.',
    group,
    query: ApplicationQuery,
    reply: listOf(Application),
    permission: readApplications,
    run: (call, { query }) => listApplications(call, query),
  }),
  route({
    method: 'get',
    path: '/applications/{client_id}',
    operationId: 'readApplication',
    summary: 'Read an application.',
    group,
    params,
    reply: Application,
    permission: readApplications,
    run: (call, { params: { client_id } }) => getApplication(call, client_id),
  }),
  route({
    method: 'patch',
    path: '/applications/{client_id}',
    operationId: 'updateApplication',
    summary: 'Change an application; felt everywhere within a second.',
    group,
    params,
    body: ApplicationChange,
    reply: ApplicationWithSecret,
    faults: ['permission_not_held', 'resource_uri_taken'],
    permission: manageApplications,
    run: (call, { params: { client_id }, body }) => updateApplication(call, client_id, body),
  }),
  route({
    method: 'delete',
    path: '/applications/{client_id}',
    operationId: 'deleteApplication',
    summary: 'Delete an application and everything that was issued to it.',
    group,
    params,
    permission: manageApplications,
    run: async (call, { params: { client_id } }) => {
      await deleteApplication(call, client_id);
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/applications/{client_id}/secret',
    operationId: 'rotateApplicationSecret',
    summary: 'Give an application a new secret; it is shown once.',
    group,
    params,
    body: SecretRotation,
    reply: NewSecret,
    status: 201,
    faults: ['application_without_secret'],
    permission: manageApplications,
    run: (call, { params: { client_id }, body }) => rotateApplicationSecret(call, client_id, body),
  }),
];
