/**
 * An organization's colour and logo, made safe and readable. What an organization typed never reaches a page as CSS: only
 * a checked `#rrggbb` and colours that were computed from it do (WB-07), and each pair keeps WCAG 2.2 AA contrast
 * (4.5 for words, 3 for edges) in the light and in the dark theme, whatever the colour is.
 */

/** The columns of `organizations` that pages are dressed in. */
export interface Brand {
  readonly org_name?: string | null;
  readonly primary_color?: string | null;
  readonly logo_url?: string | null;
}

type Rgb = readonly [number, number, number];

const white: Rgb = [255, 255, 255];
const black: Rgb = [0, 0, 0];
/** The hardest grounds of each theme in `views/assets/lintel.css`: `--page` where it is light, `--sunken` where it is dark. */
const lightGround: Rgb = [0xf4, 0xf2, 0xee];
const darkGround: Rgb = [0x24, 0x22, 0x20];

/** `#rgb` or `#rrggbb`; anything else is no colour. */
function parseColour(text: string): Rgb | undefined {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text);
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  const parts = short ? short.slice(1).map((digit) => digit + digit) : long?.slice(1);
  return parts === undefined
    ? undefined
    : ([0, 1, 2].map((i) => Number.parseInt(parts[i] ?? '', 16)) as unknown as Rgb);
}

const toHex = (colour: Rgb): string =>
  `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

const mix = (from: Rgb, to: Rgb, share: number): Rgb =>
  from.map((part, i) => part + ((to[i] ?? 0) - part) * share) as unknown as Rgb;

/** Relative luminance, WCAG 2.2 §1.4.3. */
function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of two colours, 1 to 21. */
function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** The colour, moved towards `pole` only as far as the ratio against `ground` asks. */
function readable(colour: Rgb, ground: Rgb, pole: Rgb, ratio: number): Rgb {
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = mix(colour, pole, share);
    if (contrast(candidate, ground) >= ratio) return candidate;
  }
  return pole;
}

/**
 * CSS custom properties for an organization's colour, or nothing when it is none. The text consists of fixed words and hex
 * digits only, so that it can stand in a style element unescaped.
 */
export function brandStyle(primaryColor: string | null | undefined): string {
  const colour = parseColour(primaryColor ?? '');
  if (colour === undefined) return '';
  const ink =
    contrast(colour, white) >= 4.5 ? white : contrast(colour, black) >= contrast(colour, white) ? black : white;
  // Hovering moves away from the ink, so that the words on the button only become clearer.
  const hover = mix(colour, ink === white ? black : white, 0.14);
  const theme = (ground: Rgb, pole: Rgb) =>
    [
      `--brand:${toHex(colour)}`,
      `--brand-ink:${toHex(ink)}`,
      `--brand-hover:${toHex(hover)}`,
      `--brand-text:${toHex(readable(colour, ground, pole, 4.6))}`,
      `--brand-edge:${toHex(readable(colour, ground, pole, 3.1))}`,
    ].join(';');
  return `:root{${theme(lightGround, black)}}@media(prefers-color-scheme:dark){:root{${theme(darkGround, white)}}}`;
}

/** The logo's address when a page may show it: https, our own host, or a small raster image in place; else nothing. */
export function logoSource(logoUrl: string | null | undefined): string | undefined {
  if (!logoUrl) return undefined;
  if (/^\/(?![/\\])[\w./-]+$/.test(logoUrl)) return logoUrl;
  if (/^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$/.test(logoUrl))
    return logoUrl.length <= 65_536 ? logoUrl : undefined;
  const url = URL.parse(logoUrl);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}
