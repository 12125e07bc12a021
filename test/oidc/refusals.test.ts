/** What the provider refuses before it looks: other methods, large bodies; and who says to be an application and cannot prove it. */
import { channel, type Channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { newSecret } from '../../src/core/secret.ts';
import type { World } from '../support/world.ts';
import { until } from '../support/waiting.ts';
import {
  authorizationUrl,
  basic,
  Browser,
  exchange,
  makeApplication,
  makeOrganization,
  makePerson,
  oidcWorld,
  refresh,
  type RelyingParty,
  signIn,
} from './rp.ts';

const known: Readonly<Record<string, readonly string[]>> = {
  '/.well-known/openid-configuration': ['GET', 'HEAD', 'OPTIONS'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD', 'OPTIONS'],
  '/oauth/jwks': ['GET', 'HEAD', 'OPTIONS'],
  '/oauth/authorize': ['GET', 'HEAD', 'POST'],
  [`/oauth/authorize/${'x'.repeat(43)}`]: ['GET', 'HEAD'],
  '/oauth/token': ['POST', 'OPTIONS'],
  '/oauth/userinfo': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  '/oauth/introspect': ['POST', 'OPTIONS'],
  '/oauth/revoke': ['POST', 'OPTIONS'],
  '/oauth/par': ['POST', 'OPTIONS'],
  '/oauth/logout': ['GET', 'HEAD', 'POST'],
  '/oauth/logout/confirm': ['POST'],
  '/oauth/logout/success': ['GET', 'HEAD'],
};
const forms = Object.keys(known).filter((path) => known[path]?.includes('POST'));

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

/** The next message of a channel. */
const once = (from: Channel): Promise<Exchange> =>
  new Promise((resolve) => {
    const listen = (message: unknown) => {
      from.unsubscribe(listen);
      resolve(message as Exchange);
    };
    from.subscribe(listen);
  });

describe('oidc/refusals', () => {
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  it('another method is 405 with those that the address knows, in OAuth’s form or as a page', async () => {
    for (const [path, methods] of Object.entries(known)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const answer = await w.request(path, { method, headers: { accept: 'application/json' } });
        if (methods.includes(method)) {
          expect(answer.status, `${method} ${path}`).not.to.be.oneOf([404, 405, 500]);
          continue;
        }
        expect(answer.status, `${method} ${path}`).to.equal(405);
        expect(answer.headers.get('allow'), path).to.equal(methods.join(', '));
        if (method !== 'HEAD') expect(answer.body.error, `${method} ${path}`).to.equal('invalid_request');
        const page = await w.request(path, { method, headers: { accept: 'text/html' } });
        expect([page.status, page.headers.get('allow')], `${method} ${path}`).to.deep.equal([405, methods.join(', ')]);
        expect(page.headers.get('content-type')).to.include('text/html');
      }
    }
  });

  it('the log says why, which the answer does not tell, and nothing that was sent', async () => {
    const client = await makeApplication(w);
    const { code = '', verifier } = await signIn(w, client, await makePerson(w, ['Acme']));
    const wrongs = {
      'authorization code not found': await exchange(w, client, 'a-code-of-nobody', verifier),
      'refresh token not found': await refresh(w, client, 'ltl_rt_a-token-of-nobody'),
    };
    for (const [why, { body, headers }] of Object.entries(wrongs)) {
      expect(body).to.deep.equal({ error: 'invalid_grant', error_description: 'grant request is invalid' });
      const line = w.logLines.find((one) => one.includes('the provider refused') && one.includes(why)) ?? '{}';
      expect(JSON.parse(line)).to.deep.include({
        level: 'info',
        request_id: headers.get('x-request-id'),
        operation: 'oauth.token',
        client_id: client.client_id,
        error: 'invalid_grant',
        why,
      });
    }
    await new Browser(w).go(authorizationUrl(client, { redirect_uri: 'https://elsewhere.example/cb' }));
    const asked = w.logLines.filter((line) => line.includes('"oauth.authorize"') && line.includes(client.client_id));
    expect(asked).to.have.length(1);
    expect(asked[0]).to.include("did not match any of the client's registered redirect_uris");
    for (const sent of ['of-nobody', 'elsewhere.example', verifier, code || 'none'])
      expect(
        w.logLines.filter((line) => line.includes(sent)),
        sent,
      ).to.deep.equal([]);
  });

  it('OPTIONS says what an address knows, outside of CORS', async () => {
    const answer = await w.request('/oauth/token', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).to.deep.equal([204, 'POST, OPTIONS']);
  });

  it('a form of more than 56 KiB is 413, whether it says so or not', async () => {
    const large = `a=${'x'.repeat(60_000)}`;
    for (const path of forms) {
      const answer = await w.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: large,
      });
      expect([answer.status, answer.body.error], path).to.deep.equal([413, 'invalid_request']);
      expect(answer.body.error_description).to.include('57344');
      const unsaid = await chunked(path, large);
      expect(unsaid, path)
        .to.match(/^HTTP\/1\.1 413 /)
        .and.include('invalid_request');
    }
  });

  const chunked = (path: string, body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { port, host } = new URL(w.url);
      const socket = connect(Number(port), 'localhost');
      let text = '';
      socket.on('data', (data) => {
        text += data.toString('utf8');
        if (text.includes('}')) socket.destroy();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\nConnection: close\r\n` +
          'Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n' +
          `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
    });

  describe('an application that cannot prove itself', () => {
    let org_id: string;
    let client: RelyingParty;
    let elsewhere: RelyingParty;
    const endpoints = {
      token: 'oauth.token',
      introspect: 'oauth.introspect',
      revoke: 'oauth.revoke',
      par: 'oauth.par',
    };
    const secret = newSecret();
    before(async () => {
      org_id = await makeOrganization(w, 'Owner of applications');
      client = await makeApplication(w, { org_id });
      elsewhere = await makeApplication(w);
    });

    const fail = async (endpoint: string, who: RelyingParty): Promise<void> => {
      const answer = await w.request(`/oauth/${endpoint}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          authorization: basic({ ...who, client_secret: secret }),
        },
        body: 'grant_type=client_credentials&token=x',
      });
      expect([answer.status, answer.body.error], endpoint).to.deep.equal([401, 'invalid_client']);
    };
    const rows = (client_id: string) =>
      w
        .db('audit_logs')
        .where({ action: 'access.denied', actor_label: `application:${client_id}` })
        .orderBy('log_id');

    it('AL-01: is a row in the log of its organization, with the operation and never with what it sent', async () => {
      for (const endpoint of Object.keys(endpoints)) await fail(endpoint, client);
      await until(async () => (await rows(client.client_id)).length === 4);
      const found = await rows(client.client_id);
      expect(found.map(({ object_id }) => object_id).sort()).to.deep.equal(Object.values(endpoints).sort());
      for (const row of found) {
        expect(row).to.include({ org_id, result: 'denied', actor_type: 'anonymous', actor_id: null });
        expect(row.details).to.include({ fault_code: 'unauthenticated' });
        expect(row.ip_address, 'who asked').to.be.a('string');
        expect(JSON.stringify(row))
          .not.to.include(secret)
          .and.not.to.include(basic({ ...client, client_secret: secret }).slice(6));
      }
      await fail('token', elsewhere);
      await until(async () => (await rows(elsewhere.client_id)).length === 1);
      expect((await rows(elsewhere.client_id))[0], 'of no organization').to.include({ org_id: null });
    });

    it('AU-07: the row is written once the answer is out, so that its time tells nothing of the application', async () => {
      const slow = await makeApplication(w, { org_id });
      const { record } = w.app;
      let open: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      // Whoever waited for the row would wait for ever.
      Object.assign(w.app, { record: async (...given: Parameters<typeof record>) => (await gate, record(...given)) });
      try {
        await fail('token', slow);
        open();
        await w.lintel.oidc.drain();
        expect(await rows(slow.client_id)).to.have.length(1);
      } finally {
        open();
        Object.assign(w.app, { record });
      }
    });

    it('OA-20: is refused as late as one that nobody knows, when the work of either is over', async () => {
      for (const who of [elsewhere, { client_id: newId() }]) {
        const began = performance.now();
        await fail('token', who);
        expect(performance.now() - began).to.be.at.least(10);
      }
    });

    it('AL-05: is bounded for each application; whoever names none that is known leaves nothing', async () => {
      const flooded = await makeApplication(w, { org_id });
      for (let n = 0; n < 40; n += 1) await fail('token', flooded);

      await fail('token', { client_id: 'nobody-knows-me' });
      await w.lintel.oidc.drain();
      expect(await rows(flooded.client_id)).to.have.length(30);
      expect(await rows('nobody-knows-me')).to.deep.equal([]);
    });

    it('AL-01: also of who hangs up before the answer, and stopping waits for nothing that never comes', async () => {
      const hasty = await makeApplication(w, { org_id });
      // The look-up of the application waits until nobody listens any more.
      const holder = await w.db.transaction();
      await holder.raw('lock table oidc_clients in access exclusive mode');
      const arrived = once(channel('http.server.request.start'));
      const socket = connect(Number(new URL(w.url).port), 'localhost');
      const body = 'grant_type=client_credentials';
      socket.write(
        `POST /oauth/token HTTP/1.1\r\nHost: ${new URL(w.url).host}\r\n` +
          `Authorization: ${basic({ ...hasty, client_secret: secret })}\r\n` +
          `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const { request, response } = await arrived;
      await until(async () => request.complete);
      socket.destroy();
      await until(async () => response.closed);
      await holder.commit();
      await until(async () => (await rows(hasty.client_id)).length === 1);
      await w.lintel.oidc.drain();
    });
  });
});
