/**
 * One test for each published weakness of others that touches what is built here (checklist §4, PR-05): done to us over HTTP, as it
 * was done to them. Classes 5 to 9, 13 and 14; the others stand with the flows that they are about.
 */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { newId } from '../../src/core/id.ts';
import { insertApiKey, insertMember, insertUser } from '../credentials/owners.ts';
import { company, type Company, latestTrace, organization, post, response, start } from '../federation/company.ts';
import { ask } from '../http/served.ts';
import { type Directory, directory, expectError, patch, USER } from '../scim/door.ts';
import { encryptAssertion } from '../support/saml/encrypt.ts';
import { keys } from '../support/saml/keys.ts';
import { assertionXml, type MessageOptions } from '../support/saml/messages.ts';
import { idpMetadataXml, keyDescriptor } from '../support/saml/metadata.ts';
import { type World, world } from '../support/world.ts';

describe('security: advisories', function () {
  this.timeout(60_000);
  let w: World;
  let c: Company;
  let a: Directory;
  let b: Directory;
  before(async () => {
    w = await world();
    c = await company(w, { auto_provision: true });
    a = await directory(w);
    b = await directory(w);
  });
  after(() => w.close());

  const signatureOf = (xml: string): string => /<ds:Signature [\s\S]*?<\/ds:Signature>/.exec(xml)?.[0] ?? '';
  const assertionOf = (xml: string): string => /<saml:Assertion [\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
  const digest = (how: (value: string) => string) => (xml: string) =>
    xml.replace(/(<ds:DigestValue>)([^<]*)/, (_all, tag: string, value: string) => tag + how(value));

  /** Sends a response of the company about an honest person, changed; nobody must be signed in, and the trace says why. */
  async function refused(how: MessageOptions, code: string | RegExp, at: Company = c): Promise<void> {
    const before = await w.db('federation_handoffs').count();
    const accounts = await w.db('users').where({ home_org_id: at.org_id }).count();
    const started = await start(w, at.provider.provider_id);
    const person = { subject: 'u-honest', email: `honest@${at.domain}` };
    const field = response(w, at, started, person, how);
    const answer = await post(w, at.provider.sp.acs_url, { SAMLResponse: field, RelayState: started.relay_state });
    expect([answer.status, answer.headers.get('location')], answer.text).to.deep.equal([400, null]);
    expect((await latestTrace(w, at.org_id)).code).to.match(typeof code === 'string' ? new RegExp(`^${code}$`) : code);
    expect(await w.db('federation_handoffs').count()).to.deep.equal(before);
    expect(await w.db('users').where({ home_org_id: at.org_id }).count(), 'nobody was made').to.deep.equal(accounts);
  }
  const forged = (): string => assertionXml({ nameId: '<saml:NameID>admin</saml:NameID>' }, '_forged');

  it('the honest message is accepted, so that each refusal is the attack’s', async () => {
    const started = await start(w, c.provider.provider_id);
    const field = response(w, c, started, { subject: 'u-honest', email: `honest@${c.domain}` });
    const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: started.relay_state });
    expect(answer.status).to.equal(303);
  });

  describe('class 5: whose signature is it, and over what', () => {
    it('CVE-2025-47949 (samlify): a forged assertion beside the signed one', async () => {
      await refused({ tamper: (xml) => xml.replace('<saml:Assertion ', `${forged()}<saml:Assertion `) }, /^message\./);
      await refused(
        { tamper: (xml) => xml.replace('</saml:Assertion>', `</saml:Assertion>${forged()}`) },
        /^message\./,
      );
      await refused(
        {
          tamper: (xml) =>
            xml.replace(assertionOf(xml), forged().replace('</saml:Issuer>', `</saml:Issuer>${signatureOf(xml)}`)),
        },
        /^(message|signature)\./,
      );
    });

    it('CVE-2025-54419 (node-saml): the assertion is read from the bytes that were signed, not from the document', async () => {
      await refused({ tamper: (xml) => xml.replace('u-honest', 'u-hones') }, 'signature.digest');
      await refused(
        { sign: 'response', tamper: (xml) => xml.replace(assertionOf(xml), forged()) },
        /^(signature|message)\./,
      );
    });

    it('CVE-2025-54369 (node-saml): characters that are added to or taken from a name', async () => {
      for (const change of [
        (xml: string) => xml.replace('u-honest', 'u-honest '),
        (xml: string) => xml.replace('u-honest', 'u-honest&#x0;'),
        (xml: string) => xml.replace('>u-honest<', '>u-honest&#13;<'),
        (xml: string) => xml.replace(`honest@`, `onest@`),
      ])
        await refused({ tamper: change }, /^(signature|message)\./);
    });

    it('CVE-2025-29774, CVE-2025-29775 (xml-crypto): two SignedInfo, and comments in a digest', async () => {
      const info = (xml: string) => /<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>/.exec(xml)?.[0] ?? '';
      await refused(
        { tamper: (xml) => xml.replace('<ds:SignedInfo', `${info(xml)}<ds:SignedInfo`) },
        /^(message|signature)\./,
      );
      await refused(
        { tamper: (xml) => xml.replace('</ds:Signature>', `<ds:Object>${info(xml)}</ds:Object></ds:Signature>`) },
        /^(message|signature)\./,
      );
      await refused({ tamper: digest((value) => `<!--forged-->${value}`) }, 'message.comment');
      await refused({ tamper: digest((value) => `${value.slice(0, 5)}<!-- -->${value.slice(5)}`) }, 'message.comment');
    });

    it('CVE-2024-45409 (ruby-saml): a digest that is smuggled in where nothing looks for one', async () => {
      const value = createHash('sha256').update('anything').digest('base64');
      const stray = `<samlp:Extensions><ds:DigestValue xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${value}</ds:DigestValue></samlp:Extensions>`;
      await refused(
        { tamper: (xml) => xml.replace('<samlp:Status>', `${stray}<samlp:Status>`).replace('u-honest', 'u-admin') },
        /^(signature|message)\./,
      );
      const whole = (xml: string) => `<samlp:Extensions>${signatureOf(xml)}</samlp:Extensions><samlp:Status>`;
      await refused({ tamper: (xml) => xml.replace('<samlp:Status>', whole(xml)) }, /^(signature|message)\./);
    });

    it('CVE-2025-25291, CVE-2025-25292 (ruby-saml): what two parsers read differently is not read', async () => {
      await refused({ tamper: (xml) => `<!DOCTYPE r [<!ENTITY n "admin">]>${xml}` }, 'message.doctype');
      await refused(
        { tamper: (xml) => `<!DOCTYPE r [<!ATTLIST saml:Assertion xmlns:saml CDATA "urn:x">]>${xml}` },
        'message.doctype',
      );
      await refused(
        { tamper: (xml) => xml.replaceAll('<ds:Signature ', '<ds:Signature xmlns:ds2="urn:x" ds2:Id="x" ') },
        /^(signature|message)\./,
      );
      await refused(
        { tamper: (xml) => xml.replace('<saml:Assertion ', '<saml:Assertion xmlns:ID="urn:x" ID:ID="_other" ') },
        /^(signature|message)\./,
      );
    });

    it('CVE-2025-66567, CVE-2025-66568 (ruby-saml): a canonical form that fails is no empty text that matches an empty digest', async () => {
      const empty = createHash('sha256').update('').digest('base64');
      const relative = (xml: string) => xml.replace('<saml:Assertion ', '<saml:Assertion xmlns:r="1" ');
      await refused({ tamper: relative }, /^(signature|message)\./);
      await refused({ tamper: (xml) => digest(() => empty)(relative(xml)) }, /^(signature|message)\./);
      await refused(
        { assertionSignature: { tamperSignedInfo: digest(() => empty) }, tamper: relative },
        /^(signature|message)\./,
      );
    });

    it('CVE-2026-57580 (authentik): a comment cuts no NameID', async () => {
      const cut = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">admin<!---->.evil</saml:NameID>`;
      await refused({ nameId: cut }, 'message.comment');
      await refused({ tamper: (xml) => xml.replace('u-honest', 'u-<!-- -->honest') }, 'message.comment');
    });

    it('CVE-2026-41577 (authentik): no Conditions and no audience are no permission', async () => {
      await refused({ conditions: null }, /^conditions/);
      await refused({ audience: null }, /^(audience|conditions)/);
      await refused({ audience: 'https://another.example/sp' }, 'audience');
      await refused({ recipient: null }, /^(recipient|confirmation|subject)/);
    });

    it('CVE-2026-2092 (Keycloak): an encrypted assertion that anybody could have made needs a signature of its own', async () => {
      const certificate = (await w.db('saml_keys').where({ key_use: 'encryption', state: 'current' }).first())
        .certificate_pem;
      await refused({ sign: 'none', encrypt: { certificate } }, /^(signature|encrypted)/);
      const made = encryptAssertion(forged(), { certificate });
      await refused(
        { tamper: (xml) => xml.replace('</samlp:Response>', `${made}</samlp:Response>`) },
        /^(message|signature)\./,
      );
      await refused(
        { sign: 'response', tamper: (xml) => xml.replace(assertionOf(xml), made) },
        /^(signature|message|encrypted)/,
      );
    });

    it('CVE-2026-16443 (Keycloak): metadata switches no check off', async () => {
      const org_id = await organization(w);
      const xml = idpMetadataXml({
        entityId: 'https://lax.example/entity',
        roleAttributes: ' WantAuthnRequestsSigned="false"',
        keyDescriptors: keyDescriptor(keys.idp().certificate),
      });
      const made = await w.api<Company['provider']>('POST', `/organizations/${org_id}/identity-providers`, {
        type: 'saml',
        name: 'Lax',
        config: { metadata_xml: xml },
        auto_provision: true,
      });
      expect(made.status, made.text).to.equal(201);
      const lax: Company = { org_id, domain: 'lax.example', idp: 'https://lax.example/entity', provider: made.body };
      await refused({ sign: 'none' }, /^signature/, lax);
      await refused({ assertionSignature: { privateKey: keys.attacker().privateKey } }, /^signature/, lax);
      await refused(
        { assertionSignature: { privateKey: keys.attacker().privateKey, certificate: keys.attacker().certificate } },
        /^signature/,
        lax,
      );
      for (const keyDescriptors of [
        '',
        keyDescriptor(keys.idp().certificate, 'encryption'),
        '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyName>k</ds:KeyName></ds:KeyInfo></md:KeyDescriptor>',
      ]) {
        const none = await w.api('POST', `/organizations/${org_id}/identity-providers`, {
          type: 'saml',
          name: 'None',
          enabled: true,
          config: {
            metadata_xml: idpMetadataXml({ entityId: `https://none${keyDescriptors.length}.example`, keyDescriptors }),
          },
        });
        expect(none.status, keyDescriptors).to.be.within(400, 409);
      }
    });
  });

  describe('class 6: as a maker of messages', () => {
    it('CVE-2025-25293, CVE-2025-54572 (ruby-saml): what inflates is refused by its size, before it is read', async () => {
      const heavy = Buffer.alloc(300 * 1024, 'A').toString('base64');
      const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: heavy, RelayState: 'x' });
      expect(answer.status).to.be.oneOf([400, 413]);
      const { deflateRawSync } = await import('node:zlib');
      const bomb = encodeURIComponent(deflateRawSync(Buffer.alloc(8 * 1024 * 1024)).toString('base64'));
      const slo = await w.request(`${new URL(c.provider.sp.slo_url).pathname}?SAMLRequest=${bomb}`);
      expect(slo.status).to.equal(400);
    });

    it('CVE-2026-46490 (samlify): what an administrator wrote is text in our messages and metadata', async () => {
      const sharp = `https://idp.example/"><saml:Evil/><x y='&amp;`;
      const made = await w.api<Company['provider']>(
        'POST',
        `/organizations/${await organization(w)}/identity-providers`,
        {
          type: 'saml',
          name: `"><Evil/>`,
          config: {
            idp_entity_id: sharp,
            sso_url: 'https://idp.example/sso?a=1&b="2"',
            certificates: [keys.idp().certificate],
          },
        },
      );
      expect(made.status, made.text).to.equal(201);
      const { url } = await start(w, made.body.provider_id, { login_hint: `x"><saml:Evil/>` } as object);
      const { inflateRawSync } = await import('node:zlib');
      const xml = inflateRawSync(Buffer.from(new URL(url).searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
      expect(xml)
        .to.match(/^<samlp:AuthnRequest /)
        .and.not.match(/<saml:Evil|<Evil/);
      expect((await w.request(new URL(made.body.sp.metadata_url).pathname)).text).not.to.match(/<saml:Evil|<Evil/);
    });
  });

  describe('class 7: SCIM', () => {
    it('CVE-2026-67330 (better-auth): a SCIM client that is called like a connection has nothing of it', async () => {
      const name = 'Company sign-in';
      const made = await w.api('POST', `/organizations/${a.org_id}/scim-clients`, { name });
      expect(made.status).to.equal(201);
      expect(made.body.client_id).to.not.equal(c.provider.provider_id);
      for (const client_id of [c.provider.provider_id, 'saml', 'google', name]) {
        const taken = await w.api('POST', `/organizations/${a.org_id}/scim-clients`, { name: 'x', client_id });
        expect([taken.status, taken.body.code], 'ids are not chosen').to.deep.equal([400, 'request_invalid']);
        const token = await w.api(
          'POST',
          `/organizations/${a.org_id}/scim-clients/${encodeURIComponent(client_id)}/tokens`,
          {},
        );
        expect(token.status, client_id).to.be.oneOf([400, 404]);
      }
    });

    it('CVE-2025-41115 (Grafana): a numeric externalId, or one that is somebody’s id, is nobody’s account', async () => {
      const victim = await b.user('boss@b.example');
      const ours = await a.user('boss@a.example');
      for (const externalId of ['1', '0', victim, ours, 'admin']) {
        const made = await a.send('POST', '/Users', {
          schemas: [USER],
          userName: `u-${newId()}@a.example`,
          externalId,
        });
        expect(made.status, made.text).to.equal(201);
        expect([victim, ours, externalId]).to.not.include(made.body.id);
        expectError(await a.send('GET', `/Users/${externalId === ours ? '1' : externalId}`), 404);
      }
    });

    it('CVE-2026-92539 (Grafana): another organization’s id is nobody’s, by every verb', async () => {
      const victim = await b.user('other@b.example', { title: 'before' });
      const off = patch({ op: 'replace', path: 'active', value: false });
      for (const [method, body] of [
        ['GET'],
        ['PUT', { schemas: [USER], userName: 'x@a.example' }],
        ['PATCH', off],
        ['DELETE'],
      ] as const)
        expectError(await a.send(method, `/Users/${victim}`, body), 404);
      expect((await b.send('GET', `/Users/${victim}`)).body).to.deep.include({ active: true, title: 'before' });
    });
  });

  describe('classes 8 and 9: which organization, and which host', () => {
    it('CVE-2026-105209, CVE-2026-29067 (Zitadel): a header chooses no organization', async () => {
      const { user_id } = await insertUser(w.db);
      await insertMember(w.db, a.org_id, user_id, ['users.read']);
      const key = await insertApiKey(w.db, { org_id: a.org_id, user_id, scopes: ['users.read'] });
      for (const name of ['x-zitadel-orgid', 'x-organization-id', 'x-tenant-id', 'x-org-id']) {
        const foreign = await w.api('GET', `/organizations/${b.org_id}/users`, undefined, key, { [name]: a.org_id });
        expect([foreign.status, foreign.body.code], name).to.deep.equal([404, 'not_found']);
        const own = await w.api<{ items: { home_org_id: string }[] }>(
          'GET',
          `/organizations/${a.org_id}/users`,
          undefined,
          key,
          { [name]: b.org_id },
        );
        expect(own.status).to.equal(200);
        for (const { home_org_id } of own.body.items) expect(home_org_id).to.equal(a.org_id);
      }
    });

    it('GHSA-2wmj-46rj-qm2w (Zitadel), CVE-2024-47070 (authentik): what a request says of its host and address is not believed', async () => {
      const { port } = new URL(w.url);
      for (const host of ['evil.example', `localhost:${port}.evil.example`, `evil.example:${port}`]) {
        const answer = await ask(Number(port), '/.well-known/openid-configuration', { headers: { host } });
        expect([answer.status, answer.text.includes(`"issuer"`)], host).to.deep.equal([421, false]);
      }
      const forwarded = {
        host: `localhost:${port}`,
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example',
        'x-forwarded-for': '203.0.113.9',
      };
      const answer = await ask(Number(port), '/.well-known/openid-configuration', { headers: forwarded });
      expect(answer.text).to.include(w.url).and.not.include('evil');
      const last = w.logLines.filter((line) => line.includes('"message":"request"')).at(-1) ?? '';
      expect(last).to.not.include('203.0.113.9');
    });
  });

  describe('class 13: objects of others', () => {
    it('CVE-2025-61928 (better-auth): nobody makes a key for somebody else, signed in or not', async () => {
      const victim = (await insertUser(w.db)).user_id;
      await insertMember(w.db, a.org_id, victim, ['users.read']);
      const { user_id } = await insertUser(w.db);
      await insertMember(w.db, a.org_id, user_id, ['api_keys.manage']);
      const key = await insertApiKey(w.db, { org_id: a.org_id, user_id, scopes: ['api_keys.manage'] });
      const before = await w.db('api_keys').count();
      for (const more of [{ user_id: victim }, { userId: victim }, { owner: victim }, { owner_id: victim }]) {
        for (const bearer of [key, null]) {
          const answer = await w.api(
            'POST',
            `/organizations/${a.org_id}/api-keys`,
            { name: 'x', scopes: [], ...more },
            bearer,
          );
          expect(answer.status, JSON.stringify(more)).to.equal(bearer === null ? 401 : 400);
        }
      }
      expect(await w.db('api_keys').count()).to.deep.equal(before);
    });
  });

  describe('class 14: scripts on the origin of identity', () => {
    it('CVE-2026-42849 (authentik), CVE-2026-29191 (Zitadel): no address that is a script is kept, and none is shown', async () => {
      const org_id = await organization(w);
      for (const logo_url of [
        'javascript:alert(1)',
        'data:text/html,<script>alert(1)</script>',
        ' javascript:alert(1)',
        'vbscript:x',
      ]) {
        const kept = await w.api('PATCH', `/organizations/${org_id}`, { logo_url });
        expect(kept.status, logo_url).to.equal(400);
        const client = await w.api('POST', '/applications', {
          client_name: 'x',
          redirect_uris: ['https://app.example/cb'],
          client_uri: logo_url,
        });
        expect(client.status, logo_url).to.equal(400);
        const redirect = await w.api('POST', '/applications', { client_name: 'x', redirect_uris: [logo_url.trim()] });
        expect(redirect.status, logo_url).to.equal(400);
      }
    });
  });
});
