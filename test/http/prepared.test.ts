/** With an Idempotency-Key, nothing that waits for somebody else waits inside of a transaction. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import { maxOutside } from '../../src/http/outside.ts';
import { passwordHashes } from '../../src/credentials/passwords/hash-queue.ts';
import { type Answer, type World, world } from '../support/world.ts';
import { until } from '../support/waiting.ts';

describe('http: what is slow comes before the transaction (RE-15)', () => {
  let w: World;
  let server: Server;
  let orgId: string;
  const pending: ServerResponse[] = [];
  let name: PromiseWithResolvers<string[][]>;
  let asked: string[] = [];
  before(async () => {
    w = await world();
    server = createServer((_, response) => void pending.push(response));
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    orgId = (await w.api<{ org_id: string }>('POST', '/organizations', { org_name: 'Slow' })).body.org_id;
    Object.assign(w.app, {
      resolveTxt: (asking: string) => {
        asked.push(asking);
        return name.promise;
      },
    });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await w.close();
  });
  beforeEach(() => {
    name = Promise.withResolvers();
    asked = [];
  });

  const keyed = (path: string, body: object): Promise<Answer> =>
    w.api('POST', path, body, w.apiKey, { 'idempotency-key': randomUUID() });
  /** The embedded database has one connection: while a transaction is open, nobody else is answered. */
  const othersAreAnswered = async (): Promise<void> => {
    const answer = await w.api('POST', '/organizations', { org_name: `Other ${randomUUID()}` });
    expect(answer.status, answer.text).to.equal(201);
    const open = await w.db('idempotency_keys').where({ status: 'pending' }).select('route');
    expect(open).to.deep.equal([]);
  };

  it('a metadata address that does not answer', async () => {
    const { port } = server.address() as AddressInfo;
    const config = { metadata_url: `http://localhost:${port}/metadata` };
    const waiting = keyed(`/organizations/${orgId}/identity-providers`, { type: 'saml', name: 'x', config });
    await until(() => pending.length > 0);
    await othersAreAnswered();
    pending.pop()?.destroy();
    const answer = await waiting;
    expect([answer.status, answer.body.code]).to.deep.equal([400, 'egress_failed']);
  });

  it('a name server that does not answer', async () => {
    const made = await w.api('POST', `/organizations/${orgId}/domains`, { domain: 'slow.example' });
    const { value } = made.body.verification as { value: string };
    const waiting = keyed(`/organizations/${orgId}/domains/slow.example/verification`, { method: 'dns' });
    await until(() => asked.length > 0);
    await othersAreAnswered();
    name.resolve([[value]]);
    const answer = await waiting;
    expect([answer.status, answer.body.verified_by ?? answer.text]).to.deep.equal([200, 'dns']);
  });

  it('RE-15: one organization waits for four at a time, and the others are none of its business', async () => {
    const keyOf = async (name: string) => {
      const { org_id } = (await w.api<{ org_id: string }>('POST', '/organizations', { org_name: name })).body;
      const domain = `${name}.example`;
      await w.api('POST', `/organizations/${org_id}/domains`, { domain });
      const permissions = ['domains.manage'];
      const at = `/organizations/${org_id}`;
      const account = await w.api('POST', `${at}/service-accounts`, { name, permissions });
      const { service_account_id } = account.body;
      const key = await w.api('POST', `${at}/api-keys`, { name, scopes: permissions, service_account_id });
      return () => w.api('POST', `${at}/domains/${domain}/verification`, { method: 'dns' }, key.body.key as string);
    };
    const [greedy, other] = [await keyOf('greedy'), await keyOf('other')];
    const waiting = Array.from({ length: maxOutside }, greedy);
    await until(() => asked.length === maxOutside);
    const refused = await greedy();
    expect([refused.status, refused.body.code]).to.deep.equal([429, 'too_many_requests']);
    const others = other();
    await until(() => asked.length > maxOutside);
    name.resolve([]);
    const answers = await Promise.all([...waiting, others, greedy()]);
    expect(answers.map(({ body }) => body.code)).to.deep.equal(Array(6).fill('domain_record_missing'));
  });

  it('passwords that wait to be hashed', async () => {
    const asked = (): number => {
      const { running, waiting, done } = passwordHashes.load;
      return running + waiting + done;
    };
    const before = asked();
    // A few in front of them, and no more: who waits for two seconds is refused, and forty take as long on a busy machine.
    const busy = Array.from({ length: 12 }, () => passwordHashes.hash('a long enough password of nobody'));
    const people = [`/organizations/${orgId}/users`, '/users'].map((path) =>
      keyed(path, { email: `${randomUUID()}@slow.example`, password: 'seven quiet geese cross the canal' }),
    );
    await until(() => asked() === before + 14);
    await othersAreAnswered();
    expect((await Promise.all(people)).map(({ status }) => status)).to.deep.equal([201, 201]);
    await Promise.all(busy);
  });

  it('a stranger is refused before anything slow is begun', async () => {
    const service = await w.api('POST', `/organizations/${orgId}/service-accounts`, { name: `s${randomUUID()}` });
    const key = await w.api('POST', `/organizations/${orgId}/api-keys`, {
      name: 'reader',
      scopes: ['organizations.read'],
      service_account_id: service.body.service_account_id,
    });
    const { done } = passwordHashes.load;
    const bearer = key.body.key as string;
    const headers = { 'idempotency-key': randomUUID() };
    for (const [path, body] of [
      [`/organizations/${orgId}/users`, { email: 'x@slow.example', password: 'seven quiet geese cross the canal' }],
      [
        `/organizations/${orgId}/identity-providers`,
        { type: 'saml', name: 'x', config: { metadata_url: 'http://localhost:1/' } },
      ],
      [`/organizations/${orgId}/domains/slow.example/verification`, { method: 'dns' }],
    ] as const) {
      const answer = await w.api('POST', path, body, bearer, headers);
      expect([answer.status, answer.body.code], path).to.deep.equal([403, 'not_allowed']);
    }
    expect([passwordHashes.load.done - done, asked.length, pending.length]).to.deep.equal([0, 0, 0]);
  });

  it('every route that reaches outside or hashes says so by preparing', () => {
    const prepared = routes.filter(({ prepare }) => prepare).map(({ operationId }) => operationId);
    expect(prepared).to.have.members([
      'createOrganizationUser',
      'createUser',
      'verifyDomain',
      'createIdentityProvider',
      'updateIdentityProviderMetadata',
      'startIdentityProviderTest',
    ]);
  });
});
