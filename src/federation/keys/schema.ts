/** Events of our own SAML keys. */
import { defineEvent } from '../../core/event.ts';

export const keyUses = ['signing', 'encryption'] as const;
export type KeyUse = (typeof keyUses)[number];
export type KeyState = 'current' | 'next' | 'retired';

export const samlKeyCreated = defineEvent(
  'saml_key.created',
  'saml_key',
  'A key of our service provider was made and published.',
);
export const samlKeyActivated = defineEvent(
  'saml_key.activated',
  'saml_key',
  'A key of our service provider is the current one.',
);
export const samlKeyRetired = defineEvent(
  'saml_key.retired',
  'saml_key',
  'A key of our service provider is no longer published; assertions that were encrypted for it are still read for a while.',
);
export const samlKeyRemoved = defineEvent(
  'saml_key.removed',
  'saml_key',
  'A retired key of our service provider was removed.',
);
