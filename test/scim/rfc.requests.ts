/** Shapes of RFC 7644 §3.5.2 and §3.4.2.2 with data of our own. */
import type { VendorRequest } from './vendor.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
const patch = (name: string, Operations: object[]): VendorRequest => ({
  name,
  method: 'PATCH',
  path: '/Users/{user}',
  body: { schemas: PATCH, Operations },
});

export const rfc: VendorRequest[] = [
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: [USER, ENTERPRISE],
      userName: 'tomas@example.test',
      externalId: 'tomas',
      name: { formatted: 'Dr. Tomas Ruiz', familyName: 'Ruiz', givenName: 'Tomas', honorificPrefix: 'Dr.' },
      emails: [
        { value: 'tomas@example.test', type: 'work', primary: true },
        { value: 't@home.test', type: 'home' },
      ],
      addresses: [{ type: 'work', streetAddress: 'Calle 1', locality: 'Lima', country: 'PE', primary: true }],
      ims: [{ value: 'tomas', type: 'xmpp' }],
      x509Certificates: [{ value: 'MIIB' }],
      active: true,
      [ENTERPRISE]: {
        employeeNumber: '3',
        organization: 'Ruiz',
        division: 'A',
        manager: { value: '{manager}', $ref: '../Users/{manager}' },
      },
    },
  },
  patch('add without a path', [
    { op: 'add', value: { emails: [{ value: 'tr@home.test', type: 'home' }], nickName: 'Tom' } },
  ]),
  patch('replace all e-mails', [
    {
      op: 'replace',
      path: 'emails',
      value: [{ value: 'a@example.test', type: 'work', primary: true }, { value: 'b@home.test' }],
    },
  ]),
  patch('replace an address', [
    {
      op: 'replace',
      path: 'addresses[type eq "work"]',
      value: { type: 'work', streetAddress: 'Calle 2', locality: 'Cusco', primary: true },
    },
  ]),
  patch('replace one part', [{ op: 'replace', path: 'addresses[type eq "work"].streetAddress', value: 'Calle 3' }]),
  patch('remove some e-mails', [{ op: 'remove', path: 'emails[type eq "home" and value ew "home.test"]' }]),
  patch('remove then add', [
    { op: 'remove', path: 'ims' },
    { op: 'add', path: 'ims', value: [{ value: 'new', type: 'aim' }] },
  ]),
  patch('no such target', [{ op: 'replace', path: 'emails[type eq "pager"].value', value: 'x' }]),
  ...[
    'userName eq "bjensen"',
    'name.familyName co "O\'Malley"',
    'userName sw "J"',
    `${USER}:userName sw "J"`,
    'title pr',
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    'meta.lastModified le "2011-05-13T04:42:34Z"',
    'title pr and userType eq "Employee"',
    'title pr or userType eq "Intern"',
    `schemas eq "${ENTERPRISE}"`,
    'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
    'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
    'userType eq "Employee" and (emails.type eq "work")',
    'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
    'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
  ].map(
    (filter): VendorRequest => ({
      name: `filter: ${filter}`,
      method: 'GET',
      path: `/Users?filter=${encodeURIComponent(filter)}`,
    }),
  ),
];
