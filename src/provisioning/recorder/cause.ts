/** Why a SCIM request was refused, in words for the administrator of the directory. */

/** What each kind of refusal means; the refusal's own sentence stands before it. */
const byType: Readonly<Record<string, string>> = {
  uniqueness: 'The directory should look the resource up and link to it, or change the value that clashes.',
  invalidFilter: 'The filter could not be read; see RFC 7644 §3.4.2.2 for what filters look like.',
  invalidPath: 'The path of an operation names nothing that this resource has; check the attribute mappings.',
  noTarget: 'The value filter of an operation matches nothing of the resource.',
  invalidValue: 'The directory sent a value that cannot be stored there; check its attribute mappings.',
  invalidSyntax: 'The request does not have the form of a SCIM message.',
  mutability: 'The directory tried to change something that only this server sets.',
  tooMany: 'The filter asks for more than can be answered in time: ask for less.',
  invalidCursor: 'The place in the list is not known any more: the directory must begin the walk again.',
  expiredCursor: 'The directory waited too long between pages and must begin the walk again.',
};

const byStatus: Readonly<Record<number, string>> = {
  401: 'The token is unknown, revoked or expired, or the client is switched off.',
  403: 'A SCIM client may provision people and groups, and nothing else.',
  404: 'There is no such resource in this organization; it may have been deleted here or belong to somebody else.',
  405: 'The address does not know that method.',
  409: 'Something that is there already is in the way.',
  412: 'The resource has changed since the directory read it; it should read it again.',
  413: 'The request is larger than the server accepts; the directory should send less at once.',
  415: 'The body must be application/scim+json or application/json.',
  429: 'The directory asks more often than it may; it should wait as long as Retry-After says.',
  500: 'This is a mistake of the server; its log has more under the request id.',
  501: 'The server does not offer this.',
  503: 'The server could not answer at that moment; nothing was changed, and the directory should try again.',
};

/** @returns null for a request that was served */
export function causeOf(status: number, scimType: string | null, detail: string | null): string | null {
  if (status < 400) return null;
  const meaning = byType[scimType ?? ''] ?? byStatus[status];
  return [detail, meaning].filter((part) => part !== null && part !== undefined && part !== '').join(' ') || null;
}
