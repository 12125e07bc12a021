/** Who waits for the outside, beside what `prepared.test.ts` shows over HTTP. */
import { expect } from 'chai';
import type { App } from '../../src/core/app.ts';
import { type Actor, anonymous, Call, systemActor } from '../../src/core/call.ts';
import { Fault } from '../../src/core/fault.ts';
import { createOutside, maxOutside } from '../../src/http/outside.ts';
import { type World, world } from '../support/world.ts';

describe('http/outside (RE-15)', () => {
  let w: World;
  let wait: App['waitOutside'];
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(() => {
    wait = createOutside();
  });

  const of = (org_id: string): Call => Call.begin(w.app, { ...anonymous, reach: { org_id } } satisfies Actor);
  const refusal = (work: Promise<unknown>) => work.then(String, (error: unknown) => (error as Fault).code);

  it('counts for each organization by itself, and not for the system', async () => {
    const gate = Promise.withResolvers<string>();
    const calls = [...Array<Call>(maxOutside).fill(of('a')), of('b')];
    const waiting = calls.map((call) => wait(call, () => gate.promise));
    expect(await refusal(wait(of('a'), async () => 'begun'))).to.equal('too_many_requests');
    expect(await wait(of('b'), async () => 'begun')).to.equal('begun');
    const own = Array.from({ length: maxOutside + 1 }, () =>
      wait(Call.begin(w.app, systemActor('test')), () => gate.promise),
    );
    gate.resolve('done');
    expect(new Set(await Promise.all([...waiting, ...own]))).to.deep.equal(new Set(['done']));
    expect(await wait(of('a'), async () => 'begun')).to.equal('begun');
  });

  it('gives the place back also when the outside fails', async () => {
    for (let count = 0; count <= maxOutside; count += 1) {
      const failed = wait(of('a'), () => Promise.reject(new Fault('egress_failed')));
      expect(await refusal(failed)).to.equal('egress_failed');
    }
  });
});
