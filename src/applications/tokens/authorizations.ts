/**
 * What the provider's session notes of the applications that were authorized in it: `sid`, `grantId` and the like, by `client_id`.
 * Tabs of one browser authorize at the same moment, each with the session as it read it, and a token that is bound to the session
 * lives by its note there: so a request writes what it changed, never the whole (test/races/sessions.pg.test.ts).
 */

type Note = Readonly<Record<string, unknown>>;
export type Authorizations = Readonly<Record<string, Note>>;

export interface AuthorizationChanges {
  /** Of each application what is new or otherwise. */
  readonly changed: Authorizations;
  /** Applications that are noted no more. */
  readonly gone: readonly string[];
}

/** What a request made of what it found. */
export function authorizationChanges(before: Authorizations, after: Authorizations): AuthorizationChanges {
  const changed: Record<string, Note> = {};
  for (const [client_id, note] of Object.entries(after)) {
    const old = Object.hasOwn(before, client_id) ? before[client_id] : undefined;
    const differs = Object.entries(note).filter(([name, value]) => value !== old?.[name]);
    if (old === undefined || differs.length > 0) changed[client_id] = Object.fromEntries(differs);
  }
  return { changed, gone: Object.keys(before).filter((client_id) => !Object.hasOwn(after, client_id)) };
}

/** The notes of a row `p` of `oidc_sessions` with such changes, as SQL. @param gone, changed placeholders: `text[]` and `jsonb` */
export const withChanges = (p: string, gone: string, changed: string): string =>
  `(coalesce(${p}.payload->'authorizations', '{}') - ${gone}::text[]) || (
     select coalesce(jsonb_object_agg(key, coalesce(${p}.payload->'authorizations'->key, '{}') || value), '{}')
     from jsonb_each(${changed}::jsonb))`;
