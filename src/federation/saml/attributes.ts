// From the attributes of an assertion to the fields of an account. Per connection an administrator may name the attribute of
// any field; where none is named, the presets are tried in their order, and the first that has a value wins.

export type ProfileField = 'email' | 'first_name' | 'last_name' | 'username' | 'display_name' | 'groups';

/** `attribute_mapping` of a connection: field → attribute name or names, in order. Other keys become `custom` fields. */
export type AttributeMapping = Record<string, string | string[]>;

export type Profile = {
  email: string | null;
  first_name: string | null;
  last_name: string | null;
  username: string | null;
  display_name: string | null;
  groups: string[];
  /** Further fields that the mapping names, all their values. */
  custom: Record<string, string[]>;
  /** Which attribute each field came from, for the page that tests a connection. */
  sources: Record<string, string>;
};

const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const microsoft = 'http://schemas.microsoft.com';

/** Names that products send, the field's standard name first. */
export const presets: Record<ProfileField, string[]> = {
  email: [
    `${claims}/emailaddress`,
    'urn:oid:0.9.2342.19200300.100.1.3',
    'mail',
    'email',
    'User.email',
    'Email',
    'emailAddress',
    'user.email',
  ],
  first_name: [
    `${claims}/givenname`,
    'urn:oid:2.5.4.42',
    'firstName',
    'User.FirstName',
    'givenName',
    'first_name',
    'FirstName',
    'user.firstName',
  ],
  last_name: [
    `${claims}/surname`,
    'urn:oid:2.5.4.4',
    'lastName',
    'sn',
    'User.LastName',
    'surname',
    'last_name',
    'LastName',
    'user.lastName',
  ],
  username: [
    `${claims}/upn`,
    `${claims}/name`,
    'urn:oid:0.9.2342.19200300.100.1.1',
    'uid',
    'username',
    'User.Username',
    'login',
  ],
  display_name: [
    `${microsoft}/identity/claims/displayname`,
    'urn:oid:2.16.840.1.113730.3.1.241',
    'displayName',
    'cn',
    'urn:oid:2.5.4.3',
    'name',
  ],
  groups: [
    `${microsoft}/ws/2008/06/identity/claims/groups`,
    'memberOf',
    'groups',
    'Role',
    'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
  ],
};

const maxFieldLength = 320;
const maxGroups = 1_000;

/**
 * The account's fields as an assertion gives them. Names of attributes are compared exactly. An e-mail address must look like
 * one, or it is left out; nothing here says that it is verified: that depends on the organization's domains, not on the IdP.
 */
export function mapAttributes(attributes: Record<string, string[]>, mapping: AttributeMapping = {}): Profile {
  const sources: Record<string, string> = {};
  const values = (field: string, fallback: string[]): string[] => {
    const named = Object.hasOwn(mapping, field) ? mapping[field] : undefined;
    const names = named === undefined ? fallback : typeof named === 'string' ? [named] : named;
    for (const name of names) {
      const found = Object.hasOwn(attributes, name) ? (attributes[name] ?? []).filter((value) => value !== '') : [];
      if (found.length === 0) continue;
      sources[field] = name;
      return found;
    }
    return [];
  };
  const first = (field: Exclude<ProfileField, 'groups'>): string | null => {
    const [value] = values(field, presets[field]);
    return value === undefined ? null : value.slice(0, maxFieldLength);
  };
  const custom = Object.keys(mapping).filter((field) => !Object.hasOwn(presets, field));
  const email = first('email');
  return {
    email: email !== null && isAddress(email) ? email : null,
    first_name: first('first_name'),
    last_name: first('last_name'),
    username: first('username'),
    display_name: first('display_name'),
    groups: [...new Set(values('groups', presets.groups))].slice(0, maxGroups),
    custom: Object.fromEntries(custom.map((field) => [field, values(field, [])])),
    sources,
  };
}

/** One @ between something and a domain, no white space, no control characters, at most 254 characters (RFC 5321 §4.5.3.1.3). */
function isAddress(text: string): boolean {
  return (
    text.length <= 254 &&
    /^[^\s@\p{Cc}<>"(),:;[\]\\]+@[^\s@\p{Cc}<>"(),:;[\]\\.]+(?:\.[^\s@\p{Cc}<>"(),:;[\]\\.]+)*$/u.test(text)
  );
}
