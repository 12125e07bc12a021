import { expect } from 'chai';
import { syncCatalogue } from '../../../src/access/permissions/catalogue.ts';
import { hashSecret } from '../../../src/core/secret.ts';
import { createSetupLink } from '../../../src/signin/setup/service.ts';
import { insertUser } from '../../credentials/owners.ts';
import { type World, world } from '../../support/world.ts';
import { goodPassword, Visitor } from '../person.ts';

const keyOn = ({ page }: Visitor): string => /ltl_key_[\w-]{43}/.exec(page.text)?.[0] ?? '';

describe('signin/setup', () => {
  let w: World;
  beforeEach(async () => {
    w = await world({ environment: { LINTEL_BOOTSTRAP_API_KEY: '' } });
    await syncCatalogue(w.call());
  });
  afterEach(() => w.close());

  const link = async (): Promise<string> => {
    const address = await createSetupLink(w.app);
    expect(address).to.match(new RegExp(`^${w.url}/setup/[\\w-]{43}$`));
    return address as string;
  };
  const input = { email: 'oda@keel.example', name: 'Oda van der Keel', password: goodPassword };

  it('AU-06: there is no default account; a link makes the first administrator and one key, once', async () => {
    expect(await w.db('users')).to.have.length(0);
    expect(await w.db('api_keys')).to.have.length(0);
    const address = await link();
    const visitor = await new Visitor(w).open(address);
    expect([visitor.page.status, visitor.heading]).to.deep.equal([200, 'Set up Lintel']);
    expect(visitor.page.headers.get('cache-control')).to.equal('no-store');
    await visitor.fill(input);
    expect([visitor.page.status, visitor.heading]).to.deep.equal([200, 'Lintel is ready']);
    const key = keyOn(visitor);
    const list = await w.api('GET', '/api-keys', undefined, key);
    expect(list.status, list.text).to.equal(200);
    const user = await w.db('users').first();
    expect(user).to.include({
      email: input.email,
      first_name: 'Oda',
      last_name: 'van der Keel',
      has_password: true,
      home_org_id: null,
    });
    const roles = await w
      .db('user_roles')
      .join('roles', 'roles.role_id', 'user_roles.role_id')
      .select('name', 'user_roles.org_id');
    expect(roles).to.deep.equal([{ name: 'system_administrator', org_id: null }]);
    const again = await new Visitor(w).open(address);
    expect(again.page.status).to.equal(404);
    expect(await createSetupLink(w.app)).to.equal(null);
  });

  it('AU-06: only the hash of the link is kept, and neither the log nor the audit log has it', async () => {
    const address = await link();
    const token = address.split('/').at(-1) as string;
    const visitor = await new Visitor(w).open(address);
    await visitor.fill(input);
    const key = keyOn(visitor);
    expect(await w.db('setup_links').select('token_hash')).to.deep.equal([{ token_hash: hashSecret(token) }]);
    for (const secret of [token, key, goodPassword]) {
      expect(w.logLines.join('\n')).not.to.include(secret);
      expect(JSON.stringify(await w.db('audit_logs'))).not.to.include(secret);
    }
  });

  it('says on the start page that an administrator is missing, until there is one', async () => {
    const start = async () => (await new Visitor(w).open(`${w.url}/`)).page.text;
    expect(await start()).to.include('There is no administrator yet');
    await (await new Visitor(w).open(await link())).fill(input);
    expect(await start()).not.to.include('There is no administrator yet');
  });

  it('AU-06: works for an hour, and only the newest link works', async () => {
    const [first, second] = [await link(), await link()];
    expect((await new Visitor(w).open(first)).page.status).to.equal(404);
    const visitor = await new Visitor(w).open(second);
    expect(visitor.page.status).to.equal(200);
    w.skew = 60 * 60 * 1000 + 1000;
    await visitor.fill(input);
    expect(visitor.page.status).to.equal(404);
    expect(await w.db('users')).to.have.length(0);
  });

  it('AU-06: no link where there is an account, a key, or a key in the configuration', async () => {
    const address = await link();
    const person = await insertUser(w.db);
    expect(await createSetupLink(w.app)).to.equal(null);
    expect((await new Visitor(w).open(address)).page.status, 'a link from before').to.equal(404);
    await w.db('users').where({ user_id: person.user_id }).delete();
    const configured = { ...w.app, config: { ...w.config, bootstrap_api_key: 'x'.repeat(40) } };
    expect(await createSetupLink(configured)).to.equal(null);
    expect(await createSetupLink(w.app)).not.to.equal(null);
  });

  it('says what is wrong and keeps the link: e-mail, weak password; WB-01: a form of somebody else is refused', async () => {
    const address = await link();
    const visitor = await new Visitor(w).open(address);
    for (const [change, field] of [
      [{ password: 'short' }, 'at least 15'],
      [{ password: 'KeelKeelKeel2024' }, 'first that attackers try'],
      [{ email: 'nonsense' }, 'e-mail address'],
      [{ name: 'Oda\u202eKeel' }, 'name'],
    ] as const) {
      await visitor.fill({ ...input, ...change });
      expect(visitor.page.status, field).to.equal(422);
      expect(visitor.page.text).to.include(field);
      expect(visitor.page.text).not.to.include(input.password);
    }
    const path = new URL(address).pathname;
    expect((await visitor.post(path, input)).status).to.equal(403);
    const stranger = await new Visitor(w).open(address);
    const form = { ...input, csrf: 'x'.repeat(43) };
    expect((await stranger.post(path, form)).status).to.equal(403);
    expect((await stranger.post(path, input, { origin: 'https://evil.example' })).status).to.equal(403);
    expect(await w.db('users')).to.have.length(0);
    await visitor.fill(input);
    expect(visitor.heading).to.equal('Lintel is ready');
  });

  it('AU-06: two at the same time make one administrator', async () => {
    const address = await link();
    const visitors = await Promise.all([1, 2, 3].map(() => new Visitor(w).open(address)));
    await Promise.all(visitors.map((visitor, index) => visitor.fill({ ...input, email: `oda${index}@keel.example` })));
    expect(visitors.map(({ page }) => page.status).sort()).to.deep.equal([200, 404, 404]);
    expect(await w.db('users')).to.have.length(1);
    expect(await w.db('api_keys')).to.have.length(1);
  });
});
