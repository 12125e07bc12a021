/** Shapes, events and permissions of sessions. */
import { type Static, Type } from 'typebox';
import { defineEvent } from '../../core/event.ts';
import { definePermission } from '../../core/permission.ts';

const Id = Type.String({ format: 'uuid' });
const text = () => Type.Union([Type.String(), Type.Null()]);
const time = () => Type.Unsafe<Date>(Type.String({ format: 'date-time' }));
const maybeTime = () => Type.Union([time(), Type.Null()]);

export const Session = Type.Object(
  {
    session_id: Id,
    user_id: Id,
    org_id: Type.Union([Id, Type.Null()], { description: 'The organization through which the person signed in.' }),
    provider_id: Type.Union([Id, Type.Null()], { description: 'The identity provider that vouched for the person.' }),
    login_method: text(),
    amr: Type.Array(Type.String(), { description: 'How the person proved herself (RFC 8176).' }),
    acr: text(),
    auth_time: maybeTime(),
    ip_address: text(),
    user_agent: text(),
    device_info: text(),
    location: text(),
    created_at: time(),
    last_accessed_at: Type.Unsafe<Date>(Type.String({ format: 'date-time', description: 'To the minute.' })),
    idle_expires_at: maybeTime(),
    expires_at: time(),
  },
  { $id: 'Session' },
);
export type Session = Static<typeof Session>;

/** How a sign-in came about; what a session is made of. */
export interface NewSession {
  readonly user_id: string;
  /** The organization that the sign-in went through; null for an account that its person owns. */
  readonly org_id: string | null;
  readonly provider_id?: string | null;
  /** One of the methods of `org_login_methods`. */
  readonly login_method: string;
  /** RFC 8176 names. */
  readonly amr: readonly string[];
  readonly acr: string;
  /** When the person proved herself; now when absent. */
  readonly auth_time?: Date;
  /** SAML SessionIndex and NameID, for single logout. */
  readonly idp_session_index?: string | null;
  readonly name_id?: string | null;
  /** Hash of the browser's device cookie. */
  readonly device_fingerprint?: string | null;
  /** The end that the identity provider set (SessionNotOnOrAfter); ours when that is earlier. */
  readonly not_after?: Date | null;
}

/** Which sessions end: one, all of a person, or those that an identity provider opened. */
export interface SessionsToEnd {
  readonly session_id?: string;
  readonly user_id?: string;
  /** With `user_id`: those that were opened through this organization only. */
  readonly org_id?: string;
  readonly provider_id?: string;
  /** With `provider_id`: the one of this SAML SessionIndex. */
  readonly idp_session_index?: string;
  readonly except_session_id?: string | null;
}

export type EndReason =
  | 'revoked_by_administrator'
  | 'password_changed'
  | 'account_disabled'
  | 'account_deleted'
  | 'account_claimed'
  | 'membership_ended'
  | 'provider_disabled'
  | 'provider_signed_out';

export const sessionCreated = defineEvent('session.created', 'session', 'Somebody signed in.');
export const sessionEnded = defineEvent(
  'session.ended',
  'session',
  'Somebody signed out, or signed in anew in the same browser.',
);
export const sessionRevoked = defineEvent(
  'session.revoked',
  'user',
  'Sessions of a person ended before their time: `session_ids` of the details.',
);

export const readSessions = definePermission('sessions.read', 'See the sessions of accounts.');
export const manageSessions = definePermission('sessions.manage', 'End the sessions of accounts.');
