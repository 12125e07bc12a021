/**
 * Microsoft Entra ID's provisioning service. Sources: "Develop and plan provisioning for a SCIM endpoint" and "Known issues
 * with SCIM 2.0 protocol compliance" of Microsoft's documentation. Without the flag `aadOptscim062020` it sends capitalised
 * operations, booleans as text and member lists in `Remove`; with it, what the RFC says. Both are live.
 */
import type { VendorRequest } from './vendor.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
const encoded = (filter: string): string => encodeURIComponent(filter);

export const entra: VendorRequest[] = [
  {
    name: 'test connection',
    method: 'GET',
    path: `/Users?filter=${encoded('userName eq "5d3b1c6e-0a44-4e0c-8d1e-0f7b3f6f2a11"')}`,
  },
  {
    name: 'create user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: [USER, ENTERPRISE],
      externalId: 'mara.lind',
      userName: 'Mara.Lind@contoso.example',
      active: true,
      displayName: 'Mara Lind',
      emails: [{ primary: true, type: 'work', value: 'Mara.Lind@contoso.example' }],
      meta: { resourceType: 'User' },
      name: { formatted: 'Mara Lind', familyName: 'Lind', givenName: 'Mara' },
      roles: [],
      title: 'Analyst',
      preferredLanguage: 'sv-SE',
      addresses: [{ type: 'work', formatted: 'Hall 4', primary: false, country: 'SE' }],
      phoneNumbers: [
        { type: 'work', value: '+46 8 1' },
        { type: 'mobile', value: '+46 70 1' },
      ],
      [ENTERPRISE]: { employeeNumber: '8812', department: 'Risk', manager: '{manager}' },
    },
  },
  {
    name: 'create disabled user',
    method: 'POST',
    path: '/Users',
    body: {
      schemas: [USER, ENTERPRISE],
      externalId: 'olof',
      userName: 'olof@contoso.example',
      active: false,
      meta: { resourceType: 'User' },
    },
  },
  {
    name: 'find by userName',
    method: 'GET',
    path: `/Users?filter=${encoded('userName eq "mara.lind@CONTOSO.example"')}`,
  },
  { name: 'find by externalId', method: 'GET', path: `/Users?filter=${encoded('externalId eq "mara.lind"')}` },
  {
    name: 'find by work e-mail',
    method: 'GET',
    path: `/Users?filter=${encoded('emails[type eq "work"].value eq "mara.lind@contoso.example"')}`,
  },
  {
    name: 'find by two attributes',
    method: 'GET',
    path: `/Users?filter=${encoded('externalId eq "mara.lind" and userName eq "Mara.Lind@contoso.example"')}`,
  },
  {
    name: 'manager check',
    method: 'GET',
    path: `/Users?filter=${encoded('id eq "{user}" and manager eq "{manager}"')}&attributes=id`,
  },
  {
    name: 'update, not compliant',
    method: 'PATCH',
    path: '/Users/{user}',
    body: {
      schemas: PATCH,
      Operations: [
        { op: 'Replace', path: 'displayName', value: 'Mara Ek' },
        { op: 'Replace', path: 'emails[type eq "work"].value', value: 'mara.ek@contoso.example' },
        { op: 'Replace', path: 'name.givenName', value: 'Mara' },
        { op: 'Replace', path: 'name.familyName', value: 'Ek' },
        { op: 'Add', path: 'nickName', value: 'Mia' },
        { op: 'Replace', path: 'externalId', value: 'mara.ek' },
        { op: 'Replace', path: `${ENTERPRISE}:employeeNumber`, value: '8813' },
      ],
    },
  },
  {
    name: 'update, compliant',
    method: 'PATCH',
    path: '/Users/{user}',
    body: {
      schemas: PATCH,
      Operations: [
        { op: 'replace', path: 'emails[type eq "work"].value', value: 'mara.ek@contoso.example' },
        {
          op: 'replace',
          value: {
            displayName: 'Mara Ek',
            'name.givenName': 'Mara',
            'name.familyName': 'Ek',
            [`${ENTERPRISE}:employeeNumber`]: '8813',
          },
        },
      ],
    },
  },
  {
    name: 'values that are not there yet',
    method: 'PATCH',
    path: '/Users/{user}',
    body: {
      schemas: PATCH,
      Operations: [
        { op: 'Add', path: 'addresses[type eq "other"].formatted', value: 'Box 1' },
        { op: 'Replace', path: 'phoneNumbers[type eq "fax"].value', value: '+46 8 2' },
        { op: 'Add', path: 'roles[primary eq "True"].value', value: 'Approver' },
        { op: 'Add', path: 'emails[type eq "other"].value', value: 'm@elsewhere.example' },
      ],
    },
  },
  ...(
    [
      ['manager as text', '{manager}'],
      ['manager as object', { value: '{manager}' }],
      ['manager as list', [{ $ref: '../Users/{manager}', value: '{manager}' }]],
      ['manager cleared with text', ''],
      ['manager cleared with null', null],
    ] as const
  ).map(
    ([name, value]): VendorRequest => ({
      name,
      method: 'PATCH',
      path: '/Users/{user}',
      body: { schemas: PATCH, Operations: [{ op: 'Replace', path: `${ENTERPRISE}:manager`, value }] },
    }),
  ),
  {
    name: 'manager removed',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'Remove', path: `${ENTERPRISE}:manager` }] },
  },
  {
    name: 'disable, not compliant',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'Replace', path: 'active', value: 'False' }] },
  },
  {
    name: 'disable, compliant',
    method: 'PATCH',
    path: '/Users/{user}',
    body: { schemas: PATCH, Operations: [{ op: 'replace', path: 'active', value: false }] },
  },
  { name: 'nothing to do', method: 'PATCH', path: '/Users/{user}', body: { schemas: PATCH, Operations: [] } },
  { name: 'delete user', method: 'DELETE', path: '/Users/{user}' },
  {
    name: 'create group',
    method: 'POST',
    path: '/Groups',
    body: {
      schemas: [
        'urn:ietf:params:scim:schemas:core:2.0:Group',
        'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
      ],
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
      displayName: 'Risk Office',
      meta: { resourceType: 'Group' },
    },
  },
  {
    name: 'find group',
    method: 'GET',
    path: `/Groups?excludedAttributes=members&filter=${encoded('displayName eq "Risk Office"')}`,
  },
  { name: 'read group', method: 'GET', path: '/Groups/{group}?excludedAttributes=members' },
  {
    name: 'member check',
    method: 'GET',
    path: `/Groups?filter=${encoded('id eq "{group}" and members eq "{member}"')}&attributes=id`,
  },
  {
    name: 'rename group',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: { schemas: PATCH, Operations: [{ op: 'Replace', path: 'displayName', value: 'Risk Board' }] },
  },
  {
    name: 'add members',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: {
      schemas: PATCH,
      Operations: [
        {
          op: 'Add',
          path: 'members',
          value: [
            { $ref: null, value: '{user}' },
            { $ref: null, value: '{member}' },
          ],
        },
      ],
    },
  },
  {
    name: 'remove member, not compliant',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: {
      schemas: PATCH,
      Operations: [{ op: 'Remove', path: 'members', value: [{ $ref: null, value: '{member}' }] }],
    },
  },
  {
    name: 'remove member, compliant',
    method: 'PATCH',
    path: '/Groups/{group}',
    body: { schemas: PATCH, Operations: [{ op: 'remove', path: 'members[value eq "{member}"]' }] },
  },
  { name: 'delete group', method: 'DELETE', path: '/Groups/{group}' },
];
