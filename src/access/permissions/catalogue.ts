/**
 * The catalogue: Lintel's own permissions and roles, as this version defines them, brought into the database at each start.
 * What an older version defined and this one does not stays: both may run side by side (checklist UP-01).
 */
import type { Call } from '../../core/call.ts';
import { newId } from '../../core/id.ts';
import { knownPermissions, type PermissionDefinition } from '../../core/permission.ts';
import { holdSystemAccess } from '../../directory/organizations/service.ts';
import { recomputeEverywhere } from '../grants/recompute.ts';
import { manageOwners } from '../grants/schema.ts';
import {
  type Catalogue,
  changeContents,
  insertSystemPermissions,
  insertSystemRole,
  listConcernedRoles,
  readCatalogue,
  type SystemPermission,
  updateSystemPermission,
  updateSystemRole,
} from './catalogue-store.ts';
import { catalogueUpdated } from './schema.ts';

/** What only owners may do to an organization. */
const forOwners: ReadonlySet<string> = new Set(['organizations.delete', manageOwners]);

interface RoleDefinition {
  readonly description: string;
  readonly contains: (permission: PermissionDefinition) => boolean;
}

const systemRoles: Readonly<Record<string, RoleDefinition>> = {
  owner: {
    description: 'May do everything in the organization.',
    contains: ({ category }) => category === 'organization',
  },
  admin: {
    description: 'May do everything in the organization, except delete it and unmake its owners.',
    contains: ({ category, name }) => category === 'organization' && !forOwners.has(name),
  },
  member: { description: 'Belongs to the organization.', contains: () => false },
  system_administrator: { description: 'May do everything in the whole installation.', contains: () => true },
};

const rowOf = ({ name, says, category }: PermissionDefinition): SystemPermission => {
  const [resource = name, action = 'use'] = name.split('.');
  return { name, resource, action, description: says, category };
};

/** What has to be done to make the database say what this version defines. */
function differences(catalogue: Catalogue) {
  const defined = knownPermissions();
  const isSame = (permission: PermissionDefinition) => {
    const kept = catalogue.permissions.get(permission.name);
    return (
      kept !== undefined && Object.entries(rowOf(permission)).every(([key, value]) => kept[key as 'name'] === value)
    );
  };
  const contents = Object.entries(systemRoles).map(([role, { contains }]) => {
    const has = catalogue.contents.get(role) ?? new Set<string>();
    return {
      role,
      put: defined.filter((permission) => contains(permission) && !has.has(permission.name)).map(({ name }) => name),
      take: defined.filter((permission) => !contains(permission) && has.has(permission.name)).map(({ name }) => name),
    };
  });
  return {
    permissions: defined.filter((permission) => !isSame(permission)),
    roles: Object.entries(systemRoles).filter(
      ([name, { description }]) => catalogue.roles.get(name)?.description !== description,
    ),
    contents: contents.filter(({ put, take }) => put.length > 0 || take.length > 0),
  };
}

type Differences = ReturnType<typeof differences>;

const isNothing = ({ permissions, roles, contents }: Differences): boolean =>
  permissions.length === 0 && roles.length === 0 && contents.length === 0;

/**
 * Brings the system's permissions and roles up to date, and everybody whom that concerns. Costs three reads when there is nothing
 * to do. Several processes that start at once follow one another by the system's lock (checklist RE-18).
 * @returns whether anything was changed
 */
export async function syncCatalogue(call: Call): Promise<boolean> {
  call.require('permissions.manage', null);
  if (isNothing(differences(await readCatalogue(call.db)))) return false;
  return call.write(async (inner) => {
    await holdSystemAccess(inner.db);
    const before = await readCatalogue(inner.db);
    const changes = differences(before);
    if (isNothing(changes)) return false;
    await apply(inner, before, changes);
    await inner.emit(catalogueUpdated, {
      org_id: null,
      object_id: 'system',
      details: {
        permissions: changes.permissions.map(({ name }) => name),
        roles: changes.roles.map(([name]) => name),
        contents: changes.contents,
      },
    });
    return true;
  });
}

async function apply(call: Call, before: Catalogue, changes: Differences): Promise<void> {
  const { db, now } = call;
  const isKept = ({ name }: PermissionDefinition) => before.permissions.has(name);
  const made = changes.permissions.filter((permission) => !isKept(permission));
  await insertSystemPermissions(
    db,
    made.map((permission) => ({ ...rowOf(permission), permission_id: newId(now.getTime()) })),
    now,
  );
  for (const permission of changes.permissions.filter(isKept)) {
    const { permission_id } = before.permissions.get(permission.name) as { permission_id: string };
    await updateSystemPermission(db, permission_id, rowOf(permission), now);
  }
  for (const [name, { description }] of changes.roles) {
    const kept = before.roles.get(name);
    if (kept) await updateSystemRole(db, kept.role_id, description, now);
    else await insertSystemRole(db, { role_id: newId(now.getTime()), name, description }, now);
  }
  for (const { role, put, take } of changes.contents) await changeContents(db, role, { put, take }, now);
  const after = await readCatalogue(db);
  const refilled = changes.contents.flatMap(({ role }) => after.roles.get(role)?.role_id ?? []);
  // A permission may have changed its category, and an organization may have had a name that is the system's now.
  const renamed = await listConcernedRoles(
    db,
    changes.permissions.map(({ name }) => name),
    changes.roles.map(([name]) => name),
  );
  await recomputeEverywhere(call, [...refilled, ...renamed]);
}
