/**
 * Why a sign-in through an identity provider was refused, for the organization's administrator: what a message can be refused for,
 * and what can be wrong although the message is good. The visitor sees none of it, only a reference (checklist SA-16).
 */
import { explain, type RefusalCode, refusals } from '../saml/codes.ts';

const own = {
  relay_state: {
    sentence: 'The message came back with another RelayState than the one that was sent.',
    remedy:
      'Have the identity provider return RelayState unchanged. If it does, treat this as an attempt to mix up sign-ins.',
  },
  'request.unknown': {
    sentence: 'The message answers a request that is not open: it is older than ten minutes, or was answered before.',
    remedy: 'Start the sign-in again.',
  },
  replayed: {
    sentence: 'The message was used before.',
    remedy:
      'Usually the person went back in the browser. If it happens often, treat it as an attempt to reuse a sign-in.',
  },
  'connection.closed': {
    sentence: 'The connection is disabled, or signing in by SAML is switched off.',
    remedy: 'Enable the connection.',
  },
  'organization.inactive': { sentence: 'The organization is suspended.', remedy: 'Ask the operator of this service.' },
  'account.unknown': {
    sentence: 'Nobody is known by this subject or address, and the connection does not make accounts.',
    remedy:
      'Provision the person, verify the domain of the address, or let the connection make accounts at the first sign-in.',
  },
  'account.taken': {
    sentence: 'There is an account of that name, but it may not be linked: the address is not in a verified domain.',
    remedy: 'Verify the domain of the e-mail address.',
  },
  'account.ambiguous': {
    sentence: 'The attributes name several accounts.',
    remedy: 'Have the identity provider send one person’s address and username, or correct the accounts.',
  },
  'account.linked_otherwise': {
    sentence: 'The account is linked to another subject of this identity provider.',
    remedy:
      'If the subject was changed at the identity provider, remove the old link of the account. If the address was given to somebody else, correct the account’s address.',
  },
  'account.incomplete': {
    sentence: 'An account could not be made: the message has neither a usable e-mail address nor a usable username.',
    remedy: 'Have the identity provider send an e-mail address, or map the attribute that has it.',
  },
  'account.disabled': { sentence: 'The account is disabled or locked.', remedy: 'Enable the account.' },
  'account.foreign': {
    sentence: 'The account belongs to somebody else and is no active member of the organization.',
    remedy: 'Remove the link, or make the person a member again.',
  },
  'account.suspended': { sentence: 'The membership of the account is suspended.', remedy: 'Lift the suspension.' },
  'account.refused': {
    sentence: 'The account could not be made or taken over as it was asked.',
    remedy: 'Look at the detail in the trace.',
  },
} as const;

export type AttemptCode = RefusalCode | keyof typeof own;

/** The sentence and the remedy of a code. */
export function explainAttempt(code: string): { readonly sentence: string; readonly remedy: string } | null {
  if (Object.hasOwn(own, code)) return own[code as keyof typeof own];
  return Object.hasOwn(refusals, code) ? explain(code as RefusalCode) : null;
}
