/** Shapes of the flight recorder: what a directory asked, how it was read, what changed, and why it was refused. */
import { type Static, Type } from 'typebox';
import { ListQuery } from '../../http/list.ts';
import { Id, time } from '../clients/schema.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);

export const ScimRequest = Type.Object(
  {
    scim_request_id: Id,
    client_id: Type.Union([Id, Type.Null()], { description: 'Null when the client has been deleted.' }),
    org_id: Id,
    timestamp: time(),
    method: Type.String(),
    path: Type.String({ description: 'With its query, as it was asked.' }),
    request_body: Type.Unknown({ description: 'Without secrets, and shortened when it is long.' }),
    response_status: Type.Union([Type.Integer(), Type.Null()]),
    response_body: Type.Unknown({ description: 'Without secrets, and shortened when it is long.' }),
    scim_type: text(),
    rule: Type.Union([Type.String(), Type.Null()], {
      description: 'Readings that were applied although the standard does not give them, separated by commas.',
    }),
    cause: Type.Union([Type.String(), Type.Null()], { description: 'Why it was refused, in plain words.' }),
    changes: Type.Unknown({ description: 'What it changed, and under `notes` where each rule was applied.' }),
    resource_type: text(),
    resource_id: text(),
    duration_ms: Type.Union([Type.Integer(), Type.Null()]),
    ip_address: text(),
    user_agent: text(),
    request_id: text(),
  },
  { $id: 'ScimRequest' },
);
export type ScimRequest = Static<typeof ScimRequest>;

export const ScimRequestQuery = Type.Object({
  ...ListQuery.properties,
  client_id: Type.Optional(Id),
  status: Type.Optional(
    Type.String({
      pattern: '^[1-5]([0-9][0-9]|xx)$',
      'x-says': 'must be a status such as 409, or a class of them such as 4xx',
      description: 'One status, or a class of them: `409`, `4xx`.',
    }),
  ),
  resource_id: Type.Optional(Id),
});
export type ScimRequestQuery = Static<typeof ScimRequestQuery>;
