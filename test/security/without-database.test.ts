/** Discovery and keys come from memory: asked for the first time when the database has gone already, and an hour later. */
import { expect } from 'chai';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { makeApplication, makePerson, oidcWorld, signIn } from '../oidc/rp.ts';
import { pause } from '../support/waiting.ts';
import type { World } from '../support/world.ts';

const hour = 3_600_000;

describe('security: without a database', function () {
  this.timeout(120_000);
  const realNow = performance.now;
  let w: World;
  beforeEach(async () => {
    w = await oidcWorld();
  });
  afterEach(async () => {
    performance.now = realNow;
    w.db.initialize();
    await w.close();
  });
  const documents = ['/.well-known/openid-configuration', '/oauth/jwks'];
  const read = async (method = 'GET') =>
    await Promise.all(
      documents.map(async (path) => {
        const { status, text, headers } = await w.request(path, { method });
        return [status, text, headers.get('etag'), headers.get('cache-control')];
      }),
    );
  /** Every clock that the process goes by: its own, and the one of stopwatches. */
  const letPass = (milliseconds: number) => {
    w.skew += milliseconds;
    const ahead = w.skew;
    performance.now = () => realNow.call(performance) + ahead;
  };

  it('RE-05: a process that was never asked before tells both', async () => {
    await w.db.destroy();
    const [discovery, keys] = await read();
    expect([discovery?.[0], keys?.[0]]).to.deep.equal([200, 200]);
    expect(JSON.parse(String(discovery?.[1])).issuer).to.equal(w.url);
    expect(JSON.parse(String(keys?.[1])).keys).to.have.length.greaterThan(0);
  });

  it('RE-05: the same for more than an hour, and a token is verified by them', async () => {
    const { tokens } = await signIn(w, await makeApplication(w), await makePerson(w));
    await w.db.destroy();
    const first = await read();
    for (const [index, [status, , etag, kept]] of first.entries()) {
      expect(status, documents[index]).to.equal(200);
      expect(etag, documents[index]).to.match(/^"/);
      expect(kept).to.equal(`public, max-age=${[3600, 300][index]}`);
    }
    for (let passed = 0; passed <= 1.25 * hour; passed += hour / 8) {
      expect(await read(), `after ${passed / 60_000} minutes`).to.deep.equal(first);
      expect((await read('HEAD')).map(([status]) => status)).to.deep.equal([200, 200]);
      // The look at the database that this began has failed by then, and changed nothing.
      await pause(20);
      letPass(hour / 8);
    }
    const keys = createRemoteJWKSet(new URL('/oauth/jwks', w.url));
    const { payload } = await jwtVerify(String(tokens.id_token), keys, { issuer: w.url });
    expect(payload.iss).to.equal(w.url);
    expect(w.logLines.join('\n')).to.include('those in memory stay in use');
    const userinfo = await w.request('/oauth/userinfo', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect([userinfo.status, userinfo.body.error]).to.deep.equal([503, 'temporarily_unavailable']);
  });
});
