/** Events of passwords. A password itself has no shape: it is never part of an answer. */
import { defineEvent } from '../../core/event.ts';

export const passwordChanged = defineEvent('password.changed', 'user', 'A password was set or changed.');
export const passwordRehashed = defineEvent(
  'password.rehashed',
  'user',
  'A password was hashed anew with today’s parameters when its owner signed in.',
);
