/** The SAML door: messages that are large, deep, wide, compressed, or signed for the sake of the work. */
import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { attribute, encodePost, responseXml } from '../support/saml/messages.ts';
import { type Attack, attack, form } from './attack.ts';
import { fill } from './bodies.ts';
import type { LoadStage } from './stage.ts';

export function samlAttacks(stage: LoadStage): Attack[] {
  const { provider, send } = stage;
  const acs = `/saml/${provider.provider_id}/acs`;
  const slo = `/saml/${provider.provider_id}/slo`;
  const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const facts = () => ({
    responseId: `_r${randomBytes(12).toString('hex')}`,
    assertionId: `_a${randomBytes(12).toString('hex')}`,
    issueInstant: soon(-2),
    assertionIssueInstant: soon(-2),
    notBefore: soon(-60),
    notOnOrAfter: soon(300),
    confirmationNotOnOrAfter: soon(300),
    authnInstant: soon(-5),
    destination: provider.acs_url,
    recipient: provider.acs_url,
    audience: `${provider.acs_url.replace(/acs$/, 'metadata')}`,
    issuer: provider.idp,
    responseIssuer: provider.idp,
    inResponseTo: '_q1',
  });
  const bodies: Record<string, () => string> = {
    '500 attributes of 400 bytes, rightly signed': () =>
      encodePost(
        responseXml({
          ...facts(),
          attributes: `<saml:AttributeStatement>${Array.from({ length: 500 }, (_, i) => attribute(`name${i}`, ['x'.repeat(350)])).join('')}</saml:AttributeStatement>`,
        }),
      ),
    '19,000 values, rightly signed': () =>
      encodePost(
        responseXml({
          ...facts(),
          attributes: `<saml:AttributeStatement>${attribute(
            'groups',
            Array.from({ length: 4_500 }, () => 'g'),
          )}</saml:AttributeStatement>`,
        }),
      ),
    'a tree of 19,900 elements': () =>
      encodePost(
        responseXml({ ...facts(), extensions: `<samlp:Extensions>${'<a/>'.repeat(19_900)}</samlp:Extensions>` }),
      ),
    'a tree 63 deep, many times': () =>
      encodePost(
        responseXml({
          ...facts(),
          extensions: `<samlp:Extensions>${`${'<a>'.repeat(58)}${'</a>'.repeat(58)}`.repeat(300)}</samlp:Extensions>`,
        }),
      ),
    'namespaces 4,000': () =>
      encodePost(
        responseXml({
          ...facts(),
          extensions: `<samlp:Extensions>${Array.from({ length: 66 }, (_, i) => `<a ${Array.from({ length: 60 }, (__, j) => `xmlns:p${i}x${j}="urn:x"`).join(' ')}/>`).join('')}</samlp:Extensions>`,
        }),
      ),
    'signatures 200': () => {
      const xml = responseXml(facts());
      const signature = /<(?:ds:)?Signature[\s>][\s\S]*?<\/(?:ds:)?Signature>/.exec(xml)?.[0] ?? '';
      return encodePost(xml.replace(signature, signature.repeat(100)));
    },
    'transforms 2,000': () => {
      const xml = responseXml(facts());
      return encodePost(
        xml.replace(
          /<(ds:)?Transforms>/,
          (all) =>
            `${all}${'<ds:Transform xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'.repeat(1_500)}`,
        ),
      );
    },
    'deeper than is read': () => encodePost(`<a>`.repeat(80_000)),
    entities: () =>
      encodePost(`<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>${' '.repeat(200_000)}`),
    'no XML': () => 'A'.repeat(340_000),
    'no base64': () => '%25'.repeat(100_000),
    'attributes without end': () => encodePost(`<a ${fill('b="" ', 200_000)}`),
    angles: () => encodePost('<'.repeat(256 * 1024)),
    'an attribute value of 250 KB': () =>
      encodePost(
        responseXml({ ...facts(), extensions: `<samlp:Extensions><a b="${'x'.repeat(180_000)}"/></samlp:Extensions>` }),
      ),
    'references to characters': () =>
      encodePost(
        responseXml({ ...facts(), extensions: `<samlp:Extensions>${'&#65;'.repeat(35_000)}</samlp:Extensions>` }),
      ),
  };
  const post = (path: string, field: string) =>
    send(path, {
      method: 'POST',
      headers: { 'content-type': form },
      body: new URLSearchParams({ SAMLResponse: field, RelayState: 'x' }),
    });
  const bomb = (size: number) =>
    encodeURIComponent(deflateRawSync(Buffer.alloc(size, 'a'), { level: 9 }).toString('base64').slice(0, 15_000));
  return [
    ...Object.entries(bodies).map(
      ([what, field]): Attack => attack(`ACS: ${what} (SA-10)`, [400, 403, 413, 503], () => post(acs, field())),
    ),
    attack('ACS: 10,000 fields', [400, 413], () =>
      send(acs, { method: 'POST', headers: { 'content-type': form }, body: fill('a=1&', 500_000) }),
    ),
    attack('ACS: 512 KiB of percent signs', [400, 403, 413], () =>
      send(acs, { method: 'POST', headers: { 'content-type': form }, body: `SAMLResponse=${fill('%41', 520_000)}` }),
    ),
    attack('ACS: brackets', [400, 403, 413], () =>
      send(acs, { method: 'POST', headers: { 'content-type': form }, body: fill('a[]=1&', 500_000) }),
    ),
    attack('SLO: 1 MiB inflated', [400], () => send(`${slo}?SAMLRequest=${bomb(1_000_000)}`)),
    attack('SLO: 10 MiB inflated', [400], () => send(`${slo}?SAMLRequest=${bomb(10_000_000)}`)),
    attack('SLO: posted 256 KiB', [400], () =>
      send(slo, {
        method: 'POST',
        headers: { 'content-type': form },
        body: new URLSearchParams({ SAMLRequest: encodePost(`<a>${'<b/>'.repeat(19_000)}</a>`) }),
      }),
    ),
    attack('SLO: 10,000 parameters', [400], () => send(`${slo}?${fill('SAMLRequest=1&', 15_000)}`)),
  ];
}
