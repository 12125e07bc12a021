/** REST face of identity providers and their certificates. */
import { Type } from 'typebox';
import { ListQuery, listOf } from '../../http/list.ts';
import { type Route, route } from '../../http/route.ts';
import { addCertificate, listCertificates, retireCertificate } from './certificates.ts';
import { readMetadata, refreshProvider } from './refresh.ts';
import {
  Id,
  IdentityProvider,
  IdentityProviderChanges,
  MetadataUpdate,
  manageProviders,
  NewIdentityProvider,
  NewProviderCertificate,
  ProviderCertificate,
  readProviders,
} from './schema.ts';
import {
  createProvider,
  deleteProvider,
  listProviders,
  prepareProvider,
  readProvider,
  updateProvider,
} from './service.ts';

const group = 'Identity providers';
const Organization = Type.Object({ org_id: Id });
const Provider = Type.Object({ org_id: Id, provider_id: Id });
const Certificate = Type.Object({ org_id: Id, provider_id: Id, certificate_id: Id });
const all = '/organizations/{org_id}/identity-providers';
const one = `${all}/{provider_id}`;
/** Metadata may have two mebibytes, and JSON writes some characters as six. */
const bodyLimit = 4 * 1024 * 1024;

const trustFaults = [
  'provider_config_invalid',
  'provider_metadata_refused',
  'provider_entity_taken',
  'provider_incomplete',
  'provider_certificates_too_many',
  'egress_refused',
  'egress_failed',
] as const;

export const providerRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: all,
    operationId: 'createIdentityProvider',
    summary: 'Connect an identity provider of an organization.',
    description:
      'Give its metadata as `metadata_xml` or `metadata_url`, or `idp_entity_id`, `sso_url` and `certificates`. Without them the connection is a draft, whose `sp` addresses can be entered at the identity provider first.',
    group,
    params: Organization,
    body: NewIdentityProvider,
    reply: IdentityProvider,
    status: 201,
    faults: ['provider_type_unsupported', ...trustFaults],
    permission: manageProviders,
    bodyLimit,
    prepare: (call, { params, body }) => prepareProvider(call, params.org_id, body),
    run: (call, { params, body }, source) => createProvider(call, params.org_id, body, source),
  }),
  route({
    method: 'get',
    path: all,
    operationId: 'listIdentityProviders',
    summary: 'List the identity providers of an organization.',
    group,
    params: Organization,
    query: ListQuery,
    reply: listOf(IdentityProvider),
    permission: readProviders,
    run: (call, { params, query }) => listProviders(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: one,
    operationId: 'readIdentityProvider',
    summary: 'Read an identity provider.',
    group,
    params: Provider,
    reply: IdentityProvider,
    permission: readProviders,
    run: (call, { params }) => readProvider(call, params.org_id, params.provider_id),
  }),
  route({
    method: 'patch',
    path: one,
    operationId: 'updateIdentityProvider',
    summary: 'Change an identity provider; certificates that come with it are added.',
    group,
    params: Provider,
    body: IdentityProviderChanges,
    reply: IdentityProvider,
    faults: ['provider_type_unsupported', ...trustFaults],
    permission: manageProviders,
    bodyLimit,
    run: (call, { params, body }) => updateProvider(call, params.org_id, params.provider_id, body),
  }),
  route({
    method: 'delete',
    path: one,
    operationId: 'deleteIdentityProvider',
    summary: 'Delete an identity provider, with the links of accounts to it.',
    group,
    params: Provider,
    permission: manageProviders,
    run: async (call, { params }) => {
      await deleteProvider(call, params.org_id, params.provider_id);
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: `${one}/metadata`,
    operationId: 'updateIdentityProviderMetadata',
    summary: 'Read the metadata from its address now.',
    group,
    params: Provider,
    body: MetadataUpdate,
    reply: IdentityProvider,
    faults: ['provider_metadata_missing', ...trustFaults],
    permission: manageProviders,
    prepare: (call, { params }) => readMetadata(call, params.org_id, params.provider_id),
    run: (call, { params, body }, read) => refreshProvider(call, params.org_id, read, body),
  }),
  route({
    method: 'get',
    path: `${one}/certificates`,
    operationId: 'listIdentityProviderCertificates',
    summary: 'List the signing certificates of an identity provider.',
    group,
    params: Provider,
    query: ListQuery,
    reply: listOf(ProviderCertificate),
    permission: readProviders,
    run: (call, { params, query }) => listCertificates(call, params.org_id, params.provider_id, query),
  }),
  route({
    method: 'post',
    path: `${one}/certificates`,
    operationId: 'addIdentityProviderCertificate',
    summary: 'Add a signing certificate.',
    group,
    params: Provider,
    body: NewProviderCertificate,
    reply: ProviderCertificate,
    status: 201,
    faults: ['provider_certificate_exists', 'provider_certificates_too_many'],
    permission: manageProviders,
    run: (call, { params, body }) => addCertificate(call, params.org_id, params.provider_id, body),
  }),
  route({
    method: 'delete',
    path: `${one}/certificates/{certificate_id}`,
    operationId: 'removeIdentityProviderCertificate',
    summary: 'Stop believing a signing certificate.',
    group,
    params: Certificate,
    faults: ['provider_incomplete'],
    permission: manageProviders,
    run: async (call, { params }) => {
      await retireCertificate(call, params.org_id, params.provider_id, params.certificate_id);
      return undefined;
    },
  }),
];
