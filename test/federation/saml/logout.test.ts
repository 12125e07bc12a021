/**
 * Logout messages by both bindings: what is believed, and by which code the rest is refused. Over 300 lines because every check is
 * made for both.
 */
import { sign } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { type LogoutExpectations, type LogoutInput, verifyLogout } from '../../../src/federation/saml/logout.ts';
import { sameNameId } from '../../../src/federation/saml/name-id.ts';
import { createLogoutRequest, createLogoutResponse } from '../../../src/federation/saml/logout-messages.ts';
import type { Outgoing } from '../../../src/federation/saml/request.ts';
import { type Pair, keys } from '../../support/saml/keys.ts';
import { leastCost } from '../../support/effort.ts';
import { encryptAssertion } from '../../support/saml/encrypt.ts';
import { acsUrl, at, encodePost, idpEntityId, now, spEntityId } from '../../support/saml/messages.ts';
import { type SignOptions, signElement, uri } from '../../support/saml/sign.ts';

const sloUrl = 'https://id.lintel.example/saml/0198/slo';
const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const declarations =
  'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"';

function requestXml(
  o: {
    issuer?: string;
    destination?: string;
    nameId?: string;
    issueInstant?: string;
    notOnOrAfter?: string;
    extensions?: string;
  } = {},
): string {
  return (
    `<samlp:LogoutRequest ${declarations} ID="_l1" Version="2.0" IssueInstant="${o.issueInstant ?? at(-2)}"${o.notOnOrAfter ? ` NotOnOrAfter="${o.notOnOrAfter}"` : ''} Destination="${o.destination ?? sloUrl}">` +
    `<saml:Issuer>${o.issuer ?? idpEntityId}</saml:Issuer>${o.extensions ?? ''}${o.nameId ?? `<saml:NameID Format="${persistent}" SPNameQualifier="${spEntityId}">u-4711</saml:NameID>`}` +
    '<samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>'
  );
}

function responseXml(inResponseTo = '_q9', status = 'Success'): string {
  return `<samlp:LogoutResponse ${declarations} ID="_l2" Version="2.0" IssueInstant="${at(-2)}" Destination="${sloUrl}" InResponseTo="${inResponseTo}"><saml:Issuer>${idpEntityId}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${status}"/></samlp:Status></samlp:LogoutResponse>`;
}

const signed = (xml: string, options: Partial<SignOptions> = {}): string =>
  signElement(xml, /ID="(\w+)"/.exec(xml)?.[1] ?? '', {
    privateKey: keys.idp().privateKey,
    certificate: keys.idp().certificate,
    ...options,
  });

type RedirectOptions = {
  pair?: Pair;
  algorithm?: string;
  hash?: string;
  lowerCase?: boolean;
  relayState?: string;
  parameter?: string;
};

/** A signed redirect query; `lowerCase` writes its percent escapes as AD FS does, before signing. */
function query(xml: string, o: RedirectOptions = {}): string {
  const encode = (text: string): string => {
    const encoded = encodeURIComponent(text);
    return o.lowerCase ? encoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()) : encoded;
  };
  const relay = o.relayState === undefined ? '' : `&RelayState=${encode(o.relayState)}`;
  const octets = `${o.parameter ?? 'SAMLRequest'}=${encode(deflateRawSync(xml).toString('base64'))}${relay}&SigAlg=${encode(o.algorithm ?? uri.rsaSha256)}`;
  return `${octets}&Signature=${encode(sign(o.hash ?? 'sha256', Buffer.from(octets), (o.pair ?? keys.idp()).privateKey).toString('base64'))}`;
}

const expected = (changes: Partial<LogoutExpectations> = {}): LogoutExpectations => ({
  idpEntityId,
  sloUrl,
  certificates: [keys.idp().certificate],
  now,
  ...changes,
});

function verdict(input: LogoutInput, changes: Partial<LogoutExpectations> = {}): string {
  const result = verifyLogout(input, expected(changes));
  return result.ok ? 'accepted' : result.code;
}
const byPost = (xml: string, kind: 'request' | 'response' = 'request'): LogoutInput => ({
  binding: 'post',
  kind,
  field: encodePost(xml),
});
const byRedirect = (text: string): LogoutInput => ({ binding: 'redirect', query: text });

describe('single logout', () => {
  describe('what comes in', () => {
    it('SA-14: reads a signed request by POST', () => {
      const result = verifyLogout(byPost(signed(requestXml())), expected());
      expect(result.ok && result.message).to.deep.equal({
        kind: 'request',
        id: '_l1',
        relay_state: null,
        name_id: 'u-4711',
        name_id_format: persistent,
        name_qualifier: null,
        sp_name_qualifier: spEntityId,
        session_indexes: ['_s1'],
      });
    });

    it('SA-14: reads a signed request by redirect, with upper-case and with lower-case escapes', () => {
      for (const lowerCase of [false, true]) {
        const result = verifyLogout(byRedirect(query(requestXml(), { lowerCase, relayState: 'a b/+=é' })), expected());
        expect(result.ok && result.message).to.deep.include({
          kind: 'request',
          name_id: 'u-4711',
          relay_state: 'a b/+=é',
        });
      }
    });

    it('SA-14: reads a redirect whose parameters come in another order, or with the name of their encoding', () => {
      const parts = query(requestXml(), { relayState: 'r' }).split('&');
      const deflate = encodeURIComponent('urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE');
      expect(verdict(byRedirect([...parts].reverse().join('&')))).to.equal('accepted');
      expect(verdict(byRedirect(`${parts.join('&')}&SAMLEncoding=${deflate}&other=1`))).to.equal('accepted');
    });

    it('reads responses by both bindings, and whether all went well', () => {
      const good = verifyLogout(byPost(signed(responseXml()), 'response'), expected({ requestIds: ['_q9'] }));
      expect(good.ok && good.message).to.deep.include({ kind: 'response', in_response_to: '_q9', success: true });
      const partial = verifyLogout(
        byRedirect(query(responseXml('_q9', 'Responder'), { parameter: 'SAMLResponse' })),
        expected(),
      );
      expect(partial.ok && partial.message).to.deep.include({ kind: 'response', success: false });
    });

    const good = query(requestXml(), { relayState: 'r' });
    const cases: [string, string, () => LogoutInput, Partial<LogoutExpectations>?][] = [
      ['an unsigned request by POST', 'signature.missing', () => byPost(requestXml())],
      ['an unsigned request by redirect', 'signature.missing', () => byRedirect(good.replace(/&SigAlg=.*/, ''))],
      ['a redirect without its signature', 'signature.missing', () => byRedirect(good.replace(/&Signature=.*/, ''))],
      [
        'a signature by another key, by POST',
        'signature.invalid',
        () => byPost(signed(requestXml(), { privateKey: keys.attacker().privateKey })),
      ],
      [
        'a signature by another key, by redirect',
        'signature.invalid',
        () => byRedirect(query(requestXml(), { pair: keys.attacker() })),
      ],
      [
        'SHA-1 by redirect',
        'signature.algorithm',
        () => byRedirect(query(requestXml(), { algorithm: uri.rsaSha1, hash: 'sha1' })),
      ],
      ['SHA-1 by POST', 'signature.algorithm', () => byPost(signed(requestXml(), { method: uri.rsaSha1 }))],
      [
        'a RelayState changed after signing',
        'signature.invalid',
        () => byRedirect(good.replace('RelayState=r', 'RelayState=x')),
      ],
      ['a RelayState taken away', 'signature.invalid', () => byRedirect(good.replace('&RelayState=r', ''))],
      [
        'a message changed after signing',
        'signature.invalid',
        () =>
          byRedirect(
            good.replace(
              /SAMLRequest=[^&]+/,
              `SAMLRequest=${encodeURIComponent(deflateRawSync(requestXml({ nameId: '<saml:NameID>admin</saml:NameID>' })).toString('base64'))}`,
            ),
          ),
      ],
      ['a parameter given twice', 'message.structure', () => byRedirect(`${good}&SAMLRequest=x`)],
      ['a request and a response at once', 'message.structure', () => byRedirect(`${good}&SAMLResponse=x`)],
      ...['RelayState=r', 'SigAlg=x', 'Signature=AAAA', 'SAMLEncoding=x&SAMLEncoding=x'].map(
        (again): [string, string, () => LogoutInput] => [
          `a parameter given twice (${again})`,
          'message.structure',
          () => byRedirect(`${good}&${again}`),
        ],
      ),
      [
        'a signature over the parameters in another order',
        'signature.invalid',
        () => {
          const [message, relay, algorithm] = good.split('&');
          const octets = [relay, message, algorithm].join('&');
          const value = sign('sha256', Buffer.from(octets), keys.idp().privateKey).toString('base64');
          return byRedirect(`${octets}&Signature=${encodeURIComponent(value)}`);
        },
      ],
      ['an empty signature', 'signature.structure', () => byRedirect(good.replace(/&Signature=.*/, '&Signature='))],
      [
        'another algorithm than was signed',
        'signature.invalid',
        () => byRedirect(good.replace(/SigAlg=[^&]+/, `SigAlg=${encodeURIComponent(uri.rsaSha512)}`)),
      ],
      [
        'an algorithm that is not part of what was signed',
        'signature.invalid',
        () => {
          const octets = good.replace(/&SigAlg=.*/, '');
          const value = sign('sha256', Buffer.from(octets), keys.idp().privateKey).toString('base64');
          return byRedirect(
            `${octets}&SigAlg=${encodeURIComponent(uri.rsaSha256)}&Signature=${encodeURIComponent(value)}`,
          );
        },
      ],
      [
        'a name with an escape in it',
        'message.structure',
        () => byRedirect(good.replace('SAMLRequest=', 'SAML%52equest=')),
      ],
      [
        'the URL-safe alphabet',
        'message.encoding',
        () =>
          byRedirect(
            good.replace(
              /SAMLRequest=[^&]+/,
              `SAMLRequest=${deflateRawSync(requestXml()).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}-_`,
            ),
          ),
      ],
      [
        'more after the end of the deflated message, which nobody signed',
        'signature.invalid',
        () =>
          byRedirect(
            good.replace(
              /SAMLRequest=[^&]+/,
              `SAMLRequest=${encodeURIComponent(Buffer.concat([deflateRawSync(requestXml()), Buffer.from('more')]).toString('base64'))}`,
            ),
          ),
      ],
      ['no message', 'message.structure', () => byRedirect('RelayState=r')],
      ['another encoding', 'message.encoding', () => byRedirect(`${good}&SAMLEncoding=urn:x`)],
      ['a broken escape', 'message.encoding', () => byRedirect(good.replace(/SAMLRequest=[^&]+/, 'SAMLRequest=%zz'))],
      [
        'a parameter that inflates to 200 MB',
        'message.too_large',
        () =>
          byRedirect(
            `SAMLRequest=${encodeURIComponent(deflateRawSync(Buffer.alloc(40 << 20)).toString('base64'))}&SigAlg=x&Signature=AAAA`,
          ),
      ],
      [
        'a parameter over 64 KiB',
        'message.too_large',
        () => byRedirect(`SAMLRequest=${'A'.repeat(70_000)}&SigAlg=x&Signature=AAAA`),
      ],
      ['a response called a request', 'message.structure', () => byPost(signed(responseXml()))],
      [
        'a login response in its place',
        'message.structure',
        () =>
          byPost(
            `<samlp:Response ${declarations} ID="_r" Version="2.0" IssueInstant="${at(0)}"><samlp:Status><samlp:StatusCode Value="x"/></samlp:Status></samlp:Response>`,
            'response',
          ),
      ],
      [
        'a wrapped request: the signed one in Extensions of a forged one',
        'message.structure',
        () =>
          byPost(
            requestXml({
              nameId: '<saml:NameID>admin</saml:NameID>',
              extensions: `<samlp:Extensions><x:x xmlns:x="urn:x">${signed(requestXml().replace('_l1', '_l0'))}</x:x></samlp:Extensions>`,
            }).replace(
              '</saml:Issuer>',
              `</saml:Issuer>${/<ds:Signature [\s\S]*<\/ds:Signature>/.exec(signed(requestXml()))?.[0]}`,
            ),
          ),
      ],
      [
        'a signature over another id',
        'signature.reference',
        () => byPost(signed(requestXml()).replace('ID="_l1"', 'ID="_l7"')),
      ],
      ['a signed value changed', 'signature.digest', () => byPost(signed(requestXml()).replace('u-4711', 'admin'))],
      [
        'a comment in the NameID',
        'message.comment',
        () => byPost(signed(requestXml()).replace('u-4711', 'u<!-- -->-4711')),
      ],
      ['an XML signature inside a redirect', 'signature.place', () => byRedirect(query(signed(requestXml())))],
      ['another issuer', 'issuer', () => byPost(signed(requestXml({ issuer: 'https://other.example/' })))],
      ['another destination', 'destination', () => byPost(signed(requestXml({ destination: acsUrl })))],
      ['an old request', 'issue_instant', () => byPost(signed(requestXml({ issueInstant: at(-900) })))],
      ['an expired request', 'expired', () => byPost(signed(requestXml({ notOnOrAfter: at(-200) })))],
      [
        'a request that expires at this very moment',
        'expired',
        () => byPost(signed(requestXml({ notOnOrAfter: at(-180) }))),
      ],
      ['a request from the future', 'not_yet_valid', () => byPost(signed(requestXml({ issueInstant: at(182) })))],
      ['no destination', 'destination', () => byPost(signed(requestXml().replace(/ Destination="[^"]+"/, '')))],
      [
        'a destination with a slash at its end',
        'destination',
        () => byPost(signed(requestXml({ destination: `${sloUrl}/` }))),
      ],
      ['SAML 1.1', 'message.version', () => byPost(signed(requestXml().replace('"2.0"', '"1.1"')))],
      ['no NameID', 'message.schema', () => byPost(signed(requestXml({ nameId: ' ' })))],
      [
        'a NameID that is encrypted by itself',
        'name_id.encrypted',
        () =>
          byPost(
            signed(
              requestXml({
                nameId: encryptAssertion('<saml:NameID>x</saml:NameID>', {
                  certificate: keys.sp().certificate,
                }).replaceAll('saml:EncryptedAssertion', 'saml:EncryptedID'),
              }),
            ),
          ),
      ],
      [
        'an empty SessionIndex, which would name no session',
        'logout.session_index',
        () => byPost(signed(requestXml().replace('>_s1<', '> <'))),
      ],
      [
        'a second SignedInfo inside KeyInfo',
        'signature.structure',
        () =>
          byPost(
            signed(requestXml()).replace(
              '<ds:KeyInfo>',
              `<ds:KeyInfo><x:x xmlns:x="urn:x">${/<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(signed(requestXml()))?.[0]}</x:x>`,
            ),
          ),
      ],
      [
        'a second signature, in Extensions',
        'signature.place',
        () => {
          const stray = /<ds:Signature [\s\S]*<\/ds:Signature>/.exec(signed(requestXml()))?.[0];
          return byPost(signed(requestXml({ extensions: `<samlp:Extensions>${stray}</samlp:Extensions>` })));
        },
      ],
      ['an empty NameID', 'name_id', () => byPost(signed(requestXml({ nameId: '<saml:NameID/>' })))],
      [
        'a response to nothing of ours',
        'in_response_to',
        () => byPost(signed(responseXml('_other')), 'response'),
        { requestIds: ['_q9'] },
      ],
    ];
    for (const [name, code, input, changes] of cases) {
      it(`SA-14: refuses ${name}: ${code}`, () => expect(verdict(input(), changes)).to.equal(code));
    }

    it('SA-10: refuses an inflate bomb at once, and keeps the memory', () => {
      const bomb = byRedirect(
        `SAMLRequest=${encodeURIComponent(deflateRawSync(Buffer.alloc(45 << 20)).toString('base64'))}&SigAlg=x&Signature=AAAA`,
      );
      const refuse = () => {
        for (let i = 0; i < 20; i += 1) expect(verdict(bomb)).to.equal('message.too_large');
      };
      const { milliseconds, resident } = leastCost(refuse, { milliseconds: 2000, resident: 60 << 20 });
      expect(milliseconds / 20).to.be.below(100);
      expect(resident).to.be.below(60 << 20);
    });
  });

  it('SA-14: a NameID is the same only with format and both qualifiers, absent ones meaning the two parties', () => {
    const parties = { idpEntityId, spEntityId };
    const one = { name_id: 'u', name_id_format: persistent, name_qualifier: null, sp_name_qualifier: null };
    expect(sameNameId(one, { ...one, name_qualifier: idpEntityId, sp_name_qualifier: spEntityId }, parties)).to.equal(
      true,
    );
    expect(sameNameId(one, { ...one, name_qualifier: 'x' }, parties)).to.equal(false);
    expect(sameNameId(one, { ...one, sp_name_qualifier: 'x' }, parties)).to.equal(false);
    expect(sameNameId(one, { ...one, name_id: 'U' }, parties)).to.equal(false);
    expect(sameNameId(one, { ...one, name_id_format: null }, parties)).to.equal(false);
    expect(sameNameId({ ...one, name_id: null }, { ...one, name_id: null }, parties)).to.equal(false);
  });

  describe('what goes out', () => {
    const serviceProvider = { entityId: spEntityId, acsUrl, sloUrl, current: keys.sp() };
    const ours = { idpEntityId: spEntityId, sloUrl: 'https://idp.example/slo', certificates: [keys.sp().certificate] };
    const incoming = (made: Outgoing, kind: 'request' | 'response'): LogoutInput =>
      made.method === 'redirect'
        ? byRedirect(made.url.slice(made.url.indexOf('?') + 1))
        : {
            binding: 'post',
            kind,
            field: (kind === 'request' ? made.fields.SAMLRequest : made.fields.SAMLResponse) ?? '',
          };
    const nameId = {
      name_id: 'ü & <x> {Issuer}',
      name_id_format: persistent,
      name_qualifier: 'nq',
      sp_name_qualifier: 'sq"',
    };

    for (const kind of ['redirect', 'post'] as const) {
      const parties = { serviceProvider, idpEntityId, endpoint: { binding: kind, location: ours.sloUrl }, now };

      it(`SA-14: a request by ${kind} is signed and names the person with all qualifiers`, () => {
        const made = createLogoutRequest({ ...parties, nameId, sessionIndex: '_s"1', relayState: 'handle' });
        const result = verifyLogout(incoming(made, 'request'), expected(ours));
        if (!result.ok) throw new Error(JSON.stringify(result.checks.at(-1)));
        expect(result.message).to.deep.include({ kind: 'request', id: made.id, ...nameId, session_indexes: ['_s"1'] });
        if (kind === 'redirect') expect(result.message.relay_state).to.equal('handle');
      });

      it(`a response by ${kind} is signed and tells success or a partial logout`, () => {
        for (const success of [true, false]) {
          const made = createLogoutResponse({ ...parties, inResponseTo: '_l1', success });
          const result = verifyLogout(incoming(made, 'response'), expected({ ...ours, requestIds: ['_l1'] }));
          if (!result.ok) throw new Error(JSON.stringify(result.checks.at(-1)));
          expect(result.message).to.deep.include({ kind: 'response', success, in_response_to: '_l1' });
        }
      });
    }

    it('a response goes to the ResponseLocation where there is one', () => {
      const endpoint = {
        binding: 'post' as const,
        location: ours.sloUrl,
        response_location: 'https://idp.example/slo/return',
      };
      expect(
        createLogoutResponse({ serviceProvider, idpEntityId, endpoint, now, inResponseTo: '_l1', success: true }),
      ).to.have.property('url', endpoint.response_location);
    });
  });
});
