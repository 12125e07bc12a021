import { expect } from 'chai';
import { connect, type Database } from '../../../src/db/connect.ts';
import { newId } from '../../../src/core/id.ts';
import { Call, anonymous } from '../../../src/core/call.ts';
import { passwordHashes } from '../../../src/credentials/passwords/hash-queue.ts';
import { makeApplication } from '../../oidc/rp.ts';
import { takePlace } from '../../../src/signin/throttle/service.ts';
import { postgresOnly, testDatabaseAddress } from '../../support/database.ts';
import { formsOf, insertPersonWithPassword, signinWorld, type SigninWorld, Visitor, wrongPassword } from '../person.ts';

describe('signin/flow: many at once', () => {
  let w: SigninWorld;
  let second: Database;
  before(async function () {
    postgresOnly(this);
    w = await signinWorld();
    second = await connect(await testDatabaseAddress(), { pool: 10 });
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(async () => {
    await second?.close();
    await w?.close();
  });

  it('AU-08: 50 wrong passwords at once: five are judged, the others wait', async () => {
    const client = await makeApplication(w);
    const { email, user_id } = await insertPersonWithPassword(w);
    const visitors = await Promise.all(
      Array.from({ length: 50 }, async () => (await new Visitor(w).begin(client)).fill({ identifier: email })),
    );
    const hashes = passwordHashes.load.done;
    const answers = await Promise.all(
      visitors.map((visitor) => {
        const [form] = formsOf(visitor.page.text);
        return visitor.post(form?.action ?? '', { ...form?.fields, password: wrongPassword });
      }),
    );
    expect(answers.filter(({ status }) => status === 303)).to.have.length(5);
    expect(answers.filter(({ status }) => status === 429)).to.have.length(45);
    expect(passwordHashes.load.done - hashes).to.equal(5);
    expect(await w.db('login_attempts').where({ user_id })).to.have.length(5);
  });

  it('AU-08, RE-08: on two nodes, over a day and by every name, an account takes no more than 100', async () => {
    const user_id = newId();
    const nodes = [w.app, { ...w.app, db: second.knex }];
    let judged = 0;
    for (let round = 0; round < 30; round += 1) {
      const places = await Promise.all(
        Array.from({ length: 20 }, (_, index) => {
          const app = nodes[index % 2] ?? w.app;
          const request = { request_id: null, ip: `2001:db8:${round}:${index}::1`, user_agent: null };
          return takePlace(Call.begin(app, anonymous, request), {
            identifier: `name-${round}-${index % 4}`,
            org_id: null,
            user_id,
            known_device: null,
          });
        }),
      );
      judged += places.filter((place) => place.taken && place.is_judged).length;
    }
    expect(judged).to.equal(100);
  });
});
