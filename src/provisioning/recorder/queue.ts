/**
 * The recorder's queue: rows wait in memory and are written in batches, apart from the requests that they tell about. A
 * database that is slow or gone delays and fails nobody: the queue is bounded, and what does not fit is counted and lost.
 */
import type { App } from '../../core/app.ts';
import { isUnavailable } from '../../db/errors.ts';
import { insertRequests, type RecordedRow } from './store.ts';

/** Rows that wait at most; a row has two bodies of at most some 20,000 characters. */
const maxWaiting = 1000;
const maxAtOnce = 50;
/** Milliseconds: how long the first row of a batch waits for others. */
const gather = 100;
/** Milliseconds before a batch is tried again when the database did not answer. */
const pause = 1000;
const attempts = 5;

class RecorderQueue {
  readonly #app: App;
  #waiting: RecordedRow[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;
  #failures = 0;

  constructor(app: App) {
    this.#app = app;
  }

  push(row: RecordedRow): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(row);
    this.#plan(gather);
  }

  #plan(milliseconds: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#begin();
    }, milliseconds).unref();
  }

  #begin(): Promise<void> {
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#plan(this.#failures > 0 ? pause * this.#failures : 0);
    });
    return this.#writing;
  }

  /** Never throws: there is nobody to tell but the log. */
  async #writeBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, maxAtOnce);
    if (batch.length === 0) return;
    try {
      await insertRequests(this.#app.db, batch);
      this.#failures = 0;
    } catch (error) {
      if (!isUnavailable(error)) await this.#writeOneByOne(batch);
      else if (this.#failures < attempts) {
        this.#failures += 1;
        this.#waiting.unshift(...batch);
      } else {
        this.#failures = 0;
        this.#lost += batch.length;
      }
    }
    this.#tellLosses();
  }

  #tellLosses(): void {
    if (this.#lost === 0) return;
    this.#app.log.warn({ lost: this.#lost }, 'SCIM requests were not recorded');
    this.#lost = 0;
  }

  /** One row that the database refuses must not take the others with it. */
  async #writeOneByOne(batch: readonly RecordedRow[]): Promise<void> {
    for (const row of batch) {
      try {
        await insertRequests(this.#app.db, [row]);
      } catch (error) {
        this.#lost += 1;
        this.#app.log.warn({ err: error }, 'the database refused a recorded SCIM request');
      }
    }
  }

  /** Writes what waits. Gives up when the database does not answer. */
  async drain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    do {
      await this.#begin();
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } while (this.#waiting.length > 0 && this.#failures === 0);
    this.#lost += this.#waiting.splice(0).length;
    this.#tellLosses();
  }
}

const queues = new WeakMap<App, RecorderQueue>();

/** The queue of this process. */
export function queueOf(app: App): RecorderQueue {
  let queue = queues.get(app);
  if (!queue) {
    queue = new RecorderQueue(app);
    queues.set(app, queue);
  }
  return queue;
}
