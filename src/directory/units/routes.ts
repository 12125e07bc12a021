/** REST face of units. */
import { Type } from 'typebox';
import { listOf } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import { organizationParams } from '../organizations/schema.ts';
import { manageUnits, NewUnit, readUnits, Unit, UnitChanges, UnitQuery } from './schema.ts';
import { createUnit, deleteUnit, listUnits, readUnit, updateUnit } from './service.ts';

const group = 'Units';
const params = Type.Object({ org_id: Type.String({ format: 'uuid' }), unit_id: Type.String({ format: 'uuid' }) });

export const unitRoutes = [
  route({
    method: 'post',
    path: '/organizations/{org_id}/units',
    operationId: 'createUnit',
    summary: 'Create a unit.',
    group,
    params: organizationParams,
    body: NewUnit,
    reply: Unit,
    status: 201,
    faults: ['unit_name_taken', 'unit_misplaced'],
    permission: manageUnits,
    run: (call, { params, body }) => createUnit(call, params.org_id, body),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/units',
    operationId: 'listUnits',
    summary: 'List units, all of them or those below one.',
    group,
    params: organizationParams,
    query: UnitQuery,
    reply: listOf(Unit),
    permission: readUnits,
    run: (call, { params, query }) => listUnits(call, params.org_id, query),
  }),
  route({
    method: 'get',
    path: '/organizations/{org_id}/units/{unit_id}',
    operationId: 'readUnit',
    summary: 'Read a unit.',
    group,
    params,
    reply: Unit,
    permission: readUnits,
    run: (call, { params }) => readUnit(call, params.org_id, params.unit_id),
  }),
  route({
    method: 'patch',
    path: '/organizations/{org_id}/units/{unit_id}',
    operationId: 'updateUnit',
    summary: 'Rename, describe or move a unit.',
    group,
    params,
    body: UnitChanges,
    reply: Unit,
    faults: ['unit_name_taken', 'unit_misplaced'],
    permission: manageUnits,
    run: (call, { params, body }) => updateUnit(call, params.org_id, params.unit_id, body),
  }),
  route({
    method: 'delete',
    path: '/organizations/{org_id}/units/{unit_id}',
    operationId: 'deleteUnit',
    summary: 'Delete a unit that has none below it.',
    group,
    params,
    faults: ['unit_not_empty'],
    permission: manageUnits,
    run: async (call, { params }) => {
      await deleteUnit(call, params.org_id, params.unit_id);
      return undefined;
    },
  }),
];
