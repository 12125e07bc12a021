/** JumpCloud: tries a test user and group first; PUT for users; `work_mobile` and other types; removes by a value list. */
import type { VendorRequest } from './vendor.ts';

const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];

export const jumpcloud: VendorRequest[] = [
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'zoe@jumpcloud.example',
      externalId: '5f1e',
      name: { givenName: 'Zoe', familyName: 'Park', middleName: '' },
      displayName: 'zoe',
      emails: [{ value: 'zoe@jumpcloud.example', type: 'work', primary: true }],
      phoneNumbers: [
        { value: '+1 1', type: 'work_mobile' },
        { value: '+1 2', type: 'work_fax' },
      ],
      addresses: [{ type: 'work', streetAddress: '1 Main', extendedAddress: 'Floor 2' }],
      active: true,
    },
  },
  {
    name: 'create group',
    method: 'POST',
    path: '/Groups',
    body: {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'Test Group',
      members: [{ value: '{user}' }],
    },
  },
  {
    name: 'remove member',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: { schemas: PATCH, Operations: [{ op: 'remove', path: 'members', value: [{ value: '{user}' }] }] },
  },
  { name: 'delete user', method: 'DELETE', path: '/Users/{user}' },
];
