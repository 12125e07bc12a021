/** What may be said about an account, brought into the form in which it is kept. */
import { readOptionalText, refuseField } from '../../core/text.ts';
import { normalizeEmail, normalizeUsername } from './identifiers.ts';
import type { User } from './schema.ts';

/** Columns that a caller may set; what is absent stays as it is, null or '' clears. */
export type UserColumns = Partial<
  Pick<
    User,
    | 'email'
    | 'username'
    | 'first_name'
    | 'last_name'
    | 'phone'
    | 'phone_verified'
    | 'picture_url'
    | 'bio'
    | 'legacy_user_id'
    | 'properties'
    | 'enabled'
    | 'locked'
    | 'email_confirmed'
    | 'can_create_orgs'
    | 'update_password_required'
  >
>;

const lengths = {
  first_name: { max: 256 },
  last_name: { max: 256 },
  phone: { max: 64 },
  picture_url: { max: 2048 },
  bio: { max: 1000, lines: true },
  legacy_user_id: { max: 255 },
} as const;

/**
 * @param owned whether an organization owns the account: its directory may use addresses as usernames
 * @throws Fault email_invalid, username_invalid, request_invalid
 */
export function readProfile(input: UserColumns, owned: boolean): UserColumns {
  const columns: UserColumns = {};
  for (const [name, value] of Object.entries(input)) {
    if (value !== undefined) Object.assign(columns, { [name]: value });
  }
  if (columns.email !== undefined) columns.email = columns.email?.trim() ? normalizeEmail(columns.email) : null;
  if (columns.username !== undefined) {
    columns.username = columns.username?.trim() ? normalizeUsername(columns.username, { mayBeEmail: owned }) : null;
  }
  for (const [name, rules] of Object.entries(lengths) as [keyof typeof lengths, (typeof lengths)['bio']][]) {
    if (columns[name] !== undefined) columns[name] = readOptionalText(name, columns[name], rules);
  }
  // Pictures are shown to browsers: nothing but the web (checklist WB-05).
  if (columns.picture_url && !/^https?:\/\/[^\s"'<>\\]+$/.test(columns.picture_url)) {
    refuseField('picture_url', 'must be a web address');
  }
  return columns;
}
