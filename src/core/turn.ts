/** One thread serves everybody: work that takes long is cut into pieces, and between them the others have their turn (RE-17). */

/** Resolves once everything else that is ready has run: answers, timers, what came in. */
export const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume));
