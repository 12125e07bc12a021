/** What the database said, told by SQLSTATE (`err.code`), never by class: PGlite and PostgreSQL then read alike. */
import { Fault } from '../core/fault.ts';
import type { FaultCode } from '../core/faults.ts';

const fields = (error: unknown): { code?: string; constraint?: string; message: string; name: string } =>
  error instanceof Error
    ? (error as Error & { code?: string; constraint?: string })
    : { message: String(error), name: '' };

/** The name of the constraint that refused a write (SQLSTATE class 23), or null. */
export function violatedConstraint(error: unknown): string | null {
  const { code, constraint } = fields(error);
  return typeof code === 'string' && code.startsWith('23') ? (constraint ?? null) : null;
}

/**
 * Runs a write and turns named constraints into faults: `{ roles_org_name_key: 'role_name_taken' }`.
 * Anything else is thrown as it came.
 */
export async function refusing<T>(
  constraints: Readonly<Record<string, FaultCode>>,
  write: () => PromiseLike<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const constraint = violatedConstraint(error);
    const code = constraint === null ? undefined : constraints[constraint];
    if (code === undefined) throw error;
    throw new Fault(code, undefined, { cause: error });
  }
}

const brokenConnection = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
const brokenMessage =
  /Connection terminated|connection timeout|timeout expired|Query read timeout|Client has encountered a connection error|Timeout acquiring a connection|aborted|not queryable|Unable to acquire a connection/i;

/** Whether the database could not be reached, did not answer in time, or is starting or stopping (57P0x, 08xxx, 53xxx). */
export function isUnavailable(error: unknown): boolean {
  const { code, message, name } = fields(error);
  if (typeof code === 'string') {
    if (brokenConnection.has(code)) return true;
    if (/^(08...|57P0[1-5]|53...|57014|25006)$/.test(code)) return true;
    if (/^[0-9A-Z]{5}$/.test(code)) return false;
  }
  return name === 'KnexTimeoutError' || brokenMessage.test(message);
}

/** Whether a connection broke in a way that says nothing reached the server, or nothing was kept: safe to repeat reads. */
export function isBrokenConnection(error: unknown): boolean {
  const { code, message } = fields(error);
  if (code === '57P01' || code === '57P02' || code === '57P03' || code === '08006' || code === '08003') return true;
  if (code !== undefined && (code === 'ECONNRESET' || code === 'EPIPE')) return true;
  return /Connection terminated|Client has encountered a connection error|not queryable/i.test(message);
}

/** Whether nothing of a transaction remains and trying again may succeed: serialization failure or deadlock. */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01'].includes(fields(error).code ?? '');

/** The fault for a database that does not answer; anything else comes back as it was. */
export function asFault(error: unknown): unknown {
  if (error instanceof Fault || !isUnavailable(error)) return error;
  return new Fault('database_unavailable', undefined, { cause: error, retryAfter: 2 });
}
