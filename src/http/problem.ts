/** Faults as `application/problem+json` (RFC 9457), or as a page for browsers. Rendered here and nowhere else. */
import type { Context } from 'koa';
import { Fault } from '../core/fault.ts';
import { asFault } from '../db/errors.ts';
import type { Log } from '../core/log.ts';

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  errors?: readonly { pointer: string; detail: string }[];
  request_id: string;
}

/** Anything thrown → a fault. Defects become `internal` and are logged with their cause; faults of ours (5xx) are too. */
export function toFault(error: unknown, log: Log, requestId: string): Fault {
  const known = asFault(error);
  const fault = known instanceof Fault ? known : fromHttpError(known);
  if (fault.status >= 500) log.error({ err: error, request_id: requestId, fault_code: fault.code }, fault.code);
  return fault;
}

/** Errors that Koa and body parsers throw carry a 4xx status and `expose`. */
function fromHttpError(error: unknown): Fault {
  const status = (error as { status?: unknown; expose?: unknown })?.status;
  if (status === 413) return new Fault('body_too_large', undefined, { cause: error });
  if (status === 415) return new Fault('media_type_unsupported', undefined, { cause: error });
  // The OpenID provider's word for a database that does not answer, met on a page of ours (RE-01).
  if (status === 503 && (error as { error?: unknown }).error === 'temporarily_unavailable')
    return new Fault('database_unavailable', undefined, { cause: error, retryAfter: 2 });
  if (status === 400 && (error as { expose?: unknown }).expose === true)
    return new Fault('request_invalid', undefined, { cause: error });
  return new Fault('internal', undefined, { cause: error });
}

/** The body of a fault in problem+json. `type` is stable and names the code. */
const problemOf = (fault: Fault, requestId: string): Problem => ({
  type: `urn:lintel:fault:${fault.code}`,
  title: fault.says,
  status: fault.status,
  code: fault.code,
  ...(fault.detail === undefined ? {} : { detail: fault.detail }),
  ...(fault.errors === undefined ? {} : { errors: fault.errors }),
  request_id: requestId,
});

/** Headers that a fault asks for, whatever its body's language. */
export function setFaultHeaders(context: Context, fault: Fault): void {
  context.status = fault.status;
  context.set('cache-control', 'no-store');
  if (fault.retryAfter !== undefined || fault.status === 503 || fault.status === 429) {
    context.set('retry-after', String(Math.ceil(fault.retryAfter ?? 2)));
  }
  // Who showed something is told that it is no good (RFC 6750 §3.1).
  const error = context.get('authorization') === '' ? '' : ', error="invalid_token"';
  if (fault.status === 401) context.set('www-authenticate', `Bearer realm="lintel"${error}`);
}

export function renderProblem(context: Context, fault: Fault, requestId: string): void {
  setFaultHeaders(context, fault);
  context.type = 'application/problem+json';
  context.body = JSON.stringify(problemOf(fault, requestId));
}
