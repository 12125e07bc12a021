/** What a SCIM client may do in its organization: provision, and nothing else (never roles, keys, providers: SC-04, SC-05). */
import { manageGroups, readGroups } from '../../directory/groups/schema.ts';
import { manageMembers, readMembers } from '../../directory/memberships/schema.ts';
import { createUsers, deleteUsers, readUsers, updateUsers } from '../../directory/users/schema.ts';

export const clientPermissions: readonly string[] = [
  readUsers,
  createUsers,
  updateUsers,
  deleteUsers,
  readMembers,
  manageMembers,
  readGroups,
  manageGroups,
];
