// Where a footer stands in a text: above what is quoted, where the quotation is the end of the message, else at the end
// (F24). The text may have one character per byte: only ASCII is looked for.

import { htmlToText } from '#storage/message/html.ts';

/** `-----Original Message-----`, in any language. */
const RULED = /^-{4,} ?[^\s-].{0,80}[^\s-] ?-{4,}\s*$/;
/** Outlook's rule, and the first header line below it. */
const RULE = /^_{20,}\s*$/;
const HEADER = /^\*?[^\s:>]{2,12}\s?:\*?\s/;
/** Lines of `On ... wrote:` above a quotation. */
const ATTRIBUTION_LINES = 3;

/** In plain text: the index of the line that the footer stands before, or the end. */
export function placeInText(text: string): number {
  const lines = lineStarts(text);
  const lineAt = (i: number) => text.slice(lines[i], lines[i + 1]).trimEnd();
  const count = lines.length - 1;
  for (let i = 0; i < count; i++) {
    const first = text.charCodeAt(lines[i] ?? 0);
    if (first === 45 && RULED.test(lineAt(i))) return lines[i] as number;
    if (first === 95 && RULE.test(lineAt(i)) && HEADER.test(nextLine(lineAt, i + 1, count))) return lines[i] as number;
  }
  return lines[quoteStart(lineAt, count)] ?? text.length;
}

/** The first line of a quotation that goes to the end, its attribution included; the number of lines without one. */
function quoteStart(lineAt: (i: number) => string, count: number): number {
  let start = count;
  for (let i = count - 1; i >= 0; i--) {
    const line = lineAt(i);
    if (line.startsWith('>')) start = i;
    else if (line !== '') break;
  }
  if (start === count) return count;
  let above = start - 1;
  if (above >= 0 && lineAt(above) === '') above--;
  if (above < 0 || !lineAt(above).endsWith(':')) return start;
  // Who wrote it, and when: a line without a digit or an address is the writer's own.
  for (let i = above; i >= 0 && i > above - ATTRIBUTION_LINES && lineAt(i) !== ''; i--) {
    if (/[\d@]/.test(lineAt(i))) return i;
  }
  return start;
}

function nextLine(lineAt: (i: number) => string, from: number, count: number): string {
  const line = from < count ? lineAt(from) : '';
  return line === '' && from + 1 < count ? lineAt(from + 1) : line;
}

/** Where each line starts, and the end. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n') + 1; at > 0 && at < text.length; at = text.indexOf('\n', at) + 1) starts.push(at);
  return text === '' ? [0] : [...starts, text.length];
}

/** Where the programs begin what they quote: Outlook, Thunderbird, Gmail, Yahoo, Apple, Proton, Roundcube. */
const QUOTES = [
  /^<blockquote\b[^>]*\btype\s*=\s*["']?cite\b/i,
  /^<(?:div|blockquote)\b[^>]*\bclass\s*=\s*["']?[^"'>]*\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|protonmail_quote)/i,
  /^<(?:div|p|hr|blockquote)\b[^>]*\bid\s*=\s*["']?(?:appendonsend|divRplyFwdMsg|reply-intro|stopSpelling|isReplyContent|mail-editor-reference-message-container)\b/i,
  /^<div\b[^>]*\bstyle\s*=\s*["'][^"'>]*\bborder:\s?none;\s*border-top:\s?solid\b/i,
] as const;

/** Characters of a tag that are looked at. */
const TAG = 1_000;

/** In HTML: the index of the tag that the footer stands before, or the end. */
export function placeInHtml(html: string): number {
  let quote = -1;
  let quoteEnd = -1;
  let end = html.length;
  for (const { start, after } of tags(html)) {
    const tag = html.slice(start, Math.min(after, start + TAG));
    if (quote < 0 && QUOTES.some((pattern) => pattern.test(tag))) quote = start;
    if (/^<\/blockquote\b/i.test(tag)) quoteEnd = after;
    if (/^<\/(?:body|html)\b/i.test(tag)) {
      end = start;
      break;
    }
  }
  // What is written below a quotation is the message: its footer stands at its end.
  const below = quote >= 0 && quoteEnd > quote ? htmlToText(html.slice(quoteEnd, end)) : '';
  return quote < 0 || /\S/.test(below.replace(/\xa0/g, ' ')) ? end : quote;
}

/** The tags that count, in order: none of comments, style sheets and scripts. Linear, whatever the input. */
function* tags(html: string): Generator<{ readonly start: number; readonly after: number }> {
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  for (let at = lower.indexOf('<'); at >= 0; ) {
    if (lower.startsWith('<!--', at)) {
      at = next(lower, '-->', at + 4);
    } else {
      const close = lower.indexOf('>', at);
      if (close < 0) return;
      yield { start: at, after: close + 1 };
      const hidden = /^<(style|script|title)\b/.exec(lower.slice(at, at + 8))?.[1];
      at = hidden === undefined ? close + 1 : next(lower, `</${hidden}`, close + 1);
    }
    if (at < 0) return;
    at = lower.indexOf('<', at);
  }
}

/** After the next `text`; -1 if there is none. */
function next(html: string, text: string, from: number): number {
  const found = html.indexOf(text, from);
  return found < 0 ? -1 : found + text.length;
}
