/** REST face of attribute mappings. */
import { Type } from 'typebox';
import { type Route, route } from '../../http/route.ts';
import { Id, manageScimClients, readScimClients } from '../clients/schema.ts';
import type { MappingEngine } from './engine.ts';
import { MappingPreview, MappingPreviewRequest, NewScimMappings, ScimMappings } from './schema.ts';
import { previewScimMappings, readScimMappings, replaceScimMappings } from './service.ts';

const group = 'SCIM clients';
const Client = Type.Object({ org_id: Id, client_id: Id });

export const scimMappingRoutes = (engine: MappingEngine): readonly Route[] => [
  route({
    method: 'get',
    path: '/organizations/{org_id}/scim-clients/{client_id}/mappings',
    operationId: 'readScimMappings',
    summary: 'Read which of our columns the attributes of a directory mean.',
    group,
    params: Client,
    reply: ScimMappings,
    permission: readScimClients,
    run: (call, { params }) => readScimMappings(call, params.org_id, params.client_id, engine),
  }),
  route({
    method: 'put',
    path: '/organizations/{org_id}/scim-clients/{client_id}/mappings',
    operationId: 'replaceScimMappings',
    summary: 'Replace the attribute mappings of a SCIM client.',
    description:
      'Attributes that no mapping names are kept and returned as sent. A mapping that could not work is refused with the reason.',
    group,
    params: Client,
    body: NewScimMappings,
    reply: ScimMappings,
    faults: ['mapping_invalid'],
    permission: manageScimClients,
    run: (call, { params, body }) => replaceScimMappings(call, params.org_id, params.client_id, body, engine),
  }),
  route({
    method: 'post',
    path: '/organizations/{org_id}/scim-clients/{client_id}/mappings/preview',
    operationId: 'previewScimMappings',
    summary: 'Show the user that a payload would make; nothing is written.',
    group,
    params: Client,
    body: MappingPreviewRequest,
    reply: MappingPreview,
    faults: ['mapping_invalid', 'scim_payload_invalid', 'email_invalid', 'username_invalid', 'identifier_missing'],
    permission: readScimClients,
    run: (call, { params, body }) => previewScimMappings(call, params.org_id, params.client_id, body, engine),
  }),
];
