/** One of two signatures wrong, and signatures over other things. */
import { keys } from '../keys.ts';
import { assertionXml, encodePost, responseXml } from '../messages.ts';
import { buildSignature, canonicalElement, signElement } from '../sign.ts';
import { base64, type Mutant } from './mutant.ts';
import { attacker } from './signatures.ts';

export const pairMutants: Mutant[] = [
  {
    id: 'SA-04',
    name: 'a good response signature over an assertion signed by another',
    code: 'signature.invalid',
    only: (form) => form.responseSigned,
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'both', assertionSignature: attacker() })),
  },
  {
    id: 'SA-04',
    name: 'a good assertion signature in a response signed by another',
    code: 'signature.invalid',
    only: (form) => form.assertionSigned,
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'both', responseSignature: attacker() })),
  },
  {
    id: 'SA-01',
    name: 'a signature that covers only the Subject',
    code: (form) => (form.encrypted ? 'encrypted' : 'message.schema'),
    make: (form) => {
      const subject = assertionXml().match(/<saml:Subject>[\s\S]*<\/saml:Subject>/)?.[0] ?? '';
      const withId = subject.replace(
        '<saml:Subject>',
        '<saml:Subject xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_sub">',
      );
      const digest = canonicalElement(withId, '_sub');
      const stray = buildSignature(base64(digest).slice(0, 44), '#_sub', { privateKey: keys.idp().privateKey });
      return encodePost(
        responseXml({
          ...form.options,
          sign: 'none',
          tamperAssertion: (xml) => xml.replace(subject, withId.replace('</saml:Subject>', `${stray}</saml:Subject>`)),
        }),
      );
    },
  },
  {
    id: 'SA-01',
    name: 'a signed assertion of another message, its signature intact, in a repeated id',
    code: (form) => (form.encrypted ? 'signature.missing' : 'message.structure'),
    make: (form) => {
      const signed = signElement(assertionXml({}, '_a2'), '_a2', { privateKey: keys.idp().privateKey });
      return encodePost(responseXml({ ...form.options, sign: 'none', ...(form.encrypted ? {} : { trailer: signed }) }));
    },
  },
  {
    id: 'SA-01',
    name: 'nothing signed',
    code: 'signature.missing',
    make: (form) => encodePost(responseXml({ ...form.options, sign: 'none' })),
  },
];
