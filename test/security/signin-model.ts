/**
 * A model of the sign-in: what each attempt of each browser has earned so far. It is written from the requirements (AU-13, SE-01,
 * FD-05), not from the code, and only ever says what may happen: whatever happens beyond it is a break-in.
 */

export interface ModelAttempt {
  readonly uid: string;
  readonly browser: number;
  way: 'none' | 'password' | 'company';
  identifier: string | null;
  provider_id: string | null;
  /** Finished, or left for another one. */
  over: boolean;
}

export interface ModelCode {
  readonly code: string;
  readonly uid: string;
  readonly provider_id: string;
  readonly user: string;
  dead: boolean;
}

/** Where a name leads: to a password, or to the identity provider of its domain. */
export type WayOf = (identifier: string) => { way: 'password' | 'company'; provider_id: string | null };

export class SigninModel {
  readonly attempts: ModelAttempt[] = [];
  readonly codes: ModelCode[] = [];
  readonly closed = new Set<string>();
  readonly #wayOf: WayOf;

  constructor(wayOf: WayOf) {
    this.#wayOf = wayOf;
  }

  begun(uid: string, browser: number): void {
    if (uid !== '' && !this.attempts.some((attempt) => attempt.uid === uid))
      this.attempts.push({ uid, browser, way: 'none', identifier: null, provider_id: null, over: false });
  }

  /** Whether a form can count at all: in the browser that began the attempt, with that browser's token. */
  static isOwn(attempt: ModelAttempt, browser: number, csrfOf: number): boolean {
    return attempt.browser === browser && csrfOf === browser && !attempt.over;
  }

  identified(attempt: ModelAttempt, identifier: string): void {
    if (attempt.way !== 'none') return;
    Object.assign(attempt, { identifier, ...this.#wayOf(identifier) });
  }

  changed(attempt: ModelAttempt): void {
    Object.assign(attempt, { way: 'none', identifier: null, provider_id: null });
  }

  /** Whom a correct password signs in at this attempt. */
  earnedByPassword(attempt: ModelAttempt, shown: string | undefined, right: boolean): string | null {
    const isThere = attempt.way === 'password' && (shown === undefined || shown === attempt.identifier);
    return isThere && right ? attempt.identifier : null;
  }

  /** Whom a code signs in at this attempt; the code is dead once its attempt, or another one at a company, has asked for it. */
  earnedByCode(attempt: ModelAttempt, browser: number, text: string): string | null {
    if (attempt.browser !== browser || attempt.over || attempt.way !== 'company') return null;
    const code = this.codes.find((one) => one.code === text);
    const isGood =
      code !== undefined &&
      !code.dead &&
      code.uid === attempt.uid &&
      code.provider_id === attempt.provider_id &&
      !this.closed.has(code.provider_id);
    if (code) code.dead = true;
    if (!isGood) Object.assign(attempt, { way: 'none', provider_id: null });
    return isGood ? code.user : null;
  }
}
