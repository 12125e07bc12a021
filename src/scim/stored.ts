/** Rows of the directory, and beside them what the asking client keeps, as the whole resources that are made of them. */
import type { Group } from '../directory/groups/schema.ts';
import type { User } from '../directory/users/schema.ts';
import { makeVersion } from './etag.ts';
import { type JsonObject, sizeOf } from './json.ts';
import { type Projection, project, readProjection } from './projection.ts';
import type { Registry } from './registry.ts';
import type { Asking, ScimRequest } from './request.ts';
import { buildResource, type Reference, type StoredRow } from './resource-store.ts';

/** What `selectResources` adds to a row of a list. */
export interface KeptColumns {
  readonly external_id: string | null;
  readonly kept_attributes: JsonObject | null;
  readonly kept_version: number | null;
  readonly kept_updated_at: Date | null;
  /** `created_at` as PostgreSQL writes it. */
  readonly position: string;
}

/** What a client keeps about one resource; null when it never sent anything. */
export interface Kept {
  readonly external_id: string | null;
  readonly attributes: JsonObject | null;
  readonly version: number;
  readonly updated_at: Date;
}

export const keptOf = (row: KeptColumns): Kept | null =>
  row.kept_version === null || row.kept_updated_at === null
    ? null
    : {
        external_id: row.external_id,
        attributes: row.kept_attributes,
        version: row.kept_version,
        updated_at: row.kept_updated_at,
      };

const later = (a: Date, b: Date | undefined): Date => (b !== undefined && b > a ? b : a);

/** The version moves with our columns, by whomever they are changed, and with what this client sends. */
export function storedUser(user: User, kept: Kept | null, groups?: Reference[]): StoredRow {
  return {
    id: user.user_id,
    created: new Date(user.created_at * 1000),
    modified: later(user.updated_at, kept?.updated_at),
    version: makeVersion(user.user_id, `${user.updated_at.getTime()}.${kept?.version ?? 0}`),
    external_id: kept?.external_id ?? null,
    columns: { ...user },
    attributes: kept?.attributes ?? null,
    groups,
  };
}

/** A change of members moves `updated_at` too. */
export function storedGroup(group: Group, kept: Kept | null, members?: Reference[]): StoredRow {
  const revision = `${group.updated_at.getTime()}.${group.member_count}.${kept?.version ?? 0}`;
  return {
    id: group.group_id,
    created: group.created_at,
    modified: later(group.updated_at, kept?.updated_at),
    version: makeVersion(group.group_id, revision),
    external_id: kept?.external_id ?? null,
    columns: { ...group },
    attributes: kept?.attributes ?? null,
    members,
  };
}

/** Characters, roughly, of what one page shows of kept attributes: it then has fewer resources, and always one. */
const maxPageCharacters = 4_194_304;

/** How many of the rows fit into one answer, which is held in memory as a whole (RE-13). */
export function withinSize(rows: readonly KeptColumns[]): number {
  let size = 0;
  const full = rows.findIndex((row, index) => {
    size += sizeOf(row.kept_attributes);
    return index > 0 && size > maxPageCharacters;
  });
  return full < 0 ? rows.length : full;
}

export const projectionOf = ({ attributes, excludedAttributes }: Asking, registry: Registry): Projection =>
  readProjection(attributes, excludedAttributes, registry);

/** As the client sees it. */
export const show = (
  { base }: Pick<ScimRequest, 'base'>,
  row: StoredRow,
  registry: Registry,
  projection: Projection,
): JsonObject => project(buildResource(row, registry, base), projection, registry);
