/**
 * Ways to forge, twist or overload a SAML response. A mutant says which refusal it must meet; where the message form changes which
 * check meets it first, it says so by form.
 */
import type { RefusalCode } from '../../../../src/federation/saml/codes.ts';
import type { ResponseOptions } from '../../../../src/federation/saml/response.ts';
import type { MessageOptions } from '../messages.ts';

export type FormName =
  | 'assertion signed'
  | 'response signed'
  | 'both signed'
  | 'encrypted, assertion signed'
  | 'encrypted, response signed';
export type Form = {
  name: FormName;
  options: MessageOptions;
  encrypted: boolean;
  responseSigned: boolean;
  assertionSigned: boolean;
};

export const forms: Form[] = [
  {
    name: 'assertion signed',
    options: { sign: 'assertion' },
    encrypted: false,
    responseSigned: false,
    assertionSigned: true,
  },
  {
    name: 'response signed',
    options: { sign: 'response' },
    encrypted: false,
    responseSigned: true,
    assertionSigned: false,
  },
  { name: 'both signed', options: { sign: 'both' }, encrypted: false, responseSigned: true, assertionSigned: true },
  {
    name: 'encrypted, assertion signed',
    options: { sign: 'assertion', encrypt: {} },
    encrypted: true,
    responseSigned: false,
    assertionSigned: true,
  },
  {
    name: 'encrypted, response signed',
    options: { sign: 'response', encrypt: {} },
    encrypted: true,
    responseSigned: true,
    assertionSigned: false,
  },
];

export type Mutant = {
  id: string;
  name: string;
  code: RefusalCode | ((form: Form) => RefusalCode);
  /** The posted field. */
  make: (form: Form) => string;
  only?: (form: Form) => boolean;
  expected?: Partial<ResponseOptions>;
};

export const clear = (form: Form): boolean => !form.encrypted;
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
