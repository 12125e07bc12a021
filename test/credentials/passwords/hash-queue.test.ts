import { expect } from 'chai';
import { Fault } from '../../../src/core/fault.ts';
import { HashQueue, isOutdated } from '../../../src/credentials/passwords/hash-queue.ts';

const refusal = async (work: Promise<unknown>): Promise<Fault> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('credentials/passwords/hash-queue', () => {
  it('AU-01: hashes with Argon2id by the figures of OWASP, a salt of its own each time', async () => {
    const queue = new HashQueue();
    const [one, two] = await Promise.all([queue.hash('a long password indeed'), queue.hash('a long password indeed')]);
    expect(one).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.to.equal(two);
    expect(isOutdated(one)).to.equal(false);
    expect(isOutdated(one.replace('m=19456', 'm=9728'))).to.equal(true);
    expect(await queue.verify(one, 'a long password indeed')).to.equal(true);
    expect(await queue.verify(one, 'a long password indeeD')).to.equal(false);
  });

  it('AU-02: passwords that differ at byte 73, at byte 129, after NUL or at byte 1,025 are different', async () => {
    const queue = new HashQueue();
    const pairs = [72, 128, 1024].map((at) => [`${'x'.repeat(at)}a`, `${'x'.repeat(at)}b`]);
    pairs.push(['before\u0000after', 'before\u0000other'], ['before', 'before\u0000']);
    for (const [one = '', other = ''] of pairs) {
      const hash = await queue.hash(one);
      expect(await queue.verify(hash, one)).to.equal(true);
      expect(await queue.verify(hash, other), JSON.stringify(other.slice(-10))).to.equal(false);
    }
  });

  it('AU-07: an account that is not there costs one hash and is never right', async () => {
    const queue = new HashQueue();
    expect(await queue.verify(null, 'anything')).to.equal(false);
    expect(await queue.verify(null, '')).to.equal(false);
    expect(queue.load.done).to.equal(2);
  });

  it('RE-11: never more at once than allowed; a full queue is refused with busy and Retry-After', async () => {
    const queue = new HashQueue({ running: 2, waiting: 5, deadlineMs: 5000 });
    const settled = await Promise.allSettled(Array.from({ length: 20 }, () => queue.hash('flood of passwords')));
    const refused = settled.filter((result) => result.status === 'rejected').map(({ reason }) => reason as Fault);
    expect(queue.load.peak).to.equal(2);
    expect(refused).to.have.length(13);
    for (const fault of refused) {
      expect([fault.code, fault.status, fault.retryAfter]).to.deep.equal(['busy', 503, 5]);
    }
    expect(queue.load).to.deep.include({ running: 0, waiting: 0, done: 7, refused: 13 });
  });

  it('RE-11: who waits longer than the deadline is refused, and the queue goes on', async () => {
    const queue = new HashQueue({ running: 1, waiting: 50, deadlineMs: 15 });
    const settled = await Promise.allSettled(Array.from({ length: 30 }, () => queue.hash('flood of passwords')));
    expect(settled.filter(({ status }) => status === 'rejected').length).to.be.greaterThan(0);
    expect(queue.load).to.deep.include({ running: 0, waiting: 0 });
    expect(await queue.hash('and after it')).to.be.a('string');
  });

  it('a hash that cannot be read gives its place back', async () => {
    const queue = new HashQueue({ running: 1, waiting: 5 });
    await queue.verify('$argon2id$broken', 'x').then(
      () => expect.fail('it was read'),
      () => undefined,
    );
    expect((await refusal(Promise.reject(new Fault('busy')))).code).to.equal('busy');
    expect(await queue.verify(null, 'x')).to.equal(false);
    expect(queue.load.running).to.equal(0);
  });
});
