/** What `scim2 test` reports as an error and is meant so, with the reason. */

export interface ExpectedError {
  readonly error: string;
  readonly times: number;
  readonly because: string;
}

const readOnly = [
  'object_creation',
  'object_query',
  'object_query_without_id',
  'object_query_with_attributes',
  'object_list_with_attributes',
  'search_with_attributes',
  'object_replacement',
  'object_deletion',
  'check_add_attribute',
  'check_remove_attribute',
  'check_replace_attribute',
].map((check) => ({
  error: `${check}: This address does not know that method.`,
  times: 2,
  because:
    'Roles and entitlements are read only, and the tool wants to make one of each first: 405 with Allow is the answer.',
}));

const called =
  'The tool makes up what a member is called, by a model of its own; /Schemas says that it is read only, and ours follows the user.';

export const expected: readonly ExpectedError[] = [
  ...readOnly,
  {
    error: "check_add_attribute: Attribute 'members' was not added or has unexpected value",
    times: 1,
    because: called,
  },
  {
    error: "check_replace_attribute: Attribute 'members' was not replaced or has unexpected value",
    times: 1,
    because: called,
  },
  {
    error: "check_remove_attribute: PATCH modify() did not remove attribute 'active'",
    times: 1,
    because: 'An account is active or not: what is removed never deactivates, and the state is always shown.',
  },
];
