/**
 * A model of the sign-in: what each attempt of each browser has earned so far. It is written from the requirements (AU-13, SE-01,
 * FD-05, OA-23), not from the code, and only ever says what may happen: whatever happens beyond it is a break-in.
 * People are called by their e-mail address.
 */

export interface ModelAttempt {
  readonly uid: string;
  readonly browser: number;
  /** The application that asked. */
  readonly client: string;
  /** What is asked; the questions behind the sign-in are asked of somebody. */
  readonly asks: 'login' | 'organization' | 'consent';
  readonly of: string | null;
  way: 'none' | 'password' | 'company';
  identifier: string | null;
  provider_id: string | null;
  /** Who proved a password here that has to be replaced first. */
  proven: string | null;
  /** Whose sign-in ended here and may still be taken to the application. */
  earned: string | null;
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

/** What somebody's password is at the moment, and whether it was only lent. */
export interface ModelPassword {
  text: string;
  lent: boolean;
}

/** Where a name leads: to a password, or to the identity provider of its domain. */
export type WayOf = (identifier: string) => { way: 'password' | 'company'; provider_id: string | null };

export class SigninModel {
  readonly attempts: ModelAttempt[] = [];
  readonly codes: ModelCode[] = [];
  /** Connections that are switched off. */
  readonly closed = new Set<string>();
  /** Accounts that are switched off. */
  readonly disabled = new Set<string>();
  /** Who is signed in, by browser. */
  readonly signedIn: (string | null)[] = [null, null];
  readonly passwords = new Map<string, ModelPassword>();
  /** `person|organization` that was chosen on the page that asks. */
  readonly chosen = new Set<string>();
  /** Who allowed the application that is not ours. */
  readonly consented = new Set<string>();
  readonly #wayOf: WayOf;

  constructor(wayOf: WayOf) {
    this.#wayOf = wayOf;
  }

  begun(uid: string, browser: number, client: string, asks: ModelAttempt['asks'] = 'login'): void {
    if (uid === '' || this.attempts.some((attempt) => attempt.uid === uid)) return;
    const of = asks === 'login' ? null : (this.signedIn[browser] ?? null);
    const nothing = { identifier: null, provider_id: null, proven: null, earned: null, over: false };
    this.attempts.push({ uid, browser, client, asks, of, way: 'none', ...nothing });
  }

  /** Whether a form can count at all: in the browser that began the attempt, with that browser's token. */
  static isOwn(attempt: ModelAttempt, browser: number, csrfOf: number): boolean {
    return attempt.browser === browser && csrfOf === browser && !attempt.over;
  }

  identified(attempt: ModelAttempt, identifier: string): void {
    if (attempt.asks !== 'login' || attempt.way !== 'none') return;
    Object.assign(attempt, { identifier, ...this.#wayOf(identifier) });
  }

  changed(attempt: ModelAttempt): void {
    Object.assign(attempt, { way: 'none', identifier: null, provider_id: null, proven: null });
  }

  /** Whom a password signs in at this attempt; one that was lent proves only enough to replace it. */
  earnedByPassword(attempt: ModelAttempt, shown: string | undefined, typed: string): string | null {
    const { identifier } = attempt;
    const isThere = attempt.way === 'password' && attempt.proven === null && (shown ?? identifier) === identifier;
    if (!isThere || identifier === null || this.disabled.has(identifier)) return null;
    const known = this.passwords.get(identifier);
    if (known?.text !== typed) return null;
    if (!known.lent) return identifier;
    attempt.proven = identifier;
    return null;
  }

  /** Whom a new password signs in: who proved the one before it here, and it is still that one. */
  earnedByRenewal(attempt: ModelAttempt, next: string): string | null {
    const person = attempt.proven;
    if (person === null || this.disabled.has(person) || this.passwords.get(person)?.text === next) return null;
    return person;
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
      !this.closed.has(code.provider_id) &&
      !this.disabled.has(code.user);
    if (code) code.dead = true;
    if (!isGood) Object.assign(attempt, { way: 'none', provider_id: null });
    return isGood ? code.user : null;
  }

  /** Whether an answer to a question behind the sign-in counts: by whom it was asked, while she is still signed in there. */
  mayAnswer(attempt: ModelAttempt, asks: ModelAttempt['asks']): boolean {
    return attempt.asks === asks && attempt.of !== null && this.signedIn[attempt.browser] === attempt.of;
  }

  /** A new sign-in takes the place of the one before it in its browser. */
  arrived(browser: number, person: string): void {
    this.signedIn[browser] = person;
  }

  left(browser: number): void {
    this.signedIn[browser] = null;
  }

  /** Every session of a person ends, also one that has not been taken to its application yet. */
  ended(person: string): void {
    for (const browser of [0, 1]) if (this.signedIn[browser] === person) this.signedIn[browser] = null;
    for (const attempt of this.attempts) if (attempt.earned === person) attempt.earned = null;
  }

  /** A password is set: sessions end, and what was proven by the one before it. */
  lent(person: string, password: ModelPassword): void {
    this.passwords.set(person, password);
    this.ended(person);
    for (const attempt of this.attempts) if (attempt.proven === person) this.changed(attempt);
  }
}
