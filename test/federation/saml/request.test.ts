import { verify } from 'node:crypto';
import { expect } from 'chai';
import { decodePost, decodeRedirect } from '../../../src/federation/saml/decode.ts';
import { parseMessage } from '../../../src/federation/saml/parse.ts';
import {
  type AuthnRequest,
  type AuthnRequestOptions,
  createAuthnRequest,
} from '../../../src/federation/saml/request.ts';
import { verificationKeys, verifyEnveloped } from '../../../src/federation/saml/signature.ts';
import { attributeOf, childrenNamed, elementsOf, plainText } from '../../../src/federation/saml/tree.ts';
import { keys } from '../../support/saml/keys.ts';
import { acsUrl, idpEntityId, now, spEntityId } from '../../support/saml/messages.ts';

const redirect = { binding: 'redirect', location: 'https://idp.example/sso?tenant=a%20b&x=1' } as const;
const post = { binding: 'post', location: 'https://idp.example/sso' } as const;

function request(changes: Partial<AuthnRequestOptions> = {}): AuthnRequest {
  const serviceProvider = { entityId: spEntityId, acsUrl, sloUrl: `${acsUrl}/slo`, current: keys.sp() };
  return createAuthnRequest({ serviceProvider, idpEntityId, endpoint: redirect, now, sign: true, ...changes });
}

function xmlOf(made: AuthnRequest): string {
  if (made.method === 'post') return decodePost(made.fields.SAMLRequest ?? '');
  return decodeRedirect(new URL(made.url).searchParams.get('SAMLRequest') ?? '');
}

function parsed(made: AuthnRequest) {
  const { document, tree } = parseMessage(xmlOf(made));
  document.dispose();
  return tree;
}

describe('createAuthnRequest', () => {
  it('follows the schema, names us and the address it goes to, and begins its id with an underscore', () => {
    const made = request();
    const tree = parsed(made);
    expect(tree.name).to.equal('AuthnRequest');
    expect(Object.fromEntries(tree.attributes.map((a) => [a.name, a.value]))).to.deep.equal({
      ID: made.id,
      Version: '2.0',
      IssueInstant: '2026-11-20T12:00:00Z',
      Destination: redirect.location,
      ProtocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
      AssertionConsumerServiceURL: acsUrl,
    });
    expect(made.id).to.match(/^_[0-9a-f]{40}$/);
    expect(plainText(elementsOf(tree)[0] as never)).to.equal(spEntityId);
  });

  it('keeps the query of a sign-on URL', () => {
    const made = request();
    expect(made.url).to.match(/^https:\/\/idp\.example\/sso\?tenant=a%20b&x=1&SAMLRequest=/);
  });

  it('SA-09: gives a random handle as RelayState, within 80 bytes, never an address', () => {
    const handles = Array.from({ length: 20 }, () => request({ sign: false }).relayState);
    expect(new Set(handles).size).to.equal(20);
    for (const handle of handles) expect(handle).to.match(/^[A-Za-z0-9_-]{43}$/);
  });

  it('signs the redirect over the bytes that are sent', () => {
    const made = request();
    const query = made.url.slice(made.url.indexOf('SAMLRequest='));
    const [signed = '', signature = ''] = query.split('&Signature=');
    expect(signed.split('&').map((part) => part.split('=')[0])).to.deep.equal(['SAMLRequest', 'RelayState', 'SigAlg']);
    expect(
      verify('sha256', Buffer.from(signed), keys.sp().publicKey, Buffer.from(decodeURIComponent(signature), 'base64')),
    ).to.equal(true);
  });

  it('signs the POST form in the one place that SAML has for it', () => {
    const made = request({ endpoint: post });
    const { document } = parseMessage(xmlOf(made));
    const signed = verifyEnveloped(document.root, verificationKeys([keys.sp().certificate]));
    document.dispose();
    expect(attributeOf(signed.tree, 'ID')).to.equal(made.id);
    expect(made.method === 'post' && made.fields.RelayState).to.equal(made.relayState);
  });

  it('sends unsigned where that is wished', () => {
    expect(request({ sign: false }).url).to.not.include('Signature=');
    expect(xmlOf(request({ sign: false, endpoint: post }))).to.not.include('Signature');
  });

  it('asks for a fresh sign-in, a context, and a NameID format, or for none', () => {
    const tree = parsed(
      request({ forceAuthn: true, nameIdFormat: 'urn:x', allowCreate: false, authnContexts: ['urn:a', 'urn:b'] }),
    );
    expect(attributeOf(tree, 'ForceAuthn')).to.equal('true');
    const [policy] = childrenNamed(tree, 'urn:oasis:names:tc:SAML:2.0:protocol', 'NameIDPolicy');
    expect(policy && [attributeOf(policy, 'Format'), attributeOf(policy, 'AllowCreate')]).to.deep.equal([
      'urn:x',
      'false',
    ]);
    const [context] = childrenNamed(tree, 'urn:oasis:names:tc:SAML:2.0:protocol', 'RequestedAuthnContext');
    expect(context && elementsOf(context).map(plainText)).to.deep.equal(['urn:a', 'urn:b']);
    expect(xmlOf(request({ nameIdFormat: null }))).to.not.include('NameIDPolicy');
  });

  it('SA-11: escapes what it puts into XML', () => {
    const odd = 'https://idp.example/sso?a="><x/>&{Issuer}';
    expect(
      attributeOf(parsed(request({ endpoint: { binding: 'post', location: odd }, sign: false })), 'Destination'),
    ).to.equal(odd);
  });
});
