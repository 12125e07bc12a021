import { type LogoutExpectations, type LogoutInput, type LogoutResult, verifyLogout } from './logout.ts';
import { type IdpMetadataResult, type MetadataOptions, readIdpMetadata } from './metadata.ts';
import { type ResponseOptions, type ResponseResult, verifyResponse } from './response.ts';

// What a worker can be asked to do: everything that parses XML from outside. Arguments and results cross the thread by
// structured clone, so they are plain data.

export type Job =
  | { kind: 'response'; field: string; options: ResponseOptions }
  | { kind: 'logout'; input: LogoutInput; expected: LogoutExpectations }
  | { kind: 'metadata'; text: string; options: MetadataOptions };

export type JobResult = { response: ResponseResult; logout: LogoutResult; metadata: IdpMetadataResult };

export function perform(job: Job): JobResult[Job['kind']] {
  if (job.kind === 'response') return verifyResponse(job.field, job.options);
  if (job.kind === 'logout') return verifyLogout(job.input, job.expected);
  return readIdpMetadata(job.text, job.options);
}
