/** What one attribute is (RFC 7643 §2.2) and where its value lives. */
import type { LocalTarget } from './mappings.ts';

export type AttributeType =
  | 'string'
  | 'complex'
  | 'boolean'
  | 'binary'
  | 'decimal'
  | 'integer'
  | 'dateTime'
  | 'reference';

/** Where a value is found by SQL. `kept` is a path in `scim_resources.attributes`; `element` a key of one list element. */
export type Home =
  | { at: 'column'; target: LocalTarget }
  | { at: 'expression'; sql: string; type: 'uuid' | 'text' | 'dateTime' }
  | { at: 'kept'; keys: string[] }
  | { at: 'element'; key: string }
  | { at: 'memberships'; side: 'members' | 'groups' }
  | { at: 'schemas' }
  | { at: 'nowhere' };

/** A column that holds one sub-attribute of one element of a multi-valued attribute. */
export interface Overlay {
  conditions: { name: string; value: string | number | boolean }[];
  leaf: string;
  target: LocalTarget;
  /** Without an element that meets the conditions: the primary one, or the first. Only an account's e-mail does this. */
  fallsBack: boolean;
}

export interface Attribute {
  /** as clients spell it, with the URN for extensions */
  path: string;
  name: string;
  urn: string;
  isExtension: boolean;
  type: AttributeType;
  multiValued: boolean;
  caseExact: boolean;
  required: boolean;
  mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  returned: 'always' | 'never' | 'default' | 'request';
  uniqueness: 'none' | 'server' | 'global';
  canonicalValues: string[];
  parent: Attribute | undefined;
  subs: Attribute[];
  home: Home;
  overlays: Overlay[];
}
