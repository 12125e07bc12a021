import { expect } from 'chai';
import { verifyResponse } from '../../../src/federation/saml/response.ts';
import { expectations, encodePost, responseXml } from '../../support/saml/messages.ts';
import { mutantOptions, mutants } from '../../support/saml/mutants/all.ts';
import { forms } from '../../support/saml/mutants/mutant.ts';

describe('SAML responses that must be refused', () => {
  for (const form of forms) {
    const applicable = mutants.filter((mutant) => mutant.only?.(form) ?? true);

    describe(form.name, () => {
      it('SA-01: is accepted as it stands, so that every refusal below is the mutation’s', () => {
        expect(verifyResponse(encodePost(responseXml(form.options)), expectations())).to.have.property('ok', true);
      });

      it('SA-01: has at least 60 mutants', () => {
        expect(applicable.length).to.be.at.least(60);
      });

      for (const mutant of applicable) {
        const code = typeof mutant.code === 'function' ? mutant.code(form) : mutant.code;
        it(`${mutant.id}: ${mutant.name} → ${code}`, () => {
          const result = verifyResponse(mutant.make(form), mutantOptions(mutant));
          expect(result.ok ? 'accepted' : result.code).to.equal(code);
        });
      }
    });
  }
});
