/** What is measured beside requests: the list of numbers that rooms and base keep anyway, by the names that dashboards know. */
import type { Lintel } from './app.ts';
import { passwordHashes } from './credentials/passwords/hash-queue.ts';
import { samlPool } from './federation/saml-pool.ts';
import type { DoorLoad } from './http/places.ts';
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
    gauge(
      'lintel_http_requests_running',
      'Requests that are worked on.',
      () => each(doors(), ({ running }) => running),
      'door',
    ),
    gauge(
      'lintel_http_requests_waiting',
      'Requests that wait to be worked on.',
      () => each(doors(), ({ waiting }) => waiting),
      'door',
    ),
    counter(
      'lintel_http_requests_refused_total',
      'Requests refused with 503 before anything was spent on them.',
      () => each(doors(), ({ refused }) => refused),
      'door',
    ),
    gauge(
      'lintel_database_connections',
      'Open connections to the database.',
      () => ({ used: pool().numUsed(), free: pool().numFree() }),
      'state',
    ),
    gauge('lintel_database_waiting', 'Units of work that wait for a connection to the database.', () =>
      pool().numPendingAcquires(),
    ),
    gauge('lintel_password_hashes_running', 'Passwords that are being hashed.', () => passwordHashes.load.running),
    gauge('lintel_password_hashes_waiting', 'Passwords that wait to be hashed.', () => passwordHashes.load.waiting),
    counter('lintel_password_hashes_total', 'Passwords that were hashed.', () => passwordHashes.load.done),
    counter(
      'lintel_password_hashes_refused_total',
      'Passwords that were not hashed, because too many waited or one waited too long.',
      () => passwordHashes.load.refused,
    ),
    gauge('lintel_saml_messages_running', 'SAML messages that workers read.', () => samlPool.load.running),
    gauge('lintel_saml_messages_waiting', 'SAML messages that wait for a worker.', () => samlPool.load.waiting),
    counter(
      'lintel_saml_messages_refused_total',
      'SAML messages refused, because too many waited.',
      () => samlPool.load.refused,
    ),
    counter(
      'lintel_job_runs_total',
      'Runs of what this process does by itself, failed ones too.',
      () => each(Object.fromEntries(lintel.jobCounts), ({ runs }) => runs),
      'job',
    ),
    counter(
      'lintel_job_failures_total',
      'Runs that failed.',
      () => each(Object.fromEntries(lintel.jobCounts), ({ failures }) => failures),
      'job',
    ),
  ];
}

const of =
  (type: Reading['type']) =>
  (name: string, help: string, read: Reading['read'], label?: string): Reading => ({ type, name, help, read, label });
const gauge = of('gauge');
const counter = of('counter');

function each<T>(values: Readonly<Record<string, T>>, pick: (value: T) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, pick(value)]));
}
