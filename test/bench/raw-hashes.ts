/** The floor of password sign-ins: Argon2id with the same parameters and at most one a core, and nothing else. */
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';

const password = 'seven quiet geese cross the canal';
const hashed = hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });

process.on('message', async ({ seconds }: { seconds: number }) => {
  const known = await hashed;
  const began = performance.now();
  const used = process.cpuUsage();
  let done = 0;
  const work = async () => {
    while (performance.now() - began < seconds * 1000) {
      if (await verify(known, password)) done += 1;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const { user, system } = process.cpuUsage(used);
  process.send?.({ rate: done / ((performance.now() - began) / 1000), cpu: (user + system) / 1000 / done });
});
process.on('disconnect', () => process.exit(0));
