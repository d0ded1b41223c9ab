// HTML to the text a person sees of it, roughly: enough for a preview. Linear, whatever the input.

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ensp: ' ',
  emsp: ' ',
  thinsp: ' ',
  zwnj: '',
  zwj: '',
  shy: '',
  copy: '\u00a9',
  reg: '\u00ae',
  trade: '\u2122',
  euro: '\u20ac',
  pound: '\u00a3',
  yen: '\u00a5',
  cent: '\u00a2',
  sect: '\u00a7',
  deg: '\u00b0',
  middot: '\u00b7',
  bull: '\u2022',
  hellip: '\u2026',
  ndash: '\u2013',
  mdash: '\u2014',
  lsquo: '\u2018',
  rsquo: '\u2019',
  sbquo: '\u201a',
  ldquo: '\u201c',
  rdquo: '\u201d',
  bdquo: '\u201e',
  laquo: '\u00ab',
  raquo: '\u00bb',
  times: '\u00d7',
  auml: '\u00e4',
  ouml: '\u00f6',
  uuml: '\u00fc',
  Auml: '\u00c4',
  Ouml: '\u00d6',
  Uuml: '\u00dc',
  szlig: '\u00df',
  agrave: '\u00e0',
  aacute: '\u00e1',
  acirc: '\u00e2',
  atilde: '\u00e3',
  aring: '\u00e5',
  aelig: '\u00e6',
  ccedil: '\u00e7',
  egrave: '\u00e8',
  eacute: '\u00e9',
  ecirc: '\u00ea',
  euml: '\u00eb',
  iacute: '\u00ed',
  icirc: '\u00ee',
  ntilde: '\u00f1',
  oacute: '\u00f3',
  ocirc: '\u00f4',
  oslash: '\u00f8',
  otilde: '\u00f5',
  uacute: '\u00fa',
  ucirc: '\u00fb',
};

/** Elements whose text nobody sees. */
const UNSEEN = ['style', 'script', 'title', 'head'];

/** Elements that do not part words. */
const INLINE = /^<\/?(?:a|abbr|b|big|em|font|i|mark|s|small|span|strong|sub|sup|tt|u|wbr)[\s>/]/i;

/** The visible text of HTML, tags replaced by spaces where they part words; white space is left to the caller. */
export function htmlToText(html: string): string {
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  /** Elements whose end was sought in vain. */
  const endless = new Set<string>();
  let text = '';
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at);
    if (open < 0) return text + entities(html.slice(at));
    text += entities(html.slice(at, open));
    if (!/[a-zA-Z!/?]/.test(html.charAt(open + 1))) {
      text += '<';
      at = open + 1;
      continue;
    }
    const next = tagEnd(lower, open, endless);
    if (!INLINE.test(html.slice(open, open + 12))) text += ' ';
    at = next;
  }
  return text;
}

/** Where the text goes on after a tag, a comment, or an element that nobody sees. */
function tagEnd(html: string, open: number, endless: Set<string>): number {
  if (html.startsWith('<!--', open)) return after(html, '-->', open + 4);
  const name = /^<([a-z]+)/.exec(html.slice(open, open + 12))?.[1] ?? '';
  const close = after(html, '>', open);
  if (!UNSEEN.includes(name) || endless.has(name)) return close;
  const closing = html.indexOf(`</${name}`, close);
  if (closing >= 0) return after(html, '>', closing);
  endless.add(name);
  // Without its end, a head may be all there is; a style sheet never is.
  return name === 'head' || name === 'title' ? close : html.length;
}

/** The position after the next `text`, or the end. */
function after(html: string, text: string, from: number): number {
  const found = html.indexOf(text, from);
  return found < 0 ? html.length : found + text.length;
}

function entities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z]{2,8}));?/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
  });
}
