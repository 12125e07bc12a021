/** Sign-in traces: for the organization's administrator, newest first, by the reference that a visitor reads out. */
import { expect } from 'chai';
import { mask, newReference, refusedResponses } from '../../../src/federation/attempts/service.ts';
import { type World, world } from '../../support/world.ts';
import { type Company, company, post, signIn, type Trace } from '../company.ts';

describe('federation/attempts', () => {
  let w: World;
  let c: Company;
  before(async () => {
    w = await world();
    c = await company(w, { auto_provision: true });
  });
  after(() => w.close());
  const traces = (query = '', org_id = c.org_id) =>
    w.api<{ items: Trace[]; next: string | null }>('GET', `/organizations/${org_id}/signin-traces${query}`);

  it('are one for each response, newest first, with the reason and what to do', async () => {
    const person = { subject: 's1', email: `ada@${c.domain}` };
    await signIn(w, c, person);
    const { reference } = await signIn(w, c, person, { audience: 'https://wrong.example' });
    const { items } = (await traces()).body;
    expect(items.map(({ result, code }) => [result, code])).to.deep.equal([
      ['denied', 'audience'],
      ['success', null],
    ]);
    expect(items[0]?.explanation).to.be.a('string');
    expect(items[1]?.user_id).to.be.a('string');
    const one = await w.api<Trace>('GET', `/organizations/${c.org_id}/signin-traces/${reference?.toLowerCase()}`);
    expect(one.body).to.deep.equal(items[0]);
  });

  it('are found by page, result, code and connection', async () => {
    const first = (await traces('?limit=1')).body;
    const second = (await traces(`?limit=1&after=${first.next}`)).body;
    expect([first.items[0]?.code, second.items[0]?.code]).to.deep.equal(['audience', null]);
    expect((await traces('?result=success')).body.items).to.have.length(1);
    expect((await traces('?code=audience')).body.items).to.have.length(1);
    expect((await traces(`?provider_id=${c.provider.provider_id}`)).body.items).to.have.length(2);
    expect((await traces('?result=perhaps')).status).to.equal(400);
  });

  it('MT-01: are not another organization’s', async () => {
    const other = await company(w);
    const { reference } = (await traces()).body.items[0] as Trace;
    expect((await traces('', other.org_id)).body.items).to.deep.equal([]);
    expect((await w.api('GET', `/organizations/${other.org_id}/signin-traces/${reference}`)).status).to.equal(404);
  });

  it('AL-05: anybody can send rubbish; so much of it is kept and no more', async () => {
    const d = await company(w);
    const rubbish = () => post(w, d.provider.sp.acs_url, { SAMLResponse: 'cnViYmlzaA==' });
    await rubbish();
    await w
      .db('rate_limit_counters')
      .where({ subject_key: d.provider.provider_id })
      .update({ count: refusedResponses.limit_count });
    expect((await rubbish()).status).to.equal(400);
    expect((await traces('', d.org_id)).body.items).to.have.length(1);
  });

  it('mask values: a first letter, a length, and the domain of an address', () => {
    expect(mask('ada@acme.example')).to.equal('a…(3)@acme.example');
    expect(mask('Engineering')).to.equal('E…(11)');
    expect(mask('')).to.equal('…(0)');
  });

  it('references are easy to read aloud, and never alike', () => {
    const many = Array.from({ length: 2000 }, newReference);
    expect(new Set(many).size).to.equal(2000);
    expect(many.every((reference) => /^[2-9A-HJKMNP-TV-Z]{4}(-[2-9A-HJKMNP-TV-Z]{4}){2}$/.test(reference))).to.equal(
      true,
    );
  });
});
