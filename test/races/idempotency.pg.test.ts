/** Requests that come several times under one Idempotency-Key, at the same moment and to different processes (draft-ietf-httpapi-idempotency-key-header). */
import { expect } from 'chai';
import { createApiKey } from '../../src/credentials/api-keys/service.ts';
import { createServiceAccount } from '../../src/credentials/service-accounts/service.ts';
import { makeOrganization } from '../directory/cast.ts';
import { good, race, times } from './race.ts';
import { type Node, races, unique } from './stage.ts';

races('Idempotency-Key', (stageOf) => {
  let org_id: string;
  let service_account_id: string;
  let actors: string[];

  before(async () => {
    const { w } = stageOf();
    ({ org_id } = await makeOrganization(w));
    const account = (name: string) =>
      createServiceAccount(w.call(), org_id, { name, permissions: ['api_keys.manage', 'users.read'] });
    ({ service_account_id } = await account('Owner of keys'));
    actors = await Promise.all(
      ['One', 'Two'].map(async (name) => {
        const owner = await account(name);
        const input = { name, scopes: ['api_keys.manage', 'users.read'], service_account_id: owner.service_account_id };
        return (await createApiKey(w.call(), org_id, input)).key;
      }),
    );
  });

  const asking = (key: string, name: string, bearer?: string) => (node: Node) =>
    node.api(
      'POST',
      `/organizations/${org_id}/api-keys`,
      { name, scopes: ['users.read'], service_account_id },
      bearer ?? actors[0],
      { 'idempotency-key': key },
    );
  const made = (prefix: string) => stageOf().w.db('api_keys').where({ org_id }).whereLike('name', `${prefix}%`);

  it('one key and one body twelve times: one API key is made, and all answers are the same', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (key) => times(12, () => asking(key, key)),
      gives: { '201': 12 },
      after: async (key, results) => {
        expect(await made(key)).to.have.length(1);
        expect(new Set(results.map(({ answer }) => answer.text)).size, 'answers').to.equal(1);
        const replayed = results.filter(({ answer }) => answer.headers.get('idempotency-replayed') === 'true');
        expect(replayed, 'said to be repeated').to.have.length(11);
      },
    }));

  it('one key and two bodies six times each: the first body is served, the other one refused', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (key) => times(12, (index) => asking(key, `${key} ${index % 2}`)),
      gives: { '201': 6, '422 idempotency_key_reused': 6 },
      after: async (key, results) => {
        expect(await made(key)).to.have.length(1);
        expect(new Set(good(results).map(({ text }) => text)).size, 'answers').to.equal(1);
      },
    }));

  it('one key of two actors six times each: two API keys, and nobody gets the other one’s answer', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (key) => times(12, (index) => asking(key, key, actors[index % 2])),
      gives: { '201': 12 },
      after: async (key, results) => {
        expect(await made(key)).to.have.length(2);
        const texts = results.map(({ answer }) => answer.text);
        expect(new Set(texts).size).to.equal(2);
        for (const [index, text] of texts.entries()) expect(text).to.equal(texts[index % 2]);
      },
    }));

  it('what is refused leaves the key as it was: the corrected request is served once', () =>
    race(stageOf(), {
      prepare: async () => unique(),
      acts: (key) =>
        times(12, (index) => (node) => {
          const scopes = [index % 2 === 0 ? 'users.read' : 'roles.manage'];
          const body = { name: key, scopes, service_account_id };
          return node.api('POST', `/organizations/${org_id}/api-keys`, body, actors[0], { 'idempotency-key': key });
        }),
      // The other body is refused for what it asks (its actor does not hold that), or for the key, if it comes later.
      outcome: ({ status }) =>
        status === 201 ? 'made' : status === 403 || status === 422 ? 'refused' : String(status),
      gives: { made: 6, refused: 6 },
      after: async (key) => {
        expect(await made(key)).to.have.length(1);
      },
    }));
});
