/** Sending somebody to their identity provider: what goes along, and what cannot be made to. */
import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { readRedirect } from '../../../src/federation/saml/redirect.ts';
import { verificationKeys, verifyDetached } from '../../../src/federation/saml/signature.ts';
import { type World, world } from '../../support/world.ts';
import { attempt, company, readRequest, start } from '../company.ts';

describe('federation/exchanges: sending somebody away', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  /** The request as the identity provider verifies it: by the current one of the keys that we publish. */
  async function verified(url: string): Promise<string> {
    const { certificate_pem } = await w.db('saml_keys').where({ key_use: 'signing', state: 'current' }).first();
    const { signature, xml } = readRedirect(new URL(url).search.slice(1));
    if (!signature) throw new Error('not signed');
    const ours = verificationKeys([certificate_pem]);
    const signer = verifyDetached(signature.algorithm, signature.bytes, signature.value, ours);
    expect(signer.fingerprint).to.equal(
      new X509Certificate(certificate_pem).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
    return xml;
  }

  it('every request is signed, by redirect and by POST', async () => {
    const c = await company(w);
    expect(await verified((await start(w, c.provider.provider_id)).url)).to.include('<samlp:AuthnRequest');
    const d = await company(w, { config: { sso_binding: 'post' } });
    const tests = `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}/tests`;
    const { body } = await w.api<{ method: string; fields: Record<string, string> }>('POST', tests, {});
    expect(body.method).to.equal('post');
    expect(Buffer.from(body.fields.SAMLRequest ?? '', 'base64').toString()).to.include('SignatureValue>');
  });

  it('a login hint goes along where the connection names a parameter, escaped, beside what is signed', async () => {
    const c = await company(w, { config: { login_hint_parameter: 'login_hint' } });
    const hint = 'ada@x.example&RelayState=evil&SAMLRequest=evil#';
    const { url, relay_state } = await start(w, c.provider.provider_id, { login_hint: hint });
    const query = new URL(url).searchParams;
    expect(query.get('login_hint')).to.equal(hint);
    expect(query.getAll('RelayState')).to.deep.equal([relay_state]);
    expect(query.getAll('SAMLRequest')).to.have.length(1);
    await verified(url);
  });

  it('SA-09: a parameter for hints cannot take the place of one of SAML’s own', async () => {
    for (const login_hint_parameter of [
      'RelayState',
      'SAMLRequest',
      'SAMLEncoding',
      'SigAlg',
      'Signature',
      'relaystate',
    ]) {
      const c = await company(w, { config: { login_hint_parameter } });
      const { url } = await start(w, c.provider.provider_id, { login_hint: 'evil' });
      expect(url, login_hint_parameter).not.to.include('evil');
    }
  });

  it('a sign-in comes back to a path of our own, or does not begin', async () => {
    const c = await company(w);
    const attempt_id = await attempt(w);
    for (const return_to of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      'signin',
      '/a?b',
      '/a#b',
      '',
    ]) {
      const begun = await start(w, c.provider.provider_id, { attempt_id, return_to }).then(
        () => 'begun',
        ({ message }: Error) => message,
      );
      expect(begun, return_to).to.include('a path of our own');
    }
  });

  it('what the connection always asks for is asked for each time', async () => {
    const context = 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509';
    const c = await company(w, { config: { force_authn: true, requested_contexts: [context] } });
    const { xml } = readRequest((await start(w, c.provider.provider_id)).url);
    expect(xml).to.include('ForceAuthn="true"').and.include(`>${context}</saml:AuthnContextClassRef>`);
  });
});
