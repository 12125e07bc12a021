import { expect } from 'chai';
import { defineEvent, knownEvents } from '../../src/core/event.ts';
import { Fault } from '../../src/core/fault.ts';
import { faults } from '../../src/core/faults.ts';
import { definePermission, knownPermissions } from '../../src/core/permission.ts';
import '../../src/app.ts';

describe('core: what is defined once', () => {
  it('refuses a second event or permission of the same name', () => {
    const [event] = knownEvents();
    const [permission] = knownPermissions();
    if (event) expect(() => defineEvent(event.name, 'x', 'Twice.')).to.throw(/defined twice/);
    expect(() => definePermission(permission?.name ?? '', 'Twice.')).to.throw(/defined twice/);
  });

  it('names events as noun.past and permissions as nouns.verb, each with a sentence', () => {
    for (const { name, says, object_type } of knownEvents()) {
      expect(name).to.match(/^[a-z][a-z_]*(\.[a-z_]+)+$/);
      expect(object_type, name).to.match(/^[a-z_]+$/);
      expect(says, name).to.match(/^\p{Lu}.*\.$/u);
    }
    for (const { name, says } of knownPermissions()) {
      expect(name).to.match(/^[a-z_]+\.[a-z]+$/);
      expect(says, name).to.match(/^\p{Lu}.*\.$/u);
    }
  });

  it('says faults in public sentences under fitting statuses', () => {
    for (const [code, { status, says }] of Object.entries(faults)) {
      expect(code).to.match(/^[a-z][a-z0-9_]*$/);
      expect(status, code).to.be.within(400, 503);
      expect(says, code).to.match(/^\p{Lu}.*[.?]$/u);
      expect(says, code).not.to.match(/knex|postgres|sql|constraint|undefined|exception/i);
    }
  });

  it('keeps the cause of a fault for the log', () => {
    const fault = new Fault('conflict', undefined, { cause: new Error('inside') });
    expect(fault).to.include({ code: 'conflict', status: 409, says: faults.conflict.says, detail: undefined });
    expect(fault.message).not.to.include('inside');
    expect((fault.cause as Error).message).to.equal('inside');
  });
});
