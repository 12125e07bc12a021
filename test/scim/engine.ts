/**
 * The pure functions in the order the door will call them, over a map: what vendors send is driven through this, without a
 * database. Nothing of the engine is replaced.
 */
import type { Json, JsonObject } from '../../src/scim/json.ts';
import { type Note, Notes } from '../../src/scim/leniency.ts';
import { compileMembership } from '../../src/scim/membership.ts';
import { parsePatch } from '../../src/scim/patch.ts';
import { applyPatch } from '../../src/scim/patch-apply.ts';
import { project, readProjection } from '../../src/scim/projection.ts';
import { buildRegistries, type ClientRegistries, type Registry } from '../../src/scim/registry.ts';
import { readResource } from '../../src/scim/resource.ts';
import {
  buildResource,
  type Reference,
  splitResource,
  type StoredResource,
  type StoredRow,
} from '../../src/scim/resource-store.ts';
import { BASE, uuid } from './directory.ts';

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export const operations = (...list: object[]): JsonObject => ({ schemas: [PATCH], Operations: list as JsonObject[] });

export class Engine {
  readonly registries: ClientRegistries;
  readonly rows = new Map<string, StoredRow>();
  /** of the last request */
  notes: Note[] = [];
  changed = false;
  password: string | undefined;
  private made = 0;

  constructor(registries: ClientRegistries = buildRegistries()) {
    this.registries = registries;
  }

  post(kind: 'User' | 'Group', body: unknown): JsonObject {
    const notes = new Notes();
    const { resource, password } = readResource(body, this.registries[kind], notes);
    const id = uuid(kind === 'User' ? 2 : 3, ++this.made);
    const row: StoredRow = {
      id,
      created: new Date(0),
      modified: new Date(0),
      version: 'W/"1"',
      external_id: null,
      attributes: {},
      columns: { enabled: true, properties: {} },
      [kind === 'User' ? 'groups' : 'members']: [],
    };
    this.rows.set(id, row);
    this.store(row, splitResource(resource, this.registries[kind]));
    this.password = password;
    this.notes = notes.list;
    return this.get(kind, id);
  }

  put(kind: 'User' | 'Group', id: string, body: unknown): JsonObject {
    const notes = new Notes();
    const { resource, password } = readResource(body, this.registries[kind], notes);
    this.store(this.row(id), splitResource(resource, this.registries[kind]));
    this.password = password;
    this.notes = notes.list;
    return this.get(kind, id);
  }

  patch(kind: 'User' | 'Group', id: string, body: unknown): JsonObject {
    const notes = new Notes();
    const registry: Registry = this.registries[kind];
    const row = this.row(id);
    let parsed = parsePatch(body, registry, notes);
    let membersChanged = false;
    if (kind === 'Group') {
      const delta = compileMembership(parsed, notes);
      if (!delta.needsGroup) {
        parsed = delta.other;
        const before = (row.members ?? []).map(({ value }) => value);
        const kept = delta.replace ?? [...before.filter((one) => !delta.remove.includes(one)), ...delta.add];
        const after = [...new Set(kept)];
        membersChanged = before.join() !== after.join();
        row.members = after.map((value): Reference => ({ value, display: null }));
      }
    }
    const patched = applyPatch(parsed, buildResource(row, registry, BASE), registry, notes);
    this.changed = patched.changed || membersChanged;
    this.password = patched.password;
    if (patched.changed) this.store(row, splitResource(patched.resource, registry));
    this.notes = notes.list;
    return this.get(kind, id);
  }

  get(kind: 'User' | 'Group', id: string): JsonObject {
    const registry = this.registries[kind];
    return project(
      buildResource(this.row(id), registry, BASE),
      readProjection(undefined, undefined, registry),
      registry,
    );
  }

  rules(): string[] {
    return [...new Set(this.notes.map(({ rule }) => rule))].sort();
  }

  row(id: string): StoredRow {
    const row = this.rows.get(id);
    if (!row) throw new Error(`no ${id}`);
    return row;
  }

  private store(row: StoredRow, stored: StoredResource): void {
    const properties = { ...(row.columns.properties as Record<string, Json>) };
    for (const { path, value } of stored.properties) {
      if (value === undefined) delete properties[path.join('.')];
      else properties[path.join('.')] = value;
    }
    row.columns = { ...row.columns, ...stored.columns, properties };
    row.external_id = stored.external_id;
    // Through text, as jsonb keeps it.
    row.attributes = JSON.parse(JSON.stringify(stored.attributes));
    if (stored.members) row.members = stored.members.map((value) => ({ value, display: null }));
  }
}
