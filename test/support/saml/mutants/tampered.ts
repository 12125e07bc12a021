/** Changes of a finished message, and the parts of one that they move about. */
import { assertionXml, encodePost, responseXml } from '../messages.ts';
import type { Form, Mutant } from './mutant.ts';

export function tampered(
  id: string,
  name: string,
  code: Mutant['code'],
  tamper: (xml: string, form: Form) => string,
  only?: (form: Form) => boolean,
): Mutant {
  return {
    id,
    name,
    code,
    make: (form) => encodePost(responseXml({ ...form.options, tamper: (xml) => tamper(xml, form) })),
    ...(only ? { only } : {}),
  };
}

export const assertionOf = (xml: string): string => /<saml:Assertion [\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
export const signatureOf = (xml: string): string => /<ds:Signature [\s\S]*?<\/ds:Signature>/.exec(xml)?.[0] ?? '';
export const payload = (xml: string): string =>
  assertionOf(xml) || (/<saml:EncryptedAssertion[\s\S]*<\/saml:EncryptedAssertion>/.exec(xml)?.[0] ?? '');
export const evil = (id = '_evil'): string => assertionXml({ nameId: '<saml:NameID>admin</saml:NameID>' }, id);
export const withoutSignature = (xml: string): string => xml.replace(signatureOf(xml), '');
export const hiddenInfo = (xml: string): string =>
  `<x:x xmlns:x="urn:x">${/<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(xml)?.[0]}</x:x>`;
export const insertInto = (xml: string, closing: string, what: string): string => xml.replace(closing, what + closing);
