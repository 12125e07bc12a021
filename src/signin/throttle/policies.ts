/** How many wrong passwords are taken (checklist AU-08, NIST SP 800-63B-4 §3.2.2: at most 100 in a row for an account). */
import { definePolicy } from '../../ratelimits/counters/policies.ts';

const day = 86_400;

/** Everybody together: a guard for the cores and the database, far above what honest mistakes add up to. */
export const everywhere = definePolicy({
  name: 'signin.failures_in_all',
  scope: 'system',
  limit_count: 3000,
  window_sec: 60,
  description: 'Wrong passwords a minute, in all.',
});

/** One network: an address, or a /64. Wide enough for an office behind one address. */
export const perAddress = definePolicy({
  name: 'signin.failures_of_address',
  scope: 'address',
  limit_count: 200,
  window_sec: 600,
  description: 'Wrong passwords in ten minutes from one address (IPv6: one /64).',
});

/** One name that is typed, whether there is such an account or not; what the person is told. */
export const perIdentifier = definePolicy({
  name: 'signin.failures_of_identifier',
  scope: 'account',
  limit_count: 100,
  window_sec: day,
  description: 'Wrong passwords a day for one typed name; after five each waits twice as long, at most 15 minutes.',
  delay: { free: 5, most_sec: 900 },
});

/** One account, by whatever names it is tried. Beyond it every password is wrong, so that names do not betray each other. */
export const perAccount = definePolicy({
  name: 'signin.failures_of_account',
  scope: 'account',
  limit_count: 100,
  window_sec: day,
  description: 'Wrong passwords a day for one account.',
});

/** One account from a browser in which its person has signed in before: attacks from elsewhere do not fill it (AU-09). */
export const perKnownDevice = definePolicy({
  name: 'signin.failures_of_known_device',
  scope: 'account',
  limit_count: 50,
  window_sec: day,
  description: 'Wrong passwords a day for one account from a browser that it knows.',
  delay: { free: 10, most_sec: 300 },
});
