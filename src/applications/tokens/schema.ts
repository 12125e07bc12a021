/** Events of sessions, codes and tokens. */
import { defineEvent } from '../../core/event.ts';

export const tokenReused = defineEvent(
  'token.reused',
  'grant',
  'A code or refresh token was used a second time; everything issued from that sign-in was revoked.',
);
