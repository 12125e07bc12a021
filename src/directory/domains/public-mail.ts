/**
 * Domains whose addresses anybody can have. An organization that held one would be led everybody who has such an address, and could
 * take over their accounts. The best-known ones and no more: nobody can list them all, and DNS keeps the others from strangers.
 */
const publicMail: ReadonlySet<string> = new Set(
  `gmail.com googlemail.com
  outlook.com outlook.de outlook.es outlook.fr outlook.it outlook.jp hotmail.com hotmail.co.uk hotmail.de hotmail.es hotmail.fr hotmail.it
  live.com live.co.uk live.de live.fr live.it live.nl msn.com passport.com windowslive.com
  yahoo.com yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.de
  yahoo.es yahoo.fr yahoo.in yahoo.it ymail.com rocketmail.com aol.com aol.de aim.com
  icloud.com me.com mac.com proton.me protonmail.com protonmail.ch pm.me tuta.com tuta.io tutanota.com tutanota.de
  fastmail.com fastmail.fm hey.com mail.com email.com zohomail.com gmx.com gmx.net gmx.de gmx.at gmx.ch gmx.fr web.de freenet.de
  t-online.de mailbox.org posteo.de bluewin.ch orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it
  alice.it seznam.cz centrum.cz wp.pl o2.pl onet.pl interia.pl abv.bg ukr.net mail.ru bk.ru inbox.ru list.ru rambler.ru
  yandex.com yandex.ru ya.ru qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com naver.com hanmail.net daum.net
  rediffmail.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net
  btinternet.com virginmedia.com talktalk.net ntlworld.com bigpond.com optusnet.com.au uol.com.br bol.com.br terra.com.br
  mailinator.com guerrillamail.com yopmail.com`.split(/\s+/),
);

/** @param domain in its one form (`normalizeDomain`); names below one are somebody's own */
export const isPublicMail = (domain: string): boolean => publicMail.has(domain);
