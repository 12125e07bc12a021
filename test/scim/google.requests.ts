/** Google Cloud Identity: probes with one user, then creates and patches. */
import type { VendorRequest } from './vendor.ts';

export const google: VendorRequest[] = [
  { name: 'probe', method: 'GET', path: '/Users?count=1' },
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: [
        'urn:ietf:params:scim:schemas:core:2.0:User',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
      ],
      userName: 'kofi@google.example',
      name: { givenName: 'Kofi', familyName: 'Ayew' },
      emails: [{ value: 'kofi@google.example', primary: true }],
      active: true,
    },
  },
  {
    name: 'suspend',
    method: 'PATCH',
    path: '/Users/{user}',
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    },
  },
];
