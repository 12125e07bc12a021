/**
 * The one pool of threads in which this process reads XML from outside (checklist SA-15). Threads belong to the process, start
 * with the first message and do not keep it alive; a closed pool would refuse everything, so it is never closed.
 */
import type { Log } from '../core/log.ts';
import { createSamlPool } from './saml/pool.ts';

let log: Log | undefined;

export const samlPool = createSamlPool({
  onError: (error) => log?.error({ err: error }, 'a SAML worker failed'),
});

/** Where errors of workers are logged from now on. */
export function logSamlPoolTo(to: Log): void {
  log = to;
}
