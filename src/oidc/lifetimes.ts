/** How long things live, in seconds. */

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

export const lifetimes = {
  /** RFC 6749 §4.1.2 recommends at most ten minutes; checklist OA-05 at most one. */
  authorizationCode: minute,
  /** Opaque tokens are asked about at each use, so that they end at once whatever their life is. */
  opaqueAccessToken: hour,
  /** Nothing can call a JWT back (RFC 9068): it must die soon. */
  jwtAccessToken: 10 * minute,
  /** Tokens for our own REST API, and those that applications get for themselves and name no API. */
  apiAccessToken: 10 * minute,
  idToken: hour,
  /** An interaction is a person in front of a page. */
  interaction: hour,
  /** Unused for so long, a refresh token dies … */
  refreshIdle: 14 * day,
  /** … and used or not, so long after the code that it comes from (TK-07, RT-05). */
  refreshAbsolute: 90 * day,
  /** What a person granted is remembered until it is taken back; it must outlive every refresh token. */
  grant: 3650 * day,
  /** The browser's single sign-on; the row of `sessions` behind it has its own, shorter limits. */
  session: 14 * day,
  sessionAbsolute: 30 * day,
  /** A session in which nobody has signed in yet. */
  emptySession: 10 * minute,
} as const;
