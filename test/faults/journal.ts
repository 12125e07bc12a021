/** What was asked, what was acknowledged, and what may or may not have happened: to be held against the database at the end. */
import { expect } from 'chai';
import type { Knex } from 'knex';

/** A thing that can be made once, by its name. */
export interface Kind {
  readonly table: string;
  readonly id: string;
  readonly name: string;
  readonly event: string;
}

export const kinds = {
  user: { table: 'users', id: 'user_id', name: 'email', event: 'user' },
  group: { table: 'user_groups', id: 'group_id', name: 'name', event: 'group' },
  role: { table: 'roles', id: 'role_id', name: 'name', event: 'role' },
  unit: { table: 'organization_units', id: 'unit_id', name: 'name', event: 'unit' },
  api_key: { table: 'api_keys', id: 'api_key_id', name: 'name', event: 'api_key' },
  service_account: { table: 'service_accounts', id: 'service_account_id', name: 'name', event: 'service_account' },
  domain: { table: 'organization_domains', id: 'domain', name: 'domain', event: 'domain' },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof kinds;

export class Journal {
  /** Acknowledged, by kind: id → name. */
  readonly made = new Map<KindName, Map<string, string>>();
  /** Names that were asked for and not answered. */
  readonly unanswered = new Map<KindName, Set<string>>();
  /** Users whose deletion was acknowledged, and those of whom it is not known. */
  readonly deleted = new Set<string>();
  readonly perhapsDeleted = new Set<string>();
  /** First names, by user: what was acknowledged last, and what was asked since. */
  readonly firstNames = new Map<string, { acknowledged: string; asked: string[]; count: number; unsure: number }>();
  /** Membership of one group, by user: true or false where it was acknowledged, undefined where it is not known. */
  readonly members = new Map<string, boolean | undefined>();
  /** How often a code or refresh token was exchanged with success. */
  readonly exchanged = new Map<string, number>();
  /** Things that may never be, seen while working. */
  readonly violations: string[] = [];

  keep(kind: KindName, id: string, name: string): void {
    const known = this.made.get(kind) ?? new Map<string, string>();
    known.set(id, name);
    this.made.set(kind, known);
  }

  doubt(kind: KindName, name: string): void {
    const names = this.unanswered.get(kind) ?? new Set<string>();
    names.add(name);
    this.unanswered.set(kind, names);
  }

  used(secret: string): void {
    const count = (this.exchanged.get(secret) ?? 0) + 1;
    this.exchanged.set(secret, count);
    if (count > 1) this.violations.push('A code or refresh token was exchanged twice.');
  }

  get acknowledged(): number {
    return [...this.made.values()].reduce((sum, ofKind) => sum + ofKind.size, 0);
  }

  /** Nothing acknowledged is lost, nothing is there twice, and change and event are both there or both not (RE-07, AL-02). */
  async hold(db: Knex, groupId: string): Promise<void> {
    expect([...new Set(this.violations)].join('\n')).to.equal('');
    for (const [name, kind] of Object.entries(kinds) as [KindName, Kind][]) await this.#holdKind(db, name, kind);
    await this.#holdUpdates(db);
    await this.#holdMembers(db, groupId);
  }

  async #holdKind(db: Knex, kindName: KindName, kind: Kind): Promise<void> {
    const rows = (await db(kind.table).select({ id: kind.id, name: kind.name })) as { id: string; name: string }[];
    const ids = new Set(rows.map(({ id }) => id));
    const made = this.made.get(kindName) ?? new Map<string, string>();
    const lost = [...made].filter(([id]) => !ids.has(id));
    expect(lost, `acknowledged, and not in ${kind.table}`).to.deep.equal([]);
    const asked = new Set([...made.values(), ...(this.unanswered.get(kindName) ?? [])]);
    const counts = Map.groupBy(
      rows.filter(({ name }) => asked.has(name)),
      ({ name }) => name,
    );
    expect(
      [...counts].filter(([, same]) => same.length > 1).map(([name]) => name),
      `twice in ${kind.table}`,
    ).to.deep.equal([]);
    // Both or none (AL-02): an event without its row; a row without its event is what doctor looks for.
    const { rows: events } = await db.raw(
      `select object_id, count(*)::int as count from audit_logs where object_type = ? and action = ? group by object_id`,
      [kind.event, `${kind.event}.created`],
    );
    const told = (events as { object_id: string; count: number }[]).filter(({ object_id }) => !ids.has(object_id));
    expect(told, `told, and not in ${kind.table}`).to.deep.equal([]);
    expect(
      (events as { count: number }[]).filter(({ count }) => count !== 1),
      `told more than once: ${kind.table}`,
    ).to.deep.equal([]);
  }

  async #holdUpdates(db: Knex): Promise<void> {
    const users = (await db('users').select('user_id', 'first_name', 'deleted_at')) as {
      user_id: string;
      first_name: string | null;
      deleted_at: Date | null;
    }[];
    const events = (await db('audit_logs')
      .where({ action: 'user.updated' })
      .orderBy('log_id')
      .select('object_id', 'details')) as { object_id: string; details: { after?: { first_name?: string } } }[];
    const byUser = Map.groupBy(events, ({ object_id }) => object_id);
    for (const { user_id, first_name, deleted_at } of users) {
      if (this.deleted.has(user_id)) expect(deleted_at, `${user_id} was deleted`).not.to.equal(null);
      else if (deleted_at !== null) expect(this.perhapsDeleted, 'deleted without being asked').to.include(user_id);
      const names = this.firstNames.get(user_id);
      if (!names) continue;
      expect([names.acknowledged, ...names.asked], `first name of ${user_id}`).to.include(first_name);
      const told = (byUser.get(user_id) ?? []).flatMap(({ details }) => details.after?.first_name ?? []);
      expect(told.length, `events of ${user_id}`).to.be.within(names.count, names.count + names.unsure);
      if (told.length > 0) expect(told.at(-1), `the last event of ${user_id}`).to.equal(first_name);
    }
  }

  async #holdMembers(db: Knex, groupId: string): Promise<void> {
    const inside = new Set<string>(await db('user_group_memberships').where({ group_id: groupId }).pluck('user_id'));
    for (const [user, isMember] of this.members) {
      if (isMember === undefined || this.deleted.has(user) || this.perhapsDeleted.has(user)) continue;
      expect(inside.has(user), `${user} in the group`).to.equal(isMember);
    }
  }
}
