/**
 * The consequences: when this happens, that happens in the same transaction.
 * The only place where one room's event reaches into another room.
 */
import {
  followGroup,
  followGroupMembers,
  followMembership,
  forgetGroup,
  forgetMember,
  forgetUser,
  ownNewOrganization,
  protectIdentifiers,
  protectOwners,
  refuseClaimOfAdministrator,
} from './access/grants/consequences.ts';
import { endTokens } from './applications/tokens/service.ts';
import type { Call } from './core/call.ts';
import type { EmittedEvent, EventDefinition } from './core/event.ts';
import { revokeKeysOf } from './credentials/api-keys/service.ts';
import { passwordChanged } from './credentials/passwords/schema.ts';
import { giveUpDomains } from './directory/domains/service.ts';
import { groupDeleted, groupMembersChanged, groupUpdated } from './directory/groups/schema.ts';
import { endInvitations } from './directory/invitations/service.ts';
import { membershipRemoved, membershipUpdated } from './directory/memberships/schema.ts';
import { organizationCreated, organizationDeleted, organizationSuspended } from './directory/organizations/schema.ts';
import { userClaimed, userDeleted, userDisabled, userUpdated } from './directory/users/schema.ts';
import { providerDeleted, providerDisabled } from './federation/providers/schema.ts';
import { forgetResource } from './provisioning/resources/service.ts';
import { endProofs } from './signin/flow/service.ts';
import { revokeSessions } from './signin/sessions/service.ts';

type Reaction = (call: Call, event: EmittedEvent) => Promise<void>;

const reactions = new Map<string, Reaction[]>();

/** Says what follows from events: `when([userDisabled, userDeleted], endEverything)`. */
export function when(definitions: readonly EventDefinition[], reaction: Reaction): void {
  for (const { name } of definitions) reactions.set(name, [...(reactions.get(name) ?? []), reaction]);
}

/** Runs what follows from an event, in the order in which it was said. */
export async function react(call: Call, event: EmittedEvent): Promise<void> {
  for (const reaction of reactions.get(event.definition.name) ?? []) await reaction(call, event);
}

// What may refuse comes first, before anything is ended.
when([organizationCreated], ownNewOrganization);
when([groupMembersChanged], followGroupMembers);
when([groupUpdated], followGroup);
when([groupDeleted], forgetGroup);
when([membershipUpdated], followMembership);
when([membershipRemoved], forgetMember);
when([userUpdated], protectIdentifiers);
when([userDisabled], protectOwners);
when([userDeleted], forgetUser);
when([userClaimed], refuseClaimOfAdministrator);

when([passwordChanged], async (call, { object_id, details }) => {
  const except_session_id = (details?.keep_session_id as string | null | undefined) ?? null;
  await revokeSessions(call, { user_id: object_id, except_session_id }, 'password_changed');
  await endProofs(call, object_id);
});
when([userDisabled], async (call, { object_id }) => {
  await revokeSessions(call, { user_id: object_id }, 'account_disabled');
});
when([userDeleted], async (call, { object_id }) => {
  await revokeSessions(call, { user_id: object_id }, 'account_deleted');
});
// The kill switch: what an account held stays dead when it is enabled again (checklist SC-08, SE-06).
when([userDisabled, userDeleted], async (call, { object_id, org_id }) => {
  await endTokens(call, { user_id: object_id });
  await revokeKeysOf(call, object_id);
  await endInvitations(call, object_id, org_id);
});
// Who comes back later signs in anew.
when([membershipRemoved, membershipUpdated], async (call, { definition, object_id, org_id, after }) => {
  const isSuspended = (after as { status?: string } | undefined)?.status === 'suspended';
  if ((definition === membershipRemoved || isSuspended) && org_id !== null)
    await endTokens(call, { user_id: object_id, org_id });
});
// Whoever was signed in before the organization owned the account signs in anew, by the organization's rules.
when([userClaimed], async (call, { object_id }) => {
  await revokeSessions(call, { user_id: object_id }, 'account_claimed');
  await endTokens(call, { user_id: object_id });
  await revokeKeysOf(call, object_id);
});
// A customer who deletes an organization and begins again verifies the same domain.
when([organizationDeleted], (call, { object_id }) => giveUpDomains(call, object_id));
// What was issued for an organization stays dead when it is active again.
when([organizationSuspended, organizationDeleted], async (call, { object_id }) => {
  await endTokens(call, { org_id: object_id });
});
// External ids are free again, so that a directory can make anew what was deleted here.
when([userDeleted, groupDeleted], (call, { object_id }) => forgetResource(call, object_id));
when([providerDisabled, providerDeleted], async (call, { object_id }) => {
  await revokeSessions(call, { provider_id: object_id }, 'provider_disabled');
});
