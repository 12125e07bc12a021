/**
 * Call: the first argument of every service. Who asks, when, on which connection, with what.
 * `write` is the only way to a transaction, `require` the only way to a permission, `emit` the only way to the audit log.
 */
import type { Knex } from 'knex';
import type { App } from './app.ts';
import type { EventDefinition, EventFacts } from './event.ts';
import { Fault } from './fault.ts';

export interface Actor {
  readonly type: 'user' | 'service_account' | 'scim_client' | 'application' | 'system' | 'anonymous';
  /** The id in the actor's own table; null for the system and for nobody. */
  readonly id: string | null;
  /** For people who read the audit log: an e-mail, `scim:<client>`, `system:retention`. */
  readonly label: string;
  /** `system` may act on every organization; otherwise the one organization that the actor is bound to, or null for none. */
  readonly reach: 'system' | { readonly org_id: string } | null;
  readonly permissions: ReadonlySet<string> | 'all';
  /** The application by whose token a person acts: within its scopes, and without what people may do for being themselves. */
  readonly through?: string;
}

/** Whether it is this person herself who acts, not an application that she let act for her (checklist OA-17, AZ-05). */
export const isInPerson = ({ type, id, through }: Actor, userId: string): boolean =>
  type === 'user' && id === userId && through === undefined;

/** What a request tells about itself, for audit and throttling. */
export interface RequestFacts {
  readonly request_id: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
}

export const anonymous: Actor = {
  type: 'anonymous',
  id: null,
  label: 'anonymous',
  reach: null,
  permissions: new Set(),
};

/** The actor of work that the system does by itself: it may do everything, and the audit log says which part of it did. */
export const systemActor = (part: string): Actor => ({
  type: 'system',
  id: null,
  label: `system:${part}`,
  reach: 'system',
  permissions: 'all',
});

const nowhere: RequestFacts = { request_id: null, ip: null, user_agent: null };

type Hook = () => void | Promise<void>;

interface CallParts {
  readonly app: App;
  readonly actor: Actor;
  readonly now: Date;
  readonly db: Knex;
  readonly request: RequestFacts;
  readonly hooks: Hook[] | null;
}

export class Call {
  readonly app: App;
  readonly actor: Actor;
  /** One moment for the whole call, so that all its rows agree. */
  readonly now: Date;
  /** The connection: the pool, or the transaction inside `write`. */
  readonly db: Knex;
  readonly request: RequestFacts;
  readonly #hooks: Hook[] | null;

  private constructor(parts: CallParts) {
    this.app = parts.app;
    this.actor = parts.actor;
    this.now = parts.now;
    this.db = parts.db;
    this.request = parts.request;
    this.#hooks = parts.hooks;
  }

  static begin(app: App, actor: Actor, request: RequestFacts = nowhere): Call {
    return new Call({ app, actor, now: app.clock(), db: app.db, request, hooks: null });
  }

  /** The same call in somebody else's name, for instance the system's consequences of a person's action. */
  as(actor: Actor): Call {
    return new Call({ app: this.app, actor, now: this.now, db: this.db, request: this.request, hooks: this.#hooks });
  }

  /** The account of a person who acts, for columns that name who did something; null for programs and for the system. */
  get userId(): string | null {
    return this.actor.type === 'user' ? this.actor.id : null;
  }

  get inTransaction(): boolean {
    return this.#hooks !== null;
  }

  /**
   * Runs `work` in a transaction: opens one, or joins the one that is open. The inner call must be used inside.
   * Deadlocks and serialization failures are tried again (nothing of the lost try remains), three times in all.
   * Slow work (hashing, XML, HTTP) belongs before it.
   */
  async write<T>(work: (call: Call) => Promise<T>): Promise<T> {
    if (this.#hooks) return work(this);
    const hooks: Hook[] = [];
    const result = await this.app.transact((transaction) => {
      hooks.length = 0;
      return work(
        new Call({ app: this.app, actor: this.actor, now: this.now, db: transaction, request: this.request, hooks }),
      );
    });
    for (const hook of hooks) {
      try {
        await hook();
      } catch (error) {
        // The change is committed: a failing consequence outside of the database must not undo or deny it.
        this.app.log.error({ err: error, request_id: this.request.request_id }, 'an after-commit hook failed');
      }
    }
    return result;
  }

  /** Runs once after the commit, never when it fails; at once where no transaction is open. */
  afterCommit(hook: Hook): void {
    if (!this.#hooks) throw new Error('afterCommit is for use inside write().');
    this.#hooks.push(hook);
  }

  /**
   * The first line of a service: may the actor do this to that organization (null: to the system itself)?
   * @throws Fault `not_found` for another organization's things, `not_allowed` when the permission is missing
   */
  require(permission: string, orgId: string | null): void {
    const { reach, permissions } = this.actor;
    const reaches = reach === 'system' || (reach !== null && orgId !== null && reach.org_id === orgId);
    if (!reaches) {
      if (reach === null) throw new Fault('unauthenticated');
      throw new Fault(orgId === null ? 'not_allowed' : 'not_found');
    }
    if (permissions !== 'all' && !permissions.has(permission)) {
      throw new Fault('not_allowed', `The permission ${permission} is needed.`);
    }
  }

  /** Whether `require` would pass. */
  may(permission: string, orgId: string | null): boolean {
    const { reach, permissions } = this.actor;
    const reaches = reach === 'system' || (reach !== null && orgId !== null && reach.org_id === orgId);
    return reaches && (permissions === 'all' || permissions.has(permission));
  }

  /** Says that something happened: one audit row and its reactions, in the transaction of the change. */
  async emit(definition: EventDefinition, facts: EventFacts): Promise<void> {
    if (!this.#hooks) throw new Error(`${definition.name} was emitted outside of write().`);
    await this.app.record(this, { ...facts, definition });
  }
}
