import { expect } from 'chai';
import { Fault } from '../../src/core/fault.ts';
import { LargeBodies } from '../../src/http/large.ts';

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof Fault) return `${error.code} ${error.retryAfter}`;
      throw error;
    },
  );

/** Whether a promise is settled by now. */
const isSettled = async (work: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol();
  await new Promise((wake) => setImmediate(wake));
  return (await Promise.race([work, Promise.resolve(pending)])) !== pending;
};

describe('http/large', () => {
  it('RE-13: works on so many bytes at a time; the others follow in their order as these are given back', async () => {
    const large = new LargeBodies({ bytes: 100, deadlineMs: 5000 });
    const first = await large.take(50, 'a');
    const second = await large.take(50, 'b');
    const third = large.take(60, 'c');
    const fourth = large.take(10, 'd');
    expect(await isSettled(third)).to.equal(false);
    first();
    // Ten would fit by now, but would pass over the one that waits longer.
    expect(await isSettled(fourth)).to.equal(false);
    second();
    await Promise.all([third, fourth]);
  });

  it('RE-13: gives back once, however often it is told', async () => {
    const large = new LargeBodies({ bytes: 100, deadlineMs: 5000 });
    const give = await large.take(60, 'a');
    await large.take(40, 'b');
    give();
    give();
    await large.take(60, 'c');
    expect(await isSettled(large.take(40, 'd'))).to.equal(false);
  });

  it('RE-13: who waits too long, or finds as much waiting as may, is told busy with a time', async () => {
    const large = new LargeBodies({ bytes: 100, deadlineMs: 20 });
    const give = await large.take(100, 'a');
    const late = outcome(large.take(70, 'b'));
    expect(await outcome(large.take(70, 'c'))).to.equal('busy 5');
    expect(await late).to.equal('busy 5');
    give();
    expect(await outcome(large.take(70, 'b'))).to.equal('taken');
  });

  it('RE-13: one that is larger than all of the room is taken when it is alone', async () => {
    const large = new LargeBodies({ bytes: 100, deadlineMs: 20 });
    const give = await large.take(400, 'a');
    expect(await outcome(large.take(1, 'b'))).to.equal('busy 5');
    give();
    expect(await outcome(large.take(1, 'b'))).to.equal('taken');
  });

  it('MT-06: one who asks has half of the bytes, at work and in the queue; the other half is for the others', async () => {
    const large = new LargeBodies({ bytes: 100, deadlineMs: 5000 });
    const give = await large.take(50, 'a');
    const waiting = large.take(50, 'a');
    expect(await outcome(large.take(10, 'a'))).to.equal('busy 5');
    expect(await outcome(large.take(50, 'b'))).to.equal('taken');
    expect(await isSettled(waiting)).to.equal(false);
    give();
    await waiting;
  });
});
