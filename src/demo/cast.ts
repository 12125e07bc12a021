/** The people and things of the demonstration. The company is Acme Ltd; its directory and its identity provider know the same people. */
import type { DemoPerson } from './identity-provider.ts';

export const company = {
  org_name: 'Acme Ltd',
  slug: 'acme',
  domain: 'acme.example',
  primary_color: '#7a3e9d',
} as const;

export const people: readonly DemoPerson[] = [
  {
    username: 'ada',
    password: 'first-programmer',
    email: 'ada@acme.example',
    first_name: 'Ada',
    last_name: 'Byron',
    groups: ['Warehouse'],
  },
  {
    username: 'grace',
    password: 'nanoseconds-of-wire',
    email: 'grace@acme.example',
    first_name: 'Grace',
    last_name: 'Hopper',
    groups: ['Warehouse'],
  },
  {
    username: 'edsger',
    password: 'considered-harmful',
    email: 'edsger@acme.example',
    first_name: 'Edsger',
    last_name: 'Dijkstra',
    groups: [],
  },
];

export const group = 'Warehouse';
export const role = { name: 'Stock keeper', description: 'Sees what is in the stockroom.' } as const;
export const permission = {
  name: 'items.read',
  resource: 'items',
  action: 'read',
  description: 'See the items of the stockroom.',
} as const;
