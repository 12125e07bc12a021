/** App: what every call can rely on. Built once by `app.ts`; tests build one with a stopped clock and a mailbox. */
import type { Knex } from 'knex';
import type { Config } from '../config/config.ts';
import type { Call } from './call.ts';
import type { EmittedEvent } from './event.ts';
import type { Log } from './log.ts';
import type { Sealer } from './secret.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

export interface App {
  readonly config: Config;
  readonly db: Knex;
  /** The only clock that anything is judged by. */
  readonly clock: () => Date;
  readonly log: Log;
  readonly sealer: Sealer;
  /** Opens a transaction, tries again after deadlocks, and turns an unreachable database into a fault. */
  transact<T>(work: (transaction: Knex.Transaction) => Promise<T>): Promise<T>;
  /** The one client for requests to the outside (SSRF-safe). */
  fetch(url: string, init?: EgressInit): Promise<EgressAnswer>;
  /** The TXT records of a name, each as its strings; empty when there are none. */
  resolveTxt(name: string): Promise<string[][]>;
  /**
   * Runs work that waits for somebody outside, asked for by a request of an organization: each has a few of these at a time. The
   * system's own is not counted. @throws Fault too_many_requests
   */
  waitOutside<T>(call: Call, work: () => Promise<T>): Promise<T>;
  /** Writes the audit row of an event and runs its reactions, on the call's transaction. */
  record(call: Call, event: EmittedEvent): Promise<void>;
  /** Puts a mail into the outbox, in the transaction of the change that it tells about. */
  mail(call: Call, mail: Mail): Promise<void>;
}

export interface EgressInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Most bytes of the answer; 1 MiB when absent. */
  readonly maxBytes?: number;
  /** Milliseconds for everything; 5,000 when absent. */
  readonly timeoutMs?: number;
  /** Redirects to follow, each checked anew; none when absent. */
  readonly redirects?: number;
}

export interface EgressAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The address after redirects. */
  readonly url: string;
}
