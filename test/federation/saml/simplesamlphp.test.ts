import { expect } from 'chai';
import { mapAttributes } from '../../../src/federation/saml/attributes.ts';
import { verifyLogout } from '../../../src/federation/saml/logout.ts';
import { createLogoutRequest } from '../../../src/federation/saml/logout-messages.ts';
import { readIdpMetadata } from '../../../src/federation/saml/metadata.ts';
import { type AuthnRequestOptions, createAuthnRequest } from '../../../src/federation/saml/request.ts';
import { type SamlIdentity, verifyResponse } from '../../../src/federation/saml/response.ts';
import { keys } from '../../support/saml/keys.ts';
import { acsUrl, spEntityId } from '../../support/saml/messages.ts';
import {
  hiddenField,
  type SimpleSaml,
  startSimpleSaml,
  Visitor,
  whySkipped,
} from '../../support/saml/simplesamlphp.ts';

const sloUrl = 'https://id.lintel.example/saml/0198/slo';
const ada = {
  username: 'ada',
  password: 'analytical',
  attributes: {
    uid: ['ada-1815'],
    mail: ['ada@acme.example'],
    givenName: ['Ada'],
    sn: ['Byron'],
    groups: ['staff', 'math'],
  },
};

describe('SimpleSAMLphp as the identity provider', () => {
  const us = { entityId: spEntityId, acsUrl, sloUrl, current: keys.sp() };

  for (const encryptAssertions of [false, true]) {
    describe(encryptAssertions ? 'with encrypted assertions' : 'with assertions in the clear', function () {
      this.timeout(40_000);
      let idp: SimpleSaml;

      before(async function () {
        const reason = whySkipped();
        if (reason !== undefined) {
          process.stdout.write(`      skipped: ${reason}\n`);
          this.skip();
        }
        idp = await startSimpleSaml({ serviceProvider: us, keyPair: keys.idp(), people: [ada], encryptAssertions });
      });
      after(() => idp?.stop());

      const ask = (endpoint: AuthnRequestOptions['endpoint']) =>
        createAuthnRequest({ serviceProvider: us, idpEntityId: idp.entityId, endpoint, now: Date.now(), sign: true });

      async function signIn(visitor: Visitor): Promise<SamlIdentity> {
        const request = ask({ binding: 'redirect', location: idp.ssoUrl });
        const page = await visitor.go(request.url);
        const fields = {
          username: ada.username,
          password: ada.password,
          AuthState: hiddenField(page.html, 'AuthState'),
        };
        const answer = await visitor.go(page.url, fields);
        expect(hiddenField(answer.html, 'RelayState'), answer.html.slice(0, 400)).to.equal(request.relayState);
        const result = verifyResponse(hiddenField(answer.html, 'SAMLResponse'), {
          acsUrl,
          spEntityId,
          idpEntityId: idp.entityId,
          certificates: [keys.idp().certificate],
          request: { kind: 'solicited', id: request.id },
          // SimpleSAMLphp 1.19 encrypts with AES-128-CBC, and signs the response too.
          policy: { wantEncrypted: encryptAssertions, allowCbc: encryptAssertions },
          decryptionKeys: [keys.sp().privateKey],
          now: Date.now(),
        });
        if (!result.ok) throw new Error(JSON.stringify(result.checks));
        return result.identity;
      }

      it('its metadata is read', async () => {
        const text = await (await fetch(idp.metadataUrl)).text();
        const result = readIdpMetadata(text, { now: Date.now(), allowHttpLoopback: true });
        if (!result.ok) throw new Error(`${result.code} ${result.detail}`);
        expect(result.metadata.entity_id).to.equal(idp.entityId);
        expect(result.metadata.sso).to.deep.include({
          binding: 'redirect',
          location: idp.ssoUrl,
          response_location: null,
        });
        expect(result.metadata.certificates).to.have.length(1);
      });

      it('SA-01: our signed request is accepted by it, and its signed response by us', async () => {
        const identity = await signIn(new Visitor());
        expect(identity).to.deep.include({ subject: 'ada-1815', sp_name_qualifier: spEntityId });
        expect(mapAttributes(identity.attributes)).to.deep.include({
          email: 'ada@acme.example',
          first_name: 'Ada',
          last_name: 'Byron',
          groups: ['staff', 'math'],
        });
      });

      it('it refuses a request under another key', async () => {
        const forged = createAuthnRequest({
          serviceProvider: { ...us, current: keys.attacker() },
          idpEntityId: idp.entityId,
          endpoint: { binding: 'redirect', location: idp.ssoUrl },
          now: Date.now(),
          sign: true,
        });
        const page = await new Visitor().go(forged.url);
        expect(hiddenField(page.html, 'AuthState')).to.equal('');
        expect(await idp.log()).to.include('Unable to validate signature on query string');
      });

      it('SA-14: our signed logout request is accepted by it, and its signed answer by us', async () => {
        const visitor = new Visitor();
        const identity = await signIn(visitor);
        const endpoint = { binding: 'redirect' as const, location: idp.sloUrl };
        const request = createLogoutRequest({
          serviceProvider: us,
          idpEntityId: idp.entityId,
          endpoint,
          now: Date.now(),
          nameId: identity,
          sessionIndex: identity.session_index,
          relayState: 'handle',
        });
        const answer = await visitor.go(request.url);
        expect(answer.url, answer.html.slice(0, 600)).to.match(/^https:\/\/id\.lintel\.example\/saml\/0198\/slo\?/);
        const expected = {
          idpEntityId: idp.entityId,
          sloUrl,
          certificates: [keys.idp().certificate],
          now: Date.now(),
          requestIds: [request.id],
        };
        const result = verifyLogout(
          { binding: 'redirect', query: answer.url.slice(answer.url.indexOf('?') + 1) },
          expected,
        );
        if (!result.ok) throw new Error(JSON.stringify(result.checks));
        expect(result.message).to.deep.include({ kind: 'response', success: true, relay_state: 'handle' });
      });
    });
  }
});
