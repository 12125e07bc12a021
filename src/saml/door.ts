/**
 * The HTTP face of our SAML service provider, one for each connection: metadata, assertion consumer service, single logout, and the
 * address for portals of identity providers. The path decides the connection, never a message (checklist SA-04). Visitors see a
 * reference where something is refused, and nothing of the reason (SA-16).
 */
import type { Context, Middleware } from 'koa';
import type { App } from '../core/app.ts';
import { Call, systemActor } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { isId } from '../core/id.ts';
import type { EndSessions } from '../federation/exchanges/logout.ts';
import type { FindByExternalId } from '../federation/links/candidates.ts';
import { reads, requireMethod } from '../http/methods.ts';
import type { Pages } from '../http/pages.ts';
import { edgeOf, requestFacts } from '../http/server.ts';
import { consume } from './acs.ts';
import { login } from './login.ts';
import { metadata } from './metadata.ts';
import { logout } from './slo.ts';

export interface SamlDoorParts {
  readonly app: App;
  readonly pages: Pages;
  /** Ends the sessions that a LogoutRequest names. */
  readonly endSessions: EndSessions;
  /** Accounts by what directories call them. */
  readonly findByExternalId?: FindByExternalId;
}

/** One request to an address of a connection. */
export interface Visit {
  readonly parts: SamlDoorParts;
  readonly context: Context;
  readonly call: Call;
  readonly providerId: string;
}

const address = /^\/saml\/([^/]+)\/(metadata|acs|slo|login)$/;

const endpoints = {
  metadata: { methods: reads, run: metadata },
  acs: { methods: ['POST'], run: consume },
  slo: { methods: ['GET', 'POST'], run: logout },
  login: { methods: ['GET'], run: login },
} as const satisfies Record<string, { methods: readonly string[]; run: (visit: Visit) => Promise<void> }>;

/** Mounted by app.ts before the REST routes; everything that is not ours passes. */
export function samlDoor(parts: SamlDoorParts): Middleware {
  return async (context, next) => {
    const [, providerId = '', name] = address.exec(context.path) ?? [];
    if (name === undefined) return next();
    const { methods, run } = endpoints[name as keyof typeof endpoints];
    edgeOf(context).route = `saml.${name}`;
    requireMethod(context, methods);
    if (!isId(providerId)) throw new Fault('not_found');
    const call = Call.begin(parts.app, systemActor('saml'), requestFacts(context));
    await run({ parts, context, call, providerId: providerId.toLowerCase() });
  };
}
