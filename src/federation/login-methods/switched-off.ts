/**
 * Whether an organization switched a way of signing in off, as SQL: where a row is written only if it may be, the question has to be
 * asked by the statement that writes, or the switch could come in between (checklist FD-03). A read, also for the rooms above.
 */

/** @param method one that this version has: allowed where nothing was said of it @param org_id the column that says of which organization */
export const isSwitchedOff = (method: 'password' | 'saml', org_id: string): string =>
  `exists (select from org_login_methods m where m.org_id = ${org_id} and m.method = '${method}' and not m.enabled)`;
