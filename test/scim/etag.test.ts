import { expect } from 'chai';
import { checkIfMatch, isNotModified, makeVersion } from '../../src/scim/etag.ts';
import { expectRefusal } from './refusal.ts';

describe('scim/etag', () => {
  const version = makeVersion('a', 7);
  const opaque = version.slice(3, -1);

  it('differs for every resource and revision, and is a weak tag', () => {
    expect(version).to.match(/^W\/"[\w-]{16}"$/);
    expect(makeVersion('a', 7)).to.equal(version);
    expect(new Set([version, makeVersion('a', 8), makeVersion('b', 7), makeVersion('a', new Date(7))]).size).to.equal(
      4,
    );
  });

  it('SC-13 lets a write through when If-Match names the version, in any form clients send it; else 412', () => {
    for (const header of [undefined, '', '*', version, `"${opaque}"`, opaque, `"x", ${version}`, `W/"x",W/"${opaque}"`])
      checkIfMatch(header, version);
    for (const header of ['"x"', 'W/"x", "y"', 'W/', `"${opaque}x"`, ','])
      expectRefusal(() => checkIfMatch(header, version), 412);
  });

  it('answers 304 only when If-None-Match names the version', () => {
    expect(isNotModified(version, version)).to.equal(true);
    expect(isNotModified(`"x", "${opaque}"`, version)).to.equal(true);
    expect(isNotModified('*', version)).to.equal(true);
    expect(isNotModified(undefined, version)).to.equal(false);
    expect(isNotModified('"x"', version)).to.equal(false);
  });
});
