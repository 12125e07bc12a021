/** The faults of rooms and base as SCIM errors (RFC 7644 §3.12). Says nothing of our insides, nor of whoever is in the way (SC-05). */
import type { Fault } from '../core/fault.ts';
import type { FaultCode } from '../core/faults.ts';
import { invalidSyntax, invalidValue, notFound, notUnique, ScimFault } from './errors.ts';
import type { Registry } from './registry.ts';

const taken: Partial<Record<FaultCode, string>> = {
  email_taken: 'e-mail address',
  username_taken: 'userName',
  group_name_taken: 'displayName',
  group_slug_taken: 'displayName',
  external_id_taken: 'externalId',
};

const wrong: Partial<Record<FaultCode, string>> = {
  email_invalid: 'emails',
  username_invalid: 'userName',
  identifier_missing: 'userName',
  password_malformed: 'password',
  password_too_short: 'password',
  password_too_common: 'password',
};

/** @param registry of the resource that the request is about: it names columns as the directory does */
export function toScimFault(fault: Fault, registry?: Registry): ScimFault {
  const { code, status, says, detail } = fault;
  const attribute = taken[code];
  if (attribute !== undefined) return notUnique(attribute);
  const about = wrong[code];
  if (about !== undefined) return invalidValue(`${about}: ${detail ?? says}`);
  switch (code) {
    case 'request_invalid':
      return invalidValue(tellFields(fault, registry));
    case 'member_unknown':
      return invalidValue(
        'members: a value is not the id of a user of this organization (groups within groups are not offered).',
      );
    case 'body_malformed':
      return invalidSyntax(detail ?? says);
    case 'not_found':
      return notFound();
    default:
      return new ScimFault(status, undefined, detail ?? says, headersOf(fault));
  }
}

function headersOf({ status, retryAfter }: Fault): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="lintel"' };
  if (retryAfter === undefined && status !== 429 && status !== 503) return {};
  return { 'retry-after': String(Math.ceil(retryAfter ?? 2)) };
}

/** `/body/first_name has more than 256 characters` → `name.givenName has more than 256 characters`. */
function tellFields({ errors, detail, says }: Fault, registry: Registry | undefined): string {
  const told = (errors ?? []).slice(0, 5).map((error) => {
    const column = error.pointer.split('/').at(-1) ?? '';
    const mapping = registry?.mappings.find(({ target }) => 'column' in target && target.column === column);
    return `${mapping?.attribute.path ?? column} ${error.detail}.`;
  });
  return told.length > 0 ? told.join(' ') : (detail ?? says);
}
