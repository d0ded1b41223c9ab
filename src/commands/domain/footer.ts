// posthuis domain footer DOMAIN [TEXT_FILE [HTML_FILE] | none] [--json] (F24)

import { readFile } from 'node:fs/promises';
import { FOOTER_CHARACTERS } from '../../outbound/limits.ts';
import { Refused, type StoreCommand, UsageError } from '../command.ts';

interface FooterTexts {
  readonly text: string;
  readonly html: string;
}

/** `set`: null to show what there is. */
type Args = { readonly domain: string; readonly set: FooterTexts | null };

export const command: StoreCommand<Args, FooterTexts> = {
  kind: 'store',
  async prepare({ words, flags }, terminal) {
    const [domain, textFile, htmlFile, ...more] = words;
    if (domain === undefined) throw new UsageError('DOMAIN is missing');
    if (more.length > 0) throw new UsageError(`what is ${JSON.stringify(more[0])}?`);
    const set = textFile === undefined ? null : await read(textFile, htmlFile);
    return {
      args: { domain, set },
      show(footer) {
        if (flags.has('json')) terminal.out(JSON.stringify(footer, null, 2));
        else if (footer.text === '') terminal.out(`nothing is added to what is sent from ${domain}`);
        else terminal.out(`added to what is sent from ${domain}:\n\n${footer.text}`);
        if (!flags.has('json') && footer.html !== '') terminal.out(`\nas HTML:\n\n${footer.html}`);
        return undefined;
      },
    };
  },
  async run({ store: { domainSettings } }, { domain, set }) {
    if (set !== null) {
      await domainSettings.set(domain, 'footer-text', set.text === '' ? [] : [set.text]);
      await domainSettings.set(domain, 'footer-html', set.html === '' ? [] : [set.html]);
    }
    const found = await domainSettings.get(domain);
    return { text: found.get('footer-text')?.[0] ?? '', html: found.get('footer-html')?.[0] ?? '' };
  },
};

async function read(textFile: string, htmlFile: string | undefined): Promise<FooterTexts> {
  if (textFile === 'none' && htmlFile === undefined) return { text: '', html: '' };
  const text = await fileText(textFile);
  const html = htmlFile === undefined ? '' : await fileText(htmlFile);
  if (text === '') throw new Refused(`${textFile} is empty`);
  return { text, html };
}

async function fileText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Refused(`${path} can't be read: ${(error as Error).message}`);
  }
  const text = decode(bytes, path)
    .replace(/\r\n?/g, '\n')
    .replace(/^\n+|\s+$/g, '');
  if (text.length > FOOTER_CHARACTERS) throw new Refused(`${path} has more than ${FOOTER_CHARACTERS} characters`);
  if (/[^\P{Cc}\n\t]/u.test(text)) throw new Refused(`${path} has control characters`);
  return text;
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refused(`${path} is not UTF-8`); // TypeError: there is no other
  }
}
