/** REST face of domains. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { organizationParams } from '../organizations/schema.ts';
import { Domain, DomainChanges, DomainVerification, manageDomains, NewDomain, readDomains } from './schema.ts';
import {
  addDomain,
  deleteDomain,
  listDomains,
  lookUpDomain,
  readDomain,
  updateDomain,
  verifyDomain,
} from './service.ts';

const group = 'Domains';
const params = Type.Object({
  org_id: Type.String({ format: 'uuid' }),
  domain: Type.String({ minLength: 1, maxLength: 300 }),
});

export const domainRoutes = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/domains',
    operationId: 'addDomain',
    summary: 'Name a domain as the organization’s own.',
    description: 'Publish the TXT record of the answer, then ask for the verification.',
    group,
    params: organizationParams,
    body: NewDomain,
    reply: Domain,
    status: 201,
    faults: ['domain_invalid', 'domain_public', 'domain_exists'],
    permission: manageDomains,
    run: (call, { params, body }) => addDomain(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/domains',
    operationId: 'listDomains',
    summary: 'List the organization’s domains.',
    group,
    params: organizationParams,
    query: ListQuery,
    reply: listOf(Domain),
    permission: readDomains,
    run: (call, { params, query }) => listDomains(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/domains/{domain}',
    operationId: 'readDomain',
    summary: 'Read a domain.',
    group,
    params,
    reply: Domain,
    faults: ['domain_invalid'],
    permission: readDomains,
    run: (call, { params }) => readDomain(call, params.org_id, params.domain),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/domains/{domain}',
    operationId: 'updateDomain',
    summary: 'Declare a domain shared with other organizations, or not.',
    group,
    params,
    body: DomainChanges,
    reply: Domain,
    faults: ['domain_invalid', 'domain_taken'],
    permission: manageDomains,
    run: (call, { params, body }) => updateDomain(call, params.org_id, params.domain, body),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/domains/{domain}/verification',
    operationId: 'verifyDomain',
    summary: 'Verify a domain.',
    description: 'Looks the TXT record up. `attested` is for administrators of the system, and looks nothing up.',
    group,
    params,
    body: DomainVerification,
    reply: Domain,
    faults: ['domain_invalid', 'domain_public', 'domain_record_missing', 'domain_taken'],
    permission: manageDomains,
    prepare: (call, { params, body }) => lookUpDomain(call, params.org_id, params.domain, body),
    run: (call, { params, body }, looked) => verifyDomain(call, params.org_id, params.domain, body, looked),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/domains/{domain}',
    operationId: 'deleteDomain',
    summary: 'Give a domain up.',
    group,
    params,
    faults: ['domain_invalid'],
    permission: manageDomains,
    run: async (call, { params }) => {
      await deleteDomain(call, params.org_id, params.domain);
      return undefined;
    },
  }),
];
