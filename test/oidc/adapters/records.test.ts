/** What the provider's storage keeps of sessions when they end while a request holds them (checklist SE-01, SE-06). */
import { expect } from 'chai';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { hashSecret } from '../../../src/core/secret.ts';
import { Unit, withinUnit } from '../../../src/oidc/unit.ts';
import type { World } from '../../support/world.ts';
import { authorizationUrl, type Browser, makeApplication, makePerson, oidcWorld, signIn } from '../rp.ts';

describe('oidc: stored sessions', () => {
  let w: World;
  let adapter: Adapter;

  before(async () => {
    w = await oidcWorld();
    adapter = (w.lintel.oidc.provider.Session as unknown as { adapter: Adapter }).adapter;
  });
  after(() => w.close());

  /** The id of the provider's session of a browser. */
  const idOf = (browser: Browser) => /_session=([^;]+)/.exec(browser.cookieFor('/oauth/authorize'))?.[1] ?? '';

  const rows = () => w.db('oidc_sessions').select('id_hash', 'uid');

  async function signedIn() {
    const { browser } = await signIn(w, await makeApplication(w), await makePerson(w, ['Acme']));
    return idOf(browser);
  }

  it('SE-06: one that ended while requests carried it is not written again, by none of them', async () => {
    const id = await signedIn();
    const found = await Promise.all(
      [0, 1].map(async () => {
        const unit = new Unit(w.call());
        return { unit, payload: (await withinUnit(unit, () => adapter.find(id))) as AdapterPayload };
      }),
    );
    expect(found[0]?.payload.jti).to.equal(id);
    expect(
      await w
        .db('oidc_sessions')
        .where({ id_hash: hashSecret(id) })
        .delete(),
    ).to.equal(1);
    await Promise.all(found.map(({ unit, payload }) => withinUnit(unit, async () => adapter.upsert(id, payload, 60))));
    expect((await rows()).map(({ id_hash }) => id_hash)).not.to.include(hashSecret(id));
  });

  it('SE-01: one that is there is written under its new id, and the old one opens nothing', async () => {
    const id = await signedIn();
    const unit = new Unit(w.call());
    await withinUnit(unit, async () => {
      const payload = (await adapter.find(id)) as AdapterPayload;
      await adapter.upsert('another', { ...payload, jti: 'another' }, 60);
    });
    expect(await adapter.find(id)).to.equal(undefined);
    expect((await adapter.find('another'))?.jti).to.equal('another');
  });

  it('SE-01: what still carries the id from before a sign-in neither undoes the sign-in nor brings that id back', async () => {
    const client = await makeApplication(w);
    const person = await makePerson(w, ['Acme']);
    const { browser } = await signIn(w, client, person);
    const old = idOf(browser);
    const signedInAnew = new Unit(w.call());
    const find = adapter.find.bind(adapter);
    // Another tab signs in just after this request has read the session.
    adapter.find = async (id) => {
      const found = await find(id);
      adapter.find = find;
      await withinUnit(signedInAnew, async () => {
        const payload = (await adapter.find(id)) as AdapterPayload;
        await adapter.upsert('anew', { ...payload, jti: 'anew', loginTs: (payload.loginTs as number) + 1 }, 60);
      });
      await signedInAnew.finish(true);
      return found;
    };
    const address = authorizationUrl(client, { prompt: 'none' });
    const late = await browser.go(address);
    expect(late.status).to.equal(303);
    expect(late.headers.getSetCookie().join(), 'the browser keeps what it has').not.to.include('_session');
    expect((await adapter.find('anew'))?.jti).to.equal('anew');
    expect(await adapter.find(old)).to.equal(undefined);
  });

  it('a new one is written, also twice', async () => {
    const payload = (await adapter.find(await signedIn())) as AdapterPayload;
    const fresh = { ...payload, uid: 'new', jti: 'first' };
    await adapter.upsert('first', fresh, 60);
    await adapter.upsert('second', { ...fresh, jti: 'second' }, 60);
    expect((await rows()).filter(({ uid }) => uid === 'new')).to.deep.equal([
      { id_hash: hashSecret('second'), uid: 'new' },
    ]);
  });
});
