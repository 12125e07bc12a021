/** OneLogin: `+` for spaces and a trailing `&`, PUT with a trailing `?`, SCIM 1 URNs and `application/json`. */
import type { VendorRequest } from './vendor.ts';

export const onelogin: VendorRequest[] = [
  { name: 'look for user', method: 'GET', path: '/Users?filter=userName+eq+%22ines%40onelogin.example%22&' },
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    contentType: 'application/json',
    body: {
      schemas: ['urn:scim:schemas:core:1.0', 'urn:scim:schemas:extension:enterprise:1.0'],
      userName: 'ines@onelogin.example',
      externalId: 40817263,
      name: { givenName: 'Ines', familyName: 'Cole' },
      emails: [{ value: 'ines@onelogin.example', type: 'work', primary: true }],
      active: true,
      'urn:scim:schemas:extension:enterprise:1.0': { department: 'Legal' },
    },
  },
  {
    name: 'update user',
    method: 'PUT',
    path: '/Users/{user}?',
    contentType: 'application/json',
    body: {
      schemas: ['urn:scim:schemas:core:1.0'],
      id: '{user}',
      userName: 'ines@onelogin.example',
      name: { givenName: 'Inês', familyName: 'Cole' },
      emails: [{ value: 'ines@onelogin.example', type: 'work', primary: true }],
    },
  },
];
