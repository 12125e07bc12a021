// Runs inside the page (read as text by gallery.test.ts; the tests' TypeScript has no DOM types). Returns what is wrong, in words.
(() => {
  const wrong = [];
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return (
      box.width > 1 &&
      box.height > 1 &&
      style.visibility !== 'hidden' &&
      style.display !== 'none' &&
      Number(style.opacity) > 0
    );
  };
  const words = (element) =>
    element.outerHTML.length > 120 ? `${element.outerHTML.slice(0, 120)}…` : element.outerHTML;

  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1,
    );
    wrong.push(`scrolls sideways: ${wide.slice(-2).map(words).join(' | ')}`);
  }
  const titles = [...document.querySelectorAll('h1')].filter(seen);
  if (titles.length !== 1) wrong.push(`${titles.length} visible h1`);
  if (!document.title.trim()) wrong.push('no title');
  if (!document.documentElement.lang) wrong.push('no language');
  if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
  if (document.querySelector('[role=alert]') && !document.title.startsWith('Error: '))
    wrong.push('the title does not say the error first');

  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`id ${id} twice`);
  let level = 0;
  for (const heading of document.querySelectorAll('h1,h2,h3,h4')) {
    const next = Number(heading.tagName[1]);
    if (level && next > level + 1) wrong.push(`heading ${words(heading)} skips a level`);
    level = next;
  }

  for (const field of document.querySelectorAll('input:not([type=hidden]),select,textarea')) {
    if (!field.labels?.length || !field.labels[0].textContent.trim()) wrong.push(`no label: ${words(field)}`);
    if (!field.getAttribute('autocomplete')) wrong.push(`no autocomplete: ${words(field)}`);
    for (const id of (field.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean))
      if (!document.getElementById(id)) wrong.push(`describedby ${id} is nowhere`);
    if (field.getAttribute('aria-invalid') && !field.getAttribute('aria-describedby'))
      wrong.push(`invalid without a message: ${words(field)}`);
  }
  const failing = document.querySelector('[aria-invalid=true]');
  if (failing && document.activeElement !== failing) wrong.push('the failing field has no focus');
  for (const element of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(element.getAttribute('href').slice(1))) wrong.push(`dead link ${words(element)}`);
  for (const element of document.querySelectorAll('button,a'))
    if (seen(element) && !(element.getAttribute('aria-label') ?? element.textContent).trim())
      wrong.push(`nameless ${words(element)}`);
  for (const element of document.querySelectorAll('[tabindex]'))
    if (element.tabIndex > 0) wrong.push(`positive tabindex ${words(element)}`);
  for (const element of document.querySelectorAll('*'))
    for (const { name } of element.attributes)
      if (name.startsWith('on') || name === 'style') wrong.push(`inline ${name}: ${words(element)}`);

  for (const element of document.querySelectorAll(
    'button,.button,.choice,.aside,.identity a,input:not([type=hidden])',
  )) {
    if (seen(element) && element.getBoundingClientRect().height < 43.5)
      wrong.push(`target of ${element.getBoundingClientRect().height} px: ${words(element)}`);
  }

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = rgba(getComputedStyle(at).backgroundColor);
      if (getComputedStyle(at).backgroundImage !== 'none') wrong.push(`words on an image: ${words(at)}`);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const checked = new Set();
  let least = Infinity;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || checked.has(element) || !seen(element)) continue;
    checked.add(element);
    const under = ground(element);
    const ratio = contrast(over(rgba(getComputedStyle(element).color), under), under);
    least = Math.min(least, ratio);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${words(element)}`);
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]):not([readonly])')) {
    const ratio = contrast(
      over(rgba(getComputedStyle(field).borderTopColor), ground(field.parentElement)),
      ground(field.parentElement),
    );
    if (document.activeElement !== field && ratio < 3) wrong.push(`edge contrast ${ratio.toFixed(2)}: ${words(field)}`);
  }
  return { wrong, least, words: checked.size };
})();
