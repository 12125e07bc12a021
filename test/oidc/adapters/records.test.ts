/** What the provider's storage keeps of sessions that end, or are written by others, while a request holds them (checklist SE-01, SE-06). */
import { expect } from 'chai';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { hashSecret } from '../../../src/core/secret.ts';
import { Unit, withinUnit } from '../../../src/oidc/unit.ts';
import type { World } from '../../support/world.ts';
import { authorizationUrl, type Browser, makeApplication, makePerson, makeSession, oidcWorld, signIn } from '../rp.ts';

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

  it('SE-05: whoever signs out has signed out, also where another tab gave the session another id meanwhile', async () => {
    const id = await signedIn();
    const signingOut = new Unit(w.call());
    const { uid, sessionId } = (await withinUnit(signingOut, () => adapter.find(id))) as AdapterPayload;
    await withinUnit(new Unit(w.call()), async () => {
      const payload = (await adapter.find(id)) as AdapterPayload;
      await adapter.upsert('of another tab', { ...payload, jti: 'of another tab' }, 60);
    });
    await withinUnit(signingOut, async () => adapter.destroy(id));
    expect((await rows()).map((row) => row.uid)).not.to.include(uid);
    const { revocation_reason } = await w.db('sessions').where({ session_id: sessionId }).first();
    expect(revocation_reason).to.equal('signed_out');
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

  /** A request that has read the session; `write` saves it with a note of one more application, and without another one. */
  async function tab(id: string) {
    const unit = new Unit(w.call());
    const payload = (await withinUnit(unit, () => adapter.find(id))) as AdapterPayload;
    const write = async (jti: string, noted: string, { without = '', ...changes }: Record<string, string> = {}) => {
      const { [without]: _gone, ...authorizations } = payload.authorizations as Record<string, object>;
      const next = { ...payload, ...changes, jti, authorizations: { ...authorizations, [noted]: { sid: noted } } };
      await withinUnit(unit, async () => adapter.upsert(jti, next as AdapterPayload, 60));
      await unit.finish(true);
      return unit;
    };
    return { payload, write };
  }

  const notedIn = async (id: string) => Object.keys((await adapter.find(id))?.authorizations ?? {}).toSorted();

  it('what several tabs noted at once is all there, and what one of them took back is gone', async () => {
    const id = await signedIn();
    const [first = ''] = await notedIn(id);
    const [one, other] = [await tab(id), await tab(id)];
    await one.write(id, 'a');
    await other.write(id, 'b', { without: first });
    expect(await notedIn(id)).to.deep.equal(['a', 'b']);
    // The same application, of which each has learned something.
    const [again, last] = [await tab(id), await tab(id)];
    Object.assign((again.payload.authorizations as Record<string, object>).a ?? {}, { grantId: 'g' });
    Object.assign((last.payload.authorizations as Record<string, object>).a ?? {}, { persistsLogout: true });
    await again.write(id, 'c');
    await last.write(id, 'd');
    const { a, c, d } = ((await adapter.find(id)) as AdapterPayload).authorizations as Record<string, object>;
    expect([a, c, d]).to.deep.equal([{ sid: 'a', grantId: 'g', persistsLogout: true }, { sid: 'c' }, { sid: 'd' }]);
  });

  it('what a tab noted while another went through a sign-in page is there under the new id; of another session or person, nothing is', async () => {
    const id = await signedIn();
    const first = await notedIn(id);
    const tabs = [await tab(id), await tab(id), await tab(id), await tab(id)] as const;
    const other = await makePerson(w);
    await tabs[0].write('page', 'a');
    const unit = await tabs[1].write(id, 'b');
    expect(unit.sessionIsGone, 'the browser keeps the new id').to.equal(true);
    await tabs[2].write(id, 'c', { accountId: other.user_id });
    await tabs[3].write(id, 'd', { sessionId: await makeSession(w, other.user_id) });
    expect(await notedIn('page')).to.deep.equal([...first, 'a', 'b'].toSorted());
    expect(await adapter.find(id)).to.equal(undefined);
  });
});
