/** Events and shapes of signing keys. */
import { defineEvent } from '../../core/event.ts';

export const keyAlgorithms = ['ES256', 'RS256'] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

export type KeyState = 'next' | 'current' | 'retired';

/** A key as the provider uses it: a retired one has its public half only. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly state: KeyState;
  /** JSON Web Key (RFC 7517); private while it may sign. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

export const signingKeyCreated = defineEvent(
  'signing_key.created',
  'signing_key',
  'A signing key was made and published.',
);
export const signingKeyActivated = defineEvent(
  'signing_key.activated',
  'signing_key',
  'A signing key signs from now on.',
);
export const signingKeyRetired = defineEvent(
  'signing_key.retired',
  'signing_key',
  'A signing key stopped signing; what it signed stays good.',
);
export const signingKeyRemoved = defineEvent(
  'signing_key.removed',
  'signing_key',
  'A signing key was removed: what it signed is refused.',
);
