import { expect } from 'chai';
import { certificateBody } from '../../../src/federation/saml/certificate.ts';
import { parseMessage } from '../../../src/federation/saml/parse.ts';
import { serviceProviderMetadata } from '../../../src/federation/saml/service-provider.ts';
import { attributeOf, childrenNamed, everyElement, type XmlTree } from '../../../src/federation/saml/tree.ts';
import { keys } from '../../support/saml/keys.ts';
import { acsUrl, spEntityId } from '../../support/saml/messages.ts';

const md = 'urn:oasis:names:tc:SAML:2.0:metadata';
const us = { entityId: spEntityId, acsUrl, sloUrl: 'https://id.lintel.example/saml/0198/slo', current: keys.sp() };

function tree(xml: string): XmlTree {
  const parsed = parseMessage(xml);
  parsed.document.dispose();
  return parsed.tree;
}

describe('serviceProviderMetadata', () => {
  it('follows the schema, and states who we are and where', () => {
    const entity = tree(serviceProviderMetadata(us));
    expect(attributeOf(entity, 'entityID')).to.equal(spEntityId);
    const [role] = childrenNamed(entity, md, 'SPSSODescriptor');
    expect(role && [attributeOf(role, 'AuthnRequestsSigned'), attributeOf(role, 'WantAssertionsSigned')]).to.deep.equal(
      ['true', 'true'],
    );
    const [acs] = role ? childrenNamed(role, md, 'AssertionConsumerService') : [];
    expect(acs && [attributeOf(acs, 'Location'), attributeOf(acs, 'Binding')]).to.deep.equal([
      acsUrl,
      'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
    ]);
    expect(
      role && childrenNamed(role, md, 'SingleLogoutService').map((slo) => attributeOf(slo, 'Location')),
    ).to.deep.equal([us.sloUrl, us.sloUrl]);
  });

  function published(xml: string): [string | undefined, string][] {
    return childrenNamed(childrenNamed(tree(xml), md, 'SPSSODescriptor')[0] as XmlTree, md, 'KeyDescriptor').map(
      (descriptor) => {
        const certificate = [...everyElement(descriptor)].find((element) => element.name === 'X509Certificate');
        return [attributeOf(descriptor, 'use'), String(certificate?.children[0])];
      },
    );
  }

  it('publishes a signing and an encryption key, and both pairs during a rollover (SA-12)', () => {
    const [current, next] = [certificateBody(keys.sp().certificate), certificateBody(keys.spNext().certificate)];
    expect(published(serviceProviderMetadata(us))).to.deep.equal([
      ['signing', current],
      ['encryption', current],
    ]);
    expect(published(serviceProviderMetadata({ ...us, next: keys.spNext() }))).to.deep.equal([
      ['signing', current],
      ['signing', next],
      ['encryption', current],
      ['encryption', next],
    ]);
  });

  it('carries no private key', () => {
    expect(serviceProviderMetadata({ ...us, next: keys.spNext() })).to.not.include('PRIVATE');
  });
});
