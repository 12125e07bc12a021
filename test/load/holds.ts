/**
 * Loaded into a Lintel process before everything else: measures how long its event loop is held. A timer looks each millisecond at the
 * processor time of the main thread; what is used between two looks was used without the loop coming round. Processor time, because
 * on a busy machine the clock on the wall also counts what other processes do. Asked and answered over IPC.
 */
import { isMainThread } from 'node:worker_threads';

export type HoldQuestion =
  | { readonly holds: 'begin' | 'end' }
  | { readonly holds: 'hold'; readonly milliseconds: number };
/**
 * Milliseconds of processor time: the longest hold since `begin`, and all that was used. Bytes: what is resident, and what the main
 * thread holds of its heap and beside it, garbage included that nobody has collected yet.
 */
export type HoldAnswer = {
  readonly longest: number;
  readonly used: number;
  readonly rss: number;
  readonly held: number;
};

const used = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

if (isMainThread && process.send) {
  let last = used();
  let began = last;
  let longest = 0;
  const look = () => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
  };
  setInterval(look, 1).unref();
  process.on('message', (question: HoldQuestion) => {
    const { holds } = question;
    if (holds === 'hold') {
      for (const from = used(); used() - from < question.milliseconds; );
      return;
    }
    // What was used until this message came is the last hold.
    look();
    if (holds === 'begin') {
      longest = 0;
      began = last;
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const answer: HoldAnswer = { longest, used: last - began, rss, held: heapUsed + external };
    process.send?.(answer);
  });
  process.channel?.unref();
}
