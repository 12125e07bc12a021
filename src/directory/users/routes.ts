/** REST face of users: those that an organization owns, and, for administrators of the system, all of them. */
import { Type } from 'typebox';
import type { FaultCode } from '../../core/faults.ts';
import { listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { memberParams } from '../memberships/schema.ts';
import { organizationParams } from '../organizations/schema.ts';
import {
  AnyUserChanges,
  createUsers,
  deleteUsers,
  NewPersonalUser,
  NewUser,
  readUsers,
  User,
  UserChanges,
  UserQuery,
  updateUsers,
} from './schema.ts';
import {
  createOwnedUser,
  createPersonalUser,
  deleteAnyUser,
  deleteOwnedUser,
  type Finish,
  listAllUsers,
  listOwnedUsers,
  readAnyUser,
  readOwnedUser,
  updateAnyUser,
  updateOwnedUser,
} from './service.ts';

/**
 * Checks and hashes a first password, before the transaction that keeps it; passwords belong to another room, which gives this.
 * `names` are what an attacker would try.
 */
export type PreparePassword = (password: string, names: readonly (string | null | undefined)[]) => Promise<Finish>;

const group = 'Users';
const params = Type.Object({ user_id: Type.String({ format: 'uuid' }) });
const clashes: FaultCode[] = [
  'email_invalid',
  'email_taken',
  'username_invalid',
  'username_taken',
  'identifier_missing',
];
const passwords: FaultCode[] = ['password_malformed', 'password_too_short', 'password_too_common', 'busy'];

/** @param preparePassword the passwords room's part of a new account */
export function userRoutes(preparePassword: PreparePassword): Route[] {
  const finishOf = async ({
    password,
    email,
    username,
    first_name,
    last_name,
  }: NewUser): Promise<Finish | undefined> =>
    password === undefined ? undefined : preparePassword(password, [email, username, first_name, last_name]);

  return [
    route({
      method: 'post',
      path: '/organizations/{org_id}/users',
      operationId: 'createOrganizationUser',
      summary: 'Create an account that the organization owns.',
      group,
      params: organizationParams,
      body: NewUser,
      reply: User,
      status: 201,
      faults: [...clashes, ...passwords],
      permission: createUsers,
      prepare: (call, { params, body }) => {
        // Before the hash, which is expensive.
        call.require(createUsers, params.org_id);
        return finishOf(body);
      },
      run: (call, { params, body: { password: _password, ...columns } }, finish) =>
        createOwnedUser(call, params.org_id, columns, finish),
    }),
    route({
      method: 'get',
      path: '/organizations/{org_id}/users',
      operationId: 'listOrganizationUsers',
      summary: 'List the accounts that the organization owns.',
      group,
      params: organizationParams,
      query: UserQuery,
      reply: listOf(User),
      permission: readUsers,
      run: (call, { params, query }) => listOwnedUsers(call, params.org_id, query),
    }),
    route({
      method: 'get',
      path: '/organizations/{org_id}/users/{user_id}',
      operationId: 'readOrganizationUser',
      summary: 'Read an account that the organization owns.',
      group,
      params: memberParams,
      reply: User,
      permission: readUsers,
      run: (call, { params }) => readOwnedUser(call, params.org_id, params.user_id),
    }),
    route({
      method: 'patch',
      path: '/organizations/{org_id}/users/{user_id}',
      operationId: 'updateOrganizationUser',
      summary: 'Change, enable, disable, lock or unlock an account that the organization owns.',
      group,
      params: memberParams,
      body: UserChanges,
      reply: User,
      faults: [...clashes, 'last_owner', 'last_administrator'],
      permission: updateUsers,
      run: async (call, { params, body }) => (await updateOwnedUser(call, params.org_id, params.user_id, body)).after,
    }),
    route({
      method: 'delete',
      path: '/organizations/{org_id}/users/{user_id}',
      operationId: 'deleteOrganizationUser',
      summary: 'Delete an account that the organization owns.',
      group,
      params: memberParams,
      faults: ['last_owner', 'last_administrator'],
      permission: deleteUsers,
      run: async (call, { params }) => {
        await deleteOwnedUser(call, params.org_id, params.user_id);
        return undefined;
      },
    }),
    route({
      method: 'post',
      path: '/users',
      operationId: 'createUser',
      summary: 'Create an account that its person owns.',
      group,
      body: NewPersonalUser,
      reply: User,
      status: 201,
      faults: [...clashes, ...passwords],
      permission: createUsers,
      prepare: (call, { body }) => {
        call.require(createUsers, null);
        return finishOf(body);
      },
      run: (call, { body: { password: _password, ...columns } }, finish) => createPersonalUser(call, columns, finish),
    }),
    route({
      method: 'get',
      path: '/users',
      operationId: 'listUsers',
      summary: 'List the accounts of all owners.',
      group,
      query: UserQuery,
      reply: listOf(User),
      permission: readUsers,
      run: (call, { query }) => listAllUsers(call, query),
    }),
    route({
      method: 'get',
      path: '/users/{user_id}',
      operationId: 'readUser',
      summary: 'Read any account.',
      group,
      params,
      reply: User,
      permission: readUsers,
      run: (call, { params }) => readAnyUser(call, params.user_id),
    }),
    route({
      method: 'patch',
      path: '/users/{user_id}',
      operationId: 'updateUser',
      summary: 'Change, enable, disable, lock or unlock any account.',
      group,
      params,
      body: AnyUserChanges,
      reply: User,
      faults: [...clashes, 'last_owner', 'last_administrator'],
      permission: updateUsers,
      run: async (call, { params, body }) => (await updateAnyUser(call, params.user_id, body)).after,
    }),
    route({
      method: 'delete',
      path: '/users/{user_id}',
      operationId: 'deleteUser',
      summary: 'Delete any account.',
      group,
      params,
      faults: ['last_owner', 'last_administrator'],
      permission: deleteUsers,
      run: async (call, { params }) => {
        await deleteAnyUser(call, params.user_id);
        return undefined;
      },
    }),
  ];
}
