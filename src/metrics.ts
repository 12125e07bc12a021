/** What is measured beside requests: the list of numbers that rooms and base keep anyway, by the names that dashboards know. */
import type { Lintel } from './app.ts';
import { passwordHashes } from './credentials/passwords/hash-queue.ts';
import { samlPool } from './federation/saml-pool.ts';
import type { DoorLoad } from './http/admission.ts';
import type { Reading } from './http/metrics.ts';

/** The pool of Knex (tarn), which has no type there. */
interface ConnectionPool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** @param doors the load of each door, from admission */
export function readingsOf(lintel: Lintel, doors: () => Readonly<Record<string, DoorLoad>>): readonly Reading[] {
  const pool = (): ConnectionPool => lintel.app.db.client.pool as ConnectionPool;
  return [
    {
      name: 'lintel_http_requests_running',
      help: 'Requests that are worked on.',
      type: 'gauge',
      label: 'door',
      read: () => each(doors(), ({ running }) => running),
    },
    {
      name: 'lintel_http_requests_waiting',
      help: 'Requests that wait to be worked on.',
      type: 'gauge',
      label: 'door',
      read: () => each(doors(), ({ waiting }) => waiting),
    },
    {
      name: 'lintel_http_requests_refused_total',
      help: 'Requests refused with 503 before anything was spent on them.',
      type: 'counter',
      label: 'door',
      read: () => each(doors(), ({ refused }) => refused),
    },
    {
      name: 'lintel_database_connections',
      help: 'Open connections to the database.',
      type: 'gauge',
      label: 'state',
      read: () => ({ used: pool().numUsed(), free: pool().numFree() }),
    },
    {
      name: 'lintel_database_waiting',
      help: 'Units of work that wait for a connection to the database.',
      type: 'gauge',
      read: () => pool().numPendingAcquires(),
    },
    {
      name: 'lintel_password_hashes_running',
      help: 'Passwords that are being hashed.',
      type: 'gauge',
      read: () => passwordHashes.load.running,
    },
    {
      name: 'lintel_password_hashes_waiting',
      help: 'Passwords that wait to be hashed.',
      type: 'gauge',
      read: () => passwordHashes.load.waiting,
    },
    {
      name: 'lintel_password_hashes_total',
      help: 'Passwords that were hashed.',
      type: 'counter',
      read: () => passwordHashes.load.done,
    },
    {
      name: 'lintel_password_hashes_refused_total',
      help: 'Passwords that were not hashed, because too many waited or one waited too long.',
      type: 'counter',
      read: () => passwordHashes.load.refused,
    },
    {
      name: 'lintel_saml_messages_running',
      help: 'SAML messages that workers read.',
      type: 'gauge',
      read: () => samlPool.load.running,
    },
    {
      name: 'lintel_saml_messages_waiting',
      help: 'SAML messages that wait for a worker.',
      type: 'gauge',
      read: () => samlPool.load.waiting,
    },
    {
      name: 'lintel_saml_messages_refused_total',
      help: 'SAML messages refused, because too many waited.',
      type: 'counter',
      read: () => samlPool.load.refused,
    },
    {
      name: 'lintel_job_runs_total',
      help: 'Runs of what this process does by itself, failed ones too.',
      type: 'counter',
      label: 'job',
      read: () => each(Object.fromEntries(lintel.jobCounts), ({ runs }) => runs),
    },
    {
      name: 'lintel_job_failures_total',
      help: 'Runs that failed.',
      type: 'counter',
      label: 'job',
      read: () => each(Object.fromEntries(lintel.jobCounts), ({ failures }) => failures),
    },
  ];
}

function each<T>(values: Readonly<Record<string, T>>, pick: (value: T) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, pick(value)]));
}
