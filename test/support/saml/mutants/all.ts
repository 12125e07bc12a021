/** Every known way to forge, twist or overload a SAML response, for the tests of the engine. */
import type { ResponseOptions } from '../../../../src/federation/saml/response.ts';
import { expectations } from '../messages.ts';
import { contentMutants } from './content.ts';
import { encryptionMutants } from './encryption.ts';
import type { Mutant } from './mutant.ts';
import { pairMutants } from './pairs.ts';
import { signatureMutants } from './signatures.ts';
import { wrappingMutants } from './wrapping.ts';
import { xmlMutants } from './xml.ts';

export const mutants: Mutant[] = [
  ...contentMutants,
  ...signatureMutants,
  ...wrappingMutants,
  ...xmlMutants,
  ...encryptionMutants,
  ...pairMutants,
];

export function mutantOptions(mutant: Mutant): ResponseOptions {
  return expectations(mutant.expected ?? {});
}
