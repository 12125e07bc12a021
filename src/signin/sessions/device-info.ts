/** A browser in words for people who look at their sessions: `Firefox on Windows`. A hint; nothing is decided by it. */

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\/|\bChromium\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

const first = (names: typeof browsers, text: string): string | undefined =>
  names.find(([form]) => form.test(text))?.[1];

export function describeDevice(userAgent: string | null): string | null {
  if (userAgent === null) return null;
  const words = [first(browsers, userAgent), first(systems, userAgent)].filter((word) => word !== undefined);
  return words.length === 0 ? null : words.join(' on ');
}
