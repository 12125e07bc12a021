/** Which redirect addresses can be registered (checklist OA-02). */
import { expect } from 'chai';
import { redirectUriProblem } from '../../../src/applications/clients/redirect-uris.ts';

describe('applications: redirect addresses', () => {
  const good: Record<'web' | 'native', string[]> = {
    web: [
      'https://app.example/cb',
      'https://app.example',
      'https://app.example/',
      'https://app.example:8443/cb?a=b&c=d',
      'http://localhost:3000/cb',
      'http://127.0.0.1/cb',
      'http://[::1]:8080/cb',
      'https://xn--bcher-kva.example/cb',
      'https://app.example/a/b-c_d.e~f',
      'https://10.0.0.1/cb',
    ],
    native: [
      'com.example.app:/cb',
      'com.example.app://host/cb',
      'http://127.0.0.1/cb',
      'http://localhost/cb',
      'https://app.example/cb',
    ],
  };
  for (const [type, uris] of Object.entries(good)) {
    for (const uri of uris)
      it(`OA-02: takes ${uri} (${type})`, () => expect(redirectUriProblem(uri, type as 'web')).to.equal(null));
  }

  const bad: [string, 'web' | 'native'][] = [
    ...[
      'javascript:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      'blob:https://a.example/x',
      'vbscript:x',
      'about:blank',
      'ftp://a.example/',
      'JavaScript:alert(1)',
      'intent://x#Intent;end',
      'myapp:/cb',
      'http://app.example/cb',
      'http://localhost.evil.example/cb',
      'http://127.0.0.1.evil.example/',
      'http://10.0.0.1/cb',
      '//app.example/cb',
      '/cb',
      'app.example/cb',
      '',
      ' ',
      'https://',
      'https:///cb',
      'https://app.example/cb#x',
      'https://app.example/cb#',
      'https://*.example/cb',
      'https://app.example/*',
      'https://user:pw@app.example/',
      'https://user@app.example/',
      'https://app.example\\cb',
      'https:\\\\app.example',
      'https://app.example/a/../b',
      'https://app.example/./b',
      'https://app.example/%2e%2e/b',
      'https://app.example/a%2fb',
      'https://app.example/a%5cb',
      'https://app.example/%00',
      'https://app.example:443/cb',
      'https://APP.example/cb',
      'HTTPS://app.example/cb',
      'https://bücher.example/cb',
      'https://app.example/c b',
      'https://app.example/\tcb',
      'https://app.example/cb\n',
      'https://app.example/<x>',
      'https://app.example/"',
      'https://app.example/{x}',
      'https://app.example/|',
      'https://0x7f.1/cb',
      'https://2130706433/cb',
      `https://a.example/${'x'.repeat(2048)}`,
    ].flatMap((uri): [string, 'web' | 'native'][] => [
      [uri, 'web'],
      [uri, 'native'],
    ]),
    ['com.example.app:/cb', 'web'],
    ['https://localhost/cb', 'native'],
  ];
  it(`OA-02: refuses ${bad.length} others`, () => {
    const taken = bad.filter(([uri, type]) => redirectUriProblem(uri, type) === null);
    expect(taken).to.deep.equal([]);
  });
});
