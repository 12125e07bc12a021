/** Events of invitations. */
import { defineEvent } from '../../core/event.ts';

export const invitationRevoked = defineEvent(
  'invitation.revoked',
  'invitation',
  'An invitation that nobody had accepted was ended.',
);
