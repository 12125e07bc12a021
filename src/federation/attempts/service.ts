/**
 * Sign-in traces: one row for each response of an identity provider, and for each logout of one that was refused, with what was checked
 * and why it was refused. The visitor is shown the reference, the organization's administrator finds the reason under it (checklist SA-16).
 * Tables: federation_attempts. Events: none; a trace is no change of anybody's data.
 * Invariant: no XML, no NameID and no value of an attribute is kept, only what they were called and their outline (SD-06, SD-07).
 * Refused messages, which anybody can send, are kept up to a rate (checklist AL-05).
 */
import { createHmac, randomInt } from 'node:crypto';
import type { App } from '../../core/app.ts';
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import type { Page } from '../../http/list.ts';
import { definePolicy } from '../../ratelimits/counters/policies.ts';
import { take } from '../../ratelimits/counters/service.ts';
import { type AttemptCode, explainAttempt } from './codes.ts';
import { readTraces, type SigninTrace, type TraceQuery } from './schema.ts';
import { type AttemptRow, getAttempt, insertAttempt, listAttempts } from './store.ts';

export const refusedResponses = definePolicy({
  name: 'saml.refused',
  scope: 'provider',
  limit_count: 120,
  window_sec: 60,
  description: 'Refused SAML responses of one connection that are kept as sign-in traces.',
});

export interface Attempt {
  readonly org_id: string;
  readonly provider_id: string;
  readonly user_id: string | null;
  readonly reference: string;
  readonly result: AttemptRow['result'];
  readonly code: AttemptCode | null;
  readonly checks: readonly { check: string; ok: boolean; code?: string; detail?: string }[];
  /** Attributes as they came; their values are masked here. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** Field → attribute that it was taken from. */
  readonly sources: Readonly<Record<string, string>>;
  readonly subject: string | null;
  readonly is_test: boolean;
}

/** Digits and letters that nobody confuses when reading them aloud. */
const letters = '23456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A reference that a person can read to somebody: 12 characters, 58 bits. */
export function newReference(): string {
  const group = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('');
  return `${group()}-${group()}-${group()}`;
}

/** Writes a trace on the call's connection. */
export async function recordAttempt(call: Call, attempt: Attempt): Promise<void> {
  const { attributes, sources, subject, is_test, ...row } = attempt;
  await insertAttempt(call.db, {
    ...row,
    attempt_id: newId(call.now.getTime()),
    attributes: { ...outlineOf(attributes, sources), ...(is_test ? { is_test: true } : {}) },
    subject_hash: subject === null ? null : subjectHash(call.app, attempt.provider_id, subject),
    request_id: call.request.request_id,
    ip_address: call.request.ip,
    user_agent: call.request.user_agent?.slice(0, 512) ?? null,
    timestamp: call.now,
  });
}

const ours: ReadonlySet<AttemptCode> = new Set(['busy', 'timeout', 'internal']);

/** Whether the fault was ours, and not the message’s: the same one may be good a moment later. */
export const isOurFault = (code: AttemptCode): boolean => ours.has(code);

/**
 * Tells the log of a message that was not believed, and writes its trace. Anybody can send those, so only so many of a connection are
 * kept, counted over all processes.
 * @param what was refused, for the log
 */
export async function recordRefusal(
  call: Call,
  what: string,
  refused: Omit<Attempt, 'result' | 'user_id'> & { readonly code: AttemptCode },
): Promise<void> {
  const { reference, provider_id, code } = refused;
  call.app.log.info(
    { request_id: call.request.request_id, reference, provider_id, refusal: code },
    `${what} was refused`,
  );
  const { taken } = await take(call.app, [{ policy: refusedResponses, subject: provider_id }]);
  if (taken) await recordAttempt(call, { ...refused, user_id: null, result: isOurFault(code) ? 'failure' : 'denied' });
}

/** The same person has the same hash in the traces of a connection; nobody without our key can try names against it. */
const subjectHash = (app: App, providerId: string, subject: string): string =>
  createHmac('sha256', app.sealer.derive('federation-subjects')[0] ?? '')
    .update(`${providerId}:${subject}`)
    .digest('base64url');

const maxNamed = 100;

function outlineOf(
  attributes: Readonly<Record<string, readonly string[]>>,
  sources: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const received = Object.entries(attributes).slice(0, maxNamed);
  if (received.length === 0) return {};
  return {
    received: Object.fromEntries(
      received.map(([name, values]) => [name.slice(0, 512), { count: values.length, first: mask(values[0] ?? '') }]),
    ),
    taken_for: sources,
  };
}

/** The outline of a value: an address keeps its domain, which is what connections are configured by. */
export function mask(value: string): string {
  const at = value.lastIndexOf('@');
  const domain = at > 0 && at > value.length - 255 ? value.slice(at) : '';
  const hidden = domain === '' ? value : value.slice(0, at);
  return `${[...hidden][0] ?? ''}…(${[...hidden].length})${domain}`;
}

function shown({ attributes, ...row }: AttemptRow): SigninTrace {
  const { is_test, ...outline } = attributes as { is_test?: boolean };
  const explained = row.code === null ? null : explainAttempt(row.code);
  return {
    ...row,
    checks: [...row.checks],
    attributes: outline,
    is_test: is_test === true,
    explanation: explained?.sentence ?? null,
    remedy: explained?.remedy ?? null,
  };
}

/** Newest first. */
export async function listTraces(call: Call, orgId: string, query: TraceQuery): Promise<Page<SigninTrace>> {
  call.require(readTraces, orgId);
  const { items, next } = await listAttempts(call.db, orgId, query);
  return { items: items.map(shown), next };
}

/** @throws Fault not_found */
export async function readTrace(call: Call, orgId: string, reference: string): Promise<SigninTrace> {
  call.require(readTraces, orgId);
  const row = await getAttempt(call.db, orgId, reference.trim().toUpperCase());
  if (!row) throw new Fault('not_found');
  return shown(row);
}
