/**
 * Faults: everything that Lintel refuses, by code. The catalogue is `faults.ts`; each language
 * (problem+json, HTML, SCIM, OAuth, SAML) renders a fault once. Anything thrown that is no fault is a defect:
 * 500 with an id that the log has too.
 */
import { type FaultCode, faults } from './faults.ts';

export interface FaultEntry {
  /** HTTP status. */
  readonly status: number;
  /** What the caller is told; never about our insides. */
  readonly says: string;
  /** Fields of a body that it can be about, as paths below it: REST names the first one that came (`http/named-field.ts`). */
  readonly fields?: readonly string[];
}

/** A field that was wrong: a JSON Pointer into `body`, `query` or `params`, and what is expected there. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

interface FaultOptions {
  /** For the log; never sent out. */
  readonly cause?: unknown;
  readonly errors?: readonly FieldError[];
  /** Seconds after which trying again makes sense: `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfter?: number;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  /** The public sentence of the catalogue. */
  readonly says: string;
  /** What was wrong in this case, in public words; undefined when the sentence says it all. */
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: FaultCode, detail?: string, options: FaultOptions = {}) {
    super(
      `${code}: ${detail ?? faults[code].says}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'Fault';
    this.code = code;
    this.status = faults[code].status;
    this.says = faults[code].says;
    this.detail = detail;
    this.errors = options.errors;
    this.retryAfter = options.retryAfter;
  }
}
