/** Events of the first set-up. */
import { defineEvent } from '../../core/event.ts';

export const setupLinkCreated = defineEvent(
  'setup_link.created',
  'setup_link',
  'A link to make the first administrator was printed.',
);
export const setupCompleted = defineEvent('setup.completed', 'user', 'The first administrator was made.');
