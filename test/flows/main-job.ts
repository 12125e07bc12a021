/**
 * The main job: SCIM brings people, SAML signs them in, OpenID tokens name them, and SCIM ends it all. As a function, because it must
 * hold on one process and on several (`test/faults/several.pg.test.ts`).
 */
import { expect } from 'chai';
import * as openid from 'openid-client';
import { Browser, type Page, passPages } from '../../src/demo/browser.ts';
import { people } from '../../src/demo/cast.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { items, patchUser, signIn } from './stage.ts';

export function mainJob(openStage: () => Promise<Stage>): void {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());

  const tokens = () => {
    const last = stage.lastTokens();
    if (!last) throw new Error('nobody signed in');
    return last;
  };
  const home = () => `${stage.applicationUrl}/`;
  const refresh = () =>
    openid.refreshTokenGrant(stage.openid, tokens().tokens.refresh_token ?? '').then(
      (answer) => answer.claims() ?? {},
      (error: { error?: string }) => ({ error: error.error }),
    );
  const groupOf = async () => {
    const { Resources } = await stage.scim<{ Resources: { id: string }[] }>('GET', '/Groups');
    return Resources[0]?.id ?? '';
  };
  const members = async (op: 'add' | 'remove', username: string) => {
    const value = [{ value: stage.scimIds.get(username) }];
    await stage.scim('PATCH', `/Groups/${await groupOf()}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [
        op === 'add' ? { op, path: 'members', value } : { op, path: `members[value eq "${value[0]?.value}"]` },
      ],
    });
  };

  it('signs somebody in through the company, and tells the application who, for whom, and what she may do', async () => {
    const page = await signIn(stage, new Browser(), 'ada');
    expect(page.url, page.html).to.equal(home());
    expect(page.html).to.include('Ada Byron').and.include('Stock keeper').and.include('Keystone');
    const { claims } = tokens();
    expect(claims).to.deep.include({
      email: 'ada@acme.example',
      email_verified: true,
      org_name: 'Acme Ltd',
      roles: ['Stock keeper'],
      permissions: ['items.read'],
    });
    expect(claims.sub).to.equal(stage.scimIds.get('ada'));
    expect(await items(stage)).to.equal(200);
  });

  it('asks nothing a second time in the same browser, and everything in another', async () => {
    const browser = new Browser();
    await signIn(stage, browser, 'grace');
    const first = tokens().claims.sid;
    const again = await browser.open(`${stage.applicationUrl}/sign-in`);
    expect(again.url, again.html).to.equal(home());
    expect(tokens().claims.sid).to.equal(first);
    const other = await new Browser().open(`${stage.applicationUrl}/sign-in`);
    expect(other.forms[0]?.visible).to.deep.equal(['identifier']);
  });

  it('RT-09: takes roles away with the group, at once for the API and with the next refresh for the application', async () => {
    await signIn(stage, new Browser(), 'grace');
    expect(await items(stage)).to.equal(200);
    await members('remove', 'grace');
    expect(await items(stage)).to.equal(403);
    expect(await refresh()).to.deep.include({ roles: [], permissions: [] });
    await members('add', 'grace');
    await signIn(stage, new Browser(), 'grace');
    expect(await items(stage)).to.equal(200);
  });

  it('SA-07: takes an answer of the identity provider once, and only in the browser that asked', async () => {
    const browser = new Browser();
    const answer = await untilAcs(browser, 'edsger');
    const form = answer.forms[0];
    if (!form) throw new Error(answer.html);
    // Another browser first: nothing there, and the right one must still get in or be told to begin again, never the wrong one.
    const thief = await new Browser().submit(answer, form);
    expect(thief.url, thief.trail.join('\n')).not.to.equal(home());
    expect(thief.html).not.to.include('Edsger');
    const victim = new Browser();
    const fresh = await untilAcs(victim, 'edsger');
    const freshForm = fresh.forms[0];
    if (!freshForm) throw new Error(fresh.html);
    const back = await victim.submit(fresh, freshForm);
    expect(back.url, back.html).to.equal(home());
    for (const replayer of [victim, new Browser()]) {
      const replayed = await replayer.submit(fresh, freshForm);
      expect(replayed.status).to.be.within(400, 499);
      expect(replayed.title).to.match(/error|sign/i);
    }
  });

  it('FD-01: does not let the company speak for a person of no domain of its own', async () => {
    const user = await stage.rest<{ user_id: string }>('POST', '/users', {
      email: 'someone@elsewhere.example',
      password: 'a wholly different story',
    });
    const first = await new Browser().open(`${stage.applicationUrl}/sign-in`);
    expect(first.status).to.equal(200);
    const { items: identities } = await stage.rest<{ items: { user_id: string }[] }>(
      'GET',
      `/organizations/${stage.orgId}/members`,
    );
    expect(identities.map(({ user_id }) => user_id)).not.to.include(user.user_id);
  });

  it('SC-08: ends sessions, tokens and new sign-ins when the directory says inactive, and revives none of them', async () => {
    const browser = new Browser();
    expect((await signIn(stage, browser, 'ada')).url).to.equal(home());
    const { tokens: old } = tokens();
    await patchUser(stage, 'ada', { active: false });
    expect(await items(stage, old.access_token)).to.equal(401);
    expect(await refresh()).to.deep.equal({ error: 'invalid_grant' });
    expect((await browser.open(`${stage.applicationUrl}/sign-in`)).url).not.to.equal(home());
    expect((await signIn(stage, new Browser(), 'ada')).url).not.to.equal(home());
    await patchUser(stage, 'ada', { active: true });
    expect(await items(stage, old.access_token)).to.equal(401);
    expect((await browser.open(`${stage.applicationUrl}/sign-in`)).url).not.to.equal(home());
    expect((await signIn(stage, new Browser(), 'ada')).url).to.equal(home());
    expect(await items(stage)).to.equal(200);
    expect(await items(stage, old.access_token)).to.equal(401);
  });

  it('TK-11: a deleted person is gone, and the next one of the same name is another', async () => {
    await signIn(stage, new Browser(), 'ada');
    const before = tokens().claims.sub;
    await stage.scim('DELETE', `/Users/${before}`);
    expect(await items(stage)).to.equal(401);
    // Deleting is the directory's word: the identity provider alone does not bring the person back.
    expect((await signIn(stage, new Browser(), 'ada')).url).not.to.equal(home());
    const { id } = await stage.scim<{ id: string }>('POST', '/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'ada@acme.example',
      emails: [{ value: 'ada@acme.example', primary: true }],
    });
    expect(id).not.to.equal(before);
    expect((await signIn(stage, new Browser(), 'ada')).url).to.equal(home());
    expect(tokens().claims.sub).to.equal(id);
    expect(tokens().claims.sub).not.to.equal(before);
    expect(await items(stage), 'the new account is in no group').to.equal(403);
  });

  it('SE-05: signs out at the application and at Lintel', async () => {
    const browser = new Browser();
    const page = await signIn(stage, browser, 'grace');
    const form = page.forms.find(({ action }) => action.endsWith('/sign-out'));
    if (!form) throw new Error(page.html);
    const { tokens: old } = tokens();
    const left = await passPages(browser, await browser.submit(page, form), {
      fields: {},
      arrived: (url) => url === home(),
    });
    expect(left.url).to.equal(home());
    expect(left.html).to.include('/sign-in');
    expect(await items(stage, old.access_token)).to.equal(401);
    expect((await browser.open(`${stage.applicationUrl}/sign-in`)).forms[0]?.visible).to.deep.equal(['identifier']);
  });

  it('AL-04: has all of it in the audit log of the organization, by whom', async () => {
    const { items: log } = await stage.rest<{ items: { action: string; actor_label: string; details: object }[] }>(
      'GET',
      `/organizations/${stage.orgId}/audit-logs?limit=200`,
    );
    const actions = new Set(log.map(({ action }) => action));
    for (const action of [
      'user.created',
      'user.disabled',
      'user.enabled',
      'user.deleted',
      'group.members_changed',
      'session.created',
      'session.revoked',
      'identity.linked',
    ]) {
      expect(actions, [...actions].join(' ')).to.include(action);
    }
    const text = JSON.stringify(log);
    for (const { password } of people) expect(text).not.to.include(password);
    expect(text).not.to.match(/ltl_[a-z]+_[\w-]{20}/);
  });

  /** Goes as far as the page with which the identity provider sends its answer. */
  async function untilAcs(browser: Browser, username: string): Promise<Page> {
    const person = people.find((candidate) => candidate.username === username);
    const first = await browser.open(`${stage.applicationUrl}/sign-in`);
    const fields = { identifier: person?.email ?? '', username, password: person?.password ?? '' };
    return passPages(browser, first, { fields, arrived: (url) => url === `${stage.identityProviderUrl}/log-in` });
  }
}
