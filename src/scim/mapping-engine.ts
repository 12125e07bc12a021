/** What this door knows about mappings, in the words of the provisioning room, which must not import it: `app.ts` hands it in. */
import type {
  Mapping,
  MappingEngine,
  MappingReading,
  PayloadReading,
  ReadMapping,
} from '../provisioning/mappings/engine.ts';
import { ScimFault } from './errors.ts';
import { Notes } from './leniency.ts';
import { MappingRefused, readMappings, STANDARD_MAPPINGS } from './mappings.ts';
import { buildRegistries } from './registry.ts';
import { readResource } from './resource.ts';
import { splitResource } from './resource-store.ts';

export const mappingEngine: MappingEngine = { standard: STANDARD_MAPPINGS, read, readPayload };

function read(mappings: readonly Mapping[]): MappingReading {
  try {
    const all = readMappings(mappings).map(
      ({ local_attribute, scim_attribute, target }): ReadMapping => ({
        local_attribute,
        scim_attribute,
        resource_type: target.table === 'users' ? 'User' : 'Group',
      }),
    );
    buildRegistries(mappings);
    // What had to be added stands behind what was given.
    return { mappings: all.slice(0, mappings.length), implied: all.slice(mappings.length) };
  } catch (error) {
    if (!(error instanceof MappingRefused)) throw error;
    const { message, mapping } = error;
    // Of two that clash the later one is refused, also when they are the same.
    const index = mappings.findLastIndex(
      (one) => one.local_attribute === mapping?.local_attribute && one.scim_attribute === mapping.scim_attribute,
    );
    return { refusal: { reason: message, index: index < 0 ? null : index } };
  }
}

function readPayload(mappings: readonly Mapping[], payload: unknown): PayloadReading | { readonly refused: string } {
  const { User } = buildRegistries(mappings);
  const notes = new Notes();
  try {
    const { resource, password } = readResource(payload, User, notes);
    const { columns, properties, external_id, attributes } = splitResource(resource, User);
    return { columns, properties, external_id, attributes, has_password: password !== undefined, notes: notes.list };
  } catch (error) {
    if (!(error instanceof ScimFault)) throw error;
    return { refused: error.message };
  }
}
