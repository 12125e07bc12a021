import { expect } from 'chai';
import { Fault } from '../../../src/core/fault.ts';
import { commonPasswordCount } from '../../../src/credentials/passwords/blocklist.ts';
import {
  checkNewPassword,
  maxBytes,
  normalizePassword,
  type PasswordContext,
} from '../../../src/credentials/passwords/policy.ts';
import { leastCost } from '../../support/effort.ts';

const codeOf = (password: string, context?: PasswordContext): string => {
  try {
    checkNewPassword(password, context);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'accepted';
};

const good = 'seven quiet geese cross the canal';

describe('credentials/passwords/policy', () => {
  it('AU-02: 15 characters alone, 8 beside a second factor, counted as code points', () => {
    expect(codeOf('vq7kd0wmz4xpn2')).to.equal('password_too_short');
    expect(codeOf('vq7kd0wmz4xpn2r')).to.equal('accepted');
    expect(codeOf('vq7kd0w', { has_second_factor: true })).to.equal('password_too_short');
    expect(codeOf('vq7kd0wm', { has_second_factor: true })).to.equal('accepted');
    expect(codeOf('🦆🌧🪵🧲🎷🦊🪁🧂🐌🥁🪜🧶🌵🛶')).to.equal('password_too_short');
    expect(codeOf('🦆🌧🪵🧲🎷🦊🪁🧂🐌🥁🪜🧶🌵🛶🪐')).to.equal('accepted');
  });

  it('AU-02: 128 characters, 1,024 bytes and more are accepted whole; beyond the limit is refused, never cut', () => {
    for (const times of [4, 32, 64]) {
      const long = Array.from({ length: times }, (_, index) => `${good} ${index}`).join('');
      expect(checkNewPassword(long)).to.equal(long);
    }
    const prefix = `${good} `;
    expect(codeOf(prefix + 'é'.repeat((maxBytes - prefix.length) / 2))).to.equal('accepted');
    expect(codeOf(`${prefix}${'é'.repeat(maxBytes / 2)}`)).to.equal('password_malformed');
    expect(codeOf('x'.repeat(1_000_000))).to.equal('password_malformed');
  });

  it('AU-02: Unicode in NFC: two ways to type it are one password; what is no Unicode is refused', () => {
    expect(normalizePassword('Ame\u0301lie')).to.equal(normalizePassword('Am\u00e9lie'));
    expect(normalizePassword('ﬁ')).not.to.equal(normalizePassword('fi'));
    expect(codeOf(`${good}\ud800`)).to.equal('password_malformed');
    expect(normalizePassword('with\u0000null')).to.equal('with\u0000null');
  });

  it('AU-03: the first passwords that are tried are refused, offline', () => {
    const known =
      `password12345678 passwordpassword Password123!Password123! P@ssw0rdP@ssw0rd 123456789012345 1234567890123456
      0987654321098765 qwertyuiopasdfgh qwertyuiopasdfghjkl 1q2w3e4r5t6y7u8i aaaaaaaaaaaaaaaa abcdefghijklmnop zyxwvutsrqponmlk
      1qaz2wsx3edc4rfv 1qazxsw23edcvfr4 iloveyouforever1 iloveyouiloveyou letmeinletmeinletmein welcomewelcome1
      adminadminadmin1 administrator123 administrator2024 qwerty1234567890 sunshinesunshine princessprincess footballfootball
      correcthorsebatterystaple thequickbrownfoxjumpsoverthelazydog maytheforcebewithyou supercalifragilisticexpialidocious
      winteriscoming2024 tobeornottobethatisthequestion thisismypassword changemechangeme Summer2024Winter! Summer2024Summer2025
      monkey1234567890 dragon1234567890 superman123456789 michaeljordan2323 liverpoolchelsea1 manchesterunited
      11111111111111111 00000000000000000 123123123123123 abc123abc123abc123 asdfasdfasdfasdf zxcvbnmzxcvbnm1
      pokemonpokemon123 starwarsstarwars trustno1trustno1 whateverwhatever1 helloworldhello`.split(/\s+/);
    expect(known.length).to.be.at.least(50);
    for (const password of known)
      expect(codeOf(password), password).to.equal(password.length < 15 ? 'password_too_short' : 'password_too_common');
    for (const password of ['password', 'P@ssw0rd!', 'qwerty123', 'Welcome2024', 'iloveyou', '12345678', 'Dragon99'])
      expect(codeOf(password.padEnd(8, '!'), { has_second_factor: true }), password).to.equal('password_too_common');
  });

  it('AU-03: so are the product’s, the person’s and the organization’s names, decorated', () => {
    const names = ['Bluebird Freight', 'oda.kessler@bluebird-freight.example', null, undefined];
    for (const password of [
      'BluebirdFreight2024',
      'oda.kessler12345678',
      'KesslerKessler!!',
      'LintelLintel2025',
      'bluebird-freight1',
    ]) {
      expect(codeOf(password, { names }), password).to.equal('password_too_common');
    }
    expect(codeOf('BluebirdFreight2024')).to.equal('accepted');
  });

  it('AU-04: no rules about kinds of characters', () => {
    for (const password of [good, 'onlysmallletterswithoutanybreak', '83017264950182736', '– – — ‐ ° § ¤ ¶ † ‡ • ‰']) {
      expect(codeOf(password), password).to.equal('accepted');
    }
  });

  it('the list has the size that it says, and checking stays quick for hostile input', () => {
    expect(commonPasswordCount).to.be.within(1900, 2500);
    const check = () => {
      codeOf('ab'.repeat(2000) + 'c');
      codeOf('qwertyuiop'.repeat(400) + 'x');
      codeOf(Array.from({ length: 4000 }, (_, index) => 'qwe'[(index * index) % 3]).join(''));
    };
    expect(leastCost(check, { milliseconds: 200 }).milliseconds).to.be.below(200);
  });
});
