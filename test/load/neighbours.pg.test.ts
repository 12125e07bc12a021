/**
 * MT-06: one organization asks for ten times what it may have, over SCIM and over REST, and somebody posts sign-ins from one address;
 * another organization's trickle is served all the same. Refusals and order are asserted; times are only told, because the machine
 * is shared with what makes the flood.
 */
import { expect } from 'chai';
import { org_id } from '../bench/population.ts';
import { onPostgres } from '../support/database.ts';
import { median } from '../support/median.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { form, json } from './attack.ts';
import { pour, type Poured, type Shot, tally } from './pour.ts';
import { loadStage, type LoadStage } from './stage.ts';

/** Requests of a door that are worked on at the same time, and what one SCIM client may ask for a second. */
const places = 16;
const perSecond = 20;
const seconds = 4;

interface Neighbour {
  readonly org_id: string;
  readonly key: string;
  readonly scim: string;
}

describe('load: a noisy neighbour', function () {
  this.timeout(120_000);
  let stage: LoadStage;
  let noisy: Neighbour;
  let quiet: Neighbour;

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(500, {
      LINTEL_REQUESTS_IN_FLIGHT: String(places),
      LINTEL_SCIM_REQUESTS_PER_SECOND: String(perSecond),
    });
    noisy = await neighbour(org_id);
    const { org_id: other } = await made<{ org_id: string }>('/organizations', { org_name: 'Quiet' });
    quiet = await neighbour(other);
    await made(`/organizations/${other}/users`, { email: 'one@quiet.example' });
  });
  after(() => stage?.close());

  async function made<T>(path: string, body: unknown): Promise<T> {
    const answer = await stage.process.api('POST', path, body);
    const text = await answer.text();
    expect(answer.status, `${path} ${text}`).to.equal(201);
    return JSON.parse(text) as T;
  }

  /** An organization's own key and its own directory. */
  async function neighbour(id: string): Promise<Neighbour> {
    const place = `/organizations/${id}`;
    const { service_account_id } = await made<{ service_account_id: string }>(`${place}/service-accounts`, {
      name: 'program',
      permissions: ['users.read'],
    });
    const { key } = await made<{ key: string }>(`${place}/api-keys`, {
      name: 'key',
      scopes: ['users.read'],
      service_account_id,
    });
    const { client_id } = await made<{ client_id: string }>(`${place}/scim-clients`, {});
    const { token } = await made<{ token: string }>(`${place}/scim-clients/${client_id}/tokens`, {});
    return { org_id: id, key, scim: token };
  }

  const overScim = ({ scim }: Neighbour): Shot => ({
    name: 'SCIM',
    method: 'GET',
    path: '/scim/v2/Users?count=1',
    headers: { authorization: `Bearer ${scim}` },
  });
  const overRest = ({ org_id: id, key }: Neighbour): Shot => ({
    name: 'REST',
    method: 'GET',
    path: `/api/v1/organizations/${id}/users?limit=1`,
    headers: { authorization: `Bearer ${key}`, accept: json },
  });
  const signin = (): Shot => ({
    name: 'sign-in',
    method: 'POST',
    path: `/signin/${'a'.repeat(21)}/password`,
    headers: { 'content-type': form, origin: stage.process.url },
    body: 'password=wrong',
  });

  /** One request at a time, one door after the other, well below what is allowed. */
  const trickle = (): Promise<Poured> => {
    const shots = [overScim(quiet), overRest(quiet)];
    const { port } = stage.process;
    return pour({ port, connections: 1, seconds, pauseMs: 60, shot: (index) => shots[index % 2] as Shot });
  };
  const medians = ({ said }: Poured): Record<string, number> =>
    Object.fromEntries(
      ['SCIM', 'REST'].map((door) => [door, median(said.filter(({ name }) => name === door).map(({ ms }) => ms))]),
    );

  it('MT-06: ten times what one organization may have is refused to it, and to nobody else', async () => {
    const { port } = stage.process;
    await trickle();
    const alone = await trickle();
    const all = (connections: number, pauseMs: number, shot: Shot) =>
      pour({ port, connections, seconds: seconds + 1, pauseMs, shot: () => shot });
    const floods = Promise.all([
      // Ten times its pace a second, and ten times as many at once as a door works on.
      all(perSecond, 100, overScim(noisy)),
      all(places * 10, 100, overRest(noisy)),
      all(places, 100, signin()),
    ]);
    const beside = await trickle();
    const [scim, rest, pages] = await floods;

    // Those of the noisy one that were answered while one of the quiet one was on its way.
    const served = rest.said.filter(({ status }) => status === 200);
    const passed = beside.said
      .filter(({ name }) => name === 'REST')
      .map(({ at, ms }) => served.filter((one) => one.at > at - ms && one.at < at).length);
    process.stdout.write(
      `      the noisy one: ${JSON.stringify({ ...tally(scim), ...tally(rest), ...tally(pages) })}\n` +
        `      the quiet one: ${JSON.stringify(tally(beside))}; medians alone ${JSON.stringify(medians(alone))} ms, beside it ${JSON.stringify(medians(beside))} ms\n` +
        `      of the noisy one's, answered meanwhile: median ${median(passed)}, most ${Math.max(...passed)}\n`,
    );

    expect(Object.keys(tally(alone))).to.deep.equal(['REST 200', 'SCIM 200']);
    expect(Object.keys(tally(beside))).to.deep.equal(['REST 200', 'SCIM 200']);
    expect([alone.lost, beside.lost]).to.deep.equal([{}, {}]);
    for (const { said, lost } of [scim, rest, pages]) {
      expect(lost).to.deep.equal({});
      for (const { status, retryAfter, text } of said)
        if (status === 429 || status === 503) expect(retryAfter, text).to.match(/^\d+$/);
    }
    const count = ({ said }: Poured, status: number) => said.filter((one) => one.status === status).length;
    expect(count(scim, 429)).to.be.greaterThan(0);
    expect(count(scim, 200)).to.be.at.most(perSecond * (3 + seconds + 2));
    expect(count(rest, 503)).to.be.greaterThan(0);
    // Three quarters of the places are the noisy one's at most. Who comes then waits for those that were let in before, at the database
    // once more for those that took their places, and never for its queue.
    expect(median(passed)).to.be.at.most(places * 0.75 * 2);
  });
});
