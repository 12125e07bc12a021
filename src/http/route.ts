/**
 * Routes are data. One array mounts them, prints the OpenAPI description, and feeds the tests that every route
 * refuses strangers and other organizations.
 */
import type { Static, TObject, TSchema } from 'typebox';
import type { Call } from '../core/call.ts';
import type { FaultCode } from '../core/faults.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface RouteDefinition<P extends TObject, Q extends TObject, B extends TSchema, R extends TSchema, Ready> {
  readonly method: Method;
  /** Below `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  /** verb + noun, unique: `createRole`. */
  readonly operationId: string;
  /** One line for the API pages; their group is the first word of the path that is no parameter. */
  readonly summary: string;
  /** More, in Markdown. */
  readonly description?: string;
  readonly group: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Absent: 204, no body. */
  readonly reply?: R;
  /** 200 when absent, 204 without a reply. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Faults of this route beyond those that every route has. */
  readonly faults?: readonly FaultCode[];
  /** The permission that the service requires; `null` for any authenticated caller; `public` for everybody. */
  readonly permission: string | null | 'public';
  /** Most bytes of a body; 1 MiB when absent. */
  readonly bodyLimit?: number;
  /**
   * What takes long and writes nothing: hashes, names, files from elsewhere. An Idempotency-Key has `run` inside of a transaction,
   * which would hold its connection meanwhile, so it comes before; its result is handed to `run`. It asks for the permission itself.
   */
  readonly prepare?: (call: Call, input: { params: Static<P>; query: Static<Q>; body: Static<B> }) => Promise<Ready>;
  readonly run: (
    call: Call,
    input: { params: Static<P>; query: Static<Q>; body: Static<B> },
    ready: Ready,
  ) => Promise<Static<R> | undefined>;
}

/** A route whose types were forgotten, as the array holds it. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly group: string;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly reply?: TSchema;
  readonly status?: 200 | 201 | 202 | 204;
  readonly faults?: readonly FaultCode[];
  readonly permission: string | null;
  readonly bodyLimit?: number;
  readonly prepare?: (call: Call, input: { params: never; query: never; body: never }) => Promise<unknown>;
  readonly run: (call: Call, input: { params: never; query: never; body: never }, ready: never) => Promise<unknown>;
}

/** Writes a route down; the types of `run` follow from its shapes. */
// biome-ignore lint/complexity/noBannedTypes: the empty shape of a part that a route does not have
export function route<
  P extends TObject = TObject<{}>,
  Q extends TObject = TObject<{}>,
  B extends TSchema = TSchema,
  R extends TSchema = TSchema,
  Ready = undefined,
>(definition: RouteDefinition<P, Q, B, R, Ready>): Route {
  return definition as unknown as Route;
}
