/**
 * Units: the tree of departments in an organization.
 * Tables: organization_units. Events: unit.created, .updated, .deleted.
 * Invariant: path and level say where a unit stands, and no unit stands below itself; changes of one organization's tree follow
 * one another by its lock, so that two moves cannot close a circle together.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import { readName, readOptionalText, refuseField } from '../../core/text.ts';
import type { Page } from '../../http/list.ts';
import { findOrganization, holdAccess } from '../organizations/service.ts';
import {
  manageUnits,
  type NewUnit,
  readUnits,
  type Unit,
  type UnitChanges,
  type UnitQuery,
  unitCreated,
  unitDeleted,
  unitUpdated,
} from './schema.ts';
import { deleteUnitRow, getUnit, insertUnit, listUnitRows, moveBelow, updateUnitRow } from './store.ts';

/** @throws Fault not_found, unit_name_taken, unit_misplaced, request_invalid */
export async function createUnit(call: Call, orgId: string, input: NewUnit): Promise<Unit> {
  call.require(manageUnits, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    await holdAccess(inner.db, orgId);
    if (!(await findOrganization(inner.db, orgId))) throw new Fault('not_found');
    const unit_id = newId(inner.now.getTime());
    const unit = await insertUnit(inner.db, {
      ...columns,
      ...(await placeBelow(inner, orgId, columns.parent_id ?? null, unit_id)),
      unit_id,
      org_id: orgId,
      created_at: inner.now,
      updated_at: inner.now,
    });
    await inner.emit(unitCreated, { org_id: orgId, object_id: unit_id, after: columns });
    return unit;
  });
}

function readColumns<T extends UnitChanges>(input: T): T {
  const columns = { ...input };
  if (columns.name !== undefined) columns.name = readName('name', columns.name, 255);
  if (columns.description !== undefined) {
    columns.description = readOptionalText('description', columns.description, { max: 1000, lines: true });
  }
  return columns;
}

async function placeBelow(call: Call, orgId: string, parentId: string | null, unitId: string) {
  if (parentId === null) return { path: `/${unitId}`, level: 0 };
  const parent = await getUnit(call.db, orgId, parentId);
  if (!parent) return refuseField('parent_id', 'is no unit of the organization');
  if (`${parent.path}/`.includes(`/${unitId}/`)) throw new Fault('unit_misplaced', 'A unit cannot stand below itself.');
  return { path: `${parent.path}/${unitId}`, level: parent.level + 1 };
}

export async function readUnit(call: Call, orgId: string, unitId: string): Promise<Unit> {
  call.require(readUnits, orgId);
  return found(await getUnit(call.db, orgId, unitId));
}

function found(unit: Unit | undefined): Unit {
  if (!unit) throw new Fault('not_found');
  return unit;
}

export function listUnits(call: Call, orgId: string, query: UnitQuery): Promise<Page<Unit>> {
  call.require(readUnits, orgId);
  const { limit, after, parent_id } = query;
  return listUnitRows(call.db, orgId, parent_id, { limit, after });
}

/** Renames, describes or moves a unit, with all that stands below it. @throws Fault as `createUnit` */
export async function updateUnit(call: Call, orgId: string, unitId: string, input: UnitChanges): Promise<Unit> {
  call.require(manageUnits, orgId);
  const columns = readColumns(input);
  return call.write(async (inner) => {
    await holdAccess(inner.db, orgId);
    const before = found(await getUnit(inner.db, orgId, unitId));
    const changed = (Object.keys(columns) as (keyof UnitChanges)[]).filter(
      (name) => columns[name] !== undefined && !isDeepStrictEqual(columns[name], before[name]),
    );
    if (changed.length === 0) return before;
    const pick = (row: UnitChanges) => Object.fromEntries(changed.map((name) => [name, row[name]]));
    const place = changed.includes('parent_id')
      ? await placeBelow(inner, orgId, columns.parent_id ?? null, unitId)
      : { path: before.path, level: before.level };
    const after = await updateUnitRow(inner.db, unitId, { ...pick(columns), ...place, updated_at: inner.now });
    if (place.path !== before.path) await moveBelow(inner.db, orgId, before, place);
    await inner.emit(unitUpdated, { org_id: orgId, object_id: unitId, before: pick(before), after: pick(after) });
    return after;
  });
}

/** Groups of the unit stay, without a unit. @throws Fault not_found, unit_not_empty */
export async function deleteUnit(call: Call, orgId: string, unitId: string): Promise<void> {
  call.require(manageUnits, orgId);
  await call.write(async (inner) => {
    await holdAccess(inner.db, orgId);
    const before = found(await getUnit(inner.db, orgId, unitId));
    await deleteUnitRow(inner.db, unitId);
    const { name, path } = before;
    await inner.emit(unitDeleted, { org_id: orgId, object_id: unitId, before: { name, path } });
  });
}
