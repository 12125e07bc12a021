/**
 * Okta. Source: "Okta and SCIM Version 2.0" and "Build a SCIM 2.0 server with entitlements" of Okta's developer
 * documentation. Apps of the wizard send whole PUTs, apps of the catalogue PATCH without a path.
 */
import type { VendorRequest } from './vendor.ts';

const USER = ['urn:ietf:params:scim:schemas:core:2.0:User'];
const GROUP = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];

export const okta: VendorRequest[] = [
  {
    name: 'look for user',
    method: 'GET',
    path: '/Users?filter=userName%20eq%20%22Noa.Reed%40okta.example%22&startIndex=1&count=100',
  },
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: USER,
      userName: 'noa.reed@okta.example',
      name: { givenName: 'Noa', familyName: 'Reed' },
      emails: [{ primary: true, value: 'noa.reed@okta.example', type: 'work' }],
      displayName: 'Noa Reed',
      locale: 'en-US',
      externalId: '00u1abcdEFGH',
      groups: [],
      password: 'placeh0lder',
      active: true,
    },
  },
  { name: 'import users', method: 'GET', path: '/Users?startIndex=1&count=100' },
  { name: 'import groups', method: 'GET', path: '/Groups?startIndex=1&count=100' },
  {
    name: 'update user by PUT',
    method: 'PUT',
    path: '/Users/{user}',
    body: {
      schemas: USER,
      id: '{user}',
      userName: 'noa.reed@okta.example',
      name: { givenName: 'Noa', middleName: '', familyName: 'Reed-Hall' },
      emails: [{ primary: true, value: 'noa.reed@okta.example', type: 'work', display: 'noa.reed@okta.example' }],
      externalId: '00u1abcdEFGH',
      active: true,
      groups: [{ value: '{group}', display: 'Echoed' }],
      meta: { resourceType: 'User' },
    },
  },
  {
    name: 'deactivate by PUT',
    method: 'PUT',
    path: '/Users/{user}',
    body: {
      schemas: USER,
      id: '{user}',
      userName: 'noa.reed@okta.example',
      active: false,
      meta: { resourceType: 'User' },
    },
  },
  {
    name: 'deactivate by PATCH',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', value: { active: false } }] },
  },
  {
    name: 'reactivate by PATCH',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', value: { active: true } }] },
  },
  {
    name: 'sync password',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', value: { password: 'n3w-Secret' } }] },
  },
  {
    name: 'push group',
    method: 'POST',
    path: '/Groups',
    body: { schemas: GROUP, displayName: 'Field Team', members: [] },
  },
  {
    name: 'rename group',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', value: { id: '{group}', displayName: 'Field Crew' } }] },
  },
  {
    name: 'swap members',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: {
      schemas: PATCH,
      Operations: [
        { op: 'remove', path: 'members[value eq "{member}"]' },
        { op: 'add', path: 'members', value: [{ value: '{user}', display: 'noa.reed@okta.example' }] },
      ],
    },
  },
  {
    name: 'push all members',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: {
      schemas: PATCH,
      Operations: [
        {
          op: 'replace',
          path: 'members',
          value: [
            { value: '{user}', display: 'a' },
            { value: '{member}', display: 'b' },
          ],
        },
      ],
    },
  },
  {
    name: 'push no members',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', path: 'members', value: [] }] },
  },
  {
    name: 'update group by PUT',
    method: 'PUT',
    path: '/Groups/{group}',
    body: { schemas: GROUP, displayName: 'Field Team', members: [{ value: '{member}', display: 'b' }] },
  },
  { name: 'delete group', method: 'DELETE', path: '/Groups/{group}' },
  { name: 'discover roles', method: 'GET', path: '/ResourceTypes' },
];
